"""The pupils of Exempelby, from förskoleklass to year 9, and the devices that each of them has.

In years 1–3 a class shares a cart. From year 4 on each pupil has a tablet, from year 7 on a laptop, and hands it on to
a younger pupil afterwards. The special cases are in `pupil_cases.py`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import count

import msgspec

from fleetsync.core.model import UNPLACED, Stage
from fleetsync.demo.builder import LONG_AGO, ManagedDeviceOptions, WorldBuilder
from fleetsync.demo.days import OPEN_END, SCHOOLS, WORLD_BEGINS, YEARS
from fleetsync.demo.fleet import MOVING_TABLETS, NOT_MOVED_YET
from fleetsync.demo.managed_facts import FactChanges
from fleetsync.demo.model import (
    ClassMembership,
    DemoDevice,
    ExpectedAdjustment,
    ExpectedGap,
    ExpectedHolding,
    ExpectedOwed,
    Learner,
    RegisterMembership,
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
    ClassRegistry,
    ClassTrack,
    counting_span,
    first_school_day,
)
from fleetsync.demo.units import SHARED_BUILDING_NAME, unit_name

CLASS_SETS_ONLY_UNIT = "sjoangsskolan"  # up to year 6 its tablets belong to classes, not to pupils
ADAPTED_SCHOOL_UNIT = "kullaskolan"
SEATS_PER_CLASS = 27
TABLETS_FROM_GRADE, LAPTOPS_FROM_GRADE, YEARS_OF_A_DEVICE = 4, 7, 3
ONE_DAY = timedelta(days=1)


class ClassSeat(msgspec.Struct, frozen=True):
    """A numbered place in a class of a cohort; a pupil takes it."""

    cohort: int
    track: int
    number: int

    @property
    def class_track(self) -> ClassTrack:
        """The track of the class."""
        return TRACKS[self.track]

    @property
    def key(self) -> str:
        """The key of the pupil in this seat."""
        return f"pupil-{self.cohort}-{self.track:02}-{self.number:02}"

    def unit(self, year: int) -> str:
        """The unit of the class in a school year."""
        return self.class_track.unit(year - self.cohort)


def building_of(unit: str) -> str:
    """The location text of a pupil's device. Two units share a building."""
    return SHARED_BUILDING_NAME if unit.startswith("hojdens-skola") else unit_name(unit)


# --- in the register --------------------------------------------------------------------------------------------------


class PupilBuilder:
    """Builds pupils with their enrolments, classes and expected entitlements."""

    def __init__(self, builder: WorldBuilder, classes: ClassRegistry, preschools: PreschoolBuilder) -> None:
        self.builder = builder
        self.classes = classes
        self.preschools = preschools
        self._pupil_counts: Counter[int] = Counter()
        self.by_key: dict[str, Learner] = {}

    def add_pupil(self, seat: ClassSeat, since: date = WORLD_BEGINS, **changes: object) -> Learner:
        """Adds the pupil of *seat* to the register, in classes *since* that day. *changes*: what is not ordinary."""
        name = self.builder.namer.canary_name()
        pupil = Learner(
            key=seat.key,
            id=self.builder.namer.uuid(),
            cohort=seat.cohort,
            given=name.given,
            family=name.family,
            civic=self.builder.namer.civic(seat.cohort - 6, seat.cohort - 6),
            logins=self._logins(seat, name.account),
            enrolments=tuple(enrolments_of(seat)),
            placements=self._placements(seat),
            classes=tuple(self._in_classes(seat, since)),
            deleted=date(seat.cohort + LAST_GRADE + 1, *LEAVERS_DELETED),
        )
        learner = msgspec.structs.replace(pupil, **changes)
        self.builder.learners.append(learner)
        self.by_key[learner.key] = learner
        self.builder.canaries += [name.given, learner.civic]
        return learner

    def _placements(self, seat: ClassSeat) -> tuple[RegisterMembership, ...]:
        """The preschool placement before school, and for every third pupil a fritidshem, which entitles to nothing."""
        nth = self._pupil_counts[seat.cohort]
        self._pupil_counts[seat.cohort] += 1
        unit = self.preschools.unit(nth) if seat.cohort > YEARS[0] else None
        before = (self.preschools.placement(seat.cohort, unit, nth),) if unit else ()
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

    def _logins(self, seat: ClassSeat, name: str) -> tuple[tuple[date, str], ...]:
        """In förskoleklass a log-in that may not be stored; from year 1 on another."""
        child = (date(seat.cohort, 8, 10), f"{name}@{PUPIL_DOMAIN}")
        pupil = (date(seat.cohort + 1, 8, 1), f"{self.builder.namer.pupil_account()}@{PUPIL_DOMAIN}")
        if pupil[0] <= WORLD_BEGINS:
            return ((date(2019, 1, 1), pupil[1]),)
        self.builder.canaries.append(name)
        return (child, pupil)

    def _in_classes(self, seat: ClassSeat, since: date) -> Iterable[ClassMembership]:
        for year in YEARS:
            grade = year - seat.cohort
            if 0 <= grade <= LAST_GRADE:
                school_class = self.classes.of(year, seat.class_track.unit(grade), seat.class_track.class_name(grade))
                yield ClassMembership(
                    school_class.id, max(school_class.first, since), school_class.last, max(school_class.known, since)
                )

    def add_expected_owed(
        self, seat: ClassSeat, learner: Learner, first: date = WORLD_BEGINS, last: date = OPEN_END, **changes: object
    ) -> None:
        """Expects what a pupil is owed per school year: an own device, one of the class, or a share of the pool."""
        for year in YEARS:
            grade = year - seat.cohort
            begins, ends = counting_span(year)
            begins, ends = max(begins, first), min(ends, last, LAST_DAY[year] if grade == LAST_GRADE else OPEN_END)
            if 0 <= grade <= LAST_GRADE and begins <= ends:
                owed = _claim(learner.key, seat, grade, begins, ends)
                self.builder.expected_owed.append(msgspec.structs.replace(owed, **changes))


def _claim(person: str, seat: ClassSeat, grade: int, first: date, last: date) -> ExpectedOwed:
    unit = seat.class_track.unit(grade)
    if grade == 0:
        return ExpectedOwed(person, unit, "preschool", first=first, last=last, form="FKLASS")
    group = seat.class_track.class_name(grade) if shares_class_set(unit, grade) else ""
    return ExpectedOwed(person, unit, "pupils", first=first, last=last, group=group)


def shares_class_set(unit: str, grade: int) -> bool:
    """Whether pupils of that grade share the devices of their class."""
    return grade < TABLETS_FROM_GRADE or (unit == CLASS_SETS_ONLY_UNIT and grade < LAPTOPS_FROM_GRADE)


def enrolments_of(seat: ClassSeat) -> Iterable[RegisterMembership]:
    """The enrolments of a pupil: förskoleklass, then one per school, each with its first and last day."""
    began, class_track = seat.cohort, seat.class_track
    yield _enrolment(class_track.low, "FKLASS", began, began + 1)
    firsts = [1] + [grade for grade in (4, 7) if class_track.unit(grade) != class_track.unit(grade - 1)]
    for first, following in zip(firsts, [*firsts[1:], LAST_GRADE + 1], strict=True):
        unit = class_track.unit(first)
        yield _enrolment(
            unit, "GRS" if unit == ADAPTED_SCHOOL_UNIT and is_adapted(seat) else "GR", began + first, began + following
        )


def is_adapted(seat: ClassSeat) -> bool:
    """Whether the pupil goes to the anpassad grundskola, which registers still call by its old name."""
    return (
        seat.class_track.high == ADAPTED_SCHOOL_UNIT and seat.class_track.high_letter == "E" and 15 <= seat.number < 23
    )


def _enrolment(unit: str, form: str, first_year: int, end_year: int) -> RegisterMembership:
    return RegisterMembership(
        unit, form, first_school_day(first_year), date(end_year, 6, 30), known=date(first_year, 5, 15)
    )


# --- their devices ----------------------------------------------------------------------------------------------------


class HolderSpan(msgspec.Struct, frozen=True):
    """Who holds a device from *first* on; None: nobody.

    In the summer of *leaves_in_year* the holder *goes_to* another unit.
    """

    first: date
    holder: Learner | None
    leaves_in_year: int = 0
    goes_to: str = ""


def login_of(learner: Learner, day: date) -> str:
    """The log-in of *learner* on *day*; "" for none."""
    return next((login for first, login in reversed(learner.logins) if first <= day), "")


class DeviceHandover:
    """Builds devices that are handed from older to younger pupils."""

    def __init__(self, builder: WorldBuilder) -> None:
        self.builder = builder
        self._nth = count(1)
        self._moves = iter(MOVING_TABLETS)

    def add_device(self, unit: str, is_tablet: bool, spans: Sequence[HolderSpan]) -> DemoDevice:
        """A device with its holders in turn. While nobody has it, it is in stock at the unit."""
        facts = [(span.first, self._facts(unit, is_tablet, span)) for span in spans]
        phases = [(span.first, Stage.IN_USE if span.holder else Stage.STOCK, True) for span in spans]
        options = ManagedDeviceOptions(
            facts=facts[0][1], changes=facts[1:], phases=phases, moves=tuple(_moves(unit, spans))
        )
        if is_tablet and unit == NOT_MOVED_YET and spans[-1].holder and (move := next(self._moves, None)):
            options["move"] = move
            self.builder.case_counts["tablet_between_two_mdms"] += 1
        device = (self.builder.add_school_tablet if is_tablet else self.builder.add_pupil_laptop)(unit, "", **options)
        ends = [span.first - ONE_DAY for span in spans[1:]] + [OPEN_END]
        for span, last in zip(spans, ends, strict=True):
            if span.holder is not None:
                self.builder.expected_holdings.append(ExpectedHolding(span.holder.key, device.key, span.first, last))
            else:
                self.builder.expected_adjustments.append(
                    ExpectedAdjustment(unit, "staff", "surplus", 1, span.first, last)
                )
        return device

    def _facts(self, unit: str, is_tablet: bool, span: HolderSpan) -> FactChanges:
        if span.holder is None:
            return {"login": "", "use": "Lager", "place": unit_name(unit)}
        # Every fifth has no location, which makes 8 % of all devices.
        place = "" if next(self._nth) % 5 == 0 else building_of(unit)
        device_name = {"name": f"{span.holder.given}s iPad"} if is_tablet else {}
        login = login_of(span.holder, max(span.first, WORLD_BEGINS))
        return {"login": login, "use": "", "place": place, **device_name}


def _moves(unit: str, spans: Sequence[HolderSpan]) -> Iterator[tuple[date, str]]:
    """Between the turnover and the handing over, a device counts at the unit that its holder moves to."""
    for span in spans:
        if span.holder is None or span.leaves_in_year not in TURNOVER_ON:
            continue
        yield TURNOVER_ON[span.leaves_in_year], span.goes_to
        yield HANDED_OUT_ON[span.leaves_in_year], unit


def add_handed_down_devices(builder: WorldBuilder, pupils: PupilBuilder, without: frozenset[ClassSeat]) -> None:
    handover = DeviceHandover(builder)
    for first, is_tablet in ((TABLETS_FROM_GRADE, True), (LAPTOPS_FROM_GRADE, False)):
        for track, class_track in enumerate(TRACKS):
            unit = class_track.unit(first)
            if shares_class_set(unit, first):
                continue
            for turn in range(YEARS_OF_A_DEVICE):
                for number in range(SEATS_PER_CLASS):
                    handover.add_device(unit, is_tablet, _holder_spans(pupils, first, track, turn, number, without))


def _holder_spans(
    pupils: PupilBuilder, first: int, track: int, turn: int, number: int, without: frozenset[ClassSeat]
) -> list[HolderSpan]:
    spans: list[HolderSpan] = []
    for year in YEARS:
        grades = range(first, first + YEARS_OF_A_DEVICE)
        cohort = next(year - grade for grade in grades if (year - grade) % YEARS_OF_A_DEVICE == turn)
        seat = ClassSeat(cohort, track, number)
        holder = None if seat in without else pupils.by_key.get(seat.key)
        if not spans or spans[-1].holder is not holder:
            outgrown = first + YEARS_OF_A_DEVICE
            goes_to = seat.class_track.unit(outgrown) if outgrown <= LAST_GRADE else seat.class_track.unit(first)
            is_moving = goes_to != seat.class_track.unit(first)
            begins = HANDED_OUT_ON[year] if spans else LONG_AGO
            spans.append(HolderSpan(begins, holder, cohort + outgrown if is_moving else 0, goes_to))
    return spans


# --- ordinary pupils --------------------------------------------------------------------------------------------------


def add_ordinary_pupil(pupils: PupilBuilder, seat: ClassSeat) -> Learner:
    learner = pupils.add_pupil(seat)
    pupils.add_expected_owed(seat, learner)
    return learner


def add_leaver_gaps(builder: WorldBuilder, pupils: PupilBuilder) -> None:
    """Expects the gap `ending_with_device` for the pupils of year 9, three weeks before they leave."""
    for holding in builder.expected_holdings:
        learner = pupils.by_key.get(holding.person)
        year = learner.cohort + LAST_GRADE if learner else 0
        if learner is None or year not in YEARS or not holding.first <= LAST_DAY[year] <= holding.last:
            continue
        owed = next(
            (
                candidate
                for candidate in builder.expected_owed
                if candidate.person == learner.key and candidate.last == LAST_DAY[year]
            ),
            None,
        )
        if owed is not None and owed.unit != UNPLACED:
            soon = SCHOOLS.first_day_with_left(LAST_DAY[year], 15)
            builder.expected_gaps.append(
                ExpectedGap("ending_with_device", owed.unit, learner.key, soon, LAST_DAY[year], outside_breaks=True)
            )
