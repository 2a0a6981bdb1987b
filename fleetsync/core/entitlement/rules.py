"""The plan as data: who is owed what, as shipped. A municipality's own `[[entitlement]]` tables take its place.

Pure. Holds no decision; `decisions` walks whatever rules are in force.
"""

from datetime import date, timedelta

from fleetsync.core.calendar import TEN_YEAR_SCHOOL_FROM
from fleetsync.core.model import (
    EligibilityCriteria,
    EmploymentForm,
    Entitlement,
    EntitlementMode,
    MembershipType,
    Policy,
    Text,
)
from fleetsync.core.school_forms import (
    ADULT_FORMS,
    CHILD_FORMS,
    FKLASS,
    FORMS_WITHOUT_YEAR,
    FS,
    GRADED_FORMS,
    KNOWN_FORMS,
    UPPER_FORMS,
)

__all__ = [
    "ADULT_FORMS",
    "CHILD_FORMS",
    "FKLASS",
    "FORMS_WITHOUT_YEAR",
    "FS",
    "GRADED_FORMS",
    "KNOWN_FORMS",
    "RULES",
    "UPPER_FORMS",
    "rules_in_force",
]

_PLAN_SECTION = "IT-plan, ”Säkerställa tillgång till IT-baserade verksamhetslösningar”"
_CHILDREN = Text("Barn i förskola och förskoleklass", "Children of förskola and förskoleklass")
_PER_FIVE_CHILDREN = f"{_PLAN_SECTION}: ”ett verktyg per fem barn i förskolan och förskoleklass”"

RULES: tuple[Entitlement, ...] = (
    Entitlement(
        id="staff",
        title=Text("Anställda", "Staff"),
        origin=(
            f"{_PLAN_SECTION}: ”Ett digitalt verktyg, dator eller motsvarande, per anställd "
            "(visstidsanställning > tre månader eller tillsvidareanställd)”"
        ),
        who=EligibilityCriteria(
            memberships=(MembershipType.EMPLOYMENT,),
            employment=(EmploymentForm.PERMANENT, EmploymentForm.FIXED),
            longer_than_months=3,
        ),
        mode=EntitlementMode.PER_HEAD,
    ),
    Entitlement(
        id="pupils",
        title=Text("Elever i årskurs 1–9", "Pupils in years 1–9"),
        origin=f"{_PLAN_SECTION}: ”Ett digitalt verktyg, dator eller motsvarande, per elev i åk 1-9”",
        who=EligibilityCriteria(
            memberships=(MembershipType.ENROLMENT,),
            school_forms=GRADED_FORMS,
            lowest_grade_index=1,
            highest_grade_index=9,
        ),
        mode=EntitlementMode.PER_HEAD,
    ),
    Entitlement(
        id="preschool",
        title=_CHILDREN,
        origin=_PER_FIVE_CHILDREN,
        who=EligibilityCriteria(
            memberships=(MembershipType.PLACEMENT, MembershipType.ENROLMENT), school_forms=(FS, FKLASS)
        ),
        mode=EntitlementMode.POOL,
        per=5,
        valid_to=TEN_YEAR_SCHOOL_FROM - timedelta(days=1),
    ),
    # From then on the six-year-olds of förskoleklass are in year 1 of the compulsory school: index 0, as before.
    Entitlement(
        id="preschool",
        title=_CHILDREN,
        origin=_PER_FIVE_CHILDREN,
        who=EligibilityCriteria(
            memberships=(MembershipType.PLACEMENT, MembershipType.ENROLMENT),
            school_forms=(FS, FKLASS, *GRADED_FORMS),
            highest_grade_index=0,
        ),
        mode=EntitlementMode.POOL,
        per=5,
        valid_from=TEN_YEAR_SCHOOL_FROM,
    ),
)


def rules_in_force(policy: Policy, day: date) -> tuple[Entitlement, ...]:
    """The policy's rules of *day*, in the order in which they are asked."""
    return tuple(rule for rule in policy.entitlements if rule.is_valid_on(day))
