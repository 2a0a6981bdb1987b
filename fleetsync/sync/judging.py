"""Decides which pulls may be believed: each by itself, then all together by what they would do to the numbers.

Writes nothing. The limits themselves are in `core/guard.py`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from fleetsync.core import guard
from fleetsync.core.calendar import Calendars
from fleetsync.core.model import (
    BelievedState,
    CoverageDay,
    HoldReason,
    Moment,
    Outcome,
    PartRole,
    PullEffect,
)
from fleetsync.pull.runner import PullResult
from fleetsync.sync.context import RunContext
from fleetsync.sync.reconciliation import reconcile_believed, with_pulls_applied


@dataclass(frozen=True)
class JudgedPull:
    """A pull and the reasons to hold it; without any reason it may be believed."""

    pulled: PullResult
    refusals: tuple[HoldReason, ...] = ()

    @property
    def effect(self) -> PullEffect:
        """What the pull would change. Only pulls that have an effect are judged."""
        assert self.pulled.effect is not None, "a pull without effect is not judged"
        return self.pulled.effect


@dataclass(frozen=True)
class OutcomeCheck:
    """Which pulls may be applied together, the outcome with them applied, and the pulls that move it too far."""

    accepted: tuple[JudgedPull, ...]
    outcome: Outcome
    refused: tuple[JudgedPull, ...] = ()


def effects_of(judged: Iterable[JudgedPull]) -> list[PullEffect]:
    """The effect of each pull."""
    return [judged_pull.effect for judged_pull in judged]


def judge_pulls(
    run_context: RunContext, believed: BelievedState, pulled: Iterable[PullResult], moment: Moment
) -> list[JudgedPull]:
    """Judge each pull that has an effect, by itself, against what is believed of its part."""
    return [
        _judge_pull(run_context, believed, result, result.effect, moment)
        for result in pulled
        if result.effect is not None
    ]


def _judge_pull(
    run_context: RunContext, believed: BelievedState, pulled: PullResult, bare_effect: PullEffect, moment: Moment
) -> JudgedPull:
    source, part = bare_effect.source, bare_effect.part
    effect = run_context.staged_effect(pulled.pull)
    state = next(state for state in believed.parts if (state.source, state.part) == (source, part))
    known = [record for record in believed.known if (record.source, record.part) == (source, part)]
    pull_context = guard.PullContext(
        role=state.role,
        in_turnover_window=_is_turnover(run_context.calendars, moment.today),
        as_of_by_scope={scope: day.isoformat() for scope, day in state.scope_as_of.items()},
        contacts_untold=state.contacts_untold,
    )
    refusals = guard.pull_hold_reasons(known, effect, run_context.limits(source, part), pull_context)
    return JudgedPull(replace(pulled, effect=effect), refusals)


def check_outcome(
    run_context: RunContext,
    baseline: BelievedState,
    published: Sequence[CoverageDay],
    candidates: Sequence[JudgedPull],
    moment: Moment,
) -> OutcomeCheck:
    """Accept the candidates unless they move the numbers too far; then try them one by one.

    Compares with the newest *published* numbers first, which costs nothing. Only if those differ much, it compares
    with the numbers of today without these pulls: the date alone can move numbers too.
    """
    projected = with_pulls_applied(run_context, baseline, effects_of(candidates))
    outcome = reconcile_believed(run_context, projected, moment)
    if (
        not candidates
        or _is_outcome_check_off(run_context, moment)
        or (published and not guard.outcome_hold_reasons(published, outcome.coverage))
    ):
        return OutcomeCheck(tuple(candidates), outcome)
    without_pulls = reconcile_believed(run_context, baseline, moment)
    if not guard.outcome_hold_reasons(without_pulls.coverage, outcome.coverage):
        return OutcomeCheck(tuple(candidates), outcome)
    return _try_pulls_one_by_one(run_context, baseline, without_pulls, candidates, moment)


def newest_coverage_day(rows: Sequence[CoverageDay]) -> Sequence[CoverageDay]:
    """The rows of the newest day among *rows*."""
    newest = max((row.day for row in rows), default=None)
    return [row for row in rows if row.day == newest]


def _is_outcome_check_off(run_context: RunContext, moment: Moment) -> bool:
    """Whether numbers are expected to move: in the turnover window, and after a change of the configuration."""
    last = run_context.ledger.newest_reconciliation()
    is_new_policy = last is not None and last.policy_fingerprint != run_context.policy.fingerprint
    return is_new_policy or _is_turnover(run_context.calendars, moment.today)


def _is_turnover(calendars: Calendars, today: date) -> bool:
    summer = calendars.default.summer_break(today)
    return summer is not None and summer.is_turnover(today)


def _try_pulls_one_by_one(
    run_context: RunContext,
    baseline: BelievedState,
    without_pulls: Outcome,
    candidates: Sequence[JudgedPull],
    moment: Moment,
) -> OutcomeCheck:
    """Accept, rosters first, each pull that together with those accepted before stays within the limits."""
    accepted: list[JudgedPull] = []
    refused: list[JudgedPull] = []
    outcome = without_pulls
    roles = {(state.source, state.part): state.role for state in baseline.parts}

    def is_not_roster(candidate: JudgedPull) -> bool:
        return roles[(candidate.effect.source, candidate.effect.part)] is not PartRole.ROSTER

    for candidate in sorted(candidates, key=is_not_roster):
        projected = with_pulls_applied(run_context, baseline, effects_of([*accepted, candidate]))
        projected_outcome = reconcile_believed(run_context, projected, moment)
        refusals = guard.outcome_hold_reasons(without_pulls.coverage, projected_outcome.coverage)
        if refusals:
            refused.append(JudgedPull(candidate.pulled, refusals))
        else:
            accepted.append(candidate)
            outcome = projected_outcome
    return OutcomeCheck(tuple(accepted), outcome, tuple(refused))
