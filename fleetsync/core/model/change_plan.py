"""What pulls would change if they were accepted.

A plan is computed and shown to a person before anything is applied. It counts, and names a few persons and devices that would
change by id: never a protected person or a child, and no log-in or name of anybody.
"""

from collections.abc import Mapping
from typing import Literal

from fleetsync.core.model.base import FrozenStruct
from fleetsync.core.model.vocabulary import Subject

RecordChange = Literal["new", "changed", "returned", "absent"]


class CoverageChange(FrozenStruct, frozen=True, kw_only=True):
    """How the numbers of one entitlement would change, of one unit or (unit "") of all."""

    unit: str
    entitlement: str
    entitled_before: int
    entitled_after: int
    covered_before: int
    covered_after: int


class UnitRecordChanges(FrozenStruct, frozen=True, kw_only=True):
    """How many records of the persons and devices of one unit would change."""

    unit: str
    new: int = 0
    changed: int = 0
    returned: int = 0
    absent: int = 0


class SampledChange(FrozenStruct, frozen=True, kw_only=True):
    """One of the persons and devices whose records would change. `label`: the serial of a device; "" of a person."""

    change: RecordChange
    subject: Subject
    subject_id: str
    unit: str
    label: str = ""


class ChangePlan(FrozenStruct, frozen=True, kw_only=True):
    """What pulls would change if they were accepted: records, assignments, gaps and coverage.

    `coverage_totals`: of all units, by entitlement, for those of which any unit's coverage changes.
    """

    new: int = 0
    changed: int = 0
    returned: int = 0
    absent: int = 0
    assignments_begun: int = 0
    assignments_ended: int = 0
    gaps_opened: Mapping[str, int] = {}
    gaps_closed: Mapping[str, int] = {}
    coverage_changes: tuple[CoverageChange, ...] = ()
    coverage_totals: tuple[CoverageChange, ...] = ()
    units: tuple[UnitRecordChanges, ...] = ()
    samples: tuple[SampledChange, ...] = ()
