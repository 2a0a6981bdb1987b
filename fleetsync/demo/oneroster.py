"""A stub of a school register that speaks OneRoster 1.1 or 1.2. It serves the rows that it is given, written as in 1.2.

It is as strict as the real ones: HTTP Basic and a scope for a token, a right per listing, known fields in `fields` and `sort`.
It has the same quirks: pages are clamped without a word, the total comes in a header, as links or not at all, rows come in no
order unless one is asked for, a request too many is an HTML page, and a client that lost its right gets an empty answer.
"""

from base64 import b64decode
from binascii import Error as BadBase64
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256
from itertools import count
from secrets import compare_digest
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import unquote_plus

from fleetsync.clock import Clock
from fleetsync.demo.model import SourceRow
from fleetsync.demo.stub_server import (
    ServerFault,
    StubReply,
    StubRequest,
    StubServer,
    json_reply,
    page_of_rows,
    refusal_status,
    retry_after_headers,
)

CLIENT = "fleetsync"
SECRET = "Exempelby+hemlighet/1"  # as real ones, it holds what a header must encode
TOKEN_PATH, MOVED_TOKEN_PATH = "/oauth/token", "/oauth/old-token"
BASE_PATHS: Mapping[str, str] = MappingProxyType(
    {"1.1": "/ims/oneroster/v1p1/", "1.2": "/ims/oneroster/rostering/v1p2/"}
)
SCOPES: Mapping[str, str] = MappingProxyType(
    {
        "1.1": "https://purl.imsglobal.org/spec/or/v1p1/scope/roster.readonly",
        "1.2": "https://purl.imsglobal.org/spec/or/v1p2/scope/roster-core.readonly",
    }
)
LISTINGS = frozenset({"orgs", "classes", "users", "enrollments"})
DEFAULT_LIMIT = 100
_HTML_TOO_MANY = b"<html><head><title>429</title></head><body><h1>Too Many Requests</h1></body></html>"
# Fields of each row beside those that the given rows set. Most of them must never be stored.
_OTHER_FIELDS: Mapping[str, SourceRow] = MappingProxyType(
    {
        "orgs": {"parent": None, "identifier": ""},
        "classes": {"classCode": "", "grades": (), "terms": ()},
        "users": {
            "enabledUser": "true",
            "givenName": "Tuva",
            "familyName": "Exempel",
            "phone": "0700000000",
            "userIds": (),
            "grades": (),
            "identifier": "",
            "email": "",
            "username": "",
            "agents": (),
        },
        "enrollments": {"primary": "false"},
    }
)
_COMMON_FIELDS: SourceRow = {"status": "active", "dateLastModified": "2026-08-17T04:00:00.000Z"}
_VERSION_FIELDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {"1.1": frozenset({"role", "orgs"}), "1.2": frozenset({"roles"})}
)

RowsProvider = Callable[[], Mapping[str, Sequence[SourceRow]]]
Totals = Literal["header", "links", "none"]


class OneRosterStub:
    """Answers as a OneRoster server does. *rows*: returns the rows of each listing (`LISTINGS`) as of the day.

    *totals*: how it says that a listing goes on. *rights*: the listings that our client may read; another one is empty.
    *largest_page*: most rows of a page, whatever is asked for. *chooses*: whether `fields` and `sort` are known here.
    """

    def __init__(
        self,
        rows: RowsProvider,
        *,
        version: Literal["1.1", "1.2"] = "1.2",
        totals: Totals = "header",
        rights: Collection[str] = LISTINGS,
        largest_page: int = 500,
        chooses: bool = True,
        token_seconds: int = 3600,
        clock: Clock | None = None,
    ) -> None:
        self.rights = frozenset(rights)
        self.totals = totals
        self.largest_page = largest_page
        self.chooses = chooses
        self.token_seconds = token_seconds
        self._rows = rows
        self._version = version
        self._clock = clock or Clock()
        self._tokens: dict[str, float] = {}
        self._numbers = count()
        self._stub_server = StubServer(self.answer, _refusal, "oneroster")

    @property
    def stub_server(self) -> StubServer:
        """The HTTP server: start it, make it fail, stop it."""
        return self._stub_server

    @property
    def base_url(self) -> str:
        """The address above the listings."""
        return self._stub_server.address + BASE_PATHS[self._version].rstrip("/")

    @property
    def token_url(self) -> str:
        """The address of the sign-in."""
        return self._stub_server.address + TOKEN_PATH

    def answer(self, request: StubRequest) -> StubReply:
        """The answer of the register, or of its sign-in."""
        if request.path == MOVED_TOKEN_PATH:
            return StubReply(307, headers={"Location": TOKEN_PATH})
        if request.path == TOKEN_PATH:
            return self._sign_in(request)
        if request.fault_kind == "token_expires":
            self._tokens.clear()
        base = BASE_PATHS[self._version]
        if not request.path.startswith(base) or request.path.removeprefix(base) not in LISTINGS:
            return _error(404, "unknownobject", "The address names nothing")
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or self._tokens.get(token, 0.0) <= self._clock.monotonic():
            return _error(401, "unauthorisedrequest", "The token is not valid")
        return self._listing(request, request.path.removeprefix(base))

    # --- sign-in ------------------------------------------------------------------------------------------------------

    def _sign_in(self, request: StubRequest) -> StubReply:
        form = request.form()
        if form.get("grant_type") != "client_credentials":
            return json_reply({"error": "unsupported_grant_type"}, 400)
        if not _has_credential(request):
            return json_reply({"error": "invalid_client"}, 401)
        if SCOPES[self._version] not in form.get("scope", "").split():
            return json_reply({"error": "invalid_scope"}, 400)
        token = sha256(f"{CLIENT}/{next(self._numbers)}".encode()).hexdigest()
        self._tokens[token] = self._clock.monotonic() + self.token_seconds
        return json_reply({"access_token": token, "token_type": "bearer", "expires_in": self.token_seconds})

    # --- listings -----------------------------------------------------------------------------------------------------

    def _listing(self, request: StubRequest, name: str) -> StubReply:
        if name not in self.rights:
            return json_reply({name: []})
        fields, order = request.query_value("fields"), request.query_value("sort")
        if not self.chooses and (fields or order):
            return _error(400, "invalidselectionfield", "The query names what is not known here")
        rows: Sequence[SourceRow] = self._rows().get(name, ())
        if order is not None:
            rows = sorted(rows, key=lambda row: str(row[order]))
        offset, limit = int(request.query_value("offset") or 0), int(request.query_value("limit") or DEFAULT_LIMIT)
        size = min(limit, self.largest_page)
        page = [self._row(name, row) for row in page_of_rows(rows, offset, size, request.fault_kind)]
        chosen = frozenset(fields.split(",")) if fields else None
        shown = [{field: value for field, value in row.items() if chosen is None or field in chosen} for row in page]
        reply = json_reply({name: shown})
        return StubReply(reply.status, reply.body, headers=self._headers(request, len(rows), offset, size))

    def _row(self, name: str, row: SourceRow) -> dict[str, Any]:
        whole = {**_COMMON_FIELDS, **_OTHER_FIELDS[name], **row}
        if name != "users":
            return whole
        roles = whole["roles"]
        assert isinstance(roles, Sequence)
        whole |= {"role": roles[0]["role"], "orgs": [role["org"] for role in roles]}
        left_out = _VERSION_FIELDS["1.1" if self._version == "1.2" else "1.2"]
        return {field: value for field, value in whole.items() if field not in left_out}

    def _headers(self, request: StubRequest, total: int, offset: int, size: int) -> Mapping[str, str]:
        if self.totals == "header":
            return {"X-Total-Count": str(total)}
        if self.totals == "none":
            return {}
        address = self._stub_server.address + request.path
        first = f'<{address}?offset=0&limit={size}>; rel="first"'
        is_last = offset + size >= total
        return {"Link": first if is_last else f'{first}, <{address}?offset={offset + size}&limit={size}>; rel="next"'}


def _has_credential(request: StubRequest) -> bool:
    """Whether the client proves itself, by HTTP Basic or in the form."""
    form = request.form()
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return form.get("client_id") == CLIENT and compare_digest(form.get("client_secret", ""), SECRET)
    try:
        client, _, secret = b64decode(given).decode().partition(":")
    except (BadBase64, UnicodeDecodeError):
        return False
    return client == CLIENT and compare_digest(unquote_plus(secret), SECRET)


# --- refusals ---------------------------------------------------------------------------------------------------------


def _error(status: int, code: str, description: str) -> StubReply:
    minor = {"imsx_codeMinorFieldName": "TargetEndSystem", "imsx_codeMinorFieldValue": code}
    body = {
        "imsx_codeMajor": "failure",
        "imsx_severity": "error",
        "imsx_description": description,
        "imsx_codeMinor": {"imsx_codeMinorField": [minor]},
    }
    return json_reply(body, status)


def _refusal(fault: ServerFault) -> StubReply:
    """The error of the register for *fault*. A gateway in front of it refuses too many requests, with a page."""
    status = refusal_status(fault)
    if status == 429:
        return StubReply(429, _HTML_TOO_MANY, "text/html", retry_after_headers(fault))
    codes = {401: "unauthorisedrequest", 403: "forbidden", 404: "unknownobject"}
    return _error(status, codes.get(status, "internal_server_error"), "The request was refused")
