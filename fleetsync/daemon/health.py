"""How the daemon does: what telemetry and the health addresses tell, kept so that a scrape asks nobody."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from threading import Lock
from zoneinfo import ZoneInfo

from fleetsync import version
from fleetsync.clock import Clock
from fleetsync.core.model import PartState, Verdict
from fleetsync.daemon.house import House
from fleetsync.expose.telemetry import PartPulse, Pulse
from fleetsync.pull.runner import Pulled
from fleetsync.store.ledger import Ledger, PullLine

ALIVE_SECONDS = 30.0  # the main loop goes round each second
WORKED = frozenset({Verdict.COMPLETE, Verdict.UNCHANGED})


class Health:
    """Counters of this process, and the newest look at what the database says of the parts."""

    def __init__(self, clock: Clock, ledger: Ledger) -> None:
        self._clock, self._ledger = clock, ledger
        self._guard = Lock()
        self._beaten_at = clock.monotonic()
        self._verdicts: Counter[tuple[str, ...]] = Counter()
        self._missed: Counter[tuple[str, ...]] = Counter()
        self._reconcile_seconds: float | None = None
        self._failures = 0
        self._backup_at: datetime | None = None
        self._config_at = clock.now()
        self._is_config_good = True
        self._bytes: int | None = None
        self._lines: dict[tuple[str, str], Sequence[PullLine]] = {}
        self.parts: Sequence[PartState] = ()

    # --- what happened ------------------------------------------------------------------------------------------------

    def beat(self) -> None:
        """The main loop went round."""
        self._beaten_at = self._clock.monotonic()

    def missed(self, job: str) -> None:
        """A run of a job was skipped."""
        with self._guard:
            self._missed[(job,)] += 1

    def brought(self, pulled: Iterable[Pulled], held: Iterable[Pulled]) -> None:
        """Pulls were judged."""
        waiting = {one.pull for one in held}
        with self._guard:
            for one in pulled:
                verdict = Verdict.HELD if one.pull in waiting else one.verdict
                self._verdicts[(one.source, verdict.value)] += 1

    def reconciled(self, seconds: float) -> None:
        """A reconciliation took *seconds*."""
        self._reconcile_seconds = seconds

    def reconcile_failed(self) -> None:
        """A reconciliation ended in an error of our own."""
        self._failures += 1

    def backed_up(self, at: datetime) -> None:
        """A copy was made and verified *at*."""
        self._backup_at = at

    def config_loaded(self) -> None:
        """A new configuration is in force."""
        self._config_at, self._is_config_good = self._clock.now(), True

    def config_refused(self) -> None:
        """A new configuration was not good."""
        self._is_config_good = False

    # --- a look at the database ---------------------------------------------------------------------------------------

    def look(self, house: House) -> None:
        """Refresh what the database says, off the path of a scrape."""
        self.parts = self._ledger.part_states(house.world.parts())
        self._lines = {
            (part.source, part.part): self._ledger.newest_pulls(part.source, part.part) for part in self.parts
        }
        self._bytes = self._ledger.size_bytes()

    def working(self) -> set[tuple[str, str]]:
        """The parts whose last attempt did not fail."""
        return {at for at, lines in self._lines.items() if lines and lines[0].verdict is not Verdict.FAILED}

    def is_alive(self) -> bool:
        """Whether the main loop went round lately."""
        return self._clock.monotonic() - self._beaten_at < ALIVE_SECONDS

    def is_database_there(self) -> bool:
        """Whether the database answers."""
        try:
            self._ledger.newest_reconciliation()
        except Exception:  # noqa: BLE001 - whatever is wrong with it, the answer is no
            return False
        return True

    # --- what is told -------------------------------------------------------------------------------------------------

    def pulse(self, house: House, *, is_leader: bool) -> Pulse:
        """All of it, at this instant."""
        world = house.world
        checked = world.policy.reference.checked_on
        names = [source.name for source in world.sources]
        # From zero: what appears only at its first time has no beginning for a rate, and a hole after each start.
        verdicts: dict[tuple[str, ...], float] = {(name, verdict.value): 0 for name in names for verdict in Verdict}
        missed: dict[tuple[str, ...], float] = {
            (job,): 0 for job in (*map(job_of, names), *(job.name for job in house.settings.jobs))
        }
        with self._guard:
            verdicts |= self._verdicts
            missed |= self._missed
        return Pulse(
            version=version(),
            revision="",
            parts=[self._part(part, world.policy.time_zone) for part in self.parts],
            credentials={
                (part.source, name): at for part in self.parts for name, at in sorted(part.credentials.items())
            },
            requests={(name, code): n for name in names for code, n in list(world.runner.meter(name).requests.items())},
            retries={(name,): world.runner.meter(name).retries for name in names},
            rate_limited={(name,): world.runner.meter(name).rate_limited_seconds for name in names},
            verdicts=verdicts,
            jobs_missed=missed,
            is_school_day=world.calendars.default.is_school_day(world.moment().today),
            is_leader=is_leader,
            reconcile_seconds=self._reconcile_seconds,
            reconcile_failures=self._failures,
            reference_checked_at=datetime.combine(checked, time(), UTC) if checked else None,
            database_bytes=self._bytes,
            backup_at=self._backup_at,
            config_loaded_at=self._config_at,
            is_config_good=self._is_config_good,
        )

    def _part(self, part: PartState, zone: str) -> PartPulse:
        judged = self._lines.get((part.source, part.part), ())
        last = judged[0] if judged else None
        worked = next((line for line in judged if line.verdict in WORKED), None)
        complete = next((line for line in judged if line.verdict is Verdict.COMPLETE), None)
        return PartPulse(
            source=part.source,
            part=part.part,
            is_up=last is not None and last.verdict is not Verdict.FAILED,
            is_held=part.held_pull is not None,
            # A disabled part is frozen on purpose: nothing is due from it, so no alarm of age may ring.
            expected_seconds=None if part.disabled else part.expected_every.total_seconds(),
            data_at=content_instant(part, zone),
            attempt_at=None if part.disabled else part.last_attempt_at,
            success_at=worked.started_at if worked else part.last_complete_at,
            seconds=(last.finished_at - last.started_at).total_seconds() if last and last.finished_at else None,
            records=complete.seen if complete else 0,
            rejected=sum(last.rejected.values()) if last else 0,
            drift=sum(last.drift.values()) if last else 0,
        )


def job_of(source: str) -> str:
    """How the pulls of a source are called among the jobs."""
    return f"pull:{source}"


def content_instant(part: PartState, zone: str) -> datetime | None:
    """The instant the part's believed content speaks for: of a past day its end, of today the pull itself."""
    if part.as_of is None or part.last_complete_at is None:
        return None
    end = datetime.combine(part.as_of + timedelta(days=1), time(), ZoneInfo(zone))
    return min(end, part.last_complete_at)
