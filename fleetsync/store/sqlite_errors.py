"""Errors of SQLite, named by their remedy."""

import shutil
import sqlite3
from pathlib import Path

from fleetsync.store.errors import (
    TRIED_AGAIN,
    DatabaseDamaged,
    DatabaseLocked,
    DiskFull,
    StoreError,
    StoreRefused,
    StoreUnavailable,
)

FULL_DISK_BYTES = 4_000_000  # with less room than this, an error of the disk means that it is full


def named_error(error: sqlite3.Error, file: Path, waited_ms: int) -> StoreError | None:
    """*error* with its remedy; None: it is an error of our own. *waited_ms*: how long a lock was waited for."""
    code = error_code(error)
    if is_full(error, file):
        return disk_full(file)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return DatabaseLocked(
            f"{file}: the database is locked by another program for more than {waited_ms // 1000} s. End that program, "
            f"such as an open sqlite3 or a program that copies files. {TRIED_AGAIN}"
        )
    if code == sqlite3.SQLITE_READONLY:
        return StoreRefused(f"{file}: cannot be written. Check the owner and the permissions of it and its folder")
    if code == sqlite3.SQLITE_CANTOPEN:
        return StoreRefused(f"{file}: cannot be opened. Check the owner and the permissions of it and its folder")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return DatabaseDamaged(str(file))
    if code == sqlite3.SQLITE_IOERR:
        return StoreUnavailable(f"{file}: the disk gave an error. Check the disk. {TRIED_AGAIN}")
    return None


def disk_full(file: Path) -> DiskFull:
    return DiskFull(
        f"the disk of {file} is full: free {_free_bytes(file) / 1e6:.1f} MB. What is believed is whole and can be read. "
        "Make room there. The daemon goes on by itself then; run a command again"
    )


def is_full(error: sqlite3.Error, file: Path) -> bool:
    code = error_code(error)
    is_disk_error = code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
    return code == sqlite3.SQLITE_FULL or (is_disk_error and _free_bytes(file) < FULL_DISK_BYTES)


def error_code(error: sqlite3.Error) -> int:
    """The primary result code of SQLite."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def _free_bytes(path: Path) -> int:
    try:
        return shutil.disk_usage(path.parent).free
    except OSError:
        return FULL_DISK_BYTES
