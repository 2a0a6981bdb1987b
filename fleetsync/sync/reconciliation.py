"""Reconciles what is believed, records the outcome in the database and shows the new snapshot.

Also answers what would be believed with pulls applied that are not applied yet.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
    run_context: RunContext, believed: BelievedState, effects: Iterable[PullEffect]
) -> BelievedState:
    """What would be believed with these pulls applied, each in a transaction of its own. Writes nothing."""
    for effect in effects:
        is_part = (effect.source, effect.part).__eq__
        token_of = run_context.runner.rules.token_of
        before, of_others = records_of_part(believed.known, effect.source, effect.part)
        of_part = with_ids_in_clear(before, effect.rows, effect.source, token_of)
        projected = guard.projected_records(of_part, effect, run_context.limits(effect.source, effect.part))
        states = [
            guard.projected_part_state(state, effect) if is_part((state.source, state.part)) else state
            for state in believed.parts
        ]
        known = [*of_others, *projected]
        if effect.pending_marks:
            known = list(with_marks(known, effect.pending_marks, token_of))
        believed = msgspec.structs.replace(believed, known=known, parts=states, revision=believed.revision + 1)
    return believed


def records_of_part(
    known: Sequence[BelievedRecord], source: str, part: str
) -> tuple[list[BelievedRecord], list[BelievedRecord]]:
    """The records of a part, and those of all others."""
    of_part: list[BelievedRecord] = []
    of_others: list[BelievedRecord] = []
    for record in known:
        (of_part if record.part == part and record.source == source else of_others).append(record)
    return of_part, of_others


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
