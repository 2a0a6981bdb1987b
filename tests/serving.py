"""Runs the real daemon inside a test: a free port, its main loop in a thread, and signing in over HTTP."""

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
    """A free port of this machine."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


@contextmanager
def serving_daemon(daemon: Daemon) -> Iterator[Daemon]:
    """Serve and run the main loop in a thread; the daemon is closed afterwards."""
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
    """A browser session of the page at *address* in which *name* is signed in."""
    session = requests.Session()
    token = re.search(r'name="csrf" value="([^"]+)"', session.get(f"{address}/sign-in", timeout=30).text)
    assert token is not None, "the form has a token"
    form = {"name": name, "password": PASSWORD, "csrf": unescape(token[1]), "next": "/sources"}
    assert session.post(f"{address}/sign-in", data=form, timeout=30).url == f"{address}/sources"
    return session
