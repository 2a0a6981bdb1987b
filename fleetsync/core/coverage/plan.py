"""What pulls would change: the difference between two outcomes, before anybody acts on it.

Pure.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from fleetsync.core.model import Change, CoverageDay, Known, Outcome, Plan, PullEffect, Shift


def plan(before: Outcome, then: Outcome, effects: Iterable[PullEffect], known: Iterable[Known]) -> Plan:
    """The plan of *effects*: *before* is what is true without them, *then* with them; *known* is believed before."""
    believed = {one.ref for one in known if not one.gone}
    changes = Counter(
        _change(effect.source, row.ref, row.change, believed) for effect in effects for row in effect.rows
    )
    had, has = set(before.assignments), set(then.assignments)
    open_before, open_then = Counter(one.key for one in before.episodes), Counter(one.key for one in then.episodes)
    return Plan(
        new=changes["new"],
        changed=changes["changed"],
        returned=changes["returned"],
        absent=changes["absent"],
        assignments_begun=len(has - had),
        assignments_ended=len(had - has),
        gaps_opened=_kinds(open_then - open_before),
        gaps_closed=_kinds(open_before - open_then),
        shifts=tuple(_shifts(before.coverage, then.coverage)),
    )


def _change(source: str, ref: tuple[str, str], change: Change, believed: set[tuple[str, str, str]]) -> str:
    if change is Change.PUT:
        return "changed" if (source, *ref) in believed else "new"
    return {Change.RETURN: "returned", Change.ABSENT: "absent", Change.CONTACT: "contact"}[change]


def _kinds(keys: Counter[tuple[str, str]]) -> Mapping[str, int]:
    return dict(sorted(Counter(kind for kind, _ in keys).items()))


def _shifts(before: Iterable[CoverageDay], then: Iterable[CoverageDay]) -> Iterable[Shift]:
    old = {(row.unit, row.entitlement): row for row in before}
    new = {(row.unit, row.entitlement): row for row in then}
    for unit, entitlement in sorted({*old, *new}):
        was, will = old.get((unit, entitlement)), new.get((unit, entitlement))
        shift = Shift(
            unit=unit,
            entitlement=entitlement,
            entitled_before=was.entitled if was else 0,
            entitled_after=will.entitled if will else 0,
            covered_before=was.covered if was else 0,
            covered_after=will.covered if will else 0,
        )
        if (shift.entitled_before, shift.covered_before) != (shift.entitled_after, shift.covered_after):
            yield shift
