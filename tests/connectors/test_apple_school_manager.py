"""Apple School Manager, trap by trap."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from connectors.apple_school_manager import Device, Settings, normalise, pull
from fleetsync.core.model import DeviceRecord, DroppedKind, Ownership, Platform
from fleetsync.pull.contract import (
    DroppedRow,
    NormalisedItem,
    PageTokenExpired,
    QueryRefused,
    SignedAssertion,
    SourceRefused,
    UnknownValue,
    UnreadableFact,
)
from fleetsync.pull.decoding import RowReader
from tests.connectors.apple_listings import PRIVATE_KEY
from tests.connectors.apple_school_manager_case import CASE, DEVICES, IPAD_SERVER
from tests.connectors.case_runner import CaseRunner, RecordedFault, fake_connect, running_case

SETTINGS = Settings.model_validate(CASE.filled_table("https://api-school.apple.com", Path("/srv")))


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[CaseRunner]:
    with running_case(CASE, tmp_path) as here:
        yield here


def items(**attributes: object) -> tuple[NormalisedItem, ...]:
    """What a device comes to, read as the pull reads it."""
    row = {"type": "orgDevices", "id": "DMPEXAMPLE01", "attributes": {"serialNumber": "DMPEXAMPLE01"} | attributes}
    read = RowReader(Device).read([msgspec.Raw(msgspec.json.encode(row))])
    raws: list[Device | UnreadableFact] = [*read.rows, *read.facts]
    return tuple(item for raw in raws for item in normalise("devices", SETTINGS, raw))


def device(**attributes: object) -> DeviceRecord:
    (record,) = (item for item in items(**attributes) if isinstance(item, DeviceRecord))
    return record


def devices_by_id(runner: CaseRunner) -> dict[str, DeviceRecord]:
    return {record.source_id: record for record in runner.records("devices") if isinstance(record, DeviceRecord)}


# --- what is asked ----------------------------------------------------------------------------------------------------


def test_the_assertion_has_the_fixed_audience_and_the_token_comes_from_the_address_of_the_table() -> None:
    auth = SETTINGS.sign_in()

    assert isinstance(auth, SignedAssertion)
    assert auth.audience == "https://account.apple.com/auth/oauth2/v2/token"
    assert (auth.token_url, auth.scope) == ("https://api-school.apple.com/auth/oauth2/token", "school.api")
    assert PRIVATE_KEY.splitlines()[1] not in repr(auth)


def test_addresses_network_numbers_and_resellers_are_not_asked_for(runner: CaseRunner) -> None:
    runner.pages("devices")
    (first,) = (url for url in runner.server.asked if url.startswith("/v1/orgDevices?limit"))
    (fields,) = parse_qs(urlsplit(first).query)["fields[orgDevices]"]

    assert "mdmMigrationStatus" in fields.split(",")
    assert not {"imei", "meid", "eid", "wifiMacAddress", "purchaseSourceId"} & set(fields.split(","))


def test_where_a_field_is_not_known_the_list_is_read_without_a_choice_of_fields(runner: CaseRunner) -> None:
    whole = devices_by_id(runner)
    runner.server.asked.clear()
    runner.server.fail(DEVICES, 0, RecordedFault(400, b'{"errors":[{"code":"PARAMETER_ERROR.INVALID"}]}', times=1))

    assert devices_by_id(runner) == whole
    asked = [url for url in runner.server.asked if url.startswith("/v1/orgDevices")]
    assert ["fields" in url for url in asked] == [True, False, False]


def test_a_query_that_is_refused_either_way_is_refused(runner: CaseRunner) -> None:
    runner.server.fail(DEVICES, 0, RecordedFault(400, b"{}"))

    with pytest.raises(QueryRefused):
        runner.pages("devices")


def test_a_cursor_that_is_no_longer_known_is_no_unknown_field(runner: CaseRunner) -> None:
    runner.server.fail(DEVICES, 1, RecordedFault(400, b"{}"))

    with pytest.raises(PageTokenExpired):
        runner.pages("devices")


def test_a_later_page_that_is_refused_does_not_begin_the_list_again(runner: CaseRunner) -> None:
    runner.server.fail(DEVICES, 1, RecordedFault(422, b"{}"))

    with pytest.raises(QueryRefused):
        runner.pages("devices")

    assert sum(url.startswith("/v1/orgDevices") for url in runner.server.asked) == len(DEVICES.pages)


def test_where_a_page_has_no_link_its_cursor_leads_on(runner: CaseRunner) -> None:
    whole = devices_by_id(runner)
    body = json.loads(CASE.recorded("devices-1.json").read_text(encoding="utf-8"))
    body |= {"links": {}, "meta": {"paging": {"limit": 1000, "nextCursor": "1"}}}
    runner.server.fail(DEVICES, 0, RecordedFault(body=json.dumps(body).encode()))
    runner.server.asked.clear()

    assert devices_by_id(runner) == whole
    last = parse_qs(urlsplit(runner.server.asked[-1]).query)
    assert (last["cursor"], last["limit"], "fields[orgDevices]" in last) == (["1"], ["1000"], True)


def test_the_number_of_devices_is_compared_where_apple_says_it(runner: CaseRunner) -> None:
    body = json.loads(CASE.recorded("devices-2.json").read_text(encoding="utf-8"))
    body["meta"]["paging"]["total"] = 7
    runner.server.fail(DEVICES, 1, RecordedFault(body=json.dumps(body).encode()))

    assert [page.total for page in runner.pages("devices")] == [None, None, 7]


@pytest.mark.parametrize(
    ("number", "right"), [(0, "access of the API account to device management services"), (1, "to devices")]
)
def test_a_missing_right_is_named(runner: CaseRunner, number: int, right: str) -> None:
    listing = (CASE.also_served[0], DEVICES)[number]
    runner.server.fail(listing, 0, RecordedFault(403, b"{}"))

    with pytest.raises(SourceRefused, match=right):
        runner.pages("devices")
    (finding,) = runner.findings()
    assert not finding.ok
    assert right in finding.what
    assert "Preferences > API" in finding.remedy


# --- which MDM a device is assigned to --------------------------------------------------------------------------------


def test_a_device_has_the_name_of_the_mdm_that_lists_it_on_any_page(runner: CaseRunner) -> None:
    assert {source_id: record.profile for source_id, record in devices_by_id(runner).items()} == {
        "DMPEXAMPLE01": "Jamf School Vretaskolan",
        "DMPEXAMPLE02": "Jamf School Vretaskolan",
        "C02EXAMPLE03": "Jamf Pro",
        "DMPEXAMPLE04": None,
        "DMPEXAMPLE05": "Jamf School Vretaskolan",
        "DVPEXAMPLE06": None,
    }


def test_an_mdm_without_a_name_is_not_asked_for_its_devices(runner: CaseRunner) -> None:
    body = json.loads(CASE.recorded("servers-2.json").read_text(encoding="utf-8"))
    body["data"] = [{"id": IPAD_SERVER}, {"id": IPAD_SERVER, "attributes": {"serverName": " "}}]
    runner.server.fail(CASE.also_served[0], 0, RecordedFault(body=json.dumps(body).encode()))

    assert {record.profile for record in devices_by_id(runner).values()} == {None}
    assert not any("relationships" in url for url in runner.server.asked)


def test_an_mdm_that_cannot_be_read_costs_no_device_and_is_named(runner: CaseRunner) -> None:
    body = json.loads(CASE.recorded("servers-2.json").read_text(encoding="utf-8"))
    body["data"].append({"id": ["?"], "attributes": {"serverName": "Jamf"}})
    runner.server.fail(CASE.also_served[0], 1, RecordedFault(body=json.dumps(body).encode()))

    noted = runner.noted("devices")

    assert UnreadableFact("v1/mdmServers", "id is of another kind than documented") in noted
    assert len([item for item in noted if isinstance(item, DeviceRecord)]) == 6


def test_the_id_of_an_mdm_is_no_part_of_an_address(runner: CaseRunner) -> None:
    body = json.loads(CASE.recorded("servers-2.json").read_text(encoding="utf-8"))
    body["data"] = [{"id": "../orgDevices?x=", "attributes": {"serverName": "Jamf"}}]
    runner.server.fail(CASE.also_served[0], 1, RecordedFault(body=json.dumps(body).encode()))

    with pytest.raises(SourceRefused):
        runner.pages("devices")
    assert runner.server.asked[-1].startswith("/v1/mdmServers/..%2ForgDevices%3Fx%3D/relationships/devices?")


# --- what a device means ----------------------------------------------------------------------------------------------


def test_a_device_is_read_whole(runner: CaseRunner) -> None:
    assert devices_by_id(runner)["DMPEXAMPLE02"] == DeviceRecord(
        source_id="DMPEXAMPLE02",
        serial="DMPEXAMPLE02",
        manufacturer="Apple",
        model="iPad (A16)",
        platform=Platform.IPADOS,
        profile="Jamf School Vretaskolan",
        order="0000412345-RES",
        status="ASSIGNED",
        ownership=Ownership.ORGANISATION,
        migrating=True,
        purchased_on=date(2025, 6, 10),
    )


@pytest.mark.parametrize(
    ("family", "platform"),
    [
        ("iPad", Platform.IPADOS),
        ("iPhone", Platform.IOS),
        ("Mac", Platform.MACOS),
        ("AppleTV", Platform.TVOS),
        ("Watch", Platform.OTHER),
        ("Vision", Platform.OTHER),
        ("Toaster", Platform.OTHER),
        (None, Platform.OTHER),
    ],
)
def test_the_platform_is_the_family(family: str | None, platform: Platform) -> None:
    assert device(productFamily=family).platform is platform
    assert (UnknownValue("productFamily", "Toaster") in items(productFamily=family)) is (family == "Toaster")


@pytest.mark.parametrize(
    ("status", "is_migrating"),
    [("REQUESTED", False), ("STARTED", True), ("SUCCESS", False), ("FAILED", False), ("PAUSED", False), (None, False)],
)
def test_only_a_started_migration_moves_a_device(status: str | None, is_migrating: bool) -> None:
    assert device(mdmMigrationStatus=status).migrating is is_migrating
    assert (UnknownValue("mdmMigrationStatus", "PAUSED") in items(mdmMigrationStatus=status)) is (status == "PAUSED")


@pytest.mark.parametrize(
    ("ordered", "seller", "bought"),
    [
        ("2025-08-14T22:30:00Z", "APPLE", date(2025, 8, 15)),  # after midnight in Sweden
        ("2025-08-14T22:30:00Z", "MANUALLY_ADDED", date(2025, 8, 15)),
        (None, "RESELLER", date(2026, 1, 9)),
        (None, "MANUALLY_ADDED", None),
        (None, "", None),
        (None, "FOUND", None),
    ],
)
def test_a_device_is_bought_when_it_was_ordered_or_when_a_seller_added_it(
    ordered: str | None, seller: str, bought: date | None
) -> None:
    record = device(orderDateTime=ordered, purchaseSourceType=seller, addedToOrgDateTime="2026-01-09T12:00:00.000Z")

    assert record.purchased_on == bought


def test_a_day_that_cannot_be_read_costs_itself_and_is_named() -> None:
    assert device(orderDateTime="i våras").unreadable == ("purchased_on",)
    assert UnreadableFact("attributes.orderDateTime", "is not a date", "DMPEXAMPLE01") in items(orderDateTime="i våras")
    assert device(productFamily=["?"]).unreadable == ("platform",)


def test_without_a_marketing_name_the_model_is_the_identifier() -> None:
    assert device(productType="iPad15,7").model == "iPad15,7"


def test_a_device_that_says_when_it_was_released_is_left_out() -> None:
    assert items(releasedFromOrgDateTime="2026-06-01T15:33:54.164Z") == (DroppedRow(DroppedKind.RELEASED),)


@pytest.mark.parametrize("attributes", [{"releasedFromOrgDateTime": ["?"]}, ["?"]])
def test_a_device_of_which_nobody_knows_whether_it_was_released_keeps_what_is_believed(
    runner: CaseRunner, attributes: object
) -> None:
    body = {"data": [{"type": "orgDevices", "id": "DMPEXAMPLE01", "attributes": attributes}]}
    runner.server.fail(DEVICES, 0, RecordedFault(body=json.dumps(body).encode()))
    with fake_connect(runner.settings) as connect:
        pages = list(pull("devices", runner.settings, connect))

    assert [rejected.source_id for page in pages for rejected in page.rejected] == ["DMPEXAMPLE01"]
    assert not [raw for page in pages for raw in page.raws if isinstance(raw, Device)]
