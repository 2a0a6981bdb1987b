"""Everything that only SQLite understands: pragmas, how a transaction begins, copies of the file, returning its bytes.

Nothing else of the store names a database; another one is another module with these functions.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Select, Table, create_engine, event
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.engine import URL
from sqlalchemy.pool import QueuePool

from fleetsync.store.errors import StoreRefused

OLDEST_SUPPORTED_VERSION = (3, 35)  # RETURNING and upserts as they are written here

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


def check_version(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> None:
    """Raise StoreRefused where the system's SQLite is too old."""
    if version < OLDEST_SUPPORTED_VERSION:
        has, wants = (".".join(map(str, numbers)) for numbers in (version, OLDEST_SUPPORTED_VERSION))
        raise StoreRefused(f"SQLite {has} is too old: {wants} or later is needed. Use a newer Python or distribution")


def database_file(url: URL) -> Path:
    """The file that *url* names; StoreRefused where it names none, since two engines cannot share one in memory."""
    if not url.database or url.database == ":memory:":
        raise StoreRefused("[database] url names no file: write it as sqlite:////var/lib/fleetsync/fleetsync.db")
    return Path(url.database).absolute()


def reading_engine(file: Path) -> Engine:
    """Deferred transactions that see one state throughout and cannot write."""
    engine = create_engine(_url(file), poolclass=QueuePool, pool_size=4, max_overflow=8, hide_parameters=True)
    _configure(engine, "BEGIN", (f"busy_timeout={READER_BUSY_MS}", *COMMON_PRAGMAS, "query_only=ON"))
    return engine


def writing_engine(file: Path) -> Engine:
    """One connection, one transaction at a time, each the writer from its first statement on."""
    engine = create_engine(
        _url(file),
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=WRITER_QUEUE_SECONDS,
        hide_parameters=True,  # what a failed statement was given are people
    )
    _configure(engine, "BEGIN IMMEDIATE", (f"busy_timeout={WRITER_BUSY_MS}", *COMMON_PRAGMAS))
    return engine


def _url(file: Path) -> URL:
    return URL.create("sqlite", database=str(file))


def _configure(engine: Engine, begin: str, pragmas: Sequence[str]) -> None:
    def connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver would begin by itself, deferred, and only at the first write
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)


def upsert(into: Table, key: Sequence[str], overwritten: Iterable[str]) -> Insert:
    """An insert into *into* that, where a row of *key* stands already, writes the columns *overwritten* of that row."""
    statement = Insert(into)
    return on_conflict(statement, key, {name: statement.excluded[name] for name in overwritten})


def insert_into(into: Table) -> Insert:
    """A plain insert, for `on_conflict`."""
    return Insert(into)


def insert_from(into: Table, names: Sequence[str], rows: Select[Any]) -> Insert:
    """An insert into *into* of what *rows* selects."""
    return Insert(into).from_select(list(names), rows)


def on_conflict(statement: Insert, key: Sequence[str], overwritten: Mapping[str, Any]) -> Insert:
    """*statement*, and what it does to the row of *key* that stands already; nothing with nothing *overwritten*."""
    if not overwritten:
        return statement.on_conflict_do_nothing(index_elements=list(key))
    return statement.on_conflict_do_update(index_elements=list(key), set_=dict(overwritten))


# --- the file -----------------------------------------------------------------------------------------------------------


def create_file(file: Path) -> None:
    """An empty database that only its owner may read; its folder too, where it is new."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600, exist_ok=True)


def copy(source: Path, target: Path) -> None:
    """Copy a database, also one in use, and verify the copy; StoreRefused when it is damaged. Overwrites *target*."""
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_name(target.name + ".part")
    half.unlink(missing_ok=True)
    half.touch(mode=0o600)
    _copy_content(source, half)
    _leave_wal_mode(half)
    if problems := integrity(half):
        half.unlink()
        raise StoreRefused(f"{source.name}: its copy is damaged ({problems[0]}). Restore the latest sound copy")
    half.replace(target)


def overwrite(target: Path, source: Path) -> None:
    """Fill the database *target*, open or not, with the content of *source*, in one transaction of SQLite's own."""
    _copy_content(source, target)


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


def integrity(file: Path) -> tuple[str, ...]:
    """What is wrong with a database file; empty when it is sound."""
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        found = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
        found += [f"{row[0]}: a row points to nothing" for row in connection.execute("PRAGMA foreign_key_check")]
    except sqlite3.DatabaseError as cause:
        return (str(cause),)
    finally:
        connection.close()
    return tuple(found)


def revisions(file: Path) -> tuple[str, ...]:
    """The schema revisions that a database file says it has; empty when it is no database of ours."""
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        return tuple(row[0] for row in connection.execute("SELECT version_num FROM alembic_version"))
    except sqlite3.DatabaseError:
        return ()
    finally:
        connection.close()


def scrub_deleted_bytes(engine: Engine, *, shrink: bool = False) -> None:
    """Take the bytes of what was deleted out of the journal too; with *shrink* out of the file's free pages as well.

    A reader that is in the middle of something keeps its pages of the journal; the next call takes those.
    """
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None, "an open connection has its driver's"
        if shrink:
            driver.execute("VACUUM")
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def size_bytes(file: Path) -> int:
    """The database with its journal."""
    parts = (file, file.with_name(file.name + "-wal"))
    return sum(part.stat().st_size for part in parts if part.exists())
