"""init: writes a first configuration that works as far as it was told, and says what is still missing."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fleetsync.cli.errors import EXIT_UNUSABLE, CommandError

if TYPE_CHECKING:
    from fleetsync.cli.first_config import FirstSource
    from fleetsync.settings import Settings

KEYS_WRITTEN_BY_INIT = frozenset({"kind", "name", "counts"})


@click.command(help="Write a first configuration for the systems and files you name, and say what is missing.")
@click.option(
    "--kind", "kinds", multiple=True, help="A kind of system to read, such as intune. May be given several times."
)
@click.option(
    "--set", "assignments", multiple=True, metavar="KIND.KEY=VALUE", help="A value of its table: intune.tenant=…"
)
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A list that somebody exported; its kind is seen by its headers.",
)
@click.option("--name", default="", help="The name of the municipality.")
@click.option("--output", type=click.Path(path_type=Path), default=Path("config.toml"), show_default=True)
def init(
    kinds: tuple[str, ...], assignments: tuple[str, ...], files: tuple[Path, ...], name: str, output: Path
) -> None:
    """On a terminal, asks for what was not given."""
    from fleetsync.cli.first_config import config_text, numbered, with_counts, write_first_config

    if output.exists():
        raise CommandError(f"{output} exists and was not changed. Choose another file with --output", EXIT_UNUSABLE)
    asks = sys.stdin.isatty() and not (kinds or files)
    if asks:
        name = name or click.prompt("Name of the municipality", default="", show_default=False)
        kinds = _ask_kinds()
    values = _values_of(assignments, kinds)
    of_kinds = (_source(kind, values.get(kind, {}), asks=asks) for kind in kinds)
    sources = with_counts(list(numbered([*of_kinds, *_of_files(files)])))
    write_first_config(output, config_text(name, sources, output.parent.resolve()))
    click.echo(f"{output} is written")
    _propose_units(output, sources)
    for line in _missing_lines(sources, output):
        click.echo(line)


def _ask_kinds() -> tuple[str, ...]:
    from fleetsync.pull.registry import connector_kinds

    return tuple(kind for kind in connector_kinds() if click.confirm(f"Read {kind}?", default=False))


def _values_of(assignments: Iterable[str], kinds: Iterable[str]) -> Mapping[str, Mapping[str, str]]:
    """The values given by --set, by kind and key. Refuses a kind that is not read, and a key that cannot be set."""
    from fleetsync.pull.registry import load_connector, secret_keys
    from fleetsync.settings import did_you_mean

    values: dict[str, dict[str, str]] = {}
    for assignment in assignments:
        place, is_given, value = assignment.partition("=")
        kind, _, key = place.partition(".")
        if not is_given or not key:
            raise CommandError(f"--set {place}: write KIND.KEY=VALUE, such as intune.tenant=…", EXIT_UNUSABLE)
        if kind not in kinds:
            raise CommandError(f"--set {place}: {kind} is not read. Add --kind {kind}", EXIT_UNUSABLE)
        model = load_connector(kind).Settings
        if key not in model.model_fields:
            hint = did_you_mean(key, model.model_fields)
            raise CommandError(f"--set {place}: {kind} has no key {key}.{hint}", EXIT_UNUSABLE)
        if key in KEYS_WRITTEN_BY_INIT:
            raise CommandError(f"--set {place}: init writes {key} itself. Change it in the file", EXIT_UNUSABLE)
        if key in secret_keys(model):
            raise CommandError(
                f"--set {place}: a secret may not stand in the configuration. Put it in a file, and write "
                f"--set {place}_file=FILE",
                EXIT_UNUSABLE,
            )
        values.setdefault(kind, {})[key] = value
    return values


def _source(kind: str, values: Mapping[str, str], *, asks: bool) -> "FirstSource":
    from fleetsync.cli.first_config import FirstSource, required_keys

    asked = {}
    if asks:
        for key in required_keys(kind):
            if not values.get(key):
                asked[key] = click.prompt(f"{kind}: {key} (Enter: not known yet)", default="", show_default=False)
    return FirstSource(kind, {**values, **{key: value for key, value in asked.items() if value}})


def _of_files(files: Iterable[Path]) -> Iterator["FirstSource"]:
    from fleetsync.cli.file_kinds import kind_of_file
    from fleetsync.cli.first_config import FirstSource, pattern_of_editions

    for file in files:
        if not file.is_file():
            raise CommandError(f"--file {file}: there is no such file", EXIT_UNUSABLE)
        yield FirstSource(kind_of_file(file), {"path": pattern_of_editions(file)})


def _propose_units(output: Path, sources: Iterable["FirstSource"]) -> None:
    """Read the sources that lack nothing, and add the units that they name to the configuration. Nothing is stored."""
    from fleetsync import sync
    from fleetsync.cli.first_config import with_organisation_number
    from fleetsync.cli.mapping import read_sources
    from fleetsync.daemon.composition import open_application, with_memory_staging
    from fleetsync.data import device_words
    from fleetsync.expose.proposal_lines import unit_lines
    from fleetsync.settings import load

    folder = output.parent.resolve()
    with_secrets = {source.name for source in sources if not source.missing_secrets(folder)}
    settings: Settings = load(output)
    with open_application(settings) as application:
        readable = [source for source in application.sources if source.name in with_secrets]
        if not readable:
            return
        reading = with_memory_staging(application)
        pulled = read_sources(reading, readable)
        proposals = sync.propose_configuration(reading.run_context, pulled, device_words().purposes)
    lines = list(unit_lines(proposals))
    if lines:
        text = with_organisation_number(output.read_text(encoding="utf-8"), proposals.organisation_number)
        output.write_text("\n".join([text, *lines, ""]), encoding="utf-8")
        click.echo(f"the sources name {len(proposals.units)} units: look at the [[unit]] tables at the end of {output}")


def _missing_lines(sources: Iterable["FirstSource"], output: Path) -> Iterator[str]:
    """What somebody must still do, then the next command."""
    folder = output.parent.resolve()
    sources = tuple(sources)
    for source in sources:
        if problem := source.problem(folder):
            yield f"missing  {source.name}: {problem}. Its table is a comment until then"
        for key, path in source.missing_secrets(folder).items():
            yield f"missing  {source.name}: put its {key} into {output.parent / path}, readable by nobody else"
    if not sources:
        yield "missing  no system to read was named: --kind or --file"
    yield f"next     fleetsync --config {output} check"


COMMANDS = {"init": init}
