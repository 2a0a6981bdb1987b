"""A stub of Google's Admin SDK Directory API and of its sign-in. It serves the rows that it is given.

It is as strict as the real service: the signed request of a service account is verified (signature, key, audience, time,
scopes, the administrator that it acts for), `fields` chooses what an answer holds, pages have a largest size. It has the same
quirks: `nextPageToken` comes only if it is asked for, an empty page lacks the key of its rows, page tokens live for an
hour, and a request too many is a 403 with a reason. Stricter than Google: a signed request is accepted once.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from hashlib import sha256
from itertools import count
from types import MappingProxyType

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from fleetsync.clock import Clock
from fleetsync.demo.model import SourceRow
from fleetsync.demo.stub_server import (
    ServerFault,
    StubReply,
    StubRequest,
    StubServer,
    json_reply,
    refusal_status,
    retry_after_headers,
)

CUSTOMER = "C01exempl"
ADMINISTRATOR = "fleetsync@exempelby.se"
ACCOUNT = "fleetsync@exempelby-it.iam.gserviceaccount.com"
KEY_ID = "0f1e2d3c4b5a69788796a5b4c3d2e1f001234567"
AUDIENCE = "https://oauth2.googleapis.com/token"
TOKEN_PATH, DIRECTORY = "/token", "/admin/directory/v1/"
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LONGEST_ASSERTION_SECONDS = 3600
CLOCK_SKEW_SECONDS = 300
PAGE_TOKEN_SECONDS = 3600
_SCOPE_PREFIX = "https://www.googleapis.com/auth/admin.directory."
_HTML_NOT_FOUND = b"<!DOCTYPE html><html lang=en><title>Error 404 (Not Found)!!1</title></html>"


class _Listing(msgspec.Struct, frozen=True):
    """A listing. *rows*: the key of its rows; *largest_page*: None where there are no pages."""

    rows: str
    kind: str
    scope: str
    largest_page: int | None = None


LISTINGS: Mapping[str, _Listing] = MappingProxyType(
    {
        "orgunits": _Listing("organizationUnits", "admin#directory#orgUnits", _SCOPE_PREFIX + "orgunit.readonly"),
        "users": _Listing("users", "admin#directory#users", _SCOPE_PREFIX + "user.readonly", 500),
        "devices/chromeos": _Listing(
            "chromeosdevices", "admin#directory#chromeosdevices", _SCOPE_PREFIX + "device.chromeos.readonly", 300
        ),
    }
)
SCOPES = frozenset(listing.scope for listing in LISTINGS.values())
_BASIC_FIELDS = frozenset(
    {
        "kind", "deviceId", "serialNumber", "status", "lastSync", "notes", "annotatedUser", "annotatedAssetId",
        "annotatedLocation",
    }
)  # fmt: skip
# Fields of each row beside those that the given rows set. Most of them must never be stored.
_OTHER_FIELDS: Mapping[str, SourceRow] = MappingProxyType(
    {
        "devices/chromeos": {
            "kind": "admin#directory#chromeosdevice",
            "notes": "",
            "annotatedUser": "",
            "annotatedAssetId": "",
            "annotatedLocation": "",
            "osVersionCompliance": "COMPLIANT",
            "chromeOsType": "CHROME_OS",
            "autoUpdateExpiration": "0",
            "autoUpdateThrough": "",
            "extendedSupportEligible": False,
            "extendedSupportEnabled": False,
            "extendedSupportStart": "",
            "recentUsers": ({"type": "USER_TYPE_MANAGED", "email": "tuva.exempel@exempelby.se"},),
            "lastKnownNetwork": ({"ipAddress": "192.0.2.17"},),
            "macAddress": "0a1b2c3d4e5f",
        },
        "users": {
            "kind": "admin#directory#user",
            "name": {"givenName": "Tuva", "familyName": "Exempel", "fullName": "Tuva Exempel"},
            "suspended": False,
            "aliases": (),
        },
        "orgunits": {"kind": "admin#directory#orgUnit", "description": "", "blockInheritance": False},
    }
)

RowsProvider = Callable[[], Mapping[str, Sequence[SourceRow]]]


class _PagePlace(msgspec.Struct, frozen=True, array_like=True):
    """What a page token holds: which listing begun when, and where in it. *number*: makes each token another text."""

    begun_at: float
    offset: int
    number: int


@cache
def _private_key() -> rsa.RSAPrivateKey:
    """The key of the service account. Made once, since that takes a tenth of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class GoogleAdminStub:
    """Answers as Google does. *rows*: returns the rows of each listing (`LISTINGS`) as of the day.

    *scopes*: those that are authorised for the service account; *privileges*: the listings that the administrator's role may
    read. *largest_page*: most rows of a page, even if more are asked for. *token_seconds*: how long a token lives.
    """

    def __init__(
        self,
        rows: RowsProvider,
        *,
        scopes: Collection[str] = SCOPES,
        privileges: Collection[str] = LISTINGS,
        largest_page: int = 300,
        token_seconds: int = 3599,
        clock: Clock | None = None,
    ) -> None:
        self.scopes = frozenset(scopes)
        self.privileges = frozenset(privileges)
        self.largest_page = largest_page
        self.token_seconds = token_seconds
        self._rows = rows
        self._key = _private_key()
        self._clock = clock or Clock()
        self._tokens: dict[str, tuple[float, frozenset[str]]] = {}
        self._assertions: set[str] = set()
        self._numbers = count(1)
        self._stub_server = StubServer(self.answer, _refusal, "google-admin")

    @property
    def stub_server(self) -> StubServer:
        """The HTTP server: start it, make it fail, stop it."""
        return self._stub_server

    @property
    def base_url(self) -> str:
        """The address above /admin/directory."""
        return self._stub_server.address

    def key_file(self, **fields: str) -> str:
        """The key file of the service account, as Google's console gives it, with other *fields*."""
        pem = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return json.dumps(
            {
                "type": "service_account",
                "project_id": "exempelby-it",
                "private_key_id": KEY_ID,
                "private_key": pem,
                "client_email": ACCOUNT,
                "client_id": "109123456789012345678",
                "token_uri": self._stub_server.address + TOKEN_PATH,
                **fields,
            }
        )

    def answer(self, request: StubRequest) -> StubReply:
        """The answer of the Directory API, or of its sign-in."""
        if request.path == TOKEN_PATH:
            return self._sign_in(request)
        if request.fault_kind == "token_expires":
            self._tokens.clear()
        if not request.path.startswith(DIRECTORY):
            return StubReply(404, _HTML_NOT_FOUND, "text/html")
        customer, name = _addressed(request)
        if name not in LISTINGS:
            return _error(404, "notFound", "Resource Not Found: the address names nothing")
        if (refused := self._refused(request, name)) is not None:
            return refused
        if customer not in ("my_customer", CUSTOMER):
            return _error(400, "badRequest", "Bad Request")
        return self._listing(request, name)

    # --- sign-in ------------------------------------------------------------------------------------------------------

    def _sign_in(self, request: StubRequest) -> StubReply:
        form = request.form()
        if form.get("grant_type") != GRANT_TYPE:
            return _sign_in_error("unsupported_grant_type", "Invalid grant_type")
        try:
            public = RSAKey.import_key(self._key.public_key())
            token = jwt.decode(form.get("assertion", ""), public, algorithms=["RS256"])
        except (JoseError, ValueError):
            return _sign_in_error("invalid_grant", "Invalid JWT Signature.")
        if token.header.get("kid") != KEY_ID:
            return _sign_in_error("invalid_grant", "Invalid JWT Signature.")
        if (problem := self._claims_problem(token.claims)) is not None:
            return problem
        return self._new_token(frozenset(str(token.claims.get("scope", "")).split()))

    def _claims_problem(self, claims: Mapping[str, object]) -> StubReply | None:
        if claims.get("iss") != ACCOUNT or claims.get("aud") != AUDIENCE:
            return _sign_in_error("invalid_grant", "Invalid JWT: issuer or audience is wrong.")
        if not self._is_timely(claims):
            words = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
            return _sign_in_error("invalid_grant", words)
        if claims.get("sub") != ADMINISTRATOR:
            return _sign_in_error("invalid_grant", "Invalid email or User ID")
        scopes = frozenset(str(claims.get("scope", "")).split())
        if not scopes or not scopes <= self.scopes:
            words = "Client is unauthorized to retrieve access tokens using this method"
            return _sign_in_error(
                "unauthorized_client", f"{words}, or client not authorized for any of the scopes requested.", 401
            )
        jti = str(claims.get("jti") or "")
        if not jti or jti in self._assertions:
            return _sign_in_error("invalid_grant", "Invalid JWT: it was used before.")
        self._assertions.add(jti)
        return None

    def _is_timely(self, claims: Mapping[str, object]) -> bool:
        now, issued, ends = self._clock.now().timestamp(), claims.get("iat"), claims.get("exp")
        if not isinstance(issued, int | float) or not isinstance(ends, int | float):
            return False
        is_current = issued - CLOCK_SKEW_SECONDS <= now < ends
        return is_current and ends - issued <= LONGEST_ASSERTION_SECONDS

    def _new_token(self, scopes: frozenset[str]) -> StubReply:
        token = "ya29." + sha256(f"{ACCOUNT}/{next(self._numbers)}".encode()).hexdigest()
        self._tokens[token] = (self._clock.monotonic() + self.token_seconds, scopes)
        return json_reply({"access_token": token, "expires_in": self.token_seconds, "token_type": "Bearer"})

    def _refused(self, request: StubRequest, name: str) -> StubReply | None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        ends_at, scopes = self._tokens.get(token, (0.0, frozenset[str]()))
        if kind.lower() != "bearer" or ends_at <= self._clock.monotonic():
            return _error(401, "authError", "Invalid Credentials")
        if LISTINGS[name].scope not in scopes:
            return _error(403, "insufficientPermissions", "Request had insufficient authentication scopes.")
        if name not in self.privileges:
            return _error(403, "forbidden", "Not Authorized to access this resource/api")
        return None

    # --- listings -----------------------------------------------------------------------------------------------------

    def _listing(self, request: StubRequest, name: str) -> StubReply:
        listing = LISTINGS[name]
        rows: list[SourceRow] = [{**_OTHER_FIELDS[name], **row} for row in self._rows().get(name, ())]
        if name == "devices/chromeos" and request.query_value("projection") != "FULL":
            rows = [{field: value for field, value in row.items() if field in _BASIC_FIELDS} for row in rows]
        asked = _asked_fields(request.query_value("fields"), listing.rows)
        if listing.largest_page is None:
            page, following = _of_single_page(rows, request), None
        else:
            place = self._place(request)
            size = _page_size(request, listing.largest_page)
            if place is None or size is None:
                return _error(400, "invalid", f"Invalid Input: {request.query_value('pageToken') or 'maxResults'}")
            page, following = self._page(rows, request, place, min(size, self.largest_page))
        body: dict[str, object] = {"kind": listing.kind, "etag": '"exempel"'}
        if page:
            body[listing.rows] = [_chosen(row, asked.of_rows) for row in page]
        if following:
            body["nextPageToken"] = following
        return json_reply(_chosen(body, asked.of_page))

    def _place(self, request: StubRequest) -> _PagePlace | None:
        """Where the page begins that is asked for; None for a token that is unknown or too old."""
        token = request.query_value("pageToken")
        now = self._clock.monotonic()
        if token is None:
            return _PagePlace(now, 0, 0)
        try:
            place = msgspec.json.decode(urlsafe_b64decode(token), type=_PagePlace)
        except (ValueError, msgspec.DecodeError):
            return None
        is_old = now - place.begun_at > PAGE_TOKEN_SECONDS or request.fault_kind == "page_token_expired"
        return None if is_old else place

    def _page(
        self, rows: Sequence[SourceRow], request: StubRequest, place: _PagePlace, size: int
    ) -> tuple[Sequence[SourceRow], str | None]:
        """The rows of a page and the token of the next one, changed by the request's fault."""
        page, end = rows[place.offset : place.offset + size], place.offset + size
        following = self._page_token(place, end) if end < len(rows) else None
        match request.fault_kind:
            case "loop":
                return page, request.query_value("pageToken") or self._page_token(place, place.offset)
            case "duplicate" if len(page) > 1 and following:
                return page, self._page_token(place, end - 1)
            case "empty_page":
                return (), self._page_token(place, place.offset)
            case "lost_rows":
                return page[: len(page) // 2], None
        return page, following

    def _page_token(self, place: _PagePlace, offset: int) -> str:
        following = _PagePlace(place.begun_at, offset, next(self._numbers))
        return urlsafe_b64encode(msgspec.json.encode(following)).decode()


class _AskedFields(msgspec.Struct, frozen=True):
    """What `fields` asks for of a page and of its rows; None: everything."""

    of_page: frozenset[str] | None = None
    of_rows: frozenset[str] | None = None


def _asked_fields(text: str | None, rows: str) -> _AskedFields:
    """`kind,nextPageToken,users(id,primaryEmail)`: of the page kind and token, of the rows two fields."""
    if text is None:
        return _AskedFields()
    before, is_listed, rest = text.partition(f"{rows}(")
    inner, _, after = rest.partition(")")
    of_page = frozenset(filter(None, (*before.split(","), *after.split(","), rows if is_listed else "")))
    return _AskedFields(of_page, frozenset(inner.split(",")) if is_listed else None)


def _chosen(fields: Mapping[str, object], names: Collection[str] | None) -> Mapping[str, object]:
    return fields if names is None else {name: value for name, value in fields.items() if name in names}


def _addressed(request: StubRequest) -> tuple[str | None, str]:
    """The customer and the listing that a request names."""
    path = request.path.removeprefix(DIRECTORY)
    if path == "users":
        return request.query_value("customer"), path
    root, _, rest = path.partition("/")
    customer, _, name = rest.partition("/")
    return (customer, name) if root == "customer" else (None, "")


def _page_size(request: StubRequest, largest: int) -> int | None:
    """How many rows are asked for; None for more than is allowed."""
    text = request.query_value("maxResults") or "100"
    return int(text) if text.isdecimal() and 1 <= int(text) <= largest else None


def _of_single_page(rows: Sequence[SourceRow], request: StubRequest) -> Sequence[SourceRow]:
    fault = request.fault_kind
    if fault == "empty_page":
        return ()
    return rows[: len(rows) // 2] if fault == "lost_rows" else rows


# --- refusals ---------------------------------------------------------------------------------------------------------


def _error(status: int, reason: str, message: str, headers: Mapping[str, str] | None = None) -> StubReply:
    domain = "usageLimits" if "LimitExceeded" in reason else "global"
    errors = [{"message": message, "domain": domain, "reason": reason}]
    reply = json_reply({"error": {"code": status, "message": message, "errors": errors}}, status)
    return StubReply(reply.status, reply.body, reply.kind, headers or {})


def _sign_in_error(code: str, description: str, status: int = 400) -> StubReply:
    return json_reply({"error": code, "error_description": description}, status)


def _refusal(fault: ServerFault) -> StubReply:
    """The error of Google for *fault*. Throttling comes as a 429, and as often as a 403 whose reason says so."""
    if fault.kind == "too_many_silent":
        return _error(403, "userRateLimitExceeded", "User Rate Limit Exceeded")
    status = refusal_status(fault)
    reasons = {
        401: ("authError", "Invalid Credentials"),
        403: ("forbidden", "Not Authorized to access this resource/api"),
        404: ("notFound", "Resource Not Found"),
        429: ("rateLimitExceeded", "Rate Limit Exceeded"),
        500: ("backendError", "Backend Error"),
    }
    reason, message = reasons.get(status, ("notImplemented", "Not Implemented"))
    return _error(status, reason, message, retry_after_headers(fault))
