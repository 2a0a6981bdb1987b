"""A published number and the rows behind it, for one label or for all labels that match a choice.

Persons who may not be shown, and what a past day no longer holds, are one row "n not shown": the rows always add up to
the number.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import overload

from fleetsync.core.context import Context
from fleetsync.core.measures import MEASURES, SHARE_ROWS, CaseRows, CountedCase, CountedCases, Labels, Measure
from fleetsync.core.model import CoverageShare, MeasureRow, Outcome, Subject, Text
from fleetsync.core.snapshot import NOT_SHOWN
from fleetsync.expose.gate import UNIT_LABEL, VisibleSnapshot

METRIC_PREFIX = "fleetsync_"
CELL_LABELS = ("unit", "entitlement")
SHARED_SUBJECTS = frozenset({Subject.SET, Subject.POOL})


def _counts_of_shares(number_of_share: Callable[[CoverageShare], int]) -> Callable[[Outcome, Context], CountedCases]:
    def counts(outcome: Outcome, _: Context) -> CountedCases:
        for share in outcome.shares:
            if number := number_of_share(share):
                yield (share.unit, share.entitlement), number, share

    return counts


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
            counts=_counts_of_shares(lambda share: _assigned(share) - _covered(share)),
            case_rows=SHARE_ROWS,
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
            counts=_counts_of_shares(lambda share: share.short - (_assigned(share) - _covered(share))),
            case_rows=SHARE_ROWS,
            zero_labels=_no_labels,
        ),
        ("entitled", "-assigned", "-unknown"),
    ),
}
PUBLISHED_MEASURES: Mapping[str, Measure] = {measure.name.removeprefix(METRIC_PREFIX): measure for measure in MEASURES}


class CountedRows(Sequence[MeasureRow]):
    """The rows of counted cases. Each is made when it is asked for, so that a page makes those that it shows.

    The case None is what is counted and not shown.
    """

    def __init__(self, case_rows: CaseRows, cases: Sequence[CountedCase]) -> None:
        self._case_rows, self._cases = case_rows, cases

    def __len__(self) -> int:
        return len(self._cases)

    def __iter__(self) -> Iterator[MeasureRow]:
        return map(self._row_of, self._cases)

    @overload
    def __getitem__(self, place: int) -> MeasureRow: ...
    @overload
    def __getitem__(self, place: slice) -> list[MeasureRow]: ...
    def __getitem__(self, place: int | slice) -> MeasureRow | list[MeasureRow]:
        if isinstance(place, slice):
            return [self._row_of(counted) for counted in self._cases[place]]
        return self._row_of(self._cases[place])

    def _row_of(self, counted: CountedCase) -> MeasureRow:
        labels, count, case = counted
        if case is None:
            return MeasureRow(count=count, subject=Subject.PERSON, subject_id="", unit=labels[0], reason=NOT_SHOWN)
        return self._case_rows.row_of(labels, count, case)


@dataclass(frozen=True)
class DrillDown:
    """A number with its rows, the largest counts first; Σ count of the rows is the number."""

    name: str
    measure: Measure
    number: int
    rows: Sequence[MeasureRow]


def shared_shares(visible: VisibleSnapshot, unit: str) -> Sequence[CoverageShare]:
    """The shares of the sets and pools of *unit*."""
    return [share for share in visible.shares if share.unit == unit and share.subject in SHARED_SUBJECTS]


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
    is_wanted = _label_filter(measure, wanted)
    unit = wanted.get(UNIT_LABEL)
    numbers = visible.numbers[measure.name] if not unit else visible.numbers_of_unit(measure, unit)
    return sum(number for labels, number in numbers.items() if is_wanted(labels))


def drill_down(visible: VisibleSnapshot, name: str, wanted: Mapping[str, str], concealed: frozenset[str]) -> DrillDown:
    """The number of all labels that match *wanted*, and its rows. Raises KeyError for an unknown measure."""
    measure = measure_of(name)
    if measure is None:
        raise KeyError(name)
    number, person_of = number_of(visible, name, wanted), measure.case_rows.person_of
    is_wanted = _label_filter(measure, wanted)
    shown = [
        counted
        for counted in visible.counts(measure)
        if is_wanted(counted[0]) and person_of(counted[2]) not in concealed
    ]
    if missing := number - sum(count for _, count, _ in shown):
        shown.append(((wanted.get(UNIT_LABEL, ""),), missing, None))
    shown.sort(key=lambda counted: counted[1], reverse=True)
    return DrillDown(name.removeprefix(METRIC_PREFIX), measure, number, CountedRows(measure.case_rows, shown))


def narrow_to_subject(opened: DrillDown, subject_id: str) -> DrillDown:
    """The rows of *opened* that belong to one set or pool. Persons cannot be chosen: some of them are not shown."""
    rows = [row for row in opened.rows if row.subject in SHARED_SUBJECTS and row.subject_id == subject_id]
    return DrillDown(opened.name, opened.measure, sum(row.count for row in rows), rows)


def _label_filter(measure: Measure, wanted: Mapping[str, str]) -> Callable[[Labels], bool]:
    """Whether labels of *measure* are those of *wanted*; "" chooses nothing."""
    chosen = [(place, wanted[name]) for place, name in enumerate(measure.labels) if wanted.get(name)]
    if not chosen:
        return lambda _: True
    # One comparison in C: this is asked of every case that is counted.
    pick, values = itemgetter(*(place for place, _ in chosen)), tuple(value for _, value in chosen)
    expected = values[0] if len(values) == 1 else values
    return lambda labels: bool(pick(labels) == expected)
