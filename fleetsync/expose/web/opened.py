"""A number and the rows behind it: for one label, or for all that match what was asked.

Whoever may not be shown, and what a past day no longer holds, stands together in one row "n not shown": the rows
always add up to the number.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fleetsync.core.measures import MEASURES, Counted, Labels, Measure, View
from fleetsync.core.model import Row, Share, Subject, Text
from fleetsync.core.snapshot import NOT_SHOWN, Snapshot

PREFIX = "fleetsync_"
CELL = ("unit", "entitlement")
SHARED = frozenset({Subject.SET, Subject.POOL})


def _of_shares(count: Callable[[Share], int]) -> Callable[[View], Counted]:
    def rows(view: View) -> Iterator[tuple[Labels, Row]]:
        for share in view.outcome.shares:
            if number := count(share):
                yield (
                    (share.unit, share.entitlement),
                    Row(
                        count=number,
                        subject=share.subject,
                        subject_id=share.subject_id,
                        unit=share.unit,
                        reason=share.reason,
                        devices=share.devices,
                    ),
                )

    return rows


def _assigned(share: Share) -> int:
    return share.assigned_own + share.assigned_set + share.assigned_pool


def _covered(share: Share) -> int:
    return share.covered_own + share.covered_set + share.covered_pool


def _nowhere(_: View) -> Iterable[Labels]:
    return ()


# Differences of published numbers, which the page shows and /metrics leaves to whoever subtracts.
DIFFERENCES: Mapping[str, tuple[Measure, tuple[str, ...]]] = {
    "not_working": (
        Measure(
            name="not_working",
            help=Text("", ""),
            labels=CELL,
            rows=_of_shares(lambda share: _assigned(share) - _covered(share)),
            zeros=_nowhere,
        ),
        ("assigned", "-covered"),
    ),
    "without": (
        Measure(
            name="without",
            help=Text("", ""),
            labels=CELL,
            rows=_of_shares(lambda share: share.short - (_assigned(share) - _covered(share))),
            zeros=_nowhere,
        ),
        ("entitled", "-assigned", "-unknown"),
    ),
}
PUBLISHED: Mapping[str, Measure] = {measure.name.removeprefix(PREFIX): measure for measure in MEASURES}


@dataclass(frozen=True)
class Opened:
    """A number with its rows; Σ count of the rows is the number."""

    name: str
    measure: Measure
    number: int
    rows: Sequence[Row]


def measure_of(name: str) -> Measure | None:
    """The measure of that name, with or without its prefix; None for no measure."""
    short = name.removeprefix(PREFIX)
    if short in DIFFERENCES:
        return DIFFERENCES[short][0]
    return PUBLISHED.get(short)


def number_of(snapshot: Snapshot, name: str, wanted: Mapping[str, str]) -> int:
    """The published number of all labels that match *wanted*. Raises KeyError for what a past day does not keep."""
    short = name.removeprefix(PREFIX)
    if short in DIFFERENCES:
        terms = DIFFERENCES[short][1]
        signs = ((-1 if term.startswith("-") else 1, term.removeprefix("-")) for term in terms)
        return sum(sign * number_of(snapshot, term, wanted) for sign, term in signs)
    measure = PUBLISHED[short]
    return sum(number for labels, number in snapshot.numbers[measure.name].items() if _fits(measure, labels, wanted))


def opened(snapshot: Snapshot, name: str, wanted: Mapping[str, str], concealed: frozenset[str]) -> Opened:
    """The number of all labels that match *wanted*, and its rows. Raises KeyError for an unknown measure."""
    measure = measure_of(name)
    if measure is None:
        raise KeyError(name)
    number = number_of(snapshot, name, wanted)
    found = [row for labels, row in measure.rows(snapshot.view) if _fits(measure, labels, wanted)]
    shown = [row for row in found if not (row.subject is Subject.PERSON and row.subject_id in concealed)]
    missing = number - sum(row.count for row in shown)
    if missing:
        unit = wanted.get("unit", "")
        shown.append(Row(count=missing, subject=Subject.PERSON, subject_id="", unit=unit, reason=NOT_SHOWN))
    return Opened(name.removeprefix(PREFIX), measure, number, shown)


def of_subject(found: Opened, subject_id: str) -> Opened:
    """The part of *found* that is one set's or pool's. A person's is never asked for: who is not shown has none."""
    rows = [row for row in found.rows if row.subject in SHARED and row.subject_id == subject_id]
    return Opened(found.name, found.measure, sum(row.count for row in rows), rows)


def _fits(measure: Measure, labels: Labels, wanted: Mapping[str, str]) -> bool:
    return all(wanted.get(name) in (None, "", value) for name, value in zip(measure.labels, labels, strict=True))
