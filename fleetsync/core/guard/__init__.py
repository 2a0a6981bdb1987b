"""Decides whether a finished pull may change what is believed, and computes what would be believed then.

A pull that loses, changes or adds too much is held: nothing of it is applied until a person accepts it. The rules have
letters, (a) to (h), in `domain.md` §2.2: (a) to (g) look at one pull, (h) at the numbers that would follow.
A record that an accepted pull lacks is not deleted: it counts fully until its grace has passed (`domain.md` §2.3).

Pure. Compares with what is believed only; never asks a source, and never says which record or person is concerned.
This module only re-exports.
"""

from fleetsync.core.guard.deciding_fields import DECIDING_FIELDS, DecidingField, RecordKind
from fleetsync.core.guard.outcome_rules import (
    CREEP_DAYS,
    creep_hold_reasons,
    outcome_hold_reasons,
    published_days_ago,
)
from fleetsync.core.guard.projection import projected_part_state, projected_records
from fleetsync.core.guard.pull_context import PullContext
from fleetsync.core.guard.pull_rules import pull_hold_reasons
from fleetsync.core.guard.reasons import TYPES_SV, may_be_accepted

__all__ = [
    "CREEP_DAYS",
    "DECIDING_FIELDS",
    "TYPES_SV",
    "DecidingField",
    "PullContext",
    "RecordKind",
    "creep_hold_reasons",
    "may_be_accepted",
    "outcome_hold_reasons",
    "projected_part_state",
    "projected_records",
    "published_days_ago",
    "pull_hold_reasons",
]
