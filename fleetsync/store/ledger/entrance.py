"""What enters the staging area: nobody who is hidden by now enters plain, whatever his source knew when it was read.

Sources are read side by side, and the writer is the one place where "already protected" is certain.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace
from sqlalchemy import Connection, select

from fleetsync.core.masking import TokenOf, id_token, masked, tokens_of
from fleetsync.core.model import DeviceRecord, Record, RecordType, StagedRow
from fleetsync.store import tables as t
from fleetsync.store.ledger.desk import many
from fleetsync.store.ledger.hidden import erased_tokens, protected_tokens

OF_PEOPLE = (RecordType.PERSON, RecordType.MEMBERSHIP)


@dataclass(slots=True)
class Entrance:
    """The way into the staging area of one part, through which rows go in their order."""

    source: str
    part: str
    token_of: TokenOf
    protected: frozenset[str]
    erased: frozenset[str]
    renamed: list[StagedRow] = field(default_factory=list)  # without a record: the person was masked meanwhile
    # Other tokens of theirs, which only these rows tell.
    fresh_protected: set[str] = field(default_factory=set)
    fresh_erased: set[str] = field(default_factory=set)

    def entering(self, connection: Connection, rows: Sequence[StagedRow]) -> list[StagedRow]:
        """What enters of *rows*, but for those that are *renamed*."""
        if not self.protected and not self.erased:
            return list(rows)
        is_asked = any(row.record is None and row.type in OF_PEOPLE for row in rows)
        believed = self._believed(connection) if is_asked else frozenset()
        found = (self._bare(row, believed) if row.record is None else self._told(row, row.record) for row in rows)
        return [row for row in found if row is not None]

    def _told(self, row: StagedRow, record: Record) -> StagedRow | None:
        """A row with its record: masked where the person is protected, none where he was erased."""
        tokens = tokens_of(record, self.token_of, source=self.source)
        is_device, is_erased = isinstance(record, DeviceRecord), not tokens.isdisjoint(self.erased)
        if is_erased and not is_device:
            self.fresh_erased |= tokens - self.erased
            return None
        if not row.masked and not is_erased and tokens.isdisjoint(self.protected):
            return row
        if not is_device:
            self.fresh_protected |= tokens - self.protected
        hidden = masked(record, self.token_of, source=self.source)
        return replace(row, record=hidden, source_id=hidden.source_id, masked=True)

    def _bare(self, row: StagedRow, believed: frozenset[tuple[str, str]]) -> StagedRow | None:
        """A row that says of what is believed only that it is there or not; none where it is not believed any more."""
        if row.type not in OF_PEOPLE or row.ref in believed:
            return row
        hidden = replace(row, source_id=id_token(self.source, row.source_id, self.token_of), masked=True)
        if hidden.ref in believed:
            self.renamed.append(hidden)
        return None

    def _believed(self, connection: Connection) -> frozenset[tuple[str, str]]:
        record = t.record.c
        of_part = (record.source == self.source) & (record.part == self.part) & record.type.in_(OF_PEOPLE)
        found = many(connection, select(record.type, record.source_id).where(of_part))
        return frozenset((kind, source_id) for kind, source_id in found)


def entrance(connection: Connection, source: str, part: str, token_of: TokenOf) -> Entrance:
    """The way into the staging area of a part."""
    return Entrance(source, part, token_of, protected_tokens(connection), erased_tokens(connection))
