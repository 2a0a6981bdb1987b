"""What is decoded of a row of Intune: just the fields that are kept or that decide something."""

import msgspec

from fleetsync.pull.decoding import SourceRow


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


class PrimaryUser(SourceRow, frozen=True, rename="camel"):
    """The primary user of one device."""

    id: str | None = None
    user_principal_name: str | None = None
    mail: str | None = None


class AutopilotDevice(SourceRow, frozen=True, rename="camel"):
    """A Windows computer that is registered for Autopilot. Whom it is meant for is not decoded: that is no holder."""

    id: str | None = None
    serial_number: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    group_tag: str | None = None
    purchase_order_identifier: str | None = None
    enrollment_state: str | None = None


class CorporateIdentifier(SourceRow, frozen=True, rename="camel"):
    """A device that was entered as the organisation's before it is enrolled."""

    id: str | None = None
    imported_device_identifier: str | None = None
    imported_device_identity_type: str | None = None
    enrollment_state: str | None = None
    platform: str | None = None


class EnrolmentToken(SourceRow, frozen=True, rename="camel"):
    """The token by which Apple hands new devices over to Intune."""

    id: str | None = None
    token_name: str | None = None
    token_expiration_date_time: str | None = None


class AppleDevice(SourceRow, frozen=True, rename="camel"):
    """A device that Apple has handed over by an enrolment token."""

    id: str | None = None
    serial_number: str | None = None
    platform: str | None = None
    enrollment_state: str | None = None
    is_deleted: bool | None = None


class PushCertificate(msgspec.Struct, frozen=True, rename="camel"):
    """The certificate by which Intune reaches its Apple devices."""

    expiration_date_time: str


class AppToken(SourceRow, frozen=True, rename="camel"):
    """A token of the apps and books that were bought from Apple (VPP)."""

    id: str | None = None
    organization_name: str | None = None
    expiration_date_time: str | None = None
    state: str | None = None
