"""Pulls the sources when the scheduler says so, and keeps the results until the reconciler judges them.

Sources wait for the network side by side. No source is pulled twice at the same time. A part that was refused waits for
a person. Sources that are pulled at the same time are judged together, since every judgement reconciles everything.
"""

import queue
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Lock

from fleetsync import log, sync
from fleetsync.clock import Clock
from fleetsync.daemon.composition import Application
from fleetsync.daemon.health import Health, pull_job_name
from fleetsync.pull.contract import Part
from fleetsync.pull.registry import Source
from fleetsync.pull.runner import PullResult
from fleetsync.store.ledger import StoreUnavailable

logger = log.get(__name__)

REFUSED_RETRY_SECONDS = 6 * 3600.0  # asking again at once would make some servers lock the account
COLLECT_SECONDS = 10.0  # how long results wait for sources that are still being pulled


class SourcePulls:
    """The pulls under way, their results, and the parts that wait for a person.

    *application* returns the one in force. *on_finished* is called when no source is being pulled any more.
    """

    def __init__(
        self, clock: Clock, health: Health, application: Callable[[], Application], on_finished: Callable[[], None]
    ) -> None:
        self._clock, self._health = clock, health
        self._application, self._on_finished = application, on_finished
        self._pool = ThreadPoolExecutor(sync.WORKERS, thread_name_prefix="pull")
        self._lock = Lock()
        self._being_pulled: set[str] = set()
        self._refused_once: set[tuple[str, str]] = set()
        self._refused_since: dict[tuple[str, str], float] = {}  # (source, part) → monotonic time
        self._finished: queue.SimpleQueue[PullResult] = queue.SimpleQueue()
        self._waiting_since: float | None = None  # monotonic time of the first result that nobody has fetched

    @property
    def is_pulling(self) -> bool:
        """Whether any source is being pulled."""
        return bool(self._being_pulled)

    @property
    def has_results(self) -> bool:
        """Whether there are results that nobody has fetched."""
        return not self._finished.empty()

    @property
    def are_results_due(self) -> bool:
        """Whether results are to be judged now: no other source is being pulled, or they have waited long enough."""
        with self._lock:
            since = self._waiting_since
            if since is None:
                return False
            return not self._being_pulled or self._clock.monotonic() - since >= COLLECT_SECONDS

    @property
    def refused_parts(self) -> Collection[tuple[str, str]]:
        """The parts, as (source, part), that wait for a person."""
        return self._refused_since.keys()

    def enqueue(self, name: str) -> None:
        """Pull the source *name* in the background, unless it is being pulled."""
        with self._lock:
            if name in self._being_pulled or self._application().run_context.stop.is_set():
                self._health.record_missed_job(pull_job_name(name))
                return
            self._being_pulled.add(name)
        self._pool.submit(self._pull_source, name)

    def fetch_results(self) -> list[PullResult]:
        """The results since the last call."""
        results = []
        with self._lock:
            self._waiting_since = None
            while not self._finished.empty():
                results.append(self._finished.get())
        return results

    def due_parts(self, source: Source) -> Iterable[tuple[Source, Part]]:
        """The parts of *source* that do not wait for a person, or have done so for long."""
        now = self._clock.monotonic()
        for part in source.parts:
            since = self._refused_since.get((source.name, part.name))
            if since is None or now - since >= REFUSED_RETRY_SECONDS:
                yield source, part

    def first_pull_at(self, source: Source, *, is_changed: bool) -> datetime:
        """When to pull *source* first: at once, unless its last pull worked and is more recent than its interval.

        So a restart alone asks nobody again. *is_changed*: a new configuration changed the source's table. The answer
        is in real time, also when the application's clock is moved.
        """
        real_now = Clock().now()
        states = [state for state in self._health.parts if state.source == source.name]
        attempts = [state.last_attempt_at for state in states]
        newest = max((at for at in attempts if at is not None), default=None)
        has_worked = {(state.source, state.part) for state in states} <= self._health.working_parts()
        if newest is None or None in attempts or not has_worked or is_changed:
            return real_now
        waited = self._clock.now() - newest
        if waited < timedelta(0):
            return real_now  # the clock was set back since: it cannot say how long ago that was
        return real_now + max(timedelta(0), source.settings.every - waited)

    def forget_refusals(self, parts: Iterable[tuple[str, str]] | None = None) -> None:
        """Ask these parts again at their next time; None: all parts."""
        for at in list(self._refused_since if parts is None else parts):
            self._refused_since.pop(at, None)
            self._refused_once.discard(at)

    def shut_down(self) -> None:
        """Start no more pulls. Those under way end at their next page."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _pull_source(self, name: str) -> None:
        results: Sequence[PullResult] = ()
        try:
            run_context = self._application().run_context
            source = next((source for source in run_context.sources if source.name == name), None)
            if source is not None:
                results = sync.pull_source(run_context, list(self.due_parts(source)))
                for pulled in results:
                    self._record_refusal(pulled)
        except StoreUnavailable as error:
            logger.debug("pull not begun", source=name, reason=str(error))  # the store has logged the outage, once
        except Exception:
            logger.exception("pull broke", source=name)
        finally:
            self._end_pull(name, results)

    def _end_pull(self, name: str, results: Iterable[PullResult]) -> None:
        with self._lock:
            for pulled in results:
                self._finished.put(pulled)
            if self._waiting_since is None and self.has_results:
                self._waiting_since = self._clock.monotonic()
            self._being_pulled.discard(name)
            if not self._being_pulled:
                # Under the lock, so that nobody fetches the results before this is known, and works twice for them.
                self._on_finished()

    def _record_refusal(self, pulled: PullResult) -> None:
        at = (pulled.source, pulled.part)
        if not pulled.needs_operator:
            self._refused_once.discard(at)
            self._refused_since.pop(at, None)
        elif at in self._refused_once:
            self._refused_since[at] = self._clock.monotonic()
        else:
            self._refused_once.add(at)  # a single refusal may be a server's passing state
