"""Google Admin, trap by trap (its reference, and what users of it report)."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from pydantic import SecretStr, ValidationError

from connectors.google_admin import Settings, normalise
from connectors.google_admin.schema import Device, OrganisationalUnit, User, without_free_text
from fleetsync.core.model import (
    Compliance,
    Condition,
    DeviceRecord,
    Key,
    Ownership,
    PersonRecord,
    Platform,
    Scheme,
    UnitRecord,
)
from fleetsync.pull.contract import (
    NormalisedItem,
    RecordError,
    ServiceAccount,
    SourceRefused,
    SourceUnavailable,
    UnknownValue,
    UnreadableFact,
)
from fleetsync.pull.decoding import RowReader
from tests.connectors.case_runner import CaseRunner, RecordedFault, running_case
from tests.connectors.google_admin_case import ACCOUNT, ADMINISTRATOR, CASE, KEY_ID, private_pem

TABLE = CASE.filled_table("https://admin.googleapis.com", Path("/srv"))
SETTINGS = Settings.model_validate(TABLE)
SCOPE = "https://www.googleapis.com/auth/admin.directory."
FLEX = {"chromeOsType": "CHROME_OS_FLEX"}


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[CaseRunner]:
    with running_case(CASE, tmp_path) as here:
        yield here


def items(**fields: object) -> tuple[NormalisedItem, ...]:
    """What a row of devices comes to, read as the pull reads it."""
    row = {"deviceId": "3f1b7c2e", "status": "ACTIVE"} | fields
    read = RowReader(Device, id_field="deviceId").read([msgspec.Raw(msgspec.json.encode(row))])
    raws = [*map(without_free_text, read.rows), *read.facts]
    return tuple(item for raw in raws for item in normalise("devices", SETTINGS, raw))  # type: ignore[arg-type]


def device(**fields: object) -> DeviceRecord:
    (record,) = (item for item in items(**fields) if isinstance(item, DeviceRecord))
    return record


# --- what is asked ----------------------------------------------------------------------------------------------------


def queries(runner: CaseRunner) -> list[dict[str, list[str]]]:
    return [parse_qs(urlsplit(asked).query) for asked in runner.server.asked]


def test_the_next_page_is_asked_for_by_name_and_by_its_token_alone(runner: CaseRunner) -> None:
    runner.pages("devices")
    first, second = queries(runner)

    assert first["fields"][0].startswith("kind,nextPageToken,chromeosdevices(deviceId,serialNumber,status,")
    assert first["projection"] == ["FULL"]
    assert first["maxResults"] == ["200"]
    assert "pageToken" not in first
    assert second == first | {"pageToken": ["1"]}


def test_nothing_is_sorted_and_nothing_is_asked_for_that_is_never_kept(runner: CaseRunner) -> None:
    for part in CASE.expected_counts:
        runner.pages(part)
    asked = " ".join(runner.server.asked)

    assert not [
        word for word in ("orderBy", "sortOrder", "recentUsers", "notes", "macAddress", "aliases") if word in asked
    ]


def test_organisational_units_are_asked_for_at_every_level_and_without_a_page(runner: CaseRunner) -> None:
    runner.pages("units")

    assert queries(runner) == [
        {"type": ["all"], "fields": ["kind,organizationUnits(orgUnitId,name,orgUnitPath,parentOrgUnitId)"]}
    ]


def test_each_part_asks_for_a_token_of_its_own_scope(runner: CaseRunner) -> None:
    for part in CASE.expected_counts:
        runner.pages(part)

    assert len(runner.server.signed_in) == 3
    assert {form["grant_type"] for form in runner.server.signed_in} == {"urn:ietf:params:oauth:grant-type:jwt-bearer"}


def test_the_key_file_says_who_signs_in_and_where() -> None:
    auth = SETTINGS.sign_in("admin.directory.user.readonly")

    assert auth == ServiceAccount(
        "https://admin.googleapis.com/token",
        ACCOUNT,
        SecretStr(private_pem()),
        ADMINISTRATOR,
        (SCOPE + "user.readonly",),
        KEY_ID,
    )
    assert "PRIVATE" not in repr(auth)


@pytest.mark.parametrize(
    "text", ["-----BEGIN PRIVATE KEY-----", "{}", "[]", '{"type": "authorized_user", "client_id": "hemlig"}', "null"]
)
def test_what_is_no_key_of_a_service_account_is_refused_and_not_shown(runner: CaseRunner, text: str) -> None:
    with pytest.raises(SourceRefused, match="not the key of a service account") as refused:
        runner.pages("devices", runner.settings_with(service_account=text))

    assert "hemlig" not in str(refused.value)
    assert runner.server.asked == []


@pytest.mark.parametrize("keys", [{"administrator": "fleetsync"}, {"customer": "../users"}, {"base_url": "ftp://x"}])
def test_a_table_that_cannot_be_right_is_refused(keys: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(TABLE | keys)


# --- what an answer means ---------------------------------------------------------------------------------------------


def test_an_empty_page_lacks_the_key_of_its_rows_and_is_no_end(runner: CaseRunner) -> None:
    body = b'{"kind": "admin#directory#chromeosdevices", "nextPageToken": "1"}'
    runner.server.fail(CASE.listings["devices"], 0, RecordedFault(body=body))

    assert len(runner.records("devices")) == 3


@pytest.mark.parametrize("part", ["units", "users", "devices"])
def test_a_customer_that_has_none_is_empty_and_another_answer_is_not(runner: CaseRunner, part: str) -> None:
    runner.server.fail(CASE.listings[part], 0, RecordedFault(body=b'{"kind": "admin#directory#any"}'))
    assert runner.records(part) == []

    runner.server.fail(CASE.listings[part], 0, RecordedFault(body=b'{"etag": "another"}'))
    with pytest.raises(SourceUnavailable, match="neither its kind nor its rows"):
        runner.records(part)


@pytest.mark.parametrize("reason", ["userRateLimitExceeded", "rateLimitExceeded", "quotaExceeded"])
def test_throttling_comes_as_403_with_a_reason(runner: CaseRunner, reason: str) -> None:
    error = {"error": {"code": 403, "errors": [{"domain": "usageLimits", "reason": reason}]}}
    fault = RecordedFault(403, msgspec.json.encode(error), times=3)
    runner.server.fail(CASE.listings["devices"], 1, fault)

    assert len(runner.records("devices")) == 6
    assert len([seconds for seconds in runner.waited if seconds >= 1]) == 3


# --- what a device means ----------------------------------------------------------------------------------------------


def test_a_device_is_read_whole(runner: CaseRunner) -> None:
    first = next(record for record in runner.records("devices") if isinstance(record, DeviceRecord))

    assert first == DeviceRecord(
        source_id="3f1b7c2e-0000-4000-8000-000000000001",
        serial="5CD3EXMP01",
        name="612001",
        model="HP Chromebook 11 G9 EE",
        platform=Platform.CHROMEOS,
        os_version="139.0.7258.137",
        keys=(Key(Scheme.ADDRESS, "", "elev01@edu.exempelby.se"),),
        location="/Skolor/Vretaskolan/Elever",
        tag="Vagn 2",
        status="ACTIVE",
        asset_tag="612001",
        enrolled_at=datetime(2025, 8, 18, 7, tzinfo=UTC),
        last_contact_at=datetime(2026, 11, 23, 6, 1, 11, tzinfo=UTC),
        ownership=Ownership.ORGANISATION,
        managed=True,
        compliance=Compliance.COMPLIANT,
        encrypted=True,
        support_until=date(2031, 6, 30),
    )


@pytest.mark.parametrize(
    ("status", "condition", "managed"),
    [
        ("ACTIVE", Condition.ACTIVE, True),
        ("DELINQUENT", Condition.ACTIVE, False),
        ("INACTIVE", Condition.ACTIVE, False),
        ("DISABLED", Condition.DISABLED, True),
        ("DEPROVISIONED", Condition.RETIRED, False),
        ("PRE_PROVISIONED", Condition.PENDING, None),
        ("SHIPPED", Condition.PENDING, None),
        ("RETURN_REQUESTED", Condition.IN_REPAIR, True),
        ("RETURN_ARRIVED", Condition.IN_REPAIR, True),
        ("UNKNOWN", Condition.ACTIVE, None),
        ("", Condition.ACTIVE, None),
        ("BRAND_NEW", Condition.ACTIVE, None),
    ],
)
def test_a_status_means(status: str, condition: Condition, managed: bool | None) -> None:
    record = device(status=status)

    assert (record.condition, record.managed) == (condition, managed)
    assert (UnknownValue("status", "BRAND_NEW") in items(status=status)) is (status == "BRAND_NEW")


def test_a_deprovisioned_flex_device_is_not_managed_and_not_retired() -> None:
    record = device(status="DEPROVISIONED", **FLEX)

    assert (record.condition, record.managed) == (Condition.ACTIVE, False)
    assert device(status="DISABLED", **FLEX).condition is Condition.DISABLED


@pytest.mark.parametrize(
    ("word", "compliance"),
    [
        ("COMPLIANT", Compliance.COMPLIANT),
        ("NOT_COMPLIANT", Compliance.NONCOMPLIANT),
        ("PENDING", Compliance.GRACE),
        ("COMPLIANCE_UNSPECIFIED", None),
        (None, None),
    ],
)
def test_compliance_means(word: str | None, compliance: Compliance | None) -> None:
    assert device(osVersionCompliance=word).compliance is compliance


@pytest.mark.parametrize("user", ["Tuva Exempel 6B", "6B", "elev01", "@6B", "tuva exempel@exempelby.se"])
def test_an_annotated_user_that_is_no_address_is_somebody_unknown_and_not_kept(user: str) -> None:
    record = device(annotatedUser=user)

    assert (record.keys, record.unreadable) == ((), ("keys",))
    assert UnknownValue("annotatedUser", "(text)") in items(annotatedUser=user)
    assert user not in repr(items(annotatedUser=user))


@pytest.mark.parametrize("user", [None, "", "  "])
def test_without_an_annotated_user_nobody_has_a_device(user: str | None) -> None:
    record = device(annotatedUser=user)

    assert (record.keys, record.unreadable) == ((), ())


@pytest.mark.parametrize(
    ("fields", "end"),
    [
        ({}, None),
        ({"autoUpdateThrough": "2031-06-30"}, date(2031, 6, 30)),
        ({"autoUpdateThrough": "2031-06-30T00:00:00.000Z"}, date(2031, 6, 30)),
        ({"autoUpdateThrough": "2031-06-30", "autoUpdateExpiration": "1"}, date(2031, 6, 30)),
        ({"autoUpdateExpiration": "1940544000000"}, date(2031, 6, 30)),
        ({"autoUpdateExpiration": "2031-06-30T00:00:00.000Z"}, date(2031, 6, 30)),
        ({"autoUpdateThrough": "", "autoUpdateExpiration": "0"}, None),
        ({"autoUpdateThrough": "2031-06-30", "extendedSupportStart": "2027-06-30"}, date(2031, 6, 30)),
        (
            {
                "autoUpdateThrough": "2031-06-30",
                "extendedSupportStart": "2027-06-30",
                "extendedSupportEligible": True,
            },
            date(2027, 6, 30),
        ),
        (
            {
                "autoUpdateThrough": "2031-06-30",
                "extendedSupportStart": "2027-06-30",
                "extendedSupportEligible": True,
                "extendedSupportEnabled": True,
            },
            date(2031, 6, 30),
        ),
        (
            {
                "autoUpdateThrough": "2026-06-30",
                "extendedSupportStart": "2027-06-30",
                "extendedSupportEligible": True,
            },
            date(2026, 6, 30),
        ),
    ],
)
def test_automatic_updates_end(fields: dict[str, object], end: date | None) -> None:
    assert device(**fields).support_until == end


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("autoUpdateThrough", "snart"),
        ("autoUpdateExpiration", "snart"),
        ("autoUpdateExpiration", "9" * 30),
        ("extendedSupportStart", "snart"),
    ],
)
def test_an_end_of_updates_that_cannot_be_read_costs_itself_and_is_named(field: str, value: str) -> None:
    record = device(**{"lastSync": "2026-11-23T06:01:11Z", field: value})

    assert record.unreadable == ("support_until",)
    assert record.last_contact_at is not None
    assert [item.field for item in items(**{field: value}) if isinstance(item, UnreadableFact)] == [field]


def test_a_time_with_an_offset_is_read_and_one_without_a_zone_is_named() -> None:
    assert device(lastSync="2010-04-05T17:30:04+01:00").last_contact_at == datetime(2010, 4, 5, 16, 30, 4, tzinfo=UTC)
    assert device(lastSync="2026-11-23T06:01:11").unreadable == ("last_contact_at",)


def test_what_is_not_enrolled_yet_is_not_known_to_be_encrypted() -> None:
    assert device(status="PRE_PROVISIONED").encrypted is None


def test_a_row_without_an_id_is_refused() -> None:
    with pytest.raises(RecordError, match="deviceId is empty"):
        items(deviceId=" ")


# --- organisational units and users -----------------------------------------------------------------------------------


def test_an_organisational_unit_is_known_by_its_id_and_its_path() -> None:
    raw = OrganisationalUnit(
        org_unit_id="id:03ph", name="Elever", org_unit_path="/Skolor/Elever", parent_org_unit_id="id:02"
    )

    assert normalise("units", SETTINGS, raw) == (
        UnitRecord(
            source_id="id:03ph", name="Elever", kind="organizational unit", codes=("/Skolor/Elever",), parent="id:02"
        ),
    )


@pytest.mark.parametrize(("field", "value"), [("name", " "), ("orgUnitPath", "")])
def test_an_organisational_unit_without_name_or_path_is_present_and_unreadable(field: str, value: str) -> None:
    row = {"orgUnitId": "id:03ph", "name": "Elever", "orgUnitPath": "/Elever"} | {field: value}
    raw = msgspec.convert(row, OrganisationalUnit)

    with pytest.raises(RecordError, match=f"{field} is empty") as refused:
        normalise("units", SETTINGS, raw)
    assert refused.value.source_id == "id:03ph"


@pytest.mark.parametrize("field", ["name", "orgUnitPath", "parentOrgUnitId"])
def test_an_organisational_unit_whose_place_cannot_be_read_stays_as_it_was(runner: CaseRunner, field: str) -> None:
    row = {"orgUnitId": "id:03ph", "name": "Elever", "orgUnitPath": "/Elever"} | {field: ["?"]}
    body = msgspec.json.encode({"kind": "admin#directory#orgUnits", "organizationUnits": [row]})
    runner.server.fail(CASE.listings["units"], 0, RecordedFault(body=body))
    (page,) = runner.pages("units")

    assert page.raws == []
    assert [rejected.source_id for rejected in page.rejected] == ["id:03ph"]


def test_a_user_is_an_id_and_a_primary_address() -> None:
    own = Key(Scheme.OBJECT_ID, "google-admin", "1091")

    assert normalise("users", SETTINGS, User(id="1091", primary_email="elev01@edu.exempelby.se")) == (
        PersonRecord(source_id="1091", keys=(own, Key(Scheme.ADDRESS, "", "elev01@edu.exempelby.se"))),
    )
    assert normalise("users", SETTINGS, User(id="1091")) == (PersonRecord(source_id="1091", keys=(own,)),)
