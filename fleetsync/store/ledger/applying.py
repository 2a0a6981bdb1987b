"""Applies staged pulls to what is believed, and holds the implausible ones for a person. One transaction each.

What a record's absence means is decided in `fleetsync.core.guard`; here it is only stored.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, bindparam, delete, false, literal, null, or_, select, update

from fleetsync.core.guard import may_be_accepted, projected_records
from fleetsync.core.model import BelievedRecord, HoldReason, PullEffect, PullLimits, RecordType, RowChange, Verdict
from fleetsync.core.privacy import tokenise_id
from fleetsync.core.pull_findings import findings_of_part, worst_reason
from fleetsync.store import tables as t
from fleetsync.store.database import database_of
from fleetsync.store.errors import PullNotHeld, StoreError
from fleetsync.store.ledger import redaction
from fleetsync.store.ledger.base import BELIEVED_COLUMNS, believed_record_from_row
from fleetsync.store.ledger.hidden_persons import (
    advance_privacy_generation,
    drop_pending_marks,
    pending_marks,
    pending_persons,
)
from fleetsync.store.ledger.marks import store_marks
from fleetsync.store.ledger.pulls import (
    PullLedger,
    delete_staged_rows,
    read_effect,
    read_scope_findings,
    update_part_state,
)

PERSON_TYPES = (RecordType.PERSON.value, RecordType.MEMBERSHIP.value)
RECORD_KEY = ("source", "part", "type", "source_id")


class HeldPull(msgspec.Struct, frozen=True, kw_only=True):
    """A pull that waits for a person. Its rows are `Ledger.effect(pull)`."""

    pull: int
    source: str
    part: str
    started_at: datetime
    reason: str | None
    refusals: tuple[HoldReason, ...]


class ApplyLedger(PullLedger):
    """The part of the ledger that changes what is believed."""

    def apply(self, effect: PullEffect, limits: PullLimits) -> None:
        """Believe a finished pull, as it was staged. It dissolves the part's held pull, and becomes complete.

        StoreError when it was judged already, or a later one of the part was believed meanwhile.
        """
        with self._releasing_lock(effect.pull), self._write_transaction(more_follows=True) as connection:
            self._require_unjudged_pull(connection, effect.pull)
            has_protected = self._protect_pending(connection, effect.pull)
            self._apply_staged(connection, effect.pull, limits)
            self._close_held(connection, effect.source, effect.part, "dissolved")
            drop_pending_marks(connection, effect.source, effect.part)
        if has_protected:
            self._database.scrub_deleted_bytes()

    def hold(self, pull: int, refusals: Sequence[HoldReason], reason: str | None = None) -> None:
        """Keep a finished pull for a person to decide. The part's older held pull loses its rows.

        *reason* is what lists show; by default the refusals in English, and the command that accepts.
        """
        with self._releasing_lock(pull), self._write_transaction(changes_believed=False) as connection:
            source, part = self._require_unjudged_pull(connection, pull)
            self._close_held(connection, source, part, "followed")
            drop_pending_marks(connection, source, part, but_of=pull)
            shown = reason or _held_reason(source, part, pull, refusals)
            values = {"verdict": Verdict.HELD.value, "refusals": tuple(refusals), "reason": shown}
            connection.execute(update(t.pull).where(t.pull.c.id == pull).values(values))
            update_part_state(connection, source, part, held_pull=pull, reason=shown)

    def find_held_pull(self, source: str, part: str) -> HeldPull | None:
        """The part's pull that waits for a person, if any."""
        with self._read_transaction() as connection:
            row = connection.execute(_select_held(source, part)).one_or_none()
            return None if row is None else HeldPull(**row._mapping)

    def held_pulls(self) -> tuple[HeldPull, ...]:
        """Every pull that waits for a person, also of parts that are no longer configured; by source and part."""
        with self._read_transaction() as connection:
            rows = connection.execute(_select_all_held().order_by(t.pull.c.source, t.pull.c.part))
            return tuple(HeldPull(**row._mapping) for row in rows)

    def accept(self, pull: int, who: str, reason: str, limits: PullLimits = PullLimits()) -> None:
        """Believe the held *pull* because *who* says so. Raises PullNotHeld (with the newest), PartBusy."""
        source, part = self._part_of(pull)
        lock = self._lock_part(source, part)
        try:
            with self._write_transaction() as connection:
                _require_held(connection, source, part, pull)
                has_protected = self._protect_pending(connection, pull)
                self._apply_staged(connection, pull, limits)
                self._close_held(connection, source, part, "accepted", who, reason)
                drop_pending_marks(connection, source, part)
        finally:
            lock.release()
        if has_protected:
            self._database.scrub_deleted_bytes()

    def reject(self, pull: int, who: str, reason: str) -> None:
        """Drop what the held *pull* would have changed. Raises PullNotHeld (with the newest), PartBusy."""
        source, part = self._part_of(pull)
        lock = self._lock_part(source, part)
        try:
            with self._write_transaction(changes_believed=False) as connection:
                _require_held(connection, source, part, pull)
                self._close_held(connection, source, part, "rejected", who, reason)
                drop_pending_marks(connection, source, part)
        finally:
            lock.release()

    def dissolve(self, source: str, part: str) -> None:
        """Drop the part's held pull, because a later pull is plausible again. Nothing where none is held."""
        with self._write_transaction(changes_believed=False) as connection:
            self._close_held(connection, source, part, "dissolved")
            drop_pending_marks(connection, source, part)

    def drop_source(self, source: str) -> int:
        """Remove all records of *source*, staged and held rows and its parts' state included; its pulls stay as
        history. The number of records removed. Raises PartBusy.
        """
        with self._read_transaction() as connection:
            state = t.part_state.c
            parts = connection.execute(select(state.part).where(state.source == source).order_by(state.part)).scalars()
            names = list(parts)
        locks = []
        try:
            for part in names:
                locks.append(self._lock_part(source, part))  # noqa: PERF401 - those taken must be known if a later one fails
            with self._write_transaction() as connection:
                return _delete_source(connection, source)
        finally:
            for lock in locks:
                lock.release()

    def _part_of(self, pull: int) -> tuple[str, str]:
        with self._read_transaction() as connection:
            statement = select(t.pull.c.source, t.pull.c.part).where(t.pull.c.id == pull)
            row = connection.execute(statement).one_or_none()
        if row is None:
            raise PullNotHeld(f"pull {pull} is unknown. See: fleetsync sources", None)
        return row.source, row.part

    def _protect_pending(self, connection: Connection, pull: int) -> bool:
        """Protect for good whom *pull* marks, now that it is believed; whether there is anybody."""
        tokens = pending_marks(connection, pull)
        if tokens:
            now = self._clock.now()
            store_marks(connection, pull, pending_persons(connection, pull), now)
            redaction.protect(connection, tokens, now, self._token_of)
        return bool(tokens)

    def _unmask_released(self, connection: Connection, effect: PullEffect) -> None:
        """Give masked records whose person is not protected any more the id back that *effect* shows in clear.

        So they stay the same records of the same person; else the masked ones would go on counting beside the new ones.
        """
        masked = _masked_rows(connection, effect)
        if not masked:
            return
        staged = t.staged_record.c
        of_persons = (staged.pull_id == effect.pull) & staged.type.in_(PERSON_TYPES)
        shown = select(staged.type, staged.source_id).where(
            of_persons, ~staged.masked, staged.change == RowChange.PUT.value
        )
        for kind, source_id in connection.execute(shown).all():
            token = tokenise_id(effect.source, source_id, self._token_of)
            row = masked.get((kind, token))
            if row is None:
                continue
            connection.execute(
                delete(t.staged_record).where(of_persons, staged.type == kind, staged.source_id == token)
            )
            # A gone record under the id in clear has to give way.
            same = (t.record.c.source == effect.source) & (t.record.c.part == effect.part) & (t.record.c.type == kind)
            connection.execute(delete(t.record).where(same, t.record.c.source_id == source_id))
            connection.execute(update(t.record).where(t.record.c.id == row).values(source_id=source_id))
            advance_privacy_generation(connection)  # what was reconciled from the pull has the record twice

    def _apply_staged(self, connection: Connection, pull: int, limits: PullLimits) -> None:
        # All other rows are applied where they lie.
        effect = read_effect(connection, pull, RowChange.ABSENT)
        self._refuse_outdated(connection, effect)
        self._unmask_released(connection, effect)
        _upsert_records(connection, effect)
        _mark_present(connection, pull)
        _update_contacts(connection, effect)
        _update_absences(connection, effect, limits)
        delete_staged_rows(connection, pull)
        self._mark_complete(connection, effect)
        if effect.is_first:
            self._database.analyse(connection)

    def _refuse_outdated(self, connection: Connection, effect: PullEffect) -> None:
        state = t.part_state.c
        newest = connection.execute(
            select(state.complete_pull).where(state.source == effect.source, state.part == effect.part)
        ).scalar_one_or_none()
        if newest is not None and newest > effect.pull:
            raise StoreError(
                f"{effect.source}/{effect.part}: pull {newest} was believed after pull {effect.pull} was read. "
                "Pull the part again"
            )

    def _mark_complete(self, connection: Connection, effect: PullEffect) -> None:
        source, part, at = effect.source, effect.part, effect.started_at
        done = {"verdict": Verdict.COMPLETE.value, "finished_at": self._clock.now(), "reason": None}
        connection.execute(update(t.pull).where(t.pull.c.id == effect.pull).values(done))
        self._store_scopes(connection, effect)
        known = read_scope_findings(connection, source, part)
        findings = findings_of_part(effect, known)
        update_part_state(
            connection,
            source,
            part,
            last_complete_at=at,
            complete_pull=effect.pull,
            mark=effect.mark,
            reason=None,
            drift=sum(findings.drift.values()),
            unreadable_rows=sum(findings.rejected.values()),
            unreadable_facts=sum(findings.unreadable_facts.values()),
            unreadable_reason=worst_reason(findings.rejected, findings.unreadable_facts),
            unused_headers=sum(map(len, findings.unused_headers.values())),
        )
        state = t.part_state.c
        connection.execute(
            update(t.part_state)
            .where(state.source == source, state.part == part, state.first_complete_at.is_(None))
            .values(first_complete_at=at)
        )
        # A pull of some of the files says nothing about the others.
        if known.keys() <= {read.name for read in effect.scopes}:
            update_part_state(connection, source, part, contacts_untold=effect.contacts_untold)

    def _store_scopes(self, connection: Connection, effect: PullEffect) -> None:
        scopes = [
            {
                "source": effect.source,
                "part": effect.part,
                "scope": read.name,
                "as_of": read.as_of,
                "fingerprint": read.fingerprint,
                "findings": read.findings,
                "judged_under": read.judged_under,
            }
            for read in effect.scopes
        ]
        if scopes:
            keys, values = ("source", "part", "scope"), ("as_of", "fingerprint", "findings", "judged_under")
            connection.execute(self._database.upsert(t.part_scope, keys, values), scopes)

    def _close_held(
        self, connection: Connection, source: str, part: str, decision: str, who: str | None = None, reason: str = ""
    ) -> None:
        row = connection.execute(_select_held(source, part)).one_or_none()
        if row is None:
            return
        decided = {
            "decision": decision,
            "decided_by": who,
            "decided_at": self._clock.now(),
            "decision_reason": reason or None,
        }
        connection.execute(update(t.pull).where(t.pull.c.id == row.pull).values(decided))
        delete_staged_rows(connection, row.pull)
        update_part_state(connection, source, part, held_pull=None, reason=None)


def _masked_rows(connection: Connection, effect: PullEffect) -> Mapping[tuple[str, str], int]:
    """Masked records of persons of the effect's part, by (type, source id)."""
    record = t.record.c
    statement = select(record.type, record.source_id, record.id).where(
        record.source == effect.source, record.part == effect.part, record.masked, record.type.in_(PERSON_TYPES)
    )
    return {(kind, source_id): row for kind, source_id, row in connection.execute(statement)}


def _held_reason(source: str, part: str, pull: int, refusals: Sequence[HoldReason]) -> str:
    sentences = "; ".join(refusal.text.en for refusal in refusals)
    if not may_be_accepted(refusals):
        return sentences
    return f"{sentences}. If this is true: fleetsync accept {source}/{part} {pull} --reason …"


def _select_all_held() -> Select[Any]:
    pull = t.pull.c
    columns = (pull.id.label("pull"), pull.source, pull.part, pull.started_at, pull.reason, pull.refusals)
    return select(*columns).select_from(t.part_state.join(t.pull, pull.id == t.part_state.c.held_pull))


def _select_held(source: str, part: str) -> Select[Any]:
    state = t.part_state.c
    return _select_all_held().where(state.source == source, state.part == part)


def _require_held(connection: Connection, source: str, part: str, pull: int) -> None:
    row = connection.execute(_select_held(source, part)).one_or_none()
    newest = None if row is None else row.pull
    if newest != pull:
        waits = "none waits" if newest is None else f"pull {newest} waits"
        raise PullNotHeld(f"{source}/{part}: pull {pull} does not wait for a decision; {waits}", newest)


def _delete_source(connection: Connection, source: str) -> int:
    pulls = select(t.pull.c.id).where(t.pull.c.source == source)
    for table in (t.staged_record, t.pending_mark):
        connection.execute(delete(table).where(table.c.pull_id.in_(pulls)))
    for table in (t.part_scope, t.part_state, t.credential, t.turnover_membership, t.membership):
        connection.execute(delete(table).where(table.c.source == source))
    return connection.execute(delete(t.record).where(t.record.c.source == source)).rowcount


# --- the effect, set-based ----------------------------------------------------------------------------------------------


def _upsert_records(connection: Connection, effect: PullEffect) -> None:
    staged = t.staged_record.c
    values: Mapping[str, Any] = {
        "source": literal(effect.source),
        "part": literal(effect.part),
        "type": staged.type,
        "source_id": staged.source_id,
        "scope": staged.scope,
        "own_id": staged.own_id,
        "fingerprint": staged.fingerprint,
        "body": staged.body,
        "first_seen": literal(effect.started_at, t.record.c.first_seen.type),
        "changed_at": literal(effect.started_at, t.record.c.changed_at.type),
        "absent_pulls": literal(0),
        "gone": false(),
        "masked": staged.masked,
        "read_fingerprint": staged.read_fingerprint,
    }
    rows = select(*values.values()).where(staged.pull_id == effect.pull, staged.change == RowChange.PUT.value)
    rows = rows.order_by(staged.type, staged.source_id)  # of the key, so that each page of the table is written once
    kept = {"own_id", "first_seen", *RECORD_KEY}
    overwritten = [name for name in values if name not in kept]
    statement = database_of(connection).upsert(
        t.record, RECORD_KEY, overwritten, reset={"absent_since": null()}, rows=(list(values), rows)
    )
    connection.execute(statement)


def _staged_with_records(pull: int) -> tuple[Any, Any]:
    """A join of a pull's staged rows with their records, and its condition on the pull."""
    staged, record = t.staged_record.c, t.record.c
    joined = (t.staged_record.join(t.pull, t.pull.c.id == staged.pull_id)).join(
        t.record,
        (record.source == t.pull.c.source)
        & (record.part == t.pull.c.part)
        & (record.type == staged.type)
        & (record.source_id == staged.source_id),
    )
    return joined, staged.pull_id == pull


def _mark_present(connection: Connection, pull: int) -> None:
    """Records that were shown unchanged are present again; most were never absent, and are not written."""
    staged, record = t.staged_record.c, t.record.c
    joined, of_pull = _staged_with_records(pull)
    shown = staged.change.in_((RowChange.RETURN.value, RowChange.CONTACT.value))
    differs = or_(record.absent_since.is_not(None), record.gone, record.scope.is_distinct_from(staged.scope))
    statement = select(record.id, staged.scope).select_from(joined)
    rows = [tuple(row) for row in connection.execute(statement.where(of_pull, shown, differs))]
    if rows:
        back = update(t.record).where(record.id == bindparam("row"))
        values: dict[str, Any] = {
            "absent_since": None,
            "absent_pulls": 0,
            "gone": False,
            "scope": bindparam("in_scope"),
        }
        database_of(connection).write_rows(connection, back.values(values), ("row", "in_scope"), rows)


def _update_contacts(connection: Connection, effect: PullEffect) -> None:
    staged = t.staged_record.c
    joined, of_pull = _staged_with_records(effect.pull)
    moved = (
        select(t.record.c.id, staged.last_contact_at)
        .select_from(joined)
        .where(of_pull, staged.last_contact_at.is_not(None))
    )
    statement = database_of(connection).upsert(
        t.contact, ("record_id",), ("last_contact_at",), rows=(("record_id", "last_contact_at"), moved)
    )
    connection.execute(statement)


def _update_absences(connection: Connection, effect: PullEffect, limits: PullLimits) -> None:
    joined, of_pull = _staged_with_records(effect.pull)
    missed = joined.outerjoin(t.contact, t.contact.c.record_id == t.record.c.id)
    statement = (
        select(t.record.c.id, *BELIEVED_COLUMNS)
        .select_from(missed)
        .where(of_pull, t.staged_record.c.change == RowChange.ABSENT.value)
    )
    before: dict[int, BelievedRecord] = {
        row[0]: believed_record_from_row(row[1:]) for row in connection.execute(statement)
    }
    if not before:
        return
    judged = projected_records(list(before.values()), effect, limits)
    rows = [
        (row, known.absent_since, known.absent_pulls, known.gone) for row, known in zip(before, judged, strict=True)
    ]
    values: dict[str, Any] = {
        "absent_since": bindparam("since"),
        "absent_pulls": bindparam("pulls"),
        "gone": bindparam("is_gone"),
        "read_fingerprint": None,  # what it is when it comes back may be judged by something else
    }
    of_row = update(t.record).where(t.record.c.id == bindparam("row")).values(values)
    database_of(connection).write_rows(connection, of_row, ("row", "since", "pulls", "is_gone"), rows)
