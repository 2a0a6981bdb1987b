"""How many devices each unit is owed by its number of heads: of the children of a pool rule, rounded up as the rule says,
and of everyone whom only a head count knows.

Pure. A child is counted once, at the unit of its person state; nothing here knows who it is.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from fleetsync.core.context import Context
from fleetsync.core.entitlement.decisions import UNKNOWN_DAY, format_text, with_local_plan
from fleetsync.core.entitlement.headcounts import JudgedHeads, judged_heads
from fleetsync.core.entitlement.modes import mode_of
from fleetsync.core.model import (
    Entitlement,
    OwedDevices,
    PersonState,
    RoundBy,
    Subject,
    Text,
)

HeadsByForm = Mapping[tuple[str, str], int]  # (unit, school form) → heads

CHILDREN_OF_FORM = Text("{0}: {1} barn", "{0}: {1} children")
ROUNDED_PER_FORM = Text("{0}; {1} per påbörjade {2} i varje skolform", "{0}; {1} per {2} begun of each school form")
ROUNDED_PER_UNIT = Text("{0} barn; {1} per påbörjade {2} på enheten", "{0} children; {1} per {2} begun at the unit")
ROUNDED_IN_MUNICIPALITY = Text(
    "{0} barn; {1} per påbörjade {2} i kommunen, fördelade efter störst rest",
    "{0} children; {1} per {2} begun in the municipality, shared out by largest remainder",
)
OWED_PER_HEAD = Text("{0} personer; {1} var, räknade per enhet", "{0} persons; {1} each, counted by unit")
FROM_HEAD_COUNTS = Text("{0}; {1} enligt lämnade antal ({2}, {3})", "{0}; {1} of them from head counts ({2}, {3})")
NOT_SAID = Text("lämnat av okänd", "by an unknown author")


def owed_to_pools(
    states: Iterable[PersonState], context: Context, round_by: RoundBy | None = None
) -> tuple[OwedDevices, ...]:
    """What each unit's pool is owed by each rule in force, in the order of the rules and of the units.

    A rule that owes persons owes a unit's pool what head counts give it, a device (or `devices`) for every head.
    *round_by*: another rounding than the rule's, to show what it would give.
    """
    pooled = {rule.id for rule in context.rules if not mode_of(rule).owes_persons}
    counted = tuple(each for each in judged_heads(context) if not each.undecided)
    heads = _heads_by_rule(states, pooled, counted)
    return tuple(
        _with_counts(owed, counted)
        for rule in context.rules
        for owed in _owed_by_rule(rule, heads[rule.id], context, round_by or rule.round_by)
    )


def _heads_by_rule(
    states: Iterable[PersonState], pooled: set[str], counted: Iterable[JudgedHeads]
) -> Mapping[str, Counter[tuple[str, str]]]:
    heads: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for person_state in states:
        for decision in person_state.decisions:
            if decision.owed and decision.entitlement in pooled:
                heads[decision.entitlement][person_state.unit, person_state.school_form or ""] += 1
    for count in counted:
        heads[count.entitlement][count.unit, count.school_form] += count.heads
    return heads


def _with_counts(owed: OwedDevices, counted: Iterable[JudgedHeads]) -> OwedDevices:
    """*owed*, with how many of its heads are from head counts, of which day, and who answers for them."""
    own = [each for each in counted if (each.entitlement, each.unit) == (owed.entitlement, owed.unit)]
    if not own:
        return owed
    oldest = min((each.counted_on for each in own if each.counted_on is not None), default=UNKNOWN_DAY)
    answering = ", ".join(sorted({each.counted_by for each in own if each.counted_by})) or NOT_SAID
    heads = sum(each.heads for each in own)
    return replace(owed, reason=format_text(FROM_HEAD_COUNTS, owed.reason, heads, oldest, answering))


def _owed_by_rule(rule: Entitlement, heads: HeadsByForm, context: Context, round_by: RoundBy) -> Iterable[OwedDevices]:
    by_unit = heads_by_unit(heads)
    local_rules = {unit: context.rule_at(rule, unit) for unit in by_unit}
    places = pool_devices_by_unit(rule, heads, round_by, local_rules)
    rank = {unit.slug: place for place, unit in enumerate(context.unit_directory.units)}
    for unit in sorted(by_unit, key=lambda slug: (rank.get(slug, len(rank)), slug)):
        yield OwedDevices(
            entitlement=rule.id,
            subject=Subject.POOL,
            subject_id=f"{rule.id}@{unit}",
            unit=unit,
            count=places[unit],
            heads=by_unit[unit],
            reason=with_local_plan(
                _pool_reason(rule, unit, heads, round_by), rule, local_rules[unit], context.local_plans.get(unit)
            ),
        )


def heads_by_unit(heads: HeadsByForm) -> Mapping[str, int]:
    """Children of each unit, all school forms together."""
    children: Counter[str] = Counter()
    for (unit, _), count in heads.items():
        children[unit] += count
    return children


def pool_devices_by_unit(
    rule: Entitlement, heads: HeadsByForm, round_by: RoundBy, local_rules: Mapping[str, Entitlement] = {}
) -> Mapping[str, int]:
    """The shared devices owed to each unit that has children, rounded up where *round_by* says.

    *local_rules*: the rule as it is at a unit, where a local plan may have raised it. Rounded over the municipality, such
    a unit has its own number, where that is more than its share, and takes nothing of the others'.
    """
    if round_by is RoundBy.UNIT_AND_FORM:
        owed: Counter[str] = Counter()
        for (unit, _), count in heads.items():
            owed[unit] += pool_devices_for(local_rules.get(unit, rule), count)
        return owed
    by_unit = heads_by_unit(heads)
    if round_by is RoundBy.UNIT:
        return {unit: pool_devices_for(local_rules.get(unit, rule), count) for unit, count in by_unit.items()}
    shares = share_by_largest_remainder(pool_devices_for(rule, sum(by_unit.values())), by_unit)
    raised = {unit: local for unit, local in local_rules.items() if local != rule}
    return {
        unit: max(share, pool_devices_for(raised[unit], by_unit[unit])) if unit in raised else share
        for unit, share in shares.items()
    }


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


def _pool_reason(rule: Entitlement, unit: str, heads: HeadsByForm, round_by: RoundBy) -> Text:
    by_form = sorted((form, count) for (where, form), count in heads.items() if where == unit)
    if mode_of(rule).owes_persons:
        return format_text(OWED_PER_HEAD, sum(count for _, count in by_form), rule.devices)
    if round_by is RoundBy.UNIT_AND_FORM:
        counts = [format_text(CHILDREN_OF_FORM, form, count) for form, count in by_form]
        listed = Text(", ".join(text.sv for text in counts), ", ".join(text.en for text in counts))
        return format_text(ROUNDED_PER_FORM, listed, rule.devices, rule.per)
    sentence = ROUNDED_PER_UNIT if round_by is RoundBy.UNIT else ROUNDED_IN_MUNICIPALITY
    return format_text(sentence, sum(count for _, count in by_form), rule.devices, rule.per)
