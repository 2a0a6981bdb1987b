"""The pages, one function each: each looks up what its template needs, and nothing else.

A page reads one snapshot and writes nothing. For a person who may not be shown it answers as for one who does not exist.
"""

from collections.abc import Sequence
from typing import Any

from flask import abort, render_template, request

from fleetsync.core.measures import Measure
from fleetsync.core.model import (
    RESERVED_UNITS,
    UNPLACED,
    BelievedRecord,
    CoveredBy,
    DeviceRecord,
    Subject,
    Text,
)
from fleetsync.core.snapshot import PAST_DAY_MEASURES
from fleetsync.expose.decision_checks import is_correctable
from fleetsync.expose.display_names import MEASURE_HELP, MEASURE_TITLES, SCHOOL_FORMS, STAGES, word
from fleetsync.expose.drill_down import (
    DERIVED_MEASURES,
    METRIC_PREFIX,
    measure_of,
    narrow_to_subject,
    number_of,
    shared_shares,
)
from fleetsync.expose.lists import ASSIGNMENTS, COVERAGE, DEVICES, GAP_LIST, NUMBERS
from fleetsync.expose.lists.gaps import SEVERITY_RANK
from fleetsync.expose.lists.row_index import RowIndex
from fleetsync.expose.lists.subjects import holder_of
from fleetsync.expose.lookup import GAP_KINDS
from fleetsync.expose.scope import Permission
from fleetsync.expose.web import coverage_overview, policy_sentences
from fleetsync.expose.web.entered_corrections import corrections_of
from fleetsync.expose.web.links import TranslatedNames
from fleetsync.expose.web.list_view import GivenRows, ListView
from fleetsync.expose.web.registry import PageResponse, page
from fleetsync.expose.web.request_context import RequestContext, request_context
from fleetsync.expose.web.unit_choice import UnitChoice, orders_by_coverage


@page("/", navigation_title=Text("Läget", "Overview"))
def overview() -> PageResponse:
    """Everything at a glance."""
    context = request_context()
    board = coverage_overview.build_overview(context)
    choice = UnitChoice(context, [unit.slug for unit in board.units], orders_by_coverage(context, board.units))
    trial = {unit.slug for unit in board.units if context.lookup.in_trial(unit.slug)}
    return render_template(
        "overview.html",
        board=board,
        choice=choice,
        cells=coverage_overview.figures_by_cell(context, choice.slugs),
        rules=[rule for rule, figures in board.by_rule.items() if figures.entitled or figures.surplus],
        tasks=context.today_indexes.open_tasks.by_role(),
        held=[(part, context.plan(part)[0]) for part in context.parts if part.held_pull is not None],
        unsorted=_gap_count(context, "unsorted"),
        unplaced=_gap_count(context, "unplaced"),
        trial=trial,
        is_all_trial=all(unit.slug in trial for unit in board.units if unit.slug != UNPLACED),
        gaps=context.today_indexes.open_tasks.open_gaps,
        year=coverage_overview.yearly_trends(context),
        is_empty=not board.units and not context.latest.devices,
    )


def _gap_count(context: RequestContext, kind: str) -> int:
    return number_of(context.latest, "gaps", {"kind": kind})


@page("/coverage", navigation_title=Text("Täckning", "Coverage"), keeps_past_days=True)
def coverage() -> PageResponse:
    """Every unit and entitlement as a table."""
    return ListView(COVERAGE, request_context()).respond("list.html", dated=True)


@page("/units/<slug>", section="coverage", keeps_past_days=True)
def unit(slug: str) -> PageResponse:
    """One unit."""
    context = request_context()
    known = context.lookup.units.get(slug)
    if known is None:
        abort(404)
    return render_template(
        "unit.html",
        slug=slug,
        cells=list(coverage_overview.figures_by_cell(context, [slug]).values()),
        school_forms=dict.fromkeys(
            context.localiser.translate(word(SCHOOL_FORMS, form)) for form in known.school_forms
        ),
        sets=[share for share in context.visible.shares if share.unit == slug and share.subject is Subject.SET],
        gaps=_gap_counts_at(context, slug),
        year=coverage_overview.yearly_trends(context, slug),
        **({} if context.as_of else _current_unit_values(context, slug)),
    )


def _current_unit_values(context: RequestContext, slug: str) -> dict[str, Any]:
    """What is not kept for past days."""
    shares = shared_shares(context.latest, slug)
    return {
        "roundings": _pool_roundings(context, slug),
        "local_plan": _local_plan_sentences(context, slug),
        "takes_head_counts": slug not in RESERVED_UNITS
        and context.scope.allows(Permission.HEAD_COUNTS)
        and context.services.head_counts.is_open(),
        "tasks": context.today_indexes.open_tasks.by_role(slug),
        "stages": _stage_counts_at(context, slug),
        "corrections": corrections_of(context, [share.subject_id for share in shares]),
        "pools": {share.entitlement: share for share in shares if share.subject is Subject.POOL},
        "publication": context.services.manual_decisions.publications().get(slug),
    }


def _local_plan_sentences(context: RequestContext, slug: str) -> tuple[str, Sequence[str]] | None:
    """What is said of the unit's plan in force, else of its plan that ended last; None when it has none."""
    today, localiser = context.latest.today, context.localiser
    decided = [plan for plan in context.latest.policy.local_plans if plan.unit == slug and plan.decided_on <= today]
    plan = context.lookup.local_plans.get(slug) or max(decided, key=lambda plan: plan.ends_on, default=None)
    if plan is None:
        return None
    titles = {rule.id: rule.title for rule in context.lookup.rules.values()}
    raises = policy_sentences.raise_sentences(plan, titles, localiser) if plan.ends_on >= today else []
    return policy_sentences.local_plan_sentence(plan, localiser, today), raises


def _pool_roundings(context: RequestContext, slug: str) -> dict[str, Sequence[tuple[Text, int, bool]]]:
    """Per pool rule: what each rounding would owe the unit, and whether it is the configured one."""
    roundings: dict[str, list[tuple[Text, int, bool]]] = {}
    for rounding, owed in context.today_indexes.pools_by_rounding.get(slug, ()):
        is_configured = context.lookup.rules[owed.entitlement].round_by is rounding
        roundings.setdefault(owed.entitlement, []).append(
            (policy_sentences.ROUNDINGS[rounding], owed.count, is_configured)
        )
    return dict(roundings)


def _gap_counts_at(context: RequestContext, slug: str) -> list[tuple[Any, int]]:
    counts = [
        (kind, number_of(context.visible, "gaps", {"unit": slug, "kind": kind.id})) for kind in GAP_KINDS.values()
    ]
    open_kinds = ((kind, count) for kind, count in counts if count)
    return sorted(open_kinds, key=lambda pair: (SEVERITY_RANK[pair[0].severity], -pair[1]))


def _stage_counts_at(context: RequestContext, slug: str) -> list[tuple[str, int]]:
    counts = [
        (stage, number_of(context.latest, "devices", {"unit": slug, "stage": stage})) for stage in STAGES if stage
    ]
    return [(stage, count) for stage, count in counts if count]


@page("/numbers/<measure>", section="coverage", keeps_past_days=True)
def numbers(measure: str) -> PageResponse:
    """The rows behind a number."""
    context = request_context()
    known = measure_of(measure)
    if known is None:
        abort(404)
    short_name = known.name.removeprefix(METRIC_PREFIX)
    if not is_kept_for_day(context, known):
        return render_template("message.html", title=context.localiser.t("Inte sparat", "Not kept"), text=context.localiser.t(
            "Det här talet sparas inte för gångna dagar.", "This number is not kept for past days.")), 404  # fmt: skip
    labels = {name: value for name in known.labels if (value := request.args.get(name, "").strip())}
    number = context.day_indexes.opened_number(short_name, labels)
    opened, index = number.opened, number.index
    if shared := request.args.get("shared", "").strip():
        opened = narrow_to_subject(opened, shared)
        index = RowIndex(NUMBERS, context.list_context, opened.rows)
    given = GivenRows(MEASURE_TITLES[short_name], index, opened.number)
    return ListView(NUMBERS, context, given).respond(
        "numbers.html",
        opened=opened,
        labels=labels | ({"shared": shared} if shared else {}),
        help=MEASURE_HELP[short_name],
        dated=known.name in PAST_DAY_MEASURES or short_name in DERIVED_MEASURES,
    )


def is_kept_for_day(context: RequestContext, measure: Measure) -> bool:
    """Whether the number exists for the day that is asked about."""
    return context.as_of is None or measure.name in DERIVED_MEASURES or measure.name in PAST_DAY_MEASURES


@page("/gaps", navigation_title=Text("Avvikelser", "Gaps"), keeps_past_days=True)
def gaps() -> PageResponse:
    """What is wrong."""
    kind = GAP_KINDS.get(request.args.get("kind", ""))
    return ListView(GAP_LIST, request_context()).respond("gaps.html", kind=kind, dated=True)


@page("/devices", navigation_title=Text("Verktyg", "Devices"))
def devices() -> PageResponse:
    """Every device."""
    context = request_context()
    ignored = sum(1 for case in context.latest.devices if case.device_state.stage is None)
    return ListView(DEVICES, context).respond("devices.html", ignored=ignored)


@page("/assignments", section="devices", keeps_past_days=True)
def assignments() -> PageResponse:
    """Which device serves which person, set or pool."""
    return ListView(ASSIGNMENTS, request_context()).respond("assignments.html", dated=True)


@page("/devices/<device_id>", section="devices", keeps_past_days=True)
def device(device_id: str) -> PageResponse:
    """One device as it is; of a past day only whom it served and its gaps."""
    context = request_context()
    case = context.lookup.devices.get(device_id)
    if case is None:
        abort(404)
    counting = [(known, _device_record(known), "counts") for known in case.device.records]
    older = [(known, _device_record(known), "superseded") for known in case.device.superseded]
    gone = [(known, _device_record(known), "gone") for known in case.device.gone]
    return render_template(
        "device.html",
        case=case,
        holder=holder_of(case, context.list_context),
        records=[*counting, *older, *gone],
        disagreements=context.latest.device_disagreements(case),
        gaps=context.gaps.get(device_id, ()),
        serving=context.serving.get(device_id),
        history=context.assignments_of(device_id),
        corrections=corrections_of(context, {device_id}),
        may_correct=context.may_correct and is_correctable(case, context.lookup),
    )


def _device_record(known: BelievedRecord) -> DeviceRecord:
    assert isinstance(known.record, DeviceRecord), "devices are made of device records"
    return known.record


@page("/people/<person_id>", section="coverage", keeps_past_days=True)
def person(person_id: str) -> PageResponse:
    """One person. A person who may not be shown has the same answer as one who does not exist."""
    context = request_context()
    case = context.lookup.person(person_id)
    visible = context.visible
    if case is None:
        return render_template("message.html", title=context.localiser.t("Visas inte", "Not shown"), text=context.localiser.t(
            "Det finns ingen sådan person, eller så får personen inte visas.",
            "There is no such person, or the person may not be shown.")), 404  # fmt: skip
    context.write_audit("viewed person", person_id)
    return render_template(
        "person.html",
        case=case,
        held=context.lookup.devices_by_holder.get(person_id, ()),
        owed=[row for row in visible.owed if row.subject_id == person_id],
        assigned=[row for row in visible.assignments if row.subject_id == person_id],
        shared=_sets_that_served(context, person_id),
        gaps=context.gaps.get(person_id, ()),
        disagreements=context.latest.person_disagreements(case),
        name=TranslatedNames(context).person(person_id),
    )


def _sets_that_served(context: RequestContext, person_id: str) -> Sequence[str]:
    """The sets that served a group of a person on the day that is asked about."""
    visible = context.visible
    places = [(row.unit, row.entitlement, set(row.groups)) for row in visible.owed if row.subject_id == person_id]
    return sorted(
        {
            assignment.subject_id
            for assignment in visible.assignments
            for unit, entitlement, groups in places
            if assignment.by is CoveredBy.SET
            and (assignment.unit, assignment.entitlement) == (unit, entitlement)
            and groups & set(assignment.groups)
        }
    )
