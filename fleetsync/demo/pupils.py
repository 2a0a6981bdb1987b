"""The pupils of Exempelby, from förskoleklass to year 9, and what each of them holds.

In years 1–3 classes share carts; from year 4 on each has a tablet, from year 7 on a laptop, and hands it to the next
who comes. Those who are planted differently sit among the others.
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import count
from typing import Unpack

import msgspec

from fleetsync.core.model import UNPLACED, Stage
from fleetsync.demo.days import OPEN_END, SCHOOLS, SHOWN_ON, WORLD_BEGINS
from fleetsync.demo.editions import WORKSHOP_DAYS, edition_from
from fleetsync.demo.making import LONG_AGO, STALE_AFTER, Making, Managed, falls_silent, held_by
from fleetsync.demo.names import PUPIL_DOMAIN
from fleetsync.demo.nouns import Claim, Extra, Flaw, Holding, InClass, Learner, Row, Stay, Thing, Version
from fleetsync.demo.places import BUILDING_OF_TWO, name_at
from fleetsync.demo.school_years import (
    FIRST_COHORT,
    FORGOTTEN,
    HANDED_OUT,
    LAST_COHORT,
    LAST_DAY,
    LEAVING,
    TRACKS,
    YEARS,
    Classes,
    Track,
    class_size,
    first_day_of,
    span_of,
)

BY_CLASS_ONLY = "sjoangsskolan"  # its tablets are known by class alone, up to year 6
SEATS = 27
TABLETS_FROM, LAPTOPS_FROM, YEARS_OF_A_DEVICE = 4, 7, 3
MIDDLE, HIGH = 2021, 2018  # the cohorts in which the others are planted: years 5 and 8 of 2026/27
NEXT_DAY = timedelta(days=1)


class Seat(msgspec.Struct, frozen=True):
    """A place in a class of a cohort."""

    cohort: int
    track: int
    number: int

    @property
    def way(self) -> Track:
        """Its track."""
        return TRACKS[self.track]

    @property
    def key(self) -> str:
        """The key of whoever sits there."""
        return f"pupil-{self.cohort}-{self.track:02}-{self.number:02}"

    def unit(self, year: int) -> str:
        """Where it is in a school year."""
        return self.way.unit(year - self.cohort)


def building_of(unit: str) -> str:
    """What the location of a pupil's device says: two units are one building."""
    return BUILDING_OF_TWO if unit.startswith("hojdens-skola") else name_at(unit)


# ----------------------------------------------------------------------------------------------------- in the register


class Desk:
    """Makes pupils with their enrolments, classes and claims."""

    def __init__(self, m: Making, classes: Classes) -> None:
        self.m = m
        self.classes = classes
        self.by_key: dict[str, Learner] = {}

    def seat(self, seat: Seat, since: date = WORLD_BEGINS, **changes: object) -> Learner:
        """Whoever sits there, in the register, *since* that day; *changes* to what is ordinary."""
        hidden = self.m.namer.hidden_name()
        made = Learner(
            key=seat.key,
            id=self.m.namer.uuid(),
            cohort=seat.cohort,
            given=hidden.given,
            family=hidden.family,
            civic=self.m.namer.civic(seat.cohort - 6, seat.cohort - 6),
            logins=self._logins(seat, hidden.account),
            enrolments=tuple(_enrolments(seat)),
            classes=tuple(self._in_classes(seat, since)),
            deleted=date(seat.cohort + LEAVING + 1, *FORGOTTEN),
        )
        learner = msgspec.structs.replace(made, **changes)
        self.m.learners.append(learner)
        self.by_key[learner.key] = learner
        self.m.canaries += [hidden.given, learner.civic]
        return learner

    def _logins(self, seat: Seat, hidden: str) -> tuple[tuple[date, str], ...]:
        """A child of förskoleklass has a log-in that may not be kept; in year 1 it gets another."""
        child = (date(seat.cohort, 8, 10), f"{hidden}@{PUPIL_DOMAIN}")
        pupil = (date(seat.cohort + 1, 8, 1), f"{self.m.namer.pupil_account()}@{PUPIL_DOMAIN}")
        if pupil[0] <= WORLD_BEGINS:
            return ((date(2019, 1, 1), pupil[1]),)
        self.m.canaries.append(hidden)
        return (child, pupil)

    def _in_classes(self, seat: Seat, since: date) -> Iterable[InClass]:
        for year in YEARS:
            grade = year - seat.cohort
            if 0 <= grade <= LEAVING:
                of = self.classes.of(year, seat.way.unit(grade), seat.way.class_name(grade))
                yield InClass(of.id, max(of.first, since), of.last, max(of.known, since))

    def claims(
        self, seat: Seat, learner: Learner, first: date = WORLD_BEGINS, last: date = OPEN_END, **said: object
    ) -> None:
        """What follows from going to school: a device of one's own or of the class, or a share of the pool."""
        for year in YEARS:
            grade = year - seat.cohort
            begins, ends = span_of(year)
            begins, ends = max(begins, first), min(ends, last, LAST_DAY[year] if grade == LEAVING else OPEN_END)
            if 0 <= grade <= LEAVING and begins <= ends:
                claim = _claim(learner.key, seat, grade, begins, ends)
                self.m.claims.append(msgspec.structs.replace(claim, **said))


def _claim(person: str, seat: Seat, grade: int, first: date, last: date) -> Claim:
    unit = seat.way.unit(grade)
    if grade == 0:
        return Claim(person, unit, "preschool", first=first, last=last, form="FKLASS")
    group = seat.way.class_name(grade) if is_by_class(unit, grade) else ""
    return Claim(person, unit, "pupils", first=first, last=last, group=group)


def is_by_class(unit: str, grade: int) -> bool:
    """Whether pupils of that year share the devices of their class."""
    return grade < TABLETS_FROM or (unit == BY_CLASS_ONLY and grade < LAPTOPS_FROM)


def _enrolments(seat: Seat) -> Iterable[Stay]:
    """Förskoleklass, and each school of the compulsory school with its first and last day."""
    began, way = seat.cohort, seat.way
    yield _stay(way.low, "FKLASS", began, began + 1)
    firsts = [1] + [grade for grade in (4, 7) if way.unit(grade) != way.unit(grade - 1)]
    for first, following in zip(firsts, [*firsts[1:], LEAVING + 1], strict=True):
        yield _stay(way.unit(first), "GR", began + first, began + following)


def _stay(unit: str, form: str, first_year: int, end_year: int) -> Stay:
    return Stay(unit, form, first_day_of(first_year), date(end_year, 6, 30), known=date(first_year, 5, 15))


# ------------------------------------------------------------------------------------------------------- their devices


class Span(msgspec.Struct, frozen=True):
    """Somebody holds a device, or (None) nobody does."""

    first: date
    holder: Learner | None


def login_of(learner: Learner, day: date) -> str:
    """The log-in somebody has on *day*."""
    return next((login for first, login in reversed(learner.logins) if first <= day), "")


class Handing:
    """Devices that go from those who outgrow them to those who come."""

    def __init__(self, m: Making) -> None:
        self.m = m

    def slot(self, unit: str, is_tablet: bool, spans: Sequence[Span]) -> Thing:
        """A device with its holders in turn; in stock at the unit while nobody has it."""
        rows = [(span.first, self._row(unit, is_tablet, span)) for span in spans]
        phases = [(span.first, Stage.IN_USE if span.holder else Stage.STOCK, True) for span in spans]
        make = self.m.tablet if is_tablet else self.m.laptop
        thing = make(unit, "", fields=rows[0][1], changes=rows[1:], phases=phases)
        ends = [span.first - NEXT_DAY for span in spans[1:]] + [OPEN_END]
        for span, last in zip(spans, ends, strict=True):
            if span.holder is not None:
                self.m.holdings.append(Holding(span.holder.key, thing.key, span.first, last))
            else:
                self.m.extras.append(Extra(unit, "staff", "surplus", 1, span.first, last))
        return thing

    def _row(self, unit: str, is_tablet: bool, span: Span) -> Row:
        if span.holder is None:
            return {**held_by(""), "deviceCategoryDisplayName": f"Lager {name_at(unit)}"}
        # Every twelfth device has no location: somebody forgot to choose one.
        category = "" if self.m.number() % 12 == 0 else building_of(unit)
        named = {"deviceName": f"{span.holder.given}s iPad"} if is_tablet else {}
        login = login_of(span.holder, max(span.first, WORLD_BEGINS))
        return {**held_by(login), **named, "deviceCategoryDisplayName": category}


def _plant_slots(m: Making, desk: Desk, without: frozenset[Seat]) -> None:
    handing = Handing(m)
    for first, is_tablet in ((TABLETS_FROM, True), (LAPTOPS_FROM, False)):
        for track, way in enumerate(TRACKS):
            unit = way.unit(first)
            if is_by_class(unit, first):
                continue
            for turn in range(YEARS_OF_A_DEVICE):
                for number in range(SEATS):
                    handing.slot(unit, is_tablet, _spans(desk, first, track, turn, number, without))


def _spans(desk: Desk, first: int, track: int, turn: int, number: int, without: frozenset[Seat]) -> list[Span]:
    spans: list[Span] = []
    for year in YEARS:
        grades = range(first, first + YEARS_OF_A_DEVICE)
        cohort = next(year - grade for grade in grades if (year - grade) % YEARS_OF_A_DEVICE == turn)
        seat = Seat(cohort, track, number)
        holder = None if seat in without else desk.by_key.get(seat.key)
        if not spans or spans[-1].holder is not holder:
            spans.append(Span(HANDED_OUT[year] if spans else LONG_AGO, holder))
    return spans


# ------------------------------------------------------------------------------------------------------ the ordinary ones


def _ordinary(desk: Desk, seat: Seat) -> Learner:
    learner = desk.seat(seat)
    desk.claims(seat, learner)
    return learner


def _tell_leavers(m: Making, desk: Desk) -> None:
    """Year 9 ends with a device in everybody's hands, as is said three weeks before."""
    for holding in m.holdings:
        learner = desk.by_key.get(holding.person)
        year = learner.cohort + LEAVING if learner else 0
        if learner is None or year not in YEARS or not holding.first <= LAST_DAY[year] <= holding.last:
            continue
        claim = next((one for one in m.claims if one.person == learner.key and one.last == LAST_DAY[year]), None)
        if claim is not None and claim.unit != UNPLACED:
            soon = SCHOOLS.with_left(LAST_DAY[year], 15)
            m.flaws.append(
                Flaw("ending_with_device", claim.unit, learner.key, soon, LAST_DAY[year], outside_breaks=True)
            )


# ------------------------------------------------------------------------------------------------------ the planted ones


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
    learner = _ordinary(desk, seat)
    thing = _own(desk, seat, learner, **rest)
    _hold(desk, learner, thing)
    return learner, thing


def _silent(desk: Desk, seat: Seat, nth: int) -> None:
    unit, last = seat.unit(SHOWN_ON.year), date(2026, 9, 25)
    learner, thing = _simply(desk, seat, used=((LONG_AGO, last),), phases=falls_silent(unit, last))
    since = SCHOOLS.after(last, STALE_AFTER + 1)
    desk.m.of_person("device_not_working", learner, unit, first=since, last=LAST_DAY[2026])
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


def _gone_since(desk: Desk, seat: Seat, last: date, **changes: object) -> Learner:
    """Somebody who moves away; the register is told two weeks before."""
    told = last - timedelta(days=14)
    begun = [stay for stay in _enrolments(seat) if stay.first <= last]
    ended = msgspec.structs.replace(begun[-1], last=last, end_known=told)
    learner = desk.seat(seat, enrolments=(*begun[:-1], ended), **changes)
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


REUSED_FROM, REUSED_ON = date(2026, 10, 14), date(2026, 11, 9)


def _login_reused(desk: Desk, seat: Seat, nth: int) -> None:
    """Somebody leaves with a laptop and is deleted; somebody else is given the same log-in, and a laptop of his own."""
    login = f"{desk.m.namer.pupil_account()}@{PUPIL_DOMAIN}"
    gone = _gone_since(desk, seat, REUSED_FROM, logins=((date(2019, 1, 1), login),), deleted=date(2026, 10, 28))
    _keeps_it(desk, seat, gone, REUSED_FROM)
    place = Seat(seat.cohort, seat.track, SEATS + 5)
    learner = _comes(desk, place, REUSED_ON, ((REUSED_ON, login),))
    desk.claims(place, learner, first=REUSED_ON)
    enrolled = REUSED_ON + NEXT_DAY
    _hold(desk, learner, _own(desk, place, learner, enrolled=enrolled), first=enrolled + NEXT_DAY)
    until = REUSED_ON.replace(year=REUSED_ON.year + 1) - NEXT_DAY
    desk.m.of_person("login_reused", learner, place.unit(SHOWN_ON.year), first=REUSED_ON, last=until)


# --- what the register says

# Every value but "Ingen" protects, in whatever spelling: composed or not, in any case, known or not.
MARKS = (
    "Sekretessmarkering", "Skyddad folkbokföring", unicodedata.normalize("NFD", "Skyddad folkbokföring"),
    "sekretessmarkering", "SKYDDAD FOLKBOKFÖRING", "Kvarskrivning", "1",
)  # fmt: skip


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
        learner = desk.seat(seat, enrolments=tuple(map(changed, _enrolments(seat))))
        desk.claims(seat, learner, counts_as="undecided")

    return make


def _without_year(stay: Stay) -> Stay:
    return msgspec.structs.replace(stay, has_year=False)


def _of_unknown_form(stay: Stay) -> Stay:
    return msgspec.structs.replace(stay, form="XGR")


def _twice_enrolled(desk: Desk, seat: Seat, nth: int) -> None:
    """A row of an earlier school was never closed; the one that began later counts."""
    forgotten = Stay("vretaskolan", "GR", date(2019, 8, 19))
    desk.claims(seat, desk.seat(seat, enrolments=(forgotten, *_enrolments(seat))))


ELSEWHERE = "friskolan"


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


def _variants() -> Mapping[Seat, tuple[Variant, int]]:
    """Who sits where: through the tracks of the cohort, row by row."""
    free = {
        (cohort, is_new): (
            Seat(cohort, track, number)
            for number in count(SEATS if is_new else 0)
            for track in range(len(TRACKS))
            if not is_by_class(TRACKS[track].unit(SHOWN_ON.year - cohort), SHOWN_ON.year - cohort)
        )
        for cohort in (HIGH, MIDDLE)
        for is_new in (False, True)
    }
    return {
        next(free[variant.cohort, variant.is_new]): (variant, nth)
        for variant in VARIANTS
        for nth in range(variant.number)
    }


# ------------------------------------------------------------------------------------------------------------------ all


def plant_pupils(m: Making, classes: Classes) -> Desk:
    """All pupils of the world's school years, and what is handed from one to the next."""
    desk, variants = Desk(m, classes), _variants()
    ordinary = (
        Seat(cohort, track, number)
        for cohort in range(FIRST_COHORT, LAST_COHORT + 1)
        for track in range(len(TRACKS))
        for number in range(class_size(cohort, track))
    )
    for seat in (*ordinary, *(seat for seat, (variant, _) in variants.items() if variant.is_new)):
        if seat in variants:
            variant, nth = variants[seat]
            variant.make(desk, seat, nth)
            m.planted[variant.name] += 1
        else:
            _ordinary(desk, seat)
    _plant_slots(m, desk, frozenset(seat for seat, (variant, _) in variants.items() if variant.brings_device))
    _tell_leavers(m, desk)
    return desk
