"""The real daemon inside a test: where it listens, who keeps it turning, and how somebody signs in over HTTP."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from threading import Thread

import requests

from fleetsync.daemon.service import LOOP_SECONDS, Daemon

PASSWORD = "en lång påhittad mening"


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


@contextmanager
def serving_daemon(daemon: Daemon) -> Iterator[Daemon]:
    """The daemon serves and turns as its own main loop would have it, and is closed afterwards."""
    daemon.start()
    turns = Thread(target=_run_loop, args=(daemon,), name="turns", daemon=True)
    turns.start()
    try:
        yield daemon
    finally:
        daemon.close()
        turns.join()


def _run_loop(daemon: Daemon) -> None:
    while not daemon.clock.wait(LOOP_SECONDS, daemon.stop):
        daemon.tick()


def signed_in_session(address: str, name: str) -> requests.Session:
    """A browser of the page at *address* in which *name* has come through the door."""
    session = requests.Session()
    token = re.search(r'name="csrf" value="([^"]+)"', session.get(f"{address}/sign-in", timeout=30).text)
    assert token is not None, "the form has a token"
    form = {"name": name, "password": PASSWORD, "csrf": unescape(token[1]), "next": "/sources"}
    assert session.post(f"{address}/sign-in", data=form, timeout=30).url == f"{address}/sources"
    return session
