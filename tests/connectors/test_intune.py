"""Intune, trap by trap (the vendor's documentation, and what its users report)."""

import datetime as dt
import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors import intune
from connectors.intune import Settings, normalise
from connectors.intune.schema import ManagedDevice
from fleetsync.core.model import Compliance, Condition, DeviceRecord, DroppedKind, Key, Ownership, Platform, Scheme
from fleetsync.pull.contract import (
    Credential,
    CredentialUse,
    DroppedRow,
    NormalisedItem,
    RecordError,
    SourceRefused,
    SourceUnavailable,
    UnknownValue,
    UnreadableFact,
)
from tests.connectors.case_runner import CaseRunner, RecordedFault, running_case
from tests.connectors.case_runner import fake_connect as what_is_given
from tests.connectors.intune_case import CASE, LISTING, TENANT

SETTINGS = Settings.model_validate(CASE.filled_table("https://graph.exempelby.se", Path("/srv")))
NULL_GUID = "00000000-0000-0000-0000-000000000000"
A_USER = {"user_id": "0e0e", "user_principal_name": "anna@exempelby.se"}


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[CaseRunner]:
    with running_case(CASE, tmp_path) as here:
        yield here


def noted(**fields: object) -> tuple[NormalisedItem, ...]:
    return normalise("devices", SETTINGS, ManagedDevice(**{"id": "b3f1", "management_state": "managed"} | fields))  # type: ignore[arg-type]


def noted_or_refused(**fields: object) -> tuple[NormalisedItem | RecordError, ...]:
    try:
        return noted(**fields)
    except RecordError as error:
        return (error,)


def device(**fields: object) -> DeviceRecord:
    record, *_ = noted(**fields)
    assert isinstance(record, DeviceRecord)
    return record


def drift(**fields: object) -> list[NormalisedItem]:
    return [record for record in noted(**fields) if isinstance(record, UnknownValue)]


# ------------------------------------------------------------------------------------------------------------- a pull


def test_only_kept_fields_are_asked_for_500_a_page(runner: CaseRunner) -> None:
    runner.pages("devices")
    query = parse_qs(urlsplit(runner.server.asked[0]).query)
    request = query["$select"][0].split(",")

    assert query["$top"] == ["500"]
    assert {"id", "serialNumber", "userId", "lastSyncDateTime"} <= set(request)
    assert not {"userDisplayName", "phoneNumber", "imei", "wiFiMacAddress", "lostModeState"} & set(request)


def test_a_device_is_read_whole(runner: CaseRunner) -> None:
    first = next(record for record in runner.records("devices") if record.source_id.endswith("01"))

    assert first == DeviceRecord(
        source_id="b3f1c0de-1111-4a4a-9c9c-000000000001",
        serial="PF3EX001",
        name="SKOLA-0001",
        manufacturer="LENOVO",
        model="21EXS00100",
        platform=Platform.WINDOWS,
        os_version="10.0.26100.4652",
        keys=(
            Key(Scheme.OBJECT_ID, TENANT, "0e0e0e0e-3333-4c4c-8f8f-000000000001"),
            Key(Scheme.ADDRESS, "", "personal01@exempelby.se"),
            Key(Scheme.ADDRESS, "", "fornamn.01@exempelby.se"),
        ),
        location="Vretaskolan",
        status="managed",
        enrolled_at=datetime(2025, 8, 14, 7, 12, 44, tzinfo=UTC),
        last_contact_at=datetime(2026, 11, 23, 19, 40, 2, tzinfo=UTC),
        ownership=Ownership.ORGANISATION,
        managed=True,
        compliance=Compliance.COMPLIANT,
        encrypted=True,
    )


def test_an_empty_first_page_with_a_link_is_not_the_end(tmp_path: Path) -> None:
    listing = replace(LISTING, pages=("empty.json", *LISTING.pages))
    with running_case(replace(CASE, listings={"devices": listing}), tmp_path) as runner:
        assert len(runner.records("devices")) == 11


def test_a_tenant_without_devices_is_whole_and_empty(tmp_path: Path) -> None:
    listing = replace(LISTING, pages=("empty.json",))
    with running_case(replace(CASE, listings={"devices": listing}), tmp_path) as runner:
        assert [list(page.raws) for page in runner.pages("devices")] == [[]]


def test_the_count_of_a_page_is_not_taken_for_a_total(runner: CaseRunner) -> None:
    assert {page.total for page in runner.pages("devices")} == {None}


def test_a_torn_page_is_no_short_pull(runner: CaseRunner) -> None:
    runner.server.fail(LISTING, 1, RecordedFault(cut=True))

    with pytest.raises(SourceUnavailable):
        runner.pages("devices")


def test_a_refusal_names_the_permission_and_what_graph_says_without_its_address(runner: CaseRunner) -> None:
    runner.server.fail(LISTING, 0, RecordedFault(403, CASE.recorded("refused.json").read_bytes()))

    with pytest.raises(SourceRefused) as refused:
        runner.pages("devices")
    assert "Grant the permission DeviceManagementManagedDevices.Read.All" in str(refused.value)
    assert "Application is not authorized to perform this operation" in str(refused.value)
    assert "kanarie" not in str(refused.value)


def test_newer_members_of_enums_are_asked_for_by_name(runner: CaseRunner) -> None:
    runner.pages("devices")

    assert {sent["prefer"] for sent in runner.server.headers} == {"include-unknown-enum-members"}


def test_beta_is_another_address_and_asks_for_lost_mode(tmp_path: Path) -> None:
    listing = replace(LISTING, path="/beta/deviceManagement/managedDevices")
    with running_case(replace(CASE, listings={"devices": listing}), tmp_path) as runner:
        runner.pages("devices", runner.settings_with(beta=True))

        assert "lostModeState" in runner.server.asked[0]


# --------------------------------------------------------------------------------------------------------- signing in


def test_a_secret_goes_to_the_tenants_token_address_with_the_scope_of_the_same_cloud(runner: CaseRunner) -> None:
    runner.pages("devices")

    assert runner.server.signed_in == [
        {
            "grant_type": "client_credentials",
            "client_id": "99999999-2222-4333-8444-555555555555",
            "client_secret": "hemlig-7f3a-mycket",
            "scope": f"{runner.server.url}/.default",
        }
    ]


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("identity")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fleetsync")])
    now = datetime(2026, 11, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + dt.timedelta(days=365))
    certificate = builder.sign(key, hashes.SHA256())
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    encryption = serialization.BestAvailableEncryption(b"ett losenord")
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    (folder / "key.pem").write_bytes(pem)
    return folder / "certificate.pem", folder / "key.pem"


@pytest.mark.parametrize(("signature", "thumbprint"), [("PS256", "x5t#S256"), ("RS256", "x5t")])
def test_a_certificate_signs_in_without_any_secret(
    runner: CaseRunner, identity: tuple[Path, Path], signature: str, thumbprint: str
) -> None:
    certificate, key = identity
    settings = runner.settings_with(
        client_secret=None, certificate_file=certificate, key_file=key, key_password="ett losenord", signature=signature
    )
    runner.pages("devices", settings)
    (form,) = runner.server.signed_in
    head = form["client_assertion"].partition(".")[0]
    header = json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))

    assert "client_secret" not in form
    assert header["alg"] == signature
    assert thumbprint in header


def test_a_key_without_a_password_needs_none(runner: CaseRunner, identity: tuple[Path, Path], tmp_path: Path) -> None:
    certificate, key = identity
    opened = serialization.load_pem_private_key(key.read_bytes(), b"ett losenord")
    plain = tmp_path / "plain.pem"
    plain.write_bytes(
        opened.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )

    assert runner.pages("devices", runner.settings_with(certificate_file=certificate, key_file=plain))


@pytest.mark.parametrize("content", [None, "å är ingen PEM"])
def test_a_certificate_that_cannot_be_read_is_named(runner: CaseRunner, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "certificate.pem"
    if content is not None:
        file.write_text(content, encoding="utf-8")

    with pytest.raises(SourceRefused, match=r"intune-exempelby: certificate_file .*certificate.pem cannot be read"):
        runner.pages("devices", runner.settings_with(certificate_file=file))


@pytest.mark.parametrize("tenant", ["common", "Organizations", "consumers", "", "a/b"])
def test_a_tenant_is_one_tenant(tenant: str) -> None:
    with pytest.raises(ValidationError, match="tenant"):
        Settings.model_validate(CASE.filled_table("", Path()) | {"tenant": tenant})


def test_an_expiry_is_told_before_anything_is_asked(runner: CaseRunner) -> None:
    settings = runner.settings_with(credential_expires=date(2026, 12, 1))
    runner.server.fail(LISTING, 0, RecordedFault(401))
    with what_is_given(settings) as connect:
        pages = intune.pull("devices", settings, connect)

        assert list(next(pages).raws) == [
            Credential("client secret", datetime(2026, 12, 1, tzinfo=UTC), CredentialUse.SIGN_IN)
        ]
        assert runner.server.asked == []
        with pytest.raises(SourceRefused):
            next(pages)


@pytest.mark.parametrize(("file", "name"), [(None, "client secret"), (Path("c.pem"), "certificate")])
def test_an_expiry_is_noted_by_the_kind_of_credential(file: Path | None, name: str) -> None:
    keys = {"certificate_file": file, "credential_expires": date(2026, 12, 1)}
    settings = Settings.model_validate(CASE.filled_table("", Path()) | keys)
    (page,) = settings.own_credential_pages()
    (credential,) = page.raws

    assert normalise("devices", settings, credential) == (credential,)
    assert credential == Credential(name, datetime(2026, 12, 1, tzinfo=UTC), CredentialUse.SIGN_IN)


# ------------------------------------------------------------------------------------------------------------ a probe


def test_a_probe_asks_for_one_device(runner: CaseRunner) -> None:
    signed_in, devices, *_ = runner.findings()

    assert parse_qs(urlsplit(runner.server.asked[0]).query) == {"$select": ["id"], "$top": ["1"]}
    assert TENANT in signed_in.what
    assert devices.what == "DeviceManagementManagedDevices.Read.All is granted; the first page holds devices"


@pytest.mark.parametrize("status", [400, 500])
def test_a_probe_of_a_server_that_fails_on_the_fields_asks_without_them(runner: CaseRunner, status: int) -> None:
    """As a pull does: else a source that can be read is said to be unreadable."""
    runner.server.fail(LISTING, 0, RecordedFault(status, b"{}", times=1 if status == 400 else 2))
    _, devices, *_ = runner.findings()
    asked = [urlsplit(path) for path in runner.server.asked]

    assert devices.ok
    assert [parse_qs(path.query) for path in asked if path.path == LISTING.path][-1] == {"$top": ["1"]}


def test_a_probe_says_that_nothing_is_enrolled(tmp_path: Path) -> None:
    listing = replace(LISTING, pages=("empty.json",))
    with running_case(replace(CASE, listings={"devices": listing}), tmp_path) as runner:
        assert "no device is enrolled" in {finding.part: finding for finding in runner.findings()}["devices"].what


def test_a_refused_probe_says_where_to_grant_what(runner: CaseRunner) -> None:
    runner.server.fail(LISTING, 0, RecordedFault(403))
    (finding,) = (finding for finding in runner.findings() if not finding.ok)

    assert finding.part == "devices"
    assert "Entra admin center > App registrations > 99999999-2222-4333-8444-555555555555" in finding.remedy
    assert "DeviceManagementManagedDevices.Read.All" in finding.remedy
    assert "admin consent" in finding.remedy


@pytest.mark.parametrize(
    ("expires", "ok", "has_remedy"),
    [(date(2026, 11, 24), False, True), (date(2026, 12, 24), True, True), (date(2026, 12, 25), True, False)],
)
def test_a_probe_warns_of_a_credential_thirty_days_ahead(
    runner: CaseRunner, expires: date, ok: bool, has_remedy: bool
) -> None:
    finding = runner.findings(runner.settings_with(credential_expires=expires))[0]

    assert (finding.ok, bool(finding.remedy)) == (ok, has_remedy)
    assert str(expires) in finding.what


# ------------------------------------------------------------------------------------------------------- times and sentinels


@pytest.mark.parametrize(
    "text",
    [None, "", " ", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.9999999Z", "1970-01-01T00:00:00Z"],
)  # fmt: skip
def test_a_time_that_means_never_is_none(text: str | None) -> None:
    result = device(last_sync_date_time=text, enrolled_date_time=text)

    assert result.last_contact_at is None
    assert result.enrolled_at is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T19:40:02Z",
        "2026-11-23T19:40:02.1234567Z",
        "2026-11-23T20:40:02+01:00",
        "2026-11-23T19:40:02",
        " 2026-11-23T19:40:02.0Z",
    ],
)
def test_a_time_is_read_with_any_decimals_and_zone(text: str) -> None:
    assert device(last_sync_date_time=text).last_contact_at == datetime(2026, 11, 23, 19, 40, 2, tzinfo=UTC)


@pytest.mark.parametrize("text", ["i går", "2026-13-01T00:00:00Z", "2026-11-23", "2026-11-23T19:40:02+99:00"])
def test_what_is_no_time_is_unknown_and_named_without_its_value(text: str) -> None:
    record, *others = noted(last_sync_date_time=text)

    assert isinstance(record, DeviceRecord)
    assert record.last_contact_at is None
    assert record.unreadable == ("last_contact_at",)
    assert others == [UnreadableFact("lastSyncDateTime", "is not a time", "b3f1")]


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_is_never_a_sentinel(instant: datetime) -> None:
    result = device(last_sync_date_time=instant.strftime("%Y").zfill(4) + instant.strftime("-%m-%dT%H:%M:%SZ"))

    assert result.last_contact_at is None or 1970 < result.last_contact_at.year <= 2100


@pytest.mark.parametrize("blank", [None, "", "Unknown", "unknown", " "])
def test_what_says_nothing_is_none(blank: str | None) -> None:
    result = device(
        manufacturer=blank, model=blank, os_version=blank, device_category_display_name=blank, user_id=blank,
        user_principal_name=blank, email_address=blank, management_state=blank, operating_system=blank,
    )  # fmt: skip

    assert result == DeviceRecord(source_id="b3f1", managed=None)


def test_a_row_without_an_id_is_refused() -> None:
    with pytest.raises(RecordError, match="id is empty"):
        noted(id="")


def test_a_serial_is_left_for_the_house_to_judge() -> None:
    assert device(serial_number=" 0 ").serial == "0"
    assert device(serial_number="").serial is None


# ---------------------------------------------------------------------------------------------------------------- users


def test_the_null_guid_is_nobody() -> None:
    assert device(user_id=NULL_GUID).keys == ()


def test_an_address_that_is_the_log_in_too_is_one_key() -> None:
    result = device(user_principal_name="anna@exempelby.se", email_address="anna@exempelby.se")

    assert result.keys == (Key(Scheme.ADDRESS, "", "anna@exempelby.se"),)


def test_an_enrolment_manager_is_no_holder() -> None:
    assert device(device_enrollment_type="deviceEnrollmentManager", **A_USER).enrolled_by_manager


USERLESS = ["appleBulkWithoutUser", "windowsBulkUserless", "windowsAzureADJoinUsingDeviceAuth", "androidEnterpriseDedicatedDevice"]  # fmt: skip


@pytest.mark.parametrize("enrolment", USERLESS)
def test_a_userless_enrolment_without_a_user_reports_a_shared_device(enrolment: str) -> None:
    assert device(device_enrollment_type=enrolment).reported_shared
    assert not device(device_enrollment_type=enrolment, **A_USER).reported_shared


@pytest.mark.parametrize(
    "enrolment", [None, "windowsAzureADJoin", "appleBulkWithUser", "unknownFutureValue", "unknown"]
)
def test_having_no_user_alone_reports_nothing(enrolment: str | None) -> None:
    assert not device(device_enrollment_type=enrolment).reported_shared


# ----------------------------------------------------------------------------------------------------------- platforms


@pytest.mark.parametrize(
    ("system", "model", "platform"),
    [
        ("Windows", "21EXS00100", Platform.WINDOWS),
        ("windows 10", None, Platform.WINDOWS),
        ("Windows Mobile", None, Platform.OTHER),
        ("iOS", "iPad (9th generation)", Platform.IPADOS),
        ("iOS", "ipad13,18", Platform.IPADOS),
        ("iPadOS", None, Platform.IPADOS),
        ("iOS", "iPhone 13", Platform.IOS),
        ("iOS", None, Platform.IOS),
        ("macOS", "MacBook Air", Platform.MACOS),
        ("Android", "SM-A536B", Platform.ANDROID),
        ("AndroidEnterprise", "SM-X200", Platform.ANDROID),
        ("ChromeOS", None, Platform.CHROMEOS),
        ("Linux (ubuntu)", None, Platform.LINUX),
        ("tvOS", None, Platform.TVOS),
        (None, None, Platform.OTHER),
    ],
)
def test_a_platform_is_told_by_system_and_model(system: str | None, model: str | None, platform: Platform) -> None:
    assert device(operating_system=system, model=model).platform is platform
    assert not drift(operating_system=system, model=model)


def test_a_system_that_nobody_knows_is_other_and_told() -> None:
    assert noted(operating_system="HarmonyOS")[1:] == (UnknownValue("operatingSystem", "HarmonyOS"),)
    assert device(operating_system="HarmonyOS").platform is Platform.OTHER


# ------------------------------------------------------------------------------------------------- what is no device of ours


@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        ("eas", DroppedKind.MAILBOX),
        ("msSense", DroppedKind.DEFENDER_ONLY),
        ("MSSENSE", DroppedKind.DEFENDER_ONLY),
    ],
)
def test_a_mailbox_or_a_sensor_is_no_device_and_is_counted(agent: str, kind: DroppedKind) -> None:
    assert noted(management_agent=agent) == (DroppedRow(kind),)


@pytest.mark.parametrize(
    ("system", "model"), [("iOS", "iPhone 13"), ("iOS", None), ("Android", "SM-A536B"), ("Android", None)]
)
def test_a_privately_owned_phone_is_dropped_and_counted(system: str, model: str | None) -> None:
    dropped = (DroppedRow(DroppedKind.PRIVATE_PHONE),)

    assert noted(managed_device_owner_type="personal", operating_system=system, model=model) == dropped
    assert noted(managed_device_owner_type="company", operating_system=system, model=model) != dropped


@pytest.mark.parametrize(
    ("system", "model"),
    [("iOS", "iPad Air"), ("Windows", "ThinkPad"), ("Android", "Galaxy Tab A8"), ("Android", "SM-T500"), ("macOS", None)],
)  # fmt: skip
def test_another_privately_owned_device_is_kept_and_marked(system: str, model: str | None) -> None:
    result = device(managed_device_owner_type="personal", operating_system=system, model=model)

    assert result.ownership is Ownership.PERSONAL


def test_jamfs_mirror_tells_user_and_compliance_and_nothing_of_contact_or_management() -> None:
    result = device(
        management_agent="jamf", compliance_state="compliant", last_sync_date_time="2026-11-23T19:40:02Z",
        enrolled_date_time="2025-08-14T07:12:44Z", **A_USER,
    )  # fmt: skip

    assert result.keys
    assert result.compliance is Compliance.COMPLIANT
    assert (result.managed, result.last_contact_at, result.enrolled_at) == (None, None, None)


# ---------------------------------------------------------------------------------------------------------------- enums


@pytest.mark.parametrize(
    ("state", "condition", "managed"),
    [
        ("managed", Condition.ACTIVE, True),
        ("Managed", Condition.ACTIVE, True),
        ("unhealthy", Condition.ACTIVE, True),
        ("retireFailed", Condition.ACTIVE, True),
        ("wipeCanceled", Condition.ACTIVE, True),
        ("retirePending", Condition.RETIRED, True),
        ("retireIssued", Condition.RETIRED, True),
        ("deletePending", Condition.RETIRED, True),
        ("wipePending", Condition.WIPED, True),
        ("wipeIssued", Condition.WIPED, True),
        ("discovered", Condition.PENDING, False),
        ("unknownFutureValue", Condition.ACTIVE, None),
        (None, Condition.ACTIVE, None),
    ],
)
def test_a_management_state_means(state: str | None, condition: Condition, managed: bool | None) -> None:
    result = device(management_state=state)

    assert (result.condition, result.managed) == (condition, managed)


@pytest.mark.parametrize(
    ("state", "compliance"),
    [
        ("compliant", Compliance.COMPLIANT),
        ("noncompliant", Compliance.NONCOMPLIANT),
        ("Noncompliant", Compliance.NONCOMPLIANT),
        ("conflict", Compliance.NONCOMPLIANT),
        ("error", Compliance.NONCOMPLIANT),
        ("inGracePeriod", Compliance.GRACE),
        ("unknown", None),
        ("configManager", None),
        (None, None),
    ],
)
def test_compliance_means(state: str | None, compliance: Compliance | None) -> None:
    assert device(compliance_state=state).compliance is compliance
    assert not drift(compliance_state=state)


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("compliance_state", "complianceState"),
        ("management_state", "managementState"),
        ("management_agent", "managementAgent"),
        ("managed_device_owner_type", "managedDeviceOwnerType"),
        ("device_enrollment_type", "deviceEnrollmentType"),
        ("lost_mode_state", "lostModeState"),
    ],
)
@pytest.mark.parametrize("word", ["unknownFutureValue", "brandNew"])
def test_a_member_that_is_new_is_told_and_means_nothing(field: str, name: str, word: str) -> None:
    assert drift(**{field: word}) == [UnknownValue(name, word)]


@pytest.mark.parametrize(("state", "condition"), [("enabled", Condition.LOST), ("disabled", Condition.ACTIVE)])
def test_lost_mode_is_lost(state: str, condition: Condition) -> None:
    assert device(lost_mode_state=state).condition is condition


@given(
    st.fixed_dictionaries(
        {},
        optional={
            field.name: st.none() | st.text(max_size=12)
            for field in msgspec.structs.fields(ManagedDevice)
            if field.name not in {"is_encrypted", "id", "unreadable"}
        },
    )
)
def test_no_row_is_ever_beyond_reading(fields: dict[str, str | None]) -> None:
    result = noted_or_refused(**fields)

    assert all(isinstance(record, DeviceRecord | UnknownValue | UnreadableFact) for record in result)
