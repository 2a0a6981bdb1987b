"""The formulas of coverage: from what is owed and what is assigned to the shares that add up to every number.

Pure, and the only place that counts. Today's numbers and those of a past day come from the same formulas
(`domain.md` §4, §7), so a number and its rows cannot disagree.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import chain
from operator import attrgetter

import msgspec

from fleetsync.core.coverage.sets import GroupNeed, SetAllocation, SetSupply, allocate_sets, sum_by_group
from fleetsync.core.identity.stable_ids import are_same
from fleetsync.core.model import Assignment, CoverageDay, CoverageShare, CoveredBy, OwedDevices, Subject, Text

Cell = tuple[str, str]  # unit, entitlement


class _CellInput(msgspec.Struct):
    """The debts and assignments of one unit and entitlement."""

    people: list[OwedDevices]
    pools: list[OwedDevices]
    own: dict[str, list[Assignment]]
    sets: dict[str, list[Assignment]]
    pooled: dict[str, list[Assignment]]


class CountedCell(msgspec.Struct, frozen=True):
    """The shares of one unit and entitlement, with the debts and assignments that they were counted from."""

    counted_from: tuple[OwedDevices | Assignment, ...]
    shares: tuple[CoverageShare, ...]


def tally(
    owed: Iterable[OwedDevices], assignments: Iterable[Assignment], by_hand: Mapping[str, int] = {}
) -> tuple[CoverageShare, ...]:
    """The shares of every unit and entitlement, in a stable order; each device counts for one entitlement, once.

    *by_hand*: set or pool → its working devices as a person counted them, in place of those among *assignments*.
    """
    return shares_of(count_cells(owed, assignments, by_hand))


def shares_of(counted: Mapping[Cell, CountedCell]) -> tuple[CoverageShare, ...]:
    """The shares of all cells."""
    return tuple(share for cell in counted.values() for share in cell.shares)


def count_cells(
    owed: Iterable[OwedDevices],
    assignments: Iterable[Assignment],
    by_hand: Mapping[str, int] = {},
    before: Mapping[Cell, CountedCell] = {},
) -> Mapping[Cell, CountedCell]:
    """The shares by unit and entitlement, in a stable order.

    *before*: cells that were counted earlier, with the same *by_hand*. One with the very same debts and assignments is not
    counted again.
    """
    places = _cell_inputs(owed, assignments)
    return {cell: _counted_cell(cell, places[cell], by_hand, before.get(cell)) for cell in sorted(places)}


def _counted_cell(cell: Cell, place: _CellInput, by_hand: Mapping[str, int], before: CountedCell | None) -> CountedCell:
    given = (assignments for devices in (place.own, place.sets, place.pooled) for assignments in devices.values())
    counted_from: tuple[OwedDevices | Assignment, ...] = (*place.people, *place.pools, *chain.from_iterable(given))
    if before is not None and are_same(before.counted_from, counted_from):
        return before
    return CountedCell(counted_from, tuple(_cell_shares(*cell, place, by_hand)))


def _cell_inputs(owed: Iterable[OwedDevices], assignments: Iterable[Assignment]) -> Mapping[Cell, _CellInput]:
    places: defaultdict[Cell, _CellInput] = defaultdict(
        lambda: _CellInput([], [], defaultdict(list), defaultdict(list), defaultdict(list))
    )
    own: defaultdict[tuple[str, str], list[Assignment]] = defaultdict(list)
    for assignment in assignments:
        if assignment.by is CoveredBy.OWN:
            own[(assignment.entitlement, assignment.subject_id)].append(assignment)
        elif assignment.by is CoveredBy.SET:
            places[(assignment.unit, assignment.entitlement)].sets[assignment.subject_id].append(assignment)
        else:
            places[(assignment.unit, assignment.entitlement)].pooled[assignment.subject_id].append(assignment)
    for debt in owed:
        place = places[(debt.unit, debt.entitlement)]
        if debt.subject is Subject.POOL:
            place.pools.append(debt)
            continue
        place.people.append(debt)
        # A device serves its holder wherever it is placed: the holder's unit counts, not the device's.
        if held := own.get((debt.entitlement, debt.subject_id)):
            place.own[debt.subject_id] = held
    return places


def _cell_shares(unit: str, entitlement: str, place: _CellInput, by_hand: Mapping[str, int]) -> list[CoverageShare]:
    served = _served_groups(place)
    people = sorted(place.people, key=lambda debt: debt.subject_id)
    outside = [debt for debt in people if not served.intersection(debt.groups)]
    inside = [debt for debt in people if served.intersection(debt.groups)]
    return [
        *(_share_outside_sets(debt, place.own.get(debt.subject_id, ())) for debt in outside),
        *(_share_inside_set(debt, place.own.get(debt.subject_id, ())) for debt in inside),
        *_set_shares(unit, entitlement, place, inside, by_hand),
        *_pool_shares(unit, entitlement, place, by_hand),
    ]


def _served_groups(place: _CellInput) -> frozenset[str]:
    return frozenset(group for devices in place.sets.values() for device in devices for group in device.groups)


class _OwnCounts(msgspec.Struct, frozen=True):
    """How much of a person's debt their own devices meet: by working ones, unknown ones, and ones that do not work."""

    working: int
    unknown: int
    broken: int
    missing: int


def _own_device_counts(debt: OwedDevices, held: Sequence[Assignment]) -> _OwnCounts:
    working = min(debt.count, _count_working(held))
    unknown = min(debt.count - working, _count_unknown(held))
    broken = min(debt.count - working - unknown, sum(1 for device in held if device.works is False))
    return _OwnCounts(working, unknown, broken, debt.count - working - unknown - broken)


def _count_working(devices: Iterable[Assignment]) -> int:
    return sum(1 for device in devices if device.works)


def _count_unknown(devices: Iterable[Assignment]) -> int:
    return sum(1 for device in devices if device.works is None)


def _without_contact(covered: int, devices: Iterable[Assignment]) -> int:
    """How many of *covered* rest on a list's word alone: devices that are in contact cover first."""
    return max(0, covered - sum(1 for device in devices if device.works and not device.without_contact))


def _person_share(debt: OwedDevices, held: Sequence[Assignment], **counts: int) -> CoverageShare:
    return CoverageShare(
        unit=debt.unit,
        entitlement=debt.entitlement,
        subject=Subject.PERSON,
        subject_id=debt.subject_id,
        entitled=debt.count,
        heads=debt.heads,
        covered_without_contact=_without_contact(counts["covered_own"], held),
        working_devices=_count_working(held),
        devices=tuple(sorted(assignment.device for assignment in held)),
        reason=debt.reason,
        **counts,
    )


def _share_outside_sets(debt: OwedDevices, held: Sequence[Assignment]) -> CoverageShare:
    own = _own_device_counts(debt, held)
    unknown = own.unknown if debt.decidable else own.unknown + own.missing
    return _person_share(
        debt,
        held,
        covered_own=own.working,
        assigned_own=own.working + own.broken,
        unknown=unknown,
        short=debt.count - own.working - unknown,
    )


def _share_inside_set(debt: OwedDevices, held: Sequence[Assignment]) -> CoverageShare:
    """The share of a member of a set: only their own working devices; the rest of the debt is counted on the sets."""
    working = _own_device_counts(debt, held).working
    return _person_share(debt, held, covered_own=working, assigned_own=working)


def _group_need(debt: OwedDevices, held: Sequence[Assignment]) -> GroupNeed:
    own = _own_device_counts(debt, held)
    return GroupNeed(debt.count, own.working, own.broken, 0 if debt.decidable else own.missing, own.unknown)


def _set_shares(
    unit: str, entitlement: str, place: _CellInput, inside: Sequence[OwedDevices], by_hand: Mapping[str, int]
) -> Iterable[CoverageShare]:
    served = _served_groups(place)
    stocks = [_set_supply(set_id, devices, by_hand.get(set_id)) for set_id, devices in sorted(place.sets.items())]
    members = sum_by_group(
        (next(group for group in debt.groups if group in served), _group_need(debt, place.own.get(debt.subject_id, ())))
        for debt in inside
    )
    allocated = allocate_sets(stocks, members)
    for stock in stocks:
        share = _set_share(unit, entitlement, stock, allocated[stock.id], place.sets[stock.id])
        yield _with_count_named(share) if stock.id in by_hand else share


def _set_supply(set_id: str, devices: Sequence[Assignment], counted: int | None) -> SetSupply:
    if counted is not None:
        return SetSupply(set_id, devices[0].groups, working=counted, other=0)
    working, unknown = _count_working(devices), _count_unknown(devices)
    return SetSupply(set_id, devices[0].groups, working, len(devices) - working - unknown, unknown)


def _with_count_named(share: CoverageShare) -> CoverageShare:
    """*share* with the reason that its working devices were counted by hand."""
    reason, count = share.reason, share.working_devices
    by_hand = Text(
        f"{reason.sv}; {count} räknade för hand, enligt en rättelse",
        f"{reason.en}; {count} counted by hand, by a correction",
    )
    return msgspec.structs.replace(share, reason=by_hand)


def _set_share(
    unit: str, entitlement: str, stock: SetSupply, allocated: SetAllocation, devices: Sequence[Assignment]
) -> CoverageShare:
    names = ", ".join(stock.groups)
    return CoverageShare(
        unit=unit,
        entitlement=entitlement,
        subject=Subject.SET,
        subject_id=stock.id,
        assigned_own=allocated.broken_own,
        covered_set=allocated.covered,
        assigned_set=allocated.assigned,
        covered_without_contact=_without_contact(allocated.covered, devices),
        unknown=allocated.unknown,
        short=allocated.short,
        surplus=stock.working - allocated.covered,
        working_devices=stock.working,
        devices=tuple(sorted(assignment.device for assignment in devices)),
        reason=_set_reason(names, stock, allocated.members),
    )


def _set_reason(names: str, stock: SetSupply, members: int) -> Text:
    unknown = stock.unknown
    return Text(
        f"delar klassuppsättning {names}: {stock.working} i drift"
        f"{f' och {unknown} som inte kan avgöras' if unknown else ''} för {members}",
        f"shares set {names}: {stock.working} working{f' and {unknown} unknown' if unknown else ''} for {members}",
    )


class _PoolSupply(msgspec.Struct, frozen=True):
    """How many devices of a pool work, do not work, and which of both nobody can say."""

    working: int
    broken: int
    unknown: int


def _pool_supply(devices: Sequence[Assignment], counted: int | None) -> _PoolSupply:
    if counted is not None:
        return _PoolSupply(working=counted, broken=0, unknown=0)
    working, unknown = _count_working(devices), _count_unknown(devices)
    return _PoolSupply(working, len(devices) - working - unknown, unknown)


def _pool_shares(unit: str, entitlement: str, place: _CellInput, by_hand: Mapping[str, int]) -> Iterable[CoverageShare]:
    """One share per pool: its places, and the unit's pool devices up to them."""
    debts = {debt.subject_id: debt for debt in place.pools}
    for pool in sorted({*debts, *place.pooled}):
        debt, devices = debts.get(pool), place.pooled.get(pool, [])
        places = debt.count if debt else 0
        supply = _pool_supply(devices, by_hand.get(pool))
        covered = min(places, supply.working)
        unknown = min(places - covered, supply.unknown)
        assigned = covered + min(places - covered - unknown, supply.broken)
        if debt is not None and not debt.decidable:
            unknown = places - assigned
        share = CoverageShare(
            unit=unit,
            entitlement=entitlement,
            subject=Subject.POOL,
            subject_id=pool,
            entitled=places,
            heads=debt.heads if debt else 0,
            covered_pool=covered,
            assigned_pool=assigned,
            covered_without_contact=_without_contact(covered, devices),
            unknown=unknown,
            short=places - covered - unknown,
            surplus=supply.working - covered,
            working_devices=supply.working,
            devices=tuple(sorted(assignment.device for assignment in devices)),
            reason=debt.reason if debt else Text("inga barn som ger rätt", "no children who entitle"),
        )
        yield _with_count_named(share) if pool in by_hand else share


SUMMED_FIELDS = (
    "entitled",
    "heads",
    "assigned_own",
    "assigned_set",
    "assigned_pool",
    "covered_own",
    "covered_set",
    "covered_pool",
    "covered_without_contact",
    "unknown",
    "surplus",
    "undecided",
    "working_devices",
)
_SUMMED = attrgetter(*SUMMED_FIELDS)


def sum_coverage(
    day: date,
    shares: Iterable[CoverageShare],
    cells: Iterable[tuple[str, str]],
    beside: Mapping[tuple[str, str], Mapping[str, int]],
) -> tuple[CoverageDay, ...]:
    """The published numbers of *day*: *shares* added up, zero-filled over *cells*, with what is counted *beside* them
    (`surplus` of stock, `undecided`, `on_leave`).
    """
    sums: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for cell in cells:
        sums[cell] = {}
    for share in shares:
        numbers = sums[(share.unit, share.entitlement)]
        for field, count in zip(SUMMED_FIELDS, _SUMMED(share), strict=True):
            if count:
                numbers[field] = numbers.get(field, 0) + count
    for cell, counts in beside.items():
        for field, count in counts.items():
            sums[cell][field] = sums[cell].get(field, 0) + count
    return tuple(
        CoverageDay(day=day, unit=unit, entitlement=entitlement, **{"entitled": 0, **sums[(unit, entitlement)]})
        for unit, entitlement in sorted(sums)
    )
