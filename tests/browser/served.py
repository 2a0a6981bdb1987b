"""Exempelby behind the real daemon, for a real browser and for the pictures of the documents.

Its past is replayed once, by the real pipeline, into a folder; each scene is a copy of that folder and a daemon of its
own: an ordinary day, a day on which two sources delivered half of what they know, weeks after every source fell
silent, and a first start before anything came.
"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from threading import Event

from fleetsync.cli.accounts import hashed
from fleetsync.clock import Clock
from fleetsync.core.model import CENTRAL
from fleetsync.daemon.house import build, open_store
from fleetsync.daemon.service import Daemon
from fleetsync.demo.municipality import DELIVERIES
from fleetsync.demo.replay import TODAY, Town, live, morning_of, replay
from fleetsync.demo.servers import Fault
from tests.serving import PASSWORD, free_port, turning

ACCOUNTS = {"tekniker": "technician", "strateg": "strategist", "vikarie": "technician"}
IN_TRIAL = "elevhalsan"
LONG_SECONDS = 3600.0
DAILY_DAYS = 14


@dataclass(frozen=True)
class Scene:
    """A daemon that serves, and the town that it reads."""

    address: str
    daemon: Daemon
    town: Town

    def is_worked_out(self) -> bool:
        """Whether what every held pull would change has been worked out."""
        held = [part.held_pull for part in self.daemon.services().history.parts() if part.held_pull is not None]
        return all(self.daemon._plans.get(pull) is not None for pull in held)


def lived(folder: Path, days: int, *, with_schools: bool = False) -> Path:
    """Exempelby's last *days* up to yesterday, replayed into *folder*; every unit but one is published.

    Further back than two weeks only one day a week is lived: a trend needs no more.
    """
    town = Town(folder, with_schools=with_schools)
    with town.open() as settings:
        with open_store(settings, town.clock) as ledger:
            for slug in (*(unit.slug for unit in settings.policy.units), CENTRAL):
                if slug != IN_TRIAL:
                    ledger.publish(slug, "tests")
        weekly_before = TODAY - timedelta(days=DAILY_DAYS)
        replay(town, settings, TODAY - timedelta(days=days), TODAY - timedelta(days=1), weekly_before=weekly_before)
    return folder


@contextmanager
def ordinary(past: Path, folder: Path, *, with_schools: bool = False) -> Iterator[Scene]:
    """This morning's pulls came through, and were complete."""
    with _scene(past, folder, with_schools=with_schools) as (town, stack):
        yield _served(town, stack, TODAY, has_lived=True)


@contextmanager
def held(past: Path, folder: Path, *, with_schools: bool = False) -> Iterator[Scene]:
    """This morning the personnel system delivered half its rows, and Intune lost most of its devices without a word."""
    with _scene(past, folder, with_schools=with_schools) as (town, stack):
        deliver_half(town.folder / DELIVERIES / "personal", TODAY)
        town.stands.graph.stand.fail("/v1.0", "lost_rows")
        yield _served(town, stack, TODAY, has_lived=True)


@contextmanager
def silent(past: Path, folder: Path, days: int) -> Iterator[Scene]:
    """*days* later: nothing was delivered since, and Intune answers nobody."""
    with _scene(past, folder) as (town, stack):
        for stand in town.stands.all():
            stand.fail("/", "forbidden", times=1000)
        yield _served(town, stack, TODAY + timedelta(days=days), has_lived=False)


@contextmanager
def first_start(folder: Path) -> Iterator[Scene]:
    """Nothing has come yet: no file is there, and Intune takes its time."""
    with ExitStack() as stack:
        town = Town(folder, listen=f"127.0.0.1:{free_port()}")
        for stand in town.stands.all():
            stand.fail("/", Fault("slow", LONG_SECONDS), times=1000)
        scene = _served(town, stack, TODAY, has_lived=False)
        for stand in town.stands.all():
            stack.callback(stand.stop)  # before the daemon, which would wait for an answer that never comes
        yield scene


@contextmanager
def _scene(past: Path, folder: Path, *, with_schools: bool = False) -> Iterator[tuple[Town, ExitStack]]:
    shutil.copytree(past, folder, dirs_exist_ok=True)
    with ExitStack() as stack:
        yield Town(folder, listen=f"127.0.0.1:{free_port()}", with_schools=with_schools), stack


def _served(town: Town, stack: ExitStack, day: date, *, has_lived: bool) -> Scene:
    settings = stack.enter_context(town.open())
    if has_lived:
        with open_store(settings, town.clock) as ledger:
            live(town, build(settings, town.clock, ledger, Event()), day)
    town.clock = Clock.moved_to(morning_of(day) + timedelta(minutes=5))
    daemon = Daemon(settings, town.clock)
    for name, role in ACCOUNTS.items():
        daemon.ledger.add_account(name, _hash(), role)
    stack.enter_context(turning(daemon))
    return Scene(daemon.address, daemon, town)


@cache
def _hash() -> str:
    return hashed(PASSWORD)


def deliver_half(folder: Path, day: date) -> None:
    """Every second row of the newest file, as if it had been written today."""
    newest = max(folder.glob("*.csv"))
    printed, header, *rows = newest.read_bytes().splitlines(keepends=True)
    file = folder / f"{newest.stem.partition('_')[0]}_{day}.csv"
    file.write_bytes(printed + header + b"".join(rows[::2]))
    file.with_name(f"{file.name}.done").touch()
