"""What nothing shows: the devices without a unit or a purpose that no proposal would decide, by what they have in common.

Pure.
"""

from collections.abc import Collection
from typing import Literal

from fleetsync.core.context import Context
from fleetsync.core.model import UNPLACED, FrozenStruct, Outcome, Purpose
from fleetsync.core.proposals.evidence import FEWEST_DEVICES, devices_by_pattern, spoken_name

STATUS_FIELD = "status"  # says nothing of a place, and half of a source's devices share one
MOST_GROUPS = 5  # of each kind; the lists of gaps have them all


class LeftOver(FrozenStruct, frozen=True, kw_only=True):
    """Devices that share a text of a source, and all lack a unit or a purpose. `spoken`: as in `UnitMapProposal`."""

    source: str
    field: str
    pattern: str
    devices: int
    lacking: Literal["unit", "purpose"]
    spoken: str = ""


def left_over(
    outcome: Outcome, context: Context, placed: Collection[str], given_purpose: Collection[str]
) -> tuple[LeftOver, ...]:
    """The largest groups. *placed* and *given_purpose*: devices that a proposal would decide."""
    without_unit = {
        case.device.id for case in outcome.devices if case.placement.unit == UNPLACED and case.device.id not in placed
    }
    without_purpose = {
        case.device.id
        for case in outcome.devices
        if case.placement.purpose is Purpose.UNSORTED and case.device.id not in given_purpose
    }
    return (*_groups(outcome, context, without_unit, "unit"), *_groups(outcome, context, without_purpose, "purpose"))


def _groups(outcome: Outcome, context: Context, lacking: set[str], what: Literal["unit", "purpose"]) -> list[LeftOver]:
    """The texts that most of *lacking* share, locations before others, each device counted once."""
    groups = [
        (key, {case.device.id for case in cases})
        for key, cases in devices_by_pattern(outcome).items()
        if key[1] != STATUS_FIELD
    ]
    largest: list[LeftOver] = []
    for _ in range(MOST_GROUPS):
        groups = [(key, rest) for key, devices in groups if len(rest := devices & lacking) >= FEWEST_DEVICES]
        if not groups:
            break
        key, devices = max(groups, key=lambda group: (group[0][1] == "location", len(group[1]), group[0]))
        spoken = spoken_name(key, context)
        largest.append(
            LeftOver(
                source=key[0],
                field=key[1],
                pattern=key[2],
                devices=len(devices),
                lacking=what,
                spoken="" if spoken == key[2] else spoken,
            )
        )
        lacking = lacking - devices
    return largest
