"""The stage of each device, the gaps (what is wrong with a person, device, unit or source), and who acts on a gap.

Pure. GAPS and ROUTES are tables: a kind of gap is one function and one entry. What a source has not shown is not
evaluated, and a source that no longer delivers makes a number old, never lower. This module only re-exports.
"""

from fleetsync.core.lifecycle.acceptance import accepts, counts_as_assigned, is_countable, works_for
from fleetsync.core.lifecycle.episodes import GapFinding, update_episodes
from fleetsync.core.lifecycle.evidence import GapEvidence
from fleetsync.core.lifecycle.finding import CaseFindings, FoundGaps, find_gaps
from fleetsync.core.lifecycle.gaps import GAPS, CaseSelector, GapKind, OpeningRule
from fleetsync.core.lifecycle.routes import ROUTES, ActingRole, Route, acting_roles
from fleetsync.core.lifecycle.stages import device_states

__all__ = [
    "GAPS",
    "ROUTES",
    "ActingRole",
    "CaseFindings",
    "CaseSelector",
    "FoundGaps",
    "GapEvidence",
    "GapFinding",
    "GapKind",
    "OpeningRule",
    "Route",
    "accepts",
    "acting_roles",
    "counts_as_assigned",
    "device_states",
    "find_gaps",
    "is_countable",
    "update_episodes",
    "works_for",
]
