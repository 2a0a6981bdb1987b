"""One run, in the order the data travels: pull and judge, reconcile, apply, record, show.

Each due part is pulled whole into staging and judged; the core reconciles what would then be believed; the parts that
may be believed are applied, one transaction each, rosters before devices; the outcome is recorded in one transaction;
the new snapshot is shown by one assignment. Nothing flows back up.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from threading import Event

import msgspec

from fleetsync import log
from fleetsync.clock import Clock
from fleetsync.core import guard
from fleetsync.core.calendar import Calendars, local_day
from fleetsync.core.coverage import build_context, reconcile
from fleetsync.core.coverage.plan import plan_changes
from fleetsync.core.identity.units import RESERVED_UNITS
from fleetsync.core.model import (
    CENTRAL,
    BelievedState,
    ChangePlan,
    CoverageDay,
    HoldReason,
    Moment,
    Outcome,
    PartRole,
    PartState,
    Policy,
    PullEffect,
    PullLimits,
    Text,
    Verdict,
)
from fleetsync.core.snapshot import Snapshot, build_snapshot
from fleetsync.expose.metrics import CounterTotals
from fleetsync.pull.contract import Part
from fleetsync.pull.registry import Source
from fleetsync.pull.runner import INTERNAL_ERROR_REASON, PullResult, PullRunner
from fleetsync.store.ledger import Ledger, PartBusy, StaleReconciliation, StoredPull, StoreError

logger = log.get(__name__)

WORKERS = 16  # sources wait side by side; each has one request in flight

AGREEING_PULLS = 3  # so many held pulls in a row that say the same are probably the new truth
AGREEMENT_RATIO = 0.02  # of what they saw; more than lies between two looks at a living system is another saying
RECORD_ATTEMPTS = (
    3  # to record what was judged while people are being hidden: markings come with pulls, a few at a time
)
PULL_HISTORY_LIMIT = 20  # pulls of a part that are looked back at


@dataclass(frozen=True)
class RunContext:
    """Everything a run needs, built once by whoever starts it."""

    ledger: Ledger
    sources: Sequence[Source]
    policy: Policy
    calendars: Calendars
    clock: Clock
    runner: PullRunner
    staged_effect: Callable[[int], PullEffect]  # a finished pull with its staged rows
    show: Callable[[Snapshot], None] = lambda _: None
    stop: Event = field(default_factory=Event)

    def moment(self) -> Moment:
        """Now, and the local day it is."""
        at = self.clock.now()
        return Moment(at, local_day(at, self.policy.time_zone))

    def policy_now(self) -> Policy:
        """The policy with the units whose trial has ended: somebody may end one while a daemon runs."""
        return with_published_units(self.policy, self.ledger.published_units())

    def parts(self) -> tuple[PartState, ...]:
        """The configured parts, before anything is known of their pulls."""
        return tuple(_part_state(source, part) for source in self.sources for part in source.parts)

    def believed(self) -> BelievedState:
        """The core's whole input."""
        return self.ledger.believed(self.parts())

    def limits(self, source: str, part: str) -> PullLimits:
        """How much a pull of the part may change."""
        return next(one for one in self.sources if one.name == source).limits(part)


def with_published_units(policy: Policy, done: Collection[str]) -> Policy:
    """*policy* with the trial of the units *done* ended; `central`, which nobody configures, has a trial like others."""
    configured = {unit.slug for unit in policy.units}
    central = (
        unit for unit in RESERVED_UNITS if unit.slug == CENTRAL and unit.slug in done and unit.slug not in configured
    )
    units = (*policy.units, *central)
    told = tuple(msgspec.structs.replace(unit, published=unit.published or unit.slug in done) for unit in units)
    return msgspec.structs.replace(policy, units=told)


def _part_state(source: Source, part: Part) -> PartState:
    return PartState(
        source=source.name,
        part=part.name,
        role=part.role,
        types=part.types,
        counts=source.counts(part.name),
        counts_at=source.settings.counts_at,
        expects_mdm=part.expects_mdm,
        trust=source.settings.trust,
        expected_every=source.settings.freshness_limit,
        disabled=source.settings.disabled,
    )


@dataclass(frozen=True)
class JudgedPull:
    """A pull with what the guard says of it."""

    pulled: PullResult
    refusals: tuple[HoldReason, ...] = ()

    @property
    def effect(self) -> PullEffect:
        """Its effect; only asked of pulls that have one."""
        assert self.pulled.effect is not None, "a pull without effect is not judged"
        return self.pulled.effect


@dataclass(frozen=True)
class RunReport:
    """What a run did."""

    pulled: tuple[PullResult, ...]
    held: tuple[JudgedPull, ...]
    applied: tuple[JudgedPull, ...]
    outcome: Outcome


ProgressCallback = Callable[[str, str, int], None]


def run(
    run_context: RunContext, due: Sequence[tuple[Source, Part]], progress: ProgressCallback | None = None
) -> RunReport:
    """Pull what is *due*, believe what may be believed, and show what follows."""
    return judge_and_apply(run_context, pull_side_by_side(run_context, due, progress))


def pull_side_by_side(
    run_context: RunContext, due: Sequence[tuple[Source, Part]], progress: ProgressCallback | None = None
) -> tuple[PullResult, ...]:
    """One worker per source; the parts of a source in the order it declares them."""
    by_source: dict[str, list[tuple[Source, Part]]] = {}
    for source, part in due:
        by_source.setdefault(source.name, []).append((source, part))
    if not by_source:
        return ()
    with ThreadPoolExecutor(min(WORKERS, len(by_source)), thread_name_prefix="pull") as pool:
        jobs = [pool.submit(pull_source, run_context, parts, progress) for parts in by_source.values()]
        return tuple(pulled for job in jobs for pulled in job.result())


def pull_source(
    run_context: RunContext, parts: Sequence[tuple[Source, Part]], progress: ProgressCallback | None
) -> list[PullResult]:
    """The parts of one source, one after the other; one that somebody else is pulling is left to him."""
    done = []
    for source, part in parts:
        if run_context.stop.is_set():
            break
        shown = partial(progress, source.name, part.name) if progress is not None else None
        with log.bound_fields(source=source.name, part=part.name):
            try:
                done.append(run_context.runner.pull(source, part, run_context.stop, shown))
            except PartBusy as busy:
                logger.info("part is busy", reason=str(busy))
            except Exception:
                # Of our own: the next part, the next source and the next time go on.
                logger.exception("pull broke")
    return done


# --- judge and apply --------------------------------------------------------------------------------------------------


def judge_and_apply(run_context: RunContext, pulled: Sequence[PullResult]) -> RunReport:
    """Judge what was pulled, apply what may be believed, record and show the outcome.

    A pull that cannot be applied after all has failed, and the others go on. An error of our own ends them all: none
    stays behind unjudged, with its part locked.
    """
    try:
        return _judge_and_apply(run_context, pulled)
    except BaseException:
        for one in pulled:
            if one.effect is not None:
                _fail_pull(run_context, one, f"{one.source}/{one.part}: {INTERNAL_ERROR_REASON}")
        raise


def _judge_and_apply(run_context: RunContext, pulled: Sequence[PullResult]) -> RunReport:
    begun = run_context.clock.monotonic()
    pulled = [_failed_unless_configured(run_context, one) for one in pulled]
    before = {one.pull: _earlier_judged_pulls(run_context, one) for one in pulled}
    _record_credentials(run_context, pulled)
    believed, moment = run_context.believed(), run_context.moment()
    judged = [_judge_pull(run_context, believed, one, moment) for one in pulled if one.effect is not None]
    firm = [one for one in judged if not one.refusals and one.effect.is_first]
    others = [one for one in judged if not one.refusals and not one.effect.is_first]
    base = with_pulls_applied(believed, _effects(firm), run_context)
    published = () if firm else _newest_coverage_day(believed.coverage)
    passed, outcome, suspects = _check_outcome(run_context, base, published, others, moment)
    then = with_pulls_applied(base, _effects(passed), run_context)
    applied, late = _apply_pulls(run_context, [*firm, *passed])
    if late:
        then = run_context.believed()
        outcome = _reconcile_believed(run_context, then, moment)
    held, lost = _hold_pulls(run_context, [*(one for one in judged if one.refusals), *suspects], before)
    failed = {one.pull: one for one in (*late, *lost)}
    pulled = [failed.get(one.pull, one) for one in pulled]
    _dissolve_withdrawn_holds(run_context, pulled, believed)
    _log_run(pulled, applied, held, before)
    outcome = _record_and_show(run_context, outcome, then, begun)
    return RunReport(tuple(pulled), tuple(held), tuple(applied), outcome)


def _failed_unless_configured(run_context: RunContext, pulled: PullResult) -> PullResult:
    """The pull; failed when its source was taken out of the configuration while it was read."""
    parts = {(source.name, part.name) for source in run_context.sources for part in source.parts}
    if (pulled.source, pulled.part) in parts or pulled.effect is None:
        return pulled
    return _fail_pull(
        run_context, pulled, f"{pulled.source}/{pulled.part}: is no longer configured; nothing of it is believed"
    )


def _fail_pull(run_context: RunContext, pulled: PullResult, reason: str) -> PullResult:
    with suppress(StoreError):  # judged already: then it is not ours to end
        run_context.ledger.fail_pull(pulled.pull, Verdict.FAILED, reason)
    return replace(pulled, verdict=Verdict.FAILED, reason=reason, effect=None)


def _apply_pulls(run_context: RunContext, judged: Iterable[JudgedPull]) -> tuple[list[JudgedPull], list[PullResult]]:
    """Those that are believed now, and those that could not be any more."""
    done: list[JudgedPull] = []
    late: list[PullResult] = []
    for one in judged:
        try:
            run_context.ledger.apply(one.effect, run_context.limits(one.effect.source, one.effect.part))
        except StoreError as error:
            late.append(_fail_pull(run_context, one.pulled, str(error)))
        else:
            done.append(one)
    return done, late


def _hold_pulls(
    run_context: RunContext, judged: Iterable[JudgedPull], before: Mapping[int, Sequence[StoredPull]]
) -> tuple[list[JudgedPull], list[PullResult]]:
    """Those that wait for a person now, and those that cannot any more."""
    waiting: list[JudgedPull] = []
    lost: list[PullResult] = []
    for one in judged:
        told = replace(one, refusals=(*one.refusals, *_agreement_refusals(run_context, one, before[one.pulled.pull])))
        try:
            run_context.ledger.hold(told.effect.pull, told.refusals)
        except StoreError as error:
            lost.append(_fail_pull(run_context, one.pulled, str(error)))
        else:
            waiting.append(told)
    return waiting, lost


def _record_credentials(run_context: RunContext, pulled: Iterable[PullResult]) -> None:
    for told in pulled:
        if told.credentials:
            expiries = {credential.name: credential.expires_at for credential in told.credentials}
            run_context.ledger.store_credential_expiries(told.source, told.part, expiries)


def _judge_pull(run_context: RunContext, believed: BelievedState, pulled: PullResult, moment: Moment) -> JudgedPull:
    assert pulled.effect is not None, "only a pull with an effect is judged"
    effect = run_context.staged_effect(pulled.pull)
    state = next(one for one in believed.parts if (one.source, one.part) == (effect.source, effect.part))
    known = [one for one in believed.known if (one.source, one.part) == (effect.source, effect.part)]
    setting = guard.PullContext(
        role=state.role,
        in_turnover_window=_is_turnover(run_context.calendars, moment.today),
        as_of_by_scope={scope: day.isoformat() for scope, day in state.scope_as_of.items()},
        contacts_untold=state.contacts_untold,
    )
    refusals = guard.pull_hold_reasons(known, effect, run_context.limits(effect.source, effect.part), setting)
    return JudgedPull(replace(pulled, effect=effect), refusals)


def _dissolve_withdrawn_holds(run_context: RunContext, pulled: Iterable[PullResult], believed: BelievedState) -> None:
    """What was held is no more what a source says that shows again what is believed of it."""
    waiting = {part.name for part in believed.parts if part.held_pull is not None}
    for one in pulled:
        if one.verdict is Verdict.UNCHANGED and not one.reason and f"{one.source}/{one.part}" in waiting:
            run_context.ledger.dissolve(one.source, one.part)


def _effects(judged: Iterable[JudgedPull]) -> list[PullEffect]:
    return [one.effect for one in judged]


def _is_turnover(calendars: Calendars, today: date) -> bool:
    summer = calendars.default.summer_break(today)
    return summer is not None and summer.is_turnover(today)


def _check_outcome(
    run_context: RunContext,
    base: BelievedState,
    published: Sequence[CoverageDay],
    candidates: Sequence[JudgedPull],
    moment: Moment,
) -> tuple[list[JudgedPull], Outcome, list[JudgedPull]]:
    """Those that may be applied, what then is true, and those whose outcome moves too far.

    Asked first of what was published last, which costs nothing; only where that differs much, of what would be true
    today without these pulls: days alone move numbers too.
    """
    then = _reconcile_believed(run_context, with_pulls_applied(base, _effects(candidates), run_context), moment)
    if (
        not candidates
        or _is_outcome_check_off(run_context, moment)
        or (published and not guard.outcome_hold_reasons(published, then.coverage))
    ):
        return list(candidates), then, []
    before = _reconcile_believed(run_context, base, moment)
    if not guard.outcome_hold_reasons(before.coverage, then.coverage):
        return list(candidates), then, []
    return _try_pulls_one_by_one(run_context, base, before, candidates, moment)


def _newest_coverage_day(rows: Sequence[CoverageDay]) -> Sequence[CoverageDay]:
    day = max((row.day for row in rows), default=None)
    return [row for row in rows if row.day == day]


def _is_outcome_check_off(run_context: RunContext, moment: Moment) -> bool:
    last = run_context.ledger.newest_reconciliation()
    is_new_policy = last is not None and last.policy_fingerprint != run_context.policy.fingerprint
    return is_new_policy or _is_turnover(run_context.calendars, moment.today)


def _try_pulls_one_by_one(
    run_context: RunContext, base: BelievedState, before: Outcome, candidates: Sequence[JudgedPull], moment: Moment
) -> tuple[list[JudgedPull], Outcome, list[JudgedPull]]:
    """Those that together stay within the limits of what would be true without any of them, rosters first."""
    passed: list[JudgedPull] = []
    suspects: list[JudgedPull] = []
    found = before
    roles = {(one.source, one.part): one.role for one in base.parts}
    for one in sorted(candidates, key=lambda one: roles[(one.effect.source, one.effect.part)] is not PartRole.ROSTER):
        then = _reconcile_believed(run_context, with_pulls_applied(base, _effects([*passed, one]), run_context), moment)
        refusals = guard.outcome_hold_reasons(before.coverage, then.coverage)
        if refusals:
            suspects.append(JudgedPull(one.pulled, refusals))
        else:
            passed.append(one)
            found = then
    return passed, found, suspects


def with_pulls_applied(
    believed: BelievedState, effects: Iterable[PullEffect], run_context: RunContext
) -> BelievedState:
    """What would be believed with these pulls applied."""
    for effect in effects:
        is_part = (effect.source, effect.part).__eq__
        part = [known for known in believed.known if is_part((known.source, known.part))]
        rest = [known for known in believed.known if not is_part((known.source, known.part))]
        known = guard.projected_records(part, effect, run_context.limits(effect.source, effect.part))
        states = [
            guard.projected_part_state(one, effect) if is_part((one.source, one.part)) else one
            for one in believed.parts
        ]
        believed = msgspec.structs.replace(believed, known=[*rest, *known], parts=states)
    return believed


def _reconcile_believed(run_context: RunContext, believed: BelievedState, moment: Moment) -> Outcome:
    return reconcile(believed, run_context.policy_now(), run_context.calendars, moment)


# --- pulls that agree ---------------------------------------------------------------------------------------------------


def _earlier_judged_pulls(run_context: RunContext, pulled: PullResult) -> Sequence[StoredPull]:
    """The pulls of the part that were judged before this attempt, newest first."""
    first = pulled.pull if pulled.restarted_from is None else pulled.restarted_from
    lines = run_context.ledger.pulls(pulled.source, pulled.part, PULL_HISTORY_LIMIT)
    return [line for line in lines if line.id < first and line.verdict is not None]


def _agreement_refusals(
    run_context: RunContext, judged: JudgedPull, before: Sequence[StoredPull]
) -> Iterable[HoldReason]:
    """A sentence when the held pulls before it said the same: announced to whoever decides, never acted upon.

    The same edition of a file, read again, is no second opinion.
    """
    looks = [_content_fingerprints(judged.effect)]
    for line in before:
        if line.verdict in (Verdict.FAILED, Verdict.UNCHANGED):
            continue
        if line.verdict is not Verdict.HELD or line.decision == "rejected" or not _agrees_with_pull(judged, line):
            break
        prints = _content_fingerprints(run_context.ledger.effect(line.id))
        if not prints or prints not in looks:
            looks.append(prints)
        if len(looks) == AGREEING_PULLS:
            yield AGREED_REFUSAL
            return


AGREED_REFUSAL = HoldReason(
    "agreed",
    Text(
        f"{AGREEING_PULLS} hämtningar i rad säger detsamma: det är troligen den nya sanningen",
        f"{AGREEING_PULLS} pulls in a row say the same: it is probably the new truth",
    ),
)


def _content_fingerprints(effect: PullEffect) -> frozenset[str]:
    return frozenset(scope.fingerprint for scope in effect.scopes if scope.fingerprint is not None)


def _agrees_with_pull(judged: JudgedPull, line: StoredPull) -> bool:
    is_near = abs(judged.effect.seen - line.seen) <= AGREEMENT_RATIO * max(judged.effect.seen, line.seen)
    return is_near and _refusal_rules(judged.refusals) == _refusal_rules(line.refusals)


def _refusal_rules(refusals: Iterable[HoldReason]) -> frozenset[str]:
    return frozenset(refusal.rule for refusal in refusals) - {AGREED_REFUSAL.rule}


# --- what is told -------------------------------------------------------------------------------------------------------


def _log_run(
    pulled: Sequence[PullResult],
    applied: Sequence[JudgedPull],
    held: Sequence[JudgedPull],
    before: Mapping[int, Sequence[StoredPull]],
) -> None:
    """Once when a part breaks or is held, and once when it recovers; a line for each pull that was applied."""
    for one in pulled:
        _log_pull_health(one, next(iter(before[one.pull]), None))
    for judged in applied:
        _log_applied(judged.effect, judged.pulled.seconds)
    for judged in held:
        _log_held(judged, next(iter(before[judged.pulled.pull]), None))


def _log_pull_health(pulled: PullResult, last: StoredPull | None) -> None:
    was_broken = last is not None and last.verdict is Verdict.FAILED
    if pulled.verdict is not Verdict.FAILED:
        if was_broken:
            logger.info("part recovered", source=pulled.source, part=pulled.part)
    elif not pulled.was_stopped:
        is_news = last is None or not was_broken or _without_digits(last.reason or "") != _without_digits(pulled.reason)
        say = logger.warning if is_news else logger.debug
        say("pull failed", source=pulled.source, part=pulled.part, reason=pulled.reason)


def _without_digits(reason: str) -> str:
    """A reason without its numbers: how often it was tried is no news."""
    return "".join(letter for letter in reason if not letter.isdigit())


def _log_held(judged: JudgedPull, last: StoredPull | None) -> None:
    effect, rules = judged.effect, [refusal.rule for refusal in judged.refusals]
    is_news = last is None or last.verdict is not Verdict.HELD or [one.rule for one in last.refusals] != rules
    say = logger.warning if is_news else logger.debug
    say(
        "pull held",
        source=effect.source,
        part=effect.part,
        pull=effect.pull,
        rules=rules,
        why=[refusal.text.en for refusal in judged.refusals],
        remedy=f"fleetsync accept {effect.source}/{effect.part} {effect.pull} --reason …",
    )


def _log_applied(effect: PullEffect, seconds: float) -> None:
    logger.info(
        "pull applied",
        source=effect.source,
        part=effect.part,
        pull=effect.pull,
        seen=effect.seen,
        changed=len(effect.rows),
        rejected=sum(effect.rejected.values()),
        seconds=round(seconds, 2),
    )


# --- reconcile and show -----------------------------------------------------------------------------------------------


def reconcile_now(run_context: RunContext) -> Outcome:
    """Judge what is believed now, record it and show it: after a decision, a new configuration, midnight, an hour."""
    begun = run_context.clock.monotonic()
    believed = run_context.believed()
    return _record_and_show(
        run_context, _reconcile_believed(run_context, believed, run_context.moment()), believed, begun
    )


def rebuild_snapshot(run_context: RunContext) -> Snapshot:
    """The snapshot of what is believed, without writing anything: for a start, and for lists."""
    believed = run_context.believed()
    return shown(run_context, _reconcile_believed(run_context, believed, run_context.moment()), believed)


def shown(run_context: RunContext, outcome: Outcome, believed: BelievedState) -> Snapshot:
    """The snapshot of an outcome."""
    policy = run_context.policy_now()
    return build_snapshot(outcome, build_context(believed, policy, run_context.calendars, outcome.moment))


def _record_and_show(run_context: RunContext, outcome: Outcome, believed: BelievedState, begun: float) -> Outcome:
    """*outcome*, recorded and shown; or, where somebody was hidden meanwhile, what is judged of what is believed by now.

    Who was hidden must come back neither in the database nor on the page by what was read before.
    """
    for _ in range(RECORD_ATTEMPTS):
        try:
            seconds = run_context.clock.monotonic() - begun
            run_context.ledger.record(outcome, privacy_generation=believed.privacy_generation, duration_seconds=seconds)
        except StaleReconciliation:
            believed = run_context.believed()
            outcome = _reconcile_believed(run_context, believed, run_context.moment())
        else:
            run_context.show(shown(run_context, outcome, believed))
            return outcome
    logger.warning(
        "reconciliation overtaken", attempts=RECORD_ATTEMPTS, remedy="the next reconciliation records what is true"
    )
    return outcome


def accept(run_context: RunContext, source: str, part: str, pull: int, *, who: str, reason: str) -> Outcome:
    """Believe a held pull after all. Raises NotHeld when it is not the newest held one of the part, PartBusy."""
    run_context.ledger.accept(pull, who, reason, run_context.limits(source, part))
    return reconcile_now(run_context)


def plans_of_held(run_context: RunContext) -> dict[int, ChangePlan]:
    """What each held pull would change, by pull."""
    believed, moment = run_context.believed(), run_context.moment()
    held = [one.held_pull for one in believed.parts if one.held_pull is not None]
    if not held:
        return {}
    before = _reconcile_believed(run_context, believed, moment)
    return {pull: _plan_of(run_context, believed, before, [run_context.ledger.effect(pull)], moment) for pull in held}


def plan_dry_run(run_context: RunContext, pulled: Sequence[PullResult]) -> tuple[ChangePlan, list[str]]:
    """What a run would change, and what of it would be held; writes nothing."""
    believed, moment = run_context.believed(), run_context.moment()
    judged = [_judge_pull(run_context, believed, one, moment) for one in pulled if one.effect is not None]
    refused = [
        f"{one.effect.source}/{one.effect.part}: {refusal.text.en}" for one in judged for refusal in one.refusals
    ]
    effects = _effects(one for one in judged if not one.refusals)
    return _plan_of(run_context, believed, _reconcile_believed(run_context, believed, moment), effects, moment), refused


def _plan_of(
    run_context: RunContext, believed: BelievedState, before: Outcome, effects: Sequence[PullEffect], moment: Moment
) -> ChangePlan:
    then = _reconcile_believed(run_context, with_pulls_applied(believed, effects, run_context), moment)
    return plan_changes(before, then, effects, believed.known)


def counter_totals(ledger: Ledger) -> CounterTotals:
    """The counters that survive retention, as the exposition takes them."""
    sums: dict[str, dict[tuple[str, ...], int]] = {}
    for (name, label), total in ledger.counters().items():
        sums.setdefault(f"fleetsync_{name.removesuffix('_total')}", {})[(label,)] = total
    return sums
