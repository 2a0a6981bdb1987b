"""Which roster knows the pupils and children of which unit of Exempelby, and who is in each of them.

Most units are in the school register that speaks SS12000. Two schools are in another one that speaks OneRoster, one
preschool sends a list, and one only gives the number of its children. OneRoster marks nobody as protected, so pupils with
a protected identity are in the school register, wherever they go.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Literal, Protocol

import msgspec
from msgspec.structs import replace

from fleetsync.demo.editions import HEADCOUNT_DAYS, edition_from
from fleetsync.demo.model import EmploymentContract, Learner, RegisterMembership, SchoolClass, SourceRow, StaffMember
from fleetsync.demo.units import PRESCHOOL_UNITS, SCHOOL_UNITS

RosterName = Literal["ss12000", "oneroster", "children_list", "headcount"]

ROSTERS_OF_UNITS: Mapping[str, RosterName] = {
    "ostanaskolan": "oneroster",
    "tallmoskolan": "oneroster",
    "aspangen": "children_list",
    "sjostjarnan": "headcount",
}
"""The units that are not in the school register."""

_EMPLOYED_SINCE = date(2019, 1, 1)


class RosterMembers(Protocol):
    """The people and groups that a roster has, of all days."""

    @property
    def learners(self) -> Sequence[Learner]: ...
    @property
    def classes(self) -> Sequence[SchoolClass]: ...
    @property
    def employees(self) -> Sequence[StaffMember]: ...


class RosterPart(msgspec.Struct, frozen=True):
    """The members of one of several rosters."""

    learners: tuple[Learner, ...]
    classes: tuple[SchoolClass, ...]
    employees: tuple[StaffMember, ...]


def roster_of(unit: str) -> RosterName:
    """The roster that knows the pupils and children of *unit*."""
    return ROSTERS_OF_UNITS.get(unit, "ss12000")


def units_of(roster: RosterName) -> tuple[str, ...]:
    """The schools and preschools whose pupils and children *roster* knows."""
    return tuple(unit.slug for unit in (*SCHOOL_UNITS, *PRESCHOOL_UNITS) if roster_of(unit.slug) == roster)


def members_of(everyone: RosterMembers, roster: RosterName) -> RosterPart:
    """The members of *everyone* who are in *roster*, each with the memberships that it knows."""
    classes = tuple(each for each in everyone.classes if roster_of(each.unit) == roster)
    groups = frozenset(each.id for each in classes)
    learners = (_in_roster(learner, roster, groups) for learner in everyone.learners)
    return RosterPart(
        learners=tuple(learner for learner in learners if learner.enrolments or learner.placements),
        classes=classes,
        employees=tuple(each for each in everyone.employees if roster_of(each.contracts[-1].unit) == roster),
    )


def _in_roster(learner: Learner, roster: RosterName, groups: frozenset[str]) -> Learner:
    """*learner* with the memberships that *roster* knows, which may be none."""
    if learner.marks:
        return learner if roster == "ss12000" else replace(learner, enrolments=(), placements=(), classes=())
    return replace(
        learner,
        enrolments=_known_to(roster, learner.enrolments),
        # OneRoster has no fritidshem.
        placements=() if roster == "oneroster" else _known_to(roster, _ended_before_next_roster(learner.placements)),
        classes=tuple(each for each in learner.classes if each.group in groups),
    )


def _known_to(roster: RosterName, memberships: Iterable[RegisterMembership]) -> tuple[RegisterMembership, ...]:
    return tuple(each for each in memberships if roster_of(each.unit) == roster)


def _ended_before_next_roster(placements: Sequence[RegisterMembership]) -> Iterator[RegisterMembership]:
    """*placements*, each ended by a later one in another roster: no roster tells another which child it has."""
    for placement in placements:
        later = next((each for each in placements if each.first > placement.first), placement)
        if roster_of(later.unit) == roster_of(placement.unit):
            yield placement
        else:
            yield replace(placement, last=later.first - timedelta(days=1), end_known=later.known)


def counted_until(unit: str, left_on: date) -> date:
    """The last day on which a child who is gone from *unit* on *left_on* counts there: a head count sees it at its next day."""
    is_counted = roster_of(unit) == "headcount"
    return (edition_from(HEADCOUNT_DAYS, left_on) if is_counted else left_on) - timedelta(days=1)


def headcount_rows(members: RosterMembers, day: date) -> Iterator[SourceRow]:
    """How many children each department had on *day*: what a preschool says of itself in place of who they are."""
    for department in members.classes:
        placements = (each for child in members.learners for each in child.placements if each.group == department.id)
        heads = sum(each.first <= day <= (each.last or day) for each in placements)
        yield {"unit": department.unit, "department": department.name, "heads": heads, "day": day}


def is_listed(learner: Learner, day: date) -> bool:
    """Whether a roster has *learner* on *day*."""
    is_deleted = learner.deleted is not None and learner.deleted <= day
    return not is_deleted and any(each.known <= day for each in (*learner.enrolments, *learner.placements))


def listed_staff(members: RosterMembers) -> tuple[tuple[StaffMember, EmploymentContract], ...]:
    """Employees since the beginning who have a log-in of their own, each with the latest contract."""
    logins = [employee.login for employee in members.employees]
    return tuple(
        (employee, employee.contracts[-1])
        for employee in members.employees
        if employee.login
        and logins.count(employee.login) == 1
        and all(job.known <= _EMPLOYED_SINCE for job in employee.contracts)
    )
