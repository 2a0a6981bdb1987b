"""What the forms of decisions have in common: who may decide, the reason, the answer to the person, and how to undo it."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import abort, flash, request, session, url_for

from fleetsync.expose.decision_checks import DecisionRefused
from fleetsync.expose.ports import DecisionError, SignInAccount
from fleetsync.expose.scope import Permission
from fleetsync.expose.web.request_context import RequestContext, request_context

MAX_REASON_CHARACTERS = 500
MAX_UNDO_FIELDS = 40  # they are kept in a cookie
UNDO_KEY = "undo"

Fields = Sequence[tuple[str, str]]


def require_permission(permission: Permission) -> tuple[RequestContext, SignInAccount]:
    """The request and its account; 403 without *permission*."""
    context = request_context()
    if context.account is None or not context.scope.allows(permission):
        abort(403)
    return context, context.account


def given_reason() -> str:
    """The reason in the form. Raises DecisionRefused where there is none."""
    reason = request.form.get("reason", "").strip()[:MAX_REASON_CHARACTERS]
    if not reason:
        raise DecisionRefused("Skriv en motivering först.", "Give a reason first.")
    return reason


def refuse(context: RequestContext, refusal: DecisionError) -> None:
    """Say on the next page why the decision was not taken."""
    flash(context.localiser.translate(refusal.text), "refused")


def confirm(text: str, undo_endpoint: str, undo_fields: Fields, parameters: Mapping[str, str]) -> None:
    """Say on the next page what was decided, with a button that posts *undo_fields* and so takes it back.

    *parameters*: of the address of *undo_endpoint*.
    """
    flash(text, "done")
    if len(undo_fields) <= MAX_UNDO_FIELDS:
        session[UNDO_KEY] = {
            "url": url_for(undo_endpoint, **dict[str, Any](parameters)),
            "fields": [list(pair) for pair in undo_fields],
        }


def take_undo() -> dict[str, Any] | None:
    """The address and fields of the button that takes the newest decision back; once, on the page after it."""
    undo = session.pop(UNDO_KEY, None)
    return undo if isinstance(undo, dict) else None
