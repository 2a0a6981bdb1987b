"""Plans a change: what pulls would change if they were believed, as the difference between two outcomes.

Pure.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from msgspec import Struct

from fleetsync.core.model import (
    BelievedRecord,
    ChangePlan,
    CoverageChange,
    CoverageDay,
    Outcome,
    PullEffect,
    RecordChange,
    RowChange,
    SampledChange,
    Subject,
    UnitRecordChanges,
)

MAX_SAMPLES = 5  # of each kind of change
RECORD_CHANGES: tuple[RecordChange, ...] = ("new", "changed", "returned", "absent")

Ref = tuple[str, str, str]  # source, type, source id


class _ChangedThing(Struct, frozen=True):
    """The person or device of a record: where it is, and whether it may be named."""

    subject: Subject
    id: str
    unit: str
    label: str
    is_hidden: bool


def plan_changes(
    before: Outcome, after: Outcome, effects: Iterable[PullEffect], known: Iterable[BelievedRecord]
) -> ChangePlan:
    """The plan of *effects*: *before* is the outcome without them, *after* with them; *known* is what was believed before."""
    believed = {record.ref for record in known if not record.gone}
    changed = [
        (name, (effect.source, *row.ref))
        for effect in effects
        for row in effect.rows
        if (name := _change_name(effect.source, row.ref, row.change, believed)) is not None
    ]
    counts = Counter(name for name, _ in changed)
    had, has = set(before.assignments), set(after.assignments)
    open_before = Counter(episode.key for episode in before.episodes)
    open_after = Counter(episode.key for episode in after.episodes)
    coverage_changes = tuple(_coverage_changes(before.coverage, after.coverage))
    things = _changed_things(changed, before, after) if changed else []
    return ChangePlan(
        **{name: counts[name] for name in RECORD_CHANGES},
        assignments_begun=len(has - had),
        assignments_ended=len(had - has),
        gaps_opened=_count_by_kind(open_after - open_before),
        gaps_closed=_count_by_kind(open_before - open_after),
        coverage_changes=coverage_changes,
        coverage_totals=tuple(_coverage_totals(before.coverage, after.coverage, coverage_changes)),
        units=tuple(_unit_changes(things)),
        samples=tuple(_samples(things)),
    )


# --- records ------------------------------------------------------------------------------------------------------------


def _change_name(source: str, ref: tuple[str, str], change: RowChange, believed: set[Ref]) -> RecordChange | None:
    """What a staged row does to its record; None for one that only brings a newer contact."""
    if change is RowChange.PUT:
        return "changed" if (source, *ref) in believed else "new"
    names: Mapping[RowChange, RecordChange] = {RowChange.RETURN: "returned", RowChange.ABSENT: "absent"}
    return names.get(change)


def _changed_things(
    changed: Sequence[tuple[RecordChange, Ref]], before: Outcome, after: Outcome
) -> list[tuple[RecordChange, _ChangedThing]]:
    """The person or device of each changed record, in stable order; units, groups and the like have none.

    It is at the unit where the pulls would have it, and one that is absent where it was. A person who is hidden in either
    outcome is so in both.
    """
    were, are = _things_by_record(before), _things_by_record(after)
    hidden = {thing.id for thing in chain(were.values(), are.values()) if thing.is_hidden}
    things = []
    for name, ref in sorted(changed, key=lambda pair: pair[1]):
        preferred, other = (were, are) if name == "absent" else (are, were)
        thing = preferred.get(ref) or other.get(ref)
        if thing is not None:
            is_hidden = thing.id in hidden
            things.append((name, _ChangedThing(thing.subject, thing.id, thing.unit, thing.label, is_hidden)))
    return things


def _things_by_record(outcome: Outcome) -> Mapping[Ref, _ChangedThing]:
    things: dict[Ref, _ChangedThing] = {}
    for person in outcome.people:
        state = person.person_state
        is_hidden = person.person.masked or state.is_child
        thing = _ChangedThing(Subject.PERSON, person.person.id, state.unit, "", is_hidden)
        things |= {known.ref: thing for known in (*person.person.records, *person.person.memberships)}
    people_hidden = {thing.id for thing in things.values() if thing.is_hidden}
    for case in outcome.devices:
        device, placement = case.device, case.placement
        is_hidden = device.masked or placement.holder in people_hidden
        thing = _ChangedThing(Subject.DEVICE, device.id, placement.unit, device.serial or "", is_hidden)
        things |= {known.ref: thing for known in (*device.records, *device.superseded, *device.gone)}
    return things


def _unit_changes(things: Iterable[tuple[RecordChange, _ChangedThing]]) -> Iterable[UnitRecordChanges]:
    by_unit: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for name, thing in things:
        by_unit[thing.unit][name] += 1
    for unit, counts in sorted(by_unit.items()):
        yield UnitRecordChanges(unit=unit, **{name: counts[name] for name in RECORD_CHANGES})


def _samples(things: Sequence[tuple[RecordChange, _ChangedThing]]) -> Iterable[SampledChange]:
    """The first few of each kind of change that may be named; each person and device once."""
    for name in RECORD_CHANGES:
        first = {thing.id: thing for change, thing in things if change == name and not thing.is_hidden}
        for thing in list(first.values())[:MAX_SAMPLES]:
            yield SampledChange(
                change=name, subject=thing.subject, subject_id=thing.id, unit=thing.unit, label=thing.label
            )


# --- gaps and coverage --------------------------------------------------------------------------------------------------


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


def _coverage_totals(
    before: Iterable[CoverageDay], after: Iterable[CoverageDay], changes: Iterable[CoverageChange]
) -> Iterable[CoverageChange]:
    were, are = _sums_by_entitlement(before), _sums_by_entitlement(after)
    for entitlement in sorted({change.entitlement for change in changes}):
        (entitled_before, covered_before), (entitled_after, covered_after) = were[entitlement], are[entitlement]
        yield CoverageChange(
            unit="",
            entitlement=entitlement,
            entitled_before=entitled_before,
            entitled_after=entitled_after,
            covered_before=covered_before,
            covered_after=covered_after,
        )


def _sums_by_entitlement(rows: Iterable[CoverageDay]) -> Mapping[str, tuple[int, int]]:
    sums: defaultdict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for row in rows:
        entitled, covered = sums[row.entitlement]
        sums[row.entitlement] = (entitled + row.entitled, covered + row.covered)
    return sums
