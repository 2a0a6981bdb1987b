"""School years, cohorts and classes: each cohort has fourteen classes that go through the eight schools.

A cohort is named by the year in which it begins förskoleklass. A track is the sequence of schools of one of its
classes. The register writes the next school year on 2 July and deletes leavers on 10 July. The turnover happens three
weeks before the first school day, when everybody has an enrolment for it.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date, timedelta

import msgspec

from fleetsync.demo.calendar_rules import terms_of
from fleetsync.demo.days import OPEN_END, WORLD_BEGINS, YEARS
from fleetsync.demo.model import SchoolClass
from fleetsync.demo.names import Namer
from fleetsync.demo.start_year import CASES_YEAR, START_YEAR

FIRST_DAY: Mapping[int, date] = {year: terms_of(year)[0][0] for year in YEARS}
LAST_DAY: Mapping[int, date] = {year: terms_of(year)[1][1] for year in YEARS}
# The demo begins after the turnover of its first year; everything of that summer has happened by then.
TURNOVER_ON: Mapping[int, date] = {
    year: WORLD_BEGINS if year == YEARS[0] else FIRST_DAY[year] - timedelta(weeks=3) for year in YEARS
}
HANDED_OUT_ON: Mapping[int, date] = {
    year: FIRST_DAY[year] - timedelta(weeks=2 if year == YEARS[0] else 1) for year in YEARS
}
REGISTER_ROLLOVER, LEAVERS_DELETED = (
    (7, 2),
    (7, 10),
)  # (month, day)

# Every value but "Ingen" protects, in any spelling: NFC or NFD, upper or lower case, known or unknown.
PROTECTION_MARKS = (
    "Sekretessmarkering", "Skyddad folkbokföring", unicodedata.normalize("NFD", "Skyddad folkbokföring"),
    "sekretessmarkering", "SKYDDAD FOLKBOKFÖRING", "Kvarskrivning", "1",
)  # fmt: skip

LAST_GRADE = 9
FIRST_COHORT, LAST_COHORT = YEARS[0] - LAST_GRADE, YEARS[-1]
_CLASS_SIZE = 25
_CLASS_SIZE_OFFSETS = (-2, -1, 0, 1, 2, -2, -1, 0, 1, 2, 0, 0, -1, 1)


class ClassTrack(msgspec.Struct, frozen=True):
    """The schools of a class in grades 0–3, 4–6 and 7–9, and its letter up to grade 6 and from grade 7 on."""

    low: str
    middle: str
    high: str
    letter: str
    high_letter: str

    def unit(self, grade: int) -> str:
        """The unit in that grade."""
        return self.low if grade <= 3 else self.middle if grade <= 6 else self.high

    def class_name(self, grade: int) -> str:
        """The name of the class in that grade."""
        if grade == 0:
            return f"F{self.letter}"
        return f"{grade}{self.letter if grade <= 6 else self.high_letter}"


def _tracks(low: str, middle: str, high: str, letters: str, high_letters: str) -> Iterator[ClassTrack]:
    for letter, high_letter in zip(letters, high_letters, strict=True):
        yield ClassTrack(low, middle, high, letter, high_letter)


TRACKS: tuple[ClassTrack, ...] = (
    *_tracks("vretaskolan", "vretaskolan", "kullaskolan", "AB", "AB"),
    *_tracks("akerbyskolan", "akerbyskolan", "kullaskolan", "ABC", "CDE"),
    *_tracks("sjoangsskolan", "sjoangsskolan", "tallmoskolan", "ABC", "ABC"),
    *_tracks("hojdens-skola-lag", "hojdens-skola-mellan", "tallmoskolan", "ABC", "DEF"),
    *_tracks("ostanaskolan", "ostanaskolan", "ostanaskolan", "ABC", "ABC"),
)


def class_size(cohort: int, track: int) -> int:
    """How many pupils a class has: 23 to 27, and 350 in each cohort."""
    years = START_YEAR.year - CASES_YEAR  # each grade is as large in any year as in that of the cases
    return _CLASS_SIZE + _CLASS_SIZE_OFFSETS[(track + cohort - years) % len(_CLASS_SIZE_OFFSETS)]


def first_school_day(year: int) -> date:
    """The first school day of a school year; for years before the demo data, a usual date."""
    return FIRST_DAY.get(year, date(year, 8, 18))


def counting_span(year: int) -> tuple[date, date]:
    """The days on which memberships of a school year count: from its turnover to the day before the next."""
    return TURNOVER_ON[year], TURNOVER_ON[year + 1] - timedelta(days=1) if year + 1 in TURNOVER_ON else OPEN_END


def register_year(day: date) -> int:
    """The school year that the register is in on *day*."""
    return day.year if (day.month, day.day) >= REGISTER_ROLLOVER else day.year - 1


def grade_in_register(cohort: int, first: date, last: date | None, day: date) -> int:
    """The grade of an enrolment as a register writes it on *day*, within the enrolment's own school years."""
    year = max(school_year_of(first), register_year(day))
    return (year if last is None else min(year, school_year_of(last))) - cohort


def school_year_of(day: date) -> int:
    """The school year to which *day* belongs, from July on."""
    return day.year if day.month >= 7 else day.year - 1


class ClassRegistry:
    """All classes of the demo's school years."""

    def __init__(self, namer: Namer) -> None:
        self._namer = namer
        self._classes: dict[tuple[int, str, str], SchoolClass] = {}

    def of(self, year: int, unit: str, name: str) -> SchoolClass:
        """The class of that name in that school year. It is created by the first call."""
        key = (year, unit, name)
        if key not in self._classes:
            known = date(year, *REGISTER_ROLLOVER)
            last = date(year + 1, 6, 30)
            self._classes[key] = SchoolClass(self._namer.uuid(), unit, name, first_school_day(year), last, known)
        return self._classes[key]

    def all(self) -> tuple[SchoolClass, ...]:
        """Every class created so far."""
        return tuple(self._classes.values())
