"""The web application: pages, JSON API, metrics and health, as WSGI callables that the daemon serves.

It shows one snapshot, asks the ports, and never reconciles. No address, log line or message names a person.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.exceptions import HTTPException

from fleetsync.expose.ports import WebServices
from fleetsync.expose.web.api import api
from fleetsync.expose.web.ended_sessions import SESSION_LIFETIME, EndedSessions
from fleetsync.expose.web.health import PUBLISHED_STATE_KEY, health
from fleetsync.expose.web.indexed_snapshot import SnapshotIndexes
from fleetsync.expose.web.limiter import SignInLimiter
from fleetsync.expose.web.registry import pages
from fleetsync.expose.web.request_context import EXTENSION_KEY, App, NoNumbersForDayError
from fleetsync.expose.web.responses import add_headers, http_error, internal_error, no_numbers
from fleetsync.expose.web.sign_in import LARGEST_FORM_BYTES, check_access, largest_body, sign_in_pages
from fleetsync.expose.web.template_helpers import register_template_helpers

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["WebRefused", "create_app", "largest_body", "metrics_wsgi"]

# A module registers its pages when it is imported. The order is that of the navigation.
PAGE_MODULES = (
    "pages",
    "search",
    "work_pages",
    "source_pages",
    "proposal_pages",
    "file_page",
    "protection_page",
    "head_count_page",
    "park_page",
    "correction_pages",
    "trial_pages",
)
for _module in PAGE_MODULES:
    import_module(f"{__name__}.{_module}")


class WebRefused(Exception):
    """The page cannot be served as configured; the text says what to change."""


def create_app(services: WebServices) -> Flask:
    """The Flask application. Raises WebRefused when other machines could reach it without an https address."""
    if not services.is_loopback and not services.public_url.startswith("https://"):
        raise WebRefused(
            "config.toml: [web] public_url must be the https:// address at which people reach the page, because listen "
            "is not this machine alone. Put a reverse proxy with TLS before it, or listen on 127.0.0.1"
        )
    app = Flask("fleetsync.expose.web", static_folder="static", template_folder="templates")
    app.secret_key = services.session_key
    is_secure = services.public_url.startswith("https://")
    app.config.update(
        # With this prefix browsers send the cookie to no other host, path or scheme.
        SESSION_COOKIE_NAME="__Host-fleetsync" if is_secure else "fleetsync",
        SESSION_COOKIE_SECURE=is_secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=SESSION_LIFETIME,
        SESSION_REFRESH_EACH_REQUEST=False,  # an open page asks every minute and would never be signed out
        MAX_CONTENT_LENGTH=LARGEST_FORM_BYTES,
    )
    app.extensions[EXTENSION_KEY] = App(
        services, SnapshotIndexes(services.history), SignInLimiter(services.clock), EndedSessions(), is_secure
    )
    app.extensions[PUBLISHED_STATE_KEY] = services.published_state
    app.before_request(check_access)
    app.after_request(add_headers)
    app.register_error_handler(NoNumbersForDayError, no_numbers)
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(Exception, internal_error)
    for blueprint in (pages, sign_in_pages, api, health):
        app.register_blueprint(blueprint)
    register_template_helpers(app)
    return app


def metrics_wsgi(services: WebServices) -> "WSGIApplication":
    """`/metrics`, `/livez` and `/readyz` alone, for a listener of their own that no export can delay."""
    app = Flask("fleetsync.expose.web.machines", static_folder=None)
    app.extensions[PUBLISHED_STATE_KEY] = services.published_state
    app.register_blueprint(health)
    return app.wsgi_app
