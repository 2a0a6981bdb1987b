"""sync and load: one run now, or one file, with its plan shown first where asked."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from fleetsync import sync
from fleetsync.cli.decisions import part_of
from fleetsync.cli.failing import ATTENTION, UNUSABLE, Told
from fleetsync.cli.opening import opened
from fleetsync.cli.planning import print_plan
from fleetsync.core.model import Verdict
from fleetsync.daemon.house import House, rehearsing
from fleetsync.pull.contract import Part
from fleetsync.pull.registry import Source

Due = Sequence[tuple[Source, Part]]


@click.command("sync", help="Pull now, all sources or one SOURCE[/PART]; exit 1 when a part failed or is held.")
@click.argument("which", metavar="[SOURCE[/PART]]", required=False)
@click.option("--dry-run", is_flag=True, help="Write nothing; print what would change.")
@click.pass_context
def sync_(ctx: click.Context, which: str | None, *, dry_run: bool) -> None:
    """One run, with progress on a terminal."""
    with opened(ctx) as house:
        if dry_run:
            _rehearse(house, _due(house, which))
            return
        report = sync.run(house.world, _due(house, which), _progress())
        _print_report(report)
    if report.held or any(one.verdict is Verdict.FAILED for one in report.pulled):
        sys.exit(ATTENTION)


def _due(house: House, which: str | None) -> Due:
    if which is None:
        return [(source, part) for source in house.sources if not source.settings.disabled for part in source.parts]
    name, part = part_of(house, which) if "/" in which else (which, "")
    source = next((one for one in house.sources if one.name == name), None)
    if source is None:
        raise Told(f"{name} is no source. Configured: {', '.join(one.name for one in house.sources)}", UNUSABLE)
    return [(source, one) for one in source.parts if part in ("", one.name)]


def _progress() -> sync.Progress | None:
    if not sys.stderr.isatty():
        return None

    def shown(source: str, part: str, count: int) -> None:
        click.echo(f"\r{source}/{part}: {count} records ", nl=False, err=True)

    return shown


def _rehearse(house: House, due: Due) -> None:
    rehearsal = rehearsing(house)
    pulled = sync.pull_side_by_side(rehearsal.world, due, _progress())
    for one in pulled:
        click.echo(f"{one.source}/{one.part}: {one.verdict.value}{f': {one.reason}' if one.reason else ''}")
    planned, refusals = sync.rehearse(rehearsal.world, pulled)
    for refusal in refusals:
        click.echo(f"would be held: {refusal}")
    print_plan(planned)


def _print_report(report: sync.Report) -> None:
    held = {one.pulled.pull: one for one in report.held}
    for one in report.pulled:
        if one.pull in held:
            what = "; ".join(refusal.text.en for refusal in held[one.pull].refusals)
            click.echo(
                f"{one.source}/{one.part}: held: {what}. If it is right: "
                f"fleetsync accept {one.source}/{one.part} {one.pull} --reason …"
            )
        elif one.effect is not None:
            click.echo(f"{one.source}/{one.part}: complete, {one.effect.seen} records")
        else:
            click.echo(f"{one.source}/{one.part}: {one.verdict.value}{f': {one.reason}' if one.reason else ''}")


@click.command(help="Read FILE as SOURCE would, show what it changes, ask, and believe it.")
@click.argument("source")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def load(ctx: click.Context, source: str, file: Path, *, yes: bool) -> None:
    """For files that come by hand; the guard judges them as any other."""
    with opened(ctx) as house:
        due = _due_of_file(house, source, file)
        _rehearse(house, due)
        if not yes:
            click.confirm("Believe it?", abort=True)
        report = sync.run(house.world, due)
        _print_report(report)
    if report.held or any(one.verdict is Verdict.FAILED for one in report.pulled):
        sys.exit(ATTENTION)


def _due_of_file(house: House, name: str, file: Path) -> Due:
    found = next((one for one in house.sources if one.name == name), None)
    if found is None or "path" not in type(found.settings).model_fields:
        known = [one.name for one in house.sources if "path" in type(one.settings).model_fields]
        raise Told(f"{name} is no source of files. Those that are: {', '.join(known) or 'none'}", UNUSABLE)
    source = replace(found, settings=found.settings.model_copy(update={"path": file.resolve()}))
    return [(source, part) for part in source.parts]


COMMANDS = {"sync": sync_, "load": load}
