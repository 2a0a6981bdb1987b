"""A policy in a file of its own takes the place of the configured one, table by table, and is checked as strictly."""

from datetime import date
from pathlib import Path

import pytest

from fleetsync.settings import Settings, SettingsError, load, read_proposed_policy, untried_name_patterns

CONFIG = """
[staleness]
stale_after_school_days = 10
[[source]]
kind = "device_file"
name = "lists"
[[unit]]
slug = "ekskolan"
name = "Ekskolan"
[[device_rule]]
when = { name = "EK-*" }
purpose = "room"
"""
RULE = """
[[entitlement]]
id = "staff"
title = "Personal"
origin = "IT-plan 4.1"
mode = "per_head"
valid_to = 2027-06-30
[entitlement.who]
memberships = ["employment"]
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "config.toml"
    file.write_text(CONFIG, encoding="utf-8")
    return load(file, environ={})


def proposed(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "policy.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_its_tables_replace_those_of_the_configuration_and_the_others_stay(settings: Settings, tmp_path: Path) -> None:
    policy = read_proposed_policy(settings, proposed(tmp_path, RULE))

    assert [rule.id for rule in policy.entitlements] == ["staff"]
    assert policy.withdrawn_from("staff") == date(2027, 7, 1)
    assert policy.staleness.stale_after_school_days == 10
    assert [unit.slug for unit in policy.units] == ["ekskolan"]
    assert policy.fingerprint != settings.policy.fingerprint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[web]\nlisten = '127.0.0.1:1'", "policy.toml: [web] is no part of a policy"),
        ("[[entitelment]]\nid = 'x'", "Did you mean [[entitlement]]"),
        ("[[entitlement]]\nid = 'x'", "policy.toml: [[entitlement]] x: origin is missing"),
        ("[[device_rule]]\nwhen = { name = 'A*' }\nunit = 'alskolan'", "'alskolan' is no [[unit]]"),
        ("[[entitlement", "policy.toml: is not TOML"),
    ],
)
def test_what_is_wrong_in_it_is_said_with_its_own_name(
    settings: Settings, tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        read_proposed_policy(settings, proposed(tmp_path, text))

    assert message in str(refused.value)


def test_a_pattern_of_names_that_no_pull_has_tried_is_named(settings: Settings, tmp_path: Path) -> None:
    text = (
        "[[device_rule]]\nwhen = { name = 'EK-*' }\npurpose = 'room'\n"
        "[[device_rule]]\nwhen = { name = 'NY-*' }\npurpose = 'room'\n"
        "[[device_rule]]\nwhen = { location = 'Sal*' }\npurpose = 'room'\n"
        "[[unit_map]]\nsource = 'lists'\nfield = 'name'\npattern = 'AL-*'\nunit = 'ekskolan'\n"
        "[[unit_map]]\nsource = 'lists'\nfield = 'location'\npattern = 'Al*'\nunit = 'ekskolan'\n"
    )

    policy = read_proposed_policy(settings, proposed(tmp_path, text))

    assert untried_name_patterns(settings.policy, policy) == ("AL-*", "NY-*")
