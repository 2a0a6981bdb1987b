"""When to try again, how long to wait before, and when to give up.

All waiting is interruptible, every wait is capped, and so is the sum of a pull's.
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
    """A try that may go better next time. *after*: seconds that the source asks us to wait; *limited*: it is our rate."""

    def __init__(self, text: str, retry_after_seconds: float | None = None, is_rate_limited: bool = False) -> None:
        super().__init__(text)
        self.retry_after_seconds = retry_after_seconds
        self.is_rate_limited = is_rate_limited


def parse_retry_after(retry_after: str | None, date: str | None) -> float | None:
    """The wait of a `Retry-After` in seconds or as an HTTP date; never negative; None when it says nothing usable.

    A date is taken against the server's own *date* header, so that neither a skewed nor a moved clock matters.
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
    """The time of one pull: whether it must stop, when it is over, and how much of it was spent waiting."""

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
        """Wait, or raise Stopped at once when told to stop."""
        if self.clock.wait(seconds, self.stop):
            raise Stopped(f"{self.source}: the pull was stopped")

    def wait_for_source(self, seconds: float) -> None:
        """As `wait`, counted as waiting."""
        self.waited_seconds += seconds
        self.wait(seconds)

    def has_time_for(self, seconds: float) -> bool:
        """Whether a wait of *seconds* fits into what is left."""
        fits = self.waited_seconds + seconds <= self.wait_limit_seconds
        return fits and self.clock.monotonic() + seconds < self.ends_at


class RequestPacer:
    """At most so many requests a minute, evenly: for a source that documents a quota. Kept between pulls."""

    def __init__(self, clock: Clock, requests_per_minute: float) -> None:
        self._clock = clock
        self._interval = 60 / requests_per_minute
        self._next_at = clock.monotonic()
        self._lock = threading.Lock()

    def seconds_to_wait(self) -> float:
        """Takes the next free moment, and tells how far away it is."""
        with self._lock:
            now = self._clock.monotonic()
            mine = max(self._next_at, now)
            self._next_at = mine + self._interval
            return mine - now


def retry_wait_seconds(attempt: RetryCallState) -> float:
    """What the source asks for, capped; else random exponential."""
    stumble = attempt.outcome.exception() if attempt.outcome else None
    retry_after_seconds = stumble.retry_after_seconds if isinstance(stumble, RetryableError) else None
    return min(retry_after_seconds, MAX_WAIT_SECONDS) if retry_after_seconds is not None else _backoff(attempt)
