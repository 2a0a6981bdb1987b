"""School days of Exempelby, written down a second time for the demo's expected numbers.

Expected numbers must not depend on the code that they test. So these days come neither from the core nor from the
shipped calendar; a test compares the two. Days outside of the terms below cannot be counted.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import date, timedelta
from functools import cached_property

import msgspec

OPEN_END = date(9999, 12, 31)

_FIRST, _LAST = date(2025, 7, 1), date(2028, 6, 30)
_TERMS = (
    (date(2025, 8, 18), date(2025, 12, 19)),
    (date(2026, 1, 8), date(2026, 6, 11)),
    (date(2026, 8, 17), date(2026, 12, 18)),
    (date(2027, 1, 11), date(2027, 6, 11)),
    (date(2027, 8, 16), date(2027, 12, 21)),
    (date(2028, 1, 10), date(2028, 6, 9)),
)
_CLOSED = (
    (date(2025, 9, 19), date(2025, 9, 19)),
    (date(2025, 10, 27), date(2025, 10, 31)),
    (date(2025, 11, 24), date(2025, 11, 24)),
    (date(2026, 2, 16), date(2026, 2, 20)),
    (date(2026, 3, 16), date(2026, 3, 16)),
    (date(2026, 4, 7), date(2026, 4, 10)),
    (date(2026, 5, 15), date(2026, 5, 15)),
    (date(2026, 9, 18), date(2026, 9, 18)),
    (date(2026, 10, 26), date(2026, 10, 30)),
    (date(2026, 11, 23), date(2026, 11, 23)),
    (date(2027, 2, 22), date(2027, 2, 26)),
    (date(2027, 3, 15), date(2027, 3, 15)),
    (date(2027, 3, 30), date(2027, 4, 2)),
    (date(2027, 5, 7), date(2027, 5, 7)),
    (date(2027, 9, 17), date(2027, 9, 17)),
    (date(2027, 11, 1), date(2027, 11, 5)),
    (date(2027, 11, 22), date(2027, 11, 22)),
    (date(2028, 2, 21), date(2028, 2, 25)),
    (date(2028, 3, 13), date(2028, 3, 13)),
    (date(2028, 4, 18), date(2028, 4, 21)),
    (date(2028, 5, 26), date(2028, 5, 26)),
)
_PRESCHOOLS_CLOSED = (
    (date(2025, 8, 15), date(2025, 8, 15)),
    (date(2026, 1, 7), date(2026, 1, 7)),
    (date(2026, 7, 6), date(2026, 7, 24)),
    (date(2026, 8, 14), date(2026, 8, 14)),
    (date(2027, 1, 8), date(2027, 1, 8)),
    (date(2027, 7, 12), date(2027, 7, 30)),
    (date(2027, 8, 13), date(2027, 8, 13)),
    (date(2028, 1, 7), date(2028, 1, 7)),
)
# Public holidays on weekdays, and eves that are days off.
_HOLIDAYS = frozenset(
    date(*day)
    for day in (
        (2025, 12, 24), (2025, 12, 25), (2025, 12, 26), (2025, 12, 31),
        (2026, 1, 1), (2026, 1, 6), (2026, 4, 3), (2026, 4, 6), (2026, 5, 1), (2026, 5, 14), (2026, 6, 19),
        (2026, 12, 24), (2026, 12, 25), (2026, 12, 31),
        (2027, 1, 1), (2027, 1, 6), (2027, 3, 26), (2027, 3, 29), (2027, 5, 6), (2027, 6, 25),
        (2027, 12, 24), (2027, 12, 31),
        (2028, 1, 6), (2028, 4, 14), (2028, 4, 17), (2028, 5, 1), (2028, 5, 25), (2028, 6, 6), (2028, 6, 23),
    )
)  # fmt: skip


def days_between(first: date, last: date) -> Iterable[date]:
    """Every day from *first* to *last*, both inclusive."""
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


class SchoolDays(msgspec.Struct, frozen=True, dict=True):
    """The school days of schools, or of preschools. Spans are inclusive at both ends."""

    terms: tuple[tuple[date, date], ...]
    closed: tuple[tuple[date, date], ...]

    @cached_property
    def _closed_days(self) -> frozenset[date]:
        return frozenset(day for span in self.closed for day in days_between(*span))

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

WORLD_BEGINS, WORLD_ENDS = date(2025, 8, 11), date(2027, 9, 30)
DEMO_DAY = date(2026, 11, 24)  # the demo's last day; most special cases are visible on it
