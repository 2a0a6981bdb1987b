"""Calls the jobs when they are due. The only module that knows APScheduler.

A job only enqueues work: it never pulls, reconciles or touches the scheduler, which would deadlock when the daemon
stops. A run that is late is made up for. A job that is still running is skipped and counted.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from fleetsync.clock import Clock
from fleetsync.schedule import ScheduledJob

JOB_DEFAULTS = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
ALIVE_SECONDS = 30.0  # an answer takes milliseconds


class _AnsweringScheduler(BackgroundScheduler):  # type: ignore[misc]  # the library has no types
    """Notes since when it has been asked to look for due jobs without doing so."""

    def __init__(self, clock: Clock) -> None:
        # Intervals are measured in UTC: a local clock has an hour twice in autumn and misses one in spring.
        super().__init__(timezone="UTC", job_defaults=JOB_DEFAULTS)
        self.clock = clock
        self.unanswered_since: float | None = None

    def wakeup(self) -> None:
        if self.unanswered_since is None:
            self.unanswered_since = self.clock.monotonic()
        super().wakeup()

    def _process_jobs(self) -> object:
        seconds_to_wait = super()._process_jobs()
        self.unanswered_since = None
        return seconds_to_wait


class JobScheduler:
    """The jobs and their times. It is started once; a new configuration replaces the jobs."""

    def __init__(self, clock: Clock) -> None:
        self._scheduler = _AnsweringScheduler(clock)

    def start(self) -> None:
        """Begin to call jobs."""
        self._scheduler.start()

    def stop(self) -> None:
        """Call no more jobs. Waits for those that run; they are short."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def wake(self) -> None:
        """Look for due jobs now.

        Between two jobs the scheduler sleeps on a clock that a stepped or suspended system clock makes wrong. Called
        at each turn of the main loop, this bounds the error. It also shows whether the scheduler still moves.
        """
        self._scheduler.wakeup()

    def is_alive(self) -> bool:
        """Whether the scheduler looks for due jobs when it is woken."""
        since = self._scheduler.unanswered_since
        return since is None or self._scheduler.clock.monotonic() - since < ALIVE_SECONDS

    def clear(self) -> None:
        """Remove every job, before others are added."""
        self._scheduler.remove_all_jobs()

    def add_interval_job(self, name: str, interval: timedelta, first_at: datetime, call: Callable[[], None]) -> None:
        """Call each *interval*, first at *first_at* (real time)."""
        trigger = IntervalTrigger(seconds=interval.total_seconds(), timezone="UTC")
        self._scheduler.add_job(call, trigger, id=name, next_run_time=first_at)

    def add_cron_job(self, job: ScheduledJob, zone: str, call: Callable[[], None]) -> None:
        """Call at the job's local times."""
        cron = job.at
        trigger = CronTrigger(
            minute=cron.minute,
            hour=cron.hour,
            day=cron.day,
            month=cron.month,
            day_of_week=cron.weekday,
            timezone=zone,
        )
        self._scheduler.add_job(call, trigger, id=job.name)
