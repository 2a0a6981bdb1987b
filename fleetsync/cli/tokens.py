"""token: what programs read the API with, such as Grafana, Excel and Prometheus."""

import hashlib
import secrets
from datetime import datetime

import click

from fleetsync.cli.accounts import check_units
from fleetsync.cli.application import open_ledger_only
from fleetsync.cli.operator import operator_name
from fleetsync.expose.ports import TOKEN_PREFIX, TOKEN_ROLES, AccountRole

SECRET_BYTES = 32


@click.group(help="Tokens with which programs read the API: create, list, revoke.")
def token() -> None:
    """A token reads; it changes nothing and opens no page."""


@token.command(help="Make a token and print it, once. Only its hash is kept.")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([role.value for role in TOKEN_ROLES]),
    default=AccountRole.STRATEGIST.value,
    show_default=True,
    help="technician: with log-ins; strategist: without; principal: without, of the units of --unit alone.",
)
@click.option("--unit", "units", multiple=True, metavar="UNIT", help="A unit that a principal's token reads; repeated.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="The last day that it counts.")
@click.pass_context
def create(ctx: click.Context, name: str, role: str, units: tuple[str, ...], until: datetime | None) -> None:
    """NAME stands in the audit; name the program and the place, such as grafana-it."""
    check_units(ctx, role, units)
    secret = TOKEN_PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    with open_ledger_only(ctx) as (ledger, _):
        hashed = hashlib.sha256(secret.encode()).hexdigest()
        ledger.add_token(name, hashed, role, units, until.date() if until else None, operator_name())
        ledger.audit(operator_name(), f"token created, role {role}", name)
    click.echo(secret)
    click.echo("It is shown this once: put it into the program now.", err=True)


@token.command("list", help="List the tokens: role, units, last day, and when they were used last.")
@click.pass_context
def list_(ctx: click.Context) -> None:
    """Never the tokens themselves: they are not kept."""
    with open_ledger_only(ctx) as (ledger, _):
        for each in ledger.tokens():
            until = f"until {each.last_day}" if each.last_day else "no end"
            used = f"used {each.last_used_on}" if each.last_used_on else "never used"
            click.echo("\t".join(filter(None, (each.name, each.role, ", ".join(each.units), until, used))))


@token.command(help="Take a token back. It stops at once.")
@click.argument("name")
@click.pass_context
def revoke(ctx: click.Context, name: str) -> None:
    """The audit keeps what was read with it."""
    with open_ledger_only(ctx) as (ledger, _):
        ledger.revoke_token(name)
        ledger.audit(operator_name(), "token revoked", name)
    click.echo(f"{name} is revoked")


COMMANDS = {"token": token}
