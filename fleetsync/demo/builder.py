"""Collects the people and devices of the demo municipality, together with what fleetsync should publish about them.

A row of a source and its expected result are added by the same call, so that neither can change without the other.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from operator import itemgetter
from typing import Literal, TypeAlias, TypedDict, Unpack

from msgspec.structs import replace

from fleetsync.core.model import Platform, Stage
from fleetsync.demo.apple_rows import apple_row
from fleetsync.demo.days import OPEN_END, WORLD_BEGINS
from fleetsync.demo.editions import LIST_DAYS, edition_from
from fleetsync.demo.fleet import (
    CHROMEBOOK_SCHOOL,
    ENROLLED_ANEW_ON,
    MoveStep,
    mdm_of_school_tablet,
    purchase_rows,
    rows_during_move,
    rows_in_mdm,
)
from fleetsync.demo.intune_rows import autopilot_row
from fleetsync.demo.managed_facts import (
    CHROMEBOOK,
    LAPTOP,
    MAC,
    PLATFORMS,
    TABLET,
    FactChanges,
    ManagedFacts,
    fact_versions,
)
from fleetsync.demo.model import (
    DemoDevice,
    EmploymentContract,
    ExpectedAdjustment,
    ExpectedGap,
    ExpectedHolding,
    ExpectedOwed,
    ExpectedPhase,
    ExpectedSharing,
    ExpectedStages,
    Learner,
    MdmName,
    Observer,
    RowVersion,
    SchoolClass,
    SourceRow,
    StaffMember,
    SystemName,
)
from fleetsync.demo.names import SCHOOL_DOMAIN, STAFF_DOMAIN, Name, Namer, ascii_of
from fleetsync.demo.start_year import same_weekday
from fleetsync.demo.units import school_days_of, unit_name

# Limits of the IT plan and of the demo's configuration, in school days.
STALE_AFTER, SILENT_AFTER = 15, 60

LONG_AGO = same_weekday(2025, 6, 2)  # in use before the demo data begin
_NEW_SYSTEM: tuple[date, FactChanges] = (same_weekday(2026, 10, 5), {"version": "27.0.1"})

UseSpans: TypeAlias = tuple[tuple[date, date], ...]
StagePhases: TypeAlias = Sequence[tuple[date, Stage | None, bool]]
UnitMoves: TypeAlias = Sequence[tuple[date, str]]
RowChanges: TypeAlias = Sequence[tuple[date, SourceRow]]


class ManagedDeviceOptions(TypedDict, total=False):
    """What may be unusual about a device in an MDM.

    *mdm*: Intune where nothing is said. *move*: how far its move from Intune to Jamf School is. *facts* and *changes*:
    fields of `ManagedFacts`, at first and from a day on. *listed*, *repaired*: rows in the partner's and the workshop's
    list. *shown_at*, *moves*: the unit that counts the device, where it is not the device's own. *always_on*: in use
    during breaks too.
    """

    mdm: MdmName
    move: MoveStep
    enrolled: date
    used: UseSpans
    facts: FactChanges
    changes: Sequence[tuple[date, FactChanges]]
    phases: StagePhases
    listed: bool
    repaired: tuple[RowVersion, ...]
    shown_at: str
    moves: UnitMoves
    always_on: bool


class ListedComputerOptions(TypedDict, total=False):
    """What may be unusual about a computer in the partner's list."""

    first: date
    used: UseSpans
    fields: SourceRow
    changes: RowChanges
    phases: StagePhases


class GapTiming(TypedDict, total=False):
    """When a gap is open. The fields are those of `ExpectedGap`."""

    first: date
    last: date
    after: int
    opens_next_day: bool
    seen_by: Literal["any", "list", "workshop"]
    observed_by: Observer


class WorldBuilder:
    """Everything that was built so far: people, devices, and the expected results."""

    def __init__(self, seed: str, numbers_from: int = 1) -> None:
        self.namer = Namer(seed)
        self.employees: list[StaffMember] = []
        self.devices: list[DemoDevice] = []
        self.expected_owed: list[ExpectedOwed] = []
        self.expected_holdings: list[ExpectedHolding] = []
        self.expected_stages: list[ExpectedStages] = []
        self.expected_gaps: list[ExpectedGap] = []
        self.expected_adjustments: list[ExpectedAdjustment] = []
        self.learners: list[Learner] = []
        self.classes: list[SchoolClass] = []
        self.expected_sharings: list[ExpectedSharing] = []
        self.case_counts: Counter[str] = Counter()
        self.canaries: list[str] = []
        self._mark = ascii_of(seed)
        self._numbers = count(numbers_from)

    def number(self) -> int:
        """The next unused number."""
        return next(self._numbers)

    def merge(self, other: "WorldBuilder") -> None:
        """Adds everything that *other* has built."""
        for kind in (
            "employees",
            "devices",
            "expected_owed",
            "expected_holdings",
            "expected_stages",
            "expected_gaps",
            "expected_adjustments",
            "learners",
            "classes",
            "expected_sharings",
            "canaries",
        ):
            getattr(self, kind).extend(getattr(other, kind))
        self.case_counts.update(other.case_counts)

    # --- people -------------------------------------------------------------------------------------------------------

    def add_employee(
        self,
        *jobs: EmploymentContract,
        mark: str = "",
        login: str | None = None,
        further_logins: Sequence[str] = (),
        aliases: Sequence[str] = (),
        name: Name | None = None,
        title: str = "Lärare",
    ) -> StaffMember:
        """An employee with these employments. *login*: "" for none, None for an ordinary one."""
        number = self.number()
        name = name or self.namer.name()
        employee = StaffMember(
            key=f"{self._mark}-{number:04}",
            number=f"{100000 + number}",
            civic=self.namer.civic(1960, 2002),
            given=name.given,
            family=name.family,
            login=f"{name.account}@{STAFF_DOMAIN}" if login is None else login,
            contracts=jobs,
            further_logins=tuple(further_logins),
            aliases=tuple(aliases),
            mark=mark,
            title=title,
        )
        self.employees.append(employee)
        return employee

    def second_account(self, name: Name) -> str:
        """The log-in of the same person in the schools' own tenant."""
        return f"{name.account}@{SCHOOL_DOMAIN}"

    def add_owed(self, employee: StaffMember, unit: str, first: date = WORLD_BEGINS, last: date = OPEN_END) -> None:
        """Expects that *employee* is owed a device from *first* to *last*."""
        self.expected_owed.append(ExpectedOwed(employee.key, unit, first=first, last=last))

    def add_holding(
        self, person: StaffMember, device: DemoDevice, first: date = WORLD_BEGINS, last: date = OPEN_END
    ) -> None:
        """Expects that *device* is assigned to *person*."""
        self.expected_holdings.append(ExpectedHolding(person.key, device.key, first, last))

    # --- devices ------------------------------------------------------------------------------------------------------

    def add_laptop(self, unit: str, login: str, **options: Unpack[ManagedDeviceOptions]) -> DemoDevice:
        """A laptop in Intune, used every few school days."""
        return self._add_managed_device(f"PF{self.number():06X}", unit, login, LAPTOP, options)

    def add_pupil_laptop(self, unit: str, login: str, **options: Unpack[ManagedDeviceOptions]) -> DemoDevice:
        """A laptop for a pupil of *unit*; at one school a Chromebook, unless an MDM is named."""
        if unit != CHROMEBOOK_SCHOOL or "mdm" in options:
            return self.add_laptop(unit, login, **options)
        serial = f"5CDX{self.number():06X}"
        return self._add_managed_device(serial, unit, login, CHROMEBOOK, {"mdm": "google", **options})

    def add_mac(self, unit: str, login: str, **options: Unpack[ManagedDeviceOptions]) -> DemoDevice:
        """A Mac in Jamf Pro."""
        return self._add_managed_device(f"FVFX{self.number():06X}", unit, login, MAC, {"mdm": "jamf_pro", **options})

    def add_tablet(self, unit: str, login: str, **options: Unpack[ManagedDeviceOptions]) -> DemoDevice:
        """An iPad of an employee."""
        options["changes"] = (*options.get("changes", ()), _NEW_SYSTEM)
        return self._add_managed_device(f"DMPX{self.number():06}", unit, login, TABLET, options)

    def add_school_tablet(self, unit: str, login: str, **options: Unpack[ManagedDeviceOptions]) -> DemoDevice:
        """An iPad of a pupil, a class or the children of *unit*, in the MDM of the unit's tablets."""
        options.setdefault("mdm", mdm_of_school_tablet(unit))
        return self.add_tablet(unit, login, **options)

    def _add_managed_device(
        self, serial: str, unit: str, login: str, kind: ManagedFacts, options: ManagedDeviceOptions
    ) -> DemoDevice:
        enrolled = options.get("enrolled", LONG_AGO)
        shown_from = enrolled + timedelta(days=1)
        ordinary = {"serial": serial, "name": f"EXB-{serial}", "login": login, "place": unit_name(unit)}
        facts = replace(kind, id=self.namer.uuid(), **{**ordinary, **options.get("facts", {})})
        versions = tuple(fact_versions(shown_from, facts, options.get("changes", ())))
        mdm = options.get("mdm", "intune")
        move = options.get("move")
        rows = dict(rows_during_move(versions, move) if move else rows_in_mdm(versions, mdm))
        if not move and facts.serial == serial:  # else the firmware tells another number than the vendor
            rows |= purchase_rows(versions, unit, mdm)
        if options.get("listed"):
            rows["device_list"] = _row_versions(enrolled, self._list_row(unit, facts), ())
        if repaired := options.get("repaired"):
            rows["workshop_list"] = repaired
        device = self._add_device(
            facts.serial,
            unit,
            options.get("used", ((enrolled, OPEN_END),)),
            rows,
            enrolled_at=datetime.combine(enrolled, time(7, 15), UTC),
            always_on=options.get("always_on", False),
            last_contact_by={"intune": ENROLLED_ANEW_ON[move] - timedelta(days=1)} if move else {},
        )
        phases = options.get("phases", [(shown_from, Stage.IN_USE, True)])
        moves = options.get("moves", ())
        self.add_stages(device, PLATFORMS[facts.system], phases, options.get("shown_at"), moves)
        return device

    def add_computer(self, unit: str, login: str, **options: Unpack[ListedComputerOptions]) -> DemoDevice:
        """A computer that is only in the partner's list."""
        first = options.get("first", LONG_AGO)
        serial = f"D{self.number():05}X"
        computer = ManagedFacts(serial=serial, manufacturer="Dell", model="Latitude 5450", login=login)
        row = {**self._list_row(unit, computer), **options.get("fields", {})}
        used = options.get("used", ((first, OPEN_END),))
        versions = _row_versions(first, row, options.get("changes", ()))
        device = self._add_device(serial, unit, used, {"device_list": versions})
        shown_from = edition_from(LIST_DAYS, first)
        self.add_stages(device, Platform.WINDOWS, options.get("phases", [(shown_from, Stage.IN_USE, True)]))
        return device

    def add_bought_computer(self, unit: str, first: date, phases: StagePhases) -> DemoDevice:
        """A computer that Autopilot knows from *first* on, and nothing else."""
        facts = replace(LAPTOP, serial=f"PF{self.number():06X}")
        row = autopilot_row(facts, unit, is_enrolled=False)
        device = self._add_device(facts.serial, unit, (), {"autopilot": (RowVersion(first, row),)})
        self.add_stages(device, Platform.WINDOWS, phases)
        return device

    def add_bought_tablet(self, unit: str, ordered: date, phases: StagePhases) -> DemoDevice:
        """A tablet that Apple knows from its order on, and nothing else."""
        facts = replace(TABLET, serial=f"DMPX{self.number():06}")
        row = apple_row(facts, ordered, "jamf_school")
        device = self._add_device(facts.serial, unit, (), {"apple": (RowVersion(ordered, row),)})
        self.add_stages(device, Platform.IPADOS, phases)
        return device

    def _list_row(self, unit: str, computer: ManagedFacts) -> SourceRow:
        return {
            "serial": computer.serial,
            "tag": f"SYD{self.number():05}",
            "maker": computer.manufacturer,
            "model": computer.model,
            "platform": "Windows",
            "unit": unit_name(unit),
            "user": computer.login,
            "status": "I drift",
            "bought": same_weekday(2024, 6, 3),
        }

    def _add_device(
        self,
        serial: str,
        unit: str,
        used: UseSpans,
        rows: Mapping[SystemName, tuple[RowVersion, ...]],
        *,
        enrolled_at: datetime | None = None,
        always_on: bool = False,
        last_contact_by: Mapping[MdmName, date] = {},
    ) -> DemoDevice:
        number = self.number()
        device = DemoDevice(
            key=f"{self._mark}-{number:05}",
            serial=serial,
            unit=unit,
            used=used,
            use_interval=0 if always_on else 1 + number % 4,
            enrolled_at=enrolled_at,
            rows=rows,
            last_contact_by=last_contact_by,
        )
        self.devices.append(device)
        return device

    def add_stages(
        self,
        device: DemoDevice,
        platform: Platform,
        phases: StagePhases,
        unit: str | None = None,
        moves: UnitMoves = (),
    ) -> None:
        """Expects the stages of *device*. It is counted at its own unit, or at *unit*, until it *moves*."""
        units = [(date.min, unit or device.unit), *moves]
        expected = []
        for day in sorted({first for first, _, _ in phases} | {first for first, _ in moves}):
            begun = [phase for phase in phases if phase[0] <= day]
            if begun:
                _, stage, works = begun[-1]
                unit_then = [moved_to for first, moved_to in units if first <= day][-1]
                expected.append(ExpectedPhase(day, stage, works, unit_then, platform))
        self.expected_stages.append(ExpectedStages(device.key, tuple(expected)))

    # --- gaps ---------------------------------------------------------------------------------------------------------

    def add_person_gap(self, kind: str, person: StaffMember | Learner, unit: str, **when: Unpack[GapTiming]) -> None:
        """Expects a gap of *person*. It does not open during a break."""
        self.expected_gaps.append(ExpectedGap(kind, unit, person.key, outside_breaks=True, **when))

    def add_device_gap(
        self, kind: str, device: DemoDevice, *, counted: bool = False, **when: Unpack[GapTiming]
    ) -> None:
        """Expects a gap of *device*. *counted*: its kind counts school days, so it does not open during a break."""
        self.expected_gaps.append(ExpectedGap(kind, device.unit, device.key, outside_breaks=counted, **when))


def silence_phases(unit: str, last_used: date, stage: Stage = Stage.IN_USE) -> StagePhases:
    """The phases of a device that was in use and is never switched on after *last_used*."""
    days = school_days_of(unit)
    return [
        (WORLD_BEGINS, stage, True),
        (days.after(last_used, STALE_AFTER + 1), stage, False),
        (days.after(last_used, SILENT_AFTER + 1), Stage.SILENT, False),
    ]


def _row_versions(first: date, row: SourceRow, changes: RowChanges) -> tuple[RowVersion, ...]:
    """The versions of a list's row from *first* on. Each change builds on those before it."""
    versions = [RowVersion(first, row)]
    for day, change in sorted(changes, key=itemgetter(0)):
        row = {**row, **change}
        versions.append(RowVersion(day, row))
    return tuple(versions)


def missing_device_due_on(unit: str, start: date) -> date:
    """The day from which a missing device is a gap, for a person whose membership began on *start*.

    It is three school days after *start*, or the third school day of a term that begins on *start*.
    """
    days = school_days_of(unit)
    begins_with_term = start in {days.nth(first, 1) for first, _ in days.terms}
    return days.after(start - timedelta(days=1) if begins_with_term else start, 3)
