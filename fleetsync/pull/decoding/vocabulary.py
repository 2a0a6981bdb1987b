"""Words that files use for what the house has names for: the source's own table first, then the shipped Swedish ones.

A word that nobody knows is never the closest one: it is UNKNOWN, or None, and the connector reports it as drift. Refuses
to repeat what a person may have written into a cell: what is reported is on pages and in logs, and a cell may name anyone.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TypeVar

from fleetsync.core.model import Condition, EmploymentForm, Purpose
from fleetsync.data import device_words, employment_forms, load_tables, normalised_word, unprotected_spellings
from fleetsync.pull.decoding.text import clean, fold_text

T = TypeVar("T")

WITHHELD_TEXT = "(text)"
"""What is told in place of a cell that is no word of such files."""

# Beside the parts of the shipped words. Nobody is called so; words that are names as well do not belong here.
_ADDITIONAL_WORDS = (
    "anställd anställning månadslön månadsavlönad avlönad deltid heltid sommarvikarie semestervikarie förordnande hyllan "
    "hylla diverse blandat kontor"
)
_MIN_PART_CHARACTERS = 5  # vik, ava and tim are words of personnel systems, and names
_MAX_WORD_CHARACTERS = 40
_PART_SEPARATORS = re.compile(r"[\s/-]+")


def is_protected(mark: str | int | bool | None) -> bool:
    """Whether a mark of protection protects: every value but an absent one and the few that plainly say no.

    Fails closed: an unknown word, another spelling and another case all protect.
    """
    if mark is None:
        return False
    return fold_text(mark) not in unprotected_spellings()


def parse_employment_form(word: str | None, configured: Mapping[str, EmploymentForm] | None = None) -> EmploymentForm:
    """The form of employment that a word or code means; UNKNOWN for a blank and for a word nobody knows."""
    return _look_up(word, configured, employment_forms()) or EmploymentForm.UNKNOWN


def parse_purpose(word: str | None, configured: Mapping[str, Purpose] | None = None) -> Purpose | None:
    """What a device is for by a list's own word."""
    return _look_up(word, configured, device_words().purposes)


def parse_condition(word: str | None, configured: Mapping[str, Condition] | None = None) -> Condition | None:
    """What has become of a device by a list's or a register's own word."""
    return _look_up(word, configured, device_words().conditions)


def reportable_word(said: str, own: Iterable[str] = ()) -> str:
    """A word that nobody knows as it may be kept and told: in small letters, where each part of it is a part of a shipped
    word or of one of the source's *own*; else UNTOLD. So "Månadslön visstid" passes, and a name or a note never does.
    """
    word = fold_text(said)
    known = _parts_of_shipped() | set(_parts(own))
    is_known = len(word) <= _MAX_WORD_CHARACTERS and all(part in known for part in _PART_SEPARATORS.split(word))
    return word if is_known else WITHHELD_TEXT


@cache
def _parts_of_shipped() -> frozenset[str]:
    tables = (rows for name in ("device_words", "employment_forms") for rows in load_tables(name).values())
    return frozenset(_parts([_ADDITIONAL_WORDS, *(word for rows in tables for row in rows for word in row["words"])]))


def _parts(words: Iterable[str]) -> Iterator[str]:
    """The parts of *words* that are long enough to be nobody's name, and of letters alone."""
    parts = (part for word in words for part in _PART_SEPARATORS.split(unicodedata.normalize("NFC", word).casefold()))
    return (part for part in parts if len(part) >= _MIN_PART_CHARACTERS and part.isalpha())


def _look_up(word: str | None, configured: Mapping[str, T] | None, shipped: Mapping[str, T]) -> T | None:
    if word == WITHHELD_TEXT:
        return None
    wanted = normalised_word(clean(word or ""))
    own = {normalised_word(said): meant for said, meant in (configured or {}).items()}
    return own.get(wanted, shipped.get(wanted))
