"""What a reconciliation found, written by difference in one transaction; recorded twice, it writes its own row alone.

Knowledge only grows forward: intervals begin and end at the reconciliation that saw it, a past day's coverage stays.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, bindparam, func, insert, select, update

from fleetsync.core.model import BelievedRecord, DeviceCase, MembershipRecord, Outcome, PersonCase
from fleetsync.store import sqlite
from fleetsync.store import tables as t
from fleetsync.store.errors import StaleReconciliation
from fleetsync.store.ledger.base import LedgerBase, stream_rows
from fleetsync.store.ledger.hidden_persons import privacy_generation
from fleetsync.store.ledger.table_diff import IntervalChanges, IntervalTable, RowValues, replace_rows, write_intervals
from fleetsync.store.ledger.turnovers import write_turnover

OWED_INTERVALS = IntervalTable(
    table=t.owed,
    key=("entitlement", "subject", "subject_id", "unit"),
    compared=("groups", "count", "heads", "decidable", "reason"),
)
ASSIGNMENT_INTERVALS = IntervalTable(
    table=t.assignment,
    key=("device", "by", "entitlement", "subject_id"),
    compared=("unit", "groups", "works"),
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

COVERAGE_KEY = ("day", "unit", "entitlement")
COVERAGE_VALUES = tuple(column.name for column in t.coverage.c if column.name not in COVERAGE_KEY)


class RecordingResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording wrote: rows by table, those that were changed; nothing where nothing did."""

    reconciliation: int
    written: Mapping[str, int]


class OutcomeLedger(LedgerBase):
    """The part of the ledger that remembers what the core found."""

    def record(
        self, outcome: Outcome, *, privacy_generation: int = 0, duration_seconds: float = 0.0
    ) -> RecordingResult:
        """Write *outcome* down, which was judged of what was believed after so many *hidings*.

        Overtaken when somebody was hidden since: his name and place must not come back by what was read before.
        ValueError for coverage of another day than its own.
        """
        if strangers := {row.day for row in outcome.coverage} - {outcome.moment.today}:
            raise ValueError(f"coverage of {min(strangers)} in the outcome of {outcome.moment.today}")
        with self._write_transaction() as connection:
            _refuse_stale(connection, privacy_generation)
            newest = connection.execute(select(func.max(t.reconciliation.c.at))).scalar_one()
            # A clock that was set back must not make anything end before it began.
            at = outcome.moment.at if newest is None else max(outcome.moment.at, newest)
            written = {
                "record": _write_thing_ids(connection, outcome),
                "device": _write_devices(connection, outcome.devices),
                "person": _write_persons(connection, outcome.people),
                "unit": _write_units(connection, outcome),
                "membership": _write_memberships(connection, outcome.people),
                "login": _write_logins(connection, outcome),
                "owed": _write_owed(connection, outcome, at).written,
                "assignment": _write_assignments(connection, outcome, newest, at).written,
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
    found = stream_rows(connection, select(record.id, record.source, record.type, record.source_id, record.thing_id))
    rows = [
        {"row": row, "thing": thing}
        for row, source, kind, source_id, was in found
        if (thing := outcome.resolved_ids.get((source, kind, source_id), was)) != was
    ]
    if rows:
        connection.execute(
            update(t.record).where(record.id == bindparam("row")).values(thing_id=bindparam("thing")), rows
        )
    return len(rows)


DEVICE_VALUES = tuple(column.name for column in t.device.c if column.name != "id")


def _write_devices(connection: Connection, cases: Iterable[DeviceCase]) -> int:
    return replace_rows(
        connection, t.device, ("id",), DEVICE_VALUES, {(case.device.id,): _device_row(case) for case in cases}
    )


def _device_row(case: DeviceCase) -> RowValues:
    device, placement, device_state = case.device, case.placement, case.device_state
    return (
        device.serial,
        device.manufacturer,
        device.model,
        device.platform,
        device.form_factor,
        device.os_version,
        device.os_edition,
        device.asset_tag,
        device.ownership,
        device.managed,
        device.compliance,
        device.encrypted,
        device.enrolled_at,
        device.purchased_on,
        device.warranty_until,
        device.support_until,
        placement.holder,
        placement.purpose,
        placement.unit,
        placement.serves,
        device_state.stage,
        device_state.since,
        device_state.works,
        device_state.ours,
        device_state.secure,
        device.masked,
    )


PERSON_VALUES = tuple(column.name for column in t.person.c if column.name != "id")


def _write_persons(connection: Connection, cases: Iterable[PersonCase]) -> int:
    return replace_rows(
        connection, t.person, ("id",), PERSON_VALUES, {(case.person.id,): _person_row(case) for case in cases}
    )


def _person_row(case: PersonCase) -> RowValues:
    person_state = case.person_state
    return (
        case.person.name,
        person_state.unit,
        person_state.groups,
        person_state.school_form,
        person_state.grade_index,
        person_state.began_on,
        person_state.ends_on,
        person_state.ended_on,
        person_state.starts_on,
        person_state.counted,
        person_state.has_login,
        person_state.is_child,
        case.person.masked,
    )


def _write_units(connection: Connection, outcome: Outcome) -> int:
    wanted = {(unit.slug,): (unit.name, unit.codes, unit.school_forms, unit.published) for unit in outcome.units}
    return replace_rows(connection, t.unit, ("slug",), ("name", "codes", "school_forms", "published"), wanted)


MEMBERSHIP_KEY = ("source", "part", "source_id")
MEMBERSHIP_VALUES = tuple(column.name for column in t.membership.c if column.name not in MEMBERSHIP_KEY)


def _write_memberships(connection: Connection, cases: Iterable[PersonCase]) -> int:
    wanted = {
        (known.source, known.part, known.record.source_id): _membership_row(case.person.id, known)
        for case in cases
        for known in case.person.memberships
    }
    return replace_rows(connection, t.membership, MEMBERSHIP_KEY, MEMBERSHIP_VALUES, wanted)


def _membership_row(person: str, known: BelievedRecord) -> RowValues:
    record = known.record
    if not isinstance(record, MembershipRecord):
        raise TypeError(f"a {known.type} record among the memberships of a person")
    return (
        person,
        record.membership,
        record.codes,
        record.group,
        record.school_form,
        record.year,
        record.employment_form,
        record.share,
        record.start,
        record.end,
        record.leave_from,
        record.leave_to,
    )


def _write_logins(connection: Connection, outcome: Outcome) -> int:
    wanted = {
        (login.key.scheme, login.key.namespace, login.key.value, login.person): (
            login.first_seen,
            login.last_seen or login.first_seen,
        )
        for login in outcome.logins
    }
    key = ("scheme", "namespace", "value", "person")
    return replace_rows(connection, t.login, key, ("first_seen", "last_seen"), wanted)


# --- intervals ----------------------------------------------------------------------------------------------------------


def _write_owed(connection: Connection, outcome: Outcome, at: datetime) -> IntervalChanges:
    wanted = {
        (owed.entitlement, owed.subject, owed.subject_id, owed.unit): (
            (owed.groups, owed.count, owed.heads, owed.decidable, owed.reason),
            (),
            (),
        )
        for owed in outcome.owed
    }
    return write_intervals(connection, OWED_INTERVALS, wanted, at)


def _write_assignments(
    connection: Connection, outcome: Outcome, newest: datetime | None, at: datetime
) -> IntervalChanges:
    found_first = _newly_known_ids(outcome, _parts_complete_before(connection, newest))
    wanted = {
        (given.device, given.by, given.entitlement, given.subject_id): (
            (given.unit, given.groups, given.works),
            (given.reason,),
            (at, given.device in found_first or given.subject_id in found_first),
        )
        for given in outcome.assignments
    }
    return write_intervals(connection, ASSIGNMENT_INTERVALS, wanted, at)


def _parts_complete_before(connection: Connection, newest: datetime | None) -> Collection[tuple[str, str]]:
    """The parts that had been complete at the last reconciliation."""
    if newest is None:
        return ()
    last = select(t.reconciliation.c.pulls).order_by(t.reconciliation.c.id.desc()).limit(1)
    judged = connection.execute(last).scalar_one()
    pull, state = t.pull.c, t.part_state.c
    known = {tuple(row) for row in connection.execute(select(pull.source, pull.part).where(pull.id.in_(judged)))}
    firsts = connection.execute(select(state.source, state.part, state.first_complete_at))
    # A pull is forgotten before its part is; what was complete that long ago was judged since.
    long_ago = newest - MAX_UNRECONCILED
    return {(source, part) for source, part, first in firsts if first and ((source, part) in known or first < long_ago)}


def _newly_known_ids(outcome: Outcome, before: Collection[tuple[str, str]]) -> Collection[str]:
    """Devices and persons that a part knows which was complete for the first time since the last reconciliation.

    What begins with them has begun some time before, nobody knows when. Not by the clock: while a slow source is read
    for the first time, others are reconciled.
    """
    fresh = {
        (part.source, part.part)
        for part in outcome.parts
        if part.first_complete_at is not None and (part.source, part.part) not in before
    }
    things = [(case.device.id, case.device.records) for case in outcome.devices]
    things += [(case.person.id, (*case.person.records, *case.person.memberships)) for case in outcome.people]
    return {thing for thing, records in things if any((known.source, known.part) in fresh for known in records)}


def _write_gaps(connection: Connection, outcome: Outcome, at: datetime) -> int:
    wanted = {
        (found.kind, found.subject, found.subject_id, found.opened_at, found.known_before): (
            (found.unit, found.parked_until, found.reason),
            (),
            (),
        )
        for found in outcome.episodes
    }
    moved = write_intervals(connection, GAP_INTERVALS, wanted, at)
    _add_to_counters(connection, "gaps_opened_total", [key[0] for key in moved.begun])
    _add_to_counters(connection, "gaps_closed_total", [key[0] for key in moved.ended])
    return moved.written


def _add_to_counters(connection: Connection, name: str, labels: Iterable[str]) -> None:
    tally = Counter(labels)
    rows = [{"name": name, "label": label, "total": count} for label, count in sorted(tally.items())]
    if rows:
        statement = sqlite.insert_into(t.counter)
        more = {"total": t.counter.c.total + statement.excluded["total"]}
        connection.execute(sqlite.on_conflict(statement, ("name", "label"), more), rows)


# --- numbers ------------------------------------------------------------------------------------------------------------


def _write_coverage(connection: Connection, outcome: Outcome) -> int:
    today, day = outcome.moment.today, t.coverage.c.day
    if connection.execute(select(func.count()).where(day > today)).scalar_one():
        # The clock was set back: that day is closed.
        return 0
    wanted = {
        tuple(getattr(row, name) for name in COVERAGE_KEY): tuple(getattr(row, name) for name in COVERAGE_VALUES)
        for row in outcome.coverage
    }
    return replace_rows(connection, t.coverage, COVERAGE_KEY, COVERAGE_VALUES, wanted, day == today)


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
    made: int = connection.execute(insert(t.reconciliation).values(row).returning(t.reconciliation.c.id)).scalar_one()
    return made
