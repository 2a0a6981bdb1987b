"""The HTTP server, with bounds on how long and how large a request may be. Only this module and `http_servers` know waitress.

A client that sends its request byte by byte, or never ends it, loses its connection after a while; where connections run
short, those that wait longest lose theirs first. How large a body may be is decided when its head is read, so that nothing
of one that is too large is kept.
"""

from collections.abc import Callable
from contextlib import suppress
from copy import copy
from functools import partial
from socket import SHUT_RDWR
from typing import Any, TypeAlias

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer

LargestBody: TypeAlias = Callable[[str, str, str], int]
"""How many bytes a body may have, by the method, path and cookies of its request."""

HEAD_SECONDS = 10
BODY_SECONDS = 30
BODY_BYTES_PER_SECOND = 32_768  # a large body gets so much more time
IDLE_SECONDS = 120  # between two requests
SENDING_SECONDS = 60  # without one byte of an answer being taken


class _Parser(HTTPRequestParser):  # type: ignore[misc]  # waitress has no types
    """One request, whose body is refused by what its head says."""

    def __init__(self, adj: Any, largest_body: LargestBody) -> None:
        super().__init__(adj)
        self._largest_body = largest_body

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        self.adj: Any = copy(self.adj)
        self.adj.max_request_body_size = self._largest_body(self.command, self.path, self.headers.get("COOKIE", ""))

    def received(self, data: bytes) -> int:
        consumed: int = super().received(data)
        if self.error is not None:
            self.expect_continue = False  # waitress would ask for the body that it has just refused
        return consumed


class _Channel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """One connection."""

    def __init__(self, server: "BoundedServer", *arguments: Any, **options: Any) -> None:
        super().__init__(server, *arguments, **options)
        self.parser_class = partial(_Parser, largest_body=server.largest_body)
        self._request_began_at: float = self.creation_time

    def received(self, data: bytes) -> bool:
        if self.request is None:
            self._request_began_at = self.last_activity
        return bool(super().received(data))

    @property
    def is_waiting(self) -> bool:
        """Whether it is the client's turn."""
        return len(self.requests) == 0

    def is_overdue(self, now: float) -> bool:
        """Whether the client has taken too long. *now*: as waitress counts seconds."""
        if self.total_outbufs_len:
            return bool(now - self.last_activity > SENDING_SECONDS)
        if not self.is_waiting:
            return False
        if self.request is None:
            return bool(now - self.last_activity > (IDLE_SECONDS if self._has_asked else HEAD_SECONDS))
        return now - self._request_began_at > self._request_seconds()

    @property
    def _has_asked(self) -> bool:
        return bool(self.last_activity > self.creation_time)

    def _request_seconds(self) -> float:
        if not self.request.headers_finished:
            return HEAD_SECONDS
        largest = self.request.content_length or self.request.adj.max_request_body_size
        return HEAD_SECONDS + BODY_SECONDS + float(largest) / BODY_BYTES_PER_SECOND


class BoundedServer(TcpWSGIServer):  # type: ignore[misc]  # waitress has no types
    """Waitress's server of one socket."""

    channel_class = _Channel

    def __init__(self, application: Any, largest_body: LargestBody, **options: Any) -> None:
        self.largest_body = largest_body
        super().__init__(application, **options)

    def maintenance(self, now: float) -> None:
        """Close the connections whose clients take too long, and the longest waiting where connections run short."""
        channels = list(self.active_channels.values())
        too_many = len(channels) - self.adj.connection_limit // 2 if self.in_connection_overflow else 0
        waiting = sorted((each for each in channels if each.is_waiting), key=lambda each: each.last_activity)
        for channel in (*waiting[:too_many], *(each for each in channels if each.is_overdue(now))):
            channel.will_close = True
            # Without this, one whose client takes nothing stays: waitress closes only what can be written to.
            with suppress(OSError):
                channel.socket.shutdown(SHUT_RDWR)
