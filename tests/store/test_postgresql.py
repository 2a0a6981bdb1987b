"""What only a server does: refusals, connections that are cut, several daemons, several schemas, copies into the other kind."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from fleetsync.core.model import PullLimits, Verdict
from fleetsync.store.database import open_database
from fleetsync.store.errors import LeaseLost, StoreError, StoreRefused, StoreUnavailable
from fleetsync.store.ledger import Ledger
from fleetsync.store.postgresql_locks import LEASE_SECONDS
from tests.postgresql_server import PostgresqlServer
from tests.store.ledger_samples import (
    DAY,
    MONDAY,
    a_whole_outcome,
    believed_records,
    content_at,
    device,
    dump,
    ledger_at,
    person,
    record_outcome,
    row_to_put,
    stage_and_apply,
    stage_pull,
    url_of,
)

pytestmark = pytest.mark.only_database("postgresql")
PASSWORD = "korrekt-häst-batteri"


# --- refusals ---------------------------------------------------------------------------------------------------------


def refusal(url: str) -> str:
    with pytest.raises(StoreError) as caught:
        open_database(url)
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


def test_a_server_that_cannot_be_used_says_why_and_never_the_password(
    postgresql_server: PostgresqlServer, tmp_path: Path
) -> None:
    server = postgresql_server
    server.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'")
    scheme = "postgresql+psycopg://"

    assert "nobody: the user or the database does not exist" in refusal(server.url("nobody"))
    assert "the server cannot be reached" in refusal(f"{scheme}u:{PASSWORD}@127.0.0.1:1/fleetsync")
    assert "the server cannot be reached" in refusal(f"{scheme}u:{PASSWORD}@/fleetsync?host={tmp_path}")
    assert "no connection can be opened" in refusal(server.url("postgres", "&colour=blue"))
    assert "is in LATIN1" in refusal(server.url("latin"))
    assert "schema of search_path does not exist" in refusal(server.url("postgres", "&options=-csearch_path=nowhere"))
    assert f"write {scheme}" in refusal(f"postgresql+asyncpg://u:{PASSWORD}@127.0.0.1/fleetsync")


def test_a_server_of_an_old_version_is_refused(
    postgresql_server: PostgresqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleetsync.store.postgresql_connections.OLDEST_SUPPORTED_VERSION", 99)

    assert "is too old: 99 or later is needed" in refusal(postgresql_server.url("postgres"))


def test_without_the_driver_the_extra_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("fleetsync.store.postgresql_")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)

    assert "pipx install 'fleetsync[postgres]'" in refusal(f"postgresql+psycopg://u:{PASSWORD}@127.0.0.1/fleetsync")


def test_an_error_of_the_server_quotes_no_value(ledger: Ledger) -> None:
    statement = text("INSERT INTO protected_token VALUES ('~hemlig', now()), ('~hemlig', now())")
    with pytest.raises(IntegrityError) as caught, ledger._write_transaction() as connection:
        connection.execute(statement.columns())

    assert "UniqueViolation" in str(caught.value)
    assert "hemlig)" not in str(caught.value)


# --- connections that end ---------------------------------------------------------------------------------------------

CUT = """
    CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
    CREATE TRIGGER cut AFTER {when} FOR EACH ROW EXECUTE FUNCTION cut()
"""


@pytest.mark.parametrize(
    "when",
    [
        "INSERT ON record WHEN (NEW.source_id = '30')",
        "DELETE ON staged_record",
        "UPDATE ON pull WHEN (NEW.verdict = 'complete')",
    ],
)
def test_a_connection_that_is_cut_in_the_middle_leaves_nothing_and_the_next_one_works(
    ledger: Ledger, file: Path, when: str
) -> None:
    event, _, condition = when.partition(" WHEN ")
    effect = stage_pull(ledger, [row_to_put(device(str(number))) for number in range(40)])
    execute(
        file,
        textwrap.dedent(CUT).replace(
            " AFTER {when} FOR EACH ROW", f" AFTER {event} FOR EACH ROW " + (f"WHEN {condition}" if condition else "")
        ),
    )

    with pytest.raises(StoreUnavailable, match="the connection to the server was lost"):
        ledger.apply(effect, PullLimits())

    execute(file, f"DROP TRIGGER cut ON {event.split()[2]}")
    assert believed_records(ledger) == ()
    stage_and_apply(ledger, [row_to_put(device(str(number))) for number in range(40)])
    assert len(believed_records(ledger)) == 40
    assert [line.verdict for line in ledger.pulls()] == [Verdict.COMPLETE, Verdict.FAILED]


def execute(file: Path, statements: str) -> None:
    """Run *statements* in the database that *file* names, as another program would."""
    database = open_database(url_of(file))
    with database.begin_writing() as connection:
        connection.exec_driver_sql(statements)
    database.close()


def test_a_lock_of_a_part_ends_with_the_process_that_held_it(ledger: Ledger, file: Path) -> None:
    script = """
        import sys, time
        from pathlib import Path
        from tests.store.ledger_samples import *
        ledger_at(Path(sys.argv[1])).begin_pull("jamf", "devices", MONDAY)
        print("begun", flush=True)
        time.sleep(600)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), str(file)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    with process.stdout as reports:
        assert reports.readline() == "begun\n"
    with pytest.raises(StoreError, match="being pulled or decided right now"):
        ledger.begin_pull("jamf", "devices", MONDAY)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    with ledger._database.locks.upgrade():  # any request, which the server answers after it
        pass
    assert ledger.begin_pull("jamf", "devices", MONDAY)


# --- the lease --------------------------------------------------------------------------------------------------------


@pytest.fixture
def other(ledger: Ledger, file: Path) -> Iterator[Ledger]:
    """Another daemon's view of the same database."""
    with ledger_at(file) as opened:
        yield opened


def age_lease(file: Path) -> None:
    """As if its holder had not answered for longer than a lease lasts."""
    execute(file, f"UPDATE schedule_lease SET renewed_at = renewed_at - interval '{LEASE_SECONDS + 1} s'")


def test_a_lease_that_is_not_renewed_goes_to_another_daemon_and_its_former_holder_writes_nothing(
    ledger: Ledger, other: Ledger, file: Path
) -> None:
    effect = stage_pull(ledger, [row_to_put(device("1"))])
    lease = ledger.schedule_lease()
    assert lease is not None
    assert other.schedule_lease() is None
    assert other.schedule_holder() == ledger.schedule_holder()
    age_lease(file)
    assert other.schedule_lease() is not None
    before = dump(file)

    for write in (
        lambda: ledger.apply(effect, PullLimits()),
        lambda: ledger.audit("drift", "looked"),
        lambda: record_outcome(ledger, a_whole_outcome()),
    ):
        with pytest.raises(LeaseLost, match="another daemon pulls by the schedule now"):
            write()

    assert dump(file) == before
    assert not lease.renew()
    lease.release()
    ledger.audit("drift", "looked")  # what people decide at a follower is written
    assert ledger.schedule_lease() is None


def test_taking_a_lease_over_ends_what_its_frozen_holder_kept_open(ledger: Ledger, other: Ledger, file: Path) -> None:
    assert ledger.schedule_lease()
    pull = ledger.begin_pull("jamf", "devices", MONDAY)
    age_lease(file)

    def freeze_and_wake() -> None:
        with ledger._write_transaction() as connection:
            connection.exec_driver_sql("DELETE FROM pull")
            assert other.schedule_lease()  # although this one holds the lock of the writer
            connection.exec_driver_sql("SELECT 1")

    with pytest.raises(StoreUnavailable):
        freeze_and_wake()

    assert other.begin_pull("jamf", "devices", MONDAY) > pull
    assert [line.verdict for line in other.pulls()] == [None, Verdict.FAILED]


def test_a_renewed_lease_stays_and_one_that_is_let_go_is_free_at_once(
    ledger: Ledger, other: Ledger, file: Path
) -> None:
    lease = ledger.schedule_lease()
    assert lease is not None
    age_lease(file)
    assert lease.renew()
    assert other.schedule_lease() is None
    lease.release()
    assert other.schedule_holder() is None
    assert other.schedule_lease()


# --- schemas and copies -----------------------------------------------------------------------------------------------


def test_three_municipalities_share_a_server_and_nothing_else(
    postgresql_server: PostgresqlServer, tmp_path: Path
) -> None:
    with postgresql_server.database(is_migrated=False) as url:
        files = {name: tmp_path / name for name in ("exempelby", "provsala", "testkoping")}
        (tmp_path / "whole").write_text(url)
        for name, file in files.items():
            execute(tmp_path / "whole", f"CREATE SCHEMA {name}")
            file.write_text(f"{url}&options=-csearch_path={name}")
        ledgers = {name: ledger_at(file) for name, file in files.items()}
        leases = [ledger.schedule_lease() for ledger in ledgers.values()]
        for number, (name, ledger) in enumerate(ledgers.items(), 1):
            ledger.begin_pull("intune", "devices", MONDAY)  # of the same name in each
            stage_and_apply(ledger, [row_to_put(person(f"{name}-{each}")) for each in range(number)])

        assert None not in leases
        assert [len(believed_records(ledger)) for ledger in ledgers.values()] == [1, 2, 3]
        for name, ledger in ledgers.items():
            assert all(entry.record.source_id.startswith(name) for entry in believed_records(ledger))
            assert ledger.verify() == ()
            assert name in ledger._database.name
            ledger.close()


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    """A ledger with a row in most tables, and rows of every type of column."""
    rows = [row_to_put(device(str(number), login=f"elev{number}@exempelby.se")) for number in range(30)]
    stage_and_apply(ledger, [*rows, row_to_put(person("1", "anna.ek@exempelby.se"))])
    record_outcome(ledger, a_whole_outcome(known=believed_records(ledger)[:3]))
    ledger.audit("drift", "looked\N{SNOWMAN}")
    return ledger


def test_what_moves_to_a_file_and_back_is_the_same(
    filled: Ledger, file: Path, postgresql_server: PostgresqlServer, tmp_path: Path
) -> None:
    before = content_at(file)

    filled.move_to(f"sqlite:///{tmp_path}/moved.db")

    with ledger_at(tmp_path / "moved.db") as in_file, postgresql_server.database(is_migrated=False) as url:
        assert content_at(tmp_path / "moved.db") == before
        in_file.move_to(url)
        (tmp_path / "back").write_text(url)
        with ledger_at(tmp_path / "back") as back:
            assert content_at(tmp_path / "back") == before
            # New rows get new ids.
            stage_and_apply(back, [row_to_put(device("new"))], at=MONDAY + DAY)
            assert len(believed_records(back)) == 1 + 31
            assert back.verify() == ()


def test_nothing_moves_into_a_database_that_holds_something_or_beside_a_daemon(
    filled: Ledger, other: Ledger, tmp_path: Path
) -> None:
    with ledger_at(tmp_path / "taken.db") as taken:
        taken.audit("drift", "looked")
        before = dump(tmp_path / "taken.db")
    with pytest.raises(StoreRefused, match=r"taken\.db: holds rows already"):
        filled.move_to(f"sqlite:///{tmp_path}/taken.db")
    assert dump(tmp_path / "taken.db") == before

    assert other.schedule_lease()
    with pytest.raises(StoreRefused, match="Stop the daemon"):
        filled.move_to(f"sqlite:///{tmp_path}/free.db")


def test_a_copy_of_a_file_is_restored_into_a_server(filled: Ledger, file: Path, tmp_path: Path) -> None:
    with ledger_at(tmp_path / "small.db") as small:
        stage_and_apply(small, [row_to_put(device("only"))])
        small.backup(tmp_path / "copy.db")

    filled.restore(tmp_path / "copy.db")

    assert [entry.record.source_id for entry in believed_records(filled)] == ["only"]
    expected, restored = content_at(tmp_path / "copy.db"), content_at(file)
    # The revision of what is believed goes on from the one before.
    assert {name for name in expected if expected[name] != restored[name]} == {"counter"}


def test_purging_for_a_year_leaves_the_size_as_it_is(ledger: Ledger) -> None:
    sizes = []
    for week in range(12):
        stage_and_apply(
            ledger, [row_to_put(device(str(number)), week) for number in range(300)], at=MONDAY + 7 * week * DAY
        )
        ledger.purge(MONDAY + 7 * week * DAY)
        sizes.append(ledger.size_bytes())

    assert max(sizes[1:]) <= sizes[0] * 1.1
