"""The plan as it is shipped."""

from datetime import date, timedelta

import pytest

from fleetsync.core.calendar import TEN_YEAR_SCHOOL_FROM
from fleetsync.core.entitlement import RULES, rules_in_force
from fleetsync.core.model import EmploymentForm, EntitlementMode, Policy
from tests.core.entitlement.entitlement_samples import policy


@pytest.mark.parametrize("day", [date(2026, 11, 24), date(2028, 6, 30), TEN_YEAR_SCHOOL_FROM, date(2031, 1, 1)])
def test_the_plan_has_three_rules_on_any_day_asked_in_this_order(day: date) -> None:
    assert [rule.id for rule in rules_in_force(policy(), day)] == ["staff", "pupils", "preschool"]


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
    assert rules_in_force(Policy(), date(2026, 11, 24)) == ()
