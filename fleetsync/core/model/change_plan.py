"""What pulls would change if they were accepted.

A plan is computed and shown to a person before anything is applied. It only counts; it names no person and no device.
"""

from collections.abc import Mapping

from fleetsync.core.model.base import FrozenStruct


class CoverageChange(FrozenStruct, frozen=True, kw_only=True):
    """How the numbers of one unit and entitlement would change."""

    unit: str
    entitlement: str
    entitled_before: int
    entitled_after: int
    covered_before: int
    covered_after: int


class ChangePlan(FrozenStruct, frozen=True, kw_only=True):
    """What pulls would change if they were accepted: records, assignments, gaps and coverage."""

    new: int = 0
    changed: int = 0
    returned: int = 0
    absent: int = 0
    assignments_begun: int = 0
    assignments_ended: int = 0
    gaps_opened: Mapping[str, int] = {}
    gaps_closed: Mapping[str, int] = {}
    coverage_changes: tuple[CoverageChange, ...] = ()
