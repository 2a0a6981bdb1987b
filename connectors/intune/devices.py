"""What a row of a managed device means. Pure."""

import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

import msgspec

from connectors.intune.schema import ManagedDevice
from connectors.intune.settings import Settings
from fleetsync.core.model import (
    Compliance,
    Condition,
    DeviceRecord,
    DroppedKind,
    Key,
    Ownership,
    Platform,
    Scheme,
)
from fleetsync.pull.contract import DroppedRow, NormalisedItem, UnknownValue
from fleetsync.pull.decoding import (
    UnreadableFacts,
    clean_text,
    fold_text,
    known_text,
    known_word,
    parse_instant,
    read_platform,
    required_text,
    with_unreadable,
)
from fleetsync.pull.microsoft_graph import known_guid

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


def normalise_device(settings: Settings, raw: ManagedDevice) -> tuple[NormalisedItem, ...]:
    """One row as a device; only the kind of rows that we do not count (mailboxes, private phones).

    Raises RecordError for a row without an id. A time that cannot be read is unknown, and named.
    """
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
    paths = (*raw.unreadable, *facts.fields)
    return (with_unreadable(record, paths, _FIELDS_OF_FACTS), *unknown, *facts)


def split_device_contact(raw: ManagedDevice) -> tuple[ManagedDevice, datetime | None]:
    """A row without its last contact, and that contact as `normalise_device` gives it."""
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
    user = known_guid(raw.user_id)
    addresses = (known_text(raw.user_principal_name), known_text(raw.email_address))
    keys = [Key(Scheme.ADDRESS, "", address) for address in addresses if address]
    if user is not None:
        keys.insert(0, Key(Scheme.OBJECT_ID, tenant, user))
    return tuple(dict.fromkeys(keys))
