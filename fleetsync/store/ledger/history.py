"""What was known at a past instant, and the numbers of past days. A fact that comes late changes no past row."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import Column, Select, func, literal, select

from fleetsync.core.model import (
    AssignmentInterval,
    CoverageDay,
    CoverageSum,
    CoveredBy,
    Episode,
    OwedDevices,
    RunningAssignment,
)
from fleetsync.store import tables as t
from fleetsync.store.bulk import read_many
from fleetsync.store.ledger.base import LedgerBase
from fleetsync.store.ledger.hidden_persons import PRIVACY_GENERATION_COUNTER
from fleetsync.store.ledger.outcome_rows import (
    ASSIGNMENT_INTERVAL_COLUMNS,
    EPISODE_COLUMNS,
    OWED_COLUMNS,
    RUNNING_ASSIGNMENT_COLUMNS,
    assignment_interval_from_row,
    coverage_columns,
    coverage_from_row,
    episode_from_row,
    owed_from_row,
    running_assignment_from_row,
)
from fleetsync.store.ledger.revision import BELIEVED_REVISION_COUNTER

MAX_NAMED_DEVICES = 500  # in one statement; SQLite takes a bounded number of values


class Reconciliation(msgspec.Struct, frozen=True, kw_only=True):
    """When a reconciliation was, for which local day, over which complete pulls, under which policy."""

    id: int
    at: datetime
    day: date
    pulls: tuple[int, ...]
    policy_fingerprint: str
    duration_seconds: float


class HistoryLedger(LedgerBase):
    """The part of the ledger that answers as-of. An *instant* is aware; for the end of a day give the next midnight."""

    def coverage_as_of(self, day: date) -> tuple[CoverageDay, ...]:
        """The rows of *day*, or of the last day before it that has any: what was known at its end."""
        coverage = t.coverage.c
        newest = select(func.max(coverage.day)).where(coverage.day <= day).scalar_subquery()
        return self._coverage(select(*coverage_columns()).where(coverage.day == newest))

    def coverage_sums(
        self,
        first: date,
        last: date,
        entitlements: Collection[str],
        *,
        units: Collection[str] | None = None,
        by_unit: bool,
    ) -> tuple[CoverageSum, ...]:
        """Covered and owed devices from *first* to *last*, both inclusive, by day, entitlement and, if *by_unit*, unit.

        *units*: the ones that are summed; None: all.
        """
        coverage = t.coverage.c
        covered = coverage.covered_own + coverage.covered_set + coverage.covered_pool
        # Grouped in the order of the primary key: a group per entitlement would sort a year's rows of all units.
        key = (coverage.day, coverage.unit) if by_unit else (coverage.day, literal("").label("unit"))
        sums = [
            func.sum(number).filter(coverage.entitlement == entitlement)
            for entitlement in entitlements
            for number in (covered, coverage.entitled)
        ]
        statement = select(*key, *sums).where(coverage.day.between(first, last))
        if units is not None:
            statement = statement.where(coverage.unit.in_(units))
        grouped = key if by_unit else key[:1]
        with self._read_transaction() as connection:
            rows = connection.execute(statement.group_by(*grouped).order_by(*grouped)).all()
        return tuple(
            CoverageSum(day, unit, entitlement, covered, entitled)
            for day, unit, *numbers in rows
            for entitlement, covered, entitled in zip(entitlements, numbers[::2], numbers[1::2], strict=True)
            if entitled is not None
        )

    def _coverage(self, statement: Select[Any]) -> tuple[CoverageDay, ...]:
        coverage = t.coverage.c
        with self._read_transaction() as connection:
            rows = connection.execute(statement.order_by(coverage.day, coverage.unit, coverage.entitlement))
            return tuple(coverage_from_row(row) for row in rows)

    def first_day(self) -> date | None:
        """The first day with numbers."""
        with self._read_transaction() as connection:
            first: date | None = connection.execute(select(func.min(t.coverage.c.day))).scalar_one()
            return first

    def gaps_as_of(self, instant: datetime) -> tuple[Episode, ...]:
        """The gaps that were open at *instant*."""
        with self._read_transaction() as connection:
            return tuple(
                episode_from_row(row, None) for row in read_many(connection, _known_at(EPISODE_COLUMNS, instant))
            )

    def assignments_as_of(self, instant: datetime) -> tuple[RunningAssignment, ...]:
        """Which device served whom or what at *instant*, and since when."""
        with self._read_transaction() as connection:
            return tuple(
                running_assignment_from_row(row)
                for row in read_many(connection, _known_at(RUNNING_ASSIGNMENT_COLUMNS, instant))
            )

    def assignments_of(self, device: str) -> tuple[AssignmentInterval, ...]:
        """Whom or what *device* has served as far as is remembered, the newest first."""
        given = t.assignment.c
        of_device = select(*ASSIGNMENT_INTERVAL_COLUMNS).where(given.device == device)
        statement = of_device.order_by(given.since.desc(), given.id.desc())
        with self._read_transaction() as connection:
            return tuple(assignment_interval_from_row(row) for row in read_many(connection, statement))

    def previous_holders(self, devices: Collection[str]) -> Mapping[str, Sequence[AssignmentInterval]]:
        """Device → its ended assignments to persons, the newest first. Devices that served nobody before are left out."""
        given = t.assignment.c
        ended = select(*ASSIGNMENT_INTERVAL_COLUMNS).where(given.by == CoveredBy.OWN.value, given.until.is_not(None))
        by_device: defaultdict[str, list[AssignmentInterval]] = defaultdict(list)
        with self._read_transaction() as connection:
            ids = sorted(devices)
            for first in range(0, len(ids), MAX_NAMED_DEVICES):
                of_some = ended.where(given.device.in_(ids[first : first + MAX_NAMED_DEVICES]))
                statement = of_some.order_by(given.since.desc(), given.id.desc())
                for row in read_many(connection, statement):
                    interval = assignment_interval_from_row(row)
                    by_device[interval.assignment.device].append(interval)
        return by_device

    def owed_as_of(self, instant: datetime) -> tuple[OwedDevices, ...]:
        """Who or what was owed devices at *instant*."""
        with self._read_transaction() as connection:
            return tuple(owed_from_row(row) for row in read_many(connection, _known_at(OWED_COLUMNS, instant)))

    def newest_reconciliation(self) -> Reconciliation | None:
        """The last reconciliation that was recorded, by any process."""
        reconciliation = t.reconciliation.c
        with self._read_transaction() as connection:
            row = connection.execute(select(t.reconciliation).order_by(reconciliation.id.desc()).limit(1)).one_or_none()
            return None if row is None else Reconciliation(**row._mapping)

    def counters(self) -> Mapping[tuple[str, str], int]:
        """Totals that survive retention, by (name, label): ("gaps_opened_total", "no_device")."""
        counter = t.counter.c
        # How often a person was hidden is not published: two looks at it would reveal the day of a marking.
        of_the_store = (PRIVACY_GENERATION_COUNTER, BELIEVED_REVISION_COUNTER)
        statement = select(counter.name, counter.label, counter.total).where(counter.name.not_in(of_the_store))
        with self._read_transaction() as connection:
            rows = connection.execute(statement)
            return {(name, label): total for name, label, total in rows}


def _known_at(columns: Sequence[Column[Any]], instant: datetime) -> Select[Any]:
    """*columns* of the rows of their table of intervals that were known at *instant*."""
    of_table = columns[0].table.c
    known = (of_table.since <= instant) & (of_table.until.is_(None) | (of_table.until > instant))
    return select(*columns).where(known).order_by(of_table.id)
