"""Counts the transactions that change what is believed. Uses the caller's transaction.

A process that has read what is believed may go on from it for as long as the number is the same. Another number says that
something else has written: a command, the page, another daemon, or retention.
"""

from sqlalchemy import Connection, select

from fleetsync.store import tables as t
from fleetsync.store.database import database_of

BELIEVED_REVISION_COUNTER = "believed_revision"


def believed_revision(connection: Connection) -> int:
    """How many transactions have changed what is believed so far."""
    counter = t.counter.c
    statement = select(counter.total).where(counter.name == BELIEVED_REVISION_COUNTER)
    return connection.execute(statement).scalar_one_or_none() or 0


def advance_believed_revision(connection: Connection, by: int = 1) -> None:
    """Record that this transaction changes what is believed."""
    statement = database_of(connection).upsert(t.counter, ("name", "label"), added=("total",))
    connection.execute(statement, {"name": BELIEVED_REVISION_COUNTER, "label": "", "total": by})
