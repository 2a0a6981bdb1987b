"""Corrections as they are kept: one in force of each fact, their ends, past days, retention and erasure."""

from datetime import timedelta

import pytest

from fleetsync.clock import ManualClock
from fleetsync.core.model import AgreedCorrection, BelievedState, Correction, DeviceCount
from fleetsync.store.errors import StoreError
from fleetsync.store.ledger import CorrectionEnd, Ledger
from tests.store.ledger_samples import MONDAY, TODAY, outcome

DAY = timedelta(days=1)
LOST = Correction(device="d1", field="condition", value="lost", until=TODAY + 9 * DAY, reason="inventory")
POOL = "preschool@ugglan"


def believed(ledger: Ledger) -> BelievedState:
    return ledger.believed(())


def test_what_is_kept_is_what_the_core_is_given(ledger: Ledger) -> None:
    count = DeviceCount(subject_id=POOL, count=24, until=TODAY, reason="counted")
    ledger.correct(LOST, "tea")
    ledger.correct(count, "rut")

    state = believed(ledger)
    assert (state.corrections, state.device_counts) == ((LOST,), (count,))


def test_a_newer_correction_ends_the_older_one_of_the_same_fact_alone(ledger: Ledger) -> None:
    first = ledger.correct(LOST, "tea")
    ledger.correct(Correction(device="d1", field="purpose", value="loan"), "tea")
    ledger.correct(Correction(device="d1", field="condition", value="retired"), "stina")

    assert {each.value for each in believed(ledger).corrections} == {"loan", "retired"}
    (ended,) = (each for each in ledger.corrections({"d1"}) if each.ended_at is not None)
    assert (ended.id, ended.ended_how, ended.ended_by) == (first, CorrectionEnd.REPLACED, "stina")


def test_a_correction_can_be_taken_back_once(ledger: Ledger) -> None:
    number = ledger.correct(LOST, "tea")
    assert ledger.take_back_correction(number, "stina").who == "tea"

    assert believed(ledger).corrections == ()
    with pytest.raises(StoreError, match="no correction"):
        ledger.take_back_correction(number, "stina")


def test_what_the_sources_agree_with_ends_with_the_outcome_but_not_what_replaced_it(ledger: Ledger) -> None:
    ledger.correct(LOST, "tea")
    agreed = outcome(agreed_corrections=(AgreedCorrection("d1", "condition"),))
    state = believed(ledger)
    ledger.correct(Correction(device="d1", field="condition", value="retired"), "stina")
    ledger.record(agreed, state)
    assert [each.value for each in believed(ledger).corrections] == ["retired"]

    ledger.record(agreed, believed(ledger))
    assert believed(ledger).corrections == ()
    assert ledger.corrections()[0].ended_how is CorrectionEnd.AGREED


def test_a_past_day_is_counted_by_the_counts_of_then(ledger: Ledger, clock: ManualClock) -> None:
    number = ledger.correct(DeviceCount(subject_id=POOL, count=24, until=TODAY + DAY), "rut")
    clock.set(MONDAY + DAY)
    ledger.take_back_correction(number, "rut")

    def counts(days: float) -> dict[str, int]:
        instant = MONDAY + days * DAY
        return dict(ledger.device_counts_as_of(instant, TODAY + int(days) * DAY))

    assert (counts(-1), counts(0.5), counts(1)) == ({}, {POOL: 24}, {})


def test_a_count_says_nothing_after_its_last_day(ledger: Ledger) -> None:
    ledger.correct(DeviceCount(subject_id=POOL, count=24, until=TODAY), "rut")

    assert ledger.device_counts_as_of(MONDAY + DAY, TODAY + DAY) == {}


def test_what_has_ended_long_ago_is_purged_and_what_counts_stays(ledger: Ledger) -> None:
    number = ledger.correct(Correction(device="d2", field="purpose", value="loan"), "tea")
    ledger.take_back_correction(number, "tea")
    ledger.correct(LOST, "tea")
    ledger.correct(Correction(device="d3", field="purpose", value="loan"), "tea")

    assert ledger.purge(MONDAY + 700 * DAY)["correction"] == 2
    assert [each.subject_id for each in ledger.corrections()] == ["d3"]


def test_a_stated_holder_is_something_of_a_person(ledger: Ledger) -> None:
    ledger.correct(LOST, "tea")
    assert not ledger.holds_persons()

    ledger.correct(Correction(device="d1", field="holder", value="p1"), "tea")
    assert ledger.holds_persons()
