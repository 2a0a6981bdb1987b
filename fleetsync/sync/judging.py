"""Decides which pulls may be believed: each by itself, then all together by what they would do to the numbers.

Writes nothing. The limits themselves are in `core/guard/`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from fleetsync.core import guard
from fleetsync.core.calendar import Calendars
from fleetsync.core.model import (
    BelievedRecord,
    BelievedState,
    CoverageDay,
    HoldReason,
    Moment,
    PartRole,
    PartState,
    PullEffect,
    Verdict,
)
from fleetsync.core.privacy import with_ids_in_clear
from fleetsync.core.school_forms import KNOWN_FORMS
from fleetsync.pull.runner import PullResult
from fleetsync.sync.context import RunContext
from fleetsync.sync.reconciliation import Reconciled, reconcile_believed, records_by_part, with_pulls_applied

PULL_HISTORY_LIMIT = 20  # how many earlier pulls of a part are read


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
    """Which pulls may be applied together, what follows with them applied, and the pulls that move it too far."""

    accepted: tuple[JudgedPull, ...]
    reconciled: Reconciled
    refused: tuple[JudgedPull, ...] = ()


def effects_of(judged: Iterable[JudgedPull]) -> list[PullEffect]:
    """The effect of each pull."""
    return [judged_pull.effect for judged_pull in judged]


def judge_pulls(
    run_context: RunContext, believed: BelievedState, pulled: Iterable[PullResult], moment: Moment
) -> list[JudgedPull]:
    """Judge each pull that has an effect, by itself, against what is believed of its part."""
    states = {(state.source, state.part): state for state in believed.parts}
    by_part = records_by_part(believed.known)
    judged = []
    for result in pulled:
        if result.effect is not None:
            part = (result.effect.source, result.effect.part)
            judged.append(_judge_pull(run_context, states[part], by_part.get(part, ()), result, moment))
    return judged


def _judge_pull(
    run_context: RunContext, state: PartState, of_part: Sequence[BelievedRecord], pulled: PullResult, moment: Moment
) -> JudgedPull:
    source, part = state.source, state.part
    effect = run_context.staged_effect(pulled.pull)
    known = with_ids_in_clear(of_part, effect.rows, source, run_context.runner.rules.token_of)
    pull_context = guard.PullContext(
        role=state.role,
        in_turnover_window=_is_turnover(run_context.calendars, moment.today),
        as_of_by_scope={scope: day.isoformat() for scope, day in state.scope_as_of.items()},
        contacts_untold=state.contacts_untold,
        known_school_forms=_known_school_forms(run_context),
        unknown_words=_unknown_words_before(run_context, source, part),
    )
    refusals = guard.pull_hold_reasons(known, effect, run_context.limits(source, part), pull_context)
    return JudgedPull(replace(pulled, effect=effect), refusals)


def _known_school_forms(run_context: RunContext) -> frozenset[str]:
    """The school forms that are known: of the standards, and those that an entitlement names."""
    named = (form.upper() for rule in run_context.policy.entitlements for form in rule.who.school_forms)
    return KNOWN_FORMS.union(named)


def _unknown_words_before(run_context: RunContext, source: str, part: str) -> Mapping[str, int]:
    """The unknown words that the part had before: the most of each in one of its recent complete pulls.

    Of several, because a pull of files reads only those that changed.
    """
    most: Counter[str] = Counter()
    for stored in run_context.ledger.pulls(source, part, PULL_HISTORY_LIMIT):
        if stored.verdict is Verdict.COMPLETE:
            most |= Counter(stored.drift)
    return most


@dataclass(frozen=True)
class PublishedNumbers:
    """What the numbers that would follow are compared with: those published last, and those of some days ago."""

    newest: Sequence[CoverageDay] = ()
    earlier: Sequence[Sequence[CoverageDay]] = ()

    def hold_reasons(
        self, reference: Sequence[CoverageDay], projected: Sequence[CoverageDay], without: Sequence[CoverageDay] = ()
    ) -> tuple[HoldReason, ...]:
        """Why *projected* must wait, against *reference* and against the earlier days.

        What the numbers of today *without* the pulls exceed already is not asked about again.
        """
        creep = (reason for rows in self.earlier for reason in guard.creep_hold_reasons(rows, projected, without))
        return (*guard.outcome_hold_reasons(reference, projected), *creep)


def published_numbers(
    run_context: RunContext, coverage: Sequence[CoverageDay], moment: Moment, *, has_first_pulls: bool
) -> PublishedNumbers:
    """The published numbers to compare with. A first pull moves them by right, so the newest ones say nothing then."""
    newest = max((row.day for row in coverage), default=None)
    earlier = (guard.published_days_ago(coverage, moment.today, days) for days in guard.CREEP_DAYS)
    return PublishedNumbers(
        () if has_first_pulls else [row for row in coverage if row.day == newest],
        [rows for rows in earlier if rows and not _is_turnover(run_context.calendars, rows[0].day)],
    )


def check_outcome(
    run_context: RunContext,
    baseline: BelievedState,
    published: PublishedNumbers,
    candidates: Sequence[JudgedPull],
    moment: Moment,
) -> OutcomeCheck:
    """Accept the candidates unless they move the numbers too far; then try them one by one.

    Compares with the newest *published* numbers first, which costs nothing. Only if those differ much, it compares
    with the numbers of today without these pulls: the date alone can move numbers too.
    """
    projected = with_pulls_applied(run_context, baseline, effects_of(candidates))
    reconciled = reconcile_believed(run_context, projected, moment)
    coverage = reconciled.outcome.coverage
    if (
        not candidates
        or _is_outcome_check_off(run_context, moment)
        or (published.newest and not published.hold_reasons(published.newest, coverage))
    ):
        return OutcomeCheck(tuple(candidates), reconciled)
    without_pulls = reconcile_believed(run_context, baseline, moment)
    without = without_pulls.outcome.coverage
    if not published.hold_reasons(without, coverage, without):
        return OutcomeCheck(tuple(candidates), reconciled)
    return _try_pulls_one_by_one(run_context, baseline, without_pulls, published, candidates, moment)


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
    without_pulls: Reconciled,
    published: PublishedNumbers,
    candidates: Sequence[JudgedPull],
    moment: Moment,
) -> OutcomeCheck:
    """Accept, rosters first, each pull that together with those accepted before stays within the limits."""
    accepted: list[JudgedPull] = []
    refused: list[JudgedPull] = []
    reconciled, without = without_pulls, without_pulls.outcome.coverage
    roles = {(state.source, state.part): state.role for state in baseline.parts}

    def is_not_roster(candidate: JudgedPull) -> bool:
        return roles[(candidate.effect.source, candidate.effect.part)] is not PartRole.ROSTER

    for candidate in sorted(candidates, key=is_not_roster):
        projected = with_pulls_applied(run_context, baseline, effects_of([*accepted, candidate]))
        with_candidate = reconcile_believed(run_context, projected, moment)
        refusals = published.hold_reasons(without, with_candidate.outcome.coverage, without)
        if refusals:
            refused.append(JudgedPull(candidate.pulled, refusals))
        else:
            accepted.append(candidate)
            reconciled = with_candidate
    return OutcomeCheck(tuple(accepted), reconciled, tuple(refused))


@dataclass(frozen=True)
class Judgement:
    """Every pull with an effect, judged: by itself, and all together by what they would do to the numbers.

    *first_pulls*: those whose numbers nothing can be compared with; those that end wrong marks are among them.
    """

    implausible: tuple[JudgedPull, ...]
    first_pulls: tuple[JudgedPull, ...]
    check: OutcomeCheck

    @property
    def accepted(self) -> list[JudgedPull]:
        """The pulls that may be believed."""
        return [*self.first_pulls, *self.check.accepted]

    @property
    def refused(self) -> list[JudgedPull]:
        """The pulls that must wait for a person, with their reasons."""
        return [*self.implausible, *self.check.refused]


def _moves_by_right(effect: PullEffect) -> bool:
    return effect.is_first or effect.released_persons > 0


def judge(run_context: RunContext, believed: BelievedState, pulled: Iterable[PullResult], moment: Moment) -> Judgement:
    """Judge the pulls. Writes nothing: a dry run judges by this too."""
    judged = judge_pulls(run_context, believed, pulled, moment)
    plausible = [judged_pull for judged_pull in judged if not judged_pull.refusals]
    # A first pull cannot be compared with anything, so it belongs to what the others are compared with. So does a pull
    # that ends wrong marks: somebody has decided that these persons count in their places again.
    first_pulls = tuple(judged_pull for judged_pull in plausible if _moves_by_right(judged_pull.effect))
    candidates = [judged_pull for judged_pull in plausible if not _moves_by_right(judged_pull.effect)]
    baseline = with_pulls_applied(run_context, believed, effects_of(first_pulls))
    published = published_numbers(run_context, believed.coverage, moment, has_first_pulls=bool(first_pulls))
    check = check_outcome(run_context, baseline, published, candidates, moment)
    implausible = tuple(judged_pull for judged_pull in judged if judged_pull.refusals)
    return Judgement(implausible, first_pulls, check)
