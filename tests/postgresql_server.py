"""A PostgreSQL server of the distribution, private to a test session: one cluster, and a database of its own for each test.

The cluster sorts as Swedish does, so that no test passes because a server happens to sort by bytes.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from fleetsync.clock import Clock
from fleetsync.store.ledger import open_ledger

USER = "fleetsync"
# A test's database is thrown away: nothing has to survive a power cut.
SETTINGS = {
    "listen_addresses": "''",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "shared_buffers": "32MB",
}


def server_program(name: str) -> str | None:
    """The path of a program of the server, which Debian keeps off PATH; None where it is not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name) or next((str(folder / name) for folder in folders if (folder / name).exists()), None)


EMPTY_TABLES = b"""
DO $$
DECLARE name text;
BEGIN
    SET LOCAL session_replication_role = replica;  -- without the checks of references, so in any order
    FOR name IN SELECT quote_ident(relname) FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
    LOOP EXECUTE 'DELETE FROM ' || name;
    END LOOP;
    PERFORM setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace;
END $$
"""
SCHEMA = b"""
SELECT (SELECT string_agg(version_num, ' ') FROM alembic_version)
    || (SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace)
    || (SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace)
    || (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal)
"""


class PostgresqlServer:
    """A running cluster, reached by its socket in *folder*."""

    def __init__(self, folder: Path, port: str = "5432") -> None:
        self.folder = folder
        self._admin = psycopg.connect(host=str(folder), port=port, user=USER, dbname="postgres", autocommit=True)
        self._numbers = count(1)
        self._migrated_schema = ""
        self._free: list[str] = []  # databases that are as a first start leaves them

    def url(self, name: str, query: str = "") -> str:
        return f"postgresql+psycopg://{USER}@/{name}?host={self.folder}{query}"

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run *statement* as the administrator, outside of any database of a test."""
        cursor = self._admin.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []

    @contextmanager
    def database(self, *, is_migrated: bool) -> Iterator[str]:
        """The URL of a database of a test's own: as a first start leaves it, or without any table."""
        free = self._free if is_migrated else []
        name = free.pop() if free else self._create(self._migrated_template() if is_migrated else "template1")
        try:
            yield self.url(name)
        finally:
            # Emptying takes a tenth of the time of dropping and creating.
            if is_migrated and self._emptied_schema(name) == self._migrated_schema:
                self._free.append(name)
            else:
                self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _create(self, template: str) -> str:
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def _emptied_schema(self, name: str) -> str:
        """What is in the schema of a database, whose rows are deleted."""
        self.execute(
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
        )  # of processes that a test killed
        with psycopg.connect(host=str(self.folder), user=USER, dbname=name, autocommit=True) as connection:
            connection.execute(EMPTY_TABLES)
            return str(connection.execute(SCHEMA).fetchone())

    def _migrated_template(self) -> str:
        if not self._migrated_schema:
            self.execute("CREATE DATABASE migrated")
            open_ledger(self.url("migrated"), Clock(), secret_key=bytes(32)).close()
            self._migrated_schema = self._emptied_schema("migrated")
        return "migrated"

    def close(self) -> None:
        self._admin.close()


@contextmanager
def running_server(files: Mapping[str, bytes] = {}, **settings: str) -> Iterator[PostgresqlServer]:
    """A cluster with *settings* beside those of all tests, for as long as this lasts. *files*: more of its own files.

    By its socket anybody is let in; by an address, a password is wanted.
    """
    # Not in pytest's folder, which the server's user may not enter.
    folder = Path(tempfile.mkdtemp(prefix="fleetsync-postgresql-"))
    try:
        data = folder / "data"
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        swedish = ("--encoding=UTF8", "--locale=C", "--locale-provider=icu", "--icu-locale=sv-SE")
        let_in = ("--auth-local=trust", "--auth-host=scram-sha-256")
        _run("initdb", "-D", data, *let_in, "-U", USER, "--no-sync", *swedish)
        for name, content in files.items():
            _write_private(data / name, content)
        options = " ".join(f"-c {name}={value}" for name, value in {**SETTINGS, **settings}.items())
        _run("pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", f"-k {folder} {options}", "start")
        try:
            server = PostgresqlServer(folder, settings.get("port", "5432"))
            yield server
            server.close()
        finally:
            _run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_private(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    file.chmod(0o600)
    if os.geteuid() == 0:
        owner = file.parent.stat()
        os.chown(file, owner.st_uid, owner.st_gid)


def _run(program: str, *arguments: object) -> None:
    """Run a program of the server, which refuses to be root."""
    path = server_program(program)
    assert path is not None, f"{program} is not installed"
    dropping = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups") if os.geteuid() == 0 else ()
    command = [*dropping, path, *map(str, arguments)]
    # Not captured: the server would inherit the pipe and keep it open.
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
