"""What templates may say: the reader's language, names of values, links to numbers, and figures of a drawing."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from flask import Flask, request, session, url_for

from fleetsync.core.model import Device, Known, Subject, Text
from fleetsync.expose.web import lists
from fleetsync.expose.web import words as w
from fleetsync.expose.web.lookup import KINDS, freshness, is_failing
from fleetsync.expose.web.opened import number_of
from fleetsync.expose.web.sign_in import csrf
from fleetsync.expose.web.standing import Figures, Trend
from fleetsync.expose.web.visit import THEMES, visit

TABLES: Mapping[str, Mapping[str, Text]] = {
    "purpose": w.PURPOSES,
    "stage": w.STAGES,
    "stages": w.STAGES_OF_MANY,
    "platform": w.PLATFORMS,
    "form_factor": w.FORM_FACTORS,
    "acting": w.ACTING,
    "verdict": w.VERDICTS,
    "decided": w.DECIDED,
    "role": w.ROLES_OF_PARTS,
    "freshness": w.FRESHNESS,
    "membership": w.MEMBERSHIPS,
    "employment": w.EMPLOYMENT_FORMS,
    "condition": w.CONDITIONS,
    "scheme": w.SCHEMES,
    "school_form": w.SCHOOL_FORMS,
    "account_role": w.ACCOUNT_ROLES,
    "measure": w.MEASURE_TITLES,
    "way": w.WAYS,
}
FIELDS: Mapping[str, Text] = {
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
VALUES: Mapping[str, Mapping[str, Text]] = {
    "platform": w.PLATFORMS,
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


def dress(app: Flask) -> None:
    """Give the templates of *app* their words."""
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        t=sentence,
        say=said,
        called=called,
        number_link=number_link,
        query=query,
        curve=curve,
        bar_parts=bar,
        by_way=by_way,
        field_said=field_said,
        sources_of=sources_of,
        part_day=part_day,
        group_said=group_said,
        every=every,
        csrf=csrf,
        freshness=freshness,
        is_failing=is_failing,
        KINDS=KINDS,
        FIELDS=FIELDS,
        THEMES=THEMES,
        Subject=Subject,
        filtered=filtered,
        label_said=label_said,
    )
    app.context_processor(_of_the_visit)


def _of_the_visit() -> dict[str, Any]:
    seen = visit()
    return {
        "seen": seen,
        "speech": seen.speech,
        "services": seen.services,
        "subjects": lists.Subjects(seen),
        "is_signed_in": "name" in session and seen.account is not None,
    }


def sentence(sv: str, en: str, **words: object) -> str:
    """The sentence in the reader's language."""
    return visit().speech.t(sv, en, **words)


def said(text: Text) -> str:
    """A text of the core in the reader's language."""
    return visit().speech.say(text)


def called(table: str, value: object) -> str:
    """What a value of the core is called."""
    return visit().speech.say(w.word(TABLES[table], value))


def label_said(name: str, value: str) -> tuple[str, str]:
    """(what a label is called, what its value is called)."""
    seen = visit()
    if name == "unit":
        return seen.speech.say(lists.UNIT), seen.unit_name(value)
    if name == "entitlement":
        return seen.speech.say(lists.ENTITLEMENT), lists.Subjects(seen).rule(value)
    if name == "shared":
        return seen.speech.t("Delas av", "Shared by"), lists.Subjects(seen).shared(value)
    title, words = w.LABELS[name]
    return seen.speech.say(title), seen.speech.say(w.word(words, value))


def number_link(measure: str, labels: Mapping[str, str], **more: str) -> str:
    """Where a number opens into its rows; on the page of a past day, those of that day."""
    values: dict[str, Any] = {**labels, **more}
    return url_for("pages.numbers", measure=measure, as_of=visit().as_of, **values)


def query(**changes: Any) -> str:
    """This page with something else in its address; what was posted is not asked for again."""
    if request.method != "GET" or request.endpoint is None:
        return url_for("pages.overview", **changes)
    kept = {key: value for key, value in request.args.items() if key not in {"lang", "theme", "format"}}
    values: dict[str, Any] = {**(request.view_args or {}), **kept, **changes}
    return url_for(request.endpoint, **values)


def filtered(**choices: str | None) -> str:
    """The list of gaps with these choices."""
    values: dict[str, Any] = {key: value for key, value in choices.items() if value}
    return url_for("pages.gaps", **values)


def by_way(labels: Mapping[str, str], by: str) -> int:
    """How much of a cell is covered by own, set or pool."""
    return number_of(visit().snapshot, "covered", {**labels, "by": by})


def field_said(device: Device, field: str) -> str:
    """A device's value of a field in words; "" where no source gives it."""
    value, speech = getattr(device, field), visit().speech
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return str(speech.t("ja", "yes") if value else speech.t("nej", "no"))
    if field in VALUES:
        return speech.say(w.word(VALUES[field], value))
    return speech.day(value) if isinstance(value, date) else str(value)


def sources_of(device: Device, field: str) -> str:
    """Which sources give a device's value of a field."""
    told = {known.source for known in device.records if getattr(known.record, field, None) not in (None, "", "other")}
    return ", ".join(sorted(told))


def part_day(known: Known) -> date | None:
    """The day that the part of a record speaks for."""
    return next((part.as_of for part in visit().parts if (part.source, part.part) == (known.source, known.part)), None)


def group_said(known: Known) -> str:
    """The name of the group that a membership is of; "" for none."""
    group = getattr(known.record, "group", None)
    return (visit().latest.view.book.group_name(known.source, group) or "") if group else ""


def every(interval: timedelta) -> str:
    """How often, in words."""
    speech, hours = visit().speech, round(interval.total_seconds() / 3600)
    if hours >= HOURS_OF_A_DAY and hours % HOURS_OF_A_DAY == 0:
        days = hours // HOURS_OF_A_DAY
        return str(speech.t("varje dag", "daily") if days == 1 else speech.t("var {n}:e dag", "every {n} days", n=days))
    if hours == 0:
        return str(speech.t("var {n}:e minut", "every {n} minutes", n=round(interval.total_seconds() / 60)))
    return str(
        speech.t("varje timme", "hourly") if hours == 1 else speech.t("var {n}:e timme", "every {n} hours", n=hours)
    )


# --- figures ----------------------------------------------------------------------------------------------------------

BAR_WIDTH = 1000
CURVE = (120.0, 28.0)
LOWEST_SHOWN = 0.02  # of a ratio: a flat curve is drawn flat, not as the noise of its last tenth


def bar(figures: Figures) -> Sequence[tuple[str, float, float]]:
    """(part, where it begins, how wide) of a bar of BAR_WIDTH: what works, what does not, what is unknown, what is
    not there.
    """
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


def curve(trend: Trend, size: tuple[float, float] = CURVE) -> dict[str, Any] | None:
    """A trend as points of a polyline; None with fewer than two days."""
    if len(trend) < 2:
        return None
    width, height = size
    first, last = trend[0][0], trend[-1][0]
    days = max(1, (last - first).days)
    ratios = [ratio for _, ratio in trend]
    low, high = min(ratios), max(ratios)
    middle, spread = (low + high) / 2, max(high - low, LOWEST_SHOWN)
    floor = middle - spread / 2

    def at(day: date, ratio: float) -> tuple[float, float]:
        return (
            round(2 + (width - 6) * (day - first).days / days, 1),
            round(3 + (height - 6) * (1 - (ratio - floor) / spread), 1),
        )

    points = [at(day, ratio) for day, ratio in trend]
    return {
        "points": " ".join(f"{x},{y}" for x, y in points),
        "area": f"M{points[0][0]},{height} "
        + " ".join(f"L{x},{y}" for x, y in points)
        + f" L{points[-1][0]},{height} Z",
        "end": points[-1],
        "first": trend[0],
        "last": trend[-1],
        "width": width,
        "height": height,
    }
