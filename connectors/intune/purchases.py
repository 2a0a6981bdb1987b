"""What a row of a listing means that knows devices before they are enrolled. Pure.

None of them knows a contact: what they call the last one is that of an enrolment which is over, or of nobody.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from connectors.intune.schema import AppleDevice, AutopilotDevice, CorporateIdentifier
from fleetsync.core.model import DeviceRecord, DroppedKind, Ownership, Platform
from fleetsync.pull.contract import DroppedRow, NormalisedItem, RawRecord, RecordError, UnknownValue
from fleetsync.pull.decoding import (
    clean_text,
    fold_text,
    known_text,
    known_word,
    report_unknown,
    required_text,
    with_unreadable,
)

AUTOPILOT, CORPORATE, APPLE = "autopilot", "corporate", "apple"

_ENROLMENT_STATES = frozenset({"unknown", "enrolled", "pendingreset", "failed", "notcontacted", "blocked"})
_PLATFORMS: Mapping[str, Platform] = MappingProxyType(
    {
        "windows": Platform.WINDOWS,
        "macos": Platform.MACOS,
        "android": Platform.ANDROID,
        "tvos": Platform.TVOS,
        **dict.fromkeys(("unknown", "ios", "windowsmobile", "visionos"), Platform.OTHER),  # "ios" is an iPad or a phone
    }
)
_IS_TELEPHONE_NUMBER: Mapping[str, bool] = MappingProxyType(
    {"imei": True, "serialnumber": False, "manufacturermodelserial": False}
)
_FIELDS_OF_FACTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"serialNumber": ("serial",), "model": ("model",), "platform": ("platform",)}
)


def listed_id(listing: str, value: object) -> str:
    """The id of a row: several listings of the source give ids, each of its own. Raises RecordError for a blank."""
    return f"{listing}/{required_text(value, 'id')}"


def listed_id_or_none(listing: str, value: object) -> str | None:
    """As `listed_id`; None for a blank."""
    text = clean_text(value)
    return None if text is None else f"{listing}/{text}"


def normalise_autopilot(raw: AutopilotDevice) -> tuple[NormalisedItem, ...]:
    """A computer that was bought for Autopilot, enrolled or not. Raises RecordError for a row without an id."""
    unknown = list[UnknownValue]()
    record = DeviceRecord(
        source_id=listed_id(AUTOPILOT, raw.id),
        serial=clean_text(raw.serial_number),
        manufacturer=known_text(raw.manufacturer),
        model=known_text(raw.model),
        platform=Platform.WINDOWS,
        tag=known_text(raw.group_tag),
        order=known_text(raw.purchase_order_identifier),
        status=report_unknown(_ENROLMENT_STATES, raw.enrollment_state, "enrollmentState", unknown),
        ownership=Ownership.ORGANISATION,
    )
    return (with_unreadable(record, raw.unreadable, _FIELDS_OF_FACTS), *unknown)


def without_telephone_number(raw: RawRecord) -> RawRecord:
    """A row as it may be kept in memory: without the identifier, unless that is known to be a serial."""
    if not isinstance(raw, CorporateIdentifier):
        return raw
    is_serial = _IS_TELEPHONE_NUMBER.get(fold_text(raw.imported_device_identity_type)) is False
    return raw if is_serial else msgspec.structs.replace(raw, imported_device_identifier=None)


def normalise_corporate_identifier(raw: CorporateIdentifier) -> tuple[NormalisedItem, ...]:
    """A device that was entered by its serial; the numbers of telephones are left out and counted.

    Raises RecordError for a row without an id, and for one that does not say what its identifier is.
    """
    source_id, unknown = listed_id(CORPORATE, raw.id), list[UnknownValue]()
    kind = clean_text(raw.imported_device_identity_type)
    is_telephone_number = known_word(_IS_TELEPHONE_NUMBER, kind, "importedDeviceIdentityType", unknown)
    if is_telephone_number is None:
        raise RecordError("importedDeviceIdentityType says no known kind of identifier", source_id=source_id)
    if is_telephone_number:
        return (DroppedRow(DroppedKind.TELEPHONE_NUMBER),)
    manufacturer, model, serial = _identifier_parts(raw, source_id)
    record = DeviceRecord(
        source_id=source_id,
        serial=serial,
        manufacturer=manufacturer,
        model=model,
        platform=known_word(_PLATFORMS, raw.platform, "platform", unknown) or Platform.OTHER,
        status=report_unknown(_ENROLMENT_STATES, raw.enrollment_state, "enrollmentState", unknown),
        ownership=Ownership.ORGANISATION,
    )
    return (with_unreadable(record, raw.unreadable, _FIELDS_OF_FACTS), *unknown)


def _identifier_parts(raw: CorporateIdentifier, source_id: str) -> tuple[str | None, str | None, str]:
    """Manufacturer, model and serial, which are one text with commas; a serial alone has none."""
    identifier = clean_text(raw.imported_device_identifier)
    if identifier is None:
        raise RecordError("importedDeviceIdentifier is empty or cannot be read", source_id=source_id)
    before, _, serial = identifier.rpartition(",")
    if not serial.strip():
        raise RecordError("importedDeviceIdentifier has no serial number", source_id=source_id)
    manufacturer, _, model = before.partition(",")
    return known_text(manufacturer), known_text(model), serial.strip()


def normalise_apple_device(raw: AppleDevice) -> tuple[NormalisedItem, ...]:
    """A device that Apple handed over; one that was removed there is left out and counted.

    Raises RecordError for a row without an id.
    """
    source_id, unknown = listed_id(APPLE, raw.id), list[UnknownValue]()
    if raw.is_deleted:
        return (DroppedRow(DroppedKind.RELEASED),)
    record = DeviceRecord(
        source_id=source_id,
        serial=clean_text(raw.serial_number),
        manufacturer="Apple",
        platform=known_word(_PLATFORMS, raw.platform, "platform", unknown) or Platform.OTHER,
        status=report_unknown(_ENROLMENT_STATES, raw.enrollment_state, "enrollmentState", unknown),
        ownership=Ownership.ORGANISATION,
    )
    return (with_unreadable(record, raw.unreadable, _FIELDS_OF_FACTS), *unknown)
