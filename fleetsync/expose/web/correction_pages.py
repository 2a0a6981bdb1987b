"""Corrects facts of devices and counts of sets and pools, and lists what was corrected.

A form is posted twice: the first answer says what will change, and the second keeps it. A log-in that is typed as a holder
is in no address and in no correction: the person's id is kept.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from flask import abort, flash, redirect, render_template, request, url_for

from fleetsync.core.identity import folded
from fleetsync.core.model import (
    COUNT_FIELD,
    UNPLACED,
    CorrectedField,
    Correction,
    CoverageShare,
    DeviceCase,
    DeviceCount,
)
from fleetsync.expose import decision_checks
from fleetsync.expose.decision_checks import CORRECTED_FIELDS, DecisionRefused
from fleetsync.expose.drill_down import shared_shares
from fleetsync.expose.manual_decisions import fields_in_force
from fleetsync.expose.ports import DecisionError
from fleetsync.expose.scope import Permission
from fleetsync.expose.web import deciding
from fleetsync.expose.web.entered_corrections import (
    FIELD_TITLES,
    ShownCorrection,
    device_name,
    shown_corrections,
    value_name,
)
from fleetsync.expose.web.links import TranslatedNames
from fleetsync.expose.web.registry import PageResponse, page, pages
from fleetsync.expose.web.request_context import RequestContext, request_context

MAX_KEY_CHARACTERS = 200


class Change(NamedTuple):
    """One fact that a form would change: its title, what counts now, and what would."""

    title: str
    before: str
    after: str


# --- the list -----------------------------------------------------------------------------------------------------------


@page("/corrections", section="devices", needs=Permission.FACTS)
def corrections() -> PageResponse:
    """Every correction that is kept of what the account may see: those in force, and those that have ended."""
    context = request_context()
    entered = context.services.manual_decisions.corrections()
    return render_template("corrections.html", corrections=shown_corrections(context, entered))


@pages.post("/corrections/take-back")
def take_back_corrections() -> PageResponse:
    """End corrections (`number`, repeated) of what the account may see."""
    context, account = deciding.require_permission(Permission.FACTS)
    decisions = context.services.manual_decisions
    numbers = set(request.form.getlist("number"))
    shown = shown_corrections(context, [each for each in decisions.corrections() if str(each.number) in numbers])
    if not shown:
        abort(404)
    target = shown[0].href or url_for("pages.corrections")
    try:
        for each in shown:
            decisions.take_back(each.entered.number, who=account.name)
    except DecisionError as refusal:
        deciding.refuse(context, refusal)
        return redirect(target)
    text = context.localiser.t(
        "Rättelsen är återtagen. Källornas uppgift gäller inom kort.",
        "The correction is taken back. What the sources say counts shortly.",
    )
    if len(shown) == 1:
        deciding.confirm(text, *_entering_again(shown[0]))
    else:
        flash(text, "done")
    return redirect(target)


def _entering_again(taken: ShownCorrection) -> tuple[str, deciding.Fields, Mapping[str, str]]:
    """The form that enters a correction again: its endpoint, fields, and the parameters of its address."""
    entered = taken.entered
    fields = [("until", str(entered.until or "")), ("reason", entered.reason), ("confirmed", "yes")]
    if entered.field == COUNT_FIELD:
        fields += [("shared", entered.subject_id), (COUNT_FIELD, entered.value)]
        return "pages.count_devices", fields, {"slug": taken.unit}
    return "pages.correct_device", [*fields, (entered.field, entered.value or "-")], {"device_id": entered.subject_id}


# --- a device -----------------------------------------------------------------------------------------------------------


@page("/devices/<device_id>/correct", section="devices", needs=Permission.FACTS)
def correction_form(device_id: str) -> PageResponse:
    """The form: each fact with what counts now."""
    context = request_context()
    return _device_form(context, _correctable_device(context, device_id))


@pages.post("/devices/<device_id>/correct")
def correct_device(device_id: str) -> PageResponse:
    """Say what the form would change, and keep it once that was confirmed."""
    context, account = deciding.require_permission(Permission.FACTS)
    case = _correctable_device(context, device_id)
    decisions = context.services.manual_decisions
    in_force = fields_in_force(decisions.corrections({device_id}), context.today)
    try:
        until, reason = decision_checks.read_day(request.form.get("until", "")), deciding.given_reason()
        entries = [
            Correction(device=device_id, field=field, value=value, until=until, reason=reason)
            for field, value in _given_values(context).items()
        ]
        if not entries:
            raise DecisionRefused("Välj minst en uppgift att rätta.", "Choose at least one fact to correct")
        for entry in entries:
            decision_checks.check_correction(context.lookup, case, entry, in_force)
    except DecisionRefused as refusal:
        deciding.refuse(context, refusal)
        return _device_form(context, case)
    if request.form.get("confirmed") != "yes":
        changes = [_change(context, case, entry) for entry in entries]
        fields = [("until", until.isoformat()), ("reason", reason)]
        fields += [(entry.field, entry.value or "-") for entry in entries]
        back = url_for("pages.correction_form", device_id=device_id)
        return _confirmation(device_name(case), changes, until, fields, back)
    numbers = [decisions.correct(entry, who=account.name) for entry in entries]
    _confirm_kept(context, until, numbers)
    return redirect(url_for("pages.device", device_id=device_id))


def _correctable_device(context: RequestContext, device_id: str) -> DeviceCase:
    case = context.lookup.devices.get(device_id)
    if case is None or not decision_checks.is_correctable(case, context.lookup):
        abort(404)
    return case


def _given_values(context: RequestContext) -> dict[CorrectedField, str]:
    """The facts that the form states; an empty field leaves a fact as it is, "-" is nobody."""
    given = {field: request.form.get(field, "").strip()[:MAX_KEY_CHARACTERS] for field in CORRECTED_FIELDS}
    values = {field: value for field, value in given.items() if value}
    holder = values.get("holder")
    if holder is not None:
        values["holder"] = "" if holder == "-" else _person_of(context, holder)
    return values


def _person_of(context: RequestContext, text: str) -> str:
    """The id of the person with this id or log-in; *text* itself where there is none, which the check then refuses."""
    person = context.lookup.find_person(folded(text))
    if person is None:
        return text
    context.write_audit("searched person", person)
    return person


def _change(context: RequestContext, case: DeviceCase, entry: Correction) -> Change:
    return Change(
        context.localiser.translate(FIELD_TITLES[entry.field]),
        value_name(context, entry.field, decision_checks.present_value(case, entry.field)),
        value_name(context, entry.field, entry.value),
    )


def _device_form(context: RequestContext, case: DeviceCase) -> PageResponse:
    units = [slug for slug in context.lookup.units if slug != UNPLACED]
    return render_template(
        "correct_device.html",
        case=case,
        name=device_name(case),
        present={
            field: value_name(context, field, decision_checks.present_value(case, field)) for field in CORRECTED_FIELDS
        },
        choices={
            "unit": [(slug, context.unit_name(slug)) for slug in sorted(units, key=context.unit_name)],
            "purpose": _words(context, "purpose", decision_checks.CORRECTED_PURPOSES),
            "condition": _words(context, "condition", decision_checks.CORRECTED_CONDITIONS),
        },
        titles=FIELD_TITLES,
        until=request.form.get("until") or decision_checks.usual_end(context.lookup, case.placement.unit).isoformat(),
    )


def _words(context: RequestContext, field: str, values: Sequence[str]) -> Sequence[tuple[str, str]]:
    return [(str(value), value_name(context, field, value)) for value in values]


# --- a set or pool ------------------------------------------------------------------------------------------------------


@page("/units/<slug>/count", section="coverage", needs=Permission.FACTS)
def count_form(slug: str) -> PageResponse:
    """The form for the set or pool of the address (`shared`); without one the sets and pools of the unit."""
    context = request_context()
    if slug not in context.lookup.units:
        abort(404)
    if "shared" not in request.args:
        return render_template("count_devices.html", share=None, slug=slug, shares=shared_shares(context.latest, slug))
    return _count_form(context, _share_of(context, slug, request.args["shared"]))


@pages.post("/units/<slug>/count")
def count_devices(slug: str) -> PageResponse:
    """Say what the count would change, and keep it once that was confirmed."""
    context, account = deciding.require_permission(Permission.FACTS)
    share = _share_of(context, slug, request.form.get("shared", ""))
    decisions = context.services.manual_decisions
    is_corrected = bool(fields_in_force(decisions.corrections({share.subject_id}), context.today))
    try:
        until, reason = decision_checks.read_day(request.form.get("until", "")), deciding.given_reason()
        count = request.form.get(COUNT_FIELD, -1, type=int)
        entry = DeviceCount(subject_id=share.subject_id, count=count, until=until, reason=reason)
        decision_checks.check_count(context.lookup, entry, is_corrected=is_corrected)
    except DecisionRefused as refusal:
        deciding.refuse(context, refusal)
        return _count_form(context, share)
    if request.form.get("confirmed") != "yes":
        title = context.localiser.translate(FIELD_TITLES[COUNT_FIELD])
        change = Change(title, context.localiser.number(share.working_devices), context.localiser.number(count))
        fields = [("until", until.isoformat()), ("reason", reason), ("shared", share.subject_id)]
        back = url_for("pages.count_form", slug=slug, shared=share.subject_id)
        name = TranslatedNames(context).shared_name(share.subject_id)
        return _confirmation(name, [change], until, [*fields, (COUNT_FIELD, str(count))], back)
    _confirm_kept(context, until, [decisions.correct(entry, who=account.name)])
    return redirect(url_for("pages.unit", slug=share.unit))


def _share_of(context: RequestContext, slug: str, subject_id: str) -> CoverageShare:
    share = next((share for share in shared_shares(context.latest, slug) if share.subject_id == subject_id), None)
    return share or abort(404)


def _count_form(context: RequestContext, share: CoverageShare) -> PageResponse:
    return render_template(
        "count_devices.html",
        share=share,
        name=TranslatedNames(context).shared_name(share.subject_id),
        until=request.form.get("until") or decision_checks.usual_end(context.lookup, share.unit).isoformat(),
    )


# --- both ---------------------------------------------------------------------------------------------------------------


def _confirmation(
    subject: str, changes: Sequence[Change], until: date, fields: Sequence[tuple[str, str]], back: str
) -> PageResponse:
    return render_template(
        "confirm_correction.html", subject=subject, changes=changes, until=until, fields=fields, back=back
    )


def _confirm_kept(context: RequestContext, until: date, numbers: Sequence[int]) -> None:
    text = context.localiser.t(
        "Rättelsen gäller till och med {day}, eller tills källorna säger detsamma. Talen räknas om inom kort.",
        "The correction counts until {day}, or until the sources say the same. The numbers are counted anew shortly.",
        day=context.localiser.day(until),
    )
    deciding.confirm(text, "pages.take_back_corrections", [("number", str(number)) for number in numbers], {})
