"""The stand-in for Graph in a process of its own, so that its work is nobody's CPU."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import requests

from bench.municipality import Change, UnitCoverage

ROOT = Path(__file__).parents[1]
RENDERING_TIMEOUT_SECONDS = 1800


class ServerProcess:
    """`python -m bench serve`; `with` starts and ends it."""

    def __init__(self, size: int, folder: Path) -> None:
        self._command = [sys.executable, "-m", "bench", "serve", "--size", str(size), "--folder", str(folder)]
        self.address = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().strip()
        if not self.address:
            raise RuntimeError("the server of devices ended before it was ready; its error is above")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._process.terminate()
        self._process.communicate()  # also closes the pipe

    def advance(self, change: Change) -> None:
        """Let the municipality change. Returns when everything shows it."""
        parameters = {"change": change.value}
        requests.post(
            f"{self.address}/bench/advance", params=parameters, timeout=RENDERING_TIMEOUT_SECONDS
        ).raise_for_status()

    def coverage(self) -> UnitCoverage:
        """The right answer."""
        answer: Mapping[str, list[int]] = requests.get(f"{self.address}/bench/coverage", timeout=60).json()
        return {unit: (expected, covered) for unit, (expected, covered) in answer.items()}
