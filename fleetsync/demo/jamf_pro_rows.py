"""The rows of Exempelby's Jamf Pro: the Macs of some teachers, as in the fourth version of the inventory.

They have texts that may never be stored: who logged in last, recovery keys and passwords.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from fleetsync.demo.managed_facts import ManagedFacts
from fleetsync.demo.model import SourceRow
from fleetsync.demo.names import CANARY
from fleetsync.demo.start_year import same_date
from fleetsync.demo.units import DEMO_UNITS

ENROLMENT_INSTANCE = "7"
_BUILDINGS: Mapping[str, str] = {unit.name: str(number) for number, unit in enumerate(DEMO_UNITS, 31)}


def jamf_pro_row(facts: ManagedFacts) -> SourceRow:
    """The row of a Mac. Its id is a number that the server counts."""
    return {
        "id": str(int(facts.serial[-6:], 16)),
        "general": {
            "name": facts.name,
            "remoteManagement": {"managed": True, "managementPassword": CANARY},
            "lastContact": None,
            "lastLoggedInUsernameMdm": f"{CANARY}.senast",
            "lastIpAddress": f"{CANARY}-ip",
            "enrollmentMethod": {"objectName": "Personal", "objectType": "PreStage enrollment"},
            "appleEnrollmentType": "supervised",
        },
        "hardware": {"serialNumber": facts.serial, "model": facts.model, "macAddress": f"{CANARY}-mac"},
        "operatingSystem": {"name": "macOS", "version": facts.version},
        "userAndLocation": {
            "username": facts.login,
            "email": facts.login,
            "realname": CANARY.title(),
            "room": CANARY,
            "buildingId": _BUILDINGS.get(facts.place, "-1"),
        },
        "diskEncryption": {
            "bootPartitionEncryptionDetails": {
                "partitionFileVault2State": "ENCRYPTED" if facts.is_encrypted else "UNENCRYPTED"
            },
            "personalRecoveryKey": CANARY,
            "fileVault2EnabledUserNames": [CANARY],
        },
    }


def with_contact(row: SourceRow, enrolled_at: datetime | None, seen_at: datetime | None) -> SourceRow:
    """The row of a Mac with the times of its enrolment and last check-in."""
    general = row["general"]
    assert isinstance(general, Mapping), "a row of a Mac has a section GENERAL"
    times = {"lastEnrolledDate": _time(enrolled_at), "lastCheckIn": _time(seen_at)}
    return {**row, "general": {**general, **times}}


def _time(at: datetime | None) -> str | None:
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%S.000Z}"


def jamf_pro_listings(computers: Sequence[SourceRow]) -> Mapping[str, Sequence[SourceRow]]:
    """The rows of each resource. Every Mac was bought through Apple, and assigned to this server."""
    return {
        "computers-inventory": computers,
        "buildings": [{"id": number, "name": name, "streetAddress1": CANARY} for name, number in _BUILDINGS.items()],
        "device-enrollments": [
            {
                "id": ENROLMENT_INSTANCE,
                "name": "Exempelby",
                "tokenExpirationDate": f"{same_date(2027, 6, 12)}",
                "adminId": CANARY,
            }
        ],
        f"device-enrollments/{ENROLMENT_INSTANCE}/devices": [_assigned(computer) for computer in computers],
    }


def _assigned(computer: SourceRow) -> SourceRow:
    hardware = computer["hardware"]
    assert isinstance(hardware, Mapping), "a row of a Mac has a section HARDWARE"
    return {
        "id": computer["id"],
        "deviceEnrollmentProgramInstanceId": ENROLMENT_INSTANCE,
        "serialNumber": hardware["serialNumber"],
        "model": hardware["model"],
        "profileStatus": "PUSHED",
    }
