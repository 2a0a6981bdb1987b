"""Prints what pulls would change: records, assignments, gaps and coverage."""

import click

from fleetsync import sync
from fleetsync.cli.output import LANGUAGE
from fleetsync.core.model import ChangePlan, CoverageChange


def print_dry_run(dry_run: sync.DryRun) -> None:
    """Print what a run would change. Of a pull that would be held: why, and what it would change if it were accepted."""
    for held in dry_run.held:
        name = f"{held.source}/{held.part}"
        for reason in held.reasons:
            click.echo(f"would be held: {name}: {reason.in_language(LANGUAGE)}")
        click.echo(f"if {name} were accepted:")
        print_plan(held.plan)
    if dry_run.held:
        click.echo("without it:" if len(dry_run.held) == 1 else "without them:")
    print_plan(dry_run.plan)


def print_plan(plan: ChangePlan) -> None:
    """Print *plan*, one subject a line."""
    click.echo(
        f"records      {plan.new} new, {plan.changed} changed, {plan.returned} back, {plan.absent} absent\n"
        f"assignments  {plan.assignments_begun} begin, {plan.assignments_ended} end\n"
        f"gaps         {_gap_counts('open', dict(plan.gaps_opened))}; {_gap_counts('close', dict(plan.gaps_closed))}"
    )
    if not plan.coverage_changes:
        click.echo("coverage     does not move")
    for change in (*plan.coverage_changes, *plan.coverage_totals):
        click.echo(f"coverage     {_shift_text(change)}")
    for unit in plan.units:
        click.echo(
            f"at unit      {unit.unit}: {unit.new} new, {unit.changed} changed, {unit.returned} back, {unit.absent} absent"
        )
    for sample in plan.samples:
        named = f" {sample.label}" if sample.label else ""
        click.echo(f"for example  {sample.change}: {sample.subject.value} {sample.subject_id}{named} at {sample.unit}")


def _gap_counts(word: str, kinds: dict[str, int]) -> str:
    if not kinds:
        return f"none {word}"
    return f"{sum(kinds.values())} {word} ({', '.join(f'{count} {kind}' for kind, count in kinds.items())})"


def _shift_text(change: CoverageChange) -> str:
    return (
        f"{change.unit or 'all units'}, {change.entitlement}: {change.covered_before} of {change.entitled_before} → "
        f"{change.covered_after} of {change.entitled_after}"
    )
