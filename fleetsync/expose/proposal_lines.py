"""Writes proposals as tables of a configuration, each under its evidence as a comment: for the command and the page."""

from collections.abc import Iterator

from fleetsync.core.proposals import DeviceRuleProposal, LeftOver, Proposals, UnitMapProposal, UnitProposal
from fleetsync.settings.toml_text import toml_text, toml_texts


def proposal_lines(proposals: Proposals) -> Iterator[str]:
    """The proposals as tables of a configuration, each under its evidence as a comment."""
    yield "# Proposals of fleetsync map. Nothing of it counts until it stands in the configuration: read, then copy."
    if proposals.organisation_number:
        number = toml_texts([proposals.organisation_number])
        yield from (
            "",
            f"# Into [municipality], so that no other principal's pupils are counted: organisation_numbers = {number}",
        )
    yield from unit_lines(proposals)
    yield from unit_map_lines(proposals)
    yield from device_rule_lines(proposals)
    for group in proposals.left_over:
        yield from ("", _left_over_line(group))
    if proposals == Proposals():
        yield "# There is none: every organisation has a unit, and nothing shows where or for what the rest is."


def unit_lines(proposals: Proposals) -> Iterator[str]:
    """The proposed `[[unit]]` tables, each under its evidence.

    Where pupils or children are known at all, a unit that has none may be another department: it stands as a comment.
    """
    for unit in proposals.units:
        members = f"{unit.learners} enrolments and placements, {unit.employments} employments"
        yield from ("", f"# {unit.name}: {members}, by {' and '.join(unit.sources)}")
        doubt = _doubt_about(unit, proposals.organisation_number)
        comment = "# " if doubt else ""
        if doubt:
            yield f"# {doubt}. Remove the signs in front if it is one of your schools:"
        yield f"{comment}[[unit]]"
        yield f"{comment}slug = {toml_text(unit.slug)}"
        yield f"{comment}name = {toml_text(unit.name)}"
        yield f"{comment}codes = {toml_texts(unit.codes)}"
        yield f"{comment}school_forms = {toml_texts(unit.school_forms)}"


def _doubt_about(unit: UnitProposal, own: str) -> str:
    """Why a unit may be none of the schools; "" where nothing speaks against it. *own*: the municipality's number."""
    number = unit.organisation_number
    if own and number and number != own:
        return f"Its organisation number is {number} and not {own} as that of most: another principal's"
    return "No pupil or child belongs to it" if unit.lacks_learners else ""


def unit_map_lines(proposals: Proposals) -> Iterator[str]:
    """The proposed `[[unit_map]]` tables, each under its evidence."""
    for proposal in proposals.unit_maps:
        yield from ("", *_unit_map_lines(proposal))


def device_rule_lines(proposals: Proposals) -> Iterator[str]:
    """The proposed `[[device_rule]]` tables, each under its evidence."""
    for proposal in proposals.device_rules:
        yield from ("", *_device_rule_lines(proposal))


def _unit_map_lines(proposal: UnitMapProposal) -> Iterator[str]:
    evidence = proposal.evidence
    share = f", {evidence.at_unit / evidence.placed:.0%} at {proposal.unit}" if evidence.placed else ""
    named = ", and it names the unit" if proposal.names_unit else ""
    spoken = f" ({proposal.spoken})" if proposal.spoken else ""
    yield (
        f"# {proposal.field} {proposal.pattern}{spoken}: {evidence.devices} devices, {evidence.with_holder} with a holder, "
        f"{evidence.placed} with a unit{share}{named}; "
        f"it places {proposal.places} that have no unit"
    )
    yield "[[unit_map]]"
    yield f"source = {toml_text(proposal.source)}"
    yield f"field = {toml_text(proposal.field)}"
    yield f"pattern = {toml_text(proposal.pattern)}"
    yield f"unit = {toml_text(proposal.unit)}"


def _device_rule_lines(proposal: DeviceRuleProposal) -> Iterator[str]:
    evidence = proposal.evidence
    yield (
        f"# {proposal.field} {proposal.pattern}: {evidence.devices} devices, {evidence.with_holder} with a holder; "
        f"it sorts {proposal.sorts} that are unsorted"
    )
    yield "[[device_rule]]"
    yield f"when = {{ source = {toml_text(proposal.source)}, {proposal.field} = {toml_text(proposal.pattern)} }}"
    yield f"purpose = {toml_text(proposal.purpose.value)}"


def _left_over_line(group: LeftOver) -> str:
    spoken = f" ({group.spoken})" if group.spoken else ""
    lacking = {"unit": "have no unit", "purpose": "are unsorted"}[group.lacking]
    return (
        f"# Not proposed: {group.devices} devices of {group.source} with {group.field} {group.pattern}{spoken} {lacking}, and nothing "
        "shows more. You may know"
    )
