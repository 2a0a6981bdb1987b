"""turnover now, turnover status: where the school year's turn stands, and turning it by hand."""

import click
from msgspec.structs import replace

from fleetsync import sync
from fleetsync.cli.application import open_application
from fleetsync.cli.decisions import operator_name
from fleetsync.cli.errors import CommandError
from fleetsync.core.context import Context
from fleetsync.core.coverage import build_context
from fleetsync.core.entitlement import MembershipIndex, earliest_turn_day, latest_turn_day, turnover_progress
from fleetsync.core.model import Outcome, Turnover
from fleetsync.daemon.composition import Application

TURNOVER_CAUSES = {
    "most": "most pupils had moved on in the registers",
    "first_complete": "by the first complete pull of pupils in the new term",
    "latest": "ten school days into the term, whatever the registers said",
    "by_hand": "by hand",
}


@click.group(help="The school year's turnover: where it stands, and turning it by hand.")
def turnover() -> None:
    """Until it turns, pupils and children are counted as they were on the last school day."""


@turnover.command(help="Where the turnover stands.")
@click.pass_context
def status(ctx: click.Context) -> None:
    """Begun or not, how far the registers have come, and when it turns by itself."""
    with open_application(ctx) as application:
        outcome = sync.rebuild_snapshot(application.run_context).outcome
        for line in _status_lines(application, outcome):
            click.echo(line)


@turnover.command(help="Turn now: from here on, pupils and children count as they will on the first school day.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def now(ctx: click.Context, *, yes: bool) -> None:
    """Show where it stands, ask, and turn it. It never turns back."""
    with open_application(ctx) as application:
        outcome = sync.reconcile_now(application.run_context)
        if outcome.turnover is None or outcome.turnover.turned_at is not None:
            raise CommandError("there is nothing to turn. " + " ".join(_status_lines(application, outcome)))
        for line in _status_lines(application, outcome):
            click.echo(line)
        if not yes:
            click.confirm("Turn it?", abort=True)
        application.ledger.turn_by_hand(application.run_context.clock.now())
        application.ledger.audit(operator_name(), "turnover now", outcome.turnover.first_school_day.isoformat())
        sync.reconcile_now(application.run_context)
    click.echo(f"the school year that begins on {outcome.turnover.first_school_day} has turned")


def _status_lines(application: Application, outcome: Outcome) -> list[str]:
    turning = outcome.turnover
    if turning is None:
        summer = application.run_context.calendars.default.summer_break(outcome.moment.today)
        begins = f" It begins on the last school day, {summer.last_school_day}." if summer else ""
        return [f"no school year has been turned yet.{begins}"]
    year = f"the school year that begins on {turning.first_school_day}"
    if turning.turned_at is not None and turning.how is not None:
        return [f"{year} turned on {turning.turned_at:%Y-%m-%d %H:%M} UTC: {TURNOVER_CAUSES[turning.how]}."]
    return [
        f"{year} has not turned; counted are {len(turning.copies)} rows as they stood on {turning.last_school_day}.",
        *_pending_lines(application, outcome, turning),
    ]


def _pending_lines(application: Application, outcome: Outcome, turning: Turnover) -> list[str]:
    context = _turnover_context(application, outcome)
    progress = turnover_progress((case.person for case in outcome.people), MembershipIndex(context))
    by_itself = f"by the first complete pull of pupils from {turning.first_school_day} on, at the latest on {latest_turn_day(turning, context)}"
    moved = f"{progress.turned} of {progress.of} pupils of years 0–8 have moved on"
    return [
        f"registers    {moved}; 95 % of them turn it, from {earliest_turn_day(turning)} on",
        f"otherwise    {by_itself}, or now: fleetsync turnover now",
    ]


def _turnover_context(application: Application, outcome: Outcome) -> Context:
    run_context = application.run_context
    believed = replace(run_context.believed(), turnover=outcome.turnover)
    return build_context(believed, run_context.policy, run_context.calendars, outcome.moment)


COMMANDS = {"turnover": turnover}
