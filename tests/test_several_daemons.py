"""Several daemons on one PostgreSQL: one pulls, the others show the same and take over, and nobody writes twice."""

import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fleetsync.store.postgresql_locks import LEASE_SECONDS
from tests.flow.daemon_process import DaemonProcess, run_command, running_daemon, wait_until
from tests.flow.installation import Installation
from tests.postgresql_server import PostgresqlServer
from tests.serving import free_port

pytestmark = pytest.mark.part("postgresql")


@pytest.fixture
def database(postgresql_server: PostgresqlServer) -> Iterator[str]:
    with postgresql_server.database(is_migrated=True) as url:
        yield url


@pytest.fixture
def installation(database: str, tmp_path: Path) -> Iterator[Installation]:
    """The installation of the other tests, with its database at a server."""
    with Installation(tmp_path, port=free_port()) as made:
        use_database(made.config, database)
        yield made


def use_database(config: Path, url: str) -> None:
    in_file = config.read_text(encoding="utf-8")
    config.write_text(in_file.replace('url = "database/fleetsync.db"', f'url = "{url}"'), encoding="utf-8")


def second_config(installation: Installation, port: int) -> Path:
    second = installation.folder / "second.toml"
    in_file = installation.config.read_text(encoding="utf-8")
    second.write_text(in_file.replace(str(installation.port), str(port)), encoding="utf-8")
    return second


def let_lease_run_out(url: str) -> None:
    """As if the lease's time had passed. A holder that still runs renews it within seconds."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        ago = f"interval '{LEASE_SECONDS + 1} s'"
        connection.execute(f"UPDATE schedule_lease SET renewed_at = renewed_at - {ago}".encode())


def is_leader(daemon: DaemonProcess) -> bool:
    return daemon.value("fleetsync_leader") == 1


def holders(daemon: DaemonProcess) -> set[str]:
    return {name for name in daemon.series() if name.startswith("fleetsync_schedule_holder_info")}


def test_of_two_daemons_one_pulls_and_the_other_takes_over_from_one_that_is_frozen_or_killed(
    installation: Installation, database: str
) -> None:
    port = free_port()
    second = second_config(installation, port)
    with running_daemon(installation.config, installation.port) as leader:
        leader.wait_for_staff_numbers(covered=12)
        with running_daemon(second, port) as follower:
            follower.wait_for_staff_numbers(covered=12)  # what the other process believed is shown here too
            assert (is_leader(leader), is_leader(follower)) == (True, False)
            assert holders(leader) == holders(follower) != set()

            leader.process.send_signal(signal.SIGSTOP)
            let_lease_run_out(database)
            wait_until(lambda: is_leader(follower), "the follower takes over from a frozen daemon")
            leader.process.send_signal(signal.SIGCONT)
            wait_until(lambda: not is_leader(leader), "the daemon that was frozen finds out")
            wait_until(lambda: holders(leader) == holders(follower), "both name the same daemon")
            assert "another daemon has taken over the schedule" in leader.log_text()
            leader.wait_for_staff_numbers(covered=12)

            follower.kill()
            let_lease_run_out(database)
            wait_until(lambda: is_leader(leader), "the first daemon takes over from a killed one")
            assert leader.stop() == 0
    assert run_command(installation.config, "db", "verify").output == "the database is in order\n"
    assert '"traceback"' not in leader.log_text() + follower.log_text()
