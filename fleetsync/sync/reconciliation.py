"""Reconciles what is believed, records the outcome in the database and shows the new snapshot.

Also answers what would be believed with pulls applied that are not applied yet.
"""

from collections.abc import Iterable

import msgspec

from fleetsync import log
from fleetsync.core import guard
from fleetsync.core.coverage import build_context, reconcile
from fleetsync.core.model import BelievedState, Moment, Outcome, PullEffect
from fleetsync.core.privacy import with_ids_in_clear, with_marks
from fleetsync.core.snapshot import Snapshot, build_snapshot
from fleetsync.expose.metrics import CounterTotals
from fleetsync.store.ledger import Ledger, StaleReconciliation
from fleetsync.sync.clock_check import moment_to_show, refuse_implausible_clock
from fleetsync.sync.context import RunContext

logger = log.get(__name__)

RECORD_ATTEMPTS = 3  # persons become protected by pulls, a few at a time: the second attempt nearly always succeeds


def with_pulls_applied(
    run_context: RunContext, believed: BelievedState, effects: Iterable[PullEffect]
) -> BelievedState:
    """What would be believed with these pulls applied. Writes nothing."""
    for effect in effects:
        is_part = (effect.source, effect.part).__eq__
        token_of = run_context.runner.rules.token_of
        before = [record for record in believed.known if is_part((record.source, record.part))]
        of_part = with_ids_in_clear(before, effect.rows, effect.source, token_of)
        of_others = [record for record in believed.known if not is_part((record.source, record.part))]
        projected = guard.projected_records(of_part, effect, run_context.limits(effect.source, effect.part))
        states = [
            guard.projected_part_state(state, effect) if is_part((state.source, state.part)) else state
            for state in believed.parts
        ]
        known = [*of_others, *projected]
        if effect.pending_marks:
            known = list(with_marks(known, effect.pending_marks, token_of))
        believed = msgspec.structs.replace(believed, known=known, parts=states)
    return believed


def reconcile_believed(run_context: RunContext, believed: BelievedState, moment: Moment) -> Outcome:
    """The outcome of *believed* under the current policy and calendars. Writes nothing."""
    return reconcile(believed, run_context.policy_now(), run_context.calendars, moment)


def reconcile_now(run_context: RunContext) -> Outcome:
    """Reconcile what is believed now, record and show it: after a decision, a new configuration, midnight, an hour.

    Raises ClockRefused.
    """
    refuse_implausible_clock(run_context)
    begun = run_context.clock.monotonic()
    believed = run_context.believed()
    outcome = reconcile_believed(run_context, believed, run_context.moment())
    return record_and_show(run_context, outcome, believed, begun)


def rebuild_snapshot(run_context: RunContext) -> Snapshot:
    """The snapshot of what is believed, without writing anything: at the start of the daemon, and for lists."""
    believed = run_context.believed()
    return _snapshot_of(run_context, reconcile_believed(run_context, believed, moment_to_show(run_context)), believed)


def _snapshot_of(run_context: RunContext, outcome: Outcome, believed: BelievedState) -> Snapshot:
    policy = run_context.policy_now()
    return build_snapshot(outcome, build_context(believed, policy, run_context.calendars, outcome.moment))


def record_and_show(run_context: RunContext, outcome: Outcome, believed: BelievedState, begun: float) -> Outcome:
    """Record *outcome* and show its snapshot. Returns the outcome that was recorded.

    *believed* is what it was reconciled from, *begun* the monotonic time when that began. If a person became protected
    or was erased in between, everything is read and reconciled again: what was read before must bring that person
    back neither into the database nor onto the page.
    """
    for _ in range(RECORD_ATTEMPTS):
        try:
            seconds = run_context.clock.monotonic() - begun
            run_context.ledger.record(outcome, privacy_generation=believed.privacy_generation, duration_seconds=seconds)
        except StaleReconciliation:
            believed = run_context.believed()
            outcome = reconcile_believed(run_context, believed, run_context.moment())
        else:
            run_context.show(_snapshot_of(run_context, outcome, believed))
            return outcome
    logger.warning(
        "reconciliation overtaken", attempts=RECORD_ATTEMPTS, remedy="the next reconciliation records what is true"
    )
    return outcome


def counter_totals(ledger: Ledger) -> CounterTotals:
    """The counters that survive retention, in the form the exposition takes."""
    totals: dict[str, dict[tuple[str, ...], int]] = {}
    for (name, label), total in ledger.counters().items():
        totals.setdefault(f"fleetsync_{name.removesuffix('_total')}", {})[(label,)] = total
    return totals
