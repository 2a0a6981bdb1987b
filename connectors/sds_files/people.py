"""Which users belong to a part, by their roles, and in which classes pupils are."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase

import msgspec

from connectors.sds_files.file_set import FileSet
from connectors.sds_files.schema import (
    CLASSES,
    ENROLMENTS,
    PARTS_OF_ROLES,
    PUPIL_ROLE,
    ROLES,
    USERS,
    ClassEnrolment,
    Role,
    SchoolClass,
    User,
)
from connectors.sds_files.settings import Settings
from fleetsync.core.model import Key, MembershipType
from fleetsync.pull.contract import RejectedRecord, UnknownValue, UnreadableFact
from fleetsync.pull.decoding import EnrolmentPeriod, IdNumbering, MadeId, fold_text, is_child, make_id, parse_grade


class RosterUser(msgspec.Struct, frozen=True, gc=False):
    """A user with a role of the part. *child*: of förskola or förskoleklass, or perhaps so."""

    source_id: str
    keys: tuple[Key, ...] = ()
    child: bool = False


class RosterMembership(msgspec.Struct, frozen=True, gc=False):
    """A role at an organisation, or a class. *id_prefix*: what its id begins with before a day that cannot be read."""

    source_id: str
    person: str
    membership: MembershipType
    organisation: str | None = None
    group: str | None = None
    form: str | None = None
    year: int | None = None
    start: date | None = None
    end: date | None = None
    id_prefix: str = ""
    unreadable: tuple[str, ...] = ()
    facts: tuple[UnreadableFact, ...] = ()
    unknown_values: tuple[UnknownValue, ...] = ()


@dataclass
class PartRows:
    """What the files give for a part, by file."""

    raws: defaultdict[str, list[RosterUser | RosterMembership]] = field(default_factory=lambda: defaultdict(list))
    rejected: defaultdict[str, list[RejectedRecord]] = field(default_factory=lambda: defaultdict(list))


def people_of(part: str, settings: Settings, files: FileSet, today: date) -> PartRows:
    """The users of *part*, their roles, and of pupils their classes."""
    rows, users = PartRows(), _users_by_id(files)
    roles: defaultdict[str, list[Role]] = defaultdict(list)
    for role in files.rows(ROLES):
        reason = _reason_against(role, users)
        if reason is not None:
            rows.rejected[ROLES].append(RejectedRecord(reason, role.place, role.user))
        elif PARTS_OF_ROLES[fold_text(role.role)] == part:
            roles[role.user].append(role)
    for person, of_person in roles.items():
        memberships = list(_memberships(part, settings, person, of_person))
        rows.raws[USERS].append(_roster_user(part, users[person], memberships, today))
        rows.raws[ROLES] += memberships
    if part == "pupils":
        rows.raws[ENROLMENTS] += _class_memberships(settings, files, roles.keys())
    return rows


def _users_by_id(files: FileSet) -> Mapping[str, User]:
    """The users. One who stands twice has the keys of both rows."""
    users: dict[str, User] = {}
    for user in files.rows(USERS):
        known = users.get(user.source_id, user)
        users[user.source_id] = User(user.source_id, tuple(dict.fromkeys((*known.keys, *user.keys))))
    return users


def _reason_against(role: Role, users: Mapping[str, User]) -> str | None:
    """Why nobody can say what a role means. What is believed of its user stays."""
    if role.user not in users:
        return "the user is not in users.csv"
    return None if fold_text(role.role) in PARTS_OF_ROLES else "role is not known"


def _roster_user(part: str, user: User, memberships: Sequence[RosterMembership], today: date) -> RosterUser:
    periods = [
        EnrolmentPeriod((each.form or "").upper(), each.year, each.start or date.min, each.end or date.max)
        for each in memberships
    ]
    return RosterUser(user.source_id, user.keys, child=part == "pupils" and is_child(periods, today))


def _memberships(part: str, settings: Settings, person: str, roles: Sequence[Role]) -> Iterator[RosterMembership]:
    numbered = IdNumbering()
    different = {msgspec.json.encode(msgspec.structs.replace(role, place="", facts=())): role for role in roles}
    for _, role in sorted(different.items()):  # in an order that stays: it decides the numbers of equal ids
        start = None if "start" in role.unreadable else str(role.start or "")
        made = make_id(person, role.organisation or "", start)
        yield _membership(part, settings, role, MadeId(numbered(made.source_id), made.prefix))


def _membership(part: str, settings: Settings, role: Role, made: MadeId) -> RosterMembership:
    unknown: list[UnknownValue] = []
    is_pupil = part == "pupils"
    grade = parse_grade(role.year_code, settings.grades, unknown, "grade") if is_pupil else None
    form = settings.organisation_forms.get(role.organisation or "") or (grade.form if grade else None)
    return RosterMembership(
        source_id=made.source_id,
        person=role.user,
        membership=MembershipType.ENROLMENT if is_pupil else MembershipType.EMPLOYMENT,
        organisation=role.organisation,
        form=form if is_pupil else None,
        year=grade.year if grade else None,
        start=role.start,
        end=role.end,
        id_prefix=made.prefix,
        unreadable=role.unreadable,
        facts=role.facts,
        unknown_values=tuple(unknown),
    )


def _class_memberships(settings: Settings, files: FileSet, pupils: Collection[str]) -> Iterator[RosterMembership]:
    classes = {each.source_id: each for each in files.rows(CLASSES) if is_wanted(settings, each)}
    seen: set[tuple[str, str]] = set()
    for row in files.rows(ENROLMENTS):
        if _is_of_pupil(row, pupils) and row.class_id in classes and (row.class_id, row.user) not in seen:
            seen.add((row.class_id, row.user))
            yield RosterMembership(
                source_id=make_id(row.class_id, row.user).source_id,
                person=row.user,
                membership=MembershipType.GROUP,
                organisation=classes[row.class_id].organisation,
                group=row.class_id,
            )


def _is_of_pupil(row: ClassEnrolment, pupils: Collection[str]) -> bool:
    return fold_text(row.role) == PUPIL_ROLE and row.user in pupils


def is_wanted(settings: Settings, school_class: SchoolClass) -> bool:
    """Whether a class is read, by its title."""
    title = fold_text(school_class.title)
    return not settings.class_titles or any(fnmatchcase(title, fold_text(each)) for each in settings.class_titles)
