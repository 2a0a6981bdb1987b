"""Unusual devices of Exempelby's staff. Each case adds an employee, the rows in the sources, and the expected result."""

from fleetsync.core.model import Stage
from fleetsync.demo.builder import LONG_AGO, STALE_AFTER, WorldBuilder, silence_phases
from fleetsync.demo.model import EmploymentContract, ExpectedAdjustment, StaffMember
from fleetsync.demo.names import SCHOOL_DOMAIN, STAFF_DOMAIN
from fleetsync.demo.start_year import same_weekday
from fleetsync.demo.units import school_days_of

LAST_SEEN = same_weekday(2026, 10, 2)


def permanent(builder: WorldBuilder, unit: str) -> StaffMember:
    employee = builder.add_employee(EmploymentContract(unit))
    builder.add_owed(employee, unit)
    return employee


def placeholder_serial(builder: WorldBuilder, unit: str) -> None:
    employee = permanent(builder, unit)
    builder.add_holding(employee, builder.add_laptop(unit, employee.login, facts={"serial": "To be filled by O.E.M."}))


def serial_of_nine(builder: WorldBuilder, unit: str) -> None:
    employee = permanent(builder, unit)
    device = builder.add_laptop(unit, employee.login, facts={"serial": "PF9DELAD"})
    builder.add_holding(employee, device)
    builder.add_device_gap("duplicate_serial", device)


def enrolled_again(builder: WorldBuilder, unit: str) -> None:
    employee = permanent(builder, unit)
    device = builder.add_laptop(unit, employee.login)
    builder.add_holding(employee, device)
    before = same_weekday(2024, 8, 12)
    former = f"{builder.namer.name().account}@{STAFF_DOMAIN}"
    builder.add_laptop(
        unit,
        former,
        enrolled=before,
        used=((before, same_weekday(2025, 5, 30)),),
        facts={"serial": device.serial},
        phases=[(before, None, False)],
    )


def private_phone(builder: WorldBuilder, unit: str) -> None:
    employee = permanent(builder, unit)
    builder.add_holding(employee, builder.add_laptop(unit, employee.login))
    phone = {
        "system": "iOS",
        "model": "iPhone 15",
        "manufacturer": "Apple",
        "is_personal": True,
    }
    builder.add_laptop(
        unit,
        employee.login,
        facts={**phone, "name": f"{employee.given}s iPhone"},
        phases=[(LONG_AGO, None, False)],
    )


def mail_only(builder: WorldBuilder, unit: str) -> None:
    employee = permanent(builder, unit)
    builder.add_holding(employee, builder.add_laptop(unit, employee.login))
    mailbox = {"system": "Android", "model": "SM-EXEMPEL", "manufacturer": "", "is_mailbox": True}
    builder.add_laptop(unit, employee.login, facts={**mailbox, "serial": ""}, phases=[(LONG_AGO, None, False)])


def private_computer(builder: WorldBuilder, unit: str) -> None:
    employee = permanent(builder, unit)
    builder.add_holding(employee, builder.add_computer(unit, employee.login))
    private = {"is_personal": True, "manufacturer": "ASUS", "model": "Vivobook"}
    device = builder.add_laptop(unit, employee.login, facts=private, phases=[(LONG_AGO, None, False)])
    builder.add_device_gap("personally_owned", device)


def ours_marked_personal(builder: WorldBuilder, unit: str) -> None:
    employee = permanent(builder, unit)
    builder.add_holding(employee, builder.add_laptop(unit, employee.login, facts={"is_personal": True}, listed=True))


def unencrypted(builder: WorldBuilder, unit: str) -> None:
    employee = permanent(builder, unit)
    device = builder.add_laptop(unit, employee.login, facts={"is_encrypted": False})
    builder.add_holding(employee, device)
    builder.add_device_gap("unencrypted", device)


def unencrypted_mac(builder: WorldBuilder, unit: str) -> None:
    employee = permanent(builder, unit)
    device = builder.add_mac(unit, employee.login, facts={"is_encrypted": False})
    builder.add_holding(employee, device)
    builder.add_device_gap("unencrypted", device)


def mac_under_an_alias(builder: WorldBuilder, unit: str) -> None:
    """Jamf knows the Mac by an address that only the directory knows to be the teacher's."""
    name = builder.namer.name()
    alias = f"{name.account}@{SCHOOL_DOMAIN}"
    employee = builder.add_employee(EmploymentContract(unit), name=name, aliases=[alias])
    builder.add_owed(employee, unit)
    builder.add_holding(employee, builder.add_mac(unit, alias))


def silent_mac(builder: WorldBuilder, unit: str) -> None:
    employee = permanent(builder, unit)
    phases = silence_phases(unit, LAST_SEEN)
    device = builder.add_mac(unit, employee.login, used=((LONG_AGO, LAST_SEEN),), phases=phases)
    builder.add_holding(employee, device)
    since = school_days_of(unit).after(LAST_SEEN, STALE_AFTER + 1)
    builder.add_person_gap("device_not_working", employee, unit, first=since)
    builder.add_device_gap("stale", device, first=since, counted=True)


def noncompliant(builder: WorldBuilder, unit: str) -> None:
    employee = permanent(builder, unit)
    device = builder.add_laptop(unit, employee.login, facts={"is_compliant": False})
    builder.add_holding(employee, device)
    builder.add_device_gap("noncompliant", device)


def enrolled_by_a_manager(builder: WorldBuilder, unit: str) -> None:
    facts = {"is_enrolled_by_manager": True}
    device = builder.add_laptop(
        unit, f"dem.inskrivning@{STAFF_DOMAIN}", facts=facts, phases=[(LONG_AGO, Stage.UNSORTED, True)]
    )
    builder.add_device_gap("unsorted", device)


def front_desk(builder: WorldBuilder, unit: str) -> None:
    login = f"reception.{unit}@{STAFF_DOMAIN}"
    builder.add_laptop(unit, login, phases=[(LONG_AGO, Stage.ROOM, True)], always_on=True)


def in_stock(builder: WorldBuilder, unit: str) -> None:
    builder.add_laptop(unit, "", facts={"use": "Lager", "place": ""}, phases=[(LONG_AGO, Stage.STOCK, True)])
    builder.expected_adjustments.append(ExpectedAdjustment(unit, "staff", "surplus", 1))


def asleep_in_stock(builder: WorldBuilder, unit: str) -> None:
    last = same_weekday(2025, 8, 20)
    phases = silence_phases(unit, last, Stage.STOCK)
    builder.add_laptop(unit, "", facts={"use": "Lager", "place": ""}, used=((LONG_AGO, last),), phases=phases)
    builder.expected_adjustments.append(ExpectedAdjustment(unit, "staff", "surplus", 1))


def scrapped(builder: WorldBuilder, unit: str) -> None:
    builder.add_computer(unit, "", fields={"status": "Skrotad"}, phases=[(LONG_AGO, Stage.RETIRED, False)])
