"""Corrections in the reader's words, as far as the account may see them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from flask import url_for

from fleetsync.core.model import COUNT_FIELD, CoverageShare, DeviceCase, Text
from fleetsync.expose.decision_checks import is_correctable
from fleetsync.expose.display_names import CONDITIONS, PURPOSES, word
from fleetsync.expose.manual_decisions import EnteredCorrection
from fleetsync.expose.web.links import TranslatedNames
from fleetsync.expose.web.request_context import RequestContext

NOBODY = Text("ingen", "nobody")
NOT_SHOWN = Text("visas inte", "not shown")
FIELD_TITLES: Mapping[str, Text] = {
    "holder": Text("Innehavare", "Holder"),
    "unit": Text("Enhet", "Unit"),
    "purpose": Text("Till för", "Purpose"),
    "condition": Text("Skick", "Condition"),
    COUNT_FIELD: Text("Verktyg i drift, räknade", "Working devices, counted"),
}


class ShownCorrection(NamedTuple):
    """A correction in the reader's words. `href`: the page of its device, or of the unit of its set or pool."""

    entered: EnteredCorrection
    subject: str
    href: str | None
    unit: str  # "" where nothing is known of the subject any more
    field: str
    value: str
    state: str  # "in_force", "expired", or how it ended


def corrections_of(context: RequestContext, subject_ids: Collection[str]) -> Sequence[ShownCorrection]:
    """Those of devices, sets and pools, in force first, then the newest first."""
    return shown_corrections(context, context.services.manual_decisions.corrections(subject_ids))


def shown_corrections(context: RequestContext, entered: Sequence[EnteredCorrection]) -> Sequence[ShownCorrection]:
    """Those of devices, sets and pools that the account may see; of what no longer exists for accounts that see all."""
    shares = {share.subject_id: share for share in context.latest.shares}
    shown = (_shown(context, each, shares.get(each.subject_id)) for each in entered)
    return [each for each in shown if each is not None]


def _shown(context: RequestContext, entered: EnteredCorrection, share: CoverageShare | None) -> ShownCorrection | None:
    case = context.lookup.devices.get(entered.subject_id)
    if case is not None:
        subject, unit = device_name(case), case.placement.unit
        href = url_for("pages.device", device_id=entered.subject_id)
    elif share is not None:
        subject, unit = TranslatedNames(context).shared_name(entered.subject_id), share.unit
        href = url_for("pages.unit", slug=share.unit)
    elif context.scope.sees_everything:
        subject, href, unit = entered.subject_id, None, ""
    else:
        return None
    is_hidden = case is not None and not is_correctable(case, context.lookup)
    return ShownCorrection(
        entered,
        subject,
        href,
        unit,
        context.localiser.translate(FIELD_TITLES[entered.field]),
        context.localiser.translate(NOT_SHOWN)
        if is_hidden and entered.field in {"holder", "unit"}
        else value_name(context, entered.field, entered.value),
        _state(entered, context.today),
    )


def _state(entered: EnteredCorrection, today: date) -> str:
    return entered.ended_how or ("in_force" if entered.is_in_force(today) else "expired")


def device_name(case: DeviceCase) -> str:
    return " ".join(filter(None, (case.device.model, case.device.serial))) or case.device.id


def value_name(context: RequestContext, field: str, value: str) -> str:
    """The value of a corrected fact in words; a person who may not be shown is not named."""
    if field == "unit":
        return context.unit_name(value)
    if field == "holder":
        if not value:
            return context.localiser.translate(NOBODY)
        if context.lookup.person(value) is None:
            return context.localiser.translate(NOT_SHOWN)
        return f"{TranslatedNames(context).person(value)} {value}"
    words = {"purpose": PURPOSES, "condition": CONDITIONS}.get(field)
    return value if words is None else context.localiser.translate(word(words, value))
