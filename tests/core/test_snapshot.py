"""What is shown: numbers that open into rows, people who stand only in "n not shown", and past days as published."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetsync.core.measures import MEASURES
from fleetsync.core.model import UNPLACED, CoverageDay, EmploymentForm, MeasureRow, Moment, Subject
from fleetsync.core.snapshot import NOT_SHOWN, PAST_DAY_MEASURES, Snapshot, build_past_snapshot
from tests.core.coverage.coverage_samples import (
    MOMENT,
    NOW,
    TODAY,
    RecordsBuilder,
    masked_records,
    people_of,
    record_builders,
    shown,
    with_recorded_outcome,
)

YESTERDAY = Moment(NOW - timedelta(days=1), TODAY - timedelta(days=1))


@pytest.fixture
def builder() -> RecordsBuilder:
    return RecordsBuilder()


def past(now: Snapshot, then: Snapshot, coverage: Sequence[CoverageDay] | None = None, **kept: Any) -> Snapshot:
    """The day of *then* as it is shown *now*, from what the store keeps of it."""
    outcome = then.outcome
    kept_rows = {"owed": outcome.owed, "assignments": outcome.assignments, "episodes": outcome.episodes, **kept}
    rows = outcome.coverage if coverage is None else coverage
    return build_past_snapshot(
        now, outcome.moment, kept_rows["owed"], kept_rows["assignments"], kept_rows["episodes"], rows
    )


def one_not_shown(rows: Sequence[MeasureRow]) -> list[int]:
    return [row.count for row in rows if row.reason == NOT_SHOWN]


# --- now --------------------------------------------------------------------------------------------------------------


def test_a_number_opens_into_who_is_counted_and_why(builder: RecordsBuilder) -> None:
    builder.device(builder.pupil("alva"))
    builder.pupil("bo")
    result = builder.shown()

    rows = result.rows("fleetsync_entitled", ("bjorkskolan", "pupils"))

    assert [(row.count, row.subject, len(row.devices)) for row in rows] == [
        (1, Subject.PERSON, 1),
        (1, Subject.PERSON, 0),
    ]
    assert {row.reason.en for row in rows} == {"Attends GR from 2026-08-17, year 5"}


def test_where_nothing_is_counted_the_number_is_zero_and_has_no_rows(builder: RecordsBuilder) -> None:
    result = builder.shown()

    assert result.number("fleetsync_entitled", ("nowhere", "staff")) == 0
    assert result.rows("fleetsync_entitled", ("masen", "staff")) == ()
    with pytest.raises(KeyError):
        result.rows("fleetsync_nothing", ("masen", "staff"))


def test_a_snapshot_holds_every_measure_and_is_of_now(builder: RecordsBuilder) -> None:
    result = builder.shown()

    assert set(result.numbers) == {measure.name for measure in MEASURES}
    assert (result.as_of, result.outcome.moment) == (None, MOMENT)


def test_protected_people_stand_together_in_one_row(builder: RecordsBuilder) -> None:
    for number in range(6):
        builder.pupil(f"p{number}", at=None)
    builder.known = list(masked_records(masked_records(builder.known, "p1"), "p2"))
    result = builder.shown()

    rows = result.rows("fleetsync_entitled", (UNPLACED, "pupils"))

    assert len(result.hidden) == 2
    assert one_not_shown(rows) == [2]
    assert result.hidden.isdisjoint(row.subject_id for row in rows)
    assert sum(row.count for row in rows) == 6


def test_a_child_is_never_listed_where_its_form_is_unknown(builder: RecordsBuilder) -> None:
    builder.child("~c1", form=None)
    result = builder.shown()

    rows = result.rows("fleetsync_undecided", ("ugglan", "preschool"))

    assert [(row.count, row.subject_id) for row in rows] == [(1, "")]


@settings(max_examples=30)
@given(record_builders(), st.data())
def test_whom_nobody_may_see_is_never_a_row_and_always_counted(builder: RecordsBuilder, data: st.DataObject) -> None:
    everybody = people_of(builder)
    for who in data.draw(st.lists(st.sampled_from(everybody), max_size=3) if everybody else st.just([])):
        builder.known = list(masked_records(builder.known, who))
    result = builder.shown()
    masked = {case.person.id for case in result.outcome.people if case.person.masked}
    for measure in MEASURES:
        for labels, number in result.numbers[measure.name].items():
            rows = result.rows(measure.name, labels)
            assert sum(row.count for row in rows) == number
            assert masked.isdisjoint(row.subject_id for row in rows)
            assert result.hidden.isdisjoint(row.subject_id for row in rows)


# --- a past day -------------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(record_builders())
def test_a_past_day_always_shows_what_was_published(builder: RecordsBuilder) -> None:
    then = shown(builder.believed(), moment=YESTERDAY)
    result = past(builder.shown(), then)

    assert result.as_of == YESTERDAY.today
    assert set(result.numbers) == PAST_DAY_MEASURES
    for name in PAST_DAY_MEASURES - {"fleetsync_gaps"}:
        assert result.numbers[name] == then.numbers[name]
    gaps = {labels: number for labels, number in then.numbers["fleetsync_gaps"].items() if number}
    assert {labels: number for labels, number in result.numbers["fleetsync_gaps"].items() if number} == gaps
    assert result.facts == {"fleetsync_coverage_ratio": then.facts["fleetsync_coverage_ratio"]}


@settings(max_examples=30)
@given(record_builders(), st.data())
def test_whatever_the_intervals_of_a_past_day_no_longer_hold_its_rows_add_up(
    builder: RecordsBuilder, data: st.DataObject
) -> None:
    then = shown(builder.believed(), moment=YESTERDAY)
    kept = [debt for debt in then.outcome.owed if data.draw(st.booleans())]
    serving = [assignment for assignment in then.outcome.assignments if data.draw(st.booleans())]

    result = past(builder.shown(), then, owed=kept, assignments=serving)

    for name in PAST_DAY_MEASURES:
        for labels, number in result.numbers[name].items():
            assert sum(row.count for row in result.rows(name, labels)) == number


def test_what_a_past_day_no_longer_holds_is_one_row(builder: RecordsBuilder) -> None:
    for number in range(3):
        builder.pupil(f"p{number}")
    then = shown(builder.believed(), moment=YESTERDAY)

    rows = past(builder.shown(), then, owed=then.outcome.owed[:1]).rows("fleetsync_entitled", ("bjorkskolan", "pupils"))

    assert [(row.count, bool(row.subject_id)) for row in rows] == [(1, True), (2, False)]
    assert rows[1].reason == NOT_SHOWN


def test_stock_and_who_was_undecided_are_numbers_of_a_past_day_without_rows(builder: RecordsBuilder) -> None:
    builder.stock(2)
    builder.staff("alva", form=EmploymentForm.UNKNOWN)
    result = past(builder.shown(), shown(builder.believed(), moment=YESTERDAY))

    assert one_not_shown(result.rows("fleetsync_surplus", ("central", "staff"))) == [2]
    assert one_not_shown(result.rows("fleetsync_undecided", ("bjorkskolan", "staff"))) == [1]


def test_who_is_protected_today_is_not_listed_on_a_past_day_either(builder: RecordsBuilder) -> None:
    builder.pupil("alva")
    builder.pupil("bo")
    then = shown(builder.believed(), moment=YESTERDAY)
    recorded = with_recorded_outcome(builder.believed(), then.outcome)
    builder.known = list(masked_records(recorded.known, "alva"))

    rows = past(builder.shown(), then).rows("fleetsync_short", ("bjorkskolan", "pupils"))

    assert [row.count for row in rows] == [1, 1]
    assert one_not_shown(rows) == [1]


def test_whom_nobody_knows_any_more_is_not_listed(builder: RecordsBuilder) -> None:
    builder.pupil("alva")
    then = shown(builder.believed(), moment=YESTERDAY)

    result = past(RecordsBuilder().shown(), then)

    assert one_not_shown(result.rows("fleetsync_entitled", ("bjorkskolan", "pupils"))) == [1]
    gone = [episode for episode in then.outcome.episodes if episode.subject is Subject.PERSON]
    for departed in gone:
        rows = result.rows("fleetsync_gaps", (departed.unit, departed.kind, "open"))
        assert all(row.subject_id == "" for row in rows)
    assert gone


def test_a_gap_of_a_past_day_was_parked_if_it_was_so_then(builder: RecordsBuilder) -> None:
    builder.pupil("alva")
    then = shown(builder.believed(), moment=YESTERDAY)
    (no_device,) = (episode for episode in then.outcome.episodes if episode.kind == "no_device")

    result = past(builder.shown(), then, episodes=[replace(no_device, parked_until=YESTERDAY.today)])

    assert result.number("fleetsync_gaps", ("bjorkskolan", "no_device", "parked")) == 1


def test_a_day_of_which_no_row_is_left_has_no_numbers(builder: RecordsBuilder) -> None:
    builder.pupil("alva")
    now = builder.shown()

    result = build_past_snapshot(now, Moment(NOW, date(2026, 1, 1)), (), (), (), ())

    assert not any(number for numbers in result.numbers.values() for number in numbers.values())
