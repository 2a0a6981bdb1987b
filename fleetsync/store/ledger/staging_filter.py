"""The last check before rows are staged: nobody who is hidden by now is staged plainly.

Sources are read side by side, so a pull may have begun before a person was protected. The write transaction is the one
place where who is protected or erased is certain.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace
from sqlalchemy import Connection, select

from fleetsync.core.model import Record, RecordType, StagedRow
from fleetsync.core.privacy import (
    HiddenTokens,
    RecordTokens,
    RowToStage,
    Storage,
    Tokeniser,
    linked_tokens,
    masked_record,
    record_tokens,
    storage_of_record,
    tokenise_id,
)
from fleetsync.store import tables as t
from fleetsync.store.bulk import read_many
from fleetsync.store.ledger.hidden_persons import erased_tokens, protected_tokens

PERSON_TYPES = (RecordType.PERSON, RecordType.MEMBERSHIP)


@dataclass(slots=True)
class StagingFilter:
    """The check for one part. Rows pass through `filter` in their order."""

    source: str
    part: str
    token_of: Tokeniser
    hidden: HiddenTokens
    renamed_rows: list[StagedRow] = field(default_factory=list)  # without a record: the person was masked meanwhile
    # Other tokens of hidden persons, which only these rows contain.
    newly_protected: set[str] = field(default_factory=set)
    newly_erased: set[str] = field(default_factory=set)

    def filter(self, connection: Connection, rows: Sequence[StagedRow]) -> list[StagedRow]:
        """The rows that may be staged, masked where they must be; `renamed_rows` come beside them."""
        if not self.hidden.protected and not self.hidden.erased:
            return list(rows)
        has_bodiless = any(row.record is None and row.type in PERSON_TYPES for row in rows)
        believed = self._believed_refs(connection) if has_bodiless else frozenset()
        filtered = (
            self._filter_bodiless(row, believed) if row.record is None else self._filter_record(row, row.record)
            for row in rows
        )
        return [row for row in filtered if row is not None]

    def _filter_record(self, row: StagedRow, record: Record) -> StagedRow | None:
        """A row with its record: masked where the person is protected, None where the person was erased."""
        tokens = self._tokens_of(row, record)
        storage = storage_of_record(record, tokens, self.hidden)
        if storage is Storage.DROPPED:
            self.newly_erased |= tokens.of_persons - self.hidden.erased
            return None
        if storage is not Storage.MASKED and not row.masked:
            return row
        if not tokens.of_persons.isdisjoint(self.hidden.protected):
            self.newly_protected |= linked_tokens(record, tokens) - self.hidden.protected
        masked = masked_record(record, tokens, self.token_of, source=self.source)
        return replace(row, record=masked, source_id=masked.source_id, masked=True)

    def _tokens_of(self, row: StagedRow, record: Record) -> RecordTokens:
        if isinstance(row, RowToStage) and row.tokens is not None:
            return row.tokens
        return record_tokens(record, self.token_of, source=self.source)

    def _filter_bodiless(self, row: StagedRow, believed: frozenset[tuple[str, str]]) -> StagedRow | None:
        """A row that only says of a believed record that it is there or not; None where it is not believed any more."""
        if row.type not in PERSON_TYPES or row.ref in believed:
            return row
        renamed = replace(row, source_id=tokenise_id(self.source, row.source_id, self.token_of), masked=True)
        if renamed.ref in believed:
            self.renamed_rows.append(renamed)
        return None

    def _believed_refs(self, connection: Connection) -> frozenset[tuple[str, str]]:
        record = t.record.c
        of_part = (record.source == self.source) & (record.part == self.part) & record.type.in_(PERSON_TYPES)
        refs = read_many(connection, select(record.type, record.source_id).where(of_part))
        return frozenset((kind, source_id) for kind, source_id in refs)


def staging_filter(connection: Connection, source: str, part: str, token_of: Tokeniser) -> StagingFilter:
    """The filter for a part, with who is hidden as of *connection*'s transaction."""
    hidden = HiddenTokens(protected=protected_tokens(connection), erased=erased_tokens(connection))
    return StagingFilter(source, part, token_of, hidden)
