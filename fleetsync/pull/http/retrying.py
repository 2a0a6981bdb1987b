"""When a request is tried again, how long to wait before, and when to give up.

Every wait can be interrupted and is capped, and so is the sum of all waits of a pull.
"""

import random
import re
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tenacity import RetryCallState

from fleetsync.clock import Clock
from fleetsync.core.pull_progress import WaitReason
from fleetsync.pull.contract import SourceUnavailable, Stopped
from fleetsync.pull.progress import PullTracker

MAX_ATTEMPTS = 6
MAX_OPTIONAL_ATTEMPTS = 2  # of a query that the source may be asked without
MAX_OWN_WAIT_SECONDS = 60.0  # a source may ask for more, as long as the wait limit allows
RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})

_SECONDS = re.compile(r"([0-9]{1,9}(?:[.,][0-9]+)?)\s*(?:s|sec|secs|seconds?)?", re.IGNORECASE)


class RetryableError(SourceUnavailable):
    """An attempt failed in a way that may pass. *retry_after_seconds*: the wait that the source asks for, if it names one.

    *asks_for_patience*: the source is well and asks to be asked later, or more slowly. It is given all waits that the wait
    limit allows, and not only a few attempts. *is_rate_limited*: because of our rate, so that the request changed nothing.
    """

    def __init__(
        self,
        text: str,
        retry_after_seconds: float | None = None,
        is_rate_limited: bool = False,
        *,
        asks_for_patience: bool = False,
        status: int = 0,
    ) -> None:
        super().__init__(text)
        self.retry_after_seconds = retry_after_seconds
        self.is_rate_limited = is_rate_limited
        self.asks_for_patience = asks_for_patience or is_rate_limited
        self.status = status


def parse_retry_after(retry_after: str | None, date: str | None) -> float | None:
    """The wait in seconds that a `Retry-After` names, as seconds or as an HTTP date. Never negative; None if unusable.

    A date is compared with the server's own *date* header, so that the accuracy of our clock does not matter.
    """
    if retry_after is None:
        return None
    if (seconds := _SECONDS.fullmatch(retry_after.strip())) is not None:
        return float(seconds[1].replace(",", "."))
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
    tracker: PullTracker = field(default_factory=PullTracker)
    waited_seconds: float = field(default=0.0, init=False)
    body_bytes: int = field(default=0, init=False)
    """Of all responses of the pull."""

    def check(self) -> None:
        """Raises Stopped, or SourceUnavailable when the time is up."""
        if self.stop.is_set():
            raise Stopped(f"{self.source}: the pull was stopped")
        if self.clock.monotonic() >= self.ends_at:
            raise SourceUnavailable(
                f"{self.source}: the pull took longer than its time_limit and was given up. Raise time_limit in its "
                "[[source]] table if the system is that large"
            )

    def wait_for_turn(self, seconds: float) -> None:
        """Waits until the source's own limit allows the next request. Raises Stopped at once when the daemon stops."""
        self._wait(seconds, WaitReason.RATE_LIMIT)

    def wait_for_source(self, seconds: float) -> None:
        """Waits before another attempt, which counts against the wait limit. Raises Stopped at once as well."""
        self.waited_seconds += seconds
        self._wait(seconds, WaitReason.RETRY)

    def _wait(self, seconds: float, reason: WaitReason) -> None:
        with self.tracker.waiting_for(reason):
            if self.clock.wait(seconds, self.stop):
                raise Stopped(f"{self.source}: the pull was stopped")

    def has_time_for(self, seconds: float) -> bool:
        """Whether a wait of *seconds* fits into the remaining time."""
        fits = self.waited_seconds + seconds <= self.wait_limit_seconds
        return fits and self.clock.monotonic() + seconds < self.ends_at


class RequestPacer:
    """Spreads the requests to one origin evenly, at most so many a minute, for a source that documents a quota."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next_at = clock.monotonic()
        self._lock = threading.Lock()

    def seconds_to_wait(self, requests_per_minute: float) -> float:
        """Reserves the next free moment, and the time until the one after it; returns how far away it is."""
        with self._lock:
            now = self._clock.monotonic()
            mine = max(self._next_at, now)
            self._next_at = mine + 60 / requests_per_minute
            return mine - now


class RequestPacers:
    """The pacer of each origin, kept between pulls and shared by all sources: a quota is the organisation's, not a source's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pacers: dict[str, RequestPacer] = {}

    def of(self, origin: str) -> RequestPacer:
        """The pacer of *origin*."""
        return self._pacers.setdefault(origin, RequestPacer(self._clock))


def retry_wait_seconds(attempt: RetryCallState) -> float:
    """The wait that the source asks for; else one that doubles, with jitter.

    A source that asks for no or a short wait and refuses us again gets a growing one all the same.
    """
    error = attempt.outcome.exception() if attempt.outcome else None
    asked_seconds = error.retry_after_seconds if isinstance(error, RetryableError) else None
    doubled = min(2.0**attempt.attempt_number, MAX_OWN_WAIT_SECONDS)
    if asked_seconds is None:
        return doubled * random.uniform(0.5, 1.0)  # noqa: S311 - it keeps nothing secret
    return max(asked_seconds, doubled / 4)
