"""The demo lives on after its replay: each new morning has its files."""

from datetime import date, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from fleetsync.clock import ManualClock
from fleetsync.demo.configuration import DELIVERIES
from fleetsync.demo.mornings import ZONE, first_run_at, last_morning
from fleetsync.demo.replay import DemoEnvironment, delivering_each_morning


class HurriedClock(ManualClock):
    """A clock that shows six hours later after each wait, up to *end*; then it waits for the stop."""

    def __init__(self, now: datetime, end: datetime) -> None:
        super().__init__(now)
        self.end, self.has_ended = end, Event()

    def wait(self, seconds: float, stop: Event) -> bool:
        if self.now() >= self.end:
            self.has_ended.set()
            return stop.wait()
        self.set(self.now() + timedelta(hours=6))
        return stop.is_set()


def test_files_of_a_new_morning_are_delivered_while_it_lives(tmp_path: Path):
    clock = HurriedClock(first_run_at(date(2026, 11, 28)), first_run_at(date(2026, 12, 2)))
    environment = DemoEnvironment(tmp_path, clock=clock)
    with environment.open():
        environment.deliver()
        delivered = tmp_path / DELIVERIES
        assert not list(delivered.rglob("*2026-12-01*"))

        with delivering_each_morning(environment):
            assert clock.has_ended.wait(60)

    assert (delivered / "personal" / "personal_2026-12-01.csv").is_file()
    assert (delivered / "datorer" / "datorer_2026-11-30.xlsx").is_file()


@pytest.mark.parametrize(
    ("at", "morning"),
    [("2027-03-01T06:30", "2027-03-01"), ("2027-03-01T06:29", "2027-02-28"), ("2027-03-28T23:59", "2027-03-28")],
)
def test_a_morning_has_passed_from_half_past_six_on(at, morning):
    assert last_morning(datetime.fromisoformat(at).replace(tzinfo=ZONE)) == date.fromisoformat(morning)
