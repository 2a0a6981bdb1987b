"""What holds for every test: no network but loopback, no seconds asserted, parts of the distribution named."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
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
    "postgresql": ("pg_ctlcluster",),
}
"""Part of the distribution → the programs that prove it is there. The Makefile installs them."""


DEFAULT_PORT = 8470
"""Of the page. A daemon may be running beside the tests, so they take free ports."""


class NetworkIsOffError(BaseException):
    """A test used the network wrongly. Not an Exception: code that forgives OSError must not swallow it."""


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
            patch.setattr(socket.socket, name, checked(getattr(socket.socket, name), refuse_other_machines))
        for name in ("connect", "connect_ex", "bind"):
            patch.setattr(socket.socket, name, checked(getattr(socket.socket, name), refuse_default_port))
        yield


@pytest.fixture(scope="session", autouse=True)
def no_trusted_authorities() -> Iterator[None]:
    """Reading the system's 144 certificate authorities takes 22 ms for each client; no test meets a server they certify."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", os.devnull)
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


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Any]:
    """A private server of the distribution's PostgreSQL, shared by the tests of this process."""
    from tests.postgresql_server import running_server

    with running_server() as server:
        yield server


def checked(call: Any, check: Callable[[Any], None]) -> Any:
    """The socket's method *call*, whose address is checked first."""

    def checked_call(self: socket.socket, address: Any) -> Any:
        check(address)
        return call(self, address)

    return checked_call


def refuse_other_machines(address: Any) -> None:
    if not is_local_address(address):
        raise NetworkIsOffError(f"a test may only connect to loopback, not to {address!r}")


def refuse_default_port(address: Any) -> None:
    if isinstance(address, tuple) and address[1] == DEFAULT_PORT:
        raise NetworkIsOffError(f"port {DEFAULT_PORT} may be in use: take a free one (tests/serving.py)")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose part is declared absent; fail it when the part is merely missing."""
    for mark in item.iter_markers("part"):
        (part,) = mark.args
        if os.environ.get("TEST_PARTS") == "none":
            pytest.skip(f"not run: needs {part}, and PARTS=none was declared")
        absent = [program for program in SYSTEM_PROGRAMS[part] if shutil.which(program) is None]
        if absent:
            pytest.fail(f"needs {part}: {', '.join(absent)} not on PATH; make test installs it", pytrace=False)
