"""Stores the turnover of the school year: when it was copied and turned, and the copies, by difference.

The core decides when it turns; a person may turn it by hand. It never turns back, and earlier years are not touched.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Delete, Table, bindparam, delete, insert, select, update

from fleetsync.core.model import BelievedRecord, Turnover
from fleetsync.store import tables as t
from fleetsync.store.bulk import read_many
from fleetsync.store.errors import StoreError
from fleetsync.store.ledger.base import LedgerBase, decode_record, encode_record

TURNOVER_COLUMNS = ("first_school_day", "last_school_day", "copied_at", "turned_at", "how")
COPY_KEY = ("source", "part", "type", "source_id")
CopyKey = tuple[str, str, str, str]


class TurnoverLedger(LedgerBase):
    """The part of the ledger that turns the school year by hand."""

    def turn_by_hand(self, at: datetime) -> None:
        """Turn the newest turnover. StoreError when there is none that waits."""
        with self._write_transaction() as connection:
            newest = _newest_turnover(connection)
            if newest is None or newest.turned_at is not None:
                raise StoreError(
                    "no turnover waits to be turned. One begins by itself on the last school day: fleetsync turnover status"
                )
            same_year = t.turnover.c.first_school_day == newest.first_school_day
            connection.execute(update(t.turnover).where(same_year).values(turned_at=at, how="by_hand"))


def read_turnover(connection: Connection) -> Turnover | None:
    """The newest turnover with its copies."""
    row = _newest_turnover(connection)
    if row is None:
        return None
    columns = t.turnover_membership.c
    copies = select(columns.source, columns.part, columns.body, columns.masked).where(
        columns.first_school_day == row.first_school_day
    )
    in_order = copies.order_by(columns.source, columns.part, columns.type, columns.source_id)
    return Turnover(
        **row._mapping,
        copies=tuple(_copy_from_row(copy, row.copied_at) for copy in read_many(connection, in_order)),
    )


def _newest_turnover(connection: Connection) -> Any:
    columns = t.turnover.c
    return connection.execute(select(t.turnover).order_by(columns.first_school_day.desc()).limit(1)).one_or_none()


def _copy_from_row(row: Any, copied_at: datetime) -> BelievedRecord:
    source, part, body, is_masked = row
    return BelievedRecord(
        source=source, part=part, record=decode_record(body), own_id="", first_seen=copied_at, masked=is_masked
    )


def write_turnover(connection: Connection, turnover: Turnover | None) -> int:
    """Store the state of *turnover* and its copies; the number of rows written. Nothing for None.

    What another process copied or turned first is kept. A copy is written once, and only while its record exists: what
    was dropped while the core computed must not come back from what it had read before.
    """
    if turnover is None:
        return 0
    stored = _turnover_of_year(connection, turnover.first_school_day)
    if stored is not None and stored.copied_at != turnover.copied_at:
        return 0
    written = _write_state(connection, turnover, stored)
    if turnover.turned_at is not None:
        written += _delete_stale_copies(connection, turnover)
    return written + _insert_new_copies(connection, turnover)


def _turnover_of_year(connection: Connection, first: date) -> Any:
    column = t.turnover.c.first_school_day
    in_year = column.between(date(first.year, 1, 1), date(first.year, 12, 31))
    return connection.execute(select(t.turnover).where(in_year)).one_or_none()


def _write_state(connection: Connection, turnover: Turnover, stored: Any) -> int:
    values = {name: getattr(turnover, name) for name in TURNOVER_COLUMNS}
    if stored is None:
        connection.execute(insert(t.turnover).values(values))
        return 1
    if stored.turned_at is not None or values == dict(stored._mapping):
        return 0
    if stored.first_school_day == turnover.first_school_day:
        connection.execute(update(t.turnover).where(_same_turnover(t.turnover, turnover)).values(values))
        return 1
    # The calendar was corrected: the copies move over to the other first school day.
    copies, was = t.turnover_membership, stored.first_school_day
    connection.execute(insert(t.turnover).values(values))
    same_year = copies.c.first_school_day == was
    moved = connection.execute(
        update(copies).where(same_year).values(first_school_day=turnover.first_school_day)
    ).rowcount
    connection.execute(delete(t.turnover).where(t.turnover.c.first_school_day == was))
    return 2 + moved


def _delete_stale_copies(connection: Connection, turnover: Turnover) -> int:
    """Remove the copies that *turnover* does not have any more."""
    wanted = {_copy_key(copy) for copy in turnover.copies}
    stale = [key for key in _stored_copy_keys(connection, turnover) if key not in wanted]
    return _execute_per_key(
        connection, delete(t.turnover_membership).where(_same_turnover(t.turnover_membership, turnover)), stale
    )


def _insert_new_copies(connection: Connection, turnover: Turnover) -> int:
    stored = _stored_copy_keys(connection, turnover)
    fresh = {_copy_key(copy): copy for copy in turnover.copies if _copy_key(copy) not in stored}
    if not fresh:
        return 0
    kept = set(read_many(connection, select(*(t.record.c[name] for name in COPY_KEY))))
    rows = [
        dict(zip(COPY_KEY, key, strict=True))
        | {"first_school_day": turnover.first_school_day, "body": encode_record(copy.record), "masked": copy.masked}
        for key, copy in fresh.items()
        if key in kept
    ]
    if rows:
        connection.execute(insert(t.turnover_membership), rows)
    return len(rows)


def _stored_copy_keys(connection: Connection, turnover: Turnover) -> frozenset[CopyKey]:
    columns = [t.turnover_membership.c[name] for name in COPY_KEY]
    statement = select(*columns).where(_same_turnover(t.turnover_membership, turnover))
    return frozenset(read_many(connection, statement))


def _copy_key(copy: BelievedRecord) -> CopyKey:
    return (copy.source, copy.part, copy.type.value, copy.record.source_id)


def _same_turnover(table: Table, turnover: Turnover) -> ColumnElement[bool]:
    return table.c.first_school_day == turnover.first_school_day


def _execute_per_key(connection: Connection, statement: Delete, keys: Sequence[CopyKey]) -> int:
    if keys:
        same_key = [t.turnover_membership.c[name] == bindparam(f"at_{name}") for name in COPY_KEY]
        names = [f"at_{name}" for name in COPY_KEY]
        connection.execute(statement.where(*same_key), [dict(zip(names, key, strict=True)) for key in keys])
    return len(keys)
