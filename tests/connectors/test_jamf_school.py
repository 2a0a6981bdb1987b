"""Jamf School, trap by trap (what open clients of it report)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from pydantic import ValidationError

from connectors.jamf_school import Device, Group, Location, Settings, User, normalise
from fleetsync.core.model import Condition, DeviceRecord, GroupRecord, Key, PersonRecord, Platform, Scheme, UnitRecord
from fleetsync.pull.contract import (
    Basic,
    ClientSecret,
    NormalisedItem,
    RecordError,
    SourceRefused,
    UnknownValue,
    UnreadableFact,
)
from fleetsync.pull.decoding import RowReader
from tests.connectors.case_runner import CaseRunner, RecordedFault, running_case
from tests.connectors.connector_case import SECRET
from tests.connectors.jamf_school_case import CASE

TABLE = CASE.filled_table("https://exempelby.jamfcloud.com", Path("/srv"))
SETTINGS = Settings.model_validate(TABLE)
PLATFORM_CLIENT = {
    "network_id": "",
    "api_key": None,
    "token_url": "https://eu.api.jamfcloud.com/auth/token",
    "client_id": "fleetsync",
    "client_secret": SECRET,
}


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[CaseRunner]:
    with running_case(CASE, tmp_path) as here:
        yield here


def items(settings: Settings = SETTINGS, **fields: object) -> tuple[NormalisedItem, ...]:
    """What a row of /devices comes to, read as the pull reads it."""
    row = {"UDID": "00008103-0001", "enrollType": "dep"} | fields
    read = RowReader(Device, id_field="UDID").read([msgspec.Raw(msgspec.json.encode(row))])
    raws: list[Device | UnreadableFact] = [*read.rows, *read.facts]
    return tuple(item for raw in raws for item in normalise("devices", settings, raw))


def device(settings: Settings = SETTINGS, **fields: object) -> DeviceRecord:
    (record,) = (item for item in items(settings, **fields) if isinstance(item, DeviceRecord))
    return record


# --- what is asked ----------------------------------------------------------------------------------------------------


def test_every_request_names_the_protocol_and_none_asks_for_apps(runner: CaseRunner) -> None:
    for part in CASE.expected_counts:
        runner.pages(part)

    assert [headers["x-server-protocol-version"] for headers in runner.server.headers] == ["3"] * 4
    assert runner.server.asked == ["/api/locations", "/api/users/groups", "/api/users", "/api/devices"]


def test_by_the_platform_api_a_token_and_the_environment_are_sent(tmp_path: Path) -> None:
    settings = Settings.model_validate(TABLE | PLATFORM_CLIENT | {"environment_id": "e7a1"})

    assert isinstance(settings.sign_in(), ClientSecret)
    assert settings.headers() == {"X-Server-Protocol-Version": "3", "X-Environment-Id": "e7a1"}
    assert isinstance(SETTINGS.sign_in(), Basic)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"network_id": ""}, "network_id is missing"),
        (PLATFORM_CLIENT, "either environment_id or tenant_id"),
        (PLATFORM_CLIENT | {"environment_id": "a", "tenant_id": "b"}, "either environment_id or tenant_id"),
        (PLATFORM_CLIENT | {"client_id": "", "tenant_id": "b"}, "needs client_id"),
        ({"zone": "Mars/Olympus"}, "must be a time zone"),
    ],
)
def test_a_table_with_half_a_sign_in_is_refused(keys: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Settings.model_validate(TABLE | keys)


def test_a_missing_right_names_the_listing_and_where_it_is_ticked(runner: CaseRunner) -> None:
    runner.server.fail(CASE.listings["users"], 0, RecordedFault(405, b"Method Not Allowed"))

    with pytest.raises(SourceRefused, match="the right read on Users is not granted"):
        runner.pages("users")
    (failed,) = (finding for finding in runner.findings() if not finding.ok)
    assert failed.part == "users"
    assert "Organisation > Settings > API" in failed.remedy


def test_a_part_that_is_not_wanted_is_not_probed(runner: CaseRunner) -> None:
    findings = runner.findings(runner.settings_with(without=("users", "groups")))

    assert [finding.part for finding in findings] == ["units", "devices"]


def test_a_response_with_fewer_rows_than_it_counts_has_a_total_and_one_with_more_has_none(runner: CaseRunner) -> None:
    listing = CASE.listings["groups"]
    rows = b'{"id": 11, "name": "6B"}'
    runner.server.fail(listing, 0, RecordedFault(body=b'{"count": 2, "groups": [' + rows + b"]}"))
    assert [page.total for page in runner.pages("groups")] == [2]

    runner.server.fail(listing, 0, RecordedFault(body=b'{"count": 2, "groups": [' + rows + b"," + rows + b"]}"))
    assert [page.total for page in runner.pages("groups")] == [None]


# --- what a device means ----------------------------------------------------------------------------------------------


def test_a_device_is_read_whole(runner: CaseRunner) -> None:
    first = next(record for record in runner.records("devices") if isinstance(record, DeviceRecord))

    assert first == DeviceRecord(
        source_id="00008103-0001EXEMPEL",
        serial="DMPEXAMPLE01",
        name="VRE-iPad-0001",
        manufacturer="Apple",
        model="iPad (10th generation)",
        platform=Platform.IPADOS,
        os_version="26.1",
        keys=(
            Key(Scheme.OBJECT_ID, "jamf-school", "731"),
            Key(Scheme.ADDRESS, "", "elev01@edu.exempelby.se"),
        ),
        location="1",
        groups=("Vretaskolan 6B",),
        profile="Elev",
        status="dep",
        asset_tag="588201",
        last_contact_at=datetime(2026, 11, 23, 5, 10, 41, tzinfo=UTC),
        ownership=first.ownership,
        managed=True,
    )


def test_is_managed_is_never_decoded() -> None:
    assert "isManaged" not in {field.encode_name for field in msgspec.structs.fields(Device)}
    assert device(isManaged=False).managed is True


@pytest.mark.parametrize(
    ("enrolment", "managed", "condition"),
    [
        ("dep", True, Condition.ACTIVE),
        ("manual", True, Condition.ACTIVE),
        ("ac2", True, Condition.ACTIVE),
        ("depPending", None, Condition.PENDING),
        ("ac2Pending", None, Condition.PENDING),
        ("", None, Condition.ACTIVE),
        ("brandNew", None, Condition.ACTIVE),
    ],
)
def test_an_enrolment_means(enrolment: str, managed: bool | None, condition: Condition) -> None:
    record = device(enrollType=enrolment)

    assert (record.managed, record.condition) == (managed, condition)
    assert (UnknownValue("enrollType", "brandNew") in items(enrollType=enrolment)) is (enrolment == "brandNew")


@pytest.mark.parametrize("owner", [None, {}, {"id": 0}, {"id": "0", "email": "anna@exempelby.se"}, {"email": "a@b.se"}])
def test_an_owner_without_an_id_is_nobody(owner: object) -> None:
    assert device(owner=owner).keys == ()
    assert device().keys == ()


def test_an_owner_that_cannot_be_read_is_unknown_and_not_nobody() -> None:
    assert device(owner=["?"]).unreadable == ("keys",)
    assert device(owner={"id": {"number": 7}}).unreadable == ("keys",)


def test_a_user_name_without_a_domain_is_a_key_only_with_the_configured_one() -> None:
    owner = {"id": 731, "username": "elev01", "email": ""}
    with_domain = Settings.model_validate(TABLE | {"domain": "EXB"})

    assert [key.scheme for key in device(owner=owner).keys] == [Scheme.OBJECT_ID]
    assert device(with_domain, owner=owner).keys[1:] == (Key(Scheme.ACCOUNT, "EXB", "elev01"),)


@pytest.mark.parametrize(("zone", "hour"), [("UTC", 5), ("Europe/Stockholm", 4)])
def test_a_time_is_of_the_configured_zone(zone: str, hour: int) -> None:
    settings = Settings.model_validate(TABLE | {"zone": zone})

    assert device(settings, lastCheckin="2026-11-24 05:10:41").last_contact_at == datetime(
        2026, 11, 24, hour, 10, 41, tzinfo=UTC
    )


def test_a_time_that_cannot_be_read_costs_itself_and_is_named() -> None:
    assert device(lastCheckin="i går").unreadable == ("last_contact_at",)
    assert UnreadableFact("lastCheckin", "is not a time", "00008103-0001") in items(lastCheckin="i går")


@pytest.mark.parametrize(
    ("system", "model", "platform"),
    [
        ("iPadOS", "iPad (10th generation)", Platform.IPADOS),
        ("iOS", "iPad (10th generation)", Platform.IPADOS),
        ("iOS", "iPhone 15", Platform.IOS),
        ("macOS", "MacBook Air (13-inch, M3)", Platform.MACOS),
        ("tvOS", "Apple TV 4K", Platform.TVOS),
    ],
)
def test_a_platform_is_recognised_by_system_and_model(system: str, model: str, platform: Platform) -> None:
    assert device(os={"prefix": system}, model={"name": model}).platform is platform


def test_the_location_with_the_id_0_is_a_location() -> None:
    assert device(locationId=0).location == "0"
    assert normalise("units", SETTINGS, Location(id=0, name="Exempelby kommun")) == (
        UnitRecord(source_id="0", name="Exempelby kommun"),
    )


def test_a_row_without_a_udid_is_refused() -> None:
    with pytest.raises(RecordError, match="UDID is empty"):
        items(UDID=" ")


# --- users, groups, locations -----------------------------------------------------------------------------------------


def test_a_user_is_its_id_and_log_ins_and_no_name() -> None:
    user = User(id=733, username="EXB\\elev03", email="elev03@edu.exempelby.se")

    assert normalise("users", SETTINGS, user) == (
        PersonRecord(
            source_id="733",
            keys=(
                Key(Scheme.OBJECT_ID, "jamf-school", "733"),
                Key(Scheme.ADDRESS, "", "elev03@edu.exempelby.se"),
                Key(Scheme.ACCOUNT, "", "EXB\\elev03"),
            ),
        ),
    )


def test_a_group_belongs_to_its_location_and_a_school_number_is_a_code() -> None:
    assert normalise("groups", SETTINGS, Group(id=11, name="6B", location_id=1)) == (
        GroupRecord(source_id="11", name="6B", unit="1"),
    )
    assert normalise("units", SETTINGS, Location(id=1, name="Vretaskolan", school_number="12345678")) == (
        UnitRecord(source_id="1", name="Vretaskolan", codes=("12345678",)),
    )


@pytest.mark.parametrize(("part", "row"), [("groups", Group(id=11)), ("units", Location(id=11, name=" "))])
def test_what_has_no_name_is_present_and_unreadable(part: str, row: Group | Location) -> None:
    with pytest.raises(RecordError, match="name is empty") as refused:
        normalise(part, SETTINGS, row)

    assert refused.value.source_id == "11"
