"""Runs a command of fleetsync under cProfile, all its threads included, and writes one profile.

    python bench/profiled.py OUT.prof --config config.toml sync

A thread has a profiler of its own, since cProfile sees only the thread that it was started in. The profiles are added up
and written when the command ends, also by SIGTERM, as a daemon does.
"""

import cProfile
import pstats
import sys
from collections.abc import Callable
from threading import Thread
from typing import Any


def main(out: str, words: list[str]) -> None:
    profiles: list[cProfile.Profile] = []
    Thread.run = _profiled(Thread.run, profiles)  # type: ignore[method-assign]
    sys.argv = ["fleetsync", *words]

    def run() -> None:
        from fleetsync.__main__ import main as fleetsync

        fleetsync()

    try:
        _profiled(run, profiles)()
    finally:
        stats = pstats.Stats(*profiles)
        stats.dump_stats(out)


def _profiled(function: Callable[..., Any], profiles: list[cProfile.Profile]) -> Callable[..., Any]:
    def run(*arguments: Any) -> None:
        profile = cProfile.Profile()
        try:
            profile.runcall(function, *arguments)
        finally:
            profiles.append(profile)

    return run


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
