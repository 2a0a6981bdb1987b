"""/metrics, /livez and /readyz, for machines. A source that is down makes the daemon neither dead nor unready."""

from flask import Blueprint, Response, current_app, jsonify, request

from fleetsync.expose.metrics import CONTENT_TYPE
from fleetsync.expose.ports import PublishedState
from fleetsync.expose.telemetry import render_telemetry

health = Blueprint("health", __name__)
PUBLISHED_STATE_KEY = "fleetsync.showing"


def _published_state() -> PublishedState:
    state: PublishedState = current_app.extensions[PUBLISHED_STATE_KEY]
    return state


@health.get("/metrics")
def metrics() -> Response:
    """The exposition of the snapshot and of the daemon itself."""
    published_state = _published_state()
    live = render_telemetry(published_state.daemon_status())
    if request.accept_encodings.quality("gzip"):
        response = Response(published_state.exposition.compressed(live), content_type=CONTENT_TYPE)
        response.headers["Content-Encoding"] = "gzip"
    else:
        response = Response(published_state.exposition.body(live), content_type=CONTENT_TYPE)
    response.headers["Vary"] = "Accept-Encoding"
    return response


@health.get("/livez")
def livez() -> tuple[Response, int]:
    """Process and main loop."""
    return check_response(loop=_published_state().is_alive())


@health.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Database and snapshot."""
    return check_response(database_and_snapshot=_published_state().is_ready())


def check_response(**checks: bool) -> tuple[Response, int]:
    """The answer to an orchestrator: 200, or 503 with what failed."""
    is_good = all(checks.values())
    named = {name: "ok" if good else "failed" for name, good in checks.items()}
    return jsonify(status="ok" if is_good else "failed", checks=named), 200 if is_good else 503
