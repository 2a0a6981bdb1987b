"""What another policy would change: the difference between two outcomes of the same day and the same beliefs.

Pure. Both outcomes are whole reconciliations; only the policy differs. It counts, and names no person and no device.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from fleetsync.core.model import CoverageDay, FrozenStruct, Outcome, Subject

CellKey = tuple[str, str]  # unit, entitlement


class UnitEffect(FrozenStruct, frozen=True, kw_only=True):
    """How the numbers of one unit and entitlement would change. `before` or `after` None: the rule owes nothing there.

    `people_gained` and `people_lost` are owed something by the rule under only one of the policies; of a pool the
    heads are compared, since nobody knows who they are. `devices_gained` and `devices_lost` serve somebody under only one of them.
    """

    unit: str
    entitlement: str
    before: CoverageDay | None
    after: CoverageDay | None
    people_gained: int = 0
    people_lost: int = 0
    devices_gained: int = 0
    devices_lost: int = 0

    @property
    def changes_anything(self) -> bool:
        """Whether somebody is owed more or less, or served by another device. What is left over is no matter here."""
        moves = self.people_gained + self.people_lost + self.devices_gained + self.devices_lost
        return bool(moves) or _owed_numbers(self.before) != _owed_numbers(self.after)


def policy_effect(before: Outcome, after: Outcome) -> tuple[UnitEffect, ...]:
    """What changes from *before* to *after*, by unit and entitlement; what stays as it is is left out."""
    cells_before, cells_after = _cells(before.coverage), _cells(after.coverage)
    owed_before, owed_after = _owed_persons(before), _owed_persons(after)
    heads_before, heads_after = _heads_of_pools(before), _heads_of_pools(after)
    devices_before, devices_after = _serving_devices(before), _serving_devices(after)
    effects = []
    for key in sorted({*cells_before, *cells_after}):
        was, will = cells_before.get(key), cells_after.get(key)
        more_heads = heads_after[key] - heads_before[key]
        effect = UnitEffect(
            unit=key[0],
            entitlement=key[1],
            before=was,
            after=will,
            people_gained=len(owed_after[key] - owed_before[key]) + max(more_heads, 0),
            people_lost=len(owed_before[key] - owed_after[key]) + max(-more_heads, 0),
            devices_gained=len(devices_after[key] - devices_before[key]),
            devices_lost=len(devices_before[key] - devices_after[key]),
        )
        if effect.changes_anything:
            effects.append(effect)
    return tuple(effects)


def _owed_numbers(numbers: CoverageDay | None) -> tuple[int, ...]:
    """Entitled, covered, unknown, undecided; of no rule: nothing."""
    return (0, 0, 0, 0) if numbers is None else (numbers.entitled, numbers.covered, numbers.unknown, numbers.undecided)


def _cells(coverage: Iterable[CoverageDay]) -> Mapping[CellKey, CoverageDay]:
    return {(day.unit, day.entitlement): day for day in coverage}


def _owed_persons(outcome: Outcome) -> Mapping[CellKey, set[str]]:
    persons: defaultdict[CellKey, set[str]] = defaultdict(set)
    for owed in outcome.owed:
        if owed.subject is Subject.PERSON:
            persons[owed.unit, owed.entitlement].add(owed.subject_id)
    return persons


def _heads_of_pools(outcome: Outcome) -> Counter[CellKey]:
    heads: Counter[CellKey] = Counter()
    for owed in outcome.owed:
        if owed.subject is Subject.POOL:
            heads[owed.unit, owed.entitlement] += owed.heads
    return heads


def _serving_devices(outcome: Outcome) -> Mapping[CellKey, set[str]]:
    devices: defaultdict[CellKey, set[str]] = defaultdict(set)
    for assignment in outcome.assignments:
        devices[assignment.unit, assignment.entitlement].add(assignment.device)
    return devices
