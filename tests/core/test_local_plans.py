"""Which plan is in force, and what a plan would lower."""

from typing import Any

import pytest
from msgspec.structs import replace

from fleetsync.core.entitlement import RULES
from fleetsync.core.local_plans import fields_lowered, raised_by
from fleetsync.core.model import Entitlement, FormFactor, LocalRaise, Platform

PUPILS, PRESCHOOL = RULES[1], RULES[2]
WINDOWS_OR_MACOS = replace(PUPILS, platforms=(Platform.WINDOWS, Platform.MACOS))
TWO_AT_NINETY = replace(PUPILS, devices=2, target=0.9)


@pytest.mark.parametrize(
    ("rule", "raised", "lowered"),
    [
        (TWO_AT_NINETY, {"devices": 1, "target": 0.8}, ["devices", "target"]),
        (TWO_AT_NINETY, {"devices": 2, "target": 0.9}, []),
        (TWO_AT_NINETY, {"devices": 3, "target": 1.0}, []),
        (PRESCHOOL, {"per": 6}, ["per"]),
        (PRESCHOOL, {"per": 5}, []),
        (PRESCHOOL, {"per": 1}, []),
        (PUPILS, {"platforms": (Platform.WINDOWS,)}, []),
        (WINDOWS_OR_MACOS, {"platforms": (Platform.WINDOWS,)}, []),
        (WINDOWS_OR_MACOS, {"platforms": (Platform.WINDOWS, Platform.IPADOS)}, ["platforms"]),
        (WINDOWS_OR_MACOS, {"platforms": ()}, ["platforms"]),
        (PUPILS, {"form_factors": (FormFactor.COMPUTER,)}, []),
        (PUPILS, {"form_factors": (FormFactor.COMPUTER, FormFactor.PHONE)}, ["form_factors"]),
    ],
)
def test_what_promises_less_is_named_and_what_promises_as_much_is_not(
    rule: Entitlement, raised: dict[str, Any], lowered: list[str]
) -> None:
    assert list(fields_lowered(rule, LocalRaise(entitlement=rule.id, **raised))) == lowered


def test_without_a_plan_the_rule_is_the_municipalitys_own() -> None:
    assert raised_by(PUPILS, None) is PUPILS
