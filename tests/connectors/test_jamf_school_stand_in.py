"""Jamf School, run as the daemon runs it, against a stand-in with the vendor's traps: published numbers stay."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from fleetsync.core.model import Verdict
from fleetsync.demo.jamf_school import API_KEY, NETWORK_ID, JamfSchoolStub
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
    COST_CENTRE,
    SCHOOL,
    Installation,
    OpenInstallation,
    StaffFileRow,
    login,
    serial,
)

PEOPLE = 12
TABLE = """
[[source]]
kind = "jamf_school"
name = "jamf-school"
base_url = "{base_url}"
network_id = "{network_id}"
api_key_file = "secrets/jamf-school"
wait_limit = "60s"
"""


def ipad(n: int, **fields: object) -> SourceRow:
    """The iPad of employee *n*, in contact yesterday."""
    return {
        "UDID": f"00008103-{n:012}",
        "locationId": 1,
        "serialNumber": serial(n),
        "name": f"iPad {n}",
        "assetTag": "",
        "os": {"prefix": "iPadOS", "version": "27.0.1"},
        "model": {"name": "iPad (A16)", "identifier": "iPad15,7", "type": "iPad"},
        "owner": {"id": n, "username": login(n), "email": login(n), "name": "Tuva Exempel"},
        "groups": ("Personal",),
        "enrollType": "dep",
        "depProfile": "Personal",
        "lastCheckin": "2026-11-23 08:31:00",
        **fields,
    }


class School:
    """A small organisation: a school, its employees, an iPad each, one that nobody has and one not enrolled yet."""

    def __init__(self) -> None:
        self.devices = [
            *(ipad(n) for n in range(1, PEOPLE + 1)),
            ipad(13, owner={"id": 0}, groups=()),
            ipad(14, owner={}, enrollType="depPending", lastCheckin="", isManaged=False),
        ]

    def rows(self) -> Mapping[str, Sequence[SourceRow]]:
        return {
            "devices": self.devices,
            "users": [{"id": n, "username": login(n), "email": login(n)} for n in range(1, PEOPLE + 1)],
            "users/groups": [{"id": 7, "locationId": 1, "name": "Personal"}],
            "locations": [{"id": 1, "name": "Bäckskolan", "schoolNumber": COST_CENTRE}],
        }


@pytest.fixture
def school() -> School:
    return School()


@pytest.fixture
def jamf(school: School) -> Iterator[JamfSchoolStub]:
    stub = JamfSchoolStub(school.rows)
    with stub.stub_server:
        yield stub


@pytest.fixture
def installation(jamf: JamfSchoolStub, tmp_path: Path) -> Iterator[Installation]:
    built = Installation(tmp_path, people=PEOPLE)
    built.names = ("personal",)
    built.more = TABLE.format(base_url=jamf.base_url, network_id=NETWORK_ID)
    with built:
        built.write_secret("jamf-school", API_KEY)
        yield built


@pytest.fixture
def opened(installation: Installation) -> Iterator[OpenInstallation]:
    with installation.open() as application:
        yield application


def test_each_employee_has_a_working_ipad_and_what_is_not_enrolled_covers_nobody(opened: OpenInstallation) -> None:
    assert set(verdicts(opened).values()) == {Verdict.COMPLETE}

    assert [opened.count(measure) for measure in ("entitled", "assigned", "covered")] == [PEOPLE] * 3
    numbers = opened.snapshot.numbers["fleetsync_devices"]
    devices = {(labels[0], labels[-1]): number for labels, number in numbers.items() if number}
    assert devices == {(SCHOOL, "in_use"): PEOPLE, (SCHOOL, "unsorted"): 1, (SCHOOL, "ordered"): 1}


LISTING = FaultyListing("jamf-school/devices", "/api/devices")


@pytest.mark.parametrize("fault", [*PASSING_FAULTS, "foreign_link"])
def test_a_fault_that_passes_changes_no_number(
    jamf: JamfSchoolStub, installation: Installation, fault: FaultKind
) -> None:
    LISTING.check_passing(fault, jamf.stub_server, installation)


@pytest.mark.parametrize("fault", LASTING_FAULTS)
def test_a_fault_that_stays_fails_its_part_alone_and_changes_no_number(
    jamf: JamfSchoolStub, installation: Installation, fault: FaultKind
) -> None:
    LISTING.check_lasting(fault, jamf.stub_server, installation)


def test_half_of_the_fleet_gone_from_a_response_that_looks_whole_is_held(
    opened: OpenInstallation, school: School, installation: Installation
) -> None:
    with LISTING.check_held(opened, installation):
        school.devices = school.devices[: PEOPLE // 2]


def test_a_summer_in_which_jamf_calls_every_ipad_unmanaged_changes_no_number(
    opened: OpenInstallation, school: School, installation: Installation
) -> None:
    opened.run()
    before = opened.snapshot.numbers
    installation.advance_clock(hours=1)
    school.devices = [{**row, "isManaged": False} for row in school.devices]

    opened.run()

    assert opened.snapshot.numbers == before


def test_a_protected_person_is_hidden_in_users_and_devices_even_where_the_owner_is_only_an_id(
    installation: Installation, school: School
) -> None:
    installation.staff[2] = StaffFileRow(n=3, mark="Sekretessmarkering")
    installation.write_staff(installation.today)
    school.devices[2] = ipad(3, owner={"id": 3, "username": "tuva3", "email": ""})
    with installation.open() as opened:
        for _ in range(2):  # the mark may arrive beside the devices: from the second pull on it is known before
            opened.run()
            installation.advance_clock(hours=1)
        bodies = opened.stored_bodies()

        assert (opened.count("covered"), opened.count("covered", "central")) == (PEOPLE - 1, 1)
    (device,) = (body for body in bodies if serial(3) in body)
    assert not [word for word in ("Personal", "tuva3", '"location"', '"3"') if word in device]
    assert login(3) not in "".join(bodies)


# --- what a check says ------------------------------------------------------------------------------------------------


def test_a_check_of_a_key_with_all_rights_says_what_can_be_read(opened: OpenInstallation) -> None:
    results = findings(opened, "jamf_school")

    assert all(result.ok for result in results.values())
    assert results["groups"].what == "/users/groups can be read"


def test_a_check_tells_a_missing_right_from_the_others(opened: OpenInstallation, jamf: JamfSchoolStub) -> None:
    jamf.rights -= {"users"}

    results = findings(opened, "jamf_school")

    assert [part for part, result in results.items() if not result.ok] == ["users"]
    assert "the right read on Users is not granted" in results["users"].what


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"base_url": "{address}/v2"}, "The base address is wrong"),
        ({"protocol_version": 9}, "the version is another"),
        ({"api_key": "fel-nyckel"}, "does not accept our credential (401)"),
    ],
)
def test_a_check_tells_a_wrong_address_version_and_key_apart(
    jamf: JamfSchoolStub, installation: Installation, keys: dict[str, object], sentence: str
) -> None:
    if key := keys.get("api_key"):
        installation.write_secret("jamf-school", str(key))
    base_url = str(keys.get("base_url", jamf.base_url)).format(address=jamf.stub_server.address)
    version = f"protocol_version = {keys.get('protocol_version', 3)}\n"
    installation.more = TABLE.format(base_url=base_url, network_id=NETWORK_ID) + version
    installation.write()
    with installation.open() as opened:
        results = findings(opened, "jamf_school")

    assert not any(result.ok for result in results.values())
    assert all(sentence in result.what for result in results.values())
    assert API_KEY not in str(results)
    assert "fel-nyckel" not in str(results)
