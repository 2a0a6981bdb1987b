"""Every published number is the sum of its rows, and what is unknown is left out."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetsync.core.calendar import Calendars
from fleetsync.core.coverage import build_context
from fleetsync.core.measures import FACTS, MEASURES, entitlements_with_few_unplaced, shown_unit
from fleetsync.core.model import (
    CENTRAL,
    UNPLACED,
    BelievedRecord,
    BelievedState,
    Compliance,
    Condition,
    EntitlementDecision,
    Episode,
    Moment,
    OsSupport,
    Outcome,
    Ownership,
    Parking,
    PartRole,
    PersonState,
    Platform,
    Purpose,
    ReferenceFacts,
    Subject,
    Text,
)
from fleetsync.core.snapshot import Snapshot, build_snapshot
from tests.core.coverage.coverage_samples import (
    CALENDARS,
    MOMENT,
    NOW,
    POLICY,
    TODAY,
    RecordsBuilder,
    part,
    record_builders,
    shown,
    with_rules,
)

WHY = Text("därför", "because")
SUPPORTED = OsSupport(platform=Platform.WINDOWS, version_prefix="10.0", ends_on=date(2031, 1, 1))
SUMMED_BY = {"fleetsync_assigned", "fleetsync_covered"}


@pytest.fixture
def builder() -> RecordsBuilder:
    return RecordsBuilder()


def counted(result: Snapshot, name: str) -> dict[tuple[str, ...], int]:
    """The labels under which anything is counted."""
    return {labels: number for labels, number in result.numbers[name].items() if number}


# --- always -----------------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(record_builders())
def test_the_rows_of_every_number_always_add_up_to_it(builder: RecordsBuilder) -> None:
    result = builder.shown()
    for measure in MEASURES:
        for labels, number in result.numbers[measure.name].items():
            assert sum(row.count for row in result.rows(measure.name, labels)) == number
            assert number >= 0


@settings(max_examples=30)
@given(record_builders())
def test_the_numbers_are_always_those_of_the_published_rows(builder: RecordsBuilder) -> None:
    result = builder.shown()
    for row in result.outcome.coverage:
        cell = (row.unit, row.entitlement)
        for field in ("entitled", "unknown", "short", "surplus", "undecided", "on_leave", "heads", "working_devices"):
            assert result.number(f"fleetsync_{field}", cell) == getattr(row, field)
        for by in ("own", "set", "pool"):
            assert result.number("fleetsync_assigned", (*cell, by)) == getattr(row, f"assigned_{by}")
            assert result.number("fleetsync_covered", (*cell, by)) == getattr(row, f"covered_{by}")


@settings(max_examples=30)
@given(record_builders())
def test_no_label_ever_holds_an_id_or_a_log_in(builder: RecordsBuilder) -> None:
    result = builder.shown()
    kept = {case.person.id for case in result.outcome.people} | {case.device.id for case in result.outcome.devices}
    kept |= {key.value for case in result.outcome.people for key in case.person.keys}
    kept |= {case.device.serial for case in result.outcome.devices if case.device.serial}
    kept |= {record.record.source_id for record in builder.known}
    series = {**result.numbers, **result.facts}
    for numbers in series.values():
        assert kept.isdisjoint(label for labels in numbers for label in labels)


@settings(max_examples=30)
@given(record_builders())
def test_every_series_always_has_the_labels_that_its_table_names(builder: RecordsBuilder) -> None:
    result = builder.shown()
    for measure in MEASURES:
        assert {len(labels) for labels in result.numbers[measure.name]} <= {len(measure.labels)}
    for fact in FACTS:
        assert {len(labels) for labels in result.facts[fact.name]} <= {len(fact.labels)}


@settings(max_examples=30)
@given(record_builders())
def test_the_municipalitys_devices_are_always_counted_once_in_every_view_of_them(builder: RecordsBuilder) -> None:
    result = builder.shown()
    ours = [
        device
        for device in result.outcome.devices
        if device.device_state.ours and device.device_state.stage is not None
    ]

    assert sum(result.numbers["fleetsync_devices"].values()) == len(ours)
    assert sum(result.numbers["fleetsync_devices_by_contact_age"].values()) == len(ours)
    assert sum(result.numbers["fleetsync_secure_devices"].values()) <= len(ours)


@settings(max_examples=30)
@given(record_builders())
def test_every_open_gap_of_a_subject_that_is_no_source_is_always_counted_once(builder: RecordsBuilder) -> None:
    result = builder.shown()

    gaps = [episode for episode in result.outcome.episodes if episode.subject is not Subject.SOURCE]
    assert sum(result.numbers["fleetsync_gaps"].values()) == len(gaps)


# --- filled with zero -------------------------------------------------------------------------------------------------


def test_every_cell_and_all_three_bys_are_published_though_nothing_is_there(builder: RecordsBuilder) -> None:
    result = builder.shown()

    for name in ("entitled", "unknown", "short", "surplus", "undecided", "on_leave", "heads", "working_devices"):
        numbers = result.numbers[f"fleetsync_{name}"]
        assert numbers[("ugglan", "preschool")] == 0
        assert numbers[(UNPLACED, "pupils")] == 0
        assert ("ugglan", "pupils") not in numbers
    for name in sorted(SUMMED_BY):
        assert {by for unit, _, by in result.numbers[name] if unit == "masen"} == {"own", "set", "pool"}


def test_where_a_device_is_every_stage_and_age_is_published(builder: RecordsBuilder) -> None:
    builder.device(location="Lager 1")
    result = builder.shown()

    assert result.numbers["fleetsync_devices"][("central", "windows", "lost")] == 0
    assert len(result.numbers["fleetsync_devices"]) == 11
    assert {age for *_, age in result.numbers["fleetsync_devices_by_contact_age"]} == {
        "0", "1_5", "6_15", "16_60", "over_60", "never", "unknown",
    }  # fmt: skip
    assert result.numbers["fleetsync_secure_devices"] == {("central", "windows"): 0}


def test_where_a_gap_is_or_ever_was_both_states_are_published(builder: RecordsBuilder) -> None:
    builder.device(condition=Condition.LOST, location="Lager 1")
    result = builder.shown(gap_unit_kinds=frozenset({("masen", "stale")}))

    numbers = result.numbers["fleetsync_gaps"]
    assert (numbers[("central", "lost", "open")], numbers[("central", "lost", "parked")]) == (1, 0)
    assert (numbers[("masen", "stale", "open")], numbers[("masen", "stale", "parked")]) == (0, 0)


# --- devices ----------------------------------------------------------------------------------------------------------


def test_phones_and_retired_devices_are_counted_and_personal_and_ignored_ones_are_not(builder: RecordsBuilder) -> None:
    builder.device(platform=Platform.IOS, location="Lager 1")
    builder.device(condition=Condition.RETIRED, location="Lager 1")
    builder.device(ownership=Ownership.PERSONAL, location="Lager 1")
    builder.device(purpose=Purpose.IGNORE, unit="ce")

    assert counted(builder.shown(), "fleetsync_devices") == {
        ("central", "ios", "stock"): 1,
        ("central", "windows", "retired"): 1,
    }


@pytest.mark.parametrize(
    ("contact", "age"),
    [
        ("2026-11-24", "0"),
        ("2026-11-23", "1_5"),
        ("2026-11-17", "1_5"),
        ("2026-11-16", "6_15"),
        ("2026-10-27", "6_15"),
        ("2026-10-26", "16_60"),
        ("2026-08-25", "16_60"),
        ("2026-08-24", "over_60"),
    ],
)
def test_the_bands_of_silence_are_disjoint_and_count_school_days(
    builder: RecordsBuilder, contact: str, age: str
) -> None:
    # Between lie 44 weekdays since September and the closed week of November.
    days = (TODAY - date.fromisoformat(contact)).days
    builder.device(silent=days, location="Lager 1")

    assert [labels[2] for labels in counted(builder.shown(), "fleetsync_devices_by_contact_age")] == [age]


def test_a_device_that_was_never_in_contact_has_an_age_of_its_own(builder: RecordsBuilder) -> None:
    builder.device(location="Lager 1")
    builder.known = [replace(record, last_contact_at=None) for record in builder.known]

    assert [labels[2] for labels in counted(builder.shown(), "fleetsync_devices_by_contact_age")] == ["never"]


@pytest.mark.parametrize(
    ("bought", "years"),
    [
        (date(2027, 1, 1), "0"),
        (date(2025, 11, 25), "0"),
        (date(2025, 11, 24), "1"),
        (date(2021, 11, 25), "4"),
        (date(2021, 11, 24), "5_or_more"),
        (None, "unknown"),
    ],
)
def test_the_age_of_a_device_is_in_whole_years_since_its_purchase(
    builder: RecordsBuilder, bought: date | None, years: str
) -> None:
    builder.device(location="Lager 1", purchased_on=bought)

    assert date(2026, 11, 24) == TODAY
    assert [labels[2] for labels in counted(builder.shown(), "fleetsync_devices_by_age")] == [years]


def test_a_retired_device_has_no_age_and_an_aged_one_says_when_it_was_bought(builder: RecordsBuilder) -> None:
    builder.device(location="Lager 1", purchased_on=date(2023, 8, 1))
    builder.device(location="Lager 1", condition=Condition.RETIRED)
    shown = builder.shown()

    ((labels, count),) = counted(shown, "fleetsync_devices_by_age").items()
    assert (labels[2], count) == ("3", 1)
    assert [row.reason.en for row in shown.rows("fleetsync_devices_by_age", labels)] == ["bought on 2023-08-01"]


def test_each_entitlement_has_its_title_in_two_languages(builder: RecordsBuilder) -> None:
    builder.pupil("alva")

    assert ("pupils", "Elever i årskurs 1–9", "Pupils in years 1–9") in builder.shown().facts[
        "fleetsync_entitlement_info"
    ]


def secure(builder: RecordsBuilder, **given_values: Any) -> int:
    facts = {"encrypted": True, "compliance": Compliance.COMPLIANT, "os_version": "10.0.1", **given_values}
    builder.device(builder.pupil("alva"), **facts)
    policy = replace(POLICY, reference=ReferenceFacts(os_support=(SUPPORTED,)))
    return sum(builder.shown(policy).numbers["fleetsync_secure_devices"].values())


@pytest.mark.parametrize(
    ("given_values", "number"),
    [
        ({}, 1),
        ({"purpose": Purpose.LOAN, "unit": "bj"}, 1),
        ({"purpose": Purpose.SET, "unit": "bj"}, 1),
        ({"purpose": Purpose.ROOM, "unit": "bj"}, 0),
        ({"encrypted": None}, 0),
        ({"encrypted": False}, 0),
        ({"compliance": None}, 0),
        ({"os_version": None}, 0),
        ({"condition": Condition.IN_REPAIR}, 0),
    ],
)
def test_secure_is_what_is_in_use_and_known_to_be_supported_encrypted_and_compliant(
    builder: RecordsBuilder, given_values: dict[str, Any], number: int
) -> None:
    assert secure(builder, **given_values) == number


# --- gaps -------------------------------------------------------------------------------------------------------------


def test_a_parked_gap_is_counted_apart_to_its_last_day(builder: RecordsBuilder) -> None:
    builder.device(condition=Condition.LOST, location="Lager 1")
    (lost,) = (episode for episode in builder.outcome().episodes if episode.kind == "lost")
    parked = Parking(kind="lost", subject_id=lost.subject_id, until=TODAY)
    result = builder.shown(parkings=(parked,))

    assert counted(result, "fleetsync_gaps") == {("central", "lost", "parked"): 1}
    late = replace(result.outcome, moment=Moment(NOW + timedelta(days=1), TODAY + timedelta(days=1)))
    assert counted(of(late), "fleetsync_gaps") == {("central", "lost", "open"): 1}


def test_gaps_of_a_source_are_not_counted_among_the_gaps(builder: RecordsBuilder) -> None:
    late = part("intune", "devices", PartRole.MDM, as_of=date(2026, 10, 1))
    result = builder.shown(parts=(late,))

    assert {episode.kind for episode in result.outcome.episodes if episode.subject is Subject.SOURCE} == {
        "source_stale"
    }
    assert not any(kind == "source_stale" for _, kind, _ in result.numbers["fleetsync_gaps"])


def of(outcome: Outcome, calendars: Calendars = CALENDARS, known: Sequence[BelievedRecord] = ()) -> Snapshot:
    believed = BelievedState(known=known)
    return build_snapshot(outcome, build_context(believed, POLICY, calendars, outcome.moment))


# --- facts ------------------------------------------------------------------------------------------------------------


def test_the_ratio_is_left_out_where_nobody_is_owed(builder: RecordsBuilder) -> None:
    builder.device(builder.pupil("alva"))
    builder.pupil("bo")

    assert builder.shown().facts["fleetsync_coverage_ratio"] == {("bjorkskolan", "pupils"): 0.5}


def test_target_and_alarm_stand_beside_every_row_of_a_rule_in_force(builder: RecordsBuilder) -> None:
    rules = [replace(rule, target=0.9, alert_below=0.8) for rule in POLICY.entitlements[:1]]
    result = builder.shown(with_rules(*rules))

    assert set(result.facts["fleetsync_coverage_target_ratio"].values()) == {0.9}
    assert result.facts["fleetsync_coverage_alert_ratio"] == {
        (unit, "staff"): 0.8 for unit in ("bjorkskolan", "ekskolan", "masen", "ugglan", CENTRAL, UNPLACED)
    }


def test_a_row_of_a_rule_that_is_gone_has_no_target(builder: RecordsBuilder) -> None:
    result = builder.shown()
    gone = build_snapshot(result.outcome, replace(result.context, policy=with_rules()))

    assert gone.facts["fleetsync_coverage_target_ratio"] == {}


def test_the_oldest_gap_is_the_oldest_whose_age_is_known() -> None:
    def gap(of: str, opened_at: datetime, **more: Any) -> Episode:
        return Episode(
            kind="stale", subject=Subject.DEVICE, subject_id=of, unit="masen", opened_at=opened_at, reason=WHY, **more
        )

    days = [datetime(2026, 10, day, tzinfo=UTC) for day in (1, 5, 9)]
    open_ = (gap("d1", days[0], known_before=True), gap("d2", days[2]), gap("d3", days[1]))
    source = Episode(kind="pull_held", subject=Subject.SOURCE, subject_id="x", unit="", opened_at=days[0], reason=WHY)

    result = of(Outcome(moment=MOMENT, episodes=(*open_, source))).facts[
        "fleetsync_gap_oldest_opened_timestamp_seconds"
    ]
    alone = of(Outcome(moment=MOMENT, episodes=open_[:1])).facts["fleetsync_gap_oldest_opened_timestamp_seconds"]

    assert result == {("masen", "stale", "open"): days[1].timestamp()}
    assert alone == {}


def test_a_unit_is_named_with_its_first_code_and_its_forms(builder: RecordsBuilder) -> None:
    series = set(builder.shown().facts["fleetsync_unit_info"])

    assert ("ekskolan", "Ekskolan", "ek", "GR") in series
    assert ("bjorkskolan", "Björkskolan", "bj", "FKLASS,GR") in series
    assert (UNPLACED, "Utan enhet", "", "") in series


def test_a_unit_is_published_or_on_trial_and_unplaced_is_neither(builder: RecordsBuilder) -> None:
    assert builder.shown().facts["fleetsync_unit_published"] == {
        ("bjorkskolan",): 1.0, ("ekskolan",): 0.0, ("masen",): 0.0, ("ugglan",): 0.0, (CENTRAL,): 0.0,
    }  # fmt: skip


def test_the_end_of_a_calendar_is_left_out_where_none_is_known(builder: RecordsBuilder) -> None:
    schools = Calendars(default=CALENDARS.default)
    ends = of(builder.outcome(), schools).facts["fleetsync_calendar_end_timestamp_seconds"]
    last_second = datetime(2027, 6, 10, 21, 59, 59, tzinfo=UTC).timestamp()

    assert ends == {("bjorkskolan",): last_second, ("ekskolan",): last_second, (CENTRAL,): last_second}
    nothing = of(builder.outcome(), Calendars())
    assert nothing.facts["fleetsync_calendar_end_timestamp_seconds"] == {}


# --- a few without a unit ---------------------------------------------------------------------------------------------


def person_state(number: int, unit: str = UNPLACED, **given_values: Any) -> PersonState:
    decision = EntitlementDecision(entitlement="staff", reason=WHY, **{"owed": False, **given_values})
    return PersonState(person=f"p{number}", unit=unit, decisions=(decision,))


@pytest.mark.parametrize("given_values", [{"owed": True}, {"undecided": True}, {"on_leave": True}])
def test_fewer_than_five_without_a_unit_are_too_few(given_values: dict[str, Any]) -> None:
    four = [person_state(number, **given_values) for number in range(4)]

    assert entitlements_with_few_unplaced(four) == {"staff"}
    assert entitlements_with_few_unplaced([*four, person_state(5, **given_values)]) == frozenset()
    assert entitlements_with_few_unplaced([*four, person_state(5, "masen", **given_values), person_state(6)]) == {
        "staff"
    }
    assert entitlements_with_few_unplaced([person_state(7)]) == frozenset()


@given(st.sampled_from([UNPLACED, CENTRAL, "masen"]), st.sampled_from(["staff", "pupils"]))
def test_only_the_few_without_a_unit_are_shown_elsewhere(unit: str, entitlement: str) -> None:
    at = shown_unit(unit, entitlement, frozenset({"staff"}))

    assert at == (CENTRAL if (unit, entitlement) == (UNPLACED, "staff") else unit)


def test_an_undecided_person_opens_from_where_they_are_counted(builder: RecordsBuilder) -> None:
    builder.pupil("alva", at=None, year=None)
    result = builder.shown()

    (row,) = result.rows("fleetsync_undecided", (CENTRAL, "pupils"))

    assert (row.unit, row.subject, row.reason.en) == (CENTRAL, Subject.PERSON, "The year is missing (GR)")


def test_an_empty_town_is_shown() -> None:
    assert not shown(BelievedState()).rows("fleetsync_entitled", ("masen", "staff"))


def test_every_measure_has_a_title_and_an_explanation_in_both_languages() -> None:
    assert all(text.sv and text.en for measure in MEASURES for text in (measure.title, measure.help))
    assert len({measure.title for measure in MEASURES}) == len(MEASURES)
