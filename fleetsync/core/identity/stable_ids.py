"""Which id a person or device keeps when records come, go, join and part.

Pure. One id is never given to two things, and a thing that was known keeps the id it had.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain, count
from operator import attrgetter

from fleetsync.core.model import BelievedRecord, PartState

_SOURCE, _SOURCE_ID = attrgetter("source"), attrgetter("record.source_id")


def source_ref(one: BelievedRecord) -> tuple[str, str]:
    """(source, source id): `BelievedRecord.ref` among records of one type, at a fraction of its cost."""
    return one.source, one.record.source_id


def first_seen_key(one: BelievedRecord) -> tuple[datetime, str, str]:
    """Orders records earliest first seen first, ties by ref."""
    return one.first_seen, one.source, one.record.source_id


def sorted_by_source_ref(records: Iterable[BelievedRecord]) -> list[BelievedRecord]:
    """Records of one type in the order of `source_ref`."""
    # Two stable sorts by text: keys that are tuples would be two hundred thousand more things for the collector.
    return sorted(sorted(records, key=_SOURCE_ID), key=_SOURCE)


def trust_by_part(parts: Sequence[PartState]) -> Mapping[tuple[str, str], int]:
    """(source, part) → trust; a part that is configured no longer has none."""
    return {(part.source, part.part): part.trust for part in parts}


def assign_ids(things: Sequence[Sequence[BelievedRecord]], mark: str) -> list[str]:
    """The id of each thing, given as its records.

    A thing has the id of its earliest record that has one. Where a thing came apart, the part with the earliest record
    keeps the id; the others mint theirs, *mark* and the own id of their earliest record, and so do new things.
    """
    ids = [""] * len(things)
    taken: set[str] = set()
    earliest = [records[0] if len(records) == 1 else min(records, key=first_seen_key) for records in things]
    oldest_first = sorted(range(len(things)), key=lambda at: first_seen_key(earliest[at]))
    for at in oldest_first:
        held = earliest[at].thing_id or _existing_id(things[at])
        if held and held not in taken:
            ids[at] = held
            taken.add(held)
    for at in oldest_first:
        if not ids[at]:
            ids[at] = _new_id(sorted(things[at], key=first_seen_key), mark, taken)
            taken.add(ids[at])
    return ids


def _existing_id(records: Iterable[BelievedRecord]) -> str | None:
    holding = [one for one in records if one.thing_id]
    return min(holding, key=first_seen_key).thing_id if holding else None


def _new_id(records: Sequence[BelievedRecord], mark: str, taken: Container[str]) -> str:
    # An id minted from a record may live on with others that it was once found with; then the next record's will do.
    own = (mark + known.own_id for known in records)
    numbered = (f"{mark}{records[0].own_id}-{number}" for number in count(2))
    return next(candidate for candidate in chain(own, numbered) if candidate not in taken)
