"""What is kept of a user: the roles of a part, what their grade means, their keys; and several ids as one person."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from types import MappingProxyType

import msgspec

from connectors.oneroster.schema import User
from connectors.oneroster.settings import Settings
from fleetsync.core.model import Key, MembershipType, Scheme
from fleetsync.pull.contract import UnknownValue
from fleetsync.pull.decoding import (
    EnrolmentPeriod,
    Grade,
    IdNumbering,
    clean_text,
    fold_text,
    is_child,
    is_in_domains,
    login_key,
    make_id,
    parse_day_or_none,
    parse_grade,
    report_unknown,
)

PUPIL_ROLE = "student"
_PARTS_OF_ROLES: Mapping[str, str | None] = MappingProxyType(
    {
        PUPIL_ROLE: "pupils",
        **dict.fromkeys(("guardian", "parent", "relative"), None),
        **dict.fromkeys(
            (
                "teacher", "aide", "counselor", "principal", "proctor", "administrator", "districtadministrator",
                "siteadministrator", "systemadministrator",
            ),
            "staff",
        ),
    }
)  # fmt: skip
_MEMBERSHIPS: Mapping[str, MembershipType] = MappingProxyType(
    {"pupils": MembershipType.ENROLMENT, "staff": MembershipType.EMPLOYMENT}
)
_FIRST_YEAR = 1
_DELETED = frozenset({"tobedeleted", "inactive"})
_STATUSES = _DELETED | {"active"}


class RosterMembership(msgspec.Struct, frozen=True):
    """That a person belongs to an organisation or a class. Days are as the register writes them."""

    source_id: str
    person: str
    membership: MembershipType
    organisation: str | None = None
    group: str | None = None
    form: str | None = None
    year: int | None = None
    begin_date: str | None = None
    end_date: str | None = None


class RosterPerson(msgspec.Struct, frozen=True):
    """A person with their roles of one part. *child*: of förskola or förskoleklass, or perhaps so.

    *number*: their identifier as a key. *ids*: all ids under which the register lists them.
    """

    source_id: str
    keys: tuple[Key, ...]
    memberships: tuple[RosterMembership, ...]
    child: bool = False
    number: Key | None = None
    ids: tuple[str, ...] = ()
    unknown_values: tuple[UnknownValue, ...] = ()


class LeftOutRow(msgspec.Struct, frozen=True):
    """A row that is none of the part's: deleted, or of another role. It is counted, since the register counts it too."""


class _RoleRow(msgspec.Struct, frozen=True):
    """One role at one organisation, of either version."""

    role: str | None
    organisation: str | None = None
    begin_date: str | None = None
    end_date: str | None = None


def is_deleted(status: str | None) -> bool:
    """Whether a row only says that it is gone."""
    return fold_text(status) in _DELETED


def unknown_status(status: str | None) -> list[UnknownValue]:
    """A status that no version has. Its row counts as active."""
    unknown: list[UnknownValue] = []
    report_unknown(_STATUSES, status, "status", unknown)
    return unknown


def roster_person(part: str, settings: Settings, source_id: str, user: User, today: date) -> RosterPerson | LeftOutRow:
    """What is kept of *user* for *part*."""
    roles = [role for role in _roles(user) if _PARTS_OF_ROLES.get(fold_text(role.role)) == part]
    unknown = [*unknown_status(user.status), *_unknown_roles(user)]
    if is_deleted(user.status) or not (roles or unknown):
        return LeftOutRow()
    grades = (
        [parse_grade(text, settings.grades, unknown, "grades") for text in user.grades or ()]
        if part == "pupils"
        else []
    )
    return RosterPerson(
        source_id=source_id,
        keys=tuple(dict.fromkeys(_keys(settings, user))) if roles else (),
        memberships=tuple(_memberships(part, settings, source_id, roles, grades)),
        child=part == "pupils" and is_child(list(_periods(settings, roles, grades, today)), today),
        number=_number_key(settings, user) if roles else None,
        ids=(source_id,) if roles else (),
        unknown_values=tuple(unknown),
    )


def with_ids_united(people: Iterable[RosterPerson | LeftOutRow]) -> list[RosterPerson | LeftOutRow]:
    """*people* with those of one identifier as one person, under the first of their ids. As many rows as there were."""
    rows = list(people)
    by_number: defaultdict[Key | None, list[RosterPerson]] = defaultdict(list)
    for each in rows:
        if isinstance(each, RosterPerson):
            by_number[each.number].append(each)
    united: dict[Key | None, RosterPerson] = {
        number: _united(group) for number, group in by_number.items() if number and len(group) > 1
    }
    return [_in_place_of(each, united) for each in rows]


def _in_place_of(
    row: RosterPerson | LeftOutRow, united: Mapping[Key | None, RosterPerson]
) -> RosterPerson | LeftOutRow:
    whole = united.get(row.number) if isinstance(row, RosterPerson) else None
    if whole is None or not isinstance(row, RosterPerson):
        return row
    return whole if row.source_id == whole.source_id else LeftOutRow()


def _united(group: Sequence[RosterPerson]) -> RosterPerson:
    ordered = sorted(group, key=lambda person: person.source_id)
    memberships = (membership for person in ordered for membership in person.memberships)
    return msgspec.structs.replace(
        ordered[0],
        keys=tuple(dict.fromkeys(key for person in ordered for key in person.keys)),
        memberships=tuple(msgspec.structs.replace(each, person=ordered[0].source_id) for each in memberships),
        child=any(person.child for person in ordered),
        ids=tuple(person.source_id for person in ordered),
        unknown_values=tuple(dict.fromkeys(value for person in ordered for value in person.unknown_values)),
    )


def _roles(user: User) -> Iterator[_RoleRow]:
    """1.2: the roles; 1.1: the role, at each organisation."""
    if user.roles is not None:
        for each in user.roles:
            yield _RoleRow(
                each.role, clean_text(each.org.sourced_id if each.org else None), each.begin_date, each.end_date
            )
        return
    organisations = [clean_text(each.sourced_id) for each in user.orgs or ()]
    for organisation in organisations or [None]:
        yield _RoleRow(user.role, organisation)


def _unknown_roles(user: User) -> list[UnknownValue]:
    unknown: list[UnknownValue] = []
    for each in _roles(user):
        report_unknown(_PARTS_OF_ROLES, each.role, "role", unknown)
    return unknown


def _memberships(
    part: str, settings: Settings, person: str, roles: list[_RoleRow], grades: list[Grade | None]
) -> Iterator[RosterMembership]:
    numbered, grade = IdNumbering(), next(filter(None, grades), None)
    # In an order that stays: it decides the numbers of two roles at one organisation.
    places = {(each.organisation or "", each.begin_date or "", each.end_date or ""): each for each in roles}
    for _, each in sorted(places.items()):
        yield RosterMembership(
            source_id=numbered(make_id(person, each.organisation or "").source_id),
            person=person,
            membership=_MEMBERSHIPS[part],
            organisation=each.organisation,
            form=_form(settings, each, grade) if part == "pupils" else None,
            year=grade.year if grade else None,
            begin_date=each.begin_date,
            end_date=each.end_date,
        )


# -------------------------------------------------------------------------------------------------------------- grades


def _form(settings: Settings, role: _RoleRow, grade: Grade | None) -> str | None:
    return settings.organisation_forms.get(role.organisation or "") or (grade.form if grade else None)


def _periods(
    settings: Settings, roles: list[_RoleRow], grades: list[Grade | None], today: date
) -> Iterator[EnrolmentPeriod]:
    """Each role with each grade. A role that ended before the first grade begins was of another one, perhaps a child's."""
    for each in roles:
        first, last = parse_day_or_none(each.begin_date) or date.min, parse_day_or_none(each.end_date) or date.max
        for grade in grades or [None]:
            year = grade.year if grade else None
            if year == _FIRST_YEAR and last < today and not _runs(roles, today):
                yield EnrolmentPeriod(form="", year=None, first=first, last=last)
            else:
                yield EnrolmentPeriod((_form(settings, each, grade) or "").upper(), year, first, last)


def _runs(roles: list[_RoleRow], today: date) -> bool:
    """Whether any of *roles* has begun and not ended."""
    return any(
        (parse_day_or_none(each.begin_date) or date.min) <= today <= (parse_day_or_none(each.end_date) or date.max)
        for each in roles
    )


# ---------------------------------------------------------------------------------------------------------------- keys


def _keys(settings: Settings, user: User) -> Iterator[Key]:
    """Strongest first: configured user ids, the identifier, mail and user name."""
    types = {fold_text(name): meaning for name, meaning in settings.user_ids.items()}
    for each in user.user_ids or ():
        meaning, value = types.get(fold_text(each.type)), clean_text(each.identifier)
        if meaning is not None and value:
            yield _civic_key(value) or meaning.key(value, settings.number_namespace)
    if (number := _number_key(settings, user)) is not None:
        yield number
    if (email := clean_text(user.email)) and (not settings.mail_domains or is_in_domains(email, settings.mail_domains)):
        yield Key(Scheme.ADDRESS, "", email)
    if (name := clean_text(user.username)) and (
        key := _civic_key(name) or login_key(name, settings.domain)
    ) is not None:
        yield key


def _number_key(settings: Settings, user: User) -> Key | None:
    number = clean_text(user.identifier)
    return None if number is None else _civic_key(number) or Key(Scheme.NUMBER, settings.number_namespace, number)


def _civic_key(text: str) -> Key | None:
    """The key of a civic number, which is a token by now; None for any other text."""
    key = Key(Scheme.CIVIC, "", text)
    return key if key.is_token else None
