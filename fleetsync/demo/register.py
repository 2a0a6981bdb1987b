"""The school register of Exempelby: what it holds on a day, as objects of SS12000:2020.

It holds far more than anybody may keep: civic numbers, birth dates, addresses, guardians. All of that carries canaries.
Its habits are those of real ones: staff sit at the Skola and not at its Skolenhet, years are rewritten on 2 July,
leavers are deleted on 10 July, letters are now composed and now not, and a word is sometimes one that no standard has.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property

import msgspec
from msgspec.structs import replace

from fleetsync.demo.builder import WorldBuilder
from fleetsync.demo.model import EmploymentContract, Learner, RegisterMembership, SchoolClass, StaffMember, text_on
from fleetsync.demo.names import CANARY, object_id_of
from fleetsync.demo.pupil_cases import INDEPENDENT_SCHOOL, NEW_SCHOOL_ON
from fleetsync.demo.school_years import REGISTER_ROLLOVER, register_year
from fleetsync.demo.units import PRESCHOOL_UNITS, SCHOOL_UNITS

JsonObject = dict[str, object]

PRINCIPAL_NUMBER, OTHER_PRINCIPAL_NUMBER = "2120000000", "5599000000"
PRINCIPAL, OFFICE, OTHER_PRINCIPAL = "huvudman", "forvaltning", "annan-huvudman"
NEW_SCHOOL = "nyskolan"  # since NEW_SCHOOL_ON; nobody has put it into the configuration
SHARED_BUILDING = "hojdens-skola"
SHARED_BUILDING_CODE, OFFICE_CODE = "HOJDEN", "BILDNING"
PLACEMENTS_FORBIDDEN_SPAN = (date(2026, 10, 12), date(2026, 10, 18))
_EMPLOYED_SINCE = date(2019, 1, 1)
_CHILDREN_PER_GUARDIAN = 8  # every so-manyeth child has a guardian in the register


def organisation_id(name: str) -> str:
    """The id of an organisation; of a unit its Skolenhet's."""
    return object_id_of(f"organisation/{name}")


def school_of(unit: str) -> str:
    """The Skola to which a unit belongs: two units are one."""
    return f"skola/{SHARED_BUILDING if unit.startswith(SHARED_BUILDING) else unit}"


_SCHOOLS = {organisation_id(place.slug): organisation_id(school_of(place.slug)) for place in SCHOOL_UNITS}


def school_of_organisation(id_: str) -> str:
    """The id of the Skola above a Skolenhet; any other organisation's own."""
    return _SCHOOLS.get(id_, id_)


class OrganisationRelation(msgspec.Struct, frozen=True):
    """How a person is tied to an organisation, from one day to another."""

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
    """What the register says on the morning of *day*."""

    builder: WorldBuilder
    day: date

    @property
    def placements_forbidden(self) -> bool:
        """Whether this is the week in which somebody had withdrawn the right to read placements."""
        return PLACEMENTS_FORBIDDEN_SPAN[0] <= self.day <= PLACEMENTS_FORBIDDEN_SPAN[1]

    # --- organisations and groups -------------------------------------------------------------------------------------

    @cached_property
    def organisations(self) -> tuple[JsonObject, ...]:
        """The tree of organisations, the other principal's and the school that nobody knows yet included."""
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
        for school in dict.fromkeys(school_of(place.slug) for place in SCHOOL_UNITS):
            units = [place for place in SCHOOL_UNITS if school_of(place.slug) == school]
            name = units[0].name if len(units) == 1 else "Höjdens skola"
            code = {"organisationCode": SHARED_BUILDING_CODE} if len(units) > 1 else {}
            # One of two systems that fed the register wrote its letters decomposed.
            yield _organisation(school, "Skola", unicodedata.normalize("NFD", name), OFFICE, **code)
            for place in units:
                codes = {"schoolUnitCode": place.code, "schoolTypes": list(place.forms)}
                yield _organisation(place.slug, "Skolenhet", place.name, school, **codes)
        for place in PRESCHOOL_UNITS:
            codes = {"organisationCode": place.cost_centre, "schoolTypes": ["FS"]}
            yield _organisation(place.slug, "Skolenhet", place.name, OFFICE, **codes)
        if self.day >= NEW_SCHOOL_ON:
            yield _organisation(NEW_SCHOOL, "Skola", "Nya Lyckoskolan", OFFICE)

    @cached_property
    def groups(self) -> tuple[JsonObject, ...]:
        """Classes and departments, with who is in them."""
        members: dict[str, list[JsonObject]] = {}
        for learner in self.learners:
            for one in learner.classes:
                if one.known <= self.day:
                    row = {"person": {"id": learner.id}, **_dates(one.first, one.last)}
                    members.setdefault(one.group, []).append(row)
        return tuple(_group(one, members.get(one.id, [])) for one in self.builder.classes if one.known <= self.day)

    # --- people -------------------------------------------------------------------------------------------------------

    @cached_property
    def learners(self) -> tuple[Learner, ...]:
        """Pupils and children who are in the register."""
        return tuple(one for one in self.builder.learners if self._is_present(one))

    def _is_present(self, learner: Learner) -> bool:
        if learner.deleted is not None and learner.deleted <= self.day:
            return False
        return any(stay.known <= self.day for stay in (*learner.enrolments, *learner.placements))

    @cached_property
    def staff(self) -> tuple[tuple[StaffMember, EmploymentContract], ...]:
        """Those employed long since who have a log-in of their own, each with the job that he has here."""
        logins = [who.login for who in self.builder.employees]
        return tuple(
            (who, who.contracts[-1])
            for who in self.builder.employees
            if who.login and logins.count(who.login) == 1 and all(job.known <= _EMPLOYED_SINCE for job in who.contracts)
        )

    @cached_property
    def persons(self) -> tuple[JsonObject, ...]:
        """Pupils, children, their guardians and staff, by id."""
        people = (
            *(self._learner(one) for one in self.learners),
            *(_guardian_object(one) for one in self.learners if _has_guardian(one)),
            *(_employee(who) for who, _ in self.staff),
        )
        return tuple(sorted(people, key=lambda person: str(person["id"])))

    def _learner(self, learner: Learner) -> JsonObject:
        login = text_on(learner.logins, self.day)
        enrolments = [self._enrolment(learner, stay) for stay in learner.enrolments if stay.known <= self.day]
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
        """When what is the person's own was changed last: not by a placement, which is an object of itself."""
        days = [
            *(day for stay in learner.enrolments for day in (stay.known, stay.end_known)),
            *(day for day, _ in (*learner.logins, *learner.marks)),
            date(register_year(self.day), *REGISTER_ROLLOVER),
        ]
        return max((day for day in days if day <= self.day), default=_EMPLOYED_SINCE)

    def _enrolment(self, learner: Learner, stay: RegisterMembership) -> JsonObject:
        last = stay.last if stay.end_known <= self.day else None
        year = (
            {"schoolYear": _year_label(learner, stay, last, self.day)}
            if stay.has_year and stay.form != "FKLASS"
            else {}
        )
        return {
            "enroledAt": {"id": organisation_id(stay.unit)},
            "schoolType": stay.form,
            **_dates(stay.first, last),
            **year,
            "cancelled": False,
            "educationCode": f"{CANARY}-utbildning",
        }

    # --- duties and placements ----------------------------------------------------------------------------------------

    @cached_property
    def duties(self) -> tuple[JsonObject, ...]:
        """Where staff serve: always at a Skola, a preschool, or the office."""
        duties = (_duty(who, job) for who, job in self.staff)
        return tuple(sorted(duties, key=lambda duty: str(duty["id"])))

    @cached_property
    def placements(self) -> tuple[JsonObject, ...]:
        """Children's places, by id."""
        found = (
            self._placement(learner, stay)
            for learner in self.learners
            for stay in learner.placements
            if stay.known <= self.day
        )
        return tuple(sorted(found, key=lambda placement: str(placement["id"])))

    def _placement(self, learner: Learner, stay: RegisterMembership) -> JsonObject:
        last = stay.last if stay.end_known <= self.day else None
        mark = text_on(learner.reference_marks, self.day)
        child = {"id": learner.id, **({"securityMarking": mark} if mark else {})}
        placement: JsonObject = {
            "id": stay.id,
            "meta": _meta(max(day for day in (stay.known, stay.end_known) if day <= self.day)),
            "placedAt": {"id": organisation_id(stay.unit)},
            "child": child,
            "schoolType": stay.form,
            **_dates(stay.first, last),
            "reason": "Omsorgsbehov",
            "maxWeeklyScheduleHours": 35,
        }
        if stay.group:
            placement["group"] = {"id": stay.group}
        if _has_guardian(learner):
            placement["owners"] = [{"id": _guardian_id(learner)}]
        return placement

    # --- who belongs where --------------------------------------------------------------------------------------------

    @cached_property
    def relations(self) -> Mapping[str, Sequence["OrganisationRelation"]]:
        """Person → how he is tied to organisations; the filters of /persons ask for it."""
        found: defaultdict[str, list[OrganisationRelation]] = defaultdict(list)
        for person in self.persons:
            for enrolment in _rows(person.get("enrolments")):
                relation = _relation("enrolment", enrolment, "enroledAt")
                found[str(person["id"])].append(relation)
                for guardian in _rows(person.get("responsibles")):
                    found[_id(guardian["person"])].append(replace(relation, kind="responsibleFor.enrolment"))
        for duty in self.duties:
            found[_id(duty["person"])].append(_relation("duty", duty, "dutyAt"))
        for placement in self.placements:
            relation = _relation("placement.child", placement, "placedAt")
            found[_id(placement["child"])].append(relation)
            for owner in _rows(placement.get("owners")):
                for kind in ("placement.owner", "responsibleFor.placement"):
                    found[_id(owner)].append(replace(relation, kind=kind))
        for group in self.groups:
            at = _id(group["organisation"])
            for member in _rows(group["groupMemberships"]):
                relation = OrganisationRelation(
                    "groupMembership", at, str(member["startDate"]), _text(member.get("endDate"))
                )
                found[_id(member["person"])].append(relation)
        return found

    @cached_property
    def objects_by_person(self) -> Mapping[str, Mapping[str, Sequence[JsonObject]]]:
        """What `expand` can ask for with a person: its word → person → objects."""
        found: dict[str, defaultdict[str, list[JsonObject]]] = {
            word: defaultdict(list) for word in ("duties", "placements", "ownedPlacements", "groupMemberships")
        }
        for duty in self.duties:
            found["duties"][_id(duty["person"])].append(duty)
        for placement in self.placements:
            found["placements"][_id(placement["child"])].append(placement)
            for owner in _rows(placement.get("owners")):
                found["ownedPlacements"][_id(owner)].append(placement)
        for group in self.groups:
            for member in _rows(group["groupMemberships"]):
                found["groupMemberships"][_id(member["person"])].append(group)
        return found

    @cached_property
    def descendants(self) -> Mapping[str, frozenset[str]]:
        """Organisation → itself and all that is below it."""
        parents = {
            str(one["id"]): _id(one["parentOrganisation"]) for one in self.organisations if "parentOrganisation" in one
        }
        found: defaultdict[str, set[str]] = defaultdict(set)
        for one in self.organisations:
            at: str | None = str(one["id"])
            while at is not None:
                found[at].add(str(one["id"]))
                at = parents.get(at)
        return {at: frozenset(ids) for at, ids in found.items()}

    def deleted_since(self, after: date) -> Mapping[str, Sequence[str]]:
        """What was deleted after that day."""
        gone = (one for one in self.builder.learners if one.deleted and after < one.deleted <= self.day)
        return {"persons": [one.id for one in gone]}


# --------------------------------------------------------------------------------------------------------- what objects say


def _meta(changed_on: date) -> JsonObject:
    return {"created": "2019-01-01T03:00:00+01:00", "modified": f"{changed_on}T03:00:00+01:00"}


_META = _meta(_EMPLOYED_SINCE)


def _organisation(name: str, kind: str, shown: str, parent: str | None, **more: object) -> JsonObject:
    above = {} if parent is None else {"parentOrganisation": {"id": organisation_id(parent)}}
    contact = {"email": f"{CANARY}@exempelby.se", "phoneNumber": "0580-000 00"}
    return {
        "id": organisation_id(name),
        "meta": _META,
        "displayName": shown,
        "organisationType": kind,
        "municipalityCode": "0000",
        **above,
        **more,
        **contact,
    }


def _group(one: SchoolClass, members: Iterable[JsonObject]) -> JsonObject:
    form = "FS" if one.kind == "Avdelning" else "FKLASS" if one.name.startswith("F") else "GR"
    return {
        "id": one.id,
        "meta": _META,
        "displayName": one.name,
        "groupType": one.kind,
        "schoolType": form,
        "organisation": {"id": organisation_id(one.unit)},
        **_dates(one.first, one.last),
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
    """What a person has, most of which is nobody's business."""
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


def _employee(who: StaffMember) -> JsonObject:
    marking = "Sekretessmarkering" if who.mark else "Ingen"
    person = _person_object(
        object_id_of(f"staff/{who.key}"), who.given, who.family, who.civic, "Skola personal", who.login
    )
    return {**person, "securityMarking": marking}


def _duty(who: StaffMember, job: EmploymentContract) -> JsonObject:
    at = school_of(job.unit) if job.unit in {place.slug for place in SCHOOL_UNITS} else job.unit
    return {
        "id": object_id_of(f"duty/{who.key}"),
        "meta": _META,
        "person": {
            "id": object_id_of(f"staff/{who.key}"),
            **({"securityMarking": "Sekretessmarkering"} if who.mark else {}),
        },
        "dutyAt": {"id": organisation_id(at if at in _DUTY_ORGANISATIONS else OFFICE)},
        "dutyRole": "Lärare" if who.title == "Lärare" else "Robotpedagog",
        "dutyPercent": job.percent,
        "description": f"{CANARY}-beskrivning",
        **_dates(job.first, job.last),
    }


_DUTY_ORGANISATIONS = frozenset(
    {*(school_of(place.slug) for place in SCHOOL_UNITS), *(place.slug for place in PRESCHOOL_UNITS)}
)


def _dates(first: date, last: date | None) -> JsonObject:
    return {"startDate": first.isoformat(), **({} if last is None else {"endDate": last.isoformat()})}


def _year_label(learner: Learner, stay: RegisterMembership, last: date | None, day: date) -> int:
    """The year as it is written on *day*: of the row's own first school year until that begins, of its last after it."""
    year = max(_school_year(stay.first), register_year(day))
    return (year if last is None else min(year, _school_year(last))) - learner.cohort


def _school_year(day: date) -> int:
    return day.year if day.month >= 7 else day.year - 1


EXTRA_UNIT_CODES: Mapping[str, tuple[str, ...]] = {
    "hojdens-skola-lag": (SHARED_BUILDING_CODE,),
    "elevhalsan": (OFFICE_CODE,),
}
"""What a unit's `codes` hold beside its own: of two units in one building one has the Skola, and Elevhälsan the office."""
