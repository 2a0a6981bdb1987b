"""The schema, brought to this version's at start: under a lock, with a verified copy, and never backwards."""

from pathlib import Path

from sqlalchemy import Connection, inspect

from fleetsync.store import sqlite
from fleetsync.store.engine import Engines
from fleetsync.store.errors import StoreRefused
from fleetsync.store.locks import Locks

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(engines: Engines, locks: Locks, migrations: Path = MIGRATIONS) -> None:
    """Migrate the database to the newest of *migrations*. Raises StoreRefused for a newer one, and one not ours."""
    newest = head(migrations)
    if sqlite.revisions(engines.file) == (newest,):
        return
    with locks.upgrade():
        was = sqlite.revisions(engines.file)
        if was == (newest,):
            return
        _refuse_foreign_database(engines, was, migrations)
        if was:
            sqlite.copy(engines.file, pre_migration_copy(engines.file, newest))
        with engines.writing.begin() as connection:
            migrate(connection, migrations)


def head(migrations: Path = MIGRATIONS) -> str:
    """The schema revision of this version."""
    return max(known_revisions(migrations))


def known_revisions(migrations: Path = MIGRATIONS) -> frozenset[str]:
    """The revisions that this version can migrate from, its own included."""
    return frozenset(path.stem.split("_")[0] for path in (migrations / "versions").glob("*.py"))


def pre_migration_copy(file: Path, revision: str) -> Path:
    """Where the copy is that is taken before the migration to *revision*."""
    return file.with_name(f"{file.name}.before-{revision}")


def migrate(connection: Connection, migrations: Path = MIGRATIONS) -> None:
    """Run the missing migrations within *connection*'s transaction."""
    # Alembic is needed once per version, and takes a while to import.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _refuse_foreign_database(engines: Engines, was: tuple[str, ...], migrations: Path) -> None:
    if not was:
        with engines.reading.connect() as connection:
            if inspect(connection).get_table_names():
                raise StoreRefused(
                    f"{engines.file.name}: holds tables that are not fleetsync's. Give it a file of its own"
                )
    if unknown := sorted(set(was) - known_revisions(migrations)):
        raise StoreRefused(
            f"{engines.file.name}: written by a newer fleetsync (schema {unknown[0]}, this version knows "
            f"{head(migrations)}). Install that version again, or restore a copy from before it: "
            "fleetsync db restore FILE"
        )
