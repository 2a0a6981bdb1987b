"""When a request is tried again, how long to wait before, and when to give up.

Every wait can be interrupted and is capped, and so is the sum of all waits of a pull.
"""

import re
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tenacity import RetryCallState, wait_random_exponential

from fleetsync.clock import Clock
from fleetsync.pull.contract import SourceUnavailable, Stopped

MAX_ATTEMPTS = 6
MAX_WAIT_SECONDS = 120.0
RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})

_backoff = wait_random_exponential(multiplier=2, max=60)
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]+)?")


class RetryableError(SourceUnavailable):
    """An attempt failed in a way that may pass. *retry_after_seconds*: the wait that the source asks for, if it names one."""

    def __init__(self, text: str, retry_after_seconds: float | None = None, is_rate_limited: bool = False) -> None:
        super().__init__(text)
        self.retry_after_seconds = retry_after_seconds
        self.is_rate_limited = is_rate_limited


def parse_retry_after(retry_after: str | None, date: str | None) -> float | None:
    """The wait in seconds that a `Retry-After` names, as seconds or as an HTTP date. Never negative; None if unusable.

    A date is compared with the server's own *date* header, so that the accuracy of our clock does not matter.
    """
    if retry_after is None:
        return None
    if _SECONDS.fullmatch(retry_after.strip()):
        return float(retry_after)
    until, now = _parse_http_date(retry_after), _parse_http_date(date)
    if until is None or now is None:
        return None
    return max(0.0, (until - now).total_seconds())


def _parse_http_date(text: str | None) -> datetime | None:
    try:
        instant = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


@dataclass(slots=True)
class PullDeadline:
    """The time limits of one pull: whether it must stop, when it ends, and how much of it was spent waiting."""

    source: str
    clock: Clock
    stop: threading.Event
    ends_at: float
    """On the monotonic clock."""
    wait_limit_seconds: float
    waited_seconds: float = field(default=0.0, init=False)

    def check(self) -> None:
        """Raises Stopped, or SourceUnavailable when the time is up."""
        if self.stop.is_set():
            raise Stopped(f"{self.source}: the pull was stopped")
        if self.clock.monotonic() >= self.ends_at:
            raise SourceUnavailable(f"{self.source}: the pull took longer than its time_limit and was given up")

    def wait(self, seconds: float) -> None:
        """Waits. Raises Stopped at once when the daemon stops."""
        if self.clock.wait(seconds, self.stop):
            raise Stopped(f"{self.source}: the pull was stopped")

    def wait_for_source(self, seconds: float) -> None:
        """As `wait`, and counts against the wait limit."""
        self.waited_seconds += seconds
        self.wait(seconds)

    def has_time_for(self, seconds: float) -> bool:
        """Whether a wait of *seconds* fits into the remaining time."""
        fits = self.waited_seconds + seconds <= self.wait_limit_seconds
        return fits and self.clock.monotonic() + seconds < self.ends_at


class RequestPacer:
    """Spreads requests evenly, at most so many a minute, for a source that documents a quota. Kept between pulls."""

    def __init__(self, clock: Clock, requests_per_minute: float) -> None:
        self._clock = clock
        self._interval = 60 / requests_per_minute
        self._next_at = clock.monotonic()
        self._lock = threading.Lock()

    def seconds_to_wait(self) -> float:
        """Reserves the next free moment; returns how far away it is."""
        with self._lock:
            now = self._clock.monotonic()
            mine = max(self._next_at, now)
            self._next_at = mine + self._interval
            return mine - now


def retry_wait_seconds(attempt: RetryCallState) -> float:
    """The wait that the source asks for, capped; else a random exponential one."""
    error = attempt.outcome.exception() if attempt.outcome else None
    retry_after_seconds = error.retry_after_seconds if isinstance(error, RetryableError) else None
    return min(retry_after_seconds, MAX_WAIT_SECONDS) if retry_after_seconds is not None else _backoff(attempt)
