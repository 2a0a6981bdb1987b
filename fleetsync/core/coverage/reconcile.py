"""The reconciliation: from everything that is believed to the one outcome that all published numbers come from.

Pure and deterministic: the same input gives the same outcome, in whatever order its records come.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from operator import attrgetter
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from fleetsync.core.calendar import Calendars
from fleetsync.core.context import Context, EarlierCases, StepBasis
from fleetsync.core.coverage.agreed_corrections import agreed_corrections
from fleetsync.core.coverage.assignments import assign_devices, stock_shares
from fleetsync.core.coverage.cases import device_sets, person_cases, resolved_ids
from fleetsync.core.coverage.owed import owed_devices
from fleetsync.core.coverage.published_cells import coverage_cells, undecided_and_on_leave, undecided_head_shares
from fleetsync.core.coverage.resolution import Resolution, build_context, resolve
from fleetsync.core.coverage.tally import Cell, CountedCell, count_cells, shares_of, sum_coverage
from fleetsync.core.entitlement import StaffRosterDates
from fleetsync.core.lifecycle import CaseFindings, find_gaps
from fleetsync.core.matching import MatchingResult
from fleetsync.core.model import BelievedState, Moment, Outcome, Policy, Turnover

T = TypeVar("T")


class Reconciliation(Struct, frozen=True, kw_only=True):
    """An outcome, with what the next reconciliation can use again of it."""

    outcome: Outcome
    basis: StepBasis
    turnover: Turnover | None
    matching: MatchingResult
    staff_rosters_known_until: tuple[date, ...]
    cells: Mapping[Cell, CountedCell]
    case_findings: CaseFindings


def reconcile(believed: BelievedState, policy: Policy, calendars: Calendars, moment: Moment) -> Outcome:
    """What is true at *moment* of everything believed, under *policy*."""
    return reconcile_in(build_context(believed, policy, calendars, moment)).outcome


def reconcile_in(context: Context, previous: Reconciliation | None = None) -> Reconciliation:
    """What is true of everything believed in *context*.

    *previous*: the last reconciliation. Conclusions about persons, devices and units that have not changed since are
    those of then; on another day, under another policy and after a new day of a source, everything is concluded anew.
    The outcome is the same with and without it.
    """
    if previous is not None and previous.basis == context.basis:
        context = replace(context, earlier=_earlier_cases(previous))
        resolution = resolve(context, previous.matching, previous.turnover)
    else:
        previous, resolution = None, resolve(context)
    cells, outcome = _counted_outcome(resolution, previous)
    gaps = find_gaps(outcome, resolution.context, previous.case_findings if previous is not None else None)
    return Reconciliation(
        outcome=replace(
            outcome,
            episodes=gaps.open_episodes,
            closed_episodes=gaps.closed_episodes,
            gap_unit_kinds=context.believed.gap_unit_kinds,
        ),
        basis=context.basis,
        turnover=resolution.context.turnover,
        matching=resolution.matching,
        staff_rosters_known_until=StaffRosterDates.of(resolution.people, resolution.context).known_until,
        cells=cells,
        case_findings=gaps.case_findings,
    )


def _earlier_cases(previous: Reconciliation) -> EarlierCases:
    return EarlierCases(
        at=previous.outcome.moment.at,
        people={case.person.id: case for case in previous.outcome.people},
        devices={case.device.id: case for case in previous.outcome.devices},
        staff_rosters_known_until=previous.staff_rosters_known_until,
    )


def _counted_outcome(
    resolution: Resolution, previous: Reconciliation | None
) -> tuple[Mapping[Cell, CountedCell], Outcome]:
    """The outcome with everything counted, before gaps are looked for, and how each cell of it was counted."""
    context, units = resolution.context, resolution.context.unit_directory.units
    owed = owed_devices(resolution)
    assignments = assign_devices(resolution, owed)
    if previous is not None:
        owed = _known_where_equal(owed, previous.outcome.owed, _OWED_KEY)
        assignments = _known_where_equal(assignments, previous.outcome.assignments, _ASSIGNMENT_KEY)
    counted = count_cells(owed, assignments, context.counted_by_hand, {} if previous is None else previous.cells)
    shares = (
        *shares_of(counted),
        *stock_shares(resolution.cases, context.rules),
        *undecided_head_shares(resolution),
    )
    cells = coverage_cells(units, context.rules)
    return counted, Outcome(
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
        logins=resolution.matching.logins,
        resolved_ids=resolved_ids(resolution.people, resolution.cases),
        policy_fingerprint=context.policy.fingerprint,
        turnover=context.turnover,
        agreed_corrections=agreed_corrections(context, resolution.cases, assignments),
    )


_OWED_KEY = attrgetter("entitlement", "subject_id", "unit")
_ASSIGNMENT_KEY = attrgetter("device", "by", "entitlement", "subject_id")


def _known_where_equal(values: Iterable[T], before: Iterable[T], key: Callable[[T], object]) -> tuple[T, ...]:
    """*values*, each as the object of *before* that is equal to it, where there is one."""
    known = {key(value): value for value in before}
    return tuple(earlier if (earlier := known.get(key(value))) == value else value for value in values)
