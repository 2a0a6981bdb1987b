"""Counts school days, and knows terms, breaks and school years.

Terms, closed days and public holidays are passed in as plain dates; nothing here reads a clock. Nothing ever stops for
lack of a calendar: where no term is known, every weekday that is not a public holiday counts as a school day, and
`is_beyond_calendar` says so. Also: the local day of an instant, adding months, and grade indexes. Pure.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo

from msgspec import Struct

ASSUMED_BREAK_DAYS = 70  # so long after the last known term, it still looks like a summer break
CALENDAR_NOTICE_DAYS = 60  # so long before its end, a new calendar is asked for
TURNOVER_SCHOOL_DAYS = 10  # so far into the autumn term, registers may still change over to the new school year
TEN_YEAR_SCHOOL_FROM = date(2028, 7, 1)  # Swedish parliament, 2024/25:UbU17: every year label rises by one


class Term(Struct, frozen=True):
    """One term of a school; both days inclusive."""

    first: date
    last: date


class ClosedPeriod(Struct, frozen=True):
    """Days without school within a term, such as höstlov, sportlov or a study day; both days inclusive."""

    first: date
    last: date
    label: str


class SummerBreak(Struct, frozen=True):
    """The break between two school years, and until when registers may still be changing over."""

    last_school_day: date
    first_school_day: date
    turnover_until: date

    def is_turnover(self, day: date) -> bool:
        """Whether *day* lies from the last school day to ten school days into the term, both inclusive."""
        return self.last_school_day <= day <= self.turnover_until


class Calendar(Struct, frozen=True, dict=True):
    """The school days of one scope: a municipality's schools, its preschools, or a single unit.

    Terms are in order and do not overlap, else ValueError. A school day is a weekday inside a term that is neither
    closed nor a public holiday. For ten weeks after the last known term, and before the first, there are no school days,
    as in a summer break. Further away every weekday counts. Without such a break (`is_year_round`) weekdays count from
    the day after the last term.
    """

    terms: tuple[Term, ...] = ()
    closed: tuple[ClosedPeriod, ...] = ()
    holidays: frozenset[date] = frozenset()
    is_year_round: bool = False

    def __post_init__(self) -> None:
        if any(term.last < term.first for term in self.terms):
            raise ValueError("a term ends before it begins")
        if any(later.first <= earlier.last for earlier, later in pairwise(self.terms)):
            raise ValueError("terms overlap or are not in order")

    @property
    def ends_on(self) -> date | None:
        """The last day of the last known term; None when no term is known."""
        return self.terms[-1].last if self.terms else None

    def needs_new_calendar(self, today: date) -> bool:
        """Whether a new calendar is due: no term is known, or the last one ends within 60 days or has ended."""
        return self.ends_on is None or today >= self.ends_on - timedelta(days=CALENDAR_NOTICE_DAYS)

    def is_beyond_calendar(self, day: date) -> bool:
        """Whether the calendar knows nothing about *day*, so that every weekday counts unless it is a public holiday."""
        return day.toordinal() not in self._known_days

    def is_school_day(self, day: date) -> bool:
        """Whether *day* is a school day; beyond the calendar, every weekday that is not a public holiday."""
        return self._is_school_ordinal(day.toordinal())

    def school_days_between(self, earlier: date, later: date) -> int:
        """School days after *earlier*, up to and including *later*; 0 when *later* is not later.

        Beyond the calendar every weekday that is not a public holiday counts: silence after the end of the
        calendar must not look like a holiday.
        """
        if later <= earlier:
            return 0
        return self._school_days_until(later.toordinal()) - self._school_days_until(earlier.toordinal())

    def add_school_days(self, day: date, number: int) -> date:
        """The day on which the *number*-th school day after *day* falls; *day* itself for 0, ValueError below."""
        if number < 0:
            raise ValueError("school days are added forwards only")
        if number == 0:
            return day
        start = day.toordinal() + 1
        # Beyond the known days at least every second day counts, apart from public holidays.
        stop = max(start, self._known_days.stop) + 2 * (number + len(self._holidays)) + 7
        wanted = self._school_days_until(day.toordinal()) + number
        return date.fromordinal(start + bisect_left(range(start, stop), wanted, key=self._school_days_until))

    def nth_school_day_of_term(self, term: Term, number: int) -> date:
        """The *number*-th school day of *term*, the first being 1; in a shorter term the count goes on into the next."""
        return self.add_school_days(term.first - timedelta(days=1), number)

    def last_school_day(self, at: date) -> date:
        """*at* itself when it is a school day, else the last school day before it."""
        ordinal = at.toordinal()
        while not self._is_school_ordinal(ordinal):
            ordinal -= 1
        return date.fromordinal(ordinal)

    def first_school_day(self, after: date) -> date:
        """The first school day later than *after*."""
        return self.add_school_days(after, 1)

    def is_in_break(self, day: date) -> bool:
        """Whether *day* belongs to a break, in which no gap of a person opens.

        A break is a whole period without school that has at least one weekday which is closed or outside every term.
        The weekends and public holidays at its edges belong to it. A weekend or a public holiday between two school days
        is no break, and beyond the calendar there are none.
        """
        return day.toordinal() in self._break_days

    def term_of(self, day: date) -> Term | None:
        """The known term that contains *day*, closed days included; None outside every term."""
        return next((term for term in self.terms if term.first <= day <= term.last), None)

    def summer_break(self, day: date) -> SummerBreak | None:
        """The summer break in the calendar year of *day*; it may lie before or after *day*.

        When only the term on one side is known, the break lasts ten weeks. None when neither is known, and for a scope
        that is open all year.
        """
        middle = date(day.year, 7, 15)
        if self.is_year_round or self.is_beyond_calendar(middle) or self.term_of(middle) is not None:
            return None
        first = self.first_school_day(middle)
        return SummerBreak(self.last_school_day(middle), first, self.add_school_days(first, TURNOVER_SCHOOL_DAYS - 1))

    # Days are ordinals here, and sums are computed once: a reconciliation asks more than 100,000 times.

    @cached_property
    def _known_days(self) -> range:
        """The days that the calendar decides about; outside of them weekdays count."""
        if not self.terms:
            return range(0)
        reach = 1 if self.is_year_round else ASSUMED_BREAK_DAYS
        return range(self.terms[0].first.toordinal() - reach + 1, self.terms[-1].last.toordinal() + reach)

    @cached_property
    def _closed_weekdays(self) -> frozenset[int]:
        """Known weekdays that are closed or outside every term."""
        inside = {ordinal for term in self.terms for ordinal in _ordinals(term)}
        closed = {ordinal for period in self.closed for ordinal in _ordinals(period)}
        return frozenset(day for day in self._known_days if _is_weekday(day) and (day not in inside or day in closed))

    @cached_property
    def _holidays(self) -> tuple[int, ...]:
        """Public holidays that fall on a weekday, sorted."""
        return tuple(sorted(day for day in map(date.toordinal, self.holidays) if _is_weekday(day)))

    @cached_property
    def _days_off(self) -> frozenset[int]:
        return self._closed_weekdays.union(self._holidays)

    @cached_property
    def _cumulative_school_days(self) -> tuple[int, ...]:
        """For each known day, the number of school days up to and including it."""
        before = self._weekdays_until(self._known_days.start - 1)
        return tuple(accumulate(map(self._is_school_ordinal, self._known_days), initial=before))[1:]

    @cached_property
    def _weekdays_without_school(self) -> int:
        """How many weekdays among the known days are no school days."""
        return (
            self._weekdays_until(self._known_days.stop - 1) - self._cumulative_school_days[-1]
            if self._known_days
            else 0
        )

    @cached_property
    def _break_days(self) -> frozenset[int]:
        days: set[int] = set()
        for weekday in self._closed_weekdays:
            if weekday not in days:
                days.update(self._break_around(date.fromordinal(weekday)))
        return frozenset(days)

    def _break_around(self, day: date) -> range:
        return range(self.last_school_day(day).toordinal() + 1, self.first_school_day(day).toordinal())

    def _is_school_ordinal(self, ordinal: int) -> bool:
        return _is_weekday(ordinal) and ordinal not in self._days_off

    def _school_days_until(self, ordinal: int) -> int:
        """The number of school days from the first day of year 1 up to and including the day."""
        known = self._known_days
        if ordinal in known:
            return self._cumulative_school_days[ordinal - known.start]
        return self._weekdays_until(ordinal) - (self._weekdays_without_school if ordinal >= known.stop else 0)

    def _weekdays_until(self, ordinal: int) -> int:
        # Ordinal 1 is a Monday, so the remainder by seven is the day of the week, 0 being Sunday.
        weeks, days = divmod(ordinal, 7)
        return 5 * weeks + min(days, 5) - bisect_right(self._holidays, ordinal)


class Calendars(Struct, frozen=True):
    """The calendars of a municipality: for its schools, its preschools, and single units with a calendar of their own."""

    default: Calendar = Calendar()
    preschool: Calendar = Calendar(is_year_round=True)
    units: Mapping[str, Calendar] = {}

    def for_unit(self, slug: str, preschool: bool) -> Calendar:
        """The unit's own calendar if there is one, else the calendar of all preschools or of all schools."""
        return self.units.get(slug) or (self.preschool if preschool else self.default)


def school_year(day: date) -> int:
    """The year in which the school year of *day* begins: 2026 for 2026/27. A school year begins on 1 July."""
    return day.year if day.month >= 7 else day.year - 1


def grade_index(year_label: int, on: date) -> int:
    """The grade index of a year label as used on the day *on*: 0 for six-year-olds, 9 for the last year.

    From 1 July 2028 the Swedish compulsory school has ten years, and every label is one higher for the same age. So a
    label means nothing without its day. The caller must refuse labels that are out of range.
    """
    return year_label if on < TEN_YEAR_SCHOOL_FROM else year_label - 1


def add_months(day: date, months: int) -> date:
    """The same day of the month, *months* later (earlier when negative), but at most the last day of that month."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    days_of_month = (date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1) - date(year, month + 1, 1)).days
    return date(year, month + 1, min(day.day, days_of_month))


def is_longer_than_months(start: date, last: date, months: int) -> bool:
    """Whether a period, both days inclusive, is longer than so many months: 10 Aug to 9 Nov is exactly three."""
    return last >= add_months(start, months)


def local_day(instant: datetime, zone: str) -> date:
    """The day of an instant in an IANA time zone; ValueError for an instant without an offset."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs an offset: without it, its local day is unknown")
    return instant.astimezone(ZoneInfo(zone)).date()


def _ordinals(period: Term | ClosedPeriod) -> range:
    return range(period.first.toordinal(), period.last.toordinal() + 1)


def _is_weekday(ordinal: int) -> bool:
    return 1 <= ordinal % 7 <= 5  # ordinal 1 is a Monday
