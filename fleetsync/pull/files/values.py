"""Cells of text files and workbooks: their text, and what a spreadsheet did to them before we saw them.

Pure. Damage (a number in scientific notation, a class that became a date) is recognised and named, since no reader can
undo it. No message ever holds the value itself.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal, TypeAlias

from fleetsync.pull.decoding import clean

ColumnKind: TypeAlias = Literal["id", "text", "day", "number", "truth"]


@dataclass(frozen=True, slots=True)
class ErrorCell:
    """A spreadsheet cell that shows an error such as #REF! instead of a value."""


Cell: TypeAlias = str | int | float | bool | date | datetime | time | timedelta | ErrorCell

# ------------------------------------------------------------------------------------------------------------------ text


def cell_text(cell: Cell) -> str:
    """A cell as people would have typed it: numbers without ".0", days as YYYY-MM-DD; blank is ""."""
    if isinstance(cell, str):
        return clean(cell)
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return str(int(cell)) if float(cell).is_integer() else repr(cell)
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    return "" if isinstance(cell, ErrorCell) else cell.isoformat() if isinstance(cell, date) else str(cell)


def is_blank(cell: Cell) -> bool:
    """Whether nothing is in the cell."""
    return isinstance(cell, str) and not clean(cell)


# --------------------------------------------------------------------------------------------------------------- damage

_ERROR = re.compile(
    r"#(?:REF!|REFERENS!|N/A|SAKNAS!|VALUE!|VÄRDEFEL!|NAME\?|NAMN\?|DIV/0!|DIVISION/0!|NUM!|OGILTIGT!|NULL!|SKÄRNING!"
    r"|SPILL!|CALC!)|#{3,}"
)
_SCIENTIFIC = re.compile(r"[-+]?\d(?:[.,]\d+)?E\+\d{1,3}|\d[.,]\d+E\d{1,3}", re.ASCII | re.IGNORECASE)
# Above this a spreadsheet has already rounded what was typed: it keeps 15 digits.
_MIN_ROUNDED_NUMBER = 10**15


def spreadsheet_damage(cell: Cell, kind: ColumnKind, digits: tuple[int, ...] = ()) -> str | None:
    """What a spreadsheet did to this cell that nobody can undo, in words without the value; None if nothing.

    *digits*: the lengths that an all-digit value of this column can have; a number cell that is shorter lost its zeros.
    """
    if isinstance(cell, str):
        return _damage_of_text(cell, kind)
    if isinstance(cell, ErrorCell):
        return "an error of the spreadsheet instead of a value"
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int | float):
        return _damage_of_number(float(cell), kind, digits)
    if kind in {"id", "text"}:
        return "a date or time that the spreadsheet made of a text"
    return None


def _damage_of_text(text: str, kind: ColumnKind) -> str | None:
    if text.startswith("#") and _ERROR.fullmatch(clean(text)):
        return "an error of the spreadsheet instead of a value"
    if kind in {"id", "text"} and text[:1] in "0123456789+-" and _SCIENTIFIC.fullmatch(clean(text)):
        return "a number in scientific notation"
    return None


def _damage_of_number(number: float, kind: ColumnKind, digits: tuple[int, ...]) -> str | None:
    if kind == "day":
        return None if len(cell_text(number)) in {6, 8} or number == 0 else "a bare number where a date belongs"
    if kind not in {"id", "text"}:
        return None
    if abs(number) >= _MIN_ROUNDED_NUMBER:
        return "a number with more digits than a spreadsheet keeps"
    if kind == "id" and not number.is_integer():
        return "a number with decimals where an identifier belongs"
    if digits and len(cell_text(number)) not in digits and len(cell_text(number)) < max(digits):
        return "a number that lost its leading zeros"
    return None
