"""Every command on a small municipality, and what it says when something is wrong: a sentence, an exit code, no traceback."""

import csv
import io
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, redirect_stderr
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner, Result

from fleetsync import sync
from fleetsync.cli import COMMANDS, root
from fleetsync.cli.errors import report_errors
from fleetsync.store import sqlite_database
from tests.flow.installation import CANARY, Installation, OpenInstallation, StaffFileRow, device, login

ROOT = Path(__file__).parents[1]


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path) as built:
        yield built


@pytest.fixture
def opened(installation: Installation) -> Iterator[OpenInstallation]:
    with installation.open_after_a_run() as opened:
        installation.advance_clock(hours=1)
        yield opened


def run_and_catch(
    installation: Installation, *words: str, typed: str | None = None, **environment: str
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr as a user sees them, with the errors that the console script reports."""
    runner = CliRunner()
    variables = {"FLEETSYNC_NOW": installation.clock.now().isoformat(), **environment}
    done = runner.invoke(root, ["--config", str(installation.config), *words], input=typed, env=variables)
    if done.exception is None or isinstance(done.exception, SystemExit):
        return done.exit_code, done.stdout, done.stderr
    return _reported(done)


def _reported(done: Result) -> tuple[int, str, str]:
    assert done.exception is not None
    reported = io.StringIO()
    with redirect_stderr(reported):
        try:
            with report_errors():
                raise done.exception
        except SystemExit as ended:
            return int(ended.code or 0), done.stdout, reported.getvalue()


def ok(installation: Installation, *words: str, typed: str | None = None) -> str:
    code, out, errors = run_and_catch(installation, *words, typed=typed)
    assert code == 0, out + errors
    return out


# --- lists ------------------------------------------------------------------------------------------------------------


def test_a_gap_is_parked_until_a_day_and_stays_in_the_list(installation, opened):
    installation.staff.append(StaffFileRow(n=41, first="2026-01-01"))
    installation.write_staff(installation.today)
    opened.run()
    row = next(
        row for row in json.loads(ok(installation, "gaps", "--format", "json"))["rows"] if row["kind"] == "no_device"
    )
    gap, today = f"no_device:{row['subject_id']}", installation.today
    reason = ("--reason", "on order")

    assert ok(installation, "park", gap, "--until", f"{today}", *reason) == f"{gap} is parked until {today}\n"

    parked = [
        row["state"]
        for row in json.loads(ok(installation, "gaps", "--format", "json"))["rows"]
        if row["subject_id"] in gap
    ]
    assert "parked" in parked
    assert run_and_catch(installation, "park", "no_device:nobody", "--until", f"{today}", *reason)[0] == 2
    code, _, errors = run_and_catch(installation, "park", gap, "--until", f"{today - timedelta(days=1)}", *reason)
    assert (code, "has passed" in errors) == (2, True)
    code, _, errors = run_and_catch(installation, "park", gap, "--until", f"{today + timedelta(days=300)}", *reason)
    assert (code, "after the end of the term" in errors) == (2, True)


@pytest.mark.parametrize("name", ["coverage", "gaps", "devices", "people", "assignments", "sources"])
def test_a_list_is_the_same_in_every_form(installation, opened, name):
    plain = ok(installation, name).splitlines()
    rows = json.loads(ok(installation, name, "--format", "json"))["rows"]
    cells = list(csv.reader(io.StringIO(ok(installation, name, "--format", "csv")), delimiter=";"))
    cells[0][0] = cells[0][0].removeprefix("\ufeff")

    assert len(rows) == len(plain) - 1 == len(cells) - 1
    assert plain[0].split("\t") == cells[0]
    assert all(list(row) == cells[0] for row in rows)


def test_a_workbook_needs_a_file(installation, opened):
    code, _, errors = run_and_catch(installation, "devices", "--format", "xlsx")
    assert (code, errors) == (2, "fleetsync: a workbook is no text: say where to write it, with --output FILE.xlsx\n")

    ok(installation, "devices", "--format", "xlsx", "--output", str(installation.folder / "devices.xlsx"))
    assert (installation.folder / "devices.xlsx").read_bytes().startswith(b"PK")


def test_a_file_for_excel_begins_with_its_mark(installation, opened):
    ok(installation, "devices", "--format", "csv", "--output", str(installation.folder / "devices.csv"))
    assert (installation.folder / "devices.csv").read_bytes().removeprefix("\ufeff".encode()).startswith(b"device_id;")


def test_no_list_names_a_person(installation, opened):
    lists = [ok(installation, name) for name in ("coverage", "gaps", "devices", "people", "assignments", "sources")]
    assert CANARY not in "".join(lists)


def test_lists_are_filtered(installation, opened):
    assert len(ok(installation, "devices", "--unit", "angsskolan").splitlines()) == 1
    code, _, errors = run_and_catch(installation, "devices", "--unit", "backskola")
    assert code == 2
    assert "--unit backskola: there is no such unit. Did you mean backskolan?" in errors


def test_a_day_without_numbers_says_which_was_the_first(installation, opened):
    code, _, errors = run_and_catch(installation, "coverage", "--as-of", "2026-01-01")
    assert (code, errors) == (
        1,
        "fleetsync: nothing is known of 2026-01-01: the first day with numbers is 2026-11-24\n",
    )
    assert "it is yet to come" in run_and_catch(installation, "coverage", "--as-of", "2030-01-01")[2]


# --- explain ----------------------------------------------------------------------------------------------------------


def test_a_unit_explains_each_of_its_numbers(installation, opened):
    out = ok(installation, "explain", "unit", "backskolan")
    assert "backskolan, staff: 12 of 12 covered (100.0%)" in out
    assert len(re.findall(r"^    1 × person ", out, re.MULTILINE)) >= 12


def test_a_person_and_a_gap_explain_themselves(installation, opened):
    person = json.loads(ok(installation, "people", "--format", "json"))["rows"][0]["person_id"]
    assert "staff: owed: " in ok(installation, "explain", "person", person)
    installation.staff.append(StaffFileRow(n=41, first="2026-01-01"))
    installation.write_staff(installation.today)
    opened.run()

    gap = next(
        row for row in json.loads(ok(installation, "gaps", "--format", "json"))["rows"] if row["kind"] == "no_device"
    )
    out = ok(installation, "explain", "gap", f"no_device:{gap['subject_id']}")
    assert "what to do: " in out


def test_a_past_day_explains_a_person_and_a_device_as_they_were_then_and_says_what_is_todays(installation, opened):
    person = json.loads(ok(installation, "people", "--format", "json"))["rows"][0]
    installation.advance_clock(days=1)
    yesterday = "2026-11-24"

    then = ok(installation, "explain", "person", person["person_id"], "--as-of", yesterday).partition("today:")
    assert f"as known at the end of {yesterday}\n" in then[0]
    assert "staff: owed 1 at backskolan: " in then[0]
    assert re.search(r"record of personal/staff, .*, last pulled 2026-11-2\d \d\d:\d\d UTC", then[2])
    assert "employment of personal/staff" in then[2]
    held = re.search(r"has (\S+) \(works\)", then[0])
    assert held is not None

    device = ok(installation, "explain", "device", held[1], "--as-of", yesterday).partition("today:")
    assert f"serves {person['person_id']} (staff, own): works: " in device[0]
    assert "stage in_use" in device[2]
    assert f"served {person['person_id']} (staff, own) from before 2026-11-24 to now, working" in device[2]


def test_a_person_not_known_on_a_past_day_was_owed_nothing(installation, opened):
    installation.staff.append(StaffFileRow(n=41, first="2026-01-01"))
    installation.advance_clock(days=1)
    installation.write_staff(installation.today)
    opened.run()
    rows = json.loads(ok(installation, "people", "--format", "json"))["rows"]
    newcomer = next(row["person_id"] for row in rows if not row["device_ids"])

    assert "staff: owed: " in ok(installation, "explain", "person", newcomer)
    assert "owed nothing, as far as was known" in ok(
        installation, "explain", "person", newcomer, "--as-of", "2026-11-24"
    )


@pytest.mark.parametrize("what", ["unit", "person", "device", "gap"])
def test_what_does_not_exist_cannot_be_explained_and_is_no_error_of_our_own(installation, opened, what):
    code, out, errors = run_and_catch(installation, "explain", what, "nowhere")
    assert (code, out) == (1, "")
    assert errors.startswith("fleetsync: nowhere is no ")


# --- pulls and decisions ----------------------------------------------------------------------------------------------


def test_a_sync_prints_the_result_of_each_part(installation):
    assert ok(installation, "sync") == "personal/staff: complete, 12 people\nintune/devices: complete, 12 devices\n"
    assert ok(installation, "sync", "personal/staff") == "personal/staff: unchanged\n"
    assert "coverage     does not move" in ok(installation, "sync", "intune", "--dry-run")


def test_a_part_that_another_process_pulls_is_left_out_and_named(installation, opened):
    opened.ledger.begin_pull("intune", "devices", installation.clock.now())

    code, out, errors = run_and_catch(installation, "sync")

    assert (code, out) == (1, "personal/staff: unchanged\n")
    assert errors.startswith("fleetsync: intune/devices: is being pulled by another process.")


def test_a_held_pull_is_accepted_with_its_plan_shown(installation, opened):
    installation.devices = installation.devices[:1]
    code, _, errors = run_and_catch(installation, "sync", "intune")
    assert code == 1
    number = re.search(r"accept intune/devices (\d+)", errors)
    assert number is not None

    out = ok(installation, "accept", "intune/devices", number[1], "--reason", "they were stolen", typed="y\n")

    assert "records      0 new, 0 changed, 0 back, 11 absent" in out
    assert f"pull {number[1]} is believed" in out


def test_a_held_pull_is_rejected(installation, opened):
    installation.devices = installation.devices[:1]
    _, _, errors = run_and_catch(installation, "sync", "intune")
    number = errors.partition("accept intune/devices ")[2].split()[0]

    assert (
        ok(installation, "reject", "intune", number, "--reason", "half")
        == f"intune/devices: pull {number} is forgotten\n"
    )
    code, _, errors = run_and_catch(installation, "accept", "intune", number, "--reason", "after all", "--yes")
    assert code == 1
    assert "does not wait for a decision" in errors


def test_a_source_is_dropped_once_it_is_no_longer_configured(installation, opened):
    assert "is still in the configuration" in run_and_catch(installation, "drop", "intune", "--yes")[2]
    installation.names = ("personal",)
    installation.write()

    assert ok(installation, "drop", "intune", "--yes") == "intune: 12 records removed\n"


def test_a_unit_is_published(installation, opened):
    assert ok(installation, "publish", "backskolan") == "backskolan is published\n"
    code, _, errors = run_and_catch(installation, "publish", "skolan")
    assert (code, errors) == (2, "fleetsync: skolan is no unit. There are: angsskolan, backskolan, central\n")


@pytest.mark.parametrize("unit", ["backskolan", "central"])
def test_a_unit_that_is_published_leaves_its_trial_wherever_it_is_shown(installation, opened, unit):
    before = {
        unit_state.slug: unit_state.published
        for unit_state in sync.rebuild_snapshot(opened.application.run_context).outcome.units
    }
    assert not any(before.values())
    ok(installation, "publish", unit)

    shown = {
        unit_state.slug: unit_state.published
        for unit_state in sync.rebuild_snapshot(opened.application.run_context).outcome.units
    }
    assert shown == before | {unit: True}


def test_unplaced_has_no_trial_to_end(installation, opened):
    code, _, errors = run_and_catch(installation, "publish", "unplaced")
    assert (code, errors.startswith("fleetsync: unplaced has no trial")) == (2, True)


def test_turnover_status_is_printed(installation, opened):
    assert "It begins on the last school day" in ok(installation, "turnover", "status")


def _spoil_staff_file(installation: Installation) -> Path:
    """Adds a column that no field takes up, a row with too many cells, and a day that is no day."""
    (path,) = installation.folder.rglob("personal_*.csv")
    title, header, first, *others = path.read_text(encoding="utf-8").splitlines()
    longer = [f"{header};Anteckning", f"{first};", *(f"{row};" for row in others), f"{first};a;b;c"]
    path.write_text("\n".join([title, *longer, ""]), encoding="utf-8")
    return path


def test_a_sync_and_a_check_say_what_a_file_holds_and_what_was_left(installation):
    path = _spoil_staff_file(installation)
    last = len(path.read_text(encoding="utf-8").splitlines())
    left = f"12 people; 1 row left out: more fields than the header ({path.name} line {last})"
    header = f"         {path.name}: 1 header that no field took up: Anteckning"

    checked = ok(installation, "check", "personal")
    assert f"         staff: {left}" in checked
    assert header in checked
    assert "; taken: " in checked
    assert f"personal/staff: complete, {left}" in ok(installation, "sync", "personal", "--dry-run")
    synced = ok(installation, "sync", "personal")
    assert f"personal/staff: complete, {left}" in synced
    assert header in synced
    # The file is the same, and so is what could not be read in it.
    assert ok(installation, "sync", "personal") == ("personal/staff: unchanged; as it was read last: 1 row left out\n")


def test_files_that_are_no_lists_are_named_whether_or_not_a_list_has_changed(installation):
    installation.names = ("listor",)
    installation.write()
    config = installation.config.read_text(encoding="utf-8")
    installation.config.write_text(config.replace("deliveries/datorer_*.csv", "lists"), encoding="utf-8")
    (installation.folder / "lists").mkdir()
    for name, text in (
        ("a.csv", "Serienr;Enhet\nA1;Bäckskolan\n"),
        ("Thumbs.db", "\0"),
        ("readme.txt", "Skicka till it"),
    ):
        (installation.folder / "lists" / name).write_text(text, encoding="utf-8")
    left = "left files that are no lists: Thumbs.db, readme.txt"

    assert left in ok(installation, "check", "listor")
    assert ok(installation, "sync", "listor").startswith(f"listor/devices: complete, 1 device; {left}\n")
    assert ok(installation, "sync", "listor") == f"listor/devices: unchanged; {left}\n"
    assert left in ok(installation, "check", "listor")
    (row,) = json.loads(ok(installation, "sources", "--format", "json"))["rows"]
    assert row["left_files"] == "Thumbs.db, readme.txt"


def test_the_list_of_sources_counts_what_could_not_be_read(installation):
    _spoil_staff_file(installation)
    ok(installation, "sync", "personal")

    rows = {row["source"]: row for row in json.loads(ok(installation, "sources", "--format", "json"))["rows"]}
    assert (rows["personal"]["unreadable_rows"], rows["personal"]["unused_headers"]) == (1, 1)
    assert rows["personal"]["unreadable_facts"] == 0


def test_what_is_left_out_on_purpose_is_counted(installation):
    installation.devices.append(device(99, managementAgent="eas"))

    assert "intune/devices: complete, 12 devices; left out on purpose: 1 mailbox" in ok(installation, "sync", "intune")


# --- the application itself -------------------------------------------------------------------------------------------------


def test_a_check_says_what_is_well_and_what_is_not(installation):
    out = ok(installation, "check")
    assert "ok       config.toml: 2 sources, 2 units" in out
    assert "intune/devices: DeviceManagementManagedDevices.Read.All is granted" in out
    installation.graph.permitted = False

    code, out, _ = run_and_catch(installation, "check", "intune", "--request")

    assert code == 1
    assert "FAILED   intune/devices" in out
    assert "It only reads. For that it needs:" in out
    assert "* intune (intune): DeviceManagementManagedDevices.Read.All (application), with admin consent" in out
    assert "  - Entra admin center > App registrations > " in out


def test_a_check_warns_of_what_is_well_and_will_not_stay_so(installation):
    installation.keys = {"intune": "credential_expires = 2026-12-01\n"}
    installation.write()

    out = ok(installation, "check", "intune", "--request")

    assert "warning  intune: the credential runs out on 2026-12-01\n         Make a new one under" in out
    assert "  - Make a new one under Certificates & secrets" in out
    assert "ok       intune/devices" in out


def test_a_check_offline_asks_nobody_and_shows_values_without_secrets(installation):
    out = ok(installation, "check", "--offline", "--values")
    assert installation.graph.stub_server.log == []
    assert "municipality.name = " in out
    assert "Exempelby-hemlighet-1" not in out


def test_a_database_is_copied_verified_and_restored(installation, opened):
    copy = installation.folder / "copy.db"
    ok(installation, "db", "backup", str(copy))
    assert copy.stat().st_mode & 0o077 == 0
    assert ok(installation, "db", "verify") == "the database is in order\n"
    assert "schema" in ok(installation, "db", "upgrade")
    opened.ledger.drop_source("intune")

    assert ok(installation, "db", "restore", str(copy), "--yes") == f"restored from {copy}\n"
    assert opened.count("covered") == 12


def test_a_purge_prints_what_was_deleted(installation, opened):
    assert ok(installation, "purge") == "nothing was due\n"
    opened.run()
    installation.advance_clock(days=100)
    installation.write_staff(installation.today)
    opened.run()

    assert "pull" in ok(installation, "purge")


def protect_and_correct(installation, opened):
    """Employee 3 is marked by mistake; then the file is right again."""
    for mark in ("Ja", ""):
        installation.staff[2] = StaffFileRow(n=3, mark=mark)
        installation.advance_clock(days=1)
        installation.write_staff(installation.today)
        opened.run()
        installation.advance_clock(hours=1)


@pytest.mark.parametrize("typed", [login(3), "00003", "19800104-102"])
def test_a_wrong_mark_is_taken_back_by_a_key_that_is_in_no_argument(installation, opened, typed):
    before = opened.count("entitled"), opened.count("covered")
    protect_and_correct(installation, opened)
    assert opened.count("entitled") == before[0] - 1
    typed = StaffFileRow(n=3).civic if typed.startswith("1980") else typed

    out = ok(installation, "unprotect", "--reason", "fel i filen", "--yes", typed=f"{typed}\n")
    assert "personal/staff" in out
    assert CANARY not in out
    opened.run()

    assert (opened.count("entitled"), opened.count("covered")) == before
    assert opened.snapshot.outcome.people
    assert not any(case.person.masked for case in opened.snapshot.outcome.people)


def test_a_key_of_nobody_protected_changes_nothing(installation, opened):
    code, _, errors = run_and_catch(installation, "unprotect", "--reason", "x", "--yes", typed=f"{login(3)}\n")

    assert (code, errors) == (
        1,
        "fleetsync: nobody who is protected has this number or log-in. Nothing was changed\n",
    )


@pytest.mark.parametrize("key", [login(3), "00003", "exempelby\\tek"])
def test_a_log_in_or_number_as_an_argument_is_refused_and_not_repeated(installation, key):
    code, _, errors = run_and_catch(installation, "unprotect", key, "--reason", "x", "--yes")

    assert code == 2
    assert "shell's history" in errors
    assert key not in errors


def test_an_id_of_nobody_protected_is_refused(installation, opened):
    code, _, errors = run_and_catch(installation, "unprotect", "pnobody", "--reason", "x", "--yes")

    assert (code, errors) == (1, "fleetsync: this person is not protected, or is not known. Nothing was changed\n")


def mark_everybody(installation, opened):
    """A wrong word marks all twelve, and the held pull is accepted by mistake. Its number."""
    installation.staff = [StaffFileRow(n=n, mark="Nej.") for n in range(1, 13)]
    installation.advance_clock(days=1)
    installation.write_staff(installation.today)
    (held,) = opened.run().held
    pull = str(held.effect.pull)
    out = ok(installation, "accept", "personal/staff", pull, "--reason", "so it is", "--yes")
    assert "12 persons of 12 are newly marked" in out
    assert "protected=Nej. (12)" in out
    assert "coverage     backskolan, staff: 12 of 12 → 0 of 0" in out
    return pull


def test_all_marks_of_one_pull_are_taken_back_once_the_source_is_right(installation, opened):
    before = opened.count("entitled"), opened.count("covered")
    pull = mark_everybody(installation, opened)

    out = ok(installation, "unprotect", "--pull", pull, "--reason", "fel ord", "--yes")
    assert f"pull {pull} of personal/staff marked 12 persons" in out
    installation.staff = [StaffFileRow(n=n, mark="Ja" if n == 3 else "") for n in range(1, 13)]
    installation.advance_clock(days=1)
    installation.write_staff(installation.today)
    shown = ok(installation, "sync", "--dry-run")
    assert "coverage     backskolan, staff: 0 of 0 → " in shown
    assert opened.count("entitled") == 0
    opened.run()
    opened.run()  # the devices were read beside the roster

    assert opened.count("entitled") == before[0] - 1
    masked = [case.person.masked for case in opened.snapshot.outcome.people]
    assert masked.count(True) == 1


def test_a_pull_whose_marks_are_to_be_taken_back_is_asked_about_first(installation, opened):
    pull = mark_everybody(installation, opened)
    code, out, _ = run_and_catch(installation, "unprotect", "--pull", pull, "--reason", "fel ord", typed="n\n")

    assert code == 1
    assert "marked 12 persons" in out
    assert [each.released_by for each in opened.ledger.marking_pulls()] == [None]


def test_a_pull_without_marks_is_refused_and_those_with_marks_are_named(installation, opened):
    pull = mark_everybody(installation, opened)
    code, _, errors = run_and_catch(installation, "unprotect", "--pull", "999", "--reason", "x", "--yes")

    assert code == 1
    assert errors == (
        "fleetsync: no mark of pull 999 stands. Nothing was changed. Pulls whose marks stand: "
        f"{pull} (personal/staff, 12 persons)\n"
    )


def test_the_marks_of_a_source_that_is_gone_can_only_be_released_one_at_a_time(installation, opened):
    pull = mark_everybody(installation, opened)
    installation.names = ("intune",)
    installation.write()
    code, _, errors = run_and_catch(installation, "unprotect", "--pull", pull, "--reason", "x", "--yes")

    assert code == 1
    assert "personal/staff is not configured any more" in errors


def test_a_person_and_a_pull_at_once_are_refused(installation):
    code, _, errors = run_and_catch(installation, "unprotect", "p1", "--pull", "1", "--reason", "x")

    assert (code, errors) == (2, "fleetsync: name a person or a pull, not both\n")


def test_accounts_come_change_and_go(installation):
    password = "ett-langt-losenord\n"
    assert (
        ok(installation, "user", "add", "kontoret", "--role", "strategist", typed=password)
        == "kontoret may sign in as strategist\n"
    )
    assert (
        ok(installation, "user", "passwd", "kontoret", typed="ett-annat-losenord\n") == "kontoret has a new password\n"
    )
    assert ok(installation, "user", "list") == "kontoret\tstrategist\n"
    assert ok(installation, "user", "remove", "kontoret") == "kontoret may not sign in any more\n"
    code, _, errors = run_and_catch(installation, "user", "add", "kort", typed="kort\n")
    assert (code, errors) == (2, "fleetsync: a password needs at least 12 characters\n")


@pytest.mark.parametrize(
    ("kind", "keys"),
    [("intune", ["client_secret_file"]), ("ss12000", ["client_secret_file", "token_file"]), ("staff_file", [])],
)
def test_a_new_configuration_names_the_secrets_of_each_kind(installation, tmp_path, kind, keys):
    file = tmp_path / "new" / "config.toml"
    ok(installation, "init", "--kind", kind, "--output", str(file))
    text = file.read_text(encoding="utf-8")

    assert re.findall(r"^# (\w+_file) = ", text, re.MULTILINE) == keys
    assert text.count("in place of the secret above") == max(len(keys) - 1, 0)


def test_a_lock_of_another_program_is_named_by_every_command_that_writes(installation, monkeypatch):
    monkeypatch.setattr(sqlite_database, "WRITER_BUSY_MS", 300)
    ok(installation, "sync")
    copy = installation.folder / "copy.db"
    ok(installation, "db", "backup", str(copy))
    with closing(sqlite3.connect(installation.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for words in (("sync",), ("purge",), ("db", "restore", str(copy), "--yes"), ("db", "confirm-clock", "--yes")):
            code, _, errors = run_and_catch(installation, *words)
            assert (code, "an error of our own" in errors) == (1, False), (words, errors)
            assert "is locked by another program" in errors, (words, errors)
        assert "backskolan" in ok(installation, "coverage")
        assert "intune" in ok(installation, "sources")


def test_the_clock_is_confirmed_by_hand(installation):
    ok(installation, "sync")

    assert ok(installation, "db", "confirm-clock", "--yes").startswith("the clock is confirmed; rows of times to come")


def test_a_configuration_is_written_and_runs_as_it_is(installation, tmp_path):
    file = tmp_path / "new" / "config.toml"
    ok(installation, "init", "--kind", "intune", "--name", "Exempelby", "--output", str(file))
    assert "exists and was not changed" in run_and_catch(installation, "init", "--output", str(file))[2]

    done = CliRunner().invoke(root, ["--config", str(file), "check", "--offline"])

    assert done.exit_code == 0
    assert "0 sources" in done.output
    assert "warning  no source is configured" in done.output

    online = CliRunner().invoke(root, ["--config", str(file), "check"])
    assert online.exit_code == 1
    assert "FAILED   no source is configured" in online.output

    nothing = CliRunner().invoke(root, ["--config", str(file), "sync"])
    assert nothing.exit_code == 1
    assert "no source is configured, so there is nothing to read" in nothing.output


def test_a_daemon_that_does_not_answer_is_not_healthy(installation):
    code, _, errors = run_and_catch(installation, "healthcheck")
    assert (code, errors) == (1, "fleetsync: the daemon does not answer at 127.0.0.1:1 (Connection refused)\n")


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", 0, ""),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", 1, "the daemon answers 503 at {at}/livez: its main loop hangs"),
        (b"220 mail.exempelby.se\r\n", 1, "what answers at {at} is not the daemon: look at [web] metrics_listen"),
        (b"", 1, "what answers at {at} is not the daemon: look at [web] metrics_listen"),
    ],
)
def test_a_health_check_says_what_answers(installation, answer, code, message):
    def answer_once(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        installation.port = server.getsockname()[1]
        installation.write()
        answering = Thread(target=answer_once, args=(server,))
        answering.start()
        result = run_and_catch(installation, "healthcheck")
        answering.join()

    at = f"127.0.0.1:{installation.port}"
    assert (result[0], result[2]) == (code, f"fleetsync: {message.format(at=at)}\n" if message else "")


def test_a_health_check_of_a_configuration_that_cannot_be_used_says_why(installation):
    installation.config.write_text("[web]\nmetrics_listen = 9470\n", encoding="utf-8")

    code, _, errors = run_and_catch(installation, "healthcheck")

    assert (code, errors) == (
        2,
        "fleetsync: config.toml: [web] metrics_listen = 9470 must be text in quotation marks\n",
    )


# --- bad input --------------------------------------------------------------------------------------------------------


def _unknown_key(installation: Installation) -> None:
    installation.config.write_text(
        installation.config.read_text(encoding="utf-8") + "\n[staleness]\nstale_after = 3\n", encoding="utf-8"
    )


def _no_secret(installation: Installation) -> None:
    (installation.folder / "secrets" / "intune").unlink()


def _wrong_secret(installation: Installation) -> None:
    (installation.folder / "secrets" / "intune").write_text("fel-hemlighet\n", encoding="ascii")


def _no_permission(installation: Installation) -> None:
    installation.graph.permitted = False


def _no_file(installation: Installation) -> None:
    for file in installation.deliveries.iterdir():
        file.unlink()


def _wrong_header(installation: Installation) -> None:
    installation.write_staff(installation.today, ("Kolumn A", "Kolumn B"))


def _blank_file(installation: Installation) -> None:
    (installation.deliveries / f"personal_{installation.today}.csv").write_bytes(b"")


def _empty_answer(installation: Installation) -> None:
    installation.devices = []


def _another_municipality(installation: Installation) -> None:
    installation.staff = [StaffFileRow(n=n) for n in range(500, 530)]
    installation.write_staff(installation.today)


def _no_database(installation: Installation) -> None:
    text = installation.config.read_text(encoding="utf-8").replace("database/fleetsync.db", "config.toml/fleetsync.db")
    installation.config.write_text(text, encoding="utf-8")


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
    "empty answer": (_empty_answer, 1, "the pull is empty; the 12 records that"),
    "another municipality": (_another_municipality, 1, "is this the content of another municipality or system?"),
    "no database": (_no_database, 1, "config.toml"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_reported_in_a_sentence_and_nothing_is_lost(installation, case):
    spoil, exit_code, sentence = BAD[case]
    with installation.open() as opened:
        opened.run()
    installation.advance_clock(hours=1)
    spoil(installation)

    code, out, errors = run_and_catch(installation, "sync")

    assert code == exit_code, out + errors
    assert sentence in errors
    assert "Traceback" not in out + errors
    assert "an error of our own" not in out + errors
    assert not [word for word in (CANARY, "fel-hemlighet", "Exempelby-hemlighet-1", login(1)) if word in out + errors]
    installation.write()
    with installation.open() as opened:
        assert (opened.count("entitled"), opened.count("covered")) == (12, 12)


def test_an_unreadable_file_is_refused_with_its_remedy(installation):
    if os.geteuid() == 0:
        # Root may read everything: a folder in the file's place is as unreadable to everybody.
        (installation.deliveries / "personal_2026-11-23.csv").unlink()
        (installation.deliveries / "personal_2026-11-23.csv").mkdir()
    else:
        (installation.deliveries / "personal_2026-11-23.csv").chmod(0)

    code, out, errors = run_and_catch(installation, "sync", "personal")

    assert (code, out) == (1, "")
    assert "may not be read" in errors or "no file matches" in errors


def test_a_device_without_a_serial_is_read_and_joined_with_nothing(installation):
    installation.devices += [device(90, "", serialNumber="0"), device(91, "", serialNumber="0")]

    assert "intune/devices: complete, 14 devices" in ok(installation, "sync")
    assert len(ok(installation, "devices").splitlines()) == 15


@pytest.mark.parametrize("words", [("sync", "personal"), ("sync", "personal/staff"), ("load", "personal", "{config}")])
def test_a_frozen_source_is_never_pulled(installation, words):
    installation.keys["personal"] = "disabled = true"
    installation.write()

    code, out, errors = run_and_catch(installation, *(word.format(config=installation.config) for word in words))

    assert (code, out) == (2, "")
    assert "personal is frozen: nothing is pulled from it. Remove disabled = true from its table" in errors


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("sync", "jamf"), "jamf is no source. Configured: personal, intune"),
        (("accept", "intune/pupils", "1", "--reason", "x"), "pupils is no part of this source"),
        (("load", "intune", "{config}"), "intune is not a source of files. Sources of files: personal"),
        (("load", "personal", "/nowhere.csv"), "does not exist"),
        (("db", "restore", "{config}", "--yes"), "is damaged"),
        (("user", "remove", "ingen"), "there is no account of that name"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_refused_with_the_right_ones(installation, words, sentence):
    code, _, errors = run_and_catch(installation, *(word.format(config=installation.config) for word in words))

    assert code in (1, 2)
    assert sentence in errors
    assert "an error of our own" not in errors


def test_a_missing_configuration_is_reported(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "fleetsync", "--config", str(tmp_path / "no.toml"), "sync"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("fleetsync: ")
    assert "Traceback" not in done.stderr


def run_console_script(*words, before="pass", **redirected):
    """`fleetsync WORDS` in a process of its own, as it is installed; *before*: a statement that runs first."""
    script = f"{before}; import sys; sys.argv = {['fleetsync', *words]}; from fleetsync.__main__ import main; main()"
    return subprocess.run([sys.executable, "-c", script], cwd=ROOT, text=True, check=False, **redirected)


def test_a_command_ends_its_process_without_taking_its_memory_apart():
    at_exit = "import atexit; atexit.register(print, 'taken apart')"

    done = run_console_script("--help", before=at_exit, capture_output=True)

    assert (done.returncode, done.stdout.splitlines()[-1].split()[0]) == (0, max(COMMANDS))


def test_a_command_that_cannot_print_fails():
    with Path("/dev/full").open("w") as full:
        done = run_console_script("--help", stdout=full, stderr=subprocess.PIPE)

    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_an_error_of_our_own_is_one_line_with_a_place_and_quotes_nothing():
    reported = io.StringIO()
    with redirect_stderr(reported), pytest.raises(SystemExit) as ended, report_errors():
        raise KeyError(f"{CANARY} is not there")

    assert ended.value.code == 1
    assert reported.getvalue().startswith("fleetsync: an error of our own, KeyError at ")
    assert CANARY not in reported.getvalue()


# --- help -------------------------------------------------------------------------------------------------------------


def test_the_overview_names_every_command():
    done = CliRunner().invoke(root, ["--help"])

    assert all(f"  {name} " in done.output for name in COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_says_what_it_does(name):
    done = CliRunner().invoke(root, [name, "--help"])

    assert done.exit_code == 0, done.output
    assert done.output.startswith("Usage:")
