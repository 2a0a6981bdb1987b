"""Local plans in the configuration: what is accepted, and that one which lowers names both lines."""

from pathlib import Path

import pytest

from fleetsync.core.model import FormFactor, LocalPlan, LocalRaise
from fleetsync.settings import SettingsError, load, read_proposed_policy

BASE = """
[[unit]]
slug = "vretaskolan"
name = "Vretaskolan"

[[unit]]
slug = "ekskolan"
name = "Ekskolan"

[[entitlement]]
id = "pupils"
title = "Elever"
origin = "Planen"
who = { memberships = ["enrolment"] }
mode = "per_head"
devices = 2

[[entitlement]]
id = "preschool"
title = "Barn"
origin = "Planen"
who = { memberships = ["placement"] }
mode = "pool"
per = 5
units = ["ekskolan"]
"""
PLAN = """
[[local_plan]]
unit = "{unit}"
document = "Lokal IT-plan"
decided_on = {decided_on}
ends_on = 2027-06-30
"""


def plan(raises: str = "", unit: str = "vretaskolan", decided_on: str = "2026-08-20") -> str:
    return PLAN.format(unit=unit, decided_on=decided_on) + raises


def refusals(folder: Path, toml: str) -> list[str]:
    file = folder / "config.toml"
    file.write_text(toml, encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load(file, environ={})
    return str(refused.value).splitlines()


def test_a_plan_may_raise_and_is_part_of_the_policy(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(BASE + plan('raises.pupils = { devices = 3, form_factors = ["computer"] }'), encoding="utf-8")

    settings = load(file, environ={})

    (local,) = settings.policy.local_plans
    raised = LocalRaise(entitlement="pupils", devices=3, form_factors=(FormFactor.COMPUTER,))
    assert isinstance(local, LocalPlan)
    assert (local.unit, local.document, local.raises) == ("vretaskolan", "Lokal IT-plan", (raised,))
    bare = tmp_path / "bare.toml"
    bare.write_text(BASE, encoding="utf-8")
    assert load(bare, environ={}).policy.fingerprint != settings.policy.fingerprint


@pytest.mark.parametrize(
    "raises",
    [
        "raises.pupils = { devices = 1 }",
        "raises = { pupils = { devices = 1 } }",
        "[local_plan.raises]\npupils = { devices = 1 }",
        "[local_plan.raises.pupils]\ndevices = 1",
        "[local_plan.raises.pupils]  # of the principal\ndevices = 1",
    ],
)
def test_one_that_lowers_is_refused_with_both_lines(tmp_path: Path, raises: str) -> None:
    """However it is written: the line is that of the key, of the table's heading where the key has none of its own."""
    text = BASE + plan(raises)
    lines = text.splitlines()
    written = next(number for number, line in enumerate(lines, 1) if "pupils" in line and number > 25)
    at = lines.index("[[local_plan]]") + 1 if raises.startswith("raises =") else written
    promised = lines.index("devices = 2") + 1

    (message,) = refusals(tmp_path, text)

    assert message == (
        f"config.toml: [[local_plan]] 1: raises.pupils (line {at}): devices = 1 promises less than "
        f"config.toml: [[entitlement]] pupils (line {promised}), where it is 2. A local plan may only raise: "
        "give 2 or more, or remove it"
    )


def test_the_shipped_rules_may_not_be_lowered_either(tmp_path: Path) -> None:
    text = BASE[: BASE.index("[[entitlement]]")] + plan("raises.preschool = { per = 6 }")

    (message,) = refusals(tmp_path, text)

    assert message == (
        "config.toml: [[local_plan]] 1: raises.preschool (line 16): per = 6 promises less than the shipped rule "
        "preschool, where it is 5. A local plan may only raise: give 5 or less, or remove it"
    )


@pytest.mark.parametrize(
    ("raises", "message"),
    [
        ("raises.pupil = { devices = 3 }", "no [[entitlement]] of this id is in force while the plan is. Did you mean"),
        ("raises.pupils = { per = 3 }", "per = 3 is for a pool alone. Remove it"),
        ("raises.preschool = { devices = 3 }", "devices = 3 is not for a pool: how many share one device is per"),
        ("raises.preschool = { per = 3 }", "[[entitlement]] preschool (line 25) is for other units than vretaskolan"),
        ('raises.pupils = { form_factors = ["phone"] }', "give only what the rule accepts, or remove it"),
        ("raises.pupils = {}", "must say what is raised: devices, per, target, platforms or form_factors"),
        ("raises.pupils = { platforms = [] }", "must name at least one platform or form factor that is accepted"),
    ],
)
def test_a_raise_that_cannot_be_meant_is_refused(tmp_path: Path, raises: str, message: str) -> None:
    assert message in "\n".join(refusals(tmp_path, BASE + plan(raises)))


def test_a_plan_of_an_unknown_unit_or_of_a_day_on_which_another_was_decided_is_refused(tmp_path: Path) -> None:
    text = BASE + plan(unit="vretaskola") + plan() + plan()

    assert refusals(tmp_path, text) == [
        "config.toml: [[local_plan]] 1: unit = 'vretaskola' is no [[unit]] of this file. Did you mean vretaskolan?",
        "config.toml: [[local_plan]] 3: vretaskolan has two plans decided on 2026-08-20: 2 and 3. Remove one",
    ]


def test_a_plan_that_ends_before_it_is_decided_is_refused(tmp_path: Path) -> None:
    (message,) = refusals(tmp_path, BASE + plan(decided_on="2027-07-01"))

    assert message.endswith("ends_on = 2027-06-30 is before decided_on = 2027-07-01")


def test_a_rule_of_another_year_is_no_measure_for_the_plan(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    ended = BASE.replace("devices = 2", "devices = 2\nvalid_to = 2026-08-19")
    text = ended + RULE_OF_THIS_YEAR + plan("raises.pupils = { devices = 1 }")
    file.write_text(text, encoding="utf-8")

    assert load(file, environ={}).policy.local_plans


RULE_OF_THIS_YEAR = """
[[entitlement]]
id = "pupils"
title = "Elever"
origin = "Planen"
who = { memberships = ["enrolment"] }
mode = "per_head"
valid_from = 2026-08-20
"""


def test_a_plan_in_a_file_of_its_own_is_measured_against_the_configuration(tmp_path: Path) -> None:
    configured, proposed = tmp_path / "config.toml", tmp_path / "plan.toml"
    configured.write_text(BASE, encoding="utf-8")
    proposed.write_text(plan("raises.pupils = { devices = 1 }"), encoding="utf-8")
    settings = load(configured, environ={})
    line = BASE.splitlines().index("devices = 2") + 1

    with pytest.raises(SettingsError) as refused:
        read_proposed_policy(settings, proposed)

    assert "plan.toml: [[local_plan]] 1: raises.pupils (line 7)" in str(refused.value)
    assert f"config.toml: [[entitlement]] pupils (line {line})" in str(refused.value)


def test_tables_of_the_environment_have_no_line(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(BASE, encoding="utf-8")
    table = (
        '[{"unit": "vretaskolan", "document": "Plan", "decided_on": "2026-08-20", "ends_on": "2027-06-30", '
        '"raises": {"pupils": {"devices": 1}}}]'
    )

    with pytest.raises(SettingsError) as refused:
        load(file, environ={"FLEETSYNC_LOCAL_PLAN": table})

    assert "raises.pupils: devices = 1 promises less than config.toml: [[entitlement]] pupils (line" in str(
        refused.value
    )


def test_without_a_heading_of_its_own_a_plan_is_named_by_its_number(tmp_path: Path) -> None:
    inline = (
        'local_plan = [{ unit = "vretaskolan", document = "Plan", decided_on = 2026-08-20, ends_on = 2027-06-30, '
        "raises = { pupils = { devices = 1 } } }]\n"
    )

    (message,) = refusals(tmp_path, inline + BASE)

    assert message.startswith("config.toml: [[local_plan]] 1: raises.pupils: devices = 1 promises less than")
