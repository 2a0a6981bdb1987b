"""Instants of a source as aware UTC.

Pure. An instant without a zone is refused unless the connector names the zone that its source means. Year 1 and year 9999
are how systems write "never" and "no limit": they are None, since as dates they would be the oldest and newest of all.
"""

import re
from datetime import UTC, date, datetime, time
from typing import Annotated, Final, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

from fleetsync.pull.contract import RecordError
from fleetsync.pull.decoding.text import clean_text

LOCAL_ZONE: Final = "Europe/Stockholm"  # of the days that Swedish lists and registers name

_INSTANT = re.compile(
    r"(?P<year>\d{4})(?P<rest>-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:\.\d+)?(?P<zone>Z|[+-]\d\d:\d\d)?", re.ASCII
)
_FIRST_YEAR, _LAST_YEAR = 1971, 2100


def _checked_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not known, not a name, the name of a folder
        raise ValueError("must be a time zone such as Europe/Stockholm or UTC") from None
    return name


ZoneName: TypeAlias = Annotated[str, AfterValidator(_checked_zone)]
"""A key of a `[[source]]` table that names a time zone."""


def parse_instant(value: object, field: str, zone: str | None = None) -> datetime | None:
    """An instant such as `2026-11-24T05:10:41.1234567Z` or `2026-11-24 05:10:41`, with any number of decimals.

    None for a blank and for years that mean "never" and "no limit". *zone*: that of an instant which names none; without
    it such an instant is refused. Raises RecordError naming *field*.
    """
    text = clean_text(value)
    if text is None:
        return None
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise RecordError(f"{field} is not a time")
    year, rest, named_zone = match.groups()
    # Asked before any zone: years 1 and 9999 overflow in it.
    if not _FIRST_YEAR <= int(year) <= _LAST_YEAR:
        return None
    if named_zone is None and zone is None:
        raise RecordError(f"{field} is a time without a zone")
    try:
        instant = datetime.fromisoformat(year + rest + (named_zone or ""))
    except ValueError:
        raise RecordError(f"{field} is not a time") from None
    if instant.tzinfo is UTC:
        return instant
    return (instant if instant.tzinfo or zone is None else instant.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def local_noon(day: date | None, zone: str = LOCAL_ZONE) -> datetime | None:
    """A day as an instant that lies on it in every European zone."""
    return None if day is None else datetime.combine(day, time(12), ZoneInfo(zone)).astimezone(UTC)
