"""Lists to work from, each a page; and what is done with rows that were ticked on any list."""

from flask import abort, flash, redirect, request

from fleetsync.core.model import Text
from fleetsync.expose.drill_down import number_of
from fleetsync.expose.lists import COMMAND_LISTS, ListDefinition
from fleetsync.expose.lists.work import COLLECT, HAND_OUT, REPAIR, WORK_LISTS, Errand
from fleetsync.expose.web.list_view import FILE_FORMATS, ListView
from fleetsync.expose.web.registry import PageResponse, page, pages
from fleetsync.expose.web.request_context import request_context

LEADS = {
    HAND_OUT.name: Text(
        "De som saknar ett verktyg, eller väntar på ett som är på reparation eller borttappat.",
        "Who lacks a device, or waits for one that is in repair or lost.",
    ),
    COLLECT.name: Text(
        "Verktyg hos dem som slutar, ett verktyg för mycket, och lån som inte behövs längre.",
        "Devices of leavers, second devices, and loans that are no longer needed.",
    ),
    REPAIR.name: Text(
        "Det som är på reparation, med lånet under tiden, och det som inte är i drift hos någon som behöver det.",
        "What is in repair, with the loan meanwhile, and what does not work where somebody needs it.",
    ),
}


@page("/hand-out", navigation_title=Text("Listor", "Lists"))
def hand_out() -> PageResponse:
    """Who is to get a device."""
    return _work_list(HAND_OUT)


@page("/collect", section="hand_out")
def collect() -> PageResponse:
    """What is to be taken back."""
    return _work_list(COLLECT)


@page("/repair", section="hand_out")
def repair() -> PageResponse:
    """What is to be repaired."""
    return _work_list(REPAIR)


def _work_list(definition: ListDefinition[Errand]) -> PageResponse:
    context = request_context()
    unit = request.args.get("unit", "").strip()
    in_stock = number_of(context.latest, "devices", {"stage": "stock", **({"unit": unit} if unit else {})})
    return ListView(definition, context).respond(
        "work_list.html", work_lists=WORK_LISTS, lead=LEADS[definition.name], unit=unit, in_stock=in_stock
    )


@pages.post("/selection/<name>")
def selection(name: str) -> PageResponse:
    """Print or download the rows that were ticked, or all rows of the choice in the address."""
    definition = COMMAND_LISTS.get(name)
    if definition is None or definition.row_key is None:
        abort(404)
    context, action = request_context(), request.form.get("action", "")
    if action != "print" and action not in FILE_FORMATS:
        abort(400)
    ticked = None if request.form.get("every") else frozenset(request.form.getlist(definition.tick_field))
    list_view = ListView(definition, context, ticked=ticked)
    if not list_view.chosen_rows:
        flash(
            context.localiser.t(
                "Ingen rad är vald. Kryssa för minst en rad, eller alla i urvalet.",
                "No row is chosen. Tick at least one row, or all of the selection.",
            ),
            "refused",
        )
        return redirect(list_view.page_url())
    return list_view.printed() if action == "print" else list_view.file_response(action)
