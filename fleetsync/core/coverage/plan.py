"""Plans a change: what pulls would change if they were believed, as the difference between two outcomes.

Pure.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

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


class _PlacedSubject(Struct, frozen=True):
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
    subjects = _changed_subjects(changed, before, after) if changed else []
    return ChangePlan(
        **{name: counts[name] for name in RECORD_CHANGES},
        assignments_begun=len(has - had),
        assignments_ended=len(had - has),
        gaps_opened=_count_by_kind(open_after - open_before),
        gaps_closed=_count_by_kind(open_before - open_after),
        coverage_changes=coverage_changes,
        coverage_totals=tuple(_coverage_totals(before.coverage, after.coverage, coverage_changes)),
        units=tuple(_unit_changes(subjects)),
        samples=tuple(_samples(subjects)),
    )


# --- records ------------------------------------------------------------------------------------------------------------


def _change_name(source: str, ref: tuple[str, str], change: RowChange, believed: set[Ref]) -> RecordChange | None:
    """What a staged row does to its record; None for one that only brings a newer contact."""
    if change is RowChange.PUT:
        return "changed" if (source, *ref) in believed else "new"
    names: Mapping[RowChange, RecordChange] = {RowChange.RETURN: "returned", RowChange.ABSENT: "absent"}
    return names.get(change)


def _changed_subjects(
    changed: Sequence[tuple[RecordChange, Ref]], before: Outcome, after: Outcome
) -> list[tuple[RecordChange, _PlacedSubject]]:
    """The person or device of each changed record, in stable order; units, groups and the like have none.

    It is at the unit where the pulls would have it, and one that is absent where it was. What may not be named in either
    outcome may not be named.
    """
    hidden = _hidden_ids((before, after))
    subjects_before, subjects_after = _subjects_by_record(before, hidden), _subjects_by_record(after, hidden)
    subjects = []
    for name, ref in sorted(changed, key=lambda pair: pair[1]):
        in_order = (subjects_before, subjects_after) if name == "absent" else (subjects_after, subjects_before)
        subject = in_order[0].get(ref) or in_order[1].get(ref)
        if subject is not None:
            subjects.append((name, subject))
    return subjects


def _hidden_ids(outcomes: Sequence[Outcome]) -> frozenset[str]:
    """The protected persons and children of any of *outcomes*, and the devices that are protected or theirs in any."""
    people = {
        case.person.id
        for outcome in outcomes
        for case in outcome.people
        if case.person.masked or case.person_state.is_child
    }
    devices = {
        case.device.id
        for outcome in outcomes
        for case in outcome.devices
        if case.device.masked or case.placement.holder in people
    }
    return frozenset(people | devices)


def _subjects_by_record(outcome: Outcome, hidden: frozenset[str]) -> Mapping[Ref, _PlacedSubject]:
    subjects: dict[Ref, _PlacedSubject] = {}
    for person in outcome.people:
        id_ = person.person.id
        subject = _PlacedSubject(Subject.PERSON, id_, person.person_state.unit, "", id_ in hidden)
        subjects |= {known.ref: subject for known in (*person.person.records, *person.person.memberships)}
    for case in outcome.devices:
        device = case.device
        subject = _PlacedSubject(
            Subject.DEVICE, device.id, case.placement.unit, device.serial or "", device.id in hidden
        )
        subjects |= {known.ref: subject for known in (*device.records, *device.superseded, *device.gone)}
    return subjects


def _unit_changes(subjects: Iterable[tuple[RecordChange, _PlacedSubject]]) -> Iterable[UnitRecordChanges]:
    by_unit: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for name, subject in subjects:
        by_unit[subject.unit][name] += 1
    for unit, counts in sorted(by_unit.items()):
        yield UnitRecordChanges(unit=unit, **{name: counts[name] for name in RECORD_CHANGES})


def _samples(subjects: Sequence[tuple[RecordChange, _PlacedSubject]]) -> Iterable[SampledChange]:
    """The first few of each kind of change that may be named; each person and device once."""
    for name in RECORD_CHANGES:
        first = {subject.id: subject for change, subject in subjects if change == name and not subject.is_hidden}
        for each in list(first.values())[:MAX_SAMPLES]:
            yield SampledChange(change=name, subject=each.subject, subject_id=each.id, unit=each.unit, label=each.label)


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
    sums_before, sums_after = _sums_by_entitlement(before), _sums_by_entitlement(after)
    for entitlement in sorted({change.entitlement for change in changes}):
        entitled_before, covered_before = sums_before[entitlement]
        entitled_after, covered_after = sums_after[entitlement]
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
