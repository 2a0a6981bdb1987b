"""Limits failed sign-ins by name and by address. Failures are forgotten after a quarter of an hour."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from fleetsync.clock import Clock

FAILURES_ALLOWED = 5
FORGOTTEN_AFTER_SECONDS = 900.0
MAX_REMEMBERED_KEYS = 10_000  # names and addresses; beyond that the oldest are forgotten


@dataclass
class SignInLimiter:
    """Counts failures by name and by address; real time, whatever the page's clock shows."""

    clock: Clock
    _failures: "OrderedDict[str, list[float]]" = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def is_blocked(self, *keys: str) -> bool:
        """Whether any of *keys* has failed too often lately."""
        with self._lock:
            return any(len(self._recent(key)) >= FAILURES_ALLOWED for key in keys)

    def record_failure(self, *keys: str) -> None:
        """Note a failure under each of *keys*."""
        with self._lock:
            for key in keys:
                self._failures[key] = [*self._recent(key), self.clock.monotonic()]
                self._failures.move_to_end(key)
            while len(self._failures) > MAX_REMEMBERED_KEYS:
                self._failures.popitem(last=False)

    def _recent(self, key: str) -> list[float]:
        since = self.clock.monotonic() - FORGOTTEN_AFTER_SECONDS
        return [at for at in self._failures.get(key, ()) if at >= since]
