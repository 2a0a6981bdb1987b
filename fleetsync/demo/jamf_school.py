"""A stub of Jamf School. It serves the rows that it is given, each listing whole in one response.

It is as strict as the real service: HTTP Basic, a header with the version of the protocol, a right per listing. It has the
same quirks: a wrong version reads as 404, a missing right as 405, errors are plain text, and `includeApps` adds what
nobody wants to read.
"""

from base64 import b64encode
from collections.abc import Callable, Collection, Mapping, Sequence
from secrets import compare_digest
from types import MappingProxyType

from fleetsync.demo.model import SourceRow
from fleetsync.demo.stub_server import (
    FaultKind,
    ServerFault,
    StubReply,
    StubRequest,
    StubServer,
    json_reply,
    refusal_status,
    retry_after_headers,
)

NETWORK_ID = "12345678"
API_KEY = "Exempelby-nyckel-1"
BASE_PATH = "/api/"
PROTOCOL_VERSIONS = frozenset({"2", "3"})
_HTML_NOT_FOUND = b"<!doctype html><title>404</title><h1>This school does not exist</h1>"

# Fields of each row beside those that the given rows set. Most of them must never be stored.
_OTHER_FIELDS: Mapping[str, SourceRow] = MappingProxyType(
    {
        "devices": {
            "isManaged": False,
            "isSupervised": True,
            "class": "ipad",
            "batteryLevel": 0.81,
            "totalCapacity": 64,
            "availableCapacity": 31.2,
            "iCloudBackupEnabled": False,
            "region": {"string": "Exempelby", "coordinates": "59.0,18.0"},
            "modified": "2026-11-24 05:11:00",
            "notes": "",
            "networkInformation": {"IPAddress": "192.0.2.17", "WiFiMAC": "02:00:00:00:00:17"},
        },
        "users": {
            "status": "Active",
            "deviceCount": 1,
            "firstName": "Tuva",
            "lastName": "Exempel",
            "name": "Tuva Exempel",
            "groupIds": (),
            "teacherGroups": (),
            "children": (),
            "notes": "",
            "exclude": False,
        },
        "users/groups": {"description": "", "userCount": 0, "acl": {"teacher": "inherit", "parent": "inherit"}},
        "locations": {"isDistrict": False, "street": "Exempelgatan", "city": "Exempelby", "source": "asm"},
    }
)
LISTINGS = frozenset(_OTHER_FIELDS)

RowsProvider = Callable[[], Mapping[str, Sequence[SourceRow]]]


class JamfSchoolStub:
    """Answers as Jamf School does. *rows*: returns the rows of each listing (`LISTINGS`) as of the day.

    *rights*: the listings that the API key may read.
    """

    def __init__(self, rows: RowsProvider, *, rights: Collection[str] = LISTINGS) -> None:
        self.rights = frozenset(rights)
        self._rows = rows
        self._stub_server = StubServer(self.answer, _refusal, "jamf-school")

    @property
    def stub_server(self) -> StubServer:
        """The HTTP server: start it, make it fail, stop it."""
        return self._stub_server

    @property
    def base_url(self) -> str:
        """The base address of the listings."""
        return self._stub_server.address + BASE_PATH.rstrip("/")

    def answer(self, request: StubRequest) -> StubReply:
        """The answer of Jamf School."""
        if not request.path.startswith(BASE_PATH):
            return StubReply(404, _HTML_NOT_FOUND, "text/html")
        if request.headers.get("x-server-protocol-version") not in PROTOCOL_VERSIONS:
            return _plain(404, "Not Found")
        if not _has_credential(request):
            return _plain(401, "Unauthorized")
        listing = request.path.removeprefix(BASE_PATH)
        if listing not in LISTINGS:
            return _plain(404, "Not Found")
        if listing not in self.rights:
            return _plain(405, "Method Not Allowed")
        return self._listing(listing, request)

    def _listing(self, listing: str, request: StubRequest) -> StubReply:
        apps = {"apps": [{"name": "Exempelappen"}]} if request.query_value("includeApps") is not None else {}
        rows = [{**_OTHER_FIELDS[listing], **apps, **row} for row in self._rows().get(listing, ())]
        field = listing.rpartition("/")[2]
        shown = _with_fault(rows, request.fault_kind)
        # Rows that are lost are counted all the same: the response contradicts itself. Repeated ones are rows of it.
        return json_reply({"code": 200, "count": max(len(rows), len(shown)), field: shown})


def _with_fault(rows: list[dict[str, object]], fault: FaultKind | None) -> list[dict[str, object]]:
    """The rows, changed by the request's fault."""
    if fault == "lost_rows":
        return rows[: len(rows) // 2]
    if fault == "empty_page":
        return []
    if fault == "duplicate":
        return [*rows, *rows[-1:]]
    return rows


def _has_credential(request: StubRequest) -> bool:
    expected = b64encode(f"{NETWORK_ID}:{API_KEY}".encode()).decode()
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    return kind.lower() == "basic" and compare_digest(given, expected)


def _plain(status: int, text: str, headers: Mapping[str, str] | None = None) -> StubReply:
    return StubReply(status, text.encode(), "text/plain", headers or {})


def _refusal(fault: ServerFault) -> StubReply:
    """The error of Jamf School for *fault*; a missing right is a 405 here."""
    status = 405 if fault.kind == "forbidden" else refusal_status(fault)
    return _plain(status, "Please try again later", retry_after_headers(fault))
