"""Decisions that people enter by hand and that outrank what the sources say.

Each may have a last day; after it the decision has no effect.
"""

from datetime import date
from typing import Literal

from fleetsync.core.model.base import FrozenStruct
from fleetsync.core.model.records import Key


class Override(FrozenStruct, frozen=True, kw_only=True):
    """A decision that outranks matching: a serial or a log-in belongs to the person who has the key `person`."""

    serial: str | None = None
    login: Key | None = None
    person: Key
    until: date | None = None


class Correction(FrozenStruct, frozen=True, kw_only=True):
    """A fact about a device that a person knows better than the sources. Ends with the term unless stated otherwise."""

    device: str
    field: Literal["purpose", "unit", "condition", "holder"]
    value: str
    until: date | None = None
    reason: str = ""


class Parking(FrozenStruct, frozen=True, kw_only=True):
    """A gap that is left out of alerts until a day, inclusive."""

    kind: str
    subject_id: str
    until: date
    reason: str = ""
