"""Devices, persons and log-ins of invented people, one line each."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from msgspec.structs import replace

from fleetsync.core.calendar import Calendars
from fleetsync.core.context import Context
from fleetsync.core.coverage import build_context
from fleetsync.core.identity import resolve_devices, resolve_people
from fleetsync.core.matching import MatchingResult, match
from fleetsync.core.model import (
    BelievedRecord,
    BelievedState,
    DeviceRecord,
    GroupRecord,
    Key,
    Moment,
    PartRole,
    PartState,
    PersonRecord,
    PersonState,
    Placement,
    Policy,
    Record,
    RecordType,
    Scheme,
    Unit,
    UnitRecord,
)

TODAY = date(2026, 11, 24)
AT = datetime(2026, 11, 24, 5, tzinfo=UTC)
LONG_AGO = datetime(2026, 8, 1, 5, tzinfo=UTC)
UNITS = (
    Unit(slug="bjorkskolan", name="Björkskolan", codes=("bj", "vre"), school_forms=("GR",)),
    Unit(slug="ekskolan", name="Norra Ekskolan", codes=("ek",), school_forms=("GR",)),
    Unit(slug="ugglan", name="Ugglan", codes=("ug",), school_forms=("FS",)),
)
PARTS = (
    PartState(source="sis", part="pupils", role=PartRole.ROSTER, types=(RecordType.PERSON,), counts=True, as_of=TODAY),
    PartState(source="intune", part="devices", role=PartRole.MDM, types=(RecordType.DEVICE,), as_of=TODAY, trust=5),
    PartState(source="jamf", part="devices", role=PartRole.MDM, types=(RecordType.DEVICE,), as_of=TODAY, trust=5),
    PartState(source="list", part="devices", role=PartRole.LIST, types=(RecordType.DEVICE,), as_of=TODAY, trust=1),
)


def address(name: str) -> Key:
    return Key(Scheme.ADDRESS, "", f"{name}@edu.exempelby.se")


def object_id(number: int) -> Key:
    return Key(Scheme.OBJECT_ID, "tenant", f"{number:032x}")


def account(name: str) -> Key:
    return Key(Scheme.ACCOUNT, "elev", name)


def believed_record(source: str, record: Record, **fields: Any) -> BelievedRecord:
    part = "pupils" if source == "sis" else "devices"
    own_id = f"{source}-{record.source_id}"
    return BelievedRecord(source=source, part=part, record=record, own_id=own_id, **{"first_seen": LONG_AGO, **fields})


def person(name: str, *keys: Key, source: str = "sis", **fields: Any) -> BelievedRecord:
    return believed_record(source, PersonRecord(source_id=name, keys=keys), **fields)


def device(
    own: str, *keys: Key, source: str = "intune", fields: dict[str, Any] | None = None, **more: Any
) -> BelievedRecord:
    record = DeviceRecord(source_id=own, keys=keys, **{"serial": f"SER-{own}", "manufacturer": "Lenovo", **more})
    return believed_record(source, record, **(fields or {}))


def organisation(code: str) -> BelievedRecord:
    return believed_record("sis", UnitRecord(source_id=f"org-{code}", name=code, codes=(code,), kind="Skola"))


def group(name: str, code: str) -> BelievedRecord:
    return believed_record("sis", GroupRecord(source_id=f"group-{name}", name=name, kind="Klass", unit=f"org-{code}"))


class MatchingCase:
    """What is believed, and what matching makes of it."""

    def __init__(
        self,
        *records: BelievedRecord,
        states: Sequence[PersonState] = (),
        believed: BelievedState = BelievedState(),
        moment: Moment = Moment(AT, TODAY),
        **policy: Any,
    ) -> None:
        self.policy = Policy(units=UNITS, **policy)
        self.believed = replace(believed, known=records, parts=PARTS)
        self.context: Context = build_context(self.believed, self.policy, Calendars(), moment)
        self.people = resolve_people(records, PARTS, self.policy)
        self.devices = resolve_devices(self.context)
        self.states = {person.id: PersonState(person=person.id) for person in self.people}
        self.states |= {state.person: state for state in states}

    def matched(self) -> MatchingResult:
        return match(self.devices, self.people, self.states, self.context)

    def placement(self, name: str = "d", source: str = "intune") -> Placement:
        return next(placement for placement in self.matched().placements if placement.device == f"d{source}-{name}")


def person_id(name: str) -> str:
    return f"psis-{name}"
