"""What a row of Intune means, by its type. Pure."""

from datetime import datetime

from connectors.intune import credentials, purchases
from connectors.intune.devices import normalise_device, split_device_contact
from connectors.intune.schema import (
    AppleDevice,
    AppToken,
    AutopilotDevice,
    CorporateIdentifier,
    EnrolmentToken,
    ManagedDevice,
    PushCertificate,
)
from connectors.intune.settings import Settings
from fleetsync.pull.contract import Credential, NormalisedItem, UnreadableFact

Row = (
    ManagedDevice
    | AutopilotDevice
    | CorporateIdentifier
    | AppleDevice
    | EnrolmentToken
    | PushCertificate
    | AppToken
    | Credential
    | UnreadableFact
)


def normalise(part: str, settings: Settings, raw: Row) -> tuple[NormalisedItem, ...]:
    """One row as a device or as a credential that expires. Raises RecordError for a row without an id."""
    match raw:
        case ManagedDevice():
            return normalise_device(settings, raw)
        case AutopilotDevice():
            return purchases.normalise_autopilot(raw)
        case CorporateIdentifier():
            return purchases.normalise_corporate_identifier(raw)
        case AppleDevice():
            return purchases.normalise_apple_device(raw)
        case EnrolmentToken():
            return credentials.enrolment_token(raw)
        case PushCertificate():
            return credentials.push_certificate(raw)
        case AppToken():
            return credentials.app_token(raw)
        case Credential() | UnreadableFact():
            return (raw,)


def split_contact(settings: Settings, raw: Row) -> tuple[object, datetime | None]:
    """A row without its last contact, and that contact as `normalise` gives it. Only managed devices have one."""
    return split_device_contact(raw) if isinstance(raw, ManagedDevice) else (raw, None)
