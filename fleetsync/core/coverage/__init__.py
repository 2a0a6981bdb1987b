"""Who is covered: the reconciliation of everything that is believed into one outcome.

Pure. `reconcile` is the entry; `tally` and `sum_coverage` count past days by the same formulas. This module only
re-exports.
"""

from fleetsync.core.coverage.policy_effect import UnitEffect, policy_effect
from fleetsync.core.coverage.reconcile import Reconciliation, reconcile, reconcile_in
from fleetsync.core.coverage.resolution import build_context
from fleetsync.core.coverage.tally import sum_coverage, tally

__all__ = [
    "Reconciliation",
    "UnitEffect",
    "build_context",
    "policy_effect",
    "reconcile",
    "reconcile_in",
    "sum_coverage",
    "tally",
]
