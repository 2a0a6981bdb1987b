"""db and purge: upgrade, copy, restore and verify the database; delete what has been kept long enough."""

from pathlib import Path

import click

from fleetsync.cli.application import load_settings, open_ledger_only
from fleetsync.cli.errors import CommandError
from fleetsync.cli.operator import operator_name
from fleetsync.core.calendar import local_day
from fleetsync.daemon.configured_ledger import clock_for, open_configured_ledger, retention_periods
from fleetsync.settings.addresses import database_url, url_password
from fleetsync.settings.layers import read_text

FILE_PATH = click.Path(dir_okay=False, path_type=Path)


@click.group(help="The database: upgrade, backup, restore, verify, move.")
def db() -> None:
    """Schema and copies."""


@db.command(help="Upgrade the schema to this version. Of a file, a verified copy is written first.")
@click.pass_context
def upgrade(ctx: click.Context) -> None:
    """Opening the database upgrades it, as a daemon does when it starts."""
    with open_ledger_only(ctx):
        click.echo("the database has the schema of this version")


@db.command(help="Write a verified copy. The daemon may go on running.")
@click.argument("file", type=FILE_PATH)
@click.pass_context
def backup(ctx: click.Context, file: Path) -> None:
    """The copy holds personal data, so only its owner can read it."""
    with open_ledger_only(ctx) as (ledger, _):
        ledger.backup(file)
    click.echo(f"{file} is a verified copy. The key file is not in it: keep that elsewhere")


@db.command(help="Replace the database by a copy. Persons protected or erased since then stay so.")
@click.argument("file", type=FILE_PATH)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def restore(ctx: click.Context, file: Path, *, yes: bool) -> None:
    """The daemon must be stopped first."""
    if not yes:
        click.confirm("Everything since the copy is lost. Go on?", abort=True)
    with open_ledger_only(ctx) as (ledger, _):
        ledger.restore(file)
    click.echo(f"restored from {file}")


@db.command(help="Carry everything into another, empty database: a file, or a server. Stop the daemon first.")
@click.argument("to", required=False, metavar="[PATH|URL]")
@click.option("--url-file", type=FILE_PATH, help="A file with the URL.")
@click.pass_context
def move(ctx: click.Context, to: str | None, url_file: Path | None) -> None:
    """Every table is compared afterwards. The database that is left stays as it is."""
    if (to is None) == (url_file is None):
        raise CommandError("name the other database: a path, a URL without a password, or --url-file FILE")
    if url_password(to or ""):
        raise CommandError(
            "other users of this machine can read a command line: put the URL in a file, --url-file FILE"
        )
    url = database_url(read_text(url_file, f"--url-file {url_file}") if url_file else to or "", Path.cwd())
    with open_ledger_only(ctx) as (ledger, _):
        rows = ledger.move_to(url)
    where = f'url_file = "{url_file}"' if url_file else f'url = "{to}"'
    click.echo(f"{rows} rows are there, compared table by table. To use it, write in [database]: {where}")


@db.command(help="Check the database. Exit 1 if something is wrong.")
@click.pass_context
def verify(ctx: click.Context) -> None:
    """Structure, references, and that intervals do not overlap."""
    with open_ledger_only(ctx) as (ledger, _):
        faults = ledger.verify()
    if faults:
        raise CommandError("\n".join(faults))
    click.echo("the database is in order")


@db.command("confirm-clock", help="This machine's clock is right: go on, and forget what was recorded of days to come.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def confirm_clock(ctx: click.Context, *, yes: bool) -> None:
    """After a clock that was wrong for a while, or a daemon that did not run for more than a week."""
    settings = load_settings(ctx)
    clock = clock_for(settings)
    today = local_day(clock.now(), settings.policy.time_zone)
    if not yes:
        click.confirm(f"This machine says that today is {today}. Is that right?", abort=True)
    with open_configured_ledger(settings, clock) as ledger:
        removed = ledger.confirm_clock(operator_name(), today)
    rows = ", ".join(f"{count} of {kind}" for kind, count in sorted(removed.items()))
    click.echo(f"the clock is confirmed; rows of times to come that were removed: {rows or 'none'}")


@click.command(help="Delete what has been kept long enough. The daemon does so every night.")
@click.pass_context
def purge(ctx: click.Context) -> None:
    """Deleted bytes are overwritten in the file."""
    settings = load_settings(ctx)
    clock = clock_for(settings)
    with open_configured_ledger(settings, clock) as ledger:
        purged = ledger.purge(clock.now(), retention_periods(settings.database))
    click.echo(", ".join(f"{count} {kind}" for kind, count in sorted(purged.items()) if count) or "nothing was due")


COMMANDS = {"db": db, "purge": purge}
