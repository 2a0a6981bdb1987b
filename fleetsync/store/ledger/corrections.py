"""Facts that people corrected by hand, and the ends of what people decided: parked gaps and published units.

Of one field of one device or set one correction is in force: a newer one replaces it. Those that have ended stay for a
while, so that a page can say who had said what, and why it no longer counts.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any, get_args

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select, update

from fleetsync.core.model import COUNT_FIELD, BelievedState, CorrectedField, Correction, DeviceCount, Outcome
from fleetsync.store import tables as t
from fleetsync.store.errors import StoreError
from fleetsync.store.ledger.base import LedgerBase

AGREED_BY = "fleetsync"  # in the audit, of what no person decided
_DEVICE_FIELDS = frozenset(get_args(CorrectedField))


class CorrectionEnd(StrEnum):
    """Why a correction no longer counts. That it has expired is told by its last day alone."""

    TAKEN_BACK = "taken_back"
    REPLACED = "replaced"
    AGREED = "agreed"  # the sources say the same by now


class StoredCorrection(msgspec.Struct, frozen=True, kw_only=True):
    """A correction with who entered it. `field` is one of a device, or `COUNT_FIELD` of a set or pool."""

    id: int
    subject_id: str
    field: str
    value: str
    until: date | None
    reason: str
    who: str
    at: datetime
    ended_at: datetime | None = None
    ended_how: CorrectionEnd | None = None
    ended_by: str | None = None


class StoredParking(msgspec.Struct, frozen=True, kw_only=True):
    """A parked gap with who parked it."""

    kind: str
    subject_id: str
    until: date
    reason: str
    who: str
    at: datetime


class CorrectionLedger(LedgerBase):
    """The part of the ledger that keeps corrections, and takes decisions back."""

    def correct(self, entry: Correction | DeviceCount, who: str) -> int:
        """Keep a correction, in place of an earlier one of the same fact; its number."""
        now = self._clock.now()
        row = _row_of(entry) | {"who": who, "at": now}
        correction = t.correction.c
        same = (correction.subject_id == row["subject_id"]) & (correction.field == row["field"])
        with self._write_transaction(changes_believed=False) as connection:
            _end(connection, same, now, CorrectionEnd.REPLACED, who)
            number: int = connection.execute(insert(t.correction).values(row).returning(correction.id)).scalar_one()
            return number

    def take_back_correction(self, number: int, who: str) -> StoredCorrection:
        """End a correction; as it was. StoreError when none of that number is in force."""
        correction = t.correction.c
        with self._write_transaction(changes_believed=False) as connection:
            statement = select(t.correction).where(correction.id == number, correction.ended_at.is_(None))
            row = connection.execute(statement).one_or_none()
            if row is None:
                raise StoreError(
                    f"no correction {number} is in force: it has ended, or never was. See: fleetsync corrections"
                )
            _end(connection, correction.id == number, self._clock.now(), CorrectionEnd.TAKEN_BACK, who)
            return _stored_correction(row)

    def corrections(self, subject_ids: Collection[str] | None = None) -> tuple[StoredCorrection, ...]:
        """Every correction that is kept, those in force first, then the newest first.

        *subject_ids*: only of these devices, sets and pools; None: all.
        """
        correction = t.correction.c
        statement = select(t.correction).order_by(
            correction.ended_at.is_not(None), correction.at.desc(), correction.id.desc()
        )
        if subject_ids is not None:
            statement = statement.where(correction.subject_id.in_(sorted(subject_ids)))
        with self._read_transaction() as connection:
            return tuple(map(_stored_correction, connection.execute(statement)))

    def device_counts_as_of(self, instant: datetime, day: date) -> Mapping[str, int]:
        """By set and pool: the working devices that were counted by hand, as it was known at *instant* of *day*."""
        correction = t.correction.c
        was_in_force = (correction.at <= instant) & or_(correction.ended_at.is_(None), correction.ended_at > instant)
        had_not_expired = or_(correction.until.is_(None), correction.until >= day)
        statement = select(correction.subject_id, correction.value).where(
            correction.field == COUNT_FIELD, was_in_force, had_not_expired
        )
        with self._read_transaction() as connection:
            return {subject: int(value) for subject, value in connection.execute(statement)}

    def unpark(self, kind: str, subject_id: str) -> StoredParking:
        """Let a parked gap be in alerts again; the parking as it was. StoreError when it is not parked."""
        parked = t.parked.c
        is_it = (parked.kind == kind) & (parked.subject_id == subject_id)
        with self._write_transaction(changes_believed=False) as connection:
            row = connection.execute(select(t.parked).where(is_it)).one_or_none()
            if row is None:
                raise StoreError(f"{kind}:{subject_id} is not parked. Nothing was changed")
            connection.execute(delete(t.parked).where(is_it))
            return StoredParking(**row._mapping)

    def parking(self, kind: str, subject_id: str) -> StoredParking | None:
        """Who parked the gap, why and until when, also after that day; None: nobody."""
        parked = t.parked.c
        statement = select(t.parked).where(parked.kind == kind, parked.subject_id == subject_id)
        with self._read_transaction() as connection:
            row = connection.execute(statement).one_or_none()
            return None if row is None else StoredParking(**row._mapping)

    def unpublish(self, unit: str) -> None:
        """Put a unit in trial again that a person published. StoreError for one that nobody has."""
        with self._write_transaction(changes_believed=False) as connection:
            if not connection.execute(delete(t.unit_state).where(t.unit_state.c.unit == unit)).rowcount:
                raise StoreError(
                    f"{unit} was not published by a decision: it is in trial, or its [[unit]] says published = true. "
                    "Nothing was changed"
                )

    def publications(self) -> Mapping[str, tuple[str, datetime]]:
        """By unit whose trial a person has ended: who, and when."""
        state = t.unit_state.c
        with self._read_transaction() as connection:
            rows = connection.execute(select(state.unit, state.published_by, state.published_at))
            return {unit: (who, at) for unit, who, at in rows}


def read_corrections(connection: Connection) -> tuple[tuple[Correction, ...], tuple[DeviceCount, ...]]:
    """The corrections that nobody has ended: of devices, and counts of sets and pools. Expired ones are among them."""
    correction = t.correction.c
    columns = (correction.subject_id, correction.field, correction.value, correction.until, correction.reason)
    rows = connection.execute(select(*columns).where(correction.ended_at.is_(None)).order_by(correction.id)).all()
    facts = tuple(
        Correction(device=row.subject_id, field=row.field, value=row.value, until=row.until, reason=row.reason)
        for row in rows
        if row.field in _DEVICE_FIELDS
    )
    counts = tuple(
        DeviceCount(subject_id=row.subject_id, count=int(row.value), until=row.until, reason=row.reason)
        for row in rows
        if row.field == COUNT_FIELD
    )
    return facts, counts


def end_agreed_corrections(connection: Connection, outcome: Outcome, believed: BelievedState, at: datetime) -> int:
    """End the corrections that the sources agree with by *outcome*, and write it into the audit; how many.

    One that a person has replaced since *believed* was read stays: it says something else.
    """
    values: dict[tuple[str, str], str] = {(each.device, each.field): each.value for each in believed.corrections}
    values |= {(each.subject_id, COUNT_FIELD): str(each.count) for each in believed.device_counts}
    ended = 0
    for agreed in outcome.agreed_corrections:
        correction = t.correction.c
        is_it = (
            (correction.subject_id == agreed.subject_id)
            & (correction.field == agreed.field)
            & (correction.value == values[agreed.subject_id, agreed.field])
        )
        if not _end(connection, is_it, at, CorrectionEnd.AGREED, AGREED_BY):
            continue
        what = f"correction of {agreed.field} ended: the sources say the same"
        audit = {"at": at, "who": AGREED_BY, "what": what, "subject": agreed.subject_id}
        connection.execute(insert(t.audit).values(audit))
        ended += 1
    return ended


def hide_corrections(connection: Connection, people: Iterable[str], devices: Iterable[str]) -> None:
    """Keep nothing that names a hidden person, or where a device of theirs is, or why somebody corrected it."""
    correction = t.correction.c
    for person in sorted(people):
        connection.execute(delete(t.correction).where(correction.field == "holder", correction.value == person))
    for device in sorted(devices):
        of_device = correction.subject_id == device
        connection.execute(delete(t.correction).where(of_device, correction.field.in_(("holder", "unit"))))
        connection.execute(update(t.correction).where(of_device).values(reason=""))


def _end(connection: Connection, which: ColumnElement[bool], at: datetime, how: CorrectionEnd, who: str) -> int:
    ended = {"ended_at": at, "ended_how": how.value, "ended_by": who}
    statement = update(t.correction).where(which, t.correction.c.ended_at.is_(None)).values(ended)
    return connection.execute(statement).rowcount


def _row_of(entry: Correction | DeviceCount) -> dict[str, Any]:
    if isinstance(entry, DeviceCount):
        fact = {"subject_id": entry.subject_id, "field": COUNT_FIELD, "value": str(entry.count)}
    else:
        fact = {"subject_id": entry.device, "field": entry.field, "value": entry.value}
    return {**fact, "until": entry.until, "reason": entry.reason}


def _stored_correction(row: Any) -> StoredCorrection:
    values = dict(row._mapping)
    how = values.pop("ended_how")
    return StoredCorrection(**values, ended_how=None if how is None else CorrectionEnd(how))
