"""The guard counts only what a pull changes; here everything is counted from scratch, and both judge alike."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from types import FrameType
from typing import Any

import msgspec
import pytest

from fleetsync.core.guard import DECIDING_FIELDS, PullContext, RecordKind, projected_records, pull_hold_reasons
from fleetsync.core.guard.comparison import Comparison
from fleetsync.core.guard.deciding_fields import ends_earlier
from fleetsync.core.model import (
    BelievedRecord,
    Condition,
    DeviceRecord,
    EmploymentForm,
    GroupRecord,
    HeadcountRecord,
    Key,
    MembershipRecord,
    MembershipType,
    Ownership,
    PartRole,
    PersonRecord,
    PulledScope,
    PullEffect,
    PullLimits,
    Record,
    RecordType,
    RowChange,
    Scheme,
    StagedRow,
    UnitRecord,
)
from fleetsync.core.school_forms import KNOWN_FORMS

BEGUN = datetime(2026, 11, 2, 5, tzinfo=UTC)
DAY = timedelta(days=1)
LIMITS = PullLimits(grace_pulls=1, grace_hours=0.0)


# --- every count from scratch -----------------------------------------------------------------------------------------


def reasons_from_scratch(
    before: Sequence[BelievedRecord], effect: PullEffect, context: PullContext
) -> Iterator[tuple[str, str]]:
    """Rules (a) to (e) and (g) by their definitions: the rule, and how its sentence begins."""
    projected = projected_records(before, effect, LIMITS)
    for record_type in sorted({known.type for known in projected}):
        was = [known for known in before if known.type is record_type and not known.gone]
        will_be = [known for known in projected if known.type is record_type]
        present = [known for known in will_be if known.absent_since is None]
        refs = {known.ref for known in was}
        familiar = [known for known in present if known.ref in refs]
        if was and not present and record_type not in (RecordType.UNIT, RecordType.GROUP):
            yield "empty", f"{effect.seen} records came, but no {record_type} record; the {len(was)} that are believed"
        absent = len(was) - len(familiar)
        ratio = LIMITS.turnover_max_shrink_ratio if context.is_turning else LIMITS.max_shrink_ratio
        if absent > max(5, int(ratio * len(was) + 1e-9)):
            yield "shrink", f"{absent} of {len(was)} {record_type} records are absent"
        yield from year_reasons(was, present, context)
        if not context.is_turning:
            yield from unit_reasons(record_type, was, present)
            yield from kind_reasons(was, present, effect, context)
        fresh = len(present) - len(familiar)
        if fresh > max(25, int(0.25 * len(was) + 1e-9)) and not context.in_turnover_window:
            yield "growth", f"{fresh} new {record_type} records at once, beside {len(was)};"
        is_strange = not familiar if len(present) <= 10 else len(familiar) < len(present) / 2
        if was and present and is_strange and not context.is_turning:
            yield "identity", f"only {len(familiar)} of {len(present)} {record_type} records have a known id"


def year_reasons(
    was: Sequence[BelievedRecord], present: Sequence[BelievedRecord], context: PullContext
) -> Iterator[tuple[str, str]]:
    years = {known.ref: year_of(known.record) for known in was}
    pairs = [(years.get(known.ref), year_of(known.record)) for known in present]
    compared = [(old, new) for old, new in pairs if old is not None and new is not None]
    changed = sum(old != new for old, new in compared)
    is_few = len(compared) < 10 and changed < 2
    if changed > 0.1 * len(compared) and not is_few and not context.in_turnover_window:
        yield "years", f"{changed} of {len(compared)} enrolments change year"


def year_of(record: Record) -> int | None:
    is_enrolment = isinstance(record, MembershipRecord) and record.membership is MembershipType.ENROLMENT
    return record.year if is_enrolment else None  # type: ignore[union-attr]  # it is a membership


def unit_reasons(
    record_type: RecordType, was: Sequence[BelievedRecord], present: Sequence[BelievedRecord]
) -> Iterator[tuple[str, str]]:
    had, has = Counter(map(unit_of, was)), Counter(map(unit_of, present))
    for unit in sorted(had):
        lost = had[unit] - has[unit]
        if unit and lost >= 4 and lost > had[unit] / 4:
            yield "per_unit", f"{unit} loses {lost} of {had[unit]} {record_type} records"


def unit_of(known: BelievedRecord) -> str:
    match known.record:
        case MembershipRecord(codes=codes, unit_name=unit_name):
            return codes[0] if codes else unit_name or ""
        case DeviceRecord(location=location):
            return location or ""
        case GroupRecord(unit=unit):
            return unit or ""
    return ""


def kind_reasons(
    was: Sequence[BelievedRecord], present: Sequence[BelievedRecord], effect: PullEffect, context: PullContext
) -> Iterator[tuple[str, str]]:
    for kind, fields in sorted(DECIDING_FIELDS.items()):
        old = [known for known in was if kind_of(known) == kind]
        new = [known for known in present if kind_of(known) == kind]
        if not old or not new:
            continue
        for field in fields:
            is_contact = field.name == "last_contact"
            missing = (context.contacts_untold, effect.contacts_untold) if is_contact else (0, 0)
            old_share = max(0, sum(map(field.is_filled, old)) - missing[0]) / len(old)
            new_share = max(0, sum(map(field.is_filled, new)) - missing[1]) / len(new)
            if has_dropped(old_share, len(old), new_share, len(new)):
                yield (
                    "filled",
                    f"the field {field.name} is filled for {new_share:.1%} of {len(new)} {kind.name} records",
                )
            if field.name == "school_form" and kind.type is RecordType.MEMBERSHIP:
                yield from word_reasons(kind, old, new)
        records = {known.ref: known.record for known in old}
        pairs = [(records[known.ref], known.record) for known in new if known.ref in records]
        ended = sum(ends_earlier(before, after) for before, after in pairs)
        if ended > max(5, int(0.1 * len(pairs) + 1e-9)):
            yield "ends", f"{ended} of {len(pairs)} {kind.name} records"


def kind_of(known: BelievedRecord) -> RecordKind:
    record = known.record
    return RecordKind(known.type, record.membership if isinstance(record, MembershipRecord) else None)


def word_reasons(
    kind: RecordKind, old: Sequence[BelievedRecord], new: Sequence[BelievedRecord]
) -> Iterator[tuple[str, str]]:
    forms = [[known.record.school_form for known in side] for side in (old, new)]  # type: ignore[union-attr]
    old_words, new_words = ([form.strip().upper() for form in side if form and form.strip()] for side in forms)
    if old_words and new_words:
        old_share, new_share = (
            sum(word in KNOWN_FORMS for word in words) / len(words) for words in (old_words, new_words)
        )
        if has_dropped(old_share, len(old_words), new_share, len(new_words)):
            yield (
                "known",
                f"the word of the field school_form is known for {new_share:.1%} of {len(new_words)} {kind.name}",
            )


def has_dropped(old_share: float, old_count: int, new_share: float, new_count: int) -> bool:
    drop = old_share - new_share
    return drop > 0.1 + 1e-9 and (old_count >= 10 or drop * new_count >= 2 - 1e-9)


# --- random parts and pulls -------------------------------------------------------------------------------------------


def random_record(random: Random, record_type: RecordType, source_id: str, blank: float, year: int = 5) -> Record:
    """A record whose fields are blank with the probability *blank*."""

    def maybe(value: Any, nothing: Any = None) -> Any:
        return nothing if random.random() < blank else value

    unit = random.choice(["bj", "vr", "ek"])
    start, end = date(2026, 8, random.randint(16, 18)), date(2027, 6, random.randint(10, 12))
    if record_type is RecordType.DEVICE:
        condition = Condition.ACTIVE if random.random() > blank else Condition.RETIRED
        more = {"ownership": maybe(Ownership.ORGANISATION), "managed": maybe(True), "condition": condition}
        return DeviceRecord(source_id=source_id, serial=maybe(f"S{source_id}"), location=maybe(unit), **more)
    if record_type is RecordType.MEMBERSHIP:
        return MembershipRecord(
            source_id=source_id,
            person=f"p{source_id}",
            membership=random.choice([*MembershipType, *(3 * [MembershipType.ENROLMENT])]),
            codes=maybe((unit,), ()),
            unit_name=maybe(unit),
            group=maybe("5A"),
            school_form=random.choice(["GR", "gr ", "FS", " "]) if random.random() > blank else "Ny form",
            year=maybe(year),
            employment_form=maybe(EmploymentForm.PERMANENT),
            start=maybe(start),
            end=maybe(end),
            unreadable=maybe((), ("start",)),
        )
    if record_type is RecordType.PERSON:
        return PersonRecord(
            source_id=source_id, keys=maybe((Key(Scheme.ADDRESS, "", f"{source_id}@edu.exempelby.se"),), ())
        )
    if record_type is RecordType.GROUP:
        return GroupRecord(source_id=source_id, name="5A", unit=maybe(unit))
    if record_type is RecordType.HEADCOUNT:
        return HeadcountRecord(
            source_id=source_id,
            membership=MembershipType.ENROLMENT,
            heads=random.randint(0, 300),
            codes=maybe((unit,), ()),
            school_form=maybe("GR"),
            year=maybe(year),
        )
    return UnitRecord(source_id=source_id, name=unit, codes=maybe((unit,), ()))


def random_part(random: Random, types: Sequence[RecordType]) -> tuple[BelievedRecord, ...]:
    """Records of *types*; some are absent, some are gone. An id may stand for a record of each type."""
    refs = random.sample([(kind, str(number)) for kind in types for number in range(60)], random.randint(1, 60))
    rarity = random.choice([3, 30])
    return tuple(
        BelievedRecord(
            source="skola",
            part="allt",
            record=random_record(random, record_type, source_id, blank=0.05),
            own_id=source_id,
            first_seen=BEGUN - 9 * DAY,
            absent_since=None if (state := random.randrange(rarity)) else BEGUN - DAY,
            gone=state == 0 and random.random() < 0.5,
            last_contact_at=random.choice([None, BEGUN - DAY, BEGUN - DAY]),
        )
        for record_type, source_id in refs
    )


def random_effect(random: Random, before: Sequence[BelievedRecord], types: Sequence[RecordType]) -> PullEffect:
    """A pull that mentions a share of the records, mostly by the same kind of change, and brings new ones."""
    share, blank, favourite = random.choice([0.05, 0.2, 0.9, 1.0]), random.random() ** 2, random.choice(list(RowChange))
    year = random.choice([5, 6])
    refs = {known.ref[1:]: known.type for known in before if random.random() < share}
    refs |= {(kind.value, f"n{number}"): kind for kind in types for number in range(random.choice([0, 0, 4, 40]))}
    rows = []
    for (_, source_id), record_type in refs.items():
        change = favourite if random.random() < 0.8 else random.choice(list(RowChange))
        record = random_record(random, record_type, source_id, blank, year) if change is RowChange.PUT else None
        contact = None if change is RowChange.ABSENT else random.choice([None, BEGUN])
        row = StagedRow(change=change, type=record_type, source_id=source_id, record=record, last_contact_at=contact)
        rows.append(row)
    return PullEffect(
        pull=2,
        source="skola",
        part="allt",
        started_at=BEGUN,
        scopes=(PulledScope(as_of=BEGUN.date()),),
        rows=tuple(rows),
        seen=100,
        contacts_untold=random.choice([0, 0, 3, 20]),
    )


RULES = {"empty", "shrink", "years", "per_unit", "filled", "known", "ends", "growth", "identity"}


def test_what_is_counted_by_differences_is_judged_as_if_all_was_counted_from_scratch() -> None:
    seen: Counter[str] = Counter()
    for seed in range(600):
        random = Random(seed)
        types = random.sample(list(RecordType), random.randint(1, 3))
        before = random_part(random, types)
        effect = random_effect(random, before, types)
        context = PullContext(
            role=random.choice([PartRole.ROSTER, PartRole.MDM]),
            in_turnover_window=random.random() < 0.2,
            contacts_untold=random.choice([0, 0, 3]),
        )
        expected = list(reasons_from_scratch(before, effect, context))
        reasons = pull_hold_reasons(before, effect, LIMITS, context)

        assert [reason.rule for reason in reasons] == [rule for rule, _ in expected], seed
        for reason, (_, beginning) in zip(reasons, expected, strict=True):
            assert reason.text.en.startswith(beginning), seed
        seen.update(reason.rule for reason in reasons)
    assert seen.keys() == RULES
    assert min(seen.values()) >= 3, seen


# --- what it costs ----------------------------------------------------------------------------------------------------


def calls_to_judge(before: Sequence[BelievedRecord], effect: PullEffect) -> int:
    """How many Python functions of fleetsync are called to judge *effect*."""
    calls = 0

    def count(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call" and "fleetsync" in frame.f_code.co_filename

    sys.setprofile(count)
    try:
        pull_hold_reasons(before, effect, LIMITS, PullContext(role=PartRole.ROSTER))
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("record_type", [RecordType.DEVICE, RecordType.PERSON, RecordType.MEMBERSHIP])
def test_unchanged_records_are_not_asked_for_their_fields(record_type: RecordType) -> None:
    def part(count: int) -> tuple[BelievedRecord, ...]:
        return tuple(
            BelievedRecord(
                source="skola",
                part="allt",
                record=random_record(Random(0), record_type, str(number), blank=0.0),
                own_id=str(number),
                first_seen=BEGUN - DAY,
            )
            for number in range(count)
        )

    rows = tuple(
        StagedRow(
            change=RowChange.PUT,
            type=record_type,
            source_id=known.record.source_id,
            record=msgspec.structs.replace(known.record, unreadable=("status",)) if record_type is not RecordType.PERSON
            else msgspec.structs.replace(known.record, name="Nilsa Exempel"),
        )
        for known in part(20)
    )  # fmt: skip
    effect = msgspec.structs.replace(random_effect(Random(0), (), ()), rows=rows, contacts_untold=0)

    assert calls_to_judge(part(4000), effect) == calls_to_judge(part(400), effect)


@pytest.mark.parametrize(
    ("unchanged", "old", "new", "drop"),
    [(18, 2, 2, 0.1), (18, 0, 2, 0.1), (18, 2, 0, 0.1), (6, 2, 4, 0.4), (0, 1, 1, 1.0)],
)
def test_a_share_drops_most_where_all_that_differs_has_lost_the_property(
    unchanged: int, old: int, new: int, drop: float
) -> None:
    (known,) = random_part(Random(0), [RecordType.DEVICE])[:1]

    assert Comparison([known] * unchanged, [known] * old, [known] * new).max_share_drop == drop
