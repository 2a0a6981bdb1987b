"""Paths with any letters, copies that are compared, and a disk or a lock that stops the work for a while."""

import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fleetsync import log
from fleetsync.settings.addresses import database_url, is_new_database, sqlite_file
from fleetsync.store import sqlite_database, sqlite_files
from fleetsync.store.errors import DatabaseLocked, DiskFull, StoreRefused
from fleetsync.store.ledger import Ledger, open_ledger
from tests.store.ledger_samples import MONDAY, believed_records, device, dump, ledger_at, row_to_put, stage_and_apply

pytestmark = pytest.mark.only_database("sqlite")

ODD_NAMES = ("data #1", "varför?", "50%41", "två ord", "åäö", "a;b&c=d", "[x]*", "100%")


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_letter_may_stand_in_the_path_of_the_database_and_of_its_copies(name: str, tmp_path: Path, clock) -> None:
    folder = tmp_path / name
    url = database_url(str(folder / f"{name}.db"), tmp_path)
    assert is_new_database(url)
    copy = folder / "copies" / f"copy {name}.db"
    with open_ledger(url, clock, secret_key=b"k" * 32) as ledger:
        stage_and_apply(ledger, [row_to_put(device("1"))])
        ledger.backup(copy)
    with open_ledger(url, clock, secret_key=b"k" * 32) as ledger:
        assert ledger.verify() == ()
        stage_and_apply(ledger, [row_to_put(device("2"))], at=MONDAY)
        ledger.restore(copy)
        assert [entry.record.source_id for entry in believed_records(ledger)] == ["1"]

    assert sqlite_file(url) == folder / f"{name}.db"
    assert not is_new_database(url)
    assert {path.name for path in tmp_path.iterdir()} == {name}


def test_a_copy_that_does_not_hold_what_was_copied_is_refused(ledger: Ledger, tmp_path: Path, monkeypatch) -> None:
    stage_and_apply(ledger, [row_to_put(device("1"))])
    leave = sqlite_files.leave_wal_mode

    def loses_a_row(file: Path) -> None:
        leave(file)
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("DELETE FROM record")
            connection.commit()

    monkeypatch.setattr(sqlite_database, "leave_wal_mode", loses_a_row)
    with pytest.raises(StoreRefused, match="its rows are not those of the database"):
        ledger.backup(tmp_path / "copy.db")

    assert not list(tmp_path.glob("copy.db*"))


def test_the_database_is_never_its_own_copy(ledger: Ledger, file: Path) -> None:
    before = dump(file)
    with pytest.raises(StoreRefused, match="is the database itself"):
        ledger.backup(file)

    assert dump(file) == before


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    out = io.StringIO()
    log.setup("INFO", json=True, to=out)
    yield out
    log.setup("ERROR", to=io.StringIO())


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_database, "WRITER_BUSY_MS", 1000)


def test_a_lock_of_another_program_is_named_and_logged_once_with_the_recovery(
    impatient, file: Path, logged: io.StringIO
) -> None:
    with ledger_at(file) as ledger, closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(3):
            with pytest.raises(DatabaseLocked, match=r"is locked by another program for more than 1 s\. End that"):
                ledger.audit("drift", "looked")
        assert not believed_records(ledger)
        other.execute("ROLLBACK")
        ledger.audit("drift", "looked")
        ledger.audit("drift", "looked")

    assert logged.getvalue().count("database cannot be used") == 1
    assert logged.getvalue().count("database can be used again") == 1


def test_a_full_disk_is_named_and_what_is_believed_stays_readable(file: Path, logged: io.StringIO) -> None:
    with ledger_at(file) as ledger:
        stage_and_apply(ledger, [row_to_put(device("1"))])
        with ledger._database.writing.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            pages = driver.execute("PRAGMA page_count").fetchone()[0]
            driver.execute(f"PRAGMA max_page_count={pages}")  # SQLite says then that the disk is full
        for _ in range(2):
            with pytest.raises(DiskFull, match=r"the disk of .*fleetsync\.db is full: free [\d.]+ MB.*Make room"):
                ledger.audit("drift", "looked " * 500_000)

        assert [entry.record.source_id for entry in believed_records(ledger)] == ["1"]


def test_a_damaged_database_is_named_with_its_remedy(file: Path) -> None:
    with ledger_at(file) as ledger:
        stage_and_apply(ledger, [row_to_put(device(str(number))) for number in range(50)])
    file.write_bytes(b"no database at all, and long enough to be looked at " * 200)

    with pytest.raises(StoreRefused, match=r"is damaged. Restore the latest sound copy: fleetsync db restore"):
        ledger_at(file)
