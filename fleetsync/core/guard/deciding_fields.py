"""The fields of each kind of record that decide something: whether one is filled, and whether its word is known.

Pure. A falling share means that the source stopped filling the field, or began to fill it with words of a new meaning.
A field that was filled in and could not be read (`unreadable`) is not filled: nothing can be decided by it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from fleetsync.core.model import (
    BelievedRecord,
    Condition,
    DeviceRecord,
    EmploymentForm,
    FrozenStruct,
    GroupRecord,
    HeadcountRecord,
    MembershipRecord,
    MembershipType,
    PersonRecord,
    Record,
    RecordType,
    Scheme,
    UnitRecord,
)

LOGIN_SCHEMES = frozenset({Scheme.OBJECT_ID, Scheme.ADDRESS, Scheme.ACCOUNT})


class RecordKind(NamedTuple):
    """A record type; of memberships also which, because an employment has no year and a placement no employment form."""

    type: RecordType
    membership: MembershipType | None = None

    @property
    def name(self) -> str:
        """As reasons write it: device, enrolment …"""
        return (self.membership or self.type).value

    @property
    def name_sv(self) -> str:
        """The same in Swedish, in the plural."""
        return KINDS_SV[self]


KINDS_SV: Mapping[RecordKind, str] = {
    RecordKind(RecordType.DEVICE): "verktyg",
    RecordKind(RecordType.PERSON): "personer",
    RecordKind(RecordType.UNIT): "enheter",
    RecordKind(RecordType.GROUP): "grupper",
    RecordKind(RecordType.HEADCOUNT): "antal",
    RecordKind(RecordType.MEMBERSHIP, MembershipType.EMPLOYMENT): "anställningar",
    RecordKind(RecordType.MEMBERSHIP, MembershipType.ENROLMENT): "inskrivningar",
    RecordKind(RecordType.MEMBERSHIP, MembershipType.PLACEMENT): "placeringar",
    RecordKind(RecordType.MEMBERSHIP, MembershipType.GROUP): "grupptillhörigheter",
}


class DecidingField(FrozenStruct, frozen=True):
    """A field that decides something. `word_of`: of a field of words, its word as written; None: it is no such field."""

    name: str
    name_sv: str
    is_filled: Callable[[BelievedRecord], bool]
    word_of: Callable[[BelievedRecord], str | None] | None = None

    def words_of(self, records: Iterable[BelievedRecord]) -> Counter[str]:
        """How often each word stands in the field, in capitals; blanks are not counted."""
        words: Counter[str] = Counter()
        if self.word_of is not None:
            # There are many records and few words.
            for written, count in Counter(map(self.word_of, records)).items():
                if word := (written or "").strip().upper():
                    words[word] += count
        return words


def _of_device(value_of: Callable[[DeviceRecord], object], attribute: str = "") -> Callable[[BelievedRecord], bool]:
    def is_filled(known: BelievedRecord) -> bool:
        record = known.record
        return isinstance(record, DeviceRecord) and attribute not in record.unreadable and bool(value_of(record))

    return is_filled


def _of_membership(
    value_of: Callable[[MembershipRecord], object], attribute: str = ""
) -> Callable[[BelievedRecord], bool]:
    def is_filled(known: BelievedRecord) -> bool:
        record = known.record
        return isinstance(record, MembershipRecord) and attribute not in record.unreadable and bool(value_of(record))

    return is_filled


def _of_group(value_of: Callable[[GroupRecord], object]) -> Callable[[BelievedRecord], bool]:
    return lambda known: isinstance(known.record, GroupRecord) and bool(value_of(known.record))


def _of_unit(value_of: Callable[[UnitRecord], object]) -> Callable[[BelievedRecord], bool]:
    return lambda known: isinstance(known.record, UnitRecord) and bool(value_of(known.record))


def _of_headcount(value_of: Callable[[HeadcountRecord], object]) -> Callable[[BelievedRecord], bool]:
    return lambda known: isinstance(known.record, HeadcountRecord) and bool(value_of(known.record))


def _has_login(known: BelievedRecord) -> bool:
    # A number or a civic number identifies a person, but is not what they log in with.
    record = known.record
    return isinstance(record, PersonRecord) and any(key.scheme in LOGIN_SCHEMES for key in record.keys)


def _has_contact(known: BelievedRecord) -> bool:
    # One that could not be read is counted by `PullEffect.contacts_untold`, because the earlier contact stays.
    return known.last_contact_at is not None


def _school_form(known: BelievedRecord) -> str | None:
    record = known.record
    return record.school_form if isinstance(record, MembershipRecord) else None


_UNIT = DecidingField("unit", "enhet", _of_membership(lambda record: record.codes or record.unit_name))
_GROUP = DecidingField("group", "grupp", _of_membership(lambda record: record.group))
_SCHOOL_FORM = DecidingField(
    "school_form", "skolform", _of_membership(lambda record: record.school_form, "school_form"), _school_form
)
_YEAR = DecidingField("year", "årskurs", _of_membership(lambda record: record.year is not None, "year"))
_START = DecidingField("start", "första dag", _of_membership(lambda record: record.start, "start"))
_END = DecidingField("end", "sista dag", _of_membership(lambda record: record.end, "end"))
_EMPLOYMENT_FORM = DecidingField(
    "employment_form",
    "anställningsform",
    _of_membership(lambda record: record.employment_form not in (None, EmploymentForm.UNKNOWN), "employment_form"),
)

DECIDING_FIELDS: Mapping[RecordKind, tuple[DecidingField, ...]] = {
    RecordKind(RecordType.DEVICE): (
        DecidingField("serial", "serienummer", _of_device(lambda record: record.serial)),
        DecidingField("holder", "innehavare", _of_device(lambda record: record.keys or record.has_user)),
        DecidingField("unit", "enhet", _of_device(lambda record: record.unit or record.location)),
        DecidingField("last_contact", "senaste kontakt", _has_contact),
        DecidingField("ownership", "ägare", _of_device(lambda record: record.ownership, "ownership")),
        DecidingField("managed", "hantering", _of_device(lambda record: record.managed is not None, "managed")),
        DecidingField("condition", "skick", _of_device(lambda _: True, "condition")),
    ),
    RecordKind(RecordType.PERSON): (DecidingField("login", "inloggning", _has_login),),
    RecordKind(RecordType.MEMBERSHIP, MembershipType.EMPLOYMENT): (_UNIT, _GROUP, _EMPLOYMENT_FORM, _START, _END),
    RecordKind(RecordType.MEMBERSHIP, MembershipType.ENROLMENT): (_UNIT, _GROUP, _SCHOOL_FORM, _YEAR, _START, _END),
    RecordKind(RecordType.MEMBERSHIP, MembershipType.PLACEMENT): (_UNIT, _GROUP, _SCHOOL_FORM, _START, _END),
    RecordKind(RecordType.MEMBERSHIP, MembershipType.GROUP): (_GROUP, _START, _END),
    RecordKind(RecordType.GROUP): (
        DecidingField("unit", "enhet", _of_group(lambda record: record.unit)),
        DecidingField("kind", "slag", _of_group(lambda record: record.kind)),
    ),
    RecordKind(RecordType.UNIT): (
        DecidingField("codes", "koder", _of_unit(lambda record: record.codes)),
        DecidingField("kind", "slag", _of_unit(lambda record: record.kind)),
        DecidingField("parent", "överordnad enhet", _of_unit(lambda record: record.parent)),
        DecidingField("school_form", "skolform", _of_unit(lambda record: record.school_forms)),
    ),
    RecordKind(RecordType.HEADCOUNT): (
        DecidingField("unit", "enhet", _of_headcount(lambda record: record.codes or record.unit_name)),
        DecidingField("school_form", "skolform", _of_headcount(lambda record: record.school_form)),
        DecidingField("year", "årskurs", _of_headcount(lambda record: record.year is not None)),
    ),
}


def ends_earlier(old: Record, new: Record) -> bool:
    """Whether *new* takes back what *old* promised: an end that was not there or is earlier, or a later first day.

    Of a device: it was in use, and is retired, wiped, lost … now.
    """
    if isinstance(old, MembershipRecord) and isinstance(new, MembershipRecord):
        has_earlier_end = new.end is not None and (old.end is None or new.end < old.end)
        return has_earlier_end or _begins_later(old, new)
    if isinstance(old, DeviceRecord) and isinstance(new, DeviceRecord):
        return old.condition is Condition.ACTIVE and new.condition is not Condition.ACTIVE
    return False


def _begins_later(old: MembershipRecord, new: MembershipRecord) -> bool:
    return new.start is not None and old.start is not None and new.start > old.start
