"""The school year that Exempelby is in. It is chosen once in a process, before the municipality is described.

The cases of Exempelby are written down for the school year 2026/27, with one year before and one after it.
`same_weekday` and `same_date` give the day that corresponds to such a day in the chosen year. These days are constants
of the modules that describe the cases. So a process has one year, and a choice that comes too late is refused.
"""

from datetime import date, timedelta

CASES_YEAR = 2026  # named by the autumn in which it begins; also the year of the tests
_SHOWN_FROM_MONTH = 8  # in July a municipality still looks at the year that has ended


class StartYear:
    """The chosen school year; that of the cases where none is chosen."""

    def __init__(self) -> None:
        self._year = CASES_YEAR
        self._is_used = False

    def choose(self, year: int) -> None:
        """Choose the year. Raises RuntimeError when days of another year are already in use."""
        if self._is_used and year != self._year:
            raise RuntimeError(f"Exempelby is already described for {self._year}: choose {year} in a new process")
        self._year = year

    @property
    def year(self) -> int:
        """The year. From here on it cannot be chosen any more."""
        self._is_used = True
        return self._year


START_YEAR = StartYear()


def school_year_shown_on(day: date) -> int:
    """The school year that the demo shows when it is started on *day*. It changes on 1 August."""
    return day.year if day.month >= _SHOWN_FROM_MONTH else day.year - 1


def first_monday(year: int) -> date:
    """The first day of the autumn term: the Monday from 14 to 20 August."""
    return weekday_on_or_after(date(year, 8, 14), 0)


def weekday_on_or_after(day: date, weekday: int) -> date:
    """The first day from *day* on that is that *weekday*, 0 for Monday."""
    return day + timedelta(days=(weekday - day.weekday()) % 7)


def same_weekday(year: int, month: int, day: int) -> date:
    """The same weekday, as many weeks from the beginning of the autumn term in the chosen year as this day in 2026."""
    return date(year, month, day) + (first_monday(START_YEAR.year) - first_monday(CASES_YEAR))


def same_date(year: int, month: int, day: int) -> date:
    """The same day and month, as many years from the chosen year as this day from 2026. Not for 29 February."""
    return date(year + START_YEAR.year - CASES_YEAR, month, day)
