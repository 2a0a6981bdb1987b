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
def town() -> RecordsBuilder:
    return RecordsBuilder()


def counted(found: Snapshot, name: str) -> dict[tuple[str, ...], int]:
    """The labels under which anything is counted."""
    return {labels: number for labels, number in found.numbers[name].items() if number}


# --- always -----------------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(record_builders())
def test_the_rows_of_every_number_always_add_up_to_it(town: RecordsBuilder) -> None:
    found = town.shown()
    for measure in MEASURES:
        for labels, number in found.numbers[measure.name].items():
            assert sum(row.count for row in found.rows(measure.name, labels)) == number
            assert number >= 0


@settings(max_examples=30)
@given(record_builders())
def test_the_numbers_are_always_those_of_the_published_rows(town: RecordsBuilder) -> None:
    found = town.shown()
    for row in found.outcome.coverage:
        cell = (row.unit, row.entitlement)
        for field in ("entitled", "unknown", "short", "surplus", "undecided", "on_leave", "heads", "working_devices"):
            assert found.number(f"fleetsync_{field}", cell) == getattr(row, field)
        for by in ("own", "set", "pool"):
            assert found.number("fleetsync_assigned", (*cell, by)) == getattr(row, f"assigned_{by}")
            assert found.number("fleetsync_covered", (*cell, by)) == getattr(row, f"covered_{by}")


@settings(max_examples=30)
@given(record_builders())
def test_no_label_ever_holds_an_id_or_a_log_in(town: RecordsBuilder) -> None:
    found = town.shown()
    kept = {case.person.id for case in found.outcome.people} | {case.device.id for case in found.outcome.devices}
    kept |= {key.value for case in found.outcome.people for key in case.person.keys}
    kept |= {case.device.serial for case in found.outcome.devices if case.device.serial}
    kept |= {one.record.source_id for one in town.known}
    series = {**found.numbers, **found.facts}
    for numbers in series.values():
        assert kept.isdisjoint(label for labels in numbers for label in labels)


@settings(max_examples=30)
@given(record_builders())
def test_every_series_always_has_the_labels_that_its_table_names(town: RecordsBuilder) -> None:
    found = town.shown()
    for measure in MEASURES:
        assert {len(labels) for labels in found.numbers[measure.name]} <= {len(measure.labels)}
    for fact in FACTS:
        assert {len(labels) for labels in found.facts[fact.name]} <= {len(fact.labels)}


@settings(max_examples=30)
@given(record_builders())
def test_the_municipalitys_devices_are_always_counted_once_in_every_view_of_them(town: RecordsBuilder) -> None:
    found = town.shown()
    ours = [one for one in found.outcome.devices if one.device_state.ours and one.device_state.stage is not None]

    assert sum(found.numbers["fleetsync_devices"].values()) == len(ours)
    assert sum(found.numbers["fleetsync_devices_by_contact_age"].values()) == len(ours)
    assert sum(found.numbers["fleetsync_secure_devices"].values()) <= len(ours)


@settings(max_examples=30)
@given(record_builders())
def test_every_open_gap_of_a_subject_that_is_no_source_is_always_counted_once(town: RecordsBuilder) -> None:
    found = town.shown()

    gaps = [one for one in found.outcome.episodes if one.subject is not Subject.SOURCE]
    assert sum(found.numbers["fleetsync_gaps"].values()) == len(gaps)


# --- filled with zero -------------------------------------------------------------------------------------------------


def test_every_cell_and_all_three_bys_are_published_though_nothing_is_there(town: RecordsBuilder) -> None:
    found = town.shown()

    for name in ("entitled", "unknown", "short", "surplus", "undecided", "on_leave", "heads", "working_devices"):
        numbers = found.numbers[f"fleetsync_{name}"]
        assert numbers[("ugglan", "preschool")] == 0
        assert numbers[(UNPLACED, "pupils")] == 0
        assert ("ugglan", "pupils") not in numbers
    for name in sorted(SUMMED_BY):
        assert {by for unit, _, by in found.numbers[name] if unit == "masen"} == {"own", "set", "pool"}


def test_where_a_device_is_every_stage_and_age_is_published(town: RecordsBuilder) -> None:
    town.device(location="Lager 1")
    found = town.shown()

    assert found.numbers["fleetsync_devices"][("central", "windows", "lost")] == 0
    assert len(found.numbers["fleetsync_devices"]) == 11
    assert {age for *_, age in found.numbers["fleetsync_devices_by_contact_age"]} == {
        "0", "1_5", "6_15", "16_60", "over_60", "never",
    }  # fmt: skip
    assert found.numbers["fleetsync_secure_devices"] == {("central", "windows"): 0}


def test_where_a_gap_is_or_ever_was_both_states_are_published(town: RecordsBuilder) -> None:
    town.device(condition=Condition.LOST, location="Lager 1")
    found = town.shown(gap_unit_kinds=frozenset({("masen", "stale")}))

    numbers = found.numbers["fleetsync_gaps"]
    assert (numbers[("central", "lost", "open")], numbers[("central", "lost", "parked")]) == (1, 0)
    assert (numbers[("masen", "stale", "open")], numbers[("masen", "stale", "parked")]) == (0, 0)


# --- devices ----------------------------------------------------------------------------------------------------------


def test_phones_and_retired_devices_are_counted_and_personal_and_ignored_ones_are_not(town: RecordsBuilder) -> None:
    town.device(platform=Platform.IOS, location="Lager 1")
    town.device(condition=Condition.RETIRED, location="Lager 1")
    town.device(ownership=Ownership.PERSONAL, location="Lager 1")
    town.device(purpose=Purpose.IGNORE, unit="ce")

    assert counted(town.shown(), "fleetsync_devices") == {
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
def test_the_bands_of_silence_are_disjoint_and_count_school_days(town: RecordsBuilder, contact: str, age: str) -> None:
    # Between lie 44 weekdays since September and the closed week of November.
    days = (TODAY - date.fromisoformat(contact)).days
    town.device(silent=days, location="Lager 1")

    assert [labels[2] for labels in counted(town.shown(), "fleetsync_devices_by_contact_age")] == [age]


def test_a_device_that_was_never_in_contact_has_an_age_of_its_own(town: RecordsBuilder) -> None:
    town.device(location="Lager 1")
    town.known = [replace(one, last_contact_at=None) for one in town.known]

    assert [labels[2] for labels in counted(town.shown(), "fleetsync_devices_by_contact_age")] == ["never"]


def secure(town: RecordsBuilder, **said: Any) -> int:
    told = {"encrypted": True, "compliance": Compliance.COMPLIANT, "os_version": "10.0.1", **said}
    town.device(town.pupil("alva"), **told)
    policy = replace(POLICY, reference=ReferenceFacts(os_support=(SUPPORTED,)))
    return sum(town.shown(policy).numbers["fleetsync_secure_devices"].values())


@pytest.mark.parametrize(
    ("said", "number"),
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
    town: RecordsBuilder, said: dict[str, Any], number: int
) -> None:
    assert secure(town, **said) == number


# --- gaps -------------------------------------------------------------------------------------------------------------


def test_a_parked_gap_is_counted_apart_to_its_last_day(town: RecordsBuilder) -> None:
    town.device(condition=Condition.LOST, location="Lager 1")
    (lost,) = (one for one in town.outcome().episodes if one.kind == "lost")
    parked = Parking(kind="lost", subject_id=lost.subject_id, until=TODAY)
    found = town.shown(parkings=(parked,))

    assert counted(found, "fleetsync_gaps") == {("central", "lost", "parked"): 1}
    late = replace(found.outcome, moment=Moment(NOW + timedelta(days=1), TODAY + timedelta(days=1)))
    assert counted(of(late), "fleetsync_gaps") == {("central", "lost", "open"): 1}


def test_gaps_of_a_source_are_not_counted_among_the_gaps(town: RecordsBuilder) -> None:
    late = part("intune", "devices", PartRole.MDM, as_of=date(2026, 10, 1))
    found = town.shown(parts=(late,))

    assert {one.kind for one in found.outcome.episodes if one.subject is Subject.SOURCE} == {"source_stale"}
    assert not any(kind == "source_stale" for _, kind, _ in found.numbers["fleetsync_gaps"])


def of(outcome: Outcome, calendars: Calendars = CALENDARS, known: Sequence[BelievedRecord] = ()) -> Snapshot:
    believed = BelievedState(known=known)
    return build_snapshot(outcome, build_context(believed, POLICY, calendars, outcome.moment))


# --- facts ------------------------------------------------------------------------------------------------------------


def test_the_ratio_is_left_out_where_nobody_is_owed(town: RecordsBuilder) -> None:
    town.device(town.pupil("alva"))
    town.pupil("bo")

    assert town.shown().facts["fleetsync_coverage_ratio"] == {("bjorkskolan", "pupils"): 0.5}


def test_target_and_alarm_stand_beside_every_row_of_a_rule_in_force(town: RecordsBuilder) -> None:
    rules = [replace(one, target=0.9, alert_below=0.8) for one in POLICY.entitlements[:1]]
    found = town.shown(with_rules(*rules))

    assert set(found.facts["fleetsync_coverage_target_ratio"].values()) == {0.9}
    assert found.facts["fleetsync_coverage_alert_ratio"] == {
        (unit, "staff"): 0.8 for unit in ("bjorkskolan", "ekskolan", "masen", "ugglan", CENTRAL, UNPLACED)
    }


def test_a_row_of_a_rule_that_is_gone_has_no_target(town: RecordsBuilder) -> None:
    found = town.shown()
    gone = build_snapshot(found.outcome, replace(found.context, policy=with_rules()))

    assert gone.facts["fleetsync_coverage_target_ratio"] == {}


def test_the_oldest_gap_is_the_oldest_whose_age_is_known() -> None:
    def gap(of: str, opened_at: datetime, **more: Any) -> Episode:
        return Episode(
            kind="stale", subject=Subject.DEVICE, subject_id=of, unit="masen", opened_at=opened_at, reason=WHY, **more
        )

    days = [datetime(2026, 10, day, tzinfo=UTC) for day in (1, 5, 9)]
    open_ = (gap("d1", days[0], known_before=True), gap("d2", days[2]), gap("d3", days[1]))
    source = Episode(kind="pull_held", subject=Subject.SOURCE, subject_id="x", unit="", opened_at=days[0], reason=WHY)

    found = of(Outcome(moment=MOMENT, episodes=(*open_, source))).facts["fleetsync_gap_oldest_opened_timestamp_seconds"]
    alone = of(Outcome(moment=MOMENT, episodes=open_[:1])).facts["fleetsync_gap_oldest_opened_timestamp_seconds"]

    assert found == {("masen", "stale", "open"): days[1].timestamp()}
    assert alone == {}


def test_a_unit_is_named_with_its_first_code_and_its_forms(town: RecordsBuilder) -> None:
    series = set(town.shown().facts["fleetsync_unit_info"])

    assert ("ekskolan", "Ekskolan", "ek", "GR") in series
    assert ("bjorkskolan", "Björkskolan", "bj", "FKLASS,GR") in series
    assert (UNPLACED, "Utan enhet", "", "") in series


def test_a_unit_is_published_or_on_trial_and_unplaced_is_neither(town: RecordsBuilder) -> None:
    assert town.shown().facts["fleetsync_unit_published"] == {
        ("bjorkskolan",): 1.0, ("ekskolan",): 0.0, ("masen",): 0.0, ("ugglan",): 0.0, (CENTRAL,): 0.0,
    }  # fmt: skip


def test_the_end_of_a_calendar_is_left_out_where_none_is_known(town: RecordsBuilder) -> None:
    schools = Calendars(default=CALENDARS.default)
    ends = of(town.outcome(), schools).facts["fleetsync_calendar_end_timestamp_seconds"]
    last_second = datetime(2027, 6, 10, 21, 59, 59, tzinfo=UTC).timestamp()

    assert ends == {("bjorkskolan",): last_second, ("ekskolan",): last_second, (CENTRAL,): last_second}
    nothing = of(town.outcome(), Calendars())
    assert nothing.facts["fleetsync_calendar_end_timestamp_seconds"] == {}


# --- a few without a unit ---------------------------------------------------------------------------------------------


def person_state(number: int, unit: str = UNPLACED, **said: Any) -> PersonState:
    decision = EntitlementDecision(entitlement="staff", reason=WHY, **{"owed": False, **said})
    return PersonState(person=f"p{number}", unit=unit, decisions=(decision,))


@pytest.mark.parametrize("said", [{"owed": True}, {"undecided": True}, {"on_leave": True}])
def test_fewer_than_five_without_a_unit_are_too_few(said: dict[str, Any]) -> None:
    four = [person_state(number, **said) for number in range(4)]

    assert entitlements_with_few_unplaced(four) == {"staff"}
    assert entitlements_with_few_unplaced([*four, person_state(5, **said)]) == frozenset()
    assert entitlements_with_few_unplaced([*four, person_state(5, "masen", **said), person_state(6)]) == {"staff"}
    assert entitlements_with_few_unplaced([person_state(7)]) == frozenset()


@given(st.sampled_from([UNPLACED, CENTRAL, "masen"]), st.sampled_from(["staff", "pupils"]))
def test_only_the_few_without_a_unit_are_shown_elsewhere(unit: str, entitlement: str) -> None:
    at = shown_unit(unit, entitlement, frozenset({"staff"}))

    assert at == (CENTRAL if (unit, entitlement) == (UNPLACED, "staff") else unit)


def test_an_undecided_person_opens_from_where_he_is_counted(town: RecordsBuilder) -> None:
    town.pupil("alva", at=None, year=None)
    found = town.shown()

    (row,) = found.rows("fleetsync_undecided", (CENTRAL, "pupils"))

    assert (row.unit, row.subject, row.reason.en) == (CENTRAL, Subject.PERSON, "The year is missing (GR)")


def test_an_empty_town_is_shown() -> None:
    assert not shown(BelievedState()).rows("fleetsync_entitled", ("masen", "staff"))
