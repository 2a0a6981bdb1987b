"""Fingerprints of the rows that records are read from, by which a row that has not changed is recognised before it is normalised.

A row may give several records, and each is stored with the fingerprint of the row. The fingerprint also says how many they
are, so that a row is passed over only while all of its records are believed as it gave them.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from fleetsync.core.model import RECORD_TYPES, DeviceRecord, MembershipRecord, PersonRecord
from fleetsync.pull.contract import NormalisedItem, RawRecord, RecordError
from fleetsync.pull.registry import Source
from fleetsync.pull.runner.normalisation import NormalisationRules
from fleetsync.pull.runner.read_records import RecordRef
from fleetsync.pull.runner.staging import BelievedEntry

_COUNT_BITS: Final = 6
_MAX_RECORDS: Final = (1 << _COUNT_BITS) - 1  # a row that gives more is always normalised
_OF_PERSONS: Final = (PersonRecord, MembershipRecord)


class HashedRow(NamedTuple):
    """A row without what only says when a device was last in contact, as a hash, and that moment.

    *is_contact_split*: whether the connector tells the two apart. Else nobody knows of a row that has not changed whether it
    gives a contact, and a device that comes without is counted.
    """

    hash: int
    last_contact_at: datetime | None
    is_contact_split: bool


def hashed_row(raw: RawRecord, source: Source, rules: NormalisationRules) -> HashedRow | None:
    """*raw* as it is recognised; None for one that cannot be, and has to be normalised."""
    split_contact, contact = getattr(source.module, "split_contact", None), None
    if split_contact is not None:
        try:
            raw, contact = split_contact(source.settings, raw)
        except RecordError:
            return None
    hash_ = rules.raw_hash(raw)
    return None if hash_ is None else HashedRow(hash_ & ~_MAX_RECORDS, contact, split_contact is not None)


def read_fingerprint_of(row: HashedRow | None, items: Sequence[NormalisedItem]) -> int | None:
    """What the records among *items*, which *row* was normalised to, are stored with; None where it has to be normalised again.

    That is where it says anything beside records, which would not be counted, where it marks somebody as protected, and
    where it gives a device whose contact is not told apart.
    """
    if row is None or not 0 < len(items) <= _MAX_RECORDS:
        return None
    if not row.is_contact_split and any(isinstance(item, DeviceRecord) for item in items):
        return None
    return row.hash | len(items) if all(_is_unmarked_record(item) for item in items) else None


def _is_unmarked_record(item: NormalisedItem) -> bool:
    return type(item) in RECORD_TYPES and not is_marked(item)


def is_marked(item: NormalisedItem) -> bool:
    """Whether a record marks its person as protected."""
    return isinstance(item, _OF_PERSONS) and item.protected


def refs_by_row_hash(index: Mapping[RecordRef, BelievedEntry]) -> Mapping[int, Sequence[RecordRef]]:
    """The believed records of each row that has given no others, by the hash of the row."""
    refs: defaultdict[int, list[RecordRef]] = defaultdict(list)
    for ref, entry in index.items():
        if entry.read_fingerprint is not None and not entry.masked:
            refs[entry.read_fingerprint].append(ref)
    return {
        fingerprint & ~_MAX_RECORDS: of_row
        for fingerprint, of_row in refs.items()
        if len(of_row) == fingerprint & _MAX_RECORDS
    }
