"""One run from start to end: pull, judge, reconcile, apply, record, show. Read this module as a table of contents.

Each due part is pulled whole into staging and judged. The core reconciles what would then be believed. Pulls that may
be believed are applied, one transaction each. The outcome is recorded in one transaction, and the new snapshot is shown
by one assignment. A pull that is held or fails changes nothing that is believed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fleetsync.core.model import Outcome
from fleetsync.pull.contract import Part
from fleetsync.pull.registry import Source
from fleetsync.pull.runner import PullResult
from fleetsync.sync.agreement import earlier_judged_pulls
from fleetsync.sync.applying import (
    apply_pulls,
    dissolve_withdrawn_holds,
    fail_pulls_by_clock,
    fail_unconfigured,
    fail_unjudged,
    hold_pulls,
    record_credentials,
)
from fleetsync.sync.clock_check import ClockRefused, clock_problem, refuse_implausible_clock
from fleetsync.sync.context import RunContext
from fleetsync.sync.judging import JudgedPull, judge
from fleetsync.sync.pulling import pull_side_by_side
from fleetsync.sync.reconciliation import reconcile_believed, reconcile_now, record_and_show
from fleetsync.sync.run_log import log_pulls


@dataclass(frozen=True)
class RunReport:
    """What a run did with each pull, and the outcome it recorded."""

    pulled: tuple[PullResult, ...]
    held: tuple[JudgedPull, ...]
    applied: tuple[JudgedPull, ...]
    outcome: Outcome


def run(run_context: RunContext, due: Sequence[tuple[Source, Part]]) -> RunReport:
    """Pull what is *due*, believe what may be believed, and show the result."""
    return judge_and_apply(run_context, pull_side_by_side(run_context, due))


def judge_and_apply(run_context: RunContext, pulled: Sequence[PullResult]) -> RunReport:
    """Judge the pulls, apply those that may be believed, then record and show the outcome.

    A pull that can no longer be applied has failed, and the others go on. An error of our own fails all of them, so
    that none stays unjudged with its part locked. Raises ClockRefused, with the pulls failed for that reason.
    """
    if problem := clock_problem(run_context):
        fail_pulls_by_clock(run_context, pulled, problem)
        raise ClockRefused(problem)
    try:
        return _judge_and_apply(run_context, pulled)
    except BaseException:
        fail_unjudged(run_context, pulled)
        raise


def _judge_and_apply(run_context: RunContext, pulled: Sequence[PullResult]) -> RunReport:
    begun = run_context.clock.monotonic()
    pulled = fail_unconfigured(run_context, pulled)
    earlier = {result.pull: earlier_judged_pulls(run_context, result) for result in pulled}
    record_credentials(run_context, pulled)
    believed, moment = run_context.believed(), run_context.moment()

    judgement = judge(run_context, believed, pulled, moment)
    applied, apply_failed = apply_pulls(run_context, judgement.accepted)
    reconciled = judgement.check.reconciled
    if apply_failed:
        reconciled = reconcile_believed(run_context, run_context.believed(), moment)
    held, hold_failed = hold_pulls(run_context, judgement.refused, earlier)

    failed = {result.pull: result for result in (*apply_failed, *hold_failed)}
    pulled = [failed.get(result.pull, result) for result in pulled]
    dissolve_withdrawn_holds(run_context, pulled, believed)
    log_pulls(pulled, applied, held, earlier)
    outcome = record_and_show(run_context, reconciled, begun)
    return RunReport(tuple(pulled), tuple(held), tuple(applied), outcome)


def accept(run_context: RunContext, source: str, part: str, pull: int, *, who: str, reason: str) -> Outcome:
    """Believe a held pull after all, and what it lacks is gone: no further pull has to confirm what a person has.

    Raises PullNotHeld if it is not the newest held pull of the part, or PartBusy.
    """
    refuse_implausible_clock(run_context)
    run_context.ledger.accept(pull, who, reason, run_context.limits(source, part).without_grace())
    return reconcile_now(run_context)
