"""Where each device is in its life, what can be wrong with anything, and who acts on it.

Pure. GAPS and ROUTES are tables: a kind of gap is one function and one entry. Nothing here guesses: what a source has
not shown is not judged, and a dead source makes a number old, never lower.
"""

from fleetsync.core.lifecycle.acceptance import accepts, counts_as_assigned, exists, why_not_for
from fleetsync.core.lifecycle.episodes import Finding, episodes
from fleetsync.core.lifecycle.gaps import GAPS, Cases, GapKind, Opens, find_gaps
from fleetsync.core.lifecycle.routes import ROUTES, ActingRole, Route, route
from fleetsync.core.lifecycle.scene import Scene
from fleetsync.core.lifecycle.stages import live

__all__ = [
    "GAPS",
    "ROUTES",
    "ActingRole",
    "Cases",
    "Finding",
    "GapKind",
    "Opens",
    "Route",
    "Scene",
    "accepts",
    "counts_as_assigned",
    "episodes",
    "exists",
    "find_gaps",
    "live",
    "route",
    "why_not_for",
]
