"""What enters the staging area: nobody who is hidden by now enters plain, whatever his source knew when it was read.

Sources are read side by side, and the writer is the one place where "already protected" is certain.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace
from sqlalchemy import Connection, select

from fleetsync.core.masking import Tokeniser, mask_record, person_tokens, tokenise_id
from fleetsync.core.model import DeviceRecord, Record, RecordType, StagedRow
from fleetsync.store import tables as t
from fleetsync.store.ledger.base import stream_rows
from fleetsync.store.ledger.hidden_persons import erased_tokens, protected_tokens

PERSON_TYPES = (RecordType.PERSON, RecordType.MEMBERSHIP)


@dataclass(slots=True)
class StagingFilter:
    """The way into the staging area of one part, through which rows go in their order."""

    source: str
    part: str
    token_of: Tokeniser
    protected: frozenset[str]
    erased: frozenset[str]
    renamed_rows: list[StagedRow] = field(default_factory=list)  # without a record: the person was masked meanwhile
    # Other tokens of theirs, which only these rows tell.
    newly_protected: set[str] = field(default_factory=set)
    newly_erased: set[str] = field(default_factory=set)

    def filter(self, connection: Connection, rows: Sequence[StagedRow]) -> list[StagedRow]:
        """What enters of *rows*, but for those that are *renamed*."""
        if not self.protected and not self.erased:
            return list(rows)
        is_asked = any(row.record is None and row.type in PERSON_TYPES for row in rows)
        believed = self._believed_refs(connection) if is_asked else frozenset()
        found = (
            self._filter_bodiless(row, believed) if row.record is None else self._filter_record(row, row.record)
            for row in rows
        )
        return [row for row in found if row is not None]

    def _filter_record(self, row: StagedRow, record: Record) -> StagedRow | None:
        """A row with its record: masked where the person is protected, none where he was erased."""
        tokens = person_tokens(record, self.token_of, source=self.source)
        is_device, is_erased = isinstance(record, DeviceRecord), not tokens.isdisjoint(self.erased)
        if is_erased and not is_device:
            self.newly_erased |= tokens - self.erased
            return None
        if not row.masked and not is_erased and tokens.isdisjoint(self.protected):
            return row
        if not is_device:
            self.newly_protected |= tokens - self.protected
        hidden = mask_record(record, self.token_of, source=self.source)
        return replace(row, record=hidden, source_id=hidden.source_id, masked=True)

    def _filter_bodiless(self, row: StagedRow, believed: frozenset[tuple[str, str]]) -> StagedRow | None:
        """A row that says of what is believed only that it is there or not; none where it is not believed any more."""
        if row.type not in PERSON_TYPES or row.ref in believed:
            return row
        hidden = replace(row, source_id=tokenise_id(self.source, row.source_id, self.token_of), masked=True)
        if hidden.ref in believed:
            self.renamed_rows.append(hidden)
        return None

    def _believed_refs(self, connection: Connection) -> frozenset[tuple[str, str]]:
        record = t.record.c
        of_part = (record.source == self.source) & (record.part == self.part) & record.type.in_(PERSON_TYPES)
        found = stream_rows(connection, select(record.type, record.source_id).where(of_part))
        return frozenset((kind, source_id) for kind, source_id in found)


def staging_filter(connection: Connection, source: str, part: str, token_of: Tokeniser) -> StagingFilter:
    """The way into the staging area of a part."""
    return StagingFilter(source, part, token_of, protected_tokens(connection), erased_tokens(connection))
