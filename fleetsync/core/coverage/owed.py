"""Who is owed devices: persons by their entitlement, and units' pools by their number of heads.

Pure. What is owed is decided in `entitlement`; here it gets the unit under which it is shown, the groups whose sets can
serve it, and whether its coverage can be decided at all.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from fleetsync.core.coverage.resolution import Resolution
from fleetsync.core.entitlement import owed_to_pools
from fleetsync.core.lifecycle import counts_as_assigned, is_countable
from fleetsync.core.measures import shown_unit
from fleetsync.core.model import DeviceCase, OwedDevices, PartRole, PartState, PersonState, Purpose

DEVICE_ROLES = frozenset({PartRole.MDM, PartRole.LIST})  # before these were read, nobody can be said to have no device


def owed_devices(resolution: Resolution) -> tuple[OwedDevices, ...]:
    """What each person and each pool is owed, under the unit where it is shown, with the groups whose sets can serve it."""
    context, hidden = resolution.context, resolution.hidden
    served = _served_groups(resolution.cases)
    blind = any(_was_never_read(part) for part in context.parts if part.role in DEVICE_ROLES)
    unclear = _ambiguous_holders(resolution)
    people = [
        msgspec.structs.replace(
            debt,
            unit=shown_unit(debt.unit, debt.entitlement, hidden),
            groups=_set_groups(person_state, served.get(debt.unit, frozenset())),
            decidable=debt.decidable and not blind and debt.subject_id not in unclear,
        )
        for person_state in resolution.states
        if (debt := person_state.owed) is not None
    ]
    return (*people, *_pools_by_shown_unit(owed_to_pools(resolution.states, context), hidden, blind))


def _was_never_read(part: PartState) -> bool:
    return part.first_complete_at is None and not part.disabled


def _ambiguous_holders(resolution: Resolution) -> frozenset[str]:
    """Persons to whom a device that would count for what they are owed may belong, as it may to somebody else."""
    context = resolution.context
    rules = {
        state.person: context.rule_at(context.rules_by_id[state.owed.entitlement], state.owed.unit)
        for state in resolution.states
        if state.owed is not None
    }
    return frozenset(
        person
        for case in resolution.cases
        if case.placement.purpose in (Purpose.PERSONAL, Purpose.LOAN)
        for person in case.placement.claimed_by
        if person in rules and counts_as_assigned(rules[person], case)
    )


def _pools_by_shown_unit(owed: Iterable[OwedDevices], hidden: frozenset[str], blind: bool) -> Iterable[OwedDevices]:
    by_id: dict[str, OwedDevices] = {}
    for debt in owed:
        unit = shown_unit(debt.unit, debt.entitlement, hidden)
        pool_id = pool_id_of(debt.entitlement, unit)
        beside = by_id.get(pool_id)
        by_id[pool_id] = msgspec.structs.replace(
            debt,
            unit=unit,
            subject_id=pool_id,
            count=debt.count + (beside.count if beside else 0),
            heads=debt.heads + (beside.heads if beside else 0),
            decidable=debt.decidable and not blind,
        )
    return by_id.values()


def pool_id_of(entitlement: str, unit: str) -> str:
    """The id of the pool that *entitlement* owes at *unit*."""
    return f"{entitlement}@{unit}"


def _served_groups(cases: Iterable[DeviceCase]) -> Mapping[str, frozenset[str]]:
    """Per unit the groups that a set names. A set whose devices are gone serves nobody and is left out."""
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for case in cases:
        if case.placement.purpose is Purpose.SET and is_countable(case):
            groups[case.placement.unit].update(case.placement.serves)
    return {unit: frozenset(names) for unit, names in groups.items()}


def _set_groups(person_state: PersonState, served: frozenset[str]) -> tuple[str, ...]:
    """The one group whose sets serve the person: the class, else the group of another type that began last and has a set."""
    for group in ((person_state.class_group,) if person_state.class_group else ()) + person_state.groups:
        if group in served:
            return (group,)
    return (person_state.class_group,) if person_state.class_group else ()
