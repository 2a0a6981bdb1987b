"""A stub of Snipe-IT. It serves the rows that it is given.

It is as strict as the real service: a token, a permission per listing, a number of requests a minute. It has the same
quirks: pages are cut without a word, archived assets are a listing of their own, texts are escaped for HTML, a request
without `Accept: application/json` is sent to the sign-in, and an error of the application has the HTTP status 200.
"""

import html
from collections.abc import Callable, Collection, Mapping, Sequence
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

TOKEN = "Exempelby-token-3"
BASE_PATH = "/api/v1/"
LARGEST_PAGE = 500
REQUESTS_PER_MINUTE = 120
_DEFAULT_PAGE = 50
_MINUTE_SECONDS = 60.0
_HTML_NOT_FOUND = b"<!doctype html><title>404</title><h1>Not Found</h1>"

# Fields of each row beside those that the given rows set. Most of them must never be stored.
_OTHER_FIELDS: Mapping[str, SourceRow] = MappingProxyType(
    {
        "hardware": {
            "name": "",
            "byod": False,
            "requestable": False,
            "model_number": None,
            "eol": "48 months",
            "supplier": {"id": 1, "name": "Exempeldata AB"},
            "notes": None,
            "image": None,
            "warranty_months": "36 months",
            "purchase_cost": "4 990,00",
            "last_checkout": {"datetime": "2025-08-21 09:12:31", "formatted": "2025-08-21 09:12"},
            "custom_fields": {},
            "deleted_at": None,
        },
        "locations": {"address": "Exempelgatan 1", "phone": None, "manager": None, "parent": None, "children": []},
        "companies": {"phone": None, "fax": None, "email": None},
    }
)
LISTINGS = frozenset(_OTHER_FIELDS)

RowsProvider = Callable[[], Mapping[str, Sequence[SourceRow]]]


class SnipeItStub:
    """Answers as Snipe-IT does. *rows*: returns the rows of each listing (`LISTINGS`) as of the day, as texts are meant.

    *permissions*: the listings that the user of the token may view. *shows_archived*: the server is set to show archived
    assets among the others. *largest_page*: most rows of a page, even if more are requested.
    """

    def __init__(
        self,
        rows: RowsProvider,
        *,
        permissions: Collection[str] = LISTINGS,
        shows_archived: bool = False,
        largest_page: int = LARGEST_PAGE,
        clock: Clock | None = None,
    ) -> None:
        self.permissions = frozenset(permissions)
        self.shows_archived = shows_archived
        self.largest_page = largest_page
        self._rows = rows
        self._clock = clock or Clock()
        self._requested_at: list[float] = []
        self._stub_server = StubServer(self.answer, _refusal, "snipe-it")

    @property
    def stub_server(self) -> StubServer:
        """The HTTP server: start it, make it fail, stop it."""
        return self._stub_server

    @property
    def base_url(self) -> str:
        """The address above the listings."""
        return self._stub_server.address + BASE_PATH.rstrip("/")

    def answer(self, request: StubRequest) -> StubReply:
        """The answer of Snipe-IT."""
        if not request.path.startswith(BASE_PATH):
            return StubReply(404, _HTML_NOT_FOUND, "text/html")
        if "application/json" not in request.headers.get("accept", ""):
            return StubReply(302, b"", "text/html", {"Location": "/login"})
        if not _has_token(request):
            return json_reply({"error": "Unauthorized or unauthenticated."}, 401)
        if self._is_too_fast():
            return _refusal(ServerFault("too_many_seconds", _MINUTE_SECONDS))
        listing = request.path.removeprefix(BASE_PATH)
        if listing not in LISTINGS:
            return _error(404, "404 endpoint not found")
        if listing not in self.permissions:
            return json_reply({"message": "This action is unauthorized."}, 403)
        return self._listing(listing, request)

    def _is_too_fast(self) -> bool:
        now = self._clock.monotonic()
        self._requested_at = [at for at in self._requested_at if now - at < _MINUTE_SECONDS]
        self._requested_at.append(now)
        return len(self._requested_at) > REQUESTS_PER_MINUTE

    def _listing(self, listing: str, request: StubRequest) -> StubReply:
        rows = [{**_OTHER_FIELDS[listing], **row} for row in self._rows().get(listing, ())]
        if listing == "hardware":
            rows = [row for row in rows if self._is_listed(row, request.query_value("status"))]
        is_by_id = request.query_value("sort") == "id"
        rows.sort(key=_row_id if is_by_id else _creation_order, reverse=request.query_value("order") != "asc")
        return json_reply({"total": len(rows), "rows": [_escaped(row) for row in self._page(rows, request)]})

    def _is_listed(self, row: SourceRow, status: str | None) -> bool:
        label: Any = row.get("status_label") or row.get("status") or {}
        is_archived = label.get("status_type") == "archived"
        if row.get("deleted_at") is not None:
            return False
        return is_archived if status == "Archived" else self.shows_archived or not is_archived

    def _page(self, rows: Sequence[SourceRow], request: StubRequest) -> Sequence[SourceRow]:
        size = min(int(request.query_value("limit") or _DEFAULT_PAGE), self.largest_page)
        start = min(int(request.query_value("offset") or 0), len(rows))
        return page_of_rows(rows, start, size, request.fault_kind)


def _has_token(request: StubRequest) -> bool:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return kind.lower() == "bearer" and compare_digest(token, TOKEN)


def _row_id(row: SourceRow) -> int:
    return int(str(row["id"]))


def _creation_order(row: SourceRow) -> str:
    """The default order, by the second in which a row was made: it is not unique, so pages of it are not stable."""
    return str(row.get("created_at"))


def _escaped(value: Any) -> Any:
    """*value* with every text in it escaped for HTML, as the server's template language does."""
    if isinstance(value, str):
        return html.escape(value).replace("&#x27;", "&#039;")
    if isinstance(value, Mapping):
        return {name: _escaped(inner) for name, inner in value.items()}
    return [_escaped(inner) for inner in value] if isinstance(value, list | tuple) else value


def _error(status: int, messages: str, headers: Mapping[str, str] | None = None, **fields: object) -> StubReply:
    reply = json_reply({"status": "error", "messages": messages, **fields}, status)
    return StubReply(reply.status, reply.body, reply.kind, headers or {})


def _refusal(fault: ServerFault) -> StubReply:
    """The error of Snipe-IT for *fault*; an error of the application itself comes with the HTTP status 200."""
    status = refusal_status(fault)
    if fault.kind == "server_error":
        return _error(200, "The query could not be run", payload=None)
    if status == 429:
        return _error(429, "Too many requests.", retry_after_headers(fault), status_code=429)
    if status == 401:
        return json_reply({"error": "Unauthorized or unauthenticated."}, 401)
    return (
        json_reply({"message": "This action is unauthorized."}, 403) if status == 403 else _error(status, str(status))
    )
