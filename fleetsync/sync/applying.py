"""Writes what was decided about pulls: applies, holds, fails or dissolves them, one transaction each.

A pull that cannot be written any more (another process judged it first) becomes a failed pull; the others go on.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from fleetsync.core.model import BelievedState, Verdict
from fleetsync.pull.runner import INTERNAL_ERROR_REASON, PullResult
from fleetsync.store.ledger import StoredPull, StoreError
from fleetsync.sync.agreement import agreement_refusals
from fleetsync.sync.context import RunContext
from fleetsync.sync.judging import JudgedPull


def fail_unconfigured(run_context: RunContext, pulled: Iterable[PullResult]) -> list[PullResult]:
    """*pulled*, with those failed whose source was removed from the configuration while it was read."""
    parts = {(source.name, part.name) for source in run_context.sources for part in source.parts}
    return [
        result
        if (result.source, result.part) in parts or result.effect is None
        else fail_pull(
            run_context, result, f"{result.source}/{result.part}: is no longer configured; nothing of it is believed"
        )
        for result in pulled
    ]


def fail_unjudged(run_context: RunContext, pulled: Iterable[PullResult]) -> None:
    """Fail every pull that still has an effect, after an error of our own: none stays unjudged with its part locked."""
    for result in pulled:
        if result.effect is not None:
            # Also when that cannot be written (a full disk, a locked database): each must let go of its part, and a pull
            # without a verdict is ended when its part is pulled next.
            with suppress(Exception):
                fail_pull(run_context, result, f"{result.source}/{result.part}: {INTERNAL_ERROR_REASON}")


def fail_pulls_by_clock(run_context: RunContext, pulled: Iterable[PullResult], problem: str) -> tuple[PullResult, ...]:
    """*pulled*, with those failed that would change something. They are pulled again at their next time."""
    return tuple(
        result if result.effect is None else fail_pull(run_context, result, f"{result.source}/{result.part}: {problem}")
        for result in pulled
    )


def fail_pull(run_context: RunContext, pulled: PullResult, reason: str) -> PullResult:
    """Record that a pull failed, and return it as failed. Nothing is recorded of a pull that was judged before."""
    with suppress(StoreError):
        run_context.ledger.fail_pull(pulled.pull, Verdict.FAILED, reason)
    return replace(pulled, verdict=Verdict.FAILED, reason=reason, effect=None)


def apply_pulls(run_context: RunContext, judged: Iterable[JudgedPull]) -> tuple[list[JudgedPull], list[PullResult]]:
    """Apply each pull. Returns the applied ones, and those that could not be applied any more as failed."""
    applied: list[JudgedPull] = []
    apply_failed: list[PullResult] = []
    for judged_pull in judged:
        effect = judged_pull.effect
        try:
            run_context.ledger.apply(effect, run_context.limits(effect.source, effect.part))
        except StoreError as error:
            apply_failed.append(fail_pull(run_context, judged_pull.pulled, str(error)))
        else:
            applied.append(judged_pull)
    return applied, apply_failed


def hold_pulls(
    run_context: RunContext, judged: Iterable[JudgedPull], earlier: Mapping[int, Sequence[StoredPull]]
) -> tuple[list[JudgedPull], list[PullResult]]:
    """Hold each pull. Returns the held ones with all their reasons, and those that could not be held as failed.

    *earlier*: by pull, the pulls of its part that were judged before, newest first.
    """
    held: list[JudgedPull] = []
    hold_failed: list[PullResult] = []
    for judged_pull in judged:
        agreement = agreement_refusals(run_context, judged_pull, earlier[judged_pull.pulled.pull])
        with_agreement = replace(judged_pull, refusals=(*judged_pull.refusals, *agreement))
        try:
            run_context.ledger.hold(with_agreement.effect.pull, with_agreement.refusals)
        except StoreError as error:
            hold_failed.append(fail_pull(run_context, judged_pull.pulled, str(error)))
        else:
            held.append(with_agreement)
    return held, hold_failed


def record_credentials(run_context: RunContext, pulled: Iterable[PullResult]) -> None:
    """Store when the credentials of the sources expire, where a pull brought it."""
    for result in pulled:
        if result.credentials:
            run_context.ledger.store_credentials(result.source, result.part, result.credentials)


def dissolve_withdrawn_holds(run_context: RunContext, pulled: Iterable[PullResult], believed: BelievedState) -> None:
    """Dissolve the held pull of a part whose source shows again exactly what is believed of it."""
    waiting = {state.name for state in believed.parts if state.held_pull is not None}
    for result in pulled:
        is_as_believed = result.verdict is Verdict.UNCHANGED and not result.reason
        if is_as_believed and f"{result.source}/{result.part}" in waiting:
            run_context.ledger.dissolve(result.source, result.part)
