"""Plans a change: what pulls would change if they were believed, as the difference between two outcomes.

Pure.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from fleetsync.core.model import BelievedRecord, ChangePlan, CoverageChange, CoverageDay, Outcome, PullEffect, RowChange


def plan_changes(
    before: Outcome, after: Outcome, effects: Iterable[PullEffect], known: Iterable[BelievedRecord]
) -> ChangePlan:
    """The plan of *effects*: *before* is the outcome without them, *after* with them; *known* is what was believed before."""
    believed = {record.ref for record in known if not record.gone}
    changes = Counter(
        _change_name(effect.source, row.ref, row.change, believed) for effect in effects for row in effect.rows
    )
    had, has = set(before.assignments), set(after.assignments)
    open_before = Counter(episode.key for episode in before.episodes)
    open_after = Counter(episode.key for episode in after.episodes)
    return ChangePlan(
        new=changes["new"],
        changed=changes["changed"],
        returned=changes["returned"],
        absent=changes["absent"],
        assignments_begun=len(has - had),
        assignments_ended=len(had - has),
        gaps_opened=_count_by_kind(open_after - open_before),
        gaps_closed=_count_by_kind(open_before - open_after),
        coverage_changes=tuple(_coverage_changes(before.coverage, after.coverage)),
    )


def _change_name(source: str, ref: tuple[str, str], change: RowChange, believed: set[tuple[str, str, str]]) -> str:
    if change is RowChange.PUT:
        return "changed" if (source, *ref) in believed else "new"
    return {RowChange.RETURN: "returned", RowChange.ABSENT: "absent", RowChange.CONTACT: "contact"}[change]


def _count_by_kind(keys: Counter[tuple[str, str]]) -> Mapping[str, int]:
    return dict(sorted(Counter(kind for kind, _ in keys).items()))


def _coverage_changes(before: Iterable[CoverageDay], after: Iterable[CoverageDay]) -> Iterable[CoverageChange]:
    old = {(row.unit, row.entitlement): row for row in before}
    new = {(row.unit, row.entitlement): row for row in after}
    for unit, entitlement in sorted({*old, *new}):
        was, will = old.get((unit, entitlement)), new.get((unit, entitlement))
        change = CoverageChange(
            unit=unit,
            entitlement=entitlement,
            entitled_before=was.entitled if was else 0,
            entitled_after=will.entitled if will else 0,
            covered_before=was.covered if was else 0,
            covered_after=will.covered if will else 0,
        )
        if (change.entitled_before, change.covered_before) != (change.entitled_after, change.covered_after):
            yield change
