"""What earlier reconciliations concluded and the store remembers: gaps, entitlements, assignments, daily coverage.

A reconciliation reads these values as input and writes them as output. That is how it knows since when something holds.
Each describes what was known at a time; a fact that arrives late never rewrites it.
"""

from datetime import date, datetime

from fleetsync.core.model.base import FrozenStruct, Text
from fleetsync.core.model.vocabulary import CoveredBy, Stage, Subject


class StageSince(FrozenStruct, frozen=True):
    """The stage of a device at the last reconciliation, and since when it has been in it."""

    stage: Stage
    since: datetime


class Episode(FrozenStruct, frozen=True, kw_only=True):
    """A gap from its opening to its closing.

    `known_before`: the first complete pull already showed it, so it is older than `opened_at` by an unknown time.
    """

    kind: str
    subject: Subject
    subject_id: str
    unit: str
    opened_at: datetime
    closed_at: datetime | None = None
    known_before: bool = False
    parked_until: date | None = None
    reason: Text

    @property
    def key(self) -> tuple[str, str]:
        """(kind, subject id): findings with the same key belong to the same episode."""
        return (self.kind, self.subject_id)

    def is_parked(self, on: date) -> bool:
        """Whether it is left out of alerts on the day *on*."""
        return self.parked_until is not None and on <= self.parked_until


class OwedDevices(FrozenStruct, frozen=True, kw_only=True):
    """How many devices a person or a pool is owed, by which rule and why. `heads`: of a pool, 1 for a person."""

    entitlement: str
    subject: Subject  # PERSON or POOL
    subject_id: str
    unit: str
    groups: tuple[str, ...] = ()
    count: int
    heads: int = 1
    decidable: bool = True  # False: without an assigned device it is unknown, not short
    reason: Text


class Assignment(FrozenStruct, frozen=True, kw_only=True):
    """Which person, set or pool a device serves, and whether it works."""

    device: str
    by: CoveredBy
    entitlement: str
    subject_id: str  # person, set or pool
    unit: str
    groups: tuple[str, ...] = ()  # of a set
    works: bool | None  # None: cannot be decided
    without_contact: bool = False  # works on a list's word alone
    reason: Text


class RunningAssignment(FrozenStruct, frozen=True):
    """An assignment that holds now, with its start. `known_before`: as in `Episode`."""

    assignment: Assignment
    since: datetime
    known_before: bool = False


class AssignmentInterval(FrozenStruct, frozen=True):
    """An assignment as it was known from `since` until `until` (None: still).

    It ends also when the device starts or stops working, or when that can no longer be decided.
    """

    assignment: Assignment
    since: datetime
    until: datetime | None = None
    known_before: bool = False  # as in `Episode`: it began some time before `since`


class CoverageDay(FrozenStruct, frozen=True, kw_only=True):
    """The published numbers of one unit, entitlement and day; no personal data."""

    day: date
    unit: str
    entitlement: str
    entitled: int
    heads: int = 0
    assigned_own: int = 0
    assigned_set: int = 0
    assigned_pool: int = 0
    covered_own: int = 0
    covered_set: int = 0
    covered_pool: int = 0
    covered_without_contact: int = 0  # part of covered
    unknown: int = 0
    surplus: int = 0
    undecided: int = 0
    on_leave: int = 0
    working_devices: int = 0

    @property
    def assigned(self) -> int:
        """Owed devices that exist."""
        return self.assigned_own + self.assigned_set + self.assigned_pool

    @property
    def covered(self) -> int:
        """Owed devices that exist and work."""
        return self.covered_own + self.covered_set + self.covered_pool

    @property
    def short(self) -> int:
        """entitled − covered − unknown."""
        return self.entitled - self.covered - self.unknown

    @property
    def ratio(self) -> float | None:
        """covered / entitled; None with nothing entitled."""
        return self.covered / self.entitled if self.entitled else None

    @property
    def ratio_at_best(self) -> float | None:
        """The ratio as if everything unknown were covered; None with nothing entitled."""
        return (self.covered + self.unknown) / self.entitled if self.entitled else None


class CoverageSum(FrozenStruct, frozen=True):
    """How many of the devices owed on a day existed and worked, in one unit, or in several together (`unit` "")."""

    day: date
    unit: str
    entitlement: str
    covered: int
    entitled: int
