"""What we decode of the register's objects: the fields that are kept or that decide, and no other.

Field names are the standard's (versions 2.0.0 and 2.1.0), `enroledAt` with one l included. Everything may be missing
here, since 2.0, 2.1 and the vendors differ in what they require; what must be there is asked for where it is used.
Refuses to let a private address into memory as a value, and a name or a civic number unless it is asked for.
"""

import unicodedata
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from msgspec import Struct, field

T = TypeVar("T")

ProtectionMark = str | int | float | bool | None
"""Whatever a register writes where a mark of protection belongs."""
Code = str | int | None

PRIVATE = "privat"


def clean_text(said: object) -> str | None:
    """A word as it is compared and kept: composed letters, nothing around it; None for nothing."""
    return None if said is None else unicodedata.normalize("NFC", str(said)).strip() or None


def fold_text(said: object) -> str:
    """A word of an enum, whatever its case and the composition of its letters."""
    return (clean_text(said) or "").casefold()


def id_of(said: object) -> str | None:
    """An object's id: a uuid, which some write in capitals."""
    return (clean_text(said) or "").lower() or None


# ------------------------------------------------------------------------------------------------- values made on the way


class Email:
    """An address with its type; of a private one only that it is there."""

    __slots__ = ("kind", "value")

    def __init__(self, said: object) -> None:
        told = said if isinstance(said, dict) else {}
        self.kind = clean_text(told.get("type"))
        self.value = None if fold_text(self.kind) == PRIVATE else clean_text(told.get("value"))


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
    """How the values above are made: *civic_token* of what `civicNo` says, None where it is not to be read."""

    def make(kind: type, said: Any) -> Any:
        if kind is CivicToken:
            number = said.get("value") if isinstance(said, dict) else said
            return CivicToken(civic_token(str(number)) if number else None)
        if kind is OptionalName:
            return OptionalName(clean_text(said) if keeps_names else None)
        return Email(said)

    return make


# --------------------------------------------------------------------------------------------------------------- listings


class RegisterPage(Struct, Generic[T], frozen=True, rename="camel"):
    """A page. The token of the next is null, blank or not there at all after the last."""

    data: list[T]
    page_token: str | None = None


# ---------------------------------------------------------------------------------------------------------------- objects


class Meta(Struct, frozen=True, rename="camel"):
    """When something of the object's own was changed last."""

    modified: str | None = None


class ObjectReference(Struct, frozen=True, rename="camel"):
    """Which object."""

    id: str | None = None


class PersonReference(Struct, frozen=True, rename="camel"):
    """Which person; a mark here protects him even where he himself is not read."""

    id: str | None = None
    security_marking: ProtectionMark = None


class Organisation(Struct, frozen=True, rename="camel"):
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


class Group(Struct, frozen=True, rename="camel"):
    """A class or department, without who is in it."""

    id: str | None = None
    display_name: str | None = None
    group_type: str | None = None
    school_type: str | None = None
    organisation: ObjectReference | None = None
    start_date: str | None = None
    end_date: str | None = None


class GroupMembership(Struct, frozen=True, rename="camel"):
    """Who is in a group; without days of its own, for as long as the group is."""

    person: PersonReference | None = None
    start_date: str | None = None
    end_date: str | None = None


class GroupWithMembers(Struct, frozen=True, rename="camel"):
    """Who is in a group."""

    id: str | None = None
    group_type: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    group_memberships: list[GroupMembership] | None = None


class Enrolment(Struct, frozen=True, rename="camel"):
    """A pupil's place. It has no id."""

    enroled_at: ObjectReference | None = None
    school_type: str | None = None
    school_year: str | int | float | None = None
    start_date: str | None = None
    end_date: str | None = None
    cancelled: bool | None = None


class RegisterPlacement(Struct, frozen=True, rename="camel"):
    """A child's place at a preschool, or a pupil's in after-school care."""

    id: str | None = None
    placed_at: ObjectReference | None = None
    child: PersonReference | None = None
    school_type: str | None = None
    group: ObjectReference | None = None
    start_date: str | None = None
    end_date: str | None = None


class Duty(Struct, frozen=True, rename="camel"):
    """An employment at an organisation of any level; without a person it is vacant. It knows no form of employment."""

    id: str | None = None
    person: PersonReference | None = None
    duty_at: ObjectReference | None = None
    duty_percent: str | int | float | None = None
    start_date: str | None = None
    end_date: str | None = None


class ExternalIdentifier(Struct, frozen=True, rename="camel"):
    """What another system calls the person."""

    value: Code = None
    context: str | None = None


class MinimalPerson(Struct, frozen=True, rename="camel"):
    """All that is decoded of a child: whether it is protected, and whether it still lives here."""

    id: str | None = None
    meta: Meta | None = None
    security_marking: ProtectionMark = None
    person_status: str | None = None


class PersonWithLogins(MinimalPerson, frozen=True, rename="camel"):
    """A person with the names under which he logs in."""

    edu_person_principal_names: list[str] | None = None
    external_identifiers: list[ExternalIdentifier] | None = None
    emails: list[Email] | None = None


class Pupil(PersonWithLogins, frozen=True, rename="camel"):
    """A person with enrolments; one without is no pupil."""

    enrolments: list[Enrolment] | None = None


class StaffPerson(PersonWithLogins, frozen=True, rename="camel"):
    """A person with duties, where his name or his civic number's token is to be kept."""

    given_name: OptionalName | None = None
    family_name: OptionalName | None = None
    civic: CivicToken | None = field(default=None, name="civicNo")


Human = TypeVar("Human", bound=MinimalPerson)
