"""A stub of Apple School Manager, its sign-in and AppleCare. It serves the devices that it is given.

It is as strict as the real service: an assertion is verified (signature, key, fixed audience, issuer, subject, age, and that
it was not used before), tokens expire, unknown fields are refused, and an organisation may send 20 requests a minute. It
has the same quirks: cursors are opaque, a released device is missing, and each MDM has a list of its own.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256
from itertools import count
from math import ceil
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from fleetsync.clock import Clock
from fleetsync.demo.model import SourceRow
from fleetsync.demo.stub_server import (
    FaultKind,
    ServerFault,
    StubReply,
    StubRequest,
    StubServer,
    json_reply,
    most_within,
    refusal_status,
    retry_after_headers,
)

CLIENT = "SCHOOLAPI.c11e0700-0000-4000-8000-000000000005"
KEY_ID = "5e1ec7ed-0000-4000-8000-000000000005"
SCOPE = "school.api"
AUDIENCE = "https://account.apple.com/auth/oauth2/v2/token"
TOKEN_PATHS = frozenset({"/auth/oauth2/token", "/auth/oauth2/v2/token"})
LARGEST_PAGE = 1000
DEFAULT_PAGE = 100
REQUESTS_PER_MINUTE = 20
CLOCK_SKEW_SECONDS = 300
MAX_ASSERTION_SECONDS = 180 * 86_400
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FOREIGN_LINK = "http://127.0.0.1:9/v1/orgDevices?cursor=x"
DEVICES, SERVERS, COVERAGE = "orgDevices", "mdmServers", "appleCareCoverage"
RESOURCES = frozenset({DEVICES, SERVERS, COVERAGE})
_DEVICES_OF_SERVER = re.compile(r"mdmServers/([^/]+)/relationships/devices")
_COVERAGE_OF_DEVICE = re.compile(r"orgDevices/([^/]+)/appleCareCoverage")
_MINUTE_SECONDS = 60.0

# Attributes of a device beside those that the given rows set. Most of them must never be stored.
_OTHER_ATTRIBUTES: SourceRow = MappingProxyType(
    {
        "addedToOrgDateTime": "2025-06-12T08:02:11.552Z",
        "releasedFromOrgDateTime": None,
        "updatedDateTime": "2025-06-12T09:00:00.000Z",
        "deviceModel": "iPad (A16)",
        "productFamily": "iPad",
        "productType": "iPad15,7",
        "deviceCapacity": "128GB",
        "partNumber": "MD3Y4KN/A",
        "orderNumber": "0000412345-RES",
        "color": "BLUE",
        "status": "ASSIGNED",
        "orderDateTime": "2025-06-10T00:00:00Z",
        "imei": [],
        "meid": [],
        "eid": "",
        "wifiMacAddress": "02:00:00:00:00:17",
        "bluetoothMacAddress": "02:00:00:00:00:18",
        "ethernetMacAddress": [],
        "purchaseSourceId": "1A2B3C0",
        "purchaseSourceType": "RESELLER",
    }
)
_MIGRATION_ATTRIBUTES = frozenset({"isMdmMigrationCapable", "mdmMigrationStatus", "mdmMigrationDeadlineDateTime"})
_COVERAGE_ATTRIBUTES: SourceRow = MappingProxyType(
    {
        "status": "ACTIVE",
        "paymentType": "NONE",
        "description": "Limited Warranty",
        "startDateTime": "2025-06-10T00:00:00Z",
        "endDateTime": None,
        "isRenewable": False,
        "isCanceled": False,
        "contractCancelDateTime": None,
        "agreementNumber": None,
    }
)

T = TypeVar("T")
RowsProvider = Callable[[], Mapping[str, Sequence[SourceRow]]]


class AppleStub:
    """Answers as Apple does. *rows*: returns, as of the day, the rows of `orgDevices`, `mdmServers` and `appleCareCoverage`.

    A row holds the attributes of a device; of an MDM (`id`, `serverName`, and `devices`: the serials that are assigned to it);
    of a coverage (`serialNumber` and attributes).
    *rights*: the resources that the API account may read. *largest_page*: most rows of a page, even if more are requested.
    *has_total*: whether pages say how many rows there are. *selects_migration*: whether `fields` knows a migration's.
    *is_endless*: whether a list goes on for ever, with ever new cursors. *token_seconds*: how long a token is valid.
    *requests_per_minute*: how many are answered; None: all, for a replay that cannot wait.
    *clock*: times requests and tokens. Assertions are timed by the real time, by which they are made.
    """

    def __init__(
        self,
        rows: RowsProvider,
        *,
        rights: Collection[str] = RESOURCES,
        largest_page: int = LARGEST_PAGE,
        has_total: bool = True,
        selects_migration: bool = True,
        token_seconds: int = 3600,
        requests_per_minute: int | None = REQUESTS_PER_MINUTE,
        clock: Clock | None = None,
    ) -> None:
        self.rights = frozenset(rights)
        self.largest_page = largest_page
        self.has_total = has_total
        self.selects_migration = selects_migration
        self.is_endless = False
        self.token_seconds = token_seconds
        self.requests_per_minute = requests_per_minute
        self.foreign_link = FOREIGN_LINK
        self._rows = rows
        self._clock = clock or Clock()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._tokens: dict[str, float] = {}
        self._assertions: set[str] = set()
        self._numbers = count()
        self.requested_at: list[float] = []
        self._last_minute: deque[float] = deque()
        self._stub_server = StubServer(self.answer, _refusal, "apple")

    @property
    def stub_server(self) -> StubServer:
        """The HTTP server: start it, make it fail, stop it."""
        return self._stub_server

    @property
    def base_url(self) -> str:
        """The base address of the resources."""
        return self._stub_server.address

    @property
    def token_url(self) -> str:
        """The address of the sign-in."""
        return f"{self._stub_server.address}/auth/oauth2/token"

    @property
    def private_key_pem(self) -> str:
        """The private key of the API account, as it is downloaded."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def busiest_minute(self) -> int:
        """The most requests for resources, refused ones included, that came within any 60 seconds."""
        return most_within(self.requested_at, _MINUTE_SECONDS)

    def answer(self, request: StubRequest) -> StubReply:
        """The answer of Apple, or of its sign-in."""
        if request.path in TOKEN_PATHS:
            return self._sign_in(request)
        if request.fault_kind == "token_expires":
            self._tokens.clear()
        root, _, path = request.path.lstrip("/").partition("/")
        if root != "v1":
            return StubReply(404, b"<html><head><title>404 Not Found</title></head></html>", "text/html")
        return self._refused(request) or self._resource(request, path)

    # --- sign-in ------------------------------------------------------------------------------------------------------

    def _sign_in(self, request: StubRequest) -> StubReply:
        form = request.form()
        if form.get("grant_type") != "client_credentials":
            return json_reply({"error": "unsupported_grant_type"}, 400)
        if form.get("scope") != SCOPE:
            return json_reply({"error": "invalid_scope"}, 400)
        is_named = form.get("client_id") == CLIENT and form.get("client_assertion_type") == ASSERTION_TYPE
        problem = self._assertion_problem(form.get("client_assertion", "")) if is_named else "unknown client"
        if problem is not None:
            return json_reply({"error": "invalid_client", "error_description": problem, "error_uri": None}, 400)
        token = sha256(f"{CLIENT}/{next(self._numbers)}".encode()).hexdigest()
        self._tokens[token] = self._clock.monotonic() + self.token_seconds
        return json_reply(
            {"access_token": token, "token_type": "Bearer", "expires_in": self.token_seconds, "scope": SCOPE}
        )

    def _assertion_problem(self, assertion: str) -> str | None:
        """What is wrong with an assertion; None for one that is accepted, and then never again."""
        key = ECKey.import_key(self._key.public_key())
        try:
            token = jwt.decode(assertion, key, algorithms=["ES256"])
        except (JoseError, ValueError):
            return "the signature was not accepted"
        claims = token.claims
        if token.header.get("kid") != KEY_ID:
            return "the key id is unknown"
        if claims.get("aud") != AUDIENCE:
            return "the audience is wrong"
        if (claims.get("iss"), claims.get("sub")) != (CLIENT, CLIENT):
            return "issuer and subject must be the client"
        if not self._is_timely(claims):
            return "the assertion is too old, or lives too long"
        jti = str(claims.get("jti") or "")
        if not jti or jti in self._assertions:
            return "the assertion was used before"
        self._assertions.add(jti)
        return None

    def _is_timely(self, claims: Mapping[str, object]) -> bool:
        begins, ends, now = claims.get("iat"), claims.get("exp"), Clock().now().timestamp()
        if not isinstance(begins, int | float) or not isinstance(ends, int | float):
            return False
        is_now = begins - CLOCK_SKEW_SECONDS <= now < ends + CLOCK_SKEW_SECONDS
        return is_now and ends - begins <= MAX_ASSERTION_SECONDS

    def _refused(self, request: StubRequest) -> StubReply | None:
        """The refusal of a request that is one too many, or has no valid token."""
        now = self._clock.monotonic()
        self.requested_at.append(now)
        while self._last_minute and self._last_minute[0] <= now - _MINUTE_SECONDS:
            self._last_minute.popleft()
        if self.requests_per_minute is not None and len(self._last_minute) >= self.requests_per_minute:
            seconds = ceil(self._last_minute[0] + _MINUTE_SECONDS - now)
            return _error(429, "RATE_LIMIT_EXCEEDED", {"Retry-After": str(seconds)})
        self._last_minute.append(now)
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or self._tokens.get(token, 0.0) <= now:
            return _error(401, "NOT_AUTHORIZED")
        return None

    # --- resources ----------------------------------------------------------------------------------------------------

    def _resource(self, request: StubRequest, path: str) -> StubReply:
        rows, fields = self._rows(), self._wanted_fields(request)
        of_server, of_device = _DEVICES_OF_SERVER.fullmatch(path), _COVERAGE_OF_DEVICE.fullmatch(path)
        resource = SERVERS if of_server else COVERAGE if of_device else path
        if resource not in RESOURCES or path == COVERAGE:
            return _error(404, "NOT_FOUND")
        if resource not in self.rights:
            return _error(403, "FORBIDDEN_ERROR")
        if fields is not None and not fields <= self._known_fields():
            return _error(400, "PARAMETER_ERROR.INVALID")
        if of_server:
            server = next((row for row in rows.get(SERVERS, ()) if row["id"] == unquote(of_server[1])), None)
            if server is None:
                return _error(404, "NOT_FOUND")
            return self._page(request, _serials(server), lambda serial: {"type": DEVICES, "id": serial})
        if of_device:
            return self._coverage(request, rows, unquote(of_device[1]))
        if resource == SERVERS:
            return self._page(request, rows.get(SERVERS, ()), _server)
        return self._page(request, rows.get(DEVICES, ()), lambda row: _device(row, fields))

    def _wanted_fields(self, request: StubRequest) -> frozenset[str] | None:
        texts = request.all_values("fields[orgDevices]")
        return frozenset(field for text in texts for field in text.split(",")) if texts else None

    def _known_fields(self) -> frozenset[str]:
        known = frozenset(_OTHER_ATTRIBUTES) | {"serialNumber"}
        return known | _MIGRATION_ATTRIBUTES if self.selects_migration else known

    def _coverage(self, request: StubRequest, rows: Mapping[str, Sequence[SourceRow]], serial: str) -> StubReply:
        if not any(row["serialNumber"] == serial for row in rows.get(DEVICES, ())):
            return _error(404, "NOT_FOUND")
        own = [row for row in rows.get(COVERAGE, ()) if row["serialNumber"] == serial]
        return self._page(request, list(enumerate(own)), lambda placed: _coverage(*placed))

    def _page(self, request: StubRequest, rows: Sequence[T], written: Callable[[T], SourceRow]) -> StubReply:
        """A page of *rows*, each as it is *written*."""
        limit = request.query_value("limit")
        if limit is not None and not (limit.isdigit() and 0 < int(limit) <= LARGEST_PAGE):
            return _error(400, "PARAMETER_ERROR.INVALID")
        fault, start = request.fault_kind, _start(request.query_value("cursor"))
        if start is None or (fault == "page_token_expired" and start):
            return _error(400, "PARAMETER_ERROR.INVALID")
        size = min(int(limit or DEFAULT_PAGE), self.largest_page)
        page, following = _with_fault(rows[start : start + size], start, start + size, fault)
        has_more = following < len(rows) or (fault == "loop" and start > 0)
        if self.is_endless:
            page, following, has_more = rows[:size], 0, True
        is_cut = fault in ("lost_rows", "empty_page")
        cursor = self._cursor(following, is_new=fault == "loop") if has_more and not is_cut else None
        link = self.foreign_link if fault == "foreign_link" else self._link(request, cursor)
        total = len(rows) if self.has_total else None
        position = {"limit": size} | _without_none({"nextCursor": cursor, "total": total})
        links = {"self": f"{self.base_url}{request.path}"} | _without_none({"next": link})
        return json_reply({"data": [written(row) for row in page], "links": links, "meta": {"paging": position}})

    def _cursor(self, start: int, *, is_new: bool) -> str:
        """An opaque cursor; of a list that goes back or never ends another one each time."""
        salt = next(self._numbers) + 1 if is_new or self.is_endless else 0
        return urlsafe_b64encode(json.dumps([start, salt]).encode()).decode()

    def _link(self, request: StubRequest, cursor: str | None) -> str | None:
        if cursor is None:
            return None
        kept = [(name, value) for name, value in request.query if name != "cursor"]
        query = "&".join(f"{quote(name)}={quote(value, safe=',')}" for name, value in [*kept, ("cursor", cursor)])
        return f"{self.base_url}{request.path}?{query}"


def _with_fault(page: Sequence[T], start: int, following: int, fault: FaultKind | None) -> tuple[Sequence[T], int]:
    """The page and the beginning of the next one, changed by the request's fault."""
    if fault == "loop":
        return page, start
    if fault == "duplicate":
        return page, following - 1  # a device before was released meanwhile, and all others moved by one
    return {"lost_rows": page[: len(page) // 2], "empty_page": page[:0]}.get(fault or "", page), following


def _without_none(fields: Mapping[str, T | None]) -> dict[str, T]:
    return {name: value for name, value in fields.items() if value is not None}


def _start(cursor: str | None) -> int | None:
    """Where a page begins; None for a cursor that was never given."""
    if cursor is None:
        return 0
    try:
        start, _ = json.loads(urlsafe_b64decode(cursor))
    except ValueError:
        return None
    return int(start)


def _serials(server: SourceRow) -> Sequence[str]:
    serials: Any = server.get("devices", ())
    return tuple(serials)


def _server(row: SourceRow) -> SourceRow:
    attributes = {name: value for name, value in row.items() if name not in ("id", "devices")}
    further = {
        "serverType": "MDM",
        "status": "ACTIVE",
        "deviceCount": len(_serials(row)),
        "lastConnectedIp": "192.0.2.7",
    }
    return {"type": SERVERS, "id": row["id"], "attributes": {**further, **attributes}}


def _device(row: SourceRow, fields: Collection[str] | None) -> SourceRow:
    attributes = {**_OTHER_ATTRIBUTES, **row}
    shown = {name: value for name, value in attributes.items() if fields is None or name in fields}
    return {"type": DEVICES, "id": row["serialNumber"], "attributes": shown}


def _coverage(place: int, row: SourceRow) -> SourceRow:
    serial = row["serialNumber"]
    attributes = {**_COVERAGE_ATTRIBUTES, **{name: value for name, value in row.items() if name != "serialNumber"}}
    return {"type": COVERAGE, "id": f"{serial}-{place}" if place else serial, "attributes": attributes}


# --- refusals ---------------------------------------------------------------------------------------------------------


def _error(status: int, code: str, headers: Mapping[str, str] | None = None) -> StubReply:
    error = {"id": "0", "status": str(status), "code": code, "title": "The request was refused.", "detail": "Refused."}
    reply = json_reply({"errors": [error]}, status)
    return StubReply(reply.status, reply.body, reply.kind, headers or {})


def _refusal(fault: ServerFault) -> StubReply:
    """The error of Apple for *fault*."""
    status = refusal_status(fault)
    codes = {401: "NOT_AUTHORIZED", 403: "FORBIDDEN_ERROR", 404: "NOT_FOUND", 429: "RATE_LIMIT_EXCEEDED"}
    return _error(status, codes.get(status, "UNEXPECTED_ERROR"), retry_after_headers(fault))
