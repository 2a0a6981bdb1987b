import ast
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError

import fleetsync
from fleetsync.store import tables as t
from fleetsync.store.database import database_of, open_database
from fleetsync.store.errors import StoreRefused
from fleetsync.store.ledger import Ledger
from fleetsync.store.sqlite_database import check_version
from tests.store.ledger_samples import MONDAY


def test_a_reader_cannot_write(ledger: Ledger) -> None:
    with (
        ledger._read_transaction() as connection,
        pytest.raises(DBAPIError, match=r"(?i)readonly"),
    ):
        connection.execute(insert(t.protected_token).values(token="~a", since=MONDAY))


def test_a_reader_sees_one_state_while_somebody_writes(ledger: Ledger) -> None:
    with ledger._read_transaction() as connection:
        before = connection.execute(select(t.audit.c.what)).all()
        ledger.audit("drift", "looked", "p1")

        assert connection.execute(select(t.audit.c.what)).all() == before == []
    with ledger._read_transaction() as connection:
        assert connection.execute(select(t.audit.c.what)).scalars().all() == ["looked"]


def test_a_transaction_that_fails_leaves_nothing(ledger: Ledger) -> None:
    def half() -> None:
        with ledger._write_transaction() as connection:
            connection.execute(insert(t.protected_token).values(token="~a", since=MONDAY))
            raise LookupError

    with pytest.raises(LookupError):
        half()

    assert ledger.protected_tokens() == frozenset()


@pytest.mark.only_database("sqlite")
@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 1), ("foreign_keys", 1), ("secure_delete", 1)],
)
def test_both_engines_keep_the_promises_of_the_file(ledger: Ledger, pragma: str, value: object) -> None:
    for engine in (ledger._database.reading, ledger._database.writing):
        with engine.connect() as connection:
            assert connection.execute(text(f"PRAGMA {pragma}")).scalar_one() == value


@pytest.mark.only_database("sqlite")
def test_only_its_owner_can_read_the_database(ledger: Ledger, file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_folder_is_made(tmp_path: Path) -> None:
    open_database(f"sqlite:///{tmp_path}/var/lib/fleetsync.db").close()

    assert (tmp_path / "var" / "lib" / "fleetsync.db").exists()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("mysql://localhost/fleetsync", "mysql is not supported"),
        ("fleetsync.db", "is no address"),
        ("sqlite:////dev/null/fleetsync.db", "cannot be created"),
    ],
)
def test_an_address_that_cannot_be_used_says_how_to_write_it(url: str, says: str) -> None:
    with pytest.raises(StoreRefused, match=says):
        open_database(url)


def test_a_sqlite_that_is_too_old_is_refused() -> None:
    with pytest.raises(StoreRefused, match=r"SQLite 3\.34\.1 is too old: 3\.35 or later"):
        check_version((3, 34, 1))


KINDS_OF_DATABASE = {
    "sqlite": ("sqlite3", "sqlalchemy.dialects.sqlite", "fleetsync.store.sqlite_"),
    "postgresql": ("psycopg", "sqlalchemy.dialects.postgresql", "fleetsync.store.postgresql_"),
}
# A copy is a SQLite file, whatever database it is of.
MODULES_OF_COPIES = {("sqlite", "store/ledger/prepared_copy.py"), ("sqlite", "store/postgresql_database.py")}


def imported_names(path: Path) -> set[str]:
    """All modules that a file imports, and the names it takes from them, dotted."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_only_one_module_knows_a_kind_of_database() -> None:
    """Another kind of database is another file: nothing else of the package may depend on one kind."""
    package = Path(fleetsync.__file__).parent
    knowing = {
        (kind, path.relative_to(package).as_posix())
        for path in package.rglob("*.py")
        for kind, modules in KINDS_OF_DATABASE.items()
        if any(imported.startswith(modules) for imported in imported_names(path))
    }

    outside = {(kind, name) for kind, name in knowing if not name.startswith(f"store/{kind}_")}
    assert outside == MODULES_OF_COPIES
    assert {kind for kind, _ in knowing - outside} == KINDS_OF_DATABASE.keys()


def test_a_connection_knows_its_database(ledger: Ledger) -> None:
    with ledger._read_transaction() as connection:
        assert database_of(connection) is ledger._database
    with ledger._write_transaction() as connection:
        assert database_of(connection) is ledger._database
