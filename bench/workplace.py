"""The folder of a comparison: the configuration of fleetsync, the delivered staff file, and what each contender writes."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from hashlib import blake2b, sha256
from pathlib import Path

import msgspec

from bench.municipality import UNIT_COUNT, cost_centre, unit_name, unit_slug
from fleetsync.demo.graph import CLIENT, SECRET, TENANT

PAGE_BYTES = 4096  # of SQLite, unless a database was made with another size
_SQLITE_MAGIC = b"SQLite format 3\0"
_UNITS_PER_NAME_PATTERN = 50  # some schools can be told by the names of their devices


class Workplace(msgspec.Struct, frozen=True):
    """The paths in the folder of a comparison."""

    folder: Path

    @property
    def staff_file(self) -> Path:
        """The personnel system's report, as of today."""
        return self.folder / "deliveries" / f"personal_{date.today()}.csv"  # noqa: DTZ011 - the day of this machine

    @property
    def config(self) -> Path:
        """The configuration of fleetsync."""
        return self.folder / "config.toml"

    @property
    def database(self) -> Path:
        """The database of fleetsync."""
        return self.folder / "database" / "fleetsync.db"

    def prepare(self) -> None:
        """Make the folders and secrets."""
        for name in ("deliveries", "database", "secrets"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self._write_secret("intune", SECRET)
        self._write_secret("privacy.key", sha256(b"bench").hexdigest())

    def _write_secret(self, name: str, text: str) -> None:
        file = self.folder / "secrets" / name
        file.touch(mode=0o600)
        file.write_text(text + "\n", encoding="ascii")

    def write_config(self, graph: str, port: int = 8470, every_seconds: int = 3600) -> None:
        """Write the configuration of fleetsync. *port*: of its page."""
        tables = (_base_tables(port), _sources(graph, every_seconds), *_units())
        self.config.write_text("\n".join(tables), encoding="utf-8")


def page_digests(database: Path) -> list[bytes]:
    """A digest of each page of a database that no process has open; none without a database."""
    if not database.exists():
        return []
    with database.open("rb") as file:
        if file.read(len(_SQLITE_MAGIC)) == _SQLITE_MAGIC:
            with closing(sqlite3.connect(database)) as connection:
                connection.execute("pragma wal_checkpoint(truncate)")
        file.seek(0)
        return [blake2b(page, digest_size=8).digest() for page in iter(lambda: file.read(PAGE_BYTES), b"")]


def _base_tables(port: int) -> str:
    return f"""\
[municipality]
name = "Exempelby kommun"
organisation_numbers = ["212000-0000"]

[database]
url = "database/fleetsync.db"

[web]
listen = "127.0.0.1:{port}"
metrics_listen = "127.0.0.1:{port}"

[privacy]
key_file = "secrets/privacy.key"
"""


def _sources(graph: str, every_seconds: int) -> str:
    # No grace: the scripts that fleetsync is compared with delete what has vanished at once.
    return f"""\
[[source]]
kind = "intune"
name = "intune"
every = "{every_seconds}s"
tenant = "{TENANT}"
client_id = "{CLIENT}"
client_secret_file = "secrets/intune"
without = ["autopilot", "corporate_identifiers", "apple_enrolment", "push_certificate", "app_tokens"]
authority = "{graph}"
graph_root = "{graph}"
grace_pulls = 0
grace_hours = 0

[[source]]
kind = "staff_file"
name = "personal"
every = "{every_seconds}s"
path = "deliveries/personal_*.csv"
settle_seconds = 0
counts = ["employment"]
grace_pulls = 0
grace_hours = 0
"""


def _units() -> Iterator[str]:
    for unit in range(UNIT_COUNT):
        slug = unit_slug(unit)
        yield f"""\
[[unit]]
slug = "{slug}"
name = "{unit_name(unit)}"
codes = ["{cost_centre(unit)}"]
school_forms = ["GR"]

[[unit_map]]
source = "intune"
field = "location"
pattern = "Lager {unit_name(unit)}"
unit = "{slug}"

"""
