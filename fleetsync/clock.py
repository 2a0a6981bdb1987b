"""What time it is: the only module that knows.

It is handed to whoever needs it. `now` can be moved, for replay and rehearsals; `monotonic` and `wait` cannot: tokens,
deadlines and rate limits belong to the world outside, whose time is not ours to move.
"""

import threading
import time
from datetime import UTC, datetime, timedelta

_NO_SHIFT = timedelta(0)


class Clock:
    """The real time."""

    __slots__ = ("_shift",)

    def __init__(self, shift: timedelta = _NO_SHIFT) -> None:
        self._shift = shift

    @classmethod
    def moved_to(cls, start: datetime) -> "Clock":
        """A clock that shows *start* (aware) now and runs on from there."""
        return Clock(_aware(start) - datetime.now(UTC))

    @property
    def is_moved(self) -> bool:
        """Whether `now` is anything but the real time; every page says so."""
        return self._shift != _NO_SHIFT

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.now(UTC) + self._shift

    def monotonic(self) -> float:
        """Real seconds since some moment: only differences mean anything. Never moved."""
        return time.monotonic()

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        """Wait real *seconds*, or until *stop* is set, at once. True when it is set, as `Event.wait` says it."""
        return stop.wait(min(max(seconds, 0.0), threading.TIMEOUT_MAX))


class ManualClock(Clock):
    """A clock that stands where it was set, for replay and tests. It still waits in real time."""

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
