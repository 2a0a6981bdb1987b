"""The pupils who are planted among the others: who comes and goes, what breaks, and what the register gets wrong."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from itertools import count
from typing import Unpack

import msgspec

from fleetsync.core.model import UNPLACED, Stage
from fleetsync.demo.days import OPEN_END, SCHOOLS, SHOWN_ON, WORLD_BEGINS
from fleetsync.demo.editions import WORKSHOP_DAYS, edition_from
from fleetsync.demo.making import LONG_AGO, STALE_AFTER, Making, Managed, falls_silent, held_by
from fleetsync.demo.names import PUPIL_DOMAIN
from fleetsync.demo.nouns import Extra, Flaw, Holding, Learner, Stay, Thing, Version
from fleetsync.demo.places import name_at
from fleetsync.demo.preschool import Nursery
from fleetsync.demo.pupils import (
    NEXT_DAY,
    SEATS,
    Desk,
    Seat,
    building_of,
    enrolments_of,
    is_adapted,
    is_by_class,
    login_of,
    ordinary,
    plant_slots,
    tell_leavers,
)
from fleetsync.demo.school_years import (
    FIRST_COHORT,
    LAST_COHORT,
    LAST_DAY,
    LEAVING,
    MARKS,
    TRACKS,
    YEARS,
    Classes,
    class_size,
)

MIDDLE, HIGH = 2021, 2018  # the cohorts in which they are: years 5 and 8 of 2026/27


class Variant(msgspec.Struct, frozen=True):
    """Somebody of a cohort who is planted; `make` is told the how-manyeth he is."""

    name: str
    number: int
    make: Callable[[Desk, Seat, int], None]
    cohort: int = HIGH
    brings_device: bool = True
    is_new: bool = False  # sits behind all others


def _own(desk: Desk, seat: Seat, learner: Learner, **rest: Unpack[Managed]) -> Thing:
    """A device that never changes hands: the laptop of year 8, or the tablet of year 5."""
    unit = seat.unit(SHOWN_ON.year)
    make = desk.m.tablet if seat.cohort == MIDDLE else desk.m.laptop
    rest["fields"] = {"deviceCategoryDisplayName": building_of(unit), **rest.get("fields", {})}
    return make(unit, login_of(learner, SHOWN_ON), **rest)


def _hold(desk: Desk, learner: Learner, thing: Thing, first: date = WORLD_BEGINS, last: date = OPEN_END) -> None:
    desk.m.holdings.append(Holding(learner.key, thing.key, first, last))


def _simply(desk: Desk, seat: Seat, **rest: Unpack[Managed]) -> tuple[Learner, Thing]:
    """An ordinary pupil with a device that is his alone."""
    learner = ordinary(desk, seat)
    thing = _own(desk, seat, learner, **rest)
    _hold(desk, learner, thing)
    return learner, thing


def _silent(desk: Desk, seat: Seat, nth: int) -> None:
    unit, last = seat.unit(SHOWN_ON.year), date(2026, 9, 25)
    learner, thing = _simply(desk, seat, used=((LONG_AGO, last),), phases=falls_silent(unit, last))
    since = SCHOOLS.after(last, STALE_AFTER + 1)
    desk.m.of_person("device_not_working", learner, unit, first=since)
    desk.m.of_device("stale", thing, first=since, counted=True)


def _enrolled_again(desk: Desk, seat: Seat, nth: int) -> None:
    _, thing = _simply(desk, seat)
    before = date(2024, 8, 12)
    desk.m.tablet(
        thing.unit,
        f"{desk.m.namer.pupil_account()}@{PUPIL_DOMAIN}",
        enrolled=before,
        used=((before, date(2025, 5, 30)),),
        fields={"serialNumber": thing.serial},
        phases=[(before, None, False)],
    )


def _placeholder(desk: Desk, seat: Seat, nth: int) -> None:
    _simply(desk, seat, fields={"serialNumber": ("Default string", "0", "System Serial Number")[nth % 3]})


# --- the workshop

STOLEN_ON = date(2026, 10, 13)
# When each came in, and for how many days: from a day to a year.
REPAIRS = (
    (date(2026, 11, 19), 1), (date(2026, 11, 16), 2), (date(2026, 11, 18), 3), (date(2026, 11, 17), 7),
    (date(2026, 11, 16), 10), (date(2026, 11, 9), 21), (date(2026, 11, 2), 30), (date(2026, 10, 12), 56),
    (date(2026, 8, 24), 180), (date(2025, 12, 1), 365),
)  # fmt: skip


def _stolen(desk: Desk, seat: Seat, nth: int) -> None:
    learner, thing = _simply(
        desk,
        seat,
        used=((LONG_AGO, STOLEN_ON - NEXT_DAY),),
        repaired=(Version(STOLEN_ON, {"status": "Stulen", "seen": None}),),
        phases=[(LONG_AGO, Stage.IN_USE, True), (STOLEN_ON, Stage.LOST, False)],
    )
    desk.m.of_device("lost", thing, first=STOLEN_ON)
    desk.m.of_person("no_device", learner, thing.unit, first=STOLEN_ON, last=_until_leaving(seat))


def _until_leaving(seat: Seat) -> date:
    return LAST_DAY[min(seat.cohort + LEAVING, YEARS[-1])]


def _in_repair(has_loaner: bool) -> Callable[[Desk, Seat, int], None]:
    def make(desk: Desk, seat: Seat, nth: int) -> None:
        came, days = REPAIRS[nth % len(REPAIRS)]
        back = edition_from(WORKSHOP_DAYS, came + timedelta(days=days + 1))
        tested = SCHOOLS.at_or_before(back - NEXT_DAY)
        said = (
            Version(came, {"status": "På reparation", "seen": None}),
            Version(back, {"status": "I drift", "seen": tested}),
        )
        phases = [(LONG_AGO, Stage.IN_USE, True), (came, Stage.IN_REPAIR, False), (back, Stage.IN_USE, True)]
        used = ((LONG_AGO, came - NEXT_DAY), (tested, OPEN_END))
        learner, thing = _simply(desk, seat, used=used, repaired=said, phases=phases)
        until = back - NEXT_DAY
        desk.m.of_device("long_in_repair", thing, first=came, last=until, after=20, seen_by="workshop", counted=True)
        if has_loaner:
            _lend(desk, learner, thing.unit, came, back)
        else:
            desk.m.of_person("device_not_working", learner, thing.unit, first=came, last=until)

    return make


def _lend(desk: Desk, learner: Learner, unit: str, first: date, back: date) -> None:
    thing = desk.m.laptop(
        unit,
        "",
        fields={"deviceCategoryDisplayName": f"Lån {name_at(unit)}"},
        changes=[(first, held_by(login_of(learner, first))), (back, held_by(""))],
        phases=[(LONG_AGO, Stage.LOAN, True)],
    )
    _hold(desk, learner, thing, first, back - NEXT_DAY)


# --- who comes, who has left

WEDNESDAYS = tuple(date(2026, 9, 2) + timedelta(weeks=week) for week in range(9))
SEEN_BACK_AFTER = timedelta(days=3)  # handed in on Friday


def _leaves(hands_in: bool) -> Callable[[Desk, Seat, int], None]:
    def make(desk: Desk, seat: Seat, nth: int) -> None:
        wednesday = WEDNESDAYS[nth % len(WEDNESDAYS)]
        learner = _gone_since(desk, seat, wednesday)
        (_leaves_it if hands_in else _keeps_it)(desk, seat, learner, wednesday)

    return make


def _gone_since(desk: Desk, seat: Seat, last: date, since: date = WORLD_BEGINS, **changes: object) -> Learner:
    """Somebody who moves away; the register is told two weeks before."""
    told = last - timedelta(days=14)
    begun = [stay for stay in enrolments_of(seat) if stay.first <= last]
    ended = msgspec.structs.replace(begun[-1], last=last, end_known=told)
    learner = desk.seat(seat, since, enrolments=(*begun[:-1], ended), **changes)
    desk.claims(seat, learner, last=last)
    soon = max(told, SCHOOLS.with_left(last, 15))
    desk.m.of_person("ending_with_device", learner, seat.unit(SHOWN_ON.year), first=soon, last=last)
    return learner


def _leaves_it(desk: Desk, seat: Seat, learner: Learner, last: date) -> None:
    unit, back = seat.unit(SHOWN_ON.year), last + SEEN_BACK_AFTER
    stock = {**held_by(""), "deviceCategoryDisplayName": f"Lager {name_at(unit)}"}
    phases = [(LONG_AGO, Stage.IN_USE, True), (back, Stage.STOCK, True)]
    thing = _own(desk, seat, learner, changes=[(back, stock)], phases=phases)
    _hold(desk, learner, thing, last=back - NEXT_DAY)
    desk.m.extras.append(Extra(unit, "staff", "surplus", 1, first=back))


def _keeps_it(desk: Desk, seat: Seat, learner: Learner, last: date) -> None:
    thing = _own(desk, seat, learner)
    _hold(desk, learner, thing)
    desk.m.of_device("leaver_holds", thing, first=SCHOOLS.after(last, 10), counted=True)


def _newcomer(desk: Desk, seat: Seat, nth: int) -> None:
    """Comes on a Monday; the account is made three days later, and the device with it."""
    monday = date(2026, 9, 7) + timedelta(weeks=nth % 7)
    has_login = monday + timedelta(days=3)
    login = f"{desk.m.namer.pupil_account()}@{PUPIL_DOMAIN}"
    learner = _comes(desk, seat, monday, ((has_login, login),))
    desk.claims(seat, learner, first=monday, decidable_from=has_login)
    _hold(desk, learner, _own(desk, seat, learner, enrolled=has_login - NEXT_DAY), first=has_login)


def _comes(desk: Desk, seat: Seat, first: date, logins: tuple[tuple[date, str], ...]) -> Learner:
    stay = Stay(seat.unit(SHOWN_ON.year), "GR", first, date(seat.cohort + LEAVING + 1, 6, 30), known=first)
    return desk.seat(seat, first, logins=logins, enrolments=(stay,), known=first)


LOGIN_LEFT_ON, FORGOTTEN_ON, REUSED_ON = date(2026, 10, 14), date(2026, 10, 28), date(2026, 11, 9)


def _login_reused(desk: Desk, seat: Seat, nth: int) -> None:
    """Somebody leaves with a laptop and is forgotten; somebody else is given the same log-in, and a laptop of his own.

    Who did not know the first takes both laptops for the second's.
    """
    login = f"{desk.m.namer.pupil_account()}@{PUPIL_DOMAIN}"
    gone = _gone_since(desk, seat, LOGIN_LEFT_ON, logins=((date(2019, 1, 1), login),), deleted=FORGOTTEN_ON)
    old = _own(desk, seat, gone)
    _hold(desk, gone, old)
    place = Seat(seat.cohort, seat.track, SEATS + 5)
    learner = _comes(desk, place, REUSED_ON, ((REUSED_ON, login),))
    desk.claims(place, learner, first=REUSED_ON)
    enrolled = REUSED_ON + NEXT_DAY
    seen = enrolled + NEXT_DAY
    _hold(desk, learner, _own(desk, place, learner, enrolled=enrolled), first=seen)
    until = REUSED_ON.replace(year=REUSED_ON.year + 1) - NEXT_DAY
    m, unit = desk.m, old.unit
    m.of_device("leaver_holds", old, first=SCHOOLS.after(LOGIN_LEFT_ON, 10), counted=True, by="who remembers")
    m.of_person("login_reused", learner, unit, first=REUSED_ON, last=until, by="who remembers")
    m.of_device("unknown_holder", old, first=FORGOTTEN_ON, last=REUSED_ON - NEXT_DAY, by="who came later")
    m.holdings.append(Holding(learner.key, old.key, REUSED_ON, by="who came later"))
    m.of_person("extra_device", learner, unit, first=seen, after=11, next_day=True, by="who came later")


# --- what the register says


def _protected(desk: Desk, seat: Seat, nth: int) -> None:
    account = desk.m.namer.hidden_name().account
    login = f"{account}@{PUPIL_DOMAIN}"
    always = date(2019, 1, 1)
    learner = desk.seat(seat, logins=((always, login),), marks=((always, MARKS[nth % len(MARKS)]),))
    desk.m.canaries.append(account)
    desk.claims(seat, learner, unit=UNPLACED)
    name = {"deviceName": f"{learner.given}s dator"}
    _hold(desk, learner, _own(desk, seat, learner, fields=name, shown_at=UNPLACED))


def _undecided(changed: Callable[[Stay], Stay]) -> Callable[[Desk, Seat, int], None]:
    def make(desk: Desk, seat: Seat, nth: int) -> None:
        learner = desk.seat(seat, enrolments=tuple(map(changed, enrolments_of(seat))))
        desk.claims(seat, learner, counts_as="undecided")

    return make


def _without_year(stay: Stay) -> Stay:
    return msgspec.structs.replace(stay, has_year=False)


def _of_unknown_form(stay: Stay) -> Stay:
    return msgspec.structs.replace(stay, form="XGR")


def _twice_enrolled(desk: Desk, seat: Seat, nth: int) -> None:
    """A row of an earlier school was never closed; the one that began later counts."""
    forgotten = Stay("vretaskolan", "GR", date(2018, 8, 20))
    desk.claims(seat, desk.seat(seat, enrolments=(forgotten, *enrolments_of(seat))))


ELSEWHERE = "friskolan"
NEW_SCHOOL_ON = date(2026, 11, 2)


def _elsewhere(desk: Desk, seat: Seat, nth: int) -> None:
    """Lives in Exempelby and goes to another principal's school."""
    desk.seat(seat, enrolments=(Stay(ELSEWHERE, "GR", date(2025, 8, 18)),), classes=())


VARIANTS: tuple[Variant, ...] = (
    Variant("pupil_leaves_with_device", 8, _leaves(hands_in=False)),
    Variant("pupil_leaves_and_hands_in", 12, _leaves(hands_in=True)),
    Variant("pupil_login_reused", 1, _login_reused),
    Variant("pupil_protected", len(MARKS), _protected),
    Variant("pupil_in_repair_with_loaner", 10, _in_repair(has_loaner=True)),
    Variant("pupil_in_repair", 10, _in_repair(has_loaner=False)),
    Variant("pupil_stolen", 5, _stolen),
    Variant("pupil_placeholder_serial", 6, _placeholder),
    Variant("pupil_without_year", 3, _undecided(_without_year), brings_device=False),
    Variant("pupil_of_unknown_form", 2, _undecided(_of_unknown_form), brings_device=False),
    Variant("pupil_twice_enrolled", 4, _twice_enrolled, brings_device=False),
    Variant("pupil_silent", 16, _silent, MIDDLE),
    Variant("pupil_enrolled_again", 15, _enrolled_again, MIDDLE),
    Variant("pupil_new_without_account", 20, _newcomer, is_new=True),
    Variant("pupil_elsewhere", 12, _elsewhere, is_new=True),
)


def _seats(cohort: int, first: int) -> Iterator[Seat]:
    """Seats of a cohort that have a device of their own, row by row."""
    grade = SHOWN_ON.year - cohort
    tracks = [track for track, way in enumerate(TRACKS) if not is_by_class(way.unit(grade), grade)]
    return (Seat(cohort, track, number) for number in count(first) for track in tracks)


def _variants() -> Mapping[Seat, tuple[Variant, int]]:
    """Who sits where: through the tracks of the cohort, row by row."""
    free = {
        (cohort, is_new): _seats(cohort, SEATS if is_new else 0)
        for cohort in (HIGH, MIDDLE)
        for is_new in (False, True)
    }
    return {
        next(free[variant.cohort, variant.is_new]): (variant, nth)
        for variant in VARIANTS
        for nth in range(variant.number)
    }


# ------------------------------------------------------------------------------------------------------------------ all


def plant_pupils(m: Making, classes: Classes, nursery: Nursery) -> Desk:
    """All pupils of the world's school years, and what is handed from one to the next."""
    desk, variants = Desk(m, classes, nursery), _variants()
    seats = (
        Seat(cohort, track, number)
        for cohort in range(FIRST_COHORT, LAST_COHORT + 1)
        for track in range(len(TRACKS))
        for number in range(class_size(cohort, track))
    )
    for seat in (*seats, *(seat for seat, (variant, _) in variants.items() if variant.is_new)):
        if seat in variants:
            variant, nth = variants[seat]
            variant.make(desk, seat, nth)
            m.planted[variant.name] += 1
        else:
            ordinary(desk, seat)
            m.planted["pupil_in_adapted_school"] += is_adapted(seat) and 7 <= SHOWN_ON.year - seat.cohort <= LEAVING
    plant_slots(m, desk, frozenset(seat for seat, (variant, _) in variants.items() if variant.brings_device))
    tell_leavers(m, desk)
    m.flaws.append(Flaw("unmapped_unit", UNPLACED, "a school that nobody has configured", NEW_SCHOOL_ON))
    return desk
