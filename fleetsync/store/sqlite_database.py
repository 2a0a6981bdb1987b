"""SQLite as the ledger's database: a file in WAL mode, with its locks and copies beside it.

The only module that knows SQLite. Local disks only: on a network share neither SQLite nor its locks keep their promises.
"""

import errno
import hashlib
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from glob import escape
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from fleetsync import log
from fleetsync.store.database import OPTION, Database
from fleetsync.store.errors import DatabaseLocked, DiskFull, StoreError, StoreRefused, StoreUnavailable
from fleetsync.store.locks import FileLocks

logger = log.get(__name__)

OLDEST_SUPPORTED_VERSION = (3, 35)  # RETURNING, DROP COLUMN and upserts as they are written here

READER_BUSY_MS = 5_000
WRITER_BUSY_MS = 30_000  # a first load by another process is one transaction of some seconds
WRITER_QUEUE_SECONDS = 120.0
JOURNAL_PAGES = 1_000  # of 4 kB: with more, what the journal holds is moved into the file
# While more writes of the same pages follow: a first sync of 100,000 devices is still moved only once.
JOURNAL_PAGES_AMID_WRITES = 128_000
FULL_DISK_BYTES = 4_000_000  # with less room than this, an error of the disk means that it is full

Content = dict[str, tuple[int, str]]
"""By table: the number of its rows, and their fingerprint."""

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
        self._outage = ""  # why the database could not be used at the last attempt; "": it could
        self._outage_mutex = threading.Lock()
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
        engine = self._engine(lambda: _connect_to_read(self.file), pool_size=4, max_overflow=8)
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
        try:
            with self.writing.begin() as connection:
                _driver(connection).execute(f"PRAGMA wal_autocheckpoint={pages}")
                changes_before = _changes(connection)
                yield connection
                has_written = _changes(connection) != changes_before
        except PoolTimeout:
            raise DatabaseLocked(
                f"{self.file}: a write of our own has waited for more than {WRITER_QUEUE_SECONDS:.0f} s for another one. "
                "It is tried again by itself; if it stays so, restart the daemon"
            ) from None
        if has_written:
            self._note_recovery()

    def _raise_by_remedy(self, context: Any) -> None:
        """Instead of the driver's error, one that names the remedy; logged once per outage."""
        error, is_reading = context.original_exception, context.engine is self.reading
        if not isinstance(error, sqlite3.Error) or (is_reading and _error_code(error) == sqlite3.SQLITE_READONLY):
            return  # a reader that writes is an error of our own
        waited_ms = READER_BUSY_MS if is_reading else WRITER_BUSY_MS
        if (named := _named_error(error, self.file, waited_ms)) is not None:
            self._note_outage(named)
            raise named from None

    def _note_outage(self, error: StoreError) -> None:
        kind = type(error).__name__
        with self._outage_mutex:
            is_news, self._outage = self._outage != kind, kind
        if is_news:
            logger.warning("database cannot be used", reason=str(error))

    def _note_recovery(self) -> None:
        with self._outage_mutex:
            was_out, self._outage = bool(self._outage), ""
        if was_out:
            logger.info("database can be used again")

    @contextmanager
    def _named_errors(self, path: Path | None = None) -> Iterator[None]:
        """Errors of the driver, outside of the engines, with their remedy. *path*: the file that is worked at."""
        try:
            yield
        except sqlite3.Error as error:
            if (named := _named_error(error, path or self.file, WRITER_BUSY_MS)) is None:
                raise
            raise named from None
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise _disk_full(path or self.file) from None

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
                copied = _copy_content(self.file, unfinished)
                _leave_wal_mode(unfinished)
            problems = self.copy_problems(unfinished)
            if not problems and _content_of_file(unfinished) != copied:
                problems = ("its rows are not those of the database",)
            if problems:
                raise StoreRefused(f"{self.name}: its copy is damaged ({problems[0]}). Restore the latest sound copy")
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    def copy_problems(self, path: Path) -> tuple[str, ...]:
        """What SQLite finds wrong with the file at *path*."""
        try:
            with closing(_open_to_read(path)) as connection:
                problems = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
                problems += [
                    f"{row[0]}: a row points to nothing" for row in connection.execute("PRAGMA foreign_key_check")
                ]
        except sqlite3.DatabaseError as cause:
            if isinstance(named := _named_error(cause, path, READER_BUSY_MS), StoreUnavailable):
                raise named from None
            return (str(cause),)
        return tuple(problems)

    def copy_revisions(self, path: Path) -> tuple[str, ...]:
        """The schema revisions that the file at *path* says it has."""
        try:
            with closing(_open_to_read(path)) as connection:
                return tuple(row[0] for row in connection.execute("SELECT version_num FROM alembic_version"))
        except sqlite3.DatabaseError as cause:
            if isinstance(named := _named_error(cause, path, READER_BUSY_MS), StoreUnavailable):
                raise named from None
            return ()

    def restore_from(self, path: Path) -> None:
        """Overwrite all pages of the file in one transaction of SQLite's own."""
        with self._named_errors():
            _copy_content(path, self.file)

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


def _file_address(path: Path) -> str:
    """*path* as the `file:` address that SQLite takes: `#`, `?`, `%`, blanks and other letters are escaped."""
    return path.resolve().as_uri()


def _open_to_read(path: Path) -> sqlite3.Connection:
    """A connection to a file that must exist and is never changed."""
    return _connect_to_read(path, "?mode=ro")


def _connect_to_read(path: Path, mode: str = "?mode=rw") -> sqlite3.Connection:
    """A connection for reading. On a full disk, the file as it stands: the index of its journal cannot be made then."""
    address = _file_address(path)
    connection = sqlite3.connect(address + mode, uri=True, check_same_thread=False)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        if not (_is_full(error, path) and _is_journal_empty(path)):
            return connection  # whatever is wrong with it is met, and named, at its first use
        connection.close()
        # Nobody can write to it now, so nothing changes under the reader.
        return sqlite3.connect(address + "?immutable=1", uri=True, check_same_thread=False)
    except sqlite3.Error:
        return connection
    return connection


def _is_journal_empty(path: Path) -> bool:
    journal = path.with_name(path.name + "-wal")
    return not journal.exists() or journal.stat().st_size == 0


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection), "an open connection has its driver's"
    return driver


def _changes(connection: Connection) -> int:
    return _driver(connection).total_changes


def _named_error(error: sqlite3.Error, file: Path, waited_ms: int) -> StoreError | None:
    """*error* with its remedy; None: it is an error of our own. *waited_ms*: how long a lock was waited for."""
    code = _error_code(error)
    if _is_full(error, file):
        return _disk_full(file)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return DatabaseLocked(
            f"{file}: the database is locked by another program for more than {waited_ms // 1000} s. End that program, "
            "such as an open sqlite3 or a program that copies files. The daemon tries again by itself; run a command again"
        )
    if code == sqlite3.SQLITE_READONLY:
        return StoreRefused(f"{file}: cannot be written. Check the owner and the permissions of it and its folder")
    if code == sqlite3.SQLITE_CANTOPEN:
        return StoreRefused(f"{file}: cannot be opened. Check the owner and the permissions of it and its folder")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreRefused(f"{file}: is damaged. Restore the latest sound copy: fleetsync db restore FILE")
    if code == sqlite3.SQLITE_IOERR:
        return StoreUnavailable(
            f"{file}: the disk gave an error. Check the disk. The daemon tries again by itself; run a command again"
        )
    return None


def _disk_full(file: Path) -> DiskFull:
    return DiskFull(
        f"the disk of {file} is full: free {_free_bytes(file) / 1e6:.1f} MB. What is believed is whole and can be read. "
        "Make room there. The daemon goes on by itself then; run a command again"
    )


def _is_full(error: sqlite3.Error, file: Path) -> bool:
    code = _error_code(error)
    is_disk_error = code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
    return code == sqlite3.SQLITE_FULL or (is_disk_error and _free_bytes(file) < FULL_DISK_BYTES)


def _error_code(error: sqlite3.Error) -> int:
    """The primary result code of SQLite."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def _free_bytes(path: Path) -> int:
    try:
        return shutil.disk_usage(path.parent).free
    except OSError:
        return FULL_DISK_BYTES


def _copy_content(source: Path, target: Path) -> Content:
    """Copy all pages, and say what was copied: the rows of each table and their fingerprint."""
    with (
        closing(_open_to_read(source)) as from_,
        closing(sqlite3.connect(target, timeout=WRITER_BUSY_MS / 1000)) as to,
    ):
        from_.execute(f"PRAGMA busy_timeout={WRITER_BUSY_MS}")
        from_.execute("BEGIN")  # one state: what is copied is what is counted, although others write meanwhile
        content = _content(from_)
        # The driver's copying would wait for a lock without end: a lock is met here, after the usual time.
        to.execute("BEGIN IMMEDIATE")
        to.execute("ROLLBACK")
        from_.backup(to)
    return content


def _content_of_file(path: Path) -> Content:
    with closing(_open_to_read(path)) as connection:
        return _content(connection)


def _content(connection: sqlite3.Connection) -> Content:
    """By table: how many rows it has, and a fingerprint of them in their own order."""
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    return {name: _table_content(connection, name) for name in names}


def _table_content(connection: sqlite3.Connection, table: str) -> tuple[int, str]:
    fingerprint, count = hashlib.blake2b(digest_size=16), 0
    quoted = table.replace('"', '""')
    for row in connection.execute(f'SELECT * FROM "{quoted}"'):  # noqa: S608 - a name of the file's own schema
        fingerprint.update(repr(row).encode("utf-8", "surrogatepass"))
        count += 1
    return count, fingerprint.hexdigest()


def _leave_wal_mode(file: Path) -> None:
    """Leave WAL mode: a copy is one file, whole by itself."""
    connection = sqlite3.connect(file)
    try:
        connection.execute("PRAGMA journal_mode=DELETE")
    finally:
        connection.close()
