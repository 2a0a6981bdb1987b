"""School days of Exempelby, written down a second time for the demo's expected numbers.

Expected numbers must not depend on the code that they test. So these days come neither from the core nor from the
shipped calendar; a test compares the two. Days outside of the terms below cannot be counted.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import date, timedelta
from functools import cached_property

import msgspec

from fleetsync.demo.calendar_rules import (
    ClosedSpan,
    calendar_text,
    preschools_closed,
    public_holidays,
    schools_closed,
    terms_of,
)
from fleetsync.demo.start_year import START_YEAR, first_monday, same_date, same_weekday

OPEN_END = date(9999, 12, 31)

YEARS = (START_YEAR.year - 1, START_YEAR.year, START_YEAR.year + 1)  # school years, by the autumn in which they begin
WORLD_BEGINS, WORLD_ENDS = first_monday(YEARS[0]) - timedelta(days=7), same_date(2027, 9, 30)
DEMO_DAY = same_weekday(2026, 11, 24)  # an ordinary Tuesday in autumn; most special cases are visible on it

_FIRST, _LAST = date(YEARS[0], 7, 1), date(YEARS[-1] + 1, 6, 30)
_TERMS = tuple(term for year in YEARS for term in terms_of(year))
_CLOSED = tuple(span for year in YEARS for span in schools_closed(year))
_PRESCHOOLS_CLOSED = tuple(span for year in YEARS for span in preschools_closed(year, in_summer=year != YEARS[-1]))
_HOLIDAYS = frozenset(day for year in range(YEARS[0], YEARS[-1] + 2) for day in public_holidays(year))


def days_between(first: date, last: date) -> Iterable[date]:
    """Every day from *first* to *last*, both inclusive."""
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


class SchoolDays(msgspec.Struct, frozen=True, dict=True):
    """The school days of schools, or of preschools. Spans are inclusive at both ends."""

    terms: tuple[tuple[date, date], ...]
    closed: tuple[ClosedSpan, ...]

    @cached_property
    def _closed_days(self) -> frozenset[date]:
        return frozenset(day for span in self.closed for day in days_between(span.first, span.last))

    @cached_property
    def open_days(self) -> tuple[date, ...]:
        """All school days, in order."""
        return tuple(day for term in self.terms for day in days_between(*term) if self._is_worked(day))

    @cached_property
    def _open_days(self) -> frozenset[date]:
        return frozenset(self.open_days)

    def _is_worked(self, day: date) -> bool:
        return day.weekday() < 5 and day not in _HOLIDAYS and day not in self._closed_days

    def is_open(self, day: date) -> bool:
        """Whether there is school on *day*."""
        return day in self._open_days

    def after(self, day: date, number: int) -> date:
        """The *number*-th school day after *day*."""
        return self.open_days[bisect_right(self.open_days, day) + number - 1]

    def nth(self, first: date, number: int) -> date:
        """The *number*-th school day from *first* on, *first* itself included."""
        return self.open_days[bisect_left(self.open_days, first) + number - 1]

    def at_or_before(self, day: date) -> date:
        """The last school day up to *day*. If there is none, the day before the first day known."""
        position = bisect_right(self.open_days, day)
        return self.open_days[position - 1] if position else _FIRST - timedelta(days=1)

    def index_of(self, day: date) -> int:
        """How many school days there are before *day*."""
        return bisect_left(self.open_days, day)

    def first_day_with_left(self, end: date, number: int) -> date:
        """The first day on which at most *number* school days are left, *end* included."""
        return self.open_days[bisect_right(self.open_days, end) - number - 1]

    def between(self, earlier: date, later: date) -> int:
        """School days after *earlier*, up to and including *later*."""
        return bisect_right(self.open_days, later) - bisect_right(self.open_days, earlier)

    def is_in_break(self, day: date) -> bool:
        """Whether *day* belongs to a break: a run of free days that contains a weekday which is no public holiday."""
        if self.is_open(day):
            return False
        position = bisect_left(self.open_days, day)
        last_open = self.open_days[position - 1] if position else min(day, _FIRST)
        free = days_between(last_open + timedelta(days=1), self.open_days[position] - timedelta(days=1))
        return any(free_day.weekday() < 5 and free_day not in _HOLIDAYS for free_day in free)

    def next_day_outside_break(self, day: date) -> date:
        """*day* itself, or the first day after the break that contains it."""
        while self.is_in_break(day):
            day += timedelta(days=1)
        return day


SCHOOLS = SchoolDays(terms=_TERMS, closed=_CLOSED)
PRESCHOOLS = SchoolDays(terms=((_FIRST, _LAST),), closed=_PRESCHOOLS_CLOSED)


def exempelby_calendar() -> str:
    """The calendar file of Exempelby for the school years of the demo."""
    return calendar_text(_TERMS, _CLOSED, _PRESCHOOLS_CLOSED)
