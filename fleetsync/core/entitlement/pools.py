"""What the units' pools owe: shared devices by the number of children, and where that number is rounded up.

Pure. A child is counted once, where its standing is; nothing here knows who it is.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from fleetsync.core.entitlement.decisions import say
from fleetsync.core.entitlement.rules import rules_in_force
from fleetsync.core.identity import UnitBook
from fleetsync.core.model import Entitlement, Mode, Moment, Owed, Policy, RoundBy, Standing, Subject, Text

Heads = Mapping[tuple[str, str], int]  # (unit, school form) → distinct children

BY_FORM = Text("{0}: {1} barn", "{0}: {1} children")
EACH_FORM = Text("{0}; {1} per påbörjade {2} i varje skolform", "{0}; {1} per {2} begun of each school form")
BY_UNIT = Text("{0} barn; {1} per påbörjade {2} på enheten", "{0} children; {1} per {2} begun at the unit")
SHARED_OUT = Text(
    "{0} barn; {1} per påbörjade {2} i kommunen, fördelade efter störst rest",
    "{0} children; {1} per {2} begun in the municipality, shared out by largest remainder",
)


def pools(
    standings: Iterable[Standing],
    book: UnitBook,
    policy: Policy,
    moment: Moment,
    round_by: RoundBy | None = None,
) -> tuple[Owed, ...]:
    """What each unit's pool is owed by each pool rule in force, in the order of rules and the book's units.

    *round_by* asks what another rounding than the rule's would give.
    """
    rules = [rule for rule in rules_in_force(policy, moment.today) if rule.mode is Mode.POOL]
    heads = _heads_by_rule(standings, {rule.id for rule in rules})
    return tuple(owed for rule in rules for owed in _pools_of(rule, heads[rule.id], book, round_by or rule.round_by))


def _heads_by_rule(standings: Iterable[Standing], pooled: set[str]) -> Mapping[str, Counter[tuple[str, str]]]:
    heads: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for standing in standings:
        for decision in standing.decisions:
            if decision.owed and decision.entitlement in pooled:
                heads[decision.entitlement][standing.unit, standing.school_form or ""] += 1
    return heads


def _pools_of(rule: Entitlement, heads: Heads, book: UnitBook, round_by: RoundBy) -> Iterable[Owed]:
    by_unit = heads_by_unit(heads)
    places = places_by_unit(rule, heads, round_by)
    place_in_book = {unit.slug: place for place, unit in enumerate(book.units)}
    for unit in sorted(by_unit, key=lambda slug: (place_in_book.get(slug, len(place_in_book)), slug)):
        yield Owed(
            entitlement=rule.id,
            subject=Subject.POOL,
            subject_id=f"{rule.id}@{unit}",
            unit=unit,
            count=places[unit],
            heads=by_unit[unit],
            reason=_why(rule, unit, heads, round_by),
        )


def heads_by_unit(heads: Heads) -> Mapping[str, int]:
    """Children of each unit, all school forms together."""
    found: Counter[str] = Counter()
    for (unit, _), count in heads.items():
        found[unit] += count
    return found


def places_by_unit(rule: Entitlement, heads: Heads, round_by: RoundBy) -> Mapping[str, int]:
    """The shared devices owed to each unit that has children, rounded up where *round_by* says."""
    if round_by is RoundBy.UNIT_AND_FORM:
        found: Counter[str] = Counter()
        for (unit, _), count in heads.items():
            found[unit] += places_for(rule, count)
        return found
    by_unit = heads_by_unit(heads)
    if round_by is RoundBy.UNIT:
        return {unit: places_for(rule, count) for unit, count in by_unit.items()}
    return shared_out(places_for(rule, sum(by_unit.values())), by_unit)


def places_for(rule: Entitlement, heads: int) -> int:
    """`devices` for each `per` heads that are begun."""
    return rule.devices * -(-heads // rule.per)


def shared_out(places: int, heads: Mapping[str, int]) -> Mapping[str, int]:
    """*places* dealt in proportion to *heads* by largest remainder; of equal remainders the lowest slug comes first."""
    total = sum(heads.values())
    if not total:
        return {}
    shares = {unit: divmod(places * count, total) for unit, count in heads.items()}
    left = places - sum(whole for whole, _ in shares.values())
    first = set(sorted(shares, key=lambda unit: (-shares[unit][1], unit))[:left])
    return {unit: whole + (unit in first) for unit, (whole, _) in shares.items()}


def _why(rule: Entitlement, unit: str, heads: Heads, round_by: RoundBy) -> Text:
    by_form = sorted((form, count) for (where, form), count in heads.items() if where == unit)
    if round_by is RoundBy.UNIT_AND_FORM:
        said = [say(BY_FORM, form, count) for form, count in by_form]
        listed = Text(", ".join(one.sv for one in said), ", ".join(one.en for one in said))
        return say(EACH_FORM, listed, rule.devices, rule.per)
    sentence = BY_UNIT if round_by is RoundBy.UNIT else SHARED_OUT
    return say(sentence, sum(count for _, count in by_form), rule.devices, rule.per)
