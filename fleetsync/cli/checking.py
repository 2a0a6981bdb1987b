"""check: is the configuration right, and may we read what it names; says what to grant and where."""

import sys
from collections.abc import Iterable

import click

from fleetsync.cli.decisions import part_of
from fleetsync.cli.failing import ATTENTION
from fleetsync.cli.opening import opened
from fleetsync.daemon.house import House
from fleetsync.pull.contract import Finding, PullError
from fleetsync.pull.registry import Source


@click.command(
    help="Configuration, secrets, calendar and policy; then per source: name, certificate, token, permission."
)
@click.argument("source", required=False)
@click.option("--offline", is_flag=True, help="Ask no source.")
@click.option("--request", "as_request", is_flag=True, help="Print a text for whoever must grant what is missing.")
@click.option("--values", is_flag=True, help="Print each effective value and where it comes from; secrets hidden.")
@click.pass_context
def check(ctx: click.Context, source: str | None, *, offline: bool, as_request: bool, values: bool) -> None:
    """Exit 0 when all is well, 1 when something is not, 2 when the configuration cannot be used."""
    with opened(ctx) as house:
        if values:
            for line in house.settings.describe():
                click.echo(f"{line.key} = {line.value}  ({line.origin})")
        _print_configuration(house)
        warnings = [*house.settings.warnings, *(text for one in house.sources for text in one.warnings)]
        for text in warnings:
            click.echo(f"warning  {text}")
        chosen = [one for one in house.sources if source is None or one.name == source]
        if source is not None and not chosen:
            part_of(house, source)
        findings = [] if offline else [(one, finding) for one in chosen for finding in _findings(house, one)]
    failed = [(one, finding) for one, finding in findings if not finding.ok]
    if as_request and failed:
        click.echo(_request(house, failed))
    sys.exit(ATTENTION if failed else 0)


def _print_configuration(house: House) -> None:
    settings = house.settings
    click.echo(
        f"ok       {settings.file_name}: {len(house.sources)} sources, {len(settings.policy.units)} units, "
        f"{len(settings.policy.entitlements)} rules"
    )
    ends = settings.calendars.default.ends_on
    click.echo(
        f"ok       the school calendar ends {ends}" if ends else "warning  no school terms are known: [calendar]"
    )


def _findings(house: House, source: Source) -> Iterable[Finding]:
    for finding in _probed(house, source):
        where = f"{source.name}/{finding.part}" if finding.part else source.name
        click.echo(f"{'ok    ' if finding.ok else 'FAILED'}   {where}: {finding.what}")
        if finding.remedy and not finding.ok:
            click.echo(f"         {finding.remedy}")
        yield finding


def _probed(house: House, source: Source) -> Iterable[Finding]:
    try:
        findings = list(house.world.runner.probe(source, house.world.stop))
    except PullError as error:
        findings = [Finding(None, ok=False, what=str(error))]
    return findings or [Finding(None, ok=True, what="this kind has nothing to try without a pull")]


def _request(house: House, failed: Iterable[tuple[Source, Finding]]) -> str:
    who = house.settings.municipality.name or "our municipality"
    lines = [
        "",
        f"fleetsync of {who} follows up whether each employee, pupil and five children have a working device.",
        "It reads; it changes nothing. To do so it needs:",
        "",
    ]
    lines += [f"* {source.name} ({source.kind}): {finding.remedy or finding.what}" for source, finding in failed]
    return "\n".join([*lines, "", "Names, addresses, positions and contents of devices are not read."])


COMMANDS = {"check": check}
