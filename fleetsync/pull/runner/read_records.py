"""Records as a pull has read them, and which of several with one id counts."""

from datetime import UTC, date, datetime
from typing import NamedTuple

import msgspec

from fleetsync.core.model import RECORD_TYPES, DeviceRecord, MembershipRecord, Record
from fleetsync.core.privacy import RecordTokens
from fleetsync.pull.contract import UnreadableFact

RecordRef = tuple[str, str]  # (type, source id)

_NEVER = datetime.min.replace(tzinfo=UTC)
_TYPE_NAMES = {kind: type_.value for kind, type_ in RECORD_TYPES.items()}


class ReadRecord(msgspec.Struct, frozen=True, gc=False):
    """A canonical record as it was read, and the scope (a file of several) that it was read from.

    *tokens*: None where nobody is hidden whom they could be compared with.
    """

    record: Record
    tokens: RecordTokens | None
    scope: str | None
    read_fingerprint: int | None = None  # of the row that it was read from; None where that is always normalised


def record_ref(record: Record) -> RecordRef:
    """(type, source id) of *record*."""
    return (_TYPE_NAMES[type(record)], record.source_id)


class UncertainRead(NamedTuple):
    """A record of which it is not certain which one it is: see `fleetsync.pull.contract.UncertainRecord`."""

    read: ReadRecord
    id_prefix: str
    facts: tuple[UnreadableFact, ...]

    @property
    def group(self) -> RecordRef:
        """Its type, and what the ids of all records of that type begin with that it may be."""
        return RECORD_TYPES[type(self.read.record)].value, self.id_prefix


class Rank(NamedTuple):
    """Which of several records of one id counts: the greatest, so the same whatever their order, pull after pull.

    The newer contact or later start, then the later enrolment or end; what is left is decided by the fingerprint.
    """

    first: date
    second: date
    fingerprint: int
    scope: str


def rank_of(record: Record, fingerprint: int, scope: str | None) -> Rank:
    """The rank of *record* among those of its id. *fingerprint*: of what is kept of it."""
    first: date = _NEVER
    second: date = _NEVER
    if isinstance(record, DeviceRecord):
        first, second = record.last_contact_at or _NEVER, record.enrolled_at or _NEVER
    elif isinstance(record, MembershipRecord):
        first, second = record.start or date.min, record.end or date.max
    return Rank(first, second, fingerprint, scope or "")
