"""Which MDM manages which device of Exempelby. Nothing that is expected depends on it.

Laptops are in Intune, the Chromebooks of one school in Google Admin, and the Macs of some teachers in Jamf Pro. The tablets of schools and preschools are in Jamf School. Those of one school are still in Intune, and 40 of them are in
the middle of the move.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from types import MappingProxyType
from typing import Literal

from msgspec.structs import replace

from fleetsync.demo.apple_rows import apple_row
from fleetsync.demo.google_rows import google_row
from fleetsync.demo.intune_rows import autopilot_row, intune_row
from fleetsync.demo.jamf_pro_rows import jamf_pro_row
from fleetsync.demo.jamf_school_rows import jamf_school_row
from fleetsync.demo.managed_facts import ManagedFacts
from fleetsync.demo.model import MdmName, RowVersion, SourceRow, SystemName

MoveStep = Literal["enrolled_anew", "waiting"]
"""How far the move of a tablet is: enrolled in the new MDM and silent in the old one, or the other way round."""
FactVersions = Sequence[tuple[date, ManagedFacts]]

AUTOPILOT_SINCE, DELIVERY_TIME = date(2026, 1, 1), timedelta(days=21)
CHROMEBOOK_SCHOOL = "kullaskolan"  # its pupils have Chromebooks in place of laptops
NOT_MOVED_YET = "akerbyskolan"
MOVE_BEGAN_ON, MOVE_ENDED_ON = date(2026, 11, 16), date(2027, 1, 18)
ENROLLED_ANEW_ON: Mapping[MoveStep, date] = {"enrolled_anew": date(2026, 11, 18), "waiting": MOVE_ENDED_ON}
MOVING_TABLETS: Sequence[MoveStep] = ("enrolled_anew", "waiting") * 20

_ROW_OF: Mapping[MdmName, Callable[[ManagedFacts], SourceRow]] = MappingProxyType(
    {"intune": intune_row, "jamf_school": jamf_school_row, "jamf_pro": jamf_pro_row, "google": google_row}
)


def mdm_of_school_tablet(unit: str) -> MdmName:
    """The MDM of a tablet that a pupil, a class or the children of *unit* use."""
    return "intune" if unit == NOT_MOVED_YET else "jamf_school"


def mdm_rows(mdm: MdmName, versions: FactVersions) -> tuple[RowVersion, ...]:
    """The rows of a device in *mdm*, each from the day of its version on."""
    return tuple(RowVersion(first, _ROW_OF[mdm](facts)) for first, facts in versions)


def purchase_rows(facts: ManagedFacts, enrolled: date, mdm: MdmName) -> Mapping[SystemName, tuple[RowVersion, ...]]:
    """The rows of a device that its vendor has registered: of Apple's always, of Windows since Autopilot is used."""
    if facts.is_personal or facts.is_mailbox:
        return {}
    if facts.manufacturer == "Apple":
        return {"apple": (RowVersion(enrolled, apple_row(facts, enrolled - DELIVERY_TIME, mdm)),)}
    if facts.system == "Windows" and enrolled >= AUTOPILOT_SINCE:
        return {"autopilot": (RowVersion(enrolled, autopilot_row(facts, "", is_enrolled=True)),)}
    return {}


def migration_rows(facts: ManagedFacts, enrolled: date) -> tuple[RowVersion, ...]:
    """The rows at Apple of a tablet that moves from Intune to Jamf School."""
    ordered_on = enrolled - DELIVERY_TIME
    return (
        RowVersion(enrolled, apple_row(facts, ordered_on, "intune")),
        RowVersion(MOVE_BEGAN_ON, apple_row(facts, ordered_on, "jamf_school", "STARTED")),
        RowVersion(MOVE_ENDED_ON, apple_row(facts, ordered_on, "jamf_school", "SUCCESS")),
    )


def rows_during_move(versions: FactVersions, step: MoveStep) -> Mapping[MdmName, tuple[RowVersion, ...]]:
    """The rows of a tablet of Intune that moves to Jamf School: from the beginning of the move to its end, both have it.

    Until a tablet is enrolled anew, Jamf School only knows it as ordered.
    """
    facts = [version for first, version in versions if first <= MOVE_BEGAN_ON][-1]
    waiting = (MOVE_BEGAN_ON, replace(facts, is_enrolment_pending=True))
    later = [(first, version) for first, version in versions if first > ENROLLED_ANEW_ON[step]]
    return {
        "intune": (*mdm_rows("intune", versions), RowVersion(MOVE_ENDED_ON, None)),
        "jamf_school": mdm_rows("jamf_school", [waiting, (ENROLLED_ANEW_ON[step], facts), *later]),
    }
