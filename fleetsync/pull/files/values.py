"""Cells of text files and workbooks: their text, and what a spreadsheet did to them before we saw them.

Pure. Damage (a number in scientific notation, a class that became a date) is recognised and named, since no reader can
undo it. No message ever holds the value itself.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal, TypeAlias

from fleetsync.pull.decoding import clean

ColumnKind: TypeAlias = Literal["id", "text", "day", "number", "truth"]


@dataclass(frozen=True, slots=True)
class ErrorCell:
    """A spreadsheet cell without a value. *what*: what is there instead, in words."""

    what: str


ERROR = ErrorCell("an error of the spreadsheet")
UNCOMPUTED = ErrorCell("a formula without its value (open the file in a spreadsheet, save it, and export again)")

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


# ------------------------------------------------------------------------------------------------------------------ days

# The first days of a spreadsheet's calendars: 0 formatted as a date, as it shows where a formula points to a blank cell.
_ZERO_DAY = re.compile(
    r"(?:1899-12-3[01]|1900-01-0[01]|1904-01-0?[01])(?:[T ].*)?|00:00(?::00(?:\.0+)?)?|0+(?:[.,]0+)?"
)
_NO_DAY_WORDS = frozenset({"null", "(null)", "none", "(none)", "nil", "n/a", "–", "—", "--", "(tom)", "(blank)"})
_FIRST_SERIAL_DAY, _LAST_SERIAL_DAY = 25569, 73050  # 1970-01-01 and 2099-12-31, as a spreadsheet counts days
_SERIAL_EPOCH = date(1899, 12, 30)
DAYS_FROM_1900_TO_1904 = 1462  # what a workbook of the 1904 calendar counts less


def is_no_day(cell: Cell) -> bool:
    """Whether a cell of days says that there is none: 0, a formula's empty result, NULL."""
    text = cell_text(cell)
    return _ZERO_DAY.fullmatch(text) is not None or text.casefold() in _NO_DAY_WORDS


def serial_day(cell: Cell, *, is_1904: bool = False) -> date | None:
    """The day that a bare number of a workbook counts, as a spreadsheet stores a date that lost its format."""
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return None
    days = int(cell) + (DAYS_FROM_1900_TO_1904 if is_1904 else 0)
    return _SERIAL_EPOCH + timedelta(days=days) if _FIRST_SERIAL_DAY <= days <= _LAST_SERIAL_DAY else None


# --------------------------------------------------------------------------------------------------------------- damage

_ERROR = re.compile(
    r"#(?:REF!|REFERENS!|N/A|SAKNAS!|VALUE!|VÄRDEFEL!|NAME\?|NAMN\?|DIV/0!|DIVISION/0!|NUM!|OGILTIGT!|NULL!|SKÄRNING!"
    r"|SPILL!|CALC!)|#{3,}"
)
_SCIENTIFIC = re.compile(r"[-+]?\d(?:[.,]\d+)?E\+\d{1,3}|\d[.,]\d+E\d{1,3}", re.ASCII | re.IGNORECASE)
_EXPONENT_BEHIND_DECIMALS = re.compile(r"[.,]\d+E\d", re.ASCII | re.IGNORECASE)
# Above this a spreadsheet has already rounded what was typed: it keeps 15 digits.
_MIN_ROUNDED_NUMBER = 10**15


def may_hold_damage(texts: Iterable[str]) -> bool:
    """Whether `spreadsheet_damage` may see something in one of *texts*; a no is certain, and costs one look at all of them."""
    joined = "\n".join(texts)
    return "#" in joined or "+" in joined or _EXPONENT_BEHIND_DECIMALS.search(joined) is not None


def spreadsheet_damage(cell: Cell, kind: ColumnKind, digits: tuple[int, ...] = ()) -> str | None:
    """What a spreadsheet did to this cell that nobody can undo, in words without the value; None if nothing.

    Only of texts and identifiers, whose damage is seen in one cell and hides in others: a day or a number that cannot be
    read is a fact of its row. *digits*: the lengths that an all-digit value of this column can have; a number cell that is shorter lost its zeros.
    """
    if kind not in {"id", "text"}:
        return None
    if isinstance(cell, str):
        return _damage_of_text(cell)
    if isinstance(cell, ErrorCell):
        return f"{cell.what} instead of a value"
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int | float):
        return _damage_of_number(float(cell), kind, digits)
    return "a date or time that the spreadsheet made of a text"


def is_error(cell: Cell) -> bool:
    """Whether the cell shows an error of the spreadsheet, such as #REF! or #SAKNAS!."""
    return isinstance(cell, ErrorCell) or (
        isinstance(cell, str) and cell.startswith("#") and _ERROR.fullmatch(clean(cell)) is not None
    )


def _damage_of_text(text: str) -> str | None:
    if is_error(text):
        return f"{ERROR.what} instead of a value"
    if text[:1] in "0123456789+-" and _SCIENTIFIC.fullmatch(clean(text)):
        return "a number in scientific notation"
    return None


def _damage_of_number(number: float, kind: ColumnKind, digits: tuple[int, ...]) -> str | None:
    if abs(number) >= _MIN_ROUNDED_NUMBER:
        return "a number with more digits than a spreadsheet keeps"
    if kind == "id" and not number.is_integer():
        return "a number with decimals where an identifier belongs"
    if digits and len(cell_text(number)) not in digits and len(cell_text(number)) < max(digits):
        return "a number that lost its leading zeros"
    return None
