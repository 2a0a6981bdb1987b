"""Days on which Exempelby's files are exported, and from which day on a fact is therefore visible."""

from datetime import date, timedelta

from fleetsync.demo.days import WORLD_ENDS, days_between
from fleetsync.demo.start_year import same_date, same_weekday

# The personnel system sends its report on the first of the month. In March 2026 it came late, on the 9th.
_MISSED_REPORT_DAY, _LATE_REPORT_DAY = same_date(2026, 3, 1), same_date(2026, 3, 9)
STAFF_FILE_DAYS = tuple(
    _LATE_REPORT_DAY if day == _MISSED_REPORT_DAY else day
    for day in days_between(same_date(2025, 8, 1), WORLD_ENDS)
    if day.day == 1
)
# One export covered the whole municipality by mistake.
WHOLE_MUNICIPALITY_ON = same_date(2026, 5, 1)
# The partner exports its list of computers on Mondays.
LIST_DAYS = tuple(day for day in days_between(same_weekday(2025, 8, 4), WORLD_ENDS) if day.weekday() == 0)

# The workshop exports its list on every working day.
WORKSHOP_DAYS = tuple(day for day in days_between(same_weekday(2025, 8, 4), WORLD_ENDS) if day.weekday() < 5)

# The ledger is exported on the first of the month.
LEDGER_DAYS = tuple(day for day in days_between(same_date(2025, 8, 1), WORLD_ENDS) if day.day == 1)

# One preschool counts its children on the 15th of the month, and not in July and August, when a year goes and another comes.
HEADCOUNT_DAYS = tuple(
    day for day in days_between(same_date(2025, 5, 1), WORLD_ENDS) if day.day == 15 and day.month not in (7, 8)
)
# Its list of June 2026 came with a blank in place of a number.
BLANK_HEADCOUNT_ON = same_date(2026, 6, 15)
# In August 2026 the export of the ledger broke off in the middle.
HALF_LEDGER_ON = same_date(2026, 8, 1)


def edition_on(days: tuple[date, ...], day: date) -> date:
    """The newest edition that exists on *day*."""
    return max(edition for edition in days if edition <= day)


def edition_from(days: tuple[date, ...], day: date) -> date:
    """The first edition on *day* or later. If there is none, the day after the demo data end."""
    return next((edition for edition in days if edition >= day), WORLD_ENDS + timedelta(days=1))


def counts_until(end: date) -> date:
    """The last day on which an employment that ended on *end* counts: the day before the next report shows the end."""
    return edition_from(STAFF_FILE_DAYS, end + timedelta(days=1)) - timedelta(days=1)
