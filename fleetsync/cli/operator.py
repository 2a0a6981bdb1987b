"""The person who decides by a command: their name and their reason, as the audit log keeps them."""

import getpass

import click

REASON_OPTION = click.option("--reason", required=True, help="The reason. It is stored with the decision.")


def operator_name() -> str:
    """The person who runs the command, as the audit log names them."""
    return f"{getpass.getuser()} (command line)"
