"""Writes and reads many rows at once: plain tuples, one prepared statement, no dict and no row object per row.

SQLAlchemy builds the statement and says how the values of each column are converted. The rows themselves go straight to
the driver's `executemany` or come straight from its cursor, and are converted column by column: an object of SQLAlchemy's
for each of them costs more than the database's own work.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.types import TypeEngine

ROWS_AT_A_TIME = 10_000  # converted and sent together
ROWS_READ_AT_A_TIME = 2_000  # more only take memory

PlainRow = tuple[Any, ...]
_Convert = Callable[[Any], Any]


class PreparedRows(NamedTuple):
    """A statement as SQL, the names of its parameters by place, and how rows become their values."""

    sql: str
    parameters: Sequence[str]
    arrange: Callable[[Sequence[PlainRow]], list[PlainRow]]

    def batches(self, rows: Iterable[PlainRow]) -> Iterator[list[PlainRow]]:
        """*rows* in pieces, as the driver takes them."""
        waiting = iter(rows)
        while batch := list(islice(waiting, ROWS_AT_A_TIME)):
            yield self.arrange(batch)


def prepared_rows(connection: Connection, statement: UpdateBase, names: Sequence[str]) -> PreparedRows:
    """How rows with values for *names*, in their order, are given to the driver for *statement*."""
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(names))
    assert isinstance(compiled, SQLCompiler), "a statement that changes rows is compiled to SQL"
    parameters = list(compiled.positiontup or ())
    return PreparedRows(compiled.string, parameters, _arrangement(compiled, names, parameters, connection))


def write_many(connection: Connection, statement: UpdateBase, names: Sequence[str], rows: Iterable[PlainRow]) -> int:
    """Execute *statement* once for each of *rows*; how many there were.

    *names*: the parameters of the statement that each row has a value for, in the row's order: the columns of an insert,
    the `bindparam` names of an update or a delete. What the statement sets to a value by itself stays as it is.
    """
    prepared, written = prepared_rows(connection, statement, names), 0
    for batch in prepared.batches(rows):
        connection.exec_driver_sql(prepared.sql, batch)
        written += len(batch)
    return written


def _arrangement(
    compiled: SQLCompiler, names: Sequence[str], parameters: Sequence[str], connection: Connection
) -> Callable[[Sequence[PlainRow]], list[PlainRow]]:
    """Puts the values of rows into the order of the statement's parameters, each converted for the driver."""
    place = {name: number for number, name in enumerate(names)}
    converters = [_bind_converter(compiled.binds[name].type, connection) for name in parameters]
    constants = compiled.construct_params(_check=False)

    def arranged(batch: Sequence[PlainRow]) -> list[PlainRow]:
        columns = list(zip(*batch, strict=True))
        return list(zip(*(values(columns, name, convert) for name, convert in prepared), strict=True))

    def values(columns: Sequence[PlainRow], name: str, convert: _Convert | None) -> Iterable[Any]:
        if name in place:
            column = columns[place[name]]
            return column if convert is None else map(convert, column)
        constant = constants[name] if convert is None else convert(constants[name])
        return [constant] * len(columns[0])

    prepared = list(zip(parameters, converters, strict=True))
    return arranged


def _bind_converter(type_: TypeEngine[Any], connection: Connection) -> _Convert | None:
    return type_.dialect_impl(connection.dialect).bind_processor(connection.dialect)


def read_many(connection: Connection, statement: Select[Any]) -> Iterator[PlainRow]:
    """The rows of a statement that may have many, in its order: read in pieces, neither one by one nor all at once."""
    # A server would else send all rows, and they would be kept, before the first is used.
    result = connection.execute(statement, execution_options={"stream_results": True})
    try:
        # Of a server's rows SQLAlchemy has fetched the first one already; the others are still at the cursor.
        first = result.fetchone()
        if first is not None:
            yield tuple(first)
            yield from _remaining_rows(connection, statement, result.cursor)
    finally:
        result.close()


def _remaining_rows(connection: Connection, statement: Select[Any], cursor: Any) -> Iterator[PlainRow]:
    converters = [
        _result_converter(column.type, connection, description[1])
        for column, description in zip(statement.selected_columns, cursor.description, strict=True)
    ]
    while batch := cursor.fetchmany(ROWS_READ_AT_A_TIME):
        columns = zip(*batch, strict=True)
        yield from zip(
            *(
                column if convert is None else map(convert, column)
                for column, convert in zip(columns, converters, strict=True)
            ),
            strict=True,
        )


def _result_converter(type_: TypeEngine[Any], connection: Connection, type_code: object) -> _Convert | None:
    return type_.dialect_impl(connection.dialect).result_processor(connection.dialect, type_code)
