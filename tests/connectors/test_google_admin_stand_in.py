"""Google Admin, run as the daemon runs it, against a stand-in with the vendor's traps: published numbers stay."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from fleetsync.clock import Clock
from fleetsync.core.model import Verdict
from fleetsync.demo.google_admin import ADMINISTRATOR, CUSTOMER, LISTINGS, GoogleAdminStub
from fleetsync.demo.model import SourceRow
from fleetsync.demo.stub_server import FaultKind
from tests.connectors.stand_in_faults import (
    LASTING_FAULTS,
    PASSING_FAULTS,
    FaultyListing,
    findings,
    verdicts,
)
from tests.flow.installation import (
    SCHOOL,
    Installation,
    InstantWaitClock,
    OpenInstallation,
    StaffFileRow,
    login,
    serial,
)

PEOPLE = 14
DEVICES_PATH = "/admin/directory/v1/customer/my_customer/devices/chromeos"
TABLE = """
[[source]]
kind = "google_admin"
name = "google-admin"
base_url = "{base_url}"
service_account_file = "secrets/google-admin"
administrator = "{administrator}"
customer = "{customer}"
wait_limit = "60s"

[[unit_map]]
source = "google-admin"
field = "location"
pattern = "/Skolor/Bäckskolan/*"
unit = "backskolan"
"""


def chromebook(n: int, **fields: object) -> SourceRow:
    """The Chromebook of employee *n*, in contact yesterday."""
    return {
        "deviceId": f"3f1b7c2e-0000-4000-8000-{n:012}",
        "serialNumber": serial(n),
        "status": "ACTIVE",
        "annotatedUser": login(n),
        "annotatedAssetId": f"VRE-{n:04}",
        "annotatedLocation": "Vagn 2",
        "model": "HP Chromebook 11 G9 EE",
        "osVersion": "139.0.7258.137",
        "lastSync": "2026-11-23T08:31:00.003Z",
        "lastEnrollmentTime": "2025-08-18T07:00:00.000Z",
        "orgUnitPath": "/Skolor/Bäckskolan/Personal",
        "autoUpdateThrough": "2031-06-30",
        **fields,
    }


def organisational_unit(number: int, path: str, above: int) -> SourceRow:
    return {
        "orgUnitId": f"id:03ph8a2z{number}",
        "name": path.rpartition("/")[2],
        "orgUnitPath": path,
        "parentOrgUnitId": f"id:03ph8a2z{above}",
        "parentOrgUnitPath": path.rpartition("/")[0] or "/",
    }


class Customer:
    """A small customer: a school, its employees and a Chromebook each.

    Beside them one that nobody has, one with a note in place of a user, one not enrolled yet, and two deprovisioned.
    """

    def __init__(self) -> None:
        self.devices = [
            *(chromebook(n) for n in range(1, PEOPLE + 1)),
            chromebook(15, annotatedUser="", orgUnitPath="/Skolor/Bäckskolan"),
            chromebook(16, annotatedUser="Tuva Exempel 6B"),
            chromebook(17, status="PRE_PROVISIONED", annotatedUser="", lastSync="", lastEnrollmentTime=""),
            chromebook(18, status="DEPROVISIONED", annotatedUser=login(1)),
            chromebook(19, status="DEPROVISIONED", annotatedUser=login(2)),
        ]

    def rows(self) -> Mapping[str, Sequence[SourceRow]]:
        return {
            "devices/chromeos": self.devices,
            "users": [{"id": f"10912345{n:012}", "primaryEmail": login(n)} for n in range(1, PEOPLE + 1)],
            "orgunits": [
                organisational_unit(10, "/Skolor", 0),
                organisational_unit(11, "/Skolor/Bäckskolan", 10),
                organisational_unit(12, "/Skolor/Bäckskolan/Personal", 11),
                organisational_unit(20, "/Konton", 0),
            ],
        }


@pytest.fixture
def customer() -> Customer:
    return Customer()


@pytest.fixture
def google(customer: Customer) -> Iterator[GoogleAdminStub]:
    stub = GoogleAdminStub(customer.rows, largest_page=7)
    with stub.stub_server:
        yield stub


@pytest.fixture
def installation(google: GoogleAdminStub, tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, people=PEOPLE) as built:
        configure(built, google)
        yield built


@pytest.fixture
def opened(installation: Installation) -> Iterator[OpenInstallation]:
    with installation.open() as application:
        yield application


def configure(installation: Installation, google: GoogleAdminStub, key_file: str = "", **keys: str) -> None:
    """The configuration for *google*, with another *key_file* and other *keys* of the table."""
    usual = {"base_url": google.base_url, "administrator": ADMINISTRATOR, "customer": "my_customer"}
    installation.names = ("personal",)
    installation.more = TABLE.format(**usual | keys)
    installation.write()
    installation.write_secret("google-admin", key_file or google.key_file())


def listed(google: GoogleAdminStub) -> list[int]:
    """The statuses of all requests for a page of devices."""
    return [request.status for request in google.stub_server.log if request.path == DEVICES_PATH]


# --- numbers ----------------------------------------------------------------------------------------------------------


def test_each_employee_has_a_working_chromebook_and_what_is_retired_or_not_enrolled_covers_nobody(
    opened: OpenInstallation,
) -> None:
    assert set(verdicts(opened).values()) == {Verdict.COMPLETE}

    assert [opened.count(measure) for measure in ("entitled", "assigned", "covered")] == [PEOPLE] * 3
    numbers = opened.snapshot.numbers["fleetsync_devices"]
    devices = {(labels[0], labels[-1]): number for labels, number in numbers.items() if number}
    assert devices == {
        (SCHOOL, "in_use"): PEOPLE + 1,  # somebody has the one with a note, and nobody can tell who
        (SCHOOL, "unsorted"): 1,
        (SCHOOL, "ordered"): 1,
        (SCHOOL, "retired"): 2,
    }


def test_a_unit_that_lists_the_path_of_an_organisational_unit_has_all_below_it(
    installation: Installation, google: GoogleAdminStub
) -> None:
    text = installation.config.read_text(encoding="utf-8").replace('"3101"', '"3101", "/skolor/bäckskolan"')
    installation.config.write_text(text.partition("[[unit_map]]")[0] + text.partition('unit = "backskolan"')[2])
    with installation.open() as opened:
        opened.run()
        devices = opened.snapshot.numbers["fleetsync_devices"]

    assert sum(number for labels, number in devices.items() if labels[0] == SCHOOL) == PEOPLE + 5


def test_an_organisational_unit_without_a_unit_is_no_finding(opened: OpenInstallation) -> None:
    opened.run()

    kinds = {labels[1] for labels, number in opened.snapshot.numbers["fleetsync_gaps"].items() if number}
    assert "unsorted" in kinds
    assert "unmapped_unit" not in kinds


def test_a_listing_in_pages_of_the_servers_own_size_is_read_whole(
    opened: OpenInstallation, google: GoogleAdminStub
) -> None:
    opened.run()

    assert listed(google) == [200] * 3  # 19 devices, of which a page holds seven


LISTING = FaultyListing("google-admin/devices", DEVICES_PATH, skip=1)
UNNOTICEABLE: frozenset[FaultKind] = frozenset({"lost_rows"})  # there is no total: the guard sees it


@pytest.mark.parametrize(
    "fault",
    [
        *(fault for fault in PASSING_FAULTS if fault not in {"loop", *UNNOTICEABLE}),
        "token_expires", "page_token_expired", "unauthorised", "forbidden", "missing",
    ],
)  # fmt: skip
def test_a_fault_in_the_middle_of_a_listing_that_passes_changes_no_number(
    google: GoogleAdminStub, installation: Installation, fault: FaultKind
) -> None:
    LISTING.check_passing(fault, google.stub_server, installation)


@pytest.mark.parametrize(
    "fault",
    [
        *(fault for fault in LASTING_FAULTS if fault not in {"empty_page", *UNNOTICEABLE}),
        "loop", "page_token_expired",
    ],
)  # fmt: skip
def test_a_fault_that_stays_fails_its_part_alone_and_changes_no_number(
    google: GoogleAdminStub, installation: Installation, fault: FaultKind
) -> None:
    LISTING.check_lasting(fault, google.stub_server, installation)


def test_a_listing_that_ends_early_is_held_and_changes_no_number(
    opened: OpenInstallation, google: GoogleAdminStub, installation: Installation
) -> None:
    with LISTING.check_held(opened, installation):
        google.stub_server.fail(DEVICES_PATH, "lost_rows", skip=1)


def test_throttling_by_403_is_waited_out_and_no_missing_right(
    opened: OpenInstallation, google: GoogleAdminStub
) -> None:
    google.stub_server.fail(DEVICES_PATH, "too_many_silent", times=3, skip=1)

    assert verdicts(opened)["google-admin/devices"] is Verdict.COMPLETE
    assert listed(google) == [200, 403, 403, 403, 200, 200]


class SlowCustomer(Customer):
    """A customer whose answers take *seconds* each."""

    def __init__(self, clock: InstantWaitClock, seconds: float) -> None:
        super().__init__()
        self._clock, self._seconds = clock, seconds

    def rows(self) -> Mapping[str, Sequence[SourceRow]]:
        self._clock.wait(self._seconds, Event())
        return super().rows()


def read_slowly(folder: Path, seconds: float, **options: Any) -> tuple[GoogleAdminStub, Mapping[str, Verdict]]:
    """What a run comes to where each answer takes *seconds* on the clock of the stand-in."""
    clock = InstantWaitClock(Clock().now())  # the library signs with the time of the machine
    stub = GoogleAdminStub(SlowCustomer(clock, seconds).rows, largest_page=7, clock=clock, **options)
    with stub.stub_server, Installation(folder, people=PEOPLE) as installation:
        configure(installation, stub)
        with installation.open() as opened:
            return stub, verdicts(opened)


def test_a_page_token_that_outlives_its_hour_begins_the_listing_again_and_then_fails(tmp_path: Path) -> None:
    stub, outcome = read_slowly(tmp_path, 2000, token_seconds=100_000)

    assert outcome["google-admin/devices"] is Verdict.FAILED
    assert listed(stub) == [200, 200, 400] * 2


def test_a_token_that_ends_inside_a_listing_is_renewed(tmp_path: Path) -> None:
    stub, outcome = read_slowly(tmp_path, 50, token_seconds=90)

    assert set(outcome.values()) == {Verdict.COMPLETE}
    assert listed(stub) == [200, 200, 401, 200]


def test_a_fleet_that_looks_half_as_large_is_held(
    opened: OpenInstallation, customer: Customer, installation: Installation
) -> None:
    opened.run()
    before = opened.snapshot.numbers
    installation.advance_clock(hours=1)
    customer.devices = customer.devices[: PEOPLE // 2]

    assert [held.effect.part for held in opened.run().held] == ["devices"]
    assert opened.snapshot.numbers == before


def test_an_unauthorised_scope_costs_its_part_alone(opened: OpenInstallation, google: GoogleAdminStub) -> None:
    google.scopes -= {LISTINGS["users"].scope}

    outcome = verdicts(opened)

    assert outcome.pop("google-admin/users") is Verdict.FAILED
    assert set(outcome.values()) == {Verdict.COMPLETE}
    assert opened.count("covered") == PEOPLE


# --- privacy ----------------------------------------------------------------------------------------------------------


def test_a_protected_person_is_hidden_in_users_and_devices(installation: Installation) -> None:
    installation.staff[2] = StaffFileRow(n=3, mark="Sekretessmarkering")
    installation.write_staff(installation.today)
    with installation.open() as opened:
        for _ in range(2):  # the mark may arrive beside the devices: from the second pull on it is known before
            opened.run()
            installation.advance_clock(hours=1)
        bodies = opened.stored_bodies()

        assert (opened.count("covered"), opened.count("covered", "central")) == (PEOPLE - 1, 1)
    (device,) = (body for body in bodies if serial(3) in body)
    assert not [word for word in ("Personal", "Vagn", '"location"', '"tag"') if word in device]
    assert login(3) not in "".join(bodies)


def test_a_name_written_in_place_of_a_user_is_stored_nowhere(opened: OpenInstallation) -> None:
    opened.run()

    assert "Tuva Exempel" not in "".join(opened.stored_bodies())


def test_who_used_a_device_last_is_never_asked_for(opened: OpenInstallation, customer: Customer) -> None:
    customer.devices = [
        {**row, "recentUsers": [{"type": "USER_TYPE_MANAGED", "email": login(1)}], "annotatedUser": ""}
        for row in customer.devices
    ]
    opened.run()

    assert opened.count("assigned") == 0


# --- what a check says ------------------------------------------------------------------------------------------------


def test_a_check_of_an_account_with_all_rights_says_what_can_be_read(opened: OpenInstallation) -> None:
    results = findings(opened, "google_admin")

    assert all(result.ok for result in results.values())
    assert [result.what for result in results.values()] == [
        "units can be read", "users can be read", "devices can be read",
    ]  # fmt: skip


def test_a_check_tells_an_unauthorised_scope_from_a_missing_privilege(
    opened: OpenInstallation, google: GoogleAdminStub
) -> None:
    google.scopes -= {LISTINGS["users"].scope}
    google.privileges -= {"orgunits"}

    results = findings(opened, "google_admin")

    assert [part for part, result in results.items() if not result.ok] == ["units", "users"]
    assert "Grant the permission Organizational Units > Read" in results["units"].what
    assert "delegate each of them" in results["users"].what
    assert LISTINGS["users"].scope in results["users"].remedy


@pytest.mark.parametrize(
    ("keys", "key_fields", "sentence"),
    [
        ({"base_url": "{address}/v2"}, {}, "The base address is wrong"),
        ({"customer": "C0another"}, {}, "refused the request (400)"),
        ({"administrator": "okand@exempelby.se"}, {}, "Invalid email or User ID"),
        ({}, {"private_key_id": "deleted"}, "Invalid JWT Signature"),
        ({}, {"client_email": "another@exempelby-it.iam.gserviceaccount.com"}, "issuer or audience is wrong"),
        ({}, {"private_key": "no key"}, "is not an RSA key in PEM form"),
    ],
)
def test_a_check_tells_mistakes_apart(
    google: GoogleAdminStub,
    installation: Installation,
    keys: dict[str, str],
    key_fields: dict[str, str],
    sentence: str,
) -> None:
    keys = {key: value.format(address=google.stub_server.address) for key, value in keys.items()}
    configure(installation, google, google.key_file(**key_fields), **keys)
    with installation.open() as opened:
        results = findings(opened, "google_admin")

    assert not any(result.ok for result in results.values())
    assert all(sentence in result.what for result in results.values())
    assert "PRIVATE KEY" not in str(results)


@pytest.mark.parametrize("name", ["my_customer", CUSTOMER])
def test_the_customer_may_be_named_by_its_id(google: GoogleAdminStub, installation: Installation, name: str) -> None:
    configure(installation, google, customer=name)
    with installation.open() as opened:
        assert set(verdicts(opened).values()) == {Verdict.COMPLETE}
