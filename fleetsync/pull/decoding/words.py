"""Words of a source's own schema (enums), with a report of those that nobody knows.

Pure. An unknown word means nothing: it is never taken for the closest one. Only words of a vendor's schema belong here,
because what is reported appears in logs and on pages. A cell of a file may name a person: see `vocabulary`.
"""

from collections.abc import Collection, Mapping
from typing import TypeVar

from fleetsync.pull.contract import UnknownValue
from fleetsync.pull.decoding.text import clean_text

T = TypeVar("T")


def known_word(words: Mapping[str, T], value: object, field: str, unknown: list[UnknownValue]) -> T | None:
    """What a word means by *words*, whose keys are case-folded; None for a blank.

    A word that is not in *words* means None too, and is added to *unknown* under the name of *field*.
    """
    text = clean_text(value)
    if text is None:
        return None
    word = text.casefold()
    if word in words:
        return words[word]
    unknown.append(UnknownValue(field, text))
    return None


def report_unknown(known: Collection[str], value: object, field: str, unknown: list[UnknownValue]) -> str | None:
    """The word as it is kept; None for a blank. Adds it to *unknown* if no word of *known* (case-folded) equals it."""
    text = clean_text(value)
    if text is not None and text.casefold() not in known:
        unknown.append(UnknownValue(field, text))
    return text
