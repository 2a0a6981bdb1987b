"""The rows of Exempelby's Intune, with the fields that the demo sets."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from fleetsync.demo.apple_rows import SERVER, SERVER_NAMES
from fleetsync.demo.graph.resources import ENROLMENT_TOKEN
from fleetsync.demo.managed_facts import ManagedFacts
from fleetsync.demo.model import SourceRow
from fleetsync.demo.names import CANARY, object_id_of
from fleetsync.demo.start_year import same_date
from fleetsync.demo.units import UNIT_BY_SLUG

PUSH_CERTIFICATE: SourceRow = {
    "id": "push",
    "appleIdentifier": f"{CANARY}@exempelby.se",
    "topicIdentifier": "com.apple.mgmt.External.exempelby",
    "expirationDateTime": f"{same_date(2027, 9, 14)}T08:00:00Z",
}
TOKEN_ID = "0a0a0a0a-0000-4000-8000-000000000007"
ENROLMENT_TOKENS: tuple[SourceRow, ...] = (
    {"id": TOKEN_ID, "tokenName": "Exempelby ASM", "tokenExpirationDateTime": f"{same_date(2027, 10, 2)}T08:00:00Z"},
)
APP_TOKENS: tuple[SourceRow, ...] = (
    {
        "id": "0b0b0b0b-0000-4000-8000-000000000008",
        "organizationName": "Exempelby kommun",
        "appleId": f"{CANARY}@exempelby.se",
        "expirationDateTime": f"{same_date(2027, 10, 2)}T08:00:00Z",
    },
)
_NEVER = "0001-01-01T00:00:00Z"


def graph_time(at: datetime | None) -> str:
    """An instant as Graph writes it; None is never."""
    return _NEVER if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"


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


def autopilot_row(facts: ManagedFacts, unit: str, *, is_enrolled: bool) -> SourceRow:
    """The row of a computer of *unit* in Autopilot. Whom it is meant for is not who has it, and may not be stored."""
    return {
        "id": object_id_of(f"autopilot/{facts.serial}"),
        "serialNumber": facts.serial,
        "manufacturer": facts.manufacturer,
        "model": facts.model,
        "groupTag": UNIT_BY_SLUG[unit].short if unit in UNIT_BY_SLUG else "",
        "purchaseOrderIdentifier": "",
        "enrollmentState": "enrolled" if is_enrolled else "notContacted",
        "userPrincipalName": f"{CANARY}.avsedd@exempelby.se",
        "addressableUserName": CANARY.title(),
    }


def corporate_row(facts: ManagedFacts) -> SourceRow:
    """The row of a computer that was entered by hand, as manufacturer, model and serial."""
    return {
        "id": object_id_of(f"corporate/{facts.serial}"),
        "importedDeviceIdentifier": f"{facts.manufacturer},{facts.model},{facts.serial}",
        "importedDeviceIdentityType": "manufacturerModelSerial",
        "description": CANARY,
        "enrollmentState": "enrolled",
        "platform": "windows",
    }


def apple_enrolment_rows(apple_rows: Iterable[SourceRow]) -> Iterator[SourceRow]:
    """What Apple hands over to Intune, of its rows: the devices that are assigned to that MDM."""
    for row in apple_rows:
        if row[SERVER] == SERVER_NAMES["intune"]:
            yield {
                "id": object_id_of(f"apple/{row['serialNumber']}"),
                "serialNumber": row["serialNumber"],
                "enrollmentState": "enrolled",
                ENROLMENT_TOKEN: TOKEN_ID,
            }
