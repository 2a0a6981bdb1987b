"""Logs what became of the pulls of a run.

A part that breaks or is held is logged once, and once more when it recovers. Every applied pull is logged.
"""

from collections.abc import Mapping, Sequence

from fleetsync import log
from fleetsync.core import guard
from fleetsync.core.model import PullEffect, Verdict
from fleetsync.pull.runner import PullResult
from fleetsync.store.ledger import StoredPull
from fleetsync.sync.judging import JudgedPull

logger = log.get(__name__)


def log_pulls(
    pulled: Sequence[PullResult],
    applied: Sequence[JudgedPull],
    held: Sequence[JudgedPull],
    earlier: Mapping[int, Sequence[StoredPull]],
) -> None:
    """Log what became of each pull. *earlier*: by pull, the pulls of its part that were judged before, newest first."""
    for result in pulled:
        _log_pull_health(result, next(iter(earlier[result.pull]), None))
    for judged in applied:
        _log_applied(judged.effect, judged.pulled.seconds)
    for judged in held:
        _log_held(judged, next(iter(earlier[judged.pulled.pull]), None))


def _log_pull_health(pulled: PullResult, last: StoredPull | None) -> None:
    was_broken = last is not None and last.verdict is Verdict.FAILED
    if pulled.verdict is not Verdict.FAILED:
        if was_broken:
            logger.info("part recovered", source=pulled.source, part=pulled.part)
    elif not pulled.was_stopped:
        is_news = last is None or not was_broken or _without_digits(last.reason or "") != _without_digits(pulled.reason)
        write = logger.warning if is_news else logger.debug
        write("pull failed", source=pulled.source, part=pulled.part, reason=pulled.reason)


def _without_digits(reason: str) -> str:
    """*reason* without its numbers: the number of attempts alone is no news."""
    return "".join(letter for letter in reason if not letter.isdigit())


def _log_held(judged: JudgedPull, last: StoredPull | None) -> None:
    effect, rules = judged.effect, [refusal.rule for refusal in judged.refusals]
    was_held_alike = (
        last is not None and last.verdict is Verdict.HELD and [refusal.rule for refusal in last.refusals] == rules
    )
    write = logger.debug if was_held_alike else logger.warning
    write(
        "pull held",
        source=effect.source,
        part=effect.part,
        pull=effect.pull,
        rules=rules,
        why=[refusal.text.en for refusal in judged.refusals],
        remedy=f"fleetsync accept {effect.source}/{effect.part} {effect.pull} --reason …"
        if guard.may_be_accepted(judged.refusals)
        else "mend what the source gives; the next pull that is plausible is believed by itself",
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
        unreadable_facts=sum(effect.unreadable_facts.values()),
        conflicting_duplicates=effect.conflicting_duplicates,
        seconds=round(seconds, 2),
    )
