"""What is answered while there is no snapshot yet: a page that says how far the start has come and reloads itself.

Machines are refused with 503, so that no empty number is ever scraped; only /livez answers that the process runs.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from flask import Flask, Response, render_template
from werkzeug.exceptions import HTTPException

from fleetsync.core.model import Text
from fleetsync.expose.web.health import check_response
from fleetsync.expose.web.localiser import Localiser
from fleetsync.expose.web.request_context import chosen_language, chosen_theme
from fleetsync.expose.web.responses import set_security_headers

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

RELOAD_SECONDS = 2


class StartProgress(NamedTuple):
    """How far the start has come: *done* of *total* steps."""

    step: Text  # what is being done now, in a sentence
    done: int
    total: int


def starting_wsgi(
    municipality: str, progress: Callable[[], StartProgress], default_language: str = "sv"
) -> "WSGIApplication":
    """The application that answers until the real one can. *progress* is asked at each request."""
    app = Flask("fleetsync.expose.web", static_folder="static", template_folder="templates")
    app.after_request(set_security_headers)

    @app.get("/livez")
    def livez() -> tuple[Response, int]:
        return check_response(loop=True)

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        return check_response(database_and_snapshot=False)

    @app.get("/metrics")
    @app.get("/api/<path:_path>")
    def for_machines(_path: str = "") -> Response:
        return _not_yet(Response("There are no numbers yet.\n", content_type="text/plain; charset=utf-8"))

    # No other address has a route, so all of them end here.
    @app.errorhandler(HTTPException)
    def page(_error: HTTPException) -> Response:
        now = progress()
        localiser = Localiser(chosen_language(default_language), zone="UTC")
        text = render_template(
            "starting.html", localiser=localiser, theme=chosen_theme(), municipality=municipality, progress=now
        )
        response = _not_yet(Response(text))
        response.headers["Refresh"] = str(RELOAD_SECONDS)
        return response

    return app.wsgi_app


def _not_yet(response: Response) -> Response:
    response.status_code = 503
    response.headers["Retry-After"] = str(RELOAD_SECONDS)
    return response
