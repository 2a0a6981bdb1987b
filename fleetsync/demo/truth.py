"""What is true of Exempelby on a day, added up from how each case was planted; no rule is asked.

A number follows from claims, holdings, lives and flaws alone. It presumes that every source was read on each of the
days: what a source has not been asked it cannot have told.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property

from fleetsync.core.model import CoverageDay, Stage
from fleetsync.demo.days import SHOWN_ON, WORLD_BEGINS
from fleetsync.demo.editions import LIST_DAYS, WORKSHOP_DAYS, edition_from
from fleetsync.demo.fleet import BY_HAND
from fleetsync.demo.nouns import Claim, Flaw, Holding, Life, Phase, Watcher
from fleetsync.demo.places import days_at
from fleetsync.demo.planted_pupils import FORGOTTEN_ON
from fleetsync.demo.world import Exempelby

Cell = tuple[str, str]  # unit, entitlement
Groups = tuple[str, ...]
SET_FOR, POOLED = "pupils", "preschool"
CHILDREN_PER_DEVICE = 5  # of the plan
NOT_THERE = (Stage.RETIRED, Stage.LOST, None)


class Truth:
    """The known truth of one world. *watched_since*: the day of the first run, before which nobody saw anything.

    What the register forgets in a summer is known only to those who watched before it: they do not begin in a break.
    """

    def __init__(self, world: Exempelby, watched_since: date = WORLD_BEGINS) -> None:
        self._made = world.made
        self.watched_since = watched_since

    # --- coverage -----------------------------------------------------------------------------------------------------

    def coverage(self, day: date = SHOWN_ON) -> Mapping[Cell, CoverageDay]:
        """The published numbers by unit and entitlement; a cell in which nothing is counted is left out."""
        numbers: defaultdict[Cell, Counter[str]] = defaultdict(Counter)
        claims = [claim for claim in self._made.claims if claim.first <= day <= claim.last]
        for claim in claims:
            if claim.entitlement != POOLED:
                numbers[claim.unit, claim.entitlement].update(self._of_claim(claim, day))
        for (unit, _), counts in self._of_sets(claims, day):
            numbers[unit, SET_FOR].update(counts)
        for unit, counts in self._of_pools(claims, day):
            numbers[unit, POOLED].update(counts)
        for extra in self._made.extras:
            if extra.first <= day <= extra.last:
                numbers[extra.unit, extra.entitlement][extra.number] += extra.amount
        return {
            (unit, entitlement): CoverageDay(day=day, unit=unit, entitlement=entitlement, **{"entitled": 0, **counts})
            for (unit, entitlement), counts in numbers.items()
        }

    def _of_claim(self, claim: Claim, day: date) -> Mapping[str, int]:
        if claim.counts_as != "entitled":
            return {claim.counts_as: 1}
        there, working = self._own(claim.person, day)
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

    def _own(self, person: str, day: date) -> tuple[int, int]:
        """How many devices somebody has, and how many of them work."""
        held = (one.thing for one in self._holdings[person] if one.first <= day <= one.last and self._sees(one.by))
        phases = self._there(held, day)
        return len(phases), sum(phase.works for phase in phases)

    def _there(self, things: Iterable[str], day: date) -> list[Phase]:
        phases = (self._lives[thing].on(day) for thing in things)
        return [phase for phase in phases if phase is not None and phase.stage not in NOT_THERE]

    def _of_sets(self, claims: Sequence[Claim], day: date) -> Iterator[tuple[tuple[str, Groups], Mapping[str, int]]]:
        """What each set gives its classes, which it shares with no other set; of those that do it is written down."""
        for (unit, groups), things in self._sets.items():
            members = [one for one in claims if one.unit == unit and one.group in groups and one.entitlement == SET_FOR]
            own = [self._own(one.person, day) for one in members]
            to_cover = sum(1 for _, working in own if not working)
            broken = sum(1 for there, working in own if there and not working)
            phases = self._there(things, day)
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

    def _of_pools(self, claims: Sequence[Claim], day: date) -> Iterator[tuple[str, Mapping[str, int]]]:
        """One device for five children that are begun, of each school form at each unit."""
        heads: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for claim in claims:
            if claim.entitlement == POOLED:
                heads[claim.unit][claim.form] += 1
        for unit in {*heads, *self._pools}:
            places = sum(-(-count // CHILDREN_PER_DEVICE) for count in heads[unit].values())
            phases = self._there(self._pools[unit], day)
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
    def _holdings(self) -> Mapping[str, list[Holding]]:
        found: defaultdict[str, list[Holding]] = defaultdict(list)
        for holding in self._made.holdings:
            found[holding.person].append(holding)
        return found

    @cached_property
    def _lives(self) -> Mapping[str, Life]:
        return {life.thing: life for life in self._made.lives}

    @cached_property
    def _sets(self) -> Mapping[tuple[str, Groups], list[str]]:
        """Things by unit and classes, without those sets whose numbers are written down."""
        found: defaultdict[tuple[str, Groups], list[str]] = defaultdict(list)
        for sharing in self._made.sharings:
            if sharing.groups and not (sharing.unit == BY_HAND[0] and set(sharing.groups) <= set(BY_HAND[1])):
                found[sharing.unit, sharing.groups].append(sharing.thing)
        return found

    @cached_property
    def _groups_of_sets(self) -> frozenset[tuple[str, str]]:
        return frozenset((unit, group) for unit, groups in self._sets for group in groups)

    @cached_property
    def _pools(self) -> Mapping[str, list[str]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for sharing in self._made.sharings:
            if not sharing.groups:
                found[sharing.unit].append(sharing.thing)
        return found

    # --- devices ------------------------------------------------------------------------------------------------------

    def devices(self, day: date = SHOWN_ON) -> Mapping[tuple[str, str, str], int]:
        """Devices by unit, platform and stage."""
        phases = (life.on(day) for life in self._made.lives)
        return Counter(
            (phase.unit, phase.platform.value, phase.stage.value)
            for phase in phases
            if phase is not None and phase.stage is not None
        )

    # --- gaps ---------------------------------------------------------------------------------------------------------

    def gaps(self, day: date = SHOWN_ON) -> Mapping[tuple[str, str], int]:
        """Open gaps by unit and kind, of those whose kind is planted."""
        seen = (flaw for flaw in self._made.flaws if self._sees(flaw.by))
        return Counter((flaw.unit, flaw.kind) for flaw in seen if self.is_open(flaw, day))

    def _sees(self, by: Watcher) -> bool:
        return by == "anybody" or (by == "who remembers") == (self.watched_since < FORGOTTEN_ON)

    def is_open(self, flaw: Flaw, day: date) -> bool:
        """Whether people see the flaw on *day*."""
        return self._opens(flaw) <= day <= flaw.last

    def _opens(self, flaw: Flaw) -> date:
        days = days_at(flaw.unit)
        seen = max(flaw.first, self.watched_since)
        if flaw.next_day and seen == self.watched_since:
            seen += timedelta(days=1)
        elif flaw.after:
            seen = days.after(seen, flaw.after)
        if flaw.seen_by != "everybody":
            editions = LIST_DAYS if flaw.seen_by == "list" else WORKSHOP_DAYS
            # An old list shows an old flaw on the first day; what must have been watched for a while needs a new one.
            told = edition_from(editions, seen if flaw.after else flaw.first)
            seen = max(told, self.watched_since)
        return days.out_of_break(seen) if flaw.outside_breaks else seen
