"""The state of the daemon, for /metrics, /livez and /readyz. Kept in memory, so that a scrape reads no database."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from threading import Lock
from zoneinfo import ZoneInfo

from fleetsync import version
from fleetsync.clock import Clock
from fleetsync.core.model import PartState, Verdict
from fleetsync.daemon.composition import Application
from fleetsync.expose.telemetry import DaemonStatus, PartStatus
from fleetsync.pull.runner import PullResult
from fleetsync.store.ledger import Ledger, StoredPull
from fleetsync.sync import AGREED_REFUSAL

BACKUP_JOB = "backup"
ALIVE_SECONDS = 30.0  # the main loop turns every second
SUCCESS_VERDICTS = frozenset({Verdict.COMPLETE, Verdict.UNCHANGED})
READ_VERDICTS = frozenset({Verdict.COMPLETE, Verdict.HELD})  # such a pull read the part to its end


class Health:
    """Counters of this process, and what the database said about the parts when it was last read."""

    def __init__(self, clock: Clock, ledger: Ledger) -> None:
        self._clock, self._ledger = clock, ledger
        self._lock = Lock()
        self._last_heartbeat = clock.monotonic()
        self._verdicts: Counter[tuple[str, ...]] = Counter()
        self._missed_jobs: Counter[tuple[str, ...]] = Counter()
        self._reconcile_seconds: float | None = None
        self._reconcile_failures = 0
        self._backup_at: datetime | None = None
        self._digests_at: datetime | None = None
        self._unsent_digests = 0
        self._config_at = clock.now()
        self._is_config_good = True
        self._database_bytes: int | None = None
        self._newest_pulls: dict[tuple[str, str], Sequence[StoredPull]] = {}
        self.parts: Sequence[PartState] = ()

    # --- what happened ------------------------------------------------------------------------------------------------

    def record_heartbeat(self) -> None:
        """The main loop has turned."""
        self._last_heartbeat = self._clock.monotonic()

    def record_missed_job(self, job: str) -> None:
        """A run of a job was skipped."""
        with self._lock:
            self._missed_jobs[(job,)] += 1

    def record_pulls(self, pulled: Iterable[PullResult], held: Iterable[PullResult]) -> None:
        """Pulls were judged; *held* are those of them that wait for a decision."""
        held_pulls = {result.pull for result in held}
        with self._lock:
            for result in pulled:
                verdict = Verdict.HELD if result.pull in held_pulls else result.verdict
                self._verdicts[(result.source, verdict.value)] += 1

    def record_reconciliation(self, seconds: float) -> None:
        """A reconciliation took *seconds*."""
        self._reconcile_seconds = seconds

    def record_reconcile_failure(self) -> None:
        """A reconciliation ended in an error of our own."""
        self._reconcile_failures += 1

    def record_backup(self, at: datetime) -> None:
        """A verified copy of the database was written at this instant."""
        self._backup_at = at

    def record_digests(self, *, sent: int, unsent: int) -> None:
        """How many digests were sent just now, and how many could not be."""
        self._unsent_digests = unsent
        if sent:
            self._digests_at = self._clock.now()

    def record_config_loaded(self) -> None:
        """A new configuration is in force."""
        self._config_at, self._is_config_good = self._clock.now(), True

    def record_config_refused(self) -> None:
        """A new configuration was refused; the old one is still in force."""
        self._is_config_good = False

    # --- what the database says ---------------------------------------------------------------------------------------

    def refresh_from_database(self, application: Application) -> None:
        """Read from the database what a scrape will report."""
        self.parts = self._ledger.part_states(application.run_context.parts())
        self._newest_pulls = {
            (part.source, part.part): self._ledger.newest_pulls(part.source, part.part) for part in self.parts
        }
        self._database_bytes = self._ledger.size_bytes()

    def working_parts(self) -> set[tuple[str, str]]:
        """The parts, as (source, part), whose last pull did not fail."""
        return {at for at, lines in self._newest_pulls.items() if lines and lines[0].verdict is not Verdict.FAILED}

    def is_alive(self) -> bool:
        """Whether the main loop has turned lately."""
        return self._clock.monotonic() - self._last_heartbeat < ALIVE_SECONDS

    def is_database_reachable(self) -> bool:
        """Whether the database answers."""
        try:
            self._ledger.newest_reconciliation()
        except Exception:  # noqa: BLE001 - whatever is wrong with it, the answer is no
            return False
        return True

    # --- status -------------------------------------------------------------------------------------------------------

    def daemon_status(
        self, application: Application, *, is_leader: bool, schedule_holder: str | None = None
    ) -> DaemonStatus:
        """Everything that /metrics says about the daemon itself, at this instant."""
        run_context = application.run_context
        checked = run_context.policy.reference.checked_on
        names = [source.name for source in run_context.sources]
        return DaemonStatus(
            version=version(),
            revision="",
            parts=[self._part_status(part, run_context.policy.time_zone) for part in self.parts],
            credentials={
                (part.source, credential.name): credential for part in self.parts for credential in part.credentials
            },
            requests={
                (name, code): n for name in names for code, n in list(run_context.runner.meter(name).requests.items())
            },
            pages={(name,): run_context.runner.meter(name).pages for name in names},
            retries={(name,): run_context.runner.meter(name).retries for name in names},
            rate_limited={(name,): run_context.runner.meter(name).rate_limited_seconds for name in names},
            verdicts=self._verdict_counts(names),
            jobs_missed=self._missed_job_counts(names, application),
            is_school_day=run_context.calendars.default.is_school_day(run_context.moment().today),
            is_leader=is_leader,
            schedule_holder=schedule_holder,
            reconcile_seconds=self._reconcile_seconds,
            reconcile_failures=self._reconcile_failures,
            reference_checked_at=datetime.combine(checked, time(), UTC) if checked else None,
            database_bytes=self._database_bytes,
            makes_backups=_makes_backups(application),
            backup_at=self._backup_at,
            digests_at=self._digests_at,
            unsent_digests=self._unsent_digests,
            config_loaded_at=self._config_at,
            is_config_good=self._is_config_good,
        )

    # Both start at zero: a series that only appears with its first event has no rate for it, and a hole after each start.

    def _verdict_counts(self, sources: Sequence[str]) -> Mapping[tuple[str, ...], float]:
        zeros: dict[tuple[str, ...], float] = {(name, verdict.value): 0 for name in sources for verdict in Verdict}
        with self._lock:
            return {**zeros, **self._verdicts}

    def _missed_job_counts(self, sources: Sequence[str], application: Application) -> Mapping[tuple[str, ...], float]:
        jobs = (*map(pull_job_name, sources), *(job.name for job in application.settings.jobs))
        zeros: dict[tuple[str, ...], float] = dict.fromkeys(((job,) for job in jobs), 0)
        with self._lock:
            return {**zeros, **self._missed_jobs}

    def _part_status(self, part: PartState, zone: str) -> PartStatus:
        judged = self._newest_pulls.get((part.source, part.part), ())
        last = judged[0] if judged else None
        worked = next((line for line in judged if line.verdict in SUCCESS_VERDICTS), None)
        complete = next((line for line in judged if line.verdict is Verdict.COMPLETE), None)
        is_expected = not (part.disabled or part.is_not_there)
        return PartStatus(
            source=part.source,
            part=part.part,
            is_up=last is not None and last.verdict is not Verdict.FAILED,
            is_held=part.held_pull is not None,
            is_held_in_agreement=_is_in_agreement(part, judged),
            # A disabled part is frozen on purpose, and another may be not there: nothing is due from it, so its age must raise
            # no alarm.
            expected_seconds=part.expected_every.total_seconds() if is_expected else None,
            data_at=content_instant(part, zone),
            attempt_at=part.last_attempt_at if is_expected else None,
            success_at=worked.started_at if worked else part.last_complete_at,
            seconds=(last.finished_at - last.started_at).total_seconds() if last and last.finished_at else None,
            records=complete.seen if complete else 0,
            **_counts_of_findings(part, judged),
        )


def _counts_of_findings(part: PartState, judged: Sequence[StoredPull]) -> dict[str, int]:
    """How many rows, facts, headers and words of *part* were not understood.

    The part's own counts are those of all its files, those too that did not change and were not read again. A pull that is
    held, and so is not among them, may have met more.
    """
    counts = {
        "rejected": part.unreadable_rows,
        "unreadable_facts": part.unreadable_facts,
        "unused_headers": part.unused_headers,
        "drift": part.drift,
    }
    read = next((line for line in judged if line.verdict in READ_VERDICTS and line.decision != "rejected"), None)
    if read is None:
        return counts
    of_pull = {
        "rejected": sum(read.rejected.values()),
        "unreadable_facts": sum(read.unreadable_facts.values()),
        "unused_headers": sum(map(len, read.unused_headers.values())),
        "drift": sum(read.drift.values()),
    }
    return {name: max(count, of_pull[name]) for name, count in counts.items()}


def _is_in_agreement(part: PartState, judged: Sequence[StoredPull]) -> bool:
    """Whether the pull of the part that waits for a decision says what the held ones before it said."""
    waiting = next((line for line in judged if line.id == part.held_pull), None)
    return waiting is not None and AGREED_REFUSAL.rule in {refusal.rule for refusal in waiting.refusals}


def _makes_backups(application: Application) -> bool:
    settings = application.settings
    return settings.database.backup_folder is not None and any(job.name == BACKUP_JOB for job in settings.jobs)


def pull_job_name(source: str) -> str:
    """The name of the job that pulls a source."""
    return f"pull:{source}"


def content_instant(part: PartState, zone: str) -> datetime | None:
    """The instant that the believed content of the part describes: the end of a past day, or the pull itself today."""
    if part.as_of is None or part.last_complete_at is None:
        return None
    end = datetime.combine(part.as_of + timedelta(days=1), time(), ZoneInfo(zone))
    return min(end, part.last_complete_at)
