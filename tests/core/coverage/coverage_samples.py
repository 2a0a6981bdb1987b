"""Exempelby as records: two schools, two förskolor and a town hall, one line for each person and device; and drawn ones."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from fleetsync.core.calendar import Calendar, Calendars, ClosedPeriod, Term
from fleetsync.core.coverage import build_context, reconcile
from fleetsync.core.entitlement import RULES
from fleetsync.core.model import (
    BelievedRecord,
    BelievedState,
    Compliance,
    Condition,
    CoverageDay,
    DeviceRecord,
    DeviceRule,
    EmploymentForm,
    Entitlement,
    GroupRecord,
    Key,
    MembershipRecord,
    MembershipType,
    Moment,
    Outcome,
    Ownership,
    PartRole,
    PartState,
    PersonRecord,
    Platform,
    Policy,
    Purpose,
    Record,
    RecordType,
    RunningAssignment,
    Scheme,
    StageSince,
    Subject,
    Unit,
    UnitMap,
)
from fleetsync.core.privacy import key_tokeniser, mask_record
from fleetsync.core.snapshot import Snapshot, build_snapshot

TODAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
MOMENT = Moment(NOW, TODAY)
LONG_AGO = datetime(2026, 8, 1, 5, tzinfo=UTC)
SECRET = b"an invented secret of thirty-two"

UNITS = (
    Unit(slug="bjorkskolan", name="Björkskolan", codes=("bj",), school_forms=("FKLASS", "GR"), published=True),
    Unit(slug="ekskolan", name="Ekskolan", codes=("ek", "ek2"), school_forms=("GR",)),
    Unit(slug="masen", name="Förskolan Måsen", codes=("ma",), school_forms=("FS",)),
    Unit(slug="ugglan", name="Förskolan Ugglan", codes=("ug",), school_forms=("FS",)),
    Unit(slug="central", name="Centralt", codes=("ce",)),
)
CALENDARS = Calendars(
    default=Calendar(
        terms=(
            Term(date(2026, 1, 8), date(2026, 6, 11)),
            Term(date(2026, 8, 17), date(2026, 12, 18)),
            Term(date(2027, 1, 11), date(2027, 6, 10)),
        ),
        closed=(ClosedPeriod(date(2026, 11, 2), date(2026, 11, 6), "höstlov"),),
    ),
    preschool=Calendar(terms=(Term(date(2026, 1, 1), date(2027, 12, 31)),), is_year_round=True),
)
POLICY = Policy(
    entitlements=RULES,
    units=UNITS,
    unit_maps=(UnitMap(source="intune", field="location", pattern="*", unit="central"),),
    device_rules=(DeviceRule(when={"location": "Lager*"}, purpose=Purpose.STOCK, name="[[device_rule]] 1"),),
    fingerprint="exempelby",
)
PEOPLE = (RecordType.PERSON, RecordType.MEMBERSHIP)
DEVICES = (RecordType.DEVICE,)


def part(source: str, name: str, role: PartRole, types: tuple[RecordType, ...] = DEVICES, **more: Any) -> PartState:
    defaults: dict[str, Any] = {
        "as_of": TODAY,
        "first_complete_at": LONG_AGO,
        "last_complete_at": NOW,
        "last_attempt_at": NOW,
    }
    return PartState(source=source, part=name, role=role, types=types, **{**defaults, **more})


PARTS = (
    part(
        "hr", "staff", PartRole.ROSTER, PEOPLE, counts=True, as_of=date(2026, 11, 2), expected_every=timedelta(days=35)
    ),
    part("sis", "pupils", PartRole.ROSTER, PEOPLE, counts=True),
    part("sis", "groups", PartRole.ROSTER, (RecordType.GROUP, RecordType.MEMBERSHIP)),
    part("care", "children", PartRole.ROSTER, PEOPLE, counts=True),
    part("entra", "users", PartRole.ROSTER, (RecordType.PERSON,)),
    part("intune", "devices", PartRole.MDM),
    part("jamf", "devices", PartRole.MDM),
    part("list", "devices", PartRole.LIST),
    part("ledger", "rows", PartRole.PURCHASES),
)


class RecordsBuilder:
    """What is believed, gathered line by line."""

    def __init__(self) -> None:
        self.known: list[BelievedRecord] = []
        self._number = count(1)

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.known))

    def add(self, source: str, name: str, record: Record, **more: Any) -> BelievedRecord:
        defaults: dict[str, Any] = {"first_seen": LONG_AGO, "own_id": f"-{source}-{next(self._number)}"}
        known = BelievedRecord(source=source, part=name, record=record, **{**defaults, **more})
        self.known.append(known)
        return known

    def person(self, at: tuple[str, str], who: str, login: bool = True, **more: Any) -> str:
        keys = (address(who),) if login else ()
        self.add(*at, PersonRecord(source_id=who, keys=keys), **more)
        return who

    def pupil(
        self, who: str, at: str | None = "bj", year: int | None = 5, group: str | None = None, **more: Any
    ) -> str:
        self.person(("sis", "pupils"), who, **take_fields(more, "login"))
        self.add_membership(
            ("sis", "pupils"), who, MembershipType.ENROLMENT, at, year=year, **{"school_form": "GR", **more}
        )
        if group is not None:
            self.in_group(who, group, at or "bj")
        return who

    def in_group(self, who: str, group: str, at: str, kind: str = "Klass") -> None:
        group_id = f"g-{at}-{group}"
        if all(known.record.source_id != group_id for known in self.known):
            self.add("sis", "groups", GroupRecord(source_id=group_id, name=group, kind=kind, unit=at))
        self.add_membership(("sis", "groups"), who, MembershipType.GROUP, None, group=group_id)

    def staff(
        self, who: str, at: str | None = "bj", form: EmploymentForm | None = EmploymentForm.PERMANENT, **more: Any
    ) -> str:
        self.person(("hr", "staff"), who, **take_fields(more, "login"))
        dated = {"start": date(2020, 8, 1), **more}
        self.add_membership(("hr", "staff"), who, MembershipType.EMPLOYMENT, at, employment_form=form, **dated)
        return who

    def child(self, who: str, at: str | None = "ug", form: str | None = "FS", **more: Any) -> str:
        self.person(("care", "children"), who, **take_fields(more, "login", login=False))
        self.add_membership(("care", "children"), who, MembershipType.PLACEMENT, at, school_form=form, **more)
        return who

    def add_membership(
        self, at: tuple[str, str], who: str, membership: MembershipType, code: str | None, **more: Any
    ) -> None:
        record = MembershipRecord(
            source_id=f"m{next(self._number)}",
            person=who,
            membership=membership,
            codes=(code,) if code else (),
            **{"start": date(2026, 8, 17), **more},
        )
        self.add(*at, record)

    def device(self, holder: str | None = None, *, silent: float = 0.1, source: str = "intune", **more: Any) -> str:
        """A managed device in contact *silent* days ago; what a list says of it stands in a row of the list."""
        number = next(self._number)
        says = take_fields(more, "purpose", "unit", "serves")
        serial = more.pop("serial", f"EXB{number:05d}")
        record = DeviceRecord(
            source_id=f"d{number}",
            serial=serial,
            **{
                "manufacturer": "Lenovo",
                "platform": Platform.WINDOWS,
                "keys": (address(holder),) if holder else (),
                "enrolled_at": LONG_AGO,
                "managed": True,
                "ownership": Ownership.ORGANISATION,
                **more,
            },
        )
        self.add(source, "devices", record, last_contact_at=NOW - timedelta(days=silent))
        if any(says.values()):
            self.add("list", "devices", DeviceRecord(source_id=f"l{number}", serial=serial, **says))
        return f"d{number}"

    def cart(self, devices: int, *groups: str, at: str = "bj", silent: int = 0) -> None:
        """A set of so many working and so many silent devices."""
        for place in range(devices + silent):
            days = 0.1 if place < devices else 100
            self.device(silent=days, purpose=Purpose.SET, unit=at, serves=groups)

    def pool(self, devices: int, at: str = "ug", silent: int = 0) -> None:
        """Shared devices, so many working and so many silent."""
        for place in range(devices + silent):
            self.device(silent=0.1 if place < devices else 100, purpose=Purpose.POOL, unit=at)

    def stock(self, devices: int, at: str = "ce", **more: Any) -> None:
        for _ in range(devices):
            self.device(purpose=Purpose.STOCK, unit=at, **more)

    # --- judged -------------------------------------------------------------------------------------------------------

    def believed(self, **more: Any) -> BelievedState:
        return BelievedState(**{"known": tuple(self.known), "parts": PARTS, **more})

    def outcome(self, policy: Policy = POLICY, moment: Moment = MOMENT, **more: Any) -> Outcome:
        return reconcile(self.believed(**more), policy, CALENDARS, moment)

    def shown(self, policy: Policy = POLICY, **more: Any) -> Snapshot:
        return shown(self.believed(**more), policy)

    def row(self, unit: str, entitlement: str, policy: Policy = POLICY, **more: Any) -> CoverageDay:
        return row(self.outcome(policy, **more), unit, entitlement)


def address(who: str) -> Key:
    return Key(Scheme.ADDRESS, "", f"{who}@edu.exempelby.se")


def take_fields(more: dict[str, Any], *words: str, **otherwise: Any) -> dict[str, Any]:
    """Takes *words* out of what is said."""
    return {**otherwise, **{word: more.pop(word) for word in words if word in more}}


def row(outcome: Outcome, unit: str, entitlement: str) -> CoverageDay:
    (result,) = (row for row in outcome.coverage if (row.unit, row.entitlement) == (unit, entitlement))
    return result


def shown(believed: BelievedState, policy: Policy = POLICY, moment: Moment = MOMENT) -> Snapshot:
    outcome = reconcile(believed, policy, CALENDARS, moment)
    return build_snapshot(outcome, build_context(believed, policy, CALENDARS, moment))


def with_rules(*rules: Entitlement) -> Policy:
    return replace(POLICY, entitlements=rules)


def rule(id_: str, **fields: Any) -> Entitlement:
    (result,) = (rule for rule in RULES[:3] if rule.id == id_)
    return replace(result, **fields)


# --- protected --------------------------------------------------------------------------------------------------------


def masked_records(known: Sequence[BelievedRecord], who: str) -> tuple[BelievedRecord, ...]:
    """*known* after somebody called *who* was marked as protected: the rows of the person and of their devices are masked, in every source."""
    token_of = key_tokeniser(SECRET)
    return tuple(
        replace(record, record=mask_record(record.record, token_of, source=record.source), masked=True)
        if _is_of(record, who)
        else record
        for record in known
    )


def _is_of(known: BelievedRecord, who: str) -> bool:
    match known.record:
        case PersonRecord(source_id=person) | MembershipRecord(person=person):
            return person == who
        case DeviceRecord(keys=keys):
            return address(who) in keys
        case _:
            return False


# --- drawn ------------------------------------------------------------------------------------------------------------

GROUPS = ("1A", "1B", "4+5")
DrawnLine = tuple[str, Mapping[str, Any]]


def _line(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[DrawnLine]:
    return st.tuples(st.just(kind), st.fixed_dictionaries(fields))


def mostly(usual: Any, *others: Any) -> st.SearchStrategy[Any]:
    """*usual* nine times of ten: of people and things with many facts few are odd in all of them."""
    return st.sampled_from((usual,) * 9 * len(others) + others)


CODES = mostly("bj", "bj", "ek", "ug", "ce", None, "nowhere")
_pupil = _line(
    "pupil",
    at=CODES,
    year=mostly(1, 0, 5, 9, None, 77),
    group=st.sampled_from((*GROUPS, "1A", None)),
    school_form=mostly("GR", "FKLASS", "GY", None, "XX"),
    login=mostly(True, False),
)
_staff = _line(
    "staff",
    at=CODES,
    form=mostly(EmploymentForm.PERMANENT, EmploymentForm.FIXED, EmploymentForm.HOURLY, EmploymentForm.UNKNOWN, None),
    end=st.sampled_from((None, None, None, date(2026, 11, 10), date(2027, 2, 15), date(2027, 6, 10))),
    leave_from=mostly(None, date(2026, 10, 1)),
    login=mostly(True, False),
)
_child = _line("child", at=mostly("ug", "ma", "bj", None), form=mostly("FS", "FKLASS", None, "XX"))
_people = st.one_of(_pupil, _pupil, _staff, _child)

_facts: Mapping[str, st.SearchStrategy[Any]] = {
    "silent": mostly(0.1, 20.0, 30.0, 100.0),
    "source": st.sampled_from(("intune", "jamf")),
    "condition": mostly(Condition.ACTIVE, *Condition),
    "ownership": mostly(Ownership.ORGANISATION, Ownership.PERSONAL, None),
    "platform": mostly(Platform.WINDOWS, Platform.IPADOS, Platform.IOS),
    "managed": mostly(True, False, None),
    "compliance": mostly(Compliance.COMPLIANT, Compliance.NONCOMPLIANT, None),
    "encrypted": mostly(True, False, None),
}
_held = _line(
    "held",
    holder=st.integers(0, 7),
    purpose=mostly(None, *Purpose),
    location=mostly(None, "Lager 1", "Björk"),
    **_facts,
)
_shared = _line(
    "shared",
    holder=mostly(None, 0, 99),
    purpose=st.sampled_from((Purpose.SET, Purpose.SET, Purpose.SET, Purpose.POOL, Purpose.POOL, Purpose.STOCK)),
    unit=mostly("bj", "ug", "ek", None, "ce"),
    serves=st.sampled_from((("1A",), ("1A",), ("1B", "1A"), ("1A", "1B", "4+5"), ("4+5",), ())),
    **_facts,
)


@st.composite
def record_builders(draw: st.DrawFn) -> RecordsBuilder:
    """A town of at most fourteen people and sixteen devices, with something odd of most kinds."""
    builder = RecordsBuilder()
    lines = draw(st.lists(_people, min_size=draw(st.integers(0, 6)), max_size=14))
    who = [_drawn(builder, number, *line) for number, line in enumerate(lines)]
    children = draw(st.sampled_from((0, 0, 6)))
    for number in range(children):
        builder.child(f"~c{number}")
    devices = draw(st.lists(st.one_of(_held, _shared), min_size=draw(st.integers(0, 8)), max_size=16))
    for _, device_fields in devices:
        fields = dict(device_fields)
        place = fields.pop("holder")
        holder = None if place is None else who[place] if place < len(who) else f"stranger{place}"
        builder.device(holder, **fields)
    return builder


def _drawn(builder: RecordsBuilder, number: int, kind: str, device_fields: Mapping[str, Any]) -> str:
    return str(getattr(builder, kind)(f"p{number}", **device_fields))


def people_of(builder: RecordsBuilder) -> list[str]:
    """Who is in the town's registers."""
    return sorted({record.record.source_id for record in builder.known if isinstance(record.record, PersonRecord)})


def with_recorded_outcome(believed: BelievedState, outcome: Outcome) -> BelievedState:
    """What would be believed after *outcome* was recorded: ids, log-ins, open episodes, stages, assignments, coverage."""
    resolved = {id(record): thing_id for record, thing_id in outcome.resolved_ids}
    known = [
        replace(record, thing_id=resolved[id(record)]) if id(record) in resolved else record
        for record in believed.known
    ]
    return replace(
        believed,
        known=tuple(known),
        logins=outcome.logins,
        episodes=(*outcome.episodes, *outcome.closed_episodes),
        gap_unit_kinds=outcome.gap_unit_kinds
        | {(episode.unit, episode.kind) for episode in outcome.episodes if episode.subject is not Subject.SOURCE},
        assignments=tuple(RunningAssignment(assignment, outcome.moment.at) for assignment in outcome.assignments),
        stages={
            case.device.id: StageSince(case.device_state.stage, case.device_state.since)
            for case in outcome.devices
            if case.device_state.stage
        },
        coverage=(*believed.coverage, *outcome.coverage),
        turnover=outcome.turnover,
    )


def total(rows: Iterable[CoverageDay], field: str, entitlement: str | None = None) -> int:
    return sum(int(getattr(row, field)) for row in rows if entitlement in (None, row.entitlement))
