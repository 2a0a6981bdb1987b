"""metrics.md, gaps.md, commands.md and the kinds of connectors/README.md, made from what the program itself reads.

`python docs/generate.py` writes them; a test compares, so that none is ever behind.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from inspect import getdoc
from pathlib import Path

import click

from fleetsync.cli import COMMANDS, root
from fleetsync.core.lifecycle import GAPS, ROUTES
from fleetsync.core.lifecycle.routes import Route
from fleetsync.core.measures import FACTS, MEASURES
from fleetsync.core.model import Subject
from fleetsync.expose.metrics import COUNTERS
from fleetsync.expose.telemetry import TELEMETRY
from fleetsync.pull.registry import connector_kinds, load_connector

FOLDER = Path(__file__).parent
GENERATED_NOTICE = "<!-- Made by docs/generate.py from the tables of the program: change those, and run it. -->"
CONNECTORS = FOLDER.parent / "connectors" / "README.md"
SNAPSHOT = "fleetsync_snapshot_timestamp_seconds"


def documents() -> Mapping[Path, str]:
    """Every document that is made, by its file."""
    made = {"metrics.md": _metrics_lines(), "gaps.md": _gaps_lines(), "commands.md": _commands_lines()}
    documents = {FOLDER / name: "\n".join([*lines, ""]) for name, lines in made.items()}
    return documents | {CONNECTORS: "\n".join([_connectors_introduction(), *_connector_lines(), ""])}


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    names = list(heads)
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def _labels(labels: Iterable[str]) -> str:
    return ", ".join(f"`{label}`" for label in labels) or "–"


# --- metrics ------------------------------------------------------------------------------------------------------------


def _metrics_lines() -> Iterator[str]:
    yield from (
        "# Metrics",
        "",
        GENERATED_NOTICE,
        "",
        "What the words mean stands in [numbers.md](numbers.md). No series has a label with a device, a serial number, a",
        "person or a log-in. There are no total rows: add the units up. Never average a ratio: divide sums.",
        "",
        "## What is true of the municipality",
        "",
        "All of one snapshot, and zero where nothing is counted.",
        "",
    )
    rows = [(f"`{one.name}`", _labels(one.labels), one.help.en) for one in MEASURES]
    yield from _table(("metric", "labels", "means"), rows)
    yield from (
        "",
        "## Facts of the same snapshot",
        "",
        "Left out where they are not known: a zero would ring every alarm.",
        "",
    )
    facts = [(f"`{one.name}`", _labels(one.labels), one.help.en) for one in FACTS]
    yield from _table(
        ("metric", "labels", "means"), [*facts, (f"`{SNAPSHOT}`", "–", "When what is shown was reconciled")]
    )
    yield from ("", "## Totals", "", "They survive restarts and retention.", "")
    totals = [(f"`{name}_total`", _labels(labels), about) for name, (about, labels) in COUNTERS.items()]
    yield from _table(("metric", "labels", "means"), totals)
    yield from ("", "## How the daemon does", "", "Beside these: `process_*`, `python_info` and `python_gc_*`.", "")
    yield from _table(
        ("metric", "labels", "means"), [(f"`{one.name}`", _labels(one.labels), one.help) for one in TELEMETRY]
    )


# --- gaps ---------------------------------------------------------------------------------------------------------------


def _gaps_lines() -> Iterator[str]:
    yield from (
        "# Kinds of gaps",
        "",
        GENERATED_NOTICE,
        "",
        "What can be wrong, and what to do about it. `fleetsync gaps` lists them.",
    )
    for subject in Subject:
        kinds = [gap for gap in GAPS if gap.subject is subject]
        if kinds:
            yield from ("", f"## Of a {subject.value}", "")
            rows = (
                (
                    f"`{gap.id}`",
                    gap.severity.value,
                    f"{gap.title.en} (*{gap.title.sv}*)",
                    gap.remedy.en,
                    _acting_roles(gap.id),
                )
                for gap in kinds
            )
            yield from _table(("kind", "severity", "title", "what to do", "who acts"), rows)


def _acting_roles(kind: str) -> str:
    """Everybody whom a route of the plan names for the kind, in the order of the routes."""
    fitting = [route for route in ROUTES if not route.kinds or kind in route.kinds]
    named = next((place for place, route in enumerate(fitting) if _applies_to_all(route)), len(fitting))
    roles = [role.value for route in fitting[: named + 1] for role in route.roles]
    return " or ".join(dict.fromkeys(roles))


def _applies_to_all(route: Route) -> bool:
    return route.entitlement is None and not route.form_factors


# --- connectors ---------------------------------------------------------------------------------------------------------


def _connectors_introduction() -> str:
    """The part of the file that people write: all above the notice."""
    return CONNECTORS.read_text(encoding="utf-8").partition(GENERATED_NOTICE)[0].rstrip() + "\n"


def _connector_lines() -> Iterator[str]:
    kinds = {kind: load_connector(kind) for kind in connector_kinds()}
    yield from (GENERATED_NOTICE, "", "## Kinds", "")
    yield from _table(
        ("kind", "reads", "parts (role)", "permission"),
        (
            (
                f"`{kind}`",
                _first_line(connector).rstrip("."),
                ", ".join(f"{part.name} ({part.role})" for part in connector.PARTS),
                _permission(connector),
            )
            for kind, connector in kinds.items()
        ),
    )
    for kind, connector in kinds.items():
        yield from ("", f"### `{kind}`", "", getdoc(connector) or "")
        if columns := getattr(connector, "COLUMNS", ()):
            yield from ("", f"Fields of `columns`: {', '.join(column.field for column in columns)}.")


def _first_line(connector: object) -> str:
    return (getdoc(connector) or "").partition("\n")[0]


def _permission(connector: object) -> str:
    """What stands behind "Permission:", to the end of its sentence."""
    match = re.search(r"Permissions?: (.*?)(?:\.(?=\s)|\n\n)", getdoc(connector) or "", re.DOTALL)
    return " ".join(match[1].split()) if match else ""


# --- commands -----------------------------------------------------------------------------------------------------------


def _commands_lines() -> Iterator[str]:
    yield from (
        "# Commands",
        "",
        GENERATED_NOTICE,
        "",
        "`--config FILE` and `--log-level LEVEL` stand before the command. What worked is printed to stdout, what a person",
        "must look at to stderr: one sentence with its remedy. Exit codes: 0 done; 1 something a person must look at; 2 the",
        "command or the configuration cannot be used as it stands; 130 interrupted.",
    )
    context = click.Context(root, info_name="fleetsync")
    for name in sorted(COMMANDS):
        command = root.get_command(context, name)
        assert command is not None, "every command of the table is there"
        yield from _command_lines(command, click.Context(command, info_name=name, parent=context))


def _command_lines(command: click.Command, context: click.Context) -> Iterator[str]:
    about = COMMANDS.get(context.command_path.partition(" ")[2], ("", ""))[1]
    yield from ("", f"## {context.command_path.partition(' ')[2]}", "", command.help or about)
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            inner = command.commands[name]
            yield from _command_lines(inner, click.Context(inner, info_name=name, parent=context))
        return
    yield from ("", "```", f"{context.command_path}{_usage(command, context)}", "```")
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    if options:
        yield ""
        yield from _table(("option", "does"), [_option(one, context) for one in options])


def _usage(command: click.Command, context: click.Context) -> str:
    pieces = [one for one in command.collect_usage_pieces(context) if one != "[OPTIONS]"]
    return "".join(f" {piece}" for piece in pieces) + (" [OPTIONS]" if len(pieces) < len(command.params) else "")


def _option(option: click.Option, context: click.Context) -> tuple[str, str]:
    record = option.get_help_record(context)
    spelled, about = record if record is not None else ("", "")
    return f"`{' '.join(spelled.split())}`", " ".join(about.split()) or "–"


def main() -> None:
    """Write them."""
    for file, text in documents().items():
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
