"""A stand-in of Microsoft Graph and its sign-in, answering from the world as of the world's current day.

It is as strict as the real one: a token is needed and expires, a client assertion is verified (signature, audience,
age, thumbprint), `$select` decides which fields come, and a page holds no more than it likes. Its traps are here too:
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

# Everything a row of the listing has beside what the world says of it; most of it must never be kept.
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
_BETA_FIELDS: SourceRow = {"lostModeState": "disabled"}
_V1_ENROLMENTS = frozenset(
    {
        "unknown", "userEnrollment", "deviceEnrollmentManager", "appleBulkWithUser", "appleBulkWithoutUser",
        "windowsAzureADJoin", "windowsBulkUserless", "windowsAutoEnrollment", "windowsBulkAzureDomainJoin",
        "windowsCoManagement", "windowsAzureADJoinUsingDeviceAuth", "appleUserEnrollment",
        "appleUserEnrollmentWithServiceAccount",
    }
)  # fmt: skip

RowsProvider = Callable[[], Sequence[SourceRow]]


class GraphStub:
    """The system behind the stand. *rows*: all managed devices now, in the order of names.

    *largest_page*: however much is asked for; *token_seconds*: how long a token is good; *permitted*: whether the
    application permission is granted.
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
        """The server to start, fail and stop."""
        return self._stub_server

    def answer(self, asked: StubRequest) -> StubReply:
        """What Graph answers, or its sign-in."""
        if asked.path.endswith("/oauth2/v2.0/token"):
            return self._sign_in(asked)
        if asked.fault is not None and asked.fault.kind == "token_expires":
            self._tokens.clear()
        refused = self._refused(asked)
        if refused is not None:
            return refused
        version, _, resource = asked.path.lstrip("/").partition("/")
        if version not in {"v1.0", "beta"} or resource != "deviceManagement/managedDevices":
            return _error(404, "ResourceNotFound", "Resource not found for the segment.")
        return self._devices(asked, version)

    # --- sign-in ------------------------------------------------------------------------------------------------------

    def _sign_in(self, asked: StubRequest) -> StubReply:
        form = asked.form()
        if asked.path != f"/{TENANT}/oauth2/v2.0/token":
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

    def _refused(self, asked: StubRequest) -> StubReply | None:
        kind, _, token = asked.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or self._tokens.get(token, 0.0) <= self._clock.monotonic():
            return _error(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
        return None if self.permitted else _forbidden()

    # --- the listing --------------------------------------------------------------------------------------------------

    def _devices(self, asked: StubRequest, version: str) -> StubReply:
        fault = asked.fault.kind if asked.fault else None
        after, asked_for = _cursor(asked), asked.one("$top")
        if fault == "page_token_expired" and any(after):
            return _error(400, "BadRequest", "The skip token is no longer valid.")
        if asked_for is not None and not (asked_for.isdigit() and 0 < int(asked_for) <= LARGEST_PAGE):
            return _error(400, "BadRequest", "The limit of '1000' for Top query has been exceeded.")
        known = {**_OTHER_FIELDS, **(_BETA_FIELDS if version == "beta" else {})}
        fields = [field for part in asked.all_values("$select") for field in part.split(",")]
        rows: list[SourceRow] = [{**known, **row} for row in self._rows()]
        unknown = [field for field in fields if rows and field not in rows[0]]
        if unknown:
            return _error(400, "BadRequest", "Could not find a property named as asked for on type managedDevice.")
        size = min(int(asked_for or LARGEST_PAGE), self.largest_page)
        waiting = [row for row in rows if _key(row) > after]
        page = waiting[:size]
        link = self._link(asked, _key(page[-1])) if len(waiting) > size else None
        page, link = self._with_fault(fault, page, link, asked, after)
        shown = [_selected_fields(row, fields, asked) for row in page]
        body: dict[str, object] = {
            "@odata.context": "$metadata#deviceManagement/managedDevices",
            "@odata.count": len(shown),
        }
        return json_reply({**body, **({"@odata.nextLink": link} if link else {}), "value": shown})

    def _link(self, asked: StubRequest, key: tuple[str, str]) -> str:
        token = urlsafe_b64encode(json.dumps(key).encode()).decode()
        kept = [(name, value) for name, value in asked.query if name != "$skiptoken"]
        query = "&".join(f"{name}={quote(value, safe=',')}" for name, value in [*kept, ("$skiptoken", token)])
        return f"{self._stub_server.address}{asked.path}?{query}"

    def _with_fault(
        self, fault: str | None, page: list[SourceRow], link: str | None, asked: StubRequest, after: tuple[str, str]
    ) -> tuple[list[SourceRow], str | None]:
        """The page as a fault of the system's own makes it."""
        if fault == "loop":
            return page, self._link(asked, after)
        if fault == "foreign_link":
            return page, FOREIGN_LINK
        if fault == "duplicate" and len(page) > 1:
            # The last one comes on the next page once more: it was renamed in between.
            return page, self._link(asked, _key(page[-2]))
        if fault == "empty_page" and page:
            # The same place in another spelling, since a link that comes twice is a loop.
            return [], self._link(asked, after) + "%20"
        if fault == "lost_rows":
            return page[: len(page) // 10], None
        return page, link


def _cursor(asked: StubRequest) -> tuple[str, str]:
    token = asked.one("$skiptoken")
    if not token:
        return ("", "")
    try:
        name, device = json.loads(urlsafe_b64decode(token.strip()))
    except (binascii.Error, ValueError):
        return ("\uffff", "")
    return str(name), str(device)


def _key(row: SourceRow) -> tuple[str, str]:
    return str(row["deviceName"]), str(row["id"])


def _selected_fields(row: SourceRow, fields: Sequence[str], asked: StubRequest) -> SourceRow:
    tells_all = "include-unknown-enum-members" in asked.headers.get("prefer", "")
    if not tells_all and row["deviceEnrollmentType"] not in _V1_ENROLMENTS:
        row = {**row, "deviceEnrollmentType": "unknownFutureValue"}
    return {field: row[field] for field in fields} if fields else row


def _has_thumbprint(header: Mapping[str, object], certificate: Certificate) -> bool:
    der = certificate.public_bytes(Encoding.DER)
    if "x5t#S256" in header:
        return header["x5t#S256"] == _base64(sha256(der).digest())
    return header.get("x5t") == _base64(sha1(der, usedforsecurity=False).digest())


def _base64(digest: bytes) -> str:
    return urlsafe_b64encode(digest).decode().rstrip("=")


# --------------------------------------------------------------------------------------------------------------- refusals


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
    """A fault in Graph's words."""
    if fault.kind == "forbidden":
        return _forbidden()
    status = refusal_status(fault)
    codes = {401: "InvalidAuthenticationToken", 404: "ResourceNotFound", 429: "TooManyRequests", 500: "UnknownError"}
    return _error(status, codes.get(status, "NotImplemented"), "Please retry again later.", retry_after_headers(fault))
