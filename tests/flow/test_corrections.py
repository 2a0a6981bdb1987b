"""Corrections on a small municipality, by the commands: what they change, how they end, and that protection holds."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.flow.installation import Installation, OpenInstallation, device, login, serial
from tests.test_cli import run_and_catch

WHY = ("--reason", "inventory")


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """Twelve employees; the third device is registered for an account that nobody knows."""
    with Installation(tmp_path) as built:
        built.devices[2] = device(3, "lost.account@exempelby.se")
        yield built


@pytest.fixture
def opened(installation: Installation) -> Iterator[OpenInstallation]:
    with installation.open_after_a_run() as opened:
        installation.advance_clock(hours=1)
        yield opened


def command(installation: Installation, *words: str, code: int = 0) -> str:
    """What a command prints; its error, where it must refuse."""
    exit_code, printed, errors = run_and_catch(installation, *words)
    assert exit_code == code, printed + errors
    return printed + errors if code else printed


def device_id(installation: Installation, n: int) -> str:
    rows = json.loads(command(installation, "devices", "--format", "json"))["rows"]
    return next(str(row["device_id"]) for row in rows if row["serial"] == serial(n))


def person_id(opened: OpenInstallation, n: int) -> str:
    """The employee *n*."""
    people = opened.snapshot.outcome.people
    return next(case.person.id for case in people if any(key.value == login(n) for key in case.person.keys))


def test_a_stated_holder_counts_until_the_source_says_the_same(
    installation: Installation, opened: OpenInstallation
) -> None:
    third, covered = device_id(installation, 3), opened.count("covered")
    owner = person_id(opened, 3)
    done = command(installation, "correct", third, "--holder", owner, "--until", "2026-12-18", *WHY)

    assert "holder of" in done
    assert opened.count("covered") == covered + 1
    assert "by a correction until 2026-12-18" in command(installation, "explain", "device", third)
    assert "corrected: holder" in command(installation, "explain", "device", third)

    installation.devices[2] = device(3)
    installation.advance_clock(hours=6)
    opened.run()
    assert opened.count("covered") == covered + 1
    assert "ended, the sources say the same," in command(installation, "corrections")
    assert "by a correction" not in command(installation, "explain", "device", third).split("corrected:")[0]

    opened.run()
    assert opened.count("covered") == covered + 1


def test_a_correction_that_is_taken_back_leaves_the_numbers_as_they_were(
    installation: Installation, opened: OpenInstallation
) -> None:
    first, covered = device_id(installation, 1), opened.count("covered")
    number = re.findall(r"correction (\d+)", command(installation, "correct", first, "--condition", "lost", *WHY))[0]
    assert opened.count("covered") == covered - 1
    assert "lost, by a correction" in command(installation, "explain", "device", first)

    command(installation, "uncorrect", number)
    assert opened.count("covered") == covered
    assert "no correction" in command(installation, "uncorrect", number, code=1)
    with closing(sqlite3.connect(installation.database)) as database:
        rows = database.execute("SELECT what FROM audit WHERE subject = ? ORDER BY id", (first,)).fetchall()
    assert [what for (what,) in rows if "correct" in what] == [
        "corrected condition until 2026-12-18",
        "took back the correction of condition",
    ]


def test_an_expired_correction_counts_no_more_and_is_named(
    installation: Installation, opened: OpenInstallation
) -> None:
    first, covered = device_id(installation, 1), opened.count("covered")
    command(installation, "correct", first, "--condition", "lost", "--until", f"{installation.today}", *WHY)
    assert opened.count("covered") == covered - 1

    installation.advance_clock(days=1)
    opened.run()
    assert opened.count("covered") == covered
    assert "expired" in command(installation, "corrections")


def test_a_second_correction_takes_the_place_of_the_first(installation: Installation, opened: OpenInstallation) -> None:
    first = device_id(installation, 1)
    command(installation, "correct", first, "--condition", "lost", *WHY)
    command(installation, "correct", first, "--condition", "in_repair", *WHY)

    listed = command(installation, "corrections").splitlines()
    assert ["in force" in line for line in listed] == [True, False]
    assert "replaced" in listed[1]
    (correction,) = opened.ledger.believed(opened.application.run_context.parts()).corrections
    assert correction.value == "in_repair"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "nothing is stated"),
        (("--count", "3", "--unit", "central"), "state them by two commands"),
        (("--purpose", "set"), "is no purpose that can be stated"),
        (("--unit", "nowhere"), "is no unit that can be stated"),
        (("--holder", "p-nobody"), "there is no such person"),
        (("--condition", "active"), "the sources say so already"),
        (("--purpose", "loan", "--until", "2026-01-01"), "a correction has a last day"),
        (("--count", "3"), "is no set and no pool"),
    ],
)
def test_what_cannot_be_corrected_is_refused_and_nothing_is_kept(
    installation: Installation, opened: OpenInstallation, words: tuple[str, ...], sentence: str
) -> None:
    first = device_id(installation, 1)

    assert sentence in command(installation, "correct", first, *words, *WHY, code=2)
    assert opened.ledger.corrections() == ()


def test_protecting_a_person_removes_what_names_them_and_where_their_device_is(
    installation: Installation, opened: OpenInstallation
) -> None:
    third, owner = device_id(installation, 3), person_id(opened, 3)
    second = device_id(installation, 2)
    command(installation, "correct", third, "--holder", owner, *WHY)
    command(installation, "correct", second, "--unit", "angsskolan", "--condition", "in_repair", *WHY)

    for n in (2, 3):
        installation.staff[n - 1] = replace(installation.staff[n - 1], mark="J")
    installation.advance_clock(hours=6)
    installation.write_staff(installation.today)
    opened.run()

    left = opened.ledger.corrections()
    assert [(each.subject_id, each.field, each.reason) for each in left] == [(second, "condition", "")]
    snapshot = opened.snapshot
    units = {case.placement.unit for case in snapshot.outcome.devices if case.device.id in {second, third}}
    assert "angsskolan" not in units
    assert "cannot be corrected" in command(installation, "correct", second, "--purpose", "loan", *WHY, code=2)


def test_a_device_that_comes_to_a_protected_person_is_not_shown_where_it_was_corrected_to(
    installation: Installation, opened: OpenInstallation
) -> None:
    second = device_id(installation, 2)
    installation.staff[4] = replace(installation.staff[4], mark="J")
    installation.write_staff(installation.today)
    opened.run()
    command(installation, "correct", second, "--unit", "angsskolan", *WHY)

    installation.devices[1] = device(2, login(5))
    installation.advance_clock(hours=6)
    opened.run()
    case = next(case for case in opened.snapshot.outcome.devices if case.device.id == second)
    assert case.placement.unit == "unplaced"


def test_a_published_unit_is_put_in_trial_again_and_a_check_names_who_published_it(
    installation: Installation, opened: OpenInstallation
) -> None:
    command(installation, "publish", "backskolan")
    assert "backskolan: published by a decision of" in command(installation, "check", "--offline")

    command(installation, "unpublish", "backskolan")
    assert not any(unit.published for unit in opened.snapshot.outcome.units)
    assert "was not published by a decision" in command(installation, "unpublish", "backskolan", code=1)


def test_a_parked_gap_is_taken_back(installation: Installation, opened: OpenInstallation) -> None:
    third = device_id(installation, 3)
    gap = f"unknown_holder:{third}"
    command(installation, "park", gap, "--until", "2026-12-01", *WHY)
    assert [each.parked_until is None for each in opened.snapshot.outcome.episodes if each.subject_id == third] == [
        False
    ]

    command(installation, "unpark", gap)
    assert [each.parked_until for each in opened.snapshot.outcome.episodes if each.subject_id == third] == [None]
    assert "is not parked" in command(installation, "unpark", gap, code=1)
