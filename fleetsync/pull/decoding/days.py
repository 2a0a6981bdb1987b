"""A day that a text names, as Swedish registers and spreadsheets write it, never by guess.

Pure. A text that can be read in two ways, or in none, is refused; no message ever holds the text itself.
"""

import re
from datetime import date, datetime
from functools import lru_cache
from typing import Literal, TypeAlias

from fleetsync.core.calendar import local_day
from fleetsync.pull.contract import RecordError
from fleetsync.pull.decoding.instants import LOCAL_ZONE
from fleetsync.pull.decoding.text import clean

DateOrder: TypeAlias = Literal["ymd", "dmy"]

_YMD = re.compile(r"(\d{4})([-/.]?)(\d\d)\2(\d\d)", re.ASCII)
_YYMMDD = re.compile(r"(\d\d)(\d\d)(\d\d)", re.ASCII)
_DMY = re.compile(r"(\d\d?)([-/.])(\d\d?)\2(\d{4})", re.ASCII)
_ISO_INSTANT = re.compile(r"\d{4}-?\d\d-?\d\d[T ]\d\d:?\d\d.*", re.ASCII)

_OPEN_END_WORDS = frozenset({"", "-", "tills vidare", "tillsvidare", "tv"})
# How systems write "no end" and "never"; read before any time zone, in which 9999-12-31 overflows.
_NO_DAY = re.compile(r"(?:9999-?12-?31|2099-?12-?31|0000-?00-?00|0001-?01-?01)(?:[T ].*)?|0", re.ASCII)
# Two-digit years as POSIX reads them: 69 is 1969, 68 is 2068. Fixed, so that a file reads the same in any year.
_FIRST_YEAR_OF_1900S = 69


@lru_cache(maxsize=1 << 13)  # the rows of a file share their days
def parse_day(text: str | None, label: str, *, order: DateOrder = "ymd", zone: str = LOCAL_ZONE) -> date | None:
    """The day that *text* names; None for a blank and for an open end (9999-12-31, 2099-12-31, 0000-00-00).

    YYYY-MM-DD, YYYYMMDD, YYMMDD, an ISO instant (its local day in *zone*), and DD/MM/YYYY only with *order* "dmy".
    Raises RecordError naming *label*.
    """
    text = clean(text or "")
    if text.casefold() in _OPEN_END_WORDS or _NO_DAY.fullmatch(text):
        return None
    try:
        return _read_day(text, order, zone)
    except (ValueError, OverflowError):
        pass
    raise RecordError(f"{label} is not a date")


def parse_day_or_none(text: str | None) -> date | None:
    """The day that *text* names, if it is a day; else None."""
    try:
        return parse_day(text, "")
    except RecordError:
        return None


def _read_day(text: str, order: DateOrder, zone: str) -> date:
    if match := _YMD.fullmatch(text):
        return date(int(match[1]), int(match[3]), int(match[4]))
    if match := _YYMMDD.fullmatch(text):
        century = 1900 if int(match[1]) >= _FIRST_YEAR_OF_1900S else 2000
        return date(century + int(match[1]), int(match[2]), int(match[3]))
    if order == "dmy" and (match := _DMY.fullmatch(text)):
        return date(int(match[4]), int(match[3]), int(match[1]))
    if _ISO_INSTANT.fullmatch(text):
        instant = datetime.fromisoformat(text)
        return local_day(instant, zone) if instant.tzinfo else instant.date()
    raise ValueError("no known form")
