"""Pulls and their staging: what a pull would change, page by page, and what is believed for it to compare with.

A pull that has begun holds the lock of its part until it is judged: complete, unchanged, held or failed. The caller that
began it must end it, with `fail_pull` where nothing else does. Only the newest held pull of a part keeps its rows.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Insert, bindparam, delete, func, insert, select, update

from fleetsync.core.model import (
    Credential,
    PulledScope,
    PullEffect,
    ReadFingerprint,
    RecordType,
    RowChange,
    ScopeFindings,
    StagedRow,
    Verdict,
)
from fleetsync.store import tables as t
from fleetsync.store.bulk import PlainRow, read_many
from fleetsync.store.database import database_of
from fleetsync.store.errors import StoreError
from fleetsync.store.ledger import redaction
from fleetsync.store.ledger.base import decode_record, encode_record
from fleetsync.store.ledger.hidden_persons import (
    advance_privacy_generation,
    drop_pending_marks,
    pending_marks,
    privacy_generation,
)
from fleetsync.store.ledger.known_records import KnownRecordsLedger
from fleetsync.store.ledger.pull_lists import PullListLedger
from fleetsync.store.ledger.staging_filter import staging_filter

NOT_JUDGED_REASON = "the end of this pull could not be written to the database; the part was pulled again after it"
PROCESS_ENDED_REASON = "the process ended before the pull was judged; the next pull reads the part again"

COUNT_COLUMN_BY_CHANGE: Mapping[str, str] = {
    RowChange.PUT.value: "puts",
    RowChange.RETURN.value: "returns",
    RowChange.CONTACT.value: "contacts",
    RowChange.ABSENT.value: "absences",
}


STAGED_KEY = ("pull_id", "type", "source_id")
STAGED_COLUMNS = (
    *STAGED_KEY, "change", "scope", "body", "fingerprint", "own_id", "last_contact_at", "masked", "read_fingerprint",
)  # fmt: skip
STAGED_VALUES = tuple(name for name in STAGED_COLUMNS if name not in STAGED_KEY)


class PullLedger(KnownRecordsLedger, PullListLedger):
    """The part of the ledger that the runner uses: `pull.runner.Staging`."""

    def begin_pull(self, source: str, part: str, at: datetime) -> int:
        """The id of a new pull, which holds the part's lock from here on. Raises PartBusy."""
        lock = self._lock_part(source, part)
        try:
            with self._write_transaction(changes_believed=False, more_follows=True) as connection:
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

    def stage_rows(self, pull: int, rows: Sequence[StagedRow]) -> None:
        """Stage *rows*, one short transaction. Of several rows of one (type, source id) the last one counts.

        Persons who were protected or erased since the pull began are hidden here, by all keys that these rows contain.
        """
        if not rows:
            return
        with self._write_transaction(changes_believed=False, more_follows=True) as connection:
            source, part = self._require_unjudged_pull(connection, pull)
            generation = privacy_generation(connection)
            privacy = staging_filter(connection, source, part, self._token_of)
            latest = {row.ref: self._row_as_stored(source, part, row) for row in privacy.filter(connection, rows)}
            overwriting = self._database.upsert(t.staged_record, STAGED_KEY, STAGED_VALUES)
            self._write_staged(connection, pull, overwriting, latest.values())
            # A person whom this pull shows masked is present, although the former id is not.
            renamed = {row.ref: row for row in privacy.renamed_rows}
            self._write_staged(
                connection, pull, self._database.insert_new(t.staged_record, STAGED_KEY), renamed.values()
            )
            # Their other keys may be in the records of other sources.
            if privacy.newly_protected:
                redaction.protect(connection, privacy.newly_protected, self._clock.now(), self._token_of)
            if privacy.newly_erased:
                redaction.erase(connection, privacy.newly_erased, self._clock.now(), self._token_of)
        self._staged_rows.add(pull, latest, generation)
        if renamed:
            self._staged_rows.distrust(pull)
        if privacy.newly_protected or privacy.newly_erased:
            self._database.scrub_deleted_bytes()

    def _write_staged(self, connection: Connection, pull: int, statement: Insert, rows: Iterable[StagedRow]) -> None:
        # In the order of the key: so each page of the table is written once.
        in_order = sorted(rows, key=lambda row: row.ref)
        self._database.write_rows(
            connection, statement, STAGED_COLUMNS, (_staged_values(pull, row) for row in in_order)
        )

    def _row_as_stored(self, source: str, part: str, row: StagedRow) -> StagedRow:
        """*row* without its tokens, and with the id that a new record has in this database from now on."""
        own_id = row.own_id
        if not own_id and row.change is RowChange.PUT:
            own_id = self._own_id(source, part, row.type.value, row.source_id)
        return StagedRow(
            change=row.change,
            type=row.type,
            source_id=row.source_id,
            scope=row.scope,
            record=row.record,
            fingerprint=row.fingerprint,
            read_fingerprint=row.read_fingerprint,
            own_id=own_id,
            last_contact_at=row.last_contact_at,
            masked=row.masked,
        )

    def store_read_fingerprints(self, pull: int, fingerprints: Iterable[ReadFingerprint]) -> None:
        """Remember what believed records were read as in *pull*, where it comes to the same as what they were read as before.

        Whether the pull is believed makes no difference: they are judged by the same as before.
        """
        rows = list(fingerprints)
        if not rows:
            return
        record = t.record.c
        with self._write_transaction(changes_believed=False, more_follows=True) as connection:
            source, part = self._require_unjudged_pull(connection, pull)
            believed = (record.source == source) & (record.part == part) & ~record.masked
            same_record = (record.type == bindparam("of_type")) & (record.source_id == bindparam("of_id"))
            statement = (
                update(t.record)
                .where(believed, same_record, record.fingerprint == bindparam("believed"))
                .values(read_fingerprint=bindparam("read"))
            )
            self._database.write_rows(connection, statement, ("read", "of_type", "of_id", "believed"), rows)

    def hold_marks(self, pull: int, tokens: Iterable[str], person_by_token: Mapping[str, str]) -> None:
        """Keep the marks of *pull* apart: the persons are not shown from now on, and protected once it is believed.

        *person_by_token*: as `record_marks`, which is done for the persons of these *tokens* then.
        """
        rows = [{"pull_id": pull, "token": token, "person": person_by_token.get(token)} for token in sorted(tokens)]
        if not rows:
            return
        with self._write_transaction(changes_believed=False) as connection:
            self._require_unjudged_pull(connection, pull)
            connection.execute(self._database.insert_new(t.pending_mark, ("pull_id", "token")), rows)
            advance_privacy_generation(connection)

    def finish_pull(self, effect: PullEffect) -> None:
        """The part is read whole: store what *effect* says beside its rows, which are staged already.

        The pull then waits for its judgement: `apply` or `hold`.
        """
        with self._write_transaction(changes_believed=False, more_follows=True) as connection:
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
                "judged_under": scope.judged_under,
            }
            for scope in effect.scopes
        ]
        if scopes:
            overwritten = ("as_of", "fingerprint", "findings", "judged_under")
            connection.execute(self._database.upsert(t.pull_scope, ("pull_id", "scope"), overwritten), scopes)

    def fail_pull(self, pull: int, verdict: Verdict, reason: str) -> None:
        """End a pull that changes nothing (FAILED; UNCHANGED where a part is missing by permission): its rows go."""
        if verdict not in (Verdict.FAILED, Verdict.UNCHANGED):
            raise ValueError(f"fail cannot make a pull {verdict}: apply or hold does")
        with self._releasing_lock(pull), self._write_transaction(changes_believed=False) as connection:
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
        with self._write_transaction(changes_believed=False, more_follows=True) as connection:
            update_part_state(connection, source, part, left_files=tuple(names))

    def store_credentials(self, source: str, part: str, credentials: Iterable[Credential]) -> None:
        """The credentials that a part named in its newest pull, whether that is believed or not; of one name the last."""
        named = {"source": source, "part": part}
        by_name = {credential.name: credential for credential in credentials}
        rows = [{**named, **msgspec.structs.asdict(by_name[name])} for name in sorted(by_name)]
        with self._write_transaction(changes_believed=False, more_follows=True) as connection:
            kept = t.credential.c
            connection.execute(delete(t.credential).where(kept.source == source, kept.part == part))
            if rows:
                connection.execute(insert(t.credential), rows)

    def effect(self, pull: int) -> PullEffect:
        """A finished pull with its staged rows, in the order of (type, source id)."""
        with self._read_transaction() as connection:
            return read_effect(connection, pull, rows=self._staged_rows.find(pull, privacy_generation(connection)))

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
            self._staged_rows.forget(pull)
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
            with self._write_transaction(changes_believed=False) as connection:
                verdict = connection.execute(select(t.pull.c.verdict).where(t.pull.c.id == pull)).scalar_one()
                if verdict is None:
                    self._end_pull(connection, pull, Verdict.FAILED, PROCESS_ENDED_REASON)
                return verdict is None
        finally:
            lock.release()


def _staged_values(pull: int, row: StagedRow) -> PlainRow:
    """The values of `STAGED_COLUMNS`."""
    return (
        pull,
        row.type.value,
        row.source_id,
        row.change.value,
        row.scope,
        None if row.record is None else encode_record(row.record),
        row.fingerprint,
        row.own_id,
        row.last_contact_at,
        row.masked,
        row.read_fingerprint,
    )


def _staged_row_from_values(values: PlainRow) -> StagedRow:
    """The row of values of `STAGED_COLUMNS`."""
    _, kind, source_id, change, scope, body, fingerprint, own_id, contact, is_masked, read_fingerprint = values
    return StagedRow(
        change=RowChange(change),
        type=RecordType(kind),
        source_id=source_id,
        scope=scope,
        record=None if body is None else decode_record(body),
        fingerprint=fingerprint,
        read_fingerprint=read_fingerprint,
        own_id=own_id,
        last_contact_at=contact,
        masked=is_masked,
    )


def _sorted_counts(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items()))


def update_part_state(connection: Connection, source: str, part: str, **values: Any) -> None:
    """Write *values* into the part's state, which is created where there is none."""
    statement = database_of(connection).upsert(t.part_state, ("source", "part"), values)
    connection.execute(statement, {"source": source, "part": part, **values})


def delete_staged_rows(connection: Connection, pull: int) -> None:
    """Remove what a pull had staged."""
    connection.execute(delete(t.staged_record).where(t.staged_record.c.pull_id == pull))


def read_effect(
    connection: Connection, pull: int, only: RowChange | None = None, rows: Sequence[StagedRow] | None = None
) -> PullEffect:
    """A pull with its rows, all or those of one kind *only*; StoreError for one that is unknown.

    *rows*: all that it has staged, where they are at hand and need not be read.
    """
    row = connection.execute(select(t.pull).where(t.pull.c.id == pull)).one_or_none()
    if row is None:
        raise StoreError(f"pull {pull} is unknown. See: fleetsync sources")
    return PullEffect(
        pull=pull,
        source=row.source,
        part=row.part,
        started_at=row.started_at,
        scopes=_read_scopes(connection, pull),
        rows=_read_staged_rows(connection, pull, only) if rows is None else tuple(rows),
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
    columns = (scope.scope, scope.as_of, scope.fingerprint, scope.findings, scope.judged_under)
    statement = select(*columns).where(scope.pull_id == pull).order_by(scope.scope)
    return tuple(
        PulledScope(name=name, as_of=as_of, fingerprint=fingerprint, findings=findings, judged_under=judged_under)
        for name, as_of, fingerprint, findings, judged_under in connection.execute(statement)
    )


def read_scope_findings(connection: Connection, source: str, part: str) -> dict[str, ScopeFindings]:
    """What could not be read in each scope of a part when it was read last."""
    scope = t.part_scope.c
    statement = select(scope.scope, scope.findings).where(scope.source == source, scope.part == part)
    return {row.scope: row.findings for row in connection.execute(statement)}


def _read_staged_rows(connection: Connection, pull: int, only: RowChange | None) -> tuple[StagedRow, ...]:
    staged = t.staged_record.c
    columns = [staged[name] for name in STAGED_COLUMNS]
    statement = select(*columns).where(staged.pull_id == pull).order_by(staged.type, staged.source_id)
    if only is not None:
        statement = statement.where(staged.change == only.value)
    return tuple(map(_staged_row_from_values, read_many(connection, statement)))
