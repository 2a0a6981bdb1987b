"""policy check and diff on a small municipality: what a policy says, and what it would change."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flow.installation import SCHOOL, Installation, OpenInstallation
from tests.test_cli import run_and_catch

NOBODY_FROM_JULY = """
[[entitlement]]
id = "staff"
title = { sv = "Personal", en = "Staff & others" }
origin = "IT plan 4.1"
mode = "per_head"
valid_to = 2027-06-30
[entitlement.who]
memberships = ["employment"]
employment = ["permanent", "fixed"]
"""


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path) as built:
        yield built


@pytest.fixture
def opened(installation: Installation) -> Iterator[OpenInstallation]:
    with installation.open() as opened:
        opened.run()
        installation.advance_clock(hours=1)
        yield opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "proposed.toml"
    file.write_text(NOBODY_FROM_JULY, encoding="utf-8")
    return file


def test_check_reads_the_rules_aloud(installation: Installation, opened: OpenInstallation, file: Path) -> None:
    code, out, _ = run_and_catch(installation, "policy", "check", str(file))

    assert code == 0
    assert "staff: Staff & others (IT plan 4.1)" in out
    assert "Withdrawn: it owes nobody anything from 1 Jul 2027." in out
    assert "&amp;" not in out


def test_diff_counts_who_loses_what_once_the_rule_is_withdrawn(
    installation: Installation, opened: OpenInstallation, file: Path
) -> None:
    entitled, numbers = opened.count("entitled"), opened.snapshot.numbers

    code, out, errors = run_and_catch(installation, "policy", "diff", str(file), "--on", "2027-07-01")

    assert (code, errors) == (0, "")
    line = next(line for line in out.splitlines() if line.startswith(f"{SCHOOL}, staff: "))
    assert f"of {entitled} covered" in line
    assert f"→ no rule; people +0 −{entitled}" in line
    assert opened.snapshot.numbers == numbers


def test_diff_of_the_same_policy_is_empty(installation: Installation, opened: OpenInstallation, tmp_path: Path) -> None:
    same = tmp_path / "same.toml"
    same.write_text("[staleness]\nstale_after_school_days = 15\n", encoding="utf-8")

    code, out, _ = run_and_catch(installation, "policy", "diff", str(same))

    assert code == 0
    assert "no number of any unit would change" in out


def test_a_day_that_is_past_is_refused(installation: Installation, opened: OpenInstallation, file: Path) -> None:
    code, _, errors = run_and_catch(installation, "policy", "diff", str(file), "--on", "2020-01-01")

    assert code == 2
    assert "--on 2020-01-01 is past" in errors


LOCAL_PLAN = f"""
[[local_plan]]
unit = "{SCHOOL}"
document = "Lokal IT-plan & bilagor"
decided_on = 2026-08-20
ends_on = 2027-06-30
raises.staff = {{ devices = 2 }}
raises.pupils = {{ target = 1.0, form_factors = ["computer", "tablet"] }}
"""


def test_a_local_plan_is_read_aloud_and_tried(
    installation: Installation, opened: OpenInstallation, tmp_path: Path
) -> None:
    proposed = tmp_path / "local.toml"
    proposed.write_text(LOCAL_PLAN, encoding="utf-8")
    entitled = opened.count("entitled")

    _, said, _ = run_and_catch(installation, "policy", "check", str(proposed))
    code, out, errors = run_and_catch(installation, "policy", "diff", str(proposed))

    assert (
        f"{SCHOOL}: “Lokal IT-plan & bilagor”, decided on 20 Aug 2026, in force until 30 Jun 2027.\n"
        "    Staff: 2 devices each.\n"
        "    Pupils in years 1–9: the target is 100% and only computer or tablet counts."
    ) in said
    assert (code, errors) == (0, "")
    line = next(line for line in out.splitlines() if line.startswith(f"{SCHOOL}, staff: "))
    assert f"of {2 * entitled} covered" in line
