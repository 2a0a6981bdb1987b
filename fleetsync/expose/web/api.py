"""The same lists as JSON under /api/v1, for whoever is signed in. Filters and order are those of the pages."""

from flask import Blueprint, Response, abort, current_app, jsonify, request

from fleetsync.expose.web import lists
from fleetsync.expose.web.listing import Listing
from fleetsync.expose.web.opened import PREFIX, measure_of, opened
from fleetsync.expose.web.pages import is_kept
from fleetsync.expose.web.visit import visit

api = Blueprint("api", __name__, url_prefix="/api/v1")


def _document(listing: Listing) -> Response:
    seen = visit()
    seen.note(f"export {listing.name} json", listing.name)
    return listing.json(listing.ordered(listing.filtered()))


@api.get("/coverage")
def coverage() -> Response:
    """Unit × entitlement."""
    return _document(lists.coverage(visit()))


@api.get("/gaps")
def gaps() -> Response:
    """Open and parked gaps."""
    return _document(lists.gaps(visit()))


@api.get("/devices")
def devices() -> Response:
    """Every device."""
    return _document(lists.devices(visit()))


@api.get("/assignments")
def assignments() -> Response:
    """Which device serves whom or what."""
    return _document(lists.assignments(visit()))


@api.get("/sources")
def sources() -> Response:
    """Every part of every source."""
    return _document(lists.sources(visit()))


@api.get("/numbers/<measure>")
def numbers(measure: str) -> Response:
    """The rows behind a number."""
    seen = visit()
    found = measure_of(measure)
    if found is None or not is_kept(seen, found):
        abort(404)
    wanted = {name: value for name in found.labels if (value := request.args.get(name, "").strip())}
    behind = opened(seen.snapshot, found.name.removeprefix(PREFIX), wanted, seen.concealed)
    return _document(lists.rows_behind(seen, behind))


@api.get("/now")
def now() -> Response:
    """When what is shown was reconciled: an open page asks whether it is still the newest."""
    return jsonify(snapshot_at=visit().latest.outcome.moment.at.isoformat())


@api.get("/openapi.json")
def description() -> Response:
    """This API, described."""
    return current_app.send_static_file("openapi.json")
