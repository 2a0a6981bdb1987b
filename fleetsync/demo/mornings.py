"""The time of day at which Exempelby's past was pulled, and which of its mornings have passed."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Stockholm")
FIRST_RUN_TIME = time(6, 30)


def first_run_at(day: date) -> datetime:
    """The time of the first run on *day*."""
    return datetime.combine(day, FIRST_RUN_TIME, ZONE)


def last_morning(now: datetime) -> date:
    """The newest day whose first run is not after *now* (aware)."""
    day = now.astimezone(ZONE).date()
    return day if first_run_at(day) <= now else day - timedelta(days=1)
