"""Proposals for the configuration: units, places and purposes that the sources themselves give evidence of.

Pure. A proposal is never applied: somebody reads it with its evidence and copies the lines. `propose` is the entry.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from fleetsync.core.context import Context
from fleetsync.core.model import FrozenStruct, Outcome, Purpose
from fleetsync.core.proposals.evidence import PlaceEvidence
from fleetsync.core.proposals.left_over import LeftOver, left_over
from fleetsync.core.proposals.places import UnitMapProposal, unit_map_candidates
from fleetsync.core.proposals.purposes import DeviceRuleProposal, device_rule_candidates
from fleetsync.core.proposals.units import UnitProposal, propose_units

P = TypeVar("P", UnitMapProposal, DeviceRuleProposal)


class Proposals(FrozenStruct, frozen=True, kw_only=True):
    """What somebody may add to the configuration, what decides most first; and devices that nothing is proposed for."""

    units: tuple[UnitProposal, ...] = ()
    unit_maps: tuple[UnitMapProposal, ...] = ()
    device_rules: tuple[DeviceRuleProposal, ...] = ()
    left_over: tuple[LeftOver, ...] = ()


def propose(outcome: Outcome, context: Context, purpose_words: Mapping[str, Purpose]) -> Proposals:
    """Everything that *outcome*, reconciled in *context*, gives evidence of.

    *purpose_words*: what the words of device lists mean, in small letters and digits without accents. Names of devices
    are taken into account where the records hold them.
    """
    unit_maps, placed = _without_repetition(unit_map_candidates(outcome, context))
    device_rules, given_purpose = _without_repetition(device_rule_candidates(outcome, context, purpose_words))
    return Proposals(
        units=propose_units(context),
        unit_maps=unit_maps,
        device_rules=device_rules,
        left_over=left_over(outcome, placed, given_purpose),
    )


def _without_repetition(candidates: Iterable[tuple[P, frozenset[str]]]) -> tuple[tuple[P, ...], frozenset[str]]:
    """The proposals, those that decide most devices first, and all devices that they decide.

    One is left out where others before it decide all of its devices.
    """
    decided: set[str] = set()
    proposals = []
    for proposal, devices in sorted(candidates, key=lambda pair: (-len(pair[1]), repr(pair[0]))):
        if devices - decided:
            decided |= devices
            proposals.append(proposal)
    return tuple(proposals), frozenset(decided)


__all__ = [
    "DeviceRuleProposal",
    "LeftOver",
    "PlaceEvidence",
    "Proposals",
    "UnitMapProposal",
    "UnitProposal",
    "propose",
]
