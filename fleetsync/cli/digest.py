"""digest: the weekly mail of a unit, shown or sent now."""

import click

from fleetsync.cli.application import open_application
from fleetsync.cli.errors import EXIT_UNUSABLE, CommandError
from fleetsync.cli.operator import operator_name


@click.command(help="The weekly mail to the principal of UNIT: show it, or send it now to try the mail server.")
@click.option("--show", "shown_unit", metavar="UNIT", help="Print the mail of this unit.")
@click.option("--send", "sent_unit", metavar="UNIT", help="Send it now to the recipients of [mail], also out of term.")
@click.option("--language", type=click.Choice(["sv", "en"]), help="Of --show. Default: that of the configuration.")
@click.pass_context
def digest(ctx: click.Context, shown_unit: str | None, sent_unit: str | None, language: str | None) -> None:
    """Counts and one link, never a person."""
    from fleetsync import sync
    from fleetsync.daemon.digests import digest_of, send_digest
    from fleetsync.daemon.mail import MailError, open_mailer
    from fleetsync.expose.digest import write_digest
    from fleetsync.expose.web.localiser import Localiser

    unit = shown_unit or sent_unit
    if unit is None or (shown_unit and sent_unit):
        raise CommandError("say which mail: --show UNIT or --send UNIT", EXIT_UNUSABLE)
    with open_application(ctx) as application:
        settings = application.settings
        snapshot = sync.rebuild_snapshot(application.run_context)
        if unit not in {known.slug for known in snapshot.outcome.units}:
            raise CommandError(f"{unit} is no unit. Units stand in: fleetsync coverage", EXIT_UNUSABLE)
        if shown_unit:
            localiser = Localiser(language or settings.language, settings.municipality.time_zone)
            text = write_digest(digest_of(application, snapshot, unit), localiser)
            click.echo(text.plain, nl=False)
            return
        if unit not in settings.mail.recipients:
            raise CommandError(
                f"{settings.file_name}: [mail.recipients] has no {unit}. Add its addresses", EXIT_UNUSABLE
            )
        try:
            with open_mailer(settings) as mailer:
                send_digest(application, mailer, snapshot, unit)
        except MailError as error:
            raise CommandError(str(error)) from None
        application.ledger.audit(operator_name(), "digest sent", unit)
        click.echo(f"the digest of {unit} is sent")


COMMANDS = {"digest": digest}
