"""Who is owed what, by which rule, and why: for those in and those out.

Pure. The plan is data (`RULES`); people are judged by the sources that count, on the day that is given. Nobody is
owed twice, and what a source leaves unknown is said to be undecided and never taken for a yes.
"""

from fleetsync.core.entitlement.pools import heads_by_unit, places_by_unit, places_for, pools, shared_out
from fleetsync.core.entitlement.rules import KNOWN_FORMS, RULES, rules_in_force
from fleetsync.core.entitlement.standing import stand
from fleetsync.core.entitlement.ties import Bench
from fleetsync.core.entitlement.turnover import Progress, copied, earliest, groups_copied, latest, progress, turned

__all__ = [
    "KNOWN_FORMS",
    "RULES",
    "Bench",
    "Progress",
    "copied",
    "earliest",
    "groups_copied",
    "heads_by_unit",
    "latest",
    "places_by_unit",
    "places_for",
    "pools",
    "progress",
    "rules_in_force",
    "shared_out",
    "stand",
    "turned",
]
