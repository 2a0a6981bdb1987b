"""The runner: one part of a source, page by page, from its connector into the staging area.

The runner owns what a connector could forget: canonical keys, tokens, masking, completeness, counting. It knows the
store as the Protocol `Staging`, and never decides whether what it read may be believed.
"""

from fleetsync.pull.runner.normalisation import NormalisationRules
from fleetsync.pull.runner.pull_runner import INTERNAL_ERROR_REASON, PullResult, PullRunner
from fleetsync.pull.runner.staging import BelievedEntry, Staging

__all__ = [
    "INTERNAL_ERROR_REASON",
    "BelievedEntry",
    "NormalisationRules",
    "PullResult",
    "PullRunner",
    "Staging",
]
