"""Copies, checks and retention of the database, and the lease of the schedule."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, Table, delete, exists, func, insert, literal, or_, select, update

from fleetsync.core.model import CoveredBy, RecordType, Subject
from fleetsync.store import tables as t
from fleetsync.store.content import carry_content, require_empty
from fleetsync.store.database import Database, ScheduleLease, open_database
from fleetsync.store.errors import StoreRefused
from fleetsync.store.ledger.marks import all_marks, restore_marks
from fleetsync.store.ledger.prepared_copy import prepared_copy, refuse_unusable_copy
from fleetsync.store.ledger.privacy import PrivacyLedger
from fleetsync.store.ledger.revision import advance_believed_revision, believed_revision
from fleetsync.store.upgrade import head, upgrade

TERM_LENGTH = timedelta(days=180)

# How long a kind of row is kept after it has ended. Coverage, counters and what a register still says are not here.
RETENTION: Mapping[str, timedelta] = {
    "record": TERM_LENGTH,  # gone: a term after it vanished
    "login": TERM_LENGTH,  # of a person without any record
    "owed": timedelta(days=548),
    "assignment": timedelta(days=548),
    "gap": timedelta(days=548),
    "turnover": timedelta(days=400),  # until the next: who left with it must not come back because a row was left open
    "pull": timedelta(days=548),  # never the newest of a part that is believed or held
    "reconciliation": timedelta(days=548),  # never the newest
    "override": TERM_LENGTH,
    "correction": timedelta(days=548),  # as the intervals: past days are counted by it
    "parked": TERM_LENGTH,
    "audit": timedelta(days=730),
    "copy": timedelta(days=30),  # taken before a migration
}


_TYPES_OF_PERSONS = (RecordType.PERSON.value, RecordType.MEMBERSHIP.value)
_TABLES_OF_PERSONS = (
    t.person,
    t.membership,
    t.login,
    t.override,
    t.turnover_membership,
    t.protected_token,
    t.erased_token,
    t.protection_mark,
    t.pending_mark,
)
# What was known of persons, which is kept longer than they and their records are.
_INTERVALS_OF_PERSONS = (
    t.owed.c.subject == Subject.PERSON.value,
    t.assignment.c.by == CoveredBy.OWN.value,
    t.gap.c.subject == Subject.PERSON.value,
    t.correction.c.field == "holder",
)
CLOCK_CONFIRMED = "clock confirmed"  # in the audit
_TIMES_BROUGHT_BACK: Mapping[Table, tuple[str, ...]] = {
    t.record: ("first_seen", "changed_at", "absent_since"),
    t.part_state: ("last_attempt_at", "last_complete_at", "first_complete_at"),
    t.pull: ("started_at", "finished_at"),
    t.assignment: ("assigned_at",),
    t.gap: ("opened_at",),
    t.device: ("stage_since",),
    t.correction: ("at", "ended_at"),
}


class MaintenanceLedger(PrivacyLedger):
    """The part of the ledger that looks after the database as a whole."""

    def schedule_lease(self) -> ScheduleLease | None:
        """The lease of the daemon that pulls by the clock; None while another one has it. See `Locks.schedule`."""
        return self._database.locks.schedule()

    def schedule_holder(self) -> str | None:
        """Which daemon pulls by the clock: its machine and process; None: no daemon."""
        return self._database.locks.schedule_holder()

    def size_bytes(self) -> int:
        """The database with its journal."""
        return self._database.size_bytes()

    def holds_persons(self) -> bool:
        """Whether anything is stored of a person: a record, a log-in, a token, or what they were owed, had or lacked."""
        persons_of = [exists(select(literal(1)).select_from(table)) for table in _TABLES_OF_PERSONS]
        records_of = [
            exists(select(literal(1)).where(table.c.type.in_(_TYPES_OF_PERSONS) | table.c.body.contains('"keys":')))
            for table in (t.record, t.staged_record)
        ]
        intervals_of = [exists(select(literal(1)).where(of_person)) for of_person in _INTERVALS_OF_PERSONS]
        with self._read_transaction() as connection:
            return bool(connection.scalar(select(or_(*persons_of, *records_of, *intervals_of))))

    def backup(self, path: Path) -> None:
        """A verified copy at *path*, while everything goes on. It holds personal data, and only its owner can read it.

        Raises StoreRefused when the copy is damaged or cannot be written.
        """
        try:
            self._database.copy_to(path)
        except OSError as cause:
            reason = cause.strerror or "the folder is not there"
            raise StoreRefused(f"{path}: cannot be written ({reason}). Choose another place") from None

    def restore(self, path: Path) -> None:
        """Replace all content by the copy at *path*, migrated to this version. Persons protected or erased since stay so.

        They are hidden in a file beside the copy, which then replaces the database in one transaction: if the
        process ends meanwhile, the database is the one before or the one after. Raises StoreRefused for a file that is not a
        sound copy of this or an earlier version, and while a daemon pulls by the clock. Nothing is changed then.
        """
        refuse_unusable_copy(path)
        with self._without_a_daemon("restore"), prepared_copy(path) as (prepared, database):
            self._hide_in(database)
            with self._database.locks.upgrade():
                self._database.restore_from(prepared)

    def _hide_in(self, database: Database) -> None:
        """Hide in the prepared *database* who is hidden in this one, and bring the ways back along."""
        with self._read_transaction() as connection:
            kept_marks = all_marks(connection)
            revision = believed_revision(connection)
        prepared = self._over(database)
        for is_erased, tokens, at in self._privacy_tokens():
            (prepared.erase if is_erased else prepared.protect)(tokens, at)
        with database.begin_writing() as connection:
            restore_marks(connection, kept_marks)
            # The copy counts from an earlier number: no process may take its own for the one that is restored.
            advance_believed_revision(connection, revision)

    def move_to(self, url: str) -> int:
        """Carry all content to the empty database at *url*, of whatever kind, and compare it there; the number of rows.

        Raises StoreRefused while a daemon pulls by the clock, and where *url* holds rows already. Nothing is removed here.
        """
        with self._without_a_daemon("move"), closing(open_database(url)) as target:
            upgrade(target)
            with target.begin_reading() as connection:
                require_empty(connection)
            with self._write_transaction(changes_believed=False) as ours, target.begin_writing() as theirs:
                return sum(rows for rows, _ in carry_content(ours, theirs).values())

    @contextmanager
    def _without_a_daemon(self, what: str) -> Iterator[None]:
        """No daemon pulls by the clock meanwhile. Raises StoreRefused, which says that *what* can be done later."""
        lease = self.schedule_lease()
        if lease is None:
            holder = self.schedule_holder() or "which has just begun"
            raise StoreRefused(f"{self._database.name}: a daemon uses it ({holder}). Stop the daemon, and {what} then")
        try:
            yield
        finally:
            lease.release()

    def _privacy_tokens(self) -> tuple[tuple[bool, frozenset[str], datetime], ...]:
        now = self._clock.now()
        return ((False, self.protected_tokens(), now), (True, self.erased_tokens(), now))

    def verify(self) -> tuple[str, ...]:
        """What is wrong with the database; empty when it is sound."""
        problems = self._database.problems()
        if (revisions := self._database.revisions()) != (head(),):
            problems += (f"its schema is {', '.join(revisions) or 'none'}, not {head()}",)
        return problems

    def clock_confirmed_at(self) -> datetime | None:
        """The newest instant at which a person confirmed that this machine's clock is right."""
        confirmed = select(func.max(t.audit.c.at)).where(t.audit.c.what == CLOCK_CONFIRMED)
        with self._read_transaction() as connection:
            at: datetime | None = connection.execute(confirmed).scalar_one()
            return at

    def confirm_clock(self, who: str, today: date) -> Mapping[str, int]:
        """The clock is right: forget what was recorded of times to come; the number of rows by table, where any went.

        *today*: the local day. Nothing that is believed goes: only its times are brought back to now.
        """
        now = self._clock.now()
        removed: dict[str, int] = {}
        with self._write_transaction() as connection:
            for table, is_to_come in _to_come(now, today).items():
                removed[table.name] = connection.execute(delete(table).where(is_to_come)).rowcount
            for table in (t.owed, t.assignment, t.gap):
                ended = update(table).where(table.c.until > now).values(until=None)
                connection.execute(ended)
            for table, names in _TIMES_BROUGHT_BACK.items():
                for name in names:
                    connection.execute(update(table).where(table.c[name] > now).values({name: now}))
            for table in (t.part_scope, t.pull_scope):
                connection.execute(update(table).where(table.c.as_of > today).values(as_of=today))
            connection.execute(delete(t.audit).where((t.audit.c.what == CLOCK_CONFIRMED) & (t.audit.c.at > now)))
            connection.execute(insert(t.audit).values(at=now, who=who, what=CLOCK_CONFIRMED, subject=None))
        return {name: count for name, count in removed.items() if count}

    def purge(self, now: datetime, retention: Mapping[str, timedelta] = RETENTION) -> Mapping[str, int]:
        """Remove what has been kept long enough, and its bytes; the number of rows by kind, where any went."""
        removed: dict[str, int] = {}
        with self._write_transaction() as connection:
            for kind, (table, is_over) in _purge_conditions(now, retention).items():
                removed[kind] = connection.execute(delete(table).where(is_over)).rowcount
        self._database.scrub_deleted_bytes(shrink=True)
        removed["copy"] = self._database.purge_migration_copies(now - retention["copy"])
        return {kind: count for kind, count in removed.items() if count}


def _to_come(now: datetime, today: date) -> Mapping[Table, ColumnElement[bool]]:
    """By table: which rows speak of times to come, of those that only a reconciliation writes."""
    return {
        t.reconciliation: t.reconciliation.c.at > now,
        t.coverage: t.coverage.c.day > today,
        t.owed: t.owed.c.since > now,
        t.assignment: t.assignment.c.since > now,
        t.gap: t.gap.c.since > now,
    }


def _purge_conditions(
    now: datetime, retention: Mapping[str, timedelta]
) -> Mapping[str, tuple[Table, ColumnElement[bool]]]:
    """By kind: which rows of which table have been kept long enough."""
    state = t.part_state.c
    in_use = (
        select(state.complete_pull)
        .where(state.complete_pull.is_not(None))
        .union(select(state.held_pull).where(state.held_pull.is_not(None)))
    )
    old = {kind: now - kept for kind, kept in retention.items()}
    return {
        "record": (t.record, t.record.c.gone & (t.record.c.absent_since < old["record"])),
        "login": (
            t.login,
            (func.coalesce(t.login.c.last_seen, t.login.c.first_seen) < old["login"])
            & t.login.c.person.not_in(select(t.person.c.id)),
        ),
        "owed": (t.owed, t.owed.c.until < old["owed"]),
        "assignment": (t.assignment, t.assignment.c.until < old["assignment"]),
        "gap": (t.gap, t.gap.c.until < old["gap"]),
        "turnover": (t.turnover, t.turnover.c.turned_at < old["turnover"]),
        "pull": (
            t.pull,
            t.pull.c.verdict.is_not(None) & (t.pull.c.started_at < old["pull"]) & t.pull.c.id.not_in(in_use),
        ),
        "reconciliation": (
            t.reconciliation,
            (t.reconciliation.c.at < old["reconciliation"])
            & (t.reconciliation.c.id != select(func.max(t.reconciliation.c.id)).scalar_subquery()),
        ),
        "override": (t.override, t.override.c.until < old["override"].date()),
        "correction": (
            t.correction,
            (t.correction.c.ended_at < old["correction"]) | (t.correction.c.until < old["correction"].date()),
        ),
        "parked": (t.parked, t.parked.c.until < old["parked"].date()),
        "audit": (t.audit, t.audit.c.at < old["audit"]),
    }
