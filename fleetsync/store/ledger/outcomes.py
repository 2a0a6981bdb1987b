"""Stores the outcome of a reconciliation by difference, in one transaction.

The same outcome recorded again writes only the row of the reconciliation itself. The past is never rewritten: intervals
begin and end at the reconciliation that found the change, and the coverage of a past day stays.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, bindparam, func, insert, select, update

from fleetsync.core.model import BelievedRecord, Outcome, PersonCase, RecordType
from fleetsync.store import tables as t
from fleetsync.store.database import database_of
from fleetsync.store.errors import StaleReconciliation
from fleetsync.store.ledger.base import LedgerBase, stream_rows
from fleetsync.store.ledger.hidden_persons import privacy_generation
from fleetsync.store.ledger.table_diff import (
    IntervalTable,
    interval_rows,
    outcome_rows,
    replace_rows,
    write_intervals,
)
from fleetsync.store.ledger.turnovers import write_turnover

OWED_INTERVALS = IntervalTable(
    table=t.owed,
    key=("entitlement", "subject", "subject_id", "unit"),
    compared=("groups", "count", "heads", "decidable", "reason"),
)
ASSIGNMENT_INTERVALS = IntervalTable(
    table=t.assignment,
    key=("device", "by", "entitlement", "subject_id"),
    compared=("unit", "groups", "works", "without_contact"),
    # It cites the day of the last contact, which moves while the assignment does not.
    written_once=("reason",),
    carried_forward=("assigned_at", "known_before"),
)
GAP_INTERVALS = IntervalTable(
    table=t.gap,
    key=("kind", "subject", "subject_id", "opened_at", "known_before"),
    compared=("unit", "parked_until", "reason"),
)

MAX_UNRECONCILED = timedelta(days=7)


class RecordingResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording wrote: rows by table, those that were changed; nothing where nothing did."""

    reconciliation: int
    written: Mapping[str, int]


class OutcomeLedger(LedgerBase):
    """The part of the ledger that stores outcomes."""

    def record(
        self, outcome: Outcome, *, privacy_generation: int = 0, duration_seconds: float = 0.0
    ) -> RecordingResult:
        """Store *outcome*, which was computed from a state with this *privacy_generation*.

        Raises StaleReconciliation when a person was hidden since: their name and place must not come back from what was
        read before. ValueError for coverage of another day than its own.
        """
        if other_days := {row.day for row in outcome.coverage} - {outcome.moment.today}:
            raise ValueError(f"coverage of {min(other_days)} in the outcome of {outcome.moment.today}")
        with self._write_transaction() as connection:
            _refuse_stale(connection, privacy_generation)
            newest = connection.execute(select(func.max(t.reconciliation.c.at))).scalar_one()
            # A clock that was set back must not make anything end before it began.
            at = outcome.moment.at if newest is None else max(outcome.moment.at, newest)
            written = {
                "record": _write_thing_ids(connection, outcome),
                "device": replace_rows(connection, t.device, outcome_rows(t.device, outcome.devices)),
                "person": replace_rows(connection, t.person, outcome_rows(t.person, outcome.people)),
                "unit": replace_rows(connection, t.unit, outcome_rows(t.unit, outcome.units)),
                "membership": _write_memberships(connection, outcome.people),
                "login": replace_rows(connection, t.login, outcome_rows(t.login, outcome.logins)),
                "owed": _write_owed(connection, outcome, at),
                "assignment": _write_assignments(connection, outcome, newest, at),
                "gap": _write_gaps(connection, outcome, at),
                "coverage": _write_coverage(connection, outcome),
                "turnover": write_turnover(connection, outcome.turnover),
            }
            row = _insert_reconciliation(connection, outcome, duration_seconds)
        return RecordingResult(reconciliation=row, written={name: count for name, count in written.items() if count})


def _refuse_stale(connection: Connection, known: int) -> None:
    if privacy_generation(connection) != known:
        raise StaleReconciliation("somebody was protected or erased while this was judged. Judge what is believed now")


def _write_thing_ids(connection: Connection, outcome: Outcome) -> int:
    record = t.record.c
    stored = stream_rows(connection, select(record.id, record.source, record.type, record.source_id, record.thing_id))
    rows = [
        {"row": row, "resolved": resolved}
        for row, source, kind, source_id, before in stored
        if (resolved := outcome.resolved_ids.get((source, kind, source_id), before)) != before
    ]
    if rows:
        connection.execute(
            update(t.record).where(record.id == bindparam("row")).values(thing_id=bindparam("resolved")), rows
        )
    return len(rows)


class PersonMembership(msgspec.Struct, frozen=True):
    """A row of `membership`: the believed record, and the id of the person whose it is."""

    person: str
    believed: BelievedRecord


def _write_memberships(connection: Connection, cases: Iterable[PersonCase]) -> int:
    memberships = [PersonMembership(case.person.id, believed) for case in cases for believed in case.person.memberships]
    for membership in memberships:
        if membership.believed.type is not RecordType.MEMBERSHIP:
            raise TypeError(f"a {membership.believed.type} record among the memberships of a person")
    return replace_rows(connection, t.membership, outcome_rows(t.membership, memberships))


# --- intervals ----------------------------------------------------------------------------------------------------------


def _write_owed(connection: Connection, outcome: Outcome, at: datetime) -> int:
    return write_intervals(connection, OWED_INTERVALS, interval_rows(OWED_INTERVALS, outcome.owed), at).written


def _write_assignments(connection: Connection, outcome: Outcome, newest: datetime | None, at: datetime) -> int:
    newly_known = _newly_known_ids(outcome, _parts_complete_before(connection, newest))
    rows = [
        row | {"assigned_at": at, "known_before": row["device"] in newly_known or row["subject_id"] in newly_known}
        for row in interval_rows(ASSIGNMENT_INTERVALS, outcome.assignments)
    ]
    return write_intervals(connection, ASSIGNMENT_INTERVALS, rows, at).written


def _parts_complete_before(connection: Connection, newest: datetime | None) -> Collection[tuple[str, str]]:
    """The parts that had been complete at the last reconciliation."""
    if newest is None:
        return ()
    last = select(t.reconciliation.c.pulls).order_by(t.reconciliation.c.id.desc()).limit(1)
    judged = connection.execute(last).scalar_one()
    pull, state = t.pull.c, t.part_state.c
    known = {tuple(row) for row in connection.execute(select(pull.source, pull.part).where(pull.id.in_(judged)))}
    firsts = connection.execute(select(state.source, state.part, state.first_complete_at))
    # The rows of old pulls are removed; a part that was complete that long ago has been reconciled since.
    long_ago = newest - MAX_UNRECONCILED
    return {(source, part) for source, part, first in firsts if first and ((source, part) in known or first < long_ago)}


def _newly_known_ids(outcome: Outcome, before: Collection[tuple[str, str]]) -> Collection[str]:
    """Devices and persons that a part knows which was complete for the first time since the last reconciliation.

    What begins with them began some time before, at an unknown date. This is not decided by the clock: while a slow source
    is read for the first time, others are reconciled.
    """
    fresh = {
        (part.source, part.part)
        for part in outcome.parts
        if part.first_complete_at is not None and (part.source, part.part) not in before
    }
    subjects = [(case.device.id, case.device.records) for case in outcome.devices]
    subjects += [(case.person.id, (*case.person.records, *case.person.memberships)) for case in outcome.people]
    return {subject for subject, records in subjects if any((known.source, known.part) in fresh for known in records)}


def _write_gaps(connection: Connection, outcome: Outcome, at: datetime) -> int:
    changes = write_intervals(connection, GAP_INTERVALS, interval_rows(GAP_INTERVALS, outcome.episodes), at)
    _add_to_counters(connection, "gaps_opened_total", [key[0] for key in changes.begun])
    _add_to_counters(connection, "gaps_closed_total", [key[0] for key in changes.ended])
    return changes.written


def _add_to_counters(connection: Connection, name: str, labels: Iterable[str]) -> None:
    tally = Counter(labels)
    rows = [{"name": name, "label": label, "total": count} for label, count in sorted(tally.items())]
    if rows:
        connection.execute(database_of(connection).upsert(t.counter, ("name", "label"), added=("total",)), rows)


# --- numbers ------------------------------------------------------------------------------------------------------------


def _write_coverage(connection: Connection, outcome: Outcome) -> int:
    today, day = outcome.moment.today, t.coverage.c.day
    if connection.execute(select(func.count()).where(day > today)).scalar_one():
        # The clock was set back: a day before the newest is closed.
        return 0
    return replace_rows(connection, t.coverage, outcome_rows(t.coverage, outcome.coverage), day == today)


def _insert_reconciliation(connection: Connection, outcome: Outcome, duration_seconds: float) -> int:
    state = t.part_state.c
    complete = select(state.complete_pull).where(state.complete_pull.is_not(None)).order_by(state.complete_pull)
    row = {
        "at": outcome.moment.at,
        "day": outcome.moment.today,
        "pulls": tuple(connection.execute(complete).scalars()),
        "policy_fingerprint": outcome.policy_fingerprint,
        "duration_seconds": duration_seconds,
    }
    statement = insert(t.reconciliation).values(row).returning(t.reconciliation.c.id)
    reconciliation: int = connection.execute(statement).scalar_one()
    return reconciliation
