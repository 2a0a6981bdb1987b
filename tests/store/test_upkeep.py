import os
from pathlib import Path

import pytest

from fleetsync.store.ledger import Ledger, StoreRefused
from fleetsync.store.upgrade import head
from tests.store.ledger_samples import (
    DAY,
    HOUR,
    MONDAY,
    believed_records,
    content_at,
    database_at,
    device,
    dump,
    ledger_at,
    row_to_put,
    stage_and_apply,
)


def test_a_backup_taken_while_somebody_writes_is_whole_and_private(ledger: Ledger, file: Path, tmp_path: Path) -> None:
    stage_and_apply(ledger, [row_to_put(device("1"))])
    copy = tmp_path / "copies" / "monday.db"
    with ledger._write_transaction(changes_believed=False) as connection:
        connection.exec_driver_sql("DELETE FROM record")
        ledger.backup(copy)
        connection.rollback()

    assert content_at(copy) == content_at(file)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in copy.parent.iterdir()] == ["monday.db"]


def test_a_restored_copy_is_what_is_believed_also_by_another_process_that_has_it_open(
    ledger: Ledger, file: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "monday.db"
    stage_and_apply(ledger, [row_to_put(device("1"))])
    ledger.backup(copy)
    with ledger_at(file) as daemon:
        stage_and_apply(ledger, [row_to_put(device("2"))], at=MONDAY + HOUR)
        assert len(believed_records(daemon)) == 2

        ledger.restore(copy)

        assert [entry.record.source_id for entry in believed_records(daemon)] == ["1"]
        stage_and_apply(daemon, [row_to_put(device("3"))], at=MONDAY + DAY)
    assert len(believed_records(ledger)) == 2
    assert ledger.verify() == ()


def test_nothing_is_restored_while_a_daemon_uses_the_database(ledger: Ledger, file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "monday.db"
    stage_and_apply(ledger, [row_to_put(device("1"))])
    ledger.backup(copy)
    stage_and_apply(ledger, [row_to_put(device("2"))], at=MONDAY + HOUR)
    with ledger_at(file) as daemon:
        lease = daemon.schedule_lease()
        assert lease is not None

        with pytest.raises(
            StoreRefused, match=r"a daemon uses it \(.+ \(process \d+\)\)\. Stop the daemon, and restore then"
        ):
            ledger.restore(copy)

        lease.release()
    assert len(believed_records(ledger)) == 2


def a_database(path: Path, *statements: str) -> Path:
    database = database_at(path)
    with database.writing.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        for statement in statements:
            driver.execute(statement)
    database.close()
    return path


def test_what_is_no_sound_copy_of_ours_is_not_restored(ledger: Ledger, file: Path, tmp_path: Path) -> None:
    stage_and_apply(ledger, [row_to_put(device("1"))])
    before = dump(file)
    text = tmp_path / "notes.db"
    text.write_text("no database at all, but long enough to look at " * 20)
    newer = ("CREATE TABLE alembic_version (version_num TEXT)", "INSERT INTO alembic_version VALUES ('9999')")

    for path, says in (
        (tmp_path / "nowhere.db", "no such file"),
        (text, "is damaged"),
        (a_database(tmp_path / "other.db", "CREATE TABLE recipe (id INTEGER)"), "no copy of fleetsync's"),
        (a_database(tmp_path / "newer.db", *newer), "newer version"),
    ):
        with pytest.raises(StoreRefused, match=says):
            ledger.restore(path)

    assert dump(file) == before


def test_a_backup_that_cannot_be_written_says_so(ledger: Ledger, file: Path) -> None:
    with pytest.raises(StoreRefused, match="cannot be written"):
        ledger.backup(file / "inside" / "a-file.db")


@pytest.mark.only_database("sqlite")
def test_what_is_wrong_is_found(ledger: Ledger, file: Path) -> None:
    stage_and_apply(ledger, [row_to_put(device("1"), last_contact_at=MONDAY)])
    assert ledger.verify() == ()
    a_database(file, "PRAGMA foreign_keys=OFF", "DELETE FROM record", "UPDATE alembic_version SET version_num = '0000'")

    assert ledger.verify() == ("contact: a row points to nothing", f"its schema is 0000, not {head()}")


def test_the_lease_of_the_schedule_is_given_to_one_daemon(ledger: Ledger, file: Path) -> None:
    lease = ledger.schedule_lease()
    assert lease is not None
    with ledger_at(file) as other:
        assert other.schedule_lease() is None
        lease.release()
        assert other.schedule_lease() is not None


def test_the_size_grows_with_what_is_kept(ledger: Ledger, file: Path) -> None:
    before = ledger.size_bytes()
    stage_and_apply(ledger, [row_to_put(device(str(number))) for number in range(500)])

    assert ledger.size_bytes() > before > file.stat().st_size // 2


@pytest.mark.only_database("sqlite")
def test_copies_taken_before_migrations_go_in_time_and_other_files_stay(ledger: Ledger, file: Path) -> None:
    old, new, other = (file.with_name(f"fleetsync.db{end}") for end in (".before-0002", ".before-0003", ".monday"))
    for path, at in ((old, MONDAY), (new, MONDAY + 20 * DAY), (other, MONDAY)):
        path.touch()
        os.utime(path, (at.timestamp(), at.timestamp()))

    assert ledger.purge(MONDAY + 31 * DAY) == {"copy": 1}
    assert (old.exists(), new.exists(), other.exists()) == (False, True, True)
