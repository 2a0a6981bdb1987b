"""One run of fleetsync: pull sources, judge the pulls, reconcile, apply, record and show the result.

`pipeline` is the table of contents. Every other module holds one of its steps. Data flows one way: no step calls an
earlier one.
"""

from fleetsync.sync.agreement import AGREED_REFUSAL
from fleetsync.sync.applying import fail_pulls_by_clock
from fleetsync.sync.clock_check import ClockRefused, clock_problem
from fleetsync.sync.context import RunContext, with_published_units
from fleetsync.sync.judging import JudgedPull
from fleetsync.sync.pipeline import RunReport, accept, judge_and_apply, run
from fleetsync.sync.plans import DryRun, plan_dry_run, plan_policy, plans_of_held, propose_configuration
from fleetsync.sync.pulling import WORKERS, pull_side_by_side, pull_source
from fleetsync.sync.reconciliation import (
    RECORD_ATTEMPTS,
    counter_totals,
    rebuild_snapshot,
    reconcile_now,
)

__all__ = [
    "AGREED_REFUSAL",
    "RECORD_ATTEMPTS",
    "WORKERS",
    "ClockRefused",
    "DryRun",
    "JudgedPull",
    "RunContext",
    "RunReport",
    "accept",
    "clock_problem",
    "counter_totals",
    "fail_pulls_by_clock",
    "judge_and_apply",
    "plan_dry_run",
    "plan_policy",
    "plans_of_held",
    "propose_configuration",
    "pull_side_by_side",
    "pull_source",
    "rebuild_snapshot",
    "reconcile_now",
    "run",
    "with_published_units",
]
