"""check: is the configuration right, and may we read the sources? Says which permission is missing and where."""

import sys
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter

import click

from fleetsync import sync
from fleetsync.cli.application import open_application
from fleetsync.cli.decisions import parse_part
from fleetsync.cli.errors import EXIT_ATTENTION, NO_SOURCE
from fleetsync.cli.pull_output import is_source_of_files, part_states_by_name, print_content
from fleetsync.daemon.composition import Application, with_memory_staging
from fleetsync.pull.contract import ProbeResult, PullError
from fleetsync.pull.registry import Source, permission_sentence


@click.command(
    help="Check configuration, secrets, calendar and policy, then per source: name, certificate, token, permission."
)
@click.argument("source", required=False)
@click.option("--offline", is_flag=True, help="Contact no source.")
@click.option("--request", "as_request", is_flag=True, help="Print a request for the missing permissions.")
@click.option("--values", is_flag=True, help="Print each effective value and its origin. Secrets are hidden.")
@click.pass_context
def check(ctx: click.Context, source: str | None, *, offline: bool, as_request: bool, values: bool) -> None:
    """Exit 0 if all is well, 1 if a source is not readable, 2 if the configuration cannot be used."""
    with open_application(ctx) as application:
        if values:
            for line in application.settings.describe():
                click.echo(f"{line.key} = {line.value}  ({line.origin})")
        _print_configuration(application)
        _print_warnings(application)
        chosen = _chosen_sources(application, source)
        if not chosen:
            _say_no_source(application, offline=offline)
        results = [] if offline else _probe_and_print(application, chosen)
    to_do = [(each, result) for each, result in results if not result.ok or result.remedy]
    if as_request and to_do:
        click.echo(_permission_request(application, to_do))
    sys.exit(0 if all(result.ok for _, result in results) else EXIT_ATTENTION)


def _chosen_sources(application: Application, name: str | None) -> list[Source]:
    """The sources to check: the one called *name*, or all. Refuses a name that no source has."""
    chosen = [source for source in application.sources if name is None or source.name == name]
    if name is not None and not chosen:
        parse_part(application, name)
    return chosen


def _say_no_source(application: Application, *, offline: bool) -> None:
    """Say that no source is configured. Ends the command, unless it is the check before a daemon's start (*offline*)."""
    text = NO_SOURCE.format(file=application.settings.file_name)
    click.echo(f"{'warning' if offline else 'FAILED':8} {text}")
    if not offline:
        sys.exit(EXIT_ATTENTION)


def _probe_and_print(application: Application, sources: Iterable[Source]) -> list[tuple[Source, ProbeResult]]:
    results = []
    for source in sources:
        results += [(source, result) for result in print_probe_results(application, source)]
        _print_content(application, source)
    return results


def _print_configuration(application: Application) -> None:
    settings = application.settings
    click.echo(
        f"ok       {settings.file_name}: {len(application.sources)} sources, {len(settings.policy.units)} units, "
        f"{len(settings.policy.entitlements)} rules"
    )
    if not settings.policy.units:
        click.echo("warning  no unit is configured, so everything is unplaced: write a [[unit]] table for each school")
    for unit, (who, at) in sorted(application.ledger.publications().items()):
        click.echo(f"ok       {unit}: published by a decision of {who} on {at:%Y-%m-%d}")
    ends = settings.calendars.default.ends_on
    click.echo(
        f"ok       the school calendar ends {ends}" if ends else "warning  no school terms are known: [calendar]"
    )


def _print_warnings(application: Application) -> None:
    for text in application.settings.warnings:
        click.echo(f"warning  {text}")
    for source in application.sources:
        for text in source.warnings:
            click.echo(f"warning  {text}")


def print_probe_results(application: Application, source: Source) -> Iterable[ProbeResult]:
    """One line per part, file and credential of a source; what to do where one is not well, or soon will not be."""
    for result in _probe(application, source):
        where = f"{source.name}/{result.part}" if result.part else source.name
        state = "FAILED" if not result.ok else "warning" if result.remedy else "ok"
        click.echo(f"{state:8} {where}: {result.what}")
        if result.remedy:
            click.echo(f"         {result.remedy}")
        yield result


def _print_content(application: Application, source: Source) -> None:
    """What a pull of a source of files would take and leave. Nothing is written; an API is only asked for its first page."""
    if not is_source_of_files(source):
        return
    dry_run = with_memory_staging(application)
    states = part_states_by_name(application)
    for result in sync.pull_side_by_side(dry_run.run_context, [(source, part) for part in source.parts]):
        print_content(result, states)


def _probe(application: Application, source: Source) -> Iterable[ProbeResult]:
    try:
        results = list(application.run_context.runner.probe(source, application.run_context.stop))
    except PullError as error:
        results = [ProbeResult(None, ok=False, what=str(error))]
    return results or [ProbeResult(None, ok=True, what="this kind can only be tried by a pull")]


def _permission_request(application: Application, to_do: Iterable[tuple[Source, ProbeResult]]) -> str:
    """A text for the person who grants permissions: per source what it needs in all, and what to do about the results."""
    who = application.settings.municipality.name or "our municipality"
    lines = [
        "",
        f"fleetsync of {who} follows up whether every employee, pupil and five children have a working device.",
        "It only reads. For that it needs:",
        "",
    ]
    for source, results in groupby(to_do, key=itemgetter(0)):
        granted = permission_sentence(source.module)
        lines.append(f"* {source.name} ({source.kind}): {granted}" if granted else f"* {source.name} ({source.kind})")
        remedies = dict.fromkeys(result.remedy or result.what for _, result in results)
        lines += [f"  - {remedy}" for remedy in remedies]
    return "\n".join([*lines, "", "It does not read names, addresses, positions or contents of devices."])


COMMANDS = {"check": check}
