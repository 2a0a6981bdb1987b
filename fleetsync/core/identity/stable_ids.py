"""Assigns the ids of persons and devices so that they stay the same when records appear, disappear, join or separate.

A person or device that was known keeps its id, and no id is ever given to two of them. Pure.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain, count
from operator import attrgetter, is_

from fleetsync.core.model import BelievedRecord, PartState

_SOURCE, _SOURCE_ID = attrgetter("source"), attrgetter("record.source_id")


def source_ref(known: BelievedRecord) -> tuple[str, str]:
    """(source, source id): identifies a record among those of its type. Much cheaper than `BelievedRecord.ref`."""
    return known.source, known.record.source_id


def are_same(these: Sequence[object], those: Sequence[object]) -> bool:
    """Whether two sequences hold the very same objects in the same order."""
    return len(these) == len(those) and all(map(is_, these, those))


def first_seen_key(known: BelievedRecord) -> tuple[datetime, str, str]:
    """Sort key: first seen first, ties by source and source id."""
    return known.first_seen, known.source, known.record.source_id


def sorted_by_source_ref(records: Iterable[BelievedRecord]) -> list[BelievedRecord]:
    """Records of one type, sorted by `source_ref`."""
    # Two stable sorts by text. Tuples as keys would be 200,000 more objects for the garbage collector.
    return sorted(sorted(records, key=_SOURCE_ID), key=_SOURCE)


def trust_by_part(parts: Sequence[PartState]) -> Mapping[tuple[str, str], int]:
    """(source, part) → trust. Parts that are no longer configured are missing."""
    return {(part.source, part.part): part.trust for part in parts}


def assign_ids(groups: Sequence[Sequence[BelievedRecord]], mark: str) -> list[str]:
    """The ids of persons or devices, each given as the group of its records.

    A group takes the id of its earliest record that has one. When the records of one id are now in several groups, the
    group with the earliest record keeps it. Every other group gets a new id: *mark* and the own id of its earliest
    record.
    """
    ids = [""] * len(groups)
    taken: set[str] = set()
    earliest = [records[0] if len(records) == 1 else min(records, key=first_seen_key) for records in groups]
    oldest_first = sorted(range(len(groups)), key=lambda at: first_seen_key(earliest[at]))
    for at in oldest_first:
        held = earliest[at].thing_id or _existing_id(groups[at])
        if held and held not in taken:
            ids[at] = held
            taken.add(held)
    for at in oldest_first:
        if not ids[at]:
            ids[at] = _new_id(sorted(groups[at], key=first_seen_key), mark, taken)
            taken.add(ids[at])
    return ids


def _existing_id(records: Iterable[BelievedRecord]) -> str | None:
    with_id = [known for known in records if known.thing_id]
    return min(with_id, key=first_seen_key).thing_id if with_id else None


def _new_id(records: Sequence[BelievedRecord], mark: str, taken: Container[str]) -> str:
    # The id made from a record may already belong to a group that it was once part of. Then the next record is used.
    candidates = (mark + known.own_id for known in records)
    numbered = (f"{mark}{records[0].own_id}-{number}" for number in count(2))
    return next(candidate for candidate in chain(candidates, numbered) if candidate not in taken)
