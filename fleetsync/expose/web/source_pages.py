"""Sources: how each part does, what a held pull would change, and the decision over it.

A decision is written and the loop is woken; nothing is reconciled here.
"""

from collections.abc import Sequence
from typing import NamedTuple

from flask import abort, flash, redirect, render_template, request, url_for

from fleetsync.core.model import HoldReason, PartState, Verdict
from fleetsync.expose.ports import DecisionError
from fleetsync.expose.web import lists
from fleetsync.expose.web.lookup import freshness
from fleetsync.expose.web.pages import PageResponse, pages
from fleetsync.expose.web.request_context import RequestContext, request_context

__all__ = ["pages"]  # all of them: those of the sources are added to the others here

MAX_REASON_CHARACTERS = 500
READ_VERDICTS = frozenset({Verdict.COMPLETE, Verdict.HELD})  # of such a pull the whole part was read


class PullFindings(NamedTuple):
    """Why a pull came to what it came to, sentence by sentence, and the language that is in."""

    sentences: Sequence[str]
    language: str


@pages.get("/sources")
def sources() -> PageResponse:
    """Every source with its parts."""
    seen = request_context()
    by_source: dict[str, list[PartState]] = {}
    for one in seen.parts:
        by_source.setdefault(one.source, []).append(one)
    plans = {one.name: seen.plan(one)[0] for one in seen.parts if one.held_pull is not None}
    return lists.sources(seen).respond("sources.html", by_source=by_source, freshness=freshness, plans=plans)


@pages.get("/sources/<source>/<part>")
def part(source: str, part: str) -> PageResponse:
    """One part: its pulls, and what its held one would change."""
    seen = request_context()
    state = _part_state(seen, source, part)
    plan, refusal = seen.plan(state)
    lines = seen.services.history.pulls(source, part)
    return render_template(
        "part.html",
        part=state,
        state=freshness(state, seen.today),
        pulls=[(line, _pull_findings(line.refusals, line.reason, seen)) for line in lines],
        read=next((line for line in lines if line.verdict in READ_VERDICTS), None),
        plan=plan,
        refusal=refusal,
        findings=_pull_findings(seen.services.history.refusals(source, part), state.reason or "", seen),
    )


@pages.post("/sources/<source>/<part>")
def decide(source: str, part: str) -> PageResponse:
    """Accept or reject a held pull, for a reason."""
    seen = request_context()
    state = _part_state(seen, source, part)
    pull = request.form.get("pull", type=int)
    reason = request.form.get("reason", "").strip()[:MAX_REASON_CHARACTERS]
    decision = {"accept": seen.services.decisions.accept, "reject": seen.services.decisions.reject}.get(
        request.form.get("decision", "")
    )
    if pull is None or decision is None or seen.account is None:
        abort(400)
    back = url_for("pages.part", source=source, part=part)
    if not reason:
        flash(seen.localiser.t("Skriv en motivering först.", "Give a reason first."), "refused")
        return redirect(back)
    try:
        decision(state.source, state.part, pull, who=seen.account.name, reason=reason)
    except DecisionError as refusal:
        flash(str(refusal), "refused")
        return redirect(back)
    flash(
        seen.localiser.t(
            "Beslutet är antecknat. Talen räknas om och syns här inom kort.",
            "The decision is noted. The numbers are being counted anew and show here shortly.",
        ),
        "done",
    )
    return redirect(back)


def _pull_findings(refusals: Sequence[HoldReason], reason: str, seen: RequestContext) -> PullFindings:
    """What the guard found, in the reader's language; a reason that no guard gave as it came, in English."""
    if refusals:
        return PullFindings([seen.localiser.translate(one.text) for one in refusals], seen.localiser.language)
    return PullFindings([reason] if reason else [], "en")


def _part_state(seen: RequestContext, source: str, part: str) -> PartState:
    found = next((one for one in seen.parts if (one.source, one.part) == (source, part)), None)
    return found or abort(404)
