"""A published number and the rows behind it, for one label or for all labels that match a choice.

Persons who may not be shown, and what a past day no longer holds, are one row "n not shown": the rows always add up to
the number.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fleetsync.core.context import Context
from fleetsync.core.measures import MEASURES, LabelledRows, Labels, Measure
from fleetsync.core.model import CoverageShare, MeasureRow, Outcome, Subject, Text
from fleetsync.core.snapshot import NOT_SHOWN
from fleetsync.expose.gate import VisibleSnapshot

METRIC_PREFIX = "fleetsync_"
CELL_LABELS = ("unit", "entitlement")
SHARED_SUBJECTS = frozenset({Subject.SET, Subject.POOL})


def _rows_of_shares(count: Callable[[CoverageShare], int]) -> Callable[[Outcome, Context], LabelledRows]:
    def rows(outcome: Outcome, _: Context) -> Iterator[tuple[Labels, MeasureRow]]:
        for share in outcome.shares:
            if number := count(share):
                yield (
                    (share.unit, share.entitlement),
                    MeasureRow(
                        count=number,
                        subject=share.subject,
                        subject_id=share.subject_id,
                        unit=share.unit,
                        reason=share.reason,
                        devices=share.devices,
                    ),
                )

    return rows


def _assigned(share: CoverageShare) -> int:
    return share.assigned_own + share.assigned_set + share.assigned_pool


def _covered(share: CoverageShare) -> int:
    return share.covered_own + share.covered_set + share.covered_pool


def _no_labels(_: Outcome, __: Context) -> Iterable[Labels]:
    return ()


# Differences of published numbers. The page shows them; in Prometheus they are one subtraction.
DERIVED_MEASURES: Mapping[str, tuple[Measure, tuple[str, ...]]] = {
    "not_working": (
        Measure(
            name="not_working",
            title=Text("Har, inte i drift", "Not working"),
            help=Text(
                "Verktyg som finns men inte är i drift: har − i drift", "Owed devices that exist and do not work"
            ),
            labels=CELL_LABELS,
            rows=_rows_of_shares(lambda share: _assigned(share) - _covered(share)),
            zero_labels=_no_labels,
        ),
        ("assigned", "-covered"),
    ),
    "without": (
        Measure(
            name="without",
            title=Text("Har inget", "Without a device"),
            help=Text(
                "Verktyg som inte finns: ska ha − har − vet inte",
                "Owed devices that do not exist: entitled − assigned − unknown",
            ),
            labels=CELL_LABELS,
            rows=_rows_of_shares(lambda share: share.short - (_assigned(share) - _covered(share))),
            zero_labels=_no_labels,
        ),
        ("entitled", "-assigned", "-unknown"),
    ),
}
PUBLISHED_MEASURES: Mapping[str, Measure] = {measure.name.removeprefix(METRIC_PREFIX): measure for measure in MEASURES}


@dataclass(frozen=True)
class DrillDown:
    """A number with its rows; Σ count of the rows is the number."""

    name: str
    measure: Measure
    number: int
    rows: Sequence[MeasureRow]


def measure_of(name: str) -> Measure | None:
    """The measure of that name, with or without its prefix; None for no measure."""
    short = name.removeprefix(METRIC_PREFIX)
    if short in DERIVED_MEASURES:
        return DERIVED_MEASURES[short][0]
    return PUBLISHED_MEASURES.get(short)


def number_of(visible: VisibleSnapshot, name: str, wanted: Mapping[str, str]) -> int:
    """The published number of all labels that match *wanted*. Raises KeyError for what a past day does not keep."""
    short = name.removeprefix(METRIC_PREFIX)
    if short in DERIVED_MEASURES:
        terms = DERIVED_MEASURES[short][1]
        signs = ((-1 if term.startswith("-") else 1, term.removeprefix("-")) for term in terms)
        return sum(sign * number_of(visible, term, wanted) for sign, term in signs)
    measure = PUBLISHED_MEASURES[short]
    return sum(number for labels, number in visible.numbers[measure.name].items() if _matches(measure, labels, wanted))


def drill_down(visible: VisibleSnapshot, name: str, wanted: Mapping[str, str], concealed: frozenset[str]) -> DrillDown:
    """The number of all labels that match *wanted*, and its rows. Raises KeyError for an unknown measure."""
    measure = measure_of(name)
    if measure is None:
        raise KeyError(name)
    number = number_of(visible, name, wanted)
    matching = [row for labels, row in visible.rows(measure) if _matches(measure, labels, wanted)]
    shown = [row for row in matching if not (row.subject is Subject.PERSON and row.subject_id in concealed)]
    missing = number - sum(row.count for row in shown)
    if missing:
        unit = wanted.get("unit", "")
        shown.append(MeasureRow(count=missing, subject=Subject.PERSON, subject_id="", unit=unit, reason=NOT_SHOWN))
    return DrillDown(name.removeprefix(METRIC_PREFIX), measure, number, shown)


def narrow_to_subject(opened: DrillDown, subject_id: str) -> DrillDown:
    """The rows of *opened* that belong to one set or pool. Persons cannot be chosen: some of them are not shown."""
    rows = [row for row in opened.rows if row.subject in SHARED_SUBJECTS and row.subject_id == subject_id]
    return DrillDown(opened.name, opened.measure, sum(row.count for row in rows), rows)


def _matches(measure: Measure, labels: Labels, wanted: Mapping[str, str]) -> bool:
    return all(wanted.get(name) in (None, "", value) for name, value in zip(measure.labels, labels, strict=True))
