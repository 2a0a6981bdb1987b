from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import OperationalError

from fleetsync.store import sqlite
from fleetsync.store import tables as t
from fleetsync.store.engine import open_engines
from fleetsync.store.errors import StoreRefused
from fleetsync.store.ledger import Ledger
from tests.store.ledger_samples import MONDAY


def test_a_reader_cannot_write(ledger: Ledger) -> None:
    with (
        ledger._read_transaction() as connection,
        pytest.raises(OperationalError, match="readonly"),
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


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 1), ("foreign_keys", 1), ("secure_delete", 1)],
)
def test_both_engines_keep_the_promises_of_the_file(ledger: Ledger, pragma: str, value: object) -> None:
    for engine in (ledger._engines.reading, ledger._engines.writing):
        with engine.connect() as connection:
            assert connection.execute(text(f"PRAGMA {pragma}")).scalar_one() == value


def test_only_its_owner_can_read_the_database(ledger: Ledger, file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_folder_is_made(tmp_path: Path) -> None:
    open_engines(f"sqlite:///{tmp_path}/var/lib/fleetsync.db").close()

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
        open_engines(url)


def test_a_sqlite_that_is_too_old_is_refused() -> None:
    with pytest.raises(StoreRefused, match=r"SQLite 3\.34\.1 is too old: 3\.35 or later"):
        sqlite.check_version((3, 34, 1))
