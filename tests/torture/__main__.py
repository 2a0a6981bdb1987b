"""Runs every case and prints the table: `make torture`. Ends with 1 where a case failed.

python -m tests.torture                       # all, on all cores
python -m tests.torture --one-in 20           # one case in twenty
python -m tests.torture --kinds intune ss12000
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, redirect_stderr
from pathlib import Path

from tests.torture.cases import cases_of, run_case, spread
from tests.torture.outcome import CaseReport
from tests.torture.table import table_of
from tests.torture.towns import TOWNS, Town, running_town

CASES_AT_A_TIME = 250


def main() -> int:
    """Run what the command line asks for. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="*", choices=sorted(TOWNS), default=sorted(TOWNS))
    parser.add_argument("--one-in", type=int, default=1, help="run one case in so many")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    began = time.monotonic()
    reports: list[CaseReport] = []
    with ProcessPoolExecutor(options.workers) as pool:
        jobs = [
            pool.submit(run_some, kind, start, options.one_in)
            for kind in options.kinds
            for start in range(0, _number_of_cases(kind, options.one_in), CASES_AT_A_TIME)
        ]
        for number, job in enumerate(jobs, 1):
            reports += job.result()
            print(f"{number} of {len(jobs)} parts, {len(reports)} cases", file=sys.stderr, flush=True)
    print(table_of(reports))
    print(f"\n{len(reports)} cases in {(time.monotonic() - began) / 60:.1f} minutes")
    failures = [report for report in reports if report.is_failure]
    print(*failures, sep="\n")
    return 1 if failures else 0


def _number_of_cases(kind: str, one_in: int) -> int:
    with _town(kind) as town:
        return len(spread(list(cases_of(town)), one_in))


def run_some(kind: str, start: int, one_in: int) -> Sequence[CaseReport]:
    """The cases of a kind from *start* on, as many as one process runs at a time."""
    # A stand-in complains there about each client that hung up.
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stderr(nowhere), _town(kind) as town:
        cases = spread(list(cases_of(town)), one_in)[start : start + CASES_AT_A_TIME]
        return [run_case(town, case) for case in cases]


@contextmanager
def _town(kind: str) -> Iterator[Town]:
    with tempfile.TemporaryDirectory() as folder, running_town(kind, Path(folder)) as town:
        yield town


if __name__ == "__main__":
    sys.exit(main())
