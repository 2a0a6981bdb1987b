"""Jamf Pro, run as the daemon runs it, against stand-ins of a server and of the Platform API: published numbers stay."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from fleetsync.core.model import Verdict
from fleetsync.demo.jamf_pro import CLIENT, ENVIRONMENT, SECRET, JamfProStub
from fleetsync.demo.model import SourceRow
from fleetsync.demo.stub_server import FaultKind
from tests.connectors.stand_in_faults import (
    LASTING_FAULTS,
    PASSING_FAULTS,
    FaultyListing,
    findings,
    verdicts,
)
from tests.flow.installation import MORNING, SCHOOL, Installation, InstantWaitClock, OpenInstallation, login, serial

MACS, IPADS = 14, 6
PEOPLE = MACS + IPADS
DEVICES = PEOPLE + 2
TABLE = """
[[source]]
kind = "jamf_pro"
name = "jamf-pro"
base_url = "{base_url}"
client_id = "{client}"
client_secret_file = "secrets/jamf-pro"
wait_limit = "60s"
"""
PLATFORM_KEYS = 'token_url = "{token_url}"\nenvironment_id = "{environment}"\n'
COMPUTERS, MOBILE_DEVICES = "/api/v4/computers-inventory", "/api/v2/mobile-devices/detail"


def mac(n: int, **general: object) -> SourceRow:
    """The Mac of employee *n*, in contact yesterday. Its name sorts otherwise than its id."""
    return {
        "id": str(n),
        "general": {
            "name": f"Mac {100 - n}",
            "remoteManagement": {"managed": True},
            "lastCheckIn": "2026-11-23T08:31:00Z",
            "lastContact": None,
            "lastEnrolledDate": "2025-06-02T07:15:00Z",
            **general,
        },
        "hardware": {"serialNumber": serial(n), "model": "MacBook Air (13-inch, M3, 2024)"},
        "operatingSystem": {"version": "26.1"},
        "userAndLocation": {"username": login(n), "email": login(n), "buildingId": "31"},
        "purchasing": {"poNumber": "2025-071", "poDate": "2025-06-02", "warrantyDate": "2028-06-02"},
        "diskEncryption": {"bootPartitionEncryptionDetails": {"partitionFileVault2State": "ENCRYPTED"}},
    }


def ipad(n: int) -> SourceRow:
    """The iPad of employee *n*, in contact yesterday."""
    return {
        "mobileDeviceId": str(n),
        "general": {
            "displayName": f"iPad {100 - n}",
            "managed": True,
            "osVersion": "27.0.1",
            "deviceOwnershipType": "Institutional",
            "lastEnrolledDate": "2025-06-02T07:15:00Z",
            "lastInventoryUpdateDate": "2026-11-23T08:31:00Z",
        },
        "hardware": {"serialNumber": serial(n), "model": "iPad (A16)", "modelIdentifier": "iPad15,7"},
        "userAndLocation": {"username": login(n), "emailAddress": login(n), "buildingId": "31"},
    }


def bought(n: int, **fields: object) -> SourceRow:
    """Device *n* as Apple has assigned it."""
    return {
        "id": str(n),
        "deviceEnrollmentProgramInstanceId": "7",
        "serialNumber": serial(n),
        "model": "IPAD A16",
        "profileStatus": "PUSHED",
        **fields,
    }


class Fleet:
    """A small fleet: a Mac or an iPad for each employee, all bought through Apple.

    Beside them one Mac without a user, and one iPad that is still in its box.
    """

    def __init__(self) -> None:
        self.rows: dict[str, Sequence[SourceRow]] = {
            "computers-inventory": [
                *(mac(n) for n in range(1, MACS + 1)),
                {**mac(50), "userAndLocation": {"buildingId": "31"}},
            ],
            "mobile-devices/detail": [ipad(n) for n in range(MACS + 1, PEOPLE + 1)],
            "buildings": [{"id": "31", "name": "Bäckskolan"}, {"id": "32", "name": "Kommunhuset"}],
            "sites": [],
            "device-enrollments": [{"id": "7", "name": "Skolor", "tokenExpirationDate": "2027-06-12"}],
            "device-enrollments/7/devices": [
                *(bought(n) for n in range(1, PEOPLE + 2)),
                bought(99, profileStatus="REMOVED"),
            ],
        }

    def all_rows(self) -> Mapping[str, Sequence[SourceRow]]:
        return self.rows


def stub(fleet: Fleet, **options: Any) -> JamfProStub:
    return JamfProStub(fleet.all_rows, largest_page=5, **options)


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture
def jamf(fleet: Fleet) -> Iterator[JamfProStub]:
    server = stub(fleet, versions=("v4",))
    with server.stub_server:
        yield server


@pytest.fixture
def installation(jamf: JamfProStub, tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, people=PEOPLE) as built:
        configure(built, jamf)
        yield built


@pytest.fixture
def opened(installation: Installation) -> Iterator[OpenInstallation]:
    with installation.open() as application:
        yield application


def configure(installation: Installation, jamf: JamfProStub, more: str = "", **keys: str) -> None:
    """The configuration for *jamf*, with other *keys* of the table, a wrong secret among them."""
    installation.names = ("personal",)
    installation.more = TABLE.format(**{"base_url": jamf.base_url, "client": CLIENT} | keys) + more
    installation.write()
    installation.write_secret("jamf-pro", keys.get("secret", SECRET))


def token_requests(jamf: JamfProStub) -> int:
    return sum(request.method == "POST" for request in jamf.stub_server.log)


# --- numbers ----------------------------------------------------------------------------------------------------------


def test_each_employee_has_a_working_device_and_what_is_in_its_box_covers_nobody(opened: OpenInstallation) -> None:
    assert set(verdicts(opened).values()) == {Verdict.COMPLETE}

    assert [opened.count(measure) for measure in ("entitled", "assigned", "covered")] == [PEOPLE] * 3
    devices = opened.snapshot.numbers["fleetsync_devices"]
    assert sum(devices.values()) == DEVICES
    assert sum(number for labels, number in devices.items() if labels[0] == SCHOOL) == PEOPLE + 1  # by its building
    assert [kept.name for kept in opened.part("jamf-pro/purchases").credentials] == ["device enrolment token Skolor"]


def test_a_server_that_cuts_its_pages_is_read_whole(opened: OpenInstallation, jamf: JamfProStub) -> None:
    opened.run()

    pages = [request for request in jamf.stub_server.log if request.path == COMPUTERS]
    assert len(pages) == 3  # of 5 each, though 500 were asked for


LISTING = FaultyListing("jamf-pro/computers", COMPUTERS, skip=1)


@pytest.mark.parametrize("fault", [*PASSING_FAULTS, "token_expires", "unauthorised", "forbidden", "missing"])
def test_a_fault_in_the_middle_of_a_listing_that_passes_changes_no_number(
    jamf: JamfProStub, installation: Installation, fault: FaultKind
) -> None:
    LISTING.check_passing(fault, jamf.stub_server, installation)


@pytest.mark.parametrize("fault", [*LASTING_FAULTS, "loop"])
def test_a_fault_that_stays_fails_its_part_alone_and_changes_no_number(
    jamf: JamfProStub, installation: Installation, fault: FaultKind
) -> None:
    LISTING.check_lasting(fault, jamf.stub_server, installation)


def test_a_short_list_of_what_apple_assigned_is_no_list(opened: OpenInstallation, jamf: JamfProStub) -> None:
    jamf.stub_server.fail("/api/v1/device-enrollments/7/devices", "lost_rows", times=999)

    assert verdicts(opened)["jamf-pro/purchases"] is Verdict.FAILED


def test_rows_that_move_between_pages_are_noticed_by_the_total_and_read_again(
    opened: OpenInstallation, jamf: JamfProStub
) -> None:
    jamf.stub_server.fail(COMPUTERS, "duplicate", skip=1)

    (pulled,) = (each for each in opened.run().pulled if each.part == "computers")

    assert pulled.restarted_from is not None
    assert pulled.effect is not None
    assert pulled.effect.seen == MACS + 1


def test_a_token_of_a_minute_is_renewed_inside_a_listing(fleet: Fleet, tmp_path: Path) -> None:
    clock = InstantWaitClock(MORNING)

    class SlowFleet(Fleet):
        def all_rows(self) -> Mapping[str, Sequence[SourceRow]]:
            clock.wait(31, Event())  # every response takes half a minute: a token is good for one
            return fleet.rows

    jamf = stub(SlowFleet(), token_seconds=60, clock=clock)
    with jamf.stub_server, Installation(tmp_path, people=PEOPLE) as installation:
        configure(installation, jamf)
        with installation.open() as opened:
            outcome = verdicts(opened)
            covered = opened.count("covered")

    assert set(outcome.values()) == {Verdict.COMPLETE}
    assert covered == PEOPLE
    assert [each.status for each in jamf.stub_server.log if each.path == COMPUTERS] == [200, 401, 200, 200]
    assert token_requests(jamf) == 4


@pytest.mark.parametrize("versions", [("v4", "v3"), ("v3", "v2", "v1"), ("v1",)])
def test_every_version_of_the_inventory_gives_the_same_numbers(
    fleet: Fleet, tmp_path: Path, versions: tuple[str, ...]
) -> None:
    jamf = stub(fleet, versions=versions)
    with jamf.stub_server, Installation(tmp_path, people=PEOPLE) as installation:
        configure(installation, jamf)
        with installation.open() as opened:
            opened.run()

            assert [opened.count(measure) for measure in ("entitled", "covered")] == [PEOPLE] * 2
            assert sum(opened.snapshot.numbers["fleetsync_devices"].values()) == DEVICES


def test_a_missing_privilege_costs_its_part_alone(opened: OpenInstallation, jamf: JamfProStub) -> None:
    jamf.privileges -= {"Read Device Enrollment Program Instances"}

    outcome = verdicts(opened)

    assert outcome.pop("jamf-pro/purchases") is Verdict.FAILED
    assert set(outcome.values()) == {Verdict.COMPLETE}
    assert opened.count("covered") == PEOPLE


# --- by the Platform API ----------------------------------------------------------------------------------------------


@pytest.fixture
def platform(fleet: Fleet) -> Iterator[JamfProStub]:
    server = stub(fleet, is_platform=True, versions=("v4", "v3"), token_seconds=900)
    with server.stub_server:
        yield server


@pytest.fixture
def platform_installation(platform: JamfProStub, tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, people=PEOPLE) as built:
        yield built


def platform_keys(platform: JamfProStub, environment: str = ENVIRONMENT) -> str:
    return PLATFORM_KEYS.format(token_url=platform.token_url, environment=environment)


def test_by_the_platform_api_the_numbers_are_the_same(
    platform_installation: Installation, platform: JamfProStub
) -> None:
    configure(platform_installation, platform, platform_keys(platform))
    with platform_installation.open() as opened:
        assert set(verdicts(opened).values()) == {Verdict.COMPLETE}
        assert [opened.count(measure) for measure in ("entitled", "covered")] == [PEOPLE] * 2


@pytest.mark.parametrize(
    ("keys", "more", "sentence"),
    [
        ({}, 'token_url = "{token_url}"\n', "REQUEST_CONTEXT_NOT_PROVIDED"),
        ({}, PLATFORM_KEYS.replace("{environment}", "e7-another"), "OWNERSHIP_FORBIDDEN"),
        ({"base_url": "{address}/api"}, PLATFORM_KEYS, "another host"),
        ({"secret": "fel-hemlighet"}, PLATFORM_KEYS, "no token from"),
    ],
)
def test_a_check_by_the_platform_api_tells_its_mistakes_apart(
    platform_installation: Installation, platform: JamfProStub, keys: dict[str, str], more: str, sentence: str
) -> None:
    names = {"token_url": platform.token_url, "environment": ENVIRONMENT, "address": platform.stub_server.address}
    keys = {key: value.format(**names) for key, value in keys.items()}
    configure(platform_installation, platform, more.format(**names), **keys)
    with platform_installation.open() as opened:
        results = findings(opened, "jamf_pro")

    assert sentence in results["computers"].what
    assert not results["computers"].ok
    assert SECRET not in str(results)
    assert "fel-hemlighet" not in str(results)


# --- what a check says of a server ------------------------------------------------------------------------------------


def test_a_check_of_a_client_with_all_privileges_says_what_can_be_read(opened: OpenInstallation) -> None:
    results = findings(opened, "jamf_pro")

    assert all(result.ok for result in results.values())
    assert results["computers"].what == "computers can be read"


def test_a_check_tells_a_missing_privilege_from_the_others(opened: OpenInstallation, jamf: JamfProStub) -> None:
    jamf.privileges -= {"Read Mobile Devices"}

    results = findings(opened, "jamf_pro")

    assert [part for part, result in results.items() if not result.ok] == ["mobile_devices"]
    assert "Grant the permission Read Mobile Devices to the API role" in results["mobile_devices"].remedy


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"base_url": "{address}"}, "there is no token endpoint at that address"),
        ({"secret": "fel-hemlighet"}, "the client id, or the secret or key that proves it, is wrong"),
        ({"client": "another-client"}, "the client id, or the secret or key that proves it, is wrong"),
    ],
)
def test_a_check_tells_a_wrong_address_and_a_wrong_secret_apart(
    installation: Installation, jamf: JamfProStub, keys: dict[str, str], sentence: str
) -> None:
    keys = {key: value.format(address=jamf.stub_server.address) for key, value in keys.items()}
    configure(installation, jamf, **keys)
    with installation.open() as opened:
        results = findings(opened, "jamf_pro")

    assert all(sentence in result.what for result in results.values())
    assert "fel-hemlighet" not in str(results)
