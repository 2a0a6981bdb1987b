"""turnover status and now, over a municipality that has just been set up."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fleetsync.cli import root

CONFIG = """
[municipality]
name = "Exempelby kommun"

[database]
url = "data/fleetsync.db"

[privacy]
key_file = "privacy.key"

[[calendar.term]]
first = 2027-01-11
last = 2027-06-10

[[calendar.term]]
first = 2027-08-16
last = 2027-12-17
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "privacy.key").write_text("4e" * 32, encoding="utf-8")
    (tmp_path / "privacy.key").chmod(0o600)
    file = tmp_path / "config.toml"
    file.write_text(CONFIG, encoding="utf-8")
    return file


def run(config: Path, on: str, *words: str, answer: str | None = None) -> Result:
    here = {"FLEETSYNC_NOW": f"{on}T06:00+02:00"}
    return CliRunner().invoke(root, ["--config", str(config), "turnover", *words], env=here, input=answer)


def test_before_the_last_school_day_status_says_when_it_begins(config: Path) -> None:
    assert run(config, "2027-05-03", "status").output == (
        "no school year has been turned yet. It begins on the last school day, 2027-06-10.\n"
    )


def test_without_a_summer_break_status_names_no_day(config: Path) -> None:
    config.write_text(CONFIG.partition("[[calendar")[0], encoding="utf-8")

    assert run(config, "2027-05-03", "status").output == "no school year has been turned yet.\n"


def test_in_the_break_status_says_what_it_waits_for(config: Path) -> None:
    assert run(config, "2027-06-20", "status").output == (
        "the school year that begins on 2027-08-16 has not turned. 0 memberships count as they were on 2027-06-10.\n"
        "registers    0 of 0 pupils of years 0–8 have moved on; 95 % of them turn it, from 2027-07-26 on\n"
        "otherwise    by the first complete pull of pupils from 2027-08-16 on, at the latest on 2027-08-27, or now: "
        "fleetsync turnover now\n"
    )


def test_turned_by_hand_it_stays_turned_and_says_by_whom_and_when(config: Path) -> None:
    turned = run(config, "2027-06-20", "now", "--yes")
    assert (turned.exit_code, turned.output.splitlines()[-1]) == (
        0,
        "the school year that begins on 2027-08-16 has turned",
    )

    assert run(config, "2027-07-01", "status").output.startswith(
        "the school year that begins on 2027-08-16 turned on 2027-06-20 04:00 UTC: by hand."
    )


def test_unless_it_is_confirmed_nothing_is_turned(config: Path) -> None:
    assert run(config, "2027-06-20", "now", answer="n\n").exit_code == 1
    assert "has not turned" in run(config, "2027-06-20", "status").output


@pytest.mark.parametrize("on", ["2027-05-03", "2027-06-20"])
def test_what_is_not_there_or_has_turned_is_not_turned(config: Path, on: str) -> None:
    if on == "2027-06-20":
        run(config, on, "now", "--yes")

    refused = run(config, on, "now", "--yes")
    assert refused.exit_code == 1
    assert refused.output.startswith("fleetsync: there is nothing to turn. ")
