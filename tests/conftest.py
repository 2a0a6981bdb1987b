"""What holds for every test: no network but loopback, no seconds asserted, parts of the distribution named."""

import os
import shutil
import socket
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import hypothesis
import pytest

# A slow machine is no defect. CI draws the same examples each time; a local run draws new ones.
# EXAMPLES=500 looks longer.
EXAMPLES = int(os.environ.get("EXAMPLES", "40"))
hypothesis.settings.register_profile("local", deadline=None, max_examples=EXAMPLES)
hypothesis.settings.register_profile("ci", deadline=None, max_examples=EXAMPLES, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")

SYSTEM_PROGRAMS = {
    "prometheus": ("prometheus", "promtool"),
    "alertmanager": ("prometheus-alertmanager", "amtool"),
    "chromium": ("chromium",),
}
"""Part of the distribution → the programs that prove it is there. The Makefile installs them."""


class NetworkIsOffError(BaseException):
    """A test reached for another machine. Not an Exception: code that forgives OSError must not swallow it."""


def is_local_address(address: Any) -> bool:
    """Whether a socket's *address* is a path of this machine or loopback."""
    if not isinstance(address, tuple):
        return True
    host = str(address[0])
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(scope="session", autouse=True)
def network_is_off() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, loopback_only(getattr(socket.socket, name)))
        yield


CHROMIUM_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The distribution's Chromium, shared by all tests: its driver allows only one per process."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM_ARGUMENTS)
        yield running
        running.close()


def loopback_only(connect: Any) -> Any:
    def connect_here(self: socket.socket, address: Any) -> Any:
        if not is_local_address(address):
            raise NetworkIsOffError(f"a test may only connect to loopback, not to {address!r}")
        return connect(self, address)

    return connect_here


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose part is declared absent; fail it when the part is merely missing."""
    for mark in item.iter_markers("part"):
        (part,) = mark.args
        if os.environ.get("TEST_PARTS") == "none":
            pytest.skip(f"not run: needs {part}, and PARTS=none was declared")
        absent = [program for program in SYSTEM_PROGRAMS[part] if shutil.which(program) is None]
        if absent:
            pytest.fail(f"needs {part}: {', '.join(absent)} not on PATH; make test installs it", pytrace=False)
