"""School calendars of Exempelby for any year, by the rules that Swedish municipalities commonly follow.

They are written without the core and without a library of public holidays, because the demo's expected numbers must
not depend on what they test. A test compares them with both.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

import msgspec

from fleetsync.demo.start_year import first_monday, weekday_on_or_after

_MONDAY, _FRIDAY = 0, 4
_AUTUMN_BREAK_WEEK, _WINTER_BREAK_WEEK, _SUMMER_CLOSING_WEEKS = 44, 8, (28, 30)  # ISO weeks


class ClosedSpan(msgspec.Struct, frozen=True):
    """Days without school, both inclusive. *label*: what they are, in Swedish."""

    first: date
    last: date
    label: str


def terms_of(year: int) -> tuple[tuple[date, date], tuple[date, date]]:
    """The first and last days of the autumn and the spring term of a school year."""
    return (first_monday(year), _last_autumn_day(year)), (_first_spring_day(year + 1), _last_spring_day(year + 1))


def _last_autumn_day(year: int) -> date:
    """21 December, or the Friday before when that is a Saturday, Sunday or Monday."""
    last = date(year, 12, 21)
    return last if last.weekday() in range(1, 5) else _friday_before(last)


def _first_spring_day(year: int) -> date:
    """8 January, or the Monday after when that is a Friday, Saturday or Sunday."""
    first = date(year, 1, 8)
    return first if first.weekday() < _FRIDAY else weekday_on_or_after(first, _MONDAY)


def _last_spring_day(year: int) -> date:
    """11 June, or the Friday before when that is a Saturday or Sunday."""
    last = date(year, 6, 11)
    return last if last.weekday() <= _FRIDAY else _friday_before(last)


def _friday_before(day: date) -> date:
    return weekday_on_or_after(day - timedelta(days=7), _FRIDAY)


def schools_closed(year: int) -> Iterator[ClosedSpan]:
    """The breaks and planning days of the schools within the terms of a school year."""
    autumn, easter = first_monday(year), easter_sunday(year + 1)
    yield _single_day(autumn + timedelta(weeks=4, days=4), "studiedag")
    yield _school_week(year, _AUTUMN_BREAK_WEEK, "höstlov")
    yield _single_day(autumn + timedelta(weeks=14), "studiedag")
    yield _school_week(year + 1, _WINTER_BREAK_WEEK, "sportlov")
    yield _single_day(weekday_on_or_after(date(year + 1, 3, 12), _MONDAY), "studiedag")
    yield ClosedSpan(easter + timedelta(days=2), easter + timedelta(days=5), "påsklov")
    yield _single_day(easter + timedelta(days=40), "lovdag efter Kristi himmelsfärd")


def preschools_closed(year: int, *, in_summer: bool) -> Iterator[ClosedSpan]:
    """The planning days of the preschools, before each term of a school year; and the closed weeks of its summer.

    The children meet at one preschool then.
    """
    yield _single_day(_friday_before(first_monday(year)), "planeringsdag")
    spring = _first_spring_day(year + 1)
    yield _single_day(_friday_before(spring) if spring.weekday() == _MONDAY else spring - _ONE_DAY, "planeringsdag")
    if in_summer:
        first, last = _SUMMER_CLOSING_WEEKS
        monday = date.fromisocalendar(year + 1, first, 1)
        yield ClosedSpan(monday, date.fromisocalendar(year + 1, last, 5), "sommarstängt")


_ONE_DAY = timedelta(days=1)


def _single_day(day: date, label: str) -> ClosedSpan:
    return ClosedSpan(day, day, label)


def _school_week(year: int, week: int, label: str) -> ClosedSpan:
    return ClosedSpan(date.fromisocalendar(year, week, 1), date.fromisocalendar(year, week, 5), label)


def public_holidays(year: int) -> frozenset[date]:
    """The public holidays of a calendar year that can be weekdays, and the eves on which no school is open."""
    easter = easter_sunday(year)
    fixed = ((1, 1), (1, 6), (5, 1), (6, 6), (12, 24), (12, 25), (12, 26), (12, 31))
    moving = (easter + timedelta(days=days) for days in (-2, 1, 39))  # Good Friday, Easter Monday, Ascension
    midsummer_eve = weekday_on_or_after(date(year, 6, 19), _FRIDAY)
    return frozenset((*(date(year, month, day) for month, day in fixed), *moving, midsummer_eve))


def easter_sunday(year: int) -> date:
    """Easter Sunday in the Gregorian calendar, as computed by the method published in Nature in 1876."""
    golden, century, of_century = year % 19, year // 100, year % 100
    correction = (century - (century + 8) // 25 + 1) // 3
    moon = (19 * golden + century - century // 4 - correction + 15) % 30
    sunday = (32 + 2 * (century % 4) + 2 * (of_century // 4) - moon - of_century % 4) % 7
    late = (golden + 11 * moon + 22 * sunday) // 451
    month, day = divmod(moon + sunday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def calendar_text(
    terms: Iterable[tuple[date, date]], closed: Iterable[ClosedSpan], preschools_closed_on: Iterable[ClosedSpan]
) -> str:
    """A calendar file for these terms and closed days, as `[calendar] file` reads it."""
    tables = [f"[[term]]\nfirst = {first}\nlast = {last}\n" for first, last in terms]
    tables += [_closed_table("closed", span) for span in closed]
    tables += ["[preschool]\n", *(_closed_table("preschool.closed", span) for span in preschools_closed_on)]
    return "\n".join(tables)


def _closed_table(name: str, span: ClosedSpan) -> str:
    return f'[[{name}]]\nfirst = {span.first}\nlast = {span.last}\nlabel = "{span.label}"\n'
