"""Makes believed records of invented persons, devices and units, each in one line."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from fleetsync.core.model import (
    BelievedRecord,
    DeviceRecord,
    GroupRecord,
    Key,
    MembershipRecord,
    MembershipType,
    Moment,
    PartRole,
    PartState,
    PersonRecord,
    Platform,
    Record,
    RecordType,
    Scheme,
    UnitRecord,
)

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
MOMENT = Moment(NOW, date(2026, 11, 24))


def day(number: int) -> datetime:
    """Day *number* after 1 September 2026; today is day 84."""
    return datetime(2026, 9, 1, 6, tzinfo=UTC) + timedelta(days=number)


def address(text: str) -> Key:
    return Key(Scheme.ADDRESS, "", text)


def account(text: str) -> Key:
    return Key(Scheme.ACCOUNT, "exempelby", text)


def object_id(text: str) -> Key:
    return Key(Scheme.OBJECT_ID, "tenant", text)


def number(text: str) -> Key:
    return Key(Scheme.NUMBER, "hr", text)


def civic(text: str) -> Key:
    return Key(Scheme.CIVIC, "", f"~{text}")


def believed_record(source: str, record: Record, *, part: str = "part", since: int = 0, **more: Any) -> BelievedRecord:
    own_id = f"-{source}-{record.source_id}"
    return BelievedRecord(source=source, part=part, record=record, own_id=own_id, first_seen=day(since), **more)


def person(source: str, source_id: str, *keys: Key, name: str | None = None, **more: Any) -> BelievedRecord:
    return believed_record(source, PersonRecord(source_id=source_id, keys=keys, name=name), **more)


def membership_record(source: str, source_id: str, to: str, **more: Any) -> BelievedRecord:
    record_fields = {name: more.pop(name) for name in ("codes", "unit_name", "group") if name in more}
    membership = MembershipRecord(
        source_id=source_id, person=to, membership=MembershipType.ENROLMENT, start=date(2026, 8, 17), **record_fields
    )
    return believed_record(source, membership, **more)


def device(source: str, source_id: str, serial: str | None = None, **more: Any) -> BelievedRecord:
    believed_fields = ("part", "scope", "since", "gone", "thing_id", "last_contact_at", "masked", "absent_since")
    record_fields = {name: more.pop(name) for name in tuple(more) if name not in believed_fields}
    record_fields.setdefault("platform", Platform.WINDOWS)
    return believed_record(source, DeviceRecord(source_id=source_id, serial=serial, **record_fields), **more)


def organisation(source: str, source_id: str, kind: str | None = "Skola", **more: Any) -> BelievedRecord:
    believed_fields = {name: more.pop(name) for name in ("gone",) if name in more}
    more.setdefault("name", source_id.title())
    return believed_record(source, UnitRecord(source_id=source_id, kind=kind, **more), **believed_fields)


def group(source: str, source_id: str, name: str, unit: str | None, **more: Any) -> BelievedRecord:
    return believed_record(source, GroupRecord(source_id=source_id, name=name, unit=unit), **more)


def part(source: str, role: PartRole, trust: int = 0, name: str = "part") -> PartState:
    return PartState(source=source, part=name, role=role, types=(RecordType.DEVICE,), trust=trust)
