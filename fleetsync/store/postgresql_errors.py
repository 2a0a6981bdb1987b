"""Errors of PostgreSQL and of its driver, named by their remedy. None of them quotes a value: values are personal data."""

import psycopg
from psycopg import errors as pg

from fleetsync.store.errors import (
    TRIED_AGAIN,
    DatabaseDamaged,
    DatabaseLocked,
    DiskFull,
    StoreError,
    StoreRefused,
    StoreUnavailable,
)

# What the client library says while it connects. A server may say it in its own language: then it is a general refusal.
_CONNECT_REMEDIES = (
    ("password authentication failed", "the server refused the user or the password. Check [database] url or url_file"),
    ("no password supplied", "the server wants a password. Put the whole address in a file: [database] url_file"),
    ("no pg_hba.conf entry", "the server does not let this user in from this machine. Add a line to its pg_hba.conf"),
    ("root certificate file", "the file of sslrootcert cannot be read. Check the path in [database] url"),
    ("certificate", "the server's certificate cannot be verified. Check sslrootcert and the name in [database] url"),
    ("does not support SSL", "the server has no TLS. Turn it on there, or use its socket on the same machine"),
    ("could not translate host name", "the name of the server is unknown. Check [database] url"),
    ("failed to resolve host", "the name of the server is unknown. Check [database] url"),
    ("does not exist", "the user or the database does not exist. Create them; docs/install.md says how"),
)
_UNREACHABLE = (
    "Connection refused", "timeout", "No such file", "unreachable", "closed the connection", "starting up", "shutting down",
    "not yet accepting connections", "recovery mode",
)  # fmt: skip


def connect_error(error: psycopg.Error, name: str) -> StoreError:
    """Why no connection could be opened to the database called *name*."""
    text = str(error)
    if isinstance(error, pg.TooManyConnections) or "too many" in text or "remaining connection slots" in text:
        return StoreUnavailable(f"{name}: the server has no connection left. Raise its max_connections. {TRIED_AGAIN}")
    for words, remedy in _CONNECT_REMEDIES:
        if words in text:
            return StoreRefused(f"{name}: {remedy}")
    if any(words in text for words in _UNREACHABLE):
        return StoreUnavailable(f"{name}: the server cannot be reached. Check that it runs. {TRIED_AGAIN}")
    return StoreRefused(
        f"{name}: no connection can be opened. Check the address, the user and the parameters in [database] url"
    )


def named_error(error: psycopg.Error, name: str, waited_seconds: float) -> StoreError | None:
    """*error* with its remedy; None: it is an error of our own. *waited_seconds*: how long a lock was waited for."""
    match error:
        case pg.LockNotAvailable():
            return DatabaseLocked(
                f"{name}: another program has kept its lock for more than {waited_seconds:.0f} s. End that program. {TRIED_AGAIN}"
            )
        case pg.DiskFull() | pg.OutOfMemory():
            return DiskFull(
                f"{name}: the server has no room left. What is believed is whole. Make room there. {TRIED_AGAIN}"
            )
        case pg.DeadlockDetected() | pg.SerializationFailure() | pg.QueryCanceled():
            return DatabaseLocked(f"{name}: the server gave up a transaction because of another program. {TRIED_AGAIN}")
        case pg.InsufficientPrivilege():
            return StoreRefused(f"{name}: the user may not use a table or the schema. Let the user own the schema")
        case pg.DataCorrupted() | pg.IndexCorrupted():
            return DatabaseDamaged(name)
        case pg.ReadOnlySqlTransaction():
            return StoreRefused(
                f"{name}: cannot be written: it is a standby server or read-only. Use the primary's address"
            )
    if isinstance(error, psycopg.OperationalError | pg.InterfaceError) and _is_lost_connection(error):
        return StoreUnavailable(f"{name}: the connection to the server was lost. {TRIED_AGAIN}")
    return None


def _is_lost_connection(error: psycopg.Error) -> bool:
    state = error.sqlstate
    return state is None or state.startswith(("08", "57P"))


def text_without_values(error: psycopg.Error) -> str:
    """What the server says, without the values that it quotes in its message and its details."""
    diagnosis = error.diag
    place = " ".join(filter(None, (diagnosis.table_name, diagnosis.column_name, diagnosis.constraint_name)))
    return f"{type(error).__name__} (SQLSTATE {error.sqlstate}) {place}".rstrip()
