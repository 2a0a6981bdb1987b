"""Security headers for every response, and error pages instead of tracebacks."""

from collections.abc import Mapping

from flask import Response, jsonify, render_template, request
from werkzeug.exceptions import HTTPException

from fleetsync import log
from fleetsync.expose.ports import LARGEST_FILE_BYTES
from fleetsync.expose.web.localiser import LANGUAGES, Localiser
from fleetsync.expose.web.request_context import THEMES, NoNumbersForDayError, current_app_state, request_context

logger = log.get(__name__)

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
A_YEAR_SECONDS = 31_536_000
A_DAY_SECONDS = 86_400
API_MESSAGES: Mapping[int, str] = {  # of other codes: what the place says that refuses the request
    401: "send a token that counts: Authorization: Bearer TOKEN. To make one: fleetsync token create NAME",
    404: "there is no such list or number, or there are no numbers of that day",
    500: "something went wrong in fleetsync; its log says where",
}


def add_headers(response: Response) -> Response:
    """*response* with the security headers; a chosen language or theme is kept in a cookie."""
    for key, values in (("lang", LANGUAGES), ("theme", THEMES)):
        if (chosen := request.args.get(key)) in values:
            is_secure = current_app_state().is_secure
            response.set_cookie(
                key, chosen or "", max_age=A_YEAR_SECONDS, samesite="Lax", httponly=True, secure=is_secure
            )
    return set_security_headers(response)


def set_security_headers(response: Response) -> Response:
    """*response* with the headers that every answer has."""
    headers = response.headers
    headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    is_static = request.endpoint == "static"
    headers["Cache-Control"] = f"private, max-age={A_DAY_SECONDS}" if is_static else "no-store"
    return response


def http_error(error: HTTPException) -> tuple[Response | str, int]:
    """An HTTP error: 400, 401, 403, 404, 405, 500."""
    code = error.code or 500
    if request.path.startswith("/api/") or request.endpoint == "health.metrics":
        return jsonify(error=code, message=API_MESSAGES.get(code, error.description)), code
    context = request_context()
    context.as_of = None  # an error page is about no day; the day of the address may be unreadable
    title, text = _error_message(code, context.localiser)
    return render_template("message.html", title=title, text=text, code=code), code


def internal_error(error: Exception) -> tuple[Response | str, int]:
    """A defect of ours. The log gets its place and kind, never the request: that could name a person."""
    logger.error("page failed", page=request.endpoint, kind=type(error).__name__, at=_error_location(error))
    if request.path.startswith("/api/"):
        return jsonify(error=500, message=API_MESSAGES[500]), 500
    title, text = _error_message(500, request_context().localiser)
    return render_template("message.html", title=title, text=text, code=500), 500


def _error_location(error: Exception) -> str:
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    return f"{step.tb_frame.f_globals.get('__name__')}:{step.tb_lineno}" if step is not None else ""


def no_numbers(error: NoNumbersForDayError) -> tuple[Response | str, int]:
    """A day for which nothing was published."""
    if request.path.startswith("/api/"):
        return jsonify(error=404, message=API_MESSAGES[404]), 404
    context = request_context()
    first = context.services.history.first_day()
    text = context.localiser.t(
        "Det finns inga tal för {day}.", "There are no numbers of {day}.", day=context.localiser.day(error.day)
    )
    if first is not None:
        context.as_of = None
        text += " " + context.localiser.t(
            "De första är från {first}.", "The first are of {first}.", first=context.localiser.day(first)
        )
    return render_template(
        "message.html", title=context.localiser.t("Inga tal", "No numbers"), text=text, code=404
    ), 404


def _error_message(code: int, localiser: Localiser) -> tuple[str, str]:
    t = localiser.t
    if code == 404:
        return t("Sidan finns inte", "No such page"), t(
            "Adressen leder ingenstans, eller så finns det den gällde inte längre.",
            "The address leads nowhere, or what it was about is no longer there.",
        )
    if code == 403:
        return t("Inte tillåtet", "Not allowed"), t(
            "Formuläret kom inte från den här sidan, eller så har sessionen gått ut. Gå tillbaka, ladda om och försök igen.",
            "The form did not come from this page, or the session has ended. Go back, reload and try again.",
        )
    if code == 413:
        return t("För stort", "Too large"), t(
            "En fil får vara högst {mebibytes} MiB. Inget av den togs emot. Lägg en större fil i källans mapp.",
            "A file may have {mebibytes} MiB at most. Nothing of it was taken. Put a larger one into the folder of the source.",
            mebibytes=LARGEST_FILE_BYTES // 2**20,
        )
    if code == 500:
        return t("Något gick fel hos oss", "Something went wrong here"), t(
            "Felet är antecknat i loggen. Talen i /metrics påverkas inte. Försök igen; hjälper det inte, se loggen.",
            "The error is in the log. The numbers in /metrics are not affected. Try again; if it stays, see the log.",
        )
    return t("Det gick inte att förstå", "That could not be understood"), t(
        "Adressen eller formuläret har ett värde som inte går att läsa.",
        "The address or the form has a value that cannot be read.",
    )
