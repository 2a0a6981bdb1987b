"""Shares out the devices of sets to the groups that they serve, as counts; which member gets which is never guessed.

Pure (`domain.md` §4 Sets). Sets that share a group are shared out together, from fewest groups to most, then by name,
in rounds. First the working devices of every set cover members not yet covered, and those whose own device may work
after the others; then devices of which nobody can say whether they work make members unknown, those of sets before own
ones; then the other devices of every set are assigned to members to whom nothing is assigned yet. Own devices that do
not work come last.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec


class GroupNeed(msgspec.Struct, frozen=True):
    """The devices that a group's members are owed, as counts.

    `owed`: all. `working_own`, `broken_own` and `unknown_own`: those met by own devices that work, that do not, or of
    which that is unknown. `undecidable`: those without an own device whose coverage cannot be decided.
    """

    owed: int = 0
    working_own: int = 0
    broken_own: int = 0
    undecidable: int = 0
    unknown_own: int = 0


class SetSupply(msgspec.Struct, frozen=True):
    """A set and its devices."""

    id: str
    groups: tuple[str, ...]
    working: int
    other: int
    unknown: int = 0


class SetAllocation(msgspec.Struct, frozen=True):
    """What one set gives. What remains for all sets that share its groups is on the last of them."""

    covered: int
    assigned: int
    members: int  # owed devices of its groups
    broken_own: int = 0  # own devices of members that count as assigned though they do not work
    unknown: int = 0
    short: int = 0


def allocate_sets(sets: Sequence[SetSupply], members: Mapping[str, GroupNeed]) -> dict[str, SetAllocation]:
    """What each set gives to the members of its groups, by set id."""
    allocated: dict[str, SetAllocation] = {}
    for component in _connected_sets(sets):
        allocated |= _allocate_connected(
            sorted(component, key=lambda device_set: (len(device_set.groups), device_set.id)), members
        )
    return allocated


def _connected_sets(sets: Sequence[SetSupply]) -> Iterable[list[SetSupply]]:
    """Sets joined by common groups."""
    components: list[tuple[set[str], list[SetSupply]]] = []
    for device_set in sorted(sets, key=lambda device_set: device_set.id):
        groups, joined = set(device_set.groups), [device_set]
        apart = []
        for other_groups, others in components:
            if groups & other_groups:
                groups |= other_groups
                joined += others
            else:
                apart.append((other_groups, others))
        components = [*apart, (groups, joined)]
    return [joined for _, joined in components]


def _allocate_connected(order: Sequence[SetSupply], members: Mapping[str, GroupNeed]) -> dict[str, SetAllocation]:
    groups = {group: members.get(group, GroupNeed()) for device_set in order for group in device_set.groups}
    in_doubt = {group: count.unknown_own for group, count in groups.items()}
    certain = {group: count.owed - count.working_own - count.unknown_own for group, count in groups.items()}
    covered = _give(order, {device_set.id: device_set.working for device_set in order}, (certain, in_doubt))
    to_cover = sum(certain.values()) + sum(in_doubt.values())
    unknown = _give(order, {device_set.id: device_set.unknown for device_set in order}, (certain, in_doubt))
    unknown_own = sum(in_doubt.values())
    other = _give(order, {device_set.id: device_set.other for device_set in order}, (certain,))
    broken = min(sum(count.broken_own for count in groups.values()), sum(certain.values()))
    left = sum(certain.values()) - broken
    last = order[-1].id
    unknown[last] += unknown_own + min(sum(count.undecidable for count in groups.values()), left)
    return {
        device_set.id: SetAllocation(
            covered=covered[device_set.id],
            assigned=covered[device_set.id] + other[device_set.id],
            members=sum(groups[group].owed for group in set(device_set.groups)),
            broken_own=broken if device_set.id == last else 0,
            unknown=unknown[device_set.id],
            short=to_cover - sum(unknown.values()) if device_set.id == last else 0,
        )
        for device_set in order
    }


def _give(order: Sequence[SetSupply], devices: Mapping[str, int], needs: Sequence[dict[str, int]]) -> dict[str, int]:
    """What each set gives of its *devices* to its groups, by set id. Lowers the *needs*, each before the next.

    So a device of a set is not given to a member whose own device may work, while another member has none.
    """
    given = dict.fromkeys(devices, 0)
    for need in needs:
        for device_set in order:
            given[device_set.id] += _allocate(devices[device_set.id] - given[device_set.id], device_set.groups, need)
    return given


def _allocate(devices: int, groups: Sequence[str], need: dict[str, int]) -> int:
    """Shares out *devices* to *groups* by their *need*, which it lowers. Returns how many were taken."""
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
    sums: dict[str, list[int]] = defaultdict(lambda: [0] * len(GroupNeed.__struct_fields__))
    for group, need in pairs:
        for place, count in enumerate(msgspec.structs.astuple(need)):
            sums[group][place] += count
    return {group: GroupNeed(*counts) for group, counts in sums.items()}
