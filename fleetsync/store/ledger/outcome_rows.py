"""Rows of the outcome as nouns, for what is believed now and for what was known then."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column

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


def coverage_columns() -> tuple[Column[Any], ...]:
    """The columns of `coverage` in the order of the noun's fields."""
    return tuple(t.coverage.c[name] for name in CoverageDay.__struct_fields__)


def coverage_from_row(row: Any) -> CoverageDay:
    """A row of `coverage_columns`."""
    return CoverageDay(**row._mapping)


def episode_from_row(row: Any, closed_at: datetime | None) -> Episode:
    """A row of `gap`; whether its end is the episode's is the caller's to know."""
    return Episode(
        kind=row.kind,
        subject=Subject(row.subject),
        subject_id=row.subject_id,
        unit=row.unit,
        opened_at=row.opened_at,
        closed_at=closed_at,
        known_before=row.known_before,
        parked_until=row.parked_until,
        reason=row.reason,
    )


def running_assignment_from_row(row: Any) -> RunningAssignment:
    """A row of `assignment`, with the start of the assignment itself."""
    return RunningAssignment(_assignment_from_row(row), row.assigned_at, row.known_before)


def assignment_interval_from_row(row: Any) -> AssignmentInterval:
    """A row of `assignment` with its own two ends; only its first interval may have begun before it was known."""
    began_here = row.since == row.assigned_at
    return AssignmentInterval(_assignment_from_row(row), row.since, row.until, row.known_before and began_here)


def _assignment_from_row(row: Any) -> Assignment:
    return Assignment(
        device=row.device,
        by=CoveredBy(row.by),
        entitlement=row.entitlement,
        subject_id=row.subject_id,
        unit=row.unit,
        groups=row.groups,
        works=row.works,
        without_contact=row.without_contact,
        reason=row.reason,
    )


def owed_from_row(row: Any) -> OwedDevices:
    """A row of `owed`."""
    return OwedDevices(
        entitlement=row.entitlement,
        subject=Subject(row.subject),
        subject_id=row.subject_id,
        unit=row.unit,
        groups=row.groups,
        count=row.count,
        heads=row.heads,
        decidable=row.decidable,
        reason=row.reason,
    )
