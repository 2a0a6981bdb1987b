"""Ends the trial of a unit, and begins it again: from then on the unit is in alerts, digests and totals, or not."""

from flask import abort, redirect, url_for

from fleetsync.core.model import UNPLACED
from fleetsync.expose.ports import DecisionError
from fleetsync.expose.scope import Permission
from fleetsync.expose.web import deciding
from fleetsync.expose.web.registry import PageResponse, pages


@pages.post("/units/<slug>/publish")
def publish_unit(slug: str) -> PageResponse:
    """End the trial of a unit."""
    context, account = deciding.require_permission(Permission.TRIALS)
    if slug not in context.lookup.units or slug == UNPLACED:
        abort(404)
    context.services.manual_decisions.publish(slug, who=account.name)
    text = context.localiser.t(
        "{unit} är publicerad: med i larm, rapporter och summor inom kort.",
        "{unit} is published: in alerts, reports and totals shortly.",
        unit=context.unit_name(slug),
    )
    deciding.confirm(text, "pages.unpublish_unit", (), {"slug": slug})
    return redirect(url_for("pages.unit", slug=slug))


@pages.post("/units/<slug>/unpublish")
def unpublish_unit(slug: str) -> PageResponse:
    """Put a unit in trial again that a person has published."""
    context, account = deciding.require_permission(Permission.TRIALS)
    if slug not in context.lookup.units:
        abort(404)
    try:
        context.services.manual_decisions.unpublish(slug, who=account.name)
    except DecisionError as refusal:
        deciding.refuse(context, refusal)
        return redirect(url_for("pages.unit", slug=slug))
    text = context.localiser.t(
        "{unit} är på prov igen: i inget larm och ingen rapport.",
        "{unit} is in trial again: in no alert and no report.",
        unit=context.unit_name(slug),
    )
    deciding.confirm(text, "pages.publish_unit", (), {"slug": slug})
    return redirect(url_for("pages.unit", slug=slug))
