"""Proposals for the configuration: units, places and purposes that the sources themselves give evidence of.

Pure. A proposal is never applied: somebody reads it with its evidence and copies the lines. `propose` is the entry.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from msgspec.structs import replace

from fleetsync.core.calendar import Calendars
from fleetsync.core.coverage import build_context, reconcile_in
from fleetsync.core.model import BelievedState, FrozenStruct, Moment, Policy, Purpose, UnitMap
from fleetsync.core.proposals.evidence import NAME_FIELD, PlaceEvidence
from fleetsync.core.proposals.left_over import LeftOver, left_over
from fleetsync.core.proposals.places import UnitMapProposal, unit_map_candidates
from fleetsync.core.proposals.purposes import DeviceRuleProposal, device_rule_candidates
from fleetsync.core.proposals.units import UnitProposal, own_organisation_number, propose_units

P = TypeVar("P", UnitMapProposal, DeviceRuleProposal)


class Proposals(FrozenStruct, frozen=True, kw_only=True):
    """What somebody may add to the configuration, what decides most first; and devices that nothing is proposed for.

    `organisation_number`: of the municipality, where it is not configured and a register gives it.
    """

    organisation_number: str = ""
    units: tuple[UnitProposal, ...] = ()
    unit_maps: tuple[UnitMapProposal, ...] = ()
    device_rules: tuple[DeviceRuleProposal, ...] = ()
    left_over: tuple[LeftOver, ...] = ()


def propose(
    believed: BelievedState,
    policy: Policy,
    calendars: Calendars,
    moment: Moment,
    purpose_words: Mapping[str, Purpose],
) -> Proposals:
    """Everything that what is believed gives evidence of. Purposes are looked for as if the proposed places were configured.

    *purpose_words*: what the words of device lists mean; its keys are words as `normalised_word` gives them. Names of
    devices are taken into account where the records hold them.
    """
    context = build_context(believed, policy, calendars, moment)
    units = propose_units(context)
    unit_maps, placed = _without_repetition(unit_map_candidates(reconcile_in(context).outcome, context))
    context = build_context(believed, _with_unit_maps(policy, unit_maps), calendars, moment)
    outcome = reconcile_in(context).outcome
    # The first rule that fits a device decides, and a class says more than a word such as "shared".
    rules = device_rule_candidates(outcome, context, purpose_words)
    device_rules, given_purpose = _without_repetition(rules, lambda rule: rule.purpose is not Purpose.SET)
    return Proposals(
        organisation_number="" if policy.organisation_numbers else own_organisation_number(units),
        units=units,
        unit_maps=unit_maps,
        device_rules=device_rules,
        left_over=left_over(outcome, context, placed, given_purpose),
    )


def without_device_names(proposals: Proposals) -> Proposals:
    """*proposals* without those that look at names of devices, and without such names among what is left over."""
    return replace(
        proposals,
        unit_maps=tuple(each for each in proposals.unit_maps if each.field != NAME_FIELD),
        device_rules=tuple(each for each in proposals.device_rules if each.field != NAME_FIELD),
        left_over=tuple(each for each in proposals.left_over if each.field != NAME_FIELD),
    )


def _with_unit_maps(policy: Policy, proposals: Iterable[UnitMapProposal]) -> Policy:
    lines = (UnitMap(source=line.source, field=line.field, pattern=line.pattern, unit=line.unit) for line in proposals)
    return replace(policy, unit_maps=(*policy.unit_maps, *lines))


def _without_repetition(
    candidates: Iterable[tuple[P, frozenset[str]]], is_later: Callable[[P], bool] = lambda _: False
) -> tuple[tuple[P, ...], frozenset[str]]:
    """The proposals, those that decide most devices first, and all devices that they decide.

    One is left out where others before it decide all of its devices. *is_later*: which come after all others.
    """
    decided: set[str] = set()
    proposals = []
    for proposal, devices in sorted(candidates, key=lambda pair: (is_later(pair[0]), -len(pair[1]), repr(pair[0]))):
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
    "without_device_names",
]
