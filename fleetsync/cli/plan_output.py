"""Prints what pulls would change: records, assignments, gaps and coverage."""

import click

from fleetsync.core.model import ChangePlan, CoverageChange


def print_plan(plan: ChangePlan) -> None:
    """Print *plan*, one subject a line."""
    click.echo(
        f"records      {plan.new} new, {plan.changed} changed, {plan.returned} back, {plan.absent} absent\n"
        f"assignments  {plan.assignments_begun} begin, {plan.assignments_ended} end\n"
        f"gaps         {_gap_counts('open', dict(plan.gaps_opened))}; {_gap_counts('close', dict(plan.gaps_closed))}"
    )
    if not plan.coverage_changes:
        click.echo("coverage     does not move")
    for change in plan.coverage_changes:
        click.echo(f"coverage     {_shift_text(change)}")


def _gap_counts(word: str, kinds: dict[str, int]) -> str:
    if not kinds:
        return f"none {word}"
    return f"{sum(kinds.values())} {word} ({', '.join(f'{count} {kind}' for kind, count in kinds.items())})"


def _shift_text(change: CoverageChange) -> str:
    return (
        f"{change.unit}, {change.entitlement}: {change.covered_before} of {change.entitled_before} → "
        f"{change.covered_after} of {change.entitled_after}"
    )
