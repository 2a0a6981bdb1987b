"""Apple School Manager and AppleCare, run as the daemon runs them, against a stand-in with the vendor's traps."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fleetsync.core.model import Verdict
from fleetsync.demo.apple import CLIENT, KEY_ID, REQUESTS_PER_MINUTE, AppleStub
from fleetsync.demo.model import SourceRow
from fleetsync.demo.stub_server import FaultKind, ServerFault, StubReply, StubServer
from fleetsync.pull.contract import SourceRefused
from tests.connectors.stand_in_faults import LASTING_FAULTS, PASSING_FAULTS, FaultyListing, findings, verdicts
from tests.flow.installation import (
    MORNING,
    SCHOOL,
    Installation,
    OpenInstallation,
    SharedClock,
    serial,
)

PEOPLE = 12
SIGN_IN = """
[[source]]
kind = "{kind}"
name = "{name}"
base_url = "{base_url}"
token_url = "{token_url}"
client_id = "{client}"
key_id = "{key_id}"
private_key_file = "secrets/apple.pem"
"""


PLACED_BY_MDM = f"""
[[unit_map]]
source = "apple-school-manager"
field = "profile"
pattern = "Intune"
unit = "{SCHOOL}"
"""


class Organisation:
    """An iPad for each employee, which the MDM has, and two that were bought and never enrolled."""

    def __init__(self) -> None:
        self.devices: list[SourceRow] = [{"serialNumber": serial(n)} for n in range(1, PEOPLE + 3)]
        self.ends = {serial(n): "2028-06-09T00:00:00Z" for n in range(1, PEOPLE + 1)}

    def rows(self) -> Mapping[str, Sequence[SourceRow]]:
        serials = [row["serialNumber"] for row in self.devices]
        return {
            "orgDevices": self.devices,
            "mdmServers": [{"id": "1F97", "serverName": "Intune", "devices": serials}],
            "appleCareCoverage": [{"serialNumber": each, "endDateTime": end} for each, end in self.ends.items()],
        }


@pytest.fixture
def organisation() -> Organisation:
    return Organisation()


@pytest.fixture
def clock() -> SharedClock:
    return SharedClock(MORNING)


@pytest.fixture
def apple(organisation: Organisation, clock: SharedClock) -> Iterator[AppleStub]:
    stub = AppleStub(organisation.rows, largest_page=5, clock=clock)
    with stub.stub_server:
        yield stub


@pytest.fixture
def installation(apple: AppleStub, clock: SharedClock, tmp_path: Path) -> Iterator[Installation]:
    built = Installation(tmp_path, people=PEOPLE)
    built.clock = clock
    built.more = table(apple)
    with built:
        built.write_secret("apple.pem", apple.private_key_pem)
        yield built


@pytest.fixture
def opened(installation: Installation) -> Iterator[OpenInstallation]:
    with installation.open() as application:
        yield application


def table(apple: AppleStub, kind: str = "apple_school_manager", *lines: str, **keys: str) -> str:
    standard = {
        "kind": kind,
        "name": kind.replace("_", "-"),
        "base_url": apple.base_url,
        "token_url": apple.token_url,
        "client": CLIENT,
        "key_id": KEY_ID,
    }
    return SIGN_IN.format(**standard | keys) + "\n".join(lines) + "\n"


def with_tables(installation: Installation, *tables: str) -> None:
    installation.more = "\n".join(tables)
    installation.write()


def stages(opened: OpenInstallation) -> dict[str, int]:
    """How many devices are in each stage, wherever they are."""
    counted: Counter[str] = Counter()
    for labels, number in opened.snapshot.numbers["fleetsync_devices"].items():
        counted[labels[-1]] += int(number)
    return dict(+counted)


def coverage_requests(apple: AppleStub) -> Counter[str]:
    """How often each serial was asked for."""
    return Counter(entry.path.split("/")[3] for entry in apple.stub_server.log if "appleCareCoverage" in entry.path)


def warranties(opened: OpenInstallation) -> int:
    """Of how many devices the end of the warranty is known."""
    cases = opened.snapshot.outcome.devices
    return sum(case.device.warranty_until is not None for case in cases)


# --- devices ----------------------------------------------------------------------------------------------------------


def test_what_was_bought_and_never_enrolled_is_ordered_and_the_rest_is_one_device_with_two_witnesses(
    opened: OpenInstallation,
) -> None:
    assert set(verdicts(opened).values()) == {Verdict.COMPLETE}

    assert [opened.count(measure) for measure in ("entitled", "assigned", "covered")] == [PEOPLE] * 3
    assert stages(opened) == {"in_use": PEOPLE, "ordered": 2}


def test_the_mdm_that_a_device_is_assigned_to_places_it_by_a_rule(installation: Installation, apple: AppleStub) -> None:
    with_tables(installation, table(apple), PLACED_BY_MDM)
    with installation.open() as opened:
        opened.run()
        numbers = opened.snapshot.numbers["fleetsync_devices"]

    assert {labels[0] for labels, number in numbers.items() if number and labels[-1] == "ordered"} == {SCHOOL}


def test_a_released_device_is_gone_after_complete_lists_without_it(
    opened: OpenInstallation, organisation: Organisation, installation: Installation
) -> None:
    opened.run()
    del organisation.devices[-1]
    after = []
    for _ in range(5):
        installation.advance_clock(hours=12)
        opened.run()
        after.append(stages(opened).get("ordered"))

    assert (after[0], after[-1]) == (2, 1)


def test_an_ipad_on_its_way_to_another_mdm_is_one_device_that_works(
    opened: OpenInstallation, organisation: Organisation
) -> None:
    organisation.devices[0] = {"serialNumber": serial(1), "mdmMigrationStatus": "STARTED"}
    opened.run()

    (case,) = (case for case in opened.snapshot.outcome.devices if case.device.serial == serial(1))
    assert case.device.is_migrating
    assert (opened.count("covered"), stages(opened)) == (PEOPLE, {"in_use": PEOPLE, "ordered": 2})


LISTING = FaultyListing("apple-school-manager/devices", "/v1/orgDevices", skip=1)


@pytest.mark.parametrize("fault", [*PASSING_FAULTS, "token_expires", "page_token_expired"])
def test_a_fault_that_passes_changes_no_number(apple: AppleStub, installation: Installation, fault: FaultKind) -> None:
    LISTING.check_passing(fault, apple.stub_server, installation)


@pytest.mark.parametrize("fault", LASTING_FAULTS)
def test_a_fault_that_stays_fails_its_part_alone_and_changes_no_number(
    apple: AppleStub, installation: Installation, fault: FaultKind
) -> None:
    LISTING.check_lasting(fault, apple.stub_server, installation)


@pytest.mark.parametrize("fault", ["lost_rows", "empty_page", "forbidden", "missing", "not_json", "hang_up"])
@pytest.mark.parametrize("path", ["/v1/mdmServers", "/v1/mdmServers/1F97"])
def test_lists_of_mdms_that_fail_leave_every_device_where_it_is(
    installation: Installation, apple: AppleStub, fault: FaultKind, path: str
) -> None:
    with_tables(installation, table(apple), PLACED_BY_MDM)
    FaultyListing(LISTING.part, path).check_lasting(fault, apple.stub_server, installation)


@pytest.mark.parametrize("fault", ["duplicate", "loop", "server_error", "too_many_date"])
def test_lists_of_mdms_in_which_a_fault_passes_leave_every_device_where_it_is(
    installation: Installation, apple: AppleStub, fault: FaultKind
) -> None:
    with_tables(installation, table(apple), PLACED_BY_MDM)
    FaultyListing(LISTING.part, "/v1/mdmServers/1F97").check_passing(fault, apple.stub_server, installation)


def test_half_a_list_that_nobody_counts_is_held(
    opened: OpenInstallation, apple: AppleStub, installation: Installation
) -> None:
    apple.has_total = False
    with LISTING.check_held(opened, installation):
        apple.stub_server.fail("/v1/orgDevices", "lost_rows")


def test_a_list_that_never_ends_is_left_after_a_few_pages(
    opened: OpenInstallation, apple: AppleStub, installation: Installation
) -> None:
    opened.run()
    before = opened.snapshot.numbers
    installation.advance_clock(hours=1)
    apple.is_endless = True
    asked = len(apple.requested_at)

    assert verdicts(opened)[LISTING.part] is Verdict.FAILED
    assert len(apple.requested_at) - asked < 10
    assert opened.snapshot.numbers == before


def test_a_list_without_a_choice_of_fields_is_read_whole(opened: OpenInstallation, apple: AppleStub) -> None:
    apple.selects_migration = False

    assert verdicts(opened)[LISTING.part] is Verdict.COMPLETE
    assert [entry.status for entry in apple.stub_server.log].count(400) == 1
    assert stages(opened) == {"in_use": PEOPLE, "ordered": 2}


def gaps_of(opened: OpenInstallation, number: int) -> set[str]:
    """The kinds of the gaps of the device with the serial of *number*."""
    outcome = opened.snapshot.outcome
    (device_id,) = (case.device.id for case in outcome.devices if case.device.serial == serial(number))
    return {episode.kind for episode in outcome.episodes if episode.subject_id == device_id}


def test_what_apple_says_of_orders_and_warranties_opens_gaps(
    installation: Installation, apple: AppleStub, organisation: Organisation
) -> None:
    organisation.ends[serial(3)] = "2027-01-31T00:00:00Z"
    with_tables(installation, *both_tables(apple))
    with installation.open() as opened:
        opened.run()

        assert gaps_of(opened, 1) == set()
        assert gaps_of(opened, 3) == {"warranty_ending"}
        assert gaps_of(opened, PEOPLE + 1) == {"never_enrolled"}


# --- the sign-in ------------------------------------------------------------------------------------------------------


def test_each_token_is_asked_for_with_an_assertion_of_its_own(
    opened: OpenInstallation, apple: AppleStub, installation: Installation
) -> None:
    apple.token_seconds = 5  # shorter than the pace: nearly each request needs a new one
    for _ in range(2):
        assert verdicts(opened)[LISTING.part] is Verdict.COMPLETE
        installation.advance_clock(hours=1)

    sign_ins = [entry.status for entry in apple.stub_server.log if entry.path.startswith("/auth")]
    assert len(sign_ins) > 4
    assert set(sign_ins) == {200}


def test_a_token_is_kept_between_pulls(opened: OpenInstallation, apple: AppleStub, installation: Installation) -> None:
    for _ in range(3):
        opened.run()
        installation.advance_clock(hours=1)

    assert [entry.path for entry in apple.stub_server.log if entry.path.startswith("/auth")] == ["/auth/oauth2/token"]


def test_a_token_is_sent_to_no_other_origin(
    opened: OpenInstallation, apple: AppleStub, installation: Installation
) -> None:
    opened.run()
    before = opened.snapshot.numbers
    installation.advance_clock(hours=1)
    with StubServer(lambda _: StubReply(200, b'{"data": []}'), lambda _: StubReply(500), "foreign") as foreign:
        apple.foreign_link = f"{foreign.address}/v1/orgDevices?cursor=x"
        apple.stub_server.fail("/v1/orgDevices", ServerFault("foreign_link"), times=999)

        assert verdicts(opened)[LISTING.part] is Verdict.FAILED
        assert foreign.log == []
    assert opened.snapshot.numbers == before


# --- the rate ---------------------------------------------------------------------------------------------------------


def both_tables(apple: AppleStub, *lines: str) -> tuple[str, str]:
    return table(apple, "apple_school_manager", *lines), table(apple, "apple_care", *lines)


def test_both_kinds_together_keep_the_pace_of_one(installation: Installation, apple: AppleStub) -> None:
    apple.largest_page = 2
    with_tables(installation, *both_tables(apple))
    with installation.open() as opened:
        assert set(verdicts(opened).values()) == {Verdict.COMPLETE}

    assert len(apple.requested_at) == (1 + 7 + 7) + (7 + PEOPLE + 2)
    assert apple.busiest_minute() <= REQUESTS_PER_MINUTE
    assert 429 not in {entry.status for entry in apple.stub_server.log}


def test_without_a_pace_apple_refuses_and_is_obeyed(installation: Installation, apple: AppleStub) -> None:
    apple.largest_page = 2
    with_tables(installation, *both_tables(apple, "requests_per_minute = 6000"))
    with installation.open() as opened:
        assert set(verdicts(opened).values()) == {Verdict.COMPLETE}

        assert apple.busiest_minute() > REQUESTS_PER_MINUTE
        assert 429 in {entry.status for entry in apple.stub_server.log}
        assert (opened.count("covered"), warranties(opened)) == (PEOPLE, PEOPLE)


# --- AppleCare --------------------------------------------------------------------------------------------------------


def test_coverage_is_asked_for_a_few_at_a_time_and_a_restart_goes_on_there(
    installation: Installation, apple: AppleStub
) -> None:
    with_tables(installation, table(apple), table(apple, "apple_care", "devices_per_pull = 5"))
    known = []
    for _ in range(4):
        with installation.open() as opened:  # another process each time
            opened.run()
            known.append(warranties(opened))
        installation.advance_clock(hours=1)

    assert known == [5, 10, PEOPLE, PEOPLE]
    assert coverage_requests(apple) == dict.fromkeys((serial(n) for n in range(1, PEOPLE + 3)), 1)


def test_after_a_month_all_are_asked_for_again_and_a_changed_end_counts(
    installation: Installation, apple: AppleStub, organisation: Organisation
) -> None:
    with_tables(installation, table(apple), table(apple, "apple_care"))
    with installation.open() as opened:
        opened.run()
        organisation.ends[serial(1)] = "2029-06-09T00:00:00Z"
        del organisation.ends[serial(2)]
        for hours in (1, 24 * 31):
            installation.advance_clock(hours=hours)
            opened.run()
        devices = {case.device.serial: case.device for case in opened.snapshot.outcome.devices}

    assert set(coverage_requests(apple).values()) == {2}
    assert str(devices[serial(1)].warranty_until) == "2029-06-09"
    assert str(devices[serial(2)].warranty_until) == "2028-06-09"  # no answer takes nothing back


def test_a_released_device_is_no_device_because_its_warranty_is_known(
    installation: Installation, apple: AppleStub, organisation: Organisation
) -> None:
    organisation.ends[serial(PEOPLE + 1)] = organisation.ends[serial(PEOPLE + 2)] = "2028-06-09T00:00:00Z"
    with_tables(installation, table(apple), table(apple, "apple_care"))
    with installation.open() as opened:
        opened.run()
        assert (warranties(opened), stages(opened)["ordered"]) == (PEOPLE + 2, 2)
        del organisation.devices[-1]
        for _ in range(5):
            installation.advance_clock(hours=12)
            opened.run()

        assert stages(opened)["ordered"] == 1


def test_coverage_alone_makes_no_device(installation: Installation, apple: AppleStub) -> None:
    with_tables(installation, table(apple, "apple_care"))
    installation.devices = installation.devices[:1]
    with installation.open() as opened:
        opened.run()

        assert len(opened.snapshot.outcome.devices) == 1


COVERAGE = FaultyListing("apple-care/coverage", "/v1/orgDevices/", skip=3)


@pytest.mark.parametrize(
    "fault",
    ["too_many_seconds", "too_many_silent", "bad_gateway_html", "server_error", "hang_up", "not_json", "token_expires"],
)
def test_a_coverage_that_fails_for_a_moment_is_asked_for_again(
    installation: Installation, apple: AppleStub, fault: FaultKind
) -> None:
    with_tables(installation, table(apple, "apple_care"))
    with installation.open() as opened:
        apple.stub_server.fail(COVERAGE.path, fault, skip=COVERAGE.skip)

        assert verdicts(opened)[COVERAGE.part] is Verdict.COMPLETE
        assert (apple.stub_server.failed[fault], warranties(opened)) == (1, PEOPLE)


@pytest.mark.parametrize("fault", ["server_error", "unavailable", "forbidden", "hang_up", "too_many_silent"])
def test_coverage_that_fails_for_good_loses_nothing_and_goes_on_when_it_is_mended(
    installation: Installation, apple: AppleStub, fault: FaultKind
) -> None:
    with_tables(installation, table(apple, "apple_care", "devices_per_pull = 5", 'wait_limit = "20m"'))
    with installation.open() as opened:
        opened.run()
        before = opened.snapshot.numbers
        apple.stub_server.fail(COVERAGE.path, fault, times=999)
        installation.advance_clock(hours=1)
        outcome = verdicts(opened)
        assert outcome.pop(COVERAGE.part) is Verdict.FAILED
        assert set(outcome.values()) <= {Verdict.COMPLETE, Verdict.UNCHANGED}
        assert (opened.snapshot.numbers, warranties(opened)) == (before, 5)

        apple.stub_server.clear_faults()
        installation.advance_clock(hours=1)
        assert verdicts(opened)[COVERAGE.part] is Verdict.COMPLETE
        assert warranties(opened) == 10


# --- what a check says ------------------------------------------------------------------------------------------------


def test_a_check_of_an_account_with_all_rights_says_what_can_be_read(
    installation: Installation, apple: AppleStub
) -> None:
    with_tables(installation, *both_tables(apple))
    with installation.open() as opened:
        (devices,) = findings(opened, "apple_school_manager").values()
        (coverage,) = findings(opened, "apple_care").values()

    assert (devices.ok, devices.what) == (True, "devices and device management services can be read")
    assert (coverage.ok, coverage.what) == (True, "the AppleCare coverage of devices can be read")


@pytest.mark.parametrize(
    ("kind", "right", "sentence"),
    [
        ("apple_school_manager", "mdmServers", "access of the API account to device management services"),
        ("apple_school_manager", "orgDevices", "access of the API account to devices"),
        ("apple_care", "appleCareCoverage", "access of the API account to AppleCare coverage"),
    ],
)
def test_a_check_names_the_right_that_is_missing(
    installation: Installation, apple: AppleStub, kind: str, right: str, sentence: str
) -> None:
    with_tables(installation, *both_tables(apple))
    apple.rights -= {right}
    with installation.open() as opened:
        (result,) = findings(opened, kind).values()

    assert not result.ok
    assert sentence in result.what
    assert "API account under Preferences > API" in result.remedy


def another_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("keys", "key", "sentence"),
    [
        ({"base_url": "{base_url}/school"}, None, "The base address is wrong"),
        ({"key_id": "another"}, None, "the key id is unknown"),
        ({"client": "SCHOOLAPI.another"}, None, "invalid_client"),
        ({}, another_key(), "the signature was not accepted"),
    ],
    ids=["address", "key_id", "client", "key"],  # a key is another in each process
)
def test_a_check_tells_a_wrong_address_account_and_key_apart(
    installation: Installation, apple: AppleStub, keys: dict[str, str], key: str | None, sentence: str
) -> None:
    given = {name: text.format(base_url=apple.base_url) for name, text in keys.items()}
    with_tables(installation, table(apple, **given))
    installation.write_secret("apple.pem", key or apple.private_key_pem)
    with installation.open() as opened:
        (result,) = findings(opened, "apple_school_manager").values()

    assert not result.ok
    assert sentence in result.what
    assert "PRIVATE KEY" not in str(result)


def test_a_file_that_is_no_key_is_refused_before_anything_is_sent(
    opened: OpenInstallation, apple: AppleStub, installation: Installation
) -> None:
    installation.write_secret("apple.pem", "no key")

    with pytest.raises(SourceRefused, match="not an EC key"):
        findings(opened, "apple_school_manager")
    assert apple.stub_server.log == []


def test_the_pace_outlives_a_pull(opened: OpenInstallation, apple: AppleStub, installation: Installation) -> None:
    for _ in range(6):
        opened.run()
        installation.advance_clock(minutes=1)

    assert len(apple.requested_at) == 6 * (1 + 3 + 3)
    assert apple.busiest_minute() <= REQUESTS_PER_MINUTE
    assert installation.clock.monotonic() > timedelta(minutes=2).total_seconds()
