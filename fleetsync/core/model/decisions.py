"""Decisions that people enter by hand and that outrank what the sources say.

Each may have a last day; after it the decision has no effect.
"""

from datetime import date
from typing import Literal

from fleetsync.core.model.base import FrozenStruct
from fleetsync.core.model.records import Key


class _Expiring(FrozenStruct, frozen=True, kw_only=True):
    """A decision with a last day, `until`, on which it still holds; None: without end."""

    until: date | None = None

    def is_in_force(self, today: date) -> bool:
        """Whether it has not expired. `until` is included."""
        return self.until is None or today <= self.until


class Override(_Expiring, frozen=True, kw_only=True):
    """A decision that outranks matching: a serial or a log-in belongs to the person who has the key `person`."""

    serial: str | None = None
    login: Key | None = None
    person: Key


CorrectedField = Literal["purpose", "unit", "condition", "holder"]


class Correction(_Expiring, frozen=True, kw_only=True):
    """A fact about a device that a person knows better than the sources. Ends with the term unless stated otherwise.

    `value`: of "holder" the id of a person, or "" for nobody; of "unit" a slug; else a word of `Purpose` or `Condition`.
    """

    device: str
    field: CorrectedField
    value: str
    reason: str = ""


class DeviceCount(_Expiring, frozen=True, kw_only=True):
    """How many working devices of a set or pool a person counted by hand, in place of those that the sources know."""

    subject_id: str  # of the set or pool
    count: int
    reason: str = ""


COUNT_FIELD = "count"
"""The field of a device count, where one is named beside the fields of devices."""


class Parking(FrozenStruct, frozen=True, kw_only=True):
    """A gap that is left out of alerts until a day, inclusive."""

    kind: str
    subject_id: str
    until: date
    reason: str = ""
