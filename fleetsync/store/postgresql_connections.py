"""Connections to a PostgreSQL server: how they are opened, and what a server must be like to be used."""

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.types.string import StrDumper
from sqlalchemy import URL

from fleetsync.store.errors import StoreRefused
from fleetsync.store.postgresql_errors import connect_error

OLDEST_SUPPORTED_VERSION = 15  # the oldest that its makers still mend
CONNECT_SECONDS = 10
# The server notices in this time that a client's machine has gone, and a client that the server's has.
_LIVENESS: Mapping[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_PARAMETERS = ("timezone=UTC", "client_encoding=UTF8")


class _DumperWithoutNul(StrDumper):
    """Text as the server takes it: it has no NUL, which then stands as the character for what cannot be shown."""

    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", "\N{REPLACEMENT CHARACTER}") if "\0" in obj else obj)


class ServerAddress:
    """Where a database is, and the schema in it that our tables are in."""

    def __init__(self, url: URL) -> None:
        self._parameters = {**url.translate_connect_args(username="user", database="dbname"), **url.query}
        self.name = f"{url.host or url.query.get('host') or 'localhost'}/{url.database or url.username}"
        self.schema = ""  # known once `check_server` has asked

    def connect(self, program: str, *settings: str, autocommit: bool = False) -> "psycopg.Connection[Any]":
        """A new connection, with the server's *settings* (`name=value`). Raises StoreRefused, StoreUnavailable.

        *program*: how the server's lists of connections call it.
        """
        options = " ".join(
            (str(self._parameters.get("options", "")), *(f"-c {each}" for each in (*_PARAMETERS, *settings)))
        )
        parameters = {**_LIVENESS, **self._parameters, "options": options.strip(), "application_name": program}
        try:
            connection = psycopg.connect(**parameters, autocommit=autocommit)
        except psycopg.Error as error:
            raise connect_error(error, self.name) from None
        connection.adapters.register_dumper(str, _DumperWithoutNul)
        return connection

    def check_server(self) -> None:
        """Raise StoreRefused where the server, its database or the schema cannot be used; learn the schema's name."""
        with self.connect("fleetsync") as connection:
            version = connection.info.server_version // 10_000
            if version < OLDEST_SUPPORTED_VERSION:
                raise StoreRefused(
                    f"{self.name}: PostgreSQL {version} is too old: {OLDEST_SUPPORTED_VERSION} or later is needed"
                )
            encoding, schema = connection.execute(
                "SELECT current_setting('server_encoding'), current_schema()"
            ).fetchone() or ("", "")
        if encoding != "UTF8":
            raise StoreRefused(
                f"{self.name}: the database is in {encoding}, which lacks letters of names. Create it with ENCODING 'UTF8'"
            )
        if schema is None:
            raise StoreRefused(
                f"{self.name}: the schema of search_path does not exist, or the user may not use it. Create it with: "
                "CREATE SCHEMA … AUTHORIZATION …"
            )
        self.schema = schema
        if schema != "public":
            self.name += f" ({schema})"
