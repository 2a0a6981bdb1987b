"""What Intune knows before a device is enrolled, and when its tokens with Apple run out, trap by trap."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.intune import PARTS, Settings, normalise
from connectors.intune.schema import AppleDevice, AppToken, AutopilotDevice, CorporateIdentifier, EnrolmentToken
from fleetsync.core.model import DeviceRecord, DroppedKind, Key, Ownership, PartRole, Platform, Scheme
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
from tests.connectors.case_runner import CaseRunner, RecordedFault, running_case
from tests.connectors.connector_case import RecordedListing
from tests.connectors.intune_case import CASE, PATH, TENANT, listing

SETTINGS = Settings.model_validate(CASE.filled_table("https://graph.exempelby.se", Path("/srv")))
USES = {
    "push_certificate": CredentialUse.APPLE_PUSH,
    "apple_enrolment": CredentialUse.APPLE_ENROLMENT,
    "app_tokens": CredentialUse.APPLE_APPS,
}
EXTRAS = ("autopilot", "corporate_identifiers", "apple_enrolment", "app_tokens")


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[CaseRunner]:
    with running_case(CASE, tmp_path) as here:
        yield here


def items(row: Any) -> tuple[NormalisedItem, ...]:
    return normalise("", SETTINGS, row)


def device(row: Any) -> DeviceRecord:
    record, *_ = items(row)
    assert isinstance(record, DeviceRecord)
    return record


# ------------------------------------------------------------------------------------------------------------- Autopilot


def test_a_computer_of_autopilot_is_read_whole_and_says_nothing_of_contact_or_user(runner: CaseRunner) -> None:
    first = next(record for record in runner.records("autopilot") if record.source_id.endswith("01"))

    assert first == DeviceRecord(
        source_id="autopilot/7d0fc0de-1111-4a4a-9c9c-000000000001",
        serial="PF4EX001",
        manufacturer="LENOVO",
        model="ThinkPad L13 Gen 5",
        platform=Platform.WINDOWS,
        tag="VRETA-ELEV",
        order="PO-2026-114",
        status="notContacted",
        ownership=Ownership.ORGANISATION,
    )


def test_the_list_of_autopilot_is_asked_without_select_or_filter(runner: CaseRunner) -> None:
    runner.pages("autopilot")

    assert parse_qs(urlsplit(runner.server.asked[0]).query) == {"$top": ["500"]}


def test_a_state_that_nobody_knows_is_kept_and_reported() -> None:
    assert items(AutopilotDevice(id="a", enrollment_state="brandNew"))[1:] == (
        UnknownValue("enrollmentState", "brandNew"),
    )


@pytest.mark.parametrize("row", [AutopilotDevice(id=" "), CorporateIdentifier(), AppleDevice(), AppToken()])
def test_a_row_without_an_id_is_refused(row: Any) -> None:
    with pytest.raises(RecordError, match="id is empty"):
        items(row)


# --------------------------------------------------------------------------------------------------- corporate identifiers


@pytest.mark.parametrize(
    ("identifier", "kind", "expected"),
    [
        ("R52EX000002", "serialNumber", (None, None, "R52EX000002")),
        ("Microsoft Corporation,Surface Go 3,0F00EX", "manufacturerModelSerial", ("Microsoft Corporation", "Surface Go 3", "0F00EX")),
        (" LENOVO , 21EX, S00100 , PF4EX001 ", "ManufacturerModelSerial", ("LENOVO", "21EX, S00100", "PF4EX001")),
        (",,PF4EX001", "manufacturerModelSerial", (None, None, "PF4EX001")),
    ],
)  # fmt: skip
def test_an_identifier_is_a_serial_or_three_texts_with_commas(
    identifier: str, kind: str, expected: tuple[str | None, str | None, str]
) -> None:
    record = device(
        CorporateIdentifier(id="c", imported_device_identifier=identifier, imported_device_identity_type=kind)
    )

    assert (record.manufacturer, record.model, record.serial) == expected


def test_a_corporate_identifier_is_no_contact(runner: CaseRunner) -> None:
    enrolled = next(record for record in runner.records("corporate_identifiers") if record.source_id.endswith("02"))

    assert isinstance(enrolled, DeviceRecord)
    assert (enrolled.status, enrolled.last_contact_at, enrolled.enrolled_at, enrolled.managed) == (
        "enrolled", None, None, None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("word", "platform"),
    [("windows", Platform.WINDOWS), ("macOS", Platform.MACOS), ("android", Platform.ANDROID), ("ios", Platform.OTHER)],
)
def test_a_platform_is_kept_where_it_is_certain(word: str, platform: Platform) -> None:
    row = CorporateIdentifier(
        id="c", imported_device_identifier="PF4EX001", imported_device_identity_type="serialNumber", platform=word
    )

    assert items(row) == (device(row),)
    assert device(row).platform is platform


def test_the_number_of_a_telephone_leaves_memory_at_once_and_is_counted(runner: CaseRunner) -> None:
    raws = [raw for page in runner.pages("corporate_identifiers") for raw in page.raws]
    (telephone,) = (raw for raw in raws if raw.imported_device_identity_type == "imei")

    assert telephone.imported_device_identifier is None
    assert items(telephone) == (DroppedRow(DroppedKind.TELEPHONE_NUMBER),)


@pytest.mark.parametrize(
    ("identifier", "kind", "reason"),
    [
        ("PF4EX001", "unknown", "no known kind of identifier"),
        ("PF4EX001", None, "no known kind of identifier"),
        (None, "serialNumber", "is empty"),
        ("LENOVO,21EX, ", "manufacturerModelSerial", "has no serial number"),
    ],
)
def test_an_identifier_that_says_nothing_is_present_and_unreadable(
    identifier: str | None, kind: str | None, reason: str
) -> None:
    row = CorporateIdentifier(id="c", imported_device_identifier=identifier, imported_device_identity_type=kind)
    with pytest.raises(RecordError, match=reason) as refused:
        items(row)

    assert refused.value.source_id == "corporate/c"


# ----------------------------------------------------------------------------------------------------- Apple's enrolment


def test_the_devices_of_every_token_are_read(runner: CaseRunner) -> None:
    records = runner.records("apple_enrolment")

    assert {record.source_id.partition("/")[0] for record in records} == {"apple"}
    assert sorted(str(record.serial) for record in records if isinstance(record, DeviceRecord)) == [
        "DMPEX0000201", "DMPEX0000202", "DMPEX0000204",
    ]  # fmt: skip


def test_a_device_that_apple_took_back_is_left_out_and_counted() -> None:
    assert items(AppleDevice(id="a", is_deleted=True)) == (DroppedRow(DroppedKind.RELEASED),)


def test_a_list_of_one_token_that_breaks_is_no_list(runner: CaseRunner) -> None:
    runner.server.fail(runner.case.also_served[1], 0, RecordedFault(404, b"{}"))

    with pytest.raises(SourceRefused):
        runner.pages("apple_enrolment")


# ------------------------------------------------------------------------------------------------------------ credentials


def credentials(runner: CaseRunner, part: str) -> dict[str, datetime]:
    """When each runs out, by name, of the one use that those of a part have."""
    found = [item for item in runner.items(part) if isinstance(item, Credential)]
    assert {item.use for item in found} == {USES[part]}
    return {item.name: item.expires_at for item in found}


def test_every_token_and_certificate_says_when_it_runs_out(runner: CaseRunner) -> None:
    assert credentials(runner, "push_certificate") == {"Apple push certificate": datetime(2027, 3, 2, 7, tzinfo=UTC)}
    assert credentials(runner, "apple_enrolment") == {
        "device enrolment token Exempelby skolor": datetime(2027, 6, 12, 7, tzinfo=UTC),
        "device enrolment token Exempelby förskolor": datetime(2026, 12, 14, 6, tzinfo=UTC),
    }
    assert credentials(runner, "app_tokens") == {
        "app token Exempelby kommun a99c0de1": datetime(2027, 5, 3, 7, tzinfo=UTC),
        "app token Exempelby kommun a99c0de2": datetime(2026, 11, 1, 7, tzinfo=UTC),
    }


def test_a_token_that_another_mdm_uses_is_none_of_ours() -> None:
    assert items(AppToken(id="a", expiration_date_time="2027-05-03T07:00:00Z", state="assignedToExternalMDM")) == ()


def test_an_end_that_cannot_be_read_is_named_without_its_value() -> None:
    assert items(EnrolmentToken(id="t1", token_expiration_date_time="snart")) == (
        UnreadableFact("tokenExpirationDateTime", "is not a time", "device enrolment token t1"),
    )


def test_a_tenant_without_apple_devices_has_no_push_certificate(runner: CaseRunner) -> None:
    runner.server.fail(runner.case.also_served[2], 0, RecordedFault(404, b"{}"))

    assert [list(page.raws) for page in runner.pages("push_certificate")] == [[]]
    assert "manages no Apple devices" in {each.part: each for each in runner.findings()}["push_certificate"].what


@pytest.mark.parametrize("fault", [RecordedFault(403, b"{}"), RecordedFault(404, b"no such page")])
def test_a_push_certificate_that_is_refused_is_not_none(runner: CaseRunner, fault: RecordedFault) -> None:
    runner.server.fail(runner.case.also_served[2], 0, fault)

    with pytest.raises(PartMissing):
        runner.pages("push_certificate")


# ------------------------------------------------------------------------------------------ what a tenant may lack


@pytest.mark.parametrize("part", EXTRAS)
@pytest.mark.parametrize(
    ("status", "sentence"), [(403, "Grant the permission DeviceManagement"), (404, "does not have")]
)
def test_a_part_that_is_not_there_or_not_granted_says_so(
    runner: CaseRunner, part: str, status: int, sentence: str
) -> None:
    runner.server.fail(runner.case.listings[part], 0, RecordedFault(status, b"{}"))

    with pytest.raises(PartMissing, match=sentence) as missing:
        runner.pages(part)
    assert missing.value.is_forbidden is (status == 403)


@pytest.mark.parametrize("part", EXTRAS)
def test_a_check_of_what_is_not_granted_says_how_to_grant_it_and_how_to_do_without(
    runner: CaseRunner, part: str
) -> None:
    runner.server.fail(runner.case.listings[part], 0, RecordedFault(403, b"{}"))
    findings = {finding.part: finding for finding in runner.findings()}
    finding = findings[part]

    assert all(each.ok for each in findings.values())
    assert finding.what.startswith("not there, and not needed here: ")
    assert "DeviceManagementServiceConfig.Read.All of Microsoft Graph and grant admin consent" in finding.remedy
    assert finding.remedy.endswith(f'without = ["{part}"]')


def test_a_check_leaves_out_what_is_not_wanted(runner: CaseRunner) -> None:
    findings = runner.findings(runner.settings_with(without=EXTRAS))

    assert {finding.part for finding in findings} == {None, "devices", "push_certificate"}


def test_only_the_devices_must_be_there() -> None:
    parts = {part.name: part for part in PARTS}

    assert [name for name, part in parts.items() if not part.may_be_empty] == ["devices"]
    assert {part.role for name, part in parts.items() if name != "devices"} == {PartRole.PURCHASES}
    assert [name for name, part in parts.items() if part.expects_mdm] == [
        "autopilot", "corporate_identifiers", "apple_enrolment",
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------ primary user against enroller

ENROLLED = "b3f1c0de-1111-4a4a-9c9c-000000000001"
USERS = RecordedListing(f"{PATH}/{ENROLLED}/users", ("primary-users.json",))
ENROLLERS = ["personal01@*"]


@pytest.fixture
def enrolled_by_another(tmp_path: Path) -> Iterator[CaseRunner]:
    case = replace(CASE, listings={**CASE.listings, "devices": listing(PATH, "devices-1.json")}, also_served=(USERS,))
    with running_case(case, tmp_path) as here:
        yield here


def keys_of(runner: CaseRunner, enrollers: list[str]) -> tuple[Key, ...]:
    records = runner.records("devices", runner.settings_with(enrollers=enrollers))
    (record,) = (record for record in records if record.source_id == ENROLLED)
    assert isinstance(record, DeviceRecord)
    return record.keys


def test_of_a_device_that_an_enroller_has_the_primary_user_is_asked_for(enrolled_by_another: CaseRunner) -> None:
    assert keys_of(enrolled_by_another, ENROLLERS) == (
        Key(Scheme.OBJECT_ID, TENANT, "0e0e0e0e-3333-4c4c-8f8f-000000000077"),
        Key(Scheme.ADDRESS, "", "personal77@exempelby.se"),
        Key(Scheme.ADDRESS, "", "fornamn.77@exempelby.se"),
    )
    assert [urlsplit(path).path for path in enrolled_by_another.server.asked] == [PATH, USERS.path]


def test_nobody_is_asked_for_where_no_enroller_is_named(enrolled_by_another: CaseRunner) -> None:
    assert keys_of(enrolled_by_another, [])[1].value == "personal01@exempelby.se"
    assert [urlsplit(path).path for path in enrolled_by_another.server.asked] == [PATH]


@pytest.mark.parametrize(
    "fault",
    [
        RecordedFault(404, b"{}"),
        RecordedFault(body=b'{"value": []}'),
        RecordedFault(body=json.dumps({"value": [{"id": "x", "userPrincipalName": "Personal01@exempelby.se"}]}).encode()),
    ],
    ids=["removed", "none", "the enroller"],
)  # fmt: skip
def test_an_enroller_is_no_holder_even_where_nobody_else_is(
    enrolled_by_another: CaseRunner, fault: RecordedFault
) -> None:
    enrolled_by_another.server.fail(USERS, 0, fault)

    assert keys_of(enrolled_by_another, ENROLLERS) == ()
