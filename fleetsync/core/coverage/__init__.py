"""reconcile(believed, policy, calendars, moment) → outcome: the one judgement everything shown comes from.

Pure and deterministic: the same input gives the same outcome, in whatever order its records stand.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from fleetsync.core.calendar import Calendars
from fleetsync.core.coverage.tally import sum_coverage, tally
from fleetsync.core.entitlement import Bench, copied_groups, owed_to_pools, person_states, refresh_copies, turn_if_due
from fleetsync.core.identity import UnitDirectory, build_unit_directory, resolve_devices, resolve_people
from fleetsync.core.lifecycle import (
    accepts,
    counts_as_assigned,
    device_states,
    find_gaps,
    is_countable,
    not_working_reason_for,
)
from fleetsync.core.matching import MatchingResult, match
from fleetsync.core.measures import entitlements_with_few_unplaced, shown_unit
from fleetsync.core.model import (
    UNPLACED,
    Assignment,
    BelievedState,
    CoverageShare,
    CoveredBy,
    DeviceCase,
    DeviceSet,
    Entitlement,
    EntitlementMode,
    Moment,
    Outcome,
    OwedDevices,
    PartRole,
    PartState,
    Person,
    PersonCase,
    PersonState,
    Policy,
    Purpose,
    Stage,
    Subject,
    Text,
    Turnover,
    Unit,
)

__all__ = ["reconcile", "sum_coverage", "tally"]

DEVICE_ROLES = frozenset({PartRole.MDM, PartRole.LIST})  # parts without which nobody can be said to have none
NON_STOCK_STAGES = frozenset({Stage.RETIRED, Stage.LOST, Stage.IN_REPAIR})


class _Resolved(msgspec.Struct, frozen=True):
    """Who is who, what is what, and what is whose: everything before anything is counted."""

    people: tuple[Person, ...]
    states: tuple[PersonState, ...]
    cases: tuple[DeviceCase, ...]
    matched: MatchingResult
    book: UnitDirectory
    hidden: frozenset[str]  # entitlements of which too few are unplaced to be shown there
    turnover: Turnover | None


def reconcile(believed: BelievedState, policy: Policy, calendars: Calendars, moment: Moment) -> Outcome:
    """What is true at *moment* of everything believed, under *policy*."""
    found = _resolve(believed, policy, calendars, moment)
    rules = [rule for rule in policy.entitlements if rule.is_valid_on(moment.today)]
    owed = _owed_devices(found, owed_to_pools(found.states, found.book, policy, moment), believed.parts, rules)
    assignments = _assignments(found, owed, rules)
    shares = (*tally(owed, assignments), *_stock_shares(found.cases, rules))
    outcome = Outcome(
        moment=moment,
        units=found.book.units,
        people=_person_cases(found, owed, assignments, shares),
        devices=found.cases,
        sets=_device_sets(shares, owed, assignments),
        owed=owed,
        assignments=assignments,
        shares=shares,
        coverage=sum_coverage(
            moment.today, shares, _coverage_cells(found.book.units, rules), _undecided_and_on_leave(found)
        ),
        parts=tuple(believed.parts),
        logins=found.matched.logins,
        resolved_ids=_resolved_ids(found.people, found.cases),
        policy_fingerprint=policy.fingerprint,
        turnover=found.turnover,
    )
    opened, closed_episodes = find_gaps(outcome, believed, policy, calendars, found.book)
    return msgspec.structs.replace(
        outcome, episodes=opened, closed_episodes=closed_episodes, gap_unit_kinds=believed.gap_unit_kinds
    )


def _resolve(believed: BelievedState, policy: Policy, calendars: Calendars, moment: Moment) -> _Resolved:
    book = build_unit_directory(believed.known, policy)
    people, turnover = _people_and_turnover(believed, book, policy, calendars, moment)
    if groups := copied_groups(turnover):
        book = build_unit_directory((*believed.known, *groups), policy)
    devices = resolve_devices(believed.known, believed.parts, policy, moment)
    states = person_states(people, book, policy, calendars, believed.parts, moment, turnover)
    by_person = {person_state.person: person_state for person_state in states}
    matched = match(devices, people, by_person, book, policy, believed, moment, calendars)
    lives = device_states(
        devices, matched.placements, policy, calendars, believed.parts, believed, moment, book, by_person
    )
    cases = tuple(
        DeviceCase(device=device, placement=placement, device_state=device_state)
        for device, placement, device_state in zip(devices, matched.placements, lives, strict=True)
    )
    return _Resolved(people, states, cases, matched, book, entitlements_with_few_unplaced(states), turnover)


def _people_and_turnover(
    believed: BelievedState, book: UnitDirectory, policy: Policy, calendars: Calendars, moment: Moment
) -> tuple[tuple[Person, ...], Turnover | None]:
    """Who is who, with the memberships that were copied on the last school day, and where the turnover stands now."""
    before = believed.turnover.copies if believed.turnover else ()
    people = resolve_people(believed.known, believed.parts, policy, before)
    bench = Bench(
        policy=policy,
        calendars=calendars,
        book=book,
        parts={(part.source, part.part): part for part in believed.parts},
        moment=moment,
        turnover=believed.turnover,
    )
    turnover = refresh_copies(believed.known, people, bench)
    if turnover is not None and turnover.copies != before:
        people = resolve_people(believed.known, believed.parts, policy, turnover.copies)
    return people, turn_if_due(believed.known, people, msgspec.structs.replace(bench, turnover=turnover))


# --- who is owed ------------------------------------------------------------------------------------------------------


def _owed_devices(
    found: _Resolved, pooled: Sequence[OwedDevices], parts: Sequence[PartState], rules: Sequence[Entitlement]
) -> tuple[OwedDevices, ...]:
    served = _served_groups(found.cases)
    blind = any(part.role in DEVICE_ROLES and part.first_complete_at is None and not part.disabled for part in parts)
    unclear = _ambiguous_holders(found.cases, rules)
    people = [
        msgspec.structs.replace(
            debt,
            unit=shown_unit(debt.unit, debt.entitlement, found.hidden),
            groups=_set_groups(person_state, served.get(debt.unit, frozenset())),
            decidable=debt.decidable and not blind and (debt.entitlement, debt.subject_id) not in unclear,
        )
        for person_state in found.states
        if (debt := person_state.owed) is not None
    ]
    return (*people, *_pools_by_shown_unit(pooled, found.hidden, blind))


def _ambiguous_holders(cases: Iterable[DeviceCase], rules: Sequence[Entitlement]) -> frozenset[tuple[str, str]]:
    """Entitlement and person, wherever a device that would be counted may be his as well as somebody else's."""
    return frozenset(
        (rule.id, person)
        for case in cases
        if case.placement.claimed_by and case.placement.purpose in (Purpose.PERSONAL, Purpose.LOAN)
        for rule in rules
        if counts_as_assigned(rule, case)
        for person in case.placement.claimed_by
    )


def _pools_by_shown_unit(pooled: Iterable[OwedDevices], hidden: frozenset[str], blind: bool) -> Iterable[OwedDevices]:
    by_id: dict[str, OwedDevices] = {}
    for debt in pooled:
        unit = shown_unit(debt.unit, debt.entitlement, hidden)
        pool_id = _pool_id(debt.entitlement, unit)
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


def _pool_id(entitlement: str, unit: str) -> str:
    return f"{entitlement}@{unit}"


def _served_groups(cases: Iterable[DeviceCase]) -> Mapping[str, frozenset[str]]:
    """Per unit the groups that a set names; a cart that is gone serves nobody and keeps no other away."""
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for case in cases:
        if case.placement.purpose is Purpose.SET and is_countable(case):
            groups[case.placement.unit].update(case.placement.serves)
    return {unit: frozenset(names) for unit, names in groups.items()}


def _set_groups(person_state: PersonState, served: frozenset[str]) -> tuple[str, ...]:
    """The one group whose sets serve him: his class, else the group of another type that began last and has a set."""
    for group in ((person_state.class_group,) if person_state.class_group else ()) + person_state.groups:
        if group in served:
            return (group,)
    return (person_state.class_group,) if person_state.class_group else ()


# --- what serves whom -------------------------------------------------------------------------------------------------


def _assignments(found: _Resolved, owed: Sequence[OwedDevices], rules: Sequence[Entitlement]) -> tuple[Assignment, ...]:
    by_person = {debt.subject_id: debt for debt in owed if debt.subject is Subject.PERSON}
    by_id = {rule.id: rule for rule in rules}
    of_groups = _group_entitlements(owed, rules)
    made = [*_pool_assignments(found, owed, rules)]
    for case in found.cases:
        if case.placement.purpose in (Purpose.PERSONAL, Purpose.LOAN):
            made += _own_assignments(case, by_person, by_id)
        elif case.placement.purpose is Purpose.SET:
            made += _set_assignments(case, of_groups, rules, found.book)
    return tuple(sorted(made, key=lambda one: one.device))


def _assignment(case: DeviceCase, by: CoveredBy, rule: Entitlement, subject_id: str, unit: str) -> Assignment:
    why_not = not_working_reason_for(rule, case)
    return Assignment(
        device=case.device.id,
        by=by,
        entitlement=rule.id,
        subject_id=subject_id,
        unit=unit,
        groups=tuple(sorted(set(case.placement.serves))) if by is CoveredBy.SET else (),
        works=why_not is None,
        reason=why_not or case.device_state.works_reason,
    )


def _own_assignments(
    case: DeviceCase, by_person: Mapping[str, OwedDevices], by_id: Mapping[str, Entitlement]
) -> Iterable[Assignment]:
    debt = by_person.get(case.placement.holder or "")
    if debt is not None and counts_as_assigned(by_id[debt.entitlement], case):
        yield _assignment(case, CoveredBy.OWN, by_id[debt.entitlement], debt.subject_id, debt.unit)


def _set_assignments(
    case: DeviceCase,
    of_groups: Mapping[tuple[str, str], Entitlement],
    rules: Sequence[Entitlement],
    book: UnitDirectory,
) -> Iterable[Assignment]:
    unit, groups = case.placement.unit, case.placement.serves
    owing = [rule for group in groups if (rule := of_groups.get((unit, group))) is not None]
    rule = min(owing, key=rules.index) if owing else _default_set_entitlement(unit, rules, book)
    if rule is not None and counts_as_assigned(rule, case):
        yield _assignment(case, CoveredBy.SET, rule, _set_id(unit, groups), unit)


def _set_id(unit: str, groups: Iterable[str]) -> str:
    # A class of two years may be called "4+5": it is not the set of the classes 4 and 5.
    names = (group.replace("\\", "\\\\").replace("+", "\\+") for group in sorted(set(groups)))
    return f"{unit}/{'+'.join(names)}"


def _group_entitlements(
    owed: Sequence[OwedDevices], rules: Sequence[Entitlement]
) -> Mapping[tuple[str, str], Entitlement]:
    """Per unit and group the first rule in file order that owes a member of it."""
    place = {rule.id: index for index, rule in enumerate(rules) if rule.mode is EntitlementMode.PER_HEAD}
    first: dict[tuple[str, str], Entitlement] = {}
    for debt in owed:
        if debt.subject is not Subject.PERSON or debt.entitlement not in place:
            continue
        for group in debt.groups:
            known = first.get((debt.unit, group))
            if known is None or place[debt.entitlement] < place[known.id]:
                first[(debt.unit, group)] = rules[place[debt.entitlement]]
    return first


def _default_set_entitlement(unit: str, rules: Sequence[Entitlement], book: UnitDirectory) -> Entitlement | None:
    """The rule whose surplus a set without members is: the first per head whose school forms the unit has."""
    forms = set(_unit_by_slug(unit, book).school_forms)
    per_head = (rule for rule in rules if rule.mode is EntitlementMode.PER_HEAD and unit in (rule.units or (unit,)))
    return next((rule for rule in per_head if forms & set(rule.who.school_forms)), None)


def _pool_assignments(
    found: _Resolved, owed: Sequence[OwedDevices], rules: Sequence[Entitlement]
) -> Iterable[Assignment]:
    """A unit's pool devices, those that work first, to its pools in file order until each has its places.

    What is left over, or stands where nobody is owed a pool, is surplus of the first that accepts it there.
    """
    room = Counter({debt.subject_id: debt.count for debt in owed if debt.subject is Subject.POOL})
    asked = [rule for rule in rules if rule.mode is EntitlementMode.POOL]
    shared = (case for case in found.cases if case.placement.purpose is Purpose.POOL)
    for case in sorted(shared, key=lambda case: (not case.device_state.works, case.device.id)):
        rule = _pool_entitlement(case, asked, room, found)
        if rule is not None:
            unit = shown_unit(case.placement.unit, rule.id, found.hidden)
            pool_id = _pool_id(rule.id, unit)
            room[pool_id] -= 1
            yield _assignment(case, CoveredBy.POOL, rule, pool_id, unit)


def _pool_entitlement(
    case: DeviceCase, rules: Sequence[Entitlement], room: Mapping[str, int], found: _Resolved
) -> Entitlement | None:
    at = case.placement.unit
    taking = [rule for rule in rules if counts_as_assigned(rule, case)]
    pools = {rule.id: _pool_id(rule.id, shown_unit(at, rule.id, found.hidden)) for rule in taking}
    with_room = (rule for rule in taking if room.get(pools[rule.id], 0) > 0)
    owing = (rule for rule in taking if pools[rule.id] in room)
    possible = (rule for rule in taking if _is_entitlement_possible(_unit_by_slug(at, found.book), rule))
    return next((rule for rules in (with_room, owing, possible, taking) for rule in rules), None)


def _stock_shares(cases: Iterable[DeviceCase], rules: Sequence[Entitlement]) -> Iterable[CoverageShare]:
    """Surplus: devices of purpose stock, in contact or not, at the first rule that accepts their kind."""
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


# --- the cases --------------------------------------------------------------------------------------------------------


def _person_cases(
    found: _Resolved, owed: Sequence[OwedDevices], assignments: Sequence[Assignment], shares: Sequence[CoverageShare]
) -> tuple[PersonCase, ...]:
    counted = {share.subject_id: share for share in shares if share.subject is Subject.PERSON}
    served = _sets_by_person(owed, assignments)
    nothing = CoverageShare(unit="", entitlement="", subject=Subject.PERSON, subject_id="", reason=Text("", ""))
    cases = []
    for person, person_state in zip(found.people, found.states, strict=True):
        share = counted.get(person.id, nothing)
        cases.append(
            PersonCase(
                person=person,
                person_state=person_state,
                devices=share.devices,
                working=share.working_devices,
                covered=share.covered_own,
                assigned=share.assigned_own,
                unknown=share.unknown,
                serving_set=served.get(person.id),
            )
        )
    return tuple(cases)


def _sets_by_person(owed: Iterable[OwedDevices], assignments: Iterable[Assignment]) -> Mapping[str, str]:
    """Person → the set that serves him, by the same rule; of several the one that is asked first."""
    sets = {(len(one.groups), one.subject_id): one for one in assignments if one.by is CoveredBy.SET}
    serving: dict[tuple[str, str, str], str] = {}
    for _, one in sorted(sets.items()):
        for group in one.groups:
            serving.setdefault((one.unit, one.entitlement, group), one.subject_id)
    people = (debt for debt in owed if debt.subject is Subject.PERSON and debt.groups)
    found = ((debt.subject_id, serving.get((debt.unit, debt.entitlement, debt.groups[0]))) for debt in people)
    return {person: set_id for person, set_id in found if set_id is not None}


def _device_sets(
    shares: Iterable[CoverageShare], owed: Iterable[OwedDevices], assignments: Iterable[Assignment]
) -> tuple[DeviceSet, ...]:
    groups = {one.subject_id: one.groups for one in assignments if one.by is CoveredBy.SET}
    people = (debt for debt in owed if debt.subject is Subject.PERSON)
    members = Counter((debt.unit, debt.entitlement, group) for debt in people for group in debt.groups)
    return tuple(
        DeviceSet(
            id=share.subject_id,
            unit=share.unit,
            groups=groups[share.subject_id],
            entitlement=share.entitlement,
            devices=share.devices,
            working=share.working_devices,
            members=sum(members[share.unit, share.entitlement, group] for group in groups[share.subject_id]),
            covered=share.covered_set,
            assigned=share.assigned_set,
            short=share.short,
        )
        for share in shares
        if share.subject is Subject.SET
    )


def _resolved_ids(people: Iterable[Person], cases: Iterable[DeviceCase]) -> Mapping[tuple[str, str, str], str]:
    of_people = {known.ref: person.id for person in people for known in person.records}
    of_devices = {
        known.ref: case.device.id
        for case in cases
        for known in (*case.device.records, *case.device.superseded, *case.device.gone)
    }
    return {**of_people, **of_devices}


# --- the published rows -----------------------------------------------------------------------------------------------


def _coverage_cells(units: Iterable[Unit], rules: Sequence[Entitlement]) -> Iterable[tuple[str, str]]:
    """Unit × entitlement wherever its `who` can occur; `unplaced` has every one."""
    for unit in units:
        for rule in rules:
            if unit.slug == UNPLACED or _is_entitlement_possible(unit, rule):
                yield (unit.slug, rule.id)


def _unit_by_slug(slug: str, book: UnitDirectory) -> Unit:
    # A rule or a list may put a device where no [[unit]] is; it is counted there all the same.
    return book.by_slug.get(slug) or Unit(slug=slug, name=slug)


def _is_entitlement_possible(unit: Unit, rule: Entitlement) -> bool:
    if rule.units and unit.slug not in rule.units:
        return False
    return not rule.who.school_forms or bool(set(unit.school_forms) & set(rule.who.school_forms))


def _undecided_and_on_leave(found: _Resolved) -> Mapping[tuple[str, str], Mapping[str, int]]:
    counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for person_state in found.states:
        for decision in person_state.decisions:
            if decision.undecided or decision.on_leave:
                unit = shown_unit(person_state.unit, decision.entitlement, found.hidden)
                counts[unit, decision.entitlement]["undecided" if decision.undecided else "on_leave"] += 1
    return counts
