"""Runs a program and writes what it cost as JSON.

    python bench/launcher.py COST.json PROGRAM ARGUMENT…

A program of its own and a small one: a process inherits the peak memory of the one that starts it.
"""

import json
import os
import sys
import time
from pathlib import Path


def main(result: Path, command: list[str]) -> int:
    """Run *command* to its end. Returns its exit code."""
    begun = time.monotonic()
    pid = os.posix_spawn(command[0], command, os.environ)
    # The process has ended, but is kept until wait4: only so can its bytes be read.
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    written = written_bytes(pid)
    _, status, usage = os.wait4(pid, 0)
    cost = {
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "wall_seconds": time.monotonic() - begun,
        "peak_bytes": usage.ru_maxrss * 1024,
        "written_bytes": written,
    }
    result.write_text(json.dumps(cost), encoding="utf-8")
    return os.waitstatus_to_exitcode(status)


def written_bytes(pid: int) -> int:
    """Bytes that a process has had written to disk, as /proc counts them."""
    lines = Path(f"/proc/{pid}/io").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes:"))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
