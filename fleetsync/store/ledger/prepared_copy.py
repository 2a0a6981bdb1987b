"""A copy of a database that is made ready beside the one that it was taken from, before it replaces anything."""

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from glob import escape
from pathlib import Path

from fleetsync.store.database import Database, open_database
from fleetsync.store.errors import StoreRefused
from fleetsync.store.upgrade import upgrade


@contextmanager
def prepared_copy(path: Path) -> Iterator[tuple[Path, Database]]:
    """A file with the content of the copy at *path*, migrated to this version, and open. It is gone afterwards; what an
    interrupted call left goes first. Raises StoreRefused when it cannot be written.
    """
    prepared = path.with_name(f"{path.name}.restoring")
    _remove(prepared)
    try:
        prepared.touch(mode=0o600, exist_ok=False)
        with path.open("rb") as stored, prepared.open("wb") as written:
            shutil.copyfileobj(stored, written)
        with closing(open_database(f"sqlite:///{prepared}")) as database:
            upgrade(database)
            yield prepared, database
    except OSError as error:
        raise StoreRefused(
            f"{prepared}: cannot be written ({error.strerror}). The copy is made ready there before anything is replaced: put "
            "it into a folder that can be written and has room for it twice, and restore it from there"
        ) from None
    finally:
        _remove(prepared)


def _remove(prepared: Path) -> None:
    """The file, with its journal, its locks, and the copy that a migration of it makes."""
    for path in prepared.parent.glob(f"{escape(prepared.name)}*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
