"""Snipe-IT, run as the daemon runs it, against a stand-in with its traps: published numbers stay."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from fleetsync.core.model import Verdict
from fleetsync.demo.model import SourceRow
from fleetsync.demo.snipeit import TOKEN, SnipeItStub
from fleetsync.demo.stub_server import FaultKind
from tests.connectors.stand_in_faults import (
    LASTING_FAULTS,
    PASSING_FAULTS,
    FaultyListing,
    findings,
    verdicts,
)
from tests.flow.installation import (
    COST_CENTRE,
    SCHOOL,
    Installation,
    OpenInstallation,
    StaffFileRow,
    login,
    serial,
)

PEOPLE = 12
IN_STORE, SCRAPPED, UNKNOWN_TO_MDM = 13, 14, 15
TABLE = """
[[source]]
kind = "snipeit"
name = "alla-inventarier"
base_url = "{base_url}"
token_file = "secrets/alla-inventarier"
wait_limit = "60s"
"""


def asset(n: int, **fields: object) -> SourceRow:
    """The asset with the serial of device *n*, handed out to employee *n*."""
    return {
        "id": n,
        "asset_tag": f"58{n:04}",
        "serial": serial(n),
        "model": {"id": 1, "name": 'iPad (A16) 10" & fodral'},
        "status_label": {"id": 2, "name": "I drift", "status_type": "deployable", "status_meta": "deployed"},
        "category": {"id": 3, "name": "Surfplatta"},
        "manufacturer": {"id": 1, "name": "Apple"},
        "order_number": "PO-71",
        "company": None,
        "location": {"id": 2, "name": "Sal 12"},
        "assigned_to": {"id": n, "type": "user", "username": login(n), "email": login(n), "name": "Tuva Exempel"},
        "purchase_date": {"date": "2025-06-10", "formatted": "2025-06-10"},
        "warranty_expires": {"date": "2028-06-10", "formatted": "2028-06-10"},
        "created_at": {"datetime": "2025-06-12 10:00:00", "formatted": "2025-06-12"},
        **fields,
    }


class Inventory:
    """The employees' iPads, which Intune has too, and three that only the register knows."""

    def __init__(self) -> None:
        archived = {"id": 3, "name": "Skrotad", "status_type": "archived", "status_meta": "archived"}
        at_school = {"id": 2, "name": "Sal 12", "type": "location"}
        self.assets = [
            *(asset(n) for n in range(1, PEOPLE + 1)),
            asset(IN_STORE, assigned_to=None, status_label={"id": 4, "name": "Lager", "status_type": "deployable"}),
            asset(SCRAPPED, assigned_to=None, status_label=archived),
            asset(UNKNOWN_TO_MDM, assigned_to=at_school),
        ]

    def rows(self) -> Mapping[str, Sequence[SourceRow]]:
        return {
            "hardware": self.assets,
            "locations": [
                {"id": 1, "name": COST_CENTRE, "created_at": "2024-01-01"},
                {"id": 2, "name": "Sal 12", "created_at": "2024-01-01", "parent": {"id": 1, "name": COST_CENTRE}},
            ],
        }


@pytest.fixture
def inventory() -> Inventory:
    return Inventory()


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path, people=PEOPLE)


@pytest.fixture
def snipe_it(inventory: Inventory, installation: Installation) -> Iterator[SnipeItStub]:
    """Its clock is that of the application: who asks too fast is refused."""
    stub = SnipeItStub(inventory.rows, largest_page=5, clock=installation.clock)
    with stub.stub_server:
        yield stub


@pytest.fixture
def configured(installation: Installation, snipe_it: SnipeItStub) -> Iterator[Installation]:
    """The installation, with the register among its sources."""
    installation.more = TABLE.format(base_url=snipe_it.base_url)
    with installation:
        installation.write_secret("alla-inventarier", TOKEN)
        yield installation


@pytest.fixture
def opened(configured: Installation) -> Iterator[OpenInstallation]:
    with configured.open() as application:
        yield application


def stages(opened: OpenInstallation) -> dict[tuple[str, str], int]:
    numbers = opened.snapshot.numbers["fleetsync_devices"]
    return {(labels[0], labels[-1]): int(number) for labels, number in numbers.items() if number}


def test_an_ipad_of_mdm_and_register_is_one_and_the_register_alone_covers_nobody(opened: OpenInstallation) -> None:
    assert set(verdicts(opened).values()) == {Verdict.COMPLETE}

    assert [opened.count(measure) for measure in ("entitled", "assigned", "covered")] == [PEOPLE] * 3
    assert stages(opened) == {
        (SCHOOL, "in_use"): PEOPLE,
        (SCHOOL, "stock"): 1,
        (SCHOOL, "retired"): 1,
        (SCHOOL, "unsorted"): 1,
    }


LISTING = FaultyListing("alla-inventarier/assets", "/api/v1/hardware", skip=1)


@pytest.mark.parametrize("fault", PASSING_FAULTS)
def test_a_fault_that_passes_changes_no_number(
    snipe_it: SnipeItStub, configured: Installation, fault: FaultKind
) -> None:
    LISTING.check_passing(fault, snipe_it.stub_server, configured)


@pytest.mark.parametrize("fault", LASTING_FAULTS)
def test_a_fault_that_stays_fails_its_part_alone_and_changes_no_number(
    snipe_it: SnipeItStub, configured: Installation, fault: FaultKind
) -> None:
    LISTING.check_lasting(fault, snipe_it.stub_server, configured)


def test_a_server_that_shows_archived_assets_among_the_others_gives_the_same_numbers(
    opened: OpenInstallation, snipe_it: SnipeItStub, installation: Installation
) -> None:
    opened.run()
    before = opened.snapshot.numbers
    installation.advance_clock(hours=1)
    snipe_it.shows_archived = True

    assert verdicts(opened)["alla-inventarier/assets"] is Verdict.COMPLETE
    assert opened.snapshot.numbers == before


def test_half_of_the_register_gone_from_a_response_that_looks_whole_is_held(
    opened: OpenInstallation, inventory: Inventory, installation: Installation
) -> None:
    with LISTING.check_held(opened, installation):
        inventory.assets = inventory.assets[: PEOPLE // 2]


def test_where_the_register_names_another_user_the_mdm_counts(opened: OpenInstallation, inventory: Inventory) -> None:
    other = {"id": 2, "type": "user", "username": login(2), "email": login(2)}
    inventory.assets = [asset(1, assigned_to=other), *inventory.assets[1:]]

    assert set(verdicts(opened).values()) == {Verdict.COMPLETE}
    assert [opened.count(measure) for measure in ("assigned", "covered")] == [PEOPLE] * 2


def test_a_pull_of_many_pages_keeps_the_rate_of_the_server(
    opened: OpenInstallation, snipe_it: SnipeItStub, inventory: Inventory
) -> None:
    snipe_it.largest_page = 1
    inventory.assets += [asset(n, assigned_to=None, serial="") for n in range(100, 400)]

    assert verdicts(opened)["alla-inventarier/assets"] is Verdict.COMPLETE
    statuses = [request.status for request in snipe_it.stub_server.log]
    assert len(statuses) > 300
    assert set(statuses) == {200}


def test_a_protected_person_has_no_key_and_no_place_in_the_register(
    opened: OpenInstallation, installation: Installation
) -> None:
    installation.staff[2] = StaffFileRow(n=3, mark="Sekretessmarkering")
    installation.write_staff(installation.today)
    for _ in range(2):  # the mark may arrive beside the assets: from the second pull on it is known before
        opened.run()
        installation.advance_clock(hours=1)
    bodies = opened.stored_bodies()

    assert login(3) not in "".join(bodies)
    hidden = [body for body in bodies if serial(3) in body]
    assert len(hidden) == 2
    assert not [body for body in hidden if '"location"' in body or "Surfplatta" in body]


# --- what a check says ------------------------------------------------------------------------------------------------


def test_a_check_with_all_permissions_says_what_can_be_read(opened: OpenInstallation) -> None:
    results = findings(opened, "snipeit")

    assert all(result.ok for result in results.values())
    assert results["assets"].what == "/hardware can be read"


def test_a_check_tells_a_missing_permission_from_the_others(opened: OpenInstallation, snipe_it: SnipeItStub) -> None:
    snipe_it.permissions -= {"locations"}

    results = findings(opened, "snipeit")

    assert [part for part, result in results.items() if not result.ok] == ["units"]
    assert "Grant the permission View on Locations" in results["units"].what


@pytest.mark.parametrize(
    ("base_path", "token", "sentence"),
    [
        ("", TOKEN, "The base address is wrong"),
        ("/api/v2", TOKEN, "The base address is wrong"),
        ("/api/v1", "fel-token", "does not accept our credential (401)"),
    ],
)
def test_a_check_tells_a_wrong_address_and_a_wrong_token_apart(
    installation: Installation, snipe_it: SnipeItStub, base_path: str, token: str, sentence: str
) -> None:
    installation.more = TABLE.format(base_url=snipe_it.stub_server.address + base_path)
    with installation:
        installation.write_secret("alla-inventarier", token)
        with installation.open() as opened:
            results = findings(opened, "snipeit")

    assert not any(result.ok for result in results.values())
    assert all(sentence in result.what for result in results.values())
    assert TOKEN not in str(results)
    assert "fel-token" not in str(results)
