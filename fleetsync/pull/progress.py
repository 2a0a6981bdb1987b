"""The pulls under way and how far each is, to be shown. The thread that pulls writes, any thread reads."""

from collections.abc import Iterator
from contextlib import contextmanager

from fleetsync.clock import Clock
from fleetsync.core.pull_progress import PullProgress, WaitReason


class PullTracker:
    """How far one pull is. Each attribute is replaced by one assignment."""

    def __init__(self) -> None:
        self.records = 0
        self.pages = 0
        self.waits_for: WaitReason | None = None

    def take_page(self, records: int) -> None:
        """One more page was read, which makes *records* in all."""
        self.pages += 1
        self.records = records

    @contextmanager
    def waiting_for(self, reason: WaitReason) -> Iterator[None]:
        """While the block runs, the pull waits for this."""
        self.waits_for = reason
        try:
            yield
        finally:
            self.waits_for = None


class PullsUnderWay:
    """The pulls of one process that are under way."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._trackers: dict[PullTracker, tuple[str, str, float]] = {}  # with source, part and monotonic begin

    @contextmanager
    def tracked(self, source: str, part: str) -> Iterator[PullTracker]:
        """The tracker of a pull that is under way until the block ends."""
        tracker = PullTracker()
        self._trackers[tracker] = (source, part, self._clock.monotonic())
        try:
            yield tracker
        finally:
            del self._trackers[tracker]

    def progress(self) -> tuple[PullProgress, ...]:
        """How far each is now, the one that began first at the beginning."""
        now = self._clock.monotonic()
        return tuple(
            PullProgress(
                source=source,
                part=part,
                records=tracker.records,
                pages=tracker.pages,
                seconds=now - begun,
                waits_for=tracker.waits_for,
            )
            for tracker, (source, part, begun) in self._trackers.copy().items()
        )
