"""Runs a program and measures what it cost: CPU, memory, bytes written. Reads /proc, so it needs Linux."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from bench import launcher

MEGABYTE = 1_000_000
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Cost(msgspec.Struct, frozen=True):
    """What a process cost, its children that have ended included.

    *cpu_seconds*: user and system. *peak_bytes*: resident, of the largest of them. *written_bytes*: handed to the disk.
    """

    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int
    written_bytes: int


def program_environment() -> Mapping[str, str]:
    """The environment of measured programs: this one, with byte code kept as an installation keeps it.

    Without it, every start would compile all modules anew, which costs more than many a step.
    """
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def compile_modules(checkout: Path) -> None:
    """Write the byte code of a checkout and its .venv, where it is missing, before anything is measured."""
    folders = (
        checkout / "fleetsync",
        checkout / "connectors",
        checkout / "bench",
        *checkout.glob(".venv/lib/*/site-packages"),
    )
    command = [str(checkout / ".venv/bin/python"), "-m", "compileall", "-q", *map(str, folders)]
    # Some packages bring modules for other versions of Python, which cannot be compiled and are never imported.
    subprocess.run(command, env=program_environment(), check=False, stdout=subprocess.DEVNULL)


class ProgramFailed(Exception):
    """A program that was measured did not end well. The text says which, and ends with what it printed."""


def run_measured(command: Sequence[str], folder: Path, log: Path) -> Cost:
    """Run *command* in *folder* to its end. What it prints goes to *log*. Raises ProgramFailed."""
    result = log.with_suffix(".json")
    launched = [sys.executable, str(Path(launcher.__file__)), str(result), *command]
    with log.open("wb") as out:
        ended = subprocess.run(
            launched,
            cwd=folder,
            env=program_environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if ended.returncode:
        raise ProgramFailed(f"{' '.join(command)} ended with {ended.returncode}. {last_words(log)}")
    return msgspec.json.decode(result.read_bytes(), type=Cost)


def last_words(log: Path) -> str:
    """The end of what a program printed."""
    return f"It printed: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}"


def cpu_seconds(pid: int) -> float:
    """User and system time that a running process has used."""
    # The name of the program is in parentheses and may hold spaces, so fields are counted from behind it.
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def resident_bytes(pid: int) -> int:
    """Memory that a process holds now (RSS)."""
    return _counter(Path(f"/proc/{pid}/status"), "VmRSS") * 1024


def proportional_bytes(pid: int) -> int:
    """Memory that a process holds now, what it shares counted in parts (PSS)."""
    return _counter(Path(f"/proc/{pid}/smaps_rollup"), "Pss") * 1024


def peak_bytes(pid: int) -> int:
    """The most memory that a running process has held since it began, or since `reset_peak`."""
    return _counter(Path(f"/proc/{pid}/status"), "VmHWM") * 1024


def reset_peak(pid: int) -> None:
    """Let `peak_bytes` begin anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def _counter(file: Path, name: str) -> int:
    lines = file.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
