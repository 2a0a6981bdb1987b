"""SQLite as the ledger's database: a file in WAL mode, with its locks and copies beside it.

Only this module and its parts, `sqlite_files` and `sqlite_errors`, know SQLite. Local disks only: on a network share
neither SQLite nor its locks keep their promises.
"""

import errno
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from glob import escape
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.pool import QueuePool

from fleetsync.store.database import OPTION, WRITER_QUEUE_SECONDS, Database
from fleetsync.store.errors import StoreRefused
from fleetsync.store.locks import FileLocks
from fleetsync.store.mounts import network_file_system
from fleetsync.store.outages import OutageLog
from fleetsync.store.sqlite_errors import disk_full, error_code, named_error
from fleetsync.store.sqlite_files import (
    READER_BUSY_MS,
    WRITER_BUSY_MS,
    connect_to_read,
    content_of_file,
    copy_content,
    file_problems,
    file_revisions,
    leave_wal_mode,
)

OLDEST_SUPPORTED_VERSION = (3, 35)  # RETURNING, DROP COLUMN and upserts as they are written here

JOURNAL_PAGES = 1_000  # of 4 kB: with more, what the journal holds is moved into the file
# While more writes of the same pages follow: a first sync of 100,000 devices is still moved only once.
JOURNAL_PAGES_AMID_WRITES = 128_000

COMMON_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "foreign_keys=ON",
    "secure_delete=ON",  # deleted rows are overwritten, not only forgotten
    "temp_store=MEMORY",
    "cache_size=-16000",
    "journal_size_limit=64000000",  # bytes that it keeps on the disk once it is emptied
)


def open_database(address: URL) -> Database:
    """The database file of *address*; the file and its folder are created. Raises StoreRefused."""
    check_version()
    if not address.database or address.database == ":memory:":
        # Two engines cannot share a database in memory.
        raise StoreRefused("[database] url names no file: write it as sqlite:////var/lib/fleetsync/fleetsync.db")
    file = Path(address.database).absolute()
    if (share := network_file_system(file)) is not None:
        raise StoreRefused(
            f"{file}: lies on a network share ({share}), where two machines may write to it at once without noticing. "
            "Put it on a local disk, or use a PostgreSQL server"
        )
    try:
        _create_file(file)
    except OSError as cause:
        raise StoreRefused(
            f"{file}: cannot be created or written ({cause.strerror}). Check the folder's owner"
        ) from None
    return SqliteDatabase(file)


def check_version(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> None:
    """Raise StoreRefused where the system's SQLite is too old."""
    if version < OLDEST_SUPPORTED_VERSION:
        has, wants = (".".join(map(str, numbers)) for numbers in (version, OLDEST_SUPPORTED_VERSION))
        raise StoreRefused(f"SQLite {has} is too old: {wants} or later is needed. Use a newer Python or distribution")


def _create_file(file: Path) -> None:
    """Create an empty database that only its owner may read, and its folder."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600, exist_ok=True)


class SqliteDatabase(Database):
    """A database in *file*."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.locks = FileLocks(file.with_name(file.name + ".locks"))
        self._outages = OutageLog()
        self.reading = self._reading_engine()
        self.writing = self._writing_engine()

    @property
    def name(self) -> str:
        """The file's name."""
        return self.file.name

    def _insert(self, table: Table) -> Insert:
        return Insert(table)

    def continue_ids(self, connection: Connection) -> None:
        """Nothing: the next id follows the highest one by itself."""

    # --- engines ------------------------------------------------------------------------------------------------------

    def _reading_engine(self) -> Engine:
        engine = self._engine(lambda: connect_to_read(self.file), pool_size=4, max_overflow=8)
        _configure(engine, "BEGIN", (f"busy_timeout={READER_BUSY_MS}", *COMMON_PRAGMAS, "query_only=ON"))
        return engine

    def _writing_engine(self) -> Engine:
        engine = self._engine(self._connect_to_write, pool_size=1, max_overflow=0, pool_timeout=WRITER_QUEUE_SECONDS)
        _configure(engine, "BEGIN IMMEDIATE", (f"busy_timeout={WRITER_BUSY_MS}", *COMMON_PRAGMAS))
        return engine

    def _connect_to_write(self) -> sqlite3.Connection:
        return sqlite3.connect(self.file, check_same_thread=False)

    def _engine(self, connect: Callable[[], sqlite3.Connection], **pool: Any) -> Engine:
        engine = create_engine(
            URL.create("sqlite", database=str(self.file)),
            creator=connect,
            poolclass=QueuePool,
            hide_parameters=True,  # the parameters of a failed statement are personal data
            execution_options={OPTION: self},
            **pool,
        )
        event.listen(engine, "handle_error", self._raise_by_remedy)
        return engine

    # --- outages ------------------------------------------------------------------------------------------------------

    @contextmanager
    def begin_writing(self, *, more_follows: bool = False) -> Iterator[Connection]:
        """A transaction of the only writer: applied whole or not at all. Raises StoreUnavailable.

        *more_follows*: what it writes stays in the journal, to be moved into the file together with what follows.
        """
        pages = JOURNAL_PAGES_AMID_WRITES if more_follows else JOURNAL_PAGES
        with self._next_writing() as connection:
            _driver(connection).execute(f"PRAGMA wal_autocheckpoint={pages}")
            changes_before = _changes(connection)
            yield connection
            has_written = _changes(connection) != changes_before
        if has_written:
            self._outages.end()

    def _raise_by_remedy(self, context: Any) -> None:
        """Instead of the driver's error, one that names the remedy; logged once per outage."""
        error, is_reading = context.original_exception, context.engine is self.reading
        if not isinstance(error, sqlite3.Error) or (is_reading and error_code(error) == sqlite3.SQLITE_READONLY):
            return  # a reader that writes is an error of our own
        waited_ms = READER_BUSY_MS if is_reading else WRITER_BUSY_MS
        if (named := named_error(error, self.file, waited_ms)) is not None:
            self._outages.note(named)
            raise named from None

    @contextmanager
    def _named_errors(self, path: Path | None = None) -> Iterator[None]:
        """Errors of the driver, outside of the engines, with their remedy. *path*: the file that is worked at."""
        try:
            yield
        except sqlite3.Error as error:
            if (named := named_error(error, path or self.file, WRITER_BUSY_MS)) is None:
                raise
            raise named from None
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise disk_full(path or self.file) from None

    # --- upkeep -------------------------------------------------------------------------------------------------------

    def revisions(self) -> tuple[str, ...]:
        """The schema revisions that the file says it has."""
        return file_revisions(self.file)

    def problems(self) -> tuple[str, ...]:
        """What SQLite finds wrong with the file."""
        return file_problems(self.file)

    def size_bytes(self) -> int:
        """The file with its journal."""
        parts = (self.file, self.file.with_name(self.file.name + "-wal"))
        return sum(part.stat().st_size for part in parts if part.exists())

    def scrub_deleted_bytes(self, *, shrink: bool = False) -> None:
        """Empty the journal; with *shrink* rebuild the file without its free pages as well.

        A reader in the middle of a transaction keeps its pages of the journal; the next call takes those.
        """
        with self._named_errors(), self.writing.connect() as connection:
            driver = _driver(connection)
            if shrink:
                driver.execute("VACUUM")
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def copy_to(self, path: Path) -> None:
        """Write a file that only its owner can read; an existing one is overwritten once the copy is sound.

        The copy is opened from where it lies and compared with what was copied, table by table.
        """
        if path.resolve() == self.file.resolve():
            raise StoreRefused(f"{path}: is the database itself. Choose another place for the copy")
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(path.name + ".part")
        unfinished.unlink(missing_ok=True)
        try:
            unfinished.touch(mode=0o600)
            with self._named_errors(unfinished):
                copied = copy_content(self.file, unfinished)
                leave_wal_mode(unfinished)
            problems = file_problems(unfinished)
            if not problems and content_of_file(unfinished) != copied:
                problems = ("its rows are not those of the database",)
            if problems:
                raise StoreRefused(f"{self.name}: its copy is damaged ({problems[0]}). Restore the latest sound copy")
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    def restore_from(self, path: Path) -> None:
        """Overwrite all pages of the file in one transaction of SQLite's own."""
        with self._named_errors():
            copy_content(path, self.file)

    def copy_before_migration(self, revision: str) -> None:
        """A file named after the database and *revision*."""
        self.copy_to(self._migration_copy(revision))

    def purge_migration_copies(self, before: datetime) -> int:
        """By the time of the file."""
        copies = self.file.parent.glob(f"{escape(self.file.name)}.before-*")
        old = [copy for copy in copies if copy.stat().st_mtime < before.timestamp()]
        for copy in old:
            copy.unlink()
        return len(old)

    def _migration_copy(self, revision: str) -> Path:
        return self.file.with_name(f"{self.file.name}.before-{revision}")


def _configure(engine: Engine, begin: str, pragmas: Sequence[str]) -> None:
    def connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver would begin by itself, deferred, and only at the first write
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection), "an open connection has its driver's"
    return driver


def _changes(connection: Connection) -> int:
    return _driver(connection).total_changes
