"""For which units and entitlements numbers are published, and the persons and heads that are counted beside what is owed.

Pure.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from fleetsync.core.coverage.owed import pool_id_of
from fleetsync.core.coverage.resolution import Resolution
from fleetsync.core.entitlement import judged_heads
from fleetsync.core.measures import shown_unit
from fleetsync.core.model import UNPLACED, CoverageShare, Entitlement, Subject, Unit
from fleetsync.core.unit_directory import UnitDirectory


def coverage_cells(units: Iterable[Unit], rules: Sequence[Entitlement]) -> Iterable[tuple[str, str]]:
    """Every unit and entitlement where the persons of the entitlement can occur; `unplaced` has every entitlement."""
    for unit in units:
        for rule in rules:
            if unit.slug == UNPLACED or is_entitlement_possible(unit, rule):
                yield (unit.slug, rule.id)


def unit_by_slug(slug: str, directory: UnitDirectory) -> Unit:
    """The unit of a slug; a bare one for a slug that no `[[unit]]` has, where a rule or a list may put devices."""
    return directory.by_slug.get(slug) or Unit(slug=slug, name=slug)


def is_entitlement_possible(unit: Unit, rule: Entitlement) -> bool:
    """Whether persons of the entitlement can occur at the unit, by the unit's school forms."""
    if rule.units and unit.slug not in rule.units:
        return False
    return not rule.who.school_forms or bool(set(unit.school_forms) & set(rule.who.school_forms))


def undecided_and_on_leave(resolution: Resolution) -> Mapping[tuple[str, str], Mapping[str, int]]:
    """(unit, entitlement) → how many persons are "undecided", and how many are "on_leave"."""
    counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for person_state in resolution.states:
        for decision in person_state.decisions:
            if decision.undecided or decision.on_leave:
                unit = shown_unit(person_state.unit, decision.entitlement, resolution.hidden)
                counts[unit, decision.entitlement]["undecided" if decision.undecided else "on_leave"] += 1
    return counts


def undecided_head_shares(resolution: Resolution) -> Iterable[CoverageShare]:
    """The heads that no rule can decide about, such as those of an unknown school form."""
    for judged in judged_heads(resolution.context):
        if judged.undecided:
            unit = shown_unit(judged.unit, judged.entitlement, resolution.hidden)
            yield CoverageShare(
                unit=unit,
                entitlement=judged.entitlement,
                subject=Subject.POOL,
                subject_id=pool_id_of(judged.entitlement, unit),
                undecided=judged.heads,
                reason=judged.reason,
            )
