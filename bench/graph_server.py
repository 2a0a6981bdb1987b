"""Serves the devices of a municipality as Microsoft Graph does, fast enough never to be what is measured.

Sign-in, bearer token, `$top`, opaque next links and gzip are Graph's. `$select` is accepted and ignored: everybody reads
the same bytes, those of the whole resource. All bodies are rendered before they are asked for, so that a page costs the
server one look-up and one write.

`POST /bench/advance?change=some` lets the municipality change and answers when the new bodies and the new staff file are
there; `GET /bench/coverage` is the right answer.
"""

import asyncio
import csv
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec

from bench.municipality import STAFF_HEADER, Change, Municipality, device_rows, staff_row
from fleetsync.demo.graph import CLIENT, SECRET, TENANT

DEVICES_PATH = "/v1.0/deviceManagement/managedDevices"
TOKEN_PATH = f"/{TENANT}/oauth2/v2.0/token"
LARGEST_PAGE = 1000
RENDERED_PAGE_SIZES = (500, 1000)  # what the contenders ask for
TOKEN = "bench-token"
GZIP_WINDOW = 31  # zlib's word for "with the header and trailer of gzip"


class Request(msgspec.Struct, frozen=True):
    """A request. Names of *headers* are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class GraphServer:
    """Answers requests. *staff_file*: written anew with every change, in one step."""

    def __init__(self, municipality: Municipality, staff_file: Path) -> None:
        self._municipality = municipality
        self._staff_file = staff_file
        self._address = ""
        self._pages: dict[int, list[bytes]] = {}  # size of a page → whole answers
        self._routes: Mapping[tuple[str, str], Callable[[Request], bytes]] = {
            ("POST", TOKEN_PATH): self._sign_in,
            ("GET", DEVICES_PATH): self._devices,
            ("POST", "/bench/advance"): self._advance,
            ("GET", "/bench/coverage"): lambda _: _json_answer(self._municipality.coverage()),
        }

    async def serve(self, when_ready: Callable[[str], None], port: int = 0) -> None:
        """Serve on loopback until cancelled. *when_ready* is called with the address once everything is rendered."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Connection(self.answer), "127.0.0.1", port)
        self._address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._render()
        when_ready(self._address)
        async with server:
            await server.serve_forever()

    def answer(self, request: Request) -> bytes:
        """The whole answer to a request, status line and headers included."""
        route = self._routes.get((request.method, request.path))
        return _error(404, "ResourceNotFound") if route is None else route(request)

    def _sign_in(self, request: Request) -> bytes:
        form = dict(parse_qsl(request.body.decode()))
        expected = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET}
        if any(form.get(name) != value for name, value in expected.items()):
            return _json_answer({"error": "invalid_client", "error_description": "AADSTS7000215"}, 401)
        return _json_answer({"token_type": "Bearer", "expires_in": 3599, "access_token": TOKEN})

    def _devices(self, request: Request) -> bytes:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error(401, "InvalidAuthenticationToken")
        size, place = _number(request.query.get("$top"), LARGEST_PAGE), _decoded(request.query.get("$skiptoken"))
        if size is None or place is None or not 0 < size <= LARGEST_PAGE:
            return _error(400, "BadRequest")
        if size not in self._pages:
            self._pages[size] = self._rendered_pages(size)
        pages = self._pages[size]
        return pages[place] if place < len(pages) else _error(400, "BadRequest")

    def _advance(self, request: Request) -> bytes:
        self._municipality.advance(Change(request.query.get("change", Change.SOME)), datetime.now(UTC))
        self._render()
        return _json_answer({})

    # --- rendering ----------------------------------------------------------------------------------------------------

    def _render(self) -> None:
        self._pages = {size: self._rendered_pages(size) for size in RENDERED_PAGE_SIZES}
        self._write_staff_file()

    def _rendered_pages(self, size: int) -> list[bytes]:
        devices = self._municipality.devices
        starts = range(0, len(devices), size) or range(1)
        return [
            _json_answer(
                {
                    "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#deviceManagement/managedDevices",
                    "@odata.count": len(devices[start : start + size]),
                    **({"@odata.nextLink": self._link(size, place + 1)} if start + size < len(devices) else {}),
                    "value": list(device_rows(devices[start : start + size])),
                }
            )
            for place, start in enumerate(starts)
        ]

    def _link(self, size: int, place: int) -> str:
        token = urlsafe_b64encode(f"page {place}".encode()).decode()
        return f"{self._address}{DEVICES_PATH}?$top={size}&$skiptoken={quote(token)}"

    def _write_staff_file(self) -> None:
        unfinished = self._staff_file.with_suffix(".tmp")
        with unfinished.open("w", encoding="cp1252", newline="") as file:
            writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
            writer.writerow(STAFF_HEADER)
            writer.writerows(staff_row(employee) for employee in self._municipality.employees.values())
        unfinished.replace(self._staff_file)


class _Connection(asyncio.Protocol):
    """One connection: reads requests one after another and writes their answers."""

    def __init__(self, answer: Callable[[Request], bytes]) -> None:
        self._answer = answer
        self._received = bytearray()
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            lines = self._received[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            length = end + 4 + int(headers.get("content-length", 0))
            if len(self._received) < length:
                return
            body = bytes(self._received[end + 4 : length])
            del self._received[:length]
            method, target, _ = lines[0].split(" ", 2)
            parts = urlsplit(target)
            self._transport.write(
                self._answer(Request(method, parts.path, dict(parse_qsl(parts.query)), headers, body))
            )


def _json_answer(body: object, status: int = 200) -> bytes:
    compressor = zlib.compressobj(level=1, wbits=GZIP_WINDOW)
    packed = compressor.compress(msgspec.json.encode(body)) + compressor.flush()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\n"
        f"Content-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    )
    return head.encode() + packed


def _error(status: int, code: str) -> bytes:
    return _json_answer({"error": {"code": code, "message": "", "innerError": {}}}, status)


def _number(text: str | None, default: int) -> int | None:
    if text is None:
        return default
    return int(text) if text.isdecimal() else None


def _decoded(token: str | None) -> int | None:
    """The place of the page that a skip token stands for; the first without one, None for one that is not ours."""
    if token is None:
        return 0
    try:
        word, _, place = urlsafe_b64decode(token).decode().partition(" ")
    except (Base64Error, UnicodeDecodeError):
        return None
    return int(place) if word == "page" and place.isdecimal() else None
