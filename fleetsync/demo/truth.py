"""The expected numbers of Exempelby on a day, added up from the expected results of each case.

No rule of fleetsync takes part: a number follows from what each case expects to be owed, held, in a stage, or a gap.
The numbers assume that every source was read on every day.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property

from fleetsync.core.model import CoverageDay, Stage
from fleetsync.demo.days import DEMO_DAY, WORLD_BEGINS
from fleetsync.demo.editions import LIST_DAYS, WORKSHOP_DAYS, edition_from
from fleetsync.demo.model import ExpectedGap, ExpectedHolding, ExpectedOwed, ExpectedPhase, ExpectedStages, Observer
from fleetsync.demo.pupil_cases import DELETED_FROM_REGISTER_ON
from fleetsync.demo.shared_devices import OVERLAPPING_SETS
from fleetsync.demo.units import school_days_of
from fleetsync.demo.world import DemoWorld

UnitEntitlement = tuple[str, str]  # unit, entitlement
SetGroups = tuple[str, ...]
SET_ENTITLEMENT, POOL_ENTITLEMENT = "pupils", "preschool"
CHILDREN_PER_DEVICE = 5  # of the IT plan
STAGES_NOT_ASSIGNED = (Stage.RETIRED, Stage.LOST, None)


class GroundTruth:
    """The expected numbers of one world. *watched_since*: the day of the first run.

    What the register deletes in the summer is known only to an installation that ran before. So *watched_since* must
    not lie in a break.
    """

    def __init__(self, world: DemoWorld, watched_since: date = WORLD_BEGINS) -> None:
        self._builder = world.builder
        self.first_run_on = watched_since

    # --- coverage -----------------------------------------------------------------------------------------------------

    def coverage(self, day: date = DEMO_DAY) -> Mapping[UnitEntitlement, CoverageDay]:
        """The expected coverage by unit and entitlement, without cells in which nothing is counted."""
        numbers: defaultdict[UnitEntitlement, Counter[str]] = defaultdict(Counter)
        owed_rows = [owed for owed in self._builder.expected_owed if owed.first <= day <= owed.last]
        for owed in owed_rows:
            if owed.entitlement != POOL_ENTITLEMENT:
                numbers[owed.unit, owed.entitlement].update(self._owed_numbers(owed, day))
        for (unit, _), counts in self._set_numbers(owed_rows, day):
            numbers[unit, SET_ENTITLEMENT].update(counts)
        for unit, counts in self._pool_numbers(owed_rows, day):
            numbers[unit, POOL_ENTITLEMENT].update(counts)
        for extra in self._builder.expected_adjustments:
            if extra.first <= day <= extra.last:
                numbers[extra.unit, extra.entitlement][extra.number] += extra.amount
        return {
            (unit, entitlement): CoverageDay(day=day, unit=unit, entitlement=entitlement, **{"entitled": 0, **counts})
            for (unit, entitlement), counts in numbers.items()
        }

    def _owed_numbers(self, owed: ExpectedOwed, day: date) -> Mapping[str, int]:
        if owed.counts_as != "entitled":
            return {owed.counts_as: 1}
        there, working = self._own_device_counts(owed.person, day)
        is_in_a_set = (owed.unit, owed.group) in self._groups_of_sets
        return {
            "entitled": 1,
            "heads": 1,
            # A member of a set: an own device that does not work is counted with the set.
            "assigned_own": min(1, working if is_in_a_set else there),
            "covered_own": min(1, working),
            "unknown": int(day < owed.decidable_from and not there),
            "working_devices": working,
        }

    def _own_device_counts(self, person: str, day: date) -> tuple[int, int]:
        """How many devices a person has, and how many of them work."""
        device_keys = (
            holding.device_key
            for holding in self._holdings[person]
            if holding.first <= day <= holding.last and self._is_observed(holding.observed_by)
        )
        phases = self._present_phases(device_keys, day)
        return len(phases), sum(phase.works for phase in phases)

    def _present_phases(self, device_keys: Iterable[str], day: date) -> list[ExpectedPhase]:
        phases = (self._stages_by_device[device_key].phase_on(day) for device_key in device_keys)
        return [phase for phase in phases if phase is not None and phase.stage not in STAGES_NOT_ASSIGNED]

    def _set_numbers(
        self, owed_rows: Sequence[ExpectedOwed], day: date
    ) -> Iterator[tuple[tuple[str, SetGroups], Mapping[str, int]]]:
        """What each set gives its classes. Sets that share a class are left out; their numbers are written by hand."""
        for (unit, groups), device_keys in self._sets.items():
            members = [
                owed
                for owed in owed_rows
                if owed.unit == unit and owed.group in groups and owed.entitlement == SET_ENTITLEMENT
            ]
            own = [self._own_device_counts(owed.person, day) for owed in members]
            to_cover = sum(1 for _, working in own if not working)
            broken = sum(1 for there, working in own if there and not working)
            phases = self._present_phases(device_keys, day)
            working = sum(phase.works for phase in phases)
            assigned = min(len(phases), to_cover)
            covered = min(working, to_cover)
            yield (
                (unit, groups),
                {
                    "covered_set": covered,
                    "assigned_set": assigned,
                    "assigned_own": min(broken, to_cover - assigned),
                    "working_devices": working,
                    "surplus": working - covered,
                },
            )

    def _pool_numbers(self, owed_rows: Sequence[ExpectedOwed], day: date) -> Iterator[tuple[str, Mapping[str, int]]]:
        """One device per five children, rounded up, of each school form at each unit."""
        heads: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for owed in owed_rows:
            if owed.entitlement == POOL_ENTITLEMENT:
                heads[owed.unit][owed.form] += 1
        for unit in {*heads, *self._pools}:
            places = sum(-(-count // CHILDREN_PER_DEVICE) for count in heads[unit].values())
            phases = self._present_phases(self._pools[unit], day)
            working = sum(phase.works for phase in phases)
            covered = min(places, working)
            yield (
                unit,
                {
                    "entitled": places,
                    "heads": sum(heads[unit].values()),
                    "covered_pool": covered,
                    "assigned_pool": min(places, len(phases)),
                    "working_devices": working,
                    "surplus": working - covered,
                },
            )

    @cached_property
    def _holdings(self) -> Mapping[str, list[ExpectedHolding]]:
        holdings: defaultdict[str, list[ExpectedHolding]] = defaultdict(list)
        for holding in self._builder.expected_holdings:
            holdings[holding.person].append(holding)
        return holdings

    @cached_property
    def _stages_by_device(self) -> Mapping[str, ExpectedStages]:
        return {stages.device_key: stages for stages in self._builder.expected_stages}

    @cached_property
    def _sets(self) -> Mapping[tuple[str, SetGroups], list[str]]:
        """Device keys by unit and classes, without the sets whose numbers are written by hand."""
        sets: defaultdict[tuple[str, SetGroups], list[str]] = defaultdict(list)
        for sharing in self._builder.expected_sharings:
            if sharing.groups and not (
                sharing.unit == OVERLAPPING_SETS[0] and set(sharing.groups) <= set(OVERLAPPING_SETS[1])
            ):
                sets[sharing.unit, sharing.groups].append(sharing.device_key)
        return sets

    @cached_property
    def _groups_of_sets(self) -> frozenset[tuple[str, str]]:
        return frozenset((unit, group) for unit, groups in self._sets for group in groups)

    @cached_property
    def _pools(self) -> Mapping[str, list[str]]:
        pools: defaultdict[str, list[str]] = defaultdict(list)
        for sharing in self._builder.expected_sharings:
            if not sharing.groups:
                pools[sharing.unit].append(sharing.device_key)
        return pools

    # --- devices ------------------------------------------------------------------------------------------------------

    def devices(self, day: date = DEMO_DAY) -> Mapping[tuple[str, str, str], int]:
        """Devices by unit, platform and stage."""
        phases = (stages.phase_on(day) for stages in self._builder.expected_stages)
        return Counter(
            (phase.unit, phase.platform.value, phase.stage.value)
            for phase in phases
            if phase is not None and phase.stage is not None
        )

    # --- gaps ---------------------------------------------------------------------------------------------------------

    def gaps(self, day: date = DEMO_DAY) -> Mapping[tuple[str, str], int]:
        """Expected open gaps by unit and kind."""
        observed = (gap for gap in self._builder.expected_gaps if self._is_observed(gap.observed_by))
        return Counter((gap.unit, gap.kind) for gap in observed if self.is_open(gap, day))

    def _is_observed(self, by: Observer) -> bool:
        return by == "any" or (by == "early") == (self.first_run_on < DELETED_FROM_REGISTER_ON)

    def is_open(self, gap: ExpectedGap, day: date) -> bool:
        """Whether the gap is open on *day*."""
        return self._opens_on(gap) <= day <= gap.last

    def _opens_on(self, gap: ExpectedGap) -> date:
        days = school_days_of(gap.unit)
        opens_on = max(gap.first, self.first_run_on)
        if gap.opens_next_day and opens_on == self.first_run_on:
            opens_on += timedelta(days=1)
        elif gap.after:
            opens_on = days.after(opens_on, gap.after)
        if gap.seen_by != "any":
            editions = LIST_DAYS if gap.seen_by == "list" else WORKSHOP_DAYS
            # The newest list shows an old gap at the first run. A gap that must last first needs a later list.
            listed_on = edition_from(editions, opens_on if gap.after else gap.first)
            opens_on = max(listed_on, self.first_run_on)
        return days.next_day_outside_break(opens_on) if gap.outside_breaks else opens_on
