"""Text of a source in the one spelling that is compared and kept.

Pure. Letters are composed (NFC), hard and thin spaces are spaces, zero-width and control characters are gone, and nothing
stands around the text. A blank is None, so that "" never reaches a record.
"""

import re
import unicodedata
from collections.abc import Collection

from fleetsync.pull.contract import RecordError

_SPACES = dict.fromkeys(map(ord, "\u00a0\u2007\u2009\u200a\u202f"), " ")
_ZERO_WIDTH = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"), "")
# A control character means nothing in a value, and commands a terminal that shows it. Line breaks and tabs are blanks.
_CONTROL = {code: "" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n\r"}
_CLEANING = {**_SPACES, **_ZERO_WIDTH, **_CONTROL}
_CLEANED_CHARACTER = re.compile(f"[{re.escape(''.join(map(chr, _CLEANING)))}]")
_WORDS_FOR_NOTHING = frozenset({"unknown"})
_WORDS_FOR_NO_PAGE = frozenset({"null", "(null)", "none", "nil", "undefined"})


def clean(text: str) -> str:
    """*text* in its one spelling; "" for a blank."""
    if text.isascii() and text.isprintable():
        return text.strip()
    return unicodedata.normalize("NFC", text.translate(_CLEANING)).strip()


def needs_only_stripping(composed: str) -> bool:
    """Whether `clean` does no more than strip any part of *composed*, a text in NFC: so that a file is asked once for all cells."""
    return (composed.isascii() and composed.isprintable()) or _CLEANED_CHARACTER.search(composed) is None


def clean_text(value: object) -> str | None:
    """A value as text in its one spelling; None for a blank and for null."""
    if value is None:
        return None
    return clean(str(value)) or None


def fold_text(value: object) -> str:
    """A word as it is compared: without regard to case; "" for a blank."""
    return (clean_text(value) or "").casefold()


def fold_word(value: object) -> str:
    """As `fold_text`, with single blanks between its parts: the form in which words for yes, no and nothing are kept."""
    return " ".join(fold_text(value).split())


def known_text(value: object, words_for_nothing: Collection[str] = _WORDS_FOR_NOTHING) -> str | None:
    """As `clean_text`; None also for a word by which the source says that it knows nothing, such as "Unknown"."""
    text = clean_text(value)
    return None if text is None or text.casefold() in words_for_nothing else text


def next_page_text(value: object) -> str | None:
    """A page token or a next link; None for a blank, and for the word null that a template writes where there is none."""
    return known_text(value, _WORDS_FOR_NO_PAGE)


def required_text(value: object, field: str) -> str:
    """As `clean_text`. Raises RecordError for a blank: `serialNumber is empty`."""
    text = clean_text(value)
    if text is None:
        raise RecordError(f"{field} is empty")
    return text
