"""turnover status and now: the state of the school year's turnover, and turning it by hand."""

import click
from msgspec.structs import replace

from fleetsync import sync
from fleetsync.cli.application import open_application
from fleetsync.cli.errors import CommandError
from fleetsync.cli.operator import operator_name
from fleetsync.core.context import Context
from fleetsync.core.coverage import build_context
from fleetsync.core.entitlement import MembershipIndex, earliest_turn_day, latest_turn_day, turnover_progress
from fleetsync.core.model import Outcome, Turnover
from fleetsync.daemon.composition import Application

TURNOVER_CAUSES = {
    "most": "most pupils had moved on in the registers",
    "first_complete": "by the first complete pull of pupils in the new term",
    "latest": "ten school days into the term, although the registers were not ready",
    "by_hand": "by hand",
}


@click.group(help="The turnover of the school year: its state, and turning it by hand.")
def turnover() -> None:
    """Until it turns, pupils and children count as they did on the last school day."""


@turnover.command(help="Show the state of the turnover.")
@click.pass_context
def status(ctx: click.Context) -> None:
    """Whether it has begun, how far the registers have come, and when it turns by itself."""
    with open_application(ctx) as application:
        outcome = sync.rebuild_snapshot(application.run_context).outcome
        for line in _status_lines(application, outcome):
            click.echo(line)


@turnover.command(help="Turn now. From then on, pupils and children count as on the first school day.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def now(ctx: click.Context, *, yes: bool) -> None:
    """Show the state, ask for confirmation, and turn. It never turns back."""
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
    state = outcome.turnover
    if state is None:
        summer = application.run_context.calendars.default.summer_break(outcome.moment.today)
        begins = f" It begins on the last school day, {summer.last_school_day}." if summer else ""
        return [f"no school year has been turned yet.{begins}"]
    year = f"the school year that begins on {state.first_school_day}"
    if state.turned_at is not None and state.how is not None:
        return [f"{year} turned on {state.turned_at:%Y-%m-%d %H:%M} UTC: {TURNOVER_CAUSES[state.how]}."]
    return [
        f"{year} has not turned. {len(state.copies)} memberships count as they were on {state.last_school_day}.",
        *_pending_lines(application, outcome, state),
    ]


def _pending_lines(application: Application, outcome: Outcome, state: Turnover) -> list[str]:
    context = _turnover_context(application, outcome)
    progress = turnover_progress((case.person for case in outcome.people), MembershipIndex(context))
    by_itself = f"by the first complete pull of pupils from {state.first_school_day} on, at the latest on {latest_turn_day(state, context)}"
    moved = f"{progress.turned} of {progress.of} pupils of years 0–8 have moved on"
    return [
        f"registers    {moved}; 95 % of them turn it, from {earliest_turn_day(state)} on",
        f"otherwise    {by_itself}, or now: fleetsync turnover now",
    ]


def _turnover_context(application: Application, outcome: Outcome) -> Context:
    run_context = application.run_context
    believed = replace(run_context.believed(), turnover=outcome.turnover)
    return build_context(believed, run_context.policy, run_context.calendars, outcome.moment)


COMMANDS = {"turnover": turnover}
