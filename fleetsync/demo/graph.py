"""A stub of Microsoft Graph and its sign-in. It serves the demo's devices as of the demo's current day.

It is as strict as the real service: tokens are required and expire, a client assertion is verified (signature,
audience, age, thumbprint), `$select` chooses the fields, and pages have a largest size. It has the same quirks:
`@odata.count` counts the page, a next link is opaque, an error's message is JSON within JSON.
"""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha1, sha256
from secrets import compare_digest
from urllib.parse import quote
from uuid import UUID

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, load_pem_x509_certificate
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

TENANT = "5e1ec7ed-0000-4000-8000-00000000ex1b".replace("ex", "e0")
CLIENT = "c11e0700-0000-4000-8000-000000000001"
SECRET = "Exempelby-hemlighet-1"
LARGEST_PAGE = 1000
CLOCK_SKEW_SECONDS = 300
MAX_ASSERTION_SECONDS = 600
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FOREIGN_LINK = "http://127.0.0.1:9/v1.0/deviceManagement/managedDevices?$skiptoken=x"

# Fields of each row beside those that the demo sets. Most of them must never be stored.
_OTHER_FIELDS: SourceRow = {
    "activationLockBypassCode": None,
    "androidSecurityPatchLevel": "",
    "azureADDeviceId": "00000000-0000-0000-0000-000000000000",
    "azureADRegistered": True,
    "complianceGracePeriodExpirationDateTime": "9999-12-31T23:59:59Z",
    "deviceRegistrationState": "registered",
    "easActivated": False,
    "easActivationDateTime": "0001-01-01T00:00:00Z",
    "easDeviceId": "",
    "enrollmentProfileName": None,
    "ethernetMacAddress": None,
    "exchangeLastSuccessfulSyncDateTime": "0001-01-01T00:00:00Z",
    "freeStorageSpaceInBytes": 0,
    "iccid": None,
    "imei": "",
    "isSupervised": False,
    "jailBroken": "Unknown",
    "managedDeviceName": "",
    "managementCertificateExpirationDate": "0001-01-01T00:00:00Z",
    "meid": "",
    "notes": None,
    "phoneNumber": "",
    "subscriberCarrier": "",
    "totalStorageSpaceInBytes": 0,
    "udid": None,
    "userDisplayName": "",
    "wiFiMacAddress": "",
}
_VERSION_FIELDS: Mapping[str, SourceRow] = {"v1.0": {}, "beta": {"lostModeState": "disabled"}}
_V1_ENROLMENTS = frozenset(
    {
        "unknown", "userEnrollment", "deviceEnrollmentManager", "appleBulkWithUser", "appleBulkWithoutUser",
        "windowsAzureADJoin", "windowsBulkUserless", "windowsAutoEnrollment", "windowsBulkAzureDomainJoin",
        "windowsCoManagement", "windowsAzureADJoinUsingDeviceAuth", "appleUserEnrollment",
        "appleUserEnrollmentWithServiceAccount",
    }
)  # fmt: skip

RowsProvider = Callable[[], Sequence[SourceRow]]
Cursor = tuple[str, str]  # name and id of the last device before a page


class GraphStub:
    """Answers as Graph does. *rows*: returns all managed devices of the day, ordered by name.

    *largest_page*: most rows of a page, even if more are requested. *token_seconds*: how long a token is valid.
    *permitted*: whether the application permission is granted.
    """

    def __init__(
        self,
        rows: RowsProvider,
        *,
        certificate_pem: str | None = None,
        largest_page: int = LARGEST_PAGE,
        token_seconds: int = 3599,
        permitted: bool = True,
        clock: Clock | None = None,
    ) -> None:
        self.largest_page = largest_page
        self.token_seconds = token_seconds
        self.permitted = permitted
        self._rows = rows
        self._certificate = load_pem_x509_certificate(certificate_pem.encode()) if certificate_pem else None
        self._clock = clock or Clock()
        self._tokens: dict[str, float] = {}
        self._assertions: set[str] = set()
        self._stub_server = StubServer(self.answer, _refusal, "graph")

    @property
    def stub_server(self) -> StubServer:
        """The HTTP server: start it, make it fail, stop it."""
        return self._stub_server

    def answer(self, request: StubRequest) -> StubReply:
        """The answer of Graph, or of its sign-in."""
        if request.path.endswith("/oauth2/v2.0/token"):
            return self._sign_in(request)
        if request.fault is not None and request.fault.kind == "token_expires":
            self._tokens.clear()
        refused = self._refused(request)
        if refused is not None:
            return refused
        version, _, resource = request.path.lstrip("/").partition("/")
        if version not in _VERSION_FIELDS or resource != "deviceManagement/managedDevices":
            return _error(404, "ResourceNotFound", "Resource not found for the segment.")
        return self._devices(request, version)

    # --- sign-in ------------------------------------------------------------------------------------------------------

    def _sign_in(self, request: StubRequest) -> StubReply:
        form = request.form()
        if request.path != f"/{TENANT}/oauth2/v2.0/token":
            return _sign_in_error(90002, "invalid_request", "Tenant not found.")
        if form.get("grant_type") != "client_credentials":
            return _sign_in_error(70003, "unsupported_grant_type", "The grant type is not supported.")
        if form.get("client_id") != CLIENT:
            return _sign_in_error(700016, "unauthorized_client", "The application was not found in the directory.")
        if form.get("scope") != f"{self._stub_server.address}/.default":
            return _sign_in_error(70011, "invalid_scope", "The scope is not valid.")
        problem = self._credential_problem(form)
        if problem is not None:
            return problem
        return json_reply(self._new_token())

    def _credential_problem(self, form: Mapping[str, str]) -> StubReply | None:
        if "client_assertion" in form:
            if form.get("client_assertion_type") != ASSERTION_TYPE or self._certificate is None:
                return _sign_in_error(700027, "invalid_client", "The certificate is not registered.")
            return self._assertion_problem(form["client_assertion"], self._certificate)
        if not compare_digest(form.get("client_secret", ""), SECRET):
            return _sign_in_error(7000215, "invalid_client", "Invalid client secret provided.")
        return None

    def _assertion_problem(self, assertion: str, certificate: Certificate) -> StubReply | None:
        key = RSAKey.import_key(certificate.public_bytes(Encoding.PEM))
        try:
            token = jwt.decode(assertion, key, algorithms=["RS256", "PS256"])
        except (JoseError, ValueError):
            return _sign_in_error(700027, "invalid_client", "The assertion's signature was not accepted.")
        if not _has_thumbprint(token.header, certificate):
            return _sign_in_error(700027, "invalid_client", "The thumbprint names no registered certificate.")
        claims = token.claims
        if claims.get("aud") != f"{self._stub_server.address}/{TENANT}/oauth2/v2.0/token":
            return _sign_in_error(700023, "invalid_client", "The audience is wrong.")
        if (claims.get("iss"), claims.get("sub")) != (CLIENT, CLIENT):
            return _sign_in_error(700021, "invalid_client", "Issuer and subject must be the client.")
        if not self._is_timely(claims):
            return _sign_in_error(700024, "invalid_client", "The assertion is not within its valid time range.")
        jti = str(claims.get("jti") or "")
        if not jti or jti in self._assertions:
            return _sign_in_error(700025, "invalid_client", "The assertion was used before.")
        self._assertions.add(jti)
        return None

    def _is_timely(self, claims: Mapping[str, object]) -> bool:
        now = self._clock.now().timestamp()
        begins, ends = claims.get("nbf", 0), claims.get("exp", 0)
        if not isinstance(begins, int | float) or not isinstance(ends, int | float):
            return False
        return begins - CLOCK_SKEW_SECONDS <= now < ends + CLOCK_SKEW_SECONDS and ends - begins <= MAX_ASSERTION_SECONDS

    def _new_token(self) -> SourceRow:
        number = len(self._tokens) + len(self._assertions) + round(self._clock.monotonic() * 1e6)
        token = sha256(f"{TENANT}/{number}".encode()).hexdigest()
        self._tokens[token] = self._clock.monotonic() + self.token_seconds
        return {
            "token_type": "Bearer",
            "expires_in": self.token_seconds,
            "ext_expires_in": self.token_seconds,
            "access_token": token,
        }

    def _refused(self, request: StubRequest) -> StubReply | None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or self._tokens.get(token, 0.0) <= self._clock.monotonic():
            return _error(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
        return None if self.permitted else _forbidden()

    # --- the listing --------------------------------------------------------------------------------------------------

    def _devices(self, request: StubRequest, version: str) -> StubReply:
        after = _cursor(request)
        rows: list[SourceRow] = [{**_OTHER_FIELDS, **_VERSION_FIELDS[version], **row} for row in self._rows()]
        fields = [field for part in request.all_values("$select") for field in part.split(",")]
        problem = _listing_problem(request, after, rows, fields)
        if problem is not None:
            return problem
        size = min(int(request.query_value("$top") or LARGEST_PAGE), self.largest_page)
        remaining = [row for row in rows if _key(row) > after]
        page = remaining[:size]
        link = self._link(request, _key(page[-1])) if len(remaining) > size else None
        page, link = self._with_fault(page, link, request, after)
        selected = [_selected_fields(row, fields, request) for row in page]
        return json_reply(
            {
                "@odata.context": "$metadata#deviceManagement/managedDevices",
                "@odata.count": len(selected),
                **({"@odata.nextLink": link} if link else {}),
                "value": selected,
            }
        )

    def _link(self, request: StubRequest, key: Cursor) -> str:
        token = urlsafe_b64encode(json.dumps(key).encode()).decode()
        kept = [(name, value) for name, value in request.query if name != "$skiptoken"]
        query = "&".join(f"{name}={quote(value, safe=',')}" for name, value in [*kept, ("$skiptoken", token)])
        return f"{self._stub_server.address}{request.path}?{query}"

    def _with_fault(
        self, page: list[SourceRow], link: str | None, request: StubRequest, after: Cursor
    ) -> tuple[list[SourceRow], str | None]:
        """The page and its next link, changed by the request's fault."""
        fault = request.fault.kind if request.fault else None
        if fault == "loop":
            return page, self._link(request, after)
        if fault == "foreign_link":
            return page, FOREIGN_LINK
        if fault == "duplicate" and len(page) > 1:
            # The last device is repeated on the next page, as if it had been renamed in between.
            return page, self._link(request, _key(page[-2]))
        if fault == "empty_page" and page:
            # The same cursor in another spelling, because a repeated link would be taken for a loop.
            return [], self._link(request, after) + "%20"
        if fault == "lost_rows":
            return page[: len(page) // 10], None
        return page, link


def _listing_problem(
    request: StubRequest, after: Cursor, rows: Sequence[SourceRow], fields: Sequence[str]
) -> StubReply | None:
    """The error answer to a listing that asks for something Graph refuses; None for a valid one."""
    if request.fault is not None and request.fault.kind == "page_token_expired" and any(after):
        return _error(400, "BadRequest", "The skip token is no longer valid.")
    top = request.query_value("$top")
    if top is not None and not (top.isdigit() and 0 < int(top) <= LARGEST_PAGE):
        return _error(400, "BadRequest", "The limit of '1000' for Top query has been exceeded.")
    if rows and any(field not in rows[0] for field in fields):
        return _error(400, "BadRequest", "Could not find a property named as asked for on type managedDevice.")
    return None


def _cursor(request: StubRequest) -> Cursor:
    token = request.query_value("$skiptoken")
    if not token:
        return ("", "")
    try:
        name, device = json.loads(urlsafe_b64decode(token.strip()))
    except (binascii.Error, ValueError):
        return ("\uffff", "")
    return str(name), str(device)


def _key(row: SourceRow) -> Cursor:
    return str(row["deviceName"]), str(row["id"])


def _selected_fields(row: SourceRow, fields: Sequence[str], request: StubRequest) -> SourceRow:
    has_all_values = "include-unknown-enum-members" in request.headers.get("prefer", "")
    if not has_all_values and row["deviceEnrollmentType"] not in _V1_ENROLMENTS:
        row = {**row, "deviceEnrollmentType": "unknownFutureValue"}
    return {field: row[field] for field in fields} if fields else row


def _has_thumbprint(header: Mapping[str, object], certificate: Certificate) -> bool:
    der = certificate.public_bytes(Encoding.DER)
    if "x5t#S256" in header:
        return header["x5t#S256"] == _base64(sha256(der).digest())
    return header.get("x5t") == _base64(sha1(der, usedforsecurity=False).digest())


def _base64(digest: bytes) -> str:
    return urlsafe_b64encode(digest).decode().rstrip("=")


# --- refusals ---------------------------------------------------------------------------------------------------------


def _error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> StubReply:
    inner = {"date": "2026-11-24T06:00:51", "request-id": str(UUID(int=status)), "client-request-id": str(UUID(int=0))}
    reply = json_reply({"error": {"code": code, "message": message, "innerError": inner}}, status)
    return StubReply(reply.status, reply.body, reply.kind, headers or {})


def _forbidden() -> StubReply:
    nested = {
        "_version": 3,
        "Message": "Application is not authorized to perform this operation. Application must have one of the following "
        "scopes: DeviceManagementManagedDevices.Read.All - Operation ID (for customer support): 00000000",
        "CustomApiErrorPhrase": "",
        "RetryAfter": None,
        "ErrorSourceService": "",
        "HttpHeaders": "{}",
    }
    return _error(403, "Forbidden", json.dumps(nested))


def _sign_in_error(number: int, code: str, words: str) -> StubReply:
    body = {
        "error": code,
        "error_description": f"AADSTS{number}: {words}",
        "error_codes": [number],
        "timestamp": "2026-11-24 06:00:01Z",
        "error_uri": f"https://login.microsoftonline.com/error?code={number}",
    }
    return json_reply(body, 401 if code == "invalid_client" else 400)


def _refusal(fault: ServerFault) -> StubReply:
    """The error of Graph for *fault*."""
    if fault.kind == "forbidden":
        return _forbidden()
    status = refusal_status(fault)
    codes = {401: "InvalidAuthenticationToken", 404: "ResourceNotFound", 429: "TooManyRequests", 500: "UnknownError"}
    return _error(status, codes.get(status, "NotImplemented"), "Please retry again later.", retry_after_headers(fault))
