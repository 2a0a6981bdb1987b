"""What every step of a run needs: the database, the sources, the policy, the calendars and the clock."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from threading import Event

import msgspec

from fleetsync.clock import Clock
from fleetsync.core.calendar import Calendars, local_day
from fleetsync.core.identity.units import RESERVED_UNITS
from fleetsync.core.model import CENTRAL, BelievedState, Moment, PartState, Policy, PullEffect, PullLimits
from fleetsync.core.snapshot import Snapshot
from fleetsync.pull.contract import Part
from fleetsync.pull.registry import Source
from fleetsync.pull.runner import PullRunner
from fleetsync.store.ledger import Ledger
from fleetsync.sync.belief_memory import BeliefMemory


@dataclass(frozen=True)
class RunContext:
    """Everything a run needs. Built once per configuration by `daemon/composition.py`."""

    ledger: Ledger
    sources: Sequence[Source]
    policy: Policy
    calendars: Calendars
    clock: Clock
    runner: PullRunner
    staged_effect: Callable[[int], PullEffect]  # the effect of a finished pull, with its staged rows
    show: Callable[[Snapshot], None] = lambda _: None
    stop: Event = field(default_factory=Event)
    memory: BeliefMemory = field(default_factory=BeliefMemory)

    def moment(self) -> Moment:
        """The current instant and its local day."""
        at = self.clock.now()
        return Moment(at, local_day(at, self.policy.time_zone))

    def policy_now(self) -> Policy:
        """The policy, without the trials that were ended in the database since the configuration was loaded."""
        return with_published_units(self.policy, self.ledger.published_units())

    def parts(self) -> tuple[PartState, ...]:
        """The configured parts, without anything that is known from their pulls."""
        return tuple(_part_state(source, part) for source in self.sources for part in source.parts)

    def believed(self) -> BelievedState:
        """Everything the core needs to know: what is remembered, where nobody has changed it, else from the database."""
        return self.memory.read(self.ledger, self.parts())

    def limits(self, source: str, part: str) -> PullLimits:
        """How much one pull of the part may change before it is held."""
        return next(configured for configured in self.sources if configured.name == source).limits(part)


def with_published_units(policy: Policy, published: Collection[str]) -> Policy:
    """*policy* with the trial of the units *published* ended. `central` is never configured and has a trial too."""
    configured = {unit.slug for unit in policy.units}
    central = (
        unit
        for unit in RESERVED_UNITS
        if unit.slug == CENTRAL and unit.slug in published and unit.slug not in configured
    )
    units = tuple(
        msgspec.structs.replace(unit, published=unit.published or unit.slug in published)
        for unit in (*policy.units, *central)
    )
    return msgspec.structs.replace(policy, units=units)


def _part_state(source: Source, part: Part) -> PartState:
    return PartState(
        source=source.name,
        part=part.name,
        role=part.role,
        types=part.types,
        counts=source.counts(part.name),
        counts_at=source.settings.counts_at,
        expects_mdm=part.expects_mdm,
        is_directory=part.is_directory,
        trust=source.settings.trust,
        expected_every=source.settings.freshness_limit,
        disabled=source.settings.disabled,
    )
