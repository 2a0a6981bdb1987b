"""The daemon in its own process, scraped over HTTP as Prometheus would. It is always ended with the test."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import requests
from click.testing import CliRunner, Result

from fleetsync.cli import root
from tests.flow.installation import MORNING

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 60  # seconds until something that must happen has not happened; nothing is judged by how long it took
SAMPLE = re.compile(r"^(?P<series>[a-z_]+(?:\{.*\})?) (?P<value>\S+)$", re.MULTILINE)


def wait_until(happened: Callable[[], object], what: str) -> None:
    """Return when *happened*; fail when it does not."""
    ends_at = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < ends_at:
        if happened():
            return
        time.sleep(0.05)
    raise AssertionError(f"it never happened: {what}")


class DaemonProcess:
    """`fleetsync run` on a configuration. *now*: where its clock starts."""

    def __init__(self, config: Path, port: int, now: datetime = MORNING) -> None:
        self.config, self.port = config, port
        self.log = config.with_name(f"log-{port}-{now:%H%M}.jsonl")
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "fleetsync", "--config", str(config), "run"],
                cwd=ROOT,
                env={**os.environ, "FLEETSYNC_NOW": now.isoformat(), "PYTHONPATH": str(ROOT)},
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    # --- what it answers --------------------------------------------------------------------------------------------------------

    def http_get(self, path: str) -> requests.Response | None:
        """The answer, or None while the daemon does not listen."""
        try:
            return requests.get(f"http://127.0.0.1:{self.port}{path}", timeout=30)
        except requests.ConnectionError:
            assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
            return None

    def text(self) -> str:
        """The text of /metrics, as soon as there is any."""
        answers: list[str] = []

        def answered() -> bool:
            answer = self.http_get("/metrics")
            if answer is None:
                return False
            assert answer.status_code == 200, answer.text
            answers.append(answer.text)
            return True

        wait_until(answered, "/metrics answers")
        return answers[0]

    def series(self) -> dict[str, float]:
        """Every series with its value."""
        return {sample["series"]: float(sample["value"]) for sample in SAMPLE.finditer(self.text())}

    def value(self, series: str) -> float | None:
        return self.series().get(series)

    def wait_for_staff_numbers(self, **wanted: float) -> None:
        """Wait until the staff numbers of the school are these: covered=12."""
        series = {_staff(word): number for word, number in wanted.items()}

        def is_so() -> bool:
            current = self.series()
            return all(current.get(name) == number for name, number in series.items())

        wait_until(is_so, f"{wanted}; the log says {self.log_text()[-2000:]}")

    def part(self, word: str, source: str, part: str) -> float | None:
        """A series of a source's part."""
        return self.value(f'fleetsync_source_{word}{{part="{part}",source="{source}"}}')

    def log_text(self) -> str:
        """Its log so far."""
        return self.log.read_text(encoding="utf-8")

    # --- signals ---------------------------------------------------------------------------------------------------------

    def reload(self) -> None:
        """SIGHUP."""
        self.process.send_signal(signal.SIGHUP)

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        self.process.terminate()
        return self.process.wait(timeout=TIMEOUT_SECONDS)

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait(timeout=TIMEOUT_SECONDS)


def _staff(word: str) -> str:
    by = 'by="own",' if word in ("covered", "assigned") else ""
    return f'fleetsync_{word}{{{by}entitlement="staff",unit="backskolan"}}'


@contextmanager
def running_daemon(config: Path, port: int, minutes: int = 0) -> Iterator[DaemonProcess]:
    """The daemon. Its clock starts *minutes* after that of the installation."""
    process = DaemonProcess(config, port, MORNING + timedelta(minutes=minutes))
    try:
        yield process
    finally:
        if process.process.poll() is None:
            process.kill()


def run_command(config: Path, *words: str, typed: str | None = None, minutes: int = 1) -> Result:
    """Run a command while the daemon runs, on the same clock."""
    environment = {"FLEETSYNC_NOW": (MORNING + timedelta(minutes=minutes)).isoformat()}
    return CliRunner().invoke(root, ["--config", str(config), *words], input=typed, env=environment)
