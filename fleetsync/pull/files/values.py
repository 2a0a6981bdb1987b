"""What a cell means: text, a day, a number, yes or no, by Swedish habit and never by guess.

Pure. A value that can be read in two ways, or in none, is refused; no message ever holds the value itself. What a
spreadsheet did to a cell before we saw it (a number in scientific notation, a class that became a date) is recognised
as damage, since no reader can undo it.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from fleetsync.core.calendar import local_day
from fleetsync.pull.contract import RecordError

DateOrder: TypeAlias = Literal["ymd", "dmy"]
ColumnKind: TypeAlias = Literal["id", "text", "day", "number", "truth"]

ZONE: Final = "Europe/Stockholm"


@dataclass(frozen=True, slots=True)
class ErrorCell:
    """A spreadsheet cell that shows an error such as #REF! instead of a value."""


Cell: TypeAlias = str | int | float | bool | date | datetime | time | timedelta | ErrorCell

# ------------------------------------------------------------------------------------------------------------------ text

_SPACES = dict.fromkeys(map(ord, "\u00a0\u2007\u2009\u200a\u202f"), " ")
_ZERO_WIDTH = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"), "")
_CLEANING = {**_SPACES, **_ZERO_WIDTH}


def clean(text: str) -> str:
    """NFC, hard and thin spaces as spaces, zero-width characters gone, nothing around it."""
    if text.isascii():
        return text.strip()
    return unicodedata.normalize("NFC", text).translate(_CLEANING).strip()


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


# ---------------------------------------------------------------------------------------------------------------- a day

_YMD = re.compile(r"(\d{4})([-/.]?)(\d\d)\2(\d\d)", re.ASCII)
_YYMMDD = re.compile(r"(\d\d)(\d\d)(\d\d)", re.ASCII)
_DMY = re.compile(r"(\d\d?)([-/.])(\d\d?)\2(\d{4})", re.ASCII)
_ISO_INSTANT = re.compile(r"\d{4}-?\d\d-?\d\d[T ]\d\d:?\d\d.*", re.ASCII)

_OPEN_END_WORDS = frozenset({"", "-", "tills vidare", "tillsvidare", "tv"})
# How systems write "no end" and "never"; read before any time zone, in which 9999-12-31 overflows.
_NO_DAY = re.compile(r"(?:9999-?12-?31|2099-?12-?31|0000-?00-?00|0001-?01-?01)(?:[T ].*)?|0", re.ASCII)
# Two-digit years as POSIX reads them: 69 is 1969, 68 is 2068. Fixed, so that a file reads the same in any year.
_FIRST_YEAR_OF_1900S = 69


def parse_day(text: str, label: str, *, order: DateOrder = "ymd", zone: str = ZONE) -> date | None:
    """The day that *text* names; None for a blank and for an open end (9999-12-31, 2099-12-31, 0000-00-00).

    YYYY-MM-DD, YYYYMMDD, YYMMDD, an ISO instant (its local day in *zone*), and DD/MM/YYYY only with *order* "dmy".
    Raises RecordError naming *label*.
    """
    text = clean(text)
    if text.casefold() in _OPEN_END_WORDS or _NO_DAY.fullmatch(text):
        return None
    try:
        return _read_day(text, order, zone)
    except (ValueError, OverflowError):
        pass
    raise RecordError(f"{label} is not a date")


def _read_day(text: str, order: DateOrder, zone: str) -> date:
    if found := _YMD.fullmatch(text):
        return date(int(found[1]), int(found[3]), int(found[4]))
    if found := _YYMMDD.fullmatch(text):
        century = 1900 if int(found[1]) >= _FIRST_YEAR_OF_1900S else 2000
        return date(century + int(found[1]), int(found[2]), int(found[3]))
    if order == "dmy" and (found := _DMY.fullmatch(text)):
        return date(int(found[4]), int(found[3]), int(found[1]))
    if _ISO_INSTANT.fullmatch(text):
        instant = datetime.fromisoformat(text)
        return local_day(instant, zone) if instant.tzinfo else instant.date()
    raise ValueError("no known form")


# ------------------------------------------------------------------------------------------------------------- a number

_MONEY = re.compile(r"(?:kr|sek|:-)\.?$", re.IGNORECASE)
_PLAIN = re.compile(r"[-+]?\d+(?:[.,]\d+)?", re.ASCII)
_GROUPED_DOT = re.compile(r"[-+]?\d{1,3}(?:\.\d{3})+(?:,\d+)?", re.ASCII)
_GROUPED_COMMA = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?", re.ASCII)
_GROUPED_SPACE = re.compile(r"[-+]?\d{1,3}(?: \d{3})+(?:[.,]\d+)?", re.ASCII)
_AMBIGUOUS_NUMBER = re.compile(r"[-+]?[1-9]\d{0,2}\.\d{3}", re.ASCII)


def parse_number(text: str, label: str) -> Decimal | None:
    """A number with decimal comma or point and grouped thousands; None for a blank. "75 %" is 0.75, as a spreadsheet
    stores it.

    "1.234" is refused, for it is a thousand in Swedish and a little more than one in an export. Raises RecordError.
    """
    text = clean(text).replace("\u2212", "-")
    if not text:
        return None
    percent = text.endswith("%")
    digits = _MONEY.sub("", text.removesuffix("%")).strip()
    if _AMBIGUOUS_NUMBER.fullmatch(digits):
        raise RecordError(f"{label} can be read in two ways")
    value = _read_number(digits)
    if value is None:
        raise RecordError(f"{label} is not a number")
    return value / 100 if percent else value


def _read_number(text: str) -> Decimal | None:
    if _GROUPED_SPACE.fullmatch(text):
        text = text.replace(" ", "")
    if _PLAIN.fullmatch(text):
        return Decimal(text.replace(",", "."))
    if _GROUPED_DOT.fullmatch(text):
        return Decimal(text.replace(".", "").replace(",", "."))
    return Decimal(text.replace(",", "")) if _GROUPED_COMMA.fullmatch(text) else None


# ------------------------------------------------------------------------------------------------------------ yes or no

_YES = frozenset({"ja", "j", "x", "1", "true", "sant", "yes", "y"})
_NO = frozenset({"nej", "n", "0", "false", "falskt", "no", "-"})


def parse_boolean(text: str, label: str) -> bool | None:
    """Yes or no; None for a blank. Raises RecordError for any other word.

    Never for a mark of protection, whose every unknown word protects: see `is_protected`.
    """
    word = clean(text).casefold()
    if not word:
        return None
    if word in _YES or word in _NO:
        return word in _YES
    raise RecordError(f"{label} is neither yes nor no")


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
