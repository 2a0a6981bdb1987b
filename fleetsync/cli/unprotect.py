"""unprotect: take wrong marks of protection back, of one person or of all whom one pull marked."""

import sys

import click

from fleetsync.cli.application import open_application
from fleetsync.cli.errors import EXIT_UNUSABLE, CommandError
from fleetsync.cli.operator import REASON_OPTION, operator_name
from fleetsync.daemon.protection import LedgerProtection
from fleetsync.expose.ports import ProtectedState


@click.command(help="Take back the mark of a person who was protected by mistake, or all marks of one pull.")
@click.argument("person", required=False)
@click.option("--pull", type=int, help="Take back all marks that this pull brought.")
@REASON_OPTION
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def unprotect(ctx: click.Context, person: str | None, pull: int | None, reason: str, *, yes: bool) -> None:
    """PERSON is the id that the page of the role protection shows. A number or a log-in is asked for, or read from stdin:
    what is typed as an argument stays in the shell's history.
    """
    _refuse_keys(person)
    if person is not None and pull is not None:
        raise CommandError("name a person or a pull, not both", EXIT_UNUSABLE)
    with open_application(ctx) as application:
        protection = LedgerProtection(lambda: application.run_context)
        if pull is not None:
            _release_pull(protection, pull, reason, yes=yes)
        else:
            _release_person(protection, person, reason, yes=yes)


def _release_person(protection: LedgerProtection, person: str | None, reason: str, *, yes: bool) -> None:
    reference = person or _reference_of_typed_key(protection.find(_typed_key()))
    if not yes:
        click.confirm("Their log-in, place and groups are shown again from the next pull on. Go on?", abort=True)
    released = protection.release(reference, who=operator_name(), reason=reason)
    click.echo(
        "the mark is taken back. Correct the source first where it still marks the person: else it protects them again"
    )
    parts = ", ".join(released.parts) or "no part: nothing is kept of them"
    click.echo(f"their records are read in clear by the next pull of {parts}. To pull now: fleetsync sync")


def _release_pull(protection: LedgerProtection, pull: int, reason: str, *, yes: bool) -> None:
    marking = protection.marking_pull(pull)
    click.echo(f"pull {pull} of {marking.part} marked {marking.persons} persons, whose marks stand")
    if marking.marked_elsewhere:
        click.echo(
            f"{marking.marked_elsewhere} of them stay protected: another part, or an earlier pull, marked them too"
        )
    if not yes:
        click.confirm("The others are shown again once the source is read without the marks. Go on?", abort=True)
    released = protection.release_pull(pull, who=operator_name(), reason=reason)
    click.echo(
        f"the marks are taken back. Each ends when {released.part} is read without it: whom the source still marks stays "
        "protected. Correct the source, or name the right column (columns = { protected = … })"
    )
    click.echo(f"To read it now: fleetsync sync {released.part}, then fleetsync sync for the devices of these persons")


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
