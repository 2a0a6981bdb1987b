"""Stores the outcome of a reconciliation by difference, in one transaction.

The same outcome recorded again writes only the row of the reconciliation itself. The past is never rewritten: intervals
begin and end at the reconciliation that found the change, and the coverage of a past day stays.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter

import msgspec
from sqlalchemy import Connection, bindparam, func, insert, select, update

from fleetsync.core.model import (
    Assignment,
    BelievedRecord,
    BelievedState,
    Outcome,
    Person,
    RecordType,
    RunningAssignment,
)
from fleetsync.store import tables as t
from fleetsync.store.database import database_of
from fleetsync.store.errors import StaleReconciliation
from fleetsync.store.ledger.base import LedgerBase
from fleetsync.store.ledger.corrections import end_agreed_corrections
from fleetsync.store.ledger.hidden_persons import privacy_generation
from fleetsync.store.ledger.recorded_state import is_day_closed, state_after_recording
from fleetsync.store.ledger.revision import believed_revision
from fleetsync.store.ledger.table_diff import IntervalTable, replace_rows, without_common, write_intervals
from fleetsync.store.ledger.turnovers import write_turnover

OWED_INTERVALS = IntervalTable(
    table=t.owed,
    subject="subject_id",
    key=("entitlement", "subject", "subject_id", "unit"),
    compared=("groups", "count", "heads", "decidable", "reason"),
)
ASSIGNMENT_INTERVALS = IntervalTable(
    table=t.assignment,
    subject="device",
    key=("device", "by", "entitlement", "subject_id"),
    compared=("unit", "groups", "works", "without_contact"),
    # The reason cites the day of the last contact, which moves while the assignment does not.
    written_once=("reason", "assigned_at", "known_before"),
)
GAP_INTERVALS = IntervalTable(
    table=t.gap,
    subject="subject_id",
    key=("kind", "subject", "subject_id", "opened_at", "known_before"),
    compared=("unit", "parked_until", "reason"),
)

MAX_UNRECONCILED = timedelta(days=7)


class RecordingResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording wrote: rows by table, those that were changed; nothing where nothing did.

    *believed*: what is believed now, as `Ledger.believed` would read it; None: it has to be read.
    """

    reconciliation: int
    written: Mapping[str, int]
    believed: BelievedState | None


class OutcomeLedger(LedgerBase):
    """The part of the ledger that stores outcomes."""

    def record(
        self,
        outcome: Outcome,
        believed: BelievedState,
        *,
        previous: Outcome | None = None,
        duration_seconds: float = 0.0,
    ) -> RecordingResult:
        """Store *outcome*, which was reconciled from *believed*.

        *previous*: the outcome that was recorded last, with nothing written by anybody else since; None: where that is
        not known, and the tables of the outcome are read.

        Raises StaleReconciliation when what is believed has changed since it was read, or a person was hidden: their
        name and place must not come back from what was read before. ValueError for coverage of another day than its own.
        """
        if other_days := {row.day for row in outcome.coverage} - {outcome.moment.today}:
            raise ValueError(f"coverage of {min(other_days)} in the outcome of {outcome.moment.today}")
        with self._write_transaction() as connection:
            _refuse_stale(connection, believed)
            newest = connection.execute(select(func.max(t.reconciliation.c.at))).scalar_one()
            # A clock that was set back must not make anything end before it began.
            at = outcome.moment.at if newest is None else max(outcome.moment.at, newest)
            assignments = _running_assignments(connection, outcome, believed, newest, at)
            written = {
                "record": _write_thing_ids(connection, outcome),
                **_write_results(connection, outcome, previous),
                "login": replace_rows(connection, t.login, outcome.logins, believed.logins),
                "owed": _write_owed(connection, outcome, previous, at),
                "assignment": _write_assignments(connection, assignments, believed, at),
                "gap": _write_gaps(connection, outcome, believed, at),
                "correction": end_agreed_corrections(connection, outcome, believed, at),
                "coverage": _write_coverage(connection, outcome, believed),
                "turnover": 0
                if outcome.turnover == believed.turnover
                else write_turnover(connection, outcome.turnover),
            }
            row = _insert_reconciliation(connection, outcome, duration_seconds)
        return RecordingResult(
            reconciliation=row,
            written={name: count for name, count in written.items() if count},
            believed=state_after_recording(believed, outcome, assignments, newest),
        )


def _refuse_stale(connection: Connection, believed: BelievedState) -> None:
    if privacy_generation(connection) != believed.privacy_generation:
        raise StaleReconciliation("somebody was protected or erased while this was judged. Judge what is believed now")
    if believed_revision(connection) != believed.revision:
        raise StaleReconciliation("what is believed was changed while this was judged. Judge what is believed now")


def _write_thing_ids(connection: Connection, outcome: Outcome) -> int:
    record = t.record.c
    names = ("at_source", "at_part", "at_type", "at_source_id", "resolved")
    rows = [
        (known.source, known.part, known.type.value, known.record.source_id, thing_id)
        for known, thing_id in outcome.resolved_ids
    ]
    same_key = [record[name] == bindparam(f"at_{name}") for name in ("source", "part", "type", "source_id")]
    statement = update(t.record).where(*same_key).values(thing_id=bindparam("resolved"))
    return database_of(connection).write_rows(connection, statement, names, rows)


def _write_results(connection: Connection, outcome: Outcome, previous: Outcome | None) -> dict[str, int]:
    """Write what was concluded of each device, person and unit."""
    if previous is None:
        before: Mapping[str, Sequence[object] | None] = dict.fromkeys(("device", "person", "unit", "membership"))
        memberships = _memberships([case.person for case in outcome.people])
    else:
        were, are = without_common([case.person for case in previous.people], [case.person for case in outcome.people])
        memberships = _memberships(are)
        before = {
            "device": previous.devices,
            "person": previous.people,
            "unit": previous.units,
            "membership": _memberships(were),
        }
    return {
        "device": replace_rows(connection, t.device, outcome.devices, before["device"]),
        "person": replace_rows(connection, t.person, outcome.people, before["person"]),
        "unit": replace_rows(connection, t.unit, outcome.units, before["unit"]),
        "membership": replace_rows(connection, t.membership, memberships, before["membership"]),
    }


class PersonMembership(msgspec.Struct, frozen=True):
    """A row of `membership`: the believed record, and the id of the person whose it is."""

    person: str
    believed: BelievedRecord


def _memberships(people: Iterable[Person]) -> list[PersonMembership]:
    memberships = [PersonMembership(person.id, believed) for person in people for believed in person.memberships]
    for membership in memberships:
        if membership.believed.type is not RecordType.MEMBERSHIP:
            raise TypeError(f"a {membership.believed.type} record among the memberships of a person")
    return memberships


# --- intervals ----------------------------------------------------------------------------------------------------------


def _write_owed(connection: Connection, outcome: Outcome, previous: Outcome | None, at: datetime) -> int:
    before = None if previous is None else previous.owed
    return write_intervals(connection, OWED_INTERVALS, outcome.owed, before, at).written


def _write_assignments(
    connection: Connection, assignments: Sequence[RunningAssignment], believed: BelievedState, at: datetime
) -> int:
    return write_intervals(connection, ASSIGNMENT_INTERVALS, assignments, believed.assignments, at).written


def _running_assignments(
    connection: Connection, outcome: Outcome, believed: BelievedState, newest: datetime | None, at: datetime
) -> tuple[RunningAssignment, ...]:
    """The assignments of *outcome* with their starts: those that go on keep theirs, the others begin *at*."""
    running = {_assignment_key(before.assignment): before for before in believed.assignments}
    begun = [each for each in outcome.assignments if _assignment_key(each) not in running]
    newly_known = _newly_known_ids(outcome, _parts_complete_before(connection, newest)) if begun else ()

    def with_start(assignment: Assignment) -> RunningAssignment:
        before = running.get(_assignment_key(assignment))
        if before is None:
            known_before = assignment.device in newly_known or assignment.subject_id in newly_known
            return RunningAssignment(assignment, at, known_before)
        if _compared_of_assignment(before.assignment) == _compared_of_assignment(assignment):
            return before  # with the reason that it began with
        return RunningAssignment(assignment, before.since, before.known_before)

    return tuple(map(with_start, outcome.assignments))


_assignment_key = attrgetter(*ASSIGNMENT_INTERVALS.key)
_compared_of_assignment = attrgetter(*ASSIGNMENT_INTERVALS.compared)


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
    if not fresh:
        return ()
    subjects = [(case.device.id, case.device.records) for case in outcome.devices]
    subjects += [(case.person.id, (*case.person.records, *case.person.memberships)) for case in outcome.people]
    return {subject for subject, records in subjects if any((known.source, known.part) in fresh for known in records)}


def _write_gaps(connection: Connection, outcome: Outcome, believed: BelievedState, at: datetime) -> int:
    before = [episode for episode in believed.episodes if episode.closed_at is None]
    changes = write_intervals(connection, GAP_INTERVALS, outcome.episodes, before, at)
    _add_to_counters(connection, "gaps_opened_total", [key[0] for key in changes.begun])
    _add_to_counters(connection, "gaps_closed_total", [key[0] for key in changes.ended])
    return changes.written


def _add_to_counters(connection: Connection, name: str, labels: Iterable[str]) -> None:
    tally = Counter(labels)
    rows = [{"name": name, "label": label, "total": count} for label, count in sorted(tally.items())]
    if rows:
        connection.execute(database_of(connection).upsert(t.counter, ("name", "label"), added=("total",)), rows)


# --- numbers ------------------------------------------------------------------------------------------------------------


def _write_coverage(connection: Connection, outcome: Outcome, believed: BelievedState) -> int:
    today = outcome.moment.today
    if is_day_closed(today, believed):
        return 0
    before = [row for row in believed.coverage if row.day == today]
    return replace_rows(connection, t.coverage, outcome.coverage, before, t.coverage.c.day == today)


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
