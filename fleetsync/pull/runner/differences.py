"""What a pull would change: each record compared by fingerprint with what is believed; only what differs is staged."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from fleetsync.core.model import (
    RECORD_TYPES,
    DeviceRecord,
    MembershipRecord,
    PersonRecord,
    Record,
    RecordType,
    RowChange,
    StagedRow,
)
from fleetsync.core.privacy import RecordTokens, RowToStage, Storage, masked_record
from fleetsync.pull.runner.normalisation import NormalisationRules
from fleetsync.pull.runner.staging import BelievedEntry

RecordRef = tuple[str, str]  # (type, source id)


class ReadRecord(msgspec.Struct, frozen=True, gc=False):
    """A canonical record as it was read, with its tokens, and the scope (a file of several) that it was read from."""

    record: Record
    tokens: RecordTokens
    scope: str | None


class PullDifferences:
    """The differences between one pull of *source* and *index*, which is what is believed of the part."""

    def __init__(self, source: str, rules: NormalisationRules, index: Mapping[RecordRef, BelievedEntry]) -> None:
        self._source, self._rules, self._index = source, rules, index
        self._changed_rows: list[StagedRow] = []
        self.seen: set[RecordRef] = set()
        self.unreadable: set[RecordRef] = set()  # present, and could not be read
        self._unreadable_prefixes: set[RecordRef] = set()  # of ids up to a slash
        self.duplicates = 0
        self.contacts_untold = 0  # devices that came without a contact, and have one that is believed

    def compare(self, read: ReadRecord, storage: Storage) -> None:
        """Take a record that is stored as *storage* says."""
        is_masked, contact, body = storage is Storage.MASKED, None, read.record
        if isinstance(body, DeviceRecord):
            contact, body = body.last_contact_at, msgspec.structs.replace(body, last_contact_at=None)
        fingerprint = self._rules.row_fingerprint(body, is_masked=is_masked)
        kept = (
            masked_record(body, read.tokens, self._rules.token_of, source=self._source)
            if is_masked
            else _without_protected_flag(body)
        )
        ref = (RECORD_TYPES[type(kept)].value, kept.source_id)
        self._count(ref, contact)
        row = RowToStage(
            change=RowChange.PUT,
            type=RecordType(ref[0]),
            source_id=ref[1],
            scope=read.scope,
            record=kept,
            fingerprint=fingerprint,
            last_contact_at=contact,
            masked=is_masked,
            tokens=read.tokens,
        )
        self._add_difference(row, self._index.get(ref))

    def _count(self, ref: RecordRef, contact: datetime | None) -> None:
        if ref in self.seen:
            self.duplicates += 1
        self.seen.add(ref)
        entry = self._index.get(ref)
        if contact is None and entry is not None and entry.last_contact_at is not None:
            self.contacts_untold += 1

    def note_unreadable(self, types: Iterable[RecordType], source_id: str, *, is_prefix: bool = False) -> None:
        """Count a record as seen that was there and could not be read: what is believed of it stays.

        *is_prefix*: as are all records whose id begins with *source_id*, which ends with a slash.
        """
        refs = self._unreadable_prefixes if is_prefix else self.unreadable
        refs.update((type_.value, source_id) for type_ in types)

    def _is_unreadable(self, ref: RecordRef) -> bool:
        if ref in self.unreadable:
            return True
        if not self._unreadable_prefixes:
            return False
        type_, source_id = ref
        ends = (place + 1 for place, letter in enumerate(source_id) if letter == "/")
        return any((type_, source_id[:end]) in self._unreadable_prefixes for end in ends)

    def _add_difference(self, row: RowToStage, entry: BelievedEntry | None) -> None:
        if entry is None or entry.fingerprint != row.fingerprint or entry.scope != row.scope:
            self._changed_rows.append(row)
        elif entry.absent or entry.gone:
            self._changed_rows.append(_without_record(row, RowChange.RETURN))
        elif row.last_contact_at is not None and row.last_contact_at != entry.last_contact_at:
            self._changed_rows.append(_without_record(row, RowChange.CONTACT))

    @property
    def believed(self) -> int:
        """The number of records that are believed and not gone."""
        return sum(not entry.gone for entry in self._index.values())

    @property
    def waiting(self) -> int:
        """The number of rows that wait to be staged."""
        return len(self._changed_rows)

    def take_rows(self) -> list[StagedRow]:
        """The rows that wait to be staged; they wait no longer."""
        rows, self._changed_rows = self._changed_rows, []
        return rows

    def absent_rows(self, scopes: Iterable[str]) -> Iterator[StagedRow]:
        """What is believed, belongs to one of *scopes*, which were read whole, and was not there."""
        whole = frozenset(scopes)
        for ref, entry in self._index.items():
            is_present = ref in self.seen or self._is_unreadable(ref)
            if not is_present and not entry.gone and (entry.scope or "") in whole:
                yield StagedRow(change=RowChange.ABSENT, type=RecordType(ref[0]), source_id=ref[1], scope=entry.scope)


def _without_record(row: RowToStage, change: RowChange) -> StagedRow:
    return msgspec.structs.replace(row, change=change, record=None, tokens=None)


def _without_protected_flag(record: Record) -> Record:
    """The mark is an instruction to the runner and is not kept: no list of protected persons exists anywhere."""
    if isinstance(record, PersonRecord | MembershipRecord) and record.protected:
        return msgspec.structs.replace(record, protected=False)
    return record
