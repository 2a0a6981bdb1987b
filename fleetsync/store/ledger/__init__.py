"""What fleetsync remembers: nouns of `fleetsync.core.model` on one side, tables on the other.

It judges nothing. Each change is one transaction: killed at any point, the next start finds the state before or after.
"""

from typing import Self

from fleetsync.clock import Clock
from fleetsync.store.engine import open_engines
from fleetsync.store.errors import NotHeld, Overtaken, PartBusy, StoreError, StoreRefused
from fleetsync.store.ledger.accounts import Account, Accounts, AuditLine
from fleetsync.store.ledger.applying import Applying, HeldPull
from fleetsync.store.ledger.beliefs import Beliefs
from fleetsync.store.ledger.history import History, Reconciliation
from fleetsync.store.ledger.outcomes import Outcomes, Recorded
from fleetsync.store.ledger.pulls import IndexEntry, PullLine
from fleetsync.store.ledger.turnovers import Turnovers
from fleetsync.store.ledger.upkeep import RETENTION, Upkeep
from fleetsync.store.locks import FileLock, Locks
from fleetsync.store.upgrade import upgrade

__all__ = [
    "RETENTION",
    "Account",
    "AuditLine",
    "FileLock",
    "HeldPull",
    "IndexEntry",
    "Ledger",
    "NotHeld",
    "Overtaken",
    "PartBusy",
    "PullLine",
    "Reconciliation",
    "Recorded",
    "StoreError",
    "StoreRefused",
    "open_ledger",
]


class Ledger(Applying, Beliefs, Outcomes, Turnovers, History, Accounts, Upkeep):
    """All of it. Made by `open_ledger`; its methods may be called from any thread."""

    def close(self) -> None:
        """Let go of the database, and of the parts that are still being pulled: to the next start, those are dead."""
        self._engines.close()
        with self._guard:
            locks, self._held_locks = list(self._held_locks.values()), {}
        for lock in locks:
            lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_ledger(url: str, clock: Clock, *, secret_key: bytes) -> Ledger:
    """The ledger at *url*, which is made or migrated where needed; what dead pulls had staged is removed.

    *secret_key* is what tokens and opaque ids are made under (`[privacy] key_file`): with another one, all that is
    known by them is strange. Raises StoreRefused.
    """
    engines = open_engines(url)
    locks = Locks(engines.file.with_name(engines.file.name + ".locks"))
    try:
        upgrade(engines, locks)
        ledger = Ledger(engines, clock, locks, secret_key)
        ledger.clear_dead()
    except BaseException:
        engines.close()
        raise
    return ledger
