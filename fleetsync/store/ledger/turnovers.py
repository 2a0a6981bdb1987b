"""The turn of the school year as it is kept: when it was copied and turned, and the copies, by difference.

The core says what it has come to; a person may turn it by hand. It never turns back, and no earlier year's is touched.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Delete, Table, bindparam, delete, insert, select, update

from fleetsync.core.model import BelievedRecord, Turnover
from fleetsync.store import tables as t
from fleetsync.store.errors import StoreError
from fleetsync.store.ledger.base import LedgerBase, decode_record, encode_record, stream_rows

TURNOVER_COLUMNS = ("first_school_day", "last_school_day", "copied_at", "turned_at", "how")
COPY_KEY = ("source", "part", "type", "source_id")
CopyKey = tuple[str, str, str, str]


class TurnoverLedger(LedgerBase):
    """The part of the ledger that turns the school year when somebody says so."""

    def turn_by_hand(self, at: datetime) -> None:
        """Turn the newest turnover. StoreError when there is none that waits."""
        with self._write_transaction() as connection:
            newest = _newest_turnover(connection)
            if newest is None or newest.turned_at is not None:
                raise StoreError(
                    "no turnover waits to be turned. One begins by itself on the last school day: fleetsync turnover status"
                )
            here = t.turnover.c.first_school_day == newest.first_school_day
            connection.execute(update(t.turnover).where(here).values(turned_at=at, how="by_hand"))


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
        copies=tuple(_copy_from_row(copy, row.copied_at) for copy in stream_rows(connection, in_order)),
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
    """Write down what *turnover* has come to since; the number of rows written. None is nothing to say.

    What another process copied or turned first stands. A copy is written once, and only while its record is kept: what
    was dropped while the core judged must not come back by what it had read before.
    """
    if turnover is None:
        return 0
    stands = _turnover_of_year(connection, turnover.first_school_day)
    if stands is not None and stands.copied_at != turnover.copied_at:
        return 0
    written = _write_state(connection, turnover, stands)
    if turnover.turned_at is not None:
        written += _delete_stale_copies(connection, turnover)
    return written + _insert_new_copies(connection, turnover)


def _turnover_of_year(connection: Connection, first: date) -> Any:
    column = t.turnover.c.first_school_day
    in_year = column.between(date(first.year, 1, 1), date(first.year, 12, 31))
    return connection.execute(select(t.turnover).where(in_year)).one_or_none()


def _write_state(connection: Connection, turnover: Turnover, stands: Any) -> int:
    values = {name: getattr(turnover, name) for name in TURNOVER_COLUMNS}
    if stands is None:
        connection.execute(insert(t.turnover).values(values))
        return 1
    if stands.turned_at is not None or values == dict(stands._mapping):
        return 0
    if stands.first_school_day == turnover.first_school_day:
        connection.execute(update(t.turnover).where(_same_turnover(t.turnover, turnover)).values(values))
        return 1
    # The calendar was corrected: the copies move over to the other first school day.
    copies, was = t.turnover_membership, stands.first_school_day
    connection.execute(insert(t.turnover).values(values))
    here = copies.c.first_school_day == was
    moved = connection.execute(update(copies).where(here).values(first_school_day=turnover.first_school_day)).rowcount
    connection.execute(delete(t.turnover).where(t.turnover.c.first_school_day == was))
    return 2 + moved


def _delete_stale_copies(connection: Connection, turnover: Turnover) -> int:
    """Take away the copies that are done with."""
    wanted = {_copy_key(copy) for copy in turnover.copies}
    stale = [place for place in _stored_copy_keys(connection, turnover) if place not in wanted]
    return _execute_per_key(
        connection, delete(t.turnover_membership).where(_same_turnover(t.turnover_membership, turnover)), stale
    )


def _insert_new_copies(connection: Connection, turnover: Turnover) -> int:
    places = _stored_copy_keys(connection, turnover)
    fresh = {_copy_key(copy): copy for copy in turnover.copies if _copy_key(copy) not in places}
    if not fresh:
        return 0
    kept = {tuple(row) for row in stream_rows(connection, select(*(t.record.c[name] for name in COPY_KEY)))}
    rows = [
        dict(zip(COPY_KEY, place, strict=True))
        | {"first_school_day": turnover.first_school_day, "body": encode_record(copy.record), "masked": copy.masked}
        for place, copy in fresh.items()
        if place in kept
    ]
    if rows:
        connection.execute(insert(t.turnover_membership), rows)
    return len(rows)


def _stored_copy_keys(connection: Connection, turnover: Turnover) -> frozenset[CopyKey]:
    columns = [t.turnover_membership.c[name] for name in COPY_KEY]
    found = select(*columns).where(_same_turnover(t.turnover_membership, turnover))
    return frozenset(tuple(row) for row in stream_rows(connection, found))


def _copy_key(copy: BelievedRecord) -> CopyKey:
    return (copy.source, copy.part, copy.type.value, copy.record.source_id)


def _same_turnover(table: Table, turnover: Turnover) -> ColumnElement[bool]:
    return table.c.first_school_day == turnover.first_school_day


def _execute_per_key(connection: Connection, statement: Delete, places: Sequence[CopyKey]) -> int:
    if places:
        here = [t.turnover_membership.c[name] == bindparam(f"at_{name}") for name in COPY_KEY]
        names = [f"at_{name}" for name in COPY_KEY]
        connection.execute(statement.where(*here), [dict(zip(names, place, strict=True)) for place in places])
    return len(places)
