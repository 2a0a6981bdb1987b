"""sync: run now, or show what a run would change."""

import sys
from collections.abc import Iterable, Sequence

import click

from fleetsync import sync
from fleetsync.cli.application import open_application
from fleetsync.cli.decisions import parse_part
from fleetsync.cli.errors import EXIT_ATTENTION, EXIT_UNUSABLE, NO_SOURCE, CommandError
from fleetsync.cli.plan_output import print_dry_run
from fleetsync.cli.progress import showing_pulls
from fleetsync.cli.pull_output import PartStates, part_states_by_name, print_held, print_pull
from fleetsync.core.guard import may_be_accepted
from fleetsync.core.model import PullEffect, Verdict
from fleetsync.daemon.composition import Application, with_memory_staging
from fleetsync.pull.contract import Part
from fleetsync.pull.registry import Source

DueParts = Sequence[tuple[Source, Part]]


@click.command("sync", help="Pull all sources now, or one SOURCE[/PART]. Exit 1 if a part failed or is held.")
@click.argument("which", metavar="[SOURCE[/PART]]", required=False)
@click.option("--dry-run", is_flag=True, help="Write nothing. Print what would change.")
@click.pass_context
def sync_(ctx: click.Context, which: str | None, *, dry_run: bool) -> None:
    """While it works, it says how far it is."""
    with open_application(ctx) as application:
        if dry_run:
            show_dry_run(application, _due_parts(application, which))
            return
        due = _due_parts(application, which)
        with showing_pulls(application.run_context):
            report = sync.run(application.run_context, due)
        states = part_states_by_name(application)
    print_and_exit(report, due, states)


def _due_parts(application: Application, which: str | None) -> DueParts:
    if which is None:
        return _all_parts(application)
    name, part = parse_part(application, which) if "/" in which else (which, "")
    source = next((configured for configured in application.sources if configured.name == name), None)
    if source is None:
        raise CommandError(
            f"{name} is no source. Configured: {', '.join(configured.name for configured in application.sources)}",
            EXIT_UNUSABLE,
        )
    refuse_disabled(source)
    return [(source, declared) for declared in source.parts if part in ("", declared.name)]


def _all_parts(application: Application) -> DueParts:
    """The parts of all sources that are not frozen. Refuses a configuration that has none."""
    if not application.sources:
        raise CommandError(NO_SOURCE.format(file=application.settings.file_name))
    due = parts_of(application.sources)
    if not due:
        raise CommandError("every source is frozen: nothing is pulled. Remove disabled = true from a [[source]] table")
    return due


def parts_of(sources: Iterable[Source]) -> DueParts:
    """The parts of *sources*, except of those that are frozen."""
    return [(source, part) for source in sources if not source.settings.disabled for part in source.parts]


def refuse_disabled(source: Source) -> None:
    """Refuse a source that is frozen."""
    if source.settings.disabled:
        raise CommandError(
            f"{source.name} is frozen: nothing is pulled from it. Remove disabled = true from its table", EXIT_UNUSABLE
        )


def show_dry_run(application: Application, due: DueParts) -> Sequence[PullEffect]:
    """Pull *due* into memory, and print what was read and what it would change. Gives what was read, with its rows."""
    dry_run = with_memory_staging(application)
    with showing_pulls(dry_run.run_context):
        pulled = sync.pull_side_by_side(dry_run.run_context, due)
        plan = sync.plan_dry_run(dry_run.run_context, pulled)
    states = part_states_by_name(application)
    for result in pulled:
        print_pull(result, states)
    print_dry_run(plan)
    return [dry_run.run_context.staged_effect(result.pull) for result in pulled if result.effect is not None]


def print_and_exit(report: sync.RunReport, due: DueParts, states: PartStates) -> None:
    """Print the result of each part. Exit 1 if a person must look at one."""
    _print_report(report, states)
    pulled = {(result.source, result.part) for result in report.pulled}
    left = [f"{source.name}/{part.name}" for source, part in due if (source.name, part.name) not in pulled]
    for name in left:
        click.echo(f"fleetsync: {name}: is being pulled by another process. Try again when that has ended", err=True)
    if left or report.held or any(result.verdict is Verdict.FAILED for result in report.pulled):
        sys.exit(EXIT_ATTENTION)


def _print_report(report: sync.RunReport, states: PartStates) -> None:
    """Print success to stdout, and what a person must look at to stderr."""
    held = {judged.pulled.pull: judged for judged in report.held}
    for result in report.pulled:
        name = f"{result.source}/{result.part}"
        if result.pull in held:
            what = "; ".join(refusal.text.en for refusal in held[result.pull].refusals)
            print_held(result)
            click.echo(f"fleetsync: {name}: held: {what}. {_remedy_of_held(name, held[result.pull])}", err=True)
        elif result.verdict is Verdict.FAILED:
            click.echo(f"fleetsync: {name}: failed: {result.reason}", err=True)
        else:
            print_pull(result, states)


def _remedy_of_held(name: str, judged: sync.JudgedPull) -> str:
    """What a person can do. Accepting is not offered where nobody, or no device, would be believed any more."""
    if may_be_accepted(judged.refusals):
        return f"If it is right: fleetsync accept {name} {judged.pulled.pull} --reason …"
    return f"Correct the source, then run: fleetsync sync {name}"


COMMANDS = {"sync": sync_}
