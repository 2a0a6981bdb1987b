"""Exempelby with trouble planted, a school week of it lived by the real pipeline, then served by the real daemon.

A clock of Prometheus cannot be moved, so every instant that Exempelby tells is: by whole days, to where its Tuesday is
the day on which it is read.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import msgspec
import requests

from fleetsync import sync
from fleetsync.cli.accounts import hashed
from fleetsync.clock import Clock
from fleetsync.core.model import Parking, Stage
from fleetsync.core.snapshot import Snapshot
from fleetsync.daemon.health import Health
from fleetsync.daemon.house import House, build, open_store
from fleetsync.daemon.service import Daemon
from fleetsync.demo.municipality import DELIVERIES
from fleetsync.demo.nouns import Phase, Version, current
from fleetsync.demo.replay import TODAY, Town, live, morning_of, publish
from fleetsync.demo.truth import Truth
from fleetsync.demo.world import Exempelby
from fleetsync.expose import telemetry
from fleetsync.expose.metrics import Exposition
from fleetsync.settings import Settings, load
from tests.browser.served import deliver_half
from tests.serving import PASSWORD, free_port, signed_in, turning

FIRST = date(2026, 11, 16)  # a Monday
LIVED = tuple(FIRST + timedelta(days=number) for number in (0, 1, 2, 3, 4, 7))
TELLS_AFTER = tuple(timedelta(hours=hours) for hours in (0, 4, 8, 12))
"""When the text of a day is told, from its morning on; the last one is out of sight before the day is over."""

NAME = "strateg"
WIPED_AT, WIPED = "ostanaskolan", 60
SILENT_SINCE = date(2026, 11, 20)
RUNS_OUT_ON = TODAY + timedelta(days=10)
NEVER_THERE = """
[[source]]
kind = "staff_file"
name = "vikarier"
path = "deliveries/vikarier/vikarier_*.csv"
counts = []
"""
_INSTANT = re.compile(r"^(fleetsync_\w+_timestamp_seconds(?:\{.*\})?) (\S+)$", re.MULTILINE)


class Scene:
    """The town, what it told in the past, and the daemon that serves it now. `is_answering` off: a scrape gets 503."""

    def __init__(self, town: Town, past: Mapping[datetime, str]) -> None:
        self.past = past
        self.truth = Truth(town.world, FIRST)
        self.town = town
        self.has_school = True
        self.is_answering = True
        self.daemon: Daemon | None = None
        self._running = ExitStack()
        self.moved_by = timedelta(days=(Clock().now().date() - TODAY).days)

    def start(self) -> None:
        """The daemon as its operator starts it, or starts it again."""
        self.daemon = self._running.enter_context(turning(Daemon(load(self.config), self.town.clock)))

    def stop(self) -> None:
        """What a scrape gets from here on is no answer."""
        self.daemon = None
        self._running.close()

    def has_pulled(self) -> bool:
        """Whether each part was pulled and judged since the start."""
        pulse = self._served().pulse()
        return len(pulse.parts) <= sum(pulse.verdicts.values())

    def _served(self) -> Daemon:
        assert self.daemon is not None, "nothing serves the scene"
        return self.daemon

    @property
    def config(self) -> Path:
        """The daemon's configuration."""
        return self.town.folder / "config.toml"

    def misconfigure(self) -> None:
        """The configuration is read anew, and is good; then somebody writes what cannot be read."""
        self._served().reload()
        good = self.config.read_text(encoding="utf-8")
        self.config.write_text(f"{good}\nnaem = 1\n", encoding="utf-8")
        self._served().reload()
        self.config.write_text(good, encoding="utf-8")

    def metrics(self) -> str:
        """What /metrics answers, moved. Raises OSError while nothing answers."""
        if self.daemon is None or not self.is_answering:
            raise ConnectionRefusedError("no daemon serves the scene")
        text = requests.get(f"{self.daemon.address}/metrics", timeout=10).text
        if not self.has_school:
            text = text.replace("\nfleetsync_school_day 1.0\n", "\nfleetsync_school_day 0.0\n")
        return moved(text, self.moved_by)

    def reader(self) -> Callable[[str], requests.Response]:
        """Somebody signs in, and then asks for pages and for documents of the API."""
        address = self._served().address
        session = signed_in(address, NAME)
        return lambda path: session.get(f"{address}{path}", timeout=30, allow_redirects=False)


def moved(text: str, by: timedelta) -> str:
    """*text* with every instant in it that much later."""
    return _INSTANT.sub(lambda line: f"{line[1]} {float(line[2]) + by.total_seconds()}", text)


@contextmanager
def troubled(folder: Path) -> Iterator[Scene]:
    """The whole municipality.

    This morning 60 pupils' devices are wiped at Östanåskolan and half a staff file is delivered. Since Friday nobody may
    read who is placed at which preschool. A list of substitutes never came. The secret for Intune runs out soon.
    """
    town = Town(folder, listen=f"127.0.0.1:{free_port()}", with_schools=True)
    wipe(town.world, TODAY)
    with ExitStack() as stack:
        stack.enter_context(town.open())
        settings = configured(folder / "config.toml")
        publish(town, settings)
        scene = Scene(town, lived(town, settings, LIVED, troubling(town)))
        town.clock = Clock(-scene.moved_by)
        town.deliver()
        deliver_half(folder / DELIVERIES / "personal", town.day())
        with open_store(settings, town.clock) as ledger:
            ledger.add_account(NAME, hashed(PASSWORD), "strategist")
        stack.callback(scene.stop)
        scene.start()
        yield scene


def configured(config: Path) -> Settings:
    """Exempelby's configuration with a date at its secret and a source that never delivers."""
    text = config.read_text(encoding="utf-8")
    secret = 'client_secret_file = "secrets/intune"\n'
    config.write_text(
        text.replace(secret, f"{secret}credential_expires = {RUNS_OUT_ON}\n") + NEVER_THERE, encoding="utf-8"
    )
    return load(config)


def lived(
    town: Town, settings: Settings, days: Iterable[date], trouble: Callable[[House, date], None]
) -> Mapping[datetime, str]:
    """The *days*, each with its *trouble* before its morning, and the exposition of each as the daemon renders it."""
    shown: deque[Snapshot] = deque(maxlen=1)
    told: dict[datetime, str] = {}
    with open_store(settings, town.clock) as ledger:
        house = build(settings, town.clock, ledger, Event(), shown.append)
        health = Health(town.clock, ledger)
        for day in days:
            trouble(house, day)
            live(town, house, day)
            text = exposition(house, health, shown[-1])
            told |= {morning_of(day).astimezone(UTC) + later: text for later in TELLS_AFTER}
    return told


def troubling(town: Town) -> Callable[[House, date], None]:
    """What happens on the days before today."""

    def happens(house: House, day: date) -> None:
        if day == LIVED[1]:
            park_one(house)
        if day == SILENT_SINCE:
            forbid_placements(town)

    return happens


def exposition(house: House, health: Health, snapshot: Snapshot) -> str:
    """What `/metrics` would have answered."""
    health.look(house)
    live_part = telemetry.text(health.pulse(house, is_leader=True))
    return Exposition(snapshot, sync.totals(house.ledger)).body(live_part).decode()


def forbid_placements(town: Town) -> None:
    """Nobody may read any more who is placed at which preschool."""
    register = town.stands.register
    assert register is not None, "a town with schools has a register"
    register.stand.fail(f"{urlsplit(register.base_url).path.rstrip('/')}/placements", "forbidden", times=1000)


def park_one(house: House) -> None:
    """Somebody has said of one gap until when it may be so."""
    gap = next(one for one in house.world.believed().episodes if one.kind == "unsorted")
    house.ledger.park(Parking(kind=gap.kind, subject_id=gap.subject_id, until=TODAY + timedelta(days=20)), NAME)


def wipe(world: Exempelby, day: date) -> None:
    """From *day* on a batch of pupils' devices is being wiped: what Intune says of it, and what is therefore true."""
    made = world.made
    pupils = {claim.person for claim in made.claims if (claim.unit, claim.entitlement) == (WIPED_AT, "pupils")}
    batch = {held.thing for held in made.holdings if held.person in pupils and held.last > day}
    working = {life.thing for life in made.lives if (now := life.on(day)) is not None and now.works}
    known = (thing.key for thing in made.things if thing.key in batch & working and current(thing.intune, day))
    wiped = set(sorted(known)[:WIPED])
    for number, thing in enumerate(made.things):
        if thing.key in wiped:
            row = {**(current(thing.intune, day) or {}), "managementState": "wipePending"}
            said = (*(one for one in thing.intune if one.first <= day), Version(day, row))
            made.things[number] = msgspec.structs.replace(thing, intune=said)
    for number, life in enumerate(made.lives):
        if life.thing in wiped and (last := life.on(day)) is not None:
            gone = Phase(day, Stage.RETIRED, works=False, unit=last.unit, platform=last.platform)
            phases = (*(one for one in life.phases if one.first < day), gone)
            made.lives[number] = msgspec.structs.replace(life, phases=phases)
