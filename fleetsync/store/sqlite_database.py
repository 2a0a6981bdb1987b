"""SQLite as the ledger's database: a file in WAL mode, with its locks and copies beside it.

The only module that knows SQLite. Local disks only: on a network share neither SQLite nor its locks keep their promises.
"""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.pool import QueuePool

from fleetsync.store.database import OPTION, Database
from fleetsync.store.errors import StoreRefused
from fleetsync.store.locks import FileLocks

OLDEST_SUPPORTED_VERSION = (3, 35)  # RETURNING, DROP COLUMN and upserts as they are written here

READER_BUSY_MS = 5_000
WRITER_BUSY_MS = 30_000  # a first load by another process is one transaction of some seconds
WRITER_QUEUE_SECONDS = 120.0

COMMON_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "foreign_keys=ON",
    "secure_delete=ON",  # deleted rows are overwritten, not only forgotten
    "temp_store=MEMORY",
    "cache_size=-16000",
)


def open_database(address: URL) -> Database:
    """The database file of *address*; the file and its folder are created. Raises StoreRefused."""
    check_version()
    if not address.database or address.database == ":memory:":
        # Two engines cannot share a database in memory.
        raise StoreRefused("[database] url names no file: write it as sqlite:////var/lib/fleetsync/fleetsync.db")
    file = Path(address.database).absolute()
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
        self.reading = self._reading_engine()
        self.writing = self._writing_engine()

    @property
    def name(self) -> str:
        """The file's name."""
        return self.file.name

    def _insert(self, table: Table) -> Insert:
        return Insert(table)

    # --- engines ------------------------------------------------------------------------------------------------------

    def _reading_engine(self) -> Engine:
        engine = self._engine(pool_size=4, max_overflow=8)
        _configure(engine, "BEGIN", (f"busy_timeout={READER_BUSY_MS}", *COMMON_PRAGMAS, "query_only=ON"))
        return engine

    def _writing_engine(self) -> Engine:
        engine = self._engine(pool_size=1, max_overflow=0, pool_timeout=WRITER_QUEUE_SECONDS)
        _configure(engine, "BEGIN IMMEDIATE", (f"busy_timeout={WRITER_BUSY_MS}", *COMMON_PRAGMAS))
        return engine

    def _engine(self, **pool: Any) -> Engine:
        return create_engine(
            URL.create("sqlite", database=str(self.file)),
            poolclass=QueuePool,
            hide_parameters=True,  # the parameters of a failed statement are personal data
            execution_options={OPTION: self},
            **pool,
        )

    # --- upkeep -------------------------------------------------------------------------------------------------------

    def revisions(self) -> tuple[str, ...]:
        """The schema revisions that the file says it has."""
        return self.copy_revisions(self.file)

    def problems(self) -> tuple[str, ...]:
        """What SQLite finds wrong with the file."""
        return self.copy_problems(self.file)

    def size_bytes(self) -> int:
        """The file with its journal."""
        parts = (self.file, self.file.with_name(self.file.name + "-wal"))
        return sum(part.stat().st_size for part in parts if part.exists())

    def scrub_deleted_bytes(self, *, shrink: bool = False) -> None:
        """Empty the journal; with *shrink* rebuild the file without its free pages as well.

        A reader in the middle of a transaction keeps its pages of the journal; the next call takes those.
        """
        with self.writing.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None, "an open connection has its driver's"
            if shrink:
                driver.execute("VACUUM")
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def copy_to(self, path: Path) -> None:
        """Write a file that only its owner can read; an existing one is overwritten once the copy is sound."""
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(path.name + ".part")
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)
        _copy_content(self.file, unfinished)
        _leave_wal_mode(unfinished)
        if problems := self.copy_problems(unfinished):
            unfinished.unlink()
            raise StoreRefused(f"{self.name}: its copy is damaged ({problems[0]}). Restore the latest sound copy")
        unfinished.replace(path)

    def copy_problems(self, path: Path) -> tuple[str, ...]:
        """What SQLite finds wrong with the file at *path*."""
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            problems = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
            problems += [f"{row[0]}: a row points to nothing" for row in connection.execute("PRAGMA foreign_key_check")]
        except sqlite3.DatabaseError as cause:
            return (str(cause),)
        finally:
            connection.close()
        return tuple(problems)

    def copy_revisions(self, path: Path) -> tuple[str, ...]:
        """The schema revisions that the file at *path* says it has."""
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return tuple(row[0] for row in connection.execute("SELECT version_num FROM alembic_version"))
        except sqlite3.DatabaseError:
            return ()
        finally:
            connection.close()

    def restore_from(self, path: Path) -> None:
        """Overwrite all pages of the file in one transaction of SQLite's own."""
        _copy_content(path, self.file)

    def copy_before_migration(self, revision: str) -> None:
        """A file named after the database and *revision*."""
        self.copy_to(self._migration_copy(revision))

    def purge_migration_copies(self, before: datetime) -> int:
        """By the time of the file."""
        copies = self.file.parent.glob(self._migration_copy("*").name)
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


def _copy_content(source: Path, target: Path) -> None:
    from_, to = sqlite3.connect(source), sqlite3.connect(target, timeout=WRITER_BUSY_MS / 1000)
    try:
        from_.backup(to)
    finally:
        to.close()
        from_.close()


def _leave_wal_mode(file: Path) -> None:
    """Leave WAL mode: a copy is one file, whole by itself."""
    connection = sqlite3.connect(file)
    try:
        connection.execute("PRAGMA journal_mode=DELETE")
    finally:
        connection.close()
