"""The application on PostgreSQL: its numbers are true, and the same as on SQLite. The store's own tests run on both."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from fleetsync.daemon.composition import build_application
from fleetsync.demo.replay import DemoEnvironment, run_day
from fleetsync.demo.truth import GroundTruth
from fleetsync.store.ledger import open_ledger
from tests.flow.daemon_process import run_command
from tests.flow.installation import Installation, OpenInstallation, device
from tests.postgresql_server import PostgresqlServer
from tests.test_several_daemons import use_database
from tests.truth.comparison import differences

pytestmark = pytest.mark.part("postgresql")


@pytest.fixture
def url(postgresql_server: PostgresqlServer) -> Iterator[str]:
    with postgresql_server.database(is_migrated=True) as url:
        yield url


def test_every_published_number_is_true(url: str, tmp_path: Path) -> None:
    demo = DemoEnvironment(tmp_path)
    first = date(2026, 11, 23)
    with demo.open() as settings, open_ledger(url, demo.clock, secret_key=settings.privacy_key()) as ledger:
        application = build_application(settings, demo.clock, ledger, Event())
        truth = GroundTruth(demo.world, first)

        wrong = {
            day: differing
            for day in (first, first + timedelta(days=1))
            if (differing := differences(run_day(demo, application, day).outcome, truth, day))
        }

        assert wrong == {}
        assert ledger.verify() == ()


def run_some_days(installation: Installation) -> Iterator[Any]:
    """What is published after each of some runs between which things change, each in a new start."""
    with installation.open() as opened:
        opened.run()
        yield published(opened)
    installation.devices = [*installation.devices[2:], device(40, ""), device(41, "tuva@elsewhere.se")]
    installation.staff = installation.staff[:-1]
    for _ in range(3):
        installation.advance_clock(days=1)
        installation.write_staff(installation.today)
        with installation.open() as opened:
            opened.run()
            yield published(opened)


def published(opened: OpenInstallation) -> Any:
    snapshot = opened.snapshot
    believed = opened.ledger.believed(())
    gaps = {(gap.kind, gap.subject_id, gap.opened_at, gap.reason) for gap in believed.episodes}
    return snapshot.numbers, believed.known, believed.coverage, gaps, believed.logins, opened.ledger.counters()


def test_the_same_runs_publish_the_same_as_on_sqlite(url: str, tmp_path: Path) -> None:
    with Installation(tmp_path / "file") as installation:
        on_sqlite = list(run_some_days(installation))
    with Installation(tmp_path / "server") as installation:
        use_database(installation.config, url)
        on_postgresql = list(run_some_days(installation))

    assert len(on_sqlite) == 4
    assert on_postgresql == on_sqlite


def test_a_database_moves_to_a_server_by_commands_and_goes_on_there(
    postgresql_server: PostgresqlServer, tmp_path: Path
) -> None:
    with Installation(tmp_path) as installation, postgresql_server.database(is_migrated=False) as url:
        with installation.open() as opened:
            opened.run()
            before = published(opened)
        (tmp_path / "secrets" / "url").write_text(url + "\n")

        moved = run_command(installation.config, "db", "move", "--url-file", str(tmp_path / "secrets" / "url"))
        assert "rows are there, compared table by table" in moved.output
        in_file = installation.config.read_text(encoding="utf-8")
        installation.config.write_text(
            in_file.replace('url = "database/fleetsync.db"', 'url_file = "secrets/url"'), encoding="utf-8"
        )

        with installation.open() as opened:
            assert published(opened) == before
        again = run_command(installation.config, "db", "move", "--url-file", str(tmp_path / "secrets" / "url"))
        assert "holds rows already" in str(again.exception)
        for words, says in (
            (("verify",), "the database is in order"),
            (("backup", str(tmp_path / "copy.db")), "is a verified copy"),
            (("restore", str(tmp_path / "copy.db"), "--yes"), "restored from"),
            (("upgrade",), "the schema of this version"),
            (("move", "postgresql+psycopg://u:hemligt@db.exempelby.se/f"), "put the URL in a file"),
            (("move",), "name the other database"),
        ):
            assert says in run_command(installation.config, "db", *words).output, words
        with installation.open() as opened:
            assert published(opened) == before
