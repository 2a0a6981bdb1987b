import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, insert, select
from sqlalchemy.exc import StatementError

from fleetsync import store
from fleetsync.core.model import Text
from fleetsync.store import tables as t
from fleetsync.store.ledger import Ledger

MEMORY = create_engine("sqlite://")
t.metadata.create_all(MEMORY)


def kept(column: Any, value: object) -> object:
    """*value* as it comes back out of a column of that type."""
    with MEMORY.connect() as connection:
        rows = insert(t.record).values(
            source="s",
            part="p",
            type="device",
            source_id="1",
            own_id="",
            body="{}",
            first_seen=datetime(2026, 1, 1, tzinfo=UTC),
            changed_at=datetime(2026, 1, 1, tzinfo=UTC),
            fingerprint=0,
        )
        connection.execute(rows.values({column.name: value}))
        return connection.execute(select(column)).scalar_one()


def test_every_table_is_used_by_the_store() -> None:
    """A table that nothing reads or writes is dead weight, and a place where personal data could be forgotten."""
    code = "\n".join(path.read_text() for path in Path(store.__file__).parent.rglob("*.py"))

    assert [name for name in t.metadata.tables if not re.search(rf"\bt\.{name}\b", code)] == []


def test_a_migrated_database_is_what_the_tables_say(ledger: Ledger) -> None:
    with ledger._database.begin_reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), t.metadata) == []


zones = st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours)))


@given(st.datetimes(timezones=zones).filter(lambda instant: 1980 < instant.year < 2200))
def test_an_instant_always_comes_back_as_the_same_moment_in_utc(instant: datetime) -> None:
    back = kept(t.record.c.first_seen, instant)

    assert back == instant
    assert isinstance(back, datetime)
    assert back.tzinfo is UTC


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(StatementError, match="must be aware"):
        kept(t.record.c.first_seen, datetime(2026, 1, 1))  # noqa: DTZ001 - a naive instant is the case


@given(st.integers(0, 2**64 - 1))
def test_a_fingerprint_always_comes_back(fingerprint: int) -> None:
    assert kept(t.record.c.fingerprint, fingerprint) == fingerprint


@pytest.mark.parametrize("fingerprint", [-1, 2**64])
def test_what_is_no_unsigned_number_of_64_bits_is_no_fingerprint(fingerprint: int) -> None:
    with pytest.raises(StatementError, match="64 bits"):
        kept(t.record.c.fingerprint, fingerprint)


def test_a_sentence_comes_back_in_both_languages() -> None:
    with MEMORY.connect() as connection:
        connection.execute(
            insert(t.owed).values(
                entitlement="pupils",
                subject="person",
                subject_id="p1",
                unit="vretaskolan",
                groups=("5B", "Å1"),
                count=1,
                heads=1,
                reason=Text("åk 5", "year 5"),
                since=datetime(2026, 1, 1, tzinfo=UTC),
            )
        )
        row = connection.execute(select(t.owed.c.groups, t.owed.c.reason)).one()

    assert row.groups == ("5B", "Å1")
    assert row.reason == Text("åk 5", "year 5")
