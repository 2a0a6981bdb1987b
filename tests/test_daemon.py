"""The daemon's own duties, in this process: a new configuration, waiting for a person, copies, an address that is taken."""

import io
import json
import os
import socket
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import requests

from fleetsync import log
from fleetsync.clock import Clock
from fleetsync.core.model import Verdict
from fleetsync.daemon.service import Daemon
from fleetsync.daemon.source_pulls import COLLECT_SECONDS, REFUSED_RETRY_SECONDS
from fleetsync.settings import SettingsError, load
from fleetsync.store import sqlite_database
from tests.flow.daemon_process import wait_until
from tests.flow.installation import Installation, StaffFileRow, device
from tests.serving import free_port

MACHINE_PATHS = ("/metrics", "/livez", "/readyz")


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, port=free_port()) as built:
        yield built


@contextmanager
def serving(installation: Installation) -> Iterator[Daemon]:
    daemon = Daemon(load(installation.config, environ={}), installation.clock)
    daemon.start()
    try:
        yield daemon
    finally:
        daemon.close()


def settled(daemon: Daemon, *sources: str) -> None:
    """Wait until every part of *sources* was judged."""
    wait_until(
        lambda: {source for source, _ in daemon.health._newest_pulls} >= set(sources) and not daemon.pulls.is_pulling,
        "the sources are pulled",
    )
    wait_until(
        lambda: all(daemon.ledger.newest_pulls(*at) for at in daemon.health._newest_pulls), "all parts are judged"
    )
    wait_until(lambda: not daemon.pulls.has_results, "all results are fetched")
    wait_until(lambda: all(daemon.health._newest_pulls.values()), "the daemon's status has a verdict of every part")


def next_run_at(daemon: Daemon, name: str) -> datetime | None:
    job = daemon.scheduler._scheduler.get_job(name)
    return None if job is None else job.next_run_time


def test_a_new_configuration_keeps_the_meters_and_reschedules_what_changed(installation):
    with serving(installation) as daemon:
        settled(daemon, "personal", "intune")
        requests_before = dict(daemon.daemon_status().requests)
        later = {job: next_run_at(daemon, job) for job in ("pull:personal", "pull:intune")}
        installation.keys["personal"] = 'every = "2h"\n'
        installation.write()

        daemon.reload()

        soon = next_run_at(daemon, "pull:personal")
        assert soon is None or later["pull:personal"] is None or soon != later["pull:personal"]
        assert {at: daemon.daemon_status().requests[at] for at in requests_before} == requests_before
        installation.names = ("intune",)
        installation.write()
        daemon.reload()
        assert next_run_at(daemon, "pull:personal") is None
        assert next_run_at(daemon, "pull:intune") is not None


def test_a_refused_configuration_changes_nothing_and_is_a_metric(installation):
    with serving(installation) as daemon:
        settled(daemon, "personal", "intune")
        application = daemon.application
        installation.config.write_text("[municipality]\nnaem = 1\n", encoding="utf-8")

        daemon.reload()

        assert daemon.application is application
        assert not daemon.daemon_status().is_config_good


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "[municipality", "\x00", ""])
def test_a_file_that_cannot_be_read_at_all_leaves_the_old_configuration_and_the_loop_goes_on(installation, text):
    with serving(installation) as daemon:
        application = daemon.application
        installation.config.write_text(text, encoding="utf-8")
        if not text:
            installation.config.unlink()

        daemon._reload_requested.set()
        daemon.tick()

        assert daemon.application is application
        assert not daemon.daemon_status().is_config_good
        assert daemon.is_alive()


def test_a_source_whose_last_pull_lies_in_times_to_come_is_pulled_at_once(installation):
    with serving(installation) as daemon:
        settled(daemon, "personal", "intune")
        source = daemon.application.sources[0]
        assert daemon.pulls.first_pull_at(source, is_changed=False) > Clock().now() + timedelta(minutes=1)
        installation.advance_clock(days=-2)

        assert daemon.pulls.first_pull_at(source, is_changed=False) <= Clock().now()


def _pulls_reconciled(daemon: Daemon) -> int:
    newest = daemon.ledger.newest_reconciliation()
    return 0 if newest is None else len(newest.pulls)


class GatedDevices(list[dict[str, Any]]):
    """The devices of a server that answers only once its gate is open."""

    def __init__(self, rows: Iterable[dict[str, Any]]) -> None:
        super().__init__(rows)
        self.gate = Event()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self.gate.wait(30)
        return super().__iter__()


def _pulls_of_reconciliations(installation: Installation) -> list[set[int]]:
    """By reconciliation: the pulls that it rests on."""
    with closing(sqlite3.connect(installation.database)) as connection:
        return [
            set(json.loads(pulls)) for (pulls,) in connection.execute("select pulls from reconciliation order by id")
        ]


def _pull_both(daemon: Daemon) -> None:
    for name in ("intune", "personal"):
        daemon.pulls.enqueue(name)


def _verdicts(daemon: Daemon) -> float:
    return sum(daemon.daemon_status().verdicts.values())


def test_sources_that_are_pulled_at_the_same_time_are_reconciled_once(installation):
    with serving(installation) as daemon:
        wait_until(lambda: _verdicts(daemon) == 2, "the start is over")
        before = _pulls_of_reconciliations(installation)[-1]
        installation.staff.append(StaffFileRow(n=90))
        installation.write_staff(installation.today)
        installation.devices = devices = GatedDevices([*installation.devices, device(90)])

        _pull_both(daemon)
        wait_until(lambda: daemon.pulls.has_results, "the staff file is read")
        assert not daemon.pulls.are_results_due
        devices.gate.set()
        wait_until(lambda: _verdicts(daemon) == 4, "both pulls are judged")

        new = [pulls - before for pulls in _pulls_of_reconciliations(installation)]
        assert {len(pulls) for pulls in new} == {0, 2}


def test_a_source_that_takes_long_holds_up_the_others_for_seconds_only(installation):
    with serving(installation) as daemon:
        wait_until(lambda: _verdicts(daemon) == 2, "the start is over")
        installation.devices = devices = GatedDevices(installation.devices)
        _pull_both(daemon)
        wait_until(lambda: daemon.pulls.has_results, "the staff file is read")

        installation.clock.wait(COLLECT_SECONDS, Event())

        wait_until(lambda: _verdicts(daemon) == 3, "the staff file is judged alone")
        assert daemon.pulls.is_pulling
        devices.gate.set()
        wait_until(lambda: _verdicts(daemon) == 4, "the devices are judged when they are read")


def test_a_decision_takes_up_the_pulls_that_are_finished(installation):
    with serving(installation) as daemon:
        wait_until(lambda: _verdicts(daemon) == 2, "the start is over")
        installation.devices = devices = GatedDevices(installation.devices)
        _pull_both(daemon)
        wait_until(lambda: daemon.pulls.has_results, "the staff file is read")

        daemon._reconcile_requested.set()

        wait_until(lambda: _verdicts(daemon) == 3, "the staff file is judged with the decision")
        assert daemon.pulls.is_pulling
        devices.gate.set()


def test_under_a_clock_that_was_set_back_pulls_go_on_and_what_is_shown_stays(installation):
    with serving(installation) as daemon:
        settled(daemon, "personal", "intune")
        wait_until(lambda: _pulls_reconciled(daemon) == 2, "both pulls are reconciled")
        wait_until(lambda: sum(daemon.daemon_status().verdicts.values()) == 2, "and counted")
        newest, shown = daemon.ledger.newest_reconciliation(), daemon.snapshot
        installation.advance_clock(days=-2)
        pulls = sum(daemon.daemon_status().verdicts.values())
        for name in ("personal", "intune"):
            daemon.pulls.enqueue(name)
        wait_until(lambda: sum(daemon.daemon_status().verdicts.values()) >= pulls + 2, "the pulls are counted")

        assert daemon.ledger.newest_reconciliation() == newest
        assert daemon.snapshot is shown
        assert daemon.daemon_status().reconcile_failures > 0
    with serving(installation) as daemon:
        assert daemon.snapshot.numbers["fleetsync_covered"] == shown.numbers["fleetsync_covered"]


def test_a_large_body_is_refused_by_its_announced_length(installation):
    with serving(installation) as daemon, closing(socket.create_connection(("127.0.0.1", installation.port))) as sent:
        assert daemon.address.endswith(str(installation.port))
        sent.settimeout(30)
        sent.sendall(b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000000\r\n\r\n")

        assert b" 413 " in sent.recv(200)


def test_metrics_and_health_answer_from_a_server_of_their_own(installation):
    port = free_port()
    text = installation.config.read_text(encoding="utf-8")
    page = f'metrics_listen = "127.0.0.1:{installation.port}"'
    installation.config.write_text(text.replace(page, f'metrics_listen = "127.0.0.1:{port}"'), encoding="utf-8")
    with serving(installation), ExitStack() as held:
        for _ in range(120):
            client = held.enter_context(closing(socket.create_connection(("127.0.0.1", installation.port))))
            client.sendall(b"POST /sign-in HTTP/1.1\r\nHost: ")

        answers = {path: requests.get(f"http://127.0.0.1:{port}{path}", timeout=30) for path in MACHINE_PATHS}

        assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(MACHINE_PATHS, 200)
        assert "\nfleetsync_covered" in answers["/metrics"].text
        assert requests.get(f"http://127.0.0.1:{port}/sign-in", timeout=30).status_code == 404


def test_a_lock_of_another_program_is_one_line_in_the_log_and_the_work_goes_on_after_it(installation, monkeypatch):
    monkeypatch.setattr(sqlite_database, "WRITER_BUSY_MS", 300)
    with serving(installation) as daemon:
        settled(daemon, "personal", "intune")
        out = io.StringIO()
        log.setup("INFO", json=True, to=out)
        with closing(sqlite3.connect(installation.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for _ in range(3):
                daemon.pulls.enqueue("intune")
                daemon._reconcile_requested.set()
                wait_until(lambda: not daemon.pulls.is_pulling, "the pull has ended")
                daemon.tick()
            other.execute("ROLLBACK")
        wait_until(lambda: not daemon.reconciler._requested.is_set(), "the reconciler has looked")
        requests = len(installation.graph.stub_server.log)
        daemon.pulls.enqueue("intune")
        wait_until(lambda: len(installation.graph.stub_server.log) > requests, "the part is pulled again")
        wait_until(lambda: "can be used again" in out.getvalue(), "the recovery is logged")

        assert out.getvalue().count("database cannot be used") == 1
        assert "exception" not in out.getvalue()


def test_a_part_that_was_refused_is_asked_again_after_hours_or_a_new_configuration(installation):
    installation.graph.permitted = False
    with serving(installation) as daemon:
        settled(daemon, "personal", "intune")
        source = next(source for source in daemon.application.sources if source.name == "intune")
        assert not daemon.pulls.refused_parts
        daemon.pulls.enqueue("intune")
        wait_until(lambda: daemon.pulls.refused_parts, "two refusals in a row are remembered")

        assert list(daemon.pulls.due_parts(source)) == []
        assert (
            list(
                daemon.pulls.due_parts(
                    next(source for source in daemon.application.sources if source.name == "personal")
                )
            )
            != []
        )
        installation.clock.wait(REFUSED_RETRY_SECONDS, Event())
        assert list(daemon.pulls.due_parts(source)) == [(source, source.parts[0])]
        installation.graph.permitted = True
        daemon.reload()
        assert not daemon.pulls.refused_parts


def test_a_part_that_did_not_work_is_tried_at_once_after_a_start_and_one_that_did_is_not(installation):
    with serving(installation) as daemon:
        settled(daemon, "personal", "intune")
    installation.advance_clock(minutes=10)
    with installation.open() as opened:
        pull = opened.ledger.begin_pull("intune", "devices", installation.clock.now())
        opened.ledger.fail_pull(pull, Verdict.FAILED, "the process ended before the pull was judged")
    installation.advance_clock(minutes=1)
    requests_before = len(installation.graph.stub_server.log)
    with serving(installation) as daemon:
        wait_until(
            lambda: len(installation.graph.stub_server.log) > requests_before, "the part that failed is tried at once"
        )
        wait_until(lambda: not daemon.pulls.is_pulling, "it has been pulled")

        soon = next_run_at(daemon, "pull:personal")
        assert soon is not None
        assert soon - Clock().now() > timedelta(minutes=30)


def test_the_newest_copies_are_kept_and_known_after_a_restart(installation):
    installation.more = '[jobs]\nbackup = "10 4 * * *"\n'
    folder = installation.folder / "copies"
    text = installation.write().read_text(encoding="utf-8")
    text = text.replace("[database]\n", f'[database]\nbackup_folder = "{folder}"\nkeep_backups = 2\n')
    installation.config.write_text(text, encoding="utf-8")
    with serving(installation) as daemon:
        assert daemon.daemon_status().makes_backups
        assert daemon.daemon_status().backup_at is None
        for _ in range(3):
            daemon.maintenance.backup()
            installation.advance_clock(days=1)

        assert [file.name for file in sorted(folder.iterdir())] == [
            "fleetsync-2026-11-25.db",
            "fleetsync-2026-11-26.db",
        ]
        assert all(file.stat().st_mode & 0o077 == 0 for file in folder.iterdir())
        assert daemon.daemon_status().backup_at is not None
    os.utime(folder / "fleetsync-2026-11-26.db", (1_800_000_000, 1_800_000_000))
    with serving(installation) as daemon:
        backup_at = daemon.daemon_status().backup_at
        assert backup_at is not None
        assert backup_at.timestamp() == 1_800_000_000


def test_a_copy_that_cannot_be_written_breaks_nothing(installation, capsys):
    text = installation.config.read_text(encoding="utf-8")
    text = text.replace("[database]\n", f'[database]\nbackup_folder = "{installation.config}/copies"\n')
    installation.config.write_text(text, encoding="utf-8")
    with serving(installation) as daemon:
        daemon.maintenance.backup()

        assert daemon.daemon_status().backup_at is None


def test_the_nightly_purge_keeps_what_the_configuration_says(installation):
    text = installation.config.read_text(encoding="utf-8").replace("[database]\n", "[database]\nkeep_pulls_days = 1\n")
    installation.config.write_text(text, encoding="utf-8")
    with serving(installation) as daemon:
        settled(daemon, "personal", "intune")
        pull = daemon.ledger.begin_pull("intune", "devices", installation.clock.now())
        daemon.ledger.fail_pull(pull, Verdict.FAILED, "hung up")
        installation.advance_clock(days=2)

        daemon.maintenance.purge()

        assert [line.verdict for line in daemon.ledger.pulls("intune", "devices")] == [Verdict.COMPLETE]


def test_an_address_that_is_taken_is_refused_with_its_key(installation):
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", installation.port))
        taken.listen()
        daemon = Daemon(load(installation.config, environ={}), installation.clock)
        try:
            with pytest.raises(
                SettingsError, match=rf"\[web\] listen = 127.0.0.1:{installation.port} cannot be listened at"
            ):
                daemon.start()
            assert daemon.ledger.newest_reconciliation() is None
            assert daemon._shown is None, "nothing was rebuilt before the address was refused"
        finally:
            daemon.close()


def test_a_follower_writes_nothing_of_its_own(installation):
    with serving(installation) as leader:
        settled(leader, "personal", "intune")
        follower = Daemon(load(installation.config, environ={}), installation.clock)
        follower._show(leader.snapshot)
    newest = follower.ledger.newest_reconciliation()
    try:
        follower._schedule_jobs()

        assert not follower.daemon_status().is_leader
        assert not follower._reconcile_requested.is_set()
        assert follower.ledger.newest_reconciliation() == newest
    finally:
        follower.close()


def test_a_held_pull_has_its_plan_on_the_page(installation):
    with serving(installation) as daemon:
        settled(daemon, "personal", "intune")
        installation.devices = installation.devices[:1]
        daemon.pulls.enqueue("intune")
        wait_until(lambda: daemon.ledger.find_held_pull("intune", "devices"), "the pull is held")
        held = daemon.ledger.find_held_pull("intune", "devices")
        assert held is not None
        decisions = daemon.services().decisions
        wait_until(lambda: daemon.reconciler.plan_of(held.pull), "the loop makes the plan")

        assert decisions.plan("intune", "devices", held.pull).absent == 11


def test_what_may_be_configured_is_worked_out_when_somebody_asks_and_anew_after_a_pull(installation):
    with serving(installation) as daemon:
        settled(daemon, "personal", "intune")
        assert daemon.proposals() is None
        wait_until(lambda: daemon.proposals() is not None, "the proposals are worked out")

        daemon.pulls.enqueue("intune")

        wait_until(lambda: daemon.proposals() is None, "the old ones are dropped")
        wait_until(lambda: daemon.proposals() is not None, "the proposals are worked out")


def test_an_error_in_the_main_loop_does_not_end_it(installation):
    with serving(installation) as daemon:
        settled(daemon, "personal", "intune")
        daemon._last_poll = float("-inf")
        ledger, daemon.ledger = daemon.ledger, None  # type: ignore[assignment]
        daemon.tick()
        daemon.ledger = ledger
        daemon.tick()

        assert daemon.is_alive()
