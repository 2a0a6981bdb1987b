"""Tables written by difference: a row that is there already is not written again.

Rows are built by name. Which attribute of which value a column stores is said once, at the column (`store/tables.py`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import Enum
from operator import attrgetter
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, insert, select, update

from fleetsync.store.ledger.base import stream_rows
from fleetsync.store.tables import source_attribute

RowValues = tuple[Any, ...]
NamedRow = Mapping[str, Any]  # by the name of the column


def outcome_rows(table: Table, values: Iterable[object]) -> Iterator[dict[str, Any]]:
    """A row of *table* for each of *values*, with all its columns."""
    return _named_rows(table, [column.name for column in table.c], values)


def _named_rows(table: Table, names: Sequence[str], values: Iterable[object]) -> Iterator[dict[str, Any]]:
    readers = {name: attrgetter(source_attribute(table.c[name])) for name in names}
    for value in values:
        yield {name: read(value) for name, read in readers.items()}


def replace_rows(
    connection: Connection, table: Table, rows: Iterable[NamedRow], where: ColumnElement[bool] | None = None
) -> int:
    """Make the rows of *table* (those of *where*) be *rows*, compared by primary key; the number of rows written."""
    key = [column.name for column in table.primary_key.columns]
    values = [column.name for column in table.c if not column.primary_key]
    wanted = {_values(row, key): _values(row, values) for row in rows}
    current = _current_rows(connection, table, key, values, where)
    added = [(*at, *row) for at, row in wanted.items() if at not in current]
    changed = [(*at, *row) for at, row in wanted.items() if at in current and current[at] != row]
    removed = [at for at in current if at not in wanted]
    same_key = [table.c[name] == bindparam(f"at_{name}") for name in key]
    new_values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in values}
    names = [*(f"at_{name}" for name in key), *(f"new_{name}" for name in values)]
    _execute(connection, delete(table).where(*same_key), names[: len(key)], removed)
    _execute(connection, update(table).where(*same_key).values(new_values), names, changed)
    _execute(connection, insert(table), [*key, *values], added)
    return len(removed) + len(changed) + len(added)


def _current_rows(
    connection: Connection,
    table: Table,
    key: Sequence[str],
    values: Sequence[str],
    where: ColumnElement[bool] | None,
) -> dict[RowValues, RowValues]:
    statement = select(*(table.c[name] for name in (*key, *values)))
    if where is not None:
        statement = statement.where(where)
    return {tuple(row[: len(key)]): tuple(row[len(key) :]) for row in stream_rows(connection, statement)}


def _values(row: NamedRow, names: Sequence[str]) -> RowValues:
    return tuple(row[name] for name in names)


class IntervalTable(msgspec.Struct, frozen=True, kw_only=True):
    """How a table of intervals is kept: one open row per *key*. Another value of *compared* ends it and begins the next.

    *written_once* is written when a row begins, and does not end one by changing. *carried_forward* goes on from row to
    row for as long as the key holds without a break.
    """

    table: Table
    key: tuple[str, ...]
    compared: tuple[str, ...]
    written_once: tuple[str, ...] = ()
    carried_forward: tuple[str, ...] = ()


class IntervalChanges(msgspec.Struct, frozen=True):
    """What writing intervals did: the keys that begin to hold, the keys that ended, and the number of rows written."""

    begun: tuple[RowValues, ...]
    ended: tuple[RowValues, ...]
    written: int


def interval_rows(kept: IntervalTable, values: Iterable[object]) -> Iterator[dict[str, Any]]:
    """A row for each of *values*, without what is *carried_forward*: that is the caller's to add."""
    return _named_rows(kept.table, (*kept.key, *kept.compared, *kept.written_once), values)


def write_intervals(
    connection: Connection, kept: IntervalTable, rows: Iterable[NamedRow], at: datetime
) -> IntervalChanges:
    """Make the open rows be *rows*, as known from *at* on."""
    wanted = {_values(row, kept.key): row for row in rows}
    current = _open_rows(connection, kept)
    closing: list[tuple[int, datetime]] = []
    opening: list[NamedRow] = []
    for key, row in wanted.items():
        interval = current.get(key)
        if interval is not None and interval.compared == _values(row, kept.compared):
            continue
        if interval is not None:
            closing.append((interval.id, interval.since))
        # A key that holds without a break keeps what it began with.
        opening.append(dict(row) if interval is None else {**row, **interval.carried_forward})
    ended = tuple(key for key in current if key not in wanted)
    closing += [(current[key].id, current[key].since) for key in ended]
    _close(connection, kept.table, closing, at)
    if opening:
        added = [{name: enum_value(value) for name, value in row.items()} for row in opening]
        connection.execute(insert(kept.table).values(since=at, until=None), added)
    begun = tuple(key for key in wanted if key not in current)
    return IntervalChanges(begun, ended, len(closing) + len(opening))


class _OpenInterval(msgspec.Struct, frozen=True):
    """A row that holds now."""

    id: int
    since: datetime
    compared: RowValues
    carried_forward: NamedRow


def _open_rows(connection: Connection, kept: IntervalTable) -> dict[RowValues, _OpenInterval]:
    statement = select(kept.table).where(kept.table.c.until.is_(None))
    return {
        _values(row, kept.key): _OpenInterval(
            row["id"],
            row["since"],
            _values(row, kept.compared),
            {name: row[name] for name in kept.carried_forward},
        )
        for row in (result._mapping for result in stream_rows(connection, statement))
    }


def _close(connection: Connection, table: Table, rows: Sequence[tuple[int, datetime]], at: datetime) -> None:
    same_id = table.c.id == bindparam("at_id")
    ended = [(row, at) for row, since in rows if since < at]
    # Known for no time at all: it was never known.
    never = [(row,) for row, since in rows if since >= at]
    statement = update(table).where(same_id).values(until=bindparam("new_until"))
    _execute(connection, statement, ["at_id", "new_until"], ended)
    _execute(connection, delete(table).where(same_id), ["at_id"], never)


def enum_value(value: Any) -> Any:
    """A word of an enumeration as text; drivers differ in what they make of one."""
    return value.value if isinstance(value, Enum) else value


def _execute(connection: Connection, statement: Any, names: Sequence[str], rows: Sequence[RowValues]) -> None:
    if rows:
        connection.execute(statement, [dict(zip(names, map(enum_value, row), strict=True)) for row in rows])
