"""A new database, migrated once per process and copied for each test."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from fleetsync.clock import Clock
from fleetsync.store.ledger import open_ledger


def write_empty_database(file: Path) -> None:
    """Write what a first start would leave in *file*. A start takes 70 ms for its migrations, and waits for the disk."""
    file.write_bytes(_migrated_bytes())
    file.chmod(0o600)


@cache
def _migrated_bytes() -> bytes:
    with TemporaryDirectory(prefix="empty-database-") as folder:
        file = Path(folder) / "empty.db"
        open_ledger(f"sqlite:///{file}", Clock(), secret_key=bytes(32)).close()
        return file.read_bytes()
