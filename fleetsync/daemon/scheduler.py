"""Calls the jobs when they are due. The only module that knows APScheduler.

A job only enqueues work: it never pulls, reconciles or touches the scheduler, which would deadlock when the daemon
stops. A run that is late is made up for. A job that is still running is skipped and counted.

The system clock may be set back or forward at any time, by hours or days. The library keeps due times as wall times, so
each turn compares the wall clock with the monotonic one, and moves the due times when the two part.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from apscheduler.job import Job
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from fleetsync import log
from fleetsync.clock import Clock
from fleetsync.schedule import ScheduledJob

logger = log.get(__name__)

JOB_DEFAULTS = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
ALIVE_SECONDS = 30.0  # an answer takes milliseconds


STEP_SECONDS = 5.0  # by how much the wall clock may part from the monotonic one before due times are moved
OVERDUE_SECONDS = 60.0  # how far the next run of an interval job may lie beyond its interval


class _AnsweringScheduler(BackgroundScheduler):  # type: ignore[misc]  # the library has no types
    """Notes since when it has been asked to look for due jobs without doing so, and follows a stepped wall clock."""

    def __init__(self, clock: Clock, wall: Clock) -> None:
        # Intervals are measured in UTC: a local clock has an hour twice in autumn and misses one in spring.
        super().__init__(timezone="UTC", job_defaults=JOB_DEFAULTS)
        self.clock, self.wall = clock, wall
        self.unanswered_since: float | None = None
        self.waits_too_long = False
        self._wall_offset = self._offset_now()

    def wakeup(self) -> None:
        if self.unanswered_since is None:
            self.unanswered_since = self.clock.monotonic()
        super().wakeup()

    def _process_jobs(self) -> object:
        try:
            with self._jobstores_lock:
                self._follow_wall_clock()
                seconds_to_wait = super()._process_jobs()
                self.waits_too_long = self._has_job_beyond_its_interval()
        except Exception:
            # The library's thread would end here, and no job would ever be called again.
            logger.exception("scheduler broke; it goes on at its next turn")
            return STEP_SECONDS
        self.unanswered_since = None
        return seconds_to_wait

    def _offset_now(self) -> float:
        return self.wall.now().timestamp() - self.wall.monotonic()

    def _follow_wall_clock(self) -> None:
        """Move the due times after a step of the wall clock: what would wait for hours is due as soon as before."""
        offset = self._offset_now()
        step = offset - self._wall_offset
        if abs(step) < STEP_SECONDS:
            return
        self._wall_offset = offset
        now = self.wall.now()
        for job in self.get_jobs():
            if job.next_run_time is not None:
                job.modify(next_run_time=_due_after_step(job, step, now))
        logger.warning(
            "system clock was set, or the machine slept",
            seconds=round(step),
            remedy="the jobs go on. If nobody set it, check the time service",
        )

    def _has_job_beyond_its_interval(self) -> bool:
        latest = self.wall.now() + timedelta(seconds=OVERDUE_SECONDS)
        return any(
            job.next_run_time is not None and job.next_run_time > latest + job.trigger.interval
            for job in self.get_jobs()
            if isinstance(job.trigger, IntervalTrigger)
        )


def _due_after_step(job: Job, step: float, now: datetime) -> datetime:
    """When *job* is due once the wall clock was moved by *step* seconds to *now*."""
    due: datetime = job.next_run_time
    if step > 0:
        # What became overdue is made up for once, not once for each interval that the clock jumped over.
        return max(due, now)
    if isinstance(job.trigger, IntervalTrigger):
        return due + timedelta(seconds=step)
    again: datetime | None = job.trigger.get_next_fire_time(None, now)
    return again or due


class JobScheduler:
    """The jobs and their times. It is started once; a new configuration replaces the jobs.

    *wall*: the clock that the due times are in, which is the real one also when the application's clock is moved.
    """

    def __init__(self, clock: Clock, wall: Clock | None = None) -> None:
        self._scheduler = _AnsweringScheduler(clock, wall or Clock())

    def start(self) -> None:
        """Begin to call jobs."""
        self._scheduler.start()

    def stop(self) -> None:
        """Call no more jobs. Waits for those that run; they are short."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def wake(self) -> None:
        """Look for due jobs now.

        Between two jobs the scheduler sleeps until a wall time, which a stepped or suspended system clock makes wrong.
        Called at each turn of the main loop, this bounds the error. It also shows whether the scheduler still moves.
        """
        self._scheduler.wakeup()

    def is_alive(self) -> bool:
        """Whether the scheduler looks for due jobs when it is woken, and no job waits for longer than its interval."""
        since = self._scheduler.unanswered_since
        answers = since is None or self._scheduler.clock.monotonic() - since < ALIVE_SECONDS
        return answers and not self._scheduler.waits_too_long

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
