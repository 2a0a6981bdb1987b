"""Which of several daemons on one database pulls by the schedule: this one, or another that it follows.

The one that pulls holds the lease of the schedule. On a server it can lose the lease, when its machine stood still for too long:
everything that it had begun then is refused by the database, and it becomes a follower once all of that has ended.
"""

from collections.abc import Callable

from fleetsync import log
from fleetsync.daemon.reconciler import Reconciler
from fleetsync.daemon.source_pulls import SourcePulls
from fleetsync.store.ledger import Ledger, ScheduleLease

logger = log.get(__name__)


class Leadership:
    """Takes the lease when it is made, if it is free. *on_taken* and *on_lost* are called when that changes later."""

    def __init__(
        self,
        ledger: Ledger,
        pulls: SourcePulls,
        reconciler: Reconciler,
        on_taken: Callable[[], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._ledger, self._pulls, self._reconciler = ledger, pulls, reconciler
        self._on_taken, self._on_lost = on_taken, on_lost
        self._lease = ledger.schedule_lease()
        self._lost_lease: ScheduleLease | None = None
        self.holder = ledger.schedule_holder()

    @property
    def is_leader(self) -> bool:
        """Whether this daemon pulls by the schedule."""
        return self._lease is not None

    def poll(self) -> None:
        """Keep the lease; or take it over where it is free. To be called every `RENEW_SECONDS`."""
        if self._lease is not None:
            if not self._lease.renew():
                self._step_down(self._lease)
        elif self._lost_lease is None:
            self._lease = self._ledger.schedule_lease()
            if self._lease is not None:
                logger.info("takes over the schedule")
                self._on_taken()
        elif not (self._pulls.is_pulling or self._pulls.has_results):
            # Not beside a reconciliation that has begun before, and is to be refused.
            self._reconciler.run_between(self._follow)
        self.holder = self._ledger.schedule_holder()

    def release(self) -> None:
        """Let another daemon take over at once."""
        for lease in (self._lease, self._lost_lease):
            if lease is not None:
                lease.release()

    def _step_down(self, lease: ScheduleLease) -> None:
        self._lease, self._lost_lease = None, lease
        logger.warning(
            "another daemon has taken over the schedule",
            reason="this one did not answer for too long",
            remedy="nothing was written twice. Look whether this machine stood still or was out of memory",
        )
        self._on_lost()

    def _follow(self) -> None:
        """From now on, what is written here is what people decide, not what the schedule began."""
        if self._lost_lease is not None:
            self._lost_lease.release()
            self._lost_lease = None
