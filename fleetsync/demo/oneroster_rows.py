"""The rows of Exempelby's register that speaks OneRoster: two schools, their classes, pupils and teachers.

It has texts that may never be stored: names, phones and addresses of pupils. It marks nobody as protected, has no fritidshem,
and lists who was deleted for two weeks more.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from fleetsync.demo.model import (
    EmploymentContract,
    Learner,
    RegisterMembership,
    SchoolClass,
    SourceRow,
    StaffMember,
    text_on,
)
from fleetsync.demo.names import CANARY, object_id_of
from fleetsync.demo.rosters import RosterMembers, is_listed, listed_staff, units_of
from fleetsync.demo.school_years import grade_in_register, register_year, school_year_of
from fleetsync.demo.start_year import same_weekday
from fleetsync.demo.units import UNIT_BY_SLUG

NO_RIGHT_SPAN = (same_weekday(2026, 8, 18), same_weekday(2026, 8, 18))
"""The days on which our client had lost its right to read users and enrolments, and got empty listings."""
LARGEST_PAGE = 400  # fewer than fleetsync asks for
_DISTRICT = "exempelby"
_LISTED_AFTER_DELETION = timedelta(days=14)


def oneroster_listings(members: RosterMembers, day: date) -> Mapping[str, Sequence[SourceRow]]:
    """The rows of each listing on *day*."""
    is_refused = NO_RIGHT_SPAN[0] <= day <= NO_RIGHT_SPAN[1]
    classes = [each for each in members.classes if each.known <= day]
    return {
        "orgs": tuple(_organisations()),
        "classes": tuple(_class(each) for each in classes),
        "users": () if is_refused else tuple(_users(members, day)),
        "enrollments": () if is_refused else tuple(_class_memberships(members.learners, classes, day)),
    }


def _organisations() -> Iterator[SourceRow]:
    yield {"sourcedId": _DISTRICT, "name": "Exempelby kommun", "type": "district"}
    for slug in units_of("oneroster"):
        unit = UNIT_BY_SLUG[slug]
        parent = {"sourcedId": _DISTRICT, "type": "org"}
        yield {
            "sourcedId": _school_id(slug),
            "name": unit.name,
            "type": "school",
            "identifier": unit.code,
            "parent": parent,
        }


def _school_id(unit: str) -> str:
    return object_id_of(f"oneroster/{unit}")


def _school(unit: str) -> SourceRow:
    return {"sourcedId": _school_id(unit), "type": "org"}


def _class(school_class: SchoolClass) -> SourceRow:
    return {
        "sourcedId": school_class.id,
        "title": school_class.name,
        "classType": "homeroom",
        "school": _school(school_class.unit),
    }


# --- people -----------------------------------------------------------------------------------------------------------


def _users(members: RosterMembers, day: date) -> Iterator[SourceRow]:
    for learner in members.learners:
        if is_listed(learner, day):
            yield _pupil(learner, day)
        elif learner.deleted is not None and learner.deleted <= day < learner.deleted + _LISTED_AFTER_DELETION:
            yield {**_pupil(learner, day), "status": "tobedeleted"}
    for employee, job in listed_staff(members):
        yield _teacher(employee, job)


def _pupil(learner: Learner, day: date) -> SourceRow:
    login = text_on(learner.logins, day)
    enrolments = [each for each in learner.enrolments if each.known <= day]
    return {
        "sourcedId": learner.id,
        "username": login,
        "email": login,
        "identifier": f"E-{learner.id[:13]}",
        "givenName": learner.given,
        "familyName": learner.family,
        "phone": f"070-{CANARY}",
        "grades": _grades(learner, enrolments, day),
        "roles": [_pupil_role(each, day) for each in enrolments],
    }


def _grades(learner: Learner, enrolments: Sequence[RegisterMembership], day: date) -> Sequence[str]:
    """The grade of the newest enrolment that has begun, or that will begin first: a user has one, without days."""
    begun = [each for each in enrolments if school_year_of(each.first) <= register_year(day)]
    enrolment = (begun or list(enrolments))[-1]
    if not enrolment.has_year:
        return ()
    if enrolment.form not in ("GR", "FKLASS"):
        return (enrolment.form,)
    grade = grade_in_register(learner.cohort, enrolment.first, _known_end(enrolment, day), day)
    return ("KG",) if enrolment.form == "FKLASS" else (f"{grade:02}",)


def _known_end(membership: RegisterMembership, day: date) -> date | None:
    return membership.last if membership.end_known <= day else None


def _pupil_role(enrolment: RegisterMembership, day: date) -> SourceRow:
    return {
        "roleType": "primary",
        "role": "student",
        "org": _school(enrolment.unit),
        **_span(enrolment.first, _known_end(enrolment, day)),
    }


def _teacher(employee: StaffMember, job: EmploymentContract) -> SourceRow:
    role = {"roleType": "primary", "role": "teacher", "org": _school(job.unit), **_span(job.first, job.last)}
    return {
        "sourcedId": object_id_of(f"oneroster/{employee.key}"),
        "username": employee.login,
        "email": employee.login,
        "givenName": employee.given,
        "familyName": employee.family,
        "phone": f"070-{CANARY}",
        "roles": [role],
    }


def _class_memberships(learners: Iterable[Learner], classes: Iterable[SchoolClass], day: date) -> Iterator[SourceRow]:
    units = {each.id: each.unit for each in classes}
    for learner in learners:
        for each in learner.classes if is_listed(learner, day) else ():
            if each.group in units and each.known <= day:
                yield {
                    "sourcedId": object_id_of(f"{each.group}/{learner.id}"),
                    "role": "student",
                    "user": {"sourcedId": learner.id, "type": "user"},
                    "class": {"sourcedId": each.group, "type": "class"},
                    "school": _school(units[each.group]),
                    **_span(each.first, each.last),
                }


def _span(first: date, last: date | None) -> SourceRow:
    """First and last day; the standard writes the day after the last one."""
    end = {} if last is None else {"endDate": (last + timedelta(days=1)).isoformat()}
    return {"beginDate": first.isoformat(), **end}
