"""The plan as it is shipped."""

from datetime import date, timedelta

import pytest

from fleetsync.core.calendar import TEN_YEAR_SCHOOL_FROM
from fleetsync.core.coverage import build_context
from fleetsync.core.entitlement import MODES, RULES
from fleetsync.core.model import BelievedState, EmploymentForm, EntitlementMode, Policy, Subject
from tests.core.entitlement.entitlement_samples import CALENDARS, TODAY, context_of, moment


@pytest.mark.parametrize("day", [date(2026, 11, 24), date(2028, 6, 30), TEN_YEAR_SCHOOL_FROM, date(2031, 1, 1)])
def test_the_plan_has_three_rules_on_any_day_asked_in_this_order(day: date) -> None:
    assert [rule.id for rule in context_of((), day.isoformat()).rules] == ["staff", "pupils", "preschool"]


def test_two_rules_of_one_id_are_never_valid_on_one_day() -> None:
    before, after = (rule for rule in RULES if rule.id == "preschool")

    assert before.valid_to == TEN_YEAR_SCHOOL_FROM - timedelta(days=1)
    assert after.valid_from == TEN_YEAR_SCHOOL_FROM


def test_every_rule_says_where_in_the_plan_it_stands() -> None:
    assert all("Säkerställa tillgång till IT-baserade verksamhetslösningar" in rule.origin for rule in RULES)


def test_staff_and_pupils_are_owed_by_head_and_children_five_to_a_device() -> None:
    by_id = {rule.id: rule for rule in RULES}

    assert by_id["staff"].mode is by_id["pupils"].mode is EntitlementMode.PER_HEAD
    assert (by_id["preschool"].mode, by_id["preschool"].per) == (EntitlementMode.POOL, 5)
    assert EmploymentForm.HOURLY not in by_id["staff"].who.employment


def test_a_policy_without_rules_has_none_in_force() -> None:
    assert build_context(BelievedState(), Policy(), CALENDARS, moment(TODAY)).rules == ()


# --- modes ------------------------------------------------------------------------------------------------------------


def test_every_mode_has_an_entry_with_a_sentence_in_both_languages() -> None:
    assert list(MODES) == list(EntitlementMode)
    assert all(mode.sentence.sv and mode.sentence.en for mode in MODES.values())


def test_a_sentence_names_only_what_the_page_fills_in() -> None:
    filled = {"n": 1, "per": 5, "where": "per unit"}

    for mode in MODES.values():
        assert "{" not in mode.sentence.sv.format(**filled) + mode.sentence.en.format(**filled)


def test_every_mode_is_served_by_something_and_takes_one_way_to_set_a_number() -> None:
    assert all(mode.served_by for mode in MODES.values())
    assert all(mode.takes_per is not mode.takes_devices for mode in MODES.values())
    assert [mode.owes for mode in MODES.values()] == [Subject.PERSON, Subject.PERSON, Subject.POOL]
