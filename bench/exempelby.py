"""The demo's municipality: how long its page takes, and what the daemon holds when nothing happens."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from bench.daemon import DaemonProcess, free_port
from bench.processes import MEGABYTE, ProgramFailed, last_words, program_environment
from fleetsync.demo.days import DEMO_DAY
from fleetsync.demo.mornings import first_run_at

WELCOME = "Ctrl-C stops the demo"  # the demo prints it when the past has been replayed
TIMEOUT_SECONDS = 1800


def measure_exempelby(checkout: Path, report: Callable[[object], None]) -> dict[str, float | None]:
    """Let the demo replay the past, then start the daemon on what it left."""
    with TemporaryDirectory(prefix="bench-exempelby-") as name:
        folder, port = Path(name), free_port()
        demo = [str(checkout / ".venv/bin/fleetsync"), "demo", "--folder", name, "--port", str(port)]
        demo += ["--today", str(DEMO_DAY)]
        _, replayed = _run_demo(demo, checkout, port, folder / "demo.log")
        report(f"Exempelby replayed in {replayed:.0f} s")
        # Right after the last pulls, so that none is due and the systems of the demo are not missed.
        now = first_run_at(DEMO_DAY) + timedelta(minutes=1)
        with DaemonProcess(checkout, folder / "config.toml", port, now) as daemon:
            report(f"daemon of Exempelby: page after {daemon.start.wall_seconds:.1f} s")
            memory = daemon.memory_at_rest()
            return {
                "page_ready_exempelby": daemon.start.cpu_seconds,
                "rest_exempelby": memory.resident / MEGABYTE,
                "rest_exempelby_pss": memory.proportional / MEGABYTE,
            }


def measure_cold_run(checkout: Path, report: Callable[[object], None]) -> dict[str, float | None]:
    """`make run` in a fresh clone: seconds until the page answers, and until the whole past is there."""
    with TemporaryDirectory(prefix="bench-cold-") as name:
        clone, port = Path(name) / "clone", free_port()
        subprocess.run(["git", "clone", "--quiet", str(checkout), str(clone)], check=True)
        make = ["make", "run", f"ARGS=--port {port}"]
        address, replayed = _run_demo(make, clone, port, Path(name) / "make-run.log")
        report(f"cold make run: address after {address:.0f} s, all after {replayed:.0f} s")
        return {"cold_address": address, "cold_run": replayed}


def _run_demo(command: list[str], folder: Path, port: int, log: Path) -> tuple[float, float]:
    """Run the demo until its past is replayed, and end it. Gives the seconds until the page answered, and until then."""
    begun, page_after = time.monotonic(), 0.0
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=program_environment(),
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        while True:
            if not page_after and _answers(port):
                page_after = time.monotonic() - begun
            if page_after and WELCOME in log.read_text(encoding="utf-8"):
                return page_after, time.monotonic() - begun
            if process.poll() is not None or time.monotonic() - begun > TIMEOUT_SECONDS:
                raise ProgramFailed(f"{' '.join(command)} never showed its page. {last_words(log)}")
            time.sleep(0.1)
    finally:
        _end_session(process)


def _answers(port: int) -> bool:
    """Whether there is a page, also one that only says how much of the past has been replayed."""
    try:
        return bool(requests.get(f"http://127.0.0.1:{port}/", timeout=TIMEOUT_SECONDS).content)
    except requests.ConnectionError:
        return False


def _end_session(process: subprocess.Popen[bytes]) -> None:
    """End the process and its children: make hands no signal on."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
