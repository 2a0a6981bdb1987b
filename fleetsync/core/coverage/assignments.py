"""Which device serves whom: own devices, sets and pools, each by the first entitlement that it can serve.

Pure. A device counts for one entitlement, once. Which member of a group uses which device of a set is never guessed.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from fleetsync.core.context import Context
from fleetsync.core.coverage.counted_heads import WORKING_FIRST, devices_by_heads
from fleetsync.core.coverage.owed import pool_id_of
from fleetsync.core.coverage.published_cells import is_entitlement_possible, unit_by_slug
from fleetsync.core.coverage.resolution import Resolution
from fleetsync.core.entitlement import is_served_by
from fleetsync.core.lifecycle import accepts, counts_as_assigned, works_for
from fleetsync.core.measures import shown_unit
from fleetsync.core.model import (
    Assignment,
    CoverageShare,
    CoveredBy,
    DeviceCase,
    Entitlement,
    OwedDevices,
    Purpose,
    Stage,
    Subject,
)

NON_STOCK_STAGES = frozenset({Stage.RETIRED, Stage.LOST, Stage.IN_REPAIR})


def assign_devices(resolution: Resolution, owed: Sequence[OwedDevices]) -> tuple[Assignment, ...]:
    """All assignments, by device: own devices to their holders, sets to their groups, pool devices to their pools."""
    context = resolution.context
    by_person = {debt.subject_id: debt for debt in owed if debt.subject is Subject.PERSON}
    of_groups = _group_entitlements(owed, context.rules)
    by_heads = devices_by_heads(resolution, owed, of_groups)
    assignments = [*_pool_assignments(resolution, owed)]
    assignments += [
        _assignment(shared.case, CoveredBy.POOL, shared.rule, shared.pool_id, shared.unit) for shared in by_heads
    ]
    counted = {shared.case.device.id for shared in by_heads}
    for case in resolution.cases:
        if case.device.id in counted:
            continue
        if case.placement.purpose in (Purpose.PERSONAL, Purpose.LOAN):
            assignments += _own_assignments(case, by_person, context)
        elif case.placement.purpose is Purpose.SET:
            assignments += _set_assignments(case, of_groups, context)
    return tuple(sorted(assignments, key=lambda assignment: assignment.device))


def _assignment(case: DeviceCase, by: CoveredBy, rule: Entitlement, subject_id: str, unit: str) -> Assignment:
    works, reason = works_for(rule, case)
    return Assignment(
        device=case.device.id,
        by=by,
        entitlement=rule.id,
        subject_id=subject_id,
        unit=unit,
        groups=tuple(sorted(set(case.placement.serves))) if by is CoveredBy.SET else (),
        works=works,
        without_contact=works is True and case.device_state.without_contact,
        reason=reason,
    )


def _own_assignments(case: DeviceCase, by_person: Mapping[str, OwedDevices], context: Context) -> Iterable[Assignment]:
    debt = by_person.get(case.placement.holder or "")
    if debt is None:
        return
    rule = context.rule_at(context.rules_by_id[debt.entitlement], debt.unit)
    if is_served_by(rule, CoveredBy.OWN) and counts_as_assigned(rule, case):
        yield _assignment(case, CoveredBy.OWN, rule, debt.subject_id, debt.unit)


def _set_assignments(
    case: DeviceCase, of_groups: Mapping[tuple[str, str], Entitlement], context: Context
) -> Iterable[Assignment]:
    unit, groups = case.placement.unit, case.placement.serves
    owing = [rule for group in groups if (rule := of_groups.get((unit, group))) is not None]
    municipal = min(owing, key=context.rules.index) if owing else _default_set_entitlement(unit, context)
    rule = None if municipal is None else context.rule_at(municipal, unit)
    if rule is not None and counts_as_assigned(rule, case):
        yield _assignment(case, CoveredBy.SET, rule, _set_id(unit, groups), unit)


def _set_id(unit: str, groups: Iterable[str]) -> str:
    # A class of two years may be called "4+5"; that is not the set of the classes 4 and 5.
    names = (group.replace("\\", "\\\\").replace("+", "\\+") for group in sorted(set(groups)))
    return f"{unit}/{'+'.join(names)}"


def _group_entitlements(
    owed: Sequence[OwedDevices], rules: Sequence[Entitlement]
) -> Mapping[tuple[str, str], Entitlement]:
    """Per unit and group the first rule in file order that owes a member of it."""
    place = {rule.id: index for index, rule in enumerate(rules) if is_served_by(rule, CoveredBy.SET)}
    first: dict[tuple[str, str], Entitlement] = {}
    for debt in owed:
        if debt.subject is not Subject.PERSON or debt.entitlement not in place:
            continue
        for group in debt.groups:
            known = first.get((debt.unit, group))
            if known is None or place[debt.entitlement] < place[known.id]:
                first[(debt.unit, group)] = rules[place[debt.entitlement]]
    return first


def _default_set_entitlement(unit: str, context: Context) -> Entitlement | None:
    """The rule whose surplus a set without members is: the first that sets serve and whose school forms the unit has."""
    forms = set(unit_by_slug(unit, context.unit_directory).school_forms)
    possible = (rule for rule in context.rules if unit in (rule.units or (unit,)))
    served_by_sets = (rule for rule in possible if is_served_by(rule, CoveredBy.SET))
    return next((rule for rule in served_by_sets if forms & set(rule.who.school_forms)), None)


def _pool_assignments(resolution: Resolution, owed: Sequence[OwedDevices]) -> Iterable[Assignment]:
    """A unit's pool devices, working ones first, then unknown ones, to its pools in file order until the places of each are filled.

    What is left over, or is at a unit that is owed no pool, is surplus of the first pool rule that accepts it there.
    """
    room = Counter({debt.subject_id: debt.count for debt in owed if debt.subject is Subject.POOL})
    rules = [rule for rule in resolution.context.rules if is_served_by(rule, CoveredBy.POOL)]
    shared = (case for case in resolution.cases if case.placement.purpose is Purpose.POOL)
    for case in sorted(shared, key=lambda case: (WORKING_FIRST[case.device_state.works], case.device.id)):
        rule = _pool_entitlement(case, rules, room, resolution)
        if rule is not None:
            unit = shown_unit(case.placement.unit, rule.id, resolution.hidden)
            pool_id = pool_id_of(rule.id, unit)
            room[pool_id] -= 1
            yield _assignment(case, CoveredBy.POOL, rule, pool_id, unit)


def _pool_entitlement(
    case: DeviceCase, rules: Sequence[Entitlement], room: Mapping[str, int], resolution: Resolution
) -> Entitlement | None:
    slug, context = case.placement.unit, resolution.context
    unit = unit_by_slug(slug, context.unit_directory)
    taking = [raised for rule in rules if counts_as_assigned(raised := context.rule_at(rule, slug), case)]
    pools = {rule.id: pool_id_of(rule.id, shown_unit(slug, rule.id, resolution.hidden)) for rule in taking}
    with_room = (rule for rule in taking if room.get(pools[rule.id], 0) > 0)
    owing = (rule for rule in taking if pools[rule.id] in room)
    possible = (rule for rule in taking if is_entitlement_possible(unit, rule))
    return next((rule for rules in (with_room, owing, possible, taking) for rule in rules), None)


def stock_shares(cases: Iterable[DeviceCase], rules: Sequence[Entitlement]) -> Iterable[CoverageShare]:
    """The surplus of stock: devices of purpose stock, in contact or not, by the first rule that accepts their kind."""
    for case in cases:
        if (
            case.placement.purpose is not Purpose.STOCK
            or case.device_state.stage in NON_STOCK_STAGES
            or not case.device.records
        ):
            continue
        rule = next((rule for rule in rules if accepts(rule, case)), None)
        if rule is not None:
            yield CoverageShare(
                unit=case.placement.unit,
                entitlement=rule.id,
                subject=Subject.DEVICE,
                subject_id=case.device.id,
                surplus=1,
                devices=(case.device.id,),
                reason=case.placement.purpose_reason,
            )
