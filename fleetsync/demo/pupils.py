"""The pupils of Exempelby, from förskoleklass to year 9, and what each of them holds.

In years 1–3 classes share carts; from year 4 on each has a tablet, from year 7 on a laptop, and hands it to the next
who comes. Those who are planted differently sit among the others.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import count

import msgspec

from fleetsync.core.model import UNPLACED, Stage
from fleetsync.demo.days import OPEN_END, SCHOOLS, WORLD_BEGINS
from fleetsync.demo.making import LONG_AGO, Making, held_by
from fleetsync.demo.names import PUPIL_DOMAIN
from fleetsync.demo.nouns import Claim, Extra, Flaw, Holding, InClass, Learner, Row, Stay, Thing
from fleetsync.demo.places import BUILDING_OF_TWO, name_at
from fleetsync.demo.preschool import Nursery
from fleetsync.demo.school_years import (
    FORGOTTEN,
    HANDED_OUT,
    LAST_DAY,
    LEAVING,
    TRACKS,
    TURN,
    YEARS,
    Classes,
    Track,
    first_day_of,
    span_of,
)

BY_CLASS_ONLY = "sjoangsskolan"  # its tablets are known by class alone, up to year 6
ADAPTED_AT = "kullaskolan"
SEATS = 27
TABLETS_FROM, LAPTOPS_FROM, YEARS_OF_A_DEVICE = 4, 7, 3
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

    def __init__(self, m: Making, classes: Classes, nursery: Nursery) -> None:
        self.m = m
        self.classes = classes
        self.nursery = nursery
        self._sat_down: Counter[int] = Counter()
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
            enrolments=tuple(enrolments_of(seat)),
            placements=self._placements(seat),
            classes=tuple(self._in_classes(seat, since)),
            deleted=date(seat.cohort + LEAVING + 1, *FORGOTTEN),
        )
        learner = msgspec.structs.replace(made, **changes)
        self.m.learners.append(learner)
        self.by_key[learner.key] = learner
        self.m.canaries += [hidden.given, learner.civic]
        return learner

    def _placements(self, seat: Seat) -> tuple[Stay, ...]:
        """Where a young one was before school, and every third one's fritidshem, which entitles to nothing."""
        nth = self._sat_down[seat.cohort]
        self._sat_down[seat.cohort] += 1
        unit = self.nursery.unit(nth) if seat.cohort > YEARS[0] else None
        before = (self.nursery.place(seat.cohort, unit, nth),) if unit else ()
        if unit:
            self.nursery.claims(seat.key, seat.cohort, unit)
        if seat.number % 3 or seat.cohort < YEARS[0] - 3:
            return before
        first = first_day_of(seat.cohort)
        known, last = date(seat.cohort, 5, 15), date(seat.cohort + 4, 6, 30)
        return (*before, Stay(seat.way.low, "FTH", first, last, known=known, id=self.m.namer.uuid()))

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


def enrolments_of(seat: Seat) -> Iterable[Stay]:
    """Förskoleklass, and each school of the compulsory school with its first and last day."""
    began, way = seat.cohort, seat.way
    yield _stay(way.low, "FKLASS", began, began + 1)
    firsts = [1] + [grade for grade in (4, 7) if way.unit(grade) != way.unit(grade - 1)]
    for first, following in zip(firsts, [*firsts[1:], LEAVING + 1], strict=True):
        unit = way.unit(first)
        yield _stay(unit, "GRS" if unit == ADAPTED_AT and is_adapted(seat) else "GR", began + first, began + following)


def is_adapted(seat: Seat) -> bool:
    """Whether somebody goes to the anpassad grundskola, which registers still call by its old name."""
    return seat.way.high == ADAPTED_AT and seat.way.high_letter == "E" and 15 <= seat.number < 23


def _stay(unit: str, form: str, first_year: int, end_year: int) -> Stay:
    return Stay(unit, form, first_day_of(first_year), date(end_year, 6, 30), known=date(first_year, 5, 15))


# ------------------------------------------------------------------------------------------------------- their devices


class Span(msgspec.Struct, frozen=True):
    """Somebody holds a device, or (None) nobody does; in the summer of *leaves_in* the holder goes to another unit."""

    first: date
    holder: Learner | None
    leaves_in: int = 0
    goes_to: str = ""


def login_of(learner: Learner, day: date) -> str:
    """The log-in somebody has on *day*."""
    return next((login for first, login in reversed(learner.logins) if first <= day), "")


class Handing:
    """Devices that go from those who outgrow them to those who come."""

    def __init__(self, m: Making) -> None:
        self.m = m
        self._nth = count(1)

    def slot(self, unit: str, is_tablet: bool, spans: Sequence[Span]) -> Thing:
        """A device with its holders in turn; in stock at the unit while nobody has it."""
        rows = [(span.first, self._row(unit, is_tablet, span)) for span in spans]
        phases = [(span.first, Stage.IN_USE if span.holder else Stage.STOCK, True) for span in spans]
        make = self.m.tablet if is_tablet else self.m.laptop
        thing = make(unit, "", fields=rows[0][1], changes=rows[1:], phases=phases, moves=tuple(_moves(unit, spans)))
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
        # Of every fifth somebody forgot the location, which makes 8 % of all devices.
        category = "" if next(self._nth) % 5 == 0 else building_of(unit)
        named = {"deviceName": f"{span.holder.given}s iPad"} if is_tablet else {}
        login = login_of(span.holder, max(span.first, WORLD_BEGINS))
        return {**held_by(login), **named, "deviceCategoryDisplayName": category}


def _moves(unit: str, spans: Sequence[Span]) -> Iterator[tuple[date, str]]:
    """Between the turn of the schools and the day of handing over a device is counted where its holder goes now."""
    for span in spans:
        if span.holder is None or span.leaves_in not in TURN:
            continue
        yield TURN[span.leaves_in], span.goes_to
        yield HANDED_OUT[span.leaves_in], unit


def plant_slots(m: Making, desk: Desk, without: frozenset[Seat]) -> None:
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
            outgrown = first + YEARS_OF_A_DEVICE
            goes_to = seat.way.unit(outgrown) if outgrown <= LEAVING else seat.way.unit(first)
            is_moving = goes_to != seat.way.unit(first)
            begins = HANDED_OUT[year] if spans else LONG_AGO
            spans.append(Span(begins, holder, cohort + outgrown if is_moving else 0, goes_to))
    return spans


# ------------------------------------------------------------------------------------------------------ the ordinary ones


def ordinary(desk: Desk, seat: Seat) -> Learner:
    learner = desk.seat(seat)
    desk.claims(seat, learner)
    return learner


def tell_leavers(m: Making, desk: Desk) -> None:
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
