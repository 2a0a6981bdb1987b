"""A small municipality for each kind of source that is read over HTTP, with the vendor's stand-in as its server.

Every town has employees or pupils with a device each, so that a wrong reading of any part could show in the numbers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from fleetsync.demo.apple import AppleStub
from fleetsync.demo.builder import WorldBuilder
from fleetsync.demo.days import DEMO_DAY
from fleetsync.demo.google_admin import ADMINISTRATOR, GoogleAdminStub
from fleetsync.demo.graph import SECRET as GRAPH_SECRET
from fleetsync.demo.graph import GraphStub
from fleetsync.demo.jamf_pro import CLIENT as JAMF_PRO_CLIENT
from fleetsync.demo.jamf_pro import SECRET as JAMF_PRO_SECRET
from fleetsync.demo.jamf_pro import JamfProStub
from fleetsync.demo.jamf_school import API_KEY, NETWORK_ID, JamfSchoolStub
from fleetsync.demo.model import SourceRow
from fleetsync.demo.oneroster import CLIENT as ONEROSTER_CLIENT
from fleetsync.demo.oneroster import SECRET as ONEROSTER_SECRET
from fleetsync.demo.oneroster import OneRosterStub
from fleetsync.demo.register import RegisterContents
from fleetsync.demo.snipeit import TOKEN, SnipeItStub
from fleetsync.demo.ss12000 import CLIENT as REGISTER_CLIENT
from fleetsync.demo.ss12000 import SECRET as REGISTER_SECRET
from fleetsync.demo.ss12000 import Ss12000Stub
from fleetsync.demo.stub_server import StubServer
from fleetsync.demo.units import DEMO_UNITS
from fleetsync.demo.world import DemoWorld
from tests.connectors import test_apple_stand_in as apple_rows
from tests.connectors import test_entra_users_stand_in as entra_rows
from tests.connectors import test_google_admin_stand_in as google_rows
from tests.connectors import test_intune_stand_in as intune_rows
from tests.connectors import test_jamf_pro_stand_in as jamf_pro_rows
from tests.connectors import test_jamf_school_stand_in as jamf_school_rows
from tests.connectors import test_oneroster_stand_in as oneroster_rows
from tests.connectors import test_snipeit_stand_in as snipeit_rows
from tests.connectors import test_ss12000_stand as register_rows
from tests.flow.installation import (
    MORNING,
    OTHER_COST_CENTRE,
    Installation,
    SharedClock,
    StaffFileRow,
    device,
    login,
    serial,
)
from tests.torture.files import LISTS, DeliveredList

LARGE, SMALL = 48, 6  # employees of the two schools
PEOPLE = LARGE + SMALL
LIST_ROWS = "list"
Rows = dict[str, Sequence[SourceRow]]


@dataclass(frozen=True)
class Listing:
    """A listing of a server that a part is read from. *part*: SOURCE/PART. *rows*: its name among the rows of the town.

    *is_plain*: its server only shows the rows, so that anything may stand in them.
    """

    part: str
    path: str
    rows: str
    is_plain: bool = True


@dataclass
class Town:
    """A running installation, the server of one kind of source, and the rows that this server holds just now.

    *delivered*: the list, where the source reads files and has no server.
    """

    kind: str
    installation: Installation
    server: StubServer | None
    listings: Sequence[Listing]
    rows: Rows = field(default_factory=dict)
    delivered: DeliveredList | None = None
    pages: dict[str, int] = field(default_factory=dict)  # requests of a listing, by path, as they were counted

    def begin_anew(self) -> None:
        """Put clock and lists to where they were at the first run."""
        self.installation.clock.set(MORNING)
        if self.delivered is not None:
            self.delivered.begin_anew()

    def pass_time(self, *, days: bool) -> None:
        """Let a day or an hour pass; then the list of the day is there, as its rows are just now."""
        self.installation.advance_clock(**({"days": 1} if days else {"hours": 1}))
        if self.delivered is not None:
            self.delivered.rows = self.rows[LIST_ROWS]
            self.delivered.deliver()


TownBuilder = Callable[[Path, ExitStack], Town]


@contextmanager
def running_town(kind: str, folder: Path) -> Iterator[Town]:
    """The town of a kind, with its servers answering."""
    with ExitStack() as running:
        yield TOWNS[kind](folder, running)


def _installation(folder: Path) -> Installation:
    """The employees of two schools. Their clock lets no time pass while something waits."""
    built = Installation(folder, people=PEOPLE, page=20)
    built.staff = [StaffFileRow(n=n) for n in range(1, LARGE + 1)]
    built.staff += [StaffFileRow(n=n, centre=OTHER_COST_CENTRE) for n in range(LARGE + 1, PEOPLE + 1)]
    return built


def _start(
    built: Installation, running: ExitStack, server: StubServer, secrets: Mapping[str, str] | None = None
) -> None:
    running.enter_context(server)
    running.enter_context(built)
    for name, text in (secrets or {}).items():
        built.write_secret(name, text)


def _employees() -> range:
    return range(1, PEOPLE + 1)


# --- one town a kind --------------------------------------------------------------------------------------------------


def _intune(folder: Path, running: ExitStack) -> Town:
    rows: Rows = {
        "devices": [device(n, operatingSystem="Windows", manufacturer="LENOVO") for n in _employees()],
        "autopilot": [intune_rows.autopilot(n) for n in _employees()],
    }
    stub = GraphStub(
        lambda: rows["devices"],
        listings={"autopilot": lambda: rows["autopilot"]},
        largest_page=20,
    )
    built = _installation(folder)
    left_out = [name for name in intune_rows.EXTRAS if name != "autopilot"]
    built.names = ("personal",)
    built.more = intune_rows.TABLE.format(address=stub.stub_server.address) + f"without = {left_out}\n".replace(
        "'", '"'
    )
    _start(built, running, stub.stub_server, {"intune": GRAPH_SECRET})
    listings = (
        Listing("intune/devices", "/v1.0/deviceManagement/managedDevices", "devices"),
        Listing("intune/autopilot", "/v1.0/deviceManagement/windowsAutopilotDeviceIdentities", "autopilot"),
    )
    return Town("intune", built, stub.stub_server, listings, rows)


def _entra_users(folder: Path, running: ExitStack) -> Town:
    rows: Rows = {"users": [entra_rows.user(n) for n in _employees()]}
    built = _installation(folder)
    stub = GraphStub(lambda: built.devices, listings={"users": lambda: rows["users"]}, largest_page=20)
    entra_rows.configure(built, stub)
    _start(built, running, stub.stub_server)
    return Town("entra_users", built, stub.stub_server, (Listing("entra/users", entra_rows.USERS, "users"),), rows)


def _jamf_school(folder: Path, running: ExitStack) -> Town:
    school = jamf_school_rows.School()
    rows: Rows = {
        **school.rows(),
        "devices": [jamf_school_rows.ipad(n) for n in _employees()],
        "users": [{"id": n, "username": login(n), "email": login(n)} for n in _employees()],
    }
    stub = JamfSchoolStub(lambda: rows)
    built = _installation(folder)
    built.names = ("personal",)
    built.more = jamf_school_rows.TABLE.format(base_url=stub.base_url, network_id=NETWORK_ID)
    _start(built, running, stub.stub_server, {"jamf-school": API_KEY})
    parts = {"locations": "units", "users/groups": "groups", "devices": "devices"}
    listings = [Listing(f"jamf-school/{part}", f"/api/{name}", name) for name, part in parts.items()]
    return Town("jamf_school", built, stub.stub_server, listings, rows)


def _jamf_pro(folder: Path, running: ExitStack) -> Town:
    fleet = jamf_pro_rows.Fleet()
    rows: Rows = {
        **fleet.rows,
        "computers-inventory": [jamf_pro_rows.mac(n) for n in range(1, LARGE + 1)],
        "mobile-devices/detail": [jamf_pro_rows.ipad(n) for n in range(LARGE + 1, PEOPLE + 1)],
        "device-enrollments/7/devices": [jamf_pro_rows.bought(n) for n in _employees()],
    }
    stub = JamfProStub(lambda: rows, largest_page=20, versions=("v4",))
    built = _installation(folder)
    built.names = ("personal",)
    built.more = jamf_pro_rows.TABLE.format(base_url=stub.base_url, client=JAMF_PRO_CLIENT)
    _start(built, running, stub.stub_server, {"jamf-pro": JAMF_PRO_SECRET})
    listings = (
        Listing("jamf-pro/computers", jamf_pro_rows.COMPUTERS, "computers-inventory"),
        Listing("jamf-pro/mobile_devices", jamf_pro_rows.MOBILE_DEVICES, "mobile-devices/detail"),
    )
    return Town("jamf_pro", built, stub.stub_server, listings, rows)


def _google_admin(folder: Path, running: ExitStack) -> Town:
    rows: Rows = {
        **google_rows.Customer().rows(),
        "devices/chromeos": [google_rows.chromebook(n) for n in _employees()],
        "users": [{"id": f"10912345{n:012}", "primaryEmail": login(n)} for n in _employees()],
    }
    stub = GoogleAdminStub(lambda: rows, largest_page=20)
    built = _installation(folder)
    keys = {"base_url": stub.base_url, "administrator": ADMINISTRATOR, "customer": "my_customer"}
    built.names, built.more = ("personal",), google_rows.TABLE.format(**keys)
    _start(built, running, stub.stub_server, {"google-admin": stub.key_file()})
    listings = (
        Listing("google-admin/devices", google_rows.DEVICES_PATH, "devices/chromeos"),
        Listing("google-admin/users", "/admin/directory/v1/users", "users"),
    )
    return Town("google_admin", built, stub.stub_server, listings, rows)


def _apple_school_manager(folder: Path, running: ExitStack) -> Town:
    serials = [serial(n) for n in _employees()]
    rows: Rows = {
        "orgDevices": [{"serialNumber": each} for each in serials],
        "mdmServers": [{"id": "1F97", "serverName": "Intune", "devices": serials}],
    }
    clock = SharedClock(MORNING)
    stub = AppleStub(lambda: rows, largest_page=20, clock=clock, requests_per_minute=None)
    built = _installation(folder)
    built.clock = clock
    built.more = apple_rows.table(stub)
    _start(built, running, stub.stub_server, {"apple.pem": stub.private_key_pem})
    listings = (
        Listing("apple-school-manager/devices", "/v1/orgDevices", "orgDevices"),
        Listing("apple-school-manager/devices", "/v1/mdmServers", "mdmServers", is_plain=False),
    )
    return Town("apple_school_manager", built, stub.stub_server, listings, rows)


def _snipeit(folder: Path, running: ExitStack) -> Town:
    rows: Rows = {
        **snipeit_rows.Inventory().rows(),
        "hardware": [snipeit_rows.asset(n) for n in _employees()],
    }
    built = _installation(folder)
    stub = SnipeItStub(lambda: rows, largest_page=20, clock=built.clock)
    built.more = snipeit_rows.TABLE.format(base_url=stub.base_url)
    _start(built, running, stub.stub_server, {"alla-inventarier": TOKEN})
    listings = (Listing("alla-inventarier/assets", "/api/v1/hardware", "hardware"),)
    return Town("snipeit", built, stub.stub_server, listings, rows)


def _oneroster(folder: Path, running: ExitStack) -> Town:
    register = oneroster_rows.Register()
    pupils = range(1, PEOPLE + 1)
    rows: Rows = {
        **register.rows(),
        "users": [*(oneroster_rows.user(n, "student", "05") for n in pupils), oneroster_rows.user(90, "teacher")],
        "enrollments": [*(oneroster_rows.enrolment(n) for n in pupils), oneroster_rows.enrolment(90, "teacher")],
    }
    stub = OneRosterStub(lambda: rows, largest_page=20)
    built = _installation(folder)
    built.names = ("intune",)
    built.more = oneroster_rows.TABLE.format(base_url=stub.base_url, token_url=stub.token_url, client=ONEROSTER_CLIENT)
    _start(built, running, stub.stub_server, {"skolregister": ONEROSTER_SECRET})
    parts = {"orgs": "units", "users": "pupils", "enrollments": "groups"}
    listings = [Listing(f"skolregister/{part}", f"{oneroster_rows.BASE}/{name}", name) for name, part in parts.items()]
    return Town("oneroster", built, stub.stub_server, listings, rows)


@cache
def _small_register() -> RegisterContents:
    """One in thirty of the learners and employees of Exempelby, and all organisations."""
    created: WorldBuilder = copy(DemoWorld(1, with_schools=True).builder)
    created.learners, created.employees = created.learners[::30], created.employees[::30]
    created.classes = created.classes[::10]
    return RegisterContents(created, DEMO_DAY)


class _Register:
    """The register, with the rows that its town holds in place of its own."""

    def __init__(self, register: RegisterContents, rows: Rows) -> None:
        self._register, self._rows = register, rows

    def __getattr__(self, name: str) -> Any:
        rows = self._rows.get(name)
        return getattr(self._register, name) if rows is None else rows


def _ss12000(folder: Path, running: ExitStack) -> Town:
    register = _small_register()
    rows: Rows = {
        name: getattr(register, name) for name in ("organisations", "groups", "persons", "placements", "duties")
    }
    stub = Ss12000Stub(lambda: _Register(register, rows), largest_page=20)  # type: ignore[arg-type, return-value]
    built = Installation(folder, people=0, page=20)
    logins = [name for row in register.persons for name in row.get("eduPersonPrincipalNames", ())]  # type: ignore[attr-defined]
    built.devices = [device(n, holder=name, userId="") for n, name in enumerate(logins, 1)]
    units = (
        f'[[unit]]\nslug = "{unit.slug}"\nname = "{unit.name}"\ncodes = {list(unit.codes)}\n'.replace("'", '"')
        for unit in DEMO_UNITS
    )
    table = register_rows.TABLE.format(base_url=stub.base_url, token_url=stub.token_url, client=REGISTER_CLIENT)
    built.names, built.more = ("intune",), "\n".join((table, *units))
    _start(built, running, stub.stub_server, {"skolregister": REGISTER_SECRET})
    path = stub.base_url.removeprefix(stub.stub_server.address)
    parts = {
        "organisations": "units",
        "persons": "pupils",
        "placements": "children",
        "duties": "staff",
        "groups": "groups",
    }
    listings = [Listing(f"skolregister/{part}", f"{path}/{name}", name) for name, part in parts.items()]
    return Town("ss12000", built, stub.stub_server, listings, rows)


def _of_list(kind: str, folder: Path, running: ExitStack) -> Town:
    part, build = LISTS[kind]
    delivered = build(folder, running)
    delivered.begin_anew()
    listings = (Listing(part, "", LIST_ROWS),)
    return Town(kind, delivered.installation, None, listings, {LIST_ROWS: delivered.rows}, delivered)


TOWNS: Mapping[str, TownBuilder] = {
    "intune": _intune,
    "entra_users": _entra_users,
    "jamf_school": _jamf_school,
    "jamf_pro": _jamf_pro,
    "google_admin": _google_admin,
    "apple_school_manager": _apple_school_manager,
    "snipeit": _snipeit,
    "oneroster": _oneroster,
    "ss12000": _ss12000,
    **{kind: partial(_of_list, kind) for kind in LISTS},
}
