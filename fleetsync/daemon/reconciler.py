"""The one thread of the daemon that judges finished pulls and reconciles.

Requests that arrive while it works are answered together by the next reconciliation. A request takes up the pulls that
are finished by then, also those that would have waited for others.
"""

import queue
from collections.abc import Callable, Sequence
from threading import Event, Thread

from fleetsync import log, sync
from fleetsync.clock import Clock
from fleetsync.core.model import ChangePlan
from fleetsync.core.proposals import Proposals
from fleetsync.daemon.composition import Application
from fleetsync.daemon.health import Health
from fleetsync.daemon.source_pulls import SourcePulls
from fleetsync.data import device_words
from fleetsync.pull.runner import PullResult
from fleetsync.store.ledger import StoreUnavailable

logger = log.get(__name__)

LOOK_SECONDS = 1.0  # how often it looks for results that are due though nothing was requested


class Reconciler:
    """Reconciles when *requested* is set or results of *pulls* are due, until *stop* is set.

    *application* returns the one in force. *when_done* is called after each time that it worked.
    """

    def __init__(
        self,
        clock: Clock,
        health: Health,
        application: Callable[[], Application],
        pulls: SourcePulls,
        requested: Event,
        stop: Event,
        when_done: Callable[[], None],
    ) -> None:
        self._clock, self._health = clock, health
        self._application, self._pulls = application, pulls
        self._requested, self._stop, self._when_done = requested, stop, when_done
        self._plans_of_held: dict[int, ChangePlan] = {}
        self._proposals: Proposals | None = None
        self._waiting_work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._is_proposing = Event()
        self._is_clock_refused = False
        self._thread: Thread | None = None

    def start(self) -> None:
        """Work in the background."""
        self._thread = Thread(target=self._run, name="reconcile", daemon=True)
        self._thread.start()

    def is_running(self) -> bool:
        """Whether the thread has been started and has not ended."""
        return self._thread is not None and self._thread.is_alive()

    def plan_of(self, pull: int) -> ChangePlan | None:
        """What the held *pull* would change; None: not worked out yet, or it is not held."""
        return self._plans_of_held.get(pull)

    def proposals(self) -> Proposals | None:
        """What may be configured by what is believed now; None: not worked out yet, which begins within a second."""
        if self._proposals is None and not self._is_proposing.is_set():
            self._is_proposing.set()
            self.run_between(self._propose)
        return self._proposals

    def run_between(self, work: Callable[[], None]) -> None:
        """Run *work* in the thread that reconciles, when it does not reconcile: work that looks at what is believed."""
        self._waiting_work.put(work)

    def refresh_plans(self) -> None:
        """Work out what each held pull would change. What may be configured is worked out when it is asked for."""
        self._plans_of_held = sync.plans_of_held(self._application().run_context)
        self._proposals = None

    def _run(self) -> None:
        while not self._stop.is_set():
            is_requested = self._requested.wait(LOOK_SECONDS)
            if (is_requested or self._pulls.are_results_due) and not self._stop.is_set():
                self._requested.clear()
                self._reconcile()
                self._when_done()
            while not self._waiting_work.empty() and not self._stop.is_set():
                self._work(self._waiting_work.get())

    def _work(self, work: Callable[[], None]) -> None:
        try:
            work()
        except StoreUnavailable as error:
            logger.debug("work not done", reason=str(error))  # the store has logged the outage, once
        except Exception:
            logger.exception("work between reconciliations broke")

    def _propose(self) -> None:
        try:
            self._proposals = sync.propose_configuration(self._application().run_context, (), device_words().purposes)
        finally:
            self._is_proposing.clear()

    def _reconcile(self) -> None:
        begun = self._clock.monotonic()
        run_context, pulled = self._application().run_context, self._pulls.fetch_results()
        try:
            if problem := sync.clock_problem(run_context):
                self._refuse_clock(run_context, pulled, problem)
                return
            self._note_clock("")
            if pulled:
                report = sync.judge_and_apply(run_context, pulled)
                self._health.record_pulls(report.pulled, [judged.pulled for judged in report.held])
            else:
                sync.reconcile_now(run_context)
            self.refresh_plans()
            self._health.refresh_from_database(self._application())
        except StoreUnavailable as error:
            self._health.record_reconcile_failure()
            logger.debug("not reconciled", reason=str(error))  # the store has logged the outage, once
        except Exception:
            self._health.record_reconcile_failure()
            logger.exception("reconciliation broke; what was shown before stays")
        else:
            self._health.record_reconciliation(self._clock.monotonic() - begun)

    def _refuse_clock(self, run_context: sync.RunContext, pulled: Sequence[PullResult], problem: str) -> None:
        """Change nothing while the clock cannot be right; the pulls go on, so that all is well once it is."""
        self._health.record_pulls(sync.fail_pulls_by_clock(run_context, pulled, problem), ())
        self._health.record_reconcile_failure()
        self._health.refresh_from_database(self._application())
        self._note_clock(problem)

    def _note_clock(self, problem: str) -> None:
        was_refused, self._is_clock_refused = self._is_clock_refused, bool(problem)
        if problem and not was_refused:
            logger.error("clock refused", reason=problem)
        elif was_refused and not problem:
            logger.info("clock accepted again")
