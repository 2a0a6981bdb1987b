"""accept, reject, drop, publish: what people decide. A decision is written and judged anew in one go."""

import getpass

import click

from fleetsync import sync
from fleetsync.cli.failing import UNUSABLE, Told
from fleetsync.cli.opening import opened
from fleetsync.cli.planning import print_plan
from fleetsync.core.model import CENTRAL, UNPLACED
from fleetsync.daemon.house import House
from fleetsync.store.errors import NotHeld

REASON = click.option("--reason", required=True, help="Why; kept with the decision.")


def part_of(house: House, text: str) -> tuple[str, str]:
    """(source, part) of SOURCE/PART, or of SOURCE where it has one part. Raises Told."""
    name, _, part = text.partition("/")
    source = next((one for one in house.sources if one.name == name), None)
    if source is None:
        known = ", ".join(one.name for one in house.sources) or "none is configured"
        raise Told(f"{name} is no source. Configured: {known}", UNUSABLE)
    if not part and len(source.parts) > 1:
        raise Told(
            f"{name} has several parts; say which: " + ", ".join(f"{name}/{one.name}" for one in source.parts), UNUSABLE
        )
    return name, source.part(part).name if part else source.parts[0].name


@click.command(help="Believe a held pull after all.")
@click.argument("part", metavar="SOURCE/PART")
@click.argument("pull", type=int)
@REASON
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def accept(ctx: click.Context, part: str, pull: int, reason: str, *, yes: bool) -> None:
    """Show what the pull would change, ask, and believe it."""
    with opened(ctx) as house:
        source, name = part_of(house, part)
        _confirm_newest(house, source, name, pull, yes=yes)
        sync.accept(house.world, source, name, pull, who=who(), reason=reason)
        house.ledger.audit(who(), "accept", f"{source}/{name} {pull}")
    click.echo(f"{source}/{name}: pull {pull} is believed")


def _confirm_newest(house: House, source: str, part: str, pull: int, *, yes: bool) -> None:
    held = house.ledger.held(source, part)
    if held is None or held.pull != pull:
        newest = None if held is None else held.pull
        raise NotHeld(
            f"{source}/{part}: pull {pull} does not wait for a decision. "
            + (f"Another came meanwhile: fleetsync accept {source}/{part} {newest}" if newest else "None does"),
            newest,
        )
    print_plan(sync.plans_of_held(house.world)[pull])
    if not yes:
        click.confirm("Believe it?", abort=True)


@click.command(help="Forget a held pull.")
@click.argument("part", metavar="SOURCE/PART")
@click.argument("pull", type=int)
@REASON
@click.pass_context
def reject(ctx: click.Context, part: str, pull: int, reason: str) -> None:
    """Nothing of it is believed; the next pull is judged as usual."""
    with opened(ctx) as house:
        source, name = part_of(house, part)
        house.ledger.reject(pull, who(), reason)
        house.ledger.audit(who(), "reject", f"{source}/{name} {pull}")
    click.echo(f"{source}/{name}: pull {pull} is forgotten")


@click.command(help="Remove everything a source ever said, when it is gone for good.")
@click.argument("source")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def drop(ctx: click.Context, source: str, *, yes: bool) -> None:
    """Its records go; history and numbers of past days stay."""
    with opened(ctx) as house:
        if source in {one.name for one in house.sources}:
            raise Told(f"{source} is still in the configuration: take its [[source]] table out first", UNUSABLE)
        if not yes:
            click.confirm(f"Remove all records of {source}?", abort=True)
        count = house.ledger.drop(source)
        house.ledger.audit(who(), "drop", source)
        sync.reconcile_anew(house.world)
    click.echo(f"{source}: {count} records removed")


@click.command(help="End a unit's trial: from now on it is in alerts and totals.")
@click.argument("unit")
@click.pass_context
def publish(ctx: click.Context, unit: str) -> None:
    """The unit's numbers count for everyone."""
    with opened(ctx) as house:
        known = {one.slug for one in house.world.policy.units} | {CENTRAL}
        if unit == UNPLACED:
            raise Told(
                f"{unit} has no trial: what belongs to no unit is in the totals from the first day, and rings nothing. "
                "List its codes in a [[unit]]",
                UNUSABLE,
            )
        if unit not in known:
            raise Told(f"{unit} is no unit. There are: {', '.join(sorted(known))}", UNUSABLE)
        house.ledger.publish(unit, who())
        house.ledger.audit(who(), "publish", unit)
        sync.reconcile_anew(house.world)
    click.echo(f"{unit} is published")


def who() -> str:
    """Whoever runs the command, as the audit names him."""
    return f"{getpass.getuser()} (command line)"


COMMANDS = {"accept": accept, "reject": reject, "drop": drop, "publish": publish}
