"""PostgreSQL as the ledger's database: a schema of a server, which several daemons may share.

Only this module and its parts, `postgresql_…`, know PostgreSQL. Its copies are SQLite files, as those of SQLite are: each can
be restored into either. Not through a pooler that hands out connections by transaction: locks belong to a connection.
"""

import os
import shutil
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import Any, cast

import psycopg
from sqlalchemy import URL, Column, Connection, Engine, Table, UpdateBase, create_engine, event, inspect, select, text
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql.base import PGDDLCompiler
from sqlalchemy.exc import DBAPIError

from fleetsync.store import tables as t
from fleetsync.store.bulk import PlainRow, prepared_rows, write_many
from fleetsync.store.content import carry_content, delete_content
from fleetsync.store.database import OPTION, WRITER_QUEUE_SECONDS, Database
from fleetsync.store.errors import DatabaseLocked, StoreRefused
from fleetsync.store.outages import OutageLog
from fleetsync.store.postgresql_connections import ServerAddress
from fleetsync.store.postgresql_errors import named_error, text_without_values
from fleetsync.store.postgresql_locks import AdvisoryLocks
from fleetsync.store.sqlite_database import SqliteDatabase
from fleetsync.store.upgrade import migrate

DRIVER = "postgresql+psycopg"
WRITER_WAIT_SECONDS = 30
TABLE_WAIT_MS = 2_000  # of the nightly upkeep, for a table that is being read

_SIZE = text(
    "SELECT COALESCE(SUM(pg_total_relation_size(oid)), 0) FROM pg_class"
    " WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
)
_UNSOUND = text(
    "SELECT conname || ': a constraint that is not checked' FROM pg_constraint"
    " WHERE connamespace = current_schema()::regnamespace AND NOT convalidated"
    " UNION ALL SELECT relname || ': an index that is not complete' FROM pg_index JOIN pg_class ON oid = indexrelid"
    " WHERE relnamespace = current_schema()::regnamespace AND NOT indisvalid"
)


def open_database(address: URL) -> Database:
    """The database of *address*. Raises StoreRefused, StoreUnavailable."""
    if address.drivername not in ("postgresql", DRIVER):
        raise StoreRefused(f"[database] url: write {DRIVER}://… instead of {address.drivername}://…")
    server = ServerAddress(address)
    server.check_server()
    return PostgresqlDatabase(server)


class _TextInByteOrder(PGDDLCompiler):
    """Text is sorted by its bytes, as SQLite does and Python, whatever language the server's database is in."""

    def get_column_specification(self, column: Column[Any], **options: Any) -> str:
        specification: str = super().get_column_specification(column, **options)  # type: ignore[no-untyped-call]
        return specification.replace(" TEXT", ' TEXT COLLATE "C"', 1)


class PostgresqlDatabase(Database):
    """The database at *server*."""

    locks: AdvisoryLocks

    def __init__(self, server: ServerAddress) -> None:
        self._server = server
        self._outages = OutageLog()
        # Names every connection of this process, so that another daemon can end them if this one has been frozen.
        self._program = f"fleetsync {socket.gethostname()[:30]} {os.getpid()} {token_hex(4)}"
        self.locks = AdvisoryLocks(server, self._program, self)
        self.reading = self._engine(
            "default_transaction_read_only=on",
            r"default_transaction_isolation=repeatable\ read",
            pool_size=4,
            max_overflow=8,
        )
        self.writing = self._engine(
            f"lock_timeout={WRITER_WAIT_SECONDS}s", pool_size=1, max_overflow=0, pool_timeout=WRITER_QUEUE_SECONDS
        )
        event.listen(self.writing, "begin", self.locks.lock_writer)

    @property
    def name(self) -> str:
        """The server and its database, and the schema where it is not the usual one."""
        return self._server.name

    def close(self) -> None:
        """Close all connections, those of the locks too."""
        super().close()
        self.locks.close()

    # --- engines ------------------------------------------------------------------------------------------------------

    def _engine(self, *settings: str, **pool: Any) -> Engine:
        engine = create_engine(
            f"{DRIVER}://",
            creator=lambda: self._server.connect(self._program, *settings),
            paramstyle="format",  # by place, as rows in bulk are given
            pool_pre_ping=True,  # a server that was restarted is no error
            hide_parameters=True,  # the parameters of a failed statement are personal data
            execution_options={OPTION: self, "preserve_rowcount": True},  # of inserts as well
            **pool,
        )
        engine.dialect.ddl_compiler = _TextInByteOrder
        event.listen(engine, "handle_error", self._raise_by_remedy)
        return engine

    @contextmanager
    def begin_writing(self, *, more_follows: bool = False) -> Iterator[Connection]:
        """A transaction of the only writer of the schema. Raises StoreUnavailable.

        That includes `LeaseLost`: another daemon has taken the schedule over from this process.
        """
        with self._next_writing() as connection:
            self.locks.require_lease(connection)
            yield connection
        self._outages.end()

    def _raise_by_remedy(self, context: Any) -> None:
        """Instead of the driver's error, one that names the remedy, or one without the values that the server quotes."""
        error = context.original_exception
        if not isinstance(error, psycopg.Error) or context.is_pre_ping:
            return  # a connection that was lost while it was not used is replaced
        is_own_fault = context.engine is self.reading and isinstance(error, psycopg.errors.ReadOnlySqlTransaction)
        named = None if is_own_fault else named_error(error, self.name, WRITER_WAIT_SECONDS)
        if named is not None:
            self._outages.note(named)
            raise named from None
        if context.sqlalchemy_exception is not None:
            context.sqlalchemy_exception.args = (text_without_values(error),)
        error.args = (text_without_values(error),)

    # --- statements ---------------------------------------------------------------------------------------------------

    def _insert(self, table: Table) -> Insert:
        return Insert(table)

    def write_rows(
        self, connection: Connection, statement: UpdateBase, names: Sequence[str], rows: Iterable[PlainRow]
    ) -> int:
        """A plain insert as COPY, which takes a third of the time; any other statement once for each row."""
        if isinstance(statement, Insert) or not statement.is_insert:
            return write_many(connection, statement, names, rows)
        prepared = prepared_rows(connection, statement, names)
        table = cast("Table", statement.table)
        quoted = ", ".join(connection.dialect.identifier_preparer.quote(name) for name in prepared.parameters)
        copy_in = f"COPY {connection.dialect.identifier_preparer.format_table(table)} ({quoted}) FROM STDIN"
        written = 0
        with self._errors_of_copy(copy_in), _driver(connection).cursor() as cursor:
            for batch in prepared.batches(rows):
                with cursor.copy(copy_in.encode()) as copy:
                    for row in batch:
                        copy.write_row(row)
                written += len(batch)
        return written

    @contextmanager
    def _errors_of_copy(self, statement: str) -> Iterator[None]:
        """Errors as SQLAlchemy's own statements give them."""
        try:
            yield
        except psycopg.Error as error:
            named = named_error(error, self.name, WRITER_WAIT_SECONDS)
            if named is not None:
                self._outages.note(named)
                raise named from None
            error.args = (text_without_values(error),)
            raise DBAPIError.instance(statement, None, error, psycopg.Error, hide_parameters=True) from None

    def continue_ids(self, connection: Connection) -> None:
        """Set each table's sequence to its highest id."""
        for table in t.metadata.sorted_tables:
            column = table.autoincrement_column
            if column is None:
                continue
            highest = connection.execute(select(column).order_by(column.desc()).limit(1)).scalar_one_or_none()
            connection.execute(
                text("SELECT setval(pg_get_serial_sequence(:of_table, :of_column), :highest, :is_used)"),
                {
                    "of_table": f'"{table.name}"',
                    "of_column": column.name,
                    "highest": highest or 1,
                    "is_used": highest is not None,
                },
            )

    # --- upkeep -------------------------------------------------------------------------------------------------------

    def revisions(self) -> tuple[str, ...]:
        """The schema revisions that the schema says it has."""
        with self.begin_reading() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return ()
            return tuple(connection.execute(text("SELECT version_num FROM alembic_version")).scalars())

    def problems(self) -> tuple[str, ...]:
        """What the server knows to be unsound; every row is read, and a page of the disk that cannot be is found so."""
        try:
            with self.begin_reading() as connection:
                unsound = tuple(connection.execute(_UNSOUND).scalars())
                for name in inspect(connection).get_table_names():
                    quoted = connection.dialect.identifier_preparer.quote(name)
                    connection.exec_driver_sql(f"SELECT count(each::text) FROM {quoted} AS each")  # noqa: S608 - a table of our own schema
        except StoreRefused as error:
            return (str(error),)
        return unsound

    def size_bytes(self) -> int:
        """Of all tables with their indexes; the server's journal is the server's."""
        with self.begin_reading() as connection:
            return int(connection.execute(_SIZE).scalar_one())

    def scrub_deleted_bytes(self, *, shrink: bool = False) -> None:
        """Free the space of deleted rows for new ones; with *shrink* write each table anew without it.

        A table that is being read is not written anew this time. What the server keeps in its journal and in copies of
        its own is not reached.
        """
        names = [self.writing.dialect.identifier_preparer.format_table(table) for table in t.metadata.sorted_tables]
        for name in names if shrink else ():
            self._vacuum(f"VACUUM (FULL) {name}")
        self._vacuum(f"VACUUM {', '.join(names)}")

    def _vacuum(self, statement: str) -> None:
        """Outside of any transaction, as the server wants it. A table that is in use is left for the next time."""
        with suppress(DatabaseLocked), self.locks.session(f"lock_timeout={TABLE_WAIT_MS}") as connection:
            connection.execute(statement.encode())

    # --- copies -------------------------------------------------------------------------------------------------------

    def copy_to(self, path: Path) -> None:
        """Write a SQLite file that only its owner can read, of one state of the database, compared row by row."""
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = path.with_name(path.name + ".draft")
        shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed
        folder.mkdir(mode=0o700)
        try:
            with closing(SqliteDatabase(folder / "copy.db")) as copy:
                with self.begin_reading() as source, copy.begin_writing() as target:
                    migrate(target)
                    carry_content(source, target)
                copy.copy_to(path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def restore_from(self, path: Path) -> None:
        """Replace all rows in one transaction by those of the SQLite file at *path*."""
        with closing(SqliteDatabase(path)) as copy, copy.begin_reading() as source, self.begin_writing() as target:
            delete_content(target)
            carry_content(source, target)

    def copy_before_migration(self, revision: str) -> None:
        """Nothing: a migration is one transaction of the server, and there is no folder for a copy beside a server."""

    def purge_migration_copies(self, before: datetime) -> int:
        """There are none."""
        return 0


def _driver(connection: Connection) -> "psycopg.Connection[Any]":
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection), "an open connection has its driver's"
    return driver
