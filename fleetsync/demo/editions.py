"""On which days the file sources of Exempelby speak, and from when on something is therefore seen."""

from datetime import date, timedelta

from fleetsync.demo.days import WORLD_ENDS, days_between

# The personnel system mails its report on the first of the month; in March 2026 somebody forgot, and it came on the 9th.
_MISSED_REPORT_DAY, _LATE_REPORT_DAY = date(2026, 3, 1), date(2026, 3, 9)
STAFF_FILE_DAYS = tuple(
    _LATE_REPORT_DAY if day == _MISSED_REPORT_DAY else day
    for day in days_between(date(2025, 8, 1), WORLD_ENDS)
    if day.day == 1
)
# Once somebody chose too much, and the file was the whole municipality's.
WHOLE_MUNICIPALITY_ON = date(2026, 5, 1)
# The partner's list of computers is made on Mondays.
LIST_DAYS = tuple(day for day in days_between(date(2025, 8, 4), WORLD_ENDS) if day.weekday() == 0)

# The workshop writes what it has in hand on every working day.
WORKSHOP_DAYS = tuple(day for day in days_between(date(2025, 8, 4), WORLD_ENDS) if day.weekday() < 5)


def edition_on(days: tuple[date, ...], day: date) -> date:
    """The newest edition there is on *day*."""
    return max(one for one in days if one <= day)


def edition_from(days: tuple[date, ...], day: date) -> date:
    """The first edition that speaks of *day* or a later one; the end of the world when none does."""
    return next((one for one in days if one >= day), WORLD_ENDS + timedelta(days=1))


def counts_until(end: date) -> date:
    """The last day on which an employment that ended on *end* counts: until the next report has shown the end."""
    return edition_from(STAFF_FILE_DAYS, end + timedelta(days=1)) - timedelta(days=1)
