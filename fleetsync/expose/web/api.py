"""The lists as JSON under /api/v1, for signed-in accounts and for tokens, 500 rows an answer, and explanations.

Filters and order are those of the pages.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
from flask import Blueprint, Response, abort, jsonify, request

from fleetsync.expose.drill_down import METRIC_PREFIX, measure_of
from fleetsync.expose.explanations import EXPLANATIONS, explanation_of
from fleetsync.expose.lists import API_LISTS, NUMBERS, ListDefinition
from fleetsync.expose.lists.openapi import API_PREFIX, openapi_document
from fleetsync.expose.web.list_view import GivenRows, ListView
from fleetsync.expose.web.pages import is_kept_for_day
from fleetsync.expose.web.request_context import request_context

api = Blueprint("api", __name__, url_prefix=API_PREFIX)


def _list_route(definition: ListDefinition[Any]) -> Callable[[], Response]:
    def answer() -> Response:
        return ListView(definition, request_context()).json_response()

    return answer


for _definition in API_LISTS:
    api.add_url_rule(f"/{_definition.name}", _definition.name, _list_route(_definition), methods=["GET"])


@api.get("/numbers/<measure>")
def numbers(measure: str) -> Response:
    """The rows behind a number."""
    context = request_context()
    known = measure_of(measure)
    if known is None or not is_kept_for_day(context, known):
        abort(404)
    labels = {name: value for name in known.labels if (value := request.args.get(name, "").strip())}
    number = context.day_indexes.opened_number(known.name.removeprefix(METRIC_PREFIX), labels)
    return ListView(NUMBERS, context, GivenRows(known.title, number.index, number.opened.number)).json_response()


@api.get("/explain/<what>/<path:id_>")
def explain(what: str, id_: str) -> Response:
    """Why a unit, person, device or gap is as it is."""
    context = request_context()
    explanation = explanation_of(what, id_, context.today_indexes.list_context) if what in EXPLANATIONS else None
    if explanation is None:
        abort(404)
    context.write_audit(f"explained {what}", id_)
    return Response(msgspec.json.encode(explanation), content_type="application/json")


@api.get("/now")
def now() -> Response:
    """When the current snapshot was reconciled. An open page asks whether it still shows the newest one."""
    return jsonify(snapshot_at=request_context().latest.at.isoformat())


@api.get("/openapi.json")
def description() -> Response:
    """This API, described."""
    return jsonify(_document())


@cache
def _document() -> dict[str, Any]:
    return openapi_document()
