"""reconcile(believed, policy, calendars, moment) → outcome: the one judgement everything shown comes from.

Pure and deterministic: the same input gives the same outcome, in whatever order its records stand.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from fleetsync.core.calendar import Calendars
from fleetsync.core.coverage.tally import coverage_of, tally
from fleetsync.core.entitlement import pools, stand
from fleetsync.core.identity import UnitBook, resolve_devices, resolve_people, unit_book
from fleetsync.core.lifecycle import accepts, counts_as_assigned, find_gaps, live
from fleetsync.core.matching import Matched, match
from fleetsync.core.model import (
    CENTRAL,
    UNPLACED,
    Assignment,
    Believed,
    By,
    Condition,
    DeviceCase,
    DeviceSet,
    Entitlement,
    Mode,
    Moment,
    Outcome,
    Owed,
    PartState,
    Person,
    PersonCase,
    Policy,
    Purpose,
    Role,
    Share,
    Stage,
    Standing,
    Subject,
    Text,
    Unit,
)

__all__ = ["coverage_of", "reconcile", "tally"]

FEWEST_UNPLACED = 5  # an entitlement with fewer persons without a unit is shown in `central` (`domain.md` §10)


class _Sorted(msgspec.Struct, frozen=True):
    """Who is who, what is what, and what is whose: everything before anything is counted."""

    people: tuple[Person, ...]
    standings: tuple[Standing, ...]
    cases: tuple[DeviceCase, ...]
    matched: Matched
    book: UnitBook


def reconcile(believed: Believed, policy: Policy, calendars: Calendars, moment: Moment) -> Outcome:
    """What is true at *moment* of everything believed, under *policy*."""
    found = _sort(believed, policy, calendars, moment)
    rules = [rule for rule in policy.entitlements if rule.is_valid_on(moment.today)]
    owed = _owed(found, pools(found.standings, found.book, policy, moment), believed.parts)
    assignments = _assignments(found.cases, owed, rules, found.book)
    shares = (*tally(owed, assignments), *_stock(found.cases, rules))
    outcome = Outcome(
        moment=moment,
        units=found.book.units,
        people=_people(found, owed, assignments, shares),
        devices=found.cases,
        sets=_sets(shares),
        owed=owed,
        assignments=assignments,
        shares=shares,
        coverage=coverage_of(moment.today, shares, _cells(found.book.units, rules), _beside(found.standings)),
        parts=tuple(believed.parts),
        logins=found.matched.logins,
        things=_things(found.people, found.cases),
        policy_fingerprint=policy.fingerprint,
    )
    opened, closed = find_gaps(outcome, believed, policy, calendars, found.book)
    return msgspec.structs.replace(outcome, episodes=opened, closed=closed)


def _sort(believed: Believed, policy: Policy, calendars: Calendars, moment: Moment) -> _Sorted:
    people = resolve_people(believed.known, believed.parts, policy)
    devices = resolve_devices(believed.known, believed.parts, policy, moment)
    book = unit_book(believed.known, policy)
    standings = stand(people, book, policy, calendars, believed.parts, moment)
    by_person = {standing.person: standing for standing in standings}
    matched = match(devices, people, by_person, book, policy, believed, moment, calendars)
    lives = live(devices, matched.placements, policy, calendars, believed.parts, believed, moment, book, by_person)
    cases = tuple(
        DeviceCase(device=device, placement=placement, life=life)
        for device, placement, life in zip(devices, matched.placements, lives, strict=True)
    )
    return _Sorted(people, standings, cases, matched, book)


# --- who is owed ------------------------------------------------------------------------------------------------------


def _owed(found: _Sorted, pooled: Sequence[Owed], parts: Sequence[PartState]) -> tuple[Owed, ...]:
    claimed = _served_groups(found.cases)
    blind = any(part.role is Role.MDM and part.first_complete_at is None and not part.disabled for part in parts)
    unclear = {person for placement in found.matched.placements for person in placement.claimed_by}
    hidden = _too_few_unplaced(found.standings)
    people = [
        msgspec.structs.replace(
            debt,
            unit=CENTRAL if debt.unit == UNPLACED and debt.entitlement in hidden else debt.unit,
            groups=_member_of(standing, claimed.get(debt.unit, frozenset())),
            decidable=debt.decidable and not blind and debt.subject_id not in unclear,
        )
        for standing in found.standings
        if (debt := standing.owed) is not None
    ]
    pools_owed = [msgspec.structs.replace(debt, decidable=debt.decidable and not blind) for debt in pooled]
    return (*people, *pools_owed)


def _too_few_unplaced(standings: Sequence[Standing]) -> frozenset[str]:
    counts = Counter(one.owed.entitlement for one in standings if one.owed is not None and one.owed.unit == UNPLACED)
    return frozenset(entitlement for entitlement, count in counts.items() if count < FEWEST_UNPLACED)


def _served_groups(cases: Iterable[DeviceCase]) -> Mapping[str, frozenset[str]]:
    """Per unit the groups that a set names."""
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for case in cases:
        if case.placement.purpose is Purpose.SET:
            groups[case.placement.unit].update(case.placement.serves)
    return {unit: frozenset(names) for unit, names in groups.items()}


def _member_of(standing: Standing, served: frozenset[str]) -> tuple[str, ...]:
    """The one group whose sets serve him: his class, else the group of another type that began last and has a set."""
    for group in ((standing.class_group,) if standing.class_group else ()) + standing.groups:
        if group in served:
            return (group,)
    return (standing.class_group,) if standing.class_group else ()


# --- what serves whom -------------------------------------------------------------------------------------------------


def _assignments(
    cases: Sequence[DeviceCase], owed: Sequence[Owed], rules: Sequence[Entitlement], book: UnitBook
) -> tuple[Assignment, ...]:
    by_person = {debt.subject_id: debt for debt in owed if debt.subject is Subject.PERSON}
    by_id = {rule.id: rule for rule in rules}
    of_groups = _rules_of_groups(owed, rules)
    found = []
    for case in cases:
        if case.placement.purpose in (Purpose.PERSONAL, Purpose.LOAN):
            found.append(_own(case, by_person, by_id))
        elif case.placement.purpose is Purpose.SET:
            found.append(_in_a_set(case, of_groups, rules, book))
        elif case.placement.purpose is Purpose.POOL:
            found.append(_pooled(case, rules))
    return tuple(sorted((one for one in found if one is not None), key=lambda one: one.device))


def _assigned(case: DeviceCase, by: By, rule: Entitlement, subject_id: str, unit: str) -> Assignment:
    return Assignment(
        device=case.device.id,
        by=by,
        entitlement=rule.id,
        subject_id=subject_id,
        unit=unit,
        groups=case.placement.serves if by is By.SET else (),
        works=case.life.works and accepts(rule, case),
        reason=case.life.works_reason,
    )


def _own(case: DeviceCase, by_person: Mapping[str, Owed], by_id: Mapping[str, Entitlement]) -> Assignment | None:
    debt = by_person.get(case.placement.holder or "")
    rule = by_id.get(debt.entitlement) if debt else None
    if debt is None or rule is None or not counts_as_assigned(rule, case):
        return None
    return _assigned(case, By.OWN, rule, debt.subject_id, debt.unit)


def _in_a_set(
    case: DeviceCase,
    of_groups: Mapping[tuple[str, str], Entitlement],
    rules: Sequence[Entitlement],
    book: UnitBook,
) -> Assignment | None:
    unit, groups = case.placement.unit, case.placement.serves
    owing = [rule for group in groups if (rule := of_groups.get((unit, group))) is not None]
    rule = min(owing, key=rules.index) if owing else _first_of_unit(unit, rules, book)
    if rule is None or not counts_as_assigned(rule, case):
        return None
    return _assigned(case, By.SET, rule, f"{unit}/{'+'.join(sorted(groups))}", unit)


def _rules_of_groups(owed: Sequence[Owed], rules: Sequence[Entitlement]) -> Mapping[tuple[str, str], Entitlement]:
    """Per unit and group the first rule in file order that owes a member of it."""
    place = {rule.id: index for index, rule in enumerate(rules) if rule.mode is Mode.PER_HEAD}
    first: dict[tuple[str, str], Entitlement] = {}
    for debt in owed:
        if debt.subject is not Subject.PERSON or debt.entitlement not in place:
            continue
        for group in debt.groups:
            known = first.get((debt.unit, group))
            if known is None or place[debt.entitlement] < place[known.id]:
                first[(debt.unit, group)] = rules[place[debt.entitlement]]
    return first


def _first_of_unit(unit: str, rules: Sequence[Entitlement], book: UnitBook) -> Entitlement | None:
    """The rule whose surplus a set without members is: the first per head whose school forms the unit has."""
    forms = set(book.by_slug[unit].school_forms) if unit in book.by_slug else set()
    return next((rule for rule in rules if rule.mode is Mode.PER_HEAD and forms & set(rule.who.school_forms)), None)


def _pooled(case: DeviceCase, rules: Sequence[Entitlement]) -> Assignment | None:
    for rule in rules:
        if rule.mode is Mode.POOL and counts_as_assigned(rule, case):
            unit = case.placement.unit
            return _assigned(case, By.POOL, rule, f"{rule.id}@{unit}", unit)
    return None


def _stock(cases: Iterable[DeviceCase], rules: Sequence[Entitlement]) -> Iterable[Share]:
    """Surplus: devices of purpose stock, in contact or not, at the first rule that accepts their kind."""
    gone = {Condition.LOST, Condition.RETIRED, Condition.WIPED, Condition.DISABLED, Condition.IN_REPAIR}
    for case in cases:
        if case.placement.purpose is not Purpose.STOCK or case.device.conditions & gone or not case.device.records:
            continue
        rule = next((rule for rule in rules if accepts(rule, case)), None)
        if rule is not None and case.life.stage is not Stage.RETIRED:
            yield Share(
                unit=case.placement.unit,
                entitlement=rule.id,
                subject=Subject.DEVICE,
                subject_id=case.device.id,
                surplus=1,
                devices=(case.device.id,),
                reason=case.placement.purpose_reason,
            )


# --- the cases --------------------------------------------------------------------------------------------------------


def _people(
    found: _Sorted, owed: Sequence[Owed], assignments: Sequence[Assignment], shares: Sequence[Share]
) -> tuple[PersonCase, ...]:
    counted = {share.subject_id: share for share in shares if share.subject is Subject.PERSON}
    groups = {debt.subject_id: (debt.unit, debt.groups) for debt in owed if debt.subject is Subject.PERSON}
    served = {(one.unit, group): one.subject_id for one in assignments if one.by is By.SET for group in one.groups}
    nothing = Share(unit="", entitlement="", subject=Subject.PERSON, subject_id="", reason=Text("", ""))
    cases = []
    for person, standing in zip(found.people, found.standings, strict=True):
        share = counted.get(person.id, nothing)
        unit, names = groups.get(person.id, ("", ()))
        cases.append(
            PersonCase(
                person=person,
                standing=standing,
                devices=share.devices,
                working=share.working_devices,
                covered=share.covered_own,
                assigned=share.assigned_own,
                unknown=share.unknown,
                served_by=next((at for name in names if (at := served.get((unit, name)))), None),
            )
        )
    return tuple(cases)


def _sets(shares: Iterable[Share]) -> tuple[DeviceSet, ...]:
    return tuple(
        DeviceSet(
            id=share.subject_id,
            unit=share.unit,
            groups=tuple(share.subject_id.partition("/")[2].split("+")),
            entitlement=share.entitlement,
            devices=share.devices,
            working=share.working_devices,
            covered=share.covered_set,
            assigned=share.assigned_set,
            short=share.short,
        )
        for share in shares
        if share.subject is Subject.SET
    )


def _things(people: Iterable[Person], cases: Iterable[DeviceCase]) -> Mapping[tuple[str, str, str], str]:
    of_people = {known.ref: person.id for person in people for known in person.records}
    of_devices = {
        known.ref: case.device.id
        for case in cases
        for known in (*case.device.records, *case.device.superseded, *case.device.gone)
    }
    return {**of_people, **of_devices}


# --- the published rows -----------------------------------------------------------------------------------------------


def _cells(units: Iterable[Unit], rules: Sequence[Entitlement]) -> Iterable[tuple[str, str]]:
    """Unit × entitlement wherever its `who` can occur; `unplaced` has every one."""
    for unit in units:
        for rule in rules:
            if unit.slug == UNPLACED or _can_occur(unit, rule):
                yield (unit.slug, rule.id)


def _can_occur(unit: Unit, rule: Entitlement) -> bool:
    if rule.units and unit.slug not in rule.units:
        return False
    return not rule.who.school_forms or bool(set(unit.school_forms) & set(rule.who.school_forms))


def _beside(standings: Iterable[Standing]) -> Mapping[tuple[str, str], Mapping[str, int]]:
    counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for standing in standings:
        for decision in standing.decisions:
            if decision.undecided:
                counts[(standing.unit, decision.entitlement)]["undecided"] += 1
            if decision.on_leave:
                counts[(standing.unit, decision.entitlement)]["on_leave"] += 1
    return counts
