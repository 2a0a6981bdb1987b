"""Which enrolments and placements entitle: form, year and unit, and which of several counts."""

from datetime import date

import pytest
from msgspec.structs import replace

from fleetsync.core.entitlement import KNOWN_FORMS, RULES
from fleetsync.core.model import EntitlementMode
from tests.core.entitlement.entitlement_samples import (
    decision,
    employed,
    enrolled,
    owed_by,
    parts,
    person_state_of,
    placed,
    pooled_by,
)

PUPILS = RULES[1]


@pytest.mark.parametrize("form", ["GR", "GRAN", "GRS", "TR", "SP", "SAM", " gr "])
def test_a_pupil_of_years_1_to_9_is_owed_a_device(form: str) -> None:
    person_state = person_state_of(enrolled(form, 5, "2024-08-19"))

    assert person_state.owed is not None
    assert (person_state.owed.entitlement, person_state.grade_index, person_state.school_form) == (
        "pupils",
        5,
        form.strip().upper(),
    )
    assert person_state.owed.reason.en == f"Attends {form.strip().upper()} from 2024-08-19, year 5"


@pytest.mark.parametrize(("year", "is_owed"), [(0, False), (1, True), (9, True), (10, False)])
def test_the_years_of_the_rule_have_borders(year: int, is_owed: bool) -> None:
    person_state = person_state_of(enrolled("GR", year, "2024-08-19"))

    assert is_owed == (owed_by(person_state) == "pupils")
    assert not decision(person_state, "pupils").undecided


def test_a_year_outside_of_the_rule_is_named() -> None:
    assert (
        decision(person_state_of(enrolled("SP", 10, "2024-08-19")), "pupils").reason.en
        == "Year 10 is not included (SP)"
    )


@pytest.mark.parametrize(("year", "owner"), [(1, "preschool"), (2, "pupils"), (10, "pupils"), (11, None)])
def test_in_the_ten_year_school_a_label_is_one_higher_for_the_same_age(year: int, owner: str | None) -> None:
    person_state = person_state_of(enrolled("GR", year, "2028-08-21"), on="2028-09-01")

    assert owner in (owed_by(person_state), pooled_by(person_state))
    assert (owed_by(person_state), pooled_by(person_state)).count(None) == (1 if owner else 2)


@pytest.mark.parametrize("form", ["FS", "FKLASS"])
def test_children_are_owed_by_their_pool_before_and_after_the_ten_year_school(form: str) -> None:
    for on in ("2028-06-30", "2028-07-01"):
        person_state = person_state_of(placed("2026-08-17", form=form), on=on)
        assert (owed_by(person_state), pooled_by(person_state), person_state.is_child) == (None, "preschool", True)


def test_forskoleklass_is_judged_by_its_form_whatever_its_year() -> None:
    for year in (None, 0, 1):
        person_state = person_state_of(enrolled("FKLASS", year, "2026-08-17"))
        assert (pooled_by(person_state), person_state.grade_index) == ("preschool", 0)


def test_a_child_of_forskola_has_no_grade_index() -> None:
    assert person_state_of(placed("2026-08-17")).grade_index is None


@pytest.mark.parametrize(
    ("form", "year", "reason"),
    [
        (None, 5, "The school form is missing"),
        ("FSK", 5, "School form FSK is unknown"),
        ("GR", None, "The year is missing (GR)"),
        ("GR", 12, "Year 12 is unknown (GR)"),
        ("GR", -1, "Year -1 is unknown (GR)"),
    ],
)
def test_what_is_unknown_is_undecided_by_the_pupils_rule_and_owes_nothing(
    form: str | None, year: int | None, reason: str
) -> None:
    person_state = person_state_of(enrolled(form, year, "2024-08-19"))

    assert person_state.owed is None
    assert decision(person_state, "pupils").undecided
    assert decision(person_state, "pupils").reason.en == reason
    assert [decision.entitlement for decision in person_state.decisions if decision.undecided] == ["pupils"]


def test_a_rule_asked_later_says_who_has_it_undecided() -> None:
    person_state = person_state_of(enrolled("FSK", 5, "2024-08-19"))

    assert decision(person_state, "preschool").reason.en == "Already undecided by pupils"


def test_a_placement_of_unknown_form_is_undecided_by_the_preschool_rule() -> None:
    person_state = person_state_of(placed("2024-08-19", form=None))

    assert decision(person_state, "preschool").undecided
    assert decision(person_state, "pupils").reason.en == "No enrolment"


def test_somebody_with_nothing_is_told_so_by_each_rule() -> None:
    person_state = person_state_of(enrolled("GR", 5, "2027-08-16"))

    assert [decision.reason.en for decision in person_state.decisions] == [
        "No employment",
        "No enrolment",
        "No placement or enrolment",
    ]


@pytest.mark.parametrize("form", ["FTH", "OPPFTH", "PC", "GY", "VUX", "KU"])
def test_other_forms_are_known_and_entitle_nobody(form: str) -> None:
    person_state = person_state_of(enrolled(form, 1, "2024-08-19"))

    assert person_state.owed is None
    assert not any(decision.undecided or decision.owed for decision in person_state.decisions)
    assert person_state.counted


def test_a_form_that_a_rule_names_is_known() -> None:
    rule = replace(PUPILS, who=replace(PUPILS.who, school_forms=("NY",)))

    assert "NY" not in KNOWN_FORMS
    assert owed_by(person_state_of(enrolled("NY", 1, "2024-08-19"), rules=[rule])) == "pupils"


def test_a_rule_for_any_form_with_years_leaves_out_forms_without_years_and_those_below() -> None:
    rule = replace(PUPILS, who=replace(PUPILS.who, school_forms=(), highest_grade_index=None))

    assert owed_by(person_state_of(enrolled("GY", 1, "2024-08-19", at="ce"), rules=[rule])) == "pupils"
    fritids = decision(person_state_of(enrolled("FTH", 1, "2024-08-19"), rules=[rule]), "pupils")
    assert (fritids.owed, fritids.reason.en) == (False, "School form FTH is not included")
    below = decision(person_state_of(enrolled("FS", None, "2024-08-19"), rules=[rule]), "pupils")
    assert (below.owed, below.reason.en) == (False, "School form FS is not included")


def test_a_fritidshem_beside_changes_nothing() -> None:
    person_state = person_state_of(enrolled("GR", 2, "2024-08-19"), enrolled("FTH", None, "2026-08-17"))

    assert (owed_by(person_state), person_state.school_form) == ("pupils", "GR")


# --- which of several -------------------------------------------------------------------------------------------------


def test_of_two_active_enrolments_the_later_start_counts() -> None:
    person_state = person_state_of(enrolled("GR", 4, "2024-08-19", at="ek"), enrolled("GR", 5, "2026-10-01", at="bj"))

    assert (person_state.unit, person_state.grade_index, person_state.began_on) == ("bjorkskolan", 5, date(2026, 10, 1))


def test_a_person_who_has_moved_to_another_school_is_no_pupil_though_their_old_row_is_open() -> None:
    going_on = person_state_of(enrolled("GR", 9, "2024-08-19", at="ek"), enrolled("GY", 1, "2026-08-17", at="bj"))
    beside = person_state_of(enrolled("GR", 4, "2024-08-19", at="ek"), enrolled("KU", None, "2026-08-17", at="bj"))

    assert (owed_by(going_on), owed_by(beside)) == (None, "pupils")


def test_an_enrolment_without_a_first_day_began_earliest() -> None:
    person_state = person_state_of(enrolled("GR", 4, None, at="bj"), enrolled("GR", 5, "2026-10-01", at="ek"))

    assert person_state.unit == "ekskolan"
    alone = person_state_of(enrolled("GR", 4, None))
    assert (alone.began_on, decision(alone, "pupils").reason.en) == (None, "Attends GR from an unknown day, year 4")


def test_at_equal_starts_the_lowest_slug_counts_and_one_that_maps_nowhere_last() -> None:
    same = [enrolled("GR", 4, "2026-08-17", at=at) for at in ("ek", "bj", "aa")]

    assert person_state_of(*same).unit == "bjorkskolan"
    assert person_state_of(same[2], same[0]).unit == "ekskolan"


def test_a_child_who_begins_school_is_a_pupil_when_the_later_row_says_so() -> None:
    person_state = person_state_of(enrolled("FKLASS", None, "2025-08-18"), enrolled("GR", 1, "2026-08-17"))

    assert (owed_by(person_state), pooled_by(person_state), person_state.is_child) == ("pupils", None, False)
    assert decision(person_state, "preschool").reason.en == "School form GR is not included"


def test_a_child_with_a_place_and_a_year_is_owed_by_the_first_rule_alone() -> None:
    person_state = person_state_of(placed("2024-08-19"), enrolled("GR", 1, "2026-08-17"))

    assert owed_by(person_state) == "pupils"
    assert decision(person_state, "preschool").reason.en == "Already owed by pupils"
    assert not person_state.is_child


def test_a_teacher_who_is_enrolled_too_is_owed_once() -> None:
    person_state = person_state_of(employed(None, "2020-01-01"), enrolled("GR", 9, "2026-08-17"))

    assert owed_by(person_state) == "staff"
    assert decision(person_state, "pupils").reason.en == "Already owed by staff"


# --- whose unit -------------------------------------------------------------------------------------------------------


def test_a_unit_of_another_principal_entitles_nobody() -> None:
    person_state = person_state_of(enrolled("GR", 4, "2024-08-19", at="friskolan"))

    assert decision(person_state, "pupils").reason.en == "The unit is another principal's"
    assert (person_state.owed, person_state.counted, person_state.unit) == (None, False, "unplaced")


def test_who_moved_to_another_principal_on_a_day_that_nobody_knows_has_left_on_none() -> None:
    person_state = person_state_of(enrolled("GR", 4, None, at="zz"), enrolled("GR", 4, None, at="friskolan"))

    assert (person_state.owed, person_state.counted, person_state.ended_on) == (None, False, None)


def test_a_pupil_who_moved_to_another_principal_has_left_the_day_before_though_the_old_row_is_open() -> None:
    person_state = person_state_of(enrolled("GR", 4, "2024-08-19"), enrolled("GR", 5, "2026-10-01", at="friskolan"))

    assert (person_state.owed, person_state.counted) == (None, False)
    assert (person_state.ended_on, person_state.unit) == (date(2026, 9, 30), "ekskolan")


def test_what_maps_nowhere_is_owed_without_a_unit() -> None:
    person_state = person_state_of(enrolled("GR", 4, "2024-08-19", at="zz"))

    assert person_state.owed is not None
    assert (person_state.owed.unit, person_state.unit_reason.en) == ("unplaced", "No unit is known")


def test_a_rule_for_some_units_owes_nobody_elsewhere() -> None:
    rules = [replace(PUPILS, id="bjork", units=("bjorkskolan",), devices=2), PUPILS]

    here = person_state_of(enrolled("GR", 4, "2024-08-19", at="bj"), rules=rules)
    assert here.owed is not None
    assert (here.owed.entitlement, here.owed.count) == ("bjork", 2)
    there = person_state_of(enrolled("GR", 4, "2024-08-19"), rules=rules)
    assert (owed_by(there), decision(there, "bjork").reason.en) == ("pupils", "The rule is for other units")


def test_what_a_rule_for_other_units_does_not_ask_is_undecided_by_the_next() -> None:
    rules = [replace(PUPILS, id="bjork", units=("bjorkskolan",)), PUPILS]
    person_state = person_state_of(enrolled("GR", None, "2024-08-19"), rules=rules)

    assert [decision.entitlement for decision in person_state.decisions if decision.undecided] == ["pupils"]


def test_a_personal_rule_owes_by_head_too() -> None:
    person_state = person_state_of(
        enrolled("GR", 4, "2024-08-19"), rules=[replace(PUPILS, mode=EntitlementMode.PERSONAL)]
    )

    assert owed_by(person_state) == "pupils"


def test_an_enrolment_that_ended_counts_until_its_register_has_been_read_later() -> None:
    row = enrolled("GR", 4, "2024-08-19", "2026-10-31")

    assert owed_by(person_state_of(row, read=parts("2026-11-24", sis="2026-10-31"))) == "pupils"
    assert owed_by(person_state_of(row)) is None
