"""The expected numbers of seed 1 as committed tables, reviewed by a person and compared by a test.

    PYTHONPATH=. .venv/bin/python -m tests.truth.expected_tables

writes them again after a change of the demo. A changed line that the change does not explain is a defect.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

from fleetsync.demo.truth import GroundTruth
from fleetsync.demo.world import DemoWorld

WATCHED_SINCE = date(2026, 6, 1)
DAYS = (
    date(2026, 6, 10),  # the day before the last school day
    date(2026, 7, 15),  # the register has rewritten its years and deleted those who left
    date(2026, 8, 18),  # no new gaps on the second school day
    date(2026, 8, 25),  # new gaps in the second school week
    date(2026, 11, 24),  # the last day of the demo
)
COLUMNS = (
    "day", "unit", "entitlement", "entitled", "heads", "assigned own", "assigned set", "assigned pool", "covered own",
    "covered set", "covered pool", "unknown", "short", "surplus", "undecided", "on leave",
)  # fmt: skip
COVERAGE = Path(__file__).with_name("seed-1-coverage.csv")
GAPS = Path(__file__).with_name("seed-1-gaps.csv")
STAGES = Path(__file__).with_name("seed-1-devices.csv")


def tables() -> Mapping[Path, str]:
    """File → its expected text."""
    truth = GroundTruth(DemoWorld(1, with_schools=True), WATCHED_SINCE)
    return {
        COVERAGE: _text([COLUMNS, *(row for day in DAYS for row in _coverage(truth, day))]),
        GAPS: _text([("day", "unit", "kind", "open"), *(row for day in DAYS for row in _gaps(truth, day))]),
        STAGES: _text(
            [("day", "unit", "platform", "stage", "devices"), *(row for day in DAYS for row in _devices(truth, day))]
        ),
    }


def _coverage(truth: GroundTruth, day: date) -> Iterator[tuple[object, ...]]:
    for cell, row in sorted(truth.coverage(day).items()):
        yield (day, *cell, *(getattr(row, name.replace(" ", "_")) for name in COLUMNS[3:]))


def _gaps(truth: GroundTruth, day: date) -> Iterator[tuple[object, ...]]:
    for cell, count in sorted(truth.gaps(day).items()):
        yield (day, *cell, count)


def _devices(truth: GroundTruth, day: date) -> Iterator[tuple[object, ...]]:
    for cell, count in sorted(truth.devices(day).items()):
        yield (day, *cell, count)


def _text(rows: list[tuple[object, ...]]) -> str:
    page = io.StringIO()
    csv.writer(page, lineterminator="\n").writerows(rows)
    return page.getvalue()


def main() -> None:
    """Write all tables."""
    for file, text in tables().items():
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
