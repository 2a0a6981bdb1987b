"""Tables written by difference: what stands there already is not written again."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, insert, select, update

from fleetsync.store.ledger.base import stream_rows

RowValues = tuple[Any, ...]


def enum_value(value: Any) -> Any:
    """A word of an enumeration as text; drivers differ in what they make of one."""
    return value.value if isinstance(value, Enum) else value


def replace_rows(
    connection: Connection,
    table: Table,
    key: Sequence[str],
    values: Sequence[str],
    wanted: Mapping[RowValues, RowValues],
    where: ColumnElement[bool] | None = None,
) -> int:
    """Make the rows of *table* (those of *where*) be *wanted*, values by key; the number of rows written."""
    found = select(*(table.c[name] for name in (*key, *values)))
    if where is not None:
        found = found.where(where)
    split = len(key)
    current = {tuple(row[:split]): tuple(row[split:]) for row in stream_rows(connection, found)}
    fresh = [(*at, *row) for at, row in wanted.items() if at not in current]
    changed = [(*at, *row) for at, row in wanted.items() if at in current and current[at] != row]
    stale = [at for at in current if at not in wanted]
    here = [table.c[name] == bindparam(f"at_{name}") for name in key]
    written: dict[str, Any] = {name: bindparam(f"new_{name}") for name in values}
    names = [*(f"at_{name}" for name in key), *(f"new_{name}" for name in values)]
    _execute(connection, delete(table).where(*here), names[:split], stale)
    _execute(connection, update(table).where(*here).values(written), names, changed)
    _execute(connection, insert(table), [*key, *values], fresh)
    return len(stale) + len(changed) + len(fresh)


class IntervalTable(msgspec.Struct, frozen=True, kw_only=True):
    """How a table of knowledge is kept: an open row per *key*; another value of *compared* ends it and begins the next.

    *noted* is written when a row begins, and does not end one by changing. *carried* goes on from row to row for as
    long as the key holds without a break.
    """

    table: Table
    key: tuple[str, ...]
    compared: tuple[str, ...]
    written_once: tuple[str, ...] = ()
    carried_forward: tuple[str, ...] = ()


class IntervalChanges(msgspec.Struct, frozen=True):
    """What a writing of intervals did: keys that hold now and did not, that held, and the number of rows written."""

    begun: tuple[RowValues, ...]
    ended: tuple[RowValues, ...]
    written: int


def write_intervals(
    connection: Connection,
    kept: IntervalTable,
    wanted: Mapping[RowValues, tuple[RowValues, RowValues, RowValues]],
    at: datetime,
) -> IntervalChanges:
    """Make the open rows be *wanted*, (compared, noted, carried) by key, as known from *at* on."""
    current = _open_rows(connection, kept)
    closing: list[RowValues] = []
    opening: list[RowValues] = []
    for key, (compared, written_once, carried_forward) in wanted.items():
        stands = current.get(key)
        if stands is not None and stands[2] == compared:
            continue
        if stands is not None:
            closing.append(stands[:2])
            carried_forward = stands[3]  # noqa: PLW2901 - an unbroken key keeps what it began with
        opening.append((*key, *compared, *written_once, *carried_forward, at, None))
    ended = tuple(key for key in current if key not in wanted)
    closing += [current[key][:2] for key in ended]
    _close(connection, kept.table, closing, at)
    names = [*kept.key, *kept.compared, *kept.written_once, *kept.carried_forward, "since", "until"]
    _execute(connection, insert(kept.table), names, opening)
    begun = tuple(key for key in wanted if key not in current)
    return IntervalChanges(begun, ended, len(closing) + len(opening))


def _open_rows(
    connection: Connection, kept: IntervalTable
) -> dict[RowValues, tuple[int, datetime, RowValues, RowValues]]:
    """(id, since, compared, carried) by key."""
    columns = kept.table.c
    names = (*kept.key, *kept.compared, *kept.carried_forward)
    found = select(columns.id, columns.since, *(columns[name] for name in names)).where(columns.until.is_(None))
    first, second = 2 + len(kept.key), 2 + len(kept.key) + len(kept.compared)
    return {
        tuple(row[2:first]): (row[0], row[1], tuple(row[first:second]), tuple(row[second:]))
        for row in stream_rows(connection, found)
    }


def _close(connection: Connection, table: Table, rows: Iterable[RowValues], at: datetime) -> None:
    rows = list(rows)
    here = table.c.id == bindparam("at_id")
    ended = [(row, at) for row, since in rows if since < at]
    # Known for no time at all: it was never known.
    never = [(row,) for row, since in rows if since >= at]
    _execute(connection, update(table).where(here).values(until=bindparam("new_until")), ["at_id", "new_until"], ended)
    _execute(connection, delete(table).where(here), ["at_id"], never)


def _execute(connection: Connection, statement: Any, names: Sequence[str], rows: Sequence[RowValues]) -> None:
    if rows:
        connection.execute(statement, [dict(zip(names, map(enum_value, row), strict=True)) for row in rows])
