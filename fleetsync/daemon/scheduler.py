"""The schedule: APScheduler, and nowhere else.

Jobs only enqueue: they never pull, reconcile or touch the scheduler, which would deadlock at a stop. A run that is
late is run late and not dropped; a job that is still at it is skipped and counted.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from fleetsync.schedule import ScheduledJob

JOB_DEFAULTS = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}


class JobScheduler:
    """When what is due; started once, with another plan after each new configuration."""

    def __init__(self) -> None:
        # Intervals are measured in UTC: a local clock has an hour twice in autumn and misses one in spring.
        self._scheduler = BackgroundScheduler(timezone="UTC", job_defaults=JOB_DEFAULTS)

    def start(self) -> None:
        """Begin to call."""
        self._scheduler.start()

    def stop(self) -> None:
        """Call nothing any more. Jobs are short, so waiting for them is."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def clear(self) -> None:
        """Forget every job, before another plan is made."""
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
