"""map: proposes `[[unit]]`, `[[unit_map]]` and `[[device_rule]]` tables, each with its evidence. Changes nothing."""

from collections.abc import Iterable, Sequence

import click

from fleetsync import sync
from fleetsync.cli.application import open_application
from fleetsync.cli.progress import showing_pulls
from fleetsync.cli.syncing import parts_of
from fleetsync.core.model import Verdict
from fleetsync.daemon.composition import Application, with_memory_staging
from fleetsync.data import device_words
from fleetsync.expose.proposal_lines import proposal_lines
from fleetsync.pull.registry import Source
from fleetsync.pull.runner import PullResult


@click.command("map", help="Propose units, and what places and words of the sources mean. Nothing is changed.")
@click.option(
    "--offline", is_flag=True, help="Contact no source. Then names of devices, which are not stored, propose nothing."
)
@click.pass_context
def map_(ctx: click.Context, *, offline: bool) -> None:
    """Print tables for config.toml, each under a comment with the evidence."""
    with open_application(ctx) as application:
        reading = with_memory_staging(application, keeps_device_names=True)
        pulled = () if offline else read_sources(reading, reading.sources)
        proposals = sync.propose_configuration(reading.run_context, pulled, device_words().purposes)
    for line in proposal_lines(proposals):
        click.echo(line)


def read_sources(reading: Application, sources: Iterable[Source]) -> Sequence[PullResult]:
    """Read *sources* into memory; of one that cannot be read, its last content is used."""
    due = parts_of(sources)
    with showing_pulls(reading.run_context):
        pulled = sync.pull_side_by_side(reading.run_context, due)
    for result in pulled:
        if result.verdict is Verdict.FAILED:
            name = f"{result.source}/{result.part}"
            click.echo(
                f"fleetsync: {name}: failed, so its last content is used, if there is any: {result.reason}", err=True
            )
    return pulled


COMMANDS = {"map": map_}
