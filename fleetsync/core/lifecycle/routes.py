"""ROUTES: which role acts on a gap, by appendix 1 of the municipality's IT plan.

("Bilaga 1: Ansvarsfördelning i Bildningsförvaltningens verksamheter".) Pure data and its look-up: the first route that
fits decides, and the last one fits everything.
"""

from enum import StrEnum

from msgspec import Struct

from fleetsync.core.model import FormFactor


class ActingRole(StrEnum):
    """The roles, as the plan names them."""

    STRATEGIST = "IT-strateg"
    TECHNICIAN = "IT-tekniker"
    PRINCIPAL = "Rektor/Förskolechef"
    LOCAL_TECHNICIAN = "Lokal tekniskt IT-ansvarig"
    PARTNER = "Sydnärke IT"


class Route(Struct, frozen=True):
    """Who acts on gaps of these kinds, of this entitlement and these form factors; empty or None: any."""

    kinds: frozenset[str]
    entitlement: str | None
    form_factors: frozenset[FormFactor]
    roles: tuple[ActingRole, ...]

    def matches(self, kind: str, entitlement: str | None, form_factor: FormFactor | None) -> bool:
        """Whether the route is for such a gap."""
        return (
            (not self.kinds or kind in self.kinds)
            and (self.entitlement is None or self.entitlement == entitlement)
            and (not self.form_factors or form_factor in self.form_factors)
        )


_ANY_KIND: frozenset[str] = frozenset()
_ANY_FORM: frozenset[FormFactor] = frozenset()
_TABLETS = frozenset({FormFactor.TABLET})

# "Sydnärke IT: installera och erbjuda support för datorer till lärare och administrativ personal." "Lokal tekniskt
# IT-ansvarig: elevers och personalens naturliga nära tekniska support." "IT-strateg: centrala inköp för elevenheter,
# följa upp mål i IT-planen, förvalta elevregister." "IT-tekniker: MDM-verktyg, pedagogernas och elevernas enheter."
_REGISTER_KINDS = frozenset({"duplicate_person", "login_reused", "not_in_register", "warranty_ending", "over_age"})
_TARGET_KINDS = frozenset({"below_target", "set_short", "pool_short", "hardware_support_ending", "no_calendar"})
# "Rektor/Förskolechef ansvarar för att lokala IT-planer dokumenteras, utarbetas, genomförs och följs upp."
_LOCAL_PLAN_KINDS = frozenset({"no_local_plan", "local_plan_expired"})
_LOCAL_SUPPORT_KINDS = frozenset({"ending_with_device", "leaver_holds", "extra_device", "lost"})
_CONFIGURATION_KINDS = frozenset(
    {
        "no_account",
        "not_in_directory",
        "unknown_holder",
        "ambiguous_holder",
        "holder_conflict",
        "unplaced",
        "unsorted",
        "duplicate_serial",
        "not_in_mdm",
        "noncompliant",
        "unencrypted",
        "personally_owned",
        "unmapped_unit",
        "source_stale",
        "pull_held",
        "credential_expiring",
        "credential_lapsing",
        "schema_drift",
        "rows_unreadable",
    }
)
_MISSING_DEVICE_KINDS = frozenset({"no_device", "starting_without_device"})
_NOT_WORKING_KINDS = frozenset({"device_not_working", "stale", "long_in_repair", "never_enrolled", "unit_mismatch"})
_TECHNICIANS = (ActingRole.TECHNICIAN, ActingRole.LOCAL_TECHNICIAN)

ROUTES: tuple[Route, ...] = (
    Route(_REGISTER_KINDS, None, _ANY_FORM, (ActingRole.STRATEGIST,)),
    Route(_TARGET_KINDS, None, _ANY_FORM, (ActingRole.STRATEGIST,)),
    Route(_LOCAL_PLAN_KINDS, None, _ANY_FORM, (ActingRole.PRINCIPAL,)),
    Route(_LOCAL_SUPPORT_KINDS, None, _ANY_FORM, (ActingRole.LOCAL_TECHNICIAN,)),
    Route(_CONFIGURATION_KINDS, None, _ANY_FORM, (ActingRole.TECHNICIAN,)),
    Route(_ANY_KIND, "staff", _TABLETS, _TECHNICIANS),
    Route(_ANY_KIND, "staff", _ANY_FORM, (ActingRole.PARTNER,)),
    Route(_MISSING_DEVICE_KINDS, None, _ANY_FORM, (ActingRole.STRATEGIST,)),
    Route(_NOT_WORKING_KINDS, None, _ANY_FORM, (ActingRole.LOCAL_TECHNICIAN,)),
    Route(_ANY_KIND, None, _ANY_FORM, (ActingRole.TECHNICIAN,)),
)


def acting_roles(kind: str, entitlement: str | None, form_factor: FormFactor | None) -> tuple[ActingRole, ...]:
    """Who acts on such a gap. *entitlement* None: it concerns none; *form_factor* None: it concerns no device."""
    return next(route.roles for route in ROUTES if route.matches(kind, entitlement, form_factor))
