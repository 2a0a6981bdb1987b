"""What held pulls would change, as counts for the metrics. Names no person and no device."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from fleetsync.core.model import ChangePlan, PartState
from fleetsync.expose.telemetry import DaemonStatus

PlanOfPull = Callable[[int], ChangePlan | None]


def with_held_changes(status: DaemonStatus, parts: Iterable[PartState], plan_of: PlanOfPull) -> DaemonStatus:
    """*status* with what the held pull of each part would change, as far as that is worked out."""
    planned = [
        (part, plan) for part in parts if part.held_pull is not None and (plan := plan_of(part.held_pull)) is not None
    ]
    return replace(
        status,
        held_records={
            (part.source, part.part, change): count
            for part, plan in planned
            for change, count in (
                ("new", plan.new),
                ("changed", plan.changed),
                ("returned", plan.returned),
                ("absent", plan.absent),
            )
        },
        held_covered_change={
            (part.source, part.part, total.entitlement): total.covered_after - total.covered_before
            for part, plan in planned
            for total in plan.coverage_totals
        },
    )
