"""RULES: the entitlement rules that are shipped, used unless the configuration has `[[entitlement]]` tables of its own.

Pure data, with the school forms that the rules tell apart. `decisions` evaluates the rules that are in force.
"""

from datetime import timedelta

from fleetsync.core.calendar import TEN_YEAR_SCHOOL_FROM
from fleetsync.core.model import (
    EligibilityCriteria,
    EmploymentForm,
    Entitlement,
    EntitlementMode,
    MembershipType,
    Text,
)
from fleetsync.core.school_forms import FKLASS, FS, GRADED_FORMS

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
