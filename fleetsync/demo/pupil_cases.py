"""The special cases among the pupils: arrivals and leavers, broken devices, and errors of the register."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from itertools import count
from typing import Unpack

import msgspec

from fleetsync.core.model import UNPLACED, Stage
from fleetsync.demo.builder import (
    LONG_AGO,
    STALE_AFTER,
    ManagedDeviceOptions,
    WorldBuilder,
    silence_phases,
)
from fleetsync.demo.days import DEMO_DAY, OPEN_END, SCHOOLS, WORLD_BEGINS, YEARS
from fleetsync.demo.editions import WORKSHOP_DAYS, edition_from
from fleetsync.demo.model import (
    DemoDevice,
    ExpectedAdjustment,
    ExpectedGap,
    ExpectedHolding,
    Learner,
    RegisterMembership,
    RowVersion,
)
from fleetsync.demo.names import PUPIL_DOMAIN
from fleetsync.demo.preschool import PreschoolBuilder
from fleetsync.demo.pupils import (
    ONE_DAY,
    SEATS_PER_CLASS,
    ClassSeat,
    PupilBuilder,
    add_handed_down_devices,
    add_leaver_gaps,
    add_ordinary_pupil,
    building_of,
    enrolments_of,
    is_adapted,
    login_of,
    shares_class_set,
)
from fleetsync.demo.school_years import (
    FIRST_COHORT,
    LAST_COHORT,
    LAST_DAY,
    LAST_GRADE,
    PROTECTION_MARKS,
    TRACKS,
    ClassRegistry,
    class_size,
    first_school_day,
)
from fleetsync.demo.start_year import same_weekday
from fleetsync.demo.units import unit_name

MIDDLE_COHORT, HIGH_COHORT = DEMO_DAY.year - 5, DEMO_DAY.year - 8  # the cohorts of the cases: years 5 and 8


class PupilCase(msgspec.Struct, frozen=True):
    """A special case among the pupils of a cohort. `make` gets the number of the pupil within the case, from 0."""

    name: str
    number: int
    make: Callable[[PupilBuilder, ClassSeat, int], None]
    cohort: int = HIGH_COHORT
    has_device: bool = True
    is_new: bool = False  # takes a seat after the ordinary pupils


def _add_own_device(
    pupils: PupilBuilder, seat: ClassSeat, learner: Learner, **options: Unpack[ManagedDeviceOptions]
) -> DemoDevice:
    """A device with one holder only: the laptop of year 8, or the tablet of year 5."""
    unit = seat.unit(DEMO_DAY.year)
    make = pupils.builder.add_school_tablet if seat.cohort == MIDDLE_COHORT else pupils.builder.add_pupil_laptop
    options["facts"] = {"place": building_of(unit), **options.get("facts", {})}
    return make(unit, login_of(learner, DEMO_DAY), **options)


def _add_holding(
    pupils: PupilBuilder, learner: Learner, device: DemoDevice, first: date = WORLD_BEGINS, last: date = OPEN_END
) -> None:
    pupils.builder.expected_holdings.append(ExpectedHolding(learner.key, device.key, first, last))


def _add_pupil_with_device(
    pupils: PupilBuilder, seat: ClassSeat, **options: Unpack[ManagedDeviceOptions]
) -> tuple[Learner, DemoDevice]:
    """An ordinary pupil with a device that nobody else had or gets."""
    learner = add_ordinary_pupil(pupils, seat)
    device = _add_own_device(pupils, seat, learner, **options)
    _add_holding(pupils, learner, device)
    return learner, device


def _silent(pupils: PupilBuilder, seat: ClassSeat, nth: int) -> None:
    unit, last = seat.unit(DEMO_DAY.year), same_weekday(2026, 9, 25)
    learner, device = _add_pupil_with_device(pupils, seat, used=((LONG_AGO, last),), phases=silence_phases(unit, last))
    since = SCHOOLS.after(last, STALE_AFTER + 1)
    pupils.builder.add_person_gap("device_not_working", learner, unit, first=since)
    pupils.builder.add_device_gap("stale", device, first=since, counted=True)


def _enrolled_again(pupils: PupilBuilder, seat: ClassSeat, nth: int) -> None:
    _, device = _add_pupil_with_device(pupils, seat, mdm="intune")
    before = same_weekday(2024, 8, 12)
    pupils.builder.add_tablet(
        device.unit,
        f"{pupils.builder.namer.pupil_account()}@{PUPIL_DOMAIN}",
        enrolled=before,
        used=((before, same_weekday(2025, 5, 30)),),
        facts={"serial": device.serial},
        phases=[(before, None, False)],
    )


def _placeholder(pupils: PupilBuilder, seat: ClassSeat, nth: int) -> None:
    _add_pupil_with_device(
        pupils, seat, mdm="intune", facts={"serial": ("Default string", "0", "System Serial Number")[nth % 3]}
    )


# --- the workshop -----------------------------------------------------------------------------------------------------

STOLEN_ON = same_weekday(2026, 10, 13)
# The day of 2026/27 on which each device came in, and the days that it stayed: from a day to a year.
REPAIRS = tuple(
    (same_weekday(*came), days)
    for came, days in (
        ((2026, 11, 19), 1), ((2026, 11, 16), 2), ((2026, 11, 18), 3), ((2026, 11, 17), 7), ((2026, 11, 16), 10),
        ((2026, 11, 9), 21), ((2026, 11, 2), 30), ((2026, 10, 12), 56), ((2026, 8, 24), 180), ((2025, 12, 1), 365),
    )
)  # fmt: skip


def _stolen(pupils: PupilBuilder, seat: ClassSeat, nth: int) -> None:
    learner, device = _add_pupil_with_device(
        pupils,
        seat,
        used=((LONG_AGO, STOLEN_ON - ONE_DAY),),
        repaired=(RowVersion(STOLEN_ON, {"status": "Stulen", "seen": None}),),
        phases=[(LONG_AGO, Stage.IN_USE, True), (STOLEN_ON, Stage.LOST, False)],
    )
    pupils.builder.add_device_gap("lost", device, first=STOLEN_ON)
    pupils.builder.add_person_gap("no_device", learner, device.unit, first=STOLEN_ON, last=_until_leaving(seat))


def _until_leaving(seat: ClassSeat) -> date:
    return LAST_DAY[min(seat.cohort + LAST_GRADE, YEARS[-1])]


def _in_repair(has_loaner: bool) -> Callable[[PupilBuilder, ClassSeat, int], None]:
    def make(pupils: PupilBuilder, seat: ClassSeat, nth: int) -> None:
        came, days = REPAIRS[nth % len(REPAIRS)]
        back = edition_from(WORKSHOP_DAYS, came + timedelta(days=days + 1))
        tested = SCHOOLS.at_or_before(back - ONE_DAY)
        versions = (
            RowVersion(came, {"status": "På reparation", "seen": None}),
            RowVersion(back, {"status": "I drift", "seen": tested}),
        )
        phases = [(LONG_AGO, Stage.IN_USE, True), (came, Stage.IN_REPAIR, False), (back, Stage.IN_USE, True)]
        used = ((LONG_AGO, came - ONE_DAY), (tested, OPEN_END))
        learner, device = _add_pupil_with_device(pupils, seat, used=used, repaired=versions, phases=phases)
        until = back - ONE_DAY
        pupils.builder.add_device_gap(
            "long_in_repair", device, first=came, last=until, after=20, seen_by="workshop", counted=True
        )
        if has_loaner:
            _add_loaner(pupils, learner, device.unit, came, back)
        else:
            pupils.builder.add_person_gap("device_not_working", learner, device.unit, first=came, last=until)

    return make


def _add_loaner(pupils: PupilBuilder, learner: Learner, unit: str, first: date, back: date) -> None:
    device = pupils.builder.add_laptop(
        unit,
        "",
        facts={"use": "Lån"},
        changes=[(first, {"login": login_of(learner, first)}), (back, {"login": ""})],
        phases=[(LONG_AGO, Stage.LOAN, True)],
    )
    _add_holding(pupils, learner, device, first, back - ONE_DAY)


# --- arrivals and leavers ---------------------------------------------------------------------------------------------

LAST_DAYS_OF_LEAVERS = tuple(same_weekday(2026, 9, 2) + timedelta(weeks=week) for week in range(9))
SEEN_BACK_AFTER = timedelta(days=3)  # handed in on a Friday


def _leaves(hands_in: bool) -> Callable[[PupilBuilder, ClassSeat, int], None]:
    def make(pupils: PupilBuilder, seat: ClassSeat, nth: int) -> None:
        wednesday = LAST_DAYS_OF_LEAVERS[nth % len(LAST_DAYS_OF_LEAVERS)]
        learner = _add_leaver(pupils, seat, wednesday)
        (_returns_device if hands_in else _keeps_device)(pupils, seat, learner, wednesday)

    return make


def _add_leaver(
    pupils: PupilBuilder, seat: ClassSeat, last: date, since: date = WORLD_BEGINS, **changes: object
) -> Learner:
    """A pupil who moves away. The register has the end two weeks before."""
    known = last - timedelta(days=14)
    begun = [membership for membership in enrolments_of(seat) if membership.first <= last]
    ended = msgspec.structs.replace(begun[-1], last=last, end_known=known)
    learner = pupils.add_pupil(seat, since, enrolments=(*begun[:-1], ended), **changes)
    pupils.add_expected_owed(seat, learner, last=last)
    soon = max(known, SCHOOLS.first_day_with_left(last, 15))
    pupils.builder.add_person_gap("ending_with_device", learner, seat.unit(DEMO_DAY.year), first=soon, last=last)
    return learner


def _returns_device(pupils: PupilBuilder, seat: ClassSeat, learner: Learner, last: date) -> None:
    unit, back = seat.unit(DEMO_DAY.year), last + SEEN_BACK_AFTER
    stock = {"login": "", "use": "Lager", "place": unit_name(unit)}
    phases = [(LONG_AGO, Stage.IN_USE, True), (back, Stage.STOCK, True)]
    device = _add_own_device(pupils, seat, learner, changes=[(back, stock)], phases=phases)
    _add_holding(pupils, learner, device, last=back - ONE_DAY)
    pupils.builder.expected_adjustments.append(ExpectedAdjustment(unit, "staff", "surplus", 1, first=back))


def _keeps_device(pupils: PupilBuilder, seat: ClassSeat, learner: Learner, last: date) -> None:
    device = _add_own_device(pupils, seat, learner)
    _add_holding(pupils, learner, device)
    pupils.builder.add_device_gap("leaver_holds", device, first=SCHOOLS.after(last, 10), counted=True)


def _newcomer(pupils: PupilBuilder, seat: ClassSeat, nth: int) -> None:
    """A pupil who starts on a Monday and gets account and device three days later."""
    monday = same_weekday(2026, 9, 7) + timedelta(weeks=nth % 7)
    has_login = monday + timedelta(days=3)
    login = f"{pupils.builder.namer.pupil_account()}@{PUPIL_DOMAIN}"
    learner = _add_newcomer(pupils, seat, monday, ((has_login, login),))
    pupils.add_expected_owed(seat, learner, first=monday, decidable_from=has_login)
    _add_holding(pupils, learner, _add_own_device(pupils, seat, learner, enrolled=has_login - ONE_DAY), first=has_login)


def _add_newcomer(pupils: PupilBuilder, seat: ClassSeat, first: date, logins: tuple[tuple[date, str], ...]) -> Learner:
    membership = RegisterMembership(
        seat.unit(DEMO_DAY.year), "GR", first, date(seat.cohort + LAST_GRADE + 1, 6, 30), known=first
    )
    return pupils.add_pupil(seat, first, logins=logins, enrolments=(membership,), known=first)


LOGIN_LEFT_ON, REUSED_ON = same_weekday(2026, 10, 14), same_weekday(2026, 11, 9)
DELETED_FROM_REGISTER_ON = same_weekday(2026, 10, 28)


def _login_reused(pupils: PupilBuilder, seat: ClassSeat, nth: int) -> None:
    """A leaver keeps a laptop and is deleted from the register. Another pupil gets the same log-in and a new laptop.

    An installation that never saw the leaver assigns both laptops to the second pupil.
    """
    login = f"{pupils.builder.namer.pupil_account()}@{PUPIL_DOMAIN}"
    leaver = _add_leaver(
        pupils, seat, LOGIN_LEFT_ON, logins=((date(2019, 1, 1), login),), deleted=DELETED_FROM_REGISTER_ON
    )
    old = _add_own_device(pupils, seat, leaver)
    _add_holding(pupils, leaver, old)
    newcomer_seat = ClassSeat(seat.cohort, seat.track, SEATS_PER_CLASS + 5)
    learner = _add_newcomer(pupils, newcomer_seat, REUSED_ON, ((REUSED_ON, login),))
    pupils.add_expected_owed(newcomer_seat, learner, first=REUSED_ON)
    enrolled = REUSED_ON + ONE_DAY
    shown_from = enrolled + ONE_DAY
    _add_holding(pupils, learner, _add_own_device(pupils, newcomer_seat, learner, enrolled=enrolled), first=shown_from)
    until = REUSED_ON.replace(year=REUSED_ON.year + 1) - ONE_DAY
    builder, unit = pupils.builder, old.unit
    builder.add_device_gap(
        "leaver_holds", old, first=SCHOOLS.after(LOGIN_LEFT_ON, 10), counted=True, observed_by="early"
    )
    builder.add_person_gap("login_reused", learner, unit, first=REUSED_ON, last=until, observed_by="early")
    builder.add_device_gap(
        "unknown_holder", old, first=DELETED_FROM_REGISTER_ON, last=REUSED_ON - ONE_DAY, observed_by="late"
    )
    builder.expected_holdings.append(ExpectedHolding(learner.key, old.key, REUSED_ON, observed_by="late"))
    builder.add_person_gap(
        "extra_device", learner, unit, first=shown_from, after=11, opens_next_day=True, observed_by="late"
    )


# --- what the register contains ---------------------------------------------------------------------------------------


def _protected(pupils: PupilBuilder, seat: ClassSeat, nth: int) -> None:
    account = pupils.builder.namer.canary_name().account
    login = f"{account}@{PUPIL_DOMAIN}"
    always = date(2019, 1, 1)
    learner = pupils.add_pupil(
        seat, logins=((always, login),), marks=((always, PROTECTION_MARKS[nth % len(PROTECTION_MARKS)]),)
    )
    pupils.builder.canaries.append(account)
    pupils.add_expected_owed(seat, learner, unit=UNPLACED)
    name = {"name": f"{learner.given}s dator"}
    _add_holding(pupils, learner, _add_own_device(pupils, seat, learner, facts=name, shown_at=UNPLACED))


def _undecided(
    changed: Callable[[RegisterMembership], RegisterMembership],
) -> Callable[[PupilBuilder, ClassSeat, int], None]:
    def make(pupils: PupilBuilder, seat: ClassSeat, nth: int) -> None:
        learner = pupils.add_pupil(seat, enrolments=tuple(map(changed, enrolments_of(seat))))
        pupils.add_expected_owed(seat, learner, counts_as="undecided")

    return make


def _without_year(membership: RegisterMembership) -> RegisterMembership:
    return msgspec.structs.replace(membership, has_year=False)


def _of_unknown_form(membership: RegisterMembership) -> RegisterMembership:
    return msgspec.structs.replace(membership, form="XGR")


def _twice_enrolled(pupils: PupilBuilder, seat: ClassSeat, nth: int) -> None:
    """The enrolment at an earlier school was never closed. The one that began later counts."""
    forgotten = RegisterMembership("vretaskolan", "GR", date(2018, 8, 20))
    pupils.add_expected_owed(seat, pupils.add_pupil(seat, enrolments=(forgotten, *enrolments_of(seat))))


INDEPENDENT_SCHOOL = "friskolan"
NEW_SCHOOL_ON = same_weekday(2026, 11, 2)


def _at_independent_school(pupils: PupilBuilder, seat: ClassSeat, nth: int) -> None:
    """A pupil of another principal's school."""
    pupils.add_pupil(
        seat, enrolments=(RegisterMembership(INDEPENDENT_SCHOOL, "GR", first_school_day(YEARS[0])),), classes=()
    )


PUPIL_CASES: tuple[PupilCase, ...] = (
    PupilCase("pupil_leaves_with_device", 8, _leaves(hands_in=False)),
    PupilCase("pupil_leaves_and_hands_in", 12, _leaves(hands_in=True)),
    PupilCase("pupil_login_reused", 1, _login_reused),
    PupilCase("pupil_protected", len(PROTECTION_MARKS), _protected),
    PupilCase("pupil_in_repair_with_loaner", 10, _in_repair(has_loaner=True)),
    PupilCase("pupil_in_repair", 10, _in_repair(has_loaner=False)),
    PupilCase("pupil_stolen", 5, _stolen),
    PupilCase("pupil_placeholder_serial", 6, _placeholder),
    PupilCase("pupil_without_year", 3, _undecided(_without_year), has_device=False),
    PupilCase("pupil_of_unknown_form", 2, _undecided(_of_unknown_form), has_device=False),
    PupilCase("pupil_twice_enrolled", 4, _twice_enrolled, has_device=False),
    PupilCase("pupil_silent", 16, _silent, MIDDLE_COHORT),
    PupilCase("pupil_enrolled_again", 15, _enrolled_again, MIDDLE_COHORT),
    PupilCase("pupil_new_without_account", 20, _newcomer, is_new=True),
    PupilCase("pupil_elsewhere", 12, _at_independent_school, is_new=True),
)


def _seats(cohort: int, first: int) -> Iterator[ClassSeat]:
    """Seats of a cohort whose pupils have their own device: seat 0 of each class, then seat 1, and so on."""
    grade = DEMO_DAY.year - cohort
    tracks = [track for track, class_track in enumerate(TRACKS) if not shares_class_set(class_track.unit(grade), grade)]
    return (ClassSeat(cohort, track, number) for number in count(first) for track in tracks)


def _pupil_cases_by_seat() -> Mapping[ClassSeat, tuple[PupilCase, int]]:
    """Gives each special case its seat, spread over the classes of its cohort."""
    free = {
        (cohort, is_new): _seats(cohort, SEATS_PER_CLASS if is_new else 0)
        for cohort in (HIGH_COHORT, MIDDLE_COHORT)
        for is_new in (False, True)
    }
    return {next(free[case.cohort, case.is_new]): (case, nth) for case in PUPIL_CASES for nth in range(case.number)}


# --- all --------------------------------------------------------------------------------------------------------------


def add_pupils(builder: WorldBuilder, classes: ClassRegistry, preschools: PreschoolBuilder) -> PupilBuilder:
    """Adds all pupils of the demo's school years, with the devices that they hand on."""
    pupils, cases = PupilBuilder(builder, classes, preschools), _pupil_cases_by_seat()
    seats = (
        ClassSeat(cohort, track, number)
        for cohort in range(FIRST_COHORT, LAST_COHORT + 1)
        for track in range(len(TRACKS))
        for number in range(class_size(cohort, track))
    )
    for seat in (*seats, *(seat for seat, (case, _) in cases.items() if case.is_new)):
        if seat in cases:
            case, nth = cases[seat]
            case.make(pupils, seat, nth)
            builder.case_counts[case.name] += 1
        else:
            add_ordinary_pupil(pupils, seat)
            builder.case_counts["pupil_in_adapted_school"] += (
                is_adapted(seat) and 7 <= DEMO_DAY.year - seat.cohort <= LAST_GRADE
            )
    add_handed_down_devices(builder, pupils, frozenset(seat for seat, (case, _) in cases.items() if case.has_device))
    add_leaver_gaps(builder, pupils)
    builder.expected_gaps.append(
        ExpectedGap("unmapped_unit", UNPLACED, "a school that nobody has configured", NEW_SCHOOL_ON)
    )
    return pupils
