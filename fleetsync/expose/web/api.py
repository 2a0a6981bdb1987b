"""The same lists as JSON under /api/v1, for whoever is signed in. Filters and order are those of the pages."""

from flask import Blueprint, Response, abort, current_app, jsonify, request

from fleetsync.expose.web import lists
from fleetsync.expose.web.drill_down import METRIC_PREFIX, drill_down, measure_of
from fleetsync.expose.web.list_view import ListView
from fleetsync.expose.web.pages import is_kept_for_day
from fleetsync.expose.web.request_context import request_context

api = Blueprint("api", __name__, url_prefix="/api/v1")


def _list_as_json(list_view: ListView) -> Response:
    seen = request_context()
    seen.write_audit(f"export {list_view.name} json", list_view.name)
    return list_view.json_response(list_view.sorted_rows(list_view.filtered_rows()))


@api.get("/coverage")
def coverage() -> Response:
    """Unit × entitlement."""
    return _list_as_json(lists.coverage(request_context()))


@api.get("/gaps")
def gaps() -> Response:
    """Open and parked gaps."""
    return _list_as_json(lists.gaps(request_context()))


@api.get("/devices")
def devices() -> Response:
    """Every device."""
    return _list_as_json(lists.devices(request_context()))


@api.get("/assignments")
def assignments() -> Response:
    """Which device serves whom or what."""
    return _list_as_json(lists.assignments(request_context()))


@api.get("/sources")
def sources() -> Response:
    """Every part of every source."""
    return _list_as_json(lists.sources(request_context()))


@api.get("/numbers/<measure>")
def numbers(measure: str) -> Response:
    """The rows behind a number."""
    seen = request_context()
    found = measure_of(measure)
    if found is None or not is_kept_for_day(seen, found):
        abort(404)
    wanted = {name: value for name in found.labels if (value := request.args.get(name, "").strip())}
    behind = drill_down(seen.snapshot, found.name.removeprefix(METRIC_PREFIX), wanted, seen.concealed)
    return _list_as_json(lists.drill_down_list(seen, behind))


@api.get("/now")
def now() -> Response:
    """When what is shown was reconciled: an open page asks whether it is still the newest."""
    return jsonify(snapshot_at=request_context().latest.outcome.moment.at.isoformat())


@api.get("/openapi.json")
def openapi_document() -> Response:
    """This API, described."""
    return current_app.send_static_file("openapi.json")
