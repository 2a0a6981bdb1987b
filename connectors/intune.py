"""Microsoft Intune: the managed devices of one tenant.

API: GET {graph_root}/v1.0/deviceManagement/managedDevices (Microsoft Graph, documentation read 2026-11-24), a whole read
each time: there is no delta. Sign-in: OAuth 2 client credentials at {authority}/{tenant}/oauth2/v2.0/token.
Permission: DeviceManagementManagedDevices.Read.All (application), with admin consent and an Intune licence.

Quirks:
* `@odata.count` counts the page, so there is no total to check against; an empty page with a next link is not the end.
* 0001-01-01 means "never", 9999-12-31 "no limit"; the null guid, "" and "Unknown" mean that nothing is known.
* An iPad reports iOS or iPadOS, by the age of its record: the model decides.
* `eas` rows are mailboxes and `msSense` rows are Defender alone: neither is a device. `jamf` rows mirror what Jamf manages.
* `userPrincipalName` is a copy that lags behind a change of name; `userId` does not.
* enrollmentProfileName, notes and addresses of network cards come empty in a list; none is asked for.

Refuses to count a privately owned phone, and to call a device shared because it has no user.

```toml
[[source]]
kind = "intune"
name = "intune"
tenant = "11111111-2222-4333-8444-555555555555"      # directory (tenant) id; the namespace of object ids
client_id = "99999999-2222-4333-8444-555555555555"
client_secret_file = "/run/secrets/intune"           # or certificate_file and key_file (key_password_file)
credential_expires = 2027-11-01                      # as the portal shows it; `fleetsync check` warns thirty days ahead
# signature = "RS256"                                # for certificates of older registrations; default PS256
# beta = true                                        # knows lost mode; not supported by Microsoft for production
```

* **Kept**: record id, serial, system and version, maker, model, the primary user's object id, UPN and mail, enrolment
  and last contact, compliance, state and way of management, ownership, category (`location`), encryption; with `beta`
  lost mode.
* **Read and dropped**: the device's name (rules see it); rows of privately owned phones, of mailboxes on phones
  (`eas`) and of Defender alone (`msSense`).
* **Never asked for**: display name, phone number, IMEI, MEID, ICCID, network addresses, UDID, notes, activation lock
  code, who logged on last.
* **Quirks that decide something**
  * A device is *reported shared* only when it has no user **and** was enrolled in a way that knows none.
  * A wipe or retirement on its way already makes a device `wiped` or `retired`: nobody should count on it. When it
    has been carried out the row is gone.
  * `jamf` rows mirror Macs that Jamf manages. They are kept for the user's object id and the compliance, without
    contact, enrolment and management: those come from Jamf itself, because a mirror that looks alive would hide a
    silent Mac. Without a Jamf source such a Mac does not work, and says why. While Intune mirrors it, it is not "gone
    from every MDM"; it is silent by its last contact all the same.
  * An Android device owned privately is a phone unless its model says tablet (tab, pad, SM-T, SM-X, SM-P).
  * The count in an answer is of its page, and `managedDeviceOverview` lags: a short listing is caught by the guard.
* **Not tried here**: a live tenant; sovereign clouds (set `authority` and `graph_root`); conditional access for
  workloads; how the permission behaves with scope tags.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

import msgspec
from pydantic import AfterValidator, Field, SecretStr

from fleetsync.core.model import (
    Compliance,
    Condition,
    DeviceRecord,
    DroppedKind,
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
    CredentialUse,
    DroppedRow,
    NormalisedItem,
    Page,
    Params,
    Part,
    ProbeResult,
    QueryRefused,
    SourceRefused,
    SourceSettings,
    UnknownValue,
    UnreadableFact,
)
from fleetsync.pull.decoding import (
    RowReader,
    SourceRow,
    UnreadableFacts,
    clean_text,
    credential_result,
    fold_text,
    known_text,
    known_word,
    parse_instant,
    probe_part,
    read_platform,
    required_text,
)

PARTS = (Part("devices", (RecordType.DEVICE,), role=PartRole.MDM),)

PERMISSION = "DeviceManagementManagedDevices.Read.All"
DEVICES_PATH = "deviceManagement/managedDevices"
PAGE_SIZE = 500  # 1000 is allowed; full pages gave 504 for days in large tenants (Intune-PowerShell-SDK#146)
RENEWAL = "Make a new one under Certificates & secrets of the app registration, put it here, correct credential_expires"


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
    """When secret or certificate runs out, as the portal shows it; `fleetsync check` warns thirty days ahead."""
    authority: str = "https://login.microsoftonline.com"
    graph_root: str = "https://graph.microsoft.com"
    beta: bool = False
    """Read the beta version, which has lost mode; Microsoft does not support it for production."""


class ManagedDevice(SourceRow, frozen=True, rename="camel"):
    """The fields of a device that are kept; `$select` asks for the same ones."""

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
    """One page of the listing. Its rows are read one by one: an odd value costs its fact, not the page."""

    value: list[msgspec.Raw]
    next_link: str | None = msgspec.field(default=None, name="@odata.nextLink")


class CredentialExpiry(msgspec.Struct, frozen=True):
    """The day on which our own credential expires."""

    day: date


# ------------------------------------------------------------------------------------------------------------- reading


def pull(part: str, settings: Settings, connect: Connect) -> Iterator[Page]:
    """All managed devices, 500 a page. The expiry of our credential comes first, so that it is known even when sign-in fails.

    API: GET deviceManagement/managedDevices. Permission: DeviceManagementManagedDevices.Read.All.
    """
    if settings.credential_expires is not None:
        yield Page([CredentialExpiry(settings.credential_expires)])
    reader = RowReader(ManagedDevice, record_type=RecordType.DEVICE)
    for listing in _listings(_client(settings, connect), _selected_fields(settings), PAGE_SIZE):
        read = reader.read(listing.value)
        yield Page([*read.rows, *read.facts], rejected=tuple(read.rejected))


def _listings(client: Client, fields: Sequence[str], size: int) -> Iterator[ManagedDevicePage]:
    """The pages of the listing. A server that fails on `$select` is asked without it; what is not kept is not decoded then."""
    narrow: Params = {"$select": ",".join(fields), "$top": size}
    pages = _follow(client, narrow, is_optional=True)
    try:
        first = next(pages)
    except QueryRefused:
        yield from _follow(client, {"$top": size}, is_optional=False)
        return
    yield first
    yield from pages


def _follow(client: Client, query: Params, *, is_optional: bool) -> Iterator[ManagedDevicePage]:
    return client.follow(
        DEVICES_PATH,
        query,
        decode=ManagedDevicePage,
        next_page=lambda page: page.next_link,
        needs=PERMISSION,
        optional_query=is_optional,
    )


def probe(settings: Settings, connect: Connect) -> Iterator[ProbeResult]:
    """Our credential's expiry, then one device: that proves sign-in, permission and address."""
    if settings.credential_expires is not None:
        yield credential_result(settings.credential_expires, connect.today, RENEWAL)
    client = _client(settings, connect)

    def has_devices() -> bool:
        return bool(next(_listings(client, ("id",), 1)).value)

    result = probe_part(
        PARTS[0],
        has_devices,
        readable=f"{PERMISSION} is granted; the first page holds devices",
        empty=f"{PERMISSION} is granted; the first page is empty: no device is enrolled",
        remedy=_remedy(settings),
    )
    if result.ok:
        yield ProbeResult(None, ok=True, what=f"signed in to the tenant {settings.tenant} as {settings.client_id}")
    yield result


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
    fields = (field for field in msgspec.structs.fields(ManagedDevice) if field.name != "unreadable")
    return tuple(field.encode_name for field in fields if settings.beta or field.name != "lost_mode_state")


def _remedy(settings: Settings) -> str:
    return (
        f"Entra admin center > App registrations > {settings.client_id}: under API permissions add the application "
        f"permission {PERMISSION} of Microsoft Graph and grant admin consent; under Certificates & secrets check that the "
        "credential is the one named here"
    )


# -------------------------------------------------------------------------------------------------------- what it means

_CONDITIONS: Mapping[str, Condition] = MappingProxyType(
    {
        **dict.fromkeys(
            ("managed", "unhealthy", "retirefailed", "wipefailed", "retirecanceled", "wipecanceled"), Condition.ACTIVE
        ),
        # A finished one removes the row. These are under way, and nobody should count on the device.
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
_NON_DEVICE_AGENTS = MappingProxyType({"eas": DroppedKind.MAILBOX, "mssense": DroppedKind.DEFENDER_ONLY})
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
        enrolment: enrolment
        for enrolment in (
            "unknown", "userenrollment", _ENROLMENT_MANAGER, "applebulkwithuser", "windowsazureadjoin", "windowsautoenrollment",
            "windowsbulkazuredomainjoin", "windowscomanagement", "appleuserenrollment",
            "appleuserenrollmentwithserviceaccount", "azureadjoinusingazurevmextension",
            "androidenterprisefullymanaged", "androidenterprisecorporateworkprofile",
            "androidaospuserowneddeviceenrollment", "appleaccountdrivenuserenrollment", *_USERLESS_ENROLMENTS,
        )
    }
)  # fmt: skip
_NULL_GUID = "00000000-0000-0000-0000-000000000000"
_ANDROID_TABLET = re.compile(r"tab|pad|\bSM-[TXP]\d", re.IGNORECASE)


_FIELDS_OF_FACTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "serialNumber": ("serial",),
        "operatingSystem": ("platform",),
        "osVersion": ("os_version",),
        "model": ("model",),
        "userId": ("keys",),
        "userPrincipalName": ("keys",),
        "emailAddress": ("keys",),
        "deviceEnrollmentType": ("reported_shared",),
        "enrolledDateTime": ("enrolled_at",),
        "lastSyncDateTime": ("last_contact_at",),
        "managedDeviceOwnerType": ("ownership",),
        "managementState": ("condition", "managed"),
        "managementAgent": ("managed",),
        "lostModeState": ("condition",),
        "complianceState": ("compliance",),
        "isEncrypted": ("encrypted",),
        "deviceCategoryDisplayName": ("location",),
    }
)


def normalise(
    part: str, settings: Settings, raw: ManagedDevice | CredentialExpiry | UnreadableFact
) -> tuple[NormalisedItem, ...]:
    """One row as a device; only the kind of rows that we do not count (mailboxes, private phones).

    Raises RecordError for a row without an id. A time that cannot be read is unknown, and named.
    """
    if isinstance(raw, UnreadableFact):
        return (raw,)
    if isinstance(raw, CredentialExpiry):
        name = "certificate" if settings.certificate_file else "client secret"
        return (Credential(name, datetime.combine(raw.day, time(), UTC), CredentialUse.SIGN_IN),)
    source_id, unknown = required_text(raw.id, "id"), list[UnknownValue]()
    agent = known_word(_AGENTS, raw.management_agent, "managementAgent", unknown)
    owner = known_word(_OWNERSHIP, raw.managed_device_owner_type, "managedDeviceOwnerType", unknown)
    platform = read_platform(raw.operating_system, raw.model, "operatingSystem", unknown)
    if (dropped := _NON_DEVICE_AGENTS.get(agent or "")) is not None:
        return (DroppedRow(dropped),)
    if owner is Ownership.PERSONAL and _is_phone(platform, raw.model):
        return (DroppedRow(DroppedKind.PRIVATE_PHONE),)
    facts = UnreadableFacts(source_id)
    record = _device_record(source_id, raw, settings, agent, owner, platform, unknown, facts)
    if unreadable := (*raw.unreadable, *facts.fields):
        names = {name for field in unreadable for name in _FIELDS_OF_FACTS.get(field, ())}
        record = msgspec.structs.replace(record, unreadable=tuple(sorted(names)))
    return (record, *unknown, *facts)


def split_contact(
    settings: Settings, raw: ManagedDevice | CredentialExpiry | UnreadableFact
) -> tuple[object, datetime | None]:
    """A row without its last contact, and that contact as `normalise` gives it."""
    if not isinstance(raw, ManagedDevice):
        return raw, None
    is_mirrored = fold_text(raw.management_agent) == _JAMF_MIRROR_AGENT
    contact = None if is_mirrored else parse_instant(raw.last_sync_date_time, "lastSyncDateTime", "UTC")
    return msgspec.structs.replace(raw, last_sync_date_time=None), contact


def _device_record(
    source_id: str,
    raw: ManagedDevice,
    settings: Settings,
    agent: str | None,
    owner: Ownership | None,
    platform: Platform,
    unknown: list[UnknownValue],
    facts: UnreadableFacts,
) -> DeviceRecord:
    enrolment = known_word(_ENROLMENTS, raw.device_enrollment_type, "deviceEnrollmentType", unknown)
    condition = known_word(_CONDITIONS, raw.management_state, "managementState", unknown)
    keys = _keys(raw, settings.tenant)
    # Jamf's mirror knows the user and the compliance. Contact and management come from Jamf itself: a copy of a silent
    # Mac that looks alive would hide it.
    mirrored = agent == _JAMF_MIRROR_AGENT
    return DeviceRecord(
        source_id=source_id,
        serial=clean_text(raw.serial_number),
        name=clean_text(raw.device_name),
        manufacturer=known_text(raw.manufacturer),
        model=known_text(raw.model),
        platform=platform,
        os_version=known_text(raw.os_version),
        keys=keys,
        enrolled_by_manager=enrolment == _ENROLMENT_MANAGER,
        reported_shared=not keys and enrolment in _USERLESS_ENROLMENTS,
        location=known_text(raw.device_category_display_name),
        status=known_text(raw.management_state),
        enrolled_at=None if mirrored else facts.read(parse_instant, raw.enrolled_date_time, "enrolledDateTime", "UTC"),
        last_contact_at=None
        if mirrored
        else facts.read(parse_instant, raw.last_sync_date_time, "lastSyncDateTime", "UTC"),
        ownership=owner,
        managed=None if mirrored or condition is None else condition is not Condition.PENDING,
        condition=Condition.LOST if _is_lost(raw, unknown) else condition or Condition.ACTIVE,
        compliance=known_word(_COMPLIANCE, raw.compliance_state, "complianceState", unknown),
        encrypted=raw.is_encrypted,
    )


def _is_phone(platform: Platform, model: str | None) -> bool:
    return platform is Platform.IOS or (platform is Platform.ANDROID and not _ANDROID_TABLET.search(model or ""))


def _is_lost(raw: ManagedDevice, unknown: list[UnknownValue]) -> bool:
    return bool(known_word({"enabled": True, "disabled": False}, raw.lost_mode_state, "lostModeState", unknown))


def _keys(raw: ManagedDevice, tenant: str) -> tuple[Key, ...]:
    """The primary user's keys, strongest first. Who logged on last says nothing about the holder and is not read."""
    user = known_text(raw.user_id)
    addresses = (known_text(raw.user_principal_name), known_text(raw.email_address))
    keys = [Key(Scheme.ADDRESS, "", address) for address in addresses if address]
    if user is not None and user != _NULL_GUID:
        keys.insert(0, Key(Scheme.OBJECT_ID, tenant, user))
    return tuple(dict.fromkeys(keys))
