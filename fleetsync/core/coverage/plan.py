"""What pulls would change: the difference between two outcomes, before anybody acts on it.

Pure.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from fleetsync.core.model import BelievedRecord, ChangePlan, CoverageChange, CoverageDay, Outcome, PullEffect, RowChange


def plan_changes(
    before: Outcome, then: Outcome, effects: Iterable[PullEffect], known: Iterable[BelievedRecord]
) -> ChangePlan:
    """The plan of *effects*: *before* is what is true without them, *then* with them; *known* is believed before."""
    believed = {one.ref for one in known if not one.gone}
    changes = Counter(
        _change_name(effect.source, row.ref, row.change, believed) for effect in effects for row in effect.rows
    )
    had, has = set(before.assignments), set(then.assignments)
    open_before, open_then = Counter(one.key for one in before.episodes), Counter(one.key for one in then.episodes)
    return ChangePlan(
        new=changes["new"],
        changed=changes["changed"],
        returned=changes["returned"],
        absent=changes["absent"],
        assignments_begun=len(has - had),
        assignments_ended=len(had - has),
        gaps_opened=_count_by_kind(open_then - open_before),
        gaps_closed=_count_by_kind(open_before - open_then),
        coverage_changes=tuple(_coverage_changes(before.coverage, then.coverage)),
    )


def _change_name(source: str, ref: tuple[str, str], change: RowChange, believed: set[tuple[str, str, str]]) -> str:
    if change is RowChange.PUT:
        return "changed" if (source, *ref) in believed else "new"
    return {RowChange.RETURN: "returned", RowChange.ABSENT: "absent", RowChange.CONTACT: "contact"}[change]


def _count_by_kind(keys: Counter[tuple[str, str]]) -> Mapping[str, int]:
    return dict(sorted(Counter(kind for kind, _ in keys).items()))


def _coverage_changes(before: Iterable[CoverageDay], then: Iterable[CoverageDay]) -> Iterable[CoverageChange]:
    old = {(row.unit, row.entitlement): row for row in before}
    new = {(row.unit, row.entitlement): row for row in then}
    for unit, entitlement in sorted({*old, *new}):
        was, will = old.get((unit, entitlement)), new.get((unit, entitlement))
        shift = CoverageChange(
            unit=unit,
            entitlement=entitlement,
            entitled_before=was.entitled if was else 0,
            entitled_after=will.entitled if will else 0,
            covered_before=was.covered if was else 0,
            covered_after=will.covered if will else 0,
        )
        if (shift.entitled_before, shift.covered_before) != (shift.entitled_after, shift.covered_after):
            yield shift
