"""Counts what a run costs, in numbers that are the same on every machine: statements, rows, bytes, calls, objects."""

import gc
import re
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from sqlalchemy import Engine, event

_LITERAL = re.compile(r"x?'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b", re.IGNORECASE)


class SqlCounter:
    """What SQLite was asked by every connection that was opened since it was made. Counts below SQLAlchemy and the pool."""

    def __init__(self) -> None:
        self._connections: set[sqlite3.Connection] = set()
        self._changes_of_closed = 0
        self.reset()

    def reset(self) -> None:
        """Count from here on."""
        self.executions: Counter[str] = Counter()  # by statement, values left out
        self.samples: dict[str, str] = {}  # statement → one execution of it, with its values
        self._rows_before = self._total_changes()

    @property
    def rows_written(self) -> int:
        """Rows inserted, updated and deleted."""
        return self._total_changes() - self._rows_before

    @property
    def statements(self) -> int:
        """Executions of all statements, one for each row of a bulk."""
        return self.executions.total()

    def watch(self, connection: sqlite3.Connection, _: object) -> None:
        """Count what is done over a new connection of the driver."""
        self._connections.add(connection)
        connection.set_trace_callback(self._count)

    def leave(self, connection: sqlite3.Connection, _: object) -> None:
        """Keep what was counted over a connection that is about to be closed."""
        if connection in self._connections:
            self._connections.remove(connection)
            self._changes_of_closed += connection.total_changes

    def _count(self, statement: str) -> None:
        shape = _LITERAL.sub("?", statement)
        self.executions[shape] += 1
        self.samples.setdefault(shape, statement)

    def _total_changes(self) -> int:
        return self._changes_of_closed + sum(connection.total_changes for connection in self._connections)


@contextmanager
def counted_sql() -> Iterator[SqlCounter]:
    """Counts over the connections that are opened meanwhile."""
    counter = SqlCounter()
    listeners = {"connect": counter.watch, "close": counter.leave}
    for name, listener in listeners.items():
        event.listen(Engine, name, listener)
    try:
        yield counter
    finally:
        for name, listener in listeners.items():
            event.remove(Engine, name, listener)


@contextmanager
def counted_calls(*functions: Callable[..., Any]) -> Iterator[Counter[str]]:
    """How often each of *functions*, written in Python, is called meanwhile in any thread that is started meanwhile."""
    codes: dict[CodeType, str] = {function.__code__: function.__name__ for function in functions}
    calls: Counter[str] = Counter()

    def profile(frame: FrameType, kind: str, _: object) -> None:
        if kind == "call" and frame.f_code in codes:
            calls[codes[frame.f_code]] += 1

    before = sys.getprofile()
    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        yield calls
    finally:
        sys.setprofile(before)
        threading.setprofile(None)


def empty_journal(database: Path) -> None:
    """Move all that is in SQLite's journal into the file, so that the journal's size says what is written from then on."""
    with closing(sqlite3.connect(database)) as connection:
        busy, _, _ = connection.execute("pragma wal_checkpoint(truncate)").fetchone()
    assert not busy, "somebody still reads"


def journal_bytes(database: Path) -> int:
    """The size of SQLite's journal."""
    return database.with_name(f"{database.name}-wal").stat().st_size


def query_plan(database: Path, statement: str) -> list[str]:
    """What SQLite would do for *statement*, step by step."""
    with closing(sqlite3.connect(database)) as connection:
        return [str(row[3]) for row in connection.execute(f"explain query plan {statement}")]


def living(kind: type) -> int:
    """How many objects of a class there are that hold other objects."""
    gc.collect()
    return sum(type(thing) is kind for thing in gc.get_objects())
