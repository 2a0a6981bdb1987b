"""Rows that are written or read in bulk are what SQLAlchemy would have written or read one by one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, bindparam, create_engine, delete, event, insert, select, update
from sqlalchemy.exc import IntegrityError

from fleetsync.core.model import Text
from fleetsync.store import bulk
from fleetsync.store import tables as t
from fleetsync.store.ledger import Ledger
from tests.store.ledger_samples import MONDAY

OWED = tuple(column.name for column in t.owed.c if column.name != "id")

instants = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1)).map(  # noqa: DTZ001 - the zone follows
    lambda naive: naive.replace(tzinfo=timezone(timedelta(hours=naive.hour - 12)))
)
words = st.text(max_size=5)
owed_rows = st.tuples(
    words, words, words, words, st.lists(words, max_size=2).map(tuple), st.integers(0, 9), st.integers(0, 9),
    st.booleans(), st.builds(Text, sv=words, en=words), instants, st.one_of(st.none(), instants),
)  # fmt: skip


def stored(connection: Connection) -> Sequence[Any]:
    return connection.execute(select(*(t.owed.c[name] for name in OWED)).order_by(t.owed.c.id)).all()


@given(st.lists(owed_rows, max_size=7), st.integers(1, 3))
def test_rows_read_in_bulk_are_always_those_that_are_read_one_by_one(rows: list[Any], at_a_time: int) -> None:
    engine = create_engine("sqlite://")
    t.metadata.create_all(engine)
    statement = select(*(t.owed.c[name] for name in OWED)).order_by(t.owed.c.id)
    with engine.begin() as connection, pytest.MonkeyPatch.context() as patch:
        bulk.write_many(connection, insert(t.owed), OWED, rows)
        patch.setattr(bulk, "ROWS_READ_AT_A_TIME", at_a_time)

        assert list(bulk.read_many(connection, statement)) == [tuple(row) for row in stored(connection)]


@given(st.lists(owed_rows, max_size=7))
def test_rows_in_bulk_are_always_those_of_single_inserts(rows: list[Any]) -> None:
    engine = create_engine("sqlite://")
    t.metadata.create_all(engine)
    with engine.begin() as connection:
        for row in rows:
            connection.execute(insert(t.owed), dict(zip(OWED, row, strict=True)))
        single = stored(connection)
        connection.execute(delete(t.owed))

        assert bulk.write_many(connection, insert(t.owed), OWED, rows) == len(rows)
        assert stored(connection) == single


@given(st.lists(owed_rows, max_size=7))
def test_rows_read_in_bulk_are_always_those_of_single_reads(rows: list[Any]) -> None:
    engine = create_engine("sqlite://")
    t.metadata.create_all(engine)
    statement = select(t.owed).order_by(t.owed.c.id)
    with engine.begin() as connection:
        bulk.write_many(connection, insert(t.owed), OWED, rows)

        assert list(bulk.read_many(connection, statement)) == [tuple(row) for row in connection.execute(statement)]


def test_many_rows_are_read_in_order_and_in_pieces(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "ROWS_READ_AT_A_TIME", 10)
    tokens = [(f"~{n:02}", MONDAY + timedelta(days=n)) for n in range(25)]
    table = t.protected_token
    with ledger._write_transaction() as connection:
        ledger._database.write_rows(connection, insert(table), ("token", "since"), tokens)

        statement = select(table.c.token, table.c.since).order_by(table.c.token)
        assert list(bulk.read_many(connection, statement)) == tokens
        assert list(bulk.read_many(connection, statement.where(table.c.token == "none"))) == []


def test_an_update_and_a_delete_take_their_rows_by_name(ledger: Ledger) -> None:
    tokens = [(f"~{n}", MONDAY) for n in range(3)]
    later = MONDAY + timedelta(days=1)
    write, table = ledger._database.write_rows, t.protected_token
    of_token = table.c.token == bindparam("row")
    with ledger._write_transaction() as connection:
        write(connection, insert(table), ("token", "since"), tokens)
        write(connection, update(table).where(of_token).values(since=later), ("row",), [("~1",)])
        write(connection, delete(table).where(of_token), ("row",), [("~2",)])

        assert connection.execute(select(table).order_by(table.c.token)).all() == [("~0", MONDAY), ("~1", later)]


@pytest.mark.only_database("sqlite")
def test_many_rows_are_a_statement_for_each_piece_and_none_for_no_row(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "ROWS_AT_A_TIME", 10)
    sizes: list[int] = []
    with ledger._write_transaction(changes_believed=False) as connection:
        event.listen(connection, "before_cursor_execute", lambda *args: sizes.append(len(args[3])))
        rows = ((f"~{n}", datetime(2026, 1, 1, tzinfo=UTC)) for n in range(25))
        written = ledger._database.write_rows(connection, insert(t.protected_token), ("token", "since"), rows)
        ledger._database.write_rows(connection, insert(t.protected_token), ("token", "since"), ())

    assert (written, sizes) == (25, [10, 10, 5])
    assert len(ledger.protected_tokens()) == 25


def test_an_error_in_the_middle_leaves_nothing_and_quotes_no_value(ledger: Ledger) -> None:
    def write_one_token_twice() -> None:
        with ledger._write_transaction() as connection:
            twice = [("~secret", MONDAY), ("~secret", MONDAY)]
            ledger._database.write_rows(connection, insert(t.protected_token), ("token", "since"), twice)

    with pytest.raises(IntegrityError) as caught:
        write_one_token_twice()

    assert "secret" not in str(caught.value)
    assert ledger.protected_tokens() == frozenset()
