"""Numbers and booleans that are spelled as text, in Swedish or in JSON.

Pure. A value that can be read in two ways, or in none, is refused or unknown; no message ever holds the value itself.
"""

import re
from decimal import Decimal

from fleetsync.data import words_for_no, words_for_nothing
from fleetsync.pull.contract import RecordError
from fleetsync.pull.decoding.text import clean, fold_word

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


def parse_whole_number(value: str | float | None) -> int | None:
    """A whole number, such as a school year; None for a blank and for what is no number."""
    try:
        return None if value is None or (isinstance(value, str) and not value.strip()) else int(value)
    except (ValueError, OverflowError):
        return None


def share_of_percent(percent: str | float | None) -> float | None:
    """A percentage of full time as 0..1. More than 100 % is full time; None for what is no percentage."""
    try:
        share = None if percent is None else float(percent) / 100
    except ValueError:
        return None
    return None if share is None or not share >= 0 else min(share, 1.0)


# A spreadsheet's TRUE in the languages of `words_for_no`: sv, en, fr, de, fi, da, nb, nl, es, it, pt, pl.
_SPREADSHEET_TRUE = "sant true vrai wahr tosi sand sann waar verdadero vero verdadeiro prawda"
_YES = frozenset({"ja", "j", "x", "1", "yes", "y", *_SPREADSHEET_TRUE.split()})


def parse_boolean(value: str | int | None, label: str) -> bool | None:
    """Yes or no, as a word, a number (1, 0) or a boolean; None for a blank and for a word such as NULL. Raises
    RecordError for any other word.

    Never for a mark of protection, whose every unknown word protects: see `is_protected`.
    """
    word = fold_word(value)
    if word in words_for_nothing():
        return None
    if word in _YES or word in words_for_no():
        return word in _YES
    raise RecordError(f"{label} is neither yes nor no")
