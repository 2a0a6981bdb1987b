"""Jamf Pro, trap by trap (the vendor's schema and release notes, and what its users report)."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from pydantic import ValidationError

from connectors.jamf_pro import Settings, normalise
from connectors.jamf_pro.normalising import Row
from connectors.jamf_pro.schema import (
    AssignedDevice,
    Computer,
    ComputerGeneral,
    EnrolmentInstance,
    MobileDevice,
    NamedPlace,
)
from fleetsync.core.model import Condition, DeviceRecord, DroppedKind, Key, Ownership, Platform, Scheme, UnitRecord
from fleetsync.pull.contract import (
    Credential,
    CredentialUse,
    DroppedRow,
    NormalisedItem,
    PartMissing,
    RecordError,
    SourceRefused,
    UnknownValue,
    UnreadableFact,
)
from fleetsync.pull.decoding import RowReader
from tests.connectors.case_runner import CaseRunner, RecordedFault, running_case
from tests.connectors.connector_case import RecordedListing
from tests.connectors.jamf_pro_case import CASE, listing

TABLE = CASE.filled_table("https://exempelby.jamfcloud.com", Path("/srv"))
SETTINGS = Settings.model_validate(TABLE)
PLATFORM = {
    "base_url": "https://eu.api.jamfcloud.com/pro",
    "token_url": "https://eu.api.jamfcloud.com/auth/token",
    "environment_id": "e7a1",
}


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[CaseRunner]:
    with running_case(CASE, tmp_path) as here:
        yield here


def read(kind: type[Any], row: Mapping[str, object], settings: Settings = SETTINGS) -> tuple[NormalisedItem, ...]:
    """What a row comes to, decoded as the pull decodes it."""
    result = RowReader(kind).read([msgspec.Raw(msgspec.json.encode(row))])
    rows: list[Row] = [*result.rows, *result.facts]
    return tuple(item for raw in rows for item in normalise("", settings, raw))


def computer(settings: Settings = SETTINGS, **sections: object) -> DeviceRecord:
    return device_of(read(Computer, {"id": "1207", **sections}, settings))


def mobile(settings: Settings = SETTINGS, **sections: object) -> DeviceRecord:
    return device_of(read(MobileDevice, {"mobileDeviceId": "882", "deviceType": "iOS", **sections}, settings))


def device_of(items: tuple[NormalisedItem, ...]) -> DeviceRecord:
    (record,) = (item for item in items if isinstance(item, DeviceRecord))
    return record


def asked(runner: CaseRunner, path: str) -> list[dict[str, list[str]]]:
    """The queries that were sent to *path*."""
    return [parse_qs(urlsplit(each).query) for each in runner.server.asked if urlsplit(each).path == path]


# --- what is asked ----------------------------------------------------------------------------------------------------


def test_computers_are_asked_for_by_id_with_their_encryption_and_without_applications(runner: CaseRunner) -> None:
    runner.pages("computers")
    first, second = asked(runner, "/api/v4/computers-inventory")

    assert (first["page"], second["page"], first["sort"], first["page-size"]) == (["0"], ["1"], ["id:asc"], ["500"])
    assert "DISK_ENCRYPTION" in first["section"]
    assert not {"APPLICATIONS", "LOCAL_USER_ACCOUNTS", "EXTENSION_ATTRIBUTES"} & set(first["section"])


def test_mobile_devices_are_ordered_by_their_own_id(runner: CaseRunner) -> None:
    runner.pages("mobile_devices")
    queries = asked(runner, "/api/v2/mobile-devices/detail")

    assert [query["sort"] for query in queries] == [["mobileDeviceId:asc"]] * 2


def test_a_listing_ends_with_its_total_and_asks_for_no_page_beyond(runner: CaseRunner) -> None:
    assert [page.total for page in runner.pages("computers")] == [4, 4]
    assert len(asked(runner, "/api/v4/computers-inventory")) == 2


@pytest.mark.parametrize("version", ["v3", "v2", "v1"])
def test_an_older_inventory_is_read_where_the_server_has_no_newer(tmp_path: Path, version: str) -> None:
    older = {**CASE.listings, "computers": listing(f"{version}/computers-inventory", "computers")}
    with running_case(replace(CASE, listings=older), tmp_path) as runner:
        assert len(runner.records("computers")) == 4
        assert runner.server.asked[0].startswith("/api/v4/computers-inventory")
        assert runner.findings()[1].ok


def test_a_server_without_any_inventory_and_another_host_are_told_apart(tmp_path: Path) -> None:
    with running_case(replace(CASE, listings={"units": CASE.listings["units"]}), tmp_path) as runner:
        with pytest.raises(SourceRefused, match="no version of computers-inventory"):
            runner.pages("computers")
        runner.server.listings["/api/v4/computers-inventory"] = CASE.listings["computers"]
        runner.server.fail(CASE.listings["computers"], 0, RecordedFault(404, b"404 page not found"))
        for version in ("v3", "v2", "v1"):
            other = RecordedListing(f"/api/{version}/computers-inventory", ("computers-1.json",))
            runner.server.listings[other.path] = other
            runner.server.fail(other, 0, RecordedFault(404, b"404 page not found"))
        with pytest.raises(SourceRefused, match="404 without JSON, so this is another host"):
            runner.pages("computers")


def test_purchases_that_a_server_does_not_have_are_missing_and_a_wrong_host_never_says_so(runner: CaseRunner) -> None:
    purchases = CASE.listings["purchases"]
    runner.server.fail(purchases, 0, RecordedFault(404, b'{"httpStatus": 404, "errors": []}'))
    with pytest.raises(PartMissing):
        runner.pages("purchases")

    runner.server.fail(purchases, 0, RecordedFault(404, b"404 page not found"))
    with pytest.raises(SourceRefused, match="another host"):
        runner.pages("purchases")


def test_sites_come_as_one_list_without_pages(tmp_path: Path) -> None:
    sites = RecordedListing("/api/v1/sites", ("buildings-1.json",))
    with running_case(replace(CASE, listings={"units": sites}), tmp_path) as runner:
        body = b'[{"id": "1", "name": "Vretaskolan"}, {"id": "2", "name": "Kommunhuset"}]'
        runner.server.fail(sites, 0, RecordedFault(body=body))
        records = runner.records("units", runner.settings_with(places="sites"))

    assert [record.source_id for record in records] == ["1", "2"]


def test_the_devices_of_every_token_are_read_and_the_total_is_of_all(runner: CaseRunner) -> None:
    assert [page.total for page in runner.pages("purchases")] == [2, 2, 5, 6]


def test_a_token_without_a_readable_id_leaves_its_devices_unknown_and_not_absent(runner: CaseRunner) -> None:
    body = b'{"totalCount": 1, "results": [{"id": ["?"], "name": "Skolor"}]}'
    runner.server.fail(CASE.listings["purchases"], 0, RecordedFault(body=body))

    (page,) = runner.pages("purchases")

    assert [rejected.source_id for rejected in page.rejected] == [None]


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"environment_id": "a"}, "token_url is missing"),
        (PLATFORM | {"tenant_id": "b"}, "an integration has one of them"),
        ({"client_id": ""}, "at least 1 character"),
        ({"places": "rooms"}, "buildings"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(keys: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Settings.model_validate(TABLE | keys)


def test_a_server_gives_tokens_below_its_own_address_and_the_platform_elsewhere() -> None:
    platform = Settings.model_validate(TABLE | PLATFORM)

    assert SETTINGS.sign_in().token_url == "https://exempelby.jamfcloud.com/api/oauth/token"
    assert SETTINGS.headers() == {}
    assert platform.sign_in().token_url == "https://eu.api.jamfcloud.com/auth/token"
    assert platform.headers() == {"X-Environment-Id": "e7a1"}


# --- what a computer means --------------------------------------------------------------------------------------------


def test_a_computer_is_read_whole(runner: CaseRunner) -> None:
    assert runner.records("computers")[0] == DeviceRecord(
        source_id="computer/1201",
        serial="FVFEXAMPLE01",
        name="EXB-MAC-0001",
        manufacturer="Apple",
        model="MacBook Air (13-inch, M3, 2024)",
        platform=Platform.MACOS,
        os_version="26.1",
        keys=(Key(Scheme.ADDRESS, "", "anna.ek1@exempelby.se"),),
        location="11",
        profile="Personal 2025",
        order="PO-2025-071",
        asset_tag="412001",
        enrolled_at=datetime(2025, 8, 19, 7, 31, 10, tzinfo=UTC),
        last_contact_at=datetime(2026, 11, 24, 5, 58, 2, tzinfo=UTC),
        ownership=Ownership.ORGANISATION,
        managed=True,
        encrypted=True,
        purchased_on=date(2025, 6, 10),
        warranty_until=date(2028, 6, 10),
    )


@pytest.mark.parametrize(
    "clocks",
    [
        {"lastCheckIn": "2026-11-23T08:00:00Z", "lastContact": None},
        {"lastCheckIn": "2026-10-01T08:00:00Z", "lastContact": "2026-11-23T08:00:00.000Z"},
        {"lastContactTime": "2026-11-23T08:00:00Z"},
        {"lastCheckIn": "", "lastContact": "2026-11-23T08:00:00Z"},
    ],
)
def test_the_latest_of_the_clocks_counts_by_whatever_name(clocks: dict[str, object]) -> None:
    assert computer(general=clocks).last_contact_at == datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("state", "encrypted"),
    [
        ("ENCRYPTED", True),
        ("OPTIMIZING", True),
        ("ENCRYPTING", False),
        ("RESTART_NEEDED", False),
        ("DECRYPTED", False),
        ("INELIGIBLE", False),
        ("UNKNOWN", None),
        ("brandNew", None),
    ],
)
def test_a_mac_is_encrypted_by_its_start_up_partition(state: str, encrypted: bool | None) -> None:
    section = {"bootPartitionEncryptionDetails": {"partitionFileVault2State": state}, "fileVault2Enabled": False}

    assert computer(diskEncryption=section).encrypted is encrypted
    items = read(Computer, {"id": "1207", "diskEncryption": section})
    assert (UnknownValue("partitionFileVault2State", "brandNew") in items) is (state == "brandNew")


def test_a_mac_that_left_for_another_mdm_is_unmanaged_and_not_retired() -> None:
    record = computer(general={"remoteManagement": {"managed": False}})

    assert (record.managed, record.condition) == (False, Condition.ACTIVE)
    assert computer(general=None).managed is None


@pytest.mark.parametrize(
    ("username", "domain", "keys"),
    [
        ("anna.ek@exempelby.se", "", (Key(Scheme.ADDRESS, "", "anna.ek@exempelby.se"),)),
        ("annaek", "", ()),
        ("annaek", "EXB", (Key(Scheme.ACCOUNT, "EXB", "annaek"),)),
        ("Anna Ek", "EXB", ()),
        ("", "EXB", ()),
    ],
)
def test_a_user_name_is_a_key_only_where_it_is_a_log_in(username: str, domain: str, keys: tuple[Key, ...]) -> None:
    settings = Settings.model_validate(TABLE | {"domain": domain})

    assert computer(settings, userAndLocation={"username": username, "email": ""}).keys == keys


def test_who_logged_in_last_is_never_decoded() -> None:
    names = {field.encode_name for field in msgspec.structs.fields(ComputerGeneral)}

    assert "lastCheckIn" in names
    assert not {name for name in names if "LoggedIn" in name}


@pytest.mark.parametrize(
    ("enrolment", "ownership"),
    [("user", Ownership.PERSONAL), ("supervised", Ownership.ORGANISATION), (None, Ownership.ORGANISATION)],
)
def test_a_computer_that_its_user_enrolled_is_personal(enrolment: str | None, ownership: Ownership) -> None:
    assert computer(general={"appleEnrollmentType": enrolment}).ownership is ownership


@pytest.mark.parametrize(("places", "location"), [("buildings", "11"), ("departments", "4"), ("sites", "7")])
def test_a_device_is_where_the_configured_places_say(places: str, location: str) -> None:
    settings = Settings.model_validate(TABLE | {"places": places})
    sections = {"userAndLocation": {"buildingId": "11", "departmentId": "4"}, "general": {"site": {"id": "7"}}}

    assert computer(settings, **sections).location == location
    assert mobile(settings, **sections | {"general": {"siteId": "7"}}).location == location


def test_minus_one_is_no_place_and_ids_may_be_numbers() -> None:
    assert computer(userAndLocation={"buildingId": "-1"}).location is None
    assert computer(userAndLocation={"buildingId": 11}).location == "11"
    assert device_of(read(Computer, {"id": 1207})).source_id == "computer/1207"


@pytest.mark.parametrize(
    ("sections", "unreadable"),
    [
        ({"general": {"lastCheckIn": "i går"}}, ("last_contact_at",)),
        ({"general": {"remoteManagement": {"managed": "kanske"}}}, ("managed",)),
        ({"userAndLocation": {"email": ["?"]}}, ("keys",)),
        ({"diskEncryption": "?"}, ("encrypted",)),
        ({"purchasing": {"warrantyDate": "36 months"}}, ()),
    ],
)
def test_what_cannot_be_read_is_unknown_and_named(sections: dict[str, object], unreadable: tuple[str, ...]) -> None:
    items = read(Computer, {"id": "1207", **sections})

    assert device_of(items).unreadable == unreadable
    assert any(isinstance(item, UnreadableFact) for item in items)


# --- what a mobile device means ---------------------------------------------------------------------------------------


def test_a_mobile_device_is_read_whole_by_its_other_names(runner: CaseRunner) -> None:
    assert runner.records("mobile_devices")[0] == DeviceRecord(
        source_id="mobile_device/881",
        serial="DMPEXAMPLE11",
        name="EXB-iPad-0011",
        manufacturer="Apple",
        model="iPad (10th generation)",
        platform=Platform.IPADOS,
        os_version="26.1",
        keys=(Key(Scheme.ADDRESS, "", "elev11@edu.exempelby.se"),),
        location="11",
        profile="Elev 4-6",
        asset_tag="588211",
        enrolled_at=datetime(2025, 8, 21, 9, 12, 31, tzinfo=UTC),
        last_contact_at=datetime(2026, 11, 24, 4, 10, tzinfo=UTC),
        ownership=Ownership.ORGANISATION,
        managed=True,
        purchased_on=date(2025, 6, 2),
        warranty_until=date(2028, 6, 2),
    )


def test_a_shared_ipad_has_no_user_whoever_is_written_on_it() -> None:
    record = mobile(general={"sharedIpad": True}, userAndLocation={"username": "elev01@edu.exempelby.se"})

    assert (record.keys, record.reported_shared) == ((), True)
    assert mobile().reported_shared is False


def test_lost_mode_is_lost() -> None:
    assert mobile(security={"lostModeEnabled": True}).condition is Condition.LOST
    assert mobile(security=None).condition is Condition.ACTIVE


@pytest.mark.parametrize(
    ("kind", "identifier", "platform"),
    [
        ("iOS", "iPad13,18", Platform.IPADOS),
        ("iOS", "iPhone15,4", Platform.IOS),
        ("ios", "iPod9,1", Platform.IOS),
        ("tvOS", "AppleTV14,1", Platform.TVOS),
        ("tvOS", None, Platform.TVOS),
        ("visionOS", "RealityDevice14,1", Platform.OTHER),
    ],
)
def test_a_platform_is_that_of_the_models_identifier(kind: str, identifier: str | None, platform: Platform) -> None:
    items = read(MobileDevice, {"mobileDeviceId": "1", "deviceType": kind, "hardware": {"modelIdentifier": identifier}})

    assert device_of(items).platform is platform
    assert (UnknownValue("deviceType", kind) in items) is (platform is Platform.OTHER)


@pytest.mark.parametrize(
    ("word", "ownership"),
    [
        ("Institutional", Ownership.ORGANISATION),
        ("UserEnrollment", Ownership.PERSONAL),
        ("PersonalDeviceProfile", Ownership.PERSONAL),
        ("AccountDrivenUserEnrollment", Ownership.PERSONAL),
        ("AccountDrivenDeviceEnrollment", None),
        ("", None),
    ],
)
def test_ownership_means(word: str, ownership: Ownership | None) -> None:
    general, hardware = {"deviceOwnershipType": word}, {"modelIdentifier": "iPad13,18"}

    assert mobile(general=general, hardware=hardware).ownership is ownership


def test_a_privately_owned_phone_is_left_out_and_counted() -> None:
    row = {
        "mobileDeviceId": "1",
        "general": {"deviceOwnershipType": "UserEnrollment"},
        "hardware": {"modelIdentifier": "iPhone15,4"},
    }

    assert read(MobileDevice, row) == (DroppedRow(DroppedKind.PRIVATE_PHONE),)


@pytest.mark.parametrize(
    ("kind", "row", "reason"),
    [
        (Computer, {"id": " "}, "id is empty"),
        (MobileDevice, {}, "mobileDeviceId is empty"),
        (AssignedDevice, {"id": "1"}, "deviceEnrollmentProgramInstanceId is empty"),
        (NamedPlace, {"id": "1"}, "name is empty"),
    ],
)
def test_a_row_without_an_id_or_a_name_is_refused(kind: type[Any], row: dict[str, object], reason: str) -> None:
    with pytest.raises(RecordError, match=reason):
        read(kind, row)


# --- purchases and places ---------------------------------------------------------------------------------------------


def test_what_apple_has_assigned_is_a_purchase_with_an_id_of_its_own(runner: CaseRunner) -> None:
    records = runner.records("purchases")

    assert [record.source_id for record in records] == ["purchase/701/1", "purchase/701/2", "purchase/702/1"]
    assert runner.part("purchases").expects_mdm


def test_a_device_that_apple_no_longer_assigns_is_left_out_and_counted() -> None:
    row = {"id": "3", "deviceEnrollmentProgramInstanceId": "701", "profileStatus": "REMOVED"}

    assert read(AssignedDevice, row) == (DroppedRow(DroppedKind.RELEASED),)


def test_the_end_of_a_token_is_a_credential_that_expires() -> None:
    row = {"id": "701", "name": "Skolor", "tokenExpirationDate": "2027-06-12"}

    assert read(EnrolmentInstance, row) == (
        Credential("device enrolment token Skolor", datetime(2027, 6, 12, tzinfo=UTC), CredentialUse.APPLE_ENROLMENT),
    )
    assert read(EnrolmentInstance, row | {"tokenExpirationDate": None}) == ()
    (fact,) = read(EnrolmentInstance, row | {"tokenExpirationDate": "nästa år"})
    assert isinstance(fact, UnreadableFact)


def test_a_building_is_a_unit_by_its_id() -> None:
    assert read(NamedPlace, {"id": "11", "name": "Vretaskolan", "city": "Exempelby"}) == (
        UnitRecord(source_id="11", name="Vretaskolan"),
    )


# --- what a check says ------------------------------------------------------------------------------------------------


def test_a_refusal_names_the_privilege_and_where_it_is_granted(runner: CaseRunner) -> None:
    body = b'{"httpStatus": 403, "errors": [{"code": "INVALID_PRIVILEGE", "description": "Forbidden"}]}'
    runner.server.fail(CASE.listings["mobile_devices"], 0, RecordedFault(403, body))

    (failed,) = (finding for finding in runner.findings() if not finding.ok)

    assert failed.part == "mobile_devices"
    assert "Grant the permission Read Mobile Devices" in failed.what
    assert "Settings > API roles and clients" in failed.remedy


def test_a_check_asks_for_one_row_of_a_part(runner: CaseRunner) -> None:
    assert all(finding.ok for finding in runner.findings())
    assert {tuple(query["page-size"]) for query in asked(runner, "/api/v4/computers-inventory")} == {("1",)}
    assert len(asked(runner, "/api/v4/computers-inventory")) == 1
