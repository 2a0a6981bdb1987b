"""Exempelby with planted problems: a school week replayed by the real pipeline, then served by the real daemon.

The clock of Prometheus cannot be set. So all timestamps of Exempelby are shifted by whole days, such that its last day
is today.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from os import utime
from pathlib import Path
from threading import Event
from time import perf_counter
from urllib.parse import urlsplit

import msgspec
import requests

from fleetsync import sync
from fleetsync.cli.accounts import hash_password
from fleetsync.clock import Clock
from fleetsync.core.model import Parking, Stage
from fleetsync.core.snapshot import Snapshot
from fleetsync.daemon.composition import Application, build_application
from fleetsync.daemon.configured_ledger import open_configured_ledger
from fleetsync.daemon.health import Health
from fleetsync.daemon.maintenance import BACKUP_PATTERN, Maintenance
from fleetsync.daemon.service import Daemon
from fleetsync.demo.builder import WorldBuilder
from fleetsync.demo.configuration import DELIVERIES
from fleetsync.demo.days import DEMO_DAY
from fleetsync.demo.model import DemoDevice, ExpectedPhase, ExpectedStages, RowVersion
from fleetsync.demo.mornings import ZONE, first_run_at
from fleetsync.demo.replay import DemoEnvironment, publish_all_units, run_day
from fleetsync.demo.truth import GroundTruth
from fleetsync.demo.world import DemoWorld
from fleetsync.expose import telemetry
from fleetsync.expose.metrics import Exposition
from fleetsync.settings import Settings, load
from tests.browser.scenarios import deliver_half
from tests.serving import PASSWORD, free_port, serving_daemon, signed_in_session

FIRST_REPLAYED_DAY = date(2026, 11, 13)  # a Friday
# Five school days besides the first and today: late in the evening there is nothing of today at the hours that count.
REPLAYED_DAYS = tuple(FIRST_REPLAYED_DAY + timedelta(days=number) for number in (0, 3, 4, 5, 6, 7, 10))
EXPOSED_AFTER = tuple(timedelta(hours=hours) for hours in (0, 4, 8))
"""Offsets from a day's morning at which its exposition is stored.

A sample is seen for the lookback, and what a rule recorded of it for one more. The last is out of both before midnight: else
the day without school before today would still hold in the night, and suppress today's alerts.
"""

USER_NAME = "strateg"
WIPED_AT, WIPED = "ostanaskolan", 60
SILENT_SINCE = date(2026, 11, 20)
BACKED_UP_UNTIL = date(2026, 11, 20)
SECRET_EXPIRES_ON = DEMO_DAY + timedelta(days=10)
UNDELIVERED_SOURCE = """
[[source]]
kind = "staff_file"
name = "vikarier"
path = "deliveries/vikarier/vikarier_*.csv"
counts = []
"""
_INSTANT = re.compile(r"^(fleetsync_\w+_timestamp_seconds(?:\{.*\})?) (\S+)$", re.MULTILINE)


class DashboardScenario:
    """The demo environment, its past expositions, and its daemon. `is_answering` False: a scrape gets 503."""

    def __init__(self, environment: DemoEnvironment, past: Mapping[datetime, str]) -> None:
        self.past = past
        self.truth = GroundTruth(environment.world, FIRST_REPLAYED_DAY)
        self.environment = environment
        self.has_school = True
        self.is_answering = True
        self.daemon: Daemon | None = None
        self._running = ExitStack()
        # By the day in Sweden, so that the scenario's day is the same at any hour.
        self.moved_by = timedelta(days=(Clock().now().astimezone(ZONE).date() - DEMO_DAY).days)

    def start(self) -> None:
        """Start the daemon, or start it again."""
        self.daemon = self._running.enter_context(serving_daemon(Daemon(load(self.config), self.environment.clock)))

    def stop(self) -> None:
        """Stop the daemon; scrapes get no answer."""
        self.daemon = None
        self._running.close()

    def has_pulled(self) -> bool:
        """Whether each part has a verdict since the start, apart from those that the replay has pulled for the whole day."""
        daemon = self._served()
        daily = {s.name for s in daemon.application.sources if s.settings.every >= timedelta(days=1)}
        status = daemon.daemon_status()
        return sum(part.source not in daily for part in status.parts) <= sum(status.verdicts.values())

    def _served(self) -> Daemon:
        assert self.daemon is not None, "no daemon runs"
        return self.daemon

    @property
    def config(self) -> Path:
        """The daemon's configuration."""
        return self.environment.folder / "config.toml"

    def misconfigure(self) -> None:
        """Reload the valid configuration, then one with an error."""
        self._served().reload()
        good = self.config.read_text(encoding="utf-8")
        self.config.write_text(f"{good}\nnaem = 1\n", encoding="utf-8")
        self._served().reload()
        self.config.write_text(good, encoding="utf-8")

    def metrics(self) -> str:
        """The answer of /metrics with shifted timestamps. Raises OSError while nothing answers."""
        if self.daemon is None or not self.is_answering:
            raise ConnectionRefusedError("no daemon runs")
        text = requests.get(f"{self.daemon.address}/metrics", timeout=10).text
        if not self.has_school:
            text = text.replace("\nfleetsync_school_day 1.0\n", "\nfleetsync_school_day 0.0\n")
        return shift_instants(text, self.moved_by)

    def signed_in_getter(self) -> Callable[[str], requests.Response]:
        """Sign in. Returns a function that gets a path of the page or the API."""
        address = self._served().address
        session = signed_in_session(address, USER_NAME)
        return lambda path: session.get(f"{address}{path}", timeout=30, allow_redirects=False)


def shift_instants(text: str, by: timedelta) -> str:
    """*text* with every timestamp later by *by*."""
    return _INSTANT.sub(lambda line: f"{line[1]} {float(line[2]) + by.total_seconds()}", text)


@contextmanager
def troubled_scenario(folder: Path) -> Iterator[DashboardScenario]:
    """The whole municipality with six problems.

    This morning 60 devices of pupils are wiped at Östanåskolan, and half a staff file is delivered. Since Friday the
    permission to read placements is missing, and the database was not copied. A list of substitutes never came. The secret
    for Intune expires soon.
    """
    environment = DemoEnvironment(folder, listen=f"127.0.0.1:{free_port()}", with_schools=True)
    wipe_devices(environment.world, DEMO_DAY)
    with ExitStack() as stack:
        stack.enter_context(environment.open())
        settings = configured(folder / "config.toml")
        publish_all_units(environment, settings)
        scenario = DashboardScenario(
            environment, replay_days(environment, settings, REPLAYED_DAYS, daily_problems(environment), BACKED_UP_UNTIL)
        )
        environment.clock = Clock(-scenario.moved_by)
        environment.deliver()
        deliver_half(folder / DELIVERIES / "personal", environment.day())
        with open_configured_ledger(settings, environment.clock) as ledger:
            ledger.add_account(USER_NAME, hash_password(PASSWORD), "strategist")
        stack.callback(scenario.stop)
        scenario.start()
        yield scenario


def configured(config: Path) -> Settings:
    """Load Exempelby's configuration with an expiry date for a secret and a source that never delivers."""
    text = config.read_text(encoding="utf-8")
    secret = 'client_secret_file = "secrets/intune"\n'  # Intune and Entra are read by one application
    expiring = text.replace(secret, f"{secret}credential_expires = {SECRET_EXPIRES_ON}\n")
    config.write_text(with_backups(expiring) + UNDELIVERED_SOURCE, encoding="utf-8")
    return load(config)


def with_backups(config: str) -> str:
    """The text of a configuration in which the daemon copies the database into a folder."""
    assert "[database]\n" in config
    return config.replace("[database]\n", '[database]\nbackup_folder = "backups"\n')


def replay_days(
    environment: DemoEnvironment,
    settings: Settings,
    days: Iterable[date],
    cause_problems: Callable[[Application, date], None],
    backed_up_until: date = DEMO_DAY,
) -> Mapping[datetime, str]:
    """Replay *days*, each after its problems were caused. Returns the expositions by the instant of the scrape.

    Where the configuration has a folder for them, the copies of the nights are made, the last one on *backed_up_until*.
    """
    shown: deque[Snapshot] = deque(maxlen=1)
    expositions: dict[datetime, str] = {}
    with open_configured_ledger(settings, environment.clock) as ledger:
        application = build_application(settings, environment.clock, ledger, Event(), shown.append)
        health = Health(environment.clock, ledger)
        for day in days:
            cause_problems(application, day)
            begun = perf_counter()
            report = run_day(environment, application, day)
            health.record_pulls(report.pulled, [judged.pulled for judged in report.held])
            health.record_reconciliation(perf_counter() - begun)  # with the pulls before it
            if settings.database.backup_folder is not None and day <= backed_up_until:
                back_up(environment, application, health, settings.database.backup_folder)
            text = exposition(application, health, shown[-1])
            expositions |= {first_run_at(day).astimezone(UTC) + later: text for later in EXPOSED_AFTER}
    return expositions


def back_up(environment: DemoEnvironment, application: Application, health: Health, folder: Path) -> None:
    """Make the copy of the night. The demo's clock is not that of the disk, so the copy is given its time."""
    folder.mkdir(exist_ok=True)
    Maintenance(environment.clock, health, lambda: application).backup()
    made_at = environment.clock.now().timestamp()
    utime(max(folder.glob(BACKUP_PATTERN)), (made_at, made_at))


def daily_problems(environment: DemoEnvironment) -> Callable[[Application, date], None]:
    """The problems of the days before today."""

    def happens(application: Application, day: date) -> None:
        if day == REPLAYED_DAYS[1]:
            park_one_gap(application)
        if day == SILENT_SINCE:
            forbid_placements(environment)

    return happens


def exposition(application: Application, health: Health, snapshot: Snapshot) -> str:
    """The answer of `/metrics` for *snapshot*."""
    health.refresh_from_database(application)
    live_part = telemetry.render_telemetry(health.daemon_status(application, is_leader=True))
    return Exposition(snapshot, sync.counter_totals(application.ledger)).body(live_part).decode()


def forbid_placements(environment: DemoEnvironment) -> None:
    """Withdraw the permission to read placements."""
    register = environment.systems.register
    assert register is not None, "the environment has schools"
    register.stub_server.fail(f"{urlsplit(register.base_url).path.rstrip('/')}/placements", "forbidden", times=1000)


def park_one_gap(application: Application) -> None:
    """Park a gap."""
    gap = next(episode for episode in application.run_context.believed().episodes if episode.kind == "unsorted")
    application.ledger.park(
        Parking(kind=gap.kind, subject_id=gap.subject_id, until=DEMO_DAY + timedelta(days=20)), USER_NAME
    )


def wipe_devices(world: DemoWorld, day: date) -> None:
    """Wipe a batch of pupils' devices from *day* on: in Intune's rows and in the expected stages."""
    wiped = set(sorted(_working_pupil_devices(world.builder, day))[:WIPED])
    devices, expected_stages = world.builder.devices, world.builder.expected_stages
    devices[:] = [_wiped_in_intune(device, day) if device.key in wiped else device for device in devices]
    expected_stages[:] = [
        _retired_from(stages, day) if stages.device_key in wiped else stages for stages in expected_stages
    ]


def _working_pupil_devices(builder: WorldBuilder, day: date) -> Iterator[str]:
    """Keys of devices that pupils of the unit hold after *day*, that work on *day*, and that Intune has."""
    pupils = {owed.person for owed in builder.expected_owed if (owed.unit, owed.entitlement) == (WIPED_AT, "pupils")}
    held = {
        holding.device_key for holding in builder.expected_holdings if holding.person in pupils and holding.last > day
    }
    phases = {stages.device_key: stages.phase_on(day) for stages in builder.expected_stages}
    for device in builder.devices:
        phase = phases.get(device.key)
        if device.key in held and phase is not None and phase.works and device.row_in("intune", day):
            yield device.key


def _wiped_in_intune(device: DemoDevice, day: date) -> DemoDevice:
    row = {**(device.row_in("intune", day) or {}), "managementState": "wipePending"}
    earlier = (version for version in device.rows["intune"] if version.first <= day)
    return msgspec.structs.replace(device, rows={**device.rows, "intune": (*earlier, RowVersion(day, row))})


def _retired_from(stages: ExpectedStages, day: date) -> ExpectedStages:
    last = stages.phase_on(day)
    assert last is not None, "a wiped device had a stage before"
    retired = ExpectedPhase(day, Stage.RETIRED, works=False, unit=last.unit, platform=last.platform)
    return msgspec.structs.replace(stages, phases=(*(phase for phase in stages.phases if phase.first < day), retired))
