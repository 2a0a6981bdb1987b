"""The pages, one function each: what is looked up for them, and nothing else.

A page reads one snapshot, writes nothing, and says of whom it may not tell the same as of whom there is not.
"""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Redirect

from fleetsync.core.entitlement import owed_to_pools
from fleetsync.core.identity import folded
from fleetsync.core.measures import Measure
from fleetsync.core.model import (
    RESERVED_UNITS,
    UNPLACED,
    BelievedRecord,
    CoveredBy,
    DeviceRecord,
    RoundBy,
    Subject,
    Text,
)
from fleetsync.core.snapshot import PAST_DAY_MEASURES
from fleetsync.expose.web import coverage_overview, lists, policy_sentences, tasks
from fleetsync.expose.web import display_names as w
from fleetsync.expose.web.drill_down import (
    DERIVED_MEASURES,
    METRIC_PREFIX,
    drill_down,
    measure_of,
    narrow_to_subject,
    number_of,
)
from fleetsync.expose.web.lookup import GAP_KINDS
from fleetsync.expose.web.request_context import RequestContext, request_context

pages = Blueprint("pages", __name__)

PageResponse = Response | Redirect | str | tuple[str, int]


@pages.get("/")
def overview() -> PageResponse:
    """The whole at one look."""
    seen = request_context()
    board = coverage_overview.build_overview(seen)
    return render_template(
        "overview.html",
        board=board,
        rules=[rule for rule, figures in board.by_rule.items() if figures.entitled or figures.surplus],
        tasks=tasks.tasks_by_role(seen.lookup),
        held=[(part, seen.plan(part)[0]) for part in seen.parts if part.held_pull is not None],
        unsorted=_gap_count(seen, "unsorted"),
        unplaced=_gap_count(seen, "unplaced"),
        trial=[slug for slug in board.units if seen.lookup.in_trial(slug)],
        is_all_trial=all(seen.lookup.in_trial(slug) for slug in board.units if slug != UNPLACED),
        gaps=sum(1 for one in seen.latest.outcome.episodes if not one.is_parked(seen.day)),
        year=coverage_overview.yearly_trends(seen),
        is_empty=not board.units and not seen.latest.outcome.devices,
    )


def _gap_count(seen: RequestContext, kind: str) -> int:
    return number_of(seen.latest, "gaps", {"kind": kind})


@pages.get("/coverage")
def coverage() -> PageResponse:
    """Every unit and entitlement as a table."""
    return lists.coverage(request_context()).respond("list.html", dated=True)


@pages.get("/units/<slug>")
def unit(slug: str) -> PageResponse:
    """One unit."""
    seen = request_context()
    found = seen.lookup.units.get(slug)
    if found is None:
        abort(404)
    board = coverage_overview.build_overview(seen)
    return render_template(
        "unit.html",
        slug=slug,
        cells=board.of_unit(slug),
        school_forms=dict.fromkeys(
            seen.localiser.translate(w.word(w.SCHOOL_FORMS, form)) for form in found.school_forms
        ),
        sets=[one for one in seen.snapshot.outcome.shares if one.unit == slug and one.subject is Subject.SET],
        gaps=_gap_counts_at(seen, slug),
        year=coverage_overview.yearly_trends(seen, slug),
        **({} if seen.as_of else _current_unit_values(seen, slug)),
    )


def _current_unit_values(seen: RequestContext, slug: str) -> dict[str, Any]:
    """What is kept of no past day."""
    return {
        "roundings": _pool_roundings(seen, slug),
        "tasks": tasks.tasks_by_role(seen.lookup, slug),
        "stages": _stage_counts_at(seen, slug),
    }


def _pool_roundings(seen: RequestContext, slug: str) -> dict[str, Sequence[tuple[Text, int, bool]]]:
    """Per pool rule what each rounding would owe the unit, and whether it is the one in force."""
    standings = [case.person_state for case in seen.latest.outcome.people]
    found: dict[str, list[tuple[Text, int, bool]]] = {}
    for rounding in RoundBy:
        for owed in owed_to_pools(standings, seen.latest.context, rounding):
            if owed.unit == slug:
                in_force = seen.lookup.rules[owed.entitlement].round_by is rounding
                found.setdefault(owed.entitlement, []).append(
                    (policy_sentences.ROUNDINGS[rounding], owed.count, in_force)
                )
    return dict(found)


def _gap_counts_at(seen: RequestContext, slug: str) -> list[tuple[Any, int]]:
    counts = [(kind, number_of(seen.snapshot, "gaps", {"unit": slug, "kind": kind.id})) for kind in GAP_KINDS.values()]
    found = ((kind, count) for kind, count in counts if count)
    return sorted(found, key=lambda pair: (tasks.SEVERITY_RANK[pair[0].severity], -pair[1]))


def _stage_counts_at(seen: RequestContext, slug: str) -> list[tuple[str, int]]:
    counts = [(stage, number_of(seen.latest, "devices", {"unit": slug, "stage": stage})) for stage in w.STAGES if stage]
    return [(stage, count) for stage, count in counts if count]


@pages.get("/numbers/<measure>")
def numbers(measure: str) -> PageResponse:
    """What is behind a number."""
    seen = request_context()
    found = measure_of(measure)
    if found is None:
        abort(404)
    short = found.name.removeprefix(METRIC_PREFIX)
    if not is_kept_for_day(seen, found):
        return render_template("message.html", title=seen.localiser.t("Inte sparat", "Not kept"), text=seen.localiser.t(
            "Det här talet sparas inte för gångna dagar.", "This number is not kept for past days.")), 404  # fmt: skip
    wanted = {name: value for name in found.labels if (value := request.args.get(name, "").strip())}
    behind = drill_down(seen.snapshot, short, wanted, seen.concealed)
    if shared := request.args.get("shared", "").strip():
        behind = narrow_to_subject(behind, shared)
    return lists.drill_down_list(seen, behind).respond(
        "numbers.html",
        found=behind,
        wanted=wanted | ({"shared": shared} if shared else {}),
        help=w.MEASURE_HELP[short],
        dated=found.name in PAST_DAY_MEASURES or short in DERIVED_MEASURES,
    )


def is_kept_for_day(seen: RequestContext, measure: Measure) -> bool:
    """Whether the number is there for the day that is asked about."""
    return seen.as_of is None or measure.name in DERIVED_MEASURES or measure.name in PAST_DAY_MEASURES


@pages.get("/gaps")
def gaps() -> PageResponse:
    """What is wrong."""
    seen = request_context()
    kind = GAP_KINDS.get(request.args.get("kind", ""))
    shown = lists.gaps(seen)
    hidden = len(seen.snapshot.outcome.episodes) - len(shown.rows)
    return shown.respond("gaps.html", kind=kind, hidden=hidden, dated=True)


@pages.get("/devices")
def devices() -> PageResponse:
    """Every device."""
    seen = request_context()
    ignored = sum(1 for case in seen.latest.outcome.devices if case.device_state.stage is None)
    return lists.devices(seen).respond("devices.html", ignored=ignored)


@pages.get("/assignments")
def assignments() -> PageResponse:
    """Which device serves whom or what."""
    seen = request_context()
    shown = lists.assignments(seen)
    hidden = len(seen.snapshot.outcome.assignments) - len(shown.rows)
    return shown.respond("assignments.html", hidden=hidden, dated=True)


@pages.get("/devices/<device_id>")
def device(device_id: str) -> PageResponse:
    """One device, as it is; of a past day whom it served and what was wrong with it."""
    seen = request_context()
    case = seen.lookup.devices.get(device_id)
    if case is None:
        abort(404)
    counting = [(known, _device_record(known), "counts") for known in case.device.records]
    older = [(known, _device_record(known), "superseded") for known in case.device.superseded]
    gone = [(known, _device_record(known), "gone") for known in case.device.gone]
    return render_template(
        "device.html",
        case=case,
        holder=lists.holder_of(case, seen),
        records=[*counting, *older, *gone],
        gaps=seen.gaps.get(device_id, ()),
        serving=seen.serving.get(device_id),
        history=seen.services.history.assignments_of(device_id),
    )


def _device_record(known: BelievedRecord) -> DeviceRecord:
    assert isinstance(known.record, DeviceRecord), "devices are made of device records"
    return known.record


@pages.get("/people/<person_id>")
def person(person_id: str) -> PageResponse:
    """One person: who may not be shown has the same answer as who does not exist."""
    seen = request_context()
    case = seen.lookup.person(person_id)
    outcome = seen.snapshot.outcome
    if case is None:
        return render_template("message.html", title=seen.localiser.t("Visas inte", "Not shown"), text=seen.localiser.t(
            "Det finns ingen sådan person, eller så får personen inte visas.",
            "There is no such person, or the person may not be shown.")), 404  # fmt: skip
    seen.write_audit("viewed person", person_id)
    return render_template(
        "person.html",
        case=case,
        held=seen.lookup.devices_by_holder.get(person_id, ()),
        owed=[one for one in outcome.owed if one.subject_id == person_id],
        assigned=[one for one in outcome.assignments if one.subject_id == person_id],
        shared=_sets_that_served(seen, person_id),
        gaps=seen.gaps.get(person_id, ()),
        name=lists.SubjectNames(seen).person(person_id),
    )


def _sets_that_served(seen: RequestContext, person_id: str) -> Sequence[str]:
    """The sets that served a group of somebody on the day that is asked about."""
    outcome = seen.snapshot.outcome
    places = [(one.unit, one.entitlement, set(one.groups)) for one in outcome.owed if one.subject_id == person_id]
    return sorted(
        {
            one.subject_id
            for one in outcome.assignments
            for unit, entitlement, groups in places
            if one.by is CoveredBy.SET
            and (one.unit, one.entitlement) == (unit, entitlement)
            and groups & set(one.groups)
        }
    )


@pages.get("/policy")
def policy() -> PageResponse:
    """The rules, read aloud."""
    seen = request_context()
    shown, localiser = seen.latest.context.policy, seen.localiser
    return render_template(
        "policy.html",
        rules=[
            (rule, policy_sentences.entitlement_sentences(rule, seen.lookup.units, localiser))
            for rule in shown.entitlements
        ],
        silence=policy_sentences.staleness_sentences(shown, localiser),
        device_rules=[
            (rule, policy_sentences.device_rule_sentence(rule, seen.lookup.units, localiser))
            for rule in shown.device_rules
        ],
        unit_maps=policy_sentences.unit_map_sentences(shown.unit_maps, seen.lookup.units, localiser),
        units=[one for one in seen.latest.outcome.units if one.slug not in RESERVED_UNITS],
        checked_on=shown.reference.checked_on,
    )


# --- search -----------------------------------------------------------------------------------------------------------


@pages.post("/search")
def search() -> PageResponse:
    """A serial, a tag, a log-in or a unit leads to its page; what was typed stands in no address."""
    seen = request_context()
    text = folded(request.form.get("q", ""))
    if text and (found := _find_page(seen, text)):
        return redirect(found)
    return render_template("search.html"), 404


def _find_page(seen: RequestContext, text: str) -> str | None:
    for slug, one in seen.lookup.units.items():
        if text in {folded(slug), folded(one.name), *map(folded, one.codes)}:
            return url_for("pages.unit", slug=slug)
    for device_id, case in seen.lookup.devices.items():
        if text in {folded(word) for word in (case.device.serial, case.device.asset_tag, device_id) if word}:
            return url_for("pages.device", device_id=device_id)
    return _find_person_page(seen, text)


def _find_person_page(seen: RequestContext, text: str) -> str | None:
    for person_id, case in seen.lookup.people.items():
        if person_id in seen.lookup.concealed:
            continue
        if text == folded(person_id) or any(folded(key.value) == text for key in case.person.keys if not key.is_token):
            seen.write_audit("searched person", person_id)
            return url_for("pages.person", person_id=person_id)
    return None
