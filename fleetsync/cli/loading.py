"""load: reads an exported file by hand, as a source that is configured or as one that it becomes."""

import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

import click

from fleetsync import sync
from fleetsync.cli.application import load_settings, open_application
from fleetsync.cli.checking import print_probe_results
from fleetsync.cli.errors import EXIT_UNUSABLE, CommandError
from fleetsync.cli.file_kinds import kind_of_file
from fleetsync.cli.first_config import FirstSource, config_text, pattern_of_editions, write_first_config
from fleetsync.cli.progress import showing_pulls
from fleetsync.cli.pull_output import is_source_of_files, part_states_by_name
from fleetsync.cli.syncing import DueParts, print_and_exit, refuse_disabled, show_dry_run
from fleetsync.core.proposals import Proposals
from fleetsync.daemon import composition
from fleetsync.daemon.composition import Application, with_memory_staging
from fleetsync.data import device_words
from fleetsync.expose.proposal_lines import unit_lines
from fleetsync.expose.row_samples import first_rows
from fleetsync.pull.registry import PART_OF_MEMBERSHIPS
from fleetsync.settings import Settings, has_config_file
from fleetsync.settings import load as load_configuration

DELIVERIES = "deliveries"


@click.command(help="Read FILE, show what it changes, ask, and believe it. Without SOURCE, its headers say what it is.")
@click.argument("words", nargs=-1, required=True, metavar="[SOURCE] FILE")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def load(ctx: click.Context, words: tuple[str, ...], *, yes: bool) -> None:
    """For files that are mailed or delivered by hand. They are judged like any other pull."""
    *names, last = words
    file = Path(last)
    if len(names) > 1:
        raise CommandError(f"load takes one SOURCE and one FILE, not {len(words)} words", EXIT_UNUSABLE)
    if not file.is_file():
        raise CommandError(f"{file} does not exist, or is no file", EXIT_UNUSABLE)
    if names:
        _load_as(ctx, names[0], file, yes=yes)
    else:
        _load_recognised(ctx, file, yes=yes)


# --- as a source that is configured -----------------------------------------------------------------------------------


def _load_as(ctx: click.Context, source: str, file: Path, *, yes: bool) -> None:
    with open_application(ctx) as application:
        due = _due_parts_of_file(application, source, file)
        list(print_probe_results(application, due[0][0]))
        show_dry_run(application, due)
        _ask(yes)
        with showing_pulls(application.run_context):
            report = sync.run(application.run_context, due)
        states = part_states_by_name(application)
    print_and_exit(report, due, states)


def _due_parts_of_file(application: Application, name: str, file: Path) -> DueParts:
    source = next((configured for configured in application.sources if configured.name == name), None)
    if source is None or not is_source_of_files(source):
        known = [configured.name for configured in application.sources if is_source_of_files(configured)]
        raise CommandError(
            f"{name} is not a source of files. Sources of files: {', '.join(known) or 'none'}", EXIT_UNUSABLE
        )
    refuse_disabled(source)
    of_file = replace(source, settings=source.settings.model_copy(update={"path": file.resolve()}))
    return [(of_file, part) for part in of_file.parts]


def _ask(yes: bool) -> None:
    if not yes:
        click.confirm("Believe it?", abort=True)


# --- as a new source --------------------------------------------------------------------------------------------------


def _load_recognised(ctx: click.Context, file: Path, *, yes: bool) -> None:
    """Read a file as what its headers say; accepted, a copy of it is kept and it becomes a source."""
    kind = kind_of_file(file)
    click.echo(f"{file.name}: read as {kind}")
    _write_config_head(ctx)
    settings = load_settings(ctx)
    configured = [str(source["name"]) for source in settings.sources if source["kind"] == kind]
    if len(configured) == 1:
        _load_as(ctx, configured[0], file, yes=yes)
        return
    if configured:
        raise CommandError(
            f"several sources are {kind}: {', '.join(configured)}. Name one before the file", EXIT_UNUSABLE
        )
    units = _propose_units(settings, kind, file)
    with composition.open_application(_with_new_source(settings, kind, file, units)) as application:
        due = _new_parts(application, kind)
        list(print_probe_results(application, due[0][0]))
        for effect in show_dry_run(application, due):
            for number, row in enumerate(first_rows(effect)):
                click.echo(f"{'' if number else 'understood as':13} {row}")
    _ask(yes)
    lines = _new_lines(settings, kind, pattern_of_editions(_keep_copy(settings, kind, file)), units)
    with (settings.path or Path("config.toml")).open("a", encoding="utf-8") as config:
        config.write("\n".join(["", *lines, ""]))
    count = lines.count("[[unit]]")
    added = f" and {count} [[unit]] tables" if count else ""
    click.echo(
        f"{settings.file_name} has a [[source]] for it{added} now. A running daemon takes it up when it is reloaded"
    )
    with composition.open_application(load_configuration(settings.path)) as application:
        due = _new_parts(application, kind)
        with showing_pulls(application.run_context):
            report = sync.run(application.run_context, due)
        states = part_states_by_name(application)
    print_and_exit(report, due, states)


def _write_config_head(ctx: click.Context) -> None:
    """Begin a configuration in this folder where there is none at all."""
    if ctx.obj["path"] is None and not has_config_file():
        file = Path("config.toml")
        write_first_config(file, config_text("", (), file.parent))
        click.echo(f"{file} is written: there was no configuration")


def _propose_units(settings: Settings, kind: str, file: Path) -> Proposals:
    """The units that the file names, where no unit is configured yet."""
    if settings.units:
        return Proposals()
    with composition.open_application(_with_new_source(settings, kind, file, Proposals())) as application:
        reading = with_memory_staging(application)
        with showing_pulls(reading.run_context):
            pulled = sync.pull_side_by_side(reading.run_context, _new_parts(application, kind))
            proposals = sync.propose_configuration(reading.run_context, pulled, device_words().purposes)
    return Proposals(units=proposals.units)


def _new_parts(application: Application, kind: str) -> DueParts:
    return [(source, part) for source in application.sources if source.kind == kind for part in source.parts]


def _new_source(settings: Settings, kind: str, path: str) -> FirstSource:
    """The source of a kind that is not configured yet: the basis of all memberships that no other source counts."""
    counted = {PART_OF_MEMBERSHIPS.get(word, word) for source in settings.sources for word in source.get("counts", ())}
    source = FirstSource(kind, {"path": path})
    own = {part.name for part in source.connector.PARTS}
    counts = tuple(word for word, part in PART_OF_MEMBERSHIPS.items() if part in own and part not in counted)
    return replace(source, counts=counts)


def _with_new_source(settings: Settings, kind: str, file: Path, units: Proposals) -> Settings:
    """*settings* as they will be once the file is accepted, except that the source reads the file itself."""
    new = tomllib.loads("\n".join(_new_lines(settings, kind, str(file.resolve()), units)))
    new["source"] = [*settings.sources, {**new["source"][0], "settle_seconds": 0}]
    return load_configuration(settings.path, overrides=new)


def _new_lines(settings: Settings, kind: str, path: str, units: Proposals) -> list[str]:
    """What the configuration gets: a source that reads *path*, and the proposed units."""
    return [*_new_source(settings, kind, path).lines(is_active=True), *unit_lines(units)]


def _keep_copy(settings: Settings, kind: str, file: Path) -> Path:
    """A copy of the file where the daemon finds it and its later editions, readable by nobody else."""
    folder = settings.folder / DELIVERIES / kind
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy = folder / file.name
    if copy.resolve() != file.resolve():
        shutil.copy2(file, copy)
        copy.chmod(0o600)
    return copy


COMMANDS = {"load": load}
