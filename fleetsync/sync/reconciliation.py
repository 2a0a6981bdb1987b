"""Reconciles what is believed, records the outcome in the database and shows the new snapshot.

Also answers what would be believed with pulls applied that are not applied yet.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import msgspec

from fleetsync import log
from fleetsync.core import guard
from fleetsync.core.context import Context
from fleetsync.core.coverage import Reconciliation, build_context, reconcile_in
from fleetsync.core.model import BelievedRecord, BelievedState, Moment, Outcome, PullEffect
from fleetsync.core.privacy import with_ids_in_clear, with_marks
from fleetsync.core.snapshot import Snapshot, build_snapshot
from fleetsync.expose.metrics import CounterTotals
from fleetsync.store.ledger import Ledger, StaleReconciliation
from fleetsync.sync.clock_check import moment_to_show, refuse_implausible_clock
from fleetsync.sync.context import RunContext

logger = log.get(__name__)

RECORD_ATTEMPTS = 3  # persons become protected by pulls, a few at a time: the second attempt nearly always succeeds


@dataclass(frozen=True)
class Reconciled:
    """An outcome with the context that it was reconciled in."""

    context: Context
    reconciliation: Reconciliation

    @property
    def outcome(self) -> Outcome:
        """What follows."""
        return self.reconciliation.outcome

    @property
    def believed(self) -> BelievedState:
        """What it was reconciled from."""
        return self.context.believed


def with_pulls_applied(
    run_context: RunContext, believed: BelievedState, effects: Sequence[PullEffect], *, by_a_person: bool = False
) -> BelievedState:
    """What would be believed with these pulls applied, each in a transaction of its own. Writes nothing.

    *by_a_person*: as if a person accepted them.
    """
    if not effects:
        return believed
    by_part = records_by_part(believed.known)
    states = {(state.source, state.part): state for state in believed.parts}
    token_of = run_context.runner.rules.token_of
    revision = believed.revision
    for effect in effects:
        part = (effect.source, effect.part)
        before = with_ids_in_clear(by_part.get(part, ()), effect.rows, effect.source, token_of)
        limits = run_context.limits(*part)
        by_part[part] = guard.projected_records(before, effect, limits.without_grace() if by_a_person else limits)
        states[part] = guard.projected_part_state(states[part], effect)
        if effect.pending_marks:
            by_part = records_by_part(with_marks(chain.from_iterable(by_part.values()), effect.pending_marks, token_of))
        revision += 1
    known = list(chain.from_iterable(by_part.values()))
    return msgspec.structs.replace(believed, known=known, parts=list(states.values()), revision=revision)


def records_by_part(known: Iterable[BelievedRecord]) -> dict[tuple[str, str], Sequence[BelievedRecord]]:
    """The records of each part that has any, by source and part."""
    by_part: defaultdict[tuple[str, str], list[BelievedRecord]] = defaultdict(list)
    for record in known:
        by_part[record.source, record.part].append(record)
    return dict(by_part)


def reconcile_believed(run_context: RunContext, believed: BelievedState, moment: Moment) -> Reconciled:
    """The outcome of *believed* under the current policy and calendars. Writes nothing."""
    context = build_context(believed, run_context.policy_now(), run_context.calendars, moment)
    return Reconciled(context, reconcile_in(context, run_context.memory.reconciliation))


def reconcile_now(run_context: RunContext) -> Outcome:
    """Reconcile what is believed now, record and show it: after a decision, a new configuration, midnight, an hour.

    Raises ClockRefused.
    """
    refuse_implausible_clock(run_context)
    begun = run_context.clock.monotonic()
    believed = run_context.believed()
    return record_and_show(run_context, reconcile_believed(run_context, believed, run_context.moment()), begun)


def rebuild_snapshot(run_context: RunContext) -> Snapshot:
    """The snapshot of what is believed, without writing anything: at the start of the daemon, and for lists."""
    reconciled = reconcile_believed(run_context, run_context.believed(), moment_to_show(run_context))
    return build_snapshot(reconciled.outcome, reconciled.context)


def record_and_show(run_context: RunContext, reconciled: Reconciled, begun: float) -> Outcome:
    """Record an outcome and show its snapshot. Returns the outcome that was recorded.

    *begun*: the monotonic time when reconciling began. If anybody has changed what is believed in between, everything
    is read and reconciled again: a person who became protected or was erased meanwhile must come back neither into the
    database nor onto the page.
    """
    for _ in range(RECORD_ATTEMPTS):
        try:
            recorded = run_context.ledger.record(
                reconciled.outcome,
                reconciled.believed,
                previous=run_context.memory.recorded_outcome,
                duration_seconds=run_context.clock.monotonic() - begun,
            )
        except StaleReconciliation:
            reconciled = reconcile_believed(run_context, run_context.believed(), run_context.moment())
        else:
            run_context.memory.keep(recorded, reconciled.reconciliation)
            run_context.show(build_snapshot(reconciled.outcome, reconciled.context))
            return reconciled.outcome
    logger.warning(
        "reconciliation overtaken", attempts=RECORD_ATTEMPTS, remedy="the next reconciliation records what is true"
    )
    return reconciled.outcome


def counter_totals(ledger: Ledger) -> CounterTotals:
    """The counters that survive retention, in the form the exposition takes."""
    totals: dict[str, dict[tuple[str, ...], int]] = {}
    for (name, label), total in ledger.counters().items():
        totals.setdefault(f"fleetsync_{name.removesuffix('_total')}", {})[(label,)] = total
    return totals
