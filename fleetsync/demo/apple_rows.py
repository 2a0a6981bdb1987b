"""The rows of Exempelby's Apple School Manager: every iPad and Mac that was bought, and the MDM that it is assigned to."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from fleetsync.demo.managed_facts import ManagedFacts
from fleetsync.demo.model import MdmName, SourceRow
from fleetsync.demo.names import CANARY
from fleetsync.demo.start_year import same_date

SERVER = "server"  # names the MDM in a row; Apple lists it apart
WARRANTY_OF_MACS_UNTIL = same_date(2027, 1, 11)
_WARRANTY = timedelta(days=3 * 365)
SERVER_NAMES: Mapping[MdmName, str] = {"intune": "Intune", "jamf_school": "Jamf School", "jamf_pro": "Jamf Pro"}


def apple_row(facts: ManagedFacts, ordered_on: date, mdm: MdmName, migration: str = "") -> SourceRow:
    """The row of a device. *migration*: the state of its move to another MDM; "" where it never moved."""
    return {
        "serialNumber": facts.serial,
        "deviceModel": facts.model,
        "productFamily": "Mac" if facts.system == "macOS" else "iPad",
        "orderNumber": f"{ordered_on:%Y%m}-RES",
        "orderDateTime": f"{ordered_on}T00:00:00Z",
        # The Macs are the first, so that the first pull of AppleCare asks for all of them.
        "addedToOrgDateTime": f"{ordered_on + timedelta(days=1 if facts.system == 'macOS' else 2)}T08:02:11.552Z",
        "imei": [f"{CANARY}-imei"],
        "wifiMacAddress": f"{CANARY}-wifi",
        "isMdmMigrationCapable": True,
        "mdmMigrationStatus": migration or None,
        SERVER: SERVER_NAMES[mdm],
    }


def apple_listings(rows: Iterable[SourceRow]) -> Mapping[str, Sequence[SourceRow]]:
    """The rows of each resource: each device once, the devices of each MDM, and a warranty of each device."""
    by_serial = {row["serialNumber"]: row for row in rows}
    assigned = defaultdict[object, list[object]](list)
    for serial, row in by_serial.items():
        assigned[row[SERVER]].append(serial)
    return {
        "orgDevices": [{name: value for name, value in row.items() if name != SERVER} for row in by_serial.values()],
        "mdmServers": [
            {"id": f"mdm-{name}", "serverName": name, "devices": serials} for name, serials in assigned.items()
        ],
        "appleCareCoverage": [
            {"serialNumber": serial, "endDateTime": f"{_warranty_until(row)}T00:00:00Z"}
            for serial, row in by_serial.items()
        ],
    }


def _warranty_until(row: SourceRow) -> date:
    if row["productFamily"] == "Mac":
        return WARRANTY_OF_MACS_UNTIL
    return date.fromisoformat(str(row["orderDateTime"])[:10]) + _WARRANTY
