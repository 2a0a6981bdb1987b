"""What a row of Google means: a device, an organisational unit, a user."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from types import MappingProxyType

import msgspec

from connectors.google_admin.schema import Device, OrganisationalUnit, User, user_address
from connectors.google_admin.settings import Settings
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
from fleetsync.pull.contract import NormalisedItem, RecordError, UnknownValue, UnreadableFact
from fleetsync.pull.decoding import (
    WITHHELD_TEXT,
    UnreadableFacts,
    clean_text,
    fold_text,
    known_word,
    parse_day,
    parse_instant,
    required_text,
    unreadable_fields,
    with_unreadable,
)

_UNIT_KIND = "organizational unit"
_FLEX = "chrome_os_flex"


class _Status(msgspec.Struct, frozen=True):
    """What a status says. *managed* None: nothing."""

    condition: Condition = Condition.ACTIVE
    managed: bool | None = None


_DEPROVISIONED = _Status(Condition.RETIRED, managed=False)
_STATUSES: Mapping[str, _Status] = MappingProxyType(
    {
        "active": _Status(managed=True),
        "delinquent": _Status(managed=False),  # its licence has lapsed: it gets no policies
        "inactive": _Status(managed=False),
        "disabled": _Status(Condition.DISABLED, managed=True),
        "deprovisioned": _DEPROVISIONED,
        "pre_provisioned": _Status(Condition.PENDING),
        "shipped": _Status(Condition.PENDING),
        "return_requested": _Status(Condition.IN_REPAIR, managed=True),
        "return_arrived": _Status(Condition.IN_REPAIR, managed=True),
        "unknown": _Status(),
    }
)
_COMPLIANCES: Mapping[str, Compliance | None] = MappingProxyType(
    {
        "compliant": Compliance.COMPLIANT,
        "not_compliant": Compliance.NONCOMPLIANT,
        "pending": Compliance.GRACE,
        "compliance_unspecified": None,
    }
)
_FIELDS_OF_FACTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "serialNumber": ("serial",),
        "status": ("condition", "managed"),
        "annotatedUser": ("keys",),
        "model": ("model",),
        "osVersion": ("os_version",),
        "osVersionCompliance": ("compliance",),
        "chromeOsType": ("condition",),
        "lastSync": ("last_contact_at",),
        "lastEnrollmentTime": ("enrolled_at",),
        "orgUnitPath": ("location",),
        "autoUpdateThrough": ("support_until",),
        "autoUpdateExpiration": ("support_until",),
        "extendedSupportEligible": ("support_until",),
        "extendedSupportEnabled": ("support_until",),
        "extendedSupportStart": ("support_until",),
    }
)


def normalise(
    part: str, settings: Settings, raw: Device | OrganisationalUnit | User | UnreadableFact
) -> tuple[NormalisedItem, ...]:
    """One row as a record. Raises RecordError for a row without an id, and for a unit without a name or path."""
    match raw:
        case UnreadableFact():
            return (raw,)
        case Device():
            return _device(raw)
        case OrganisationalUnit():
            return (_unit(raw),)
        case User():
            return (_person(settings, raw),)


def split_contact(
    settings: Settings, raw: Device | OrganisationalUnit | User | UnreadableFact
) -> tuple[object, datetime | None]:
    """A row without its last contact, and that contact as `normalise` gives it."""
    if not isinstance(raw, Device):
        return raw, None
    contact = parse_instant(raw.last_sync, "lastSync")
    return msgspec.structs.replace(raw, last_sync=None), contact


def _unit(raw: OrganisationalUnit) -> UnitRecord:
    source_id, name, path = (
        required_text(raw.org_unit_id, "orgUnitId"),
        clean_text(raw.name),
        clean_text(raw.org_unit_path),
    )
    if name is None or path is None:
        raise RecordError("name is empty" if name is None else "orgUnitPath is empty", source_id=source_id)
    # Most of them hold accounts or settings. With a kind of its own, one without a unit is no finding.
    return UnitRecord(
        source_id=source_id, name=name, kind=_UNIT_KIND, codes=(path,), parent=clean_text(raw.parent_org_unit_id)
    )


def _person(settings: Settings, raw: User) -> PersonRecord:
    source_id, address = required_text(raw.id, "id"), clean_text(raw.primary_email)
    own = Key(Scheme.OBJECT_ID, settings.name, source_id)
    return PersonRecord(
        source_id=source_id, keys=(own,) if address is None else (own, Key(Scheme.ADDRESS, "", address))
    )


def _device(raw: Device) -> tuple[NormalisedItem, ...]:
    source_id, unknown = required_text(raw.device_id, "deviceId"), list[UnknownValue]()
    facts = UnreadableFacts(source_id)
    status = _status(raw, unknown)
    asset = clean_text(raw.annotated_asset_id)
    keys = _keys(raw, unknown)
    record = DeviceRecord(
        source_id=source_id,
        serial=clean_text(raw.serial_number),
        name=asset,
        model=clean_text(raw.model),
        platform=Platform.CHROMEOS,
        os_version=clean_text(raw.os_version),
        keys=keys,
        location=clean_text(raw.org_unit_path),
        tag=clean_text(raw.annotated_location),
        status=clean_text(raw.status),
        asset_tag=asset,
        enrolled_at=facts.read(parse_instant, raw.last_enrollment_time, "lastEnrollmentTime"),
        last_contact_at=facts.read(parse_instant, raw.last_sync, "lastSync"),
        ownership=Ownership.ORGANISATION,
        managed=status.managed,
        condition=status.condition,
        compliance=known_word(_COMPLIANCES, raw.os_version_compliance, "osVersionCompliance", unknown),
        encrypted=None if status.condition is Condition.PENDING else True,
        support_until=_support_end(raw, facts),
    )
    is_holder_unknown = not keys and clean_text(raw.annotated_user) is not None
    lost = (*unreadable_fields(raw), *facts.fields, *(("annotatedUser",) if is_holder_unknown else ()))
    return (with_unreadable(record, lost, _FIELDS_OF_FACTS), *unknown, *facts)


def _status(raw: Device, unknown: list[UnknownValue]) -> _Status:
    """What the status says; of a deprovisioned ChromeOS Flex device only that Google does not manage it."""
    status = known_word(_STATUSES, raw.status, "status", unknown) or _Status()
    is_flex = fold_text(raw.chrome_os_type) == _FLEX
    return _Status(managed=False) if status is _DEPROVISIONED and is_flex else status


def _keys(raw: Device, unknown: list[UnknownValue]) -> tuple[Key, ...]:
    """The annotated user, where that is an address. Any other text may be a name, a class or a note."""
    if (address := user_address(raw.annotated_user)) is not None:
        return (Key(Scheme.ADDRESS, "", address),)
    if clean_text(raw.annotated_user) is not None:
        unknown.append(UnknownValue("annotatedUser", WITHHELD_TEXT))
    return ()


def _support_end(raw: Device, facts: UnreadableFacts) -> date | None:
    """The last day of automatic updates. Where extended support waits for somebody to opt in, it does not count yet."""
    end = facts.read(parse_day, clean_text(raw.auto_update_through), "autoUpdateThrough")
    if end is None:
        end = facts.read(_day_of_milliseconds, raw.auto_update_expiration, "autoUpdateExpiration")
    extension = facts.read(parse_day, clean_text(raw.extended_support_start), "extendedSupportStart")
    if end is None or extension is None or not raw.extended_support_eligible or raw.extended_support_enabled:
        return end
    return min(end, extension)


def _day_of_milliseconds(value: str | None, field: str) -> date | None:
    """The UTC day of an instant in milliseconds; older answers had an ISO instant there. None for a blank and for "0"."""
    text = clean_text(value)
    if text is None or not text.isdecimal():
        return parse_day(text, field)
    try:
        return datetime.fromtimestamp(int(text) / 1000, UTC).date() if int(text) else None
    except (ValueError, OverflowError, OSError):
        raise RecordError(f"{field} is not a time") from None
