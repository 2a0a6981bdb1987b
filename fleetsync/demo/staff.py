"""The staff of Exempelby. Each case adds an employee, the rows in the sources, and the expected result."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from itertools import cycle, islice

import msgspec

from fleetsync.core.model import CENTRAL, UNPLACED, Stage
from fleetsync.demo.builder import (
    LONG_AGO,
    STALE_AFTER,
    WorldBuilder,
    missing_device_due_on,
    silence_phases,
)
from fleetsync.demo.days import OPEN_END, YEARS
from fleetsync.demo.days import SCHOOLS as SCHOOL_DAYS
from fleetsync.demo.editions import LIST_DAYS, STAFF_FILE_DAYS, counts_until, edition_from
from fleetsync.demo.model import EmploymentContract, ExpectedAdjustment, ExpectedGap, ExpectedOwed, StaffMember
from fleetsync.demo.names import STAFF_DOMAIN
from fleetsync.demo.school_years import FIRST_DAY
from fleetsync.demo.staff_devices import (
    LAST_SEEN,
    asleep_in_stock,
    enrolled_again,
    enrolled_by_a_manager,
    front_desk,
    in_stock,
    mac_under_an_alias,
    mail_only,
    noncompliant,
    ours_marked_personal,
    permanent,
    placeholder_serial,
    private_computer,
    private_phone,
    scrapped,
    serial_of_nine,
    silent_mac,
    unencrypted,
    unencrypted_mac,
)
from fleetsync.demo.start_year import same_date, same_weekday
from fleetsync.demo.units import PRESCHOOL_UNITS, SCHOOL_UNITS, school_days_of

StaffCaseMaker = Callable[[WorldBuilder, str], None]

SCHOOLS = tuple(unit.slug for unit in SCHOOL_UNITS)
PRESCHOOLS = tuple(unit.slug for unit in PRESCHOOL_UNITS)
SHORT_OF_STAFF_DEVICES = "kullaskolan"  # the only unit far below its target
WITH_MACS = "tallmoskolan"  # its teachers have Macs in place of laptops

STOLEN_ON, BROKEN_ON, MENDED_ON = same_weekday(2026, 10, 5), same_weekday(2026, 10, 12), same_weekday(2026, 12, 14)
LEFT_ON = same_date(2026, 9, 30)
HIRED_ON, HIRED_LATE_ON = same_date(2026, 12, 1), same_weekday(2026, 10, 12)
AUTUMN_START = same_date(2026, 8, 10)


class StaffCase(msgspec.Struct, frozen=True):
    """A case and the units that have it, once per entry."""

    name: str
    make: StaffCaseMaker
    units: tuple[str, ...]


def _spread(number: int, units: Sequence[str], start: int = 0) -> tuple[str, ...]:
    return tuple(islice(cycle(units), start, start + number))


# --- ordinary employees -----------------------------------------------------------------------------------------------


def _computer(builder: WorldBuilder, unit: str) -> None:
    employee = permanent(builder, unit)
    builder.add_holding(employee, builder.add_computer(unit, employee.login))


def _laptop(builder: WorldBuilder, unit: str) -> None:
    employee = permanent(builder, unit)
    builder.add_holding(employee, builder.add_laptop(unit, employee.login))


def _mac(builder: WorldBuilder, unit: str) -> None:
    employee = permanent(builder, unit)
    builder.add_holding(employee, builder.add_mac(unit, employee.login))


def _tablet(builder: WorldBuilder, unit: str) -> None:
    employee = permanent(builder, unit)
    builder.add_holding(
        employee, builder.add_tablet(unit, employee.login, facts={"name": f"iPad för {employee.given}"})
    )


def _computer_and_tablet(builder: WorldBuilder, unit: str) -> None:
    employee = permanent(builder, unit)
    builder.add_holding(employee, builder.add_computer(unit, employee.login))
    builder.add_holding(employee, builder.add_tablet(unit, employee.login))


def _two_accounts(builder: WorldBuilder, unit: str) -> None:
    name = builder.namer.name()
    employee = builder.add_employee(EmploymentContract(unit), name=name, further_logins=[builder.second_account(name)])
    builder.add_owed(employee, unit)
    builder.add_holding(employee, builder.add_computer(unit, employee.login))
    builder.add_holding(employee, builder.add_tablet(unit, employee.further_logins[0]))


def _two_schools(builder: WorldBuilder, unit: str) -> None:
    other = SCHOOLS[(SCHOOLS.index(unit) + 1) % len(SCHOOLS)]
    employee = builder.add_employee(
        EmploymentContract(other, percent=40, first=date(2018, 8, 13)), EmploymentContract(unit, percent=60)
    )
    builder.add_owed(employee, unit)
    builder.add_holding(employee, builder.add_laptop(unit, employee.login))


# --- devices ----------------------------------------------------------------------------------------------------------


def _holds_nothing(builder: WorldBuilder, unit: str) -> None:
    builder.add_person_gap("no_device", permanent(builder, unit), unit)


def _silent_tablet(builder: WorldBuilder, unit: str) -> None:
    employee = permanent(builder, unit)
    device = builder.add_tablet(
        unit, employee.login, used=((LONG_AGO, LAST_SEEN),), phases=silence_phases(unit, LAST_SEEN)
    )
    builder.add_holding(employee, device)
    since = school_days_of(unit).after(LAST_SEEN, STALE_AFTER + 1)
    builder.add_person_gap("device_not_working", employee, unit, first=since)
    builder.add_device_gap("stale", device, first=since, counted=True)


def _never_in_contact(builder: WorldBuilder, unit: str) -> None:
    enrolled = same_date(2026, 9, 1)
    employee = builder.add_employee(EmploymentContract(unit, first=enrolled, known=same_date(2026, 8, 1)))
    builder.add_owed(employee, unit, first=enrolled)
    _, (late, _, _), (silent, _, _) = silence_phases(unit, enrolled)
    shown_from = enrolled + timedelta(days=1)
    phases = [(shown_from, Stage.IN_USE, True), (late, Stage.IN_USE, False), (silent, Stage.SILENT, False)]
    device = builder.add_laptop(unit, employee.login, enrolled=enrolled, used=(), phases=phases)
    builder.add_holding(employee, device)
    builder.add_person_gap(
        "starting_without_device", employee, unit, first=same_date(2026, 8, 1), last=same_date(2026, 8, 31)
    )
    builder.add_person_gap("device_not_working", employee, unit, first=late)
    builder.add_device_gap("never_enrolled", device, first=late, counted=True)
    builder.add_device_gap("stale", device, first=silent, counted=True)


def _two_laptops(builder: WorldBuilder, unit: str) -> None:
    employee = permanent(builder, unit)
    builder.add_holding(employee, builder.add_computer(unit, employee.login))
    builder.add_holding(employee, builder.add_laptop(unit, employee.login))
    builder.add_person_gap("extra_device", employee, unit, opens_next_day=True)


def _stolen(builder: WorldBuilder, unit: str) -> None:
    employee = permanent(builder, unit)
    phases = [(LONG_AGO, Stage.IN_USE, True), (STOLEN_ON, Stage.LOST, False)]
    used = ((LONG_AGO, LAST_SEEN),)
    device = builder.add_computer(
        unit, employee.login, used=used, changes=[(STOLEN_ON, {"status": "Stulen"})], phases=phases
    )
    builder.add_holding(employee, device)
    builder.add_device_gap("lost", device, first=STOLEN_ON)
    builder.add_person_gap("no_device", employee, unit, first=STOLEN_ON)


def _in_repair(builder: WorldBuilder, unit: str) -> None:
    employee = permanent(builder, unit)
    device = builder.add_computer(
        unit,
        employee.login,
        used=((LONG_AGO, BROKEN_ON - timedelta(days=3)), (MENDED_ON - timedelta(days=3), OPEN_END)),
        changes=[(BROKEN_ON, {"status": "På reparation"}), (MENDED_ON, {"status": "I drift"})],
        phases=[
            (LONG_AGO, Stage.IN_USE, True),
            (BROKEN_ON, Stage.IN_REPAIR, False),
            (MENDED_ON, Stage.IN_USE, True),
        ],
    )
    builder.add_holding(employee, device)
    until = MENDED_ON - timedelta(days=1)
    builder.add_person_gap("device_not_working", employee, unit, first=BROKEN_ON, last=until)
    builder.add_device_gap(
        "long_in_repair", device, first=BROKEN_ON, last=until, after=20, seen_by="list", counted=True
    )


# --- arrivals and leavers ---------------------------------------------------------------------------------------------


def _leaver(builder: WorldBuilder, unit: str) -> None:
    employee = builder.add_employee(EmploymentContract(unit, last=LEFT_ON))
    builder.add_owed(employee, unit, last=counts_until(LEFT_ON))
    device = builder.add_laptop(unit, employee.login)
    builder.add_holding(employee, device)
    days = school_days_of(unit)
    builder.add_person_gap(
        "ending_with_device", employee, unit, first=days.first_day_with_left(LEFT_ON, 15), last=LEFT_ON
    )
    missed = edition_from(STAFF_FILE_DAYS, days.after(LEFT_ON, 10))
    builder.add_device_gap("leaver_holds", device, first=missed, counted=True)


def _starts_soon(builder: WorldBuilder, unit: str) -> None:
    known = same_date(2026, 11, 1)
    employee = builder.add_employee(EmploymentContract(unit, first=HIRED_ON, known=known))
    builder.add_owed(employee, unit, first=HIRED_ON)
    soon = max(known, school_days_of(unit).first_day_with_left(HIRED_ON, 15))
    builder.add_person_gap("starting_without_device", employee, unit, first=soon, last=HIRED_ON - timedelta(days=1))
    builder.add_person_gap("no_device", employee, unit, first=missing_device_due_on(unit, HIRED_ON), seen_by="list")


def _entered_late(builder: WorldBuilder, unit: str) -> None:
    """Until the staff file has the employee, their account says that the laptop is no stranger's."""
    known = same_date(2026, 11, 1)
    employee = builder.add_employee(EmploymentContract(unit, first=HIRED_LATE_ON, known=known))
    builder.add_owed(employee, unit, first=known)
    device = builder.add_laptop(unit, employee.login, enrolled=HIRED_LATE_ON)
    builder.add_holding(employee, device, first=known)


# --- forms of employment ----------------------------------------------------------------------------------------------


def _hourly(builder: WorldBuilder, unit: str) -> None:
    builder.add_employee(EmploymentContract(unit, form="Timavlönad", first=date(2024, 8, 12)), title="Vikarie")


def _exactly_three_months(builder: WorldBuilder, unit: str) -> None:
    builder.add_employee(
        EmploymentContract(
            unit, form="Vikariat", first=AUTUMN_START, last=same_date(2026, 11, 9), known=same_date(2026, 7, 1)
        )
    )


def _three_months_and_a_day(builder: WorldBuilder, unit: str) -> None:
    last = same_date(2026, 11, 10)
    employee = builder.add_employee(
        EmploymentContract(unit, form="Vikariat", first=AUTUMN_START, last=last, known=same_date(2026, 7, 1))
    )
    builder.add_owed(employee, unit, first=AUTUMN_START, last=counts_until(last))
    builder.add_person_gap(
        "no_device",
        employee,
        unit,
        first=missing_device_due_on(unit, AUTUMN_START),
        last=counts_until(last),
        seen_by="list",
    )


def _substitute(builder: WorldBuilder, unit: str, last: date, until: date) -> None:
    """A substitute from August to *last* who counts *until* that day. The laptop then goes into stock."""
    employee = builder.add_employee(
        EmploymentContract(unit, form="Vikariat", first=AUTUMN_START, last=last, known=same_date(2026, 7, 1))
    )
    builder.add_owed(employee, unit, first=AUTUMN_START, last=until)
    handed_out, back = same_date(2026, 8, 12), until + timedelta(days=1)
    device = builder.add_laptop(
        unit,
        employee.login,
        enrolled=handed_out,
        changes=[(back, {"login": "", "use": "Lager"})],
        phases=[(handed_out + timedelta(days=1), Stage.IN_USE, True), (back, Stage.STOCK, True)],
    )
    builder.add_holding(employee, device, last=until)
    builder.expected_adjustments.append(ExpectedAdjustment(unit, "staff", "surplus", 1, first=back))
    if counts_until(last) == until:
        builder.add_person_gap(
            "ending_with_device", employee, unit, first=school_days_of(unit).first_day_with_left(last, 15), last=last
        )


def _substitute_of_two_months(builder: WorldBuilder, unit: str) -> None:
    builder.add_employee(
        EmploymentContract(
            unit, form="Visstid", first=AUTUMN_START, last=same_date(2026, 10, 9), known=same_date(2026, 7, 1)
        )
    )


def _substitute_until(last: date, until: date | None = None) -> StaffCaseMaker:
    def make(builder: WorldBuilder, unit: str) -> None:
        _substitute(builder, unit, last, until or counts_until(last))

    return make


RETURNS_UNTIL = SCHOOL_DAYS.nth(FIRST_DAY[YEARS[-1]], 10)  # the tenth school day of the next autumn term


def _over_the_summer(builder: WorldBuilder, unit: str) -> None:
    first = EmploymentContract(unit, form="Visstid", first=same_date(2025, 8, 11), last=same_date(2026, 6, 12))
    second = EmploymentContract(
        unit, form="Visstid", first=AUTUMN_START, last=same_date(2027, 6, 11), known=same_date(2026, 6, 1)
    )
    employee = builder.add_employee(first, second)
    builder.add_owed(employee, unit, last=RETURNS_UNTIL)
    back = RETURNS_UNTIL + timedelta(days=1)
    device = builder.add_computer(
        unit,
        employee.login,
        phases=[(LONG_AGO, Stage.IN_USE, True), (edition_from(LIST_DAYS, back), Stage.RETIRED, False)],
        changes=[(back, {"status": "Skrotad", "user": ""})],
    )
    builder.add_holding(employee, device)


def _leave_with_substitute(builder: WorldBuilder, unit: str) -> None:
    leave = (same_date(2026, 8, 17), same_date(2027, 1, 31))
    employee = builder.add_employee(EmploymentContract(unit, leave=leave))
    builder.add_owed(employee, unit, last=leave[0] - timedelta(days=1))
    builder.expected_owed.append(ExpectedOwed(employee.key, unit, counts_as="on_leave", first=leave[0], last=leave[1]))
    builder.add_owed(employee, unit, first=leave[1] + timedelta(days=1))
    builder.add_holding(employee, builder.add_computer(unit, employee.login))
    _substitute(builder, unit, leave[1], leave[1])


def _blank_form(builder: WorldBuilder, unit: str) -> None:
    employee = builder.add_employee(EmploymentContract(unit, form=""))
    builder.expected_owed.append(ExpectedOwed(employee.key, unit, counts_as="undecided"))
    builder.add_holding(employee, builder.add_computer(unit, employee.login))


# --- identity ---------------------------------------------------------------------------------------------------------


def _no_login(builder: WorldBuilder, unit: str) -> None:
    employee = builder.add_employee(EmploymentContract(unit), login="")
    builder.expected_owed.append(ExpectedOwed(employee.key, unit, decidable_from=OPEN_END))
    builder.add_person_gap("no_account", employee, unit)


def _shared_login(builder: WorldBuilder, unit: str) -> None:
    login = f"arbetslag.{unit}@{STAFF_DOMAIN}"
    for _ in range(2):
        employee = builder.add_employee(EmploymentContract(unit), login=login)
        builder.expected_owed.append(ExpectedOwed(employee.key, unit, decidable_from=OPEN_END))
        builder.add_person_gap("duplicate_person", employee, unit)
        builder.add_person_gap("not_in_directory", employee, unit)
    builder.add_device_gap("ambiguous_holder", builder.add_laptop(unit, login))


def _protected(builder: WorldBuilder, unit: str, mark: str) -> StaffMember:
    name = builder.namer.canary_name()
    employee = builder.add_employee(EmploymentContract(unit), name=name, mark=mark)
    builder.canaries += [name.account, name.given, employee.civic]
    return employee


def _protected_with(mark: str) -> StaffCaseMaker:
    def make(builder: WorldBuilder, unit: str) -> None:
        employee = _protected(builder, unit, mark)
        builder.expected_owed.append(ExpectedOwed(employee.key, CENTRAL))
        device = builder.add_laptop(unit, employee.login, facts={"name": f"{employee.given}s dator"}, shown_at=UNPLACED)
        builder.add_holding(employee, device)

    return make


def _protected_without(builder: WorldBuilder, unit: str) -> None:
    employee = _protected(builder, unit, "Kvarskrivning")
    builder.expected_owed.append(ExpectedOwed(employee.key, CENTRAL, decidable_from=OPEN_END))


def _unknown_holder(builder: WorldBuilder, unit: str) -> None:
    name = builder.namer.name()
    builder.add_device_gap("unknown_holder", builder.add_laptop(unit, f"{name.account}.konsult@{STAFF_DOMAIN}"))


# --- all --------------------------------------------------------------------------------------------------------------

_REGULAR = (
    *(StaffCase("computer", _computer, (unit,) * 19) for unit in SCHOOLS),
    *(StaffCase("laptop", _laptop, (unit,) * 8) for unit in SCHOOLS if unit != WITH_MACS),
    StaffCase("mac", _mac, (WITH_MACS,) * 8),
    *(StaffCase("computer_and_tablet", _computer_and_tablet, (unit,) * 9) for unit in SCHOOLS),
    *(StaffCase("tablet", _tablet, (unit,) * 22) for unit in PRESCHOOLS),
    *(StaffCase("laptop", _laptop, (unit,) * 3) for unit in PRESCHOOLS),
    StaffCase("computer", _computer, ("elevhalsan",) * 8),
    StaffCase("laptop", _laptop, ("elevhalsan",) * 5),
)
STAFF_CASES: tuple[StaffCase, ...] = (
    *_REGULAR,
    StaffCase("two_accounts", _two_accounts, _spread(16, SCHOOLS)),
    StaffCase("two_schools", _two_schools, _spread(6, SCHOOLS)),
    StaffCase("holds_nothing", _holds_nothing, (SHORT_OF_STAFF_DEVICES,) * 8 + (*SCHOOLS[:3], PRESCHOOLS[0])),
    StaffCase("silent_tablet", _silent_tablet, (*SCHOOLS[:4], *PRESCHOOLS[:2])),
    StaffCase("never_in_contact", _never_in_contact, SCHOOLS[4:6]),
    StaffCase("two_laptops", _two_laptops, _spread(5, SCHOOLS)),
    StaffCase("stolen", _stolen, SCHOOLS[5:7]),
    StaffCase("in_repair", _in_repair, SCHOOLS[2:5]),
    StaffCase("leaver_holds", _leaver, (*SCHOOLS[:3], PRESCHOOLS[3])),
    StaffCase("starts_soon", _starts_soon, (*SCHOOLS[3:6], *PRESCHOOLS[2:4])),
    StaffCase("entered_late", _entered_late, SCHOOLS[:2]),
    StaffCase("hourly", _hourly, _spread(20, SCHOOLS + PRESCHOOLS)),
    StaffCase("exactly_three_months", _exactly_three_months, SCHOOLS[:4]),
    StaffCase("three_months_and_a_day", _three_months_and_a_day, SCHOOLS[4:7]),
    StaffCase("substitute_2_months", _substitute_of_two_months, SCHOOLS[:1]),
    StaffCase("substitute_4_months", _substitute_until(same_date(2026, 12, 9)), SCHOOLS[1:2]),
    StaffCase("substitute_5_months", _substitute_until(same_date(2027, 1, 9)), SCHOOLS[2:3]),
    StaffCase("substitute_6_months", _substitute_until(same_date(2027, 2, 9)), SCHOOLS[3:4]),
    StaffCase("substitute_7_months", _substitute_until(same_date(2027, 3, 9)), SCHOOLS[4:5]),
    StaffCase("substitute_8_months", _substitute_until(same_date(2027, 4, 9)), SCHOOLS[5:6]),
    StaffCase("substitute_9_months", _substitute_until(same_date(2027, 5, 9)), SCHOOLS[6:7]),
    StaffCase("substitute_10_months", _substitute_until(same_date(2027, 6, 9), RETURNS_UNTIL), SCHOOLS[:1]),
    StaffCase("substitute_11_months", _substitute_until(same_date(2027, 7, 9)), SCHOOLS[1:2]),
    StaffCase("over_the_summer", _over_the_summer, SCHOOLS[:6]),
    StaffCase("leave_with_substitute", _leave_with_substitute, SCHOOLS[:7]),
    StaffCase("blank_form", _blank_form, SCHOOLS[:3]),
    StaffCase("no_login", _no_login, SCHOOLS[6:7] + PRESCHOOLS[1:2]),
    StaffCase("shared_login", _shared_login, SCHOOLS[1:2]),
    StaffCase("protected_with_device", _protected_with("Sekretessmarkering"), SCHOOLS[:1]),
    StaffCase("protected_with_device", _protected_with("Skyddad folkbokföring"), PRESCHOOLS[:1]),
    StaffCase("protected_with_device", _protected_with("J"), SCHOOLS[4:5]),
    StaffCase("protected_without_device", _protected_without, SCHOOLS[2:3]),
    StaffCase("unknown_holder", _unknown_holder, SCHOOLS[:5]),
    StaffCase("placeholder_serial", placeholder_serial, SCHOOLS[:4]),
    StaffCase("serial_of_nine", serial_of_nine, _spread(9, SCHOOLS)),
    StaffCase("enrolled_again", enrolled_again, SCHOOLS[:7]),
    StaffCase("private_phone", private_phone, _spread(25, SCHOOLS + PRESCHOOLS)),
    StaffCase("mail_only", mail_only, _spread(10, SCHOOLS)),
    StaffCase("private_computer", private_computer, SCHOOLS[:3]),
    StaffCase("ours_marked_personal", ours_marked_personal, SCHOOLS[:4]),
    StaffCase("unencrypted", unencrypted, SCHOOLS[:3]),
    StaffCase("unencrypted_mac", unencrypted_mac, (WITH_MACS,) * 2),
    StaffCase("mac_under_an_alias", mac_under_an_alias, (WITH_MACS,)),
    StaffCase("silent_mac", silent_mac, (WITH_MACS,)),
    StaffCase("noncompliant", noncompliant, SCHOOLS[3:7]),
    StaffCase("enrolled_by_a_manager", enrolled_by_a_manager, (SCHOOLS[6],) * 10),
    StaffCase("front_desk", front_desk, SCHOOLS[:4]),
    StaffCase("in_stock", in_stock, (CENTRAL,) * 8),
    StaffCase("asleep_in_stock", asleep_in_stock, (CENTRAL,) * 4),
    StaffCase("scrapped", scrapped, _spread(20, SCHOOLS)),
)


def add_staff(builder: WorldBuilder) -> None:
    """Adds all employees with their devices."""
    for case in STAFF_CASES:
        for unit in case.units:
            case.make(builder, unit)
            builder.case_counts[case.name] += 1
    unit = SHORT_OF_STAFF_DEVICES
    builder.expected_gaps.append(ExpectedGap("below_target", unit, f"staff@{unit}", outside_breaks=True, after=5))
