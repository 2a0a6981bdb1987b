"""The page that takes a mailed file: it says what the file is and would change, and asks before anything is kept."""

from pathlib import PurePosixPath

from flask import abort, flash, redirect, render_template, request, url_for

from fleetsync.core.model import Text
from fleetsync.expose.gate import visible_received_file
from fleetsync.expose.ports import DecisionError
from fleetsync.expose.scope import Permission
from fleetsync.expose.web import deciding
from fleetsync.expose.web.registry import PageResponse, page, pages

MAX_NAME_CHARACTERS = 150


@page("/sources/file", section="sources", needs=Permission.DECISIONS)
def give_file() -> PageResponse:
    """The field for a file, or what the one that was given is and would change."""
    context, account = deciding.require_permission(Permission.DECISIONS)
    received = context.services.inbox.received(account.name)
    shown = None if received is None else visible_received_file(received, context.scope)
    return render_template("give_file.html", received=shown)


@pages.post("/sources/file")
def receive_file() -> PageResponse:
    """Take a file, and look at it in the background."""
    context, account = deciding.require_permission(Permission.DECISIONS)
    given = request.files.get("file")
    name = _plain_name(given.filename or "") if given is not None else ""
    if given is None or not name:
        flash(context.localiser.translate(NO_FILE), "refused")
    else:
        context.services.inbox.receive(account.name, name, given.read())
    return redirect(url_for("pages.give_file"))


@pages.post("/sources/file/decision")
def decide_on_file() -> PageResponse:
    """Keep the file that was given and have it read, or forget it."""
    context, account = deciding.require_permission(Permission.DECISIONS)
    inbox, decision = context.services.inbox, request.form.get("decision", "")
    if decision not in {"accept", "discard"}:
        abort(400)
    if decision == "discard":
        inbox.discard(account.name)
        return redirect(url_for("pages.give_file"))
    try:
        source = inbox.accept(account.name)
    except DecisionError as refusal:
        deciding.refuse(context, refusal)
        return redirect(url_for("pages.give_file"))
    text = context.localiser.t(
        "Filen är sparad och läses av {source} nu.", "The file is kept and is being read by {source}.", source=source
    )
    flash(text, "done")
    return redirect(url_for("pages.sources"))


NO_FILE = Text(
    "Välj en fil först. Namnet får bara ha tecken som går att skriva.",
    "Choose a file first. Its name may only have signs that can be written.",
)


def _plain_name(given: str) -> str:
    """The name of a file without folders; "" for one that cannot be used."""
    name = PurePosixPath(given.replace("\\", "/")).name.strip()
    is_usable = name.isprintable() and not name.startswith(".") and len(name) <= MAX_NAME_CHARACTERS
    return name if is_usable else ""
