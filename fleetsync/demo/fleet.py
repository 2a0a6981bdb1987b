"""Which MDM manages which device of Exempelby. Nothing that is expected depends on it.

Laptops are in Intune, the Chromebooks of one school in Google Admin, and the Macs of some teachers in Jamf Pro. The
tablets of schools and preschools are in Jamf School. Those of one school are still in Intune, and 40 of them are in the
middle of the move.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from types import MappingProxyType
from typing import Literal

from msgspec.structs import replace

from fleetsync.demo.apple_rows import apple_row
from fleetsync.demo.google_rows import google_row
from fleetsync.demo.intune_rows import autopilot_row, corporate_row, intune_row
from fleetsync.demo.jamf_pro_rows import jamf_pro_row
from fleetsync.demo.jamf_school_rows import jamf_school_row
from fleetsync.demo.managed_facts import ManagedFacts
from fleetsync.demo.model import MdmName, RowVersion, SourceRow, SystemName
from fleetsync.demo.start_year import same_date, same_weekday
from fleetsync.demo.units import PRESCHOOL_UNITS

MoveStep = Literal["enrolled_anew", "waiting"]
"""How far the move of a tablet is: enrolled in the new MDM and silent in the old one, or the other way round."""
FactVersions = Sequence[tuple[date, ManagedFacts]]
Rows = Mapping[SystemName, tuple[RowVersion, ...]]

_PRESCHOOLS = frozenset(unit.slug for unit in PRESCHOOL_UNITS)
AUTOPILOT_TRIED_AT = "vretaskolan"  # its older computers were registered, too
ENTERED_BY_HAND_AT = "ostanaskolan"
AUTOPILOT_SINCE, DELIVERY_TIME = same_date(2026, 1, 1), timedelta(days=21)
CHROMEBOOK_SCHOOL = "kullaskolan"  # its pupils have Chromebooks in place of laptops
NOT_MOVED_YET = "akerbyskolan"
MOVE_BEGAN_ON, MOVE_ENDED_ON = same_weekday(2026, 11, 16), same_weekday(2027, 1, 18)
ENROLLED_ANEW_ON: Mapping[MoveStep, date] = {"enrolled_anew": same_weekday(2026, 11, 18), "waiting": MOVE_ENDED_ON}
MOVING_TABLETS: Sequence[MoveStep] = ("enrolled_anew", "waiting") * 20

_ROW_OF: Mapping[MdmName, Callable[[ManagedFacts], SourceRow]] = MappingProxyType(
    {"intune": intune_row, "jamf_school": jamf_school_row, "jamf_pro": jamf_pro_row, "google": google_row}
)


def mdm_of_school_tablet(unit: str) -> MdmName:
    """The MDM of a tablet that a pupil, a class or the children of *unit* use."""
    return "intune" if unit == NOT_MOVED_YET else "jamf_school"


def rows_in_mdm(versions: FactVersions, mdm: MdmName) -> Rows:
    """The rows of a device in its MDM."""
    return {mdm: _mdm_rows(mdm, versions)}


def _mdm_rows(mdm: MdmName, versions: FactVersions) -> tuple[RowVersion, ...]:
    return tuple(RowVersion(first, _ROW_OF[mdm](facts)) for first, facts in versions)


def purchase_rows(versions: FactVersions, unit: str, mdm: MdmName) -> Rows:
    """The row of a device of *unit* where its vendor registers what is sold.

    Apple has each of its devices, and the ledger those that a preschool paid for. Autopilot has all computers of one
    unit, and those that came since it is used; those of another unit were entered by hand.
    """
    shown_from, facts = versions[0]
    if facts.is_personal or facts.is_mailbox:
        return {}
    ordered_on = shown_from - DELIVERY_TIME
    if facts.manufacturer == "Apple":
        bought: dict[SystemName, tuple[RowVersion, ...]] = {
            "apple": (RowVersion(shown_from, apple_row(facts, ordered_on, mdm)),)
        }
        if unit in _PRESCHOOLS:
            invoiced = {"serial": facts.serial, "unit": unit, "article": facts.model, "day": ordered_on}
            bought["ledger"] = (RowVersion(shown_from, invoiced),)
        return bought
    if facts.system == "Windows" and (unit == AUTOPILOT_TRIED_AT or shown_from >= AUTOPILOT_SINCE):
        return {"autopilot": (RowVersion(shown_from, autopilot_row(facts, unit, is_enrolled=True)),)}
    if facts.system == "Windows" and unit == ENTERED_BY_HAND_AT:
        return {"corporate": (RowVersion(shown_from, corporate_row(facts)),)}
    return {}


def rows_during_move(versions: FactVersions, step: MoveStep) -> Rows:
    """The rows of a tablet of Intune that moves to Jamf School: from the beginning of the move to its end, both have it.

    Until a tablet is enrolled anew, Jamf School only knows it as ordered. Apple tells of the move.
    """
    shown_from, bought = versions[0]
    facts = [version for first, version in versions if first <= MOVE_BEGAN_ON][-1]
    waiting = (MOVE_BEGAN_ON, replace(facts, is_enrolment_pending=True))
    later = [(first, version) for first, version in versions if first > ENROLLED_ANEW_ON[step]]
    ordered_on = shown_from - DELIVERY_TIME
    return {
        "intune": (*_mdm_rows("intune", versions), RowVersion(MOVE_ENDED_ON, None)),
        "jamf_school": _mdm_rows("jamf_school", [waiting, (ENROLLED_ANEW_ON[step], facts), *later]),
        "apple": (
            RowVersion(shown_from, apple_row(bought, ordered_on, "intune")),
            RowVersion(MOVE_BEGAN_ON, apple_row(bought, ordered_on, "jamf_school", "STARTED")),
            RowVersion(MOVE_ENDED_ON, apple_row(bought, ordered_on, "jamf_school", "SUCCESS")),
        ),
    }
