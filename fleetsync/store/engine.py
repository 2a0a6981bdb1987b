"""From a database's address to two engines: one that reads and cannot write, one that writes, one at a time.

Refuses what it cannot keep its promises on: a database in memory, one of a kind it does not know.
"""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, make_url
from sqlalchemy.exc import ArgumentError

from fleetsync.store import sqlite
from fleetsync.store.errors import StoreRefused


@dataclass(frozen=True, slots=True)
class Engines:
    """*reading* is for the page, lists and health; *writing* has a pool of one. *file* holds the database."""

    reading: Engine
    writing: Engine
    file: Path

    def close(self) -> None:
        """Close all connections."""
        self.reading.dispose()
        self.writing.dispose()


def open_engines(url: str) -> Engines:
    """The two engines of *url*; the file and its folder are created. Raises StoreRefused."""
    try:
        address = make_url(url)
    except ArgumentError:
        raise StoreRefused(
            "[database] url is no address: write it as sqlite:////var/lib/fleetsync/fleetsync.db"
        ) from None
    if address.get_backend_name() != "sqlite":
        raise StoreRefused(f"[database] url: {address.get_backend_name()} is not supported. Use sqlite:///…")
    sqlite.check_version()
    file = sqlite.database_file(address)
    try:
        sqlite.create_file(file)
    except OSError as cause:
        raise StoreRefused(
            f"{file}: cannot be created or written ({cause.strerror}). Check the folder's owner"
        ) from None
    return Engines(sqlite.reading_engine(file), sqlite.writing_engine(file), file)
