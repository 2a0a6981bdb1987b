"""db and purge: the schema, copies, and what has been kept long enough."""

from pathlib import Path

import click

from fleetsync.cli.application import load_settings, open_ledger_only
from fleetsync.cli.errors import CommandError
from fleetsync.daemon.composition import clock_for, open_configured_ledger
from fleetsync.daemon.maintenance import retention_periods

BACKUP_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group(help="The database: upgrade, backup, restore, verify.")
def db() -> None:
    """Schema and copies."""


@db.command(help="Bring the schema to this version; a verified copy is written before.")
@click.pass_context
def upgrade(ctx: click.Context) -> None:
    """Opening does it; a daemon does so at its start as well."""
    with open_ledger_only(ctx):
        click.echo("the database is at this version's schema")


@db.command(help="Write a verified copy while everything goes on.")
@click.argument("file", type=BACKUP_FILE)
@click.pass_context
def backup(ctx: click.Context, file: Path) -> None:
    """The copy holds personal data; only its owner can read it."""
    with open_ledger_only(ctx) as (ledger, _):
        ledger.backup(file)
    click.echo(f"{file} is a verified copy. The key file is not in it: keep that elsewhere")


@db.command(help="Become what a copy is; who was protected or erased since stays so.")
@click.argument("file", type=BACKUP_FILE)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def restore(ctx: click.Context, file: Path, *, yes: bool) -> None:
    """Stop the daemon first."""
    if not yes:
        click.confirm("Everything since the copy is lost. Go on?", abort=True)
    with open_ledger_only(ctx) as (ledger, _):
        ledger.restore(file)
    click.echo(f"restored from {file}")


@db.command(help="Check the database; exit 1 when something is wrong.")
@click.pass_context
def verify(ctx: click.Context) -> None:
    """Structure, references, and that intervals do not overlap."""
    with open_ledger_only(ctx) as (ledger, _):
        faults = ledger.verify()
    if faults:
        raise CommandError("\n".join(faults))
    click.echo("nothing wrong was found")


@click.command(help="Remove what has been kept long enough; the daemon does so each night.")
@click.pass_context
def purge(ctx: click.Context) -> None:
    """Deleted bytes are overwritten."""
    settings = load_settings(ctx)
    clock = clock_for(settings)
    with open_configured_ledger(settings, clock) as ledger:
        gone = ledger.purge(clock.now(), retention_periods(settings.database))
    click.echo(", ".join(f"{count} {kind}" for kind, count in sorted(gone.items()) if count) or "nothing was due")


COMMANDS = {"db": db, "purge": purge}
