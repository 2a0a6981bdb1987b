"""What is decoded of Jamf Pro's answers: only the fields that are kept.

Every object says which of its fields could not be read. Sections that were not asked for are null.
"""

import msgspec

from fleetsync.pull.decoding import SourceRow, clean_text

COMPUTER_SECTIONS = ("GENERAL", "HARDWARE", "OPERATING_SYSTEM", "USER_AND_LOCATION", "PURCHASING", "DISK_ENCRYPTION")
MOBILE_DEVICE_SECTIONS = ("GENERAL", "HARDWARE", "USER_AND_LOCATION", "PURCHASING", "SECURITY")


def record_id(kind: str, own_id: str) -> str:
    """The id of a record: the server counts computers, mobile devices and purchases each from 1."""
    return f"{kind}/{own_id}"


def record_id_or_none(kind: str, value: object) -> str | None:
    """As `record_id`, of what a row has in place of its id; None for a blank."""
    text = clean_text(value)
    return None if text is None else record_id(kind, text)


class NamedPlace(SourceRow, frozen=True):
    """A building, a department or a site."""

    id: str | None = None
    name: str | None = None


class Hardware(SourceRow, frozen=True, rename="camel"):
    """The hardware of a computer or mobile device."""

    serial_number: str | None = None
    model: str | None = None
    model_identifier: str | None = None


# ----------------------------------------------------------------------------------------------------------- computers


class RemoteManagement(SourceRow, frozen=True):
    """Whether the server manages a computer."""

    managed: bool | None = None


class EnrolmentMethod(SourceRow, frozen=True, rename="camel"):
    """How a computer was enrolled: by which prestage, or by whose invitation."""

    object_name: str | None = None
    object_type: str | None = None


class ComputerGeneral(SourceRow, frozen=True, rename="camel"):
    """The section GENERAL of a computer. `last_check_in` is v4's name of `last_contact_time`."""

    name: str | None = None
    asset_tag: str | None = None
    barcode1: str | None = None
    remote_management: RemoteManagement | None = None
    last_check_in: str | None = None
    last_contact_time: str | None = None
    last_contact: str | None = None
    last_enrolled_date: str | None = None
    enrollment_method: EnrolmentMethod | None = None
    apple_enrollment_type: str | None = None
    site: NamedPlace | None = None


class OperatingSystem(SourceRow, frozen=True):
    """The section OPERATING_SYSTEM of a computer."""

    version: str | None = None


class ComputerUser(SourceRow, frozen=True, rename="camel"):
    """The section USER_AND_LOCATION of a computer: the assigned user, and where it is."""

    username: str | None = None
    email: str | None = None
    building_id: str | None = None
    department_id: str | None = None


class ComputerPurchase(SourceRow, frozen=True, rename="camel"):
    """The section PURCHASING of a computer, typed in by people or filled by an upload."""

    po_number: str | None = None
    po_date: str | None = None
    warranty_date: str | None = None


class BootPartition(SourceRow, frozen=True):
    """The encryption of the start-up partition."""

    state: str | None = msgspec.field(default=None, name="partitionFileVault2State")


class DiskEncryption(SourceRow, frozen=True):
    """The section DISK_ENCRYPTION of a computer, without its keys."""

    boot_partition: BootPartition | None = msgspec.field(default=None, name="bootPartitionEncryptionDetails")


class Computer(SourceRow, frozen=True, rename="camel"):
    """A computer."""

    id: str | None = None
    general: ComputerGeneral | None = None
    hardware: Hardware | None = None
    operating_system: OperatingSystem | None = None
    user_and_location: ComputerUser | None = None
    purchasing: ComputerPurchase | None = None
    disk_encryption: DiskEncryption | None = None


# ------------------------------------------------------------------------------------------------------ mobile devices


class PrestageEnrolment(SourceRow, frozen=True, rename="camel"):
    """The prestage by which a mobile device was enrolled."""

    profile_name: str | None = None


class MobileGeneral(SourceRow, frozen=True, rename="camel"):
    """The section GENERAL of a mobile device."""

    display_name: str | None = None
    asset_tag: str | None = None
    site_id: str | None = None
    os_version: str | None = None
    managed: bool | None = None
    device_ownership_type: str | None = None
    enrollment_method_prestage: PrestageEnrolment | None = None
    last_enrolled_date: str | None = None
    last_inventory_update_date: str | None = None
    last_contact_date: str | None = None
    shared_ipad: bool | None = None


class MobileUser(SourceRow, frozen=True, rename="camel"):
    """The section USER_AND_LOCATION of a mobile device."""

    username: str | None = None
    email_address: str | None = None
    building_id: str | None = None
    department_id: str | None = None


class MobilePurchase(SourceRow, frozen=True, rename="camel"):
    """The section PURCHASING of a mobile device."""

    po_number: str | None = None
    po_date: str | None = None
    warranty_expires_date: str | None = None


class MobileSecurity(SourceRow, frozen=True, rename="camel"):
    """The section SECURITY of a mobile device."""

    lost_mode_enabled: bool | None = None


class MobileDevice(SourceRow, frozen=True, rename="camel"):
    """A mobile device."""

    mobile_device_id: str | None = None
    device_type: str | None = None
    general: MobileGeneral | None = None
    hardware: Hardware | None = None
    user_and_location: MobileUser | None = None
    purchasing: MobilePurchase | None = None
    security: MobileSecurity | None = None


# ----------------------------------------------------------------------------------------------------------- purchases


class EnrolmentInstance(SourceRow, frozen=True, rename="camel"):
    """A token by which Apple gives its assigned devices to the server."""

    id: str | None = None
    name: str | None = None
    token_expiration_date: str | None = None


class AssignedDevice(SourceRow, frozen=True, rename="camel"):
    """A device that Apple has assigned to the server, enrolled or not."""

    id: str | None = None
    instance_id: str | None = msgspec.field(default=None, name="deviceEnrollmentProgramInstanceId")
    serial_number: str | None = None
    model: str | None = None
    description: str | None = None
    asset_tag: str | None = None
    profile_status: str | None = None
