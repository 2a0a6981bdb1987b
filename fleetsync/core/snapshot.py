"""The snapshot: one outcome with all its published numbers, counted once and never changed.

Pure. Every number can be opened into its rows. Persons who may not be shown are summed up in one row "not shown", and
so is what a past day no longer has rows for, so the rows of a number always add up to it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date

import msgspec

from fleetsync.core.context import Context
from fleetsync.core.coverage import tally
from fleetsync.core.measures import FACTS, MEASURES, Labels, Measure
from fleetsync.core.model import (
    Assignment,
    CoverageDay,
    Episode,
    MeasureRow,
    Moment,
    Outcome,
    OwedDevices,
    Subject,
    Text,
)

NOT_SHOWN = Text("visas inte", "not shown")
# A past day keeps intervals of these measures only (`domain.md` §7); the others are not available for it.
PAST_DAY_MEASURES = frozenset(measure.name for measure in MEASURES if measure.labels[:2] == ("unit", "entitlement")) | {
    "fleetsync_gaps"
}

Numbers = Mapping[Labels, int]


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One reconciliation as it is published.

    `numbers` are by measure and labels, `facts` by fact and labels. `as_of`: the past day that is shown; None: now.
    `hidden`: persons who are counted and never listed: those with a protected identity or a mark that waits for a
    decision, and children.
    """

    outcome: Outcome
    context: Context
    numbers: Mapping[str, Numbers]
    facts: Mapping[str, Mapping[Labels, float]]
    as_of: date | None = None
    hidden: frozenset[str] = frozenset()

    def number(self, measure: str, labels: Labels) -> int:
        """The published number; 0 where nothing is counted."""
        return self.numbers[measure].get(labels, 0)

    def rows(self, measure: str, labels: Labels) -> tuple[MeasureRow, ...]:
        """The rows behind a number; their counts add up to `number`. Raises KeyError for an unknown measure."""
        rows = [row for at, row in _measure_named(measure).rows(self.outcome, self.context) if at == labels]
        return self._with_hidden_row(rows, self.number(measure, labels), labels[0])

    def _with_hidden_row(self, rows: Sequence[MeasureRow], number: int, unit: str) -> tuple[MeasureRow, ...]:
        shown = [row for row in rows if row.subject is not Subject.PERSON or row.subject_id not in self.hidden]
        missing = number - sum(row.count for row in shown)
        if missing:
            shown.append(MeasureRow(count=missing, subject=Subject.PERSON, subject_id="", unit=unit, reason=NOT_SHOWN))
        return tuple(shown)


def build_snapshot(outcome: Outcome, context: Context) -> Snapshot:
    """The snapshot of *outcome*, which was found under *context*; every measure is counted once."""
    return Snapshot(
        outcome=outcome,
        context=context,
        numbers={measure.name: _sum_counts(measure, outcome, context) for measure in MEASURES},
        facts={fact.name: dict(fact.values(outcome, context)) for fact in FACTS},
        hidden=context.believed.concealed
        | frozenset(case.person.id for case in outcome.people if case.person.masked or case.person_state.is_child),
    )


def build_past_snapshot(
    now: Snapshot,
    moment: Moment,
    owed: Sequence[OwedDevices],
    assignments: Sequence[Assignment],
    episodes: Sequence[Episode],
    coverage: Sequence[CoverageDay],
    counted: Mapping[str, int] = {},
) -> Snapshot:
    """What was published on the day of *moment*: numbers from its coverage rows, rows from the intervals of that instant.

    *counted*: the working devices of sets and pools that were counted by hand then.
    """
    shown = msgspec.structs.replace(
        now.outcome,
        moment=moment,
        people=(),
        devices=(),
        sets=(),
        owed=tuple(owed),
        assignments=tuple(assignments),
        shares=tally(owed, assignments, counted),
        coverage=tuple(coverage),
        episodes=tuple(episodes),
        closed_episodes=(),
    )
    context = msgspec.structs.replace(now.context, moment=moment)
    subjects = [(debt.subject, debt.subject_id) for debt in owed]
    subjects += [(episode.subject, episode.subject_id) for episode in episodes]
    people = {subject_id for subject, subject_id in subjects if subject is Subject.PERSON}
    return Snapshot(
        outcome=shown,
        context=context,
        numbers={
            measure.name: _numbers_from_coverage(measure, coverage) or _sum_counts(measure, shown, context)
            for measure in MEASURES
            if measure.name in PAST_DAY_MEASURES
        },
        facts={
            fact.name: dict(fact.values(shown, context)) for fact in FACTS if fact.name == "fleetsync_coverage_ratio"
        },
        as_of=moment.today,
        # A person that no source has any more is not listed either.
        hidden=now.hidden | (people - {case.person.id for case in now.outcome.people}),
    )


def _measure_named(name: str) -> Measure:
    return {measure.name: measure for measure in MEASURES}[name]


def _sum_counts(measure: Measure, outcome: Outcome, context: Context) -> Numbers:
    sums: defaultdict[Labels, int] = defaultdict(int, dict.fromkeys(measure.zero_labels(outcome, context), 0))
    for labels, count, _ in measure.counts(outcome, context):
        sums[labels] += count
    return dict(sums)


def _numbers_from_coverage(measure: Measure, coverage: Sequence[CoverageDay]) -> Numbers:
    """The numbers of a coverage measure from the rows of its day; empty for any other measure."""
    field = measure.short_name
    if measure.labels == ("unit", "entitlement", "by"):
        return {
            (row.unit, row.entitlement, by): int(getattr(row, f"{field}_{by}"))
            for row in coverage
            for by in ("own", "set", "pool")
        }
    if measure.labels == ("unit", "entitlement"):
        return {(row.unit, row.entitlement): int(getattr(row, field)) for row in coverage}
    return {}
