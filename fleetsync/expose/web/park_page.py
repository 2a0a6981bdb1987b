"""Parks gaps, one or many at once: who, why and until when. They stay in all numbers, and come back by themselves."""

from collections.abc import Sequence
from typing import NamedTuple

from flask import redirect, render_template, request, url_for

from fleetsync.core.model import Episode, Subject
from fleetsync.expose import decision_checks
from fleetsync.expose.decision_checks import DecisionRefused
from fleetsync.expose.lists.definitions import SubjectLink
from fleetsync.expose.manual_decisions import EnteredParking
from fleetsync.expose.ports import DecisionError
from fleetsync.expose.scope import Permission
from fleetsync.expose.web import deciding
from fleetsync.expose.web.links import subject_url
from fleetsync.expose.web.registry import PageResponse, page, pages
from fleetsync.expose.web.request_context import RequestContext, request_context

MAX_GAPS = 200


class ChosenGap(NamedTuple):
    """A gap that may be parked, and who has parked it."""

    key: str  # KIND:ID
    episode: Episode
    parking: EnteredParking | None


@page("/gaps/park", section="gaps", needs=Permission.FACTS)
def park_gaps() -> PageResponse:
    """The gaps of the address (`gap=KIND:ID`, repeated), and the form."""
    return _form(request_context(), request.args.getlist("gap"))


@pages.post("/gaps/park")
def decide_to_park() -> PageResponse:
    """Park the gaps of the form; without a day in it, show the form for them: a list may send a selection."""
    context, account = deciding.require_permission(Permission.FACTS)
    keys = request.form.getlist("gap")
    if "until" not in request.form:
        return _form(context, keys)
    try:
        episodes = [decision_checks.open_gap(context.lookup, key) for key in _checked(keys)]
        until = decision_checks.read_day(request.form["until"])
        decision_checks.check_parking(context.lookup, episodes, until)
        reason = deciding.given_reason()
    except DecisionRefused as refusal:
        deciding.refuse(context, refusal)
        return _form(context, keys)
    gaps = [episode.key for episode in episodes]
    context.services.manual_decisions.park(gaps, until, who=account.name, reason=reason)
    day = context.localiser.day(until)
    text = (
        context.localiser.t("Avvikelsen är parkerad till och med {day}.", "The gap is parked until {day}.", day=day)
        if len(gaps) == 1
        else context.localiser.t(
            "{n} avvikelser är parkerade till och med {day}.", "{n} gaps are parked until {day}.", n=len(gaps), day=day
        )
    )
    deciding.confirm(text, "pages.unpark_gaps", [("gap", key) for key in keys], {})
    return redirect(_after(context, episodes))


@pages.post("/gaps/unpark")
def unpark_gaps() -> PageResponse:
    """Let parked gaps be in alerts again."""
    context, account = deciding.require_permission(Permission.FACTS)
    try:
        episodes = [decision_checks.open_gap(context.lookup, key) for key in _checked(request.form.getlist("gap"))]
        before = [_parking(context, episode) for episode in episodes]
        context.services.manual_decisions.unpark([episode.key for episode in episodes], who=account.name)
    except DecisionError as refusal:
        deciding.refuse(context, refusal)
        return redirect(url_for("pages.gaps"))
    text = context.localiser.t(
        "Parkeringen är återtagen. Avvikelsen är med i larm igen.",
        "The parking is taken back. The gap is in alerts again.",
    )
    again: list[tuple[str, str]] = [("gap", ":".join(episode.key)) for episode in episodes]
    earlier = next((parking for parking in before if parking is not None), None)
    if earlier is not None:
        again += [("until", earlier.until.isoformat()), ("reason", earlier.reason)]
    deciding.confirm(text, "pages.decide_to_park", again, {})
    return redirect(_after(context, episodes))


def _after(context: RequestContext, episodes: Sequence[Episode]) -> str:
    """The page of the subject of one gap; of several the list."""
    first = episodes[0]
    link = SubjectLink(first.subject, first.subject_id, first.unit)
    return (subject_url(link, context) if len(episodes) == 1 else None) or url_for("pages.gaps")


def _checked(keys: Sequence[str]) -> Sequence[str]:
    if not 0 < len(keys) <= MAX_GAPS:
        raise DecisionRefused(
            f"Välj minst en och högst {MAX_GAPS} avvikelser.", f"Choose at least one gap, and at most {MAX_GAPS}"
        )
    return list(dict.fromkeys(keys))


def _parking(context: RequestContext, episode: Episode) -> EnteredParking | None:
    return context.services.manual_decisions.parking(*episode.key)


def _form(context: RequestContext, keys: Sequence[str]) -> PageResponse:
    chosen, closed = [], 0
    for key in dict.fromkeys(keys[:MAX_GAPS]):
        try:
            episode = decision_checks.open_gap(context.lookup, key)
        except DecisionRefused:
            closed += 1
        else:
            chosen.append(ChosenGap(key, episode, _parking(context, episode)))
    if not chosen:
        return render_template("park.html", chosen=(), closed=closed)
    for gap in chosen:
        if gap.episode.subject is Subject.PERSON:
            context.write_audit("viewed person", gap.episode.subject_id)
    last = decision_checks.last_day_to_park(context.lookup, [gap.episode for gap in chosen])
    until = request.form.get("until", last.isoformat())
    return render_template("park.html", chosen=chosen, closed=closed, last_day=last, until=until)
