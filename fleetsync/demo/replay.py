"""Exempelby's past, run through the real pipeline under a moved clock; then its present, served by the real daemon.

The only module of the demo that drives the house: what is believed, published and kept of the past days is what a
daemon would have made of them, for it is the same code, the same files and the same protocol. Only `now` is moved.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from threading import Event
from zoneinfo import ZoneInfo

from fleetsync import sync
from fleetsync.clock import Clock, ManualClock
from fleetsync.core.model import CENTRAL
from fleetsync.daemon.composition import Application, build_application, open_configured_ledger
from fleetsync.demo.configuration import DELIVERIES, write_configuration
from fleetsync.demo.file_exports import deliver
from fleetsync.demo.systems import StubSystems
from fleetsync.demo.world import DemoWorld
from fleetsync.settings import Settings, load

ZONE = ZoneInfo("Europe/Stockholm")
FIRST_RUN_TIME = time(6, 30)
TODAY = date(2026, 11, 24)  # an ordinary Tuesday in the middle of an autumn term

Progress = Callable[[date, int, int], None]


class DemoEnvironment:
    """Exempelby with its systems answering on loopback, as of the day of its clock."""

    def __init__(
        self,
        folder: Path,
        seed: int = 1,
        listen: str = "127.0.0.1:8470",
        clock: Clock | None = None,
        *,
        with_schools: bool = False,
    ) -> None:
        self.folder = folder
        self.world = DemoWorld(seed, with_schools=with_schools)
        self.clock = clock or ManualClock(first_run_at(TODAY))
        self.systems = StubSystems(self.world, self.day)
        self._seed, self._listen = seed, listen

    def day(self) -> date:
        """The local day of the town's clock."""
        return self.clock.now().astimezone(ZONE).date()

    @contextmanager
    def open(self) -> Iterator[Settings]:
        """Start the systems and write the configuration that names them."""
        with ExitStack() as running:
            for stand in self.systems.all():
                running.enter_context(stand)
            file = write_configuration(self.folder, self.systems.addresses(), self._seed, self._listen)
            yield load(file)

    def deliver(self) -> None:
        """Whatever has been exported by this morning lies in its folder."""
        deliver(self.world.contents_on(self.day()), self.folder / DELIVERIES)

    def start_day(self, day: date) -> None:
        """It is the morning of *day*."""
        if not isinstance(self.clock, ManualClock):
            raise TypeError("only a clock that is set can be set")
        self.clock.set(first_run_at(day))
        self.deliver()


def first_run_at(day: date) -> datetime:
    """When Exempelby's daemon looks first."""
    return datetime.combine(day, FIRST_RUN_TIME, ZONE)


def replay(
    town: DemoEnvironment,
    settings: Settings,
    first: date,
    last: date,
    progress: Progress | None = None,
    *,
    weekly_before: date | None = None,
) -> None:
    """Live the days from *first* to *last*: each source is pulled once, and the day is judged and recorded.

    Of the days before *weekly_before* only one a week is lived, on the weekday of *last*: a trend needs no more.
    """
    with open_configured_ledger(settings, town.clock) as ledger:
        house = build_application(settings, town.clock, ledger, Event())
        days = [day for day in _days(first, last) if _is_replayed(day, last, weekly_before)]
        for number, day in enumerate(days, 1):
            run_day(town, house, day)
            if progress is not None:
                progress(day, number, len(days))


def publish_all_units(town: DemoEnvironment, settings: Settings) -> None:
    """End the trial of every unit: somebody has looked at the numbers of Exempelby."""
    with open_configured_ledger(settings, town.clock) as ledger:
        for slug in (*(unit.slug for unit in settings.units), CENTRAL):
            ledger.publish(slug, "demo")


def run_day(town: DemoEnvironment, house: Application, day: date) -> sync.RunReport:
    """One day: the sources say what they say that morning, and one run is made of it."""
    town.start_day(day)
    return sync.run(house.run_context, [(source, part) for source in house.sources for part in source.parts])


def _is_replayed(day: date, last: date, weekly_before: date | None) -> bool:
    return weekly_before is None or day >= weekly_before or day.weekday() == last.weekday()


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))
