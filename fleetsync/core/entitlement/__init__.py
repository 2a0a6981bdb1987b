"""Who is owed what, by which rule, and why: for those in and those out.

Pure. The plan is data (`RULES`); people are judged by the sources that count, on the day that is given. Nobody is
owed twice, and what a source leaves unknown is said to be undecided and never taken for a yes.
"""

from fleetsync.core.entitlement.person_state import person_states
from fleetsync.core.entitlement.pools import (
    heads_by_unit,
    owed_to_pools,
    pool_devices_by_unit,
    pool_devices_for,
    share_by_largest_remainder,
)
from fleetsync.core.entitlement.rules import KNOWN_FORMS, RULES, rules_in_force
from fleetsync.core.entitlement.spans import Bench
from fleetsync.core.entitlement.turnover import (
    TurnoverProgress,
    copied_groups,
    earliest_turn_day,
    latest_turn_day,
    refresh_copies,
    turn_if_due,
    turnover_progress,
)

__all__ = [
    "KNOWN_FORMS",
    "RULES",
    "Bench",
    "TurnoverProgress",
    "copied_groups",
    "earliest_turn_day",
    "heads_by_unit",
    "latest_turn_day",
    "owed_to_pools",
    "person_states",
    "pool_devices_by_unit",
    "pool_devices_for",
    "refresh_copies",
    "rules_in_force",
    "share_by_largest_remainder",
    "turn_if_due",
    "turnover_progress",
]
