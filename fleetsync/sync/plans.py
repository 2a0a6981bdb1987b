"""What pulls would change if they were applied: for held pulls, and for a dry run. Writes nothing."""

from collections.abc import Sequence

from fleetsync.core.coverage.plan import plan_changes
from fleetsync.core.model import BelievedState, ChangePlan, Moment, Outcome, PullEffect
from fleetsync.pull.runner import PullResult
from fleetsync.sync.context import RunContext
from fleetsync.sync.judging import effects_of, judge
from fleetsync.sync.reconciliation import reconcile_believed, with_pulls_applied


def plans_of_held(run_context: RunContext) -> dict[int, ChangePlan]:
    """By held pull: what it would change."""
    believed, moment = run_context.believed(), run_context.moment()
    held = [state.held_pull for state in believed.parts if state.held_pull is not None]
    if not held:
        return {}
    before = reconcile_believed(run_context, believed, moment).outcome
    return {pull: _plan_of(run_context, believed, before, [run_context.ledger.effect(pull)], moment) for pull in held}


def plan_dry_run(run_context: RunContext, pulled: Sequence[PullResult]) -> tuple[ChangePlan, list[str]]:
    """What a run with these pulls would change, and one sentence for each reason to hold one of them."""
    believed, moment = run_context.believed(), run_context.moment()
    judgement = judge(run_context, believed, pulled, moment)
    refusals = [
        f"{judged_pull.effect.source}/{judged_pull.effect.part}: {refusal.text.en}"
        for judged_pull in judgement.refused
        for refusal in judged_pull.refusals
    ]
    effects = effects_of(judgement.accepted)
    before = reconcile_believed(run_context, believed, moment).outcome
    return _plan_of(run_context, believed, before, effects, moment), refusals


def _plan_of(
    run_context: RunContext, believed: BelievedState, before: Outcome, effects: Sequence[PullEffect], moment: Moment
) -> ChangePlan:
    after = reconcile_believed(run_context, with_pulls_applied(run_context, believed, effects), moment)
    return plan_changes(before, after.outcome, effects, believed.known)
