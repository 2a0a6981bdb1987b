"""The reconciliation: from everything that is believed to the one outcome that all published numbers come from.

Pure and deterministic: the same input gives the same outcome, in whatever order its records come.
"""

import msgspec

from fleetsync.core.calendar import Calendars
from fleetsync.core.context import Context
from fleetsync.core.coverage.assignments import assign_devices, stock_shares
from fleetsync.core.coverage.cases import device_sets, person_cases, resolved_ids
from fleetsync.core.coverage.owed import owed_devices
from fleetsync.core.coverage.published_cells import coverage_cells, undecided_and_on_leave
from fleetsync.core.coverage.resolution import Resolution, build_context, resolve
from fleetsync.core.coverage.tally import sum_coverage, tally
from fleetsync.core.lifecycle import find_gaps
from fleetsync.core.model import BelievedState, Moment, Outcome, Policy


def reconcile(believed: BelievedState, policy: Policy, calendars: Calendars, moment: Moment) -> Outcome:
    """What is true at *moment* of everything believed, under *policy*."""
    return reconcile_in(build_context(believed, policy, calendars, moment))


def reconcile_in(context: Context) -> Outcome:
    """What is true of everything believed in *context*."""
    resolution = resolve(context)
    outcome = _counted_outcome(resolution)
    open_episodes, closed_episodes = find_gaps(outcome, resolution.context)
    return msgspec.structs.replace(
        outcome, episodes=open_episodes, closed_episodes=closed_episodes, gap_unit_kinds=context.believed.gap_unit_kinds
    )


def _counted_outcome(resolution: Resolution) -> Outcome:
    """The outcome with everything counted, before gaps are looked for."""
    context, units = resolution.context, resolution.context.unit_directory.units
    owed = owed_devices(resolution)
    assignments = assign_devices(resolution, owed)
    shares = (*tally(owed, assignments), *stock_shares(resolution.cases, context.rules))
    cells = coverage_cells(units, context.rules)
    return Outcome(
        moment=context.moment,
        units=units,
        people=person_cases(resolution, owed, assignments, shares),
        devices=resolution.cases,
        sets=device_sets(shares, owed, assignments),
        owed=owed,
        assignments=assignments,
        shares=shares,
        coverage=sum_coverage(context.today, shares, cells, undecided_and_on_leave(resolution)),
        parts=tuple(context.parts),
        logins=resolution.logins,
        resolved_ids=resolved_ids(resolution.people, resolution.cases),
        policy_fingerprint=context.policy.fingerprint,
        turnover=context.turnover,
    )
