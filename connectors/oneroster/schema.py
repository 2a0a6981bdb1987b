"""What is decoded of OneRoster's answers. The names of these fields are also what `fields` asks for."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, Protocol

import msgspec
from msgspec import inspect

from fleetsync.pull.decoding import DecodeHook, SourceRow, without_civic_number


class PersonId(str):
    """An id of a person. A civic number is never one: it becomes a token while it is decoded."""

    __slots__ = ()


def decode_hook(token_of: Callable[[str], str], today: date) -> DecodeHook:
    """The decoder of ids of persons. *token_of*: turns a civic number into a token."""

    def decode_id(_: type, value: Any) -> PersonId:
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise TypeError("an id is a text or a number")
        return PersonId(without_civic_number(value, token_of, today) or "")

    return decode_id


class Reference(SourceRow, frozen=True, rename="camel"):
    """A reference to an organisation or a class."""

    sourced_id: str | None = None


class UserReference(SourceRow, frozen=True, rename="camel"):
    """A reference to a user."""

    sourced_id: PersonId | None = None


class Organisation(SourceRow, frozen=True, rename="camel"):
    """A school, or what schools belong to."""

    sourced_id: str | None = None
    status: str | None = None
    name: str | None = None
    type: str | None = None
    identifier: str | None = None
    parent: Reference | None = None


class SchoolClass(SourceRow, frozen=True, rename="camel"):
    """A class: of a school year (homeroom), or of a subject (scheduled)."""

    sourced_id: str | None = None
    status: str | None = None
    title: str | None = None
    class_type: str | None = None
    school: Reference | None = None


class UserId(SourceRow, frozen=True):
    """An identifier of a user in another system."""

    type: str | None = None
    identifier: PersonId | None = None


class Role(SourceRow, frozen=True, rename="camel"):
    """A role of a user at an organisation (1.2)."""

    role: str | None = None
    org: Reference | None = None
    begin_date: str | None = None
    end_date: str | None = None


class User(SourceRow, frozen=True, rename="camel"):
    """A user. 1.1: `role` at each of `orgs`; 1.2: `roles`."""

    sourced_id: PersonId | None = None
    status: str | None = None
    username: PersonId | None = None
    identifier: PersonId | None = None
    email: str | None = None
    user_ids: list[UserId] | None = None
    grades: list[str] | None = None
    role: str | None = None
    orgs: list[Reference] | None = None
    roles: list[Role] | None = None


class Enrolment(SourceRow, frozen=True, rename="camel"):
    """That a user belongs to a class."""

    sourced_id: str | None = None
    status: str | None = None
    role: str | None = None
    user: UserReference | None = None
    school_class: Reference | None = msgspec.field(default=None, name="class")
    school: Reference | None = None
    begin_date: str | None = None
    end_date: str | None = None


class RowPage(Protocol):
    """A page of a listing. *rows*: None where the answer is no page of it. *total_count*: of all pages, where the body says."""

    @property
    def rows(self) -> list[msgspec.Raw] | None: ...
    @property
    def total_count(self) -> int | None: ...


class OrganisationPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of organisations."""

    rows: list[msgspec.Raw] | None = msgspec.field(default=None, name="orgs")
    total_count: int | None = None


class ClassPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of classes."""

    rows: list[msgspec.Raw] | None = msgspec.field(default=None, name="classes")
    total_count: int | None = None


class UserPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of users."""

    rows: list[msgspec.Raw] | None = msgspec.field(default=None, name="users")
    total_count: int | None = None


class EnrolmentPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of enrolments in classes."""

    rows: list[msgspec.Raw] | None = msgspec.field(default=None, name="enrollments")
    total_count: int | None = None


def every_path(kind: type[SourceRow]) -> tuple[str, ...]:
    """The paths of all fields of *kind* and of the objects in it, as `RowReader` names them: `roles[].org.sourcedId`."""
    return tuple(_paths(inspect.type_info(kind), ""))


def _paths(kind: inspect.Type, path: str) -> Iterator[str]:
    if path:
        yield path
    if isinstance(kind, inspect.UnionType):
        for each in kind.types:
            yield from _paths(each, path)
    elif isinstance(kind, inspect.ListType):
        yield from _paths(kind.item_type, f"{path}[]")
    elif isinstance(kind, inspect.StructType):
        for field in kind.fields:
            yield from _paths(field.type, f"{path}.{field.encode_name}".lstrip("."))
