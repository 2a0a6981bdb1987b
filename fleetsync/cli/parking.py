"""park: leave one gap out of alerts and of what to do today, until a day."""

from datetime import date, datetime

import click

from fleetsync import sync
from fleetsync.cli.application import open_application
from fleetsync.cli.errors import EXIT_UNUSABLE, CommandError
from fleetsync.cli.operator import REASON_OPTION, operator_name
from fleetsync.core.model import Episode, Parking
from fleetsync.core.snapshot import Snapshot


@click.command(
    help="Leave a gap out of alerts until a day. GAP is KIND:ID, as in fleetsync gaps. It stays in all numbers."
)
@click.argument("gap")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", required=True, help="The last day.")
@REASON_OPTION
@click.pass_context
def park(ctx: click.Context, gap: str, until: datetime, reason: str) -> None:
    """It comes back by itself. To take it back earlier, park it again until today."""
    with open_application(ctx) as application:
        snapshot = sync.rebuild_snapshot(application.run_context)
        episode = _open_gap(snapshot, gap)
        _check_day(snapshot, episode, until.date())
        parking = Parking(kind=episode.kind, subject_id=episode.subject_id, until=until.date(), reason=reason)
        application.ledger.park(parking, operator_name())
        application.ledger.audit(operator_name(), f"park {episode.kind} until {until.date()}", episode.subject_id)
        sync.reconcile_now(application.run_context)
    click.echo(f"{gap} is parked until {until.date()}")


def _open_gap(snapshot: Snapshot, gap: str) -> Episode:
    kind, _, subject_id = gap.partition(":")
    for episode in snapshot.outcome.episodes:
        if (episode.kind, episode.subject_id) == (kind, subject_id):
            return episode
    raise CommandError(f"{gap} is no open gap. Write KIND:ID as in: fleetsync gaps", EXIT_UNUSABLE)


def _check_day(snapshot: Snapshot, episode: Episode, until: date) -> None:
    """A gap may be parked from today to the end of the term (`domain.md` §6)."""
    today = snapshot.outcome.moment.today
    if until < today:
        raise CommandError(f"--until {until} has passed. Name today, {today}, or a later day", EXIT_UNUSABLE)
    term = snapshot.context.calendar_of(episode.unit).term_of(today)
    if term is not None and until > term.last:
        raise CommandError(f"--until {until} is after the end of the term. Name a day up to {term.last}", EXIT_UNUSABLE)


COMMANDS = {"park": park}
