"""The fourteen units of Exempelby: eight schools, two of them in one building, five preschools, and Elevhälsan."""

from collections.abc import Mapping

import msgspec

from fleetsync.core.model import CENTRAL
from fleetsync.demo.days import PRESCHOOLS, SCHOOLS, SchoolDays


class DemoUnit(msgspec.Struct, frozen=True):
    """A unit. *short*: prefix of device names. *code*: invented skolenhetskod; preschools have none."""

    slug: str
    name: str
    short: str
    cost_centre: str
    code: str | None = None
    forms: tuple[str, ...] = ()

    @property
    def days(self) -> SchoolDays:
        """The school days of the unit."""
        return PRESCHOOLS if self.forms == ("FS",) else SCHOOLS

    @property
    def codes(self) -> tuple[str, ...]:
        """The unit's `codes` in the configuration."""
        return tuple(filter(None, (self.code, self.cost_centre, self.short)))


DEMO_UNITS = (
    DemoUnit("vretaskolan", "Vretaskolan", "VRE", "31010", "99001010", ("FKLASS", "GR", "FTH")),
    DemoUnit("akerbyskolan", "Åkerbyskolan", "AKE", "31020", "99001020", ("FKLASS", "GR", "FTH")),
    DemoUnit("sjoangsskolan", "Sjöängsskolan", "SJO", "31030", "99001030", ("FKLASS", "GR", "FTH")),
    DemoUnit("hojdens-skola-lag", "Höjdens skola F–3", "HOL", "31041", "99001041", ("FKLASS", "GR", "FTH")),
    DemoUnit("hojdens-skola-mellan", "Höjdens skola 4–6", "HOM", "31042", "99001042", ("GR",)),
    DemoUnit("ostanaskolan", "Östanåskolan", "OST", "31050", "99001050", ("FKLASS", "GR", "FTH")),
    DemoUnit("tallmoskolan", "Tallmoskolan", "TAL", "31060", "99001060", ("GR",)),
    DemoUnit("kullaskolan", "Kullaskolan", "KUL", "31070", "99001070", ("GR", "GRAN")),
    DemoUnit("gasslan", "Förskolan Gässlan", "GAS", "32010", None, ("FS",)),
    DemoUnit("fagelboet", "Förskolan Fågelboet", "FAG", "32020", None, ("FS",)),
    DemoUnit("skogsgarden", "Förskolan Skogsgården", "SKO", "32030", None, ("FS",)),
    DemoUnit("aspangen", "Förskolan Äspängen", "ASP", "32040", None, ("FS",)),
    DemoUnit("sjostjarnan", "Förskolan Sjöstjärnan", "STJ", "32050", None, ("FS",)),
    DemoUnit("elevhalsan", "Elevhälsan", "ELH", "33010"),
)
SCHOOL_UNITS = DEMO_UNITS[:8]
PRESCHOOL_UNITS = DEMO_UNITS[8:13]
SHARED_BUILDING_NAME = "Höjdens skola"  # the location of devices of both units of the building

UNIT_BY_SLUG: Mapping[str, DemoUnit] = {unit.slug: unit for unit in DEMO_UNITS}


def school_days_of(unit: str) -> SchoolDays:
    """The school days of a unit. `central` and `unplaced` have those of schools."""
    return UNIT_BY_SLUG[unit].days if unit in UNIT_BY_SLUG else SCHOOLS


def unit_name(unit: str) -> str:
    """The name of the unit for people."""
    return "Centralt" if unit == CENTRAL else UNIT_BY_SLUG[unit].name
