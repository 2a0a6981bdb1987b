"""How a plan is printed: records, assignments, gaps, and how the numbers would move."""

import click

from fleetsync.core.model import Plan, Shift


def print_plan(plan: Plan) -> None:
    """What pulls would change."""
    click.echo(
        f"records      {plan.new} new, {plan.changed} changed, {plan.returned} back, {plan.absent} absent\n"
        f"assignments  {plan.assignments_begun} begin, {plan.assignments_ended} end\n"
        f"gaps         {_kinds('open', dict(plan.gaps_opened))}; {_kinds('close', dict(plan.gaps_closed))}"
    )
    if not plan.shifts:
        click.echo("coverage     does not move")
    for shift in plan.shifts:
        click.echo(f"coverage     {_shift(shift)}")


def _kinds(word: str, kinds: dict[str, int]) -> str:
    if not kinds:
        return f"none {word}"
    return f"{sum(kinds.values())} {word} ({', '.join(f'{count} {kind}' for kind, count in kinds.items())})"


def _shift(shift: Shift) -> str:
    return (
        f"{shift.unit}, {shift.entitlement}: {shift.covered_before} of {shift.entitled_before} → "
        f"{shift.covered_after} of {shift.entitled_after}"
    )
