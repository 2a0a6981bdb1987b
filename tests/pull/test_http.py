"""The one HTTP client, against real servers on loopback: a source, a token endpoint that verifies, a proxy."""

import datetime as dt
import enum
import gzip
import json
import logging
import os
import re
import socket
import ssl
import threading
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

import msgspec
import pytest
import requests
import responses
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from pydantic import SecretStr

from fleetsync.clock import Clock
from fleetsync.pull.contract import (
    ApiKey,
    Basic,
    Bearer,
    ClientCertificate,
    ClientSecret,
    MutualTls,
    NoAuth,
    PageTokenExpired,
    PartMissing,
    PullError,
    QueryRefused,
    ServiceAccount,
    SignedAssertion,
    SourceRefused,
    SourceSettings,
    SourceUnavailable,
    Stopped,
    WrongAnswer,
)
from fleetsync.pull.http import OutboundNetwork, PullSession, RequestMeter, RequestPacers, SourceSessions
from fleetsync.pull.http.address import Origin, resolve_link, url_with_query
from fleetsync.pull.http.json_bodies import repaired
from fleetsync.pull.http.retrying import parse_retry_after

SECRET = "hemlig-7f3a-mycket"
TOKEN_PATH = "/token"


class Listing(msgspec.Struct):
    value: list[int]
    next: str | None = None


class RowListing(msgspec.Struct):
    value: list[msgspec.Raw]
    next: str | None = None


class QuickClock(Clock):
    """A clock for which waiting takes no time, but passes."""

    __slots__ = ("ahead", "waits")

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []
        self.ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        if seconds > 0:
            self.waits.append(round(seconds, 3))
            self.ahead += seconds
        return stop.is_set()


# --------------------------------------------------------------------------------------------------------- stand-ins


@dataclass
class Reply:
    status: int = 200
    body: object = field(default_factory=lambda: {"value": [1]})
    headers: dict[str, str] = field(default_factory=dict)
    cut_at: int | None = None
    on_drip: Callable[[], None] | None = None
    """Send the body byte by byte, and call this after the first."""

    def payload(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query)

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


Answers = Reply | Callable[[Request], Reply]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else the body of each answer waits 40 ms for the head to be acknowledged
    stand_in: "StandIn"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.get_with_headers()

    def do_POST(self) -> None:
        self.get_with_headers()

    def get_with_headers(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, body)
        self.stand_in.seen.append(request)
        replies = self.stand_in.replies.get(urlsplit(self.path).path) or [Reply(404, {})]
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        self.send(reply if isinstance(reply, Reply) else reply(request))

    def send(self, reply: Reply) -> None:
        payload = reply.payload()
        self.send_response(reply.status)
        for name, value in ({"Content-Type": "application/json"} | reply.headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.close_connection = reply.cut_at is not None or reply.on_drip is not None
        if reply.on_drip is not None:
            self.drip(payload, reply.on_drip)
        else:
            self.wfile.write(payload[: reply.cut_at])

    def drip(self, payload: bytes, on_drip: Callable[[], None]) -> None:
        with suppress(OSError):  # the reader leaves before the end: that is what is tested
            for sent in range(len(payload)):
                self.wfile.write(payload[sent : sent + 1])
                if sent == 0:
                    on_drip()
                threading.Event().wait(0.01)


class StandIn:
    """A server that answers each path (without its query) by its replies in turn, the last one for ever."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.replies: dict[str, list[Answers]] = {}
        self.seen: list[Request] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"stand_in": self}))
        self.server.daemon_threads = True
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def on(self, path: str, *replies: Answers) -> None:
        self.replies[path] = list(replies)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def asked(self, path: str) -> list[Request]:
        return [record for record in self.seen if urlsplit(record.path).path == path]


class TokenEndpoint:
    """Gives tokens to clients with the right credentials, and lets only the newest ones through."""

    def __init__(self, server: StandIn, verify, lifetime: int | None = 3600) -> None:
        self.verify, self.lives, self.given = verify, lifetime, 0
        self.valid: set[str] = set()
        server.on(TOKEN_PATH, self)

    def __call__(self, request: Request) -> Reply:
        refusal = self.verify(request)
        if refusal is not None:
            return Reply(401, refusal)
        self.given += 1
        token = f"token-{self.given}"
        self.valid = {f"Bearer {token}"}
        return Reply(200, {"access_token": token, "token_type": "Bearer", "expires_in": self.lives})

    def guards(self, *replies: Reply) -> Callable[[Request], Reply]:
        """Replies only to those with a valid token."""
        left = list(replies)

        def reply(request: Request) -> Reply:
            if request.headers.get("authorization") not in self.valid:
                return Reply(401, {"error": {"code": "InvalidAuthenticationToken", "message": "expired"}})
            return left.pop(0) if len(left) > 1 else left[0]

        return reply


def has_secret(request: Request) -> dict[str, str] | None:
    wanted = {"client_id": "app", "client_secret": SECRET, "grant_type": "client_credentials"}
    return None if wanted.items() <= request.form.items() else {"error": "invalid_client"}


@pytest.fixture
def source() -> Iterator[StandIn]:
    server = StandIn()
    yield server
    server.close()


@pytest.fixture
def other() -> Iterator[StandIn]:
    server = StandIn()
    yield server
    server.close()


@dataclass
class SourceClients:
    """What the runner would hold: one source's sessions, and the pull_sessions on them."""

    clock: Any = field(default_factory=QuickClock)
    network: OutboundNetwork = field(default_factory=OutboundNetwork)
    time_limit: timedelta = timedelta(hours=1)
    wait_limit: timedelta = timedelta(minutes=10)
    meter: RequestMeter = field(default_factory=RequestMeter)
    pacers: RequestPacers | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    pull_sessions: list[PullSession] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sessions = SourceSessions("intune", self.clock, self.network, self.meter, self.pacers)

    def pull_session(self) -> PullSession:
        self.pull_sessions.append(
            self.sessions.pull_session(stop=self.stop, time_limit=self.time_limit, wait_limit=self.wait_limit)
        )
        return self.pull_sessions[-1]

    def client(self, base_url: str, auth=NoAuth(), **options):
        return self.pull_session().client(base_url, auth, **options)


@pytest.fixture
def desks() -> Iterator[list[SourceClients]]:
    created: list[SourceClients] = []
    yield created
    for clients in created:
        for session in clients.pull_sessions:
            session.__exit__()


@pytest.fixture
def make_clients(desks: list[SourceClients]) -> Callable[..., SourceClients]:
    def make(**keys: Any) -> SourceClients:
        desks.append(SourceClients(**keys))
        return desks[-1]

    return make


@pytest.fixture
def clients(make_clients: Callable[..., SourceClients]) -> SourceClients:
    return make_clients()


def by_secret(source: StandIn, secret: str = SECRET, **keys) -> ClientSecret:
    return ClientSecret(source.url + TOKEN_PATH, "app", SecretStr(secret), **keys)


def pages(client, path="/devices", **options) -> list[int]:
    listing = client.follow(path, decode=Listing, next_page=lambda page: page.next, **options)
    return [record for page in listing for record in page.value]


# -------------------------------------------------------------------------------------------------- asking and decoding


def test_a_page_is_decoded_into_just_the_fields_that_are_named(source, clients):
    source.on("/api/devices", Reply(body={"value": [1, 2], "secret": "x"}, headers={"X-Total-Count": "2"}))
    client = clients.client(f"{source.url}/api", headers={"X-Server-Protocol-Version": "3"})

    answer = client.get_with_headers("devices", {"$top": 500, "deep": True, "fields": ["a", "b"]}, decode=Listing)

    assert answer.body == Listing([1, 2])
    assert answer.headers["x-total-count"] == "2"
    assert source.seen[0].query == {"$top": ["500"], "deep": ["true"], "fields": ["a", "b"]}
    assert source.seen[0].headers["x-server-protocol-version"] == "3"


def test_a_decoder_of_ones_own_is_used(source, clients):
    source.on("/devices", Reply(body={"value": [1]}))

    assert clients.client(source.url).get("/devices", decode=msgspec.json.Decoder(Listing)) == Listing([1])


def test_a_compressed_body_is_read(source, clients):
    body = gzip.compress(json.dumps({"value": [7]}).encode())
    source.on("/devices", Reply(body=body, headers={"Content-Encoding": "gzip"}))

    assert clients.client(source.url).get("/devices", decode=Listing).value == [7]


def test_another_shape_than_documented_is_refused_without_the_value(source, clients):
    source.on("/devices", Reply(body={"value": ["Anna"]}))

    with pytest.raises(WrongAnswer, match=r"Expected `int`, got `str` at `\$\.value\[0\]`") as refusal:
        clients.client(source.url).get("/devices", decode=Listing)
    assert "Anna" not in str(refusal.value)


def test_an_unknown_word_of_an_enumeration_is_not_quoted(source, clients):
    class Colour(enum.Enum):
        RED = "red"

    source.on("/devices", Reply(body=["anna@exempelby.se"]))

    with pytest.raises(WrongAnswer, match="not one of those") as refusal:
        clients.client(source.url).get("/devices", decode=list[Colour])
    assert "anna" not in str(refusal.value)


# ------------------------------------------------------------------------------------------------------- trying again


def http_date(seconds: int) -> dict[str, str]:
    """A Retry-After as a date; the stand-in's own Date header is the real time."""
    return {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)}


def test_429_with_seconds_is_waited_out(source, clients):
    source.on("/devices", Reply(429, {}, {"Retry-After": "17"}), Reply())

    assert clients.client(source.url).get("/devices", decode=Listing).value == [1]
    assert clients.clock.waits == [17]
    assert clients.meter.requests == {"429": 1, "200": 1}
    assert (clients.meter.retries, clients.meter.rate_limited_seconds) == (1, 17)


def test_429_with_a_date_is_waited_out(source, clients):
    source.on("/devices", Reply(429, {}, http_date(60)), Reply())

    assert clients.client(source.url).get("/devices", decode=Listing).value == [1]
    assert 55 < clients.clock.waits[0] <= 61


def test_503_twice_is_tried_again(source, clients):
    source.on("/devices", Reply(503, {}), Reply(503, {}), Reply())

    assert clients.client(source.url).get("/devices", decode=Listing).value == [1]
    assert (clients.meter.retries, clients.meter.rate_limited_seconds) == (2, 0)


@pytest.mark.parametrize("status", [408, 500, 502, 504])
def test_a_source_that_stays_out_of_order_is_unavailable_after_six_tries(source, clients, status):
    source.on("/devices", Reply(status, b"<html>", {"Content-Type": "text/html"}))

    with pytest.raises(SourceUnavailable, match=rf"intune: {source.url} .*\({status}\); tried 6 times"):
        clients.client(source.url).get("/devices", decode=Listing)
    assert len(source.seen) == 6


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (429, {}, {}),
        (429, {"Retry-After": "0"}, {}),
        (429, {"Retry-After": "-5"}, {}),
        (429, {"Retry-After": "1.5"}, {}),
        (503, {}, b"<html>"),
        (503, {"Retry-After": "2"}, {}),
        (403, {"Retry-After": "2"}, {}),
        (403, {}, {"error": {"code": "TooManyRequests", "message": "wait"}}),
        (403, {}, {"error": {"errors": [{"reason": "quotaExceeded"}]}}),
        (403, {}, {"error": {"errors": [{"reason": "dailyLimitExceeded"}]}}),
        (200, {}, {"error": {"code": "ApplicationThrottled", "message": "slow down"}}),
        (200, {}, {"code": "429", "message": "Too many requests"}),
    ],
)
def test_a_source_that_asks_for_patience_gets_all_that_the_wait_limit_allows_in_waits_that_grow(
    source, clients, status, headers, body
):
    source.on("/devices", *[Reply(status, body, headers)] * 8, Reply())

    assert clients.client(source.url).get("/devices", decode=Listing).value == [1]
    assert clients.clock.waits[-1] > clients.clock.waits[0] > 0
    assert sum(clients.clock.waits) <= 600


@pytest.mark.parametrize("messages", ["The query is not valid", {"limit": ["must be a number"]}, None])
def test_an_error_with_status_200_is_never_an_empty_listing(source, clients, messages):
    source.on("/devices", Reply(200, {"status": "error", "messages": messages, "payload": None}))

    with pytest.raises(SourceUnavailable, match="sent an error in place of an answer") as refused:
        clients.client(source.url).get("/devices", decode=Listing)
    assert ("The query is not valid" in str(refused.value)) == isinstance(messages, str)


def test_a_page_with_a_field_for_its_status_is_a_page(source, clients):
    source.on("/devices", Reply(200, {"status": "error", "value": [1]}))

    assert clients.client(source.url).get("/devices", decode=Listing).value == [1]


def test_a_source_that_asks_for_patience_for_ever_is_left_with_what_to_do(source, clients):
    source.on("/devices", Reply(429, {}))

    with pytest.raises(SourceUnavailable, match="raise wait_limit"):
        clients.client(source.url).get("/devices", decode=Listing)
    assert 480 < sum(clients.clock.waits) <= 600


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "TooManyRequests", "retryAfterSeconds": 33}},
        {"error": {"details": [{"retryDelay": "33s"}]}},
        {"message": "Rate limit reached. Try again in 33 seconds."},
        {"retry_after": 33},
    ],
)
def test_a_wait_that_the_body_asks_for_is_kept(source, clients, body):
    source.on("/devices", Reply(429, body), Reply())

    assert clients.client(source.url).get("/devices", decode=Listing).value == [1]
    assert clients.clock.waits == [33]


def test_an_error_in_place_of_a_page_is_asked_for_again_and_never_taken_for_a_page(source, clients):
    source.on("/devices", Reply(200, {"error": {"code": "ServiceException", "message": "not today"}}), Reply())

    assert clients.client(source.url).get("/devices", decode=Listing).value == [1]


@pytest.mark.parametrize("body", [{}, {"status": "ok"}, []])
def test_an_empty_answer_of_another_shape_is_a_passing_one(source, clients, body):
    source.on("/devices", Reply(200, body))

    with pytest.raises(WrongAnswer, match="fleetsync check intune"):
        clients.client(source.url).get("/devices", decode=Listing)


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
@pytest.mark.parametrize(
    "rest", [b'"a": 1', b'"name": "Br\xe5k"', b'"name": "\\ud83d"', b'"name": "tab\there"', b'"size": NaN']
)
def test_a_few_odd_bytes_do_not_stop_a_page(source, clients, mark, rest):
    source.on("/devices", Reply(body=mark + b'{"value": [7], "next": null, ' + rest + b"}"))

    assert clients.client(source.url).get("/devices", decode=Listing).value == [7]


@given(st.text(max_size=40))
def test_what_is_json_is_never_changed_by_a_repair(text):
    body = json.dumps({"text": text.replace("\ufffd", "")}).encode()
    assert json.loads(repaired(body)) == json.loads(body)


@pytest.mark.parametrize("status", [500, 501, 400, 422])
def test_a_server_that_fails_on_an_optional_query_is_told_soon(source, clients, status):
    source.on("/devices", Reply(status, {}))
    client = clients.client(source.url)

    with pytest.raises(QueryRefused):
        list(client.follow("/devices", {"$filter": "x"}, decode=Listing, next_page=lambda _: None, optional_query=True))
    assert len(source.seen) <= 2


def test_a_body_that_breaks_off_is_asked_for_again(source, clients):
    source.on("/devices", Reply(body={"value": list(range(1000))}, cut_at=100), Reply())

    assert clients.client(source.url).get("/devices", decode=Listing).value == [1]


def test_a_body_that_always_breaks_off_is_never_taken_for_an_answer(source, clients):
    source.on("/devices", Reply(cut_at=5))

    with pytest.raises(SourceUnavailable, match=r"broke off; tried 6 times"):
        clients.client(source.url).get("/devices", decode=Listing)


def test_broken_json_of_a_200_is_asked_for_again(source, clients):
    source.on("/devices", Reply(body=b'{"value": [1'), Reply(body=b""), Reply())

    assert clients.client(source.url).get("/devices", decode=Listing).value == [1]


def test_a_server_that_hangs_up_is_unavailable(clients):
    with create_server_that_hangs_up() as url, pytest.raises(SourceUnavailable, match="cannot be reached, or hung up"):
        clients.client(url).get("/devices", decode=Listing)
    assert clients.meter.requests == {"none": 6}


@contextmanager
def create_server_that_hangs_up() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def hang_up() -> None:
            for _ in range(6):
                listener.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def test_a_quota_that_is_told_by_403_is_waited_out(source, clients):
    quota = {"error": {"code": 403, "errors": [{"reason": "userRateLimitExceeded"}]}}
    source.on("/devices", Reply(403, quota), Reply())

    assert clients.client(source.url).get("/devices", decode=Listing).value == [1]


@pytest.mark.parametrize("status", [400, 402, 404, 405, 409, 412, 422, 501])
def test_other_refusals_are_never_repeated(source, clients, status):
    source.on("/devices", Reply(status, {}))

    with pytest.raises(SourceRefused, match=rf"\({status}\)"):
        clients.client(source.url).get("/devices", decode=Listing)
    assert len(source.seen) == 1


def test_a_wait_beyond_the_limit_is_not_begun_and_is_said(source, make_clients):
    clients = make_clients(wait_limit=timedelta(seconds=300))
    source.on("/devices", Reply(429, {}, {"Retry-After": "120"}))

    with pytest.raises(SourceUnavailable, match=r"asks for a wait of 120 s.* raise wait_limit"):
        clients.client(source.url).get("/devices", decode=Listing)
    assert clients.clock.waits == [120, 120]


def test_the_limit_of_waiting_is_the_pulls_and_not_the_requests(source, make_clients):
    clients = make_clients(wait_limit=timedelta(seconds=100))
    client = clients.client(source.url)
    source.on("/devices", Reply(429, {}, {"Retry-After": "60"}), Reply())
    client.get("/devices", decode=Listing)
    source.on("/devices", Reply(429, {}, {"Retry-After": "60"}), Reply())

    with pytest.raises(SourceUnavailable, match="tried 1 time"):
        client.get("/devices", decode=Listing)


def test_a_pull_ends_with_its_time(source, make_clients):
    clients = make_clients(time_limit=timedelta(minutes=5))
    client = clients.client(source.url)
    source.on("/devices", Reply())
    client.get("/devices", decode=Listing)
    clients.clock.ahead += 301

    with pytest.raises(SourceUnavailable, match="longer than its time_limit"):
        client.get("/devices", decode=Listing)
    assert len(source.seen) == 1


class TellingClock(Clock):
    """The real clock, which tells that somebody has begun to wait."""

    __slots__ = ("begun",)

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        self.begun.set()
        return super().wait(seconds, stop)


def test_stop_during_retry_after_ends_at_once(source, make_clients):
    clients = make_clients(clock=TellingClock())
    source.on("/devices", Reply(429, {}, {"Retry-After": "120"}))
    ended: list[BaseException] = []

    def pull() -> None:
        try:
            clients.client(source.url).get("/devices", decode=Listing)
        except PullError as error:
            ended.append(error)

    thread = threading.Thread(target=pull)
    thread.start()
    assert clients.clock.begun.wait(30)
    clients.stop.set()
    thread.join(30)

    assert [type(error) for error in ended] == [Stopped]
    assert len(source.seen) == 1


def test_a_dripping_body_is_left_when_told_to_stop(source, make_clients):
    clients = make_clients(clock=Clock())
    source.on("/devices", Reply(body=b" " * 10**6, on_drip=clients.stop.set))

    with pytest.raises(Stopped):
        clients.client(source.url).get("/devices", decode=Listing)


def test_a_dripping_body_is_left_when_the_time_is_up(source, clients):
    def pass_time() -> None:
        clients.clock.ahead += 3601

    source.on("/devices", Reply(body=b" " * 10**6, on_drip=pass_time))

    with pytest.raises(SourceUnavailable, match="longer than its time_limit"):
        clients.client(source.url).get("/devices", decode=Listing)


def test_a_body_beyond_64_mib_is_refused_though_it_is_small_on_the_wire(source, clients):
    bomb = gzip.compress(b" " * (65 * 1024 * 1024), compresslevel=1)
    source.on("/devices", Reply(body=bomb, headers={"Content-Encoding": "gzip"}))

    with pytest.raises(SourceUnavailable, match="larger than 64 MiB"):
        clients.client(source.url).get("/devices", decode=Listing)
    assert len(source.seen) == 1


def test_requests_keep_their_pace_over_clients_and_pulls(source, clients):
    source.on("/devices", Reply())
    for _ in range(3):
        clients.client(source.url, requests_per_minute=20).get("/devices", decode=Listing)

    assert [round(wait) for wait in clients.clock.waits] == [3, 3]


def test_sources_that_read_from_one_origin_share_its_pace_and_the_slower_one_waits_longer(source, make_clients):
    source.on("/devices", Reply())
    clock = QuickClock()
    pacers = RequestPacers(clock)
    paced = [make_clients(clock=clock, pacers=pacers) for _ in range(2)]
    for clients, requests_per_minute in zip(paced * 2, (20, 10, 20, 20), strict=True):
        clients.client(source.url, requests_per_minute=requests_per_minute).get("/devices", decode=Listing)

    assert [round(wait) for wait in clock.waits] == [3, 6, 3]


def test_pace_is_not_counted_as_patience(source, make_clients):
    clients = make_clients(wait_limit=timedelta(seconds=1))
    source.on("/devices", Reply())
    client = clients.client(source.url, requests_per_minute=1)
    for _ in range(3):
        client.get("/devices", decode=Listing)

    assert clients.meter.rate_limited_seconds == 0


# ------------------------------------------------------------------------------------------------------------- posting


def test_a_post_is_sent_once(source, clients):
    source.on("/jobs", Reply(503, {}), Reply())

    with pytest.raises(SourceUnavailable, match=r"\(503\); tried 1 time"):
        clients.client(source.url).post("/jobs", {"a": 1}, decode=Listing)
    assert len(source.seen) == 1


def test_a_post_that_was_refused_for_our_rate_is_sent_when_we_may_and_once_more_only_for_that(source, clients):
    source.on("/jobs", Reply(429, {}, {"Retry-After": "17"}), Reply(503, {}), Reply())

    with pytest.raises(SourceUnavailable, match=r"\(503\); tried 2 times"):
        clients.client(source.url).post("/jobs", {"a": 1}, decode=Listing)
    assert clients.clock.waits[-1] == 17
    assert clients.meter.requests == {"429": 1, "503": 1}


def test_a_look_up_by_post_is_tried_again(source, clients):
    source.on("/lookup", Reply(503, {}), Reply())

    assert clients.client(source.url).post("/lookup", {"ids": ["a"]}, decode=Listing, idempotent=True).value == [1]
    assert [json.loads(record.body) for record in source.seen] == [{"ids": ["a"]}] * 2
    assert source.seen[0].headers["content-type"] == "application/json"


# ----------------------------------------------------------------------------------------------------------- following


def test_links_are_followed_verbatim_whole_or_relative(source, clients):
    source.on(
        "/v1/devices",
        Reply(body={"value": [1], "next": f"{source.url}/v1/devices?$skiptoken=Last%3d%27A%27"}),
        Reply(body={"value": [], "next": "devices?page=3"}),
        Reply(body={"value": [3], "next": ""}),
    )

    assert pages(clients.client(f"{source.url}/v1"), params={"$top": 1}) == [1, 3]
    assert [record.path for record in source.seen] == [
        "/v1/devices?%24top=1",
        "/v1/devices?$skiptoken=Last%3D%27A%27",
        "/v1/devices?page=3",
    ]


def test_a_page_token_replaces_the_query(source, clients):
    source.on("/persons", Reply(body={"value": [1], "next": "abc"}), Reply(body={"value": [2]}))
    client = clients.client(source.url)
    listing = client.follow(
        "/persons",
        {"limit": 100, "expand": "duties"},
        decode=Listing,
        next_page=lambda page: {"pageToken": page.next, "limit": 100} if page.next else None,
    )

    assert [page.value for page in listing] == [[1], [2]]
    assert source.seen[1].query == {"pageToken": ["abc"], "limit": ["100"]}


def test_a_listing_may_go_on_by_what_its_headers_say(source, clients):
    source.on("/users", Reply(body={"value": [1]}, headers={"X-Total-Count": "2"}), Reply(body={"value": [2]}))
    listing = clients.client(source.url).follow_with_headers(
        "/users", decode=Listing, next_page=lambda page: {"offset": 1} if "x-total-count" in page.headers else None
    )

    assert [page.body.value for page in listing] == [[1], [2]]
    assert source.seen[1].query == {"offset": ["1"]}


@pytest.mark.parametrize("link", ["devices?page=2", "devices"])
def test_a_listing_that_leads_in_a_circle_is_unavailable(source, clients, link):
    source.on("/devices", Reply(body={"value": [1], "next": link}))

    with pytest.raises(SourceUnavailable, match="a loop of pages"):
        pages(clients.client(source.url))
    assert len(source.seen) <= 2


def test_a_repeated_page_token_is_a_circle(source, clients):
    source.on("/devices", Reply(body={"value": [1], "next": "abc"}))
    listing = clients.client(source.url).follow(
        "/devices", decode=Listing, next_page=lambda page: {"pageToken": str(page.next)}
    )

    with pytest.raises(SourceUnavailable, match="page 2 of the listing points to a page that was read before"):
        list(listing)


def test_the_same_rows_under_ever_new_links_are_a_circle(source, clients):
    links = (Reply(body={"value": [{"id": "a"}, {"id": "b"}], "next": f"devices?page={page}"}) for page in range(2, 99))
    source.on("/devices", *links)

    with pytest.raises(SourceUnavailable, match="each row of the last 3 pages was read before"):
        list(clients.client(source.url).follow("/devices", decode=RowListing, next_page=lambda page: page.next))
    assert len(source.seen) == 4


def test_a_listing_without_an_end_is_left(source, clients, monkeypatch):
    monkeypatch.setattr("fleetsync.pull.http.paging.MAX_PAGES", 20)
    source.on("/devices", *[Reply(body={"value": [page], "next": f"devices?page={page}"}) for page in range(99)])

    with pytest.raises(SourceUnavailable, match="gave 20 pages of one listing"):
        pages(clients.client(source.url))


def test_all_bodies_of_a_pull_are_bounded(source, clients, monkeypatch):
    monkeypatch.setattr("fleetsync.pull.http.exchange.MAX_PULL_BYTES", 2 * 1024 * 1024)
    source.on("/devices", Reply(body={"value": [1] * 500_000}))
    client = clients.client(source.url)

    client.get("/devices", decode=Listing)

    with pytest.raises(SourceUnavailable, match="more than 2 MiB in one pull"):
        client.get("/devices", decode=Listing)


@pytest.mark.parametrize("status", [200, 204])
def test_an_answer_without_content_is_no_empty_list(source, clients, status):
    source.on("/devices", Reply(status, body=b""))

    with pytest.raises(SourceUnavailable, match=rf"sent an empty answer \({status}\) where a listing was asked for"):
        pages(clients.client(source.url))


@pytest.mark.parametrize("blank", ["", "  ", "\t", "null", "(null)", "None"])
def test_a_link_that_says_nothing_is_none(source, clients, blank):
    source.on("/devices", Reply(body={"value": [1], "next": blank}))

    assert pages(clients.client(source.url)) == [1]


def test_a_foreign_link_is_not_followed_and_the_token_not_sent(source, other, clients):
    tokens = TokenEndpoint(source, has_secret)
    source.on("/devices", tokens.guards(Reply(body={"value": [1], "next": f"{other.url}/devices?sig=abc"})))

    with pytest.raises(SourceRefused, match=rf"points to {other.url}, which is not {source.url}\.") as refusal:
        pages(clients.client(source.url, by_secret(source)))
    assert other.seen == []
    assert "sig" not in str(refusal.value)


@pytest.mark.parametrize(
    "link",
    [
        "//graph.exempelby.se/devices",
        "https://127.0.0.1/devices",
        "http://anna:x@127.0.0.1/devices",
        "http://127.0.0.1\\@graph.exempelby.se/",
        "http://127.0.0.1@graph.exempelby.se/",
        "file:///etc/passwd",
        "http://[::1/devices",
        "javascript:alert(1)",
    ],
)
def test_no_strange_link_leads_elsewhere(source, clients, link):
    source.on("/devices", Reply(body={"value": [1], "next": link}))

    with pytest.raises(SourceRefused, match="Nothing was sent there"):
        pages(clients.client(source.url))
    assert len(source.seen) == 1


@given(st.text(max_size=60))
def test_whatever_link_a_source_gives_only_its_own_origin_is_ever_asked(link):
    here = "https://graph.exempelby.se/v1/devices"
    for candidate in (link, f"https://graph.exempelby.se{link}", f"https:{link}"):
        try:
            whole = url_with_query(resolve_link(here, candidate), None)
        except ValueError:
            continue
        assert url_with_query(whole, None) == whole
        if Origin.of(whole) == Origin.of(here):
            assert urlsplit(whole).hostname == "graph.exempelby.se"
            assert urlsplit(whole).port in (None, 443)


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_a_later_page_that_is_forgotten_says_that_the_listing_must_start_again(source, clients, status):
    source.on("/devices", Reply(body={"value": [1], "next": "devices?page=2"}), Reply(status, {}))

    with pytest.raises(PageTokenExpired):
        pages(clients.client(source.url))


def test_a_later_page_that_is_not_there_is_never_a_missing_part(source, clients):
    source.on("/devices", Reply(body={"value": [1], "next": "devices?page=2"}), Reply(404, {}))

    with pytest.raises(PageTokenExpired):
        pages(clients.client(source.url), may_be_missing=True)


def test_redirects_within_the_origin_are_followed(source, clients):
    source.on("/devices", Reply(302, {}, {"Location": "/v2/devices"}))
    source.on("/v2/devices", Reply())

    assert clients.client(source.url).get("/devices", decode=Listing).value == [1]


def test_a_redirect_to_another_origin_is_refused_and_nothing_is_sent(source, other, clients):
    source.on("/devices", Reply(302, {}, {"Location": f"{other.url}/login?state=x"}))

    with pytest.raises(WrongAnswer, match=re.escape(other.url)):
        clients.client(source.url, Bearer(SecretStr(SECRET))).get("/devices", decode=Listing)
    assert other.seen == []


def test_redirects_without_end_are_left(source, clients):
    source.on("/devices", Reply(302, {}, {"Location": "/devices"}))

    with pytest.raises(SourceUnavailable, match="redirects without end"):
        clients.client(source.url).get("/devices", decode=Listing)


# ------------------------------------------------------------------------------------------------------- what it means


@pytest.mark.parametrize("status", [404, 405, 410, 501])
def test_a_part_that_may_be_missing_is_missing(source, clients, status):
    source.on("/devices", Reply(status, {}))

    with pytest.raises(PartMissing, match="does not have this part"):
        pages(clients.client(source.url), may_be_missing=True)


@pytest.mark.parametrize(("body", "has_json"), [({}, True), (b"404 page not found", False), (b"<html></html>", False)])
def test_a_missing_part_says_whether_json_said_so(source, clients, body, has_json):
    source.on("/devices", Reply(404, body))

    with pytest.raises(PartMissing) as missing:
        pages(clients.client(source.url), may_be_missing=True)
    assert missing.value.has_json is has_json


def test_a_part_whose_permission_may_lack_is_missing_and_says_what_to_grant(source, clients):
    source.on("/devices", Reply(403, {}))
    client = clients.client(source.url)

    with pytest.raises(PartMissing, match="Grant the permission DeviceRead"):
        pages(client, needs="DeviceRead", may_be_forbidden=True)
    with pytest.raises(PartMissing, match="Grant the permission DeviceRead"):
        client.get("/devices", decode=Listing, needs="DeviceRead", may_be_forbidden=True)


@pytest.mark.parametrize(
    ("status", "is_of_the_query"), [(400, True), (422, True), (403, False), (404, False), (409, False)]
)
def test_a_query_that_is_not_taken_is_told_from_other_refusals(source, clients, status, is_of_the_query):
    source.on("/devices", Reply(status, {}))

    with pytest.raises(SourceRefused) as refused:
        pages(clients.client(source.url))
    assert isinstance(refused.value, QueryRefused) is is_of_the_query


def test_a_web_page_instead_of_json_is_named_for_what_it_is(source, clients):
    source.on("/devices", Reply(200, b"<!doctype html><title>Logga in</title>", {"Content-Type": "text/html"}))

    with pytest.raises(SourceUnavailable, match="a web page instead of JSON"):
        clients.client(source.url).get("/devices", decode=Listing)


def test_a_refused_permission_is_named(source, clients):
    source.on("/devices", Reply(403, {"error": {"code": "Forbidden", "message": "Insufficient privileges."}}))

    with pytest.raises(SourceRefused) as refusal:
        clients.client(source.url).get("/devices", decode=Listing, needs="Device.Read.All")
    assert str(refusal.value) == (
        f"intune: {source.url} refused our token (403): Insufficient privileges. Grant the permission Device.Read.All "
        "(and consent, where that is a step of its own), then run: fleetsync check intune"
    )


INTUNE_ERROR = json.dumps(
    {
        "_version": 3,
        "Message": "An error has occurred - Operation ID (for customer support): 0000 - Url: https://x.se/d?q=anna",
        "CustomApiErrorPhrase": "",
    }
)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"error": {"code": "BadRequest", "message": INTUNE_ERROR}}, "(400): An error has occurred."),
        ({"error": {"code": "BadRequest", "message": "{broken"}}, "(400): BadRequest."),
        ({"errors": [{"code": "PARAMETER_ERROR", "title": "x", "detail": "y"}]}, "(400): PARAMETER_ERROR."),
        ({"message": "see https://x.se/?token=abc"}, "(400): see …."),
        ({"message": "anna@exempelby.se is unknown"}, "(400): … is unknown."),
        ({"message": "20150102-2384 is unknown"}, "(400): … is unknown."),
        ({"message": "x" * 50}, "(400)."),
        ({"message": "7B0B2C1E-4F7C-4A52-9F1E-2F0F6A1C9D10 is unknown"}, "(400): … is unknown."),
        ({"message": "no pupil 123 45 6 (Alva Ek) there"}, "(400): no pupil … there."),
        ({"message": "no pupil (Alva Ek, (5A"}, "(400): no pupil …."),
        ({"message": "'Alva Ek' doesn't have a “class 5A” or \"unit"}, "(400): … doesn't have a … or …."),
        ({"message": "no such pupil: Alva Lind-Ek of the school."}, "(400): no such pupil: … of the school."),
        (
            {"message": "ALVA EK has no class. Alva Ek has none. Try again"},
            "(400): … has no class. … has none. Try again.",
        ),
        ({"message": "EXB\\alek and alek1504 are unknown"}, "(400): … and … are unknown."),
        ({"message": "the scope Device.Read.All of AADSTS50034"}, "(400): the scope Device.Read.All of AADSTS50034."),
        ({"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "Alva Ek"}}, "(400): PERMISSION_DENIED."),
        ({"code": "BAD_REQUEST", "message": "Alva Ek"}, "(400): BAD_REQUEST."),
        ({"code": "Alva Ek", "message": ""}, "(400)."),
        ({"code": "id_20150102", "message": ""}, "(400)."),
        ({"message": f"key {SECRET} is wrong"}, "(400): key … is wrong."),
        ({"message": "word " * 100}, "word word…."),
        ({"errors": ["no object"], "detail": "gone"}, "(400): gone."),
        (["no object"], "(400)."),
        (b"plain text", "(400)."),
    ],
)
def test_their_words_are_shown_without_addresses_secrets_or_people(source, clients, body, says):
    source.on("/devices", Reply(400, body))

    with pytest.raises(SourceRefused) as refusal:
        clients.client(source.url, Bearer(SecretStr(SECRET))).get("/devices", decode=Listing)
    assert says in str(refusal.value)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"code": "BAD_REQUEST", "message": "okänt id, alva ek saknas"}, "(400): BAD_REQUEST."),
        ({"error": {"code": "BadRequest", "message": "alva"}}, "(400): BadRequest."),
        ({"errors": [{"code": "NOT_FOUND", "title": "alva"}], "detail": "alva"}, "(400): NOT_FOUND."),
        ({"message": "Okänt id: 7b0b2c1e-4f7c-4a52-9f1e-2f0f6a1c9d10 (Alva Ek)"}, "(400)."),
    ],
)
def test_of_an_answer_about_people_we_named_only_the_code_is_shown(source, clients, body, says):
    source.on("/persons/lookup", Reply(400, body))

    with pytest.raises(SourceRefused) as refusal:
        clients.client(source.url).post("/persons/lookup", {"ids": ["7b0b2c1e"]}, decode=Listing)
    assert says in str(refusal.value)
    assert "alva" not in str(refusal.value).casefold()


def test_a_name_that_does_not_resolve_is_said_so(clients):
    with pytest.raises(SourceUnavailable, match=r"the name of https://mdm\.exempelby\.invalid does not resolve"):
        clients.client("https://mdm.exempelby.invalid").get("/devices", decode=Listing)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ("ConnectTimeout", "no connection within 5 seconds"),
        ("ReadTimeout", "did not answer within 8 seconds"),
        ("RequestException", r"failed \(RequestException\)"),
    ],
)
def test_what_goes_wrong_on_the_way_is_told_apart(clients, error, says):
    with responses.RequestsMock() as network:
        network.get("https://mdm.exempelby.se/devices", body=getattr(requests.exceptions, error)())

        with pytest.raises(SourceUnavailable, match=says):
            clients.client("https://mdm.exempelby.se").get("/devices", decode=Listing)


def test_a_source_that_makes_its_whole_listing_at_once_may_take_longer_to_begin(clients):
    with responses.RequestsMock() as network:
        network.get("https://mdm.exempelby.se/devices", body=requests.exceptions.ReadTimeout())

        with pytest.raises(SourceUnavailable, match="did not answer within 120 seconds"):
            clients.client("https://mdm.exempelby.se", first_byte_seconds=120).get("/devices", decode=Listing)


def test_a_server_that_speaks_no_tls_is_said_so(source, clients):
    with pytest.raises(SourceUnavailable, match="no TLS connection"):
        clients.client(source.url.replace("http://", "https://")).get("/devices", decode=Listing)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("HTTPS://MDM.Exempelby.SE:443/a?b=c", "https://mdm.exempelby.se"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("http://localhost/", "http://localhost"),
    ],
)
def test_an_origin_is_shown_without_path_and_query(url, text):
    assert str(Origin.of(url)) == text


@pytest.mark.parametrize("url", ["http://localhost:1", "http://127.9.9.9:1", "http://[::1]:1"])
def test_loopback_has_several_names(clients, url):
    clients.client(url)


@pytest.mark.parametrize("url", ["http://mdm.exempelby.se", "http://127.0.0.1.exempelby.se", "http://10.0.0.1"])
def test_plain_http_is_for_loopback_alone(clients, url):
    with pytest.raises(SourceRefused, match="plain http"):
        clients.client(url)
    with pytest.raises(SourceRefused, match=r"token address .* is plain http"):
        clients.client("https://mdm.exempelby.se", ClientSecret(f"{url}/token", "app", SecretStr(SECRET)))


@pytest.mark.parametrize(
    "url", ["", "mdm.exempelby.se", "ftp://mdm.se", "https://", "https://u:p@mdm.se", "https://[::1", "https://a:b"]
)
def test_what_is_no_address_is_refused(clients, url):
    with pytest.raises(SourceRefused, match="not an address"):
        clients.client(url)


# ------------------------------------------------------------------------------------------------------------- signing in


def test_a_token_is_fetched_once_and_kept_for_the_next_pull(source, clients):
    tokens = TokenEndpoint(source, has_secret)
    source.on("/devices", tokens.guards(Reply()))

    for _ in range(3):
        clients.client(source.url, by_secret(source, scope="all")).get("/devices", decode=Listing)
    assert tokens.given == 1
    assert source.asked(TOKEN_PATH)[0].form["scope"] == "all"


def test_a_changed_secret_asks_for_a_token_of_its_own(source, clients):
    tokens = TokenEndpoint(source, lambda _: None)
    source.on("/devices", tokens.guards(Reply()))

    for secret in ("old", "new"):
        clients.client(source.url, by_secret(source, secret)).get("/devices", decode=Listing)
    assert [record.form["client_secret"] for record in source.asked(TOKEN_PATH)] == ["old", "new"]


def test_a_secret_can_be_sent_as_basic_with_extra_fields(source, clients):
    def verify(request: Request) -> dict[str, str] | None:
        user = b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        extra = request.form.get("audience") == "api" and "client_secret" not in request.form
        return None if user == f"app:{SECRET}" and extra else {"error": "invalid_client"}

    tokens = TokenEndpoint(source, verify)
    source.on("/devices", tokens.guards(Reply()))
    auth = by_secret(source, style="basic", extra={"audience": "api"})

    assert clients.client(source.url, auth).get("/devices", decode=Listing).value == [1]


@pytest.mark.parametrize("secret", ["a+b/c%d:e=", "två & tre", "plain"])
def test_a_secret_in_basic_is_form_encoded_before(source, clients, secret):
    def verify(request: Request) -> dict[str, str] | None:
        pair = b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        sent = [unquote_plus(part) for part in pair.split(":")]
        return None if sent == ["app", secret] else {"error": "invalid_client"}

    tokens = TokenEndpoint(source, verify)
    source.on("/devices", tokens.guards(Reply()))
    client = clients.client(source.url, by_secret(source, secret, style="basic"))

    assert client.get("/devices", decode=Listing).value == [1]


def test_a_user_name_that_basic_cannot_send_is_named(source, clients):
    with pytest.raises(SourceRefused, match="holds a colon"):
        clients.client(source.url, Basic("a:b", SecretStr(SECRET)))


def test_a_token_that_runs_out_between_pages_is_renewed_before_it_does(source, clients):
    tokens = TokenEndpoint(source, has_secret, lifetime=300)
    source.on("/devices", tokens.guards(Reply(body={"value": [1], "next": "more"})))
    source.on("/more", tokens.guards(Reply(body={"value": [2]})))
    with time_machine.travel(datetime(2027, 1, 12, tzinfo=UTC), tick=False) as traveller:
        client = clients.client(source.url, by_secret(source))
        listing = client.follow("/devices", decode=Listing, next_page=lambda page: page.next)
        first = next(listing)
        traveller.shift(241)
        rest = list(listing)

    assert [first.value, *[page.value for page in rest]] == [[1], [2]]
    assert "401" not in clients.meter.requests
    assert tokens.given == 2


def test_a_token_that_lives_a_minute_is_not_fetched_for_each_page(source, clients):
    tokens = TokenEndpoint(source, has_secret, lifetime=60)
    source.on("/devices", tokens.guards(Reply()))
    client = clients.client(source.url, by_secret(source))
    for _ in range(5):
        client.get("/devices", decode=Listing)

    assert tokens.given == 1


def test_a_token_that_is_refused_in_mid_life_is_renewed_once(source, clients):
    tokens = TokenEndpoint(source, has_secret)
    source.on("/devices", tokens.guards(Reply()))
    client = clients.client(source.url, by_secret(source))
    client.get("/devices", decode=Listing)
    tokens.valid.clear()

    assert client.get("/devices", decode=Listing).value == [1]
    assert tokens.given == 2


def test_a_new_token_that_is_refused_too_needs_a_person(source, clients):
    tokens = TokenEndpoint(source, has_secret)
    source.on("/devices", Reply(401, {}))

    with pytest.raises(SourceRefused, match="does not accept our credential"):
        clients.client(source.url, by_secret(source)).get("/devices", decode=Listing)
    assert (tokens.given, len(source.asked("/devices"))) == (2, 2)


def test_a_pasted_token_that_is_refused_is_not_repeated(source, clients):
    source.on("/devices", Reply(401, {}))

    with pytest.raises(SourceRefused, match=r"\(401\)"):
        clients.client(source.url, Bearer(SecretStr(SECRET))).get("/devices", decode=Listing)
    assert len(source.seen) == 1


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        (Bearer(SecretStr(SECRET)), "authorization", f"Bearer {SECRET}"),
        (ApiKey("X-API-Key", SecretStr(SECRET)), "x-api-key", SECRET),
        (Basic("åsa", SecretStr("ö")), "authorization", "Basic w6VzYTrDtg=="),
    ],
)
def test_what_never_changes_goes_into_a_header(source, clients, auth, header, value):
    source.on("/devices", Reply())
    clients.client(source.url, auth).get("/devices", decode=Listing)

    assert source.seen[0].headers[header] == value


@pytest.mark.parametrize("secret", ["", "två", "a\nb", "a\r\nX-Admin: 1"])
@pytest.mark.parametrize("kind", [Bearer, lambda secret: ApiKey("X-API-Key", secret)])
def test_a_secret_that_no_header_can_carry_is_refused_unquoted(source, clients, kind, secret):
    with pytest.raises(SourceRefused, match=r"which no header can carry|is empty") as refusal:
        clients.client(source.url, kind(SecretStr(secret)))
    assert not secret or secret not in str(refusal.value)


def test_a_token_that_another_thread_renewed_is_not_renewed_again(source, clients):
    tokens = TokenEndpoint(source, has_secret)
    source.on("/devices", tokens.guards(Reply()))
    client = clients.client(source.url, by_secret(source))
    client.get("/devices", decode=Listing)
    client._session.renew(refused="an-older-one")

    assert tokens.given == 1


def test_eight_threads_ask_for_one_token(source, clients):
    def verify_slowly(request: Request) -> dict[str, str] | None:
        threading.Event().wait(0.3)  # so that all others have come, and would ask too if nothing held them
        return has_secret(request)

    tokens = TokenEndpoint(source, verify_slowly)
    source.on("/devices", tokens.guards(Reply()))
    client = clients.client(source.url, by_secret(source))
    threads = [threading.Thread(target=client.get, args=("/devices",), kwargs={"decode": Listing}) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(source.asked("/devices")) == 8
    assert tokens.given == 1


# ----- refusals of the token endpoint


def test_a_wrong_secret_needs_a_person_and_is_not_shown(source, clients):
    TokenEndpoint(source, has_secret)

    with pytest.raises(SourceRefused, match=r"secret or key that proves it, is wrong .*\(invalid_client\)") as refusal:
        clients.client(source.url, by_secret(source, "fel-hemlighet")).get("/devices", decode=Listing)
    assert "fel-hemlighet" not in str(refusal.value)
    assert len(source.asked(TOKEN_PATH)) == 1
    assert source.asked("/devices") == []


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (7000215, "secret is wrong"),
        (7000222, "has expired"),
        (700016, "client id is not known"),
        (90002, "no such tenant"),
        (700027, "certificate"),
        (700024, "clock"),
        (53003, "conditional access"),
    ],
)
def test_the_codes_of_entra_have_their_own_sentences(source, clients, code, says):
    body = {"error": "invalid_client", "error_description": f"AADSTS{code}: words.\r\nTrace ID: x"}
    source.on(TOKEN_PATH, Reply(401, body))

    with pytest.raises(SourceRefused, match=rf"{says}.*AADSTS{code}"):
        clients.client(source.url, by_secret(source)).get("/devices", decode=Listing)


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(400, {"error": "invalid_grant", "error_description": "Invalid JWT"}), "Invalid JWT"),
        (Reply(400, {"error": "odd_error"}), "odd_error"),
        (
            Reply(400, {"error": "x", "error_description": "AADSTS650057: Invalid resource."}),
            "AADSTS650057: Invalid resource",
        ),
        (Reply(400, {"error": "invalid_client", "error_description": f"{SECRET} for a@b.se"}), "… for …"),
        (Reply(404, b"<html>"), "no token endpoint at that address"),
        (Reply(403, b"<html>"), "was not accepted"),
        (Reply(200, {"token": "x"}), "the answer holds none"),
        (Reply(307, {}, {"Location": "https://mdm.exempelby.se/"}), "redirects elsewhere"),
        (Reply(200, {"access_token": "t", "token_type": "mac"}), "no bearer tokens"),
        (Reply(200, {"access_token": "t", "expires_in": "soon"}), "cannot be understood"),
    ],
)
def test_no_token_needs_a_person(source, clients, reply, says):
    source.on(TOKEN_PATH, reply)
    source.on("/devices", Reply())

    with pytest.raises(SourceRefused, match=says) as refusal:
        clients.client(source.url, by_secret(source)).get("/devices", decode=Listing)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize(
    "reply", [Reply(429, {}, {"Retry-After": "3"}), Reply(503, b"<html>"), Reply(200, b"<html>"), Reply(cut_at=3)]
)
def test_a_token_endpoint_that_is_out_of_order_is_asked_again(source, clients, reply):
    tokens = TokenEndpoint(source, has_secret)
    source.on(TOKEN_PATH, reply, tokens)
    source.on("/devices", tokens.guards(Reply()))

    assert clients.client(source.url, by_secret(source)).get("/devices", decode=Listing).value == [1]
    assert clients.meter.retries == 1


# ----- signed requests


def pem_of(key, password: bytes | None = None, kind=serialization.PrivateFormat.PKCS8) -> SecretStr:
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return SecretStr(key.private_bytes(serialization.Encoding.PEM, kind, lock).decode())


def certificate_for(key, name: str = "fleetsync", issuer=None, names: tuple[str, ...] = (), is_ca: bool = False):
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer_name, issuer_key = (issuer[0].subject, issuer[1]) if issuer else (subject, key)
    alternatives = [x509.DNSName(record) for record in names or (name,)]
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


def pem_text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def verified(assertion: str, key, alg: str, audience: str, **wanted: str) -> dict[str, str] | None:
    """None when *assertion* is signed by *key*, for *audience*, not run out, with the *wanted* header fields."""
    try:
        token = jwt.decode(assertion, key, algorithms=[alg])
    except JoseError:
        return {"error": "invalid_client", "error_description": "signature"}
    claims = jwt.JWTClaimsRegistry(
        aud={"essential": True, "value": audience}, exp={"essential": True}, iat={"essential": True}
    )
    try:
        claims.validate(token.claims)
    except JoseError as error:
        return {"error": "invalid_client", "error_description": str(error)}
    if token.claims["exp"] - token.claims["iat"] > 3600 or not token.claims["jti"]:
        return {"error": "invalid_client", "error_description": "lives too long"}
    return None if wanted.items() <= token.header.items() else {"error": "invalid_client", "error_description": "kid"}


@pytest.mark.parametrize(("alg", "header"), [("PS256", "x5t#S256"), ("RS256", "x5t")])
@pytest.mark.parametrize("password", [None, "lösen"])
def test_a_certificate_signs_for_a_token(source, clients, rsa_key, alg, header, password):
    certificate = certificate_for(rsa_key)
    digest = hashes.SHA256() if alg == "PS256" else hashes.SHA1()
    thumbprint = urlsafe_b64encode(certificate.fingerprint(digest)).decode().rstrip("=")

    def verify(request: Request) -> dict[str, str] | None:
        if request.form.get("client_id") != "app å":
            return {"error": "invalid_request", "error_description": "client_id"}
        public = RSAKey.import_key(rsa_key.public_key())
        return verified(
            request.form["client_assertion"], public, alg, source.url + TOKEN_PATH, typ="JWT", **{header: thumbprint}
        )

    tokens = TokenEndpoint(source, verify)
    source.on("/devices", tokens.guards(Reply()))
    auth = ClientCertificate(
        source.url + TOKEN_PATH,
        "app å",
        pem_text(certificate),
        pem_of(rsa_key, password.encode() if password else None),
        SecretStr(password) if password else None,
        alg=alg,
    )

    assert clients.client(source.url, auth).get("/devices", decode=Listing).value == [1]


@pytest.mark.parametrize("kind", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL])
def test_an_ec_key_signs_for_a_fixed_audience(source, clients, ec_key, kind):
    audience = "https://account.exempelby.se/auth/oauth2/v2/token"
    seen: list[str] = []

    def verify(request: Request) -> dict[str, str] | None:
        seen.append(jwt.decode(request.form["client_assertion"], key, algorithms=["ES256"]).claims["jti"])
        return verified(request.form["client_assertion"], key, "ES256", audience, kid="key-1")

    key = ECKey.import_key(ec_key.public_key())
    tokens = TokenEndpoint(source, verify)
    source.on("/devices", tokens.guards(Reply()))
    auth = SignedAssertion(source.url + TOKEN_PATH, "SCHOOLAPI.1", pem_of(ec_key, kind=kind), "key-1", audience)
    client = clients.client(source.url, auth)
    client.get("/devices", decode=Listing)
    tokens.valid.clear()

    assert client.get("/devices", decode=Listing).value == [1]
    assert len(set(seen)) == 2


def test_a_service_account_signs_in_an_administrators_name_with_a_new_id_each_time(source, clients, rsa_key):
    ids: list[str] = []
    public = RSAKey.import_key(rsa_key.public_key())

    def verify(request: Request) -> dict[str, str] | None:
        claims = jwt.decode(request.form["assertion"], public, algorithms=["RS256"]).claims
        ids.append(claims["jti"])
        right = (claims["iss"], claims["sub"], claims["scope"]) == ("robot@exempelby.se", "it@exempelby.se", "a b")
        refusal = verified(
            request.form["assertion"], public, "RS256", "https://oauth2.googleapis.com/token", kid="key-1"
        )
        return refusal if right else {"error": "unauthorized_client"}

    tokens = TokenEndpoint(source, verify)
    source.on("/devices", tokens.guards(Reply()))
    auth = ServiceAccount(
        source.url + TOKEN_PATH, "robot@exempelby.se", pem_of(rsa_key), "it@exempelby.se", ("a", "b"), "key-1"
    )
    client = clients.client(source.url, auth)
    client.get("/devices", decode=Listing)
    tokens.valid.clear()

    assert client.get("/devices", decode=Listing).value == [1]
    assert len(set(ids)) == 2


def test_another_key_than_the_registered_one_needs_a_person(source, clients, rsa_key):
    other_key = RSAKey.import_key(rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key())
    TokenEndpoint(
        source, lambda record: verified(record.form["client_assertion"], other_key, "PS256", source.url + TOKEN_PATH)
    )
    auth = ClientCertificate(source.url + TOKEN_PATH, "app", pem_text(certificate_for(rsa_key)), pem_of(rsa_key))

    with pytest.raises(SourceRefused, match="invalid_client: signature"):
        clients.client(source.url, auth).get("/devices", decode=Listing)


def test_keys_that_cannot_sign_are_refused_before_anything_is_sent(source, clients, rsa_key, ec_key):
    url, certificate = source.url + TOKEN_PATH, pem_text(certificate_for(rsa_key))
    public = rsa_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for auth, says in [
        (ClientCertificate(url, "app", certificate, pem_of(ec_key)), "not an RSA key"),
        (ClientCertificate(url, "app", certificate, SecretStr(public.decode())), "not an RSA key"),
        (ClientCertificate(url, "app", certificate, pem_of(rsa_key, b"x")), "password is wrong"),
        (ClientCertificate(url, "app", "no certificate", pem_of(rsa_key)), "certificate is not in PEM form"),
        (SignedAssertion(url, "app", pem_of(rsa_key), "kid", "aud"), "not an EC key"),
        (SignedAssertion(url, "app", SecretStr(SECRET), "kid", "aud"), "not an EC key"),
        (ServiceAccount(url, "a", SecretStr(""), "b", ("c",)), "not an RSA key"),
    ]:
        with pytest.raises(SourceRefused, match=says) as refusal:
            clients.client(source.url, auth)
        assert SECRET not in str(refusal.value)
    assert source.seen == []


# -------------------------------------------------------------------------------------------------------- TLS and proxy


class Proxy:
    """A proxy that tunnels every name to one port of loopback, or refuses."""

    def __init__(self, port: int, status: int = 200) -> None:
        self.asked: list[str] = []
        self.user: list[str | None] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_CONNECT(self) -> None:
                proxy.asked.append(self.path)
                proxy.user.append(self.headers.get("Proxy-Authorization"))
                self.send_response(status)
                self.end_headers()
                if status == 200:
                    self.tunnel()
                self.close_connection = True

            def tunnel(self) -> None:
                with socket.create_connection(("127.0.0.1", port)) as far:
                    back = threading.Thread(target=pump, args=(far, self.connection))
                    back.start()
                    pump(self.connection, far)
                    back.join()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def pump(near: socket.socket, far: socket.socket) -> None:
    with suppress(OSError):
        while piece := near.recv(65536):
            far.sendall(piece)
    with suppress(OSError):
        far.shutdown(socket.SHUT_WR)


@dataclass
class SecureSite:
    source: StandIn
    ca_file: Path
    client_certificate: Path
    client_key: Path
    folder: Path


@pytest.fixture
def site(tmp_path, rsa_key, ec_key) -> Iterator[SecureSite]:
    """https://mdm.exempelby.se with a certificate of Exempelby's own authority, which asks for one of ours if *told*."""
    authority = certificate_for(ec_key, "Exempelby CA", is_ca=True)
    files = {
        "ca.pem": pem_text(authority),
        "server.pem": pem_text(certificate_for(rsa_key, "mdm.exempelby.se", (authority, ec_key))),
        "client.pem": pem_text(certificate_for(rsa_key, "fleetsync", (authority, ec_key))),
        "key.pem": pem_of(rsa_key).get_secret_value(),
        "locked.pem": pem_of(rsa_key, b"x").get_secret_value(),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "key.pem")
    context.load_verify_locations(tmp_path / "ca.pem")
    context.verify_mode = ssl.CERT_OPTIONAL
    source = StandIn(context)
    source.on("/devices", Reply())
    yield SecureSite(source, tmp_path / "ca.pem", tmp_path / "client.pem", tmp_path / "key.pem", tmp_path)
    source.close()


@pytest.fixture
def proxies():
    created: list[Proxy] = []

    def make(port: int, status: int = 200) -> Proxy:
        created.append(Proxy(port, status))
        return created[-1]

    yield make
    for record in created:
        record.close()


def test_a_proxy_and_an_authority_of_ones_own_lead_to_the_source(site, proxies, make_clients):
    proxy = proxies(site.source.port)
    clients = make_clients(network=OutboundNetwork(f"http://nät:hemlig@{proxy.address}", ca_file=site.ca_file))
    client = clients.client("https://mdm.exempelby.se")

    assert client.get("/devices", decode=Listing).value == [1]
    assert proxy.asked == ["mdm.exempelby.se:443"]
    assert proxy.user != [None]
    assert "hemlig" not in repr(clients.network)
    clients.pull_sessions[-1].__exit__()


def test_an_unknown_authority_is_said_so_once(site, proxies, make_clients):
    clients = make_clients(network=OutboundNetwork(f"http://{proxies(site.source.port).address}"))

    with pytest.raises(SourceUnavailable, match=r"certificate of https://mdm\.exempelby\.se is not trusted .*ca_file"):
        clients.client("https://mdm.exempelby.se").get("/devices", decode=Listing)
    assert clients.meter.requests == {"none": 1}


def test_a_certificate_of_another_name_is_not_accepted(site, proxies, make_clients):
    clients = make_clients(network=OutboundNetwork(f"http://{proxies(site.source.port).address}", ca_file=site.ca_file))

    with pytest.raises(SourceUnavailable, match="is not trusted"):
        clients.client("https://graph.exempelby.se").get("/devices", decode=Listing)


@pytest.mark.parametrize(("status", "tries"), [(407, 1), (502, 6)])
def test_a_proxy_that_refuses_is_named_without_its_password(site, proxies, make_clients, status, tries):
    proxy = proxies(site.source.port, status)
    clients = make_clients(network=OutboundNetwork(f"http://user:hemlig@{proxy.address}"))

    with pytest.raises(
        SourceUnavailable, match=rf"the proxy {proxy.address} refused a connection .*\({status} "
    ) as refusal:
        clients.client("https://mdm.exempelby.se").get("/devices", decode=Listing)
    assert "hemlig" not in str(refusal.value)
    assert len(proxy.asked) == tries


def test_loopback_goes_past_the_proxy(source, make_clients):
    clients = make_clients(network=OutboundNetwork("http://proxy.exempelby.invalid:3128"))
    source.on("/devices", Reply())

    assert clients.client(source.url).get("/devices", decode=Listing).value == [1]


def test_the_environments_proxy_is_not_looked_at(source, clients, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    source.on("/devices", Reply())

    assert clients.client(source.url).get("/devices", decode=Listing).value == [1]


@pytest.mark.parametrize(
    ("rule", "host", "straight"),
    [
        ("exempelby.se", "mdm.exempelby.se", True),
        (".exempelby.se", "exempelby.se", True),
        ("*.exempelby.se", "mdm.exempelby.se", True),
        ("MDM.exempelby.se", "mdm.exempelby.se", True),
        ("exempelby.se", "annanexempelby.se", False),
        ("*", "mdm.exempelby.se", True),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.0.0.0/8", "mdm.exempelby.se", False),
        ("10.0.0.0/99", "10.1.2.3", False),
    ],
)
def test_no_proxy_names_hosts_domains_and_networks(rule, host, straight):
    network = OutboundNetwork("http://proxy.exempelby.se:3128", (rule,))
    assert (network.proxy_for(Origin("https", host, 443)) is None) == straight


def test_a_source_overrides_the_road():
    outbound = OutboundNetwork("http://a:1", ("x",), Path("ca.pem"))

    def overridden(**keys) -> OutboundNetwork:
        return outbound.for_source(SourceSettings(kind="k", name="n", **keys))

    assert overridden() == outbound
    assert overridden(proxy="").proxy is None
    assert overridden(proxy="http://b:2", no_proxy=("y",), ca_file=Path("b.pem")) == OutboundNetwork(
        "http://b:2", ("y",), Path("b.pem")
    )


def test_a_client_certificate_is_shown_on_the_connection(site, proxies, make_clients):
    shown: list[bool] = []
    finish = site.source.server.finish_request

    def finish_request(connection, address) -> None:
        shown.append(bool(connection.getpeercert()))
        finish(connection, address)

    site.source.server.finish_request = finish_request
    clients = make_clients(network=OutboundNetwork(f"http://{proxies(site.source.port).address}", ca_file=site.ca_file))
    auth = MutualTls(site.client_certificate, site.client_key, Bearer(SecretStr(SECRET)))

    assert clients.client("https://mdm.exempelby.se", auth).get("/devices", decode=Listing).value == [1]
    assert shown == [True]
    assert site.source.seen[0].headers["authorization"] == f"Bearer {SECRET}"
    clients.pull_sessions[-1].__exit__()


@pytest.mark.parametrize(
    ("certificate", "key"), [("client.pem", "locked.pem"), ("nowhere.pem", "key.pem"), ("ca.pem", "key.pem")]
)
def test_a_client_certificate_that_cannot_be_shown_is_refused_without_asking_anybody(site, clients, certificate, key):
    with pytest.raises(SourceRefused, match=rf"{certificate} with the key .*{key} cannot be used"):
        clients.client("https://mdm.exempelby.se", MutualTls(site.folder / certificate, site.folder / key))


def test_a_ca_file_that_cannot_be_used_is_named(tmp_path, make_clients):
    (tmp_path / "empty.pem").write_text("")
    for name in ("empty.pem", "nowhere.pem"):
        with pytest.raises(SourceRefused, match=rf"ca_file .*{name} holds no certificate"):
            make_clients(network=OutboundNetwork(ca_file=tmp_path / name)).client("https://mdm.exempelby.se")


def test_the_authorities_are_loaded_once_for_all_sources_until_their_file_changes(site, tmp_path):
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(site.ca_file.read_bytes())
    network = OutboundNetwork(ca_file=ca_file)
    first = network.tls_context("jamf")

    assert network.tls_context("intune") is first
    assert OutboundNetwork().tls_context("intune") is not first
    os.utime(ca_file, ns=(0, 0))
    assert network.tls_context("jamf") is not first


# ------------------------------------------------------------------------------------------------------------- secrecy


def test_neither_secrets_nor_queries_are_in_any_log_or_error(source, clients, caplog):
    caplog.set_level(logging.INFO)
    tokens = TokenEndpoint(source, has_secret)
    source.on("/devices", tokens.guards(Reply(500, {})))

    with pytest.raises(SourceUnavailable) as failure:
        clients.client(source.url, by_secret(source)).get("/devices", {"filter": "anna"}, decode=Listing)
    text = caplog.text + str(failure.value) + repr(failure.value) + repr(failure.value.__cause__)
    for word in (SECRET, "token-1", "anna"):
        assert word not in text


def test_what_is_kept_between_pulls_shows_no_token(source, clients):
    tokens = TokenEndpoint(source, has_secret)
    source.on("/devices", tokens.guards(Reply()))
    clients.client(source.url, by_secret(source)).get("/devices", decode=Listing)

    assert "token-1" not in repr(vars(clients.sessions))
    assert SECRET not in repr(vars(clients.sessions))


def test_a_pulls_connections_end_with_it(source, clients):
    source.on("/devices", Reply())
    with clients.pull_session() as session:
        assert session.client(source.url, NoAuth()).get("/devices", decode=Listing).value == [1]


def test_cookies_are_not_kept(source, clients):
    source.on("/devices", Reply(headers={"Set-Cookie": "AWSALB=x; Path=/"}))
    client = clients.client(source.url)
    client.get("/devices", decode=Listing)
    client.get("/devices", decode=Listing)

    assert "cookie" not in source.seen[1].headers


# --------------------------------------------------------------------------------------------------------- Retry-After

INSTANTS = st.integers(631_152_000, 4_102_444_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(st.integers(0, 10**9 - 1))
def test_seconds_are_always_understood(seconds):
    assert parse_retry_after(str(seconds), None) == seconds


@given(INSTANTS, st.integers(-(10**6), 10**6))
def test_a_date_is_always_taken_against_the_servers_own_clock_and_never_negative(now, seconds):
    until = format_datetime(now + timedelta(seconds=seconds), usegmt=True)

    assert parse_retry_after(until, format_datetime(now, usegmt=True)) == max(0, seconds)


@given(st.text(max_size=40), st.one_of(st.none(), st.text(max_size=40)))
def test_whatever_is_sent_the_answer_is_none_or_a_wait_that_is_never_negative(retry_after, date):
    seconds = parse_retry_after(retry_after, date)

    assert seconds is None or 0 <= seconds < float("inf")


@pytest.mark.parametrize("text", ["soon", "-5", "1e9", "", "inf", "nan", "12345678901"])
def test_what_is_no_time_says_nothing(text):
    assert parse_retry_after(text, "Tue, 24 Nov 2026 06:00:00 GMT") is None


def test_a_date_without_the_servers_own_says_nothing():
    assert parse_retry_after("Tue, 24 Nov 2026 06:00:00 GMT", None) is None
