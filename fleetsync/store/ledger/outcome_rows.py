"""Rows of the outcome as nouns, for what is believed now and for what was known then.

A row is a plain tuple of the columns that the function before it names.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Table

from fleetsync.core.model import (
    Assignment,
    AssignmentInterval,
    CoverageDay,
    CoveredBy,
    Episode,
    OwedDevices,
    RunningAssignment,
    Subject,
)
from fleetsync.store import tables as t
from fleetsync.store.bulk import PlainRow

# By their words, for 100,000 rows: an enumeration takes longer to look one up.
_SUBJECTS: Mapping[str, Subject] = {subject.value: subject for subject in Subject}
_COVERED_BY: Mapping[str, CoveredBy] = {by.value: by for by in CoveredBy}


def _columns(table: Table, *names: str) -> tuple[Column[Any], ...]:
    return tuple(table.c[name] for name in names)


def coverage_columns() -> tuple[Column[Any], ...]:
    """The columns of `coverage` in the order of the noun's fields."""
    return _columns(t.coverage, *CoverageDay.__struct_fields__)


def coverage_from_row(row: Any) -> CoverageDay:
    """A row of `coverage_columns`."""
    return CoverageDay(**row._mapping)


EPISODE_COLUMNS = _columns(
    t.gap, "kind", "subject", "subject_id", "unit", "opened_at", "known_before", "parked_until", "reason"
)


def episode_from_row(row: PlainRow, closed_at: datetime | None) -> Episode:
    """A row of `EPISODE_COLUMNS`; when the episode closed is the caller's to know."""
    kind, subject, subject_id, unit, opened_at, known_before, parked_until, reason = row
    return Episode(
        kind=kind,
        subject=_SUBJECTS[subject],
        subject_id=subject_id,
        unit=unit,
        opened_at=opened_at,
        closed_at=closed_at,
        known_before=known_before,
        parked_until=parked_until,
        reason=reason,
    )


_ASSIGNMENT_COLUMNS = _columns(
    t.assignment, "device", "by", "entitlement", "subject_id", "unit", "groups", "works", "without_contact", "reason"
)
RUNNING_ASSIGNMENT_COLUMNS = (*_ASSIGNMENT_COLUMNS, *_columns(t.assignment, "assigned_at", "known_before"))
ASSIGNMENT_INTERVAL_COLUMNS = (*RUNNING_ASSIGNMENT_COLUMNS, *_columns(t.assignment, "since", "until"))


def running_assignment_from_row(row: PlainRow) -> RunningAssignment:
    """A row of `RUNNING_ASSIGNMENT_COLUMNS`, with the start of the assignment itself."""
    *assignment, assigned_at, known_before = row
    return RunningAssignment(_assignment_from_row(*assignment), assigned_at, known_before)


def assignment_interval_from_row(row: PlainRow) -> AssignmentInterval:
    """A row of `ASSIGNMENT_INTERVAL_COLUMNS`; only its first interval may have begun before it was known."""
    *assignment, assigned_at, known_before, since, until = row
    began_here = since == assigned_at
    return AssignmentInterval(_assignment_from_row(*assignment), since, until, known_before and began_here)


def _assignment_from_row(
    device: Any,
    by: Any,
    entitlement: Any,
    subject_id: Any,
    unit: Any,
    groups: Any,
    works: Any,
    contact: Any,
    reason: Any,
) -> Assignment:
    return Assignment(
        device=device,
        by=_COVERED_BY[by],
        entitlement=entitlement,
        subject_id=subject_id,
        unit=unit,
        groups=groups,
        works=works,
        without_contact=contact,
        reason=reason,
    )


OWED_COLUMNS = _columns(t.owed, *OwedDevices.__struct_fields__)


def owed_from_row(row: PlainRow) -> OwedDevices:
    """A row of `OWED_COLUMNS`."""
    values = dict(zip(OwedDevices.__struct_fields__, row, strict=True))
    return OwedDevices(**values | {"subject": _SUBJECTS[values["subject"]]})
