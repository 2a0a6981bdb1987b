"""What would change: by held pulls if they were believed, by a run, and by another policy; and what may be configured.

Writes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import msgspec

from fleetsync.core.coverage import UnitEffect, policy_effect
from fleetsync.core.coverage.plan import plan_changes
from fleetsync.core.model import BelievedState, ChangePlan, Moment, Outcome, Policy, PullEffect, Purpose, Text
from fleetsync.core.proposals import Proposals, propose
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
    projected = with_pulls_applied(run_context, believed, effects, by_a_person=True)
    after = reconcile_believed(run_context, projected, moment)
    return plan_changes(before, after.outcome, effects, believed.known)


def plan_policy(run_context: RunContext, proposed: Policy, day: date) -> tuple[UnitEffect, ...]:
    """What *proposed* in place of the policy would change, by the rules that each has in force on *day*.

    Both are judged by what is known now, also for a day to come: who will have begun or left by then is no matter of policy.
    """
    believed, moment = run_context.believed(), run_context.moment()
    policies = (run_context.policy, proposed)
    now, then = (
        reconcile_believed(replace(run_context, policy=_with_rules_of(policy, day)), believed, moment).outcome
        for policy in policies
    )
    return policy_effect(now, then)


def propose_configuration(
    run_context: RunContext, pulled: Sequence[PullResult], purpose_words: Mapping[str, Purpose]
) -> Proposals:
    """What the sources give evidence of, with *pulled* applied to what is believed, as far as that may be believed."""
    believed, moment = run_context.believed(), run_context.moment()
    accepted = effects_of(judge(run_context, believed, pulled, moment).accepted)
    then = with_pulls_applied(run_context, believed, accepted)
    return propose(then, run_context.policy_now(), run_context.calendars, moment, purpose_words)


def _with_rules_of(policy: Policy, day: date) -> Policy:
    """*policy* as if the rules that it has in force on *day* always were."""
    rules = [rule for rule in policy.entitlements if rule.is_valid_on(day)]
    always = tuple(msgspec.structs.replace(rule, valid_from=None, valid_to=None) for rule in rules)
    return msgspec.structs.replace(policy, entitlements=always)
