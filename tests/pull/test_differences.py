"""One id that comes several times in a pull is one belief: the same whatever the order, however often it is pulled."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from fleetsync.core.model import (
    DeviceRecord,
    MembershipRecord,
    MembershipType,
    PersonRecord,
    Policy,
    Record,
    RowChange,
    StagedRow,
)
from fleetsync.core.privacy import RecordTokens, Storage
from fleetsync.pull.runner.differences import PullDifferences
from fleetsync.pull.runner.normalisation import NormalisationRules
from fleetsync.pull.runner.read_records import ReadRecord

RULES = NormalisationRules(policy=Policy(), token_secret=b"t" * 32, row_secret=b"r" * 32)
DAWN = datetime(2026, 9, 1, 5, tzinfo=UTC)

hours = st.one_of(st.none(), st.integers(0, 3).map(lambda hour: DAWN + timedelta(hours=hour)))
days = st.one_of(st.none(), st.integers(1, 3).map(lambda day: date(2026, 9, day)))
ids = st.sampled_from(["1", "2"])
devices = st.builds(
    DeviceRecord, source_id=ids, model=st.sampled_from(["a", "b"]), last_contact_at=hours, enrolled_at=hours
)
persons = st.builds(PersonRecord, source_id=ids, name=st.sampled_from(["a", "b"]))
memberships = st.builds(
    MembershipRecord,
    source_id=ids,
    person=st.just("p"),
    membership=st.just(MembershipType.EMPLOYMENT),
    start=days,
    end=days,
)
listings = st.lists(st.tuples(st.one_of(devices, persons, memberships), st.sampled_from([None, "a", "b"])), max_size=7)


class Entry(msgspec.Struct, frozen=True):
    """What is believed of a record."""

    fingerprint: int
    record: Record | None
    scope: str | None
    last_contact_at: datetime | None
    absent: bool = False
    gone: bool = False
    masked: bool = False
    read_fingerprint: int | None = None


Index = Mapping[tuple[str, str], Entry]


def pulled(index: Index, listing: Iterable[tuple[Record, str | None]]) -> tuple[Index, PullDifferences]:
    """What is believed after a pull of *listing*; of several rows of one record the last one counts, as in the store."""
    differences = PullDifferences("register", RULES, index)
    for record, scope in listing:
        differences.compare(ReadRecord(record, RecordTokens(), scope), Storage.PLAIN)
    staged = {row.ref: row for row in differences.take_rows()}
    return {**index, **{ref: _entry(row, index.get(ref)) for ref, row in staged.items()}}, differences


def _entry(row: StagedRow, before: Entry | None) -> Entry:
    if row.change is RowChange.PUT:
        known = before.last_contact_at if before else None
        return Entry(row.fingerprint, row.record, row.scope, row.last_contact_at or known)
    assert before is not None
    return msgspec.structs.replace(before, last_contact_at=row.last_contact_at or before.last_contact_at)


@given(listings, st.data())
def test_the_same_listing_gives_the_same_belief_in_any_order_and_at_every_pull(listing: Any, data: Any) -> None:
    first, counted = pulled({}, listing)
    believed = first
    for _ in range(3):
        again = data.draw(st.permutations(listing))
        believed, recounted = pulled(believed, again)
        assert believed == first
        assert recounted.conflicting_duplicates == counted.conflicting_duplicates
        assert recounted.duplicates == len(listing) - len(first)
        assert set(recounted.seen) == set(first)
        assert recounted.contacts_untold == counted_without_contact(first, listing)


def counted_without_contact(index: Index, listing: Iterable[tuple[Record, str | None]]) -> int:
    """Devices of which a contact is believed and none came."""
    came = {record.source_id for record, _ in listing if isinstance(record, DeviceRecord) and record.last_contact_at}
    return sum(
        1
        for (kind, source_id), entry in index.items()
        if kind == "device" and entry.last_contact_at and source_id not in came
    )


@given(listings)
def test_an_id_counts_as_a_conflict_once_and_only_when_its_content_differs(listing: Any) -> None:
    contents: dict[tuple[str, str], set[bytes]] = {}
    for record, _ in listing:
        body = msgspec.structs.replace(record, last_contact_at=None) if isinstance(record, DeviceRecord) else record
        contents.setdefault((type(record).__name__, record.source_id), set()).add(msgspec.json.encode(body))

    assert pulled({}, listing)[1].conflicting_duplicates == sum(len(several) > 1 for several in contents.values())
