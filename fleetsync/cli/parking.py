"""park, unpark: leave gaps out of alerts and of what to do today until a day, and take that back."""

from datetime import datetime

import click

from fleetsync.cli.application import open_application
from fleetsync.cli.manual_decisions import current_lookup, manual_decisions
from fleetsync.cli.operator import REASON_OPTION, operator_name
from fleetsync.expose import decision_checks


@click.command(
    help="Leave gaps out of alerts until a day. GAP is KIND:ID, as in fleetsync gaps. They stay in all numbers."
)
@click.argument("gaps", metavar="GAP…", nargs=-1, required=True)
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", required=True, help="The last day.")
@REASON_OPTION
@click.pass_context
def park(ctx: click.Context, gaps: tuple[str, ...], until: datetime, reason: str) -> None:
    """They come back by themselves. To take it back earlier: fleetsync unpark."""
    with open_application(ctx) as application:
        lookup, last_day = current_lookup(application), until.date()
        episodes = [decision_checks.open_gap(lookup, gap) for gap in gaps]
        decision_checks.check_parking(lookup, episodes, last_day)
        keys = [episode.key for episode in episodes]
        manual_decisions(application).park(keys, last_day, who=operator_name(), reason=reason)
    for gap in gaps:
        click.echo(f"{gap} is parked until {last_day}")


@click.command(help="Let parked gaps be in alerts again. GAP is KIND:ID, as in fleetsync gaps.")
@click.argument("gaps", metavar="GAP…", nargs=-1, required=True)
@click.pass_context
def unpark(ctx: click.Context, gaps: tuple[str, ...]) -> None:
    """Also of gaps that have closed meanwhile: they would be parked if they opened again."""
    with open_application(ctx) as application:
        pairs = [(kind, subject_id) for kind, _, subject_id in (gap.partition(":") for gap in gaps)]
        manual_decisions(application).unpark(pairs, who=operator_name())
    for gap in gaps:
        click.echo(f"{gap} is not parked any more")


COMMANDS = {"park": park, "unpark": unpark}
