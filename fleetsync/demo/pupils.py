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
from fleetsync.demo.builder import LONG_AGO, WorldBuilder, primary_user_fields
from fleetsync.demo.days import OPEN_END, SCHOOLS, WORLD_BEGINS
from fleetsync.demo.model import (
    ClassMembership,
    DemoDevice,
    ExpectedAdjustment,
    ExpectedGap,
    ExpectedHolding,
    ExpectedOwed,
    Learner,
    RegisterMembership,
    SourceRow,
)
from fleetsync.demo.names import PUPIL_DOMAIN
from fleetsync.demo.preschool import PreschoolBuilder
from fleetsync.demo.school_years import (
    HANDED_OUT_ON,
    LAST_DAY,
    LAST_GRADE,
    LEAVERS_DELETED,
    TRACKS,
    TURNOVER_ON,
    YEARS,
    ClassRegistry,
    ClassTrack,
    counting_span,
    first_school_day,
)
from fleetsync.demo.units import SHARED_BUILDING_NAME, unit_name

CLASS_SETS_ONLY_UNIT = "sjoangsskolan"  # its tablets are known by class alone, up to year 6
ADAPTED_SCHOOL_UNIT = "kullaskolan"
SEATS_PER_CLASS = 27
TABLETS_FROM_GRADE, LAPTOPS_FROM_GRADE, YEARS_OF_A_DEVICE = 4, 7, 3
ONE_DAY = timedelta(days=1)


class ClassSeat(msgspec.Struct, frozen=True):
    """A place in a class of a cohort."""

    cohort: int
    track: int
    number: int

    @property
    def class_track(self) -> ClassTrack:
        """Its track."""
        return TRACKS[self.track]

    @property
    def key(self) -> str:
        """The key of whoever sits there."""
        return f"pupil-{self.cohort}-{self.track:02}-{self.number:02}"

    def unit(self, year: int) -> str:
        """Where it is in a school year."""
        return self.class_track.unit(year - self.cohort)


def building_of(unit: str) -> str:
    """What the location of a pupil's device says: two units are one building."""
    return SHARED_BUILDING_NAME if unit.startswith("hojdens-skola") else unit_name(unit)


# ----------------------------------------------------------------------------------------------------- in the register


class PupilBuilder:
    """Makes pupils with their enrolments, classes and claims."""

    def __init__(self, builder: WorldBuilder, classes: ClassRegistry, preschools: PreschoolBuilder) -> None:
        self.builder = builder
        self.classes = classes
        self.preschools = preschools
        self._pupil_counts: Counter[int] = Counter()
        self.by_key: dict[str, Learner] = {}

    def seat(self, seat: ClassSeat, since: date = WORLD_BEGINS, **changes: object) -> Learner:
        """Whoever sits there, in the register, *since* that day; *changes* to what is ordinary."""
        hidden = self.builder.namer.canary_name()
        made = Learner(
            key=seat.key,
            id=self.builder.namer.uuid(),
            cohort=seat.cohort,
            given=hidden.given,
            family=hidden.family,
            civic=self.builder.namer.civic(seat.cohort - 6, seat.cohort - 6),
            logins=self._logins(seat, hidden.account),
            enrolments=tuple(enrolments_of(seat)),
            placements=self._placements(seat),
            classes=tuple(self._in_classes(seat, since)),
            deleted=date(seat.cohort + LAST_GRADE + 1, *LEAVERS_DELETED),
        )
        learner = msgspec.structs.replace(made, **changes)
        self.builder.learners.append(learner)
        self.by_key[learner.key] = learner
        self.builder.canaries += [hidden.given, learner.civic]
        return learner

    def _placements(self, seat: ClassSeat) -> tuple[RegisterMembership, ...]:
        """Where a young one was before school, and every third one's fritidshem, which entitles to nothing."""
        nth = self._pupil_counts[seat.cohort]
        self._pupil_counts[seat.cohort] += 1
        unit = self.preschools.unit(nth) if seat.cohort > YEARS[0] else None
        before = (self.preschools.place(seat.cohort, unit, nth),) if unit else ()
        if unit:
            self.preschools.add_expected_owed(seat.key, seat.cohort, unit)
        if seat.number % 3 or seat.cohort < YEARS[0] - 3:
            return before
        first = first_school_day(seat.cohort)
        known, last = date(seat.cohort, 5, 15), date(seat.cohort + 4, 6, 30)
        return (
            *before,
            RegisterMembership(seat.class_track.low, "FTH", first, last, known=known, id=self.builder.namer.uuid()),
        )

    def _logins(self, seat: ClassSeat, hidden: str) -> tuple[tuple[date, str], ...]:
        """A child of förskoleklass has a log-in that may not be kept; in year 1 it gets another."""
        child = (date(seat.cohort, 8, 10), f"{hidden}@{PUPIL_DOMAIN}")
        pupil = (date(seat.cohort + 1, 8, 1), f"{self.builder.namer.pupil_account()}@{PUPIL_DOMAIN}")
        if pupil[0] <= WORLD_BEGINS:
            return ((date(2019, 1, 1), pupil[1]),)
        self.builder.canaries.append(hidden)
        return (child, pupil)

    def _in_classes(self, seat: ClassSeat, since: date) -> Iterable[ClassMembership]:
        for year in YEARS:
            grade = year - seat.cohort
            if 0 <= grade <= LAST_GRADE:
                of = self.classes.of(year, seat.class_track.unit(grade), seat.class_track.class_name(grade))
                yield ClassMembership(of.id, max(of.first, since), of.last, max(of.known, since))

    def add_expected_owed(
        self, seat: ClassSeat, learner: Learner, first: date = WORLD_BEGINS, last: date = OPEN_END, **said: object
    ) -> None:
        """What follows from going to school: a device of one's own or of the class, or a share of the pool."""
        for year in YEARS:
            grade = year - seat.cohort
            begins, ends = counting_span(year)
            begins, ends = max(begins, first), min(ends, last, LAST_DAY[year] if grade == LAST_GRADE else OPEN_END)
            if 0 <= grade <= LAST_GRADE and begins <= ends:
                claim = _claim(learner.key, seat, grade, begins, ends)
                self.builder.expected_owed.append(msgspec.structs.replace(claim, **said))


def _claim(person: str, seat: ClassSeat, grade: int, first: date, last: date) -> ExpectedOwed:
    unit = seat.class_track.unit(grade)
    if grade == 0:
        return ExpectedOwed(person, unit, "preschool", first=first, last=last, form="FKLASS")
    group = seat.class_track.class_name(grade) if shares_class_set(unit, grade) else ""
    return ExpectedOwed(person, unit, "pupils", first=first, last=last, group=group)


def shares_class_set(unit: str, grade: int) -> bool:
    """Whether pupils of that year share the devices of their class."""
    return grade < TABLETS_FROM_GRADE or (unit == CLASS_SETS_ONLY_UNIT and grade < LAPTOPS_FROM_GRADE)


def enrolments_of(seat: ClassSeat) -> Iterable[RegisterMembership]:
    """Förskoleklass, and each school of the compulsory school with its first and last day."""
    began, class_track = seat.cohort, seat.class_track
    yield _enrolment(class_track.low, "FKLASS", began, began + 1)
    firsts = [1] + [grade for grade in (4, 7) if class_track.unit(grade) != class_track.unit(grade - 1)]
    for first, following in zip(firsts, [*firsts[1:], LAST_GRADE + 1], strict=True):
        unit = class_track.unit(first)
        yield _enrolment(
            unit, "GRS" if unit == ADAPTED_SCHOOL_UNIT and is_adapted(seat) else "GR", began + first, began + following
        )


def is_adapted(seat: ClassSeat) -> bool:
    """Whether somebody goes to the anpassad grundskola, which registers still call by its old name."""
    return (
        seat.class_track.high == ADAPTED_SCHOOL_UNIT and seat.class_track.high_letter == "E" and 15 <= seat.number < 23
    )


def _enrolment(unit: str, form: str, first_year: int, end_year: int) -> RegisterMembership:
    return RegisterMembership(
        unit, form, first_school_day(first_year), date(end_year, 6, 30), known=date(first_year, 5, 15)
    )


# ------------------------------------------------------------------------------------------------------- their devices


class HolderSpan(msgspec.Struct, frozen=True):
    """Somebody holds a device, or (None) nobody does; in the summer of *leaves_in* the holder goes to another unit."""

    first: date
    holder: Learner | None
    leaves_in_year: int = 0
    goes_to: str = ""


def login_of(learner: Learner, day: date) -> str:
    """The log-in somebody has on *day*."""
    return next((login for first, login in reversed(learner.logins) if first <= day), "")


class DeviceHandover:
    """Devices that go from those who outgrow them to those who come."""

    def __init__(self, builder: WorldBuilder) -> None:
        self.builder = builder
        self._nth = count(1)

    def add_device(self, unit: str, is_tablet: bool, spans: Sequence[HolderSpan]) -> DemoDevice:
        """A device with its holders in turn; in stock at the unit while nobody has it."""
        rows = [(span.first, self._row(unit, is_tablet, span)) for span in spans]
        phases = [(span.first, Stage.IN_USE if span.holder else Stage.STOCK, True) for span in spans]
        make = self.builder.add_tablet if is_tablet else self.builder.add_laptop
        thing = make(unit, "", fields=rows[0][1], changes=rows[1:], phases=phases, moves=tuple(_moves(unit, spans)))
        ends = [span.first - ONE_DAY for span in spans[1:]] + [OPEN_END]
        for span, last in zip(spans, ends, strict=True):
            if span.holder is not None:
                self.builder.expected_holdings.append(ExpectedHolding(span.holder.key, thing.key, span.first, last))
            else:
                self.builder.expected_adjustments.append(
                    ExpectedAdjustment(unit, "staff", "surplus", 1, span.first, last)
                )
        return thing

    def _row(self, unit: str, is_tablet: bool, span: HolderSpan) -> SourceRow:
        if span.holder is None:
            return {**primary_user_fields(""), "deviceCategoryDisplayName": f"Lager {unit_name(unit)}"}
        # Of every fifth somebody forgot the location, which makes 8 % of all devices.
        category = "" if next(self._nth) % 5 == 0 else building_of(unit)
        named = {"deviceName": f"{span.holder.given}s iPad"} if is_tablet else {}
        login = login_of(span.holder, max(span.first, WORLD_BEGINS))
        return {**primary_user_fields(login), **named, "deviceCategoryDisplayName": category}


def _moves(unit: str, spans: Sequence[HolderSpan]) -> Iterator[tuple[date, str]]:
    """Between the turn of the schools and the day of handing over a device is counted where its holder goes now."""
    for span in spans:
        if span.holder is None or span.leaves_in_year not in TURNOVER_ON:
            continue
        yield TURNOVER_ON[span.leaves_in_year], span.goes_to
        yield HANDED_OUT_ON[span.leaves_in_year], unit


def add_handed_down_devices(builder: WorldBuilder, desk: PupilBuilder, without: frozenset[ClassSeat]) -> None:
    handing = DeviceHandover(builder)
    for first, is_tablet in ((TABLETS_FROM_GRADE, True), (LAPTOPS_FROM_GRADE, False)):
        for track, class_track in enumerate(TRACKS):
            unit = class_track.unit(first)
            if shares_class_set(unit, first):
                continue
            for turn in range(YEARS_OF_A_DEVICE):
                for number in range(SEATS_PER_CLASS):
                    handing.add_device(unit, is_tablet, _holder_spans(desk, first, track, turn, number, without))


def _holder_spans(
    desk: PupilBuilder, first: int, track: int, turn: int, number: int, without: frozenset[ClassSeat]
) -> list[HolderSpan]:
    spans: list[HolderSpan] = []
    for year in YEARS:
        grades = range(first, first + YEARS_OF_A_DEVICE)
        cohort = next(year - grade for grade in grades if (year - grade) % YEARS_OF_A_DEVICE == turn)
        seat = ClassSeat(cohort, track, number)
        holder = None if seat in without else desk.by_key.get(seat.key)
        if not spans or spans[-1].holder is not holder:
            outgrown = first + YEARS_OF_A_DEVICE
            goes_to = seat.class_track.unit(outgrown) if outgrown <= LAST_GRADE else seat.class_track.unit(first)
            is_moving = goes_to != seat.class_track.unit(first)
            begins = HANDED_OUT_ON[year] if spans else LONG_AGO
            spans.append(HolderSpan(begins, holder, cohort + outgrown if is_moving else 0, goes_to))
    return spans


# ------------------------------------------------------------------------------------------------------ the ordinary ones


def add_ordinary_pupil(desk: PupilBuilder, seat: ClassSeat) -> Learner:
    learner = desk.seat(seat)
    desk.add_expected_owed(seat, learner)
    return learner


def add_leaver_gaps(builder: WorldBuilder, desk: PupilBuilder) -> None:
    """Year 9 ends with a device in everybody's hands, as is said three weeks before."""
    for holding in builder.expected_holdings:
        learner = desk.by_key.get(holding.person)
        year = learner.cohort + LAST_GRADE if learner else 0
        if learner is None or year not in YEARS or not holding.first <= LAST_DAY[year] <= holding.last:
            continue
        claim = next(
            (one for one in builder.expected_owed if one.person == learner.key and one.last == LAST_DAY[year]), None
        )
        if claim is not None and claim.unit != UNPLACED:
            soon = SCHOOLS.first_day_with_left(LAST_DAY[year], 15)
            builder.expected_gaps.append(
                ExpectedGap("ending_with_device", claim.unit, learner.key, soon, LAST_DAY[year], outside_breaks=True)
            )
