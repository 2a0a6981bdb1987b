"""user: the accounts that may sign in to the page."""

import sys

import click

from fleetsync.cli.application import open_ledger_only
from fleetsync.cli.errors import EXIT_UNUSABLE, CommandError
from fleetsync.expose.ports import AccountRole

MIN_PASSWORD_LENGTH = 12


@click.group(help="Who may sign in to the page: add, passwd, remove, list.")
def user() -> None:
    """Local accounts."""


@user.command(help="Add an account. The password is asked for, or read from stdin.")
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in AccountRole]), default=AccountRole.TECHNICIAN.value)
@click.pass_context
def add(ctx: click.Context, name: str, role: str) -> None:
    """NAME is the name of the account; it need not be a log-in elsewhere."""
    with open_ledger_only(ctx) as (ledger, _):
        ledger.add_account(name, _read_and_hash_password(), role)
    click.echo(f"{name} may sign in as {role}")


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
            click.echo(f"{account.name}\t{account.role}")


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
