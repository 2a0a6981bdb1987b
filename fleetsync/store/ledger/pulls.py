"""Pulls and their staging: what a pull would change, page by page, and what is believed for it to compare with.

A pull that has begun holds the lock of its part until it is judged: complete, unchanged, held or failed. The caller that
began it must end it, with `fail_pull` where nothing else does. Only the newest held pull of a part keeps its rows.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from fleetsync.core.model import (
    HoldReason,
    MembershipRecord,
    PulledScope,
    PullEffect,
    RecordType,
    RowChange,
    ScopeFindings,
    StagedRow,
    UnreadableRow,
    Verdict,
)
from fleetsync.store import tables as t
from fleetsync.store.database import database_of
from fleetsync.store.errors import StoreError
from fleetsync.store.ledger import redaction
from fleetsync.store.ledger.base import RECORD_WITH_CONTACT, LedgerBase, decode_record, encode_record, stream_rows
from fleetsync.store.ledger.hidden_persons import advance_privacy_generation, drop_pending_marks, pending_marks
from fleetsync.store.ledger.staging_filter import staging_filter

NOT_JUDGED_REASON = "the end of this pull could not be written to the database; the part was pulled again after it"
PROCESS_ENDED_REASON = "the process ended before the pull was judged; the next pull reads the part again"

COUNT_COLUMN_BY_CHANGE: Mapping[str, str] = {
    RowChange.PUT.value: "puts",
    RowChange.RETURN.value: "returns",
    RowChange.CONTACT.value: "contacts",
    RowChange.ABSENT.value: "absences",
}


class RecordIndexEntry(msgspec.Struct, frozen=True, gc=False):
    """What a pull has to know of a record that is remembered: enough to see whether it differs."""

    fingerprint: int
    absent: bool
    gone: bool
    last_contact_at: datetime | None
    scope: str | None


class StoredPull(msgspec.Struct, frozen=True, kw_only=True):
    """A pull as lists show it; *decision* of a held one: accepted, rejected, dissolved or followed (by another)."""

    id: int
    source: str
    part: str
    started_at: datetime
    finished_at: datetime | None = None
    verdict: Verdict | None = None  # None: not judged yet
    reason: str | None = None
    seen: int = 0
    duplicates: int = 0
    puts: int = 0
    returns: int = 0
    contacts: int = 0
    absences: int = 0
    rejected: Mapping[str, int] = {}
    unreadable_facts: Mapping[str, int] = {}
    unreadable: tuple[UnreadableRow, ...] = ()
    unused_headers: Mapping[str, tuple[str, ...]] = {}
    dropped: Mapping[str, int] = {}
    newly_marked: int = 0
    conflicting_duplicates: int = 0
    drift: Mapping[str, int] = {}
    is_first: bool = False
    refusals: tuple[HoldReason, ...] = ()
    decision: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    decision_reason: str | None = None


STAGED_KEY = ("pull_id", "type", "source_id")
STAGED_VALUES = tuple(column.name for column in t.staged_record.c if column.name not in STAGED_KEY)

PULL_COLUMNS = tuple(t.pull.c[name] for name in StoredPull.__struct_fields__)


class PullLedger(LedgerBase):
    """The part of the ledger that the runner uses: `pull.runner.Staging`."""

    def begin_pull(self, source: str, part: str, at: datetime) -> int:
        """The id of a new pull, which holds the part's lock from here on. Raises PartBusy."""
        lock = self._lock_part(source, part)
        try:
            with self._write_transaction() as connection:
                self._end_abandoned(connection, source, part)
                row = {"source": source, "part": part, "started_at": at, "rejected": (), "drift": (), "refusals": ()}
                pull: int = connection.execute(insert(t.pull).values(row).returning(t.pull.c.id)).scalar_one()
                update_part_state(connection, source, part, last_attempt_at=at)
        except BaseException:
            lock.release()
            raise
        with self._held_locks_mutex:
            self._held_locks[pull] = lock
        return pull

    def record_index(self, source: str, part: str) -> dict[tuple[str, str], RecordIndexEntry]:
        """All that is remembered of a part, by (type, source id); gone records are flagged."""
        record = t.record.c
        statement = (
            select(
                record.type,
                record.source_id,
                record.fingerprint,
                record.absent_since,
                record.gone,
                t.contact.c.last_contact_at,
                record.scope,
            )
            .select_from(RECORD_WITH_CONTACT)
            .where(record.source == source, record.part == part)
        )
        with self._read_transaction() as connection:
            return {
                (kind, source_id): RecordIndexEntry(fingerprint, absent_since is not None, gone, contact, scope)
                for kind, source_id, fingerprint, absent_since, gone, contact, scope in stream_rows(
                    connection, statement
                )
            }

    def membership_persons(self, source: str, part: str) -> dict[str, str]:
        """The person (source id) of each membership that is remembered of a part, by the membership's source id."""
        record = t.record.c
        statement = select(record.source_id, record.body).where(
            record.source == source, record.part == part, record.type == RecordType.MEMBERSHIP.value
        )
        with self._read_transaction() as connection:
            bodies = ((source_id, decode_record(body)) for source_id, body in stream_rows(connection, statement))
            return {source_id: body.person for source_id, body in bodies if isinstance(body, MembershipRecord)}

    def known_files(self, source: str, part: str) -> dict[str, tuple[str | None, date]]:
        """(fingerprint, as_of) of what was last believed, by scope ("": the part)."""
        scope = t.part_scope.c
        statement = select(scope.scope, scope.fingerprint, scope.as_of).where(
            scope.source == source, scope.part == part
        )
        with self._read_transaction() as connection:
            return {name: (fingerprint, as_of) for name, fingerprint, as_of in connection.execute(statement)}

    def mark(self, source: str, part: str) -> str | None:
        """The bookmark of the last complete pull of a part that reads some."""
        state = t.part_state.c
        with self._read_transaction() as connection:
            mark: str | None = connection.execute(
                select(state.mark).where(state.source == source, state.part == part)
            ).scalar_one_or_none()
            return mark

    def stage_rows(self, pull: int, rows: Sequence[StagedRow]) -> None:
        """Stage *rows*, one short transaction. Of several rows of one (type, source id) the last one counts.

        Persons who were protected or erased since the pull began are hidden here, by all keys that these rows contain.
        """
        if not rows:
            return
        with self._write_transaction() as connection:
            source, part = self._require_unjudged_pull(connection, pull)
            privacy = staging_filter(connection, source, part, self._token_of)
            latest = {row.ref: self._staged_row(pull, source, part, row) for row in privacy.filter(connection, rows)}
            self._upsert_staged(connection, self._database.upsert(t.staged_record, STAGED_KEY, STAGED_VALUES), latest)
            # A person whom this pull shows masked is present, although the former id is not.
            renamed = {row.ref: self._staged_row(pull, source, part, row) for row in privacy.renamed_rows}
            self._upsert_staged(connection, self._database.insert_new(t.staged_record, STAGED_KEY), renamed)
            # Their other keys may be in the records of other sources.
            if privacy.newly_protected:
                redaction.protect(connection, privacy.newly_protected, self._clock.now(), self._token_of)
            if privacy.newly_erased:
                redaction.erase(connection, privacy.newly_erased, self._clock.now(), self._token_of)
        if privacy.newly_protected or privacy.newly_erased:
            self._database.scrub_deleted_bytes()

    @staticmethod
    def _upsert_staged(connection: Connection, statement: Any, rows: Mapping[tuple[str, str], dict[str, Any]]) -> None:
        if rows:
            connection.execute(statement, list(rows.values()))

    def _staged_row(self, pull: int, source: str, part: str, row: StagedRow) -> dict[str, Any]:
        return {
            "pull_id": pull,
            "type": row.type.value,
            "source_id": row.source_id,
            "change": row.change.value,
            "scope": row.scope,
            "body": None if row.record is None else encode_record(row.record),
            "fingerprint": row.fingerprint,
            "own_id": row.own_id or self._own_id(source, part, row.type.value, row.source_id),
            "last_contact_at": row.last_contact_at,
            "masked": row.masked,
        }

    def hold_marks(self, pull: int, tokens: Iterable[str], person_by_token: Mapping[str, str]) -> None:
        """Keep the marks of *pull* apart: the persons are not shown from now on, and protected once it is believed.

        *person_by_token*: as `record_marks`, which is done for the persons of these *tokens* then.
        """
        rows = [{"pull_id": pull, "token": token, "person": person_by_token.get(token)} for token in sorted(tokens)]
        if not rows:
            return
        with self._write_transaction() as connection:
            self._require_unjudged_pull(connection, pull)
            connection.execute(self._database.insert_new(t.pending_mark, ("pull_id", "token")), rows)
            advance_privacy_generation(connection)

    def finish_pull(self, effect: PullEffect) -> None:
        """The part is read whole: store what *effect* says beside its rows, which are staged already.

        The pull then waits for its judgement: `apply` or `hold`.
        """
        with self._write_transaction() as connection:
            self._require_unjudged_pull(connection, effect.pull)
            self._store_effect(connection, effect)

    def _store_effect(self, connection: Connection, effect: PullEffect) -> None:
        staged = t.staged_record.c
        tally = select(staged.change, func.count()).where(staged.pull_id == effect.pull).group_by(staged.change)
        values: dict[str, Any] = {COUNT_COLUMN_BY_CHANGE[change]: count for change, count in connection.execute(tally)}
        values |= {
            "finished_at": self._clock.now(),
            "seen": effect.seen,
            "duplicates": effect.duplicates,
            "contacts_untold": effect.contacts_untold,
            "rejected": _sorted_counts(effect.rejected),
            "drift": _sorted_counts(effect.drift),
            "unreadable_facts": _sorted_counts(effect.unreadable_facts),
            "unreadable": effect.unreadable,
            "unused_headers": dict(effect.unused_headers),
            "dropped": _sorted_counts(effect.dropped),
            "newly_marked": effect.newly_marked,
            "released_persons": effect.released_persons,
            "mark_words": _sorted_counts(effect.mark_words),
            "conflicting_duplicates": effect.conflicting_duplicates,
            "is_first": effect.is_first,
            "reads_some": effect.reads_some,
            "mark": effect.mark,
        }
        connection.execute(update(t.pull).where(t.pull.c.id == effect.pull).values(values))
        scopes = [
            {
                "pull_id": effect.pull,
                "scope": scope.name,
                "as_of": scope.as_of,
                "fingerprint": scope.fingerprint,
                "findings": scope.findings,
            }
            for scope in effect.scopes
        ]
        if scopes:
            connection.execute(
                self._database.upsert(t.pull_scope, ("pull_id", "scope"), ("as_of", "fingerprint", "findings")), scopes
            )

    def fail_pull(self, pull: int, verdict: Verdict, reason: str) -> None:
        """End a pull that changes nothing (FAILED; UNCHANGED where a part is missing by permission): its rows go."""
        if verdict not in (Verdict.FAILED, Verdict.UNCHANGED):
            raise ValueError(f"fail cannot make a pull {verdict}: apply or hold does")
        with self._releasing_lock(pull), self._write_transaction() as connection:
            self._require_unjudged_pull(connection, pull)
            self._end_pull(connection, pull, verdict, reason)

    def store_left_files(self, source: str, part: str, names: Sequence[str]) -> None:
        """The files beside the lists of a part that are no lists, by its newest attempt."""
        state = t.part_state.c
        of_part = (state.source == source) & (state.part == part)
        with self._read_transaction() as connection:
            known = connection.execute(select(state.left_files).where(of_part)).scalar_one_or_none()
        if tuple(names) == (known or ()):
            return
        with self._write_transaction() as connection:
            update_part_state(connection, source, part, left_files=tuple(names))

    def store_credential_expiries(self, source: str, part: str, expiries: Mapping[str, datetime]) -> None:
        """When the credentials of a part run out, by its newest pull, whether that is believed or not."""
        named = {"source": source, "part": part}
        rows = [{**named, "name": name, "expires_at": at} for name, at in sorted(expiries.items())]
        with self._write_transaction() as connection:
            kept = t.credential.c
            connection.execute(delete(t.credential).where(kept.source == source, kept.part == part))
            if rows:
                connection.execute(insert(t.credential), rows)

    def effect(self, pull: int) -> PullEffect:
        """A finished pull with its staged rows, in the order of (type, source id)."""
        with self._read_transaction() as connection:
            return read_effect(connection, pull)

    def pulls(self, source: str | None = None, part: str | None = None, limit: int = 50) -> tuple[StoredPull, ...]:
        """The newest pulls, of all sources or one, of all its parts or one."""
        pull = t.pull.c
        statement = select(*PULL_COLUMNS).order_by(pull.id.desc()).limit(limit)
        if source is not None:
            statement = statement.where(pull.source == source)
        if part is not None:
            statement = statement.where(pull.part == part)
        with self._read_transaction() as connection:
            return tuple(stored_pull_from_row(row) for row in connection.execute(statement))

    def newest_pulls(self, source: str, part: str) -> tuple[StoredPull, ...]:
        """The newest pull of each verdict, newest first: how a part does, however often it came to nothing since."""
        pull = t.pull.c
        newest = select(func.max(pull.id)).where(pull.source == source, pull.part == part, pull.verdict.is_not(None))
        statement = select(*PULL_COLUMNS).where(pull.id.in_(newest.group_by(pull.verdict))).order_by(pull.id.desc())
        with self._read_transaction() as connection:
            return tuple(stored_pull_from_row(row) for row in connection.execute(statement))

    def _require_unjudged_pull(self, connection: Connection, pull: int) -> tuple[str, str]:
        """(source, part) of a pull that is not judged yet."""
        row = connection.execute(
            select(t.pull.c.source, t.pull.c.part, t.pull.c.verdict).where(t.pull.c.id == pull)
        ).one_or_none()
        if row is None or row.verdict is not None:
            raise StoreError(f"pull {pull} is {row.verdict if row else 'unknown'}, not one that is going on")
        return row.source, row.part

    def _end_pull(self, connection: Connection, pull: int, verdict: Verdict, reason: str | None) -> None:
        ended = {"verdict": verdict.value, "reason": reason, "finished_at": self._clock.now()}
        columns = t.pull.c
        source, part = connection.execute(
            update(t.pull).where(columns.id == pull).values(ended).returning(columns.source, columns.part)
        ).one()
        delete_staged_rows(connection, pull)
        # While a pull is held, its reason is what people have to see, and its marks wait with it.
        state = t.part_state.c
        is_held = select(state.held_pull).where(state.source == source, state.part == part)
        if verdict is Verdict.UNCHANGED and connection.execute(is_held).scalar_one_or_none() is None:
            drop_pending_marks(connection, source, part)
        connection.execute(
            update(t.part_state)
            .where(state.source == source, state.part == part, state.held_pull.is_(None))
            .values(reason=reason)
        )

    def _end_abandoned(self, connection: Connection, source: str, part: str) -> None:
        """End the pulls of a part whose lock we hold and whose end could not be written: nobody is reading them."""
        pull = t.pull.c
        unjudged = select(pull.id).where(pull.source == source, pull.part == part, pull.verdict.is_(None))
        for abandoned in connection.execute(unjudged).scalars().all():
            self._end_pull(connection, abandoned, Verdict.FAILED, NOT_JUDGED_REASON)

    @contextmanager
    def _releasing_lock(self, pull: int) -> Iterator[None]:
        """The lock of the pull's part ends with this, whether the verdict could be written or not.

        A lock that outlived a full disk or a locked database would keep the part from being pulled until a restart. The
        pull whose verdict could not be written is ended when the part is pulled next.
        """
        try:
            yield
        finally:
            with self._held_locks_mutex:
                lock = self._held_locks.pop(pull, None)
            if lock is not None:
                lock.release()

    def fail_abandoned_pulls(self) -> int:
        """End the pulls whose process died, and drop what they had staged; those going on elsewhere stay. Count."""
        pull = t.pull.c
        with self._read_transaction() as connection:
            unjudged = connection.execute(select(pull.id, pull.source, pull.part).where(pull.verdict.is_(None))).all()
        return sum(self._fail_if_abandoned(*row) for row in unjudged)

    def _fail_if_abandoned(self, pull: int, source: str, part: str) -> bool:
        lock = self._database.locks.part(source, part)
        if lock is None:
            return False
        try:
            with self._write_transaction() as connection:
                verdict = connection.execute(select(t.pull.c.verdict).where(t.pull.c.id == pull)).scalar_one()
                if verdict is None:
                    self._end_pull(connection, pull, Verdict.FAILED, PROCESS_ENDED_REASON)
                return verdict is None
        finally:
            lock.release()


def stored_pull_from_row(row: Any) -> StoredPull:
    """A row of `PULL_COLUMNS` as a noun."""
    values = dict(row._mapping)
    verdict = values.pop("verdict")
    values |= {name: dict(values[name]) for name in ("rejected", "drift", "unreadable_facts", "dropped")}
    return StoredPull(verdict=None if verdict is None else Verdict(verdict), **values)


def _sorted_counts(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items()))


def update_part_state(connection: Connection, source: str, part: str, **values: Any) -> None:
    """Write *values* into the part's state, which is created where there is none."""
    statement = database_of(connection).upsert(t.part_state, ("source", "part"), values)
    connection.execute(statement, {"source": source, "part": part, **values})


def delete_staged_rows(connection: Connection, pull: int) -> None:
    """Remove what a pull had staged."""
    connection.execute(delete(t.staged_record).where(t.staged_record.c.pull_id == pull))


def read_effect(connection: Connection, pull: int, only: RowChange | None = None) -> PullEffect:
    """A pull with its rows, all or those of one kind *only*; StoreError for one that is unknown."""
    row = connection.execute(select(t.pull).where(t.pull.c.id == pull)).one_or_none()
    if row is None:
        raise StoreError(f"pull {pull} is unknown. See: fleetsync sources")
    return PullEffect(
        pull=pull,
        source=row.source,
        part=row.part,
        started_at=row.started_at,
        scopes=_read_scopes(connection, pull),
        rows=_read_staged_rows(connection, pull, only),
        seen=row.seen,
        duplicates=row.duplicates,
        contacts_untold=row.contacts_untold,
        rejected=dict(row.rejected),
        drift=dict(row.drift),
        unreadable_facts=dict(row.unreadable_facts),
        unreadable=row.unreadable,
        unused_headers=row.unused_headers,
        dropped=dict(row.dropped),
        newly_marked=row.newly_marked,
        pending_marks=pending_marks(connection, pull),
        released_persons=row.released_persons,
        mark_words=dict(row.mark_words),
        conflicting_duplicates=row.conflicting_duplicates,
        is_first=row.is_first,
        reads_some=row.reads_some,
        mark=row.mark,
    )


def _read_scopes(connection: Connection, pull: int) -> tuple[PulledScope, ...]:
    scope = t.pull_scope.c
    statement = select(scope.scope, scope.as_of, scope.fingerprint, scope.findings).where(scope.pull_id == pull)
    return tuple(
        PulledScope(name=name, as_of=as_of, fingerprint=fingerprint, findings=findings)
        for name, as_of, fingerprint, findings in connection.execute(statement.order_by(scope.scope))
    )


def read_scope_findings(connection: Connection, source: str, part: str) -> dict[str, ScopeFindings]:
    """What could not be read in each scope of a part when it was read last."""
    scope = t.part_scope.c
    statement = select(scope.scope, scope.findings).where(scope.source == source, scope.part == part)
    return {row.scope: row.findings for row in connection.execute(statement)}


def _read_staged_rows(connection: Connection, pull: int, only: RowChange | None) -> tuple[StagedRow, ...]:
    staged = t.staged_record.c
    statement = select(t.staged_record).where(staged.pull_id == pull).order_by(staged.type, staged.source_id)
    if only is not None:
        statement = statement.where(staged.change == only.value)
    return tuple(
        StagedRow(
            change=RowChange(row.change),
            type=RecordType(row.type),
            source_id=row.source_id,
            scope=row.scope,
            record=None if row.body is None else decode_record(row.body),
            fingerprint=row.fingerprint,
            own_id=row.own_id,
            last_contact_at=row.last_contact_at,
            masked=row.masked,
        )
        for row in stream_rows(connection, statement)
    )
