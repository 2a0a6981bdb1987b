"""Exempelby as one reconciliation sees it: devices, persons and sources, one line each."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from fleetsync.core.calendar import Calendar, Calendars, Closed, Term
from fleetsync.core.entitlement import RULES
from fleetsync.core.identity import UnitBook, unit_book
from fleetsync.core.lifecycle import find_gaps, live
from fleetsync.core.model import (
    Believed,
    Device,
    DeviceCase,
    DeviceRecord,
    Episode,
    FormFactor,
    Known,
    Life,
    MembershipRecord,
    MembershipType,
    Moment,
    Outcome,
    Owed,
    PartState,
    Person,
    PersonCase,
    PersonRecord,
    Placement,
    Platform,
    Policy,
    Purpose,
    RecordType,
    Role,
    Standing,
    Subject,
    Text,
    Unit,
)

UNITS = (
    Unit(slug="bjorkskolan", name="Björkskolan", codes=("bj",), school_forms=("GR",)),
    Unit(slug="ekskolan", name="Ekskolan", codes=("ek",), school_forms=("GR",), stale_after_school_days=30),
    Unit(slug="ugglan", name="Ugglan", codes=("ug",), school_forms=("FS",)),
)
SCHOOLS = Calendar(
    terms=(
        Term(date(2026, 1, 8), date(2026, 6, 11)),
        Term(date(2026, 8, 17), date(2026, 12, 18)),
        Term(date(2027, 1, 11), date(2027, 6, 10)),
        Term(date(2027, 8, 16), date(2027, 12, 17)),
    ),
    closed=(Closed(date(2026, 10, 26), date(2026, 10, 30), "höstlov"),),
)
CALENDARS = Calendars(default=SCHOOLS)
PRESCHOOL = Calendars(default=SCHOOLS, preschool=replace(SCHOOLS, is_year_round=True))
TODAY = "2026-11-24"
ROSTER, WITNESS, MDM, OTHER_MDM, LIST, REGISTER, BOUGHT = (
    "sis/pupils",
    "entra/users",
    "intune/devices",
    "jamf/devices",
    "list/devices",
    "glpi/assets",
    "ledger/rows",
)
ROLES: Mapping[str, Role] = {
    ROSTER: Role.ROSTER,
    WITNESS: Role.ROSTER,
    MDM: Role.MDM,
    OTHER_MDM: Role.MDM,
    LIST: Role.LIST,
    REGISTER: Role.REGISTER,
    BOUGHT: Role.PURCHASES,
}


def day(text: str) -> date:
    return date.fromisoformat(text)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}T05:00+00:00").astimezone(UTC)


def moment(today: str = TODAY) -> Moment:
    return Moment(instant(today), day(today))


def part(name: str, as_of: str | None = TODAY, **fields: Any) -> PartState:
    source, _, named = name.partition("/")
    role = ROLES[name]
    spoken = day(as_of) if as_of else None
    defaults: dict[str, Any] = {
        "counts": name == ROSTER,
        "expects_mdm": role in (Role.REGISTER, Role.PURCHASES),
        "first_complete_at": instant("2026-01-01") if as_of else None,
        "last_attempt_at": instant(TODAY),
    }
    types = (RecordType.PERSON,) if role is Role.ROSTER else (RecordType.DEVICE,)
    return PartState(source=source, part=named, role=role, types=types, as_of=spoken, **(defaults | fields))


def parts(*names: str, as_of: str = TODAY) -> tuple[PartState, ...]:
    return tuple(part(name, as_of) for name in names)


def known(name: str, record: Any, **fields: Any) -> Known:
    source, _, named = name.partition("/")
    first_seen = {"first_seen": instant("2026-01-01")}
    return Known(source=source, part=named, record=record, own_id=record.source_id, **(first_seen | fields))


def book(policy: Policy, *records: Known) -> UnitBook:
    return unit_book(records, policy)


def policy(**fields: Any) -> Policy:
    return Policy(**({"units": UNITS, "entitlements": RULES} | fields))


def device(own: str = "d1", *names: str, contact: str | None = TODAY, **fields: Any) -> Device:
    """A managed computer that the named parts have, in contact with the first of them."""
    having = names or (MDM,)
    roles = frozenset(ROLES[name] for name in having)
    defaults: dict[str, Any] = {
        "records": tuple(known(name, DeviceRecord(source_id=own)) for name in having),
        "platform": Platform.WINDOWS,
        "form_factor": FormFactor.COMPUTER,
        "managed": True if Role.MDM in roles else None,
        "last_contact_at": instant(contact) if contact else None,
        "contact_part": having[0] if contact else None,
        "roles": roles,
        "ever_in_mdm": Role.MDM in roles,
        "ever_in_list": Role.LIST in roles,
        "first_seen": instant("2026-01-01"),
    }
    return Device(id=own, **(defaults | fields))


def placement(own: str = "d1", **fields: Any) -> Placement:
    defaults: dict[str, Any] = {"purpose": Purpose.PERSONAL, "unit": "bjorkskolan"}
    return Placement(device=own, **(defaults | fields))


class Room:
    """Where devices are judged."""

    def __init__(self, today: str = TODAY, *, sources: Sequence[PartState] | None = None, **fields: Any) -> None:
        self.moment = moment(today)
        self.sources = tuple(sources) if sources is not None else parts(ROSTER, MDM)
        self.calendars: Calendars = fields.pop("calendars", CALENDARS)
        self.believed: Believed = fields.pop("believed", Believed())
        self.policy = policy(**fields)
        self.book = book(self.policy)

    def lives(self, devices: Sequence[Device], placements: Sequence[Placement]) -> tuple[Life, ...]:
        return live(
            devices, placements, self.policy, self.calendars, self.sources, self.believed, self.moment, self.book, {}
        )

    def life(self, one: Device, **placed: Any) -> Life:
        return self.lives([one], [placement(one.id, **placed)])[0]

    def case(self, one: Device, **placed: Any) -> DeviceCase:
        return DeviceCase(device=one, placement=placement(one.id, **placed), life=self.life(one, **placed))

    def find(
        self, *cases: DeviceCase | PersonCase, records: Sequence[Known] = (), **outcome: Any
    ) -> tuple[tuple[Episode, ...], tuple[Episode, ...]]:
        found = Outcome(
            moment=self.moment,
            people=tuple(case for case in cases if isinstance(case, PersonCase)),
            devices=tuple(case for case in cases if isinstance(case, DeviceCase)),
            parts=self.sources,
            **outcome,
        )
        return find_gaps(found, self.believed, self.policy, self.calendars, book(self.policy, *records))

    def kinds(self, *cases: DeviceCase | PersonCase, **outcome: Any) -> set[str]:
        """The kinds that are open, those of the calendar and the sources apart."""
        opened, _ = self.find(*cases, **outcome)
        return {one.kind for one in opened} - {"no_calendar"}


def owed(who: str = "p1", **fields: Any) -> Owed:
    defaults: dict[str, Any] = {"entitlement": "pupils", "unit": "bjorkskolan", "count": 1, "reason": Text("", "")}
    return Owed(subject=Subject.PERSON, subject_id=who, **(defaults | fields))


def pupil(
    who: str = "p1", *, person: Mapping[str, Any] | None = None, case: Mapping[str, Any] | None = None, **standing: Any
) -> PersonCase:
    """A pupil who has gone to Björkskolan for long, is owed one device, has none and no set."""
    defaults: dict[str, Any] = {
        "unit": "bjorkskolan",
        "owed": owed(who),
        "began_on": day("2025-08-18"),
        "counted": True,
        "has_login": True,
        "grade_index": 4,
    }
    membership = MembershipRecord(source_id=f"m-{who}", person=who, membership=MembershipType.ENROLMENT)
    human: dict[str, Any] = {
        "records": (known(ROSTER, PersonRecord(source_id=who)),),
        "memberships": (known(ROSTER, membership),),
        "first_seen": instant("2026-01-01"),
    }
    return PersonCase(
        person=Person(id=who, **(human | dict(person or {}))),
        standing=Standing(person=who, **(defaults | standing)),
        **dict(case or {}),
    )


def later(today: str, days: int) -> str:
    return (day(today) + timedelta(days=days)).isoformat()
