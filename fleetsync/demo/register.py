"""The content of Exempelby's school register on a day, as objects of SS12000:2020.

It contains far more than fleetsync may store: civic numbers, birth dates, addresses, guardians. All of it carries the
canary. It behaves as real registers do: staff belong to the Skola and not to its Skolenhet, school years are rewritten
on 2 July, leavers are deleted on 10 July, text is partly in NFC and partly in NFD, and some values are in no standard.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property

import msgspec
from msgspec.structs import replace

from fleetsync.demo.model import EmploymentContract, Learner, RegisterMembership, SchoolClass, StaffMember, text_on
from fleetsync.demo.names import CANARY, object_id_of
from fleetsync.demo.pupil_cases import INDEPENDENT_SCHOOL, NEW_SCHOOL_ON
from fleetsync.demo.rosters import RosterMembers, is_listed, listed_staff
from fleetsync.demo.school_years import REGISTER_ROLLOVER, grade_in_register, register_year
from fleetsync.demo.start_year import same_weekday
from fleetsync.demo.units import PRESCHOOL_UNITS, SCHOOL_UNITS

JsonObject = dict[str, object]

PRINCIPAL_NUMBER, OTHER_PRINCIPAL_NUMBER = "2120000000", "5599000000"
PRINCIPAL, OFFICE, OTHER_PRINCIPAL = "huvudman", "forvaltning", "annan-huvudman"
NEW_SCHOOL = "nyskolan"  # exists since NEW_SCHOOL_ON; the configuration does not know it
SHARED_BUILDING = "hojdens-skola"
SHARED_BUILDING_CODE, OFFICE_CODE = "HOJDEN", "BILDNING"
PLACEMENTS_FORBIDDEN_SPAN = (same_weekday(2026, 10, 12), same_weekday(2026, 10, 18))
_EMPLOYED_SINCE = date(2019, 1, 1)
_CHILDREN_PER_GUARDIAN = 8  # one child in this many has a guardian in the register


def organisation_id(name: str) -> str:
    """The id of an organisation. A unit's name gives the id of its Skolenhet."""
    return object_id_of(f"organisation/{name}")


def school_of(unit: str) -> str:
    """The Skola to which a unit belongs. Two units belong to the same one."""
    return f"skola/{SHARED_BUILDING if unit.startswith(SHARED_BUILDING) else unit}"


_SCHOOLS = {organisation_id(unit.slug): organisation_id(school_of(unit.slug)) for unit in SCHOOL_UNITS}


def school_of_organisation(id_: str) -> str:
    """The id of the Skola above a Skolenhet; for any other organisation its own id."""
    return _SCHOOLS.get(id_, id_)


class OrganisationRelation(msgspec.Struct, frozen=True):
    """A person's relation to an organisation, with its first and last day."""

    kind: str
    organisation: str
    first: str
    last: str | None


def _relation(kind: str, row: JsonObject, at: str) -> OrganisationRelation:
    return OrganisationRelation(kind, _id(row[at]), str(row["startDate"]), _text(row.get("endDate")))


def _id(reference: object) -> str:
    assert isinstance(reference, dict), "a reference is an object with an id"
    return str(reference["id"])


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _rows(value: object) -> list[JsonObject]:
    return value if isinstance(value, list) else []


class RegisterContents(msgspec.Struct, frozen=True, dict=True):
    """The content of the register on the morning of *day*."""

    members: RosterMembers
    day: date

    @property
    def placements_forbidden(self) -> bool:
        """Whether this is the week in which the permission to read placements was missing."""
        return PLACEMENTS_FORBIDDEN_SPAN[0] <= self.day <= PLACEMENTS_FORBIDDEN_SPAN[1]

    # --- organisations and groups -------------------------------------------------------------------------------------

    @cached_property
    def organisations(self) -> tuple[JsonObject, ...]:
        """The tree of organisations, with another principal's and a school that is not configured yet."""
        return tuple(self._organisations())

    def _organisations(self) -> Iterator[JsonObject]:
        yield _organisation(PRINCIPAL, "Huvudman", "Exempelby kommun", None, organisationNumber=PRINCIPAL_NUMBER)
        yield _organisation(OFFICE, "Förvaltning", "Bildningsförvaltningen", PRINCIPAL, organisationCode=OFFICE_CODE)
        yield _organisation(
            OTHER_PRINCIPAL, "Huvudman", "Stiftelsen Fjällvråken", None, organisationNumber=OTHER_PRINCIPAL_NUMBER
        )
        yield _organisation(
            INDEPENDENT_SCHOOL, "Skolenhet", "Friskolan Fjällvråken", OTHER_PRINCIPAL, schoolTypes=["GR"]
        )
        for school in dict.fromkeys(school_of(unit.slug) for unit in SCHOOL_UNITS):
            units = [unit for unit in SCHOOL_UNITS if school_of(unit.slug) == school]
            name = units[0].name if len(units) == 1 else "Höjdens skola"
            code = {"organisationCode": SHARED_BUILDING_CODE} if len(units) > 1 else {}
            # One of the two systems that feed the register writes text in NFD.
            yield _organisation(school, "Skola", unicodedata.normalize("NFD", name), OFFICE, **code)
            for unit in units:
                codes = {"schoolUnitCode": unit.code, "schoolTypes": list(unit.forms)}
                yield _organisation(unit.slug, "Skolenhet", unit.name, school, **codes)
        for unit in PRESCHOOL_UNITS:
            codes = {"organisationCode": unit.cost_centre, "schoolTypes": ["FS"]}
            yield _organisation(unit.slug, "Skolenhet", unit.name, OFFICE, **codes)
        if self.day >= NEW_SCHOOL_ON:
            yield _organisation(NEW_SCHOOL, "Skola", "Nya Lyckoskolan", OFFICE)

    @cached_property
    def groups(self) -> tuple[JsonObject, ...]:
        """Classes and departments with their members."""
        members: dict[str, list[JsonObject]] = {}
        for learner in self.learners:
            for school_class in learner.classes:
                if school_class.known <= self.day:
                    row = {"person": {"id": learner.id}, **_dates(school_class.first, school_class.last)}
                    members.setdefault(school_class.group, []).append(row)
        return tuple(
            _group(school_class, members.get(school_class.id, []))
            for school_class in self.members.classes
            if school_class.known <= self.day
        )

    # --- people -------------------------------------------------------------------------------------------------------

    @cached_property
    def learners(self) -> tuple[Learner, ...]:
        """Pupils and children who are in the register."""
        return tuple(learner for learner in self.members.learners if is_listed(learner, self.day))

    @cached_property
    def staff(self) -> tuple[tuple[StaffMember, EmploymentContract], ...]:
        """Employees since the beginning who have a log-in of their own, each with the latest contract."""
        return listed_staff(self.members)

    @cached_property
    def persons(self) -> tuple[JsonObject, ...]:
        """Pupils, children, their guardians and staff, ordered by id."""
        people = (
            *(self._learner(learner) for learner in self.learners),
            *(_guardian_object(learner) for learner in self.learners if _has_guardian(learner)),
            *(_employee(employee) for employee, _ in self.staff),
        )
        return tuple(sorted(people, key=lambda person: str(person["id"])))

    def _learner(self, learner: Learner) -> JsonObject:
        login = text_on(learner.logins, self.day)
        enrolments = [
            self._enrolment(learner, membership) for membership in learner.enrolments if membership.known <= self.day
        ]
        person = {
            **_person_object(learner.id, learner.given, learner.family, learner.civic, "Skola elev", login),
            "meta": _meta(self._changed_on(learner)),
            "securityMarking": text_on(learner.marks, self.day) or "Ingen",
            "enrolments": enrolments,
        }
        if _has_guardian(learner):
            person["responsibles"] = [{"person": {"id": _guardian_id(learner)}, "relationType": "Vårdnadshavare"}]
        return person

    def _changed_on(self, learner: Learner) -> date:
        """The day of the last change of the person object. A placement is an object of its own and does not count."""
        days = [
            *(day for membership in learner.enrolments for day in (membership.known, membership.end_known)),
            *(day for day, _ in (*learner.logins, *learner.marks)),
            date(register_year(self.day), *REGISTER_ROLLOVER),
        ]
        return max((day for day in days if day <= self.day), default=_EMPLOYED_SINCE)

    def _enrolment(self, learner: Learner, membership: RegisterMembership) -> JsonObject:
        last = membership.last if membership.end_known <= self.day else None
        year = (
            {"schoolYear": grade_in_register(learner.cohort, membership.first, last, self.day)}
            if membership.has_year and membership.form != "FKLASS"
            else {}
        )
        return {
            "enroledAt": {"id": organisation_id(membership.unit)},
            "schoolType": membership.form,
            **_dates(membership.first, last),
            **year,
            "cancelled": False,
            "educationCode": f"{CANARY}-utbildning",
        }

    # --- duties and placements ----------------------------------------------------------------------------------------

    @cached_property
    def duties(self) -> tuple[JsonObject, ...]:
        """The duties of staff: always at a Skola, a preschool, or the office."""
        duties = (_duty(employee, job) for employee, job in self.staff)
        return tuple(sorted(duties, key=lambda duty: str(duty["id"])))

    @cached_property
    def placements(self) -> tuple[JsonObject, ...]:
        """Placements of children, ordered by id."""
        placements = (
            self._placement(learner, membership)
            for learner in self.learners
            for membership in learner.placements
            if membership.known <= self.day
        )
        return tuple(sorted(placements, key=lambda placement: str(placement["id"])))

    def _placement(self, learner: Learner, membership: RegisterMembership) -> JsonObject:
        last = membership.last if membership.end_known <= self.day else None
        mark = text_on(learner.reference_marks, self.day)
        child = {"id": learner.id, **({"securityMarking": mark} if mark else {})}
        placement: JsonObject = {
            "id": membership.id,
            "meta": _meta(max(day for day in (membership.known, membership.end_known) if day <= self.day)),
            "placedAt": {"id": organisation_id(membership.unit)},
            "child": child,
            "schoolType": membership.form,
            **_dates(membership.first, last),
            "reason": "Omsorgsbehov",
            "maxWeeklyScheduleHours": 35,
        }
        if membership.group:
            placement["group"] = {"id": membership.group}
        if _has_guardian(learner):
            placement["owners"] = [{"id": _guardian_id(learner)}]
        return placement

    # --- relations ----------------------------------------------------------------------------------------------------

    @cached_property
    def relations(self) -> Mapping[str, Sequence["OrganisationRelation"]]:
        """Person id → relations to organisations. The filters of /persons use it."""
        relations: defaultdict[str, list[OrganisationRelation]] = defaultdict(list)
        for person in self.persons:
            for enrolment in _rows(person.get("enrolments")):
                relation = _relation("enrolment", enrolment, "enroledAt")
                relations[str(person["id"])].append(relation)
                for guardian in _rows(person.get("responsibles")):
                    relations[_id(guardian["person"])].append(replace(relation, kind="responsibleFor.enrolment"))
        for duty in self.duties:
            relations[_id(duty["person"])].append(_relation("duty", duty, "dutyAt"))
        for placement in self.placements:
            relation = _relation("placement.child", placement, "placedAt")
            relations[_id(placement["child"])].append(relation)
            for owner in _rows(placement.get("owners")):
                for kind in ("placement.owner", "responsibleFor.placement"):
                    relations[_id(owner)].append(replace(relation, kind=kind))
        for group in self.groups:
            at = _id(group["organisation"])
            for member in _rows(group["groupMemberships"]):
                relation = OrganisationRelation(
                    "groupMembership", at, str(member["startDate"]), _text(member.get("endDate"))
                )
                relations[_id(member["person"])].append(relation)
        return relations

    @cached_property
    def objects_by_person(self) -> Mapping[str, Mapping[str, Sequence[JsonObject]]]:
        """Objects that `expand` can add to a person: keyword → person id → objects."""
        objects: dict[str, defaultdict[str, list[JsonObject]]] = {
            word: defaultdict(list) for word in ("duties", "placements", "ownedPlacements", "groupMemberships")
        }
        for duty in self.duties:
            objects["duties"][_id(duty["person"])].append(duty)
        for placement in self.placements:
            objects["placements"][_id(placement["child"])].append(placement)
            for owner in _rows(placement.get("owners")):
                objects["ownedPlacements"][_id(owner)].append(placement)
        for group in self.groups:
            for member in _rows(group["groupMemberships"]):
                objects["groupMemberships"][_id(member["person"])].append(group)
        return objects

    @cached_property
    def descendants(self) -> Mapping[str, frozenset[str]]:
        """Organisation id → ids of itself and of all organisations below it."""
        parents = {
            str(organisation["id"]): _id(organisation["parentOrganisation"])
            for organisation in self.organisations
            if "parentOrganisation" in organisation
        }
        below: defaultdict[str, set[str]] = defaultdict(set)
        for organisation in self.organisations:
            ancestor: str | None = str(organisation["id"])
            while ancestor is not None:
                below[ancestor].add(str(organisation["id"]))
                ancestor = parents.get(ancestor)
        return {ancestor: frozenset(ids) for ancestor, ids in below.items()}

    def deleted_since(self, after: date) -> Mapping[str, Sequence[str]]:
        """The ids deleted after that day."""
        deleted = (
            learner for learner in self.members.learners if learner.deleted and after < learner.deleted <= self.day
        )
        return {"persons": [learner.id for learner in deleted]}


# --- objects ----------------------------------------------------------------------------------------------------------


def _meta(changed_on: date) -> JsonObject:
    return {"created": "2019-01-01T03:00:00+01:00", "modified": f"{changed_on}T03:00:00+01:00"}


_META = _meta(_EMPLOYED_SINCE)


def _organisation(name: str, kind: str, display_name: str, parent: str | None, **more: object) -> JsonObject:
    above = {} if parent is None else {"parentOrganisation": {"id": organisation_id(parent)}}
    contact = {"email": f"{CANARY}@exempelby.se", "phoneNumber": "0580-000 00"}
    return {
        "id": organisation_id(name),
        "meta": _META,
        "displayName": display_name,
        "organisationType": kind,
        "municipalityCode": "0000",
        **above,
        **more,
        **contact,
    }


def _group(school_class: SchoolClass, members: Iterable[JsonObject]) -> JsonObject:
    form = "FS" if school_class.kind == "Avdelning" else "FKLASS" if school_class.name.startswith("F") else "GR"
    return {
        "id": school_class.id,
        "meta": _META,
        "displayName": school_class.name,
        "groupType": school_class.kind,
        "schoolType": form,
        "organisation": {"id": organisation_id(school_class.unit)},
        **_dates(school_class.first, school_class.last),
        "groupMemberships": list(members),
    }


_ADDRESS: JsonObject = {
    "type": "Folkbokföring",
    "streetAddress": f"{CANARY.title()}gatan 1",
    "postalCode": "000 00",
    "locality": "Exempelby",
    "country": "Sverige",
}


def _person_object(id_: str, given: str, family: str, civic: str, kind: str, login: str) -> JsonObject:
    """A person object. Most of its fields may never be stored."""
    emails = [{"value": f"{CANARY}.{id_[:8]}@privat.example", "type": "Privat"}]
    names: list[str] = []
    if login:
        emails.insert(0, {"value": login, "type": kind})
        names = [login]
    return {
        "id": id_,
        "meta": _META,
        "givenName": given,
        "familyName": family,
        "eduPersonPrincipalNames": names,
        "externalIdentifiers": [
            {"value": f"{CANARY}-{id_[:8]}", "context": "https://exempelby.se/gammalt", "globallyUnique": False}
        ],
        "civicNo": {"value": civic, "nationality": "SE"},
        "birthDate": f"{civic[:4]}-{civic[4:6]}-{civic[6:8]}",
        "sex": "Okänt",
        "personStatus": "Aktiv",
        "emails": emails,
        "phoneNumbers": [{"value": "070-000 00 00", "type": "Hem", "mobile": True}],
        "addresses": [_ADDRESS],
        "photo": f"https://exempelby.se/foto/{CANARY}/{id_}",
    }


def _has_guardian(learner: Learner) -> bool:
    return bool(learner.placements) and int(learner.id[:8], 16) % _CHILDREN_PER_GUARDIAN == 0


def _guardian_id(learner: Learner) -> str:
    return object_id_of(f"guardian/{learner.id}")


def _guardian_object(learner: Learner) -> JsonObject:
    id_ = _guardian_id(learner)
    person = _person_object(id_, f"{CANARY.title()}förälder", learner.family, f"1985{learner.civic[4:]}", "Privat", "")
    return {**person, "securityMarking": "Ingen"}


def _employee(employee: StaffMember) -> JsonObject:
    marking = "Sekretessmarkering" if employee.mark else "Ingen"
    person = _person_object(
        object_id_of(f"staff/{employee.key}"),
        employee.given,
        employee.family,
        employee.civic,
        "Skola personal",
        employee.login,
    )
    return {**person, "securityMarking": marking}


def _duty(employee: StaffMember, job: EmploymentContract) -> JsonObject:
    organisation = school_of(job.unit) if job.unit in {unit.slug for unit in SCHOOL_UNITS} else job.unit
    return {
        "id": object_id_of(f"duty/{employee.key}"),
        "meta": _META,
        "person": {
            "id": object_id_of(f"staff/{employee.key}"),
            **({"securityMarking": "Sekretessmarkering"} if employee.mark else {}),
        },
        "dutyAt": {"id": organisation_id(organisation if organisation in _DUTY_ORGANISATIONS else OFFICE)},
        "dutyRole": "Lärare" if employee.title == "Lärare" else "Robotpedagog",
        "dutyPercent": job.percent,
        "description": f"{CANARY}-beskrivning",
        **_dates(job.first, job.last),
    }


_DUTY_ORGANISATIONS = frozenset(
    {*(school_of(unit.slug) for unit in SCHOOL_UNITS), *(unit.slug for unit in PRESCHOOL_UNITS)}
)


def _dates(first: date, last: date | None) -> JsonObject:
    return {"startDate": first.isoformat(), **({} if last is None else {"endDate": last.isoformat()})}


EXTRA_UNIT_CODES: Mapping[str, tuple[str, ...]] = {
    "hojdens-skola-lag": (SHARED_BUILDING_CODE,),
    "elevhalsan": (OFFICE_CODE,),
}
"""Further `codes` of units: the shared Skola of two units goes to one of them, and the office to Elevhälsan."""
