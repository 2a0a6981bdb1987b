"""What is shown: one outcome, counted once, immutable; every number opens into its rows.

Pure. Persons who may not be shown stand together in the row "n not shown"; what a past day's intervals no longer
hold stands there too, so the rows of a number always add up to it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date

import msgspec

from fleetsync.core.calendar import Calendars
from fleetsync.core.coverage import tally
from fleetsync.core.identity import UnitDirectory
from fleetsync.core.measures import FACTS, MEASURES, Labels, Measure, View
from fleetsync.core.model import (
    Assignment,
    CoverageDay,
    Episode,
    MeasureRow,
    Moment,
    Outcome,
    OwedDevices,
    Policy,
    Subject,
    Text,
)

NOT_SHOWN = Text("visas inte", "not shown")
# A past day keeps intervals of these alone (`domain.md` §7); its other numbers are today's and are not asked for.
PAST_DAY_MEASURES = frozenset(measure.name for measure in MEASURES if measure.labels[:2] == ("unit", "entitlement")) | {
    "fleetsync_gaps"
}

Numbers = Mapping[Labels, int]


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One reconciliation as it is published; `numbers` per measure and labels, `facts` per fact and labels."""

    view: View
    numbers: Mapping[str, Numbers]
    facts: Mapping[str, Mapping[Labels, float]]
    as_of: date | None = None  # a past day; None: now
    hidden: frozenset[str] = frozenset()  # persons who are counted and never listed: protected ones, and children

    @property
    def outcome(self) -> Outcome:
        """What was found."""
        return self.view.outcome

    def number(self, measure: str, labels: Labels) -> int:
        """The published number; 0 where nothing is counted."""
        return self.numbers[measure].get(labels, 0)

    def rows(self, measure: str, labels: Labels) -> tuple[MeasureRow, ...]:
        """The rows behind a number; their counts add up to `number`. Raises KeyError for an unknown measure."""
        found = [row for at, row in _measure_named(measure).rows(self.view) if at == labels]
        return self._with_hidden_row(found, self.number(measure, labels), labels[0])

    def _with_hidden_row(self, found: Sequence[MeasureRow], number: int, unit: str) -> tuple[MeasureRow, ...]:
        shown = [row for row in found if row.subject is not Subject.PERSON or row.subject_id not in self.hidden]
        missing = number - sum(row.count for row in shown)
        if missing:
            shown.append(MeasureRow(count=missing, subject=Subject.PERSON, subject_id="", unit=unit, reason=NOT_SHOWN))
        return tuple(shown)


def build_snapshot(outcome: Outcome, policy: Policy, calendars: Calendars, book: UnitDirectory) -> Snapshot:
    """The snapshot of *outcome*, every measure walked once."""
    view = View(outcome=outcome, policy=policy, calendars=calendars, book=book)
    return Snapshot(
        view=view,
        numbers={measure.name: _sum_rows(measure, view) for measure in MEASURES},
        facts={fact.name: dict(fact.values(view)) for fact in FACTS},
        hidden=frozenset(case.person.id for case in outcome.people if case.person.masked or case.person_state.is_child),
    )


def build_past_snapshot(
    now: Snapshot,
    moment: Moment,
    owed: Sequence[OwedDevices],
    assignments: Sequence[Assignment],
    episodes: Sequence[Episode],
    coverage: Sequence[CoverageDay],
) -> Snapshot:
    """What was published on *moment*'s day: its numbers are its coverage rows, its rows the intervals of that instant."""
    shown = msgspec.structs.replace(
        now.outcome,
        moment=moment,
        people=(),
        devices=(),
        sets=(),
        owed=tuple(owed),
        assignments=tuple(assignments),
        shares=tally(owed, assignments),
        coverage=tuple(coverage),
        episodes=tuple(episodes),
        closed_episodes=(),
    )
    view = msgspec.structs.replace(now.view, outcome=shown)
    subjects = [(one.subject, one.subject_id) for one in owed] + [(one.subject, one.subject_id) for one in episodes]
    told = {subject_id for subject, subject_id in subjects if subject is Subject.PERSON}
    return Snapshot(
        view=view,
        numbers={
            measure.name: _numbers_from_coverage(measure, coverage) or _sum_rows(measure, view)
            for measure in MEASURES
            if measure.name in PAST_DAY_MEASURES
        },
        facts={fact.name: dict(fact.values(view)) for fact in FACTS if fact.name == "fleetsync_coverage_ratio"},
        as_of=moment.today,
        # Whom nobody knows any more is not listed either.
        hidden=now.hidden | (told - {case.person.id for case in now.outcome.people}),
    )


def _measure_named(name: str) -> Measure:
    return {measure.name: measure for measure in MEASURES}[name]


def _sum_rows(measure: Measure, view: View) -> Numbers:
    sums: defaultdict[Labels, int] = defaultdict(int, dict.fromkeys(measure.zero_labels(view), 0))
    for labels, row in measure.rows(view):
        sums[labels] += row.count
    return dict(sums)


def _numbers_from_coverage(measure: Measure, coverage: Sequence[CoverageDay]) -> Numbers:
    """A coverage measure's numbers as its day's rows hold them; empty for a measure they do not hold."""
    field = measure.name.removeprefix("fleetsync_")
    if measure.labels == ("unit", "entitlement", "by"):
        return {
            (row.unit, row.entitlement, by): int(getattr(row, f"{field}_{by}"))
            for row in coverage
            for by in ("own", "set", "pool")
        }
    if measure.labels == ("unit", "entitlement"):
        return {(row.unit, row.entitlement): int(getattr(row, field)) for row in coverage}
    return {}
