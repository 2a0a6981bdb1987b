"""The pages, one function each: what is looked up for them, and nothing else.

A page reads one snapshot, writes nothing, and says of whom it may not tell the same as of whom there is not.
"""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Redirect

from fleetsync.core.entitlement import pools
from fleetsync.core.identity import folded
from fleetsync.core.measures import Measure
from fleetsync.core.model import RESERVED_UNITS, UNPLACED, By, DeviceRecord, Known, RoundBy, Subject, Text
from fleetsync.core.snapshot import AS_OF_MEASURES
from fleetsync.expose.web import lists, sentences, standing, tasks
from fleetsync.expose.web import words as w
from fleetsync.expose.web.lookup import KINDS
from fleetsync.expose.web.opened import DIFFERENCES, PREFIX, measure_of, number_of, of_subject, opened
from fleetsync.expose.web.visit import Visit, visit

pages = Blueprint("pages", __name__)

Answer = Response | Redirect | str | tuple[str, int]


@pages.get("/")
def overview() -> Answer:
    """The whole at one look."""
    seen = visit()
    board = standing.board(seen)
    return render_template(
        "overview.html",
        board=board,
        rules=[rule for rule, figures in board.by_rule.items() if figures.entitled or figures.surplus],
        tasks=tasks.tasks_by_role(seen.lookup),
        held=[(part, seen.plan(part)[0]) for part in seen.parts if part.held_pull is not None],
        unsorted=_count(seen, "unsorted"),
        unplaced=_count(seen, "unplaced"),
        trial=[slug for slug in board.units if seen.lookup.in_trial(slug)],
        is_all_trial=all(seen.lookup.in_trial(slug) for slug in board.units if slug != UNPLACED),
        gaps=sum(1 for one in seen.latest.outcome.episodes if not one.is_parked(seen.day)),
        year=standing.year(seen),
        is_empty=not board.units and not seen.latest.outcome.devices,
    )


def _count(seen: Visit, kind: str) -> int:
    return number_of(seen.latest, "gaps", {"kind": kind})


@pages.get("/coverage")
def coverage() -> Answer:
    """Every unit and entitlement as a table."""
    return lists.coverage(visit()).answer("list.html", dated=True)


@pages.get("/units/<slug>")
def unit(slug: str) -> Answer:
    """One unit."""
    seen = visit()
    found = seen.lookup.units.get(slug)
    if found is None:
        abort(404)
    board = standing.board(seen)
    return render_template(
        "unit.html",
        slug=slug,
        cells=board.of_unit(slug),
        school_forms=dict.fromkeys(seen.speech.say(w.word(w.SCHOOL_FORMS, form)) for form in found.school_forms),
        sets=[one for one in seen.snapshot.outcome.shares if one.unit == slug and one.subject is Subject.SET],
        gaps=_kinds_at(seen, slug),
        year=standing.year(seen, slug),
        **({} if seen.as_of else _today_at(seen, slug)),
    )


def _today_at(seen: Visit, slug: str) -> dict[str, Any]:
    """What is kept of no past day."""
    return {
        "roundings": _roundings(seen, slug),
        "tasks": tasks.tasks_by_role(seen.lookup, slug),
        "stages": _stages_at(seen, slug),
    }


def _roundings(seen: Visit, slug: str) -> dict[str, Sequence[tuple[Text, int, bool]]]:
    """Per pool rule what each rounding would owe the unit, and whether it is the one in force."""
    view = seen.latest.view
    standings = [case.standing for case in seen.latest.outcome.people]
    found: dict[str, list[tuple[Text, int, bool]]] = {}
    for rounding in RoundBy:
        for owed in pools(standings, view.book, view.policy, seen.latest.outcome.moment, rounding):
            if owed.unit == slug:
                in_force = seen.lookup.rules[owed.entitlement].round_by is rounding
                found.setdefault(owed.entitlement, []).append((sentences.ROUNDINGS[rounding], owed.count, in_force))
    return dict(found)


def _kinds_at(seen: Visit, slug: str) -> list[tuple[Any, int]]:
    counts = [(kind, number_of(seen.snapshot, "gaps", {"unit": slug, "kind": kind.id})) for kind in KINDS.values()]
    found = ((kind, count) for kind, count in counts if count)
    return sorted(found, key=lambda pair: (tasks.WEIGHT[pair[0].severity], -pair[1]))


def _stages_at(seen: Visit, slug: str) -> list[tuple[str, int]]:
    counts = [(stage, number_of(seen.latest, "devices", {"unit": slug, "stage": stage})) for stage in w.STAGES if stage]
    return [(stage, count) for stage, count in counts if count]


@pages.get("/numbers/<measure>")
def numbers(measure: str) -> Answer:
    """What is behind a number."""
    seen = visit()
    found = measure_of(measure)
    if found is None:
        abort(404)
    short = found.name.removeprefix(PREFIX)
    if not is_kept(seen, found):
        return render_template("message.html", title=seen.speech.t("Inte sparat", "Not kept"), text=seen.speech.t(
            "Det här talet sparas inte för gångna dagar.", "This number is not kept for past days.")), 404  # fmt: skip
    wanted = {name: value for name in found.labels if (value := request.args.get(name, "").strip())}
    behind = opened(seen.snapshot, short, wanted, seen.concealed)
    if shared := request.args.get("shared", "").strip():
        behind = of_subject(behind, shared)
    return lists.rows_behind(seen, behind).answer(
        "numbers.html",
        found=behind,
        wanted=wanted | ({"shared": shared} if shared else {}),
        help=w.MEASURE_HELP[short],
        dated=found.name in AS_OF_MEASURES or short in DIFFERENCES,
    )


def is_kept(seen: Visit, measure: Measure) -> bool:
    """Whether the number is there for the day that is asked about."""
    return seen.as_of is None or measure.name in DIFFERENCES or measure.name in AS_OF_MEASURES


@pages.get("/gaps")
def gaps() -> Answer:
    """What is wrong."""
    seen = visit()
    kind = KINDS.get(request.args.get("kind", ""))
    shown = lists.gaps(seen)
    hidden = len(seen.snapshot.outcome.episodes) - len(shown.rows)
    return shown.answer("gaps.html", kind=kind, hidden=hidden, dated=True)


@pages.get("/devices")
def devices() -> Answer:
    """Every device."""
    seen = visit()
    ignored = sum(1 for case in seen.latest.outcome.devices if case.life.stage is None)
    return lists.devices(seen).answer("devices.html", ignored=ignored)


@pages.get("/assignments")
def assignments() -> Answer:
    """Which device serves whom or what."""
    seen = visit()
    shown = lists.assignments(seen)
    hidden = len(seen.snapshot.outcome.assignments) - len(shown.rows)
    return shown.answer("assignments.html", hidden=hidden, dated=True)


@pages.get("/devices/<device_id>")
def device(device_id: str) -> Answer:
    """One device, as it is; of a past day whom it served and what was wrong with it."""
    seen = visit()
    case = seen.lookup.devices.get(device_id)
    if case is None:
        abort(404)
    counting = [(known, _body(known), "counts") for known in case.device.records]
    older = [(known, _body(known), "superseded") for known in case.device.superseded]
    gone = [(known, _body(known), "gone") for known in case.device.gone]
    return render_template(
        "device.html",
        case=case,
        holder=lists.holder_of(case, seen),
        records=[*counting, *older, *gone],
        gaps=seen.gaps.get(device_id, ()),
        serving=seen.serving.get(device_id),
        history=seen.services.history.assignments_of(device_id),
    )


def _body(known: Known) -> DeviceRecord:
    assert isinstance(known.record, DeviceRecord), "devices are made of device records"
    return known.record


@pages.get("/people/<person_id>")
def person(person_id: str) -> Answer:
    """One person: who may not be shown has the same answer as who does not exist."""
    seen = visit()
    case = seen.lookup.person(person_id)
    outcome = seen.snapshot.outcome
    if case is None:
        return render_template("message.html", title=seen.speech.t("Visas inte", "Not shown"), text=seen.speech.t(
            "Det finns ingen sådan person, eller så får personen inte visas.",
            "There is no such person, or the person may not be shown.")), 404  # fmt: skip
    seen.note("viewed person", person_id)
    return render_template(
        "person.html",
        case=case,
        held=seen.lookup.held_by.get(person_id, ()),
        owed=[one for one in outcome.owed if one.subject_id == person_id],
        assigned=[one for one in outcome.assignments if one.subject_id == person_id],
        shared=_sets_that_served(seen, person_id),
        gaps=seen.gaps.get(person_id, ()),
        name=lists.Subjects(seen).person(person_id),
    )


def _sets_that_served(seen: Visit, person_id: str) -> Sequence[str]:
    """The sets that served a group of somebody on the day that is asked about."""
    outcome = seen.snapshot.outcome
    places = [(one.unit, one.entitlement, set(one.groups)) for one in outcome.owed if one.subject_id == person_id]
    return sorted(
        {
            one.subject_id
            for one in outcome.assignments
            for unit, entitlement, groups in places
            if one.by is By.SET and (one.unit, one.entitlement) == (unit, entitlement) and groups & set(one.groups)
        }
    )


@pages.get("/policy")
def policy() -> Answer:
    """The rules, read aloud."""
    seen = visit()
    shown, speech = seen.latest.view.policy, seen.speech
    return render_template(
        "policy.html",
        rules=[(rule, sentences.of_entitlement(rule, seen.lookup.units, speech)) for rule in shown.entitlements],
        silence=sentences.of_staleness(shown, speech),
        device_rules=[(rule, sentences.of_device_rule(rule, seen.lookup.units, speech)) for rule in shown.device_rules],
        unit_maps=sentences.of_unit_maps(shown.unit_maps, seen.lookup.units, speech),
        units=[one for one in seen.latest.outcome.units if one.slug not in RESERVED_UNITS],
        checked_on=shown.reference.checked_on,
    )


# --- search -----------------------------------------------------------------------------------------------------------


@pages.post("/search")
def search() -> Answer:
    """A serial, a tag, a log-in or a unit leads to its page; what was typed stands in no address."""
    seen = visit()
    text = folded(request.form.get("q", ""))
    if text and (found := _found(seen, text)):
        return redirect(found)
    return render_template("search.html"), 404


def _found(seen: Visit, text: str) -> str | None:
    for slug, one in seen.lookup.units.items():
        if text in {folded(slug), folded(one.name), *map(folded, one.codes)}:
            return url_for("pages.unit", slug=slug)
    for device_id, case in seen.lookup.devices.items():
        if text in {folded(word) for word in (case.device.serial, case.device.asset_tag, device_id) if word}:
            return url_for("pages.device", device_id=device_id)
    return _found_person(seen, text)


def _found_person(seen: Visit, text: str) -> str | None:
    for person_id, case in seen.lookup.people.items():
        if person_id in seen.lookup.concealed:
            continue
        if text == folded(person_id) or any(folded(key.value) == text for key in case.person.keys if not key.is_token):
            seen.note("searched person", person_id)
            return url_for("pages.person", person_id=person_id)
    return None
