"""Replays past days of Exempelby through the real pipeline, with a clock that is set to each day.

It is the only module of the demo that runs fleetsync itself. Code, files and protocols are those of a real daemon, so
the database afterwards is what a daemon would have written. Only the clock differs.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from pathlib import Path
from threading import Event, Thread

from fleetsync import sync
from fleetsync.clock import Clock, ManualClock
from fleetsync.core.model import CENTRAL
from fleetsync.daemon.composition import Application, build_application
from fleetsync.daemon.configured_ledger import open_configured_ledger
from fleetsync.demo.configuration import DELIVERIES, write_configuration
from fleetsync.demo.days import DEMO_DAY
from fleetsync.demo.file_exports import deliver
from fleetsync.demo.mornings import ZONE, first_run_at, last_morning
from fleetsync.demo.systems import StubSystems
from fleetsync.demo.world import DemoWorld
from fleetsync.settings import Settings, load

SECONDS_BETWEEN_LOOKS = 60.0  # how soon the files of a new morning are there, whatever the machine slept through

Progress = Callable[[date, int, int], None]


class DemoEnvironment:
    """Exempelby in a folder, with its systems answering on loopback as of the day of its clock."""

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
        self.clock = clock or ManualClock(first_run_at(DEMO_DAY))
        self.systems = StubSystems(self.world, self.day)
        self._seed, self._listen = seed, listen

    def day(self) -> date:
        """The local day of the clock."""
        return self.clock.now().astimezone(ZONE).date()

    @contextmanager
    def open(self) -> Iterator[Settings]:
        """Start the systems and write the configuration that names them."""
        with ExitStack() as running:
            for server in self.systems.all():
                running.enter_context(server)
            file = write_configuration(self.folder, self.systems.addresses(), self._seed, self._listen)
            yield load(file)

    def deliver(self) -> None:
        """Write the files that have been exported by this morning."""
        deliver(self.world.contents_on(self.day()), self.folder / DELIVERIES)

    def start_day(self, day: date) -> None:
        """Set the clock to the morning of *day* and deliver its files. Raises TypeError for a clock that runs."""
        if not isinstance(self.clock, ManualClock):
            raise TypeError("the clock of this environment runs; only a ManualClock can be set to a day")
        self.clock.set(first_run_at(day))
        self.deliver()


def replay(
    environment: DemoEnvironment,
    settings: Settings,
    first: date,
    last: date,
    progress: Progress | None = None,
    *,
    weekly_before: date | None = None,
) -> None:
    """Replay the days from *first* to *last*. On each, every source is pulled once and the result is recorded.

    Before *weekly_before* only one day a week is replayed, on the weekday of *last*: that is enough for a trend.
    """
    with open_configured_ledger(settings, environment.clock) as ledger:
        application = build_application(settings, environment.clock, ledger, Event())
        days = [day for day in _days(first, last) if _is_replayed(day, last, weekly_before)]
        for number, day in enumerate(days, 1):
            run_day(environment, application, day)
            if progress is not None:
                progress(day, number, len(days))


@contextmanager
def delivering_each_morning(environment: DemoEnvironment) -> Iterator[None]:
    """While the block runs, deliver the files of each new morning of the environment's clock."""
    end, delivered_on = Event(), last_morning(environment.clock.now())

    def deliver_until_end() -> None:
        nonlocal delivered_on
        while not environment.clock.wait(SECONDS_BETWEEN_LOOKS, end):
            morning = last_morning(environment.clock.now())
            if morning != delivered_on:
                environment.deliver()
                delivered_on = morning

    thread = Thread(target=deliver_until_end, name="deliveries", daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def publish_all_units(environment: DemoEnvironment, settings: Settings) -> None:
    """End the trial of every unit, as after a check of its numbers."""
    with open_configured_ledger(settings, environment.clock) as ledger:
        for slug in (*(unit.slug for unit in settings.units), CENTRAL):
            ledger.publish(slug, "demo")


def run_day(environment: DemoEnvironment, application: Application, day: date) -> sync.RunReport:
    """Replay one day: set the clock, deliver files, and run the pipeline once with every part of every source."""
    environment.start_day(day)
    return sync.run(
        application.run_context, [(source, part) for source in application.sources for part in source.parts]
    )


def _is_replayed(day: date, last: date, weekly_before: date | None) -> bool:
    return weekly_before is None or day >= weekly_before or day.weekday() == last.weekday()


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))
