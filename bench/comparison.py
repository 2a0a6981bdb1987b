"""Lets the contenders do the same job in turns and checks each answer."""

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from itertools import zip_longest
from statistics import median

import msgspec

from bench.contenders import Contender, differing_units
from bench.municipality import Change
from bench.processes import MEGABYTE, Cost
from bench.server_process import ServerProcess
from bench.workplace import PAGE_BYTES, page_digests


class Step(StrEnum):
    """What a contender is asked to do."""

    FIRST = "first"  # into an empty database
    REPEAT = "repeat"  # after 1 % changed


class Measurement(msgspec.Struct, frozen=True):
    """One run of a contender. *wrong_units*: those with a wrong answer; any makes the measurement worthless.

    The bytes of the database are 0 where a daemon has it open.
    """

    contender: str
    step: str
    cost: Cost
    database_bytes: int
    changed_bytes: int  # of those pages of the database that differ from before
    wrong_units: Sequence[str]

    def __str__(self) -> str:
        cost = self.cost
        verdict = f"WRONG in {len(self.wrong_units)} units" if self.wrong_units else "right"
        database = (
            f"database {self.database_bytes / MEGABYTE:.0f} MB, of which {self.changed_bytes / MEGABYTE:.1f} MB changed, "
            if self.database_bytes
            else ""
        )
        return (
            f"{self.contender:12} {self.step:12} {cost.cpu_seconds:7.2f} s CPU {cost.wall_seconds:7.2f} s "
            f"{cost.peak_bytes / MEGABYTE:6.0f} MB peak {cost.written_bytes / MEGABYTE:6.0f} MB written, "
            f"{database}{verdict}"
        )


Report = Callable[[object], None]


def compare_commands(
    server: ServerProcess, contenders: Sequence[Contender], rounds: int, report: Report
) -> list[Measurement]:
    """Each round: every contender from an empty database, 1 % changes, every contender again."""
    measured = []
    for _ in range(rounds):
        for contender in contenders:
            contender.forget()
            measured.append(measure(server, contender, Step.FIRST, report))
        server.advance(Change.SOME)
        measured += [measure(server, contender, Step.REPEAT, report) for contender in contenders]
    return measured


def measure(server: ServerProcess, contender: Contender, step: str, report: Report) -> Measurement:
    """Let *contender* sync once, and check its answer."""
    before = page_digests(contender.database)
    cost = contender.sync()
    after = page_digests(contender.database)
    changed = sum(old != new for old, new in zip_longest(before, after)) * PAGE_BYTES
    wrong = differing_units(contender.answer(), server.coverage())
    measurement = Measurement(contender.name, step, cost, len(after) * PAGE_BYTES, changed, wrong)
    report(measurement)
    return measurement


def median_of(
    measured: Iterable[Measurement], contender: str, step: str, value: Callable[[Measurement], float]
) -> float | None:
    """The median of *value* over the runs of a contender; None if there is none, or if any answer was wrong."""
    runs = [run for run in measured if (run.contender, run.step) == (contender, step)]
    if not runs or any(run.wrong_units for run in runs):
        return None
    return median(map(value, runs))
