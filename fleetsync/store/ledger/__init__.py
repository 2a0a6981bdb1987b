"""What fleetsync remembers: nouns of `fleetsync.core.model` on one side, tables on the other.

It judges nothing. Each change is one transaction: killed at any point, the next start finds the state before or after.
"""

from typing import Self

from fleetsync.clock import Clock
from fleetsync.store.database import Lock, open_database
from fleetsync.store.errors import PartBusy, PullNotHeld, StaleReconciliation, StoreError, StoreRefused
from fleetsync.store.ledger.accounts import AccountLedger, StoredAccount
from fleetsync.store.ledger.applying import ApplyLedger, HeldPull
from fleetsync.store.ledger.believed import BelievedLedger
from fleetsync.store.ledger.history import HistoryLedger, Reconciliation
from fleetsync.store.ledger.maintenance import RETENTION, MaintenanceLedger
from fleetsync.store.ledger.outcomes import OutcomeLedger, RecordingResult
from fleetsync.store.ledger.pulls import RecordIndexEntry, StoredPull
from fleetsync.store.ledger.turnovers import TurnoverLedger
from fleetsync.store.upgrade import upgrade

__all__ = [
    "RETENTION",
    "HeldPull",
    "Ledger",
    "Lock",
    "PartBusy",
    "PullNotHeld",
    "Reconciliation",
    "RecordIndexEntry",
    "RecordingResult",
    "StaleReconciliation",
    "StoreError",
    "StoreRefused",
    "StoredAccount",
    "StoredPull",
    "open_ledger",
]


class Ledger(
    ApplyLedger, BelievedLedger, OutcomeLedger, TurnoverLedger, HistoryLedger, AccountLedger, MaintenanceLedger
):
    """All of it. Made by `open_ledger`; its methods may be called from any thread."""

    def close(self) -> None:
        """Let go of the database, and of the parts that are still being pulled: to the next start, those are dead."""
        self._database.close()
        with self._held_locks_mutex:
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
    database = open_database(url)
    try:
        upgrade(database)
        ledger = Ledger(database, clock, secret_key)
        ledger.fail_abandoned_pulls()
    except BaseException:
        database.close()
        raise
    return ledger
