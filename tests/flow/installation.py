"""An installation small enough to count by hand: one school, staff in a file, devices in Graph and on a list.

Everything is real but its size: the files lie in a folder, Graph answers on loopback, the database is SQLite, the
configuration is a config.toml. Only the clock is set.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import Event, Lock
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import select

from fleetsync import sync
from fleetsync.clock import ManualClock
from fleetsync.core.model import PartState, Verdict
from fleetsync.core.snapshot import Snapshot
from fleetsync.daemon.composition import Application, build_application, with_memory_staging
from fleetsync.daemon.configured_ledger import open_configured_ledger
from fleetsync.demo.graph import CLIENT, SECRET, TENANT, GraphStub
from fleetsync.settings import load
from fleetsync.store import tables
from tests.empty_database import write_empty_database

ZONE = ZoneInfo("Europe/Stockholm")
MORNING = datetime(2026, 11, 24, 6, 30, tzinfo=ZONE)  # a Tuesday in the middle of a term
SCHOOL, OTHER_SCHOOL = "backskolan", "angsskolan"
COST_CENTRE, OTHER_COST_CENTRE = "3101", "3102"
DOMAIN = "exempelby.se"
SILENT_PORT = 1  # in the configuration of a test that starts no daemon: nobody answers there
CANARY = "kanariefagel"  # a family name that must appear nowhere
HEADER = (
    "Anställningsnummer", "Personnummer", "Efternamn", "Förnamn", "Användarnamn", "Sekretess", "Kostnadsställe",
    "Enhet", "Anställningsform", "Anst.from", "Anst.tom",
)  # fmt: skip
LIST_HEADER = ("Serienummer", "Tillverkare", "Modell", "Plattform", "Enhet", "Användare", "Status", "Senast sedd")


class StaffFileRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the staff file."""

    n: int
    mark: str = ""
    centre: str = COST_CENTRE
    form: str = "Tillsvidare"
    first: str = "2020-08-01"
    last: str = ""

    @property
    def login(self) -> str:
        return login(self.n)

    @property
    def civic(self) -> str:
        return civic(self.n)

    def cells(self) -> Sequence[str]:
        return (
            f"{self.n:05}", self.civic, f"{CANARY}sson", f"Tuva{self.n}", self.login, self.mark, self.centre,
            "Bäckskolan", self.form, self.first, self.last,
        )  # fmt: skip


def login(n: int) -> str:
    """The log-in of employee *n*: a name, as log-ins are."""
    return f"tuva.{CANARY}.{n}@{DOMAIN}"


def civic(n: int) -> str:
    """An invented civic number: the check digit is right, the day is reserved for tests."""
    nine = f"80010{n % 9 + 1}238"[:6] + f"{100 + n:03}"
    doubled = (int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(nine))
    check = -sum(value // 10 + value % 10 for value in doubled) % 10
    return f"19{nine[:6]}-{nine[6:]}{check}"


def device(n: int, holder: str | None = None, **fields: object) -> dict[str, Any]:
    """A row of Graph: an iPad that was in contact yesterday and is *holder*'s (default: employee *n*'s)."""
    user = login(n) if holder is None else holder
    return {
        "id": f"00000000-0000-4000-8000-{n:012}",
        "deviceName": f"{CANARY}s iPad {n:04}",
        "serialNumber": serial(n),
        "userId": f"aaaaaaaa-0000-4000-8000-{n:012}" if user else "",
        "userPrincipalName": user,
        "emailAddress": user,
        "managementState": "managed",
        "managementAgent": "mdm",
        "managedDeviceOwnerType": "company",
        "complianceState": "compliant",
        "deviceCategoryDisplayName": "Bäckskolan",
        "operatingSystem": "iPadOS",
        "osVersion": "27.0.1",
        "manufacturer": "Apple",
        "model": "iPad (A16)",
        "deviceEnrollmentType": "appleBulkWithUser",
        "isEncrypted": True,
        "enrolledDateTime": "2025-06-02T07:15:00Z",
        "lastSyncDateTime": "2026-11-23T08:31:00Z",
        **fields,
    }


def serial(n: int) -> str:
    """The serial of device *n*."""
    return f"DMPX{n:06}"


SOURCES = {
    "personal": """
[[source]]
kind = "staff_file"
name = "personal"
path = "deliveries/personal_*.csv"
counts = ["employment"]
settle_seconds = 0
""",
    "intune": f"""
[[source]]
kind = "intune"
name = "intune"
tenant = "{TENANT}"
client_id = "{CLIENT}"
client_secret_file = "secrets/intune"
without = ["autopilot", "corporate_identifiers", "apple_enrolment", "push_certificate", "app_tokens"]
authority = "{{graph}}"
graph_root = "{{graph}}"
wait_limit = "30s"
""",
    "listor": """
[[source]]
kind = "device_file"
name = "listor"
path = "deliveries/datorer_*.csv"
settle_seconds = 0
""",
}

BASE_CONFIG = """\
[municipality]
name = "Exempelby kommun"
organisation_numbers = ["212000-0000"]

[database]
url = "database/fleetsync.db"

[web]
listen = "127.0.0.1:{port}"
metrics_listen = "127.0.0.1:{port}"

[calendar]
name = "exempelby"

[privacy]
key_file = "secrets/privacy.key"

[[unit]]
slug = "backskolan"
name = "Bäckskolan"
codes = ["3101"]
school_forms = ["GR"]

[[unit]]
slug = "angsskolan"
name = "Ängsskolan"
codes = ["3102"]
school_forms = ["GR"]
"""


class InstantWaitClock(ManualClock):
    """Stands where it is set; a wait takes no time, but passes."""

    __slots__ = ("_ahead",)

    def __init__(self, now: datetime) -> None:
        super().__init__(now)
        self._ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self._ahead

    def wait(self, seconds: float, stop: Event) -> bool:
        self._ahead += max(seconds, 0.0)
        return stop.is_set()


class SharedClock(InstantWaitClock):
    """Waits of several threads take no time, and none of them is lost."""

    __slots__ = ("_lock",)

    def __init__(self, now: datetime) -> None:
        super().__init__(now)
        self._lock = Lock()

    def wait(self, seconds: float, stop: Event) -> bool:
        with self._lock:
            return super().wait(seconds, stop)


_LOOPBACK_PORT = re.compile(r"127\.0\.0\.1:\d+")
_databases_after_a_run: dict[str, bytes] = {}


class Installation:
    """Its systems and configuration. Tests change what the systems say by assigning to *devices* and writing files."""

    def __init__(self, folder: Path, *, people: int = 12, page: int = 500, port: int = SILENT_PORT) -> None:
        self.folder = folder
        self.clock = InstantWaitClock(MORNING)
        self.devices = [device(n) for n in range(1, people + 1)]
        self.staff = [StaffFileRow(n=n) for n in range(1, people + 1)]
        self.graph = GraphStub(lambda: sorted(self.devices, key=lambda row: (row["deviceName"], row["id"])))
        self.graph.largest_page = page
        self.port = port
        self.names: tuple[str, ...] = ("personal", "intune")
        self.more = ""  # tables of the configuration beside the sources
        self.keys: dict[str, str] = {}  # further lines of a source's table

    def __enter__(self) -> Self:
        self.graph.stub_server.start()
        self.write()
        write_empty_database(self.database)
        self.write_staff(self.today - timedelta(days=1))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.graph.stub_server.stop()

    # --- what is there ------------------------------------------------------------------------------------------------

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def database(self) -> Path:
        return self.folder / "database" / "fleetsync.db"

    @property
    def deliveries(self) -> Path:
        return self.folder / "deliveries"

    @property
    def today(self) -> date:
        return self.clock.now().astimezone(ZONE).date()

    def write(self) -> Path:
        """The configuration of the sources that are named."""
        for name in ("deliveries", "secrets", "database"):
            (self.folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        self.write_secret("intune", SECRET)
        self.write_secret("privacy.key", "4e" * 32)
        sources = (SOURCES[name] + self.keys.get(name, "") for name in self.names)
        text = "\n".join((BASE_CONFIG, self.more, *sources))
        text = text.replace("{graph}", self.graph.stub_server.address).replace("{port}", str(self.port))
        self.config.write_text(text, encoding="utf-8")
        return self.config

    def write_secret(self, name: str, text: str) -> None:
        """A file of secrets/."""
        file = self.folder / "secrets" / name
        file.write_text(text + "\n", encoding="ascii")
        file.chmod(0o600)

    def write_staff(self, day: date, header: Sequence[str] = HEADER) -> Path:
        """The staff file of *day*."""
        # Without the date, the files of two months in which no employee came or went would be identical.
        return self._csv(
            f"personal_{day}.csv", (f"Anställda, utskrivet {day}",), header, *(row.cells() for row in self.staff)
        )

    def write_list(self, name: str, day: date, rows: Sequence[Mapping[str, str]]) -> Path:
        """A list of devices; a row names the columns that it fills."""
        cells = [[row.get(column, "") for column in LIST_HEADER] for row in rows]
        return self._csv(f"datorer_{name}_{day}.csv", LIST_HEADER, *cells)

    def _csv(self, name: str, *rows: Sequence[str]) -> Path:
        file = self.deliveries / name
        file.write_text("".join(";".join(row) + "\r\n" for row in rows), encoding="utf-8")
        return file

    def advance_clock(self, **passed: float) -> None:
        """Let time pass."""
        self.clock.set(self.clock.now() + timedelta(**passed))

    # --- the application -------------------------------------------------------------------------------------------

    @contextmanager
    def open(self) -> Iterator["OpenInstallation"]:
        """The application of this configuration, in this process."""
        settings = load(self.config, environ={})
        with open_configured_ledger(settings, self.clock) as ledger:
            yield OpenInstallation(build_application(settings, self.clock, ledger, Event()))

    @contextmanager
    def open_after_a_run(self) -> Iterator["OpenInstallation"]:
        """The application, started again after its first run, in which no part failed.

        That run is made once per process for each configuration, staff and device list, and its database is copied. What
        other systems hold at the first run has to follow from the configuration.
        """
        configuration = _LOOPBACK_PORT.sub("", self.config.read_text(encoding="utf-8"))
        contents = repr((configuration, self.staff, self.devices))
        if contents in _databases_after_a_run:
            self.database.write_bytes(_databases_after_a_run[contents])
        else:
            with self.open() as opened:
                assert {pulled.verdict for pulled in opened.run().pulled} <= {Verdict.COMPLETE, Verdict.UNCHANGED}
            _databases_after_a_run[contents] = self.database.read_bytes()
        with self.open() as opened:
            yield opened


class OpenInstallation:
    """An application with its newest snapshot."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.ledger = application.ledger

    def run(self, *names: str) -> sync.RunReport:
        """One run of all sources, or of those named."""
        return sync.run(self.application.run_context, self.due(*names))

    def due(self, *names: str) -> list[Any]:
        return [
            (source, part)
            for source in self.application.sources
            for part in source.parts
            if not names or source.name in names
        ]

    def dry_run(self) -> sync.DryRun:
        run_context = with_memory_staging(self.application).run_context
        return sync.plan_dry_run(run_context, sync.pull_side_by_side(run_context, self.due()))

    def stored_bodies(self) -> list[str]:
        """The bodies of all records in the database, staged ones apart."""
        with self.ledger._read_transaction() as connection:
            return [body for body in connection.execute(select(tables.record.c.body)).scalars() if body]

    @property
    def snapshot(self) -> Snapshot:
        return sync.rebuild_snapshot(self.application.run_context)

    def count(self, measure: str, unit: str = SCHOOL, entitlement: str = "staff") -> int:
        """A number of a unit, all further labels added up."""
        numbers = self.snapshot.numbers[f"fleetsync_{measure}"]
        return int(sum(number for labels, number in numbers.items() if labels[:2] == (unit, entitlement)))

    def part(self, name: str) -> PartState:
        """The state of SOURCE/PART."""
        states = self.ledger.part_states(self.application.run_context.parts())
        return next(state for state in states if state.name == name)
