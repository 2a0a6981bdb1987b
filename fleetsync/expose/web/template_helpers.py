"""Functions for templates: translation, names of values, links to numbers, and coordinates of bars and curves."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from flask import Flask, request, session, url_for
from jinja2 import StrictUndefined, Undefined
from jinja2.utils import missing

from fleetsync.core.disagreements import Claim, Disagreement, sources_of_value
from fleetsync.core.model import BelievedRecord, Device, Subject, Text
from fleetsync.expose import display_names
from fleetsync.expose.drill_down import number_of
from fleetsync.expose.failure_texts import failure_text
from fleetsync.expose.lists.columns import ENTITLEMENT_TITLE, UNIT_TITLE
from fleetsync.expose.lookup import GAP_KINDS, freshness, freshness_by_source, is_failing
from fleetsync.expose.web.coverage_overview import CoverageFigures, CoverageTrend
from fleetsync.expose.web.deciding import take_undo
from fleetsync.expose.web.links import TranslatedNames, changed_url
from fleetsync.expose.web.registry import PAGES
from fleetsync.expose.web.request_context import THEMES, request_context
from fleetsync.expose.web.sign_in import csrf

DISPLAY_NAMES: Mapping[str, Mapping[str, Text]] = {
    "purpose": display_names.PURPOSES,
    "stage": display_names.STAGES,
    "stages": display_names.STAGES_PLURAL,
    "platform": display_names.PLATFORMS,
    "form_factor": display_names.FORM_FACTORS,
    "acting": display_names.ACTING_ROLES,
    "verdict": display_names.VERDICTS,
    "decided": display_names.PULL_DECISIONS,
    "role": display_names.PART_ROLES,
    "freshness": display_names.FRESHNESS,
    "membership": display_names.MEMBERSHIPS,
    "employment": display_names.EMPLOYMENT_FORMS,
    "condition": display_names.CONDITIONS,
    "scheme": display_names.KEY_SCHEMES,
    "school_form": display_names.SCHOOL_FORMS,
    "account_role": display_names.ACCOUNT_ROLES,
    "measure": display_names.MEASURE_TITLES,
    "way": display_names.COVERED_BY,
}
YES_OR_NO: Mapping[str, Text] = {"true": Text("ja", "yes"), "false": Text("nej", "no")}
DEVICE_FIELDS: Mapping[str, Text] = {
    "manufacturer": Text("Tillverkare", "Manufacturer"),
    "model": Text("Modell", "Model"),
    "platform": Text("Plattform", "Platform"),
    "os_version": Text("Systemversion", "System version"),
    "os_edition": Text("Utgåva", "Edition"),
    "asset_tag": Text("Inventarienummer", "Asset tag"),
    "ownership": Text("Ägare", "Ownership"),
    "managed": Text("Hanterat", "Managed"),
    "compliance": Text("Följer reglerna", "Compliance"),
    "encrypted": Text("Krypterat", "Encrypted"),
    "enrolled_at": Text("Inskrivet", "Enrolled"),
    "purchased_on": Text("Inköpt", "Purchased"),
    "warranty_until": Text("Garanti till", "Warranty until"),
    "support_until": Text("Stöd till", "Support until"),
}
DISAGREEMENT_FIELDS: Mapping[str, Text] = {
    **DEVICE_FIELDS,
    "serial": Text("Serienummer", "Serial"),
    "condition": Text("Skick", "Condition"),
    "holder": Text("Innehavare", "Holder"),
    "unit": Text("Enhet", "Unit"),
    "school_form": Text("Skolform", "School form"),
    "year": Text("Årskurs", "Year"),
    "employment_form": Text("Anställningsform", "Employment form"),
    "start": Text("Från", "From"),
    "end": Text("Till", "To"),
}
FIELD_VALUES: Mapping[str, Mapping[str, Text]] = {
    "platform": display_names.PLATFORMS,
    "condition": display_names.CONDITIONS,
    "school_form": display_names.SCHOOL_FORMS,
    "employment_form": display_names.EMPLOYMENT_FORMS,
    "managed": YES_OR_NO,
    "encrypted": YES_OR_NO,
    "ownership": {
        "organisation": Text("kommunen", "the municipality"),
        "personal": Text("privat", "personal"),
    },
    "compliance": {
        "compliant": Text("ja", "yes"),
        "noncompliant": Text("nej", "no"),
        "grace": Text("har respit", "in grace"),
    },
}
HOURS_OF_A_DAY = 24


class _StrictAttributes(Undefined):
    """A missing variable is empty; a misspelt attribute of an existing variable is an error."""

    def __new__(cls, hint: str | None = None, obj: Any = missing, name: str | None = None, *rest: Any) -> Any:
        if obj is missing:
            return super().__new__(cls)
        return StrictUndefined(hint, obj, name, *rest)


LOOK_BACK: Sequence[tuple[int, Text]] = (
    (1, Text("i går", "yesterday")),
    (7, Text("för en vecka sedan", "a week ago")),
    (30, Text("för 30 dagar sedan", "30 days ago")),
    (91, Text("för tre månader sedan", "three months ago")),
    (365, Text("för ett år sedan", "a year ago")),
)


def days_to_look_back(first_day: date | None) -> Iterator[tuple[date, str]]:
    """Past days that are offered for a look back, and what they are called. None is before *first_day*, the first known."""
    context = request_context()
    for days, name in LOOK_BACK:
        day = context.today - timedelta(days=days)
        if first_day is not None and day >= first_day:
            yield day, context.localiser.translate(name)


def register_template_helpers(app: Flask) -> None:
    """Register the functions and variables of this module with the templates of *app*."""
    app.jinja_env.undefined = _StrictAttributes
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        t=translate_pair,
        translate=translate_text,
        display_name_of=display_name_of,
        number_url=number_url,
        current_page_url=current_page_url,
        trend_polyline=trend_polyline,
        bar_parts=bar_parts,
        covered_by=covered_by,
        field_text=field_text,
        sources_of_value=sources_of_value,
        disagreement_title=disagreement_title,
        claim_text=claim_text,
        part_as_of=part_as_of,
        membership_group_name=membership_group_name,
        interval_text=interval_text,
        csrf=csrf,
        take_undo=take_undo,
        freshness=freshness,
        freshness_by_source=freshness_by_source,
        is_failing=is_failing,
        failure_text=failure_text,
        days_to_look_back=days_to_look_back,
        one_day=timedelta(days=1),
        GAP_KINDS=GAP_KINDS,
        DEVICE_FIELDS=DEVICE_FIELDS,
        THEMES=THEMES,
        Subject=Subject,
        gaps_url=gaps_url,
        label_names=label_names,
        PAGES=PAGES,
    )
    app.context_processor(_request_variables)


def _request_variables() -> dict[str, Any]:
    context = request_context()
    return {
        "context": context,
        "localiser": context.localiser,
        "services": context.services,
        "subjects": TranslatedNames(context),
        "is_signed_in": "name" in session and context.account is not None,
    }


def translate_pair(sv: str, en: str, **words: object) -> str:
    """The sentence in the reader's language."""
    return request_context().localiser.t(sv, en, **words)


def translate_text(text: Text) -> str:
    """A text of the core in the reader's language."""
    return request_context().localiser.translate(text)


def display_name_of(table: str, value: object) -> str:
    """What a value of the core is called."""
    return request_context().localiser.translate(display_names.word(DISPLAY_NAMES[table], value))


def label_names(name: str, value: str) -> tuple[str, str]:
    """(what a label is called, what its value is called)."""
    context = request_context()
    if name == "unit":
        return context.localiser.translate(UNIT_TITLE), context.unit_name(value)
    if name == "entitlement":
        return context.localiser.translate(ENTITLEMENT_TITLE), TranslatedNames(context).rule(value)
    if name == "shared":
        return context.localiser.t("Delas av", "Shared by"), TranslatedNames(context).shared_name(value)
    title, words = display_names.LABEL_NAMES[name]
    return context.localiser.translate(title), context.localiser.translate(display_names.word(words, value))


def number_url(measure: str, labels: Mapping[str, str], **more: str) -> str:
    """The address of the rows behind a number; on a page about a past day, those of that day."""
    values: dict[str, Any] = {**labels, **more}
    return url_for("pages.numbers", measure=measure, as_of=request_context().as_of, **values)


def current_page_url(**changes: Any) -> str:
    """The address of this page with *changes*; the overview after a form was posted."""
    if request.method != "GET" or request.endpoint is None:
        return url_for("pages.overview", **changes)
    return changed_url(**changes)


def gaps_url(**choices: str | None) -> str:
    """The list of gaps with these choices."""
    values: dict[str, Any] = {key: value for key, value in choices.items() if value}
    return url_for("pages.gaps", **values)


def covered_by(labels: Mapping[str, str], by: str) -> int:
    """How much of a cell is covered by own, set or pool."""
    return number_of(request_context().visible, "covered", {**labels, "by": by})


def field_text(device: Device, field: str) -> str:
    """A device's value of a field in words; "" where no source gives it."""
    value, localiser = getattr(device, field), request_context().localiser
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return str(localiser.t("ja", "yes") if value else localiser.t("nej", "no"))
    if field in FIELD_VALUES:
        return localiser.translate(display_names.word(FIELD_VALUES[field], value))
    return localiser.day(value) if isinstance(value, date) else str(value)


def disagreement_title(disagreement: Disagreement) -> str:
    """What the field of a disagreement is called."""
    return request_context().localiser.translate(DISAGREEMENT_FIELDS[disagreement.field])


def claim_text(disagreement: Disagreement, claim: Claim) -> str:
    """The value that somebody gives for a field, in words; a person who may not be shown is not named."""
    context = request_context()
    if disagreement.field == "unit":
        return context.unit_name(claim.value)
    if disagreement.field == "holder":
        if context.lookup.person(claim.value) is None:
            return context.localiser.t("visas inte", "not shown")
        return f"{TranslatedNames(context).person(claim.value)} {claim.value}"
    words = FIELD_VALUES.get(disagreement.field, {})
    return context.localiser.translate(words[claim.value]) if claim.value in words else claim.value


def part_as_of(known: BelievedRecord) -> date | None:
    """The day that the part of a record speaks for."""
    return next(
        (part.as_of for part in request_context().parts if (part.source, part.part) == (known.source, known.part)), None
    )


def membership_group_name(known: BelievedRecord) -> str:
    """The name of the group that a membership is of; "" for none."""
    group = getattr(known.record, "group", None)
    return (request_context().latest.unit_directory.group_name(known.source, group) or "") if group else ""


def interval_text(interval: timedelta) -> str:
    """An interval in words: daily, every 3 hours."""
    localiser, hours = request_context().localiser, round(interval.total_seconds() / 3600)
    if hours >= HOURS_OF_A_DAY and hours % HOURS_OF_A_DAY == 0:
        days = hours // HOURS_OF_A_DAY
        return str(
            localiser.t("varje dag", "daily") if days == 1 else localiser.t("var {n}:e dag", "every {n} days", n=days)
        )
    if hours == 0:
        return str(localiser.t("var {n}:e minut", "every {n} minutes", n=round(interval.total_seconds() / 60)))
    return str(
        localiser.t("varje timme", "hourly")
        if hours == 1
        else localiser.t("var {n}:e timme", "every {n} hours", n=hours)
    )


# --- figures ----------------------------------------------------------------------------------------------------------

BAR_WIDTH = 1000
TREND_SIZE = (120.0, 28.0)
MIN_POINT_DISTANCE = 1.9  # in the unit of TREND_SIZE, a pixel or so: a year keeps its days at full width
MIN_RATIO_SPREAD = 0.02  # of a ratio: a flat curve is drawn flat, not as the noise of its last tenth


def bar_parts(figures: CoverageFigures) -> Sequence[tuple[str, float, float]]:
    """(part, x, width) of a bar of BAR_WIDTH: covered, not working, unknown, without a device."""
    if not figures.entitled:
        return ()
    parts = (
        ("works", figures.covered),
        ("idle", figures.not_working),
        ("unknown", figures.unknown),
        ("lack", figures.without),
    )
    drawn, begin = [], 0.0
    for name, count in parts:
        width = BAR_WIDTH * count / figures.entitled
        if count:
            drawn.append((name, round(begin, 2), round(width, 2)))
        begin += width
    return drawn


def trend_polyline(trend: CoverageTrend, size: tuple[float, float] = TREND_SIZE) -> dict[str, Any] | None:
    """A trend as points of a polyline; None with fewer than two days."""
    if len(trend) < 2:
        return None
    width, height = size
    first, last = trend[0][0], trend[-1][0]
    days = max(1, (last - first).days)
    ratios = [ratio for _, ratio in trend]
    low, high = min(ratios), max(ratios)
    middle, spread = (low + high) / 2, max(high - low, MIN_RATIO_SPREAD)
    floor = middle - spread / 2

    def at(day: date, ratio: float) -> tuple[float, float]:
        return (
            round(2 + (width - 6) * (day - first).days / days, 1),
            round(3 + (height - 6) * (1 - (ratio - floor) / spread), 1),
        )

    points = _thinned([at(day, ratio) for day, ratio in trend])
    line = [f"{x:g},{y:g}" for x, y in points]
    return {
        "points": " ".join(line),
        "area": f"M{points[0][0]:g},{height:g}L{' '.join(line)} {points[-1][0]:g},{height:g}Z",
        "end": points[-1],
        "first": trend[0],
        "last": trend[-1],
        "width": width,
        "height": height,
    }


def _thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """*points* from left to right, without those that are too close to the one before; the last one always stays."""
    kept = [points[0]]
    for point in points[1:-1]:
        if point[0] - kept[-1][0] >= MIN_POINT_DISTANCE:
            kept.append(point)
    return [*kept, points[-1]]
