"""The page on which the head counts of a unit are typed, and taken back."""

from collections.abc import Mapping, Sequence
from datetime import date

from flask import abort, flash, redirect, render_template, request, url_for

from fleetsync.core.model import RESERVED_UNITS, Text, Unit
from fleetsync.core.school_forms import FKLASS, FS, GRADED_FORMS
from fleetsync.expose.display_names import SCHOOL_FORMS, word
from fleetsync.expose.ports import CountedGroup, DecisionError, SignInAccount, TypedCount
from fleetsync.expose.scope import Permission
from fleetsync.expose.web import deciding
from fleetsync.expose.web.registry import PageResponse, page, pages
from fleetsync.expose.web.request_context import RequestContext

STAFF = "staff"  # in the form, in place of a school form
COUNTED_FORMS = (FS, FKLASS, "GR", "GRAN", "SP", "SAM")
MAX_DIGITS = 7
NOT_A_NUMBER = Text("Skriv antalet, året och dagen med siffror.", "Write number, year and day in digits.")


@page("/units/<slug>/head-counts", section="coverage", needs=Permission.HEAD_COUNTS)
def head_counts(slug: str) -> PageResponse:
    """What was typed for a unit, and the form for the next number."""
    context, _, unit = _require_unit(slug)
    head_counts = context.services.head_counts
    try:
        counts = [count for count in head_counts.typed_counts() if count.unit == slug]
    except DecisionError as problem:
        counts = []
        deciding.refuse(context, problem)
    return render_template(
        "head_counts.html",
        slug=slug,
        is_open=head_counts.is_open(),
        has_years=not set(GRADED_FORMS).isdisjoint(_forms_of(unit)),
        choices=[(form, _group_name(form, context)) for form in _forms_of(unit)],
        counts=[(count, _group_name(count.school_form or STAFF, context), _fields_of(count)) for count in counts],
        today=context.latest.today,
    )


@pages.post("/units/<slug>/head-counts")
def enter_head_count(slug: str) -> PageResponse:
    """Keep a number that was typed."""
    context, account, _ = _require_unit(slug)
    count = _count_of_form(slug, request.form)
    if count is None:
        flash(context.localiser.translate(NOT_A_NUMBER), "refused")
        return redirect(url_for("pages.head_counts", slug=slug))
    try:
        replaced = context.services.head_counts.enter(count, who=account.name)
    except DecisionError as refusal:
        deciding.refuse(context, refusal)
        return redirect(url_for("pages.head_counts", slug=slug))
    text = context.localiser.t("Antalet är sparat och läses nu.", "The number is kept and is being read.")
    if replaced is not None:
        text += " " + context.localiser.t(
            "Det ersätter {n} för samma dag.", "It replaces {n} of the same day.", n=replaced.heads
        )
    undo = "pages.remove_head_count" if replaced is None else "pages.enter_head_count"
    deciding.confirm(text, undo, _fields_of(replaced or count), {"slug": slug})
    return redirect(url_for("pages.head_counts", slug=slug))


@pages.post("/units/<slug>/head-counts/remove")
def remove_head_count(slug: str) -> PageResponse:
    """Take a number back, so that the one before it counts."""
    context, account, _ = _require_unit(slug)
    count = _count_of_form(slug, request.form)
    if count is None:
        abort(400)
    try:
        context.services.head_counts.remove(count, who=account.name)
    except DecisionError as refusal:
        deciding.refuse(context, refusal)
    else:
        text = context.localiser.t("Antalet är återtaget.", "The number is taken back.")
        deciding.confirm(text, "pages.enter_head_count", _fields_of(count), {"slug": slug})
    return redirect(url_for("pages.head_counts", slug=slug))


def _count_of_form(slug: str, form: Mapping[str, str]) -> TypedCount | None:
    """The count that a form holds; None where a number or a day of it is none."""
    school_form, heads, year = (form.get(key, "").strip() for key in ("form", "heads", "year"))
    if not _is_number(heads) or (year and not _is_number(year)):
        return None
    try:
        counted_on = date.fromisoformat(form.get("counted_on", "").strip())
    except ValueError:
        return None
    return TypedCount(
        unit=slug,
        whom=_group_of(school_form),
        school_form="" if school_form == STAFF else school_form,
        year=int(year) if year else None,
        heads=int(heads),
        counted_on=counted_on,
        counted_by=form.get("counted_by", "").strip(),
    )


def _fields_of(count: TypedCount) -> deciding.Fields:
    """The fields that hold *count*, as `_count_of_form` reads them."""
    return [
        ("form", count.school_form or STAFF),
        ("year", "" if count.year is None else str(count.year)),
        ("heads", str(count.heads)),
        ("counted_on", count.counted_on.isoformat()),
        ("counted_by", count.counted_by),
    ]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS


def _group_of(school_form: str) -> CountedGroup:
    if school_form == STAFF:
        return CountedGroup.STAFF
    return CountedGroup.CHILDREN if school_form == FS else CountedGroup.PUPILS


def _forms_of(unit: Unit) -> Sequence[str]:
    """What can be counted at *unit*: its school forms, else all of them, and its staff."""
    own = {form.upper() for form in unit.school_forms}
    return [*(form for form in COUNTED_FORMS if not own or form in own), STAFF]


def _group_name(form: str, context: RequestContext) -> str:
    localiser = context.localiser
    if form == STAFF:
        return localiser.t("Anställda som ska ha ett verktyg", "Staff who are owed a device")
    name = localiser.translate(word(SCHOOL_FORMS, form))
    if form in GRADED_FORMS:
        return localiser.t("Elever i {form}", "Pupils of {form}", form=name)
    return localiser.t("Barn i {form}", "Children of {form}", form=name)


def _require_unit(slug: str) -> tuple[RequestContext, SignInAccount, Unit]:
    """The request, its account and the unit. Ends it with 403 without the permission, with 404 out of scope."""
    context, account = deciding.require_permission(Permission.HEAD_COUNTS)
    unit = context.lookup.units.get(slug)
    if unit is None or slug in RESERVED_UNITS:
        abort(404)
    return context, account, unit
