"""Which pulls may change what is believed and which are held: each rule on both sides of its limit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsync.core.guard import (
    DECIDING_FIELDS,
    TYPES_SV,
    PullContext,
    RecordKind,
    creep_hold_reasons,
    may_be_accepted,
    outcome_hold_reasons,
    projected_part_state,
    projected_records,
    published_days_ago,
    pull_hold_reasons,
)
from fleetsync.core.model import (
    BelievedRecord,
    Condition,
    CoverageDay,
    DeviceRecord,
    EmploymentForm,
    GroupRecord,
    HoldReason,
    Key,
    MembershipRecord,
    MembershipType,
    Ownership,
    PartRole,
    PartState,
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

FIRST = datetime(2026, 9, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)
LOGIN = Key(Scheme.ADDRESS, "", "alva@edu.exempelby.se")
NUMBER = Key(Scheme.NUMBER, "exempelby", "4711")
NORMAL = PullLimits()
MDM = PullContext(role=PartRole.MDM)
ROSTER = PullContext(role=PartRole.ROSTER)
TURNING = PullContext(role=PartRole.ROSTER, in_turnover_window=True)
Make = Callable[..., Record]
CONTACT = datetime(2026, 8, 30, 5, tzinfo=UTC)


def device(number: int, **more: Any) -> DeviceRecord:
    defaults: dict[str, Any] = {
        "serial": f"S{number}",
        "keys": (LOGIN,),
        "location": "Björkskolan",
        "ownership": Ownership.ORGANISATION,
        "managed": True,
    }
    return DeviceRecord(source_id=f"d{number}", **{**defaults, **more})


def enrolment(number: int, **more: Any) -> MembershipRecord:
    defaults: dict[str, Any] = {"year": 5, "codes": ("bj",), "start": date(2026, 8, 17)}
    return MembershipRecord(
        source_id=f"m{number}", person=f"p{number}", membership=MembershipType.ENROLMENT, **{**defaults, **more}
    )


def employment(number: int, **more: Any) -> MembershipRecord:
    defaults: dict[str, Any] = {
        "employment_form": EmploymentForm.PERMANENT,
        "start": date(2020, 1, 1),
        "codes": ("bj",),
    }
    return MembershipRecord(
        source_id=f"m{number}", person=f"p{number}", membership=MembershipType.EMPLOYMENT, **{**defaults, **more}
    )


def placement(number: int, **more: Any) -> MembershipRecord:
    defaults: dict[str, Any] = {"school_form": "FS", "codes": ("fb",), "start": date(2025, 8, 18)}
    return MembershipRecord(
        source_id=f"m{number}", person=f"p{number}", membership=MembershipType.PLACEMENT, **{**defaults, **more}
    )


def person(number: int, *keys: Key) -> PersonRecord:
    return PersonRecord(source_id=f"p{number}", keys=keys or (LOGIN, NUMBER))


def group(number: int, unit: str | None = "u-bj") -> GroupRecord:
    return GroupRecord(source_id=f"g{number}", name=f"{number}A", unit=unit)


def many(make: Make, count: int, first: int = 0, **more: Any) -> list[Record]:
    return [make(number, **more) for number in range(first, first + count)]


@dataclass(frozen=True)
class Part:
    """A part of a source as it is believed, and what its pulls would make of it."""

    known: tuple[BelievedRecord, ...] = ()
    limits: PullLimits = NORMAL
    context: PullContext = MDM
    at: datetime = FIRST
    pulls: int = 0

    def effect(self, shown: Sequence[Record], **more: Any) -> PullEffect:
        """A pull that shows exactly *shown*, as differences from what is believed."""
        believed = {known.ref[1:]: known for known in self.known}
        rows = [row for record in shown if (row := row_of(record, believed))]
        seen = {(row_type(record), record.source_id) for record in shown}
        if not more.get("reads_some"):
            rows += [
                StagedRow(change=RowChange.ABSENT, type=known.type, source_id=known.record.source_id)
                for ref, known in believed.items()
                if ref not in seen and not known.gone
            ]
        defaults: dict[str, Any] = {
            "pull": self.pulls + 1,
            "source": "jamf",
            "part": "devices",
            "started_at": self.at,
            "scopes": (PulledScope(as_of=self.at.date()),),
            "rows": tuple(rows),
            "seen": len(seen),
            "is_first": self.pulls == 0,
        }
        return PullEffect(**{**defaults, **more})

    def rules(self, shown: Sequence[Record], **more: Any) -> list[str]:
        return [refusal.rule for refusal in self.refusals(shown, **more)]

    def refusals(self, shown: Sequence[Record], **more: Any) -> tuple[HoldReason, ...]:
        return pull_hold_reasons(self.known, self.effect(shown, **more), self.limits, self.context)

    def believing(self, shown: Sequence[Record], wait: timedelta = DAY, **more: Any) -> "Part":
        """The part once a pull of *shown* was applied, *wait* before the next."""
        known = projected_records(self.known, self.effect(shown, **more), self.limits)
        return replace(self, known=known, pulls=self.pulls + 1, at=self.at + wait)

    def record(self, source_id: str) -> BelievedRecord:
        (match,) = (known for known in self.known if known.record.source_id == source_id)
        return match


def row_type(record: Record) -> str:
    return BelievedRecord(source="", part="", record=record, own_id="", first_seen=FIRST).type.value


def row_of(record: Record, believed: dict[tuple[str, str], BelievedRecord]) -> StagedRow | None:
    before = believed.get((row_type(record), record.source_id))
    contact = record.last_contact_at if isinstance(record, DeviceRecord) else None
    body = msgspec.structs.replace(record, last_contact_at=None) if isinstance(record, DeviceRecord) else record
    change = RowChange.PUT
    if before is not None and before.record == body:
        if before.absent_since is None and (contact is None or contact == before.last_contact_at):
            return None
        change = RowChange.CONTACT if before.absent_since is None else RowChange.RETURN
    return StagedRow(
        change=change,
        type=RecordType(row_type(record)),
        source_id=record.source_id,
        record=body if change is RowChange.PUT else None,
        own_id=f"own-{record.source_id}",
        last_contact_at=contact,
    )


def believing(records: Sequence[Record], context: PullContext = MDM, **limits: Any) -> Part:
    return Part(context=context, limits=PullLimits(**limits)).believing(records)


# --- the first pull ---------------------------------------------------------------------------------------------------


def test_the_first_pull_is_judged_by_completeness_and_emptiness_alone() -> None:
    assert not Part().rules(many(device, 3000, serial=None))
    assert Part().rules([]) == ["empty"]
    assert Part().rules([device(1)], rejected={"serialNumber is empty": 11}) == ["rejected"]


def test_a_part_that_may_be_empty_may() -> None:
    assert not believing([device(1)], allow_empty=True).rules([])
    assert believing([device(1)]).rules([]) == ["empty"]
    assert not believing([device(1)]).rules([], reads_some=True)


def test_empty_is_said_only_of_what_is_empty() -> None:
    rejected = {"start is not a date": 2, "no id": 1}

    (refusal,) = Part().refusals([], rejected=rejected)

    assert refusal.rule == "unreadable"
    assert refusal.text.en == (
        "3 of 3 rows could not be read, most often: start is not a date. What is believed stays. Mend the file or the source, "
        "or name the columns in the source's table (columns = { … })"
    )
    assert not Part().rules([], rejected=rejected, reads_some=True)


def test_what_would_leave_nothing_is_not_offered_to_be_accepted() -> None:
    part = believing(many(device, 20))

    assert not may_be_accepted(part.refusals([]))
    assert not may_be_accepted(part.refusals([], rejected={"no id": 3}))
    assert may_be_accepted(part.refusals(many(device, 10)))


def test_a_remedy_of_an_empty_pull_does_not_believe_that_there_is_nobody() -> None:
    (unknown,) = Part().refusals([])
    (known,) = [refusal for refusal in believing([device(1)]).refusals([]) if refusal.rule == "empty"]

    assert "allow_empty" in unknown.text.en
    assert "allow_empty" not in known.text.en
    assert known.text.en.startswith("the pull is empty; the 1 records that are believed stay. Find out why")


def test_a_part_that_many_systems_leave_empty_may_begin_empty_and_not_become_it() -> None:
    may_begin_empty = PullLimits(may_begin_empty=True)

    assert Part(limits=may_begin_empty).rules([]) == []
    assert "empty" in Part(known=believing([device(1)]).known, limits=may_begin_empty).rules([])


def test_persons_without_any_membership_are_as_good_as_none() -> None:
    people = many(person, 30)
    part = believing([*people, *many(enrolment, 30)], ROSTER)

    reasons = part.refusals(people)

    assert reasons[0].rule == "empty"
    assert reasons[0].text.en.startswith("30 records came, but no membership record; the 30 that are believed stay.")
    assert not may_be_accepted(reasons)


@pytest.mark.parametrize(
    ("seen", "rejected", "ratio", "is_held"),
    [(5, 10, 0.1, False), (5, 11, 0.1, True), (180, 20, 0.1, False), (180, 21, 0.1, True), (71, 29, 0.29, False)],
)
def test_too_many_records_that_cannot_be_read_hold_a_pull(
    seen: int, rejected: int, ratio: float, is_held: bool
) -> None:
    part = Part(limits=PullLimits(max_rejected_ratio=ratio))
    reasons = {"serial": rejected - 1, "date": 1}

    assert part.rules(many(device, seen), rejected=reasons) == (["rejected"] if is_held else [])


def test_the_refusal_of_unreadable_records_names_how_many_the_limit_and_the_worst_reason() -> None:
    (refusal,) = Part().refusals(many(device, 9), rejected={"no id": 5, "bad date": 6})

    assert refusal.text.en == (
        "11 of 20 rows could not be read, most often: bad date; the limit is 10 (max_rejected_ratio 0.1)"
    )


# --- shrink -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("believed", "lost", "ratio", "is_held"),
    [
        (30, 5, 0.1, False),
        (30, 6, 0.1, True),
        (300, 30, 0.1, False),
        (300, 31, 0.1, True),
        (100, 29, 0.29, False),
        (100, 30, 0.29, True),
        (15, 5, 0.0, False),
    ],
)
def test_a_pull_may_lose_five_records_or_the_ratio(believed: int, lost: int, ratio: float, is_held: bool) -> None:
    part = believing(many(device, believed, location=None), max_shrink_ratio=ratio)

    assert part.rules(many(device, believed - lost, location=None)) == (["shrink"] if is_held else [])


def test_earlier_absences_are_counted_too() -> None:
    part = believing(many(device, 100, location=None)).believing(many(device, 94, location=None))

    assert not part.rules(many(device, 90, location=None))
    assert part.rules(many(device, 89, location=None)) == ["shrink"]


def test_records_that_are_gone_already_are_not_counted_again() -> None:
    records = many(device, 100, location=None)
    part = believing(records).believing(records[10:]).believing(records[10:]).believing(records[10:])

    assert part.record("d0").gone
    assert not part.rules(records[19:])


@pytest.mark.parametrize(("lost_each_time", "held_at"), [(50, 3), (34, 3), (25, None)])
def test_erosion_by_small_steps_is_held_when_a_tenth_is_absent_within_the_grace(
    lost_each_time: int, held_at: int | None
) -> None:
    # With a grace of two more pulls, the losses of three pulls are absent at the same time.
    records = many(device, 1000, location=None)
    part = believing(records)
    for step in range(1, 8):
        records = records[lost_each_time:]
        if "shrink" in part.rules(records):
            assert step == held_at
            return
        part = part.believing(records)
    assert held_at is None


@given(st.lists(st.integers(0, 14), min_size=1, max_size=8), st.sampled_from([timedelta(hours=1), DAY]))
def test_however_small_the_steps_never_more_than_a_tenth_vanishes_within_the_grace(
    losses: list[int], wait: timedelta
) -> None:
    records = many(device, 60, location=None)
    part = believing(records)
    for lost in losses:
        believed = {known.ref for known in part.known if not known.gone}
        if not part.rules(records[lost:]):
            records = records[lost:]
            part = part.believing(records, wait)
        absent = [known for known in part.known if known.absent_since and known.ref in believed]
        assert len(absent) <= max(5, len(believed) // 10)


def test_a_pull_stays_held_until_the_source_shows_its_records_again() -> None:
    part = believing(many(device, 100, location=None))

    assert part.rules(many(device, 50, location=None)) == ["shrink"]
    assert part.rules(many(device, 50, location=None)) == ["shrink"]
    assert not part.rules(many(device, 95, location=None))


def test_the_refusal_of_a_shrunk_pull_names_what_how_many_and_the_limit() -> None:
    (refusal,) = believing(many(device, 200, location=None)).refusals(many(device, 150, location=None))

    assert refusal.text.en == "50 of 200 device records are absent; the limit is 20 (max_shrink_ratio 0.1)"
    assert refusal.text.sv == "50 av 200 poster (verktyg) saknas; gränsen är 20 (max_shrink_ratio 0.1)"


def test_a_refusal_is_entirely_in_swedish() -> None:
    refused = believing(many(device, 100, location=None)).refusals(many(device, 100, location=None, serial=None))

    assert [refusal.text.sv for refusal in refused] == [
        "fältet serienummer är ifyllt för 0,0\u00a0% av 100 poster (verktyg), förut 100,0\u00a0%; gränsen är 10\u00a0% lägre"
    ]
    assert set(TYPES_SV) == set(RecordType)
    assert {kind.type for kind in DECIDING_FIELDS} == set(RecordType)
    assert all(kind.name_sv and field.name_sv for kind, fields in DECIDING_FIELDS.items() for field in fields)


def test_each_record_type_is_compared_by_itself() -> None:
    people, ties = many(person, 100), many(enrolment, 100)
    part = believing([*people, *ties], ROSTER)

    refusals = part.refusals([*people, *ties[20:]])

    assert [(refusal.rule, "membership" in refusal.text.en) for refusal in refusals] == [("shrink", True)]


@pytest.mark.parametrize(
    ("context", "lost", "is_held"),
    [
        (TURNING, 50, False),
        (TURNING, 51, True),
        (PullContext(role=PartRole.MDM, in_turnover_window=True), 11, True),
        (ROSTER, 11, True),
    ],
)
def test_a_roster_may_lose_half_while_the_school_year_turns(context: PullContext, lost: int, is_held: bool) -> None:
    part = believing(many(person, 100), context)

    assert part.rules(many(person, 100 - lost)) == (["shrink"] if is_held else [])


def test_the_refusal_in_the_turnover_window_names_its_own_setting() -> None:
    (refusal,) = believing(many(person, 100), TURNING).refusals(many(person, 40))

    assert "the limit is 50 (turnover_max_shrink_ratio 0.5)" in refusal.text.en


# --- per unit ---------------------------------------------------------------------------------------------------------


ELSEWHERE: Mapping[Make, dict[str, Any]] = {
    device: {"location": "Ekskolan"},
    enrolment: {"codes": ("ek",)},
    group: {"unit": "u-ek"},
}


@pytest.mark.parametrize("make", ELSEWHERE)
@pytest.mark.parametrize(
    ("size", "lost", "is_held"),
    [(3, 3, False), (4, 4, True), (12, 3, False), (12, 4, True), (16, 4, False), (20, 5, False), (20, 6, True)],
)
def test_no_unit_may_lose_more_than_a_quarter_and_at_least_four(
    make: Make, size: int, lost: int, is_held: bool
) -> None:
    others = many(make, 300, first=100, **ELSEWHERE[make])
    part = believing([*many(make, size), *others], ROSTER)

    assert part.rules([*many(make, size - lost), *others]) == (["per_unit"] if is_held else [])


def test_moving_to_another_unit_is_a_loss_to_the_first() -> None:
    part = believing(many(device, 100))
    moved = [*many(device, 40), *many(device, 60, first=40, location="Ekskolan")]

    (refusal,) = part.refusals(moved)

    assert refusal.text.en == "Björkskolan loses 60 of 100 device records; the limit is a quarter of them"


@pytest.mark.parametrize("record", [device(1, location=None), enrolment(1, codes=()), person(1), group(1, None)])
def test_a_record_without_a_unit_is_no_loss_to_any_unit(record: Record) -> None:
    some = [msgspec.structs.replace(record, source_id=f"x{number}") for number in range(12)]

    assert not believing(some, ROSTER).rules(some[5:])


def test_a_unit_that_is_only_named_counts_as_well() -> None:
    part = believing(many(enrolment, 12, codes=(), unit_name="Björkskolan"), ROSTER)

    assert part.rules(many(enrolment, 8, codes=(), unit_name="Björkskolan")) == ["per_unit"]


# --- growth and identity ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("believed", "new", "ratio", "is_held"),
    [
        (30, 25, 0.25, False),
        (30, 26, 0.25, True),
        (200, 50, 0.25, False),
        (200, 51, 0.25, True),
        (100, 57, 0.57, False),
    ],
)
def test_a_part_may_grow_by_twenty_five_records_or_the_ratio(
    believed: int, new: int, ratio: float, is_held: bool
) -> None:
    part = believing(many(device, believed), max_growth_ratio=ratio)

    assert part.rules(many(device, believed + new)) == (["growth"] if is_held else [])


def test_the_refusal_of_growth_names_how_many_and_the_limit() -> None:
    (refusal,) = believing(many(device, 60)).refusals(many(device, 100))

    assert refusal.text.en == "40 new device records at once, beside 60; the limit is 25 (max_growth_ratio 0.25)"


def test_what_is_gone_and_comes_back_is_growth() -> None:
    records = many(device, 100, location=None)
    part = believing(records, max_shrink_ratio=1.0)
    for _ in range(3):
        part = part.believing(records[:60])

    assert part.record("d99").gone
    assert part.rules(records) == ["growth"]


@pytest.mark.parametrize("role", [PartRole.ROSTER, PartRole.MDM])
def test_while_the_school_year_turns_anything_may_grow(role: PartRole) -> None:
    context = PullContext(role=role, in_turnover_window=True)
    part = believing(many(device, 40), context)

    assert not part.rules(many(device, 80))


@pytest.mark.parametrize(
    ("familiar", "new", "is_held"), [(26, 26, False), (25, 26, True), (12, 12, False), (5, 6, True)]
)
def test_at_least_half_of_the_ids_must_be_known(familiar: int, new: int, is_held: bool) -> None:
    part = believing(many(device, 30, location=None), max_shrink_ratio=1.0, max_growth_ratio=9.0)
    shown = [*many(device, familiar, location=None), *many(device, new, first=100, location=None)]

    assert part.rules(shown) == (["identity"] if is_held else [])


@pytest.mark.parametrize(("size", "familiar", "is_held"), [(1, 0, True), (4, 0, True), (10, 0, True), (10, 1, False)])
def test_of_a_small_part_at_least_one_id_must_be_known(size: int, familiar: int, is_held: bool) -> None:
    part = believing(many(device, size, location=None), max_shrink_ratio=1.0)
    shown = [*many(device, familiar, location=None), *many(device, size - familiar, first=100, location=None)]

    assert part.rules(shown) == (["identity"] if is_held else [])


def test_the_content_of_another_municipality_is_held_and_named_as_such() -> None:
    refusals = believing(many(person, 100), ROSTER).refusals(many(person, 100, first=500))

    assert {refusal.rule for refusal in refusals} == {"shrink", "growth", "identity"}
    assert any(
        "only 0 of 100 person records have a known id, the limit is half" in refusal.text.en for refusal in refusals
    )


def test_a_roster_may_change_all_its_ids_while_the_school_year_turns() -> None:
    part = believing(many(person, 100), TURNING, turnover_max_shrink_ratio=1.0)

    assert not part.rules(many(person, 100, first=500))


def test_a_record_type_that_appears_later_is_growth_and_not_unknown_ids() -> None:
    people = many(person, 50)
    part = believing(people, ROSTER)

    assert part.rules([*people, *many(group, 26, unit=None)]) == ["growth"]
    assert not part.rules([*people, *many(group, 25, unit=None)])


# --- filled -----------------------------------------------------------------------------------------------------------

BLANK: Mapping[str, tuple[Make, dict[str, Any]]] = {
    "serial": (device, {"serial": None}),
    "holder": (device, {"keys": ()}),
    "unit": (device, {"location": None}),
    "year": (enrolment, {"year": None}),
    "start": (enrolment, {"start": None}),
    "employment_form": (employment, {"employment_form": EmploymentForm.UNKNOWN}),
    "school_form": (placement, {"school_form": None}),
    "ownership": (device, {"ownership": None}),
    "managed": (device, {"managed": None}),
    "condition": (device, {"unreadable": ("condition",)}),
    "unreadable start": (employment, {"unreadable": ("start",)}),
    "group's unit": (group, {"unit": None}),
}


@pytest.mark.parametrize("field", BLANK)
@pytest.mark.parametrize(("blank", "is_held"), [(10, False), (11, True)])
def test_no_deciding_field_may_be_filled_for_over_ten_points_fewer(field: str, blank: int, is_held: bool) -> None:
    make, nothing = BLANK[field]
    part = believing(many(make, 100), ROSTER)
    shown = [*many(make, blank, **nothing), *many(make, 100 - blank, first=blank)]

    assert part.rules(shown) == (["filled"] if is_held else [])


@pytest.mark.parametrize(("before", "now"), [(100, 90), (90, 80), (80, 70), (70, 60), (60, 50), (30, 20)])
def test_exactly_ten_points_are_allowed_from_wherever_they_fall(before: int, now: int) -> None:
    def filled(count: int) -> list[Record]:
        return [*many(device, count), *many(device, 100 - count, first=count, serial=None)]

    part = believing(filled(before))

    assert not part.rules(filled(now))
    assert part.rules(filled(now - 1)) == ["filled"]


def test_a_last_contact_that_is_no_longer_reported_is_kept() -> None:
    part = believing(many(device, 100, last_contact_at=CONTACT))

    assert not part.rules(many(device, 100, serial="S"))
    assert part.believing(many(device, 100)).record("d0").last_contact_at == CONTACT


@pytest.mark.parametrize(("before", "now", "is_held"), [(0, 10, False), (0, 11, True), (30, 40, False), (30, 41, True)])
def test_at_most_ten_points_fewer_devices_may_have_a_contact_than_last_time(
    before: int, now: int, is_held: bool
) -> None:
    part = believing(many(device, 100, last_contact_at=CONTACT), msgspec.structs.replace(MDM, contacts_untold=before))

    assert part.rules(many(device, 100), contacts_untold=now) == (["filled"] if is_held else [])


def test_a_pull_of_some_files_is_not_judged_by_the_contacts_of_the_others() -> None:
    part = believing(
        many(device, 100, last_contact_at=CONTACT), msgspec.structs.replace(MDM, as_of_by_scope={"other": "2026-08-17"})
    )

    assert part.rules(many(device, 100), contacts_untold=100) == []


def test_new_devices_without_a_contact_lower_the_share() -> None:
    part = believing(many(device, 100, last_contact_at=CONTACT))
    shown = [*many(device, 100, last_contact_at=CONTACT), *many(device, 20, first=100)]

    (refusal,) = part.refusals(shown)

    assert refusal.text.en == (
        "the field last_contact is filled for 83.3% of 120 device records, before 100.0%; the limit is 10% lower"
    )


def test_a_number_is_no_log_in() -> None:
    part = believing(many(person, 50), ROSTER)

    (refusal,) = part.refusals([person(number, NUMBER) for number in range(50)])

    assert (refusal.rule, "field login" in refusal.text.en) == ("filled", True)


def test_a_roster_may_leave_fields_blank_while_the_school_year_turns() -> None:
    assert not believing(many(enrolment, 50), TURNING).rules(many(enrolment, 50, start=None, codes=(), year=None))


@pytest.mark.parametrize("size", [3, 6, 9])
def test_of_a_few_records_one_may_be_blank(size: int) -> None:
    part = believing(many(device, size))

    assert not part.rules([device(0, serial=None), *many(device, size - 1, first=1)])
    assert part.rules(many(device, size, serial=None)) == ["filled"]


def test_the_fields_of_one_kind_of_membership_are_not_diluted_by_another() -> None:
    ties = [msgspec.structs.replace(tie, source_id=f"x{tie.source_id}") for tie in many(employment, 900)]
    part = believing([*many(enrolment, 60), *ties], ROSTER)

    (refusal,) = part.refusals([*many(enrolment, 60, year=None), *ties])

    assert refusal.text.en == (
        "the field year is filled for 0.0% of 60 enrolment records, before 100.0%; the limit is 10% lower"
    )


# --- known words ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("new", "is_held"), [(10, False), (11, True)])
def test_no_deciding_word_may_be_known_for_over_ten_points_fewer(new: int, is_held: bool) -> None:
    part = believing(many(placement, 100), ROSTER)
    shown = [*many(placement, new, school_form="Småbarn"), *many(placement, 100 - new, first=new)]

    assert part.rules(shown) == (["known"] if is_held else [])


def test_the_refusal_of_unknown_words_names_the_field_and_both_shares_and_no_word() -> None:
    (refusal,) = believing(many(placement, 60), ROSTER).refusals(many(placement, 60, school_form="Småbarn"))

    assert refusal.text.en == (
        "the word of the field school_form is known for 0.0% of 60 placement records, before 100.0%; the limit is 10% lower"
    )


def test_a_form_that_an_entitlement_names_is_known() -> None:
    context = msgspec.structs.replace(ROSTER, known_school_forms=frozenset({"FS", "PC"}))

    assert not believing(many(placement, 60), context).rules(many(placement, 60, school_form=" pc"))


def test_words_that_were_unknown_before_are_no_news() -> None:
    shown = many(placement, 60, school_form="Småbarn")

    assert not believing(shown, ROSTER).rules(shown)


@pytest.mark.parametrize(
    ("before", "now", "size", "is_held"),
    [(0, 6, 60, False), (0, 7, 60, True), (50, 56, 60, False), (50, 57, 60, True), (0, 5, 6, False), (0, 6, 6, True)],
)
def test_at_most_a_tenth_of_the_records_may_have_a_new_unknown_word(
    before: int, now: int, size: int, is_held: bool
) -> None:
    context = msgspec.structs.replace(MDM, unknown_words={"managementState=b": before})
    part = believing(many(device, size), context)

    drift = {"managementState=a": now - 1, "managementState=c": 1}
    assert part.rules(many(device, size), drift=drift) == (["known"] if is_held else [])


def test_the_refusal_of_a_new_word_of_the_source_names_its_field() -> None:
    (refusal,) = believing(many(device, 60)).refusals(many(device, 60), drift={"managementState=novel": 60})

    assert refusal.text.en == (
        "the field managementState has an unknown word in 60 of 60 records, before in 0; the limit is 10% more"
    )


# --- ends -------------------------------------------------------------------------------------------------------------

ENDED: Mapping[str, tuple[Make, dict[str, Any]]] = {
    "ended": (placement, {"end": date(2026, 8, 31)}),
    "begins in 2099": (employment, {"start": date(2099, 8, 31)}),
    "retired": (device, {"condition": Condition.RETIRED}),
}


@pytest.mark.parametrize("case", ENDED)
@pytest.mark.parametrize(("size", "ended", "is_held"), [(6, 5, False), (6, 6, True), (100, 10, False), (100, 11, True)])
def test_at_most_a_tenth_may_end_at_once(case: str, size: int, ended: int, is_held: bool) -> None:
    make, change = ENDED[case]
    part = believing(many(make, size), ROSTER)
    shown = [*many(make, ended, **change), *many(make, size - ended, first=ended)]

    assert ("ends" in part.rules(shown)) == is_held


def test_the_refusal_of_ends_names_how_many_and_the_limit() -> None:
    def rule_and_text(make: Make, **change: Any) -> list[tuple[str, str]]:
        refusals = believing(many(make, 20), ROSTER).refusals(many(make, 20, **change))
        return [(refusal.rule, refusal.text.en) for refusal in refusals if refusal.rule == "ends"]

    assert rule_and_text(placement, end=date(2026, 8, 31)) == [
        ("ends", "20 of 20 placement records end earlier or begin later than before at once; the limit is 5 (10%)")
    ]
    assert rule_and_text(device, condition=Condition.LOST) == [
        ("ends", "20 of 20 device records are in use no longer (retired, wiped, lost …) at once; the limit is 5 (10%)")
    ]


def test_a_later_end_is_no_end() -> None:
    part = believing(many(employment, 40, end=date(2026, 12, 31)), ROSTER)

    assert not part.rules(many(employment, 40, end=date(2027, 6, 30)))
    assert part.rules(many(employment, 40, end=date(2026, 9, 30))) == ["ends"]


def test_a_roster_may_end_everything_while_the_school_year_turns() -> None:
    assert not believing(many(enrolment, 60), TURNING).rules(many(enrolment, 60, end=date(2026, 6, 12)))


# --- marks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "marked", "is_held"),
    [(6, 5, False), (6, 6, True), (600, 6, False), (600, 7, True), (2000, 20, False), (2000, 21, True)],
)
def test_a_pull_that_newly_marks_many_persons_is_held_before_it_moves_numbers(
    size: int, marked: int, is_held: bool
) -> None:
    part = believing(many(person, size), ROSTER)

    assert part.rules(many(person, size), newly_marked=marked) == (["marks"] if is_held else [])


def test_marks_that_wait_hold_their_pull_and_the_refusal_says_what_to_look_at() -> None:
    (refusal,) = Part().refusals(many(person, 20), newly_marked=20, pending_marks=frozenset({"~a"}))

    assert refusal.text.en == (
        "20 persons of 20 are newly marked as protected at once; the limit is 5 (1%). They are not shown any more; check the "
        "source's word for a mark before this is accepted"
    )


def test_the_roster_of_a_first_pull_is_its_persons_and_not_its_records() -> None:
    (refusal,) = Part().refusals([*many(person, 20), *many(employment, 20)], newly_marked=20)

    assert refusal.text.en.startswith("20 persons of 20 are newly marked")


def test_words_that_many_marks_share_are_named() -> None:
    words = {"protected=Nej.": 18, "protected=ja": 6}
    (refusal,) = Part().refusals(many(person, 20), newly_marked=20, mark_words=words)

    assert refusal.text.en.endswith("before this is accepted: protected=Nej. (18), protected=ja (6)")
    assert refusal.text.sv.endswith("innan detta godtas: protected=Nej. (18), protected=ja (6)")


# --- kinds of cases on units of every size ----------------------------------------------------------------------------

CHANGED_MEANING: Mapping[str, tuple[Make, dict[str, Any], dict[str, Any]]] = {
    "placements without a school form": (placement, {"school_form": None}, {}),
    "placements with a new word": (placement, {"school_form": "Småbarnsgrupp"}, {}),
    "placements ended": (placement, {"end": date(2026, 8, 31)}, {}),
    "duties dated 2099": (employment, {"start": date(2099, 1, 1)}, {}),
    "all states a new word": (device, {"managed": None}, {}),
    "all states retirePending": (device, {"condition": Condition.RETIRED}, {}),
    "all owners a new word": (device, {"ownership": None}, {}),
    "all marks a new word": (person, {}, {"newly_marked": "size"}),
    "all employment forms a new word": (employment, {"employment_form": EmploymentForm.UNKNOWN}, {}),
    "no log-ins": (lambda number, **_: person(number, NUMBER), {}, {}),
}


@pytest.mark.parametrize("case", CHANGED_MEANING)
@pytest.mark.parametrize("size", [6, 20, 60, 600])
def test_a_meaning_that_changes_while_the_shape_stays_is_held_at_every_size(case: str, size: int) -> None:
    make, change, effect = CHANGED_MEANING[case]
    before: Make = person if case == "no log-ins" else make
    part = believing(many(before, size), ROSTER)

    assert part.rules(many(make, size, **change), **dict.fromkeys(effect, size))


@pytest.mark.parametrize("size", [6, 20, 60, 600])
@pytest.mark.parametrize("make", [device, enrolment, employment, placement, person, group])
def test_a_pull_with_one_odd_record_is_not_held(make: Make, size: int) -> None:
    odd: Mapping[Make, Record] = {
        device: device(0, serial=None, condition=Condition.LOST, ownership=None),
        enrolment: enrolment(0, end=date(2026, 8, 31), school_form="?"),
        employment: employment(0, employment_form=EmploymentForm.HOURLY, start=date(2099, 1, 1)),
        placement: placement(0, school_form=None),
        person: person(0, NUMBER),
        group: group(0, None),
    }

    assert not believing(many(make, size), ROSTER).rules([odd[make], *many(make, size - 1, first=1)])


def test_units_are_compared_by_their_codes() -> None:
    def units(**more: Any) -> list[Record]:
        return [
            UnitRecord(source_id=f"u{number}", name="Björkskolan", kind="Skolenhet", **more) for number in range(20)
        ]

    assert believing(units(codes=("b",), parent="u0"), ROSTER).rules(units(parent="u0")) == ["filled"]
    assert RecordKind(RecordType.UNIT).name == "unit"


def test_in_a_pull_without_records_no_share_is_compared() -> None:
    assert "filled" not in believing(many(device, 20)).rules([])


# --- years ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("believed", "changed", "is_held"), [(100, 10, False), (100, 11, True), (9, 1, False), (9, 2, True)]
)
def test_a_tenth_of_the_enrolments_may_change_year_within_the_school_year(
    believed: int, changed: int, is_held: bool
) -> None:
    part = believing(many(enrolment, believed), ROSTER)
    shown = [*many(enrolment, changed, year=6), *many(enrolment, believed - changed, first=changed)]

    assert part.rules(shown) == (["years"] if is_held else [])


def test_the_refusal_of_changed_years_names_how_many_and_the_limit() -> None:
    (refusal,) = believing(many(enrolment, 40), ROSTER).refusals(many(enrolment, 40, year=6))

    assert refusal.text.en == "40 of 40 enrolments change year within the school year; the limit is 10%"


def test_years_may_change_while_the_school_year_turns() -> None:
    assert not believing(many(enrolment, 100), TURNING).rules(many(enrolment, 100, year=6))


def test_a_year_that_was_blank_has_not_changed() -> None:
    assert not believing(many(enrolment, 100, year=None), ROSTER).rules(many(enrolment, 100, year=6))


def test_only_enrolments_have_years() -> None:
    part = believing(many(employment, 100, year=1), ROSTER)

    assert not part.rules(many(employment, 100, year=2))


# --- content of an older day ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("as_of", "is_held"), [("2026-09-01", False), ("2026-09-02", False), ("2026-08-31", True)])
def test_content_that_is_older_than_what_is_believed_is_held(as_of: str, is_held: bool) -> None:
    context = PullContext(role=PartRole.ROSTER, as_of_by_scope={"": "2026-09-01", "b.csv": "2026-12-01"})
    part = believing(many(person, 5), context)

    rules = part.rules(many(person, 5), scopes=(PulledScope(as_of=date.fromisoformat(as_of)),))

    assert rules == (["older"] if is_held else [])


def test_the_refusal_of_an_older_file_names_it_and_both_days() -> None:
    context = PullContext(role=PartRole.LIST, as_of_by_scope={"ek.csv": "2026-09-01"})
    part = believing(many(device, 5), context)

    scopes = (PulledScope(name="ek.csv", as_of=date(2026, 8, 1)), PulledScope(name="new.csv", as_of=date(2020, 1, 1)))
    (refusal,) = part.refusals(many(device, 5), scopes=scopes)

    assert refusal.text.en == (
        "its content (ek.csv) speaks for 2026-08-01, but what is believed already speaks for 2026-09-01"
    )


# --- a part that is read piece by piece -------------------------------------------------------------------------------


def test_a_part_that_is_read_piece_by_piece_may_fill_up() -> None:
    part = believing(many(device, 30), max_growth_ratio=0.25)

    assert not part.rules(many(device, 400, first=30), reads_some=True)


def test_a_part_that_is_read_piece_by_piece_may_not_blank_fields() -> None:
    part = believing(many(device, 100))

    assert part.rules(many(device, 30, serial=None), reads_some=True) == ["filled"]


# --- what would be believed -------------------------------------------------------------------------------------------


def test_grace_needs_two_pulls_more_and_twenty_hours() -> None:
    wait = timedelta(hours=10)
    part = believing([device(1), device(2)]).believing([device(1)], wait)
    absences = []
    for _ in range(3):
        part = part.believing([device(1)], wait)
        absences.append((part.record("d2").absent_pulls, part.record("d2").gone))

    assert absences == [(1, False), (2, True), (2, True)]
    assert part.record("d2").absent_since == FIRST + DAY


def test_many_pulls_within_twenty_hours_do_not_end_the_grace() -> None:
    hour = timedelta(hours=1)
    part = believing([device(1), device(2)])
    for _ in range(20):
        part = part.believing([device(1)], hour)
    assert not part.record("d2").gone

    assert part.believing([device(1)]).record("d2").gone


def test_a_monthly_file_ends_the_grace_with_its_second_file() -> None:
    month = timedelta(days=31)
    part = believing([person(1), person(2)], ROSTER, grace_pulls=1).believing([person(1)], month)
    assert not part.record("p2").gone

    assert part.believing([person(1)]).record("p2").gone


def test_without_any_grace_a_record_is_gone_with_the_first_pull_that_lacks_it() -> None:
    assert believing([device(1), device(2)], grace_pulls=0).believing([device(1)]).record("d2").gone


def test_what_a_person_has_confirmed_needs_no_grace_also_where_it_was_absent_before() -> None:
    part = believing([device(1), device(2)]).believing([device(1)])

    accepted = replace(part, limits=part.limits.without_grace()).believing([device(1)], timedelta(hours=1))

    assert accepted.record("d2").gone


def test_an_absent_record_counts_fully_until_it_is_gone() -> None:
    part = believing([device(1), device(2)]).believing([device(1)])

    assert part.record("d2").record == device(2)
    assert not part.record("d2").gone


@pytest.mark.parametrize("pulls_without_it", [1, 2, 3, 6])
@pytest.mark.parametrize("again", [device(2), device(2, model="iPad 10", last_contact_at=CONTACT)])
def test_a_record_that_returns_is_the_same_record(pulls_without_it: int, again: DeviceRecord) -> None:
    part = believing([device(1), device(2)])
    before = part.record("d2")
    for _ in range(pulls_without_it):
        part = part.believing([device(1)])
    now = part.believing([device(1), again]).record("d2")

    assert (now.own_id, now.first_seen, now.thing_id) == (before.own_id, before.first_seen, before.thing_id)
    assert (now.absent_since, now.absent_pulls, now.gone) == (None, 0, False)
    assert now.record == msgspec.structs.replace(again, last_contact_at=None)


def test_a_contact_alone_moves_only_the_contact() -> None:
    part = believing([device(1)])
    moved = part.believing([device(1, last_contact_at=CONTACT)])

    assert moved.record("d1") == msgspec.structs.replace(part.record("d1"), last_contact_at=CONTACT)


def test_a_new_record_is_first_seen_when_its_pull_began() -> None:
    effect = Part().effect([device(1, last_contact_at=CONTACT)])
    row = msgspec.structs.replace(effect.rows[0], scope="ek.csv", masked=True)
    (known,) = projected_records((), msgspec.structs.replace(effect, rows=(row,)), PullLimits())

    assert (known.source, known.part, known.own_id, known.scope) == ("jamf", "devices", "own-d1", "ek.csv")
    assert (known.first_seen, known.last_contact_at, known.masked) == (FIRST, CONTACT, True)


def test_the_absence_of_an_unknown_record_changes_nothing() -> None:
    row = StagedRow(change=RowChange.ABSENT, type=RecordType.DEVICE, source_id="d9")

    assert not projected_records((), msgspec.structs.replace(Part().effect([]), rows=(row,)), PullLimits())


def test_a_pull_that_shows_the_same_records_changes_nothing() -> None:
    part = believing(many(device, 20))

    assert part.believing(many(device, 20)).known == part.known


subsets = st.lists(st.sets(st.integers(0, 7)), min_size=1, max_size=8)


@given(subsets)
def test_without_any_grace_exactly_the_shown_records_are_not_gone(history: list[set[int]]) -> None:
    part = replace(believing(many(device, 8)), limits=PullLimits(grace_pulls=0, grace_hours=1000.0))
    for numbers in history:
        part = part.believing([device(number) for number in sorted(numbers)])
        assert {known.record.source_id for known in part.known if not known.gone} == {
            f"d{number}" for number in numbers
        }


@given(subsets, st.integers(1, 3), st.sampled_from([timedelta(hours=7), DAY]))
def test_shown_records_are_always_present_and_missing_ones_never_gone_at_once(
    history: list[set[int]], grace_pulls: int, wait: timedelta
) -> None:
    part = replace(believing(many(device, 8)), limits=PullLimits(grace_pulls=grace_pulls))
    for numbers in history:
        before = part
        part = part.believing([device(number) for number in sorted(numbers)], wait)
        shown = {f"d{number}" for number in numbers}
        assert {known.record.source_id for known in part.known if known.absent_since is None} == shown
        for known in part.known:
            was = before.record(known.record.source_id)
            assert not known.gone or was.gone or was.absent_pulls + 1 >= grace_pulls > 0
            assert not (known.gone and was.absent_since is None)


def test_a_part_is_as_old_as_its_oldest_file() -> None:
    state = PartState(
        source="jamf", part="devices", role=PartRole.LIST, types=(RecordType.DEVICE,), held_pull=3, reason="x"
    )
    scopes = (PulledScope(name="a", as_of=date(2026, 9, 3)), PulledScope(name="b", as_of=date(2026, 9, 1)))
    once = projected_part_state(state, Part().effect([], scopes=scopes))
    twice = projected_part_state(
        once, Part(at=FIRST + DAY).effect([], scopes=(PulledScope(name="b", as_of=date(2026, 9, 9)),))
    )

    assert (once.as_of, twice.as_of) == (date(2026, 9, 1), date(2026, 9, 3))
    assert (once.first_complete_at, twice.first_complete_at, twice.last_complete_at) == (FIRST, FIRST, FIRST + DAY)
    assert (once.held_pull, once.reason, once.last_attempt_at) == (None, None, FIRST)


# --- the outcome ------------------------------------------------------------------------------------------------------


def cover(
    entitled: int, covered: int, unit: str = "bjorkskolan", entitlement: str = "pupils", **more: Any
) -> CoverageDay:
    defaults: dict[str, Any] = {"day": date(2026, 9, 1), "entitled": entitled, "covered_own": covered}
    return CoverageDay(unit=unit, entitlement=entitlement, **{**defaults, **more})


ELSE = cover(90_000, 90_000, "ekskolan")  # so that nothing moves the municipality


@pytest.mark.parametrize(
    ("old", "new", "is_held"),
    [(200, 240, False), (200, 241, True), (200, 160, False), (200, 159, True), (20, 15, False), (20, 14, True),
     (0, 5, False), (0, 6, True), (10, 0, True), (6, 0, True)],
)  # fmt: skip
@pytest.mark.parametrize("of", [lambda count: cover(count, 0), lambda count: cover(9999, count)])
def test_no_unit_may_move_by_more_than_a_fifth_and_five(
    of: Callable[[int], CoverageDay], old: int, new: int, is_held: bool
) -> None:
    reasons = outcome_hold_reasons([of(old), ELSE], [of(new), ELSE])

    assert [refusal.rule for refusal in reasons] == (["outcome"] if is_held else [])


def test_a_lost_staff_is_held_however_many_pupils_its_school_has() -> None:
    before = [cover(400, 0), cover(40, 0, entitlement="staff")]

    (refusal,) = outcome_hold_reasons(before, [before[0], cover(0, 0, entitlement="staff")])

    assert refusal.text.en == "bjorkskolan, staff: entitled would go from 40 to 0; the limit is 20% and 5"


def test_a_row_that_disappears_counts_as_zero_and_a_new_row_is_not_compared() -> None:
    assert len(outcome_hold_reasons([cover(40, 30)], [])) == 2
    assert not outcome_hold_reasons([], [cover(40, 30)])


@pytest.mark.parametrize(("children", "is_held"), [(25, False), (24, False), (23, True), (0, True)])
def test_where_an_entitlement_counts_heads_heads_are_compared(children: int, is_held: bool) -> None:
    def preschool(heads: int) -> CoverageDay:
        return cover(-(-heads // 5), 0, entitlement="preschool", heads=heads)

    reasons = outcome_hold_reasons([preschool(30)], [preschool(children)])

    assert bool(reasons) is is_held
    assert not is_held or f"entitled would go from 30 to {children}" in reasons[0].text.en


def test_covered_counts_the_heads_whom_the_devices_serve() -> None:
    def preschool(working: int) -> CoverageDay:
        return cover(6, 0, entitlement="preschool", heads=30, covered_pool=working)

    assert not outcome_hold_reasons([preschool(6)], [preschool(5)])
    assert "covered would go from 30 to 0" in outcome_hold_reasons([preschool(6)], [preschool(0)])[0].text.en


def test_the_municipality_may_not_move_by_small_steps_of_every_unit() -> None:
    def schools(staff: int) -> list[CoverageDay]:
        return [cover(staff, 0, f"skola-{number}", "staff") for number in range(20)]

    (refusal,) = outcome_hold_reasons(schools(20), schools(18))

    assert refusal.text.en == "the municipality, staff: entitled would go from 400 to 360; the limit is 5% and 10"
    assert refusal.text.sv == "kommunen, staff: ska ha skulle gå från 400 till 360; gränsen är 5\u00a0% och 10"
    assert not outcome_hold_reasons(schools(20), schools(19))


def test_where_units_are_named_their_sum_is_not() -> None:
    def schools(staff: int) -> list[CoverageDay]:
        return [cover(staff, staff, f"skola-{number}", "staff") for number in range(20)]

    texts = [refusal.text.en for refusal in outcome_hold_reasons(schools(10), schools(0))]

    assert len(texts) == 40
    assert not any("municipality" in text for text in texts)


# --- creep ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("new", "is_held"), [(171, False), (170, False), (169, True), (230, False), (231, True)])
def test_small_steps_are_asked_about_when_they_add_up(new: int, is_held: bool) -> None:
    reasons = creep_hold_reasons([cover(200, 0), ELSE], [cover(new, 0), ELSE])

    assert [refusal.rule for refusal in reasons] == (["creep"] if is_held else [])


def test_the_refusal_of_creep_names_the_day_that_it_compares_with() -> None:
    (refusal,) = creep_hold_reasons([cover(200, 0)], [cover(100, 0)])

    assert refusal.text.en == (
        "bjorkskolan, pupils: entitled would go from 200, as published on 2026-09-01, to 100; the limit is 15% and 20"
    )


def test_what_the_days_or_a_decision_have_moved_already_is_not_asked_again() -> None:
    assert not creep_hold_reasons([cover(200, 0), ELSE], [cover(150, 0), ELSE], [cover(160, 0), ELSE])
    assert creep_hold_reasons([cover(200, 0), ELSE], [cover(150, 0), ELSE], [cover(180, 0), ELSE])


def test_what_was_published_days_ago_is_the_newest_day_that_is_old_enough() -> None:
    rows = [cover(1, 0, day=date(2026, 9, day)) for day in (1, 2, 3, 9)]

    def days(today: date, ago: int) -> list[date]:
        return [row.day for row in published_days_ago(rows, today, ago)]

    assert days(date(2026, 9, 10), 7) == [date(2026, 9, 3)]
    assert days(date(2026, 9, 9), 7) == [date(2026, 9, 2)]
    assert days(date(2026, 9, 7), 7) == []
    assert days(date(2026, 9, 30), 7) == []


def test_the_sentences_name_no_record_or_person() -> None:
    makers: Sequence[Make] = (device, enrolment, person)
    for make in makers:
        part = believing(many(make, 100), ROSTER)
        for refusal in part.refusals(many(make, 60, first=300)):
            assert not any(
                word in text
                for word in ("d3", "m3", "p3", "alva", "4711")
                for text in (refusal.text.sv, refusal.text.en)
            )
