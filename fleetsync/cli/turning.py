"""turnover now, turnover status: where the school year's turn stands, and turning it by hand."""

import click

from fleetsync import sync
from fleetsync.cli.decisions import who
from fleetsync.cli.failing import Told
from fleetsync.cli.opening import opened
from fleetsync.core.entitlement import Bench, Progress, earliest, latest, progress
from fleetsync.core.identity import unit_book
from fleetsync.core.model import Outcome, Turnover
from fleetsync.daemon.house import House

HOW = {
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
    with opened(ctx) as house:
        outcome = sync.rebuilt(house.world).outcome
        for line in _status(house, outcome):
            click.echo(line)


@turnover.command(help="Turn now: from here on, pupils and children count as they will on the first school day.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def now(ctx: click.Context, *, yes: bool) -> None:
    """Show where it stands, ask, and turn it. It never turns back."""
    with opened(ctx) as house:
        outcome = sync.reconcile_anew(house.world)
        if outcome.turnover is None or outcome.turnover.turned_at is not None:
            raise Told("there is nothing to turn. " + " ".join(_status(house, outcome)))
        for line in _status(house, outcome):
            click.echo(line)
        if not yes:
            click.confirm("Turn it?", abort=True)
        house.ledger.turn_by_hand(house.world.clock.now())
        house.ledger.audit(who(), "turnover now", outcome.turnover.first_school_day.isoformat())
        sync.reconcile_anew(house.world)
    click.echo(f"the school year that begins on {outcome.turnover.first_school_day} has turned")


def _status(house: House, outcome: Outcome) -> list[str]:
    turning = outcome.turnover
    if turning is None:
        summer = house.world.calendars.default.summer_break(outcome.moment.today)
        begins = f" It begins on the last school day, {summer.last_school_day}." if summer else ""
        return [f"no school year has been turned yet.{begins}"]
    year = f"the school year that begins on {turning.first_school_day}"
    if turning.turned_at is not None and turning.how is not None:
        return [f"{year} turned on {turning.turned_at:%Y-%m-%d %H:%M} UTC: {HOW[turning.how]}."]
    return [
        f"{year} has not turned; counted are {len(turning.copies)} rows as they stood on {turning.last_school_day}.",
        *_waits(house, outcome, turning),
    ]


def _waits(house: House, outcome: Outcome, turning: Turnover) -> list[str]:
    bench = _bench(house, outcome)
    found: Progress = progress((case.person for case in outcome.people), bench)
    by_itself = f"by the first complete pull of pupils from {turning.first_school_day} on, at the latest on {latest(turning, bench)}"
    moved = f"{found.turned} of {found.of} pupils of years 0–8 have moved on"
    return [
        f"registers    {moved}; 95 % of them turn it, from {earliest(turning)} on",
        f"otherwise    {by_itself}, or now: fleetsync turnover now",
    ]


def _bench(house: House, outcome: Outcome) -> Bench:
    believed, world = house.world.believed(), house.world
    return Bench(
        policy=world.policy,
        calendars=world.calendars,
        book=unit_book(believed.known, world.policy),
        parts={(part.source, part.part): part for part in outcome.parts},
        moment=outcome.moment,
        turnover=outcome.turnover,
    )


COMMANDS = {"turnover": turnover}
