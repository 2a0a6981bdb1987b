"""The ledger: stores and reads values of `fleetsync.core.model` in the tables of the database.

It decides nothing. Each change is one transaction: if the process is killed at any point, the next start finds the state
before or after it.
"""

from contextlib import suppress
from typing import Self

from fleetsync.clock import Clock
from fleetsync.store.database import RENEW_SECONDS, Lock, ScheduleLease, open_database
from fleetsync.store.errors import (
    PartBusy,
    PullNotHeld,
    StaleReconciliation,
    StoreError,
    StoreRefused,
    StoreUnavailable,
)
from fleetsync.store.ledger.accounts import AccountLedger, StoredAccount
from fleetsync.store.ledger.applying import ApplyLedger, HeldPull
from fleetsync.store.ledger.believed import BelievedLedger
from fleetsync.store.ledger.corrections import CorrectionEnd, CorrectionLedger, StoredCorrection, StoredParking
from fleetsync.store.ledger.history import HistoryLedger, Reconciliation
from fleetsync.store.ledger.known_records import RecordIndexEntry
from fleetsync.store.ledger.maintenance import RETENTION, MaintenanceLedger
from fleetsync.store.ledger.marks import MarkingPull, MarkLedger
from fleetsync.store.ledger.outcomes import OutcomeLedger, RecordingResult
from fleetsync.store.ledger.privacy import ProtectedPerson
from fleetsync.store.ledger.pull_lists import StoredPull
from fleetsync.store.ledger.tokens import StoredToken, TokenLedger
from fleetsync.store.ledger.turnovers import TurnoverLedger
from fleetsync.store.upgrade import upgrade

__all__ = [
    "RENEW_SECONDS",
    "RETENTION",
    "CorrectionEnd",
    "HeldPull",
    "Ledger",
    "Lock",
    "MarkingPull",
    "PartBusy",
    "ProtectedPerson",
    "PullNotHeld",
    "Reconciliation",
    "RecordIndexEntry",
    "RecordingResult",
    "ScheduleLease",
    "StaleReconciliation",
    "StoreError",
    "StoreRefused",
    "StoreUnavailable",
    "StoredAccount",
    "StoredCorrection",
    "StoredParking",
    "StoredPull",
    "StoredToken",
    "open_ledger",
]


class Ledger(
    ApplyLedger,
    BelievedLedger,
    OutcomeLedger,
    TurnoverLedger,
    HistoryLedger,
    AccountLedger,
    CorrectionLedger,
    MaintenanceLedger,
    MarkLedger,
    TokenLedger,
):
    """All of it. Made by `open_ledger`; its methods may be called from any thread."""

    def close(self) -> None:
        """Close the database and release the locks of parts that are still being pulled: the next start fails those pulls."""
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
    """The ledger at *url*, which is created or migrated where needed; pulls whose process died are ended.

    *secret_key* makes tokens and opaque ids (`[privacy] key_file`): with another key, nobody is recognised by those that
    are stored. Raises StoreRefused.
    """
    database = open_database(url)
    try:
        upgrade(database)
        ledger = Ledger(database, clock, secret_key)
        # On a full disk, lists stay readable; the next start ends those pulls.
        with suppress(StoreUnavailable):
            ledger.fail_abandoned_pulls()
    except BaseException:
        database.close()
        raise
    return ledger
