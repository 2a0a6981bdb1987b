import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from fleetsync.store import sqlite
from fleetsync.store.engine import Engines
from fleetsync.store.ledger import Ledger, StoreRefused
from fleetsync.store.locks import Locks
from fleetsync.store.upgrade import MIGRATIONS, upgrade
from tests.store.ledger_samples import believed_records, device, dump, ledger_at, row_to_put
from tests.store.ledger_samples import stage_and_apply as apply_pull

NEXT = '''"""What a later version adds."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("CREATE TABLE later (id INTEGER)")
    op.execute({statement!r})
'''


def later_version(tmp_path: Path, statement: str = "SELECT 1") -> Path:
    """The migrations of a version after this one."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    (folder / "versions" / "0002_later.py").write_text(NEXT.format(statement=statement))
    return folder


def migrated(engines: Engines, migrations: Path) -> None:
    upgrade(engines, Locks(engines.file.with_name("locks")), migrations)


def test_opening_again_changes_nothing(ledger: Ledger, file: Path) -> None:
    before = dump(file)

    ledger_at(file).close()

    assert dump(file) == before
    assert not list(file.parent.glob("*.before-*"))


def test_a_migration_leaves_a_sound_copy_of_what_was(ledger: Ledger, file: Path, tmp_path: Path) -> None:
    apply_pull(ledger, [row_to_put(device("1"))])
    before = dump(file)

    migrated(ledger._engines, later_version(tmp_path))

    copy = file.with_name("fleetsync.db.before-0002")
    assert sqlite.integrity(copy) == ()
    assert dump(copy) == before
    assert copy.stat().st_mode & 0o777 == 0o600
    assert sqlite.revisions(file) == ("0002",)
    assert "later" in dump(file)


def test_a_migration_that_fails_leaves_the_database_as_it_was(ledger: Ledger, file: Path, tmp_path: Path) -> None:
    before = dump(file)

    with pytest.raises(OperationalError):
        migrated(ledger._engines, later_version(tmp_path, "INSERT INTO nowhere VALUES (1)"))

    assert dump(file) == before


def test_a_newer_database_is_refused_by_name_and_left_alone(ledger: Ledger, file: Path, tmp_path: Path) -> None:
    migrated(ledger._engines, later_version(tmp_path))
    ledger.close()
    before = dump(file)

    with pytest.raises(StoreRefused, match=r"newer fleetsync \(schema 0002, this version knows 0001\).*db restore"):
        ledger_at(file)

    assert dump(file) == before


def test_a_database_of_something_else_is_refused_and_left_alone(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE recipe (id INTEGER)")
    connection.close()

    with pytest.raises(StoreRefused, match="not fleetsync's"):
        ledger_at(file)

    assert dump(file) == {"recipe": []}


def test_a_damaged_database_is_not_migrated(ledger: Ledger, file: Path, tmp_path: Path) -> None:
    apply_pull(ledger, [row_to_put(device(str(number))) for number in range(500)])
    ledger.purge(ledger._clock.now())
    ledger.close()
    with file.open("r+b") as raw:
        raw.seek(file.stat().st_size // 2)
        raw.write(b"\xff" * 8192)

    with pytest.raises(StoreRefused, match="damaged"), ledger_at(file) as again:
        migrated(again._engines, later_version(tmp_path))

    assert not list(file.parent.glob("*.before-*"))


def test_those_who_start_at_once_find_one_database(file: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        started = list(pool.map(ledger_at, [file] * 4))
    apply_pull(started[0], [row_to_put(device("1"))])

    assert [len(believed_records(one)) for one in started] == [1, 1, 1, 1]
    for one in started:
        one.close()
