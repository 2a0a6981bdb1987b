"""Runs a connector's case: a stub server with recorded answers that can be made to fail, and what a pull is given."""

import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fleetsync.clock import ManualClock
from fleetsync.core.model import Key, Record, Scheme
from fleetsync.core.privacy import tokenise_key
from fleetsync.pull.contract import Auth, NormalisedItem, Part, RecordError, SourceFile, SourceSettings, UncertainRecord
from fleetsync.pull.files import StableFiles
from fleetsync.pull.http import OutboundNetwork, PullSession, RequestMeter, SourceSessions
from fleetsync.pull.http.client import HttpClient
from fleetsync.pull.registry import load_connector
from tests.connectors.connector_case import ConnectorCase, RecordedListing

NOW = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
TODAY = date(2026, 11, 24)
STUB_TOKEN = "token-of-the-stub-server"


class RecordingClock(ManualClock):
    """Stands at NOW; waiting takes no time, but passes."""

    __slots__ = ("ahead", "waited")

    def __init__(self) -> None:
        super().__init__(NOW)
        self.ahead = 0.0
        self.waited: list[float] = []

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        if seconds > 0:
            self.waited.append(seconds)
            self.ahead += seconds
        return stop.is_set()


# ------------------------------------------------------------------------------------------------------------ an API


@dataclass
class RecordedFault:
    """An answer in place of the recorded one. *cut*: half of the recorded body is sent. *following*: which page it
    points to instead; *elsewhere*: at which address. *times*: how often; None: always.
    """

    status: int = 200
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    following: int | None = None
    elsewhere: str | None = None
    times: int | None = None


class RecordedServer:
    """Serves the listings of a case on loopback."""

    case: ConnectorCase

    def __init__(self) -> None:
        self.listings: dict[str, RecordedListing] = {}
        self.faults: dict[tuple[str, int], RecordedFault] = {}
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.signed_in: list[dict[str, str]] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_RecordedHandler,), {"outside": self}))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def serve(self, case: ConnectorCase) -> None:
        """From now on serve *case*, without a fault and with nothing asked yet."""
        self.case = case
        self.listings = {listing.path: listing for listing in (*case.listings.values(), *case.also_served)}
        for noted in (self.faults, self.asked, self.headers, self.signed_in):
            noted.clear()

    def fail(self, listing: RecordedListing, page: int, fault: RecordedFault) -> None:
        self.faults[listing.path, page] = fault

    def fault(self, path: str, page: int) -> RecordedFault | None:
        fault = self.faults.get((path, page))
        if fault is None or fault.times is None:
            return fault
        fault.times -= 1
        if fault.times == 0:
            del self.faults[path, page]
        return fault

    def body(self, listing: RecordedListing, page: int, fault: RecordedFault | None) -> bytes:
        recorded = json.loads(self.case.recorded(listing.pages[page]).read_text(encoding="utf-8"))
        following = page + 1 if page + 1 < len(listing.pages) else None
        if fault is not None and fault.following is not None:
            following = fault.following
        here = (fault.elsewhere if fault is not None else None) or self.url
        return json.dumps(listing.with_next_link(recorded, here + listing.path, following)).encode()


_idle_servers: list[RecordedServer] = []
"""Servers of tests that have ended: a start takes a port, a socket and a thread. They end with the process."""


@contextmanager
def recorded_server(case: ConnectorCase) -> Iterator[RecordedServer]:
    """A server of *case* that no other test uses meanwhile."""
    server = _idle_servers.pop() if _idle_servers else RecordedServer()
    server.serve(case)
    yield server
    _idle_servers.append(server)


class _RecordedHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else the body of each answer waits 40 ms for the head to be acknowledged
    outside: RecordedServer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.outside.signed_in.append({name: values[0] for name, values in parse_qs(body).items()})
        known = urlsplit(self.path).path in self.outside.case.token_paths
        given = {"access_token": STUB_TOKEN, "token_type": "Bearer", "expires_in": 3600}
        self.answer(200 if known else 404, json.dumps(given if known else {}).encode(), {})

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.outside.asked.append(self.path)
        self.outside.headers.append({name.lower(): value for name, value in self.headers.items()})
        listing = self.outside.listings.get(parts.path)
        if listing is None:
            self.answer(404, b"{}", {})
            return
        page = listing.page_of(parse_qs(parts.query))
        fault = self.outside.fault(parts.path, page)
        body = self.outside.body(listing, page, fault)
        if fault is None:
            self.answer(200, body, {})
        else:
            self.answer(fault.status, fault.body if fault.body is not None else body, fault.headers, cut=fault.cut)

    def answer(self, status: int, body: bytes, headers: Mapping[str, str], *, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | dict(headers)).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.close_connection = cut
        self.wfile.write(body[: len(body) // 2] if cut else body)


# ------------------------------------------------------------------------------------------------ what a pull is given


class FakeConnect:
    """`contract.Connect`, made of the application's own parts and a clock that does not wait."""

    mark: str | None = None
    today = TODAY

    def __init__(
        self, source: str, session: PullSession, clock: RecordingClock, known: Mapping[str | None, str]
    ) -> None:
        self.stop = threading.Event()
        self._source, self._session, self.clock, self._known = source, session, clock, known

    def __call__(
        self,
        base_url: str,
        auth: Auth,
        *,
        headers: Mapping[str, str] | None = None,
        requests_per_minute: float | None = None,
        first_byte_seconds: float | None = None,
    ) -> HttpClient:
        return self._session.client(
            base_url,
            auth,
            headers=headers,
            requests_per_minute=requests_per_minute,
            first_byte_seconds=first_byte_seconds,
        )

    def files(self, pattern: str | Path, columns: Sequence[Any] = (), **reading: Any) -> Iterator[SourceFile]:
        source, clock = self._source, self.clock
        result = StableFiles(pattern, columns, source=source, clock=clock, stop=self.stop, known=self._known, **reading)
        return iter(result)

    def token(self, value: str) -> str:
        return tokenise_key(b"a key of tests, 32 bytes long....", Key(Scheme.CIVIC, "", value)).value


class SourceMemory:
    """What is kept of a source between its pulls: its token, and a clock that stands still otherwise."""

    def __init__(self, name: str) -> None:
        self.clock = RecordingClock()
        self.sessions = SourceSessions(name, self.clock, OutboundNetwork(), RequestMeter())


@contextmanager
def fake_connect(
    settings: SourceSettings, known: Mapping[str | None, str] | None = None, memory: SourceMemory | None = None
) -> Iterator[FakeConnect]:
    """What one pull is given. *memory*: of earlier pulls; None: this is the first one."""
    memory = memory or SourceMemory(settings.name)
    with memory.sessions.pull_session(
        stop=threading.Event(), time_limit=timedelta(hours=1), wait_limit=timedelta(minutes=10)
    ) as session:
        yield FakeConnect(settings.name, session, memory.clock, known or {})


# ------------------------------------------------------------------------------------------------- a case, ready to pull


class CaseRunner:
    """One case: its stub server, its folder, and pulls from them."""

    def __init__(self, case: ConnectorCase, folder: Path, server: RecordedServer) -> None:
        self.case, self.folder, self.server = case, folder, server
        self.module = load_connector(case.kind)
        self.settings = self.settings_with()
        self.waited: list[float] = []
        self.memory: SourceMemory | None = None

    def settings_with(self, **keys: Any) -> Any:
        """The case's settings with other *keys*. Files are not waited for: they are whole before a pull begins."""
        settled = {"settle_seconds": 0} if "settle_seconds" in self.module.Settings.model_fields else {}
        table = settled | self.case.filled_table(self.server.url, self.folder) | keys
        return self.module.Settings.model_validate(table)

    def stay_signed_in(self) -> None:
        """Keep the token from one pull to the next, as a running daemon does."""
        self.memory = SourceMemory(self.settings.name)

    def part(self, name: str) -> Part:
        return next(part for part in self.module.PARTS if part.name == name)

    def pages(self, part: str, settings: Any = None, known: Mapping[str | None, str] | None = None) -> list[Any]:
        settings = settings or self.settings
        with fake_connect(settings, known, self.memory) as connect:
            self.waited = connect.clock.waited
            return list(self.module.pull(part, settings, connect))

    def items(self, part: str, settings: Any = None) -> list[NormalisedItem]:
        """All that a pull comes to. A record that is refused alone is left out, as the runner does."""
        return self.items_of(part, self.pages(part, settings), settings)

    def items_of(self, part: str, pages: Iterable[Any], settings: Any = None) -> list[NormalisedItem]:
        """All that *pages* of a part come to."""
        settings = settings or self.settings
        result: list[NormalisedItem] = []
        for page in pages:
            for raw in page.raws:
                with suppress(RecordError):
                    result += self.module.normalise(part, settings, raw)
        return result

    def noted(self, part: str, settings: Any = None) -> list[NormalisedItem]:
        """As `items`, where nothing is believed yet: an uncertain record is a new one."""
        return as_new(self.items(part, settings))

    def records(self, part: str, settings: Any = None) -> list[Record]:
        return records_in(self.items(part, settings))

    def findings(self, settings: Any = None, known: Mapping[str | None, str] | None = None) -> list[Any]:
        settings = settings or self.settings
        with fake_connect(settings, known) as connect:
            return list(self.module.probe(settings, connect))  # type: ignore[attr-defined]


def records_in(items: Iterable[NormalisedItem]) -> list[Record]:
    """The records among *items*, an uncertain one too."""
    return [item for item in as_new(items) if isinstance(item, Record)]


def as_new(items: Iterable[NormalisedItem]) -> list[NormalisedItem]:
    """*items* with each uncertain record as the record and the facts that it is where nothing is believed yet."""
    result: list[NormalisedItem] = []
    for item in items:
        result += (item.record, *item.facts) if isinstance(item, UncertainRecord) else (item,)
    return result


@contextmanager
def running_case(case: ConnectorCase, folder: Path) -> Iterator[CaseRunner]:
    """*case* on loopback and in *folder*, its files put there as recorded."""
    for name in case.files:
        (folder / name).write_bytes(case.recorded(name).read_bytes())
    with recorded_server(case) as server:
        yield CaseRunner(case, folder, server)
