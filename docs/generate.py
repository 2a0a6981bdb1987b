"""Generates metrics.md, gaps.md, commands.md, the kinds of connectors/README.md and the values in glossary.md.

`make docs` runs it; a test compares its output with the committed files, so that none of them falls behind.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from inspect import getdoc
from pathlib import Path

import click

from fleetsync.cli import COMMANDS, root
from fleetsync.core import model
from fleetsync.core.lifecycle import GAPS, ROUTES
from fleetsync.core.lifecycle.routes import Route
from fleetsync.core.measures import Publication
from fleetsync.core.model import Subject, Text
from fleetsync.expose import display_names
from fleetsync.expose.published_metrics import MetricGroup, published_metrics
from fleetsync.pull.registry import connector_kinds, load_connector, permission_sentence

FOLDER = Path(__file__).parent
GENERATED_NOTICE = "<!-- Made by docs/generate.py from the tables of the program: change those, and run it. -->"
VALUES_START, VALUES_END = "<!-- values: made by docs/generate.py from the page's own words -->", "<!-- /values -->"
CONNECTORS = FOLDER.parent / "connectors" / "README.md"
RECORDED = FOLDER.parent / "tests" / "recorded"
SHAPE_BASES = ("vendor-schema", "public-example", "assumed")

# Each enum that the page shows, with the page's words for it.
SHOWN_ENUMS: Mapping[type[StrEnum], Mapping[str, Text]] = {
    model.Verdict: display_names.VERDICTS,
    model.PartRole: display_names.PART_ROLES,
    model.Scheme: display_names.KEY_SCHEMES,
    model.MembershipType: display_names.MEMBERSHIPS,
    model.EmploymentForm: display_names.EMPLOYMENT_FORMS,
    model.Platform: display_names.PLATFORMS,
    model.FormFactor: display_names.FORM_FACTORS,
    model.Purpose: display_names.PURPOSES,
    model.Condition: display_names.CONDITIONS,
    model.Stage: display_names.STAGES,
    model.CoveredBy: display_names.COVERED_BY,
    model.Severity: display_names.SEVERITIES,
}


def documents() -> Mapping[Path, str]:
    """The text of every generated document, by its file."""
    lines = {"metrics.md": _metrics_lines(), "gaps.md": _gaps_lines(), "commands.md": _commands_lines()}
    glossary = FOLDER / "glossary.md"
    return {
        **{FOLDER / name: "\n".join([*lines_of_file, ""]) for name, lines_of_file in lines.items()},
        glossary: _with_values(glossary.read_text(encoding="utf-8")),
        CONNECTORS: "\n".join([_connectors_introduction(), *_connector_lines(), ""]),
    }


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
        "[numbers.md](numbers.md) explains the words. No series has a label with a device, a serial number, a person or a",
        "log-in. There are no total rows: add the units up. Never average a ratio: divide sums.",
        "",
        "A *stable* metric keeps its name, labels and meaning. Before it goes, it is published as *deprecated* beside what",
        "replaces it, for at least one release. An *experimental* one may change in any release; the changelog says so.",
        "[The list of the last release](released_metrics.toml) says what it published, and a test compares.",
        "",
        "## The municipality",
        "",
        "All of one snapshot, and zero where nothing is counted.",
        "",
    )
    yield from _metric_table(MetricGroup.MEASURE)
    yield from (
        "",
        "## Facts of the same snapshot",
        "",
        "A fact that is not known is left out: a zero would trigger every alert.",
        "",
    )
    yield from _metric_table(MetricGroup.FACT)
    yield from ("", "## Totals", "", "They survive restarts and retention.", "")
    yield from _metric_table(MetricGroup.TOTAL)
    yield from ("", "## The daemon", "", "Beside these: `process_*`, `python_info` and `python_gc_*`.", "")
    yield from _metric_table(MetricGroup.DAEMON)


def _metric_table(group: MetricGroup) -> Iterator[str]:
    rows = (
        (f"`{metric.name}`", _labels(metric.labels), metric.help, _promise(metric.publication))
        for metric in published_metrics()
        if metric.group is group
    )
    yield from _table(("metric", "labels", "means", "stability"), rows)


def _promise(publication: Publication) -> str:
    if publication.deprecated_in:
        return f"deprecated in {publication.deprecated_in}, since {publication.since}"
    return f"{publication.stability.value} since {publication.since}"


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
    """Every role that a route of the plan names for the kind, in the order of the routes."""
    fitting = [route for route in ROUTES if not route.kinds or kind in route.kinds]
    last = next((place for place, route in enumerate(fitting) if _applies_to_all(route)), len(fitting))
    roles = [role.value for route in fitting[: last + 1] for role in route.roles]
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
                permission_sentence(connector),
            )
            for kind, connector in kinds.items()
        ),
    )
    yield from _provenance_lines(kinds)
    for kind, connector in kinds.items():
        yield from ("", f"### `{kind}`", "", getdoc(connector) or "")
        if columns := getattr(connector, "COLUMNS", ()):
            yield from ("", f"Fields of `columns`: {', '.join(column.field for column in columns)}.")


def _provenance_lines(kinds: Iterable[str]) -> Iterator[str]:
    yield from (
        "",
        "## Where the recorded shapes come from",
        "",
        "Of the recorded payloads and the stand-in server of a kind, by `tests/recorded/<kind>/provenance.toml`: how many have",
        "the shape of the vendor's schema, of an answer that somebody published, or one that is assumed.",
        "",
    )
    yield from _table(("kind", *SHAPE_BASES, "sources"), map(_provenance_row, kinds))


def _provenance_row(kind: str) -> tuple[str, ...]:
    shapes = tomllib.loads((RECORDED / kind / "provenance.toml").read_text(encoding="utf-8"))["shape"]
    counts = Counter(shape["basis"] for shape in shapes for _ in shape["of"])
    sources = dict.fromkeys(f"{shape['source']} ({shape['read']})" for shape in shapes)
    shares = (f"{counts[basis] / counts.total():.0%} ({counts[basis]})" for basis in SHAPE_BASES)
    return (f"`{kind}`", *shares, "; ".join(sources))


def _first_line(connector: object) -> str:
    return (getdoc(connector) or "").partition("\n")[0]


# --- commands -----------------------------------------------------------------------------------------------------------


def _commands_lines() -> Iterator[str]:
    yield from (
        "# Commands",
        "",
        GENERATED_NOTICE,
        "",
        "`--config FILE` and `--log-level LEVEL` stand before the command. Results are printed to stdout. What a person must",
        "look at is printed to stderr: one sentence with its remedy. Exit codes: 0 done; 1 something a person must look at;",
        "2 the command or the configuration cannot be used as it is; 130 interrupted.",
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
    options = [option for option in command.params if isinstance(option, click.Option) and not option.hidden]
    if options:
        yield ""
        yield from _table(("option", "does"), [_option_row(option, context) for option in options])


def _usage(command: click.Command, context: click.Context) -> str:
    pieces = [piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]"]
    return "".join(f" {piece}" for piece in pieces) + (" [OPTIONS]" if len(pieces) < len(command.params) else "")


def _option_row(option: click.Option, context: click.Context) -> tuple[str, str]:
    help_record = option.get_help_record(context)
    spelling, about = help_record if help_record is not None else ("", "")
    return f"`{' '.join(spelling.split())}`", " ".join(about.split()) or "–"


# --- values -------------------------------------------------------------------------------------------------------------


def _with_values(glossary: str) -> str:
    """The glossary with its generated part replaced. The rest is written by hand and stays."""
    part = re.compile(f"{re.escape(VALUES_START)}.*?{re.escape(VALUES_END)}", re.DOTALL)
    values = "\n".join((VALUES_START, *_values_lines(), "", VALUES_END))
    return part.sub(lambda _: values, glossary)


def _values_lines() -> Iterator[str]:
    yield from ("", "Every value that the page shows, with the page's words for it.")
    for enum, words in SHOWN_ENUMS.items():
        yield from ("", f"### `fleetsync.core.model.{enum.__name__}`", "")
        rows = [(f"`{member.value}`", words[member.value].en, words[member.value].sv) for member in enum]
        yield from _table(("value", "English", "Swedish"), rows)


def main() -> None:
    """Write all generated documents."""
    for file, text in documents().items():
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
