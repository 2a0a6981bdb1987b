"""School years, classes and cohorts: fourteen classes of each age go through the eight schools.

A cohort is named by the year in which it begins förskoleklass; a track is the way of one of its classes through the
schools. The register writes the next school year on 2 July and forgets leavers on 10 July; the schools go over to it
when everybody has a place for the first day, three weeks before it.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date, timedelta

import msgspec

from fleetsync.demo.days import OPEN_END, WORLD_BEGINS
from fleetsync.demo.model import SchoolClass
from fleetsync.demo.names import Namer

YEARS = (2025, 2026, 2027)  # by the autumn in which they begin
FIRST_DAY: Mapping[int, date] = {2025: date(2025, 8, 18), 2026: date(2026, 8, 17), 2027: date(2027, 8, 16)}
LAST_DAY: Mapping[int, date] = {2025: date(2026, 6, 11), 2026: date(2027, 6, 11), 2027: date(2028, 6, 9)}
TURNOVER_ON: Mapping[int, date] = {2025: WORLD_BEGINS, 2026: date(2026, 7, 27), 2027: date(2027, 7, 26)}
HANDED_OUT_ON: Mapping[int, date] = {2025: date(2025, 8, 4), 2026: date(2026, 8, 10), 2027: date(2027, 8, 9)}
REGISTER_ROLLOVER, LEAVERS_DELETED = (
    (7, 2),
    (7, 10),
)  # month and day on which the register turns, and on which leavers go

# Every value but "Ingen" protects, in whatever spelling: composed or not, in any case, known or not.
PROTECTION_MARKS = (
    "Sekretessmarkering", "Skyddad folkbokföring", unicodedata.normalize("NFD", "Skyddad folkbokföring"),
    "sekretessmarkering", "SKYDDAD FOLKBOKFÖRING", "Kvarskrivning", "1",
)  # fmt: skip

LAST_GRADE = 9
FIRST_COHORT, LAST_COHORT = YEARS[0] - LAST_GRADE, YEARS[-1]
_CLASS_SIZE = 25
_CLASS_SIZE_OFFSETS = (-2, -1, 0, 1, 2, -2, -1, 0, 1, 2, 0, 0, -1, 1)


class ClassTrack(msgspec.Struct, frozen=True):
    """The schools of years 0–3, 4–6 and 7–9, and the letters of the class below year 7 and from it on."""

    low: str
    middle: str
    high: str
    letter: str
    high_letter: str

    def unit(self, grade: int) -> str:
        """Where it is in that year."""
        return self.low if grade <= 3 else self.middle if grade <= 6 else self.high

    def class_name(self, grade: int) -> str:
        """How its class is called in that year."""
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
    """How many began; 23 to 27, and 350 in each cohort."""
    return _CLASS_SIZE + _CLASS_SIZE_OFFSETS[(track + cohort) % len(_CLASS_SIZE_OFFSETS)]


def first_school_day(year: int) -> date:
    """The first school day of a school year, of years before the world by habit."""
    return FIRST_DAY.get(year, date(year, 8, 18))


def counting_span(year: int) -> tuple[date, date]:
    """The days on which a school year's places count: from one turn to the day before the next."""
    return TURNOVER_ON[year], TURNOVER_ON[year + 1] - timedelta(days=1) if year + 1 in TURNOVER_ON else OPEN_END


def register_year(day: date) -> int:
    """The school year that the register is in on *day*."""
    return day.year if (day.month, day.day) >= REGISTER_ROLLOVER else day.year - 1


class ClassRegistry:
    """All classes of the world's school years."""

    def __init__(self, namer: Namer) -> None:
        self._namer = namer
        self._found: dict[tuple[int, str, str], SchoolClass] = {}

    def of(self, year: int, unit: str, name: str) -> SchoolClass:
        """The class of that name in that school year; made when it is first asked for."""
        key = (year, unit, name)
        if key not in self._found:
            known = date(year, *REGISTER_ROLLOVER)
            last = date(year + 1, 6, 30)
            self._found[key] = SchoolClass(self._namer.uuid(), unit, name, first_school_day(year), last, known)
        return self._found[key]

    def all(self) -> tuple[SchoolClass, ...]:
        """Every class that was asked for."""
        return tuple(self._found.values())
