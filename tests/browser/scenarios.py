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

from fleetsync.cli.accounts import hash_password
from fleetsync.clock import Clock
from fleetsync.core.model import CENTRAL
from fleetsync.daemon.composition import build_application, open_configured_ledger
from fleetsync.daemon.service import Daemon
from fleetsync.demo.configuration import DELIVERIES
from fleetsync.demo.replay import TODAY, DemoEnvironment, first_run_at, replay, run_day
from fleetsync.demo.stub_server import ServerFault
from tests.serving import PASSWORD, free_port, serving_daemon

ACCOUNTS = {"tekniker": "technician", "strateg": "strategist", "vikarie": "technician"}
IN_TRIAL = "elevhalsan"
STALL_SECONDS = 3600.0
DAILY_DAYS = 14


@dataclass(frozen=True)
class ServedScenario:
    """A daemon that serves, and the town that it reads."""

    address: str
    daemon: Daemon
    town: DemoEnvironment

    def are_held_plans_ready(self) -> bool:
        """Whether what every held pull would change has been worked out."""
        held = [part.held_pull for part in self.daemon.services().history.parts() if part.held_pull is not None]
        return all(self.daemon.reconciler.plan_of(pull) is not None for pull in held)


def replay_past(folder: Path, days: int, *, with_schools: bool = False) -> Path:
    """Exempelby's last *days* up to yesterday, replayed into *folder*; every unit but one is published.

    Further back than two weeks only one day a week is lived: a trend needs no more.
    """
    town = DemoEnvironment(folder, with_schools=with_schools)
    with town.open() as settings:
        with open_configured_ledger(settings, town.clock) as ledger:
            for slug in (*(unit.slug for unit in settings.policy.units), CENTRAL):
                if slug != IN_TRIAL:
                    ledger.publish(slug, "tests")
        weekly_before = TODAY - timedelta(days=DAILY_DAYS)
        replay(town, settings, TODAY - timedelta(days=days), TODAY - timedelta(days=1), weekly_before=weekly_before)
    return folder


@contextmanager
def ordinary(past: Path, folder: Path, *, with_schools: bool = False) -> Iterator[ServedScenario]:
    """This morning's pulls came through, and were complete."""
    with _copied_environment(past, folder, with_schools=with_schools) as (town, stack):
        yield _serve(town, stack, TODAY, has_lived=True)


@contextmanager
def held(past: Path, folder: Path, *, with_schools: bool = False) -> Iterator[ServedScenario]:
    """This morning the personnel system delivered half its rows, and Intune lost most of its devices without a word."""
    with _copied_environment(past, folder, with_schools=with_schools) as (town, stack):
        deliver_half(town.folder / DELIVERIES / "personal", TODAY)
        town.systems.graph.stub_server.fail("/v1.0", "lost_rows")
        yield _serve(town, stack, TODAY, has_lived=True)


@contextmanager
def silent(past: Path, folder: Path, days: int) -> Iterator[ServedScenario]:
    """*days* later: nothing was delivered since, and Intune answers nobody."""
    with _copied_environment(past, folder) as (town, stack):
        for stand in town.systems.all():
            stand.fail("/", "forbidden", times=1000)
        yield _serve(town, stack, TODAY + timedelta(days=days), has_lived=False)


@contextmanager
def first_start(folder: Path) -> Iterator[ServedScenario]:
    """Nothing has come yet: no file is there, and Intune takes its time."""
    with ExitStack() as stack:
        town = DemoEnvironment(folder, listen=f"127.0.0.1:{free_port()}")
        for stand in town.systems.all():
            stand.fail("/", ServerFault("slow", STALL_SECONDS), times=1000)
        scene = _serve(town, stack, TODAY, has_lived=False)
        for stand in town.systems.all():
            stack.callback(stand.stop)  # before the daemon, which would wait for an answer that never comes
        yield scene


@contextmanager
def _copied_environment(
    past: Path, folder: Path, *, with_schools: bool = False
) -> Iterator[tuple[DemoEnvironment, ExitStack]]:
    shutil.copytree(past, folder, dirs_exist_ok=True)
    with ExitStack() as stack:
        yield DemoEnvironment(folder, listen=f"127.0.0.1:{free_port()}", with_schools=with_schools), stack


def _serve(town: DemoEnvironment, stack: ExitStack, day: date, *, has_lived: bool) -> ServedScenario:
    settings = stack.enter_context(town.open())
    if has_lived:
        with open_configured_ledger(settings, town.clock) as ledger:
            run_day(town, build_application(settings, town.clock, ledger, Event()), day)
    town.clock = Clock.moved_to(first_run_at(day) + timedelta(minutes=5))
    daemon = Daemon(settings, town.clock)
    for name, role in ACCOUNTS.items():
        daemon.ledger.add_account(name, _hash(), role)
    stack.enter_context(serving_daemon(daemon))
    return ServedScenario(daemon.address, daemon, town)


@cache
def _hash() -> str:
    return hash_password(PASSWORD)


def deliver_half(folder: Path, day: date) -> None:
    """Every second row of the newest file, as if it had been written today."""
    newest = max(folder.glob("*.csv"))
    printed, header, *rows = newest.read_bytes().splitlines(keepends=True)
    file = folder / f"{newest.stem.partition('_')[0]}_{day}.csv"
    file.write_bytes(printed + header + b"".join(rows[::2]))
    file.with_name(f"{file.name}.done").touch()
