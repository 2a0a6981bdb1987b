"""The HTTP server of every stub: a loopback address, faults that can be switched on while it runs, and a request log.

A stub answers as the real system does, including its failures. The log has method, path and status, but no query, body
or token. It listens on loopback only.
"""

import socket
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Literal, Self, TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec

from fleetsync.clock import Clock

T = TypeVar("T")

FaultKind = Literal[
    "too_many_seconds", "too_many_date", "too_many_silent",  # 429, with Retry-After as seconds, as a date, without
    "bad_gateway_html", "unavailable", "server_error", "cut_body", "slow", "hang_up", "not_json",
    "forbidden", "missing", "not_implemented", "unauthorised", "token_expires", "page_token_expired",
    "loop", "foreign_link", "duplicate", "empty_page", "lost_rows",
]  # fmt: skip
GATEWAY_ERROR_HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"


class ServerFault(msgspec.Struct, frozen=True):
    """A kind of failure. *seconds*: the value of Retry-After, or the delay of a slow answer."""

    kind: FaultKind
    seconds: float = 1.0


class StubRequest(msgspec.Struct, frozen=True):
    """A request. *fault*: a failure that the stub itself must produce, such as a loop of pages."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    fault: ServerFault | None = None

    @property
    def fault_kind(self) -> FaultKind | None:
        """The kind of *fault*."""
        return None if self.fault is None else self.fault.kind

    def query_value(self, name: str) -> str | None:
        """The first value of a query parameter."""
        return next((value for key, value in self.query if key == name), None)

    def all_values(self, name: str) -> tuple[str, ...]:
        """All values of a query parameter."""
        return tuple(value for key, value in self.query if key == name)

    def form(self) -> Mapping[str, str]:
        """The fields of a form body."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


class StubReply(msgspec.Struct, frozen=True):
    """The answer to a request."""

    status: int
    body: bytes = b""
    kind: str = "application/json"
    headers: Mapping[str, str] = {}


class LoggedRequest(msgspec.Struct, frozen=True):
    """An entry of the request log. *at*: when it was answered, by the monotonic time of the server's clock."""

    method: str
    path: str
    status: int
    at: float


def json_reply(body: object, status: int = 200, **headers: str) -> StubReply:
    """An answer with *body* as JSON."""
    return StubReply(
        status, msgspec.json.encode(body), headers={key.replace("_", "-"): value for key, value in headers.items()}
    )


def page_of_rows(rows: Sequence[T], start: int, size: int, fault: FaultKind | None) -> Sequence[T]:
    """The *size* rows from *start* on, as a server with *fault* gives them."""
    if fault == "loop":
        start = 0
    if fault == "duplicate" and start:
        start -= 1  # a row before has gone meanwhile, and all others moved by one
    page = rows[start : start + size]
    if fault == "empty_page":
        return ()
    return page[: len(page) // 2] if fault == "lost_rows" else page


class _ScheduledFault(msgspec.Struct):
    """A fault for the next *times* requests below *path*, after *skip* good ones."""

    path: str
    fault: ServerFault
    times: int
    skip: int


def most_within(times: Sequence[float], seconds: float) -> int:
    """The most of *times* that lie within any span of so many seconds."""
    ordered = sorted(times)
    return max((bisect_left(ordered, start + seconds) - place for place, start in enumerate(ordered)), default=0)


RequestHandler = Callable[[StubRequest], StubReply]
FaultHandler = Callable[[ServerFault], StubReply]


class StubServer:
    """A stub's HTTP server; `with` starts and stops it.

    *answer*: answers a request as the system does. *refuse*: the system's error answer for a fault (403, 401, 404, …).
    `clock` times the requests in the log.
    """

    def __init__(self, answer: RequestHandler, refuse: FaultHandler, name: str = "stub") -> None:
        self.name = name
        self.clock = Clock()
        self.log: list[LoggedRequest] = []
        self.failed: Counter[FaultKind] = Counter()
        self._answer = answer
        self._refuse = refuse
        self._scheduled_faults: list[_ScheduledFault] = []
        self._lock = Lock()
        self._stopping = Event()
        self._server = _StubHttpServer(self)
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), name=name, daemon=True)

    @property
    def address(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> Self:
        """Start to answer requests."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop to answer requests. Returns when the port is free."""
        self._stopping.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()

    # --- faults -------------------------------------------------------------------------------------------------------

    def fail(self, path: str, fault: ServerFault | FaultKind, times: int = 1, skip: int = 0) -> None:
        """Make the next *times* requests whose path begins with *path* fail, after *skip* good ones."""
        ordered = fault if isinstance(fault, ServerFault) else ServerFault(fault)
        with self._lock:
            self._scheduled_faults.append(_ScheduledFault(path, ordered, times, skip))

    def clear_faults(self) -> None:
        """Remove all scheduled faults."""
        with self._lock:
            self._scheduled_faults.clear()

    def _fault_for(self, path: str) -> ServerFault | None:
        with self._lock:
            order = next(
                (
                    candidate
                    for candidate in self._scheduled_faults
                    if candidate.times > 0 and path.startswith(candidate.path)
                ),
                None,
            )
            if order is None:
                return None
            if order.skip > 0:
                order.skip -= 1
                return None
            order.times -= 1
            self.failed[order.fault.kind] += 1
            return order.fault

    # --- requests -----------------------------------------------------------------------------------------------------

    def reply(self, request: StubRequest) -> tuple[StubReply, ServerFault | None]:
        """The answer to a request, and the fault of its connection, if any."""
        fault = self._fault_for(request.path)
        if fault is None:
            reply = self._answer(request)
        elif fault.kind in _GATEWAY_FAULTS:
            reply = _GATEWAY_FAULTS[fault.kind](fault)
        elif fault.kind in _CONNECTION_FAULTS:
            reply = self._answer(request)
        elif fault.kind in _SYSTEM_FAULTS:
            reply = self._answer(msgspec.structs.replace(request, fault=fault))
        else:
            reply = self._refuse(fault)
        with self._lock:
            self.log.append(LoggedRequest(request.method, request.path, reply.status, self.clock.monotonic()))
        return reply, fault if fault is not None and fault.kind in _CONNECTION_FAULTS else None

    def pause(self, seconds: float) -> None:
        """Wait, until the server stops at the latest."""
        Clock().wait(seconds, self._stopping)


def _retry_after_seconds(fault: ServerFault) -> str:
    return str(max(1, round(fault.seconds)))


def _retry_after_date(fault: ServerFault) -> str:
    return format_datetime(Clock().now() + timedelta(seconds=fault.seconds), usegmt=True)


_GATEWAY_FAULTS: Mapping[str, Callable[[ServerFault], StubReply]] = {
    "bad_gateway_html": lambda _: StubReply(502, GATEWAY_ERROR_HTML, "text/html"),
    "not_json": lambda _: StubReply(200, GATEWAY_ERROR_HTML, "text/html"),
    "unavailable": lambda _: StubReply(503, GATEWAY_ERROR_HTML, "text/html"),
}
_CONNECTION_FAULTS = frozenset({"cut_body", "slow", "hang_up"})
_SYSTEM_FAULTS = frozenset(
    {"loop", "foreign_link", "duplicate", "empty_page", "lost_rows", "token_expires", "page_token_expired"}
)


def retry_after_headers(fault: ServerFault) -> Mapping[str, str]:
    """The Retry-After header of a 429: in seconds, as a date, or none."""
    if fault.kind == "too_many_seconds":
        return {"Retry-After": _retry_after_seconds(fault)}
    if fault.kind == "too_many_date":
        return {"Retry-After": _retry_after_date(fault)}
    return {}


def refusal_status(fault: ServerFault) -> int:
    """The HTTP status of a refusal."""
    return {
        "forbidden": 403, "missing": 404, "not_implemented": 501, "unauthorised": 401, "server_error": 500,
    }.get(fault.kind, 429)  # fmt: skip


class _StubHttpServer(ThreadingHTTPServer):
    """An HTTP server that knows the `StubServer` it belongs to."""

    daemon_threads = True

    def __init__(self, server: StubServer) -> None:
        super().__init__(("127.0.0.1", 0), _StubHttpHandler)
        self.stub_server = server


class _StubHttpHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    # Head and body are two writes: with Nagle's algorithm the body of each answer waits 40 ms for an acknowledgement.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        assert isinstance(self.server, _StubHttpServer)
        server = self.server.stub_server
        parts = urlsplit(self.path)
        request = StubRequest(
            self.command,
            parts.path,
            tuple(parse_qsl(parts.query, keep_blank_values=True)),
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(int(self.headers.get("Content-Length") or 0)),
        )
        reply, fault = server.reply(request)
        kind = fault.kind if fault else None
        if fault is not None and kind == "slow":
            server.pause(fault.seconds)
        if kind == "hang_up":
            self._hang_up()
            return
        self._send_head(reply)
        self.wfile.write(reply.body[: len(reply.body) // 2] if kind == "cut_body" else reply.body)
        if kind == "cut_body":
            self._hang_up()

    def _send_head(self, reply: StubReply) -> None:
        self.send_response(reply.status, HTTPStatus(reply.status).phrase)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Prints nothing; `StubServer.log` has the requests."""
