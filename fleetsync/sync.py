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
from fleetsync.core.coverage import reconcile
from fleetsync.core.coverage.plan import plan
from fleetsync.core.identity import unit_book
from fleetsync.core.identity.units import RESERVED
from fleetsync.core.model import (
    CENTRAL,
    Believed,
    CoverageDay,
    Limits,
    Moment,
    Outcome,
    PartState,
    Plan,
    Policy,
    PullEffect,
    Refusal,
    Role,
    Text,
    Verdict,
)
from fleetsync.core.snapshot import Snapshot, snapshot
from fleetsync.expose.metrics import Totals
from fleetsync.pull.contract import Part
from fleetsync.pull.registry import Source
from fleetsync.pull.runner import OUR_OWN, Pulled, Runner
from fleetsync.store.ledger import Ledger, Overtaken, PartBusy, PullLine, StoreError

logger = log.get(__name__)

WORKERS = 16  # sources wait side by side; each has one request in flight

AGREEING = 3  # so many held pulls in a row that say the same are probably the new truth
AGREEMENT_RATIO = 0.02  # of what they saw; more than lies between two looks at a living system is another saying
ATTEMPTS = 3  # to record what was judged while people are being hidden: markings come with pulls, a few at a time
LINES = 20  # pulls of a part that are looked back at


@dataclass(frozen=True)
class World:
    """Everything a run needs, built once by whoever starts it."""

    ledger: Ledger
    sources: Sequence[Source]
    policy: Policy
    calendars: Calendars
    clock: Clock
    runner: Runner
    effect_of: Callable[[int], PullEffect]  # a finished pull with its staged rows
    show: Callable[[Snapshot], None] = lambda _: None
    stop: Event = field(default_factory=Event)

    def moment(self) -> Moment:
        """Now, and the local day it is."""
        at = self.clock.now()
        return Moment(at, local_day(at, self.policy.time_zone))

    def policy_now(self) -> Policy:
        """The policy with the units whose trial has ended: somebody may end one while a daemon runs."""
        return with_published(self.policy, self.ledger.published())

    def parts(self) -> tuple[PartState, ...]:
        """The configured parts, before anything is known of their pulls."""
        return tuple(_state(source, part) for source in self.sources for part in source.parts)

    def believed(self) -> Believed:
        """The core's whole input."""
        return self.ledger.believed(self.parts())

    def limits(self, source: str, part: str) -> Limits:
        """How much a pull of the part may change."""
        return next(one for one in self.sources if one.name == source).limits(part)


def with_published(policy: Policy, done: Collection[str]) -> Policy:
    """*policy* with the trial of the units *done* ended; `central`, which nobody configures, has a trial like others."""
    configured = {unit.slug for unit in policy.units}
    central = (unit for unit in RESERVED if unit.slug == CENTRAL and unit.slug in done and unit.slug not in configured)
    units = (*policy.units, *central)
    told = tuple(msgspec.structs.replace(unit, published=unit.published or unit.slug in done) for unit in units)
    return msgspec.structs.replace(policy, units=told)


def _state(source: Source, part: Part) -> PartState:
    return PartState(
        source=source.name,
        part=part.name,
        role=part.role,
        types=part.types,
        counts=source.counts(part.name),
        counts_at=source.settings.counts_at,
        expects_mdm=part.expects_mdm,
        trust=source.settings.trust,
        expected_every=source.settings.fresh_for,
        disabled=source.settings.disabled,
    )


@dataclass(frozen=True)
class Judged:
    """A pull with what the guard says of it."""

    pulled: Pulled
    refusals: tuple[Refusal, ...] = ()

    @property
    def effect(self) -> PullEffect:
        """Its effect; only asked of pulls that have one."""
        assert self.pulled.effect is not None, "a pull without effect is not judged"
        return self.pulled.effect


@dataclass(frozen=True)
class Report:
    """What a run did."""

    pulled: tuple[Pulled, ...]
    held: tuple[Judged, ...]
    applied: tuple[Judged, ...]
    outcome: Outcome


Progress = Callable[[str, str, int], None]


def run(world: World, due: Sequence[tuple[Source, Part]], progress: Progress | None = None) -> Report:
    """Pull what is *due*, believe what may be believed, and show what follows."""
    return settle(world, pull_side_by_side(world, due, progress))


def pull_side_by_side(
    world: World, due: Sequence[tuple[Source, Part]], progress: Progress | None = None
) -> tuple[Pulled, ...]:
    """One worker per source; the parts of a source in the order it declares them."""
    by_source: dict[str, list[tuple[Source, Part]]] = {}
    for source, part in due:
        by_source.setdefault(source.name, []).append((source, part))
    if not by_source:
        return ()
    with ThreadPoolExecutor(min(WORKERS, len(by_source)), thread_name_prefix="pull") as pool:
        jobs = [pool.submit(pull_source, world, parts, progress) for parts in by_source.values()]
        return tuple(pulled for job in jobs for pulled in job.result())


def pull_source(world: World, parts: Sequence[tuple[Source, Part]], progress: Progress | None) -> list[Pulled]:
    """The parts of one source, one after the other; one that somebody else is pulling is left to him."""
    done = []
    for source, part in parts:
        if world.stop.is_set():
            break
        shown = partial(progress, source.name, part.name) if progress is not None else None
        with log.bound(source=source.name, part=part.name):
            try:
                done.append(world.runner.pull(source, part, world.stop, shown))
            except PartBusy as busy:
                logger.info("part is busy", reason=str(busy))
            except Exception:
                # Of our own: the next part, the next source and the next time go on.
                logger.exception("pull broke")
    return done


# --- judge and apply --------------------------------------------------------------------------------------------------


def settle(world: World, pulled: Sequence[Pulled]) -> Report:
    """Judge what was pulled, apply what may be believed, record and show the outcome.

    A pull that cannot be applied after all has failed, and the others go on. An error of our own ends them all: none
    stays behind unjudged, with its part locked.
    """
    try:
        return _settled(world, pulled)
    except BaseException:
        for one in pulled:
            if one.effect is not None:
                _give_up(world, one, f"{one.source}/{one.part}: {OUR_OWN}")
        raise


def _settled(world: World, pulled: Sequence[Pulled]) -> Report:
    begun = world.clock.monotonic()
    pulled = [_configured(world, one) for one in pulled]
    before = {one.pull: _judged_before(world, one) for one in pulled}
    _note_credentials(world, pulled)
    believed, moment = world.believed(), world.moment()
    judged = [_judge(world, believed, one, moment) for one in pulled if one.effect is not None]
    firm = [one for one in judged if not one.refusals and one.effect.is_first]
    others = [one for one in judged if not one.refusals and not one.effect.is_first]
    base = overlaid(believed, _effects(firm), world)
    published = () if firm else _newest(believed.coverage)
    passed, outcome, suspects = _outcome_checked(world, base, published, others, moment)
    then = overlaid(base, _effects(passed), world)
    applied, late = _applied(world, [*firm, *passed])
    if late:
        then = world.believed()
        outcome = _outcome(world, then, moment)
    held, lost = _held(world, [*(one for one in judged if one.refusals), *suspects], before)
    failed = {one.pull: one for one in (*late, *lost)}
    pulled = [failed.get(one.pull, one) for one in pulled]
    _dissolve_withdrawn(world, pulled, believed)
    _tell(pulled, applied, held, before)
    outcome = _recorded(world, outcome, then, begun)
    return Report(tuple(pulled), tuple(held), tuple(applied), outcome)


def _configured(world: World, pulled: Pulled) -> Pulled:
    """The pull; failed when its source was taken out of the configuration while it was read."""
    parts = {(source.name, part.name) for source in world.sources for part in source.parts}
    if (pulled.source, pulled.part) in parts or pulled.effect is None:
        return pulled
    return _give_up(world, pulled, f"{pulled.source}/{pulled.part}: is no longer configured; nothing of it is believed")


def _give_up(world: World, pulled: Pulled, reason: str) -> Pulled:
    with suppress(StoreError):  # judged already: then it is not ours to end
        world.ledger.fail(pulled.pull, Verdict.FAILED, reason)
    return replace(pulled, verdict=Verdict.FAILED, reason=reason, effect=None)


def _applied(world: World, judged: Iterable[Judged]) -> tuple[list[Judged], list[Pulled]]:
    """Those that are believed now, and those that could not be any more."""
    done: list[Judged] = []
    late: list[Pulled] = []
    for one in judged:
        try:
            world.ledger.apply(one.effect, world.limits(one.effect.source, one.effect.part))
        except StoreError as error:
            late.append(_give_up(world, one.pulled, str(error)))
        else:
            done.append(one)
    return done, late


def _held(
    world: World, judged: Iterable[Judged], before: Mapping[int, Sequence[PullLine]]
) -> tuple[list[Judged], list[Pulled]]:
    """Those that wait for a person now, and those that cannot any more."""
    waiting: list[Judged] = []
    lost: list[Pulled] = []
    for one in judged:
        told = replace(one, refusals=(*one.refusals, *_agreement(world, one, before[one.pulled.pull])))
        try:
            world.ledger.hold(told.effect.pull, told.refusals)
        except StoreError as error:
            lost.append(_give_up(world, one.pulled, str(error)))
        else:
            waiting.append(told)
    return waiting, lost


def _note_credentials(world: World, pulled: Iterable[Pulled]) -> None:
    for told in pulled:
        if told.credentials:
            expiries = {credential.name: credential.expires_at for credential in told.credentials}
            world.ledger.note_credentials(told.source, told.part, expiries)


def _judge(world: World, believed: Believed, pulled: Pulled, moment: Moment) -> Judged:
    assert pulled.effect is not None, "only a pull with an effect is judged"
    effect = world.effect_of(pulled.pull)
    state = next(one for one in believed.parts if (one.source, one.part) == (effect.source, effect.part))
    known = [one for one in believed.known if (one.source, one.part) == (effect.source, effect.part)]
    setting = guard.Setting(
        role=state.role,
        in_turnover_window=_is_turnover(world.calendars, moment.today),
        as_of_by_scope={scope: day.isoformat() for scope, day in state.scope_as_of.items()},
        contacts_untold=state.contacts_untold,
    )
    refusals = guard.judge(known, effect, world.limits(effect.source, effect.part), setting)
    return Judged(replace(pulled, effect=effect), refusals)


def _dissolve_withdrawn(world: World, pulled: Iterable[Pulled], believed: Believed) -> None:
    """What was held is no more what a source says that shows again what is believed of it."""
    waiting = {part.name for part in believed.parts if part.held_pull is not None}
    for one in pulled:
        if one.verdict is Verdict.UNCHANGED and not one.reason and f"{one.source}/{one.part}" in waiting:
            world.ledger.dissolve(one.source, one.part)


def _effects(judged: Iterable[Judged]) -> list[PullEffect]:
    return [one.effect for one in judged]


def _is_turnover(calendars: Calendars, today: date) -> bool:
    summer = calendars.default.summer_break(today)
    return summer is not None and summer.is_turnover(today)


def _outcome_checked(
    world: World, base: Believed, published: Sequence[CoverageDay], candidates: Sequence[Judged], moment: Moment
) -> tuple[list[Judged], Outcome, list[Judged]]:
    """Those that may be applied, what then is true, and those whose outcome moves too far.

    Asked first of what was published last, which costs nothing; only where that differs much, of what would be true
    today without these pulls: days alone move numbers too.
    """
    then = _outcome(world, overlaid(base, _effects(candidates), world), moment)
    if not candidates or _may_move(world, moment) or (published and not guard.moved_too_far(published, then.coverage)):
        return list(candidates), then, []
    before = _outcome(world, base, moment)
    if not guard.moved_too_far(before.coverage, then.coverage):
        return list(candidates), then, []
    return _one_by_one(world, base, before, candidates, moment)


def _newest(rows: Sequence[CoverageDay]) -> Sequence[CoverageDay]:
    day = max((row.day for row in rows), default=None)
    return [row for row in rows if row.day == day]


def _may_move(world: World, moment: Moment) -> bool:
    last = world.ledger.newest_reconciliation()
    is_new_policy = last is not None and last.policy_fingerprint != world.policy.fingerprint
    return is_new_policy or _is_turnover(world.calendars, moment.today)


def _one_by_one(
    world: World, base: Believed, before: Outcome, candidates: Sequence[Judged], moment: Moment
) -> tuple[list[Judged], Outcome, list[Judged]]:
    """Those that together stay within the limits of what would be true without any of them, rosters first."""
    passed: list[Judged] = []
    suspects: list[Judged] = []
    found = before
    roles = {(one.source, one.part): one.role for one in base.parts}
    for one in sorted(candidates, key=lambda one: roles[(one.effect.source, one.effect.part)] is not Role.ROSTER):
        then = _outcome(world, overlaid(base, _effects([*passed, one]), world), moment)
        refusals = guard.moved_too_far(before.coverage, then.coverage)
        if refusals:
            suspects.append(Judged(one.pulled, refusals))
        else:
            passed.append(one)
            found = then
    return passed, found, suspects


def overlaid(believed: Believed, effects: Iterable[PullEffect], world: World) -> Believed:
    """What would be believed with these pulls applied."""
    for effect in effects:
        is_part = (effect.source, effect.part).__eq__
        part = [known for known in believed.known if is_part((known.source, known.part))]
        rest = [known for known in believed.known if not is_part((known.source, known.part))]
        known = guard.after(part, effect, world.limits(effect.source, effect.part))
        states = [guard.state_after(one, effect) if is_part((one.source, one.part)) else one for one in believed.parts]
        believed = msgspec.structs.replace(believed, known=[*rest, *known], parts=states)
    return believed


def _outcome(world: World, believed: Believed, moment: Moment) -> Outcome:
    return reconcile(believed, world.policy_now(), world.calendars, moment)


# --- pulls that agree ---------------------------------------------------------------------------------------------------


def _judged_before(world: World, pulled: Pulled) -> Sequence[PullLine]:
    """The pulls of the part that were judged before this attempt, newest first."""
    first = pulled.pull if pulled.begun_again is None else pulled.begun_again
    lines = world.ledger.pulls(pulled.source, pulled.part, LINES)
    return [line for line in lines if line.id < first and line.verdict is not None]


def _agreement(world: World, judged: Judged, before: Sequence[PullLine]) -> Iterable[Refusal]:
    """A sentence when the held pulls before it said the same: announced to whoever decides, never acted upon.

    The same edition of a file, read again, is no second opinion.
    """
    looks = [_prints(judged.effect)]
    for line in before:
        if line.verdict in (Verdict.FAILED, Verdict.UNCHANGED):
            continue
        if line.verdict is not Verdict.HELD or line.decision == "rejected" or not _agrees(judged, line):
            break
        prints = _prints(world.ledger.effect(line.id))
        if not prints or prints not in looks:
            looks.append(prints)
        if len(looks) == AGREEING:
            yield AGREED
            return


AGREED = Refusal(
    "agreed",
    Text(
        f"{AGREEING} hämtningar i rad säger detsamma: det är troligen den nya sanningen",
        f"{AGREEING} pulls in a row say the same: it is probably the new truth",
    ),
)


def _prints(effect: PullEffect) -> frozenset[str]:
    return frozenset(scope.fingerprint for scope in effect.scopes if scope.fingerprint is not None)


def _agrees(judged: Judged, line: PullLine) -> bool:
    is_near = abs(judged.effect.seen - line.seen) <= AGREEMENT_RATIO * max(judged.effect.seen, line.seen)
    return is_near and _rules(judged.refusals) == _rules(line.refusals)


def _rules(refusals: Iterable[Refusal]) -> frozenset[str]:
    return frozenset(refusal.rule for refusal in refusals) - {AGREED.rule}


# --- what is told -------------------------------------------------------------------------------------------------------


def _tell(
    pulled: Sequence[Pulled],
    applied: Sequence[Judged],
    held: Sequence[Judged],
    before: Mapping[int, Sequence[PullLine]],
) -> None:
    """Once when a part breaks or is held, and once when it recovers; a line for each pull that was applied."""
    for one in pulled:
        _tell_health(one, next(iter(before[one.pull]), None))
    for judged in applied:
        _tell_applied(judged.effect, judged.pulled.seconds)
    for judged in held:
        _tell_held(judged, next(iter(before[judged.pulled.pull]), None))


def _tell_health(pulled: Pulled, last: PullLine | None) -> None:
    was_broken = last is not None and last.verdict is Verdict.FAILED
    if pulled.verdict is not Verdict.FAILED:
        if was_broken:
            logger.info("part recovered", source=pulled.source, part=pulled.part)
    elif not pulled.was_stopped:
        is_news = last is None or not was_broken or _gist(last.reason or "") != _gist(pulled.reason)
        say = logger.warning if is_news else logger.debug
        say("pull failed", source=pulled.source, part=pulled.part, reason=pulled.reason)


def _gist(reason: str) -> str:
    """A reason without its numbers: how often it was tried is no news."""
    return "".join(letter for letter in reason if not letter.isdigit())


def _tell_held(judged: Judged, last: PullLine | None) -> None:
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


def _tell_applied(effect: PullEffect, seconds: float) -> None:
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


def reconcile_anew(world: World) -> Outcome:
    """Judge what is believed now, record it and show it: after a decision, a new configuration, midnight, an hour."""
    begun = world.clock.monotonic()
    believed = world.believed()
    return _recorded(world, _outcome(world, believed, world.moment()), believed, begun)


def rebuilt(world: World) -> Snapshot:
    """The snapshot of what is believed, without writing anything: for a start, and for lists."""
    believed = world.believed()
    return shown(world, _outcome(world, believed, world.moment()), believed)


def shown(world: World, outcome: Outcome, believed: Believed) -> Snapshot:
    """The snapshot of an outcome."""
    policy = world.policy_now()
    return snapshot(outcome, policy, world.calendars, unit_book(believed.known, policy))


def _recorded(world: World, outcome: Outcome, believed: Believed, begun: float) -> Outcome:
    """*outcome*, recorded and shown; or, where somebody was hidden meanwhile, what is judged of what is believed by now.

    Who was hidden must come back neither in the database nor on the page by what was read before.
    """
    for _ in range(ATTEMPTS):
        try:
            seconds = world.clock.monotonic() - begun
            world.ledger.record(outcome, hidings=believed.hidings, duration_seconds=seconds)
        except Overtaken:
            believed = world.believed()
            outcome = _outcome(world, believed, world.moment())
        else:
            world.show(shown(world, outcome, believed))
            return outcome
    logger.warning("reconciliation overtaken", attempts=ATTEMPTS, remedy="the next reconciliation records what is true")
    return outcome


def accept(world: World, source: str, part: str, pull: int, *, who: str, reason: str) -> Outcome:
    """Believe a held pull after all. Raises NotHeld when it is not the newest held one of the part, PartBusy."""
    world.ledger.accept(pull, who, reason, world.limits(source, part))
    return reconcile_anew(world)


def plans_of_held(world: World) -> dict[int, Plan]:
    """What each held pull would change, by pull."""
    believed, moment = world.believed(), world.moment()
    held = [one.held_pull for one in believed.parts if one.held_pull is not None]
    if not held:
        return {}
    before = _outcome(world, believed, moment)
    return {pull: _plan_of(world, believed, before, [world.ledger.effect(pull)], moment) for pull in held}


def rehearse(world: World, pulled: Sequence[Pulled]) -> tuple[Plan, list[str]]:
    """What a run would change, and what of it would be held; writes nothing."""
    believed, moment = world.believed(), world.moment()
    judged = [_judge(world, believed, one, moment) for one in pulled if one.effect is not None]
    refused = [
        f"{one.effect.source}/{one.effect.part}: {refusal.text.en}" for one in judged for refusal in one.refusals
    ]
    effects = _effects(one for one in judged if not one.refusals)
    return _plan_of(world, believed, _outcome(world, believed, moment), effects, moment), refused


def _plan_of(world: World, believed: Believed, before: Outcome, effects: Sequence[PullEffect], moment: Moment) -> Plan:
    then = _outcome(world, overlaid(believed, effects, world), moment)
    return plan(before, then, effects, believed.known)


def totals(ledger: Ledger) -> Totals:
    """The counters that survive retention, as the exposition takes them."""
    sums: dict[str, dict[tuple[str, ...], int]] = {}
    for (name, label), total in ledger.counters().items():
        sums.setdefault(f"fleetsync_{name.removesuffix('_total')}", {})[(label,)] = total
    return sums
