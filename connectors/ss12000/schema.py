"""The register's objects as we decode them: the fields that are kept or that decide something, and no others.

Field names are the standard's (versions 2.0.0 and 2.1.0), `enroledAt` with one l included. Every field may be missing,
since 2.0, 2.1 and the vendors differ in what they require; required fields are checked where they are used. Refuses to
decode a private address, and decodes a name or a civic number only where the source's table asks for it.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from msgspec import Raw, Struct, field

from fleetsync.core.model import RecordType
from fleetsync.pull.decoding import SourceRow, clean_text, fold_text

ProtectionMark = Any
"""The value that a register writes where a mark of protection belongs. Of any kind: all but a few words protect."""
Code = str | int | None

PRIVATE = "privat"


def id_of(value: object) -> str | None:
    """An object's id: a uuid, which some registers write in capitals."""
    return (clean_text(value) or "").lower() or None


# ------------------------------------------------------------------------------------------- values with a decoder of their own


class Email:
    """An address with its type. Of a private address only the type is kept."""

    __slots__ = ("kind", "value")

    def __init__(self, raw: object) -> None:
        fields = raw if isinstance(raw, dict) else {}
        self.kind = clean_text(fields.get("type"))
        self.value = None if fold_text(self.kind) == PRIVATE else clean_text(fields.get("value"))


class CivicToken:
    """A civic number's token."""

    __slots__ = ("token",)

    def __init__(self, token: str | None) -> None:
        self.token = token


class OptionalName:
    """A name, where names are kept."""

    __slots__ = ("value",)

    def __init__(self, value: str | None) -> None:
        self.value = value


def decode_hook(civic_token: Callable[[str], str | None], *, keeps_names: bool) -> Callable[[type, Any], Any]:
    """The decoder of the values above. *civic_token*: turns a civic number into a token, or None where it is not kept."""

    def decode_value(kind: type, raw: Any) -> Any:
        if kind is CivicToken:
            number = raw.get("value") if isinstance(raw, dict) else raw
            return CivicToken(civic_token(str(number)) if number else None)
        if kind is OptionalName:
            return OptionalName(clean_text(raw) if keeps_names else None)
        return Email(raw)

    return decode_value


# --------------------------------------------------------------------------------------------------------------- listings


class RegisterPage(Struct, frozen=True, rename="camel"):
    """A page of a listing. After the last page the token is null, blank or missing."""

    data: list[Raw]
    page_token: str | int | None = None


# ---------------------------------------------------------------------------------------------------------------- objects


class Meta(SourceRow, frozen=True, rename="camel"):
    """When the object itself was changed last."""

    modified: str | None = None


class ObjectReference(SourceRow, frozen=True, rename="camel"):
    """A reference to an object."""

    id: str | None = None


class PersonReference(SourceRow, frozen=True, rename="camel"):
    """A reference to a person. A mark here protects the person even where the person object is not read."""

    id: str | None = None
    security_marking: ProtectionMark = None


class Organisation(SourceRow, frozen=True, rename="camel"):
    """From the principal down to a school unit."""

    id: str | None = None
    display_name: str | None = None
    organisation_type: str | None = None
    organisation_code: Code = None
    organisation_number: Code = None
    school_unit_code: Code = None
    school_types: list[str] | None = None
    parent_organisation: ObjectReference | None = None
    start_date: str | None = None
    end_date: str | None = None


class Group(SourceRow, frozen=True, rename="camel"):
    """A class or department, without its members."""

    id: str | None = None
    display_name: str | None = None
    group_type: str | None = None
    school_type: str | None = None
    organisation: ObjectReference | None = None
    start_date: str | None = None
    end_date: str | None = None


class GroupMembership(SourceRow, frozen=True, rename="camel"):
    """A person's membership of a group; without days of its own it lasts as long as the group."""

    person: PersonReference | None = None
    start_date: str | None = None
    end_date: str | None = None


class GroupWithMembers(SourceRow, frozen=True, rename="camel"):
    """A group with its members."""

    id: str | None = None
    group_type: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    group_memberships: list[GroupMembership] | None = None


class Enrolment(SourceRow, frozen=True, rename="camel"):
    """A pupil's place. It has no id."""

    enroled_at: ObjectReference | None = None
    school_type: str | None = None
    school_year: str | int | float | None = None
    start_date: str | None = None
    end_date: str | None = None
    cancelled: bool | None = None


class RegisterPlacement(SourceRow, frozen=True, rename="camel"):
    """A child's place at a preschool, or a pupil's in after-school care."""

    id: str | None = None
    placed_at: ObjectReference | None = None
    child: PersonReference | None = None
    school_type: str | None = None
    group: ObjectReference | None = None
    start_date: str | None = None
    end_date: str | None = None


class Duty(SourceRow, frozen=True, rename="camel"):
    """An employment at an organisation of any level; without a person it is vacant. It has no form of employment."""

    id: str | None = None
    person: PersonReference | None = None
    duty_at: ObjectReference | None = None
    duty_percent: str | int | float | None = None
    start_date: str | None = None
    end_date: str | None = None


class ExternalIdentifier(SourceRow, frozen=True, rename="camel"):
    """The person's id in another system."""

    value: Code = None
    context: str | None = None


class MinimalPerson(SourceRow, frozen=True, rename="camel"):
    """All that is decoded of a child: whether they are protected, and whether they still live here."""

    id: str | None = None
    meta: Meta | None = None
    security_marking: ProtectionMark = None
    person_status: str | None = None


class PersonWithLogins(MinimalPerson, frozen=True, rename="camel"):
    """A person with their log-ins."""

    edu_person_principal_names: list[str] | None = None
    external_identifiers: list[ExternalIdentifier] | None = None
    emails: list[Email] | None = None


class Pupil(PersonWithLogins, frozen=True, rename="camel"):
    """A person with enrolments; without any they are no pupil."""

    enrolments: list[Enrolment] | None = None


class StaffPerson(PersonWithLogins, frozen=True, rename="camel"):
    """A person with duties, where the name or a token of the civic number is to be kept."""

    given_name: OptionalName | None = None
    family_name: OptionalName | None = None
    civic: CivicToken | None = field(default=None, name="civicNo")


Human = TypeVar("Human", bound=MinimalPerson)

ESSENTIAL_FIELDS: Mapping[type, tuple[str, ...]] = MappingProxyType(
    {RegisterPlacement: ("child",), Duty: ("person",), Group: ("groupType",)}
)
"""Fields without which an object says nothing, so that it is present and unreadable."""
RECORD_TYPES: Mapping[type, RecordType] = MappingProxyType(
    {
        Organisation: RecordType.UNIT,
        Group: RecordType.GROUP,
        RegisterPlacement: RecordType.MEMBERSHIP,
        Duty: RecordType.MEMBERSHIP,
        Pupil: RecordType.PERSON,
        MinimalPerson: RecordType.PERSON,
        PersonWithLogins: RecordType.PERSON,
        StaffPerson: RecordType.PERSON,
    }
)
"""What an object becomes."""
