"""Which employments entitle: their form, their length by the month, what joins them and what they count on for."""

from datetime import date

import pytest
from msgspec.structs import replace

from fleetsync.core.entitlement import RULES
from fleetsync.core.model import BelievedRecord, EmploymentForm
from tests.core.entitlement.entitlement_samples import (
    FIXED,
    HOURLY,
    PERMANENT,
    absent_since_fields,
    day,
    decision,
    employed,
    enrolled,
    owed_by,
    parts,
    person_state_of,
)


def reason(*ties: BelievedRecord, on: str = "2026-11-24") -> str:
    return decision(person_state_of(*ties, on=on), "staff").reason.en


@pytest.mark.parametrize(
    ("start", "end", "is_owed"),
    [
        ("2026-08-10", "2026-11-09", False),  # exactly three months
        ("2026-08-10", "2026-11-10", True),
        ("2026-11-30", "2027-02-27", False),  # clipped to the month's end
        ("2026-11-30", "2027-02-28", True),
        ("2026-08-10", None, True),
    ],
)
def test_a_fixed_term_entitles_from_its_first_day_when_it_is_planned_for_more_than_three_months(
    start: str, end: str | None, is_owed: bool
) -> None:
    assert is_owed == (owed_by(person_state_of(employed(FIXED, start, end), on=start)) == "staff")


def test_a_permanent_employee_is_owed_one_device_and_the_reason_cites_the_day() -> None:
    person_state = person_state_of(employed(PERMANENT, "2019-08-12"))

    assert person_state.owed is not None
    assert (person_state.owed.entitlement, person_state.owed.count, person_state.owed.decidable) == ("staff", 1, True)
    assert person_state.owed.reason.en == "Permanent from 2019-08-12"
    assert person_state.owed.reason.sv == "Tillsvidareanställd från 2019-08-12"


def test_a_permanent_employee_whose_first_day_is_unknown_is_owed_too() -> None:
    assert reason(employed(PERMANENT, None)) == "Permanent from an unknown day"


def test_hourly_is_never_owed_not_even_by_a_rule_that_lists_it() -> None:
    staff = replace(RULES[0], who=replace(RULES[0].who, employment=(HOURLY,)))

    assert owed_by(person_state_of(employed(HOURLY, "2020-01-01"), rules=[staff])) is None
    assert reason(employed(HOURLY, "2020-01-01")) == "Paid by the hour from 2020-01-01"


def test_a_form_that_the_rule_does_not_name_is_out_and_decided() -> None:
    result = decision(person_state_of(employed(EmploymentForm.OTHER, "2020-01-01")), "staff")

    assert (result.owed, result.undecided) == (False, False)
    assert result.reason.en == "The form of employment is not included, from 2020-01-01"


def test_a_rule_without_forms_takes_any_but_hourly_and_unknown() -> None:
    staff = replace(RULES[0], who=replace(RULES[0].who, employment=()))

    assert owed_by(person_state_of(employed(EmploymentForm.OTHER, "2020-01-01"), rules=[staff])) == "staff"
    assert owed_by(person_state_of(employed(EmploymentForm.UNKNOWN, "2020-01-01"), rules=[staff])) is None


def test_an_unknown_form_is_undecided_and_owes_nothing() -> None:
    person_state = person_state_of(employed(EmploymentForm.UNKNOWN, "2020-01-01"))

    assert decision(person_state, "staff").undecided
    assert person_state.owed is None
    assert person_state.unit == "ekskolan"


def test_beside_a_known_employment_an_unknown_one_does_not_matter() -> None:
    person_state = person_state_of(employed(EmploymentForm.UNKNOWN, "2020-01-01"), employed(PERMANENT, "2021-01-01"))

    assert owed_by(person_state) == "staff"
    assert not decision(person_state, "staff").undecided


@pytest.mark.parametrize(("end", "is_owed"), [(None, True), ("2026-11-09", False), ("2026-11-10", True)])
def test_a_roster_without_the_field_is_judged_by_its_dates(end: str | None, is_owed: bool) -> None:
    assert is_owed == (owed_by(person_state_of(employed(None, "2026-08-10", end), on="2026-11-01")) == "staff")


def test_an_open_end_without_the_field_is_said_to_be_one() -> None:
    assert reason(employed(None, "2026-08-10")) == "Employed from 2026-08-10 with no last day"


def test_a_fixed_term_whose_first_day_is_unknown_is_undecided() -> None:
    result = decision(person_state_of(employed(FIXED, None, "2027-06-10")), "staff")

    assert (result.undecided, result.reason.en) == (True, "Fixed term until 2027-06-10, first day unknown")


def test_nobody_is_employed_before_the_first_day_and_after_the_last() -> None:
    term = employed(FIXED, "2026-08-10", "2026-11-30")

    assert reason(term, on="2026-08-09") == "No employment"
    assert owed_by(person_state_of(term, on="2026-11-30")) == "staff"
    assert owed_by(person_state_of(term, on="2026-12-01")) is None


# --- adjoining terms --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("resumes", "is_owed"), [("2026-10-08", True), ("2026-10-09", False)])
def test_terms_are_joined_over_at_most_seven_free_days(resumes: str, is_owed: bool) -> None:
    terms = employed(FIXED, "2026-09-01", "2026-09-30"), employed(FIXED, resumes, "2026-12-10")

    assert is_owed == (owed_by(person_state_of(*terms, on="2026-11-01")) == "staff")


def test_joined_terms_count_in_the_days_between_and_are_one_stretch() -> None:
    terms = employed(FIXED, "2026-09-01", "2026-09-30"), employed(FIXED, "2026-10-08", "2026-12-10")
    person_state = person_state_of(*terms, on="2026-10-03")

    assert decision(person_state, "staff").reason.en == (
        "Fixed term 2026-09-01–2026-12-10, longer than 3 months (adjoining terms)"
    )
    assert (person_state.began_on, person_state.ends_on) == (date(2026, 9, 1), date(2026, 12, 10))


def test_a_term_that_is_within_another_joins_what_follows_the_longer_one() -> None:
    terms = (
        employed(FIXED, "2026-09-01", "2026-10-31"),
        employed(FIXED, "2026-09-10", "2026-09-20"),
        employed(FIXED, "2026-11-03", "2026-12-10", at="bj"),
    )

    assert owed_by(person_state_of(*terms, on="2026-12-01")) == "staff"


def test_another_principals_employment_lengthens_none_of_ours() -> None:
    ours = employed(FIXED, "2026-11-01", "2026-12-18", at="bj")

    for theirs in (
        employed(PERMANENT, "2020-01-01", at="friskolan"),
        employed(FIXED, "2026-08-10", "2026-10-31", at="friskolan"),
    ):
        assert owed_by(person_state_of(theirs, ours, on="2026-12-01")) is None
    assert (
        owed_by(person_state_of(employed(FIXED, "2026-08-10", "2026-10-31", at="ek"), ours, on="2026-12-01")) == "staff"
    )


def test_a_short_term_beside_an_open_employment_stays_short_and_moves_nobody() -> None:
    person_state = person_state_of(
        employed(PERMANENT, "2020-01-01", at="ek", share=0.4),
        employed(FIXED, "2026-11-01", "2026-12-18", at="bj", share=0.6),
        on="2026-12-01",
    )

    assert (owed_by(person_state), person_state.unit, person_state.ends_on) == ("staff", "ekskolan", None)


def test_terms_are_joined_over_the_summer_break_when_the_next_is_registered() -> None:
    terms = employed(FIXED, "2026-04-01", "2026-06-09"), employed(FIXED, "2026-08-19", "2026-10-01")

    assert owed_by(person_state_of(*terms, on="2026-07-15")) == "staff"
    assert owed_by(person_state_of(*terms, on="2026-09-01")) == "staff"
    assert owed_by(person_state_of(terms[0], on="2026-05-01")) is None
    assert owed_by(person_state_of(terms[1], on="2026-09-01")) is None


def test_a_break_that_is_no_summer_break_joins_nothing() -> None:
    terms = employed(FIXED, "2026-10-01", "2026-12-18"), employed(FIXED, "2027-01-11", "2027-03-01")

    assert owed_by(person_state_of(*terms, on="2027-02-01")) is None


def test_at_a_unit_that_has_no_summer_break_only_the_free_days_count() -> None:
    terms = employed(FIXED, "2026-04-01", "2026-06-11", at="ug"), employed(FIXED, "2026-08-17", "2026-10-01", at="ug")

    assert owed_by(person_state_of(*terms, on="2026-09-01")) is None


def test_hourly_work_joins_nothing() -> None:
    terms = employed(FIXED, "2026-10-01", "2026-11-30"), employed(HOURLY, "2026-12-01", "2027-03-01")

    assert owed_by(person_state_of(*terms, on="2026-11-01")) is None


def test_a_term_that_vanished_before_it_began_joins_nothing() -> None:
    terms = (
        employed(FIXED, "2026-10-01", "2026-11-30"),
        employed(FIXED, "2026-12-01", "2027-03-01", **absent_since_fields("2026-11-10")),
    )

    assert owed_by(person_state_of(*terms, on="2026-11-20")) is None


# --- may return -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["2026-05-28", "2026-06-11", "2026-06-25"])
def test_a_fixed_term_that_ends_near_the_last_school_day_counts_until_ten_school_days_into_the_term(end: str) -> None:
    term = employed(FIXED, "2026-01-08", end)

    assert person_state_of(term, on="2026-05-01").may_return
    assert owed_by(person_state_of(term, on="2026-08-28")) == "staff"
    gone = person_state_of(term, on="2026-08-29")
    assert (owed_by(gone), gone.ended_on, gone.counted) == (None, day(end), False)


@pytest.mark.parametrize("end", ["2026-05-27", "2026-06-26"])
def test_a_fixed_term_that_ends_further_from_it_just_ends(end: str) -> None:
    assert not person_state_of(employed(FIXED, "2026-01-08", end), on="2026-05-01").may_return
    assert owed_by(person_state_of(employed(FIXED, "2026-01-08", end), on="2026-07-01")) is None


def test_the_reason_names_the_last_school_day_and_until_when() -> None:
    assert reason(employed(FIXED, "2026-01-08", "2026-06-12"), on="2026-07-01") == (
        "Fixed term 2026-01-08–2026-06-12, longer than 3 months; "
        "ends near the last school day 2026-06-11 and counts until 2026-08-28"
    )


def test_a_permanent_employee_who_leaves_in_june_may_not_return() -> None:
    person_state = person_state_of(employed(PERMANENT, "2019-08-12", "2026-06-11"), on="2026-07-01")

    assert (person_state.may_return, owed_by(person_state), person_state.ended_on) == (False, None, date(2026, 6, 11))


def test_an_employee_without_form_and_end_in_the_roster_may_not_return_when_they_vanish_in_june() -> None:
    person_state = person_state_of(
        employed(None, "2020-08-10", None, **absent_since_fields("2026-06-15")), on="2026-07-20"
    )

    assert (person_state.may_return, owed_by(person_state), person_state.ended_on) == (False, None, date(2026, 6, 14))


def test_an_open_employment_beside_it_ends_nothing() -> None:
    person_state = person_state_of(
        employed(FIXED, "2026-01-08", "2026-06-11"), employed(PERMANENT, "2026-02-01"), on="2026-05-01"
    )

    assert (person_state.may_return, person_state.ends_on) == (False, None)


# --- leave ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("leave", "is_on_leave"),
    [
        ({"leave_from": "2026-11-01", "leave_to": "2026-11-24"}, True),
        ({"leave_from": "2026-11-01", "leave_to": "2026-11-23"}, False),
        ({"leave_from": "2026-11-25"}, False),
        ({"leave_from": "2026-11-24"}, True),
        ({"leave_to": "2026-11-24"}, True),
    ],
)
def test_leave_is_apart_on_its_days_and_an_end_that_is_missing_is_open(
    leave: dict[str, str], is_on_leave: bool
) -> None:
    person_state = person_state_of(employed(PERMANENT, "2019-08-12", **leave))
    result = decision(person_state, "staff")

    assert (result.on_leave, result.owed) == (is_on_leave, not is_on_leave)
    assert person_state.unit == "ekskolan"


def test_leave_may_be_owed_by_policy_and_the_reason_cites_its_days() -> None:
    staff = replace(RULES[0], on_leave="owed")
    person_state = person_state_of(
        employed(PERMANENT, "2019-08-12", leave_from="2026-11-01", leave_to="2027-01-31"), rules=[staff]
    )

    assert person_state.owed is not None
    assert person_state.owed.reason.en == "Permanent from 2019-08-12; on leave 2026-11-01–2027-01-31"
    assert not decision(person_state, "staff").on_leave


def test_leave_from_one_of_two_employments_is_none() -> None:
    person_state = person_state_of(
        employed(PERMANENT, "2019-08-12", leave_from="2026-11-01"), employed(PERMANENT, "2020-01-01", at="bj")
    )

    assert (owed_by(person_state), person_state.unit) == ("staff", "bjorkskolan")


def test_leave_does_not_make_somebody_owed_who_is_not() -> None:
    result = decision(person_state_of(employed(FIXED, "2026-11-01", "2026-12-01", leave_from="2026-11-01")), "staff")

    assert (result.owed, result.on_leave) == (False, False)


def test_somebody_on_leave_who_is_owed_by_another_rule_is_not_on_leave_too() -> None:
    person_state = person_state_of(
        employed(PERMANENT, "2019-08-12", leave_from="2026-11-01"), enrolled("GR", 5, "2026-08-17")
    )

    assert owed_by(person_state) == "pupils"
    assert not decision(person_state, "staff").on_leave
    assert decision(person_state, "staff").reason.en == "Already owed by pupils"


# --- what a source has not said ---------------------------------------------------------------------------------------


def test_an_end_is_believed_when_the_roster_has_been_read_with_later_content() -> None:
    term = employed(FIXED, "2026-01-08", "2026-10-31")

    held = person_state_of(term, on="2026-11-24", read=parts("2026-11-24", hr="2026-10-31"))
    assert (owed_by(held), held.ended_on) == ("staff", None)
    assert decision(held, "staff").reason.en.endswith("ended 2026-10-31, counts on: its source has shown nothing newer")

    state = person_state_of(term, on="2026-11-24", read=parts("2026-11-24", hr="2026-11-01"))
    assert (owed_by(state), state.ended_on) == (None, date(2026, 10, 31))


def test_a_file_for_each_unit_speaks_for_its_own_rows() -> None:
    term = employed(FIXED, "2026-01-08", "2026-10-31", scope="ek")
    read = [replace(part, scope_as_of={"ek": day("2026-11-15")}) for part in parts("2026-10-01")]

    assert person_state_of(term, read=read).ended_on == date(2026, 10, 31)
    assert person_state_of(term, read=[replace(part, scope_as_of={}) for part in read]).ended_on is None


def test_a_part_that_was_never_read_ends_nothing() -> None:
    read = [replace(part, as_of=None) for part in parts("2026-11-24")]

    assert owed_by(person_state_of(employed(FIXED, "2026-01-08", "2026-10-31"), read=read)) == "staff"


def test_after_the_days_of_a_may_return_a_silent_roster_is_named_as_the_reason() -> None:
    person_state = person_state_of(
        employed(FIXED, "2026-01-08", "2026-06-11"), on="2026-09-15", read=parts("2026-09-15", hr="2026-06-01")
    )

    assert decision(person_state, "staff").reason.en.endswith("its source has shown nothing newer")


def test_an_absent_row_counts_within_grace_and_a_gone_one_ended_the_day_before_it_was_missed() -> None:
    absent = employed(PERMANENT, "2019-08-12", absent_since=absent_since_fields("2026-11-20")["absent_since"])
    gone = employed(PERMANENT, "2019-08-12", **absent_since_fields("2026-11-20"))

    assert owed_by(person_state_of(absent)) == "staff"
    assert (owed_by(person_state_of(gone)), person_state_of(gone).ended_on) == (None, date(2026, 11, 19))


def test_a_gone_row_that_had_ended_before_keeps_its_end() -> None:
    gone = employed(PERMANENT, "2019-08-12", "2026-10-31", **absent_since_fields("2026-11-20"))

    assert person_state_of(gone).ended_on == date(2026, 10, 31)


def test_a_gone_row_of_which_nobody_says_when_it_was_missed_keeps_its_days() -> None:
    assert owed_by(person_state_of(employed(PERMANENT, "2019-08-12", gone=True))) == "staff"
