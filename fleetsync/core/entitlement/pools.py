"""How many shared devices each unit's pool is owed: by its number of children, rounded up as the rule says.

Pure. A child is counted once, at the unit of its person state; nothing here knows who it is.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from fleetsync.core.context import Context
from fleetsync.core.entitlement.decisions import format_text
from fleetsync.core.entitlement.modes import mode_of
from fleetsync.core.model import (
    Entitlement,
    OwedDevices,
    PersonState,
    RoundBy,
    Subject,
    Text,
    Unit,
)

HeadCounts = Mapping[tuple[str, str], int]  # (unit, school form) → distinct children

CHILDREN_OF_FORM = Text("{0}: {1} barn", "{0}: {1} children")
ROUNDED_PER_FORM = Text("{0}; {1} per påbörjade {2} i varje skolform", "{0}; {1} per {2} begun of each school form")
ROUNDED_PER_UNIT = Text("{0} barn; {1} per påbörjade {2} på enheten", "{0} children; {1} per {2} begun at the unit")
ROUNDED_IN_MUNICIPALITY = Text(
    "{0} barn; {1} per påbörjade {2} i kommunen, fördelade efter störst rest",
    "{0} children; {1} per {2} begun in the municipality, shared out by largest remainder",
)


def owed_to_pools(
    states: Iterable[PersonState], context: Context, round_by: RoundBy | None = None
) -> tuple[OwedDevices, ...]:
    """What each unit's pool is owed by each pool rule in force, in the order of the rules and of the units.

    *round_by*: another rounding than the rule's, to show what it would give.
    """
    rules = [rule for rule in context.rules if not mode_of(rule).owes_persons]
    heads = _heads_by_rule(states, {rule.id for rule in rules})
    units = context.unit_directory.units
    return tuple(
        owed for rule in rules for owed in _owed_by_rule(rule, heads[rule.id], units, round_by or rule.round_by)
    )


def _heads_by_rule(states: Iterable[PersonState], pooled: set[str]) -> Mapping[str, Counter[tuple[str, str]]]:
    heads: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for person_state in states:
        for decision in person_state.decisions:
            if decision.owed and decision.entitlement in pooled:
                heads[decision.entitlement][person_state.unit, person_state.school_form or ""] += 1
    return heads


def _owed_by_rule(
    rule: Entitlement, heads: HeadCounts, units: Sequence[Unit], round_by: RoundBy
) -> Iterable[OwedDevices]:
    by_unit = heads_by_unit(heads)
    places = pool_devices_by_unit(rule, heads, round_by)
    rank = {unit.slug: place for place, unit in enumerate(units)}
    for unit in sorted(by_unit, key=lambda slug: (rank.get(slug, len(rank)), slug)):
        yield OwedDevices(
            entitlement=rule.id,
            subject=Subject.POOL,
            subject_id=f"{rule.id}@{unit}",
            unit=unit,
            count=places[unit],
            heads=by_unit[unit],
            reason=_pool_reason(rule, unit, heads, round_by),
        )


def heads_by_unit(heads: HeadCounts) -> Mapping[str, int]:
    """Children of each unit, all school forms together."""
    children: Counter[str] = Counter()
    for (unit, _), count in heads.items():
        children[unit] += count
    return children


def pool_devices_by_unit(rule: Entitlement, heads: HeadCounts, round_by: RoundBy) -> Mapping[str, int]:
    """The shared devices owed to each unit that has children, rounded up where *round_by* says."""
    if round_by is RoundBy.UNIT_AND_FORM:
        owed: Counter[str] = Counter()
        for (unit, _), count in heads.items():
            owed[unit] += pool_devices_for(rule, count)
        return owed
    by_unit = heads_by_unit(heads)
    if round_by is RoundBy.UNIT:
        return {unit: pool_devices_for(rule, count) for unit, count in by_unit.items()}
    return share_by_largest_remainder(pool_devices_for(rule, sum(by_unit.values())), by_unit)


def pool_devices_for(rule: Entitlement, heads: int) -> int:
    """`devices` for each `per` heads, a part of them counting as a whole."""
    return rule.devices * -(-heads // rule.per)


def share_by_largest_remainder(places: int, heads: Mapping[str, int]) -> Mapping[str, int]:
    """*places* shared out in proportion to *heads* by largest remainder; of equal remainders the lowest slug comes first."""
    total = sum(heads.values())
    if not total:
        return {}
    shares = {unit: divmod(places * count, total) for unit, count in heads.items()}
    left = places - sum(whole for whole, _ in shares.values())
    first = set(sorted(shares, key=lambda unit: (-shares[unit][1], unit))[:left])
    return {unit: whole + (unit in first) for unit, (whole, _) in shares.items()}


def _pool_reason(rule: Entitlement, unit: str, heads: HeadCounts, round_by: RoundBy) -> Text:
    by_form = sorted((form, count) for (where, form), count in heads.items() if where == unit)
    if round_by is RoundBy.UNIT_AND_FORM:
        counts = [format_text(CHILDREN_OF_FORM, form, count) for form, count in by_form]
        listed = Text(", ".join(text.sv for text in counts), ", ".join(text.en for text in counts))
        return format_text(ROUNDED_PER_FORM, listed, rule.devices, rule.per)
    sentence = ROUNDED_PER_UNIT if round_by is RoundBy.UNIT else ROUNDED_IN_MUNICIPALITY
    return format_text(sentence, sum(count for _, count in by_form), rule.devices, rule.per)
