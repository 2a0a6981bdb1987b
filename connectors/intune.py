"""Microsoft Intune: the managed devices of one tenant.

API: GET {graph_root}/v1.0/deviceManagement/managedDevices (Microsoft Graph, documentation read 2026-11-24), a whole read
each time: there is no delta. Sign-in: OAuth 2 client credentials at {authority}/{tenant}/oauth2/v2.0/token.
Permission: DeviceManagementManagedDevices.Read.All (application), with admin consent and an Intune licence.

Quirks:
* `@odata.count` counts the page, so there is no total to check against; an empty page with a next link is not the end.
* 0001-01-01 is "never", 9999-12-31 "no limit", the null guid, "" and "Unknown" nothing.
* An iPad reports iOS or iPadOS, by the age of its record: the model decides.
* `eas` rows are mailboxes and `msSense` rows Defender alone: no devices. `jamf` rows mirror what Jamf manages.
* `userPrincipalName` is a copy that lags behind a change of name; `userId` does not.
* enrollmentProfileName, notes and addresses of network cards come empty in a list; none is asked for.

Refuses to count a privately owned phone, and to take silence about the user for a shared device.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, TypeVar

import msgspec
from pydantic import AfterValidator, Field, SecretStr

from fleetsync.core.model import (
    Compliance,
    Condition,
    DeviceRecord,
    Key,
    Ownership,
    PartRole,
    Platform,
    RecordType,
    Scheme,
)
from fleetsync.pull.contract import (
    Auth,
    Client,
    ClientCertificate,
    ClientSecret,
    Connect,
    Credential,
    NormalisedItem,
    Page,
    Params,
    Part,
    ProbeResult,
    RecordError,
    SourceRefused,
    SourceSettings,
    UnknownValue,
)

T = TypeVar("T")

PARTS = (Part("devices", (RecordType.DEVICE,), role=PartRole.MDM),)

PERMISSION = "DeviceManagementManagedDevices.Read.All"
DEVICES_PATH = "deviceManagement/managedDevices"
PAGE_SIZE = 500  # 1000 is allowed; full pages gave 504 for days in large tenants (Intune-PowerShell-SDK#146)
EXPIRY_WARNING_PERIOD = timedelta(days=30)


def _one_tenant(tenant: str) -> str:
    if tenant.casefold() in {"common", "organizations", "consumers"}:
        raise ValueError("must be the id of one tenant: an application cannot sign in to all of them")
    return tenant


class Settings(SourceSettings):
    """Its `[[source]]` table. A secret or a certificate; of both, the certificate is used."""

    tenant: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$"), AfterValidator(_one_tenant)]
    """The directory (tenant) id. It is the namespace of object ids, so write the id, not a domain, in every source."""
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: SecretStr | None = None
    client_secret_file: Path | None = None
    certificate_file: Path | None = None
    """The certificate of the app registration, PEM; its private key is `key_file`."""
    key: SecretStr | None = None
    key_file: Path | None = None
    key_password: SecretStr | None = None
    key_password_file: Path | None = None
    signature: Literal["PS256", "RS256"] = "PS256"
    credential_expires: date | None = None
    """When secret or certificate runs out, as the portal shows it; told thirty days ahead."""
    authority: str = "https://login.microsoftonline.com"
    graph_root: str = "https://graph.microsoft.com"
    beta: bool = False
    """Read the beta version, which knows lost mode; Microsoft does not support it for production."""


class ManagedDevice(msgspec.Struct, frozen=True, rename="camel"):
    """What is kept of a row; the same fields are asked for by `$select`."""

    id: str | None = None
    device_name: str | None = None
    serial_number: str | None = None
    operating_system: str | None = None
    os_version: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    user_id: str | None = None
    user_principal_name: str | None = None
    email_address: str | None = None
    enrolled_date_time: str | None = None
    last_sync_date_time: str | None = None
    compliance_state: str | None = None
    management_state: str | None = None
    management_agent: str | None = None
    managed_device_owner_type: str | None = None
    device_enrollment_type: str | None = None
    device_category_display_name: str | None = None
    is_encrypted: bool | None = None
    lost_mode_state: str | None = None


class ManagedDevicePage(msgspec.Struct, frozen=True):
    """A page of the answer."""

    value: list[ManagedDevice]
    next_link: str | None = msgspec.field(default=None, name="@odata.nextLink")


class CredentialExpiry(msgspec.Struct, frozen=True):
    """When our own credential runs out."""

    day: date


# ------------------------------------------------------------------------------------------------------------- reading


def pull(part: str, settings: Settings, connect: Connect) -> Iterator[Page]:
    """All managed devices, 500 a page; before them what is known of our credential, even if it no longer works.

    API: GET deviceManagement/managedDevices. Permission: DeviceManagementManagedDevices.Read.All.
    """
    if settings.credential_expires is not None:
        yield Page([CredentialExpiry(settings.credential_expires)])
    query: Params = {"$select": ",".join(_selected_fields(settings)), "$top": PAGE_SIZE}
    client = _client(settings, connect)
    for listing in client.follow(
        DEVICES_PATH, query, decode=ManagedDevicePage, next_page=lambda page: page.next_link, needs=PERMISSION
    ):
        yield Page(listing.value)


def probe(settings: Settings, connect: Connect) -> Iterator[ProbeResult]:
    """Our credential's expiry, then one device: that proves sign-in, permission and address."""
    if settings.credential_expires is not None:
        yield _expiry_finding(settings.credential_expires, connect.today)
    try:
        listing = _client(settings, connect).get(
            DEVICES_PATH, {"$select": "id", "$top": 1}, decode=ManagedDevicePage, needs=PERMISSION
        )
    except SourceRefused as refused:
        yield ProbeResult("devices", ok=False, what=str(refused), remedy=_remedy(settings))
        return
    yield ProbeResult(None, ok=True, what=f"signed in to the tenant {settings.tenant} as {settings.client_id}")
    found = "the first page holds devices" if listing.value else "the first page is empty: no device is enrolled"
    yield ProbeResult("devices", ok=True, what=f"{PERMISSION} is granted; {found}")


def _client(settings: Settings, connect: Connect) -> Client:
    version = "beta" if settings.beta else "v1.0"
    # Without it, Android Enterprise and every newer way to enrol is "unknownFutureValue".
    headers = {"Prefer": "include-unknown-enum-members"}
    return connect(f"{settings.graph_root.rstrip('/')}/{version}", _sign_in(settings), headers=headers)


def _sign_in(settings: Settings) -> Auth:
    token_url = f"{settings.authority.rstrip('/')}/{settings.tenant}/oauth2/v2.0/token"
    scope = f"{settings.graph_root.rstrip('/')}/.default"
    if settings.certificate_file is None:
        return ClientSecret(token_url, settings.client_id, settings.secret("client_secret"), scope)
    return ClientCertificate(
        token_url,
        settings.client_id,
        _certificate(settings.name, settings.certificate_file),
        settings.secret("key"),
        settings.secret("key_password") if settings.has_secret("key_password") else None,
        scope,
        settings.signature,
    )


def _certificate(source: str, file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is not PEM text"
        raise SourceRefused(f"{source}: certificate_file {file} cannot be read ({cause})") from None


def _selected_fields(settings: Settings) -> tuple[str, ...]:
    fields = (field.encode_name for field in msgspec.structs.fields(ManagedDevice))
    return tuple(field for field in fields if settings.beta or field != "lostModeState")


def _expiry_finding(expires: date, today: date) -> ProbeResult:
    remedy = (
        "Make a new one under Certificates & secrets of the app registration, put it here, correct credential_expires"
    )
    if expires <= today:
        return ProbeResult(None, ok=False, what=f"the credential ran out on {expires}", remedy=remedy)
    soon = expires - today <= EXPIRY_WARNING_PERIOD
    return ProbeResult(None, ok=True, what=f"the credential runs out on {expires}", remedy=remedy if soon else "")


def _remedy(settings: Settings) -> str:
    return (
        f"Entra admin center > App registrations > {settings.client_id}: under API permissions add the application "
        f"permission {PERMISSION} of Microsoft Graph and grant admin consent; under Certificates & secrets see that the "
        "credential is the one named here"
    )


# -------------------------------------------------------------------------------------------------------- what it means

_CONDITIONS: Mapping[str, Condition] = MappingProxyType(
    {
        **dict.fromkeys(
            ("managed", "unhealthy", "retirefailed", "wipefailed", "retirecanceled", "wipecanceled"), Condition.ACTIVE
        ),
        # A finished one removes the row; these are on their way, and nobody should count on the device.
        **dict.fromkeys(("retirepending", "retireissued", "deletepending"), Condition.RETIRED),
        **dict.fromkeys(("wipepending", "wipeissued"), Condition.WIPED),
        "discovered": Condition.PENDING,
    }
)
_COMPLIANCE: Mapping[str, Compliance | None] = MappingProxyType(
    {
        "compliant": Compliance.COMPLIANT,
        "noncompliant": Compliance.NONCOMPLIANT,
        "conflict": Compliance.NONCOMPLIANT,
        "error": Compliance.NONCOMPLIANT,
        "ingraceperiod": Compliance.GRACE,
        "unknown": None,
        "configmanager": None,
    }
)
_OWNERSHIP: Mapping[str, Ownership | None] = MappingProxyType(
    {"company": Ownership.ORGANISATION, "personal": Ownership.PERSONAL, "unknown": None}
)
_NON_DEVICE_AGENTS = frozenset({"eas", "mssense"})
_JAMF_MIRROR_AGENT = "jamf"
_AGENTS: Mapping[str, str] = MappingProxyType(
    {
        agent: agent
        for agent in (
            "mdm", "easmdm", "intuneclient", "easintuneclient", "configurationmanagerclient",
            "configurationmanagerclientmdm", "configurationmanagerclientmdmeas", "unknown", _JAMF_MIRROR_AGENT,
            "googleclouddevicepolicycontroller", "microsoft365managedmdm", "google", "intuneaosp", *_NON_DEVICE_AGENTS,
        )
    }
)  # fmt: skip
_ENROLMENT_MANAGER = "deviceenrollmentmanager"
_USERLESS_ENROLMENTS = frozenset(
    {
        "applebulkwithoutuser",
        "windowsbulkuserless",
        "windowsazureadjoinusingdeviceauth",  # Autopilot that deploys itself: kiosks and shared computers
        "androidenterprisededicateddevice",
        "androidaospuserlessdeviceenrollment",
    }
)
_ENROLMENTS: Mapping[str, str] = MappingProxyType(
    {
        way: way
        for way in (
            "unknown", "userenrollment", _ENROLMENT_MANAGER, "applebulkwithuser", "windowsazureadjoin", "windowsautoenrollment",
            "windowsbulkazuredomainjoin", "windowscomanagement", "appleuserenrollment",
            "appleuserenrollmentwithserviceaccount", "azureadjoinusingazurevmextension",
            "androidenterprisefullymanaged", "androidenterprisecorporateworkprofile",
            "androidaospuserowneddeviceenrollment", "appleaccountdrivenuserenrollment", *_USERLESS_ENROLMENTS,
        )
    }
)  # fmt: skip
_PLATFORM_PREFIXES = (  # how the name of an operating system begins; the first that fits
    ("windows mobile", Platform.OTHER),
    ("windowsmobile", Platform.OTHER),
    ("windows phone", Platform.OTHER),
    ("windowsphone", Platform.OTHER),
    ("windows", Platform.WINDOWS),
    ("ipados", Platform.IPADOS),
    ("ios", Platform.IOS),
    ("macos", Platform.MACOS),
    ("mac os", Platform.MACOS),
    ("tvos", Platform.TVOS),
    ("android", Platform.ANDROID),
    ("chromeos", Platform.CHROMEOS),
    ("chrome os", Platform.CHROMEOS),
    ("linux", Platform.LINUX),
)
_EMPTY_WORDS = frozenset({"", "unknown"})
_NULL_GUID = "00000000-0000-0000-0000-000000000000"
_INSTANT = re.compile(
    r"(?P<year>\d{4})(?P<rest>-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(?P<zone>Z|[+-]\d\d:\d\d)?", re.ASCII
)
_FIRST_YEAR, _LAST_YEAR = 1971, 2100
_ANDROID_TABLET = re.compile(r"tab|pad|\bSM-[TXP]\d", re.IGNORECASE)


def normalise(part: str, settings: Settings, raw: ManagedDevice | CredentialExpiry) -> tuple[NormalisedItem, ...]:
    """One row as a device; nothing for what is no device of ours to count (mailboxes, private phones).

    Raises RecordError for a row without an id, and for a time that is none.
    """
    if isinstance(raw, CredentialExpiry):
        name = "certificate" if settings.certificate_file else "client secret"
        return (Credential(name, datetime.combine(raw.day, time(), UTC)),)
    if not raw.id:
        raise RecordError("id is empty")
    drift: list[UnknownValue] = []
    agent = _enum_meaning(_AGENTS, raw.management_agent, "managementAgent", drift)
    owner = _enum_meaning(_OWNERSHIP, raw.managed_device_owner_type, "managedDeviceOwnerType", drift)
    platform = _platform(raw, drift)
    if agent in _NON_DEVICE_AGENTS or (owner is Ownership.PERSONAL and _is_phone(platform, raw.model)):
        return ()
    return (_device_record(raw.id, raw, settings, agent, owner, platform, drift), *drift)


def _device_record(
    source_id: str,
    raw: ManagedDevice,
    settings: Settings,
    agent: str | None,
    owner: Ownership | None,
    platform: Platform,
    drift: list[UnknownValue],
) -> DeviceRecord:
    enrolment = _enum_meaning(_ENROLMENTS, raw.device_enrollment_type, "deviceEnrollmentType", drift)
    condition = _enum_meaning(_CONDITIONS, raw.management_state, "managementState", drift)
    keys = _keys(raw, settings.tenant)
    # Jamf's mirror knows the user and the compliance; contact and management are Jamf's own to tell, and a copy of a
    # silent Mac that looks alive would hide it.
    mirrored = agent == _JAMF_MIRROR_AGENT
    return DeviceRecord(
        source_id=source_id,
        serial=_text(raw.serial_number),
        name=_text(raw.device_name),
        manufacturer=_known_text(raw.manufacturer),
        model=_known_text(raw.model),
        platform=platform,
        os_version=_known_text(raw.os_version),
        keys=keys,
        enrolled_by_manager=enrolment == _ENROLMENT_MANAGER,
        reported_shared=not keys and enrolment in _USERLESS_ENROLMENTS,
        location=_known_text(raw.device_category_display_name),
        status=_known_text(raw.management_state),
        enrolled_at=None if mirrored else _parse_instant(raw.enrolled_date_time, "enrolledDateTime"),
        last_contact_at=None if mirrored else _parse_instant(raw.last_sync_date_time, "lastSyncDateTime"),
        ownership=owner,
        managed=None if mirrored or condition is None else condition is not Condition.PENDING,
        condition=Condition.LOST if _is_lost(raw, drift) else condition or Condition.ACTIVE,
        compliance=_enum_meaning(_COMPLIANCE, raw.compliance_state, "complianceState", drift),
        encrypted=raw.is_encrypted,
    )


def _enum_meaning(words: Mapping[str, T], said: str | None, field: str, drift: list[UnknownValue]) -> T | None:
    """What an enum's member means; one that is new to us means nothing yet, and is told."""
    word = _text(said)
    if word is None:
        return None
    if word.casefold() not in words:
        drift.append(UnknownValue(field, word))
    return words.get(word.casefold())


def _platform(raw: ManagedDevice, drift: list[UnknownValue]) -> Platform:
    system = _known_text(raw.operating_system)
    if system is None:
        return Platform.OTHER
    found = next((meant for begins, meant in _PLATFORM_PREFIXES if system.casefold().startswith(begins)), None)
    if found is None:
        drift.append(UnknownValue("operatingSystem", system))
        return Platform.OTHER
    is_ipad = found is Platform.IOS and (raw.model or "").strip().casefold().startswith("ipad")
    return Platform.IPADOS if is_ipad else found


def _is_phone(platform: Platform, model: str | None) -> bool:
    return platform is Platform.IOS or (platform is Platform.ANDROID and not _ANDROID_TABLET.search(model or ""))


def _is_lost(raw: ManagedDevice, drift: list[UnknownValue]) -> bool:
    return bool(_enum_meaning({"enabled": True, "disabled": False}, raw.lost_mode_state, "lostModeState", drift))


def _keys(raw: ManagedDevice, tenant: str) -> tuple[Key, ...]:
    """The primary user's, strongest first; who logged on last is another matter and is not read."""
    user = _known_text(raw.user_id)
    found = (
        None if user is None or user == _NULL_GUID else Key(Scheme.OBJECT_ID, tenant, user),
        *(
            Key(Scheme.ADDRESS, "", word)
            for word in (_known_text(raw.user_principal_name), _known_text(raw.email_address))
            if word
        ),
    )
    return tuple(dict.fromkeys(key for key in found if key is not None))


def _text(text: str | None) -> str | None:
    return (text or "").strip() or None


def _known_text(text: str | None) -> str | None:
    """*text*, unless it says that nothing is known."""
    word = _text(text)
    return None if word is None or word.casefold() in _EMPTY_WORDS else word


def _parse_instant(text: str | None, field: str) -> datetime | None:
    """A time with any number of decimals; None for a blank and for years that mean "never" and "no limit"."""
    if not (text or "").strip():
        return None
    found = _INSTANT.fullmatch((text or "").strip())
    if found is None:
        raise RecordError(f"{field} is not a time")
    # Before any zone is looked at: years 1 and 9999 overflow in it.
    if not _FIRST_YEAR <= int(found["year"]) <= _LAST_YEAR:
        return None
    try:
        return datetime.fromisoformat(found["year"] + found["rest"] + (found["zone"] or "Z")).astimezone(UTC)
    except ValueError:
        raise RecordError(f"{field} is not a time") from None
