"""Devices, persons and sources of Exempelby as one reconciliation sees them, one line each."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from fleetsync.core.calendar import Calendar, Calendars, ClosedPeriod, Term
from fleetsync.core.context import Context
from fleetsync.core.coverage import build_context
from fleetsync.core.entitlement import RULES
from fleetsync.core.lifecycle import device_states, find_gaps
from fleetsync.core.model import (
    BelievedRecord,
    BelievedState,
    Device,
    DeviceCase,
    DeviceRecord,
    DeviceState,
    Episode,
    FormFactor,
    MembershipRecord,
    MembershipType,
    Moment,
    Outcome,
    OwedDevices,
    PartRole,
    PartState,
    Person,
    PersonCase,
    PersonRecord,
    PersonState,
    Placement,
    Platform,
    Policy,
    Purpose,
    RecordType,
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
    closed=(ClosedPeriod(date(2026, 10, 26), date(2026, 10, 30), "höstlov"),),
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
ROLES: Mapping[str, PartRole] = {
    ROSTER: PartRole.ROSTER,
    WITNESS: PartRole.ROSTER,
    MDM: PartRole.MDM,
    OTHER_MDM: PartRole.MDM,
    LIST: PartRole.LIST,
    REGISTER: PartRole.REGISTER,
    BOUGHT: PartRole.PURCHASES,
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
        "expects_mdm": role in (PartRole.REGISTER, PartRole.PURCHASES),
        "first_complete_at": instant("2026-01-01") if as_of else None,
        "last_attempt_at": instant(TODAY),
    }
    types = (RecordType.PERSON,) if role is PartRole.ROSTER else (RecordType.DEVICE,)
    return PartState(source=source, part=named, role=role, types=types, as_of=spoken, **(defaults | fields))


def parts(*names: str, as_of: str = TODAY) -> tuple[PartState, ...]:
    return tuple(part(name, as_of) for name in names)


def believed_record(name: str, record: Any, **fields: Any) -> BelievedRecord:
    source, _, named = name.partition("/")
    first_seen = {"first_seen": instant("2026-01-01")}
    return BelievedRecord(source=source, part=named, record=record, own_id=record.source_id, **(first_seen | fields))


def policy(**fields: Any) -> Policy:
    return Policy(**({"units": UNITS, "entitlements": RULES} | fields))


def device(own: str = "d1", *names: str, contact: str | None = TODAY, **fields: Any) -> Device:
    """A managed computer that the named parts have, in contact with the first of them."""
    having = names or (MDM,)
    roles = frozenset(ROLES[name] for name in having)
    defaults: dict[str, Any] = {
        "records": tuple(believed_record(name, DeviceRecord(source_id=own)) for name in having),
        "platform": Platform.WINDOWS,
        "form_factor": FormFactor.COMPUTER,
        "managed": True if PartRole.MDM in roles else None,
        "last_contact_at": instant(contact) if contact else None,
        "contact_part": having[0] if contact else None,
        "roles": roles,
        "ever_in_mdm": PartRole.MDM in roles,
        "ever_in_list": PartRole.LIST in roles,
        "first_seen": instant("2026-01-01"),
    }
    return Device(id=own, **(defaults | fields))


def placement(own: str = "d1", **fields: Any) -> Placement:
    defaults: dict[str, Any] = {"purpose": Purpose.PERSONAL, "unit": "bjorkskolan"}
    return Placement(device=own, **(defaults | fields))


class LifecycleCase:
    """What devices and gaps are evaluated under: a day, the sources, and the policy."""

    def __init__(self, today: str = TODAY, *, sources: Sequence[PartState] | None = None, **fields: Any) -> None:
        self.moment = moment(today)
        self.sources = tuple(sources) if sources is not None else parts(ROSTER, MDM)
        self.calendars: Calendars = fields.pop("calendars", CALENDARS)
        self.believed: BelievedState = fields.pop("believed", BelievedState())
        self.known_until: date | None = fields.pop("known_until", None)
        self.policy = policy(**fields)

    def context(self, *records: BelievedRecord) -> Context:
        believed = replace(self.believed, known=records, parts=self.sources)
        return build_context(believed, self.policy, self.calendars, self.moment, known_until=self.known_until)

    def device_states(self, devices: Sequence[Device], placements: Sequence[Placement]) -> tuple[DeviceState, ...]:
        return device_states(devices, placements, self.context())

    def device_state(self, device: Device, **placed: Any) -> DeviceState:
        return self.device_states([device], [placement(device.id, **placed)])[0]

    def case(self, device: Device, **placed: Any) -> DeviceCase:
        return DeviceCase(
            device=device, placement=placement(device.id, **placed), device_state=self.device_state(device, **placed)
        )

    def find(
        self, *cases: DeviceCase | PersonCase, records: Sequence[BelievedRecord] = (), **outcome: Any
    ) -> tuple[tuple[Episode, ...], tuple[Episode, ...]]:
        outcome_of_cases = Outcome(
            moment=self.moment,
            people=tuple(case for case in cases if isinstance(case, PersonCase)),
            devices=tuple(case for case in cases if isinstance(case, DeviceCase)),
            parts=self.sources,
            **outcome,
        )
        found = find_gaps(outcome_of_cases, self.context(*records))
        return found.open_episodes, found.closed_episodes

    def kinds(self, *cases: DeviceCase | PersonCase, **outcome: Any) -> set[str]:
        """The kinds that are open, without those of the calendar."""
        opened, _ = self.find(*cases, **outcome)
        return {episode.kind for episode in opened} - {"no_calendar"}


def owed(who: str = "p1", **fields: Any) -> OwedDevices:
    defaults: dict[str, Any] = {"entitlement": "pupils", "unit": "bjorkskolan", "count": 1, "reason": Text("", "")}
    return OwedDevices(subject=Subject.PERSON, subject_id=who, **(defaults | fields))


def pupil(
    who: str = "p1",
    *,
    person: Mapping[str, Any] | None = None,
    case: Mapping[str, Any] | None = None,
    **person_state: Any,
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
        "records": (believed_record(ROSTER, PersonRecord(source_id=who)),),
        "memberships": (believed_record(ROSTER, membership),),
        "first_seen": instant("2026-01-01"),
    }
    return PersonCase(
        person=Person(id=who, **(human | dict(person or {}))),
        person_state=PersonState(person=who, **(defaults | person_state)),
        **dict(case or {}),
    )


def day_later(today: str, days: int) -> str:
    return (day(today) + timedelta(days=days)).isoformat()
