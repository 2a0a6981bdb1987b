"""What is believed of a part, as far as its next pull must know it: to see what differs, what is hidden and where to go on."""

from collections.abc import Iterator
from datetime import date, datetime
from sys import intern

import msgspec
from sqlalchemy import select

from fleetsync.core.model import Record, RecordType
from fleetsync.store import tables as t
from fleetsync.store.bulk import read_many
from fleetsync.store.ledger.base import RECORD_WITH_CONTACT, LedgerBase, decode_record


class RecordIndexEntry(msgspec.Struct, frozen=True, gc=False):
    """What a pull has to know of a record that is remembered: enough to see whether it differs."""

    fingerprint: int
    absent: bool
    gone: bool
    last_contact_at: datetime | None
    scope: str | None
    read_fingerprint: int | None = None
    masked: bool = False


class KnownRecordsLedger(LedgerBase):
    """The part of the ledger that a pull compares with."""

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
                record.read_fingerprint,
                record.masked,
            )
            .select_from(RECORD_WITH_CONTACT)
            .where(record.source == source, record.part == part)
        )
        with self._read_transaction() as connection:
            return {
                (intern(kind), source_id): RecordIndexEntry(
                    fingerprint, since is not None, gone, contact, scope, read, masked
                )
                for kind, source_id, fingerprint, since, gone, contact, scope, read, masked in read_many(
                    connection, statement
                )
            }

    def person_records(self, source: str, part: str) -> Iterator[Record]:
        """The records of persons and memberships that are remembered of a part, as they are stored."""
        record = t.record.c
        of_persons = record.type.in_((RecordType.PERSON.value, RecordType.MEMBERSHIP.value))
        statement = select(record.body).where(record.source == source, record.part == part, of_persons)
        with self._read_transaction() as connection:
            for (body,) in read_many(connection, statement):
                yield decode_record(body)

    def believed_record(self, source: str, part: str, ref: tuple[str, str]) -> Record | None:
        """The record of a part by (type, source id), as it is stored; None where there is none."""
        record = t.record.c
        is_of_part = (record.source == source) & (record.part == part)
        statement = select(record.body).where(is_of_part, record.type == ref[0], record.source_id == ref[1])
        with self._read_transaction() as connection:
            body = connection.execute(statement).scalar_one_or_none()
        return None if body is None else decode_record(body)

    def judged_under(self, source: str, part: str) -> dict[str, str | None]:
        """What all believed records of each scope of a part were judged under, by scope ("": the part)."""
        scope = t.part_scope.c
        statement = select(scope.scope, scope.judged_under).where(scope.source == source, scope.part == part)
        with self._read_transaction() as connection:
            return {row.scope: row.judged_under for row in connection.execute(statement)}

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
