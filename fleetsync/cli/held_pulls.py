"""pulls: the pulls that wait for a decision, why, what each would change, and the commands that decide."""

from collections.abc import Mapping

import click

from fleetsync import sync
from fleetsync.cli.application import open_application
from fleetsync.cli.output import LANGUAGE
from fleetsync.cli.plan_output import print_plan
from fleetsync.core.guard import may_be_accepted
from fleetsync.core.model import ChangePlan
from fleetsync.daemon.composition import Application
from fleetsync.store.ledger import HeldPull


@click.command(help="The pulls that wait for a decision: why, and what each would change.")
@click.argument("part", metavar="[SOURCE/PART]", required=False)
@click.pass_context
def pulls(ctx: click.Context, part: str | None) -> None:
    """Those of sources and parts that are no longer configured are among them."""
    with open_application(ctx) as application:
        held = [each for each in application.ledger.held_pulls() if part in (None, f"{each.source}/{each.part}")]
        plans = sync.plans_of_held(application.run_context) if held else {}
        for each in held:
            _print_held(application, each, plans)
        if not held:
            click.echo(f"no pull{f' of {part}' if part else ''} waits for a decision")


def _print_held(application: Application, held: HeldPull, plans: Mapping[int, ChangePlan]) -> None:
    name = f"{held.source}/{held.part}"
    click.echo(f"{name}: pull {held.pull} of {held.started_at:%Y-%m-%d %H:%M} UTC waits for a decision")
    for reason in held.refusals:
        click.echo(f"held         {reason.text.in_language(LANGUAGE)}")
    configured = {(source.name, each.name) for source in application.sources for each in source.parts}
    is_configured = (held.source, held.part) in configured
    if not is_configured:
        click.echo("held         it is no longer configured, so it can only be rejected")
    elif held.pull in plans:
        print_plan(plans[held.pull])
    if is_configured and may_be_accepted(held.refusals):
        click.echo(f"to accept    fleetsync accept {name} {held.pull} --reason …")
    click.echo(f"to reject    fleetsync reject {name} {held.pull} --reason …")


COMMANDS = {"pulls": pulls}
