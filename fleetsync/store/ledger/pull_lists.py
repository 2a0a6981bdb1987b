"""Pulls as lists show them: what each came to, and what was decided about it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, select

from fleetsync.core.model import HoldReason, UnreadableRow, Verdict
from fleetsync.store import tables as t
from fleetsync.store.ledger.base import LedgerBase


class StoredPull(msgspec.Struct, frozen=True, kw_only=True):
    """A pull as lists show it; *decision* of a held one: accepted, rejected, dissolved or followed (by another)."""

    id: int
    source: str
    part: str
    started_at: datetime
    finished_at: datetime | None = None
    verdict: Verdict | None = None  # None: not judged yet
    reason: str | None = None
    seen: int = 0
    duplicates: int = 0
    puts: int = 0
    returns: int = 0
    contacts: int = 0
    absences: int = 0
    rejected: Mapping[str, int] = {}
    unreadable_facts: Mapping[str, int] = {}
    unreadable: tuple[UnreadableRow, ...] = ()
    unused_headers: Mapping[str, tuple[str, ...]] = {}
    dropped: Mapping[str, int] = {}
    newly_marked: int = 0
    conflicting_duplicates: int = 0
    drift: Mapping[str, int] = {}
    is_first: bool = False
    refusals: tuple[HoldReason, ...] = ()
    decision: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    decision_reason: str | None = None


PULL_COLUMNS = tuple(t.pull.c[name] for name in StoredPull.__struct_fields__)


class PullListLedger(LedgerBase):
    """The part of the ledger that lists pulls."""

    def pulls(self, source: str | None = None, part: str | None = None, limit: int = 50) -> tuple[StoredPull, ...]:
        """The newest pulls, of all sources or one, of all its parts or one."""
        pull = t.pull.c
        statement = select(*PULL_COLUMNS).order_by(pull.id.desc()).limit(limit)
        if source is not None:
            statement = statement.where(pull.source == source)
        if part is not None:
            statement = statement.where(pull.part == part)
        with self._read_transaction() as connection:
            return tuple(stored_pull_from_row(row) for row in connection.execute(statement))

    def newest_pulls(self, source: str, part: str) -> tuple[StoredPull, ...]:
        """The newest pull of each verdict, newest first: how a part does, however often it came to nothing since."""
        pull = t.pull.c
        newest = select(func.max(pull.id)).where(pull.source == source, pull.part == part, pull.verdict.is_not(None))
        statement = select(*PULL_COLUMNS).where(pull.id.in_(newest.group_by(pull.verdict))).order_by(pull.id.desc())
        with self._read_transaction() as connection:
            return tuple(stored_pull_from_row(row) for row in connection.execute(statement))


def stored_pull_from_row(row: Any) -> StoredPull:
    """A row of `PULL_COLUMNS` as a noun."""
    values = dict(row._mapping)
    verdict = values.pop("verdict")
    values |= {name: dict(values[name]) for name in ("rejected", "drift", "unreadable_facts", "dropped")}
    return StoredPull(verdict=None if verdict is None else Verdict(verdict), **values)
