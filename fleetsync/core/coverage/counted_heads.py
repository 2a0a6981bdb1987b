"""Which devices serve people whom only a head count knows: the unit's devices in somebody's use, as far as there are heads.

Pure. Nobody can say which of these people has which device, so the devices are shared out to the entitlements of their unit:
in file order, working ones first, and of those the ones that the fewest other entitlements there accept.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

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
    by_unit: defaultdict[str, list[OwedDevices]] = defaultdict(list)
    for debt in owed:
        if debt.subject is Subject.POOL and mode_of(resolution.context.rules_by_id[debt.entitlement]).owes_persons:
            by_unit[debt.unit].append(debt)
    if not by_unit:
        return ()
    usable = [case for case in resolution.cases if _is_in_use_by_somebody(case, of_groups)]
    return tuple(device for unit, debts in by_unit.items() for device in _shared_out(unit, debts, usable, resolution))


def _is_in_use_by_somebody(case: DeviceCase, of_groups: GroupEntitlements) -> bool:
    placement = case.placement
    if placement.purpose is Purpose.SET:
        return not any((placement.unit, group) in of_groups for group in placement.serves)
    return placement.purpose in (Purpose.PERSONAL, Purpose.LOAN) and not (placement.holder or placement.claimed_by)


def _shared_out(
    unit: str, debts: Sequence[OwedDevices], usable: Iterable[DeviceCase], resolution: Resolution
) -> Iterable[DeviceByHeads]:
    rules = [resolution.context.rules_by_id[debt.entitlement] for debt in debts]
    able = {
        rule.id: [case for case in usable if _is_at(case, unit, rule, resolution) and _may_serve(rule, case)]
        for rule in rules
    }
    wanted = Counter(case.device.id for cases in able.values() for case in cases)
    taken: set[str] = set()
    for debt, rule in zip(debts, rules, strict=True):
        free = [case for case in able[rule.id] if case.device.id not in taken]
        free.sort(key=lambda case: (WORKING_FIRST[works_for(rule, case)[0]], wanted[case.device.id], case.device.id))
        for case in free[: debt.count]:
            taken.add(case.device.id)
            yield DeviceByHeads(case, rule, debt.subject_id, unit)


def _is_at(case: DeviceCase, unit: str, rule: Entitlement, resolution: Resolution) -> bool:
    return shown_unit(case.placement.unit, rule.id, resolution.hidden) == unit


def _may_serve(rule: Entitlement, case: DeviceCase) -> bool:
    by = CoveredBy.SET if case.placement.purpose is Purpose.SET else CoveredBy.OWN
    return is_served_by(rule, by) and counts_as_assigned(rule, case)
