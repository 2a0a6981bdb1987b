"""Limits failed sign-ins. Failures are forgotten after a quarter of an hour.

Counted by account and address together, so that one person's typing locks out nobody else behind the same proxy or
router. Far larger limits by account and by address alone bound those who guess from many places, or at many accounts.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from fleetsync.clock import Clock

FAILURES_ALLOWED = 5  # of one account from one address
FAILURES_ALLOWED_PER_ACCOUNT = 50
FAILURES_ALLOWED_PER_ADDRESS = 200
FORGOTTEN_AFTER_SECONDS = 900.0
MAX_REMEMBERED_KEYS = 10_000  # accounts, addresses and pairs of them; beyond that the oldest are forgotten


@dataclass
class SignInLimiter:
    """Counts failures; real time, whatever the page's clock shows."""

    clock: Clock
    _failures: "OrderedDict[str, list[float]]" = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def is_blocked(self, account: str, address: str) -> bool:
        """Whether there were too many failures lately, of *account* (the name that was typed) from *address*."""
        with self._lock:
            return any(len(self._recent(key)) >= allowed for key, allowed in _limits(account, address).items())

    def record_failure(self, account: str, address: str) -> None:
        """Note a failure of *account* from *address*."""
        with self._lock:
            for key, allowed in _limits(account, address).items():
                self._failures[key] = [*self._recent(key), self.clock.monotonic()][-allowed:]
                self._failures.move_to_end(key)
            while len(self._failures) > MAX_REMEMBERED_KEYS:
                self._failures.popitem(last=False)

    def _recent(self, key: str) -> list[float]:
        since = self.clock.monotonic() - FORGOTTEN_AFTER_SECONDS
        return [at for at in self._failures.get(key, ()) if at >= since]


def _limits(account: str, address: str) -> Mapping[str, int]:
    """By what is counted: how many failures are allowed."""
    return {
        f"account {account} address {address}": FAILURES_ALLOWED,
        f"account {account}": FAILURES_ALLOWED_PER_ACCOUNT,
        f"address {address}": FAILURES_ALLOWED_PER_ADDRESS,
    }
