"""A stub of Jamf Pro, as a server of its own and behind the Jamf Platform API. It serves the rows that it is given.

It is as strict as the real services: tokens are required and expire, a privilege is needed per resource, and the Platform
API wants to know the environment. It has the same quirks: pages are cut without a word, the default order is by name,
sections that were not asked for are null, and an unknown address is JSON on a server, 403 below a known part of the
Platform API, and plain text or HTML anywhere else.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256
from itertools import count
from secrets import compare_digest
from types import MappingProxyType
from typing import Any

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

CLIENT = "c11e0700-0000-4000-8000-000000000002"
SECRET = "Exempelby-hemlighet-2"
ENVIRONMENT = "e7000000-0000-4000-8000-000000000001"
LARGEST_PAGE = 2000
DEFAULT_PAGE = 100
_HTML_NOT_FOUND = b"<!doctype html><title>404</title><h1>Not Found</h1>"
_SECTIONS = {
    "general": "GENERAL",
    "hardware": "HARDWARE",
    "operatingSystem": "OPERATING_SYSTEM",
    "userAndLocation": "USER_AND_LOCATION",
    "purchasing": "PURCHASING",
    "diskEncryption": "DISK_ENCRYPTION",
    "security": "SECURITY",
    "applications": "APPLICATIONS",
}
# The privilege that each resource needs, by the name of the resource without its version.
PRIVILEGES: Mapping[str, str] = MappingProxyType(
    {
        "computers-inventory": "Read Computers",
        "mobile-devices/detail": "Read Mobile Devices",
        "device-enrollments": "Read Device Enrollment Program Instances",
        "buildings": "Read Buildings",
        "departments": "Read Departments",
        "sites": "Read Sites",
    }
)
_ASSIGNED_DEVICES = re.compile(r"device-enrollments/[^/]+/devices")
_ORDERS = {"computers-inventory": "id:asc", "mobile-devices/detail": "mobileDeviceId:asc"}

# Fields of each row beside those that the given rows set. Most of them must never be stored.
_OTHER_FIELDS: Mapping[str, SourceRow] = MappingProxyType(
    {
        "computers-inventory": {
            "udid": "5F3C7C1E-0000-4000-8000-000000000017",
            "general": {"lastIpAddress": "192.0.2.17", "platform": "Mac", "lastLoggedInUsernameMdm": "tuva.exempel"},
            "hardware": {"make": "Apple", "macAddress": "02:00:00:00:00:17"},
            "operatingSystem": {"name": "macOS"},
            "userAndLocation": {"realname": "Tuva Exempel", "phone": "", "room": ""},
            "purchasing": {"purchasePrice": "", "appleCareId": ""},
            "diskEncryption": {"individualRecoveryKeyValidityStatus": "VALID", "fileVault2EnabledUserNames": ["tuva"]},
            "applications": [{"name": "Exempelappen"}],
        },
        "mobile-devices/detail": {
            "deviceType": "iOS",
            "general": {"udid": "00008103-000000000017", "ipAddress": "192.0.2.18"},
            "hardware": {"wifiMacAddress": "02:00:00:00:00:18"},
            "userAndLocation": {"realName": "Tuva Exempel", "phoneNumber": ""},
            "purchasing": {"purchasePrice": ""},
            "security": {"lostModeEnabled": False, "lostModePhoneNumber": ""},
            "applications": [{"name": "Exempelappen"}],
        },
        "device-enrollments": {"orgEmail": "mdm@exempelby.se", "orgPhone": "", "adminId": "mdm@exempelby.se"},
    }
)

RowsProvider = Callable[[], Mapping[str, Sequence[SourceRow]]]


class JamfProStub:
    """Answers as Jamf Pro does. *rows*: returns the rows of each resource as of the day, in any order.

    Resources are those of `PRIVILEGES`, and `device-enrollments/ID/devices` per token. Rows of computers are as in v4.
    *is_platform*: it is reached by the Platform API. *versions*: of the computers' inventory. *privileges*: those of the
    API client. *largest_page*: most rows of a page, even if more are requested. *token_seconds*: how long a token lives.
    """

    def __init__(
        self,
        rows: RowsProvider,
        *,
        is_platform: bool = False,
        versions: Collection[str] = ("v4", "v3"),
        privileges: Collection[str] = tuple(PRIVILEGES.values()),
        largest_page: int = LARGEST_PAGE,
        token_seconds: int = 60,
        clock: Clock | None = None,
    ) -> None:
        self.privileges = frozenset(privileges)
        self.largest_page = largest_page
        self.token_seconds = token_seconds
        self._rows = rows
        self._is_platform = is_platform
        self._versions = frozenset(versions)
        self._clock = clock or Clock()
        self._tokens: dict[str, float] = {}
        self._numbers = count()
        self._stub_server = StubServer(self.answer, _refusal, "jamf-pro")

    @property
    def stub_server(self) -> StubServer:
        """The HTTP server: start it, make it fail, stop it."""
        return self._stub_server

    @property
    def base_url(self) -> str:
        """The address above the versions of the resources."""
        return f"{self._stub_server.address}/{'pro' if self._is_platform else 'api'}"

    @property
    def token_url(self) -> str:
        """The address of the sign-in."""
        return self._stub_server.address + self._token_path

    @property
    def _token_path(self) -> str:
        return "/auth/token" if self._is_platform else "/api/oauth/token"

    def answer(self, request: StubRequest) -> StubReply:
        """The answer of Jamf Pro, or of its sign-in."""
        if request.path == self._token_path:
            return self._sign_in(request)
        if request.fault_kind == "token_expires":
            self._tokens.clear()
        root, _, path = request.path.lstrip("/").partition("/")
        if root != ("pro" if self._is_platform else "api"):
            return _not_found_outside(self._is_platform)
        if (refused := self._refused(request)) is not None:
            return refused
        version, _, resource = path.partition("/")
        if not self._is_known(version, resource):
            # Behind the gateway an unknown address cannot be told from a missing permission.
            return _error(403, "BAD_PERMISSIONS") if self._is_platform else _error(404, "NOT_FOUND")
        if PRIVILEGES[_privileged(resource)] not in self.privileges:
            return _error(403, "BAD_PERMISSIONS" if self._is_platform else "INVALID_PRIVILEGE")
        return self._resource(request, version, resource)

    # --- sign-in ------------------------------------------------------------------------------------------------------

    def _sign_in(self, request: StubRequest) -> StubReply:
        form = request.form()
        if form.get("grant_type") != "client_credentials":
            return json_reply({"error": "unsupported_grant_type"}, 400)
        if form.get("client_id") != CLIENT or not compare_digest(form.get("client_secret", ""), SECRET):
            return json_reply({"error": "invalid_client"}, 401)
        token = sha256(f"{CLIENT}/{next(self._numbers)}".encode()).hexdigest()
        self._tokens[token] = self._clock.monotonic() + self.token_seconds
        given = {"access_token": token, "token_type": "Bearer", "expires_in": self.token_seconds}
        return json_reply(given | ({"refresh_expires_in": 0} if self._is_platform else {"scope": "api-role:2"}))

    def _refused(self, request: StubRequest) -> StubReply | None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or self._tokens.get(token, 0.0) <= self._clock.monotonic():
            return _error(401, "INVALID_TOKEN")
        if not self._is_platform:
            return None
        environment = request.headers.get("x-environment-id")
        if environment is None:
            return _error(400, "REQUEST_CONTEXT_NOT_PROVIDED")
        return None if environment == ENVIRONMENT else _error(403, "OWNERSHIP_FORBIDDEN")

    # --- resources ----------------------------------------------------------------------------------------------------

    def _is_known(self, version: str, resource: str) -> bool:
        if resource == "computers-inventory":
            return version in self._versions
        expected = "v2" if resource == "mobile-devices/detail" else "v1"
        return version == expected and (resource in PRIVILEGES or _ASSIGNED_DEVICES.fullmatch(resource) is not None)

    def _resource(self, request: StubRequest, version: str, resource: str) -> StubReply:
        rows = [_merged(_OTHER_FIELDS.get(resource, {}), row) for row in self._rows().get(resource, ())]
        if resource == "sites":
            return json_reply(rows)
        if resource not in PRIVILEGES:
            shown = rows[: len(rows) // 2] if request.fault_kind in ("lost_rows", "empty_page") else rows
            return json_reply({"totalCount": len(rows), "results": shown})
        if resource in _ORDERS:
            rows = [_as_version(version, _with_sections(row, request.all_values("section"))) for row in rows]
        ordered = sorted(rows, key=lambda row: _sort_key(row, request.query_value("sort"), resource))
        return json_reply({"totalCount": len(rows), "results": self._page(ordered, request)})

    def _page(self, rows: Sequence[dict[str, Any]], request: StubRequest) -> Sequence[dict[str, Any]]:
        number = int(request.query_value("page") or 0)
        size = min(int(request.query_value("page-size") or DEFAULT_PAGE), self.largest_page)
        return page_of_rows(rows, number * size, size, request.fault_kind)


def _privileged(resource: str) -> str:
    return resource if resource in PRIVILEGES else "device-enrollments"


def _merged(defaults: SourceRow, row: SourceRow) -> dict[str, Any]:
    """*row* with the fields of *defaults* that it does not set, objects within it too."""
    result = dict(defaults)
    for name, value in row.items():
        inner = defaults.get(name)
        result[name] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return result


def _with_sections(row: dict[str, Any], asked: Collection[str]) -> dict[str, Any]:
    """*row* with null for each section that was not asked for; without a wish, all but GENERAL."""
    shown = frozenset(asked) or frozenset({"GENERAL"})
    return {name: value if _SECTIONS.get(name, "") in shown | {""} else None for name, value in row.items()}


def _as_version(version: str, row: dict[str, Any]) -> dict[str, Any]:
    """A computer as older versions show it: they call the check-in otherwise, and know no contact beside it."""
    general = row.get("general")
    if version == "v4" or not isinstance(general, dict) or "lastCheckIn" not in general:
        return row
    older = {name: value for name, value in general.items() if name not in ("lastCheckIn", "lastContact")}
    return {**row, "general": {**older, "lastContactTime": general["lastCheckIn"]}}


def _sort_key(row: dict[str, Any], order: str | None, resource: str) -> tuple[int, str]:
    """By id where that is asked for; else by name, which is neither unique nor stable."""
    if order == _ORDERS.get(resource, "id:asc"):
        return (int(str(row.get("id") or row.get("mobileDeviceId") or 0)), "")
    general = row.get("general") or {}
    return (0, str(general.get("name") or general.get("displayName") or row.get("name")))


# --- refusals ---------------------------------------------------------------------------------------------------------


def _error(status: int, code: str, headers: Mapping[str, str] | None = None) -> StubReply:
    errors = [{"code": code, "description": "The request was refused.", "id": "0", "field": None}]
    reply = json_reply({"httpStatus": status, "errors": errors}, status)
    return StubReply(reply.status, reply.body, reply.kind, headers or {})


def _not_found_outside(is_platform: bool) -> StubReply:
    """What another path of the same host answers: a gateway's line of text, or a web server's page."""
    return (
        StubReply(404, b"404 page not found\n", "text/plain")
        if is_platform
        else StubReply(404, _HTML_NOT_FOUND, "text/html")
    )


def _refusal(fault: ServerFault) -> StubReply:
    """The error of Jamf Pro for *fault*."""
    status = refusal_status(fault)
    codes = {401: "INVALID_TOKEN", 403: "INVALID_PRIVILEGE", 404: "NOT_FOUND", 429: "TOO_MANY_REQUESTS"}
    return _error(status, codes.get(status, "INTERNAL_ERROR"), retry_after_headers(fault))
