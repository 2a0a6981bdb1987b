"""What pulls would change, before anybody acts on it."""

from datetime import UTC, date, datetime
from typing import Any

from msgspec.structs import replace

from fleetsync.core.coverage.plan import plan_changes
from fleetsync.core.model import (
    Assignment,
    ChangePlan,
    CoverageChange,
    CoverageDay,
    CoveredBy,
    Episode,
    Moment,
    Outcome,
    PulledScope,
    PullEffect,
    RecordType,
    RowChange,
    StagedRow,
    Subject,
    Text,
)
from tests.core.coverage.coverage_samples import RecordsBuilder

AT = datetime(2026, 11, 24, 6, tzinfo=UTC)
DAY = date(2026, 11, 24)
WHY = Text("därför", "because")


def outcome(**result: Any) -> Outcome:
    return Outcome(moment=Moment(AT, DAY), **result)


def effect(*changes: tuple[RowChange, str]) -> PullEffect:
    rows = tuple(StagedRow(change=change, type=RecordType.DEVICE, source_id=name) for change, name in changes)
    scopes = (PulledScope(as_of=DAY),)
    return PullEffect(pull=1, source="intune", part="devices", started_at=AT, scopes=scopes, rows=rows, seen=len(rows))


def serving(device: str) -> Assignment:
    return Assignment(
        device=device,
        by=CoveredBy.OWN,
        entitlement="pupils",
        subject_id="p1",
        unit="bjorkskolan",
        works=True,
        reason=WHY,
    )


def gap(kind: str, of: str) -> Episode:
    return Episode(kind=kind, subject=Subject.DEVICE, subject_id=of, unit="bjorkskolan", opened_at=AT, reason=WHY)


def cover(unit: str, entitled: int, covered: int) -> CoverageDay:
    return CoverageDay(day=DAY, unit=unit, entitlement="pupils", entitled=entitled, covered_own=covered)


def test_records_are_counted_by_what_becomes_of_them() -> None:
    builder = RecordsBuilder()
    names = [builder.device() for _ in range(3)]
    known = [replace(record, gone=record.record.source_id == names[2]) for record in builder.known]
    pulled = effect(
        (RowChange.PUT, names[0]), (RowChange.PUT, "new"), (RowChange.PUT, names[2]), (RowChange.ABSENT, names[1]),
        (RowChange.RETURN, "back"), (RowChange.CONTACT, "heard"),
    )  # fmt: skip

    result = plan_changes(outcome(), outcome(), [pulled], known)

    assert (result.new, result.changed, result.returned, result.absent) == (2, 1, 1, 1)


def test_assignments_begin_and_end() -> None:
    before = outcome(assignments=(serving("d1"), serving("d2")))
    then = outcome(assignments=(serving("d2"), serving("d3"), serving("d4")))

    result = plan_changes(before, then, [], [])

    assert (result.assignments_begun, result.assignments_ended) == (2, 1)


def test_gaps_open_and_close_by_kind() -> None:
    before = outcome(episodes=(gap("stale", "d1"), gap("lost", "d2")))
    then = outcome(episodes=(gap("stale", "d3"), gap("stale", "d4"), gap("lost", "d2")))

    result = plan_changes(before, then, [], [])

    assert (result.gaps_opened, result.gaps_closed) == ({"stale": 2}, {"stale": 1})


def test_numbers_that_move_are_shown_with_both_sides() -> None:
    before = outcome(coverage=(cover("a", 10, 9), cover("b", 5, 5), cover("c", 1, 1)))
    then = outcome(coverage=(cover("a", 10, 2), cover("b", 5, 5), cover("d", 3, 0)))

    def shift(unit: str, *numbers: int) -> CoverageChange:
        names = ("entitled_before", "entitled_after", "covered_before", "covered_after")
        return CoverageChange(unit=unit, entitlement="pupils", **dict(zip(names, numbers, strict=True)))

    assert plan_changes(before, then, [], []).coverage_changes == (
        shift("a", 10, 10, 9, 2), shift("c", 1, 0, 1, 0), shift("d", 0, 3, 0, 0),
    )  # fmt: skip


def test_pulls_that_change_nothing_have_an_empty_plan() -> None:
    builder = RecordsBuilder()
    builder.device(builder.pupil("alva"))
    result = builder.outcome()

    assert plan_changes(result, result, [], builder.known) == ChangePlan()


def known_by(builder: RecordsBuilder) -> tuple[Outcome, list[str]]:
    """Two pupils with a device each at Björkskolan, and the source ids of the devices."""
    names = [builder.device(builder.pupil(name)) for name in ("alva", "bo")]
    return builder.outcome(), names


def test_changes_are_counted_by_unit_and_a_few_devices_are_named() -> None:
    builder = RecordsBuilder()
    before, names = known_by(builder)
    pulled = effect((RowChange.PUT, names[0]), (RowChange.ABSENT, names[1]), (RowChange.PUT, "nobody knows"))

    result = plan_changes(before, before, [pulled], builder.known)

    (unit,) = result.units
    assert (unit.changed, unit.absent, unit.new) == (1, 1, 0)
    assert [(each.change, each.subject) for each in result.samples] == [
        ("changed", Subject.DEVICE),
        ("absent", Subject.DEVICE),
    ]
    assert {each.unit for each in result.samples} == {unit.unit}


def test_no_more_than_a_few_are_named_of_each_change() -> None:
    builder = RecordsBuilder()
    names = [builder.device() for _ in range(9)]
    before = builder.outcome()

    result = plan_changes(before, before, [effect(*((RowChange.ABSENT, name) for name in names))], builder.known)

    assert (result.absent, len(result.samples)) == (9, 5)


def test_neither_a_protected_person_nor_their_device_is_named() -> None:
    builder = RecordsBuilder()
    before, names = known_by(builder)
    hidden = builder.pupil("cilla")
    device = builder.device(hidden)
    before = builder.outcome()
    people = tuple(replace(case, person=replace(case.person, masked=True)) for case in before.people)
    after = replace(before, people=people)

    result = plan_changes(before, after, [effect((RowChange.PUT, device), (RowChange.PUT, names[0]))], builder.known)

    assert (result.changed, result.samples) == (2, ())


def test_a_device_that_leaves_a_person_who_becomes_protected_is_not_named() -> None:
    builder = RecordsBuilder()
    device = builder.device(builder.pupil("cilla"))
    before = builder.outcome()
    people = tuple(replace(case, person=replace(case.person, masked=True)) for case in before.people)
    devices = tuple(replace(case, placement=replace(case.placement, holder=None)) for case in before.devices)
    after = replace(before, people=people, devices=devices)

    result = plan_changes(before, after, [effect((RowChange.PUT, device))], builder.known)

    assert (result.changed, result.samples) == (1, ())


def test_the_totals_of_all_units_stand_beside_those_that_change() -> None:
    before = outcome(coverage=(cover("a", 10, 9), cover("b", 5, 5)))
    then = outcome(coverage=(cover("a", 10, 2), cover("b", 5, 5)))

    (total,) = plan_changes(before, then, [], []).coverage_totals
    assert (total.unit, total.entitled_before, total.covered_before, total.covered_after) == ("", 15, 14, 7)
