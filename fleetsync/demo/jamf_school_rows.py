"""The rows of Exempelby's Jamf School: tablets of schools and preschools, their users, classes and locations.

They have texts that may never be stored: names, notes, coordinates and addresses of networks.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from hashlib import sha256
from zoneinfo import ZoneInfo

from fleetsync.demo.managed_facts import ManagedFacts
from fleetsync.demo.model import Learner, SchoolClass, SourceRow, text_on
from fleetsync.demo.names import CANARY, Name
from fleetsync.demo.school_years import register_year
from fleetsync.demo.units import DEMO_UNITS, SHARED_BUILDING_NAME, unit_name

ZONE = "Europe/Stockholm"  # of its times, which name none
DISTRICT = "Exempelby kommun"
PLACES_WITHOUT_UNIT = (DISTRICT, SHARED_BUILDING_NAME)
PLACES_IN_JAMF_SCHOOL: Mapping[str, int] = {
    name: number for number, name in enumerate((*PLACES_WITHOUT_UNIT, *(unit.name for unit in DEMO_UNITS)), 1)
}
"""The id of each location. A device that nobody has placed is at the district."""
LAST_GRADE_OF_TABLETS = 6
RENAMED_PRESCHOOL, OLD_NAME = "gasslan", "Gässlingen"  # the unit has been renamed, its location not
_SOMEBODY = Name(CANARY.title(), "Skyddsson", "")


def jamf_school_row(facts: ManagedFacts) -> SourceRow:
    """The row of a device in Jamf School, with texts that may never be stored."""
    return {
        "UDID": f"00008103-{facts.id[-12:].upper()}",
        "serialNumber": facts.serial,
        "name": facts.name,
        "assetTag": "",
        "locationId": PLACES_IN_JAMF_SCHOOL[facts.place or DISTRICT],
        "os": {"prefix": facts.system, "version": facts.version},
        "model": {"name": facts.model, "identifier": "iPad15,7", "type": "iPad"},
        "owner": {"id": 0} if not facts.login else jamf_school_user(facts.login, _SOMEBODY),
        "groups": (facts.use,) if facts.use else (),
        "enrollType": "depPending" if facts.is_enrolment_pending else "dep",
        "depProfile": "Delad" if facts.is_shared else "Elev",
        "notes": f"{CANARY}: lånad av",
        "region": {"string": CANARY, "coordinates": f"{CANARY} 59.0,18.0"},
        "networkInformation": {"IPAddress": f"{CANARY}-ip", "WiFiMAC": f"{CANARY}-wifi"},
    }


def is_pending(row: SourceRow) -> bool:
    """Whether the device of a row has not been enrolled yet."""
    return row["enrollType"] == "depPending"


def jamf_school_user(login: str, name: Name) -> SourceRow:
    """A user of Jamf School, in the listing and as the owner of a device. The id is the log-in's for good."""
    return {
        "id": _number_of(login),
        "username": login.partition("@")[0],
        "email": login,
        "firstName": name.given,
        "lastName": name.family,
        "name": f"{name.given} {name.family}",
        "notes": f"{CANARY}: byter klass",
    }


def jamf_school_locations() -> Iterator[SourceRow]:
    """The locations of Jamf School. Schools have their number; the others only have a name, one of them an old one."""
    numbers = {unit.name: unit.code for unit in DEMO_UNITS}
    for name, location in PLACES_IN_JAMF_SCHOOL.items():
        yield {
            "id": location,
            "name": OLD_NAME if name == unit_name(RENAMED_PRESCHOOL) else name,
            "schoolNumber": numbers.get(name) or "",
            "isDistrict": name == DISTRICT,
        }


def jamf_school_time(at: datetime | None) -> str:
    """An instant as Jamf School writes it: local, without a zone; "" for never."""
    return "" if at is None else f"{at.astimezone(ZoneInfo(ZONE)):%Y-%m-%d %H:%M:%S}"


def jamf_school_listings(
    devices: Sequence[SourceRow], learners: Iterable[Learner], classes: Iterable[SchoolClass], day: date
) -> Mapping[str, Sequence[SourceRow]]:
    """The rows of each listing on *day*. Users are the pupils up to year 6 who have a log-in, and the owners of *devices*."""
    owners = (row["owner"] for row in devices)
    users: list[SourceRow] = [owner for owner in owners if isinstance(owner, dict) and owner["id"]]
    users += [
        jamf_school_user(login, Name(learner.given, learner.family, ""))
        for learner in learners
        if register_year(day) - learner.cohort <= LAST_GRADE_OF_TABLETS and (login := text_on(learner.logins, day))
    ]
    return {
        "devices": devices,
        "users": tuple({user["id"]: user for user in users}.values()),
        "users/groups": tuple(
            _group(school_class)
            for school_class in classes
            if school_class.kind == "Klass" and school_class.known <= day
        ),
        "locations": tuple(jamf_school_locations()),
    }


def _group(school_class: SchoolClass) -> SourceRow:
    location = PLACES_IN_JAMF_SCHOOL[unit_name(school_class.unit)]
    return {"id": _number_of(school_class.id), "name": school_class.name, "locationId": location}


def _number_of(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:6])
