"""Every command on a small municipality, and what it says when something is wrong: a sentence, an exit code, no traceback."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fleetsync import sync
from fleetsync.cli import COMMANDS, root
from fleetsync.cli.errors import report_errors
from tests.flow.installation import CANARY, Installation, OpenInstallation, StaffFileRow, device, login

ROOT = Path(__file__).parents[1]
HEAVY = (
    "sqlalchemy",
    "alembic",
    "flask",
    "requests",
    "pydantic",
    "authlib",
    "rich",
    "apscheduler",
    "structlog",
    "msgspec",
)


@pytest.fixture
def village(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path) as built:
        yield built


@pytest.fixture
def life(village: Installation) -> Iterator[OpenInstallation]:
    with village.open() as opened:
        opened.run()
        village.advance_clock(hours=1)
        yield opened


def told(village: Installation, *words: str, typed: str | None = None, **environment: str) -> tuple[int, str, str]:
    """Exit code, output and errors, as a user has them: refusals pass the last net too."""
    runner, said = CliRunner(), io.StringIO()
    variables = {"FLEETSYNC_NOW": village.clock.now().isoformat(), **environment}
    done = runner.invoke(root, ["--config", str(village.config), *words], input=typed, env=variables)
    if done.exception is None or isinstance(done.exception, SystemExit):
        return done.exit_code, done.stdout, done.stderr
    return _netted(done, said)


def _netted(done: Result, said: io.StringIO) -> tuple[int, str, str]:
    assert done.exception is not None
    stderr, sys.stderr = sys.stderr, said
    try:
        with report_errors():
            raise done.exception
    except SystemExit as left:
        return int(left.code or 0), done.stdout, said.getvalue()
    finally:
        sys.stderr = stderr


def ok(village: Installation, *words: str, typed: str | None = None) -> str:
    code, out, errors = told(village, *words, typed=typed)
    assert code == 0, out + errors
    return out


# --- lists ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["coverage", "gaps", "devices", "people", "assignments", "sources"])
def test_a_list_is_the_same_in_every_form(village, life, name):
    plain = ok(village, name).splitlines()
    rows = json.loads(ok(village, name, "--format", "json"))["rows"]
    cells = list(csv.reader(io.StringIO(ok(village, name, "--format", "csv")), delimiter=";"))
    cells[0][0] = cells[0][0].removeprefix("\ufeff")

    assert len(rows) == len(plain) - 1 == len(cells) - 1
    assert plain[0].split("\t") == cells[0]
    assert all(list(row) == cells[0] for row in rows)


def test_a_workbook_needs_a_file(village, life):
    code, _, errors = told(village, "devices", "--format", "xlsx")
    assert (code, errors) == (2, "fleetsync: a workbook is no text: say where to write it, with --output FILE.xlsx\n")

    ok(village, "devices", "--format", "xlsx", "--output", str(village.folder / "devices.xlsx"))
    assert (village.folder / "devices.xlsx").read_bytes().startswith(b"PK")


def test_a_file_for_excel_begins_with_its_mark(village, life):
    ok(village, "devices", "--format", "csv", "--output", str(village.folder / "devices.csv"))
    assert (village.folder / "devices.csv").read_bytes().removeprefix("\ufeff".encode()).startswith(b"device_id;")


def test_no_list_names_a_person(village, life):
    lists = [ok(village, name) for name in ("coverage", "gaps", "devices", "people", "assignments", "sources")]
    assert CANARY not in "".join(lists)


def test_lists_are_filtered(village, life):
    assert len(ok(village, "devices", "--unit", "angsskolan").splitlines()) == 1
    code, _, errors = told(village, "devices", "--unit", "backskola")
    assert code == 2
    assert "--unit backskola: there is no such unit. Did you mean backskolan?" in errors


def test_a_day_without_numbers_says_which_was_the_first(village, life):
    code, _, errors = told(village, "coverage", "--as-of", "2026-01-01")
    assert (code, errors) == (
        1,
        "fleetsync: nothing is known of 2026-01-01: the first day with numbers is 2026-11-24\n",
    )
    assert "it is yet to come" in told(village, "coverage", "--as-of", "2030-01-01")[2]


# --- explain ----------------------------------------------------------------------------------------------------------


def test_a_unit_explains_each_of_its_numbers(village, life):
    out = ok(village, "explain", "unit", "backskolan")
    assert "backskolan, staff: 12 of 12 covered (100.0%)" in out
    assert len(re.findall(r"^    1 × person ", out, re.MULTILINE)) >= 12


def test_a_person_and_a_gap_explain_themselves(village, life):
    person = json.loads(ok(village, "people", "--format", "json"))["rows"][0]["person_id"]
    assert "staff: owed: " in ok(village, "explain", "person", person)
    village.staff.append(StaffFileRow(n=41, first="2026-01-01"))
    village.write_staff(village.today)
    life.run()

    gap = next(row for row in json.loads(ok(village, "gaps", "--format", "json"))["rows"] if row["kind"] == "no_device")
    out = ok(village, "explain", "gap", f"no_device:{gap['subject_id']}")
    assert "what to do: " in out


def test_a_past_day_explains_a_person_and_a_device_as_they_were_then_and_says_what_is_todays(village, life):
    person = json.loads(ok(village, "people", "--format", "json"))["rows"][0]
    village.advance_clock(days=1)
    yesterday = "2026-11-24"

    then = ok(village, "explain", "person", person["person_id"], "--as-of", yesterday).partition("today:")
    assert f"as known at the end of {yesterday}\n" in then[0]
    assert "staff: owed 1 at backskolan: " in then[0]
    assert re.search(r"record of personal/staff, .*, last pulled 2026-11-2\d \d\d:\d\d UTC", then[2])
    assert "employment of personal/staff" in then[2]
    held = re.search(r"has (\S+) \(works\)", then[0])
    assert held is not None

    device = ok(village, "explain", "device", held[1], "--as-of", yesterday).partition("today:")
    assert f"serves {person['person_id']} (staff, own): works: " in device[0]
    assert "stage in_use" in device[2]
    assert f"served {person['person_id']} (staff, own) from before 2026-11-24 to now, working" in device[2]


def test_who_was_not_known_on_a_past_day_was_owed_nothing(village, life):
    village.staff.append(StaffFileRow(n=41, first="2026-01-01"))
    village.advance_clock(days=1)
    village.write_staff(village.today)
    life.run()
    rows = json.loads(ok(village, "people", "--format", "json"))["rows"]
    newcomer = next(row["person_id"] for row in rows if not row["device_ids"])

    assert "staff: owed: " in ok(village, "explain", "person", newcomer)
    assert "owed nothing, as far as was known" in ok(village, "explain", "person", newcomer, "--as-of", "2026-11-24")


@pytest.mark.parametrize("what", ["unit", "person", "device", "gap"])
def test_what_there_is_not_cannot_be_explained_and_is_not_an_error_of_ours(village, life, what):
    code, out, errors = told(village, "explain", what, "nowhere")
    assert (code, out) == (1, "")
    assert errors.startswith("fleetsync: nowhere is no ")


# --- pulls and decisions ----------------------------------------------------------------------------------------------


def test_a_sync_tells_what_came_of_each_part(village):
    assert ok(village, "sync") == "personal/staff: complete, 24 records\nintune/devices: complete, 12 records\n"
    assert ok(village, "sync", "personal/staff") == "personal/staff: unchanged\n"
    assert "coverage     does not move" in ok(village, "sync", "intune", "--dry-run")


def test_a_part_that_somebody_else_pulls_is_left_to_him_and_said(village, life):
    life.ledger.begin_pull("intune", "devices", village.clock.now())

    code, out, errors = told(village, "sync")

    assert (code, out) == (1, "personal/staff: unchanged\n")
    assert errors.startswith("fleetsync: intune/devices: is being pulled by another process right now.")


def test_a_held_pull_is_accepted_with_its_plan_shown(village, life):
    village.devices = village.devices[:1]
    code, _, errors = told(village, "sync", "intune")
    assert code == 1
    number = re.search(r"accept intune/devices (\d+)", errors)
    assert number is not None

    out = ok(village, "accept", "intune/devices", number[1], "--reason", "they were stolen", typed="y\n")

    assert "records      0 new, 0 changed, 0 back, 11 absent" in out
    assert f"pull {number[1]} is believed" in out


def test_a_held_pull_is_rejected(village, life):
    village.devices = village.devices[:1]
    _, _, errors = told(village, "sync", "intune")
    number = errors.partition("accept intune/devices ")[2].split()[0]

    assert (
        ok(village, "reject", "intune", number, "--reason", "half") == f"intune/devices: pull {number} is forgotten\n"
    )
    code, _, errors = told(village, "accept", "intune", number, "--reason", "after all", "--yes")
    assert code == 1
    assert "does not wait for a decision" in errors


def test_a_source_is_dropped_once_it_is_no_longer_configured(village, life):
    assert "is still in the configuration" in told(village, "drop", "intune", "--yes")[2]
    village.names = ("personal",)
    village.write()

    assert ok(village, "drop", "intune", "--yes") == "intune: 12 records removed\n"


def test_a_unit_is_published(village, life):
    assert ok(village, "publish", "backskolan") == "backskolan is published\n"
    code, _, errors = told(village, "publish", "skolan")
    assert (code, errors) == (2, "fleetsync: skolan is no unit. There are: angsskolan, backskolan, central\n")


@pytest.mark.parametrize("unit", ["backskolan", "central"])
def test_a_unit_that_is_published_leaves_its_trial_wherever_it_is_shown(village, life, unit):
    before = {one.slug: one.published for one in sync.rebuild_snapshot(life.application.run_context).outcome.units}
    assert not any(before.values())
    ok(village, "publish", unit)

    shown = {one.slug: one.published for one in sync.rebuild_snapshot(life.application.run_context).outcome.units}
    assert shown == before | {unit: True}


def test_what_belongs_to_no_unit_has_no_trial_to_end(village, life):
    code, _, errors = told(village, "publish", "unplaced")
    assert (code, errors.startswith("fleetsync: unplaced has no trial")) == (2, True)


def test_turnover_status_is_told(village, life):
    assert "It begins on the last school day" in ok(village, "turnover", "status")


# --- the house itself -------------------------------------------------------------------------------------------------


def test_a_check_says_what_is_well_and_what_is_not(village):
    out = ok(village, "check")
    assert "ok       config.toml: 2 sources, 2 units" in out
    assert "intune/devices: DeviceManagementManagedDevices.Read.All is granted" in out
    village.graph.permitted = False

    code, out, _ = told(village, "check", "intune", "--request")

    assert code == 1
    assert "FAILED   intune/devices" in out
    assert "It reads; it changes nothing. To do so it needs:" in out


def test_a_check_offline_asks_nobody_and_shows_values_without_secrets(village):
    out = ok(village, "check", "--offline", "--values")
    assert village.graph.stub_server.log == []
    assert "municipality.name = " in out
    assert "Exempelby-hemlighet-1" not in out


def test_a_database_is_copied_verified_and_restored(village, life):
    copy = village.folder / "copy.db"
    ok(village, "db", "backup", str(copy))
    assert copy.stat().st_mode & 0o077 == 0
    assert ok(village, "db", "verify") == "nothing wrong was found\n"
    assert "schema" in ok(village, "db", "upgrade")
    life.ledger.drop_source("intune")

    assert ok(village, "db", "restore", str(copy), "--yes") == f"restored from {copy}\n"
    assert life.count("covered") == 12


def test_a_purge_says_what_went(village, life):
    assert ok(village, "purge") == "nothing was due\n"
    life.run()
    village.advance_clock(days=100)
    village.write_staff(village.today)
    life.run()

    assert "pull" in ok(village, "purge")


def test_accounts_come_change_and_go(village):
    password = "ett-langt-losenord\n"
    assert (
        ok(village, "user", "add", "kontoret", "--role", "strategist", typed=password)
        == "kontoret may sign in as strategist\n"
    )
    assert ok(village, "user", "passwd", "kontoret", typed="ett-annat-losenord\n") == "kontoret has a new password\n"
    assert ok(village, "user", "list") == "kontoret\tstrategist\n"
    assert ok(village, "user", "remove", "kontoret") == "kontoret may not sign in any more\n"
    code, _, errors = told(village, "user", "add", "kort", typed="kort\n")
    assert (code, errors) == (2, "fleetsync: a password needs at least 12 characters\n")


def test_a_configuration_is_written_and_runs_as_it_is(village, tmp_path):
    file = tmp_path / "new" / "config.toml"
    ok(village, "init", "--kind", "intune", "--name", "Exempelby", "--output", str(file))
    assert "exists and is left as it is" in told(village, "init", "--output", str(file))[2]

    done = CliRunner().invoke(root, ["--config", str(file), "check", "--offline"])

    assert (done.exit_code, "0 sources" in done.output) == (0, True)


def test_a_daemon_that_does_not_answer_is_not_healthy(village):
    code, _, errors = told(village, "healthcheck", FLEETSYNC_WEB_LISTEN="127.0.0.1:1")
    assert code == 1
    assert "the daemon does not answer at 127.0.0.1" in errors


# --- bad input --------------------------------------------------------------------------------------------------------


def _unknown_key(village: Installation) -> None:
    village.config.write_text(
        village.config.read_text(encoding="utf-8") + "\n[staleness]\nstale_after = 3\n", encoding="utf-8"
    )


def _no_secret(village: Installation) -> None:
    (village.folder / "secrets" / "intune").unlink()


def _wrong_secret(village: Installation) -> None:
    (village.folder / "secrets" / "intune").write_text("fel-hemlighet\n", encoding="ascii")


def _no_permission(village: Installation) -> None:
    village.graph.permitted = False


def _no_file(village: Installation) -> None:
    for file in village.deliveries.iterdir():
        file.unlink()


def _wrong_header(village: Installation) -> None:
    village.write_staff(village.today, ("Kolumn A", "Kolumn B"))


def _blank_file(village: Installation) -> None:
    (village.deliveries / f"personal_{village.today}.csv").write_bytes(b"")


def _empty_answer(village: Installation) -> None:
    village.devices = []


def _another_municipality(village: Installation) -> None:
    village.staff = [StaffFileRow(n=n) for n in range(500, 530)]
    village.write_staff(village.today)


def _no_database(village: Installation) -> None:
    text = village.config.read_text(encoding="utf-8").replace("database/fleetsync.db", "config.toml/fleetsync.db")
    village.config.write_text(text, encoding="utf-8")


BAD: dict[str, tuple[Callable[[Installation], None], int, str]] = {
    "unknown key": (
        _unknown_key,
        2,
        "[staleness] stale_after is not a known key. Did you mean stale_after_school_days?",
    ),
    "missing secret": (_no_secret, 1, "client_secret_file"),
    "wrong secret": (_wrong_secret, 1, "the client secret is wrong"),
    "missing permission": (_no_permission, 1, "Grant the permission DeviceManagementManagedDevices.Read.All"),
    "no file": (_no_file, 1, "no file matches"),
    "wrong header": (_wrong_header, 1, "personal: personal_2026-11-24.csv: "),
    "blank file": (_blank_file, 1, "it is empty. Is it still being written?"),
    "empty answer": (_empty_answer, 1, "the pull is empty; if it may be, set allow_empty"),
    "another municipality": (_another_municipality, 1, "is this the content of another municipality or system?"),
    "no database": (_no_database, 1, "config.toml"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_in_a_sentence_and_nothing_is_lost(village, case):
    spoil, exit_code, sentence = BAD[case]
    with village.open() as life:
        life.run()
    village.advance_clock(hours=1)
    spoil(village)

    code, out, errors = told(village, "sync")

    assert code == exit_code, out + errors
    assert sentence in errors
    assert "Traceback" not in out + errors
    assert "an error of our own" not in out + errors
    assert not [word for word in (CANARY, "fel-hemlighet", "Exempelby-hemlighet-1", login(1)) if word in out + errors]
    village.write()
    with village.open() as life:
        assert (life.count("entitled"), life.count("covered")) == (12, 12)


def test_an_unreadable_file_is_refused_with_its_remedy(village):
    if os.geteuid() == 0:
        # Root may read everything: a folder in the file's place is as unreadable to everybody.
        (village.deliveries / "personal_2026-11-23.csv").unlink()
        (village.deliveries / "personal_2026-11-23.csv").mkdir()
    else:
        (village.deliveries / "personal_2026-11-23.csv").chmod(0)

    code, out, errors = told(village, "sync", "personal")

    assert (code, out) == (1, "")
    assert "may not be read" in errors or "no file matches" in errors


def test_a_device_without_a_serial_is_read_and_joined_with_nothing(village):
    village.devices += [device(90, "", serialNumber="0"), device(91, "", serialNumber="0")]

    assert "intune/devices: complete, 14 records" in ok(village, "sync")
    assert len(ok(village, "devices").splitlines()) == 15


@pytest.mark.parametrize("words", [("sync", "personal"), ("sync", "personal/staff"), ("load", "personal", "{config}")])
def test_a_frozen_source_is_pulled_by_nobody(village, words):
    village.keys["personal"] = "disabled = true"
    village.write()

    code, out, errors = told(village, *(word.format(config=village.config) for word in words))

    assert (code, out) == (2, "")
    assert "personal is frozen: nothing is pulled from it. Remove disabled = true from its table" in errors


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("sync", "jamf"), "jamf is no source. Configured: personal, intune"),
        (("accept", "intune/pupils", "1", "--reason", "x"), "pupils is no part of this source"),
        (("load", "intune", "{config}"), "intune is no source of files. Those that are: personal"),
        (("load", "personal", "/nowhere.csv"), "does not exist"),
        (("db", "restore", "{config}", "--yes"), "is damaged"),
        (("user", "remove", "ingen"), "there is no account of that name"),
    ],
)  # fmt: skip
def test_a_wrong_word_is_told_with_what_there_is(village, words, sentence):
    code, _, errors = told(village, *(word.format(config=village.config) for word in words))

    assert code in (1, 2)
    assert sentence in errors
    assert "an error of our own" not in errors


def test_a_missing_configuration_is_said(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "fleetsync", "--config", str(tmp_path / "no.toml"), "sync"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("fleetsync: ")
    assert "Traceback" not in done.stderr


def test_an_error_of_our_own_is_one_line_with_a_place_and_quotes_nothing():
    said = io.StringIO()
    stderr, sys.stderr = sys.stderr, said
    try:
        with pytest.raises(SystemExit) as left, report_errors():
            raise KeyError(f"{CANARY} is not there")
    finally:
        sys.stderr = stderr

    assert left.value.code == 1
    assert said.getvalue().startswith("fleetsync: an error of our own, KeyError at ")
    assert CANARY not in said.getvalue()


# --- help -------------------------------------------------------------------------------------------------------------


def test_the_overview_loads_nothing_heavy():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "fleetsync", "--help"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip

    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert loaded & set(HEAVY) == set()
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_says_what_it_does(name):
    done = CliRunner().invoke(root, [name, "--help"])

    assert done.exit_code == 0, done.output
    assert done.output.startswith("Usage:")
