"""The whole pipeline: a real daemon, real HTTP and a real database, with everything that can happen to them."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetsync.demo.stub_server import ServerFault
from tests.flow.daemon_process import run_command, running_daemon, wait_until
from tests.flow.installation import CANARY, DOMAIN, Installation, StaffFileRow, civic, device, login, serial
from tests.serving import free_port

# A code that no request has met since the start is no hole: the series is a counter by what others answered.
# The second names the process, which is another one after a restart.
BEGUN_BY_OTHERS = ("fleetsync_source_requests_total", "fleetsync_schedule_holder_info")
EAGER = 'every = "1s"\n'


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, page=10, port=free_port()) as built:
        yield built


def test_a_device_goes_from_a_page_of_graph_to_a_metric_a_list_and_an_explanation(installation):
    with running_daemon(installation.config, installation.port) as daemon:
        daemon.wait_for_staff_numbers(entitled=12, covered=12)
        listed = run_command(installation.config, "devices", "--format", "json")
        row = next(row for row in json.loads(listed.stdout)["rows"] if row["serial"] == serial(7))
        why = run_command(installation.config, "explain", "device", row["device_id"])

        assert daemon.stop() == 0

    assert row["unit"] == "backskolan"
    assert f"serial {serial(7)}" in why.output
    assert "works: " in why.output
    assert "record of intune/devices, first seen 2026-11-24, present" in why.output


def test_a_restart_leaves_no_hole_in_any_series(installation):
    with running_daemon(installation.config, installation.port) as daemon:
        daemon.wait_for_staff_numbers(covered=12)
        wait_until(lambda: daemon.part("up", "intune", "devices") == 1, "the parts are looked at")
        before = daemon.series()
        assert daemon.stop() == 0
    with running_daemon(installation.config, installation.port, minutes=2) as daemon:
        after = daemon.series()  # the first scrape that is answered at all

        lost = {name for name in before.keys() - after.keys() if not name.startswith(BEGUN_BY_OTHERS)}
        domain = [
            name for name in before if name.startswith(("fleetsync_covered", "fleetsync_entitled", "fleetsync_devices"))
        ]
        assert lost == set()
        assert {name: after[name] for name in domain} == {name: before[name] for name in domain}
        daemon.stop()


def test_a_good_configuration_is_loaded_and_a_bad_one_is_not(installation):
    with running_daemon(installation.config, installation.port) as daemon:
        daemon.wait_for_staff_numbers(covered=12)
        good = installation.config.read_text(encoding="utf-8")
        installation.config.write_text(good + "\n[identity]\nmax_device = 3\n", encoding="utf-8")
        daemon.reload()
        wait_until(lambda: daemon.value("fleetsync_config_last_reload_successful") == 0, "the bad one is refused")
        assert "max_device" in daemon.log_text()
        daemon.wait_for_staff_numbers(covered=12)

        installation.names = ("personal", "intune", "listor")
        installation.write()
        installation.write_list("a", installation.today, [{"Serienummer": "DMPX900001", "Enhet": "Bäckskolan"}])
        daemon.reload()
        wait_until(lambda: daemon.value("fleetsync_config_last_reload_successful") == 1, "the good one is taken")
        wait_until(lambda: daemon.part("up", "listor", "devices") == 1, "the new source is pulled at once")

        installation.names = ("personal", "intune")
        installation.write()
        daemon.reload()
        wait_until(lambda: daemon.part("up", "listor", "devices") is None, "the source that was taken out is gone")
        assert daemon.value('fleetsync_source_pulls_total{source="intune",verdict="complete"}') == 1
        assert daemon.stop() == 0


def test_a_new_address_is_refused_by_name(installation):
    with running_daemon(installation.config, installation.port) as daemon:
        daemon.wait_for_staff_numbers(covered=12)
        text = installation.config.read_text(encoding="utf-8").replace(str(installation.port), str(free_port()))
        installation.config.write_text(text, encoding="utf-8")
        daemon.reload()

        wait_until(lambda: "[web] metrics_listen changed, which needs a restart" in daemon.log_text(), "it says so")
        daemon.wait_for_staff_numbers(covered=12)


def test_a_daemon_that_waits_for_a_source_still_stops_at_once(installation):
    installation.graph.stub_server.fail("/v1.0", ServerFault("too_many_seconds", seconds=25), times=99)
    with running_daemon(installation.config, installation.port) as daemon:
        wait_until(lambda: installation.graph.stub_server.failed["too_many_seconds"], "the source asks for patience")

        assert daemon.stop() == 0
        assert '"event": "stopped"' in daemon.log_text()


def test_killed_while_it_reads_it_begins_again_and_the_numbers_are_right(installation):
    installation.graph.stub_server.fail("/v1.0", ServerFault("slow", seconds=300), times=1, skip=1)
    with running_daemon(installation.config, installation.port) as daemon:
        wait_until(lambda: installation.graph.stub_server.failed["slow"], "the second page is being read")
        daemon.kill()
    installation.graph.stub_server.clear_faults()

    with running_daemon(installation.config, installation.port, minutes=1) as daemon:
        daemon.wait_for_staff_numbers(entitled=12, covered=12)
        assert daemon.stop() == 0
    assert run_command(installation.config, "db", "verify").exit_code == 0


@pytest.mark.parametrize("later", [0.0, 0.1, 0.3])
def test_killed_while_it_applies_the_next_start_finds_the_old_or_the_new(installation, later):
    with running_daemon(installation.config, installation.port) as daemon:
        wait_until(
            lambda: sum(request.path.startswith("/v1.0") for request in installation.graph.stub_server.log) >= 2,
            "all pages are read",
        )
        time.sleep(later)
        daemon.kill()

    with running_daemon(installation.config, installation.port, minutes=1) as daemon:
        daemon.wait_for_staff_numbers(entitled=12, covered=12, short=0)
        assert daemon.stop() == 0
    assert run_command(installation.config, "db", "verify").output == "the database is in order\n"


def test_a_second_daemon_follows_and_takes_over(installation):
    port = free_port()
    second = installation.folder / "second.toml"
    second.write_text(
        installation.config.read_text(encoding="utf-8").replace(str(installation.port), str(port)), encoding="utf-8"
    )
    with running_daemon(installation.config, installation.port) as leader, running_daemon(second, port) as follower:
        leader.wait_for_staff_numbers(covered=12)
        follower.wait_for_staff_numbers(covered=12)  # what another process believed is shown here too
        assert {leader.value("fleetsync_leader"), follower.value("fleetsync_leader")} == {0, 1}
        first, heir = (leader, follower) if leader.value("fleetsync_leader") else (follower, leader)

        first.kill()

        wait_until(lambda: heir.value("fleetsync_leader") == 1, "the follower takes over")
        assert heir.stop() == 0


def refused_requests(installation):
    return [request for request in installation.graph.stub_server.log if request.status == 403]


def test_when_a_source_breaks_the_numbers_stay_and_the_source_says_why(installation):
    installation.keys = {"personal": EAGER, "intune": EAGER}
    installation.write()
    with running_daemon(installation.config, installation.port) as daemon:
        daemon.wait_for_staff_numbers(entitled=12, covered=12)
        wait_until(lambda: daemon.part("up", "intune", "devices") == 1, "the source works")

        installation.graph.permitted = False
        (installation.deliveries / "personal_2026-11-24.csv").write_bytes(b"")
        wait_until(lambda: daemon.part("up", "intune", "devices") == 0, "the permission is missed")
        wait_until(lambda: daemon.part("up", "personal", "staff") == 0, "the blank file is refused")
        content = daemon.part("data_timestamp_seconds", "intune", "devices")
        wait_until(lambda: len(refused_requests(installation)) > 1, "the source refuses twice")
        requests_before = len(installation.graph.stub_server.log)
        daemon.wait_for_staff_numbers(entitled=12, covered=12, short=0)
        sources = run_command(installation.config, "sources").output
        assert "DeviceManagementManagedDevices.Read.All" in sources
        assert "personal_2026-11-24.csv: it is empty" in sources

        # A refusal waits for a person: files are looked at again, the source that refused us is not asked.
        pulls = 'fleetsync_source_pulls_total{source="personal",verdict="failed"}'
        pulls_before = daemon.value(pulls) or 0
        wait_until(lambda: (daemon.value(pulls) or 0) > pulls_before + 1, "the file is looked at again")
        assert len(installation.graph.stub_server.log) == requests_before
        assert daemon.part("data_timestamp_seconds", "intune", "devices") == content
        installation.graph.permitted = True
        daemon.reload()
        wait_until(lambda: daemon.part("up", "intune", "devices") == 1, "after a SIGHUP it is asked again")

        installation.graph.stub_server.stop()
        wait_until(lambda: daemon.part("up", "intune", "devices") == 0, "the network is cut")
        daemon.wait_for_staff_numbers(entitled=12, covered=12, short=0)
        assert "cannot be reached, or hung up" in run_command(installation.config, "sources").output
        assert daemon.stop() == 0


def test_a_sync_by_hand_ends_the_wait_for_a_person(installation):
    installation.keys = {"intune": EAGER}
    installation.write()
    installation.graph.permitted = False
    with running_daemon(installation.config, installation.port) as daemon:
        failed = 'fleetsync_source_pulls_total{source="intune",verdict="failed"}'
        wait_until(lambda: daemon.value(failed), "the permission is missed")
        installation.graph.permitted = True
        requests_before = len(installation.graph.stub_server.log)

        assert run_command(installation.config, "sync", "intune").exit_code == 0

        by_hand = len(installation.graph.stub_server.log)
        assert by_hand > requests_before
        wait_until(lambda: len(installation.graph.stub_server.log) > by_hand, "the schedule asks again")
        assert daemon.stop() == 0


@pytest.mark.part("prometheus")
def test_promtool_accepts_the_metrics(installation):
    with running_daemon(installation.config, installation.port) as daemon:
        daemon.wait_for_staff_numbers(covered=12)
        promtool = shutil.which("promtool")
        assert promtool is not None
        checked = subprocess.run(
            [promtool, "check", "metrics"], input=daemon.text(), capture_output=True, text=True, check=False
        )

        assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_nobody_is_named_in_the_log_or_the_metrics_and_the_protected_nowhere(installation):
    installation.staff[0] = StaffFileRow(n=1, mark="Skyddad folkbokföring")
    installation.write_staff(installation.today)
    installation.devices.append(device(77, f"okand.{CANARY}@{DOMAIN}"))
    with running_daemon(installation.config, installation.port) as daemon:
        daemon.wait_for_staff_numbers(entitled=11)
        wait_until(lambda: daemon.part("up", "intune", "devices") == 1, "the parts are looked at")
        out = daemon.text() + daemon.log_text()
        assert daemon.stop() == 0
        out += daemon.log_text()

    numbers = [form for n in range(1, 13) for form in (civic(n), civic(n).replace("-", ""), civic(n)[2:])]
    assert [word for word in (CANARY, DOMAIN, *numbers) if word in out] == []
    kept = b"".join(file.read_bytes() for file in installation.database.parent.glob("fleetsync.db*") if file.is_file())
    assert [word for word in (login(1), f"{CANARY}sson", *numbers) if word.encode() in kept] == []
    assert login(2).encode() in kept  # a log-in is a key, and keys of others are kept
