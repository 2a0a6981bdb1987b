"""Rule (h), on the numbers that would follow from pulls: for each unit, for the municipality, and against creep.

Pure. Where an entitlement counts heads (a pool for so many children), heads are compared: a förskola of thirty children
is six devices, and its closing would pass as a small number.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from fleetsync.core.guard.reasons import swedish_percent
from fleetsync.core.model import CoverageDay, HoldReason, Text


class _Limit(NamedTuple):
    """How far a number may move: by *ratio* of what it was, at least by *floor*."""

    ratio: float
    floor: int

    def is_exceeded(self, old: float, new: float) -> bool:
        # A fifth of what it was must be allowed exactly, in spite of rounding.
        return abs(new - old) > max(self.floor, self.ratio * old) + 1e-9


UNIT_LIMIT = _Limit(0.20, 5)
MUNICIPALITY_LIMIT = _Limit(0.05, 10)
CREEP_LIMIT = _Limit(0.15, 20)
CREEP_DAYS = (7, 30)  # what was published so many days ago is compared too

MUNICIPALITY = ""  # in place of a unit's slug
NUMBERS_SV = {"entitled": "ska ha", "covered": "har och i drift"}


class _Cell(NamedTuple):
    """A number that is compared."""

    unit: str
    entitlement: str
    word: str

    @property
    def place(self) -> Text:
        if self.unit == MUNICIPALITY:
            return Text(f"kommunen, {self.entitlement}", f"the municipality, {self.entitlement}")
        return Text(f"{self.unit}, {self.entitlement}", f"{self.unit}, {self.entitlement}")


def outcome_hold_reasons(before: Iterable[CoverageDay], projected: Iterable[CoverageDay]) -> tuple[HoldReason, ...]:
    """Rule (h) outcome: why the numbers that would follow must wait for a person; empty when they may be published.

    For each unit and entitlement, entitled and covered may each change by 20 % or by 5, whichever is more; for the
    municipality by 5 % or 10. They are compared per entitlement, since the loss of all staff of a school would not show
    among its pupils. A unit and entitlement without numbers before is not compared.
    """
    was, will_be = _numbers(before), _numbers(projected)
    moved = [cell for cell in sorted(was) if _outcome_limit(cell).is_exceeded(was[cell], will_be.get(cell, 0))]
    return tuple(
        HoldReason("outcome", _movement(cell, was[cell], will_be.get(cell, 0), _outcome_limit(cell)))
        for cell in _without_sums(moved)
    )


def _without_sums(cells: Sequence[_Cell]) -> list[_Cell]:
    """*cells* without the municipality's where units are named: the sum of them says nothing more."""
    named = {(cell.entitlement, cell.word) for cell in cells if cell.unit != MUNICIPALITY}
    return [cell for cell in cells if cell.unit != MUNICIPALITY or (cell.entitlement, cell.word) not in named]


def creep_hold_reasons(
    published: Iterable[CoverageDay], projected: Iterable[CoverageDay], without_pulls: Iterable[CoverageDay] = ()
) -> tuple[HoldReason, ...]:
    """Rule (h) outcome, small steps: what was *published* some days ago has moved by more than 15 % and 20 since.

    Asked of the pull that crosses the limit: not where the numbers of today *without* the pulls are beyond it already,
    because a person accepted that, or because the days alone moved them.
    """
    rows = list(published)
    was, will_be, without = _numbers(rows), _numbers(projected), _numbers(without_pulls)
    day = max((row.day for row in rows), default=date.min)
    moved = [
        cell
        for cell in sorted(was)
        if CREEP_LIMIT.is_exceeded(was[cell], will_be.get(cell, 0))
        and not CREEP_LIMIT.is_exceeded(was[cell], without.get(cell, was[cell]))
    ]
    return tuple(
        HoldReason("creep", _movement(cell, was[cell], will_be.get(cell, 0), CREEP_LIMIT, day))
        for cell in _without_sums(moved)
    )


def published_days_ago(coverage: Sequence[CoverageDay], today: date, days: int) -> list[CoverageDay]:
    """What was published *days* ago, or on the newest day before that within as many days again; else nothing."""
    ages = {(today - row.day).days for row in coverage}
    age = min((age for age in ages if days <= age < 2 * days), default=None)
    return [row for row in coverage if (today - row.day).days == age]


def _outcome_limit(cell: _Cell) -> _Limit:
    return MUNICIPALITY_LIMIT if cell.unit == MUNICIPALITY else UNIT_LIMIT


def _numbers(rows: Iterable[CoverageDay]) -> Mapping[_Cell, float]:
    """The numbers that are compared, by cell: of each unit, and added up for the municipality."""
    sums: defaultdict[_Cell, float] = defaultdict(float)
    for row in rows:
        for word, count in _counts(row):
            sums[_Cell(row.unit, row.entitlement, word)] += count
            sums[_Cell(MUNICIPALITY, row.entitlement, word)] += count
    return sums


def _counts(row: CoverageDay) -> Iterator[tuple[str, float]]:
    """Entitled and covered of a row, in heads where a device is owed to several."""
    heads_per_device = max(1.0, row.heads / row.entitled) if row.entitled else 1.0
    yield "entitled", row.entitled * heads_per_device
    yield "covered", row.covered * heads_per_device


def _movement(cell: _Cell, old: float, new: float, limit: _Limit, day: date | None = None) -> Text:
    since_sv, since = (f", som visades {day}", f", as published on {day},") if day is not None else ("", "")
    return Text(
        f"{cell.place.sv}: {NUMBERS_SV[cell.word]} skulle gå från {old:.0f}{since_sv} till {new:.0f}; "
        f"gränsen är {swedish_percent(limit.ratio, 0)} och {limit.floor}",
        f"{cell.place.en}: {cell.word} would go from {old:.0f}{since} to {new:.0f}; "
        f"the limit is {limit.ratio:.0%} and {limit.floor}",
    )
