"""A copy of a database before it replaces anything: it is checked, and made ready beside where it lies.

Every copy is a SQLite file, whatever database it is of.
"""

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from glob import escape
from pathlib import Path

from fleetsync.store.database import Database, open_database
from fleetsync.store.errors import StoreRefused
from fleetsync.store.sqlite_files import file_problems, file_revisions
from fleetsync.store.upgrade import known_revisions, upgrade


def refuse_unusable_copy(path: Path) -> None:
    """Raise StoreRefused where *path* is no sound copy of this or an earlier version."""
    if not path.is_file():
        raise StoreRefused(f"{path}: there is no such file")
    if problems := file_problems(path):
        raise StoreRefused(f"{path}: is damaged ({problems[0]}). Choose another copy")
    revisions = file_revisions(path)
    if not revisions or not known_revisions().issuperset(revisions):
        raise StoreRefused(f"{path}: is no copy of fleetsync's, or one of a newer version. Choose another copy")


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
