"""The daemon as a process: what a run, a page, and doing nothing cost it."""

import re
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from html import unescape
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import requests

from bench.launcher import written_bytes
from bench.processes import (
    Cost,
    cpu_seconds,
    last_words,
    peak_bytes,
    program_environment,
    proportional_bytes,
    reset_peak,
    resident_bytes,
    run_measured,
)

TIMEOUT_SECONDS = 1800  # only so that a bench of a daemon that hangs ends
LOOK_EVERY_SECONDS = 0.1
QUIET_SECONDS = 3.0
QUIET_SHARE = 0.05  # of a core: the main loop turns, and nothing else happens
PAGE_REQUESTS = 20  # many, since CPU is counted in hundredths of a second
_ACCOUNT, _PASSWORD = "bench", "en lång påhittad mening"
_PARTS_OF_A_RUN = 2  # the devices and the staff file


class Memory(msgspec.Struct, frozen=True):
    """What a process holds when nothing happens, in bytes."""

    resident: int
    proportional: int


class PageCost(msgspec.Struct, frozen=True):
    """A page: the CPU seconds of the server, and the bytes of the body, unpacked.

    CPU, because on a machine that does other work the time until an answer says more about that work.
    """

    seconds: float
    body_bytes: int


class DaemonFailed(Exception):
    """The daemon ended or never did what it was waited for. The text ends with what it logged."""


class DaemonProcess:
    """`fleetsync run`; `with` starts it, waits for its page, and ends it.

    *start*: what it cost from the start of the process to the first page.
    """

    def __init__(self, checkout: Path, config: Path, port: int, now: datetime | None = None) -> None:
        """*port*: of the page, as the configuration has it. *now*: where its clock starts; None: at the present."""
        self.address = f"http://127.0.0.1:{port}"
        self._checkout = checkout
        self._command = [str(checkout / ".venv/bin/fleetsync"), "--config", str(config)]
        self._environment = dict(program_environment()) | ({} if now is None else {"FLEETSYNC_NOW": now.isoformat()})
        self._database = config.parent / "database" / "fleetsync.db"
        self._log = config.with_name("daemon.log")
        self._session = requests.Session()

    def __enter__(self) -> Self:
        begun = time.monotonic()
        with self._log.open("wb") as out:
            self._process = subprocess.Popen(
                [*self._command, "run"],
                cwd=self._checkout,
                env=self._environment,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait_for_page()
        except BaseException:
            self._process.kill()
            raise
        self.start = Cost(
            cpu_seconds(self.pid), time.monotonic() - begun, peak_bytes(self.pid), written_bytes(self.pid)
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def wait_until_quiet(self) -> float:
        """Return once the daemon has done nothing for some seconds. Gives the CPU seconds it had used when it fell quiet."""
        ends_at = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < ends_at:
            before = cpu_seconds(self.pid)
            time.sleep(QUIET_SECONDS)
            if cpu_seconds(self.pid) - before <= QUIET_SHARE * QUIET_SECONDS:
                return before
        raise DaemonFailed(f"the daemon was never quiet. {last_words(self._log)}")

    def run_after(self, change: Callable[[], None]) -> Cost:
        """Let *change* happen and wait until the daemon has pulled it by the clock: what that run cost, without the waiting.

        *peak_bytes* is that of the run. Raises DaemonFailed when a pull was not complete.
        """
        while True:
            self.wait_until_quiet()
            before_pulls = self._newest_pull()
            change()
            if self._newest_pull() == before_pulls:
                break  # else a pull began meanwhile and may have seen half of the change
        reset_peak(self.pid)
        begun, cpu, written = self._wait_for_pulls(before_pulls)
        while not self._are_judged(before_pulls):
            self._refuse_late(begun)
        quiet = self.wait_until_quiet()
        wall = time.monotonic() - begun - QUIET_SECONDS
        return Cost(quiet - cpu, wall, peak_bytes(self.pid), written_bytes(self.pid) - written)

    def _wait_for_pulls(self, newest: int) -> tuple[float, float, int]:
        """Wait for a pull after *newest*. Gives instant, CPU seconds and written bytes just before it began."""
        begun = time.monotonic()
        while True:
            before = time.monotonic(), cpu_seconds(self.pid), written_bytes(self.pid)
            self._refuse_late(begun)
            if self._newest_pull() > newest:
                return before

    def _refuse_late(self, begun: float) -> None:
        if self._process.poll() is not None or time.monotonic() - begun > TIMEOUT_SECONDS:
            raise DaemonFailed(f"the daemon did not finish what was waited for. {last_words(self._log)}")
        time.sleep(LOOK_EVERY_SECONDS)

    def _newest_pull(self) -> int:
        return int(self._read("select max(id) from pull")[0][0])

    def _are_judged(self, newest: int) -> bool:
        rows = self._read("select source, verdict, reason from pull where id > ? and verdict is not null", newest)
        for source, verdict, reason in rows:
            if verdict not in ("complete", "unchanged"):
                raise DaemonFailed(f"the pull of {source} was {verdict}: {reason}")
        return len({source for source, _, _ in rows}) == _PARTS_OF_A_RUN

    def _read(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True, timeout=30)) as connection:
            return connection.execute(statement, values).fetchall()

    def memory_at_rest(self) -> Memory:
        """What it holds once it is quiet."""
        self.wait_until_quiet()
        return Memory(resident_bytes(self.pid), proportional_bytes(self.pid))

    def healthcheck(self) -> Cost:
        """What `fleetsync healthcheck` costs while the daemon runs."""
        return run_measured([*self._command, "healthcheck"], self._checkout, self._log.with_name("healthcheck.log"))

    # --- pages --------------------------------------------------------------------------------------------------------

    def sign_in(self) -> None:
        """Sign in to the page, as an account that is added for it."""
        subprocess.run(
            [*self._command, "user", "add", _ACCOUNT],
            input=f"{_PASSWORD}\n".encode(),
            cwd=self._checkout,
            check=True,
            capture_output=True,
        )
        token = re.search(r'name="csrf" value="([^"]+)"', self._get("/sign-in").decode())
        if token is None:
            raise DaemonFailed("the form of the page for signing in has no token")
        form = {"name": _ACCOUNT, "password": _PASSWORD, "csrf": unescape(token[1]), "next": "/sources"}
        self._session.post(f"{self.address}/sign-in", data=form, timeout=TIMEOUT_SECONDS).raise_for_status()

    def page_cost(self, path: str) -> PageCost:
        """The cost of a page, asked for some times. The first time is not counted: it fills what is kept for all."""
        body = self._get(path)
        before = cpu_seconds(self.pid)
        for _ in range(PAGE_REQUESTS):
            body = self._get(path)
        return PageCost((cpu_seconds(self.pid) - before) / PAGE_REQUESTS, len(body))

    def first_link(self, path: str, pattern: str) -> str:
        """The first link on a page that matches *pattern*."""
        link = re.search(f'href="({pattern})"', self._get(path).decode())
        if link is None:
            raise DaemonFailed(f"{path} has no link like {pattern}")
        return unescape(link[1])

    def _get(self, path: str) -> bytes:
        response = self._session.get(self.address + path, timeout=TIMEOUT_SECONDS)
        if not response.ok:
            raise DaemonFailed(f"{path} answered {response.status_code}. {last_words(self._log)}")
        return response.content

    def _wait_for_page(self) -> None:
        begun = time.monotonic()
        while True:
            try:
                if requests.get(f"{self.address}/", timeout=TIMEOUT_SECONDS).ok:
                    return
            except requests.ConnectionError:
                pass
            self._refuse_late(begun)


def free_port() -> int:
    """A free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
