"""What an MDM knows about a device of Exempelby, and the row in which each MDM says it.

A row is without the time of the last contact, which is added when the row is read on a day.
"""

from collections.abc import Mapping

import msgspec

from fleetsync.demo.model import SourceRow
from fleetsync.demo.names import object_id_of

FactChanges = Mapping[str, object]  # fields of `ManagedFacts`


class ManagedFacts(msgspec.Struct, frozen=True):
    """What an MDM knows about a device, in no vendor's words.

    *place*: the name of a unit or building; "" where nobody has set one. *use*: the technicians' word for a device
    without a holder, such as "Lager" (stock). *system*: as Intune spells it. *login*: of the holder; "" for none.
    """

    id: str = ""
    serial: str = ""
    name: str = ""
    login: str = ""
    place: str = ""
    use: str = ""
    manufacturer: str = ""
    model: str = ""
    system: str = ""
    version: str = ""
    is_encrypted: bool = True
    is_compliant: bool = True
    is_personal: bool = False
    is_shared: bool = False
    is_mailbox: bool = False
    is_enrolled_by_manager: bool = False


def intune_row(facts: ManagedFacts) -> SourceRow:
    """The row of a device in Intune."""
    return {
        "id": facts.id,
        "deviceName": facts.name,
        "serialNumber": facts.serial,
        "userId": object_id_of(facts.login) if facts.login else "",
        "userPrincipalName": facts.login,
        "emailAddress": facts.login,
        "managementState": "managed",
        "managementAgent": "eas" if facts.is_mailbox else "mdm",
        "managedDeviceOwnerType": "personal" if facts.is_personal else "company",
        "complianceState": "compliant" if facts.is_compliant else "noncompliant",
        "deviceCategoryDisplayName": " ".join(filter(None, (facts.use, facts.place))),
        "operatingSystem": facts.system,
        "osVersion": facts.version,
        "manufacturer": facts.manufacturer,
        "model": facts.model,
        "deviceEnrollmentType": _intune_enrolment(facts),
        "isEncrypted": facts.is_encrypted,
    }


def _intune_enrolment(facts: ManagedFacts) -> str:
    if facts.is_enrolled_by_manager:
        return "deviceEnrollmentManager"
    if facts.is_shared:
        return "appleBulkWithoutUser"
    return "appleBulkWithUser" if facts.system == "iPadOS" else "windowsAzureADJoin"
