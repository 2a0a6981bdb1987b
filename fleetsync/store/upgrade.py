"""Migration of the schema to this version's at start: under a lock, after a verified copy, and never backwards."""

from pathlib import Path

from sqlalchemy import Connection, inspect

from fleetsync.store.database import Database
from fleetsync.store.errors import StoreRefused

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database, migrations: Path = MIGRATIONS) -> None:
    """Migrate *database* to the newest of *migrations*. Raises StoreRefused for a newer one, and one not ours."""
    newest = head(migrations)
    if database.revisions() == (newest,):
        return
    with database.locks.upgrade():
        revisions = database.revisions()
        if revisions == (newest,):
            return
        _refuse_foreign_database(database, revisions, migrations)
        if revisions:
            database.copy_before_migration(newest)
        with database.begin_writing() as connection:
            migrate(connection, migrations)


def head(migrations: Path = MIGRATIONS) -> str:
    """The schema revision of this version."""
    return max(known_revisions(migrations))


def known_revisions(migrations: Path = MIGRATIONS) -> frozenset[str]:
    """The revisions that this version can migrate from, its own included."""
    return frozenset(path.stem.split("_")[0] for path in (migrations / "versions").glob("*.py"))


def migrate(connection: Connection, migrations: Path = MIGRATIONS) -> None:
    """Run the missing migrations within *connection*'s transaction."""
    # Alembic is needed once per version, and takes a while to import.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _refuse_foreign_database(database: Database, revisions: tuple[str, ...], migrations: Path) -> None:
    if not revisions:
        with database.begin_reading() as connection:
            if inspect(connection).get_table_names():
                raise StoreRefused(
                    f"{database.name}: holds tables that are not fleetsync's. Give it a file, or a schema, of its own"
                )
    if unknown := sorted(set(revisions) - known_revisions(migrations)):
        raise StoreRefused(
            f"{database.name}: written by a newer fleetsync (schema {unknown[0]}, this version knows "
            f"{head(migrations)}). Install that version again, or restore a copy from before it: "
            "fleetsync db restore FILE"
        )
