"""What pulls would change if they were applied: for held pulls, and for a dry run. Writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from fleetsync.core.coverage.plan import plan_changes
from fleetsync.core.model import BelievedState, ChangePlan, Moment, Outcome, PullEffect, Text
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


@dataclass(frozen=True)
class HeldPlan:
    """A pull that would be held: why, and what it would change beside the others if a person accepted it."""

    source: str
    part: str
    reasons: tuple[Text, ...]
    plan: ChangePlan


@dataclass(frozen=True)
class DryRun:
    """What a run would change, and by pull what it would not without a person."""

    plan: ChangePlan
    held: tuple[HeldPlan, ...] = ()


def plan_dry_run(run_context: RunContext, pulled: Sequence[PullResult]) -> DryRun:
    """What a run with these pulls would change, and what each pull that would be held would change if it were accepted."""
    believed, moment = run_context.believed(), run_context.moment()
    judgement = judge(run_context, believed, pulled, moment)
    effects = effects_of(judgement.accepted)
    before = reconcile_believed(run_context, believed, moment).outcome
    then = with_pulls_applied(run_context, believed, effects)
    after = reconcile_believed(run_context, then, moment).outcome
    held = (
        HeldPlan(
            source=refused.effect.source,
            part=refused.effect.part,
            reasons=tuple(refusal.text for refusal in refused.refusals),
            plan=_plan_of(run_context, then, after, [refused.effect], moment),
        )
        for refused in judgement.refused
    )
    return DryRun(plan_changes(before, after, effects, believed.known), tuple(held))


def _plan_of(
    run_context: RunContext, believed: BelievedState, before: Outcome, effects: Sequence[PullEffect], moment: Moment
) -> ChangePlan:
    after = reconcile_believed(run_context, with_pulls_applied(run_context, believed, effects), moment)
    return plan_changes(before, after.outcome, effects, believed.known)
