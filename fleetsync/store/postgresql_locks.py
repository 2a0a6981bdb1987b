"""Locks of a PostgreSQL database: advisory locks of the server, and the lease of the schedule as a row with a number.

The server releases an advisory lock when the connection that holds it ends. A process that is frozen keeps its connections,
so the lease runs out by time: another daemon then ends all connections of its holder and takes it, with the next number.
Each writing transaction of the former holder compares the number first, and so writes nothing more.
"""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from sqlalchemy import Connection, UpdateBase, bindparam, literal_column, select, update

from fleetsync.store import tables as t
from fleetsync.store.database import Database
from fleetsync.store.errors import LeaseLost, StoreError
from fleetsync.store.postgresql_connections import ServerAddress
from fleetsync.store.postgresql_errors import named_error

LEASE_SECONDS = 40  # a daemon renews its lease every five seconds; a follower looks as often
NO_LONGER_HELD = ""

# By the server's clock alone: those of two machines may differ.
_NOW: Any = literal_column("clock_timestamp()")
_IS_OVER: Any = literal_column(
    f"(holder = '{NO_LONGER_HELD}' OR renewed_at < clock_timestamp() - interval '{LEASE_SECONDS} s')"
)
_RENEW = b"UPDATE schedule_lease SET renewed_at = clock_timestamp() WHERE number = %s"
_RELEASE = b"UPDATE schedule_lease SET holder = '' WHERE number = %s"
_END_CONNECTIONS = (
    b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    b" WHERE application_name = %s AND usename = current_user AND datname = current_database()"
)


class AdvisoryLocks:
    """The locks of one schema. *program*: what the connections of this process are called at the server."""

    def __init__(self, server: ServerAddress, program: str, database: Database) -> None:
        self._server, self._program, self._database = server, program, database
        self._mutex = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None  # holds the locks of parts
        self._held: set[int] = set()
        self._lease_number: int | None = None
        self._writer_key = self._key("writer")

    # --- the writer ---------------------------------------------------------------------------------------------------

    def lock_writer(self, connection: Connection) -> None:
        """Wait until no other transaction writes to the schema. The lock ends with the connection's transaction."""
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (self._writer_key,))

    def require_lease(self, connection: Connection) -> None:
        """Raise LeaseLost where this process had the lease of the schedule, and another one has it now."""
        if self._lease_number is None:
            return
        number = connection.execute(select(t.schedule_lease.c.number)).scalar_one_or_none()
        if number != self._lease_number:
            raise LeaseLost(
                f"{self._server.name}: another daemon pulls by the schedule now, since this one did not answer for "
                f"{LEASE_SECONDS} s. It follows the other one by itself; run a command again"
            )

    # --- the schedule -------------------------------------------------------------------------------------------------

    def schedule(self) -> "Lease | None":
        """The lease of the daemon that pulls by the clock; None while another daemon renews it."""
        lease = t.schedule_lease.c
        seen = select(lease.number, lease.holder, _IS_OVER)
        with self._database.begin_reading() as connection:
            row = connection.execute(seen).one_or_none()
        if row is not None:
            number, holder, is_over = row
            if not is_over:
                return None
            self._end_connections(holder)
            statement: UpdateBase = (
                update(t.schedule_lease)
                .where(lease.number == number, _IS_OVER)
                .values(number=number + 1, holder=bindparam("new_holder"), renewed_at=_NOW)
            )
        else:
            number = 0
            statement = self._database.insert_new(t.schedule_lease, ("name",)).values(
                name="schedule", number=1, holder=bindparam("new_holder"), renewed_at=_NOW
            )
        with self._database.begin_writing() as connection:
            is_taken = connection.execute(statement, {"new_holder": self._program}).rowcount == 1
        if not is_taken:
            return None
        self._lease_number = number + 1
        return Lease(self, number + 1)

    def schedule_holder(self) -> str | None:
        """Which daemon has the lease: its machine and process; None: no daemon."""
        lease = t.schedule_lease.c
        with self._database.begin_reading() as connection:
            holder = connection.execute(select(lease.holder).where(~_IS_OVER)).scalar_one_or_none()
        return None if holder is None else _machine_and_process(holder)

    def _end_connections(self, holder: str) -> None:
        """End what a frozen holder still keeps: locks of parts, and perhaps an open transaction."""
        if holder != NO_LONGER_HELD:
            with self.session() as connection:
                connection.execute(_END_CONNECTIONS, (holder,))

    def renew_lease(self, number: int) -> bool:
        """Whether the lease *number* is still the newest; it lasts on from now then."""
        with self._mutex, self._named_errors():
            return self._lock_connection().execute(_RENEW, (number,)).rowcount == 1

    def release_lease(self, number: int) -> None:
        """Let the lease go, if it is still ours, and write as any other process from now on."""
        self._lease_number = None
        with self._mutex, suppress(StoreError), self._named_errors():
            self._lock_connection().execute(_RELEASE, (number,))

    # --- parts and the schema -----------------------------------------------------------------------------------------

    def part(self, source: str, part: str) -> "PartLock | None":
        """The lock of one part; None while it is being pulled or decided elsewhere."""
        key = self._key("part", source, part)
        with self._mutex, self._named_errors():
            # To the server, all threads of this process are one.
            if key in self._held or not _try_lock(self._lock_connection(), key):
                return None
            self._held.add(key)
        return PartLock(self, key)

    def release_part(self, key: int) -> None:
        """Let go; nothing where it was let go before."""
        with self._mutex:
            if key in self._held:
                self._held.discard(key)
                with suppress(StoreError), self._named_errors():
                    self._lock_connection().execute(b"SELECT pg_advisory_unlock(%s)", (key,))

    @contextmanager
    def upgrade(self) -> Iterator[None]:
        """Exclusive use of the schema and of the whole content; waits for its turn."""
        with self.session() as connection:
            connection.execute(b"SELECT pg_advisory_lock(%s)", (self._key("upgrade"),))
            yield

    @contextmanager
    def session(self, *settings: str) -> Iterator["psycopg.Connection[Any]"]:
        """A connection of its own with the server's *settings*, without a transaction around its statements."""
        with self._named_errors():
            connection = self._server.connect(self._program, *settings, autocommit=True)
            try:
                yield connection
            finally:
                connection.close()

    def close(self) -> None:
        """Let go of everything."""
        with self._mutex:
            if self._connection is not None:
                self._connection.close()
            self._held.clear()

    def _key(self, *names: str) -> int:
        digest = hashlib.blake2b(
            "\x1f".join((self._server.schema, *names)).encode(), digest_size=8, person=b"fleetsync"
        )
        return int.from_bytes(digest.digest(), signed=True)

    def _lock_connection(self) -> "psycopg.Connection[Any]":
        """The connection that holds the locks. If it was lost, another one takes up those that nobody took meanwhile."""
        if self._connection is None or self._connection.closed:
            self._connection = self._server.connect(self._program, autocommit=True)
            for key in self._held:
                _try_lock(self._connection, key)
        return self._connection

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            if (named := named_error(error, self._server.name, 0.0)) is None:
                raise
            raise named from None


class Lease:
    """The lease of the schedule, held by this process as long as it renews it."""

    def __init__(self, locks: AdvisoryLocks, number: int) -> None:
        self._locks, self._number = locks, number

    def renew(self) -> bool:
        """Keep it; False once another daemon has taken it."""
        return self._locks.renew_lease(self._number)

    def release(self) -> None:
        """Let go."""
        self._locks.release_lease(self._number)


class PartLock:
    """A held lock of a part; `release` may be called twice."""

    def __init__(self, locks: AdvisoryLocks, key: int) -> None:
        self._locks, self._key = locks, key

    def release(self) -> None:
        """Let go."""
        self._locks.release_part(self._key)


def _try_lock(connection: "psycopg.Connection[Any]", key: int) -> bool:
    row = connection.execute(b"SELECT pg_try_advisory_lock(%s)", (key,)).fetchone()
    return bool(row and row[0])


def _machine_and_process(holder: str) -> str:
    _, machine, process, _ = holder.split(" ")
    return f"{machine} (process {process})"
