"""Prints what a pull took and what it left: one line per part, and one for the headers that no field took up."""

from collections.abc import Mapping

import click

from fleetsync.cli.output import LANGUAGE
from fleetsync.core import pull_findings
from fleetsync.core.model import PartState, PullEffect
from fleetsync.daemon.composition import Application
from fleetsync.pull.registry import Source
from fleetsync.pull.runner import PullResult

INDENTATION = " " * 9

PartStates = Mapping[tuple[str, str], PartState]


def part_states_by_name(application: Application) -> PartStates:
    """What the pulls of each configured part have come to, by (source, part)."""
    states = application.ledger.part_states(application.run_context.parts())
    return {(state.source, state.part): state for state in states}


def print_pull(result: PullResult, states: PartStates) -> None:
    """One line: the verdict, what was taken and what was left. Headers that no field took up follow."""
    name = f"{result.source}/{result.part}"
    if result.effect is not None:
        click.echo(_joined(f"{name}: complete, {taken_and_left(result.effect)}", _left_files(result)))
        _print_unused_headers(result.effect)
        return
    text = f"{name}: {result.verdict.value}{f': {result.reason}' if result.reason else ''}"
    click.echo(_joined(text, _unread_before(result, states), _left_files(result)))


def print_held(result: PullResult) -> None:
    """As `print_pull`, of a pull that is held: what was read. To stderr, beside the reason."""
    if result.effect is not None:
        click.echo(f"fleetsync: {result.source}/{result.part}: read {taken_and_left(result.effect)}", err=True)


def print_content(result: PullResult, states: PartStates) -> None:
    """Under the line of a check: what the files hold, as `print_pull` says it. A failure is the check's own line."""
    if result.effect is not None:
        # The check's own line has named the headers that may decide.
        click.echo(_joined(f"{INDENTATION}{result.part}: {taken_and_left(result.effect)}", _left_files(result)))
        if result.effect.pending_marks:
            name = f"{result.source}/{result.part}"
            click.echo(
                f"{INDENTATION}so many marks at once would be held. What they would change: fleetsync sync {name} --dry-run"
            )
        _print_unused_headers(result.effect)
    elif before := _joined(_unread_before(result, states), _left_files(result)):
        click.echo(f"{INDENTATION}{result.part}: {before}")


def is_source_of_files(source: Source) -> bool:
    """Whether the source reads files, and so can be read whole at any time."""
    return "path" in type(source.settings).model_fields


def _joined(*clauses: str) -> str:
    return "; ".join(filter(None, clauses))


def _left_files(result: PullResult) -> str:
    named = pull_findings.left_files(result.left_files)
    return "" if named is None else named.in_language(LANGUAGE)


def _unread_before(result: PullResult, states: PartStates) -> str:
    """What could not be read in the part when it was read last: an unchanged file is not read again."""
    state = states.get((result.source, result.part))
    if state is None:
        return ""
    clauses = pull_findings.unread(state.unreadable_rows, state.unreadable_facts)
    counts = ", ".join(clause.in_language(LANGUAGE) for clause in clauses)
    return f"as it was read last: {counts}" if counts else ""


def taken_and_left(effect: PullEffect) -> str:
    """One line, such as "15 people; 5 rows left out: login is empty (personal.csv lines 17–21)"."""
    clauses = [pull_findings.taken(effect.seen_by_type, effect.seen), *pull_findings.left(effect)]
    return "; ".join(clause.in_language(LANGUAGE) for clause in clauses)


def _print_unused_headers(effect: PullEffect) -> None:
    sentences = pull_findings.unused_headers(effect.unused_headers) + pull_findings.suspected_headers(effect.drift)
    for sentence in sentences:
        click.echo(f"{INDENTATION}{sentence.in_language(LANGUAGE)}")
