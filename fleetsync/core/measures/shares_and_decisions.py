"""Counts shares of coverage and decisions about persons, under unit and entitlement."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from fleetsync.core.context import Context
from fleetsync.core.measures.definitions import CaseRows, CountedCases, Labels
from fleetsync.core.model import (
    CENTRAL,
    UNPLACED,
    CoverageShare,
    EntitlementDecision,
    MeasureRow,
    Outcome,
    PersonCase,
    PersonState,
    Subject,
)

MIN_SHOWN_UNPLACED = 5


class DecidedPerson(NamedTuple):
    """A person and one of the decisions about them."""

    case: PersonCase
    decision: EntitlementDecision


def entitlements_with_few_unplaced(states: Iterable[PersonState]) -> frozenset[str]:
    """Entitlements with fewer than five persons without a unit: so small a number would reveal who is hidden.

    These persons are shown in `central` instead (`domain.md` §10), and so are those of them who are undecided or on
    leave.
    """
    counts = Counter(
        decision.entitlement
        for person_state in states
        if person_state.unit == UNPLACED
        for decision in person_state.decisions
        if decision.owed or decision.undecided or decision.on_leave
    )
    return frozenset(entitlement for entitlement, count in counts.items() if count < MIN_SHOWN_UNPLACED)


def shown_unit(unit: str, entitlement: str, hidden: frozenset[str]) -> str:
    """The unit under which a person of *unit* is counted; *hidden* is what `entitlements_with_few_unplaced` gives."""
    return CENTRAL if unit == UNPLACED and entitlement in hidden else unit


def _share_row(_: Labels, count: int, share: CoverageShare) -> MeasureRow:
    return MeasureRow(
        count=count,
        subject=share.subject,
        subject_id=share.subject_id,
        unit=share.unit,
        reason=share.reason,
        devices=share.devices,
    )


SHARE_ROWS = CaseRows(
    row_of=_share_row, person_of=lambda share: share.subject_id if share.subject is Subject.PERSON else None
)


def share_counts(field: str) -> Callable[[Outcome, Context], CountedCases]:
    """A function that counts *field* of each share of coverage under unit and entitlement."""

    def counts(outcome: Outcome, _: Context) -> CountedCases:
        for share in outcome.shares:
            if count := int(getattr(share, field)):
                yield (share.unit, share.entitlement), count, share

    return counts


def share_counts_by(word: str) -> Callable[[Outcome, Context], CountedCases]:
    """A function that counts *word* of each share under unit, entitlement, and own, set or pool."""
    fields = tuple((by, f"{word}_{by}") for by in ("own", "set", "pool"))

    def counts(outcome: Outcome, _: Context) -> CountedCases:
        for share in outcome.shares:
            for by, field in fields:
                if count := int(getattr(share, field)):
                    yield (share.unit, share.entitlement, by), count, share

    return counts


def _decision_row(labels: Labels, count: int, decided: DecidedPerson) -> MeasureRow:
    return MeasureRow(
        count=count,
        subject=Subject.PERSON,
        subject_id=decided.case.person.id,
        unit=labels[0],
        reason=decided.decision.reason,
    )


DECISION_ROWS = CaseRows(row_of=_decision_row, person_of=lambda decided: decided.case.person.id)


def decision_counts(field: str) -> Callable[[Outcome, Context], CountedCases]:
    """A function that counts the persons whose decision has *field*."""

    def counts(outcome: Outcome, _: Context) -> CountedCases:
        hidden = entitlements_with_few_unplaced(case.person_state for case in outcome.people)
        for case in outcome.people:
            for decision in case.person_state.decisions:
                if getattr(decision, field):
                    unit = shown_unit(case.person_state.unit, decision.entitlement, hidden)
                    yield (unit, decision.entitlement), 1, DecidedPerson(case, decision)

    return counts


def undecided_counts(outcome: Outcome, context: Context) -> CountedCases:
    """The undecided persons, and the undecided heads of head counts."""
    yield from _UNDECIDED_PERSONS(outcome, context)
    yield from _UNDECIDED_HEADS(outcome, context)


_UNDECIDED_PERSONS, _UNDECIDED_HEADS = decision_counts("undecided"), share_counts("undecided")
UNDECIDED_ROWS = CaseRows(
    row_of=lambda labels, count, case: _rows_of(case).row_of(labels, count, case),
    person_of=lambda case: _rows_of(case).person_of(case),
)


def _rows_of(case: DecidedPerson | CoverageShare) -> CaseRows:
    return DECISION_ROWS if isinstance(case, DecidedPerson) else SHARE_ROWS


def cell_labels(outcome: Outcome, context: Context) -> Iterable[Labels]:
    """Every published unit and entitlement."""
    return ((row.unit, row.entitlement) for row in outcome.coverage)


def cell_by_labels(outcome: Outcome, context: Context) -> Iterable[Labels]:
    """Every published unit and entitlement, with own, set and pool."""
    return ((*cell, by) for cell in cell_labels(outcome, context) for by in ("own", "set", "pool"))
