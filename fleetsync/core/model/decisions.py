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


CorrectedField = Literal["purpose", "unit", "condition", "holder"]


class Correction(FrozenStruct, frozen=True, kw_only=True):
    """A fact about a device that a person knows better than the sources. Ends with the term unless stated otherwise.

    `value`: of "holder" the id of a person, or "" for nobody; of "unit" a slug; else a word of `Purpose` or `Condition`.
    """

    device: str
    field: CorrectedField
    value: str
    until: date | None = None
    reason: str = ""

    def is_in_force(self, today: date) -> bool:
        """Whether it has not expired. `until` is included."""
        return self.until is None or today <= self.until


class DeviceCount(FrozenStruct, frozen=True, kw_only=True):
    """How many working devices of a set or pool a person counted by hand, in place of those that the sources know."""

    subject_id: str  # of the set or pool
    count: int
    until: date | None = None
    reason: str = ""

    def is_in_force(self, today: date) -> bool:
        """Whether it has not expired. `until` is included."""
        return self.until is None or today <= self.until


COUNT_FIELD = "count"
"""The field of a device count, where one is named beside the fields of devices."""


class Parking(FrozenStruct, frozen=True, kw_only=True):
    """A gap that is left out of alerts until a day, inclusive."""

    kind: str
    subject_id: str
    until: date
    reason: str = ""
