"""Who is owed devices, by which rule, and why; also why not.

Pure. The rules are data (`RULES`), and so are the modes in which a rule owes (`MODES`). People are evaluated by the
sources that count, on the day of the context. Nobody is owed twice, and a fact that no source gives is undecided and
never taken for a yes. This module only re-exports.
"""

from fleetsync.core.entitlement.headcounts import JudgedHeads, judged_heads
from fleetsync.core.entitlement.membership_index import MembershipIndex
from fleetsync.core.entitlement.modes import MODES, Mode, is_served_by, mode_of
from fleetsync.core.entitlement.person_state import StaffRosterDates, person_states
from fleetsync.core.entitlement.pools import (
    heads_by_unit,
    owed_to_pools,
    pool_devices_by_unit,
    pool_devices_for,
    share_by_largest_remainder,
)
from fleetsync.core.entitlement.rules import RULES
from fleetsync.core.entitlement.turnover import (
    TurnoverProgress,
    copied_groups,
    earliest_turn_day,
    latest_turn_day,
    refresh_copies,
    turn_if_due,
    turnover_progress,
)
from fleetsync.core.school_forms import KNOWN_FORMS

__all__ = [
    "KNOWN_FORMS",
    "MODES",
    "RULES",
    "JudgedHeads",
    "MembershipIndex",
    "Mode",
    "StaffRosterDates",
    "TurnoverProgress",
    "copied_groups",
    "earliest_turn_day",
    "heads_by_unit",
    "is_served_by",
    "judged_heads",
    "latest_turn_day",
    "mode_of",
    "owed_to_pools",
    "person_states",
    "pool_devices_by_unit",
    "pool_devices_for",
    "refresh_copies",
    "share_by_largest_remainder",
    "turn_if_due",
    "turnover_progress",
]
