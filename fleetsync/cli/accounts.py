"""user: the accounts that may sign in to the page."""

import sys
from collections.abc import Iterable, Sequence

import click

from fleetsync.cli.application import load_settings, open_ledger_only
from fleetsync.cli.errors import EXIT_UNUSABLE, CommandError
from fleetsync.core.identity.units import RESERVED_UNITS
from fleetsync.expose.ports import ROLES_OF_UNITS, AccountRole

MIN_PASSWORD_LENGTH = 12


@click.group(help="Who may sign in to the page: add, passwd, remove, list.")
def user() -> None:
    """Local accounts."""


@user.command(help="Add an account. The password is asked for, or read from stdin.")
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in AccountRole]), default=AccountRole.TECHNICIAN.value)
@click.option("--unit", "units", multiple=True, metavar="UNIT", help="A unit that a principal sees; may be repeated.")
@click.pass_context
def add(ctx: click.Context, name: str, role: str, units: tuple[str, ...]) -> None:
    """NAME is the name of the account; it need not be a log-in elsewhere."""
    check_units(ctx, role, units)
    with open_ledger_only(ctx) as (ledger, _):
        ledger.add_account(name, _read_and_hash_password(), role, units)
    of_units = f" of {', '.join(units)}" if units else ""
    click.echo(f"{name} may sign in as {role}{of_units}")


def check_units(ctx: click.Context, role: str, units: Sequence[str]) -> None:
    """Raises CommandError when *units* do not fit the role, or one of them is unknown."""
    is_of_units = role in ROLES_OF_UNITS
    if is_of_units != bool(units):
        remedy = "names its units: --unit UNIT" if is_of_units else "sees all units: leave out --unit"
        raise CommandError(f"the role {role} {remedy}", EXIT_UNUSABLE)
    if units:
        _refuse_unknown_units(ctx, units)


def _refuse_unknown_units(ctx: click.Context, units: Iterable[str]) -> None:
    known = {unit.slug for unit in (*load_settings(ctx).policy.units, *RESERVED_UNITS)}
    if unknown := sorted(set(units) - known):
        raise CommandError(f"{unknown[0]} is no unit. There are: {', '.join(sorted(known))}", EXIT_UNUSABLE)


@user.command(help="Change the password of an account.")
@click.argument("name")
@click.pass_context
def passwd(ctx: click.Context, name: str) -> None:
    """Sessions that were opened with the old password end."""
    with open_ledger_only(ctx) as (ledger, _):
        ledger.set_password(name, _read_and_hash_password())
    click.echo(f"{name} has a new password")


@user.command(help="Remove an account.")
@click.argument("name")
@click.pass_context
def remove(ctx: click.Context, name: str) -> None:
    """The audit log keeps the decisions of the account."""
    with open_ledger_only(ctx) as (ledger, _):
        ledger.remove_account(name)
    click.echo(f"{name} may not sign in any more")


@user.command("list", help="List the accounts and their roles.")
@click.pass_context
def list_(ctx: click.Context) -> None:
    """Names and roles."""
    with open_ledger_only(ctx) as (ledger, _):
        for account in ledger.accounts():
            click.echo("\t".join(filter(None, (account.name, account.role, ", ".join(account.units)))))


def _read_and_hash_password() -> str:
    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\n")
    if len(password) < MIN_PASSWORD_LENGTH:
        raise CommandError(f"a password needs at least {MIN_PASSWORD_LENGTH} characters", EXIT_UNUSABLE)
    return hash_password(password)


def hash_password(password: str) -> str:
    """The hash that is stored instead of *password*."""
    from werkzeug.security import generate_password_hash

    return generate_password_hash(password, method="scrypt")


COMMANDS = {"user": user}
