"""The jobs under a system clock that is set back or forward: the real scheduler, with a wall clock that can be stepped."""

from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from threading import Event

import apscheduler.schedulers.base as library
import pytest

from fleetsync.clock import Clock
from fleetsync.daemon.scheduler import JobScheduler
from fleetsync.schedule import Cron, ScheduledJob
from tests.flow.daemon_process import wait_until


class SteppedClock(Clock):
    """The real time, moved by what the test sets while it runs. Monotonic time goes on as it is."""

    __slots__ = ("step",)

    def __init__(self) -> None:
        super().__init__()
        self.step = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.step


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SteppedClock:
    stepped = SteppedClock()

    class WallTime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "WallTime":
            return cls.fromtimestamp(stepped.now().timestamp(), tz)

    # The library asks the system; the test cannot set the clock of this machine.
    monkeypatch.setattr(library, "datetime", WallTime)
    return stepped


class RunningScheduler:
    """A scheduler with one job per second, as the main loop wakes it."""

    def __init__(self, clock: SteppedClock) -> None:
        self.clock, self.calls = clock, 0
        self.scheduler = JobScheduler(clock, clock)

    def call(self) -> None:
        self.calls += 1

    def wait_for_calls(self, count: int) -> None:
        wanted = self.calls + count

        def is_called() -> bool:
            self.scheduler.wake()
            return self.calls >= wanted

        wait_until(is_called, f"the job is called {count} times more")

    def due(self, name: str) -> datetime:
        due: datetime = self.scheduler._scheduler.get_job(name).next_run_time
        return due


@pytest.fixture
def running(clock: SteppedClock) -> Iterator[RunningScheduler]:
    running = RunningScheduler(clock)
    running.scheduler.start()
    running.scheduler.add_interval_job("pull", timedelta(seconds=1), clock.now(), running.call)
    try:
        yield running
    finally:
        running.scheduler.stop()


@pytest.mark.parametrize("step", [timedelta(hours=-2), timedelta(days=-3), timedelta(hours=2), timedelta(days=400)])
def test_jobs_go_on_after_the_clock_was_set_and_after_it_was_put_right(running, clock, step):
    running.wait_for_calls(1)
    clock.step = step
    running.wait_for_calls(2)
    clock.step = timedelta(0)
    running.wait_for_calls(2)

    assert running.scheduler.is_alive()


def test_a_clock_that_is_set_forward_makes_up_for_a_job_once(running, clock):
    running.wait_for_calls(1)
    before = running.calls
    clock.step = timedelta(days=2)
    running.wait_for_calls(1)

    assert running.calls < before + 10
    assert running.due("pull") - clock.now() <= timedelta(seconds=1)


def test_a_job_of_the_night_is_due_at_the_next_night_of_the_clock_that_was_set_back(running, clock):
    running.scheduler.add_cron_job(
        ScheduledJob("night", Cron("10", "4", "*", "*", "*")), "Europe/Stockholm", running.call
    )
    clock.step = timedelta(days=-3)

    def is_moved() -> bool:
        running.scheduler.wake()
        return running.due("night") - clock.now() <= timedelta(days=1)

    wait_until(is_moved, "the night of the clock that was set back")


def test_a_scheduler_whose_job_waits_for_longer_than_its_interval_is_not_alive(running, clock):
    running.wait_for_calls(1)
    job = running.scheduler._scheduler.get_job("pull")
    job.modify(next_run_time=clock.now() + timedelta(hours=2))

    def is_noticed() -> bool:
        running.scheduler.wake()
        return not running.scheduler.is_alive()

    wait_until(is_noticed, "a pull that is due in two hours, every second, is noticed")


def test_an_error_in_the_library_does_not_end_the_thread_that_calls_jobs(running, clock, monkeypatch):
    running.wait_for_calls(1)
    broken = Event()

    def breaks(_self: object) -> float:
        broken.set()
        raise RuntimeError("no turn")

    with monkeypatch.context() as patch:
        patch.setattr(library.BaseScheduler, "_process_jobs", breaks)
        running.scheduler.wake()
        assert broken.wait(30)
    running.wait_for_calls(1)
