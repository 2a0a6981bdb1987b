"""SQLite files that are read or copied whole: opening, checking and comparing them, without an engine."""

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

from fleetsync.store.errors import StoreUnavailable
from fleetsync.store.sqlite_errors import is_full, named_error

READER_BUSY_MS = 5_000
WRITER_BUSY_MS = 30_000  # a first load by another process is one transaction of some seconds

Content = dict[str, tuple[int, str]]
"""By table: the number of its rows, and their fingerprint."""


def _file_address(path: Path) -> str:
    """*path* as the `file:` address that SQLite takes: `#`, `?`, `%`, blanks and other letters are escaped."""
    return path.resolve().as_uri()


def open_to_read(path: Path) -> sqlite3.Connection:
    """A connection to a file that must exist and is never changed."""
    return connect_to_read(path, "?mode=ro")


def connect_to_read(path: Path, mode: str = "?mode=rw") -> sqlite3.Connection:
    """A connection for reading. On a full disk, the file as it stands: the index of its journal cannot be made then."""
    address = _file_address(path)
    connection = sqlite3.connect(address + mode, uri=True, check_same_thread=False)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        if not (is_full(error, path) and _is_journal_empty(path)):
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


def file_problems(path: Path) -> tuple[str, ...]:
    """What SQLite finds wrong with the file at *path*. Raises StoreUnavailable where that cannot be said now."""
    try:
        with closing(open_to_read(path)) as connection:
            problems = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
            problems += [f"{row[0]}: a row points to nothing" for row in connection.execute("PRAGMA foreign_key_check")]
    except sqlite3.DatabaseError as cause:
        if isinstance(named := named_error(cause, path, READER_BUSY_MS), StoreUnavailable):
            raise named from None
        return (str(cause),)
    return tuple(problems)


def file_revisions(path: Path) -> tuple[str, ...]:
    """The schema revisions that the file at *path* says it has; empty when it is not fleetsync's."""
    try:
        with closing(open_to_read(path)) as connection:
            return tuple(row[0] for row in connection.execute("SELECT version_num FROM alembic_version"))
    except sqlite3.DatabaseError as cause:
        if isinstance(named := named_error(cause, path, READER_BUSY_MS), StoreUnavailable):
            raise named from None
        return ()


def copy_content(source: Path, target: Path) -> Content:
    """Copy all pages, and say what was copied: the rows of each table and their fingerprint."""
    with (
        closing(open_to_read(source)) as from_,
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


def content_of_file(path: Path) -> Content:
    with closing(open_to_read(path)) as connection:
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


def leave_wal_mode(file: Path) -> None:
    """Leave WAL mode: a copy is one file, whole by itself."""
    connection = sqlite3.connect(file)
    try:
        connection.execute("PRAGMA journal_mode=DELETE")
    finally:
        connection.close()
