"""What is true of Exempelby on a day, added up from how each case was planted; no rule is asked.

A number follows from claims, holdings, lives and flaws alone. It presumes that every source was read on each of the
days: what a source has not been asked it cannot have told.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cached_property

from fleetsync.core.model import CoverageDay, Stage
from fleetsync.demo.days import SHOWN_ON, WORLD_BEGINS
from fleetsync.demo.editions import LIST_DAYS, WORKSHOP_DAYS, edition_from
from fleetsync.demo.nouns import Claim, Flaw, Holding, Life, Phase
from fleetsync.demo.places import days_at
from fleetsync.demo.world import Exempelby

Cell = tuple[str, str]  # unit, entitlement
NOT_THERE = (Stage.RETIRED, Stage.LOST, None)


class Truth:
    """The known truth of one world. *watched_since*: the day of the first run, before which nobody saw anything."""

    def __init__(self, world: Exempelby, watched_since: date = WORLD_BEGINS) -> None:
        self._made = world.made
        self.watched_since = watched_since

    # --- coverage -----------------------------------------------------------------------------------------------------

    def coverage(self, day: date = SHOWN_ON) -> Mapping[Cell, CoverageDay]:
        """The published numbers by unit and entitlement; a cell in which nothing is counted is left out."""
        numbers: defaultdict[Cell, Counter[str]] = defaultdict(Counter)
        for claim in self._made.claims:
            if claim.first <= day <= claim.last:
                numbers[claim.unit, claim.entitlement].update(self._of_claim(claim, day))
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
        there = [phase for phase in self._held(claim.person, day) if phase.stage not in NOT_THERE]
        working = sum(phase.works for phase in there)
        return {
            "entitled": 1,
            "heads": 1,
            "assigned_own": min(1, len(there)),
            "covered_own": min(1, working),
            "unknown": int(day < claim.decidable_from and not there),
            "working_devices": working,
        }

    def _held(self, person: str, day: date) -> list[Phase]:
        held = (one.thing for one in self._holdings[person] if one.first <= day <= one.last)
        phases = (self._lives[thing].on(day) for thing in held)
        return [phase for phase in phases if phase is not None]

    @cached_property
    def _holdings(self) -> Mapping[str, list[Holding]]:
        found: defaultdict[str, list[Holding]] = defaultdict(list)
        for holding in self._made.holdings:
            found[holding.person].append(holding)
        return found

    @cached_property
    def _lives(self) -> Mapping[str, Life]:
        return {life.thing: life for life in self._made.lives}

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
        return Counter((flaw.unit, flaw.kind) for flaw in self._made.flaws if self.is_open(flaw, day))

    def is_open(self, flaw: Flaw, day: date) -> bool:
        """Whether people see the flaw on *day*."""
        return self._opens(flaw) <= day <= flaw.last

    def _opens(self, flaw: Flaw) -> date:
        days = days_at(flaw.unit)
        seen = max(flaw.first, self.watched_since)
        if flaw.after:
            seen = days.after(seen, flaw.after)
        if flaw.next_day and seen == self.watched_since:
            seen += timedelta(days=1)
        if flaw.seen_by != "everybody":
            editions = LIST_DAYS if flaw.seen_by == "list" else WORKSHOP_DAYS
            # An old list shows an old flaw on the first day; what must have been watched for a while needs a new one.
            told = edition_from(editions, seen if flaw.after else flaw.first)
            seen = max(told, self.watched_since)
        return days.out_of_break(seen) if flaw.outside_breaks else seen
