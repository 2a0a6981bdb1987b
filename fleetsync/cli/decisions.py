"""accept, reject, drop, publish, unpublish: decisions of people. Each is stored, then everything is reconciled."""

import click

from fleetsync import sync
from fleetsync.cli.application import open_application
from fleetsync.cli.errors import EXIT_UNUSABLE, CommandError
from fleetsync.cli.manual_decisions import manual_decisions
from fleetsync.cli.operator import REASON_OPTION, operator_name
from fleetsync.cli.output import LANGUAGE
from fleetsync.cli.plan_output import print_plan
from fleetsync.core.model import CENTRAL, UNPLACED
from fleetsync.daemon.composition import Application
from fleetsync.store.errors import PullNotHeld


def parse_part(application: Application, text: str) -> tuple[str, str]:
    """(source, part) of SOURCE/PART, or of SOURCE if it has only one part. Raises CommandError."""
    name, _, part = text.partition("/")
    source = next((configured for configured in application.sources if configured.name == name), None)
    if source is None:
        known = ", ".join(configured.name for configured in application.sources) or "none is configured"
        raise CommandError(f"{name} is no source. Configured: {known}", EXIT_UNUSABLE)
    if not part and len(source.parts) > 1:
        raise CommandError(
            f"{name} has several parts. Name one of: "
            + ", ".join(f"{name}/{declared.name}" for declared in source.parts),
            EXIT_UNUSABLE,
        )
    return name, source.part(part).name if part else source.parts[0].name


@click.command(help="Believe a held pull after all.")
@click.argument("part", metavar="SOURCE/PART")
@click.argument("pull", type=int)
@REASON_OPTION
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def accept(ctx: click.Context, part: str, pull: int, reason: str, *, yes: bool) -> None:
    """Show what the pull would change, ask for confirmation, and believe it."""
    with open_application(ctx) as application:
        source, name = parse_part(application, part)
        _confirm_newest_held(application, source, name, pull, yes=yes)
        sync.accept(application.run_context, source, name, pull, who=operator_name(), reason=reason)
        application.ledger.audit(operator_name(), "accept", f"{source}/{name} {pull}")
    click.echo(f"{source}/{name}: pull {pull} is believed")


def _held_part(application: Application, text: str) -> tuple[str, str]:
    """(source, part) of a held pull. What is no longer configured may be rejected too."""
    source, _, part = text.partition("/")
    if application.ledger.find_held_pull(source, part) is not None:
        return source, part
    return parse_part(application, text)


def _confirm_newest_held(application: Application, source: str, part: str, pull: int, *, yes: bool) -> None:
    held = application.ledger.find_held_pull(source, part)
    if held is None or held.pull != pull:
        newest = None if held is None else held.pull
        raise PullNotHeld(
            f"{source}/{part}: pull {pull} does not wait for a decision. "
            + (f"Another came meanwhile: fleetsync accept {source}/{part} {newest}" if newest else "None does"),
            newest,
        )
    for reason in held.refusals:
        click.echo(f"held: {reason.text.in_language(LANGUAGE)}")
    print_plan(sync.plans_of_held(application.run_context)[pull])
    if not yes:
        click.confirm("Believe it?", abort=True)


@click.command(help="Discard a held pull.")
@click.argument("part", metavar="SOURCE/PART")
@click.argument("pull", type=int)
@REASON_OPTION
@click.pass_context
def reject(ctx: click.Context, part: str, pull: int, reason: str) -> None:
    """Nothing of it is believed. The next pull is judged as usual."""
    with open_application(ctx) as application:
        source, name = _held_part(application, part)
        application.ledger.reject(pull, operator_name(), reason)
        application.ledger.audit(operator_name(), "reject", f"{source}/{name} {pull}")
    click.echo(f"{source}/{name}: pull {pull} is forgotten")


@click.command(help="Remove all records of a source that is gone for good.")
@click.argument("source")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def drop(ctx: click.Context, source: str, *, yes: bool) -> None:
    """Its records are removed. History and the numbers of past days stay."""
    with open_application(ctx) as application:
        if source in {configured.name for configured in application.sources}:
            raise CommandError(
                f"{source} is still in the configuration. Remove its [[source]] table first", EXIT_UNUSABLE
            )
        if not yes:
            click.confirm(f"Remove all records of {source}?", abort=True)
        count = application.ledger.drop_source(source)
        application.ledger.audit(operator_name(), "drop", source)
        sync.reconcile_now(application.run_context)
    click.echo(f"{source}: {count} records removed")


@click.command(help="End the trial of a unit. From now on it is in alerts and totals.")
@click.argument("unit")
@click.pass_context
def publish(ctx: click.Context, unit: str) -> None:
    """Alerts and totals include the unit from now on."""
    with open_application(ctx) as application:
        known = {known_unit.slug for known_unit in application.run_context.policy.units} | {CENTRAL}
        if unit == UNPLACED:
            raise CommandError(
                f"{unit} has no trial: what belongs to no unit is in the totals from the first day and in no alert. "
                "List its codes in a [[unit]]",
                EXIT_UNUSABLE,
            )
        if unit not in known:
            raise CommandError(f"{unit} is no unit. There are: {', '.join(sorted(known))}", EXIT_UNUSABLE)
        manual_decisions(application).publish(unit, who=operator_name())
    click.echo(f"{unit} is published")


@click.command(help="Put a unit in trial again that was published by a decision.")
@click.argument("unit")
@click.pass_context
def unpublish(ctx: click.Context, unit: str) -> None:
    """Alerts and totals leave the unit out again. A [[unit]] with published = true is published all the same."""
    with open_application(ctx) as application:
        manual_decisions(application).unpublish(unit, who=operator_name())
    click.echo(f"{unit} is in trial")


COMMANDS = {"accept": accept, "reject": reject, "drop": drop, "publish": publish, "unpublish": unpublish}
