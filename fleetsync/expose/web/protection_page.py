"""The page of the role `protection`: whether a person is protected, and a wrong mark taken back.

It lists nobody. A person is asked about by an exact key, which is in no address, and each question is in the audit.
"""

from flask import abort, flash, redirect, render_template, request, url_for

from fleetsync.core.model import Text
from fleetsync.expose.ports import DecisionError, SignInAccount
from fleetsync.expose.scope import Permission
from fleetsync.expose.web import source_pages
from fleetsync.expose.web.registry import PageResponse, page
from fleetsync.expose.web.request_context import RequestContext, request_context

pages = source_pages.pages  # all of them: this module adds its own

MAX_REASON_CHARACTERS = 500
MAX_KEY_CHARACTERS = 200


@page("/protection", navigation_title=Text("Skyddade", "Protection"), needs=Permission.PROTECTION)
def protection() -> PageResponse:
    """The question, and what follows from it."""
    return render_template("protection.html", state=None, is_asked=False)


@pages.post("/protection")
def ask_protection() -> PageResponse:
    """Whether the person of a key is protected."""
    context, account = _require_permission()
    key = request.form.get("key", "").strip()[:MAX_KEY_CHARACTERS]
    state = context.services.protection.find(key) if key else None
    context.services.audit.audit(account.name, "asked about protection", state.reference if state else "")
    return render_template("protection.html", state=state, is_asked=bool(key))


@pages.post("/protection/release")
def release_protection() -> PageResponse:
    """Take back the mark of a person, for a reason."""
    context, account = _require_permission()
    reference = request.form.get("reference", "").strip()
    reason = request.form.get("reason", "").strip()[:MAX_REASON_CHARACTERS]
    back = url_for("pages.protection")
    if not reference or not reason:
        flash(context.localiser.t("Skriv en motivering först.", "Give a reason first."), "refused")
        return redirect(back)
    try:
        released = context.services.protection.release(reference, who=account.name, reason=reason)
    except DecisionError as refusal:
        flash(str(refusal), "refused")
        return redirect(back)
    flash(
        context.localiser.t(
            "Skyddet är hävt och antecknat. Uppgifterna visas efter nästa hämtning av {parts}.",
            "The protection is released and noted. The person is shown after the next pull of {parts}.",
            parts=", ".join(released.parts) or "–",
        ),
        "done",
    )
    return redirect(back)


def _require_permission() -> tuple[RequestContext, SignInAccount]:
    context = request_context()
    if context.account is None or not context.scope.allows(Permission.PROTECTION):
        abort(403)
    return context, context.account
