"""Where each device is in its life, what can be wrong with anything, and who acts on it.

Pure. GAPS and ROUTES are tables: a kind of gap is one function and one entry. Nothing here guesses: what a source has
not shown is not judged, and a dead source makes a number old, never lower.
"""

from fleetsync.core.lifecycle.acceptance import accepts, counts_as_assigned, is_countable, not_working_reason_for
from fleetsync.core.lifecycle.context import Scene
from fleetsync.core.lifecycle.episodes import GapFinding, update_episodes
from fleetsync.core.lifecycle.gaps import GAPS, CaseSelector, GapKind, OpeningRule, find_gaps
from fleetsync.core.lifecycle.routes import ROUTES, ActingRole, Route, acting_roles
from fleetsync.core.lifecycle.stages import device_states

__all__ = [
    "GAPS",
    "ROUTES",
    "ActingRole",
    "CaseSelector",
    "GapFinding",
    "GapKind",
    "OpeningRule",
    "Route",
    "Scene",
    "accepts",
    "acting_roles",
    "counts_as_assigned",
    "device_states",
    "find_gaps",
    "is_countable",
    "not_working_reason_for",
    "update_episodes",
]
