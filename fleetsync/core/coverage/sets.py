"""How the devices of sets are dealt to the groups they serve: counts, never a guess at which member gets which.

Pure (`domain.md` §4 Sets). Sets that share a group are dealt together, from fewest groups to most, then by name,
in two rounds: first every set's working devices cover members not yet covered, then every set's other devices are
assigned to members to whom nothing is assigned yet; own devices that do not work come last.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec


class GroupNeed(msgspec.Struct, frozen=True):
    """A group's owed devices: all, those with a working own one, those with only own ones that do not work, and
    those that cannot be decided (no own device assigned).
    """

    owed: int = 0
    working_own: int = 0
    broken_own: int = 0
    undecidable: int = 0


class SetSupply(msgspec.Struct, frozen=True):
    """A set and its devices."""

    id: str
    groups: tuple[str, ...]
    working: int
    other: int


class SetAllocation(msgspec.Struct, frozen=True):
    """What one set gives; what is left over for its whole component stands on the last set asked."""

    covered: int
    assigned: int
    members: int  # owed devices of its groups
    broken_own: int = 0  # own devices of members that count as assigned though they do not work
    unknown: int = 0
    short: int = 0


def allocate_sets(sets: Sequence[SetSupply], members: Mapping[str, GroupNeed]) -> dict[str, SetAllocation]:
    """What each set gives to the members of its groups, by set id."""
    dealt: dict[str, SetAllocation] = {}
    for component in _connected_sets(sets):
        dealt |= _allocate_connected(sorted(component, key=lambda one: (len(one.groups), one.id)), members)
    return dealt


def _connected_sets(sets: Sequence[SetSupply]) -> Iterable[list[SetSupply]]:
    """Sets joined by common groups."""
    found: list[tuple[set[str], list[SetSupply]]] = []
    for one in sorted(sets, key=lambda one: one.id):
        groups, joined = set(one.groups), [one]
        apart = []
        for other_groups, others in found:
            if groups & other_groups:
                groups |= other_groups
                joined += others
            else:
                apart.append((other_groups, others))
        found = [*apart, (groups, joined)]
    return [joined for _, joined in found]


def _allocate_connected(order: Sequence[SetSupply], members: Mapping[str, GroupNeed]) -> dict[str, SetAllocation]:
    groups = {group: members.get(group, GroupNeed()) for one in order for group in one.groups}
    to_cover = {group: count.owed - count.working_own for group, count in groups.items()}
    covered = {one.id: _allocate(one.working, one.groups, to_cover) for one in order}
    to_assign = dict(to_cover)
    other = {one.id: _allocate(one.other, one.groups, to_assign) for one in order}
    broken = min(sum(count.broken_own for count in groups.values()), sum(to_assign.values()))
    left = sum(to_assign.values()) - broken
    unknown = min(sum(count.undecidable for count in groups.values()), left)
    last = order[-1].id
    return {
        one.id: SetAllocation(
            covered=covered[one.id],
            assigned=covered[one.id] + other[one.id],
            members=sum(groups[group].owed for group in set(one.groups)),
            broken_own=broken if one.id == last else 0,
            unknown=unknown if one.id == last else 0,
            short=sum(to_cover.values()) - unknown if one.id == last else 0,
        )
        for one in order
    }


def _allocate(devices: int, groups: Sequence[str], need: dict[str, int]) -> int:
    """Deal *devices* to *groups* by their *need*, which it lowers; how many were taken."""
    taken = apportion(devices, {group: need[group] for group in groups})
    for group, count in taken.items():
        need[group] -= count
    return sum(taken.values())


def apportion(count: int, need: Mapping[str, int]) -> dict[str, int]:
    """At most *count*, in proportion to *need* and never beyond it, by largest remainder, ties by name."""
    total = sum(need.values())
    if count >= total:
        return dict(need)
    parts = {name: count * wanted // total for name, wanted in need.items()}
    order = sorted(need, key=lambda name: (-(count * need[name] % total), name))
    for name in order[: count - sum(parts.values())]:
        parts[name] += 1
    return parts


def sum_by_group(pairs: Iterable[tuple[str, GroupNeed]]) -> dict[str, GroupNeed]:
    """Members added up per group."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for group, one in pairs:
        for place, count in enumerate((one.owed, one.working_own, one.broken_own, one.undecidable)):
            sums[group][place] += count
    return {group: GroupNeed(*counts) for group, counts in sums.items()}
