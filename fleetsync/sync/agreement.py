"""Notices when several held pulls in a row say the same, and adds a sentence about it to the newest.

The sentence helps the person who decides. Nothing is ever applied because of it.
"""

from collections.abc import Iterable, Sequence

from fleetsync.core.guard import may_be_accepted
from fleetsync.core.model import HoldReason, PullEffect, Text, Verdict
from fleetsync.pull.runner import PullResult
from fleetsync.store.ledger import StoredPull
from fleetsync.sync.context import RunContext
from fleetsync.sync.judging import JudgedPull

AGREEING_PULLS = 3  # this many held pulls in a row that say the same are probably the new truth
AGREEMENT_RATIO = 0.02  # of the records seen; between two reads of a living system a little always changes
PULL_HISTORY_LIMIT = 20  # how many earlier pulls of a part are read

AGREED_REFUSAL = HoldReason(
    "agreed",
    Text(
        f"{AGREEING_PULLS} hämtningar i rad säger detsamma: det är troligen den nya sanningen",
        f"{AGREEING_PULLS} pulls in a row say the same: it is probably the new truth",
    ),
)


def earlier_judged_pulls(run_context: RunContext, pulled: PullResult) -> Sequence[StoredPull]:
    """The pulls of the part that were judged before this attempt, newest first."""
    first = pulled.pull if pulled.restarted_from is None else pulled.restarted_from
    stored_pulls = run_context.ledger.pulls(pulled.source, pulled.part, PULL_HISTORY_LIMIT)
    return [stored for stored in stored_pulls if stored.id < first and stored.verdict is not None]


def agreement_refusals(
    run_context: RunContext, judged: JudgedPull, earlier: Sequence[StoredPull]
) -> Iterable[HoldReason]:
    """`AGREED_REFUSAL` when the held pulls before *judged* said the same, else nothing.

    The same edition of a file that is read again does not count as another pull. Three empty pulls are no new truth.
    """
    if not may_be_accepted(judged.refusals):
        return
    editions = [_content_fingerprints(judged.effect)]
    for stored in earlier:
        if stored.verdict in (Verdict.FAILED, Verdict.UNCHANGED):
            continue
        if stored.verdict is not Verdict.HELD or stored.decision == "rejected" or not _agrees_with(judged, stored):
            break
        fingerprints = _content_fingerprints(run_context.ledger.effect(stored.id))
        if not fingerprints or fingerprints not in editions:
            editions.append(fingerprints)
        if len(editions) == AGREEING_PULLS:
            yield AGREED_REFUSAL
            return


def _content_fingerprints(effect: PullEffect) -> frozenset[str]:
    return frozenset(scope.fingerprint for scope in effect.scopes if scope.fingerprint is not None)


def _agrees_with(judged: JudgedPull, stored: StoredPull) -> bool:
    seen = judged.effect.seen
    is_near = abs(seen - stored.seen) <= AGREEMENT_RATIO * max(seen, stored.seen)
    return is_near and _refusal_rules(judged.refusals) == _refusal_rules(stored.refusals)


def _refusal_rules(refusals: Iterable[HoldReason]) -> frozenset[str]:
    return frozenset(refusal.rule for refusal in refusals) - {AGREED_REFUSAL.rule}
