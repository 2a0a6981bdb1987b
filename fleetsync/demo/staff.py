"""The staff of Exempelby: everybody is planted with an outcome, and what the sources say of him follows from it."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from itertools import cycle, islice

import msgspec

from fleetsync.core.model import CENTRAL, UNPLACED, Stage
from fleetsync.demo.days import OPEN_END
from fleetsync.demo.editions import LIST_DAYS, STAFF_FILE_DAYS, counts_until, edition_from
from fleetsync.demo.making import LONG_AGO, STALE_AFTER, Making, falls_silent, held_by, settled
from fleetsync.demo.names import STAFF_DOMAIN
from fleetsync.demo.nouns import Claim, Employee, Extra, Flaw, Job
from fleetsync.demo.places import PRESCHOOL_PLACES, SCHOOL_PLACES, days_at, name_at

Make = Callable[[Making, str], None]

SCHOOLS = tuple(place.slug for place in SCHOOL_PLACES)
PRESCHOOLS = tuple(place.slug for place in PRESCHOOL_PLACES)
SHORT_OF_STAFF_DEVICES = "kullaskolan"  # the one unit that is far below its target

LAST_SEEN = date(2026, 10, 2)
STOLEN_ON, BROKEN_ON, MENDED_ON = date(2026, 10, 5), date(2026, 10, 12), date(2026, 12, 14)
LEFT_ON = date(2026, 9, 30)
HIRED_ON, HIRED_LATE_ON = date(2026, 12, 1), date(2026, 10, 12)
AUTUMN = date(2026, 8, 10)


class Plant(msgspec.Struct, frozen=True):
    """A case and the units at which it is planted, once each."""

    name: str
    make: Make
    units: tuple[str, ...]


def _spread(number: int, units: Sequence[str], start: int = 0) -> tuple[str, ...]:
    return tuple(islice(cycle(units), start, start + number))


def _permanent(m: Making, unit: str) -> Employee:
    who = m.employee(Job(unit))
    m.owed(who, unit)
    return who


# ---------------------------------------------------------------------------------------------------- the ordinary ones


def _computer(m: Making, unit: str) -> None:
    who = _permanent(m, unit)
    m.own(who, m.computer(unit, who.login))


def _laptop(m: Making, unit: str) -> None:
    who = _permanent(m, unit)
    m.own(who, m.laptop(unit, who.login))


def _tablet(m: Making, unit: str) -> None:
    who = _permanent(m, unit)
    m.own(who, m.tablet(unit, who.login, fields={"deviceName": f"iPad för {who.given}"}))


def _computer_and_tablet(m: Making, unit: str) -> None:
    who = _permanent(m, unit)
    m.own(who, m.computer(unit, who.login))
    m.own(who, m.tablet(unit, who.login))


def _two_accounts(m: Making, unit: str) -> None:
    name = m.namer.name()
    who = m.employee(Job(unit), name=name, further=[m.second_account(name)])
    m.owed(who, unit)
    m.own(who, m.computer(unit, who.login))
    m.own(who, m.tablet(unit, who.further[0]))


def _two_schools(m: Making, unit: str) -> None:
    other = SCHOOLS[(SCHOOLS.index(unit) + 1) % len(SCHOOLS)]
    who = m.employee(Job(other, percent=40, first=date(2018, 8, 13)), Job(unit, percent=60))
    m.owed(who, unit)
    m.own(who, m.laptop(unit, who.login))


# ------------------------------------------------------------------------------------------------------ who holds what


def _holds_nothing(m: Making, unit: str) -> None:
    m.of_person("no_device", _permanent(m, unit), unit)


def _silent_tablet(m: Making, unit: str) -> None:
    who = _permanent(m, unit)
    thing = m.tablet(unit, who.login, used=((LONG_AGO, LAST_SEEN),), phases=falls_silent(unit, LAST_SEEN))
    m.own(who, thing)
    since = days_at(unit).after(LAST_SEEN, STALE_AFTER + 1)
    m.of_person("device_not_working", who, unit, first=since)
    m.of_device("stale", thing, first=since, counted=True)


def _never_in_contact(m: Making, unit: str) -> None:
    enrolled = date(2026, 9, 1)
    who = m.employee(Job(unit, first=enrolled, known=date(2026, 8, 1)))
    m.owed(who, unit, first=enrolled)
    _, (late, _, _), (silent, _, _) = falls_silent(unit, enrolled)
    seen = enrolled + timedelta(days=1)
    phases = [(seen, Stage.IN_USE, True), (late, Stage.IN_USE, False), (silent, Stage.SILENT, False)]
    thing = m.laptop(unit, who.login, enrolled=enrolled, used=(), phases=phases)
    m.own(who, thing)
    m.of_person("starting_without_device", who, unit, first=date(2026, 8, 1), last=date(2026, 8, 31))
    m.of_person("device_not_working", who, unit, first=late)
    m.of_device("never_enrolled", thing, first=late, counted=True)
    m.of_device("stale", thing, first=silent, counted=True)


def _two_laptops(m: Making, unit: str) -> None:
    who = _permanent(m, unit)
    m.own(who, m.computer(unit, who.login))
    m.own(who, m.laptop(unit, who.login))
    m.of_person("extra_device", who, unit, next_day=True)


def _stolen(m: Making, unit: str) -> None:
    who = _permanent(m, unit)
    phases = [(LONG_AGO, Stage.IN_USE, True), (STOLEN_ON, Stage.LOST, False)]
    used = ((LONG_AGO, LAST_SEEN),)
    thing = m.computer(unit, who.login, used=used, changes=[(STOLEN_ON, {"status": "Stulen"})], phases=phases)
    m.own(who, thing)
    m.of_device("lost", thing, first=STOLEN_ON)
    m.of_person("no_device", who, unit, first=STOLEN_ON)


def _in_repair(m: Making, unit: str) -> None:
    who = _permanent(m, unit)
    thing = m.computer(
        unit,
        who.login,
        used=((LONG_AGO, BROKEN_ON - timedelta(days=3)), (MENDED_ON - timedelta(days=3), OPEN_END)),
        changes=[(BROKEN_ON, {"status": "På reparation"}), (MENDED_ON, {"status": "I drift"})],
        phases=[
            (LONG_AGO, Stage.IN_USE, True),
            (BROKEN_ON, Stage.IN_REPAIR, False),
            (MENDED_ON, Stage.IN_USE, True),
        ],
    )
    m.own(who, thing)
    until = MENDED_ON - timedelta(days=1)
    m.of_person("device_not_working", who, unit, first=BROKEN_ON, last=until)
    m.of_device("long_in_repair", thing, first=BROKEN_ON, last=until, after=20, seen_by="list", counted=True)


# ---------------------------------------------------------------------------------------------- who comes, who has left


def _leaver(m: Making, unit: str) -> None:
    who = m.employee(Job(unit, last=LEFT_ON))
    m.owed(who, unit, last=counts_until(LEFT_ON))
    thing = m.laptop(unit, who.login)
    m.own(who, thing)
    days = days_at(unit)
    m.of_person("ending_with_device", who, unit, first=days.with_left(LEFT_ON, 15), last=LEFT_ON)
    missed = edition_from(STAFF_FILE_DAYS, days.after(LEFT_ON, 10))
    m.of_device("leaver_holds", thing, first=missed, counted=True)


def _starts_soon(m: Making, unit: str) -> None:
    known = date(2026, 11, 1)
    who = m.employee(Job(unit, first=HIRED_ON, known=known))
    m.owed(who, unit, first=HIRED_ON)
    soon = max(known, days_at(unit).with_left(HIRED_ON, 15))
    m.of_person("starting_without_device", who, unit, first=soon, last=HIRED_ON - timedelta(days=1))
    m.of_person("no_device", who, unit, first=settled(unit, HIRED_ON), seen_by="list")


def _entered_late(m: Making, unit: str) -> None:
    known = date(2026, 11, 1)
    who = m.employee(Job(unit, first=HIRED_LATE_ON, known=known))
    m.owed(who, unit, first=known)
    thing = m.laptop(unit, who.login, enrolled=HIRED_LATE_ON)
    m.own(who, thing, first=known)
    m.of_device("unknown_holder", thing, first=HIRED_LATE_ON + timedelta(days=1), last=known - timedelta(days=1))


# ------------------------------------------------------------------------------------------------- how long, and how so


def _hourly(m: Making, unit: str) -> None:
    m.employee(Job(unit, form="Timavlönad", first=date(2024, 8, 12)), title="Vikarie")


def _exactly_three_months(m: Making, unit: str) -> None:
    m.employee(Job(unit, form="Vikariat", first=AUTUMN, last=date(2026, 11, 9), known=date(2026, 7, 1)))


def _three_months_and_a_day(m: Making, unit: str) -> None:
    last = date(2026, 11, 10)
    who = m.employee(Job(unit, form="Vikariat", first=AUTUMN, last=last, known=date(2026, 7, 1)))
    m.owed(who, unit, first=AUTUMN, last=counts_until(last))
    m.of_person("no_device", who, unit, first=settled(unit, AUTUMN), last=counts_until(last), seen_by="list")


def _substitute(m: Making, unit: str, last: date, until: date) -> None:
    """A substitute from August to *last* who counts *until*, with a laptop that then goes into stock."""
    who = m.employee(Job(unit, form="Vikariat", first=AUTUMN, last=last, known=date(2026, 7, 1)))
    m.owed(who, unit, first=AUTUMN, last=until)
    handed_out, back = date(2026, 8, 12), until + timedelta(days=1)
    thing = m.laptop(
        unit,
        who.login,
        enrolled=handed_out,
        changes=[(back, {**held_by(""), "deviceCategoryDisplayName": f"Lager {name_at(unit)}"})],
        phases=[(handed_out + timedelta(days=1), Stage.IN_USE, True), (back, Stage.STOCK, True)],
    )
    m.own(who, thing, last=until)
    m.extras.append(Extra(unit, "staff", "surplus", 1, first=back))
    if counts_until(last) == until:
        m.of_person("ending_with_device", who, unit, first=days_at(unit).with_left(last, 15), last=last)


def _substitute_of_two_months(m: Making, unit: str) -> None:
    m.employee(Job(unit, form="Visstid", first=AUTUMN, last=date(2026, 10, 9), known=date(2026, 7, 1)))


def _substitute_until(last: date, until: date | None = None) -> Make:
    def make(m: Making, unit: str) -> None:
        _substitute(m, unit, last, until or counts_until(last))

    return make


RETURNS_UNTIL = date(2027, 8, 27)  # the tenth school day of the autumn term 2027


def _over_the_summer(m: Making, unit: str) -> None:
    first = Job(unit, form="Visstid", first=date(2025, 8, 11), last=date(2026, 6, 12))
    second = Job(unit, form="Visstid", first=AUTUMN, last=date(2027, 6, 11), known=date(2026, 6, 1))
    who = m.employee(first, second)
    m.owed(who, unit, last=RETURNS_UNTIL)
    back = RETURNS_UNTIL + timedelta(days=1)
    thing = m.computer(
        unit,
        who.login,
        phases=[(LONG_AGO, Stage.IN_USE, True), (edition_from(LIST_DAYS, back), Stage.RETIRED, False)],
        changes=[(back, {"status": "Skrotad", "user": ""})],
    )
    m.own(who, thing)


def _leave_with_substitute(m: Making, unit: str) -> None:
    leave = (date(2026, 8, 17), date(2027, 1, 31))
    who = m.employee(Job(unit, leave=leave))
    m.owed(who, unit, last=leave[0] - timedelta(days=1))
    m.claims.append(Claim(who.key, unit, counts_as="on_leave", first=leave[0], last=leave[1]))
    m.owed(who, unit, first=leave[1] + timedelta(days=1))
    m.own(who, m.computer(unit, who.login))
    _substitute(m, unit, leave[1], leave[1])


def _blank_form(m: Making, unit: str) -> None:
    who = m.employee(Job(unit, form=""))
    m.claims.append(Claim(who.key, unit, counts_as="undecided"))
    m.own(who, m.computer(unit, who.login))


# ------------------------------------------------------------------------------------------------------- who is who


def _no_login(m: Making, unit: str) -> None:
    who = m.employee(Job(unit), login="")
    m.claims.append(Claim(who.key, unit, decidable_from=OPEN_END))
    m.of_person("no_account", who, unit)


def _shared_login(m: Making, unit: str) -> None:
    login = f"arbetslag.{unit}@{STAFF_DOMAIN}"
    for _ in range(2):
        who = m.employee(Job(unit), login=login)
        m.claims.append(Claim(who.key, unit, decidable_from=OPEN_END))
        m.of_person("duplicate_person", who, unit)
    m.of_device("ambiguous_holder", m.laptop(unit, login))


def _protected(m: Making, unit: str, mark: str) -> Employee:
    name = m.namer.hidden_name()
    who = m.employee(Job(unit), name=name, mark=mark)
    m.canaries += [name.account, name.given, who.civic]
    return who


def _protected_with(mark: str) -> Make:
    def make(m: Making, unit: str) -> None:
        who = _protected(m, unit, mark)
        m.claims.append(Claim(who.key, CENTRAL))
        thing = m.laptop(unit, who.login, fields={"deviceName": f"{who.given}s dator"}, shown_at=UNPLACED)
        m.own(who, thing)

    return make


def _protected_without(m: Making, unit: str) -> None:
    who = _protected(m, unit, "Kvarskrivning")
    m.claims.append(Claim(who.key, CENTRAL, decidable_from=OPEN_END))


def _unknown_holder(m: Making, unit: str) -> None:
    name = m.namer.name()
    m.of_device("unknown_holder", m.laptop(unit, f"{name.account}.konsult@{STAFF_DOMAIN}"))


# ------------------------------------------------------------------------------------------------- peculiar devices


def _placeholder_serial(m: Making, unit: str) -> None:
    who = _permanent(m, unit)
    m.own(who, m.laptop(unit, who.login, fields={"serialNumber": "To be filled by O.E.M."}))


def _serial_of_nine(m: Making, unit: str) -> None:
    who = _permanent(m, unit)
    thing = m.laptop(unit, who.login, fields={"serialNumber": "PF9DELAD"})
    m.own(who, thing)
    m.of_device("duplicate_serial", thing)


def _enrolled_again(m: Making, unit: str) -> None:
    who = _permanent(m, unit)
    thing = m.laptop(unit, who.login)
    m.own(who, thing)
    before = date(2024, 8, 12)
    former = f"{m.namer.name().account}@{STAFF_DOMAIN}"
    m.laptop(
        unit,
        former,
        enrolled=before,
        used=((before, date(2025, 5, 30)),),
        fields={"serialNumber": thing.serial},
        phases=[(before, None, False)],
    )


def _private_phone(m: Making, unit: str) -> None:
    who = _permanent(m, unit)
    m.own(who, m.laptop(unit, who.login))
    phone = {
        "operatingSystem": "iOS",
        "model": "iPhone 15",
        "manufacturer": "Apple",
        "managedDeviceOwnerType": "personal",
    }
    m.laptop(unit, who.login, fields={**phone, "deviceName": f"{who.given}s iPhone"}, phases=[(LONG_AGO, None, False)])


def _mail_only(m: Making, unit: str) -> None:
    who = _permanent(m, unit)
    m.own(who, m.laptop(unit, who.login))
    mailbox = {"operatingSystem": "Android", "model": "SM-EXEMPEL", "manufacturer": "", "managementAgent": "eas"}
    m.laptop(unit, who.login, fields={**mailbox, "serialNumber": ""}, phases=[(LONG_AGO, None, False)])


def _private_computer(m: Making, unit: str) -> None:
    who = _permanent(m, unit)
    m.own(who, m.computer(unit, who.login))
    private = {"managedDeviceOwnerType": "personal", "manufacturer": "ASUS", "model": "Vivobook"}
    thing = m.laptop(unit, who.login, fields=private, phases=[(LONG_AGO, None, False)])
    m.of_device("personally_owned", thing)


def _ours_marked_personal(m: Making, unit: str) -> None:
    who = _permanent(m, unit)
    m.own(who, m.laptop(unit, who.login, fields={"managedDeviceOwnerType": "personal"}, listed=True))


def _unencrypted(m: Making, unit: str) -> None:
    who = _permanent(m, unit)
    thing = m.laptop(unit, who.login, fields={"isEncrypted": False})
    m.own(who, thing)
    m.of_device("unencrypted", thing)


def _noncompliant(m: Making, unit: str) -> None:
    who = _permanent(m, unit)
    thing = m.laptop(unit, who.login, fields={"complianceState": "noncompliant"})
    m.own(who, thing)
    m.of_device("noncompliant", thing)


def _enrolled_by_a_manager(m: Making, unit: str) -> None:
    fields = {"deviceEnrollmentType": "deviceEnrollmentManager"}
    thing = m.laptop(unit, f"dem.inskrivning@{STAFF_DOMAIN}", fields=fields, phases=[(LONG_AGO, Stage.UNSORTED, True)])
    m.of_device("unsorted", thing)


def _front_desk(m: Making, unit: str) -> None:
    login = f"reception.{unit}@{STAFF_DOMAIN}"
    m.laptop(unit, login, phases=[(LONG_AGO, Stage.ROOM, True)], always_on=True)


def _in_stock(m: Making, unit: str) -> None:
    m.laptop(unit, "", fields={"deviceCategoryDisplayName": "Lager"}, phases=[(LONG_AGO, Stage.STOCK, True)])
    m.extras.append(Extra(unit, "staff", "surplus", 1))


def _asleep_in_stock(m: Making, unit: str) -> None:
    last = date(2025, 8, 20)
    phases = falls_silent(unit, last, Stage.STOCK)
    m.laptop(unit, "", fields={"deviceCategoryDisplayName": "Lager"}, used=((LONG_AGO, last),), phases=phases)
    m.extras.append(Extra(unit, "staff", "surplus", 1))


def _scrapped(m: Making, unit: str) -> None:
    m.computer(unit, "", fields={"status": "Skrotad"}, phases=[(LONG_AGO, Stage.RETIRED, False)])


# --------------------------------------------------------------------------------------------------------------- all

_REGULAR = (
    *(Plant("computer", _computer, (unit,) * 19) for unit in SCHOOLS),
    *(Plant("laptop", _laptop, (unit,) * 8) for unit in SCHOOLS),
    *(Plant("computer_and_tablet", _computer_and_tablet, (unit,) * 9) for unit in SCHOOLS),
    *(Plant("tablet", _tablet, (unit,) * 22) for unit in PRESCHOOLS),
    *(Plant("laptop", _laptop, (unit,) * 3) for unit in PRESCHOOLS),
    Plant("computer", _computer, ("elevhalsan",) * 8),
    Plant("laptop", _laptop, ("elevhalsan",) * 5),
)
PLANTS: tuple[Plant, ...] = (
    *_REGULAR,
    Plant("two_accounts", _two_accounts, _spread(16, SCHOOLS)),
    Plant("two_schools", _two_schools, _spread(6, SCHOOLS)),
    Plant("holds_nothing", _holds_nothing, (SHORT_OF_STAFF_DEVICES,) * 8 + (*SCHOOLS[:3], PRESCHOOLS[0])),
    Plant("silent_tablet", _silent_tablet, (*SCHOOLS[:4], *PRESCHOOLS[:2])),
    Plant("never_in_contact", _never_in_contact, SCHOOLS[4:6]),
    Plant("two_laptops", _two_laptops, _spread(5, SCHOOLS)),
    Plant("stolen", _stolen, SCHOOLS[5:7]),
    Plant("in_repair", _in_repair, SCHOOLS[2:5]),
    Plant("leaver_holds", _leaver, (*SCHOOLS[:3], PRESCHOOLS[3])),
    Plant("starts_soon", _starts_soon, (*SCHOOLS[3:6], *PRESCHOOLS[2:4])),
    Plant("entered_late", _entered_late, SCHOOLS[:2]),
    Plant("hourly", _hourly, _spread(20, SCHOOLS + PRESCHOOLS)),
    Plant("exactly_three_months", _exactly_three_months, SCHOOLS[:4]),
    Plant("three_months_and_a_day", _three_months_and_a_day, SCHOOLS[4:7]),
    Plant("substitute_2_months", _substitute_of_two_months, SCHOOLS[:1]),
    Plant("substitute_4_months", _substitute_until(date(2026, 12, 9)), SCHOOLS[1:2]),
    Plant("substitute_5_months", _substitute_until(date(2027, 1, 9)), SCHOOLS[2:3]),
    Plant("substitute_6_months", _substitute_until(date(2027, 2, 9)), SCHOOLS[3:4]),
    Plant("substitute_7_months", _substitute_until(date(2027, 3, 9)), SCHOOLS[4:5]),
    Plant("substitute_8_months", _substitute_until(date(2027, 4, 9)), SCHOOLS[5:6]),
    Plant("substitute_9_months", _substitute_until(date(2027, 5, 9)), SCHOOLS[6:7]),
    Plant("substitute_10_months", _substitute_until(date(2027, 6, 9), RETURNS_UNTIL), SCHOOLS[:1]),
    Plant("substitute_11_months", _substitute_until(date(2027, 7, 9)), SCHOOLS[1:2]),
    Plant("over_the_summer", _over_the_summer, SCHOOLS[:6]),
    Plant("leave_with_substitute", _leave_with_substitute, SCHOOLS[:7]),
    Plant("blank_form", _blank_form, SCHOOLS[:3]),
    Plant("no_login", _no_login, SCHOOLS[6:7] + PRESCHOOLS[1:2]),
    Plant("shared_login", _shared_login, SCHOOLS[1:2]),
    Plant("protected_with_device", _protected_with("Sekretessmarkering"), SCHOOLS[:1]),
    Plant("protected_with_device", _protected_with("Skyddad folkbokföring"), PRESCHOOLS[:1]),
    Plant("protected_with_device", _protected_with("J"), SCHOOLS[4:5]),
    Plant("protected_without_device", _protected_without, SCHOOLS[2:3]),
    Plant("unknown_holder", _unknown_holder, SCHOOLS[:5]),
    Plant("placeholder_serial", _placeholder_serial, SCHOOLS[:4]),
    Plant("serial_of_nine", _serial_of_nine, _spread(9, SCHOOLS)),
    Plant("enrolled_again", _enrolled_again, SCHOOLS[:7]),
    Plant("private_phone", _private_phone, _spread(25, SCHOOLS + PRESCHOOLS)),
    Plant("mail_only", _mail_only, _spread(10, SCHOOLS)),
    Plant("private_computer", _private_computer, SCHOOLS[:3]),
    Plant("ours_marked_personal", _ours_marked_personal, SCHOOLS[:4]),
    Plant("unencrypted", _unencrypted, SCHOOLS[:3]),
    Plant("noncompliant", _noncompliant, SCHOOLS[3:7]),
    Plant("enrolled_by_a_manager", _enrolled_by_a_manager, (SCHOOLS[6],) * 10),
    Plant("front_desk", _front_desk, SCHOOLS[:4]),
    Plant("in_stock", _in_stock, (CENTRAL,) * 8),
    Plant("asleep_in_stock", _asleep_in_stock, (CENTRAL,) * 4),
    Plant("scrapped", _scrapped, _spread(20, SCHOOLS)),
)


def plant_staff(m: Making) -> None:
    """Everybody employed, with their devices."""
    for plant in PLANTS:
        for unit in plant.units:
            plant.make(m, unit)
            m.planted[plant.name] += 1
    unit = SHORT_OF_STAFF_DEVICES
    m.flaws.append(Flaw("below_target", unit, f"staff@{unit}", outside_breaks=True, after=5))
