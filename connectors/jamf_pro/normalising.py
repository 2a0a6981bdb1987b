"""What a row of Jamf Pro means. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from types import MappingProxyType
from typing import Any

import msgspec

from connectors.jamf_pro.schema import (
    AssignedDevice,
    BootPartition,
    Computer,
    ComputerGeneral,
    ComputerPurchase,
    ComputerUser,
    DiskEncryption,
    EnrolmentInstance,
    EnrolmentMethod,
    Hardware,
    MobileDevice,
    MobileGeneral,
    MobilePurchase,
    MobileSecurity,
    MobileUser,
    NamedPlace,
    OperatingSystem,
    PrestageEnrolment,
    RemoteManagement,
    record_id,
)
from connectors.jamf_pro.settings import Settings
from fleetsync.core.model import Condition, DeviceRecord, DroppedKind, Key, Ownership, Platform, UnitRecord
from fleetsync.pull.contract import (
    Credential,
    CredentialUse,
    DroppedRow,
    NormalisedItem,
    RecordError,
    UnknownValue,
    UnreadableFact,
)
from fleetsync.pull.decoding import (
    SourceRow,
    UnreadableFacts,
    clean_text,
    fold_text,
    known_word,
    login_key,
    parse_day,
    parse_instant,
    platform_of_model,
    read_platform,
    required_text,
    unreadable_fields,
    with_unreadable,
)

Row = Computer | MobileDevice | AssignedDevice | EnrolmentInstance | NamedPlace | UnreadableFact

_NO_PLACE = "-1"
_IS_ENCRYPTED: Mapping[str, bool | None] = MappingProxyType(
    {
        "encrypted": True,
        "optimizing": True,
        # Under way, or waiting: until it has ended, part of the disk can be read.
        **dict.fromkeys(
            ("encrypting", "encrypting_paused", "decrypting", "decrypting_paused", "restart_needed"), False
        ),
        **dict.fromkeys(("unencrypted", "decrypted", "ineligible"), False),
        "unknown": None,
    }
)
_COMPUTER_OWNERSHIP: Mapping[str, Ownership] = MappingProxyType(
    {
        **dict.fromkeys(("none", "supervised", "device", "unknown"), Ownership.ORGANISATION),
        "user": Ownership.PERSONAL,
    }
)
_MOBILE_OWNERSHIP: Mapping[str, Ownership | None] = MappingProxyType(
    {
        "institutional": Ownership.ORGANISATION,
        "personaldeviceprofile": Ownership.PERSONAL,
        "userenrollment": Ownership.PERSONAL,
        "accountdrivenuserenrollment": Ownership.PERSONAL,
        "accountdrivendeviceenrollment": None,  # of either
    }
)
_PLATFORMS_OF_IDENTIFIERS = (
    ("ipad", Platform.IPADOS), ("iphone", Platform.IOS), ("ipod", Platform.IOS), ("appletv", Platform.TVOS),
)  # fmt: skip
_IS_RELEASED: Mapping[str, bool] = MappingProxyType(
    {"empty": False, "assigned": False, "pushed": False, "removed": True}
)
_FIELDS_OF_FACTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "general": ("condition", "enrolled_at", "last_contact_at", "managed", "ownership"),
        "general.remoteManagement": ("managed",),
        "general.remoteManagement.managed": ("managed",),
        "general.managed": ("managed",),
        "general.lastCheckIn": ("last_contact_at",),
        "general.lastContactTime": ("last_contact_at",),
        "general.lastContact": ("last_contact_at",),
        "general.lastContactDate": ("last_contact_at",),
        "general.lastInventoryUpdateDate": ("last_contact_at",),
        "general.lastEnrolledDate": ("enrolled_at",),
        "general.appleEnrollmentType": ("ownership",),
        "general.deviceOwnershipType": ("ownership",),
        "general.osVersion": ("os_version",),
        "general.sharedIpad": ("keys", "reported_shared"),
        "hardware": ("model", "platform", "serial"),
        "hardware.serialNumber": ("serial",),
        "hardware.model": ("model",),
        "hardware.modelIdentifier": ("platform",),
        "operatingSystem": ("os_version",),
        "operatingSystem.version": ("os_version",),
        "userAndLocation": ("keys", "location"),
        "userAndLocation.username": ("keys",),
        "userAndLocation.email": ("keys",),
        "userAndLocation.emailAddress": ("keys",),
        "userAndLocation.buildingId": ("location",),
        "userAndLocation.departmentId": ("location",),
        "general.site": ("location",),
        "general.site.id": ("location",),
        "general.siteId": ("location",),
        "diskEncryption": ("encrypted",),
        "diskEncryption.bootPartitionEncryptionDetails": ("encrypted",),
        "diskEncryption.bootPartitionEncryptionDetails.partitionFileVault2State": ("encrypted",),
        "security": ("condition",),
        "security.lostModeEnabled": ("condition",),
        "serialNumber": ("serial",),
    }
)


def normalise(part: str, settings: Settings, raw: Row) -> tuple[NormalisedItem, ...]:
    """One row as a record; only the kind of rows that are left out. Raises RecordError for a row without an id or name."""
    match raw:
        case UnreadableFact():
            return (raw,)
        case Computer():
            return _computer(settings, raw)
        case MobileDevice():
            return _mobile_device(settings, raw)
        case AssignedDevice():
            return _purchase(raw)
        case EnrolmentInstance():
            return _credential(raw)
        case NamedPlace():
            source_id, name = required_text(raw.id, "id"), clean_text(raw.name)
            if name is None:
                raise RecordError("name is empty", source_id=source_id)
            return (UnitRecord(source_id=source_id, name=name),)


# The clocks of which the latest is the last contact: the name of the field → the attribute of `general`.
_COMPUTER_CONTACTS: Mapping[str, str] = MappingProxyType(
    {
        "general.lastCheckIn": "last_check_in",
        "general.lastContactTime": "last_contact_time",
        "general.lastContact": "last_contact",
    }
)
_MOBILE_CONTACTS: Mapping[str, str] = MappingProxyType(
    {"general.lastContactDate": "last_contact_date", "general.lastInventoryUpdateDate": "last_inventory_update_date"}
)


def split_contact(settings: Settings, raw: Row) -> tuple[object, datetime | None]:
    """A row without its last contact, and that contact as `normalise` gives it."""
    if not isinstance(raw, Computer | MobileDevice) or raw.general is None:
        return raw, None
    contacts = _COMPUTER_CONTACTS if isinstance(raw, Computer) else _MOBILE_CONTACTS
    instants = [parse_instant(getattr(raw.general, name), field, "UTC") for field, name in contacts.items()]
    general: Any = msgspec.structs.replace(raw.general, **dict.fromkeys(contacts.values()))
    return msgspec.structs.replace(raw, general=general), max(filter(None, instants), default=None)


# --------------------------------------------------------------------------------------------------------- device lists


def _computer(settings: Settings, raw: Computer) -> tuple[NormalisedItem, ...]:
    source_id, unknown = record_id("computer", required_text(raw.id, "id")), list[UnknownValue]()
    facts = UnreadableFacts(source_id)
    general, hardware = raw.general or ComputerGeneral(), raw.hardware or Hardware()
    user, purchase = raw.user_and_location or ComputerUser(), raw.purchasing or ComputerPurchase()
    disk = (raw.disk_encryption or DiskEncryption()).boot_partition or BootPartition()
    enrolment = known_word(_COMPUTER_OWNERSHIP, general.apple_enrollment_type, "appleEnrollmentType", unknown)
    record = DeviceRecord(
        source_id=source_id,
        serial=clean_text(hardware.serial_number),
        name=clean_text(general.name),
        manufacturer="Apple",
        model=clean_text(hardware.model),
        platform=Platform.MACOS,
        os_version=clean_text((raw.operating_system or OperatingSystem()).version),
        keys=_keys(settings, user.email, user.username),
        location=_place(settings, user, general.site.id if general.site else None),
        profile=clean_text((general.enrollment_method or EnrolmentMethod()).object_name),
        order=clean_text(purchase.po_number),
        asset_tag=clean_text(general.asset_tag) or clean_text(general.barcode1),
        enrolled_at=facts.read(parse_instant, general.last_enrolled_date, "general.lastEnrolledDate", "UTC"),
        last_contact_at=_latest(facts, general, _COMPUTER_CONTACTS),
        ownership=enrolment or Ownership.ORGANISATION,
        managed=(general.remote_management or RemoteManagement()).managed,
        encrypted=known_word(_IS_ENCRYPTED, disk.state, "partitionFileVault2State", unknown),
        purchased_on=facts.read(parse_day, purchase.po_date, "purchasing.poDate"),
        warranty_until=facts.read(parse_day, purchase.warranty_date, "purchasing.warrantyDate"),
    )
    return (_with_unreadable(record, raw, facts), *unknown, *facts)


def _mobile_device(settings: Settings, raw: MobileDevice) -> tuple[NormalisedItem, ...]:
    source_id = record_id("mobile_device", required_text(raw.mobile_device_id, "mobileDeviceId"))
    unknown = list[UnknownValue]()
    facts = UnreadableFacts(source_id)
    general, hardware = raw.general or MobileGeneral(), raw.hardware or Hardware()
    user, purchase = raw.user_and_location or MobileUser(), raw.purchasing or MobilePurchase()
    platform = _platform(raw, hardware, unknown)
    owner = known_word(_MOBILE_OWNERSHIP, general.device_ownership_type, "deviceOwnershipType", unknown)
    if owner is Ownership.PERSONAL and platform is Platform.IOS:
        return (DroppedRow(DroppedKind.PRIVATE_PHONE),)
    is_lost = (raw.security or MobileSecurity()).lost_mode_enabled
    record = DeviceRecord(
        source_id=source_id,
        serial=clean_text(hardware.serial_number),
        name=clean_text(general.display_name),
        manufacturer="Apple",
        model=clean_text(hardware.model),
        platform=platform,
        os_version=clean_text(general.os_version),
        keys=() if general.shared_ipad else _keys(settings, user.email_address, user.username),
        reported_shared=bool(general.shared_ipad),
        location=_place(settings, user, general.site_id),
        profile=clean_text((general.enrollment_method_prestage or PrestageEnrolment()).profile_name),
        order=clean_text(purchase.po_number),
        asset_tag=clean_text(general.asset_tag),
        enrolled_at=facts.read(parse_instant, general.last_enrolled_date, "general.lastEnrolledDate", "UTC"),
        last_contact_at=_latest(facts, general, _MOBILE_CONTACTS),
        ownership=owner,
        managed=general.managed,
        condition=Condition.LOST if is_lost else Condition.ACTIVE,
        purchased_on=facts.read(parse_day, purchase.po_date, "purchasing.poDate"),
        warranty_until=facts.read(parse_day, purchase.warranty_expires_date, "purchasing.warrantyExpiresDate"),
    )
    return (_with_unreadable(record, raw, facts), *unknown, *facts)


def _platform(raw: MobileDevice, hardware: Hardware, unknown: list[UnknownValue]) -> Platform:
    """By the model's identifier, which says more than the type: a type "iOS" is an iPad too."""
    identifier = fold_text(hardware.model_identifier)
    known = (platform for prefix, platform in _PLATFORMS_OF_IDENTIFIERS if identifier.startswith(prefix))
    return next(known, None) or read_platform(raw.device_type, hardware.model, "deviceType", unknown)


def _latest(
    facts: UnreadableFacts, general: ComputerGeneral | MobileGeneral, contacts: Mapping[str, str]
) -> datetime | None:
    """The latest of several clocks that may each be blank. *contacts*: the name of the field → its attribute of *general*."""
    instants = (facts.read(parse_instant, getattr(general, name), field, "UTC") for field, name in contacts.items())
    return max(filter(None, instants), default=None)


def _place(settings: Settings, user: ComputerUser | MobileUser, site: str | None) -> str | None:
    ids = {"buildings": user.building_id, "departments": user.department_id, "sites": site}
    place = clean_text(ids[settings.places])
    return None if place == _NO_PLACE else place


def _keys(settings: Settings, address: str | None, username: str | None) -> tuple[Key, ...]:
    """The assigned user's mail and user name. A text with a blank is somebody's name, and no key."""
    texts = (text for text in map(clean_text, (address, username)) if text and not any(map(str.isspace, text)))
    keys = (login_key(text, settings.domain) for text in texts)
    return tuple(dict.fromkeys(key for key in keys if key is not None))


def _with_unreadable(record: DeviceRecord, raw: SourceRow, facts: UnreadableFacts) -> DeviceRecord:
    return with_unreadable(record, (*unreadable_fields(raw), *facts.fields), _FIELDS_OF_FACTS)


# ------------------------------------------------------------------------------------------------------------ purchases


def _purchase(raw: AssignedDevice) -> tuple[NormalisedItem, ...]:
    instance = required_text(raw.instance_id, "deviceEnrollmentProgramInstanceId")
    source_id, unknown = record_id(f"purchase/{instance}", required_text(raw.id, "id")), list[UnknownValue]()
    if known_word(_IS_RELEASED, raw.profile_status, "profileStatus", unknown):
        return (DroppedRow(DroppedKind.RELEASED),)
    model = clean_text(raw.model) or clean_text(raw.description)
    record = DeviceRecord(
        source_id=source_id,
        serial=clean_text(raw.serial_number),
        manufacturer="Apple",
        model=model,
        platform=platform_of_model(model) or Platform.OTHER,
        status=clean_text(raw.profile_status),
        asset_tag=clean_text(raw.asset_tag),
        ownership=Ownership.ORGANISATION,
    )
    return (_with_unreadable(record, raw, UnreadableFacts(source_id)), *unknown)


def _credential(raw: EnrolmentInstance) -> tuple[NormalisedItem, ...]:
    """When the token ends: from then on, what Apple assigns does not reach the server any more."""
    instance = required_text(raw.id, "id")
    facts = UnreadableFacts(f"device enrolment token {instance}")
    day = facts.read(parse_day, raw.token_expiration_date, "tokenExpirationDate")
    name = f"device enrolment token {clean_text(raw.name) or instance}"
    if day is None:
        return (*facts,)
    return (Credential(name, datetime.combine(day, time(), UTC), CredentialUse.APPLE_ENROLMENT),)
