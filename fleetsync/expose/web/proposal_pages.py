"""The page of what may be configured: units, places and purposes that the sources give evidence of, with lines to copy.

It changes nothing. It shows counts, texts of device lists and names of organisations, and never a person or a device.
"""

from collections.abc import Iterable

from flask import render_template

from fleetsync.expose import proposal_lines
from fleetsync.expose.scope import Permission
from fleetsync.expose.web.registry import PageResponse, page
from fleetsync.expose.web.request_context import request_context


@page("/sources/proposals", section="sources", needs=Permission.PULL_DETAILS)
def proposals() -> PageResponse:
    """The proposals with their evidence, and the tables to copy."""
    proposed = request_context().proposals
    if proposed is None:
        return render_template("proposals.html", proposals=None)
    return render_template(
        "proposals.html",
        proposals=proposed,
        unit_text=_block(proposal_lines.unit_lines(proposed)),
        unit_map_text=_block(proposal_lines.unit_map_lines(proposed)),
        device_rule_text=_block(proposal_lines.device_rule_lines(proposed)),
    )


def _block(lines: Iterable[str]) -> str:
    return "\n".join(lines).strip()
