"""Words that files use for what the house has names for: the source's own table first, then the shipped Swedish ones.

A word that nobody knows is never the closest one: it is UNKNOWN, or None, and the connector reports it as drift.
"""

import unicodedata
from collections.abc import Mapping
from typing import TypeVar

from fleetsync.core.model import Condition, EmploymentForm, Purpose
from fleetsync.data import device_words, employment_forms, protected_spellings, spelled
from fleetsync.pull.files.values import clean

T = TypeVar("T")


def is_protected(mark: str | int | bool | None) -> bool:
    """Whether a mark of protection protects: every value but an absent one and the few that plainly say no.

    Fails closed: an unknown word, another spelling and another case all protect.
    """
    if mark is None:
        return False
    word = unicodedata.normalize("NFC", clean(str(mark))).casefold()
    return word not in protected_spellings()


def employment_form(word: str | None, configured: Mapping[str, EmploymentForm] | None = None) -> EmploymentForm:
    """The form of employment that a word or code means; UNKNOWN for a blank and for a word nobody knows."""
    return _meaning(word, configured, employment_forms()) or EmploymentForm.UNKNOWN


def purpose(word: str | None, configured: Mapping[str, Purpose] | None = None) -> Purpose | None:
    """What a device is for by a list's own word."""
    return _meaning(word, configured, device_words().purposes)


def condition(word: str | None, configured: Mapping[str, Condition] | None = None) -> Condition | None:
    """What has become of a device by a list's or a register's own word."""
    return _meaning(word, configured, device_words().conditions)


def _meaning(word: str | None, configured: Mapping[str, T] | None, shipped: Mapping[str, T]) -> T | None:
    wanted = spelled(clean(word or ""))
    own = {spelled(said): meant for said, meant in (configured or {}).items()}
    return own.get(wanted, shipped.get(wanted))
