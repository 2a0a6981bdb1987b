"""Which devices serve people whom only a head count knows: the unit's devices in somebody's use, as far as there are heads.

Pure. Nobody can say which of these people has which device, so the devices are shared out to the entitlements of their unit:
in file order, working ones first, and of those the ones that the fewest other entitlements there accept.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from fleetsync.core.context import Context
from fleetsync.core.coverage.resolution import Resolution
from fleetsync.core.entitlement import is_served_by, mode_of
from fleetsync.core.lifecycle import counts_as_assigned, works_for
from fleetsync.core.measures import shown_unit
from fleetsync.core.model import CoveredBy, DeviceCase, Entitlement, FrozenStruct, OwedDevices, Purpose, Subject

WORKING_FIRST: Mapping[bool | None, int] = {True: 0, None: 1, False: 2}  # then those of which it is unknown

GroupEntitlements = Mapping[tuple[str, str], Entitlement]  # (unit, group) → the rule whose persons its sets serve


class DeviceByHeads(FrozenStruct, frozen=True):
    """A device that serves one of the heads of a unit."""

    case: DeviceCase
    rule: Entitlement
    pool_id: str
    unit: str


def devices_by_heads(
    resolution: Resolution, owed: Iterable[OwedDevices], of_groups: GroupEntitlements
) -> tuple[DeviceByHeads, ...]:
    """The devices of each unit that serve its heads. One with a holder, or of a set with members, serves these instead."""
    rules_by_id = resolution.context.rules_by_id
    by_unit: defaultdict[str, list[OwedDevices]] = defaultdict(list)
    for debt in owed:
        if debt.subject is Subject.POOL and mode_of(rules_by_id[debt.entitlement]).owes_persons:
            by_unit[debt.unit].append(debt)
    if not by_unit:
        return ()
    owing = {debt.entitlement for debts in by_unit.values() for debt in debts}
    able = _able_to_serve([rules_by_id[entitlement] for entitlement in owing], resolution, of_groups)
    context = resolution.context
    return tuple(device for unit, debts in by_unit.items() for device in _shared_out(unit, debts, context, able))


def _able_to_serve(
    rules: Iterable[Entitlement], resolution: Resolution, of_groups: GroupEntitlements
) -> Mapping[tuple[str, str], Sequence[DeviceCase]]:
    """The devices that may serve heads, by the unit where they are counted and the rule."""
    able: defaultdict[tuple[str, str], list[DeviceCase]] = defaultdict(list)
    usable = [case for case in resolution.cases if _is_in_use_by_somebody(case, of_groups)]
    for rule in rules:
        for case in usable:
            unit = shown_unit(case.placement.unit, rule.id, resolution.hidden)
            if _may_serve(resolution.context.rule_at(rule, unit), case):
                able[unit, rule.id].append(case)
    return able


def _is_in_use_by_somebody(case: DeviceCase, of_groups: GroupEntitlements) -> bool:
    placement = case.placement
    if placement.purpose is Purpose.SET:
        return not any((placement.unit, group) in of_groups for group in placement.serves)
    return placement.purpose in (Purpose.PERSONAL, Purpose.LOAN) and not (placement.holder or placement.claimed_by)


def _shared_out(
    unit: str,
    debts: Sequence[OwedDevices],
    context: Context,
    able: Mapping[tuple[str, str], Sequence[DeviceCase]],
) -> Iterable[DeviceByHeads]:
    """The devices that serve the heads of *unit*, to which each of *debts* is owed. *able*: as `_able_to_serve` gives it."""
    able_here = {debt.entitlement: able.get((unit, debt.entitlement), ()) for debt in debts}
    wanted = Counter(case.device.id for cases in able_here.values() for case in cases)
    taken: set[str] = set()
    for debt in debts:
        rule = context.rule_at(context.rules_by_id[debt.entitlement], unit)
        free = [case for case in able_here[rule.id] if case.device.id not in taken]
        free.sort(key=lambda case: (WORKING_FIRST[works_for(rule, case)[0]], wanted[case.device.id], case.device.id))
        for case in free[: debt.count]:
            taken.add(case.device.id)
            yield DeviceByHeads(case, rule, debt.subject_id, unit)


def _may_serve(rule: Entitlement, case: DeviceCase) -> bool:
    by = CoveredBy.SET if case.placement.purpose is Purpose.SET else CoveredBy.OWN
    return is_served_by(rule, by) and counts_as_assigned(rule, case)
