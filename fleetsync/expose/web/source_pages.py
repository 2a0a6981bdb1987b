"""Pages of the sources: the state of each part, what a held pull would change, and the decision on it. The policy page.

A decision is written and the main loop is woken; nothing is reconciled here.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from flask import abort, flash, redirect, render_template, request, url_for

from fleetsync.core import pull_findings
from fleetsync.core.guard import may_be_accepted
from fleetsync.core.lifecycle.credentials import CONSEQUENCES, ExpiryStep, expiry_step
from fleetsync.core.model import RESERVED_UNITS, HoldReason, PartState, Severity, Text, UnreadableRow, Verdict
from fleetsync.expose.failure_texts import failure_text
from fleetsync.expose.lists import SOURCES
from fleetsync.expose.lookup import freshness
from fleetsync.expose.ports import DecisionError, PullSummary
from fleetsync.expose.scope import Permission
from fleetsync.expose.web import deciding, policy_sentences
from fleetsync.expose.web.list_view import ListView
from fleetsync.expose.web.registry import PageResponse, page, pages
from fleetsync.expose.web.request_context import RequestContext, request_context
from fleetsync.expose.web.unit_choice import UnitChoice, order_by_name

LARGEST_PULL = 2**63 - 1  # what the database can hold; a larger number names no pull


class PullFindings(NamedTuple):
    """Why a pull ended as it did, sentence by sentence, and the language of the sentences.

    *verbatim*: what the sentences were made of, in English, where it says more.
    """

    sentences: Sequence[str]
    language: str
    verbatim: str = ""


class NotTaken(NamedTuple):
    """One line of what a pull did not take up: a reason, word or headers, of which kind, where, and how often."""

    what: str
    kind: str
    where: str
    times: int


EXPIRY_SEVERITIES: Mapping[ExpiryStep, Severity | None] = {
    ExpiryStep.DISTANT: None,
    ExpiryStep.EXPIRING: Severity.WARNING,
    ExpiryStep.URGENT: Severity.CRITICAL,
}
UNREADABLE_ROW = Text("rad som inte gick att läsa", "row that could not be read")
UNREADABLE_FACT = Text("uppgift som inte gick att läsa", "fact that could not be read")
CONSEQUENCE = Text("vad som följer av det", "what follows from it")
UNUSED_HEADERS = Text("rubrik som inget fält tog upp", "header that no field took up")
UNEXPECTED = Text("oväntat i källan", "unexpected in the source")
DROPPED = Text("avsiktligt inte med", "left out on purpose")


@page("/sources", navigation_title=Text("Källor", "Sources"))
def sources() -> PageResponse:
    """Every source with its parts."""
    context = request_context()
    by_source: dict[str, list[PartState]] = {}
    for state in context.parts:
        by_source.setdefault(state.source, []).append(state)
    plans = {state.name: context.plan(state)[0] for state in context.parts if state.held_pull is not None}
    leftovers = context.services.decisions.leftover_pulls() if context.may_decide else ()
    return ListView(SOURCES, context).respond(
        "sources.html", by_source=by_source, freshness=freshness, plans=plans, leftovers=leftovers
    )


@page("/sources/<source>/<part>", section="sources")
def part(source: str, part: str) -> PageResponse:
    """One part: its pulls, and what its held pull would change."""
    context = request_context()
    state = _part_state(context, source, part)
    plan, refusal = context.plan(state)
    pulls_of_part, read, refusals = context.pulls(state), context.last_read(state), context.refusals(state)
    return render_template(
        "part.html",
        part=state,
        state=freshness(state, context.today),
        pulls=[(pull, _findings_of(pull, context)) for pull in pulls_of_part],
        read=read,
        not_taken=() if read is None else (*_not_taken(read, context), *_not_read_again(state, read, context)),
        left_files=pull_findings.left_files(state.left_files),
        credentials=[
            (credential, EXPIRY_SEVERITIES[expiry_step(credential, context.now)], CONSEQUENCES[credential.use])
            for credential in sorted(state.credentials, key=lambda credential: credential.expires_at)
        ],
        plan=plan,
        refusal=refusal,
        findings=_pull_findings(refusals, state.reason or "", context),
        may_be_accepted=may_be_accepted(refusals),
    )


@pages.post("/sources/<source>/<part>")
def decide(source: str, part: str) -> PageResponse:
    """Accept or reject a held pull, for a reason."""
    context, account = deciding.require_permission(Permission.DECISIONS)
    state = _part_state(context, source, part)
    pull = request.form.get("pull", type=int)
    decisions = context.services.decisions
    decision = {"accept": decisions.accept, "reject": decisions.reject}.get(request.form.get("decision", ""))
    if pull is None or not 0 < pull <= LARGEST_PULL or decision is None:
        abort(400)
    back = url_for("pages.part", source=source, part=part)
    try:
        decision(state.source, state.part, pull, who=account.name, reason=deciding.given_reason())
    except DecisionError as refusal:
        deciding.refuse(context, refusal)
        return redirect(back)
    flash(
        context.localiser.t(
            "Beslutet är antecknat. Talen räknas om och syns här inom kort.",
            "The decision is noted. The numbers are being counted anew and show here shortly.",
        ),
        "done",
    )
    return redirect(back)


@pages.post("/sources/leftover")
def reject_leftover() -> PageResponse:
    """Reject a held pull of a source or part that is no longer configured, for a reason."""
    context, account = deciding.require_permission(Permission.DECISIONS)
    decisions, number = context.services.decisions, request.form.get("pull", type=int)
    leftover = next((each for each in decisions.leftover_pulls() if each.pull == number), None)
    if leftover is None:
        abort(404)
    try:
        reason = deciding.given_reason()
        decisions.reject(leftover.source, leftover.part, leftover.pull, who=account.name, reason=reason)
    except DecisionError as refusal:
        deciding.refuse(context, refusal)
    else:
        flash(context.localiser.t("Hämtningen är avvisad.", "The pull is rejected."), "done")
    return redirect(url_for("pages.sources"))


def _not_taken(pull: PullSummary, context: RequestContext) -> Iterator[NotTaken]:
    """What a pull did not take up, the most frequent first within each kind."""
    translate = context.localiser.translate
    for counts, kind, is_fact in (
        (pull.rejected, UNREADABLE_ROW, False),
        (pull.unreadable_facts, UNREADABLE_FACT, True),
    ):
        for reason, count in _most_first(counts):
            rows = [row for row in pull.unreadable if _reason_of(row) == reason and (row.fact is not None) is is_fact]
            where = pull_findings.places(rows, count)
            yield NotTaken(reason.replace("_", " "), translate(kind), translate(where) if where else "", count)
    for note in pull_findings.notes(pull):
        yield NotTaken(note.reason, translate(CONSEQUENCE), note.place, 1)
    for file, headers in pull.unused_headers.items():
        yield NotTaken(", ".join(headers), translate(UNUSED_HEADERS), file, len(headers))
    for word, count in _most_first(pull.drift):
        yield NotTaken(word, translate(UNEXPECTED), "", count)
    for dropped, count in _most_first(pull.dropped):
        yield NotTaken(translate(pull_findings.dropped_noun(dropped, count)), translate(DROPPED), "", count)


def _not_read_again(state: PartState, read: PullSummary, context: RequestContext) -> Iterator[NotTaken]:
    """What could not be read in files that *read* did not read, because they had not changed."""
    translate = context.localiser.translate
    for scope, findings in state.scope_findings.items():
        if findings.pull == read.pull:
            continue
        unchanged = Text(f"{scope}, oförändrad sedan dess", f"{scope}, unchanged since")
        # A scope without a name is the whole part, read before the pull that is held now.
        where = translate(unchanged if scope else Text("listan före den", "the list before it"))
        for counts, kind in (
            (findings.rejected, UNREADABLE_ROW),
            (findings.unreadable_facts, UNREADABLE_FACT),
            (findings.drift, UNEXPECTED),
        ):
            for reason, count in _most_first(counts):
                yield NotTaken(reason.replace("_", " "), translate(kind), where, count)
        for headers in findings.unused_headers.values():
            yield NotTaken(", ".join(headers), translate(UNUSED_HEADERS), where, len(headers))


def _most_first(counts: Mapping[str, int]) -> Sequence[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _reason_of(row: UnreadableRow) -> str:
    return row.reason if row.fact is None else f"{row.fact}: {row.reason}"


def _findings_of(pull: PullSummary, context: RequestContext) -> PullFindings:
    return _pull_findings(pull.refusals, pull.reason, context, is_failure=pull.verdict is Verdict.FAILED)


def _pull_findings(
    refusals: Sequence[HoldReason], reason: str, context: RequestContext, *, is_failure: bool = False
) -> PullFindings:
    """The findings of the plausibility check or what a failure means, in the reader's language; other reasons as they are."""
    localiser = context.localiser
    if refusals:
        return PullFindings([localiser.translate(refusal.text) for refusal in refusals], localiser.language)
    if is_failure and reason and localiser.language != "en":
        return PullFindings([localiser.translate(failure_text(reason))], localiser.language, reason)
    return PullFindings([reason] if reason else [], "en")


def _part_state(context: RequestContext, source: str, part: str) -> PartState:
    state = next((state for state in context.parts if (state.source, state.part) == (source, part)), None)
    return state or abort(404)


@page("/policy", navigation_title=Text("Regler", "Policy"))
def policy() -> PageResponse:
    """The rules as sentences."""
    context = request_context()
    shown, localiser, names = context.latest.policy, context.localiser, context.lookup.units
    units = [slug for slug in names if slug not in RESERVED_UNITS]
    choice = UnitChoice(context, units, {"name": order_by_name(context)})
    shown_units = {*choice.slugs, *RESERVED_UNITS} if choice.is_needed else None
    unit_maps = [line for line in shown.unit_maps if shown_units is None or line.unit in shown_units]
    titles = {rule.id: rule.title for rule in shown.entitlements}
    return render_template(
        "policy.html",
        rules=[
            (
                rule,
                policy_sentences.entitlement_sentences(rule, names, localiser, shown.withdrawn_from(rule.id)),
            )
            for rule in shown.entitlements
        ],
        local_plans=[
            (
                plan,
                policy_sentences.local_plan_sentence(plan, localiser, context.latest.today),
                policy_sentences.raise_sentences(plan, titles, localiser),
            )
            for plan in shown.local_plans
            if shown_units is None or plan.unit in shown_units
        ],
        silence=policy_sentences.staleness_sentences(shown, localiser),
        device_rules=[
            (rule, policy_sentences.device_rule_sentence(rule, names, localiser)) for rule in shown.device_rules
        ],
        unit_maps=policy_sentences.unit_map_sentences(unit_maps, names, localiser),
        choice=choice,
        units=[names[slug] for slug in choice.slugs],
        checked_on=shown.reference.checked_on,
    )
