"""The database that the ledger is kept in, as an object: everything in which one kind of database differs from another.

The store asks a `Database` and names no kind of database itself. A kind is one module of this package, found by the name
in the URL: `sqlite:///…` is `sqlite_database.py`, `postgresql+psycopg://…` is `postgresql_database.py`. Another kind is
another such file with its `open_database`. A copy of any database is a SQLite file, so that it can be restored into any other.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import URL, Connection, Engine, Insert, Select, Table, UpdateBase, make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from fleetsync.store.bulk import PlainRow, write_many
from fleetsync.store.errors import DatabaseLocked, StoreRefused

WRITER_QUEUE_SECONDS = 120.0  # how long a thread of this process waits for the others that write
RENEW_SECONDS = 5.0  # how often the holder of the schedule's lease renews it
OPTION = "database"  # execution option of both engines: the `Database` that a connection belongs to


class Lock(Protocol):
    """A lock that is held until it is released, or until its process ends."""

    def release(self) -> None:
        """Let go; may be called twice."""


class ScheduleLease(Lock, Protocol):
    """What the one daemon holds that pulls by the clock."""

    def renew(self) -> bool:
        """Keep it, at least every `RENEW_SECONDS`; False once another daemon has taken it. Raises StoreUnavailable."""


class Locks(Protocol):
    """The locks of one database, between processes and threads. The writer's lock is its transaction."""

    def schedule(self) -> ScheduleLease | None:
        """The lease of the daemon that pulls by the clock; None while another daemon has it.

        While a process holds it, and until it releases it, its writing transactions raise LeaseLost once another process
        has taken it.
        """

    def schedule_holder(self) -> str | None:
        """Which daemon has the lease: its machine and process; None: no daemon, or it is not known."""

    def part(self, source: str, part: str) -> Lock | None:
        """The lock of one part; None while it is being pulled or decided elsewhere."""

    def upgrade(self) -> AbstractContextManager[None]:
        """Exclusive use of the schema and of the whole content; waits for its turn."""


class Database(ABC):
    """An open database.

    *reading* is for the page, lists and health: each transaction sees one state and cannot write. *writing* has one
    connection: each transaction is the only writer from its first statement on.
    """

    reading: Engine
    writing: Engine
    locks: Locks

    @property
    @abstractmethod
    def name(self) -> str:
        """What messages call it; never with a password."""

    def begin_reading(self) -> AbstractContextManager[Connection]:
        """A transaction that sees one state of the database throughout and cannot write."""
        return self.reading.begin()

    def begin_writing(self, *, more_follows: bool = False) -> AbstractContextManager[Connection]:
        """A transaction of the only writer: applied whole or not at all.

        *more_follows*: whether the same part of the database is written again soon, which a database with a journal of its
        own may use to write it once.
        """
        return self.writing.begin()

    @contextmanager
    def _next_writing(self) -> Iterator[Connection]:
        """The next transaction of the writing engine. Raises DatabaseLocked where others of this process do not end."""
        try:
            with self.writing.begin() as connection:
                yield connection
        except PoolTimeout:
            raise DatabaseLocked(
                f"{self.name}: a write of our own has waited for more than {WRITER_QUEUE_SECONDS:.0f} s for another one. "
                "It is tried again by itself; if it stays so, restart the daemon"
            ) from None

    def close(self) -> None:
        """Close all connections."""
        self.reading.dispose()
        self.writing.dispose()

    # --- statements ---------------------------------------------------------------------------------------------------

    @abstractmethod
    def _insert(self, table: Table) -> Any:
        """An insert that can have an ON CONFLICT clause."""

    def insert_new(self, table: Table, key: Sequence[str]) -> Insert:
        """An insert into *table* that leaves a row with the same *key* as it is."""
        statement: Insert = self._insert(table).on_conflict_do_nothing(index_elements=list(key))
        return statement

    def upsert(
        self,
        table: Table,
        key: Sequence[str],
        overwritten: Iterable[str] = (),
        *,
        added: Iterable[str] = (),
        reset: Mapping[str, Any] | None = None,
        rows: tuple[Sequence[str], Select[Any]] | None = None,
    ) -> Insert:
        """An insert into *table* that changes the row with the same *key*, where there is one.

        Its columns *overwritten* take the new value, *added* are summed, *reset* get a value of their own. *rows* are
        names of columns and a query that gives them, instead of values.
        """
        statement = self._insert(table)
        if rows is not None:
            statement = statement.from_select(list(rows[0]), rows[1])
        values = {name: statement.excluded[name] for name in overwritten}
        values |= {name: table.c[name] + statement.excluded[name] for name in added}
        values |= reset or {}
        changed: Insert = statement.on_conflict_do_update(index_elements=list(key), set_=values)
        return changed

    def write_rows(
        self, connection: Connection, statement: UpdateBase, names: Sequence[str], rows: Iterable[PlainRow]
    ) -> int:
        """Execute *statement* once for each of *rows*, in bulk; how many there were.

        *names*: what the values of a row are for, in their order: columns of an insert, `bindparam` names of an update
        or a delete. Words of an enumeration are given as text.
        """
        return write_many(connection, statement, names, rows)

    @abstractmethod
    def continue_ids(self, connection: Connection) -> None:
        """Let new rows get ids beyond those of rows that were written with their ids."""

    def analyse(self, connection: Connection) -> None:
        """Let the planner learn the sizes of tables that were just filled: else it takes them for empty."""
        connection.execute(text("ANALYZE"))

    # --- upkeep -------------------------------------------------------------------------------------------------------

    @abstractmethod
    def revisions(self) -> tuple[str, ...]:
        """The schema revisions that the database says it has; empty when it is not fleetsync's."""

    @abstractmethod
    def problems(self) -> tuple[str, ...]:
        """What is wrong with the content; empty when it is sound."""

    @abstractmethod
    def size_bytes(self) -> int:
        """The size on disk, with the journal where that is the database's own."""

    @abstractmethod
    def scrub_deleted_bytes(self, *, shrink: bool = False) -> None:
        """Take the bytes of deleted rows off the disk; with *shrink* give free space back as well."""

    @abstractmethod
    def copy_to(self, path: Path) -> None:
        """Copy all content to *path* while the database is in use, and verify the copy.

        Raises StoreRefused when the copy is damaged, OSError when it cannot be written.
        """

    @abstractmethod
    def restore_from(self, path: Path) -> None:
        """Replace all content by that of the copy at *path*, also for those who have the database open.

        The copy has been migrated to this version.
        """

    @abstractmethod
    def copy_before_migration(self, revision: str) -> None:
        """Keep a verified copy beside the database before it is migrated to *revision*, where it is a file. Raises StoreRefused."""

    @abstractmethod
    def purge_migration_copies(self, before: datetime) -> int:
        """Remove the copies of `copy_before_migration` that are older than *before*; how many."""


def database_of(connection: Connection) -> Database:
    """The database that *connection* belongs to."""
    database: Database = connection.get_execution_options()[OPTION]
    return database


def open_database(url: str) -> Database:
    """The database at *url*, which is created where it does not exist. Raises StoreRefused."""
    try:
        address = _parsed(url)
    except ArgumentError:
        raise StoreRefused(
            "[database] url is no address: write it as sqlite:////var/lib/fleetsync/fleetsync.db"
        ) from None
    return _open(address)


def _parsed(url: str) -> URL:
    """*url* as an address. After `sqlite:///` comes a path as it is: a `?` or `#` in it is part of a folder's name."""
    scheme, separator, path = url.partition(":///")
    if separator and scheme.partition("+")[0] == "sqlite":
        return URL.create(scheme, database=path)
    return make_url(url)


def _open(address: URL) -> Database:
    kind = address.get_backend_name()
    module = f"{__package__}.{kind}_database"
    if find_spec(module) is None:
        raise StoreRefused(f"[database] url: {kind} is not supported. Use sqlite:///… or postgresql+psycopg://…")
    try:
        database: Database = import_module(module).open_database(address)
    except ModuleNotFoundError as error:
        raise StoreRefused(
            f"[database] url: {error.name} is not installed, which {kind} needs. Install fleetsync with it: "
            f"pipx install 'fleetsync[{kind.removesuffix('ql')}]'"
        ) from None
    return database
