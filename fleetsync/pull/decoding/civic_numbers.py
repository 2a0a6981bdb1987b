"""Swedish civic numbers (personnummer) in one spelling, so that the same number of two files gives the same token.

Pure. Only a connector whose source has no other key, or may have such a number in place of one, calls this, and passes the
result to `connect.token` at once. A
number that fails its check digit is kept and flagged: the standard's own example fails it, and a pupil is not dropped
for a typing error. Neither the number nor any part of it is ever in a message or a representation.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from fleetsync.pull.decoding.text import clean

_CIVIC_NUMBER = re.compile(r"(\d\d)?(\d\d)(\d\d)(\d\d)([-+]?)(\d{4}|[A-Z][A-Z0-9]\d\d)", re.ASCII)
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—−"), "-")


@dataclass(frozen=True, slots=True, repr=False)
class CivicNumber:
    """A civic number in canonical spelling.

    *kind*: `person`, `coordination` (day + 60), `temporary` (letters in the last four, as schools give to newcomers),
    or `other`: something else that a source keeps there, upper-cased and without spaces. *valid*: date and check digit
    hold; always so for a temporary number whose date does, never for `other`.
    """

    text: str
    kind: Literal["person", "coordination", "temporary", "other"]
    valid: bool

    def __repr__(self) -> str:
        return f"CivicNumber(kind={self.kind!r}, valid={self.valid})"


def civic_number(text: str | None, today: date) -> CivicNumber | None:
    """Twelve characters for any of YYYYMMDDNNNN, YYYYMMDD-NNNN, YYMMDDNNNN, YYMMDD-NNNN, YYMMDD+NNNN; None for a blank.

    A year of two digits is the last that is not after *today*, a hundred years earlier with a plus sign.
    """
    compact = "".join(clean(text or "").translate(_DASHES).upper().split())
    if not compact:
        return None
    match = _CIVIC_NUMBER.fullmatch(compact)
    if match is None:
        return CivicNumber(compact, "other", valid=False)
    century, year, month, day, sign, last = match.groups()
    ends = (int(year), int(month), int(day) % 60)
    number = f"{century or _century(ends, sign, today)}{year}{month}{day}{last}"
    if not last.isdigit():
        return CivicNumber(number, "temporary", valid=_is_day(number))
    coordination = int(day) > 60
    valid = _is_day(number) and _has_valid_check_digit(number[2:])
    return CivicNumber(number, "coordination" if coordination else "person", valid)


def without_civic_number(text: object, token_of: Callable[[str], str], today: date) -> str | None:
    """*text* as the id of a person; what looks like a civic number, even with a typing error, as its token; None for a blank."""
    number = civic_number(str(text), today)
    if number is None:
        return None
    return clean(str(text)) if number.kind == "other" else token_of(number.text)


def _century(ends: tuple[int, int, int], sign: str, today: date) -> str:
    year, month, day = ends
    full = today.year - (today.year - year) % 100
    if (full, month, day) > (today.year, today.month, today.day):
        full -= 100
    return f"{(full - 100 if sign == '+' else full) // 100:02d}"


def _is_day(number: str) -> bool:
    day = int(number[6:8])
    try:
        date(int(number[:4]), int(number[4:6]), day - 60 if day > 60 else day)
    except ValueError:
        return False
    return True


def _has_valid_check_digit(digits: str) -> bool:
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(digits))
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0
