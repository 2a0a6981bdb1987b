"""A correction ends when the sources say the same, and then nothing moves."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetsync.core.coverage import build_context, reconcile, reconcile_in
from fleetsync.core.model import (
    AgreedCorrection,
    BelievedState,
    Condition,
    CorrectedField,
    Correction,
    DeviceCase,
    DeviceCount,
    Outcome,
    Purpose,
    Subject,
)
from tests.core.coverage.coverage_samples import CALENDARS, MOMENT, POLICY, TODAY, RecordsBuilder, record_builders

YESTERDAY = TODAY.replace(day=TODAY.day - 1)


def outcome_of(believed: BelievedState) -> Outcome:
    return reconcile(believed, POLICY, CALENDARS, MOMENT)


def corrected(builder: RecordsBuilder, *corrections: Correction, **more: Any) -> Outcome:
    return outcome_of(builder.believed(corrections=corrections, **more))


def only_device(outcome: Outcome) -> str:
    (case,) = outcome.devices
    return case.device.id


def one_device(**fields: Any) -> tuple[RecordsBuilder, str]:
    builder = RecordsBuilder()
    builder.device(builder.pupil("alva"), **fields)
    return builder, only_device(builder.outcome())


def test_a_condition_that_a_source_gives_too_is_agreed() -> None:
    builder, device = one_device(condition=Condition.LOST)
    lost = Correction(device=device, field="condition", value="lost")

    assert corrected(builder, lost).agreed_corrections == (AgreedCorrection(device, "condition"),)
    assert corrected(builder, replace(lost, value="in_repair")).agreed_corrections == ()


def test_an_expired_correction_and_one_of_another_device_agree_with_nothing() -> None:
    builder, device = one_device(condition=Condition.LOST)
    lost = Correction(device=device, field="condition", value="lost", until=YESTERDAY)

    assert corrected(builder, lost, replace(lost, device="other", until=None)).agreed_corrections == ()


def test_a_holder_and_a_purpose_that_the_sources_give_are_agreed_together() -> None:
    builder, device = one_device()
    holder = builder.outcome().devices[0].placement.holder
    assert holder is not None
    stated = Correction(device=device, field="holder", value=holder)
    purpose = Correction(device=device, field="purpose", value="personal")

    agreed = corrected(builder, stated, purpose).agreed_corrections
    assert {each.field for each in agreed} == {"holder", "purpose"}
    assert corrected(builder, stated, replace(purpose, value="loan")).agreed_corrections == ()


def test_nobody_is_not_the_same_as_somebody_unknown() -> None:
    builder = RecordsBuilder()
    builder.device("somebody unknown")
    device = only_device(builder.outcome())

    assert corrected(builder, Correction(device=device, field="holder", value="")).agreed_corrections == ()


def test_a_count_that_the_sources_come_to_is_agreed() -> None:
    builder = RecordsBuilder()
    for name in ("alva", "bo", "cilla"):
        builder.pupil(name, group="5A")
    for _ in range(2):
        builder.device(purpose=Purpose.SET, unit="bjorkskolan", serves=("5A",))
    (share,) = (each for each in builder.outcome().shares if each.subject is Subject.SET)
    assert share.working_devices == 2

    def counted(count: int, **more: Any) -> Outcome:
        entry = DeviceCount(subject_id=share.subject_id, count=count, **more)
        return outcome_of(builder.believed(device_counts=(entry,)))

    assert counted(2).agreed_corrections == (AgreedCorrection(share.subject_id, "count"),)
    assert counted(3).agreed_corrections == ()
    (row,) = (each for each in counted(3).shares if each.subject is Subject.SET)
    assert (row.covered_set, row.short, row.working_devices) == (3, 0, 3)
    assert "3 counted by hand" in row.reason.en
    (expired,) = (each for each in counted(3, until=YESTERDAY).shares if each.subject is Subject.SET)
    assert expired == share


@settings(max_examples=60, deadline=None)
@given(st.data(), record_builders())
def test_ending_what_is_agreed_never_moves_a_number(data: st.DataObject, builder: RecordsBuilder) -> None:
    """Whatever is stated of some devices, most of it what the sources say already."""
    plain = builder.outcome()

    def stated(case: DeviceCase) -> dict[CorrectedField, str]:
        place = case.placement
        purpose = data.draw(st.sampled_from([place.purpose.value, "loan"]))
        return {"unit": place.unit, "purpose": purpose, "holder": place.holder or ""}

    corrections = [
        Correction(device=case.device.id, field=field, value=value)
        for case in plain.devices
        for field, value in stated(case).items()
        if data.draw(st.booleans())
    ]
    believed = builder.believed(corrections=corrections)
    with_all = outcome_of(believed)
    ended = {(each.subject_id, each.field) for each in with_all.agreed_corrections}
    left = [each for each in corrections if (each.device, each.field) not in ended]
    without = outcome_of(replace(believed, corrections=left))

    def placed(outcome: Outcome) -> list[tuple[str, str | None, str, Purpose]]:
        places = [case.placement for case in outcome.devices]
        return [(place.device, place.holder, place.unit, place.purpose) for place in places]

    assert placed(without) == placed(with_all)
    assert without.coverage == with_all.coverage


def test_what_is_agreed_is_the_same_when_it_is_concluded_again() -> None:
    builder, device = one_device(condition=Condition.LOST)
    believed = builder.believed(corrections=(Correction(device=device, field="condition", value="lost"),))
    context = build_context(believed, POLICY, CALENDARS, MOMENT)
    first = reconcile_in(context)

    assert reconcile_in(context, first).outcome.agreed_corrections == first.outcome.agreed_corrections != ()
