"""Sign-in with local accounts and with tokens, sessions, the access check of every request, and the two checks of every form.

A session holds a name, the instant at which its password was set, so that a new password ends the old sessions, and when it
began. An unknown name costs as much time as a wrong password. Failed attempts are limited by account and address, and audited.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Request, abort, flash, redirect, render_template, request, session, url_for
from werkzeug.security import check_password_hash, generate_password_hash
from werkzeug.wrappers import Response

from fleetsync.expose.ports import LARGEST_FILE_BYTES, SignInAccount
from fleetsync.expose.scope import Scope
from fleetsync.expose.web.ended_sessions import SESSION_LIFETIME
from fleetsync.expose.web.registry import PAGES
from fleetsync.expose.web.request_context import RequestContext, current_app_state, request_context

sign_in_pages = Blueprint("sign_in", __name__)

UNKNOWN_NAME_HASH = generate_password_hash(secrets.token_hex(), method="scrypt")
FILE_ENDPOINT = "pages.receive_file"
LARGEST_FORM_BYTES = 16_384
LARGEST_REQUEST_BYTES = 65_536  # up to here the page answers in words; beyond, the server ends the connection
OPEN_ENDPOINTS = frozenset({"sign_in.form", "sign_in.sign_in", "static", "health.livez", "health.readyz"})


# --- before every request ---------------------------------------------------------------------------------------------


def check_access() -> Response | None:
    """Refuse foreign hosts and forged forms; send visitors to the sign-in; refuse pages that the account may not open."""
    services = current_app_state().services
    if request.endpoint in {"health.livez", "health.readyz"}:
        return None
    if not (_is_this_machine(services.is_loopback) or _is_public_host(services.public_url)):
        abort(400)
    # Behind a proxy on this machine every request comes from here: only our own host name needs no sign-in.
    if request.endpoint == "health.metrics" and _is_this_machine(services.is_loopback):
        return None
    if request.endpoint == FILE_ENDPOINT and _signed_in_account(request_context()) is not None:
        request.max_content_length = LARGEST_FILE_BYTES + LARGEST_FORM_BYTES  # of others nothing as large is read
    if request.method == "POST":
        _check_csrf()
    if request.endpoint == "static":
        return None
    context = request_context()
    context.account = _token_account(context) if _is_for_programs() else _signed_in_account(context)
    if context.account is None and request.endpoint not in OPEN_ENDPOINTS:
        return _ask_to_sign_in()
    _require_scope(context.scope)
    return None


def largest_body(app: Flask) -> Callable[[str, str, str], int]:
    """How many bytes the body of a request to *app* may have, by its method, path and cookies: of a file only from a browser
    that has signed in.

    The server asks before it reads a body, for each request: so the session's signature is checked, and no database asked.
    What the account may do is checked once the request is there.
    """
    file_path = app.url_map.bind("").build(FILE_ENDPOINT)

    def has_signed_in(cookies: str) -> bool:
        opened = app.session_interface.open_session(app, Request({"HTTP_COOKIE": cookies}))
        return opened is not None and "name" in opened

    def limit(method: str, path: str, cookies: str) -> int:
        if method == "POST" and path == file_path and has_signed_in(cookies):
            return LARGEST_FILE_BYTES + LARGEST_REQUEST_BYTES
        return LARGEST_REQUEST_BYTES

    return limit


def _is_for_programs() -> bool:
    """Whether the request comes with a token; only addresses for programs take one."""
    is_taken_here = request.path.startswith("/api/") or request.endpoint == "health.metrics"
    return is_taken_here and request.authorization is not None


def _token_account(context: RequestContext) -> SignInAccount | None:
    """The account of the token: a bearer token, or the password of Basic, which is all that some programs can send.

    Wrong ones are not limited: 256 random bits are not guessed, and a limit would let anybody lock programs out.
    """
    given = request.authorization
    token = (given.token or given.password or "") if given is not None else ""
    return context.services.accounts.account_of_token(hashlib.sha256(token.encode()).hexdigest())


def _ask_to_sign_in() -> Response:
    """The way to the form; a program gets a 401."""
    if request.path.startswith("/api/") or request.endpoint == "health.metrics":
        abort(401)
    return redirect(url_for("sign_in.form", next=_return_path()))


def _require_scope(scope: Scope) -> None:
    entry = PAGES.get(request.endpoint or "")
    if entry is not None and not scope.allows(entry.needs):
        abort(403)
    if request.endpoint == "health.metrics" and not scope.sees_everything:
        abort(403)  # the exposition is of all units


def _host() -> str:
    return (urlsplit(f"//{request.host}").hostname or "").casefold()


# A foreign host name that points at this machine must get no answer (DNS rebinding).
def _is_this_machine(is_loopback: bool) -> bool:
    return is_loopback and _host() in {"localhost", "127.0.0.1", "::1"}


def _is_public_host(public_url: str) -> bool:
    return bool(public_url) and _host() == (urlsplit(public_url).hostname or "").casefold()


def _check_csrf() -> None:
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        abort(403)
    origin = request.headers.get("Origin")
    # "null" is what a browser sends after `Referrer-Policy: no-referrer`; the token decides then.
    if origin not in (None, "null") and urlsplit(origin).netloc.casefold() != request.host.casefold():
        abort(403)
    if not hmac.compare_digest(request.form.get("csrf", "").encode(), csrf().encode()):
        abort(403)


def csrf() -> str:
    """The session's form token, made when it is first asked for."""
    if "csrf" not in session:
        session["csrf"] = secrets.token_urlsafe(32)
    return str(session["csrf"])


def _signed_in_account(context: RequestContext) -> SignInAccount | None:
    name = session.get("name")
    account = context.services.accounts.account(name) if isinstance(name, str) else None
    if account is None or session.get("since") != account.changed_at.isoformat() or not _is_session_open(context.now):
        return None
    return account


def _is_session_open(now: datetime) -> bool:
    """Whether the session was not signed out, and began less than twelve hours ago: a cookie that is written again, for a
    message to its reader, is signed anew.
    """
    signed_in_at = session.get("signed_in_at")
    return (
        isinstance(signed_in_at, str)
        and now - datetime.fromisoformat(signed_in_at) < SESSION_LIFETIME
        and not current_app_state().ended_sessions.has_ended(str(session.get("csrf", "")))
    )


def _return_path() -> str:
    return request.full_path.rstrip("?") if request.method == "GET" else "/"


# --- the sign-in page ---------------------------------------------------------------------------------------------------------


@sign_in_pages.get("/sign-in")
def form() -> Response | str:
    """The form."""
    if request_context().account is not None:
        return redirect(_local_path(request.args.get("next", "/")))
    return render_template("sign_in.html", return_path=_local_path(request.args.get("next", "/")))


@sign_in_pages.post("/sign-in")
def sign_in() -> Response | tuple[str, int]:
    """Sign in with name and password."""
    context = request_context()
    limiter = current_app_state().limiter
    name, password = request.form.get("name", "").strip(), request.form.get("password", "")
    attempt = (name.casefold(), request.remote_addr or "")
    return_path = _local_path(request.form.get("next", "/"))
    if limiter.is_blocked(*attempt):
        text = context.localiser.t(
            "För många försök med det här kontot från den här adressen. Vänta en kvart och försök igen. "
            "Andra konton berörs inte.",
            "Too many attempts with this account from this address. Wait a quarter of an hour and try again. "
            "Other accounts are not affected.",
        )
        return render_template("sign_in.html", refusal=text, return_path=return_path), 429
    account = context.services.accounts.account(name)
    is_right = check_password_hash(account.password_hash if account else UNKNOWN_NAME_HASH, password)
    if account is None or not is_right:
        limiter.record_failure(*attempt)
        # What was typed as an unknown name may be a password or a person: it is not kept.
        context.services.audit.audit(account.name if account else "unknown account", "sign-in failed", "")
        text = context.localiser.t("Fel namn eller lösenord.", "Wrong name or password.")
        return render_template("sign_in.html", refusal=text, return_path=return_path), 401
    session.clear()  # a session prepared by somebody else before the sign-in ends here (session fixation)
    session.permanent = True
    session.update(
        name=account.name,
        since=account.changed_at.isoformat(),
        signed_in_at=context.now.isoformat(),
        csrf=secrets.token_urlsafe(32),
    )
    context.services.audit.audit(account.name, "signed in", "")
    return redirect(return_path)


@sign_in_pages.post("/sign-out")
def sign_out() -> Response:
    """End the session, also for a copy of its cookie."""
    context = request_context()
    text = context.localiser.t("Du är utloggad.", "You have signed out.")
    current_app_state().ended_sessions.end(csrf(), context.now)
    session.clear()
    flash(text, "done")
    return redirect(url_for("sign_in.form"))


def _local_path(target: str) -> str:
    """*target* if it is a path of this application, else "/": the sign-in must not redirect to other sites.

    Line breaks and control characters cannot stand in an address, and could add a header to the answer.
    """
    if not target.isprintable() or not target.startswith("/") or target.startswith(("//", "/\\")):
        return "/"
    try:
        parts = urlsplit(target)
    except ValueError:
        return "/"
    return target if not parts.scheme and not parts.netloc else "/"
