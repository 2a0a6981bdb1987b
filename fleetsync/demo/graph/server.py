"""The server of the stub of Graph: which resource a request is for, and the page of it that is answered."""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from urllib.parse import quote, unquote

from fleetsync.clock import Clock
from fleetsync.demo.graph.errors import forbidden, graph_error, refusal
from fleetsync.demo.graph.resources import ALL_PERMISSIONS, RESOURCES, GraphResource, Listings, RowsProvider
from fleetsync.demo.graph.sign_in import GraphSignIn
from fleetsync.demo.model import SourceRow
from fleetsync.demo.stub_server import StubReply, StubRequest, StubServer, json_reply

LARGEST_PAGE = 1000
FOREIGN_LINK = "http://127.0.0.1:9/v1.0/deviceManagement/managedDevices?$skiptoken=x"
_VERSIONS = frozenset({"v1.0", "beta"})
_V1_ENROLMENTS = frozenset(
    {
        "unknown", "userEnrollment", "deviceEnrollmentManager", "appleBulkWithUser", "appleBulkWithoutUser",
        "windowsAzureADJoin", "windowsBulkUserless", "windowsAutoEnrollment", "windowsBulkAzureDomainJoin",
        "windowsCoManagement", "windowsAzureADJoinUsingDeviceAuth", "appleUserEnrollment",
        "appleUserEnrollmentWithServiceAccount",
    }
)  # fmt: skip

Cursor = tuple[str, ...]
"""The key of the last row before a page; empty before the first."""


class GraphStub:
    """Answers as Graph does. *rows*: returns all managed devices of the day.

    *listings*: the rows of further resources (`resources.RESOURCES`). *largest_page*: most rows of a page, even if more are
    requested. *token_seconds*: how long a token is valid. *permitted*: whether the application is granted anything;
    *permissions*: what it is granted then. *has_beta*: whether this cloud has the beta version.
    """

    def __init__(
        self,
        rows: RowsProvider,
        *,
        listings: Listings | None = None,
        certificate_pem: str | None = None,
        largest_page: int = LARGEST_PAGE,
        token_seconds: int = 3599,
        permitted: bool = True,
        clock: Clock | None = None,
    ) -> None:
        self.largest_page = largest_page
        self.permitted = permitted
        self.permissions = set(ALL_PERMISSIONS)
        self.has_beta = True
        self._listings: Listings = {**(listings or {}), "devices": rows}
        self._written: dict[tuple[str, str, str], tuple[Sequence[SourceRow], list[SourceRow]]] = {}
        self.sign_in = GraphSignIn(token_seconds, certificate_pem, clock or Clock())
        self._stub_server = StubServer(self.answer, refusal, "graph")

    @property
    def stub_server(self) -> StubServer:
        """The HTTP server: start it, make it fail, stop it."""
        return self._stub_server

    def answer(self, request: StubRequest) -> StubReply:
        """The answer of Graph, or of its sign-in."""
        if request.path.endswith("/oauth2/v2.0/token"):
            return self.sign_in.answer(request, self._stub_server.address)
        if request.fault_kind == "token_expires":
            self.sign_in.expire_tokens()
        if not self.sign_in.is_valid(request):
            return graph_error(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
        version, _, path = request.path.lstrip("/").partition("/")
        found = ((resource, match) for resource in RESOURCES if (match := resource.path.fullmatch(path)) is not None)
        resource, match = next(found, (None, None))
        if resource is None or match is None or not self._has_version(resource, version):
            return graph_error(404, "ResourceNotFound", "Resource not found for the segment.")
        if not self.permitted or resource.permission not in self.permissions:
            return forbidden(resource.permission)
        owner = unquote(match[1]) if match.groups() else ""
        rows = self._whole_listing(resource, version, owner)
        return self._single(rows) if resource.is_single else self._page(resource, rows, request)

    def _whole_listing(self, resource: GraphResource, version: str, owner: str) -> list[SourceRow]:
        """All rows of a listing. Of rows that cannot change they are written once, for all pages."""
        given, key = self._listings.get(resource.name, list)(), (resource.name, version, owner)
        if not isinstance(given, tuple):
            return resource.rows(given, version, owner)
        written = self._written.get(key)
        if written is None or written[0] is not given:
            written = self._written[key] = (given, resource.rows(given, version, owner))
        return written[1]

    def _has_version(self, resource: GraphResource, version: str) -> bool:
        return version in _VERSIONS & resource.versions and (version != "beta" or self.has_beta)

    def _single(self, rows: Sequence[SourceRow]) -> StubReply:
        if not rows:
            return graph_error(404, "ResourceNotFound", "There is no such object.")
        return json_reply({"@odata.context": "$metadata#entity", **rows[0]})

    # --- a listing ----------------------------------------------------------------------------------------------------

    def _page(self, resource: GraphResource, rows: list[SourceRow], request: StubRequest) -> StubReply:
        after = _cursor(request)
        fields = [field for part in request.all_values("$select") for field in part.split(",")]
        problem = _listing_problem(resource, request, after, rows, fields)
        if problem is not None:
            return problem
        size = min(int(request.query_value("$top") or resource.page_size), self.largest_page)
        remaining = [row for row in rows if resource.key(row) > after]
        page = remaining[:size]
        link = self._link(request, resource.key(page[-1])) if len(remaining) > size else None
        page, link = self._with_fault(resource, page, link, request, after)
        selected = [_selected_fields(resource, row, fields, request) for row in page]
        count = _count(resource, request, after, len(rows), len(selected))
        return json_reply(
            {
                "@odata.context": f"$metadata#{resource.name}",
                **({} if count is None else {"@odata.count": count}),
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
        self, resource: GraphResource, page: list[SourceRow], link: str | None, request: StubRequest, after: Cursor
    ) -> tuple[list[SourceRow], str | None]:
        """The page and its next link, changed by the request's fault."""
        fault = request.fault_kind
        if fault == "loop":
            return page, self._link(request, after)
        if fault == "foreign_link":
            return page, FOREIGN_LINK
        if fault == "duplicate" and len(page) > 1:
            # The last row is repeated on the next page, as if it had been renamed in between.
            return page, self._link(request, resource.key(page[-2]))
        if fault == "empty_page" and page:
            # The same cursor in another spelling, because a repeated link would be taken for a loop.
            return [], self._link(request, after) + "%20"
        if fault == "lost_rows":
            return page[: len(page) // 10], None
        return page, link


def _listing_problem(
    resource: GraphResource, request: StubRequest, after: Cursor, rows: Sequence[SourceRow], fields: Sequence[str]
) -> StubReply | None:
    """The error answer to a listing that asks for something Graph refuses; None for a valid one."""
    if request.fault_kind == "page_token_expired" and any(after):
        return graph_error(400, "BadRequest", "The skip token is no longer valid.")
    top = request.query_value("$top")
    if top is not None and not (top.isdigit() and 0 < int(top) <= resource.largest_page):
        return graph_error(
            400, "BadRequest", f"The limit of '{resource.largest_page}' for Top query has been exceeded."
        )
    if fields and resource.refuses_select:
        return graph_error(500, "InternalServerError", "Internal server error.")
    if rows and any(field not in rows[0] for field in fields):
        return graph_error(400, "BadRequest", f"Could not find a property named as asked for on type {resource.name}.")
    return None


def _count(resource: GraphResource, request: StubRequest, after: Cursor, all_rows: int, page_rows: int) -> int | None:
    """`@odata.count`: of the whole on the first page of a directory listing that asks for it; else of the page."""
    if not resource.counts_all:
        return page_rows
    is_asked = (request.query_value("$count"), request.headers.get("consistencylevel")) == ("true", "eventual")
    return all_rows if is_asked and not any(after) else None


def _cursor(request: StubRequest) -> Cursor:
    token = request.query_value("$skiptoken")
    if not token:
        return ()
    try:
        return tuple(map(str, json.loads(urlsafe_b64decode(token.strip()))))
    except (binascii.Error, ValueError):
        return ("\uffff",)


def _selected_fields(resource: GraphResource, row: SourceRow, fields: Sequence[str], request: StubRequest) -> SourceRow:
    has_all_values = "include-unknown-enum-members" in request.headers.get("prefer", "")
    if not has_all_values and row.get("deviceEnrollmentType", "unknown") not in _V1_ENROLMENTS:
        row = {**row, "deviceEnrollmentType": "unknownFutureValue"}
    names = fields or resource.default_fields
    return {name: row[name] for name in names} if names else row
