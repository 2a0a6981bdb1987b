"""What one source says about one device, person, membership, unit, group or head count.

Connectors create these records from the rows that they read. A record holds what the source says, in a common shape,
and nothing that was concluded from it. What a source does not say is None or empty, never a guess or a sentinel value.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Literal

from fleetsync.core.model.base import FrozenStruct
from fleetsync.core.model.vocabulary import (
    TOKEN_PREFIX,
    Compliance,
    Condition,
    EmploymentForm,
    MembershipType,
    Ownership,
    Platform,
    Purpose,
    RecordType,
    Scheme,
)


class Key(FrozenStruct, frozen=True, array_like=True, order=True):
    """An identifier of a person.

    `namespace`: the tenant for object ids, the configured namespace for numbers, "" for addresses, the Windows domain
    for accounts. Two keys mean the same person only when all three fields are equal.
    """

    scheme: Scheme
    namespace: str
    value: str

    @property
    def is_token(self) -> bool:
        """Whether the value is a keyed token instead of plain text."""
        return self.value.startswith(TOKEN_PREFIX)


class _Record(FrozenStruct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """Base of all record types. `source_id` is the source's own id, unique within (source, part, type)."""

    source_id: str


class DeviceRecord(_Record, frozen=True, kw_only=True, omit_defaults=True, tag="device"):
    """What one source says about one device. Unknown is None, never "", 0 or a sentinel date.

    The runner makes `serial` canonical, turns `name` into `name_matches` and moves `last_contact_at` out of the body.
    """

    serial: str | None = None
    serial_problem: Literal["placeholder", "virtual", "damaged"] | None = None
    name: str | None = None
    name_matches: tuple[tuple[str, str], ...] = ()  # (pattern of a [[device_rule]], what its braces caught) per match
    manufacturer: str | None = None
    model: str | None = None
    platform: Platform = Platform.OTHER
    os_version: str | None = None
    os_edition: str | None = None
    keys: tuple[Key, ...] = ()  # of the assigned user; strongest first within a scheme
    has_user: bool = False  # somebody is assigned, and `keys` are left out because no persons are kept
    enrolled_by_manager: bool = False  # by an account that enrols devices for others; its user holds no device
    reported_shared: bool = False  # the source says that it is used without a user of its own
    location: str | None = None
    groups: tuple[str, ...] = ()
    profile: str | None = None
    tag: str | None = None
    order: str | None = None
    status: str | None = None
    asset_tag: str | None = None
    enrolled_at: datetime | None = None
    last_contact_at: datetime | None = None
    ownership: Ownership | None = None
    managed: bool | None = None
    migrating: bool = False  # the source says that it is on its way from one MDM to another now
    condition: Condition = Condition.ACTIVE
    compliance: Compliance | None = None
    encrypted: bool | None = None
    purpose: Purpose | None = None  # as a device list says; outranks every rule
    unit: str | None = None  # as a device list says: slug, code or name of a unit
    serves: tuple[str, ...] = ()  # as a device list says: the groups that share the device
    purchased_on: date | None = None
    warranty_until: date | None = None
    support_until: date | None = None
    unreadable: tuple[str, ...] = ()  # fields that were filled in and could not be read, sorted: unknown, not blank


class PersonRecord(_Record, frozen=True, kw_only=True, omit_defaults=True, tag="person"):
    """What one source says about one person.

    `protected`: the source marks a protected identity. The runner then masks the record, which also clears the mark.
    """

    keys: tuple[Key, ...] = ()
    name: str | None = None
    protected: bool = False
    child: bool = False  # in förskola or förskoleklass: keys are kept as tokens


class MembershipRecord(_Record, frozen=True, kw_only=True, omit_defaults=True, tag="membership"):
    """That a person belongs to a unit or group for a time. Both days are inclusive; `end` None means open-ended."""

    person: str  # source id of a PersonRecord
    membership: MembershipType
    codes: tuple[str, ...] = ()  # of the unit, as the source writes them: code, organisation id, cost centre
    unit_name: str | None = None
    group: str | None = None  # source id of a GroupRecord
    school_form: str | None = None
    year: int | None = None  # year label as the school uses it; see `fleetsync.core.calendar.grade_index`
    employment_form: EmploymentForm | None = None  # None: this roster has no such field
    share: float | None = None  # 0..1 of full time
    start: date | None = None
    end: date | None = None
    leave_from: date | None = None
    leave_to: date | None = None
    protected: bool = False
    unreadable: tuple[str, ...] = ()  # fields that were filled in and could not be read, sorted: unknown, not blank


class UnitRecord(_Record, frozen=True, kw_only=True, omit_defaults=True, tag="unit"):
    """An organisation as its register describes it."""

    name: str
    kind: str | None = None  # organisationType
    codes: tuple[str, ...] = ()
    parent: str | None = None  # source id of a UnitRecord
    school_forms: tuple[str, ...] = ()
    organisation_number: str | None = None
    start: date | None = None
    end: date | None = None


class GroupRecord(_Record, frozen=True, kw_only=True, omit_defaults=True, tag="group"):
    """A class or department."""

    name: str
    kind: str | None = None  # groupType
    unit: str | None = None  # source id of a UnitRecord
    school_form: str | None = None
    start: date | None = None
    end: date | None = None


class HeadcountRecord(_Record, frozen=True, kw_only=True, omit_defaults=True, tag="headcount"):
    """How many persons of one membership, school form and year a unit has, where nothing is known of who they are."""

    membership: MembershipType  # EMPLOYMENT, ENROLMENT or PLACEMENT; of employments only those that entitle are counted
    heads: int  # 0 or more
    codes: tuple[str, ...] = ()  # of the unit, as in a MembershipRecord
    unit_name: str | None = None
    school_form: str | None = None
    year: int | None = None  # year label as the school uses it; None: all years of the form together
    counted_on: date | None = None
    counted_by: str | None = None  # the function that answers for the number, such as "rektor Vretaskolan"
    unreadable: tuple[str, ...] = ()  # fields that were filled in and could not be read, sorted: unknown, not blank


Record = DeviceRecord | PersonRecord | MembershipRecord | UnitRecord | GroupRecord | HeadcountRecord

RECORD_TYPES: Mapping[type[Record], RecordType] = {
    DeviceRecord: RecordType.DEVICE,
    PersonRecord: RecordType.PERSON,
    MembershipRecord: RecordType.MEMBERSHIP,
    UnitRecord: RecordType.UNIT,
    GroupRecord: RecordType.GROUP,
    HeadcountRecord: RecordType.HEADCOUNT,
}
