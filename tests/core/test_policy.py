"""When a rule is in force, and when its id is withdrawn."""

from datetime import date

from msgspec.structs import replace

from fleetsync.core.entitlement import RULES
from fleetsync.core.model import Policy

STAFF = RULES[0]


def test_a_rule_without_a_successor_is_withdrawn_the_day_after_its_end() -> None:
    policy = Policy(entitlements=(replace(STAFF, valid_to=date(2027, 6, 30)),))

    assert policy.withdrawn_from(STAFF.id) == date(2027, 7, 1)


def test_a_rule_with_a_successor_is_not_withdrawn() -> None:
    ended = replace(STAFF, valid_to=date(2027, 6, 30))
    policy = Policy(entitlements=(ended, replace(STAFF, valid_from=date(2027, 7, 1))))

    assert policy.withdrawn_from(STAFF.id) is None
    assert policy.withdrawn_from("no-such-rule") is None
