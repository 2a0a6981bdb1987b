"""Swedish words for a status, a purpose, a school form and a form of employment: the source's own table first, then the
shipped ones. And those for a year of school.

An unknown word is never taken for the closest one: it is UNKNOWN, or None, and the connector reports it. What is reported
appears on pages and in logs, and a cell of a file may name a person: so only words that such files are known to use are
repeated.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import TypeVar

from fleetsync.core.model import Condition, EmploymentForm, Purpose
from fleetsync.core.school_forms import KNOWN_FORMS
from fleetsync.core.text import normalised_word
from fleetsync.data import (
    device_words,
    employment_forms,
    load_tables,
    school_form_words,
    unprotected_spellings,
)
from fleetsync.pull.decoding.text import clean, fold_text, fold_word

T = TypeVar("T")

WITHHELD_TEXT = "(text)"
"""What is reported in place of a cell that is no word of such files."""

# Beside the parts of the shipped words. Words that are also names of people do not belong here.
_ADDITIONAL_WORDS = (
    "anställd anställning månadslön månadsavlönad avlönad deltid heltid sommarvikarie semestervikarie förordnande hyllan "
    "hylla diverse blandat kontor"
)
_TABLES_OF_WORDS = ("device_words", "employment_forms", "school_form_words")
_MIN_PART_CHARACTERS = 5  # vik, ava and tim are words of personnel systems, and names
_MAX_WORD_CHARACTERS = 40
_YEAR = re.compile(r"(?:åk|årskurs|årsk|år)?\.? ?(\d{1,2})")
_YEAR_OF_SIX_YEAR_OLDS = frozenset({"f", "f-klass", "fklass", "förskoleklass", "åk f", "fsk", "fk"})
_PART_SEPARATORS = re.compile(r"[\s/-]+")


def is_protected(mark: str | int | bool | None) -> bool:
    """Whether a mark of protection protects: every value but an absent one and the few that plainly say no.

    Fails closed: an unknown word, another spelling and another case all protect.
    """
    if mark is None:
        return False
    return fold_word(mark) not in unprotected_spellings()


def parse_employment_form(word: str | None, configured: Mapping[str, EmploymentForm] | None = None) -> EmploymentForm:
    """The form of employment that a word or code means; UNKNOWN for a blank and for an unknown word."""
    return _look_up(word, configured, employment_forms()) or EmploymentForm.UNKNOWN


def parse_school_form(word: str | None, configured: Mapping[str, str] | None = None) -> str | None:
    """The code of the school form that a word or code means; None for a blank and for an unknown word."""
    code = clean(word or "").upper()
    shipped = {_comparable(code): code} if code in KNOWN_FORMS else school_form_words()
    form = _look_up(word, configured, shipped)
    return None if form is None else form.upper()


def parse_year(word: str) -> int | None:
    """The year label: 5, 05, "Åk 5" and "F" (0, förskoleklass); None for what is none."""
    text = fold_word(word)
    if text in _YEAR_OF_SIX_YEAR_OLDS:
        return 0
    match = _YEAR.fullmatch(text)
    return None if match is None else int(match[1])


def parse_purpose(word: str | None, configured: Mapping[str, Purpose] | None = None) -> Purpose | None:
    """What a device is for, by a word of a list; None for an unknown one."""
    return _look_up(word, configured, device_words().purposes)


def parse_condition(word: str | None, configured: Mapping[str, Condition] | None = None) -> Condition | None:
    """What has become of a device, by a word of a list or register; None for an unknown one."""
    return _look_up(word, configured, device_words().conditions)


def reportable_word(text: str, own: Iterable[str] = ()) -> str:
    """An unknown word as it may be kept and reported: in small letters, or WITHHELD_TEXT.

    It is reported when each part of it is part of a shipped word or of one of the source's *own*. So "Månadslön visstid"
    passes, and a name or a note never does.
    """
    word = fold_text(text)
    known = _parts_of_shipped() | set(_parts(own))
    is_known = len(word) <= _MAX_WORD_CHARACTERS and all(part in known for part in _PART_SEPARATORS.split(word))
    return word if is_known else WITHHELD_TEXT


@cache
def _parts_of_shipped() -> frozenset[str]:
    tables = (rows for name in _TABLES_OF_WORDS for rows in load_tables(name).values())
    return frozenset(_parts([_ADDITIONAL_WORDS, *(word for rows in tables for row in rows for word in row["words"])]))


def _parts(words: Iterable[str]) -> Iterator[str]:
    """The parts of *words* that consist of letters and are too long to be an abbreviation that is also a name."""
    parts = (part for word in words for part in _PART_SEPARATORS.split(unicodedata.normalize("NFC", word).casefold()))
    return (part for part in parts if len(part) >= _MIN_PART_CHARACTERS and part.isalpha())


# A file repeats a few words in all of its rows.
_comparable = lru_cache(maxsize=1 << 10)(normalised_word)


def _look_up(word: str | None, configured: Mapping[str, T] | None, shipped: Mapping[str, T]) -> T | None:
    if word == WITHHELD_TEXT:
        return None
    wanted = _comparable(clean(word or ""))
    own = {_comparable(name): meaning for name, meaning in (configured or {}).items()}
    return own.get(wanted, shipped.get(wanted))
