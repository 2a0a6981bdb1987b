"""One run over real files and HTTP: plausible pulls are believed, others are held, and numbers grow old, not lower."""

import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from fleetsync import log, sync
from fleetsync.cli import root
from fleetsync.core.model import Verdict
from fleetsync.daemon.configured_ledger import retention_periods
from fleetsync.daemon.health import Health
from fleetsync.store import tables as t
from fleetsync.store.ledger import PullNotHeld
from tests.flow.installation import (
    CANARY,
    OTHER_COST_CENTRE,
    OTHER_SCHOOL,
    SCHOOL,
    ZONE,
    Installation,
    OpenInstallation,
    StaffFileRow,
    device,
    login,
    serial,
)
from tests.flow.memory_check import checked_memory  # noqa: F401 - used by all tests here


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, people=40) as built:
        yield built


@pytest.fixture
def opened(installation: Installation) -> Iterator[OpenInstallation]:
    with installation.open() as opened:
        opened.run()
        installation.advance_clock(days=1)
        yield opened


@pytest.fixture
def log_output() -> io.StringIO:
    out = io.StringIO()
    log.setup("INFO", json=True, to=out)
    return out


def lines(log_output: io.StringIO, event: str) -> list[dict[str, object]]:
    events = [json.loads(line) for line in log_output.getvalue().splitlines()]
    return [line for line in events if line["event"] == event]


def numbers(opened: OpenInstallation) -> dict[str, int]:
    return {word: opened.count(word) for word in ("entitled", "covered", "assigned", "short", "unknown")}


def loses_devices(installation: Installation, left: int) -> None:
    installation.devices = installation.devices[:left]


# --- believed or held -------------------------------------------------------------------------------------------------


def test_the_first_pulls_are_believed_and_counted(opened):
    assert numbers(opened) == {"entitled": 40, "covered": 40, "assigned": 40, "short": 0, "unknown": 0}


def test_a_held_pull_keeps_the_numbers_and_says_how_to_accept_it(installation, opened):
    before = numbers(opened)
    loses_devices(installation, 4)

    (held,) = opened.run("intune").held

    assert numbers(opened) == before
    reason = opened.part("intune/devices").reason
    assert reason is not None
    assert "36 of 40 device records are absent; the limit is 5" in reason
    assert f"fleetsync accept intune/devices {held.effect.pull} --reason" in reason


def test_an_accepted_pull_is_believed_and_what_it_lacked_is_gone_at_once(installation, opened):
    loses_devices(installation, 4)
    (held,) = opened.run("intune").held

    sync.accept(
        opened.application.run_context, "intune", "devices", held.effect.pull, who="test", reason="they were stolen"
    )

    known = [known for known in opened.application.run_context.believed().known if known.source == "intune"]
    assert sum(record.gone for record in known) == 36
    assert opened.part("intune/devices").held_pull is None
    assert opened.count("covered") == 4


def test_the_pulls_after_an_accepted_one_are_not_held_for_what_a_person_has_confirmed(installation, opened):
    loses_devices(installation, 4)
    (held,) = opened.run("intune").held
    sync.accept(opened.application.run_context, "intune", "devices", held.effect.pull, who="test", reason="stolen")

    installation.advance_clock(hours=1)

    assert opened.run("intune").held == ()


def test_a_rejected_pull_is_forgotten(installation, opened):
    loses_devices(installation, 4)
    (held,) = opened.run("intune").held

    opened.ledger.reject(held.effect.pull, "test", "half a listing")

    assert opened.part("intune/devices").held_pull is None
    with pytest.raises(PullNotHeld):
        sync.accept(
            opened.application.run_context, "intune", "devices", held.effect.pull, who="test", reason="after all"
        )
    with opened.ledger._read_transaction() as connection:
        assert connection.execute(select(t.staged_record)).all() == []


def test_a_later_plausible_pull_dissolves_a_held_one(installation, opened):
    everything = installation.devices
    loses_devices(installation, 4)
    opened.run("intune")
    installation.devices = everything

    assert opened.run("intune").held == ()
    assert opened.part("intune/devices").held_pull is None
    assert opened.part("intune/devices").reason is None


def test_three_held_pulls_that_agree_are_announced_and_not_applied(installation, opened):
    loses_devices(installation, 4)

    rules = [[refusal.rule for refusal in opened.run("intune").held[0].refusals] for _ in range(4)]

    assert ["agreed" in of_pull for of_pull in rules] == [False, False, True, True]
    assert "probably the new truth" in (opened.part("intune/devices").reason or "")
    assert opened.count("covered") == 40


def test_the_metrics_say_that_a_held_pull_agrees_with_those_before_and_how_many_pages_were_read(installation, opened):
    health = Health(opened.application.run_context.clock, opened.ledger)
    loses_devices(installation, 4)

    said = []
    for _ in range(3):
        opened.run("intune")
        health.refresh_from_database(opened.application)
        status = health.daemon_status(opened.application, is_leader=True)
        (part,) = (part for part in status.parts if (part.source, part.part) == ("intune", "devices"))
        said.append((part.is_held, part.is_held_in_agreement, status.pages["intune",]))

    assert [at[:2] for at in said] == [(True, False), (True, False), (True, True)]
    pages = [at[2] for at in said]
    assert pages[1] - pages[0] == pages[2] - pages[1] > 0
    assert not status.makes_backups


def test_held_pulls_that_say_different_things_do_not_agree(installation, opened):
    rules = []
    for left in (4, 20, 4, 20):
        installation.devices = [device(n) for n in range(1, left + 1)]
        rules += [refusal.rule for refusal in opened.run("intune").held[0].refusals]

    assert "agreed" not in rules


def test_a_rejection_begins_the_count_of_agreeing_pulls_anew(installation, opened):
    loses_devices(installation, 4)
    opened.run("intune")
    (held,) = opened.run("intune").held
    opened.ledger.reject(held.effect.pull, "test", "no")

    rules = [refusal.rule for _ in range(2) for refusal in opened.run("intune").held[0].refusals]

    assert "agreed" not in rules


def test_the_same_file_read_three_times_is_no_agreement(installation, opened):
    installation.staff = installation.staff[:4]
    installation.write_staff(installation.today)

    rules = [refusal.rule for _ in range(4) for refusal in opened.run("personal").held[0].refusals]

    assert "shrink" in rules
    assert "agreed" not in rules


def test_the_file_of_another_municipality_is_held_by_the_ids_in_it(installation, opened):
    installation.staff = [StaffFileRow(n=n) for n in range(500, 540)]
    installation.write_staff(installation.today)

    (held,) = opened.run("personal").held

    assert "identity" in {refusal.rule for refusal in held.refusals}
    assert opened.count("entitled") == 40


def test_an_older_file_is_held(installation, opened):
    opened.run("personal")
    for file in installation.deliveries.glob("personal_*"):
        file.unlink()
    installation.write_staff(date(2026, 10, 1))

    (held,) = opened.run("personal").held

    assert [refusal.rule for refusal in held.refusals] == ["older"]


# --- the outcome check ------------------------------------------------------------------------------------------------


def test_the_pull_that_would_move_a_unit_too_far_is_held_and_the_others_are_applied(installation, opened):
    # Nearly all log-ins belong to another domain: every field is filled, and no employee has a device.
    installation.devices = [device(n, f"stranger.{n}@annanby.se") for n in range(1, 41)]
    installation.staff.append(StaffFileRow(n=41))
    installation.write_staff(installation.today)

    report = opened.run()

    assert [(judged.effect.source, judged.refusals[0].rule) for judged in report.held] == [("intune", "outcome")]
    assert [judged.effect.source for judged in report.applied] == ["personal"]
    assert opened.count("covered") == 40
    assert opened.count("entitled") == 41


def test_pulls_that_together_move_a_unit_too_far_are_not_all_believed_though_each_alone_might_be(installation, opened):
    installation.staff = [StaffFileRow(n=n, centre=OTHER_COST_CENTRE if n <= 5 else "3101") for n in range(1, 41)]
    installation.write_staff(installation.today)
    installation.devices = [device(n, f"stranger.{n}@annanby.se") if n > 35 else device(n) for n in range(1, 41)]

    report = opened.run()

    assert [judged.effect.source for judged in report.applied] == ["personal"]
    assert [judged.effect.source for judged in report.held] == ["intune"]
    assert opened.count("covered") == 35, "only those who moved"


def test_a_dry_run_says_what_would_move_a_unit_too_far(installation, opened):
    installation.devices = [device(n, f"stranger.{n}@annanby.se") for n in range(1, 41)]

    dry_run = opened.dry_run()

    (held,) = dry_run.held
    assert "backskolan, staff: covered would go from 40 to 0; the limit is 20% and 5" in {r.en for r in held.reasons}
    assert dry_run.plan.coverage_changes == ()
    assert [(change.covered_before, change.covered_after) for change in held.plan.coverage_changes] == [(40, 0)]


def test_a_staff_that_turns_hourly_is_held_though_every_field_is_filled_with_a_known_word(installation, opened):
    installation.staff = [StaffFileRow(n=n, form="Timavlönad") for n in range(1, 41)]
    installation.write_staff(installation.today)

    (held,) = opened.run("personal").held

    assert [refusal.rule for refusal in held.refusals][:1] == ["outcome"]
    assert opened.count("entitled") == 40


def test_a_state_that_the_connector_does_not_know_any_more_holds_the_pull_the_first_time_only(installation, opened):
    for row in installation.devices[:3]:
        row["managementState"] = "novelState"
    assert not opened.run("intune").held, "some have a new word every year"

    for row in installation.devices:
        row["managementState"] = "novelState"
    (held,) = opened.run("intune").held

    assert {refusal.rule for refusal in held.refusals} == {"filled", "known"}
    assert opened.count("covered") == 40 - 3


def test_numbers_that_creep_are_held_at_the_pull_that_crosses_the_limit(tmp_path):
    with Installation(tmp_path, people=140) as installation, installation.open() as opened:
        opened.run()
        left, rules = 140, []
        for _ in range(3):
            installation.advance_clock(days=11)
            left -= 10
            contact = f"{installation.today}T04:31:00Z"
            installation.devices = [
                device(n, "" if n > left else None, lastSyncDateTime=contact) for n in range(1, 141)
            ]
            rules.append([refusal.rule for judged in opened.run("intune").held for refusal in judged.refusals])

        assert rules == [[], [], ["creep"]]
        assert opened.count("covered") == 120


def test_an_empty_pull_offers_no_command_that_would_believe_it(installation, opened):
    installation.devices = []

    (held,) = opened.run("intune").held

    reason = opened.part("intune/devices").reason or ""
    assert held.refusals[0].rule == "empty"
    assert "the 40 records that are believed stay" in reason
    assert "fleetsync accept" not in reason
    assert "allow_empty" not in reason
    rules = [refusal.rule for _ in range(4) for refusal in opened.run("intune").held[0].refusals]
    assert "agreed" not in rules, "that nothing comes is no truth, however often"


def test_a_locked_database_while_judging_leaves_every_part_free(tmp_path, monkeypatch):
    monkeypatch.setattr("fleetsync.store.sqlite_database.WRITER_BUSY_MS", 20)
    with Installation(tmp_path) as installation, installation.open() as opened:
        pulled = sync.pull_side_by_side(opened.application.run_context, opened.due())
        with closing(sqlite3.connect(installation.database, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(Exception, match="locked"):
                sync.judge_and_apply(opened.application.run_context, pulled)
            other.execute("ROLLBACK")

        assert [result.verdict for result in opened.run().pulled] == [Verdict.COMPLETE] * 2


def test_a_pull_of_an_mdm_without_any_contact_is_held_and_no_number_falls(installation, opened):
    for row in installation.devices[:4]:
        row["lastSyncDateTime"] = "0001-01-01T00:00:00Z"
    assert [result.verdict for result in opened.run("intune").pulled] == [Verdict.COMPLETE]
    assert not opened.run("intune").held, "the same values as before are no fall"

    for row in installation.devices:
        row["lastSyncDateTime"] = "0001-01-01T00:00:00Z"
    for _ in range(30):
        installation.advance_clock(days=1)
        assert [refusal.rule for judged in opened.run("intune").held for refusal in judged.refusals][:1] == ["filled"]
    assert opened.count("covered") == 40

    for row in installation.devices:
        row["lastSyncDateTime"] = f"{installation.today}T04:31:00Z"
    assert not opened.run("intune").held


def test_a_held_file_that_is_withdrawn_waits_for_no_decision(installation, opened):
    whole, installation.staff = installation.staff, installation.staff[:5]
    installation.write_staff(installation.today)
    (held,) = opened.run("personal").held
    newest = max(installation.deliveries.glob("*.csv"), key=lambda file: file.name)
    opened.run("personal")
    assert opened.part("personal/staff").held_pull is not None, "it is still there"

    newest.unlink()
    assert [result.verdict for result in opened.run("personal").pulled] == [Verdict.UNCHANGED]

    assert opened.part("personal/staff").held_pull is None
    with pytest.raises(PullNotHeld):
        sync.accept(
            opened.application.run_context, "personal", "staff", held.effect.pull, who="test", reason="after all"
        )
    assert opened.count("entitled") == len(whole)


def test_what_a_slow_first_pull_finds_has_no_age_though_others_were_reconciled_meanwhile(installation):
    with installation.open() as opened:
        pulled = sync.pull_side_by_side(opened.application.run_context, opened.due())
        installation.advance_clock(minutes=1)
        sync.reconcile_now(opened.application.run_context)
        installation.advance_clock(minutes=1)
        sync.judge_and_apply(opened.application.run_context, pulled)
        installation.advance_clock(days=1)
        installation.staff.append(StaffFileRow(n=41))
        installation.devices.append(device(41))
        installation.write_staff(installation.today)
        opened.run()

        known_before = [assignment.known_before for assignment in opened.application.run_context.believed().assignments]

    assert (known_before.count(True), known_before.count(False)) == (40, 1)


def test_rosters_are_tried_first(installation, opened):
    installation.staff = [StaffFileRow(n=n, centre=CENTRE_OF[n <= 30]) for n in range(1, 41)]
    installation.keys["personal"] = "max_shrink_ratio = 1"
    installation.write_staff(installation.today)
    installation.devices = [device(n, f"stranger.{n}@annanby.se") for n in range(1, 41)]

    report = opened.run()

    assert {judged.effect.source for judged in report.held} >= {"intune"}
    assert report.held[0].effect.source == "personal"


CENTRE_OF = {True: OTHER_COST_CENTRE, False: "3101"}


def test_across_a_change_of_configuration_the_outcome_may_move(installation, opened):
    installation.more = '[identity]\nfunction_accounts = ["tuva.*.1?@exempelby.se"]\n'
    installation.write()
    with installation.open() as changed:
        installation.devices = [device(n, f"stranger.{n}@annanby.se") for n in range(1, 41)]

        assert changed.run("intune").held == ()
        assert changed.count("covered") < 20


# --- a failure of one part leaves the others alone -----------------------------------------------------------------------


def test_a_pull_that_came_too_late_fails_with_that_reason_and_the_others_are_applied(installation, opened):
    installation.devices.append(device(41, ""))
    installation.staff.append(StaffFileRow(n=41))
    installation.write_staff(installation.today)
    pulled = sync.pull_side_by_side(opened.application.run_context, opened.due())
    # Another process applies a later pull of the part in the meantime.
    with opened.ledger._write_transaction() as connection:
        connection.execute(t.part_state.update().where(t.part_state.c.source == "intune").values(complete_pull=9999))

    report = sync.judge_and_apply(opened.application.run_context, pulled)

    failed = {result.source: result.reason for result in report.pulled if result.verdict is Verdict.FAILED}
    assert list(failed) == ["intune"]
    assert "pull 9999 was believed after" in failed["intune"]
    assert [judged.effect.source for judged in report.applied] == ["personal"]
    assert opened.count("entitled") == 41
    assert report.outcome.coverage == opened.snapshot.outcome.coverage


def test_a_pull_of_a_source_that_is_no_longer_configured_ends(installation, opened):
    pulled = sync.pull_side_by_side(opened.application.run_context, opened.due("intune"))
    installation.names = ("personal",)
    installation.write()
    with installation.open() as smaller:
        report = sync.judge_and_apply(smaller.application.run_context, pulled)

    assert (report.pulled[0].verdict, report.applied) == (Verdict.FAILED, ())
    assert "no longer configured" in report.pulled[0].reason


def test_an_error_of_our_own_while_judging_leaves_no_pull_behind(installation, opened):
    pulled = sync.pull_side_by_side(opened.application.run_context, opened.due("intune"))
    with opened.ledger._write_transaction() as connection:
        connection.execute(t.record.update().values(body="{"))

    with pytest.raises(Exception, match="truncated"):
        sync.judge_and_apply(opened.application.run_context, pulled)

    assert opened.ledger.pulls("intune", "devices")[0].verdict is Verdict.FAILED


def test_a_failed_part_leaves_the_others(installation, opened):
    installation.graph.stub_server.fail("/", "hang_up", times=99)
    installation.staff.append(StaffFileRow(n=41))
    installation.write_staff(installation.today)

    report = opened.run()

    assert {result.source: result.verdict for result in report.pulled} == {
        "personal": Verdict.COMPLETE,
        "intune": Verdict.FAILED,
    }
    assert opened.count("entitled") == 41


def test_a_part_that_breaks_is_logged_once_and_once_more_when_it_recovers(installation, opened, log_output):
    installation.graph.stub_server.fail("/", "unavailable", times=99)
    for _ in range(3):
        opened.run("intune")
    installation.graph.stub_server.clear_faults()
    for _ in range(2):
        opened.run("intune")

    assert [line["source"] for line in lines(log_output, "pull failed")] == ["intune"]
    assert [line["source"] for line in lines(log_output, "part recovered")] == ["intune"]


def test_a_held_part_is_logged_once_and_again_when_three_pulls_agree(installation, opened, log_output):
    loses_devices(installation, 4)
    for _ in range(5):
        opened.run("intune")

    rules = [line["rules"] for line in lines(log_output, "pull held")]
    assert len(rules) == 2
    assert rules[1] == [*rules[0], "agreed"]  # type: ignore[misc]


# --- time -------------------------------------------------------------------------------------------------------------


def test_a_dead_source_makes_numbers_old_and_never_lower(installation, opened):
    installation.graph.stub_server.fail("/", "unavailable", times=9999)
    before, seen_at = numbers(opened), opened.part("intune/devices").as_of

    for _ in range(3):
        installation.advance_clock(days=30)
        opened.run("intune")

    assert numbers(opened) == before
    assert opened.part("intune/devices").as_of == seen_at
    assert "is not working (503)" in (opened.part("intune/devices").reason or "")
    assert "source_stale" in {episode.kind for episode in opened.snapshot.outcome.episodes}


def test_a_device_that_vanished_counts_until_its_grace_has_passed(installation, opened):
    loses_devices(installation, 39)
    covered = []
    for _ in range(4):
        opened.run("intune")
        covered.append(opened.count("covered"))
        installation.advance_clock(hours=12)

    assert covered == [40, 40, 39, 39]


def test_without_grace_a_device_is_gone_with_the_first_pull_that_lacks_it(installation):
    installation.keys["intune"] = "grace_pulls = 0\n"
    installation.write()
    with installation.open() as opened:
        opened.run()
        loses_devices(installation, 39)
        installation.advance_clock(hours=1)
        opened.run("intune")

        assert opened.count("covered") == 39


def test_an_employee_who_left_a_monthly_file_counts_until_the_next_one(installation, opened):
    installation.staff = installation.staff[:39]
    entitled = []
    for _ in range(3):
        installation.write_staff(installation.today)
        opened.run("personal")
        opened.run("personal")  # the same edition, read again, is no second sighting
        entitled.append(opened.count("entitled"))
        installation.advance_clock(days=31)

    assert entitled == [40, 39, 39]


def test_in_the_turnover_window_a_roster_may_lose_half_of_its_rows(tmp_path):
    with Installation(tmp_path, people=40) as installation:
        installation.clock.set(datetime(2027, 6, 21, 6, 30, tzinfo=ZONE))
        installation.write_staff(date(2027, 6, 20))
        with installation.open() as opened:
            opened.run()
            installation.advance_clock(days=1)
            installation.staff = installation.staff[:25]
            installation.write_staff(date(2027, 6, 22))

            assert opened.run("personal").held == ()


# --- rehearsals and files by hand -------------------------------------------------------------------------------------


def test_a_dry_run_says_what_would_change_and_writes_nothing(installation):
    with installation.open() as opened:
        opened.run()
    installation.advance_clock(days=1)
    installation.devices = [*installation.devices[:38], device(41, "")]
    before = _bytes(installation.database)

    with installation.open() as opened:
        dry_run = opened.dry_run()

    assert (dry_run.plan.new, dry_run.plan.absent, dry_run.held) == (1, 2, ())
    assert _bytes(installation.database) == before


def test_a_dry_run_says_what_would_be_held(installation, opened):
    loses_devices(installation, 4)

    (held,) = opened.dry_run().held

    assert (held.source, held.part) == ("intune", "devices")
    assert "36 of 40 device records are absent" in held.reasons[0].en
    assert held.plan.absent == 36


MARKED = range(1, 31)  # of forty


def test_a_dry_run_says_what_many_marks_would_change(installation, opened):
    """How many of how many, by which word, and what becomes of each unit's numbers: never a person."""
    installation.staff = [StaffFileRow(n=n, mark="Nej." if n in MARKED else "") for n in range(1, 41)]
    installation.write_staff(installation.today)

    dry_run = opened.dry_run()

    (held,) = dry_run.held
    (reason,) = held.reasons
    assert "30 persons of 40 are newly marked as protected at once" in reason.en
    assert reason.en.endswith(": protected=Nej. (30)")
    moved = {(change.unit, change.entitled_before, change.entitled_after) for change in held.plan.coverage_changes}
    assert moved == {("backskolan", 40, 10), ("unplaced", 0, 30)}
    assert dry_run.plan.coverage_changes == ()


def test_a_first_pull_that_marks_many_is_held_and_a_dry_run_shows_what_it_would_bring(installation):
    installation.staff = [StaffFileRow(n=n, mark="Nej.") for n in range(1, 41)]
    installation.write_staff(installation.today)
    with installation.open() as opened:
        (held,) = opened.dry_run().held
        report = opened.run()

        assert "40 persons of" in held.reasons[0].en
        assert {change.unit for change in held.plan.coverage_changes} == {"unplaced"}
        assert [refusal.rule for judged in report.held for refusal in judged.refusals] == ["marks"]
        assert opened.count("entitled") == 0


def test_a_word_that_few_share_is_never_repeated(installation, opened):
    """A column that holds notes, or names, marks everybody: what it says of each is nobody's business."""
    installation.staff = [StaffFileRow(n=n, mark=f"{CANARY} {n}") for n in range(1, 41)]
    installation.write_staff(installation.today)

    (held,) = opened.dry_run().held

    assert CANARY not in held.reasons[0].en
    assert held.reasons[0].en.endswith("before this is accepted")


def test_a_dry_run_protects_persons_that_are_marked_and_writes_nothing_else(installation, opened):
    installation.staff[0] = StaffFileRow(n=1, mark="J")
    installation.write_staff(installation.today)

    opened.dry_run()

    assert opened.ledger.protected_tokens()
    assert all(login(1) not in str(known.record) for known in opened.application.run_context.believed().known)
    assert len(opened.ledger.pulls("personal", "staff")) == 1


def _bytes(file: Path) -> str:
    return sha256(
        b"".join(part.read_bytes() for part in sorted(file.parent.glob("fleetsync.db*")) if part.is_file())
    ).hexdigest()


def test_a_file_that_comes_by_hand_shows_its_plan_and_is_believed(installation, opened):
    installation.staff.append(StaffFileRow(n=41))
    handed = installation.write_staff(installation.today).rename(
        installation.folder / f"personal_{installation.today}.csv"
    )
    environment = {"FLEETSYNC_NOW": installation.clock.now().isoformat()}

    done = CliRunner().invoke(
        root, ["--config", str(installation.config), "load", "personal", str(handed)], input="y\n", env=environment
    )

    assert done.exit_code == 0, done.output
    assert "records      2 new, 0 changed, 0 back, 0 absent" in done.output
    assert "complete, 41 people" in done.output
    assert opened.count("entitled") == 41


# --- several sources --------------------------------------------------------------------------------------------------


def test_a_list_lends_its_devices_and_an_absent_list_takes_none_away(installation):
    installation.names = ("personal", "intune", "listor")
    installation.write()
    rows = [{"Serienummer": serial(n), "Enhet": "Ängsskolan", "Status": "I drift"} for n in (1, 2)]
    first = installation.write_list("a", installation.today, rows)
    with installation.open() as opened:
        opened.run()
        first.unlink()
        for _ in range(3):
            installation.advance_clock(days=2)
            opened.run()

        assert sum(case.placement.unit == OTHER_SCHOOL for case in opened.snapshot.outcome.devices) == 2
        assert "no file matches" in (opened.part("listor/devices").reason or "")


def test_every_number_of_a_run_is_the_one_that_a_new_start_would_show(installation, opened):
    installation.devices = installation.devices[:38]
    installation.staff = installation.staff[:39]
    installation.write_staff(installation.today)

    report = opened.run()

    assert report.outcome.coverage == opened.snapshot.outcome.coverage
    assert opened.count("entitled", SCHOOL) == next(
        row.entitled for row in report.outcome.coverage if (row.unit, row.entitlement) == (SCHOOL, "staff")
    )


def test_the_totals_of_gaps_survive_as_the_exposition_takes_them(installation, opened):
    installation.staff.append(StaffFileRow(n=41, first="2026-01-01"))
    installation.write_staff(installation.today)
    opened.run()

    assert sync.counter_totals(opened.ledger)["fleetsync_gaps_opened"][("no_device",)] >= 1


def test_retention_follows_the_configuration(installation, opened):
    kept = retention_periods(
        opened.application.settings.database.model_copy(update={"keep_pulls_days": 7, "keep_history_months": 6})
    )
    assert (kept["pull"], kept["owed"]) == (timedelta(days=7), timedelta(days=183))

    for _ in range(3):
        installation.devices = [device(n, lastSyncDateTime=f"{installation.today}T00:00:00Z") for n in range(1, 41)]
        opened.run("intune")
        installation.advance_clock(days=10)
    gone = opened.ledger.purge(opened.application.run_context.clock.now(), kept)

    assert gone["pull"] == 3
    assert len(opened.ledger.pulls("intune", "devices")) == 1
