"""What is true of Exempelby on a day, added up from how each case was planted; no rule is asked.

A number follows from claims, holdings, lives and flaws alone. It presumes that every source was read on each of the
days: what a source has not been asked it cannot have told.
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
CHILDREN_PER_DEVICE = 5  # of the plan
STAGES_NOT_ASSIGNED = (Stage.RETIRED, Stage.LOST, None)


class GroundTruth:
    """The known truth of one world. *watched_since*: the day of the first run, before which nobody saw anything.

    What the register forgets in a summer is known only to those who watched before it: they do not begin in a break.
    """

    def __init__(self, world: DemoWorld, watched_since: date = WORLD_BEGINS) -> None:
        self._builder = world.builder
        self.first_run_on = watched_since

    # --- coverage -----------------------------------------------------------------------------------------------------

    def coverage(self, day: date = DEMO_DAY) -> Mapping[UnitEntitlement, CoverageDay]:
        """The published numbers by unit and entitlement; a cell in which nothing is counted is left out."""
        numbers: defaultdict[UnitEntitlement, Counter[str]] = defaultdict(Counter)
        claims = [claim for claim in self._builder.expected_owed if claim.first <= day <= claim.last]
        for claim in claims:
            if claim.entitlement != POOL_ENTITLEMENT:
                numbers[claim.unit, claim.entitlement].update(self._owed_numbers(claim, day))
        for (unit, _), counts in self._set_numbers(claims, day):
            numbers[unit, SET_ENTITLEMENT].update(counts)
        for unit, counts in self._pool_numbers(claims, day):
            numbers[unit, POOL_ENTITLEMENT].update(counts)
        for extra in self._builder.expected_adjustments:
            if extra.first <= day <= extra.last:
                numbers[extra.unit, extra.entitlement][extra.number] += extra.amount
        return {
            (unit, entitlement): CoverageDay(day=day, unit=unit, entitlement=entitlement, **{"entitled": 0, **counts})
            for (unit, entitlement), counts in numbers.items()
        }

    def _owed_numbers(self, claim: ExpectedOwed, day: date) -> Mapping[str, int]:
        if claim.counts_as != "entitled":
            return {claim.counts_as: 1}
        there, working = self._own_device_counts(claim.person, day)
        is_in_a_set = (claim.unit, claim.group) in self._groups_of_sets
        return {
            "entitled": 1,
            "heads": 1,
            # What does not work of a set's member's own is counted last of all, with the set.
            "assigned_own": min(1, working if is_in_a_set else there),
            "covered_own": min(1, working),
            "unknown": int(day < claim.decidable_from and not there),
            "working_devices": working,
        }

    def _own_device_counts(self, person: str, day: date) -> tuple[int, int]:
        """How many devices somebody has, and how many of them work."""
        held = (
            one.device_key
            for one in self._holdings[person]
            if one.first <= day <= one.last and self._is_observed(one.observed_by)
        )
        phases = self._present_phases(held, day)
        return len(phases), sum(phase.works for phase in phases)

    def _present_phases(self, things: Iterable[str], day: date) -> list[ExpectedPhase]:
        phases = (self._stages_by_device[thing].phase_on(day) for thing in things)
        return [phase for phase in phases if phase is not None and phase.stage not in STAGES_NOT_ASSIGNED]

    def _set_numbers(
        self, claims: Sequence[ExpectedOwed], day: date
    ) -> Iterator[tuple[tuple[str, SetGroups], Mapping[str, int]]]:
        """What each set gives its classes, which it shares with no other set; of those that do it is written down."""
        for (unit, groups), things in self._sets.items():
            members = [
                one for one in claims if one.unit == unit and one.group in groups and one.entitlement == SET_ENTITLEMENT
            ]
            own = [self._own_device_counts(one.person, day) for one in members]
            to_cover = sum(1 for _, working in own if not working)
            broken = sum(1 for there, working in own if there and not working)
            phases = self._present_phases(things, day)
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

    def _pool_numbers(self, claims: Sequence[ExpectedOwed], day: date) -> Iterator[tuple[str, Mapping[str, int]]]:
        """One device for five children that are begun, of each school form at each unit."""
        heads: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for claim in claims:
            if claim.entitlement == POOL_ENTITLEMENT:
                heads[claim.unit][claim.form] += 1
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
        found: defaultdict[str, list[ExpectedHolding]] = defaultdict(list)
        for holding in self._builder.expected_holdings:
            found[holding.person].append(holding)
        return found

    @cached_property
    def _stages_by_device(self) -> Mapping[str, ExpectedStages]:
        return {life.device_key: life for life in self._builder.expected_stages}

    @cached_property
    def _sets(self) -> Mapping[tuple[str, SetGroups], list[str]]:
        """Things by unit and classes, without those sets whose numbers are written down."""
        found: defaultdict[tuple[str, SetGroups], list[str]] = defaultdict(list)
        for sharing in self._builder.expected_sharings:
            if sharing.groups and not (
                sharing.unit == OVERLAPPING_SETS[0] and set(sharing.groups) <= set(OVERLAPPING_SETS[1])
            ):
                found[sharing.unit, sharing.groups].append(sharing.device_key)
        return found

    @cached_property
    def _groups_of_sets(self) -> frozenset[tuple[str, str]]:
        return frozenset((unit, group) for unit, groups in self._sets for group in groups)

    @cached_property
    def _pools(self) -> Mapping[str, list[str]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for sharing in self._builder.expected_sharings:
            if not sharing.groups:
                found[sharing.unit].append(sharing.device_key)
        return found

    # --- devices ------------------------------------------------------------------------------------------------------

    def devices(self, day: date = DEMO_DAY) -> Mapping[tuple[str, str, str], int]:
        """Devices by unit, platform and stage."""
        phases = (life.phase_on(day) for life in self._builder.expected_stages)
        return Counter(
            (phase.unit, phase.platform.value, phase.stage.value)
            for phase in phases
            if phase is not None and phase.stage is not None
        )

    # --- gaps ---------------------------------------------------------------------------------------------------------

    def gaps(self, day: date = DEMO_DAY) -> Mapping[tuple[str, str], int]:
        """Open gaps by unit and kind, of those whose kind is planted."""
        seen = (flaw for flaw in self._builder.expected_gaps if self._is_observed(flaw.observed_by))
        return Counter((flaw.unit, flaw.kind) for flaw in seen if self.is_open(flaw, day))

    def _is_observed(self, by: Observer) -> bool:
        return by == "anybody" or (by == "who remembers") == (self.first_run_on < DELETED_FROM_REGISTER_ON)

    def is_open(self, flaw: ExpectedGap, day: date) -> bool:
        """Whether people see the flaw on *day*."""
        return self._opens_on(flaw) <= day <= flaw.last

    def _opens_on(self, flaw: ExpectedGap) -> date:
        days = school_days_of(flaw.unit)
        seen = max(flaw.first, self.first_run_on)
        if flaw.opens_next_day and seen == self.first_run_on:
            seen += timedelta(days=1)
        elif flaw.after:
            seen = days.after(seen, flaw.after)
        if flaw.seen_by != "everybody":
            editions = LIST_DAYS if flaw.seen_by == "list" else WORKSHOP_DAYS
            # An old list shows an old flaw on the first day; what must have been watched for a while needs a new one.
            told = edition_from(editions, seen if flaw.after else flaw.first)
            seen = max(told, self.first_run_on)
        return days.next_day_outside_break(seen) if flaw.outside_breaks else seen
