"""The clock. The only module that asks the system for the time; all others are given a `Clock`.

`now` can be moved, for replays and rehearsals. `monotonic` and `wait` cannot: the tokens, deadlines and rate limits of
other systems run on real time.
"""

import threading
import time
from datetime import UTC, datetime, timedelta

_NO_SHIFT = timedelta(0)


class Clock:
    """The real time, or a time moved by a fixed amount."""

    __slots__ = ("_shift",)

    def __init__(self, shift: timedelta = _NO_SHIFT) -> None:
        self._shift = shift

    @classmethod
    def moved_to(cls, start: datetime) -> "Clock":
        """A clock that shows *start* (aware) now and runs on from there."""
        return Clock(_aware(start) - datetime.now(UTC))

    @property
    def is_moved(self) -> bool:
        """Whether `now` differs from the real time. Every page says so."""
        return self._shift != _NO_SHIFT

    def now(self) -> datetime:
        """The current instant, aware UTC."""
        return datetime.now(UTC) + self._shift

    def monotonic(self) -> float:
        """Real seconds since an arbitrary moment: only differences have a meaning. Never moved."""
        return time.monotonic()

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        """Wait *seconds* of real time, or until *stop* is set. True if it is set, like `Event.wait`."""
        return stop.wait(min(max(seconds, 0.0), threading.TIMEOUT_MAX))


class ManualClock(Clock):
    """A clock that shows a set instant until it is set again, for replay and tests. It still waits in real time."""

    __slots__ = ("_now",)

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self._now = _aware(now)

    @property
    def is_moved(self) -> bool:
        return True

    def set(self, now: datetime) -> None:
        """Show *now* (aware) from here on."""
        self._now = _aware(now)

    def now(self) -> datetime:
        return self._now


def _aware(instant: datetime) -> datetime:
    if instant.utcoffset() is None:
        raise ValueError("an instant needs its zone, such as 2027-08-16T06:00+02:00")
    return instant.astimezone(UTC)
