"""How a plan is printed: records, assignments, gaps, and how the numbers would move."""

import click

from fleetsync.core.model import ChangePlan, CoverageChange


def print_plan(plan: ChangePlan) -> None:
    """What pulls would change."""
    click.echo(
        f"records      {plan.new} new, {plan.changed} changed, {plan.returned} back, {plan.absent} absent\n"
        f"assignments  {plan.assignments_begun} begin, {plan.assignments_ended} end\n"
        f"gaps         {_gap_counts('open', dict(plan.gaps_opened))}; {_gap_counts('close', dict(plan.gaps_closed))}"
    )
    if not plan.coverage_changes:
        click.echo("coverage     does not move")
    for shift in plan.coverage_changes:
        click.echo(f"coverage     {_shift_text(shift)}")


def _gap_counts(word: str, kinds: dict[str, int]) -> str:
    if not kinds:
        return f"none {word}"
    return f"{sum(kinds.values())} {word} ({', '.join(f'{count} {kind}' for kind, count in kinds.items())})"


def _shift_text(shift: CoverageChange) -> str:
    return (
        f"{shift.unit}, {shift.entitlement}: {shift.covered_before} of {shift.entitled_before} → "
        f"{shift.covered_after} of {shift.entitled_after}"
    )
