"""What page and commands ask of the store about decisions by hand: parked gaps, corrected facts and published units.

A part of `fleetsync.expose.ports`. The rules for such decisions are in `fleetsync.expose.decision_checks`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

import msgspec

from fleetsync.core.model import Correction, DeviceCount


class EnteredCorrection(msgspec.Struct, frozen=True, kw_only=True):
    """A correction with who entered it, and why it no longer counts.

    `field` is one of a device, or `COUNT_FIELD` of a set or pool. `ended_how`: "taken_back", "replaced", "agreed" (the
    sources say the same by now); "" while nobody has ended it, also after its last day.
    """

    number: int
    subject_id: str
    field: str
    value: str
    until: date | None
    reason: str
    who: str
    at: datetime
    ended_at: datetime | None = None
    ended_how: str = ""
    ended_by: str = ""

    def is_in_force(self, today: date) -> bool:
        """Whether it counts on *today*."""
        return not self.ended_how and (self.until is None or today <= self.until)


def fields_in_force(entered: Iterable[EnteredCorrection], today: date) -> frozenset[str]:
    """The fields of which one of *entered* counts on *today*."""
    return frozenset(each.field for each in entered if each.is_in_force(today))


class EnteredParking(msgspec.Struct, frozen=True, kw_only=True):
    """A parked gap with who parked it, and why."""

    until: date
    reason: str
    who: str
    at: datetime


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """That a person ended the trial of a unit."""

    who: str
    at: datetime


class ManualDecisions(Protocol):
    """What people decide about gaps, facts and units. Each is in the audit, can be taken back, and wakes the main loop.

    Nothing is checked here but what only the database knows: `fleetsync.expose.decision_checks` has the rules.
    """

    def park(self, gaps: Sequence[tuple[str, str]], until: date, *, who: str, reason: str) -> None:
        """Leave gaps (kind, subject id) out of alerts until *until*, included."""
        ...

    def unpark(self, gaps: Sequence[tuple[str, str]], *, who: str) -> None:
        """Let parked gaps be in alerts again. Raises DecisionError for one that is not parked."""
        ...

    def parking(self, kind: str, subject_id: str) -> EnteredParking | None:
        """Who parked a gap; None: nobody."""
        ...

    def correct(self, entry: Correction | DeviceCount, *, who: str) -> int:
        """Keep a correction in place of an earlier one of the same fact; its number."""
        ...

    def take_back(self, number: int, *, who: str) -> EnteredCorrection:
        """End a correction; as it was. Raises DecisionError for one that has ended."""
        ...

    def corrections(self, subject_ids: Collection[str] | None = None) -> Sequence[EnteredCorrection]:
        """Those of the devices, sets and pools *subject_ids* (None: of all), in force first, then the newest first."""
        ...

    def publish(self, unit: str, *, who: str) -> None:
        """End the trial of a unit."""
        ...

    def unpublish(self, unit: str, *, who: str) -> None:
        """Put a unit in trial again. Raises DecisionError for one that no person has published."""
        ...

    def publications(self) -> Mapping[str, Publication]:
        """By unit whose trial a person has ended."""
        ...
