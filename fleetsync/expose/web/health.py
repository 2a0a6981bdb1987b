"""/metrics, /livez and /readyz: what machines ask. An MDM that is down makes us neither dead nor unready."""

from flask import Blueprint, Response, current_app, jsonify, request

from fleetsync.expose.metrics import CONTENT_TYPE
from fleetsync.expose.ports import Showing
from fleetsync.expose.telemetry import text

health = Blueprint("health", __name__)
SHOWING = "fleetsync.showing"


def _showing() -> Showing:
    found: Showing = current_app.extensions[SHOWING]
    return found


@health.get("/metrics")
def metrics() -> Response:
    """The exposition of the snapshot and of the daemon itself."""
    showing = _showing()
    live = text(showing.pulse())
    if request.accept_encodings.quality("gzip"):
        response = Response(showing.exposition.compressed(live), content_type=CONTENT_TYPE)
        response.headers["Content-Encoding"] = "gzip"
    else:
        response = Response(showing.exposition.body(live), content_type=CONTENT_TYPE)
    response.headers["Vary"] = "Accept-Encoding"
    return response


@health.get("/livez")
def livez() -> tuple[Response, int]:
    """Process and main loop."""
    return _checked(loop=_showing().is_alive())


@health.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Database and snapshot."""
    return _checked(database_and_snapshot=_showing().is_ready())


def _checked(**checks: bool) -> tuple[Response, int]:
    is_good = all(checks.values())
    named = {name: "ok" if good else "failed" for name, good in checks.items()}
    return jsonify(status="ok" if is_good else "failed", checks=named), 200 if is_good else 503
