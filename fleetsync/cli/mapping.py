"""map: proposes `[[unit]]`, `[[unit_map]]` and `[[device_rule]]` tables, each with its evidence. Changes nothing."""

import json
from collections.abc import Iterator, Sequence

import click

from fleetsync import sync
from fleetsync.cli.application import open_application
from fleetsync.core.model import Verdict
from fleetsync.core.proposals import DeviceRuleProposal, LeftOver, Proposals, UnitMapProposal, UnitProposal
from fleetsync.daemon.composition import Application, with_memory_staging
from fleetsync.data import device_words
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
        pulled = () if offline else _read_sources(reading)
        proposals = sync.propose_configuration(reading.run_context, pulled, device_words().purposes)
    for line in proposal_lines(proposals):
        click.echo(line)


def _read_sources(reading: Application) -> Sequence[PullResult]:
    """Read every source into memory; of one that cannot be read, its last content is used."""
    due = [(source, part) for source in reading.sources if not source.settings.disabled for part in source.parts]
    pulled = sync.pull_side_by_side(reading.run_context, due)
    for result in pulled:
        if result.verdict is Verdict.FAILED:
            name = f"{result.source}/{result.part}"
            click.echo(f"fleetsync: {name}: failed, so its last content is used: {result.reason}", err=True)
    return pulled


def proposal_lines(proposals: Proposals) -> Iterator[str]:
    """The proposals as tables of a configuration, each under its evidence as a comment."""
    yield "# Proposals of fleetsync map. Nothing of it counts until it stands in the configuration: read, then copy."
    for unit in proposals.units:
        yield from ("", *_unit_lines(unit))
    for line in proposals.unit_maps:
        yield from ("", *_unit_map_lines(line))
    for rule in proposals.device_rules:
        yield from ("", *_device_rule_lines(rule))
    for group in proposals.left_over:
        yield from ("", _left_over_line(group))
    if proposals == Proposals():
        yield "# There is none: every organisation has a unit, and nothing shows where or for what the rest is."


def _unit_lines(proposal: UnitProposal) -> Iterator[str]:
    members = f"{proposal.learners} enrolments and placements, {proposal.employments} employments"
    yield f"# {proposal.name}: {members}, by {' and '.join(proposal.sources)}"
    # Who has employees alone may be another department of the municipality.
    comment = "" if proposal.learners else "# "
    if comment:
        yield "# No pupil or child belongs to it. Remove the signs in front if it is a part of the schools:"
    yield f"{comment}[[unit]]"
    yield f"{comment}slug = {_text(proposal.slug)}"
    yield f"{comment}name = {_text(proposal.name)}"
    yield f"{comment}codes = {_texts(proposal.codes)}"
    yield f"{comment}school_forms = {_texts(proposal.school_forms)}"


def _unit_map_lines(proposal: UnitMapProposal) -> Iterator[str]:
    evidence = proposal.evidence
    share = f", {evidence.at_unit / evidence.placed:.0%} at {proposal.unit}" if evidence.placed else ""
    named = ", and it names the unit" if proposal.names_unit else ""
    yield (
        f"# {proposal.field} {proposal.pattern}: {evidence.devices} devices, {evidence.with_holder} with a holder, "
        f"{evidence.placed} with a unit{share}{named}; "
        f"it places {proposal.places} that have no unit"
    )
    yield "[[unit_map]]"
    yield f"source = {_text(proposal.source)}"
    yield f"field = {_text(proposal.field)}"
    yield f"pattern = {_text(proposal.pattern)}"
    yield f"unit = {_text(proposal.unit)}"


def _device_rule_lines(proposal: DeviceRuleProposal) -> Iterator[str]:
    evidence = proposal.evidence
    yield (
        f"# {proposal.field} {proposal.pattern}: {evidence.devices} devices, {evidence.with_holder} with a holder; "
        f"it sorts {proposal.sorts} that are unsorted"
    )
    yield "[[device_rule]]"
    yield f"when = {{ source = {_text(proposal.source)}, {proposal.field} = {_text(proposal.pattern)} }}"
    yield f"purpose = {_text(proposal.purpose.value)}"


def _left_over_line(group: LeftOver) -> str:
    lacking = {"unit": "have no unit", "purpose": "are unsorted"}[group.lacking]
    return (
        f"# Not proposed: {group.devices} devices of {group.source} with {group.field} {group.pattern} {lacking}, and nothing "
        "shows more. You may know"
    )


def _text(value: str) -> str:
    """A TOML string; JSON's escapes are among those of TOML."""
    return json.dumps(value, ensure_ascii=False)


def _texts(values: Sequence[str]) -> str:
    return "[" + ", ".join(map(_text, values)) + "]"


COMMANDS = {"map": map_}
