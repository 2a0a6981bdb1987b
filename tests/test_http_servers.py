"""The daemon's HTTP servers: clients that are slow, many, or send too much."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.client import HTTPResponse
from typing import Any

import pytest
import requests

from fleetsync.daemon import bounded_server, http_servers
from fleetsync.daemon.http_servers import LARGEST_BODY_BYTES, Server
from fleetsync.expose.ports import LARGEST_FILE_BYTES
from fleetsync.expose.web import create_app, largest_body
from fleetsync.settings.listening import ListenAddress
from tests.expose import example_page as e
from tests.flow.daemon_process import wait_until

HALF_A_HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
A_REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
HALF_A_BODY = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\nname="


def length_of_body(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """An application that answers how long the body was."""
    text = str(len(environ["wsgi.input"].read())).encode()
    start_response("200 OK", [("Content-Length", str(len(text)))])
    return [text]


@pytest.fixture
def server() -> Iterator[Server]:
    opened = Server(ListenAddress("127.0.0.1", 0), threads=2)
    opened.serve(length_of_body, lambda method, path, _cookies: 2**20 if path == "/file" else LARGEST_BODY_BYTES)
    yield opened
    opened.stop()


@pytest.fixture
def sockets() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def connected(server: Server, sockets: ExitStack, sent: bytes = b"") -> socket.socket:
    client = sockets.enter_context(closing(socket.create_connection(("127.0.0.1", server.port), timeout=30)))
    client.sendall(sent)
    return client


def answer_of(server: Server) -> str:
    return requests.get(f"http://127.0.0.1:{server.port}/", timeout=30).text


def test_half_open_requests_do_not_stop_others(server: Server, sockets: ExitStack) -> None:
    for _ in range(120):
        connected(server, sockets, HALF_A_HEAD)

    assert [answer_of(server) for _ in range(3)] == ["0", "0", "0"]


def test_where_connections_run_short_those_that_wait_longest_are_closed(
    monkeypatch: pytest.MonkeyPatch, sockets: ExitStack
) -> None:
    monkeypatch.setattr(http_servers, "MOST_CONNECTIONS", 20)
    server = Server(ListenAddress("127.0.0.1", 0), threads=2)
    server.serve(length_of_body)
    waiting = [connected(server, sockets, HALF_A_HEAD) for _ in range(30)]

    answer = answer_of(server)
    server.stop()

    assert answer == "0"
    assert is_closed(waiting[0])


def received(client: socket.socket) -> bytes:
    """The body of the next answer."""
    answer = HTTPResponse(client)
    answer.begin()
    return answer.read()


def is_closed(client: socket.socket) -> bool:
    try:
        return client.recv(1000) == b""
    except ConnectionResetError:
        return True


def later(server: Server, seconds: float) -> None:
    """Look after the connections as if so many seconds had passed."""
    server._server.maintenance(time.time() + seconds)


def test_a_request_that_does_not_come_loses_its_connection(server: Server, sockets: ExitStack) -> None:
    silent, half = connected(server, sockets), connected(server, sockets, HALF_A_HEAD)
    between = connected(server, sockets, A_REQUEST)
    assert received(between) == b"0"
    body = connected(server, sockets, HALF_A_BODY)
    answer_of(server)  # what was sent before is read by now

    later(server, bounded_server.HEAD_SECONDS + 1)

    assert is_closed(silent)
    assert is_closed(half)
    between.sendall(A_REQUEST)
    assert received(between) == b"0"
    body.sendall(b"x" * (60_000 - 5))
    assert received(body) == b"60000"


def test_a_head_that_comes_byte_by_byte_is_not_waited_for(server: Server, sockets: ExitStack) -> None:
    dripping = connected(server, sockets, HALF_A_HEAD)
    answer_of(server)
    (channel,) = (each for each in server._server.active_channels.values() if each.request is not None)
    dripping.sendall(b"x")
    answer_of(server)

    assert channel.is_overdue(channel.creation_time + bounded_server.HEAD_SECONDS + 1)
    assert not channel.is_overdue(channel.creation_time + bounded_server.HEAD_SECONDS - 1)


def test_a_body_that_does_not_come_loses_its_connection(server: Server, sockets: ExitStack) -> None:
    body = connected(server, sockets, HALF_A_BODY)
    answer_of(server)

    later(
        server,
        bounded_server.HEAD_SECONDS + bounded_server.BODY_SECONDS + 60_000 / bounded_server.BODY_BYTES_PER_SECOND + 1,
    )

    assert is_closed(body)


def test_an_answer_that_nobody_takes_ends(server: Server, sockets: ExitStack) -> None:
    def much(_environ: Any, start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", [])
        return iter([b"x" * 2**20] * 64)

    server.serve(much)
    client = connected(server, sockets, A_REQUEST)
    assert client.recv(5) == b"HTTP/"
    (channel,) = server._server.active_channels.values()
    wait_until(lambda: channel.total_outbufs_len > 2**20, "the answer waits for the client")

    later(server, bounded_server.SENDING_SECONDS + 1)

    wait_until(lambda: not server._server.active_channels, "the connection is closed")
    wait_until(lambda: not channel.requests, "the thread is free")


@pytest.mark.parametrize("more", [b"", b"Expect: 100-continue\r\n"])
@pytest.mark.parametrize("path", [b"/sign-in", b"/file"])
def test_a_body_that_is_too_large_is_refused_by_its_announced_length(
    server: Server, sockets: ExitStack, path: bytes, more: bytes
) -> None:
    head = b"POST %b HTTP/1.1\r\nHost: localhost\r\n%bContent-Length: 200000000\r\n\r\n" % (path, more)
    client = connected(server, sockets, head)

    assert client.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_a_body_without_an_announced_length_is_refused_once_it_is_too_large(server: Server, sockets: ExitStack) -> None:
    client = connected(server, sockets, b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
    piece = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    for _ in range(LARGEST_BODY_BYTES // 0x4000):
        client.sendall(piece)

    assert client.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_a_larger_body_is_taken_where_the_application_says_so(server: Server) -> None:
    address = f"http://127.0.0.1:{server.port}/file"

    assert requests.post(address, data=b"x" * 200_000, timeout=30).text == "200000"
    assert requests.post(address, data=b"x" * 2**20, timeout=30).status_code == 413


def test_the_page_takes_a_file_only_from_a_browser_that_has_signed_in() -> None:
    app = create_app(e.page_setup().services)
    largest = largest_body(app)
    signed_in, visitor = app.test_client(), app.test_client()
    with signed_in.session_transaction() as session:
        session["name"] = "kontoret"
    with visitor.session_transaction() as session:
        session["csrf"] = "made for the form of the sign-in"
    cookie, other = (f"fleetsync={getattr(each.get_cookie('fleetsync'), 'value', '')}" for each in (signed_in, visitor))

    assert largest("POST", "/sources/file", cookie) > LARGEST_FILE_BYTES
    small = [
        largest("POST", "/sources/file", ""),
        largest("POST", "/sources/file", other),
        largest("POST", "/sources/file", cookie[:-2]),
        largest("POST", "/sign-in", cookie),
        largest("GET", "/sources/file", cookie),
    ]
    assert small == [LARGEST_BODY_BYTES] * 5
