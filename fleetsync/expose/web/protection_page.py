"""The page of the role `protection`: whether a person is protected, and wrong marks taken back, of one person or of all
whom one pull marked.

It lists nobody. A person is asked about by an exact key, which is in no address, and each question is in the audit.
"""

from collections.abc import Callable

from flask import abort, flash, redirect, render_template, request, url_for

from fleetsync.core.model import Text
from fleetsync.expose.ports import DecisionError, ProtectedState
from fleetsync.expose.scope import Permission
from fleetsync.expose.web import deciding
from fleetsync.expose.web.registry import PageResponse, page, pages
from fleetsync.expose.web.request_context import RequestContext, request_context

MAX_KEY_CHARACTERS = 200


@page("/protection", navigation_title=Text("Skyddade", "Protection"), needs=Permission.PROTECTION)
def protection() -> PageResponse:
    """The question, and the pulls that marked many persons at once."""
    return _protection_page(request_context(), None, is_asked=False)


@pages.post("/protection")
def ask_protection() -> PageResponse:
    """Whether the person of a key is protected."""
    context, account = deciding.require_permission(Permission.PROTECTION)
    key = request.form.get("key", "").strip()[:MAX_KEY_CHARACTERS]
    state = context.services.protection.find(key) if key else None
    context.services.audit.audit(account.name, "asked about protection", state.reference if state else "")
    return _protection_page(context, state, is_asked=bool(key))


@pages.post("/protection/release")
def release_protection() -> PageResponse:
    """Take back the mark of a person, for a reason."""
    context, account = deciding.require_permission(Permission.PROTECTION)
    reference = request.form.get("reference", "").strip()

    def release(reason: str) -> str:
        released = context.services.protection.release(reference, who=account.name, reason=reason)
        return context.localiser.t(
            "Skyddet är hävt och antecknat. Uppgifterna visas efter nästa hämtning av {parts}.",
            "The protection is released and noted. The person is shown after the next pull of {parts}.",
            parts=", ".join(released.parts) or "–",
        )

    return _decide(context, release)


@pages.post("/protection/release-pull")
def release_marks_of_pull() -> PageResponse:
    """Take back all marks of a pull, for a reason."""
    context, account = deciding.require_permission(Permission.PROTECTION)
    pull = request.form.get("pull", type=int)
    if pull is None:
        abort(400)

    def release(reason: str) -> str:
        released = context.services.protection.release_pull(pull, who=account.name, reason=reason)
        return context.localiser.t(
            "Märkningarna från hämtning {pull} är återtagna och antecknade. Var och en upphör när {part} läses utan den.",
            "The marks of pull {pull} are taken back and noted. Each ends when {part} is read without it.",
            pull=pull,
            part=released.part,
        )

    return _decide(context, release)


def _decide(context: RequestContext, decision: Callable[[str], str]) -> PageResponse:
    """Take *decision* for the reason in the form, and say what it came to."""
    try:
        flash(decision(deciding.given_reason()), "done")
    except DecisionError as refusal:
        deciding.refuse(context, refusal)
    return redirect(url_for("pages.protection"))


def _protection_page(context: RequestContext, state: ProtectedState | None, *, is_asked: bool) -> PageResponse:
    pulls = context.services.protection.marking_pulls()
    return render_template("protection.html", state=state, is_asked=is_asked, pulls=pulls)
