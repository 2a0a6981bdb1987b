"""The messages that systemd gets from the daemon on a real socket: ready, alive, stopping; none when it hangs."""

import io
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest

from fleetsync import log
from fleetsync.daemon.scheduler import ALIVE_SECONDS
from fleetsync.daemon.service import Daemon
from fleetsync.daemon.systemd import ALIVE, notify_systemd
from fleetsync.settings import load, watchdog_seconds
from tests.flow.daemon_process import wait_until
from tests.flow.installation import Installation
from tests.serving import free_port

INTERVAL_SECONDS = 10

Messages = Callable[[], list[str]]


@pytest.fixture
def messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Messages]:
    """Returns the messages since the last call. The sender waits for nobody, so all of them have arrived."""
    address = tmp_path / "notify"
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as receiver:
        receiver.bind(str(address))
        receiver.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(address))
        monkeypatch.setenv("WATCHDOG_USEC", str(INTERVAL_SECONDS * 1_000_000))
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))

        def received() -> list[str]:
            texts = []
            while True:
                try:
                    texts.append(receiver.recv(100).decode())
                except BlockingIOError:
                    return texts

        yield received


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, port=free_port()) as running:
        running.names = ()
        running.write()
        yield running


@pytest.fixture
def daemon(installation: Installation, messages: Messages) -> Iterator[Daemon]:
    """Started, without a main loop: each test calls `tick`."""
    daemon = Daemon(load(installation.config, environ={}), installation.clock)
    daemon.start()
    assert messages() == ["READY=1"]
    try:
        yield daemon
    finally:
        daemon.close()


def pass_time(installation: Installation, seconds: float) -> None:
    installation.clock.wait(seconds, Event())


def test_the_main_loop_says_that_it_is_alive_at_half_the_interval(installation, daemon, messages):
    daemon.tick()
    assert messages() == ["WATCHDOG=1"]

    pass_time(installation, INTERVAL_SECONDS / 2 - 1)
    daemon.tick()
    assert messages() == []

    pass_time(installation, 1)
    daemon.tick()
    assert messages() == ["WATCHDOG=1"]


def test_a_main_loop_that_hangs_says_nothing(installation, daemon, messages):
    pass_time(installation, 10 * INTERVAL_SECONDS)

    assert messages() == []


def test_a_main_loop_that_was_slow_is_alive_again_at_its_next_turn(installation, daemon, messages):
    daemon.tick()
    wait_until(lambda: daemon.scheduler._scheduler.unanswered_since is None, "the scheduler answers")
    messages()
    pass_time(installation, 10 * ALIVE_SECONDS)
    daemon.tick()

    assert messages() == ["WATCHDOG=1"]


def test_a_scheduler_that_hangs_starves_the_watchdog_and_is_logged_once(installation, daemon, messages):
    out = io.StringIO()
    log.setup("ERROR", json=True, to=out)
    with daemon.scheduler._scheduler._jobstores_lock:
        daemon.tick()
        messages()
        pass_time(installation, ALIVE_SECONDS)
        daemon.tick()
        daemon.tick()

        assert messages() == []
        assert out.getvalue().count('"watchdog starved"') == 1

    wait_until(daemon.scheduler.is_alive, "the scheduler goes on")
    daemon.tick()
    assert messages() == ["WATCHDOG=1"]


def test_a_stop_is_announced(installation, messages):
    daemon = Daemon(load(installation.config, environ={}), installation.clock)
    daemon.start()
    daemon.close()

    assert messages() == ["READY=1", "STOPPING=1"]


def test_without_an_interval_the_watchdog_is_never_fed(installation, messages, monkeypatch):
    monkeypatch.delenv("WATCHDOG_USEC")
    daemon = Daemon(load(installation.config, environ={}), installation.clock)
    daemon.start()
    daemon.tick()
    daemon.close()

    assert messages() == ["READY=1", "STOPPING=1"]


def test_a_socket_that_is_gone_breaks_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))

    notify_systemd(ALIVE)


@pytest.mark.parametrize(
    ("microseconds", "process", "seconds"),
    [
        ("30000000", None, 30.0),
        ("500000", "this process", 0.5),
        ("30000000", "1", None),  # another process of the same service
        ("0", None, None),
        ("soon", None, None),
        (None, None, None),
    ],
)
def test_the_interval_of_the_watchdog_is_what_systemd_gave_this_process(monkeypatch, microseconds, process, seconds):
    for name, value in (("WATCHDOG_USEC", microseconds), ("WATCHDOG_PID", process)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, str(os.getpid()) if value == "this process" else value)

    assert watchdog_seconds() == seconds
