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
    FIELDS_SV,
    TYPES_SV,
    PullContext,
    outcome_hold_reasons,
    projected_part_state,
    projected_records,
    pull_hold_reasons,
)
from fleetsync.core.model import (
    BelievedRecord,
    CoverageDay,
    DeviceRecord,
    EmploymentForm,
    GroupRecord,
    HoldReason,
    Key,
    MembershipRecord,
    MembershipType,
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
    defaults = {"serial": f"S{number}", "keys": (LOGIN,), "location": "Björkskolan"}
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
        "11 of 20 records could not be read, most often: bad date; the limit is 10 (max_rejected_ratio 0.1)"
    )


# --- shrink -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("believed", "lost", "ratio", "is_held"),
    [
        (30, 10, 0.1, False),
        (30, 11, 0.1, True),
        (300, 30, 0.1, False),
        (300, 31, 0.1, True),
        (100, 29, 0.29, False),
        (100, 30, 0.29, True),
        (15, 10, 0.0, False),
    ],
)
def test_a_pull_may_lose_ten_records_or_the_ratio(believed: int, lost: int, ratio: float, is_held: bool) -> None:
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
    assert not part.rules(records[20:])


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
        assert len(absent) <= max(10, len(believed) // 10)


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
    assert {field for fields in DECIDING_FIELDS.values() for field in fields} == set(FIELDS_SV)


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
@pytest.mark.parametrize(("size", "lost", "is_held"), [(10, 5, False), (10, 6, True), (9, 9, False), (14, 8, True)])
def test_no_unit_of_ten_may_lose_more_than_half(make: Make, size: int, lost: int, is_held: bool) -> None:
    others = many(make, 300, first=100, **ELSEWHERE[make])
    part = believing([*many(make, size), *others], ROSTER)

    assert part.rules([*many(make, size - lost), *others]) == (["per_unit"] if is_held else [])


def test_moving_to_another_unit_is_a_loss_to_the_first() -> None:
    part = believing(many(device, 100))
    moved = [*many(device, 40), *many(device, 60, first=40, location="Ekskolan")]

    (refusal,) = part.refusals(moved)

    assert refusal.text.en == "Björkskolan loses 60 of 100 device records; the limit is half of them"


@pytest.mark.parametrize("record", [device(1, location=None), enrolment(1, codes=()), person(1), group(1, None)])
def test_a_record_without_a_unit_is_no_loss_to_any_unit(record: Record) -> None:
    some = [msgspec.structs.replace(record, source_id=f"x{number}") for number in range(12)]

    assert not believing(some, ROSTER).rules(some[9:])


def test_a_unit_that_is_only_named_counts_as_well() -> None:
    part = believing(many(enrolment, 12, codes=(), unit_name="Björkskolan"), ROSTER)

    assert part.rules(many(enrolment, 4, codes=(), unit_name="Björkskolan")) == ["per_unit"]


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


@pytest.mark.parametrize(("familiar", "new", "is_held"), [(26, 26, False), (25, 26, True), (12, 13, False)])
def test_at_least_half_of_the_ids_must_be_known(familiar: int, new: int, is_held: bool) -> None:
    part = believing(many(device, 30), max_shrink_ratio=1.0, max_growth_ratio=9.0)
    shown = [*many(device, familiar), *many(device, new, first=100)]

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


def test_below_ten_records_no_share_is_compared() -> None:
    assert not believing(many(device, 9)).rules(many(device, 9, serial=None))
    assert believing(many(device, 10)).rules(many(device, 10, serial=None)) == ["filled"]


def test_in_a_pull_without_records_no_share_is_compared() -> None:
    assert "filled" not in believing(many(device, 20)).rules([])


# --- years ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("believed", "changed", "is_held"), [(100, 10, False), (100, 11, True), (9, 9, False)])
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


def cover(entitled: int, covered: int, unit: str = "bjorkskolan", entitlement: str = "pupils") -> CoverageDay:
    return CoverageDay(day=date(2026, 9, 1), unit=unit, entitlement=entitlement, entitled=entitled, covered_own=covered)


@pytest.mark.parametrize(
    ("old", "new", "is_held"),
    [(200, 240, False), (200, 241, True), (200, 160, False), (200, 159, True), (20, 10, False), (20, 9, True),
     (0, 10, False), (0, 11, True)],
)  # fmt: skip
@pytest.mark.parametrize("of", [lambda count: cover(count, 0), lambda count: cover(9999, count)])
def test_no_unit_may_move_by_more_than_a_fifth_and_ten(
    of: Callable[[int], CoverageDay], old: int, new: int, is_held: bool
) -> None:
    assert [refusal.rule for refusal in outcome_hold_reasons([of(old)], [of(new)])] == (["outcome"] if is_held else [])


def test_a_lost_staff_is_held_however_many_pupils_its_school_has() -> None:
    before = [cover(400, 0), cover(40, 0, entitlement="staff")]

    (refusal,) = outcome_hold_reasons(before, [before[0], cover(0, 0, entitlement="staff")])

    assert refusal.text.en == "bjorkskolan, staff: entitled would go from 40 to 0; the limit is 20% and 10"


def test_a_row_that_disappears_counts_as_zero_and_a_new_row_is_not_compared() -> None:
    assert len(outcome_hold_reasons([cover(40, 30)], [])) == 2
    assert not outcome_hold_reasons([], [cover(40, 30)])


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
