import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, Connection, Date, DateTime, MetaData, Text, insert
from sqlalchemy.exc import DBAPIError

from fleetsync.store.database import Database
from fleetsync.store.ledger import Ledger, StoreRefused
from fleetsync.store.sqlite_files import file_problems
from fleetsync.store.upgrade import MIGRATIONS, head, upgrade
from tests.store.ledger_samples import MONDAY, believed_records, database_at, device, dump, ledger_at, row_to_put
from tests.store.ledger_samples import stage_and_apply as apply_pull

NEXT = '''"""What a later version adds."""

from alembic import op

revision = {revision!r}
down_revision = {before!r}


def upgrade() -> None:
    op.execute("CREATE TABLE later (id INTEGER)")
    op.execute({statement!r})
'''
# What a row of an older schema must say to be read; of any other column of text an empty list will do.
VALID_WORDS = {
    "body": '{"type":"device","source_id":"1"}',
    "reason": '["",""]',
    "scheme": "address",
    "subject": "device",
    "by": "own",
    "use": "other",
    "stage": "in_use",
    **dict.fromkeys(("login_scheme", "person_scheme"), "address"),
}
LATER = f"{int(head()) + 1:04}"


def later_version(tmp_path: Path, statement: str = "SELECT 1") -> Path:
    """The migrations of a version after this one."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    migration = NEXT.format(revision=LATER, before=head(), statement=statement)
    (folder / "versions" / f"{LATER}_later.py").write_text(migration)
    return folder


def earlier_version(tmp_path: Path, revision: str) -> Path:
    """The migrations up to *revision*."""
    folder = tmp_path / f"until-{revision}"
    shutil.copytree(MIGRATIONS, folder)
    for path in (folder / "versions").glob("*.py"):
        if path.stem.split("_")[0] > revision:
            path.unlink()
    return folder


def test_opening_again_changes_nothing(ledger: Ledger, file: Path) -> None:
    before = dump(file)

    ledger_at(file).close()

    assert dump(file) == before
    assert not list(file.parent.glob("*.before-*"))


@pytest.mark.only_database("sqlite")
def test_a_migration_leaves_a_sound_copy_of_what_was(ledger: Ledger, file: Path, tmp_path: Path) -> None:
    apply_pull(ledger, [row_to_put(device("1"))])
    before = dump(file)

    upgrade(ledger._database, later_version(tmp_path))

    copy = file.with_name(f"fleetsync.db.before-{LATER}")
    assert file_problems(copy) == ()
    assert dump(copy) == before
    assert copy.stat().st_mode & 0o777 == 0o600
    assert ledger._database.revisions() == (LATER,)
    assert "later" in dump(file)


def test_a_migration_that_fails_leaves_the_database_as_it_was(ledger: Ledger, file: Path, tmp_path: Path) -> None:
    before = dump(file)

    with pytest.raises(DBAPIError):
        upgrade(ledger._database, later_version(tmp_path, "INSERT INTO nowhere VALUES (1)"))

    assert dump(file) == before


def test_a_newer_database_is_refused_by_name_and_left_alone(ledger: Ledger, file: Path, tmp_path: Path) -> None:
    upgrade(ledger._database, later_version(tmp_path))
    ledger.close()
    before = dump(file)

    says = rf"newer fleetsync \(schema {LATER}, this version knows {head()}\).*db restore"
    with pytest.raises(StoreRefused, match=says):
        ledger_at(file)

    assert dump(file) == before


def test_a_database_of_something_else_is_refused_and_left_alone(file: Path) -> None:
    database = database_at(file)
    with database.begin_writing() as connection:
        connection.exec_driver_sql("CREATE TABLE recipe (id INTEGER)")
    database.close()

    with pytest.raises(StoreRefused, match="not fleetsync's"):
        ledger_at(file)

    assert dump(file) == {"recipe": []}


@pytest.mark.only_database("sqlite")
def test_a_damaged_database_is_not_migrated(ledger: Ledger, file: Path, tmp_path: Path) -> None:
    apply_pull(ledger, [row_to_put(device(str(number))) for number in range(2000)])
    ledger.purge(ledger._clock.now())
    ledger.close()
    with file.open("r+b") as raw:
        raw.seek(file.stat().st_size // 2)
        raw.write(b"\xff" * 8192)

    with pytest.raises(StoreRefused, match="damaged"), ledger_at(file) as again:
        upgrade(again._database, later_version(tmp_path))

    assert not list(file.parent.glob("*.before-*"))


def test_databases_opened_at_once_are_created_once(file: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        ledgers = list(pool.map(ledger_at, [file] * 4))
    apply_pull(ledgers[0], [row_to_put(device("1"))])

    assert [len(believed_records(ledger)) for ledger in ledgers] == [1, 1, 1, 1]
    for ledger in ledgers:
        ledger.close()


# --- each released schema ---------------------------------------------------------------------------------------------


def insert_a_row_everywhere(connection: Connection) -> None:
    """A row in each table of an older schema, with a value in each column, and with every reference met."""
    schema = MetaData()
    schema.reflect(connection)
    for table in schema.sorted_tables:
        if table.name != "alembic_version":
            columns = [column for column in table.columns if column.name != "id" or table.name != "pull"]
            connection.execute(insert(table).values({column.name: sample_value(column) for column in columns}))


def sample_value(column: Column[Any]) -> object:
    match column.type:
        case DateTime():
            return MONDAY
        case Date():
            return date(2027, 8, 16)
        case Text():
            return VALID_WORDS.get(column.name, "[]")
        case Boolean():
            return True
    return 1


@pytest.fixture
def released(file: Path, tmp_path: Path) -> Database:
    """A database of the first release with a row in each table."""
    database = database_at(file)
    upgrade(database, earlier_version(tmp_path, "0001"))
    with database.begin_writing() as connection:
        insert_a_row_everywhere(connection)
    return database


def test_a_database_of_the_first_release_keeps_its_rows(released: Database, file: Path, tmp_path: Path) -> None:
    before = dump(file)
    assert all(before.values())

    upgrade(released, earlier_version(tmp_path, "0002"))

    after = dump(file)
    gone = {"correction", "individual", "headcount", "deferred_count"}
    assert set(after) == set(before) - gone
    assert {name for name in after if after[name] != before[name]} == {"alembic_version", "pull", "login"}
    assert [len(after[name]) for name in ("pull", "pull_scope", "staged_record", "login")] == [1, 1, 1, 1]
    assert released.problems() == ()
    released.close()


def test_a_log_in_in_use_has_no_last_sighting_after_the_upgrade(released: Database, file: Path) -> None:
    with released.begin_writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO login (scheme, namespace, value, person, first_seen, last_seen) VALUES ('address', '',"
            " 'anna.ek@exempelby.se', 'p1', '2026-11-22 06:00:00.000000', '2026-11-23 06:00:00.000000')"
        )
    released.close()

    with ledger_at(file) as ledger:
        last_seen = {login.key.value: login.last_seen for login in ledger.believed(()).logins}
    assert last_seen == {"[]": None, "anna.ek@exempelby.se": MONDAY}
