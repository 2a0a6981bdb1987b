"""One run: what may be believed is, what may not waits, and a number is old rather than lower. Over real files and HTTP."""

import io
import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from fleetsync import log, sync
from fleetsync.cli import root
from fleetsync.core.model import Verdict
from fleetsync.daemon.composition import retention_periods
from fleetsync.store import tables as t
from fleetsync.store.ledger import PullNotHeld
from tests.flow.installation import (
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


@pytest.fixture
def village(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, people=40) as built:
        yield built


@pytest.fixture
def life(village: Installation) -> Iterator[OpenInstallation]:
    with village.open() as opened:
        opened.run()
        village.advance_clock(days=1)
        yield opened


@pytest.fixture
def told() -> io.StringIO:
    out = io.StringIO()
    log.setup("INFO", json=True, to=out)
    return out


def lines(told: io.StringIO, event: str) -> list[dict[str, object]]:
    found = [json.loads(line) for line in told.getvalue().splitlines()]
    return [line for line in found if line["event"] == event]


def numbers(life: OpenInstallation) -> dict[str, int]:
    return {word: life.count(word) for word in ("entitled", "covered", "assigned", "short", "unknown")}


def loses_devices(village: Installation, left: int) -> None:
    village.devices = village.devices[:left]


# --- believed or held -------------------------------------------------------------------------------------------------


def test_the_first_pulls_are_believed_and_counted(life):
    assert numbers(life) == {"entitled": 40, "covered": 40, "assigned": 40, "short": 0, "unknown": 0}


def test_a_held_pull_keeps_the_numbers_and_says_how_to_accept_it(village, life):
    before = numbers(life)
    loses_devices(village, 4)

    (held,) = life.run("intune").held

    assert numbers(life) == before
    reason = life.part("intune/devices").reason
    assert reason is not None
    assert "36 of 40 device records are absent; the limit is 10" in reason
    assert f"fleetsync accept intune/devices {held.effect.pull} --reason" in reason


def test_an_accepted_pull_is_believed_and_what_it_lacked_is_absent(village, life):
    loses_devices(village, 4)
    (held,) = life.run("intune").held

    sync.accept(
        life.application.run_context, "intune", "devices", held.effect.pull, who="test", reason="they were stolen"
    )

    known = [known for known in life.application.run_context.believed().known if known.source == "intune"]
    assert sum(one.absent_since is not None for one in known) == 36
    assert life.part("intune/devices").held_pull is None
    assert life.count("covered") == 40  # absence has its grace


def test_a_rejected_pull_is_forgotten(village, life):
    loses_devices(village, 4)
    (held,) = life.run("intune").held

    life.ledger.reject(held.effect.pull, "test", "half a listing")

    assert life.part("intune/devices").held_pull is None
    with pytest.raises(PullNotHeld):
        sync.accept(life.application.run_context, "intune", "devices", held.effect.pull, who="test", reason="after all")
    with life.ledger._read_transaction() as connection:
        assert connection.execute(select(t.staged_record)).all() == []


def test_a_later_plausible_pull_dissolves_a_held_one(village, life):
    everything = village.devices
    loses_devices(village, 4)
    life.run("intune")
    village.devices = everything

    assert life.run("intune").held == ()
    assert life.part("intune/devices").held_pull is None
    assert life.part("intune/devices").reason is None


def test_three_held_pulls_that_agree_are_announced_and_not_applied(village, life):
    loses_devices(village, 4)

    rules = [[refusal.rule for refusal in life.run("intune").held[0].refusals] for _ in range(4)]

    assert ["agreed" in of_pull for of_pull in rules] == [False, False, True, True]
    assert "probably the new truth" in (life.part("intune/devices").reason or "")
    assert life.count("covered") == 40


def test_held_pulls_that_say_different_things_do_not_agree(village, life):
    rules = []
    for left in (4, 20, 4, 20):
        village.devices = [device(n) for n in range(1, left + 1)]
        rules += [refusal.rule for refusal in life.run("intune").held[0].refusals]

    assert "agreed" not in rules


def test_a_rejection_begins_the_count_of_agreeing_pulls_anew(village, life):
    loses_devices(village, 4)
    life.run("intune")
    (held,) = life.run("intune").held
    life.ledger.reject(held.effect.pull, "test", "no")

    rules = [refusal.rule for _ in range(2) for refusal in life.run("intune").held[0].refusals]

    assert "agreed" not in rules


def test_one_file_that_is_read_thrice_is_no_agreement(village, life):
    village.staff = village.staff[:4]
    village.write_staff(village.today)

    rules = [refusal.rule for _ in range(4) for refusal in life.run("personal").held[0].refusals]

    assert "shrink" in rules
    assert "agreed" not in rules


def test_the_file_of_another_municipality_is_held_by_the_ids_in_it(village, life):
    village.staff = [StaffFileRow(n=n) for n in range(500, 540)]
    village.write_staff(village.today)

    (held,) = life.run("personal").held

    assert "identity" in {refusal.rule for refusal in held.refusals}
    assert life.count("entitled") == 40


def test_an_older_file_is_held(village, life):
    life.run("personal")
    for file in village.deliveries.glob("personal_*"):
        file.unlink()
    village.write_staff(date(2026, 10, 1))

    (held,) = life.run("personal").held

    assert [refusal.rule for refusal in held.refusals] == ["older"]


# --- the outcome check ------------------------------------------------------------------------------------------------


def test_the_pull_that_would_move_a_unit_too_far_is_held_and_the_others_are_applied(village, life):
    # The log-ins of nearly all devices are another domain's: each field is filled, and nobody has a device.
    village.devices = [device(n, f"stranger.{n}@annanby.se") for n in range(1, 41)]
    village.staff.append(StaffFileRow(n=41))
    village.write_staff(village.today)

    report = life.run()

    assert [(one.effect.source, one.refusals[0].rule) for one in report.held] == [("intune", "outcome")]
    assert [one.effect.source for one in report.applied] == ["personal"]
    assert life.count("covered") == 40
    assert life.count("entitled") == 41


def test_pulls_that_together_move_a_unit_too_far_are_not_all_believed_though_each_alone_might_be(village, life):
    village.staff = [StaffFileRow(n=n, centre=OTHER_COST_CENTRE if n <= 8 else "3101") for n in range(1, 41)]
    village.write_staff(village.today)
    village.devices = [device(n, f"stranger.{n}@annanby.se") if n > 32 else device(n) for n in range(1, 41)]

    report = life.run()

    assert [one.effect.source for one in report.applied] == ["personal"]
    assert [one.effect.source for one in report.held] == ["intune"]
    assert life.count("covered") == 32, "those who moved, and nobody else"


def test_an_mdm_that_tells_contacts_no_more_is_held_and_no_number_falls_by_it(village, life):
    for row in village.devices[:4]:
        row["lastSyncDateTime"] = "0001-01-01T00:00:00Z"
    assert [one.verdict for one in life.run("intune").pulled] == [Verdict.COMPLETE]
    assert not life.run("intune").held, "what is told as before is no fall"

    for row in village.devices:
        row["lastSyncDateTime"] = "0001-01-01T00:00:00Z"
    for _ in range(30):
        village.advance_clock(days=1)
        assert [refusal.rule for one in life.run("intune").held for refusal in one.refusals][:1] == ["filled"]
    assert life.count("covered") == 40

    for row in village.devices:
        row["lastSyncDateTime"] = f"{village.today}T04:31:00Z"
    assert not life.run("intune").held


def test_a_file_that_was_held_and_is_withdrawn_waits_for_nobody(village, life):
    whole, village.staff = village.staff, village.staff[:5]
    village.write_staff(village.today)
    (held,) = life.run("personal").held
    newest = max(village.deliveries.glob("*.csv"), key=lambda file: file.name)
    life.run("personal")
    assert life.part("personal/staff").held_pull is not None, "it is still there"

    newest.unlink()
    assert [one.verdict for one in life.run("personal").pulled] == [Verdict.UNCHANGED]

    assert life.part("personal/staff").held_pull is None
    with pytest.raises(PullNotHeld):
        sync.accept(life.application.run_context, "personal", "staff", held.effect.pull, who="test", reason="after all")
    assert life.count("entitled") == len(whole)


def test_what_a_slow_first_pull_finds_has_no_age_though_others_were_reconciled_meanwhile(village):
    with village.open() as life:
        pulled = sync.pull_side_by_side(life.application.run_context, life.due())
        village.advance_clock(minutes=1)
        sync.reconcile_now(life.application.run_context)
        village.advance_clock(minutes=1)
        sync.judge_and_apply(life.application.run_context, pulled)
        village.advance_clock(days=1)
        village.staff.append(StaffFileRow(n=41))
        village.devices.append(device(41))
        village.write_staff(village.today)
        life.run()

        found = [one.known_before for one in life.application.run_context.believed().assignments]

    assert (found.count(True), found.count(False)) == (40, 1)


def test_rosters_are_tried_first(village, life):
    village.staff = [StaffFileRow(n=n, centre=CENTRE_OF[n <= 30]) for n in range(1, 41)]
    village.keys["personal"] = "max_shrink_ratio = 1"
    village.write_staff(village.today)
    village.devices = [device(n, f"stranger.{n}@annanby.se") for n in range(1, 41)]

    report = life.run()

    assert {one.effect.source for one in report.held} >= {"intune"}
    assert report.held[0].effect.source == "personal"


CENTRE_OF = {True: OTHER_COST_CENTRE, False: "3101"}


def test_across_a_change_of_configuration_the_outcome_may_move(village, life):
    village.more = '[identity]\nfunction_accounts = ["tuva.*.1?@exempelby.se"]\n'
    village.write()
    with village.open() as changed:
        village.devices = [device(n, f"stranger.{n}@annanby.se") for n in range(1, 41)]

        assert changed.run("intune").held == ()
        assert changed.count("covered") < 20


# --- what goes wrong with one leaves the others -----------------------------------------------------------------------


def test_a_pull_that_came_too_late_fails_with_that_reason_and_the_others_are_applied(village, life):
    village.devices.append(device(41, ""))
    village.staff.append(StaffFileRow(n=41))
    village.write_staff(village.today)
    pulled = sync.pull_side_by_side(life.application.run_context, life.due())
    # Somebody else believes a later pull of the part meanwhile.
    with life.ledger._write_transaction() as connection:
        connection.execute(t.part_state.update().where(t.part_state.c.source == "intune").values(complete_pull=9999))

    report = sync.judge_and_apply(life.application.run_context, pulled)

    failed = {one.source: one.reason for one in report.pulled if one.verdict is Verdict.FAILED}
    assert list(failed) == ["intune"]
    assert "pull 9999 was believed after" in failed["intune"]
    assert [one.effect.source for one in report.applied] == ["personal"]
    assert life.count("entitled") == 41
    assert report.outcome.coverage == life.snapshot.outcome.coverage


def test_a_pull_of_a_source_that_is_no_longer_configured_ends(village, life):
    pulled = sync.pull_side_by_side(life.application.run_context, life.due("intune"))
    village.names = ("personal",)
    village.write()
    with village.open() as smaller:
        report = sync.judge_and_apply(smaller.application.run_context, pulled)

    assert (report.pulled[0].verdict, report.applied) == (Verdict.FAILED, ())
    assert "no longer configured" in report.pulled[0].reason


def test_an_error_of_our_own_while_judging_leaves_no_pull_behind(village, life):
    pulled = sync.pull_side_by_side(life.application.run_context, life.due("intune"))
    with life.ledger._write_transaction() as connection:
        connection.execute(t.record.update().values(body="{"))

    with pytest.raises(Exception, match="truncated"):
        sync.judge_and_apply(life.application.run_context, pulled)

    assert life.ledger.pulls("intune", "devices")[0].verdict is Verdict.FAILED


def test_a_failed_part_leaves_the_others(village, life):
    village.graph.stub_server.fail("/", "hang_up", times=99)
    village.staff.append(StaffFileRow(n=41))
    village.write_staff(village.today)

    report = life.run()

    assert {one.source: one.verdict for one in report.pulled} == {
        "personal": Verdict.COMPLETE,
        "intune": Verdict.FAILED,
    }
    assert life.count("entitled") == 41


def test_a_part_that_breaks_is_told_once_and_once_that_it_works_again(village, life, told):
    village.graph.stub_server.fail("/", "unavailable", times=99)
    for _ in range(3):
        life.run("intune")
    village.graph.stub_server.clear_faults()
    for _ in range(2):
        life.run("intune")

    assert [line["source"] for line in lines(told, "pull failed")] == ["intune"]
    assert [line["source"] for line in lines(told, "part recovered")] == ["intune"]


def test_a_held_part_is_told_once_and_again_when_three_agree(village, life, told):
    loses_devices(village, 4)
    for _ in range(5):
        life.run("intune")

    rules = [line["rules"] for line in lines(told, "pull held")]
    assert len(rules) == 2
    assert rules[1] == [*rules[0], "agreed"]  # type: ignore[misc]


# --- time -------------------------------------------------------------------------------------------------------------


def test_a_dead_source_makes_numbers_old_and_never_lower(village, life):
    village.graph.stub_server.fail("/", "unavailable", times=9999)
    before, seen_at = numbers(life), life.part("intune/devices").as_of

    for _ in range(3):
        village.advance_clock(days=30)
        life.run("intune")

    assert numbers(life) == before
    assert life.part("intune/devices").as_of == seen_at
    assert "is not working (503)" in (life.part("intune/devices").reason or "")
    assert "source_stale" in {episode.kind for episode in life.snapshot.outcome.episodes}


def test_a_device_that_vanished_counts_until_its_grace_has_passed(village, life):
    loses_devices(village, 39)
    covered = []
    for _ in range(4):
        life.run("intune")
        covered.append(life.count("covered"))
        village.advance_clock(hours=12)

    assert covered == [40, 40, 39, 39]


def test_an_employee_who_left_a_monthly_file_counts_until_the_next_one(village, life):
    village.staff = village.staff[:39]
    entitled = []
    for _ in range(3):
        village.write_staff(village.today)
        life.run("personal")
        life.run("personal")  # the same edition, read again, is no second sighting
        entitled.append(life.count("entitled"))
        village.advance_clock(days=31)

    assert entitled == [40, 39, 39]


def test_in_the_turnover_window_a_roster_may_lose_half_of_its_rows(tmp_path):
    with Installation(tmp_path, people=40) as village:
        village.clock.set(datetime(2027, 6, 21, 6, 30, tzinfo=ZONE))
        village.write_staff(date(2027, 6, 20))
        with village.open() as life:
            life.run()
            village.advance_clock(days=1)
            village.staff = village.staff[:25]
            village.write_staff(date(2027, 6, 22))

            assert life.run("personal").held == ()


# --- rehearsals and files by hand -------------------------------------------------------------------------------------


def test_a_rehearsal_says_what_would_change_and_writes_nothing(village):
    with village.open() as life:
        life.run()
    village.advance_clock(days=1)
    village.devices = [*village.devices[:38], device(41, "")]
    before = _bytes(village.database)

    with village.open() as life:
        plan, refused = life.rehearse()

    assert (plan.new, plan.absent, refused) == (1, 2, [])
    assert _bytes(village.database) == before


def test_a_rehearsal_says_what_would_be_held(village, life):
    loses_devices(village, 4)

    _, refused = life.rehearse()

    assert "36 of 40 device records are absent" in refused[0]


def test_a_rehearsal_protects_whoever_it_finds_marked_and_nothing_else(village, life):
    village.staff[0] = StaffFileRow(n=1, mark="J")
    village.write_staff(village.today)

    life.rehearse()

    assert life.ledger.protected_tokens()
    assert all(login(1) not in str(known.record) for known in life.application.run_context.believed().known)
    assert len(life.ledger.pulls("personal", "staff")) == 1


def _bytes(file: Path) -> str:
    return sha256(
        b"".join(one.read_bytes() for one in sorted(file.parent.glob("fleetsync.db*")) if one.is_file())
    ).hexdigest()


def test_a_file_that_comes_by_hand_shows_its_plan_and_is_believed(village, life):
    village.staff.append(StaffFileRow(n=41))
    handed = village.write_staff(village.today).rename(village.folder / f"personal_{village.today}.csv")
    environment = {"FLEETSYNC_NOW": village.clock.now().isoformat()}

    done = CliRunner().invoke(
        root, ["--config", str(village.config), "load", "personal", str(handed)], input="y\n", env=environment
    )

    assert done.exit_code == 0, done.output
    assert "records      2 new, 0 changed, 0 back, 0 absent" in done.output
    assert "complete, 82 records" in done.output
    assert life.count("entitled") == 41


# --- several sources --------------------------------------------------------------------------------------------------


def test_a_list_lends_its_devices_and_an_absent_list_takes_none_away(village):
    village.names = ("personal", "intune", "listor")
    village.write()
    rows = [{"Serienummer": serial(n), "Enhet": "Ängsskolan", "Status": "I drift"} for n in (1, 2)]
    first = village.write_list("a", village.today, rows)
    with village.open() as life:
        life.run()
        first.unlink()
        for _ in range(3):
            village.advance_clock(days=2)
            life.run()

        assert sum(case.placement.unit == OTHER_SCHOOL for case in life.snapshot.outcome.devices) == 2
        assert "no file matches" in (life.part("listor/devices").reason or "")


def test_every_number_of_a_run_is_the_one_that_a_new_start_would_show(village, life):
    village.devices = village.devices[:38]
    village.staff = village.staff[:39]
    village.write_staff(village.today)

    report = life.run()

    assert report.outcome.coverage == life.snapshot.outcome.coverage
    assert life.count("entitled", SCHOOL) == next(
        row.entitled for row in report.outcome.coverage if (row.unit, row.entitlement) == (SCHOOL, "staff")
    )


def test_the_totals_of_gaps_survive_as_the_exposition_takes_them(village, life):
    village.staff.append(StaffFileRow(n=41, first="2026-01-01"))
    village.write_staff(village.today)
    life.run()

    assert sync.counter_totals(life.ledger)["fleetsync_gaps_opened"][("no_device",)] >= 1


def test_retention_follows_the_configuration(village, life):
    kept = retention_periods(
        life.application.settings.database.model_copy(update={"keep_pulls_days": 7, "keep_history_months": 6})
    )
    assert (kept["pull"], kept["owed"]) == (timedelta(days=7), timedelta(days=183))

    for _ in range(3):
        village.devices = [device(n, lastSyncDateTime=f"{village.today}T00:00:00Z") for n in range(1, 41)]
        life.run("intune")
        village.advance_clock(days=10)
    gone = life.ledger.purge(life.application.run_context.clock.now(), kept)

    assert gone["pull"] == 3
    assert len(life.ledger.pulls("intune", "devices")) == 1
