"""The fourteen units of Exempelby: eight schools, two of them in one building, five preschools, and the pupils' health."""

from collections.abc import Mapping

import msgspec

from fleetsync.core.model import CENTRAL
from fleetsync.demo.days import PRESCHOOLS, SCHOOLS, SchoolDays


class Place(msgspec.Struct, frozen=True):
    """A unit. *short*: how names of devices begin; *code*: its invented skolenhetskod, which preschools lack."""

    slug: str
    name: str
    short: str
    cost_centre: str
    code: str | None = None
    forms: tuple[str, ...] = ()

    @property
    def days(self) -> SchoolDays:
        """The school days by which its people count."""
        return PRESCHOOLS if self.forms == ("FS",) else SCHOOLS

    @property
    def codes(self) -> tuple[str, ...]:
        """What configuration lists for it."""
        return tuple(filter(None, (self.code, self.cost_centre, self.short)))


PLACES = (
    Place("vretaskolan", "Vretaskolan", "VRE", "31010", "99001010", ("FKLASS", "GR", "FTH")),
    Place("akerbyskolan", "Åkerbyskolan", "AKE", "31020", "99001020", ("FKLASS", "GR", "FTH")),
    Place("sjoangsskolan", "Sjöängsskolan", "SJO", "31030", "99001030", ("FKLASS", "GR", "FTH")),
    Place("hojdens-skola-lag", "Höjdens skola F–3", "HOL", "31041", "99001041", ("FKLASS", "GR", "FTH")),
    Place("hojdens-skola-mellan", "Höjdens skola 4–6", "HOM", "31042", "99001042", ("GR",)),
    Place("ostanaskolan", "Östanåskolan", "OST", "31050", "99001050", ("FKLASS", "GR", "FTH")),
    Place("tallmoskolan", "Tallmoskolan", "TAL", "31060", "99001060", ("GR",)),
    Place("kullaskolan", "Kullaskolan", "KUL", "31070", "99001070", ("GR", "GRAN")),
    Place("gasslan", "Förskolan Gässlan", "GAS", "32010", None, ("FS",)),
    Place("fagelboet", "Förskolan Fågelboet", "FAG", "32020", None, ("FS",)),
    Place("skogsgarden", "Förskolan Skogsgården", "SKO", "32030", None, ("FS",)),
    Place("aspangen", "Förskolan Äspängen", "ASP", "32040", None, ("FS",)),
    Place("sjostjarnan", "Förskolan Sjöstjärnan", "STJ", "32050", None, ("FS",)),
    Place("elevhalsan", "Elevhälsan", "ELH", "33010"),
)
SCHOOL_PLACES = PLACES[:8]
PRESCHOOL_PLACES = PLACES[8:13]
BUILDING_OF_TWO = "Höjdens skola"  # what stands in location fields of both units of the building

PLACE_OF: Mapping[str, Place] = {place.slug: place for place in PLACES}


def days_at(unit: str) -> SchoolDays:
    """The school days of a unit; of `central` and `unplaced` those of schools."""
    return PLACE_OF[unit].days if unit in PLACE_OF else SCHOOLS


def name_at(unit: str) -> str:
    """How people call the unit."""
    return "Centralt" if unit == CENTRAL else PLACE_OF[unit].name
