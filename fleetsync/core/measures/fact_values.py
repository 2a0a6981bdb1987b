"""The values of FACTS that do not come from gaps: ratios, limits, names and instants."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from fleetsync.core.context import Context
from fleetsync.core.measures.definitions import Labels
from fleetsync.core.model import UNPLACED, Outcome


def coverage_ratio_values(outcome: Outcome, context: Context) -> Iterable[tuple[Labels, float]]:
    """Covered / entitled wherever something is owed."""
    return (((row.unit, row.entitlement), row.ratio) for row in outcome.coverage if row.ratio is not None)


def entitlement_values(field: str) -> Callable[[Outcome, Context], Iterable[tuple[Labels, float]]]:
    """A function that gives *field* of the rule behind each published unit and entitlement."""

    def values(outcome: Outcome, context: Context) -> Iterable[tuple[Labels, float]]:
        rules = context.rules_by_id
        cells = ((row.unit, row.entitlement) for row in outcome.coverage if row.entitlement in rules)
        return ((cell, float(getattr(context.rule_at(rules[cell[1]], cell[0]), field))) for cell in cells)

    return values


def entitlement_info_values(outcome: Outcome, context: Context) -> Iterable[tuple[Labels, float]]:
    """1 for each entitlement, with its title in Swedish and in English."""
    return (((rule.id, rule.title.sv, rule.title.en), 1.0) for rule in context.rules)


def unit_info_values(outcome: Outcome, context: Context) -> Iterable[tuple[Labels, float]]:
    """1 for each unit, with its name, first code and school forms."""
    for unit in outcome.units:
        yield (unit.slug, unit.name, unit.codes[0] if unit.codes else "", ",".join(unit.school_forms)), 1.0


def unit_published_values(outcome: Outcome, context: Context) -> Iterable[tuple[Labels, float]]:
    """Whether each unit is published; people without a unit are in none."""
    return (((unit.slug,), float(unit.published)) for unit in outcome.units if unit.slug != UNPLACED)


def calendar_end_values(outcome: Outcome, context: Context) -> Iterable[tuple[Labels, float]]:
    """The last second of each unit's last known term."""
    zone = ZoneInfo(context.policy.time_zone)
    for unit in outcome.units:
        ends_on = context.calendar_of(unit.slug).ends_on
        if unit.slug != UNPLACED and ends_on is not None:
            yield (unit.slug,), datetime.combine(ends_on, time(23, 59, 59), zone).astimezone(UTC).timestamp()
