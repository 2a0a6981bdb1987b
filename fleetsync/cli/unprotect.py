"""unprotect: take a wrong mark of protection back, one person at a time."""

import sys

import click

from fleetsync.cli.application import open_application
from fleetsync.cli.errors import EXIT_UNUSABLE, CommandError
from fleetsync.cli.operator import REASON_OPTION, operator_name
from fleetsync.expose.ports import ProtectedState


@click.command(help="Take back the mark of a person who was protected by mistake. Without PERSON, a key is asked for.")
@click.argument("person", required=False)
@REASON_OPTION
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def unprotect(ctx: click.Context, person: str | None, reason: str, *, yes: bool) -> None:
    """PERSON is the id that the page of the role protection shows. A number or a log-in is asked for, or read from stdin:
    what is typed as an argument stays in the shell's history.
    """
    from fleetsync.daemon.protection import LedgerProtection

    _refuse_keys(person)
    with open_application(ctx) as application:
        desk = LedgerProtection(lambda: application.run_context)
        reference = person or _reference_of_typed_key(desk.find(_typed_key()))
        if not yes:
            click.confirm("Their log-in, place and groups are shown again from the next pull on. Go on?", abort=True)
        released = desk.release(reference, who=operator_name(), reason=reason)
    click.echo(
        "the mark is taken back. Correct the source first where it still marks the person: else it protects them again"
    )
    parts = ", ".join(released.parts) or "no part: nothing is kept of them"
    click.echo(f"their records are read in clear by the next pull of {parts}. To pull now: fleetsync sync")


def _refuse_keys(person: str | None) -> None:
    if person is not None and ("@" in person or "\\" in person or person.isdigit()):
        raise CommandError(
            "a number or a log-in stays in the shell's history when it is an argument. Leave it out: it is asked for, "
            "or read from stdin",
            EXIT_UNUSABLE,
        )


def _typed_key() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Number or log-in of the person", hide_input=True))
    return sys.stdin.readline().strip()


def _reference_of_typed_key(state: ProtectedState | None) -> str:
    if state is None:
        raise CommandError("nobody who is protected has this number or log-in. Nothing was changed")
    if state.since is None:
        raise CommandError(
            "this person's mark waits for the decision on a held pull. Reject that pull, and the mark is gone: "
            "fleetsync sources"
        )
    return state.reference


COMMANDS = {"unprotect": unprotect}
