"""Exempelby behind the real daemon, for a real browser and for the pictures of the documents.

Its past is replayed once, by the real pipeline, into a folder; each scene is a copy of that folder and a daemon of its
own: an ordinary day, a day on which two sources delivered half of their records, weeks after every source fell
silent, and a first start before anything was delivered.
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
from fleetsync.daemon.composition import build_application
from fleetsync.daemon.configured_ledger import open_configured_ledger
from fleetsync.daemon.service import Daemon
from fleetsync.demo.configuration import DELIVERIES
from fleetsync.demo.days import DEMO_DAY
from fleetsync.demo.mornings import first_run_at
from fleetsync.demo.replay import DemoEnvironment, replay, run_day
from fleetsync.demo.stub_server import ServerFault
from tests.serving import PASSWORD, free_port, serving_daemon

ACCOUNTS = {"tekniker": "technician", "strateg": "strategist", "vikarie": "technician", "skydd": "protection"}
IN_TRIAL = "elevhalsan"
STALL_SECONDS = 3600.0
DAILY_DAYS = 14


@dataclass(frozen=True)
class ServedScenario:
    """A serving daemon, and the demo environment that it reads."""

    address: str
    daemon: Daemon
    environment: DemoEnvironment

    def are_held_plans_ready(self) -> bool:
        """Whether what every held pull would change has been worked out."""
        held = [part.held_pull for part in self.daemon.services().history.parts() if part.held_pull is not None]
        return all(self.daemon.reconciler.plan_of(pull) is not None for pull in held)


def replay_past(folder: Path, days: int, *, with_schools: bool = False) -> Path:
    """Exempelby's last *days* up to yesterday, replayed into *folder*; every unit but one is published.

    Further back than two weeks only one day a week is replayed: a trend needs no more.
    """
    environment = DemoEnvironment(folder, with_schools=with_schools)
    with environment.open() as settings:
        with open_configured_ledger(settings, environment.clock) as ledger:
            for slug in (*(unit.slug for unit in settings.policy.units), CENTRAL):
                if slug != IN_TRIAL:
                    ledger.publish(slug, "tests")
        weekly_before = DEMO_DAY - timedelta(days=DAILY_DAYS)
        replay(
            environment,
            settings,
            DEMO_DAY - timedelta(days=days),
            DEMO_DAY - timedelta(days=1),
            weekly_before=weekly_before,
        )
    return folder


@contextmanager
def ordinary(past: Path, folder: Path, *, with_schools: bool = False) -> Iterator[ServedScenario]:
    """This morning's pulls were complete."""
    with _copied_environment(past, folder, with_schools=with_schools) as (environment, stack):
        yield _serve(environment, stack, DEMO_DAY, runs_the_day=True)


@contextmanager
def held(past: Path, folder: Path, *, with_schools: bool = False) -> Iterator[ServedScenario]:
    """This morning the personnel system delivered half its rows, and Intune silently lost most of its devices."""
    with _copied_environment(past, folder, with_schools=with_schools) as (environment, stack):
        deliver_half(environment.folder / DELIVERIES / "personal", DEMO_DAY)
        environment.systems.graph.stub_server.fail("/v1.0", "lost_rows")
        yield _serve(environment, stack, DEMO_DAY, runs_the_day=True)


@contextmanager
def silent(past: Path, folder: Path, days: int) -> Iterator[ServedScenario]:
    """*days* later: nothing was delivered since, and Intune refuses every request."""
    with _copied_environment(past, folder) as (environment, stack):
        for server in environment.systems.all():
            server.fail("/", "forbidden", times=1000)
        yield _serve(environment, stack, DEMO_DAY + timedelta(days=days), runs_the_day=False)


@contextmanager
def first_start(folder: Path) -> Iterator[ServedScenario]:
    """Nothing was delivered yet: there is no file, and Intune does not answer."""
    with ExitStack() as stack:
        environment = DemoEnvironment(folder, listen=f"127.0.0.1:{free_port()}")
        for server in environment.systems.all():
            server.fail("/", ServerFault("slow", STALL_SECONDS), times=1000)
        scene = _serve(environment, stack, DEMO_DAY, runs_the_day=False)
        for server in environment.systems.all():
            stack.callback(server.stop)  # before the daemon, which would wait for an answer that never comes
        yield scene


@contextmanager
def _copied_environment(
    past: Path, folder: Path, *, with_schools: bool = False
) -> Iterator[tuple[DemoEnvironment, ExitStack]]:
    shutil.copytree(past, folder, dirs_exist_ok=True)
    with ExitStack() as stack:
        yield DemoEnvironment(folder, listen=f"127.0.0.1:{free_port()}", with_schools=with_schools), stack


def _serve(environment: DemoEnvironment, stack: ExitStack, day: date, *, runs_the_day: bool) -> ServedScenario:
    settings = stack.enter_context(environment.open())
    if runs_the_day:
        with open_configured_ledger(settings, environment.clock) as ledger:
            run_day(environment, build_application(settings, environment.clock, ledger, Event()), day)
    environment.clock = Clock.moved_to(first_run_at(day) + timedelta(minutes=5))
    daemon = Daemon(settings, environment.clock)
    for name, role in ACCOUNTS.items():
        daemon.ledger.add_account(name, _hash(), role)
    stack.enter_context(serving_daemon(daemon))
    return ServedScenario(daemon.address, daemon, environment)


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
