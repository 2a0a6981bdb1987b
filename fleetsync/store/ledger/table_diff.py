"""Tables written by difference: a row that is there already is not written again.

What a table holds is either known, as the values that were recorded last, or read from the table. Which attribute of
which value a column stores is said once, at the column (`store/tables/`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from enum import Enum
from operator import attrgetter
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, insert, select, update

from fleetsync.store.bulk import read_many
from fleetsync.store.database import database_of
from fleetsync.store.tables import source_attribute

T = TypeVar("T")
RowValues = tuple[Any, ...]
ReadRow = Callable[[Any], RowValues]  # the values of some columns, from a value of the outcome

SUBJECTS_AT_A_TIME = 500  # named in one statement


def replace_rows(
    connection: Connection,
    table: Table,
    values: Sequence[object],
    before: Sequence[object] | None,
    where: ColumnElement[bool] | None = None,
) -> int:
    """Make the rows of *table* (those of *where*) be *values*, compared by primary key; the number of rows written.

    *before*: the values that the rows are of now; None: the rows are read.
    """
    key = [column.name for column in table.primary_key.columns]
    columns = [column.name for column in table.c if not column.primary_key]
    row_of, size = _row_reader(table, [*key, *columns]), len(key)
    if before is None:
        rows = _stored_rows(connection, table, [*key, *columns], where)
    else:
        before, values = without_common(before, values)
        rows = map(row_of, before)
    stored = {row[:size]: row for row in rows}
    wanted = {row[:size]: row for row in map(row_of, values)}
    added = [row for at, row in wanted.items() if at not in stored]
    changed = [row for at, row in wanted.items() if at in stored and stored[at] != row]
    removed = [at for at in stored if at not in wanted]
    same_key = [table.c[name] == bindparam(f"at_{name}") for name in key]
    new_values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in columns}
    names = [*(f"at_{name}" for name in key), *(f"new_{name}" for name in columns)]
    _write(connection, delete(table).where(*same_key), names[:size], removed)
    _write(connection, update(table).where(*same_key).values(new_values), names, changed)
    _write(connection, insert(table), [*key, *columns], added)
    return len(removed) + len(changed) + len(added)


def _row_reader(table: Table, names: Sequence[str]) -> ReadRow:
    attributes = [source_attribute(table.c[name]) for name in names]
    read = attrgetter(*attributes)
    return read if len(attributes) > 1 else lambda value: (read(value),)


def without_common(before: Sequence[T], after: Sequence[T]) -> tuple[list[T], list[T]]:
    """Both without the very objects that are in both: the same object gives the same row."""
    common = {id(value) for value in before}.intersection(map(id, after))
    return [each for each in before if id(each) not in common], [each for each in after if id(each) not in common]


def _stored_rows(
    connection: Connection, table: Table, names: Sequence[str], where: ColumnElement[bool] | None
) -> Iterator[RowValues]:
    statement = select(*(table.c[name] for name in names))
    return read_many(connection, statement if where is None else statement.where(where))


class IntervalTable(msgspec.Struct, frozen=True, kw_only=True):
    """How a table of intervals is kept: one open row per *key*. Another value of *compared* ends it and begins the next.

    *written_once* is written when a row begins, and does not end one by changing. *subject*: the column of the key by
    which single rows are found.
    """

    table: Table
    subject: str
    key: tuple[str, ...]
    compared: tuple[str, ...]
    written_once: tuple[str, ...] = ()


class IntervalChanges(msgspec.Struct, frozen=True):
    """What writing intervals did: the keys that begin to hold, the keys that ended, and the number of rows written."""

    begun: tuple[RowValues, ...]
    ended: tuple[RowValues, ...]
    written: int


def write_intervals(
    connection: Connection, kept: IntervalTable, values: Sequence[object], before: Sequence[object] | None, at: datetime
) -> IntervalChanges:
    """Make the open rows be *values*, as known from *at* on.

    *before*: the values that the open rows are of; None: the rows are read.
    """
    key_of, compared_of = _row_reader(kept.table, kept.key), _row_reader(kept.table, kept.compared)
    if before is None:
        rows = _stored_rows(connection, kept.table, (*kept.key, *kept.compared), kept.table.c.until.is_(None))
        size = len(kept.key)
        stored = {row[:size]: row[size:] for row in rows}
    else:
        before, values = without_common(before, values)
        stored = {key_of(value): compared_of(value) for value in before}
    wanted = {key_of(value): value for value in values}
    opening = [value for key, value in wanted.items() if stored.get(key) != compared_of(value)]
    opened = set(map(key_of, opening))
    ended = tuple(key for key in stored if key not in wanted)
    closing = {*ended, *(key for key in stored if key in opened)}
    _close(connection, kept, closing, at)
    names = (*kept.key, *kept.compared, *kept.written_once)
    begins = insert(kept.table).values(since=at, until=None)
    _write(connection, begins, names, map(_row_reader(kept.table, names), opening))
    begun = tuple(key for key in wanted if key not in stored)
    return IntervalChanges(begun, ended, len(closing) + len(opening))


def _close(connection: Connection, kept: IntervalTable, keys: set[RowValues], at: datetime) -> None:
    """End the open rows of *keys*. One that was known for no time at all was never known, and goes."""
    table = kept.table
    rows = _open_rows(connection, kept, keys)
    same_id = table.c.id == bindparam("at_id")
    ends = update(table).where(same_id).values(until=bindparam("new_until"))
    _write(connection, ends, ["at_id", "new_until"], [(row, at) for row, since in rows if since < at])
    _write(connection, delete(table).where(same_id), ["at_id"], [(row,) for row, since in rows if since >= at])


def _open_rows(connection: Connection, kept: IntervalTable, keys: set[RowValues]) -> list[tuple[int, datetime]]:
    """(id, since) of the open rows of *keys*."""
    columns = kept.table.c
    place = kept.key.index(kept.subject)
    found: list[tuple[int, datetime]] = []
    subjects = sorted({key[place] for key in keys})
    statement = select(columns.id, columns.since, columns.until, *(columns[name] for name in kept.key))
    for first in range(0, len(subjects), SUBJECTS_AT_A_TIME):
        # Which rows are open is asked here: the database would rather look through all open rows of the table.
        of_subjects = columns[kept.subject].in_(subjects[first : first + SUBJECTS_AT_A_TIME])
        rows = connection.execute(statement.where(of_subjects))
        found += [(row, since) for row, since, until, *key in rows if until is None and tuple(key) in keys]
    return found


def _write(connection: Connection, statement: Any, names: Sequence[str], rows: Iterable[RowValues]) -> None:
    plain = [tuple(map(enum_value, row)) for row in rows]
    if plain:
        database_of(connection).write_rows(connection, statement, names, plain)


def enum_value(value: Any) -> Any:
    """A word of an enumeration as text; drivers differ in what they make of one."""
    return value.value if isinstance(value, Enum) else value
