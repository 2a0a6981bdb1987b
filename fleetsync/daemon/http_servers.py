"""The HTTP servers of the daemon: waitress in threads of their own, closed at a stop.

The only place that knows which server it is; swapping it is one line.
"""

import logging
import socket
from collections.abc import Callable
from threading import Thread
from typing import Any

from waitress.server import create_server

from fleetsync.settings import SettingsError
from fleetsync.settings.tables import ListenAddress

PAGE_THREADS = 8
METRICS_THREADS = 2


def open_server(
    file: str, key: str, app: Callable[..., Any], address: ListenAddress, threads: int, trusted_proxies: int = 0
) -> "Server":
    """A server at the address that `[web]` *key* of *file* names. Raises SettingsError where it cannot be had."""
    try:
        return Server(app, address, threads, trusted_proxies)
    except OSError as error:
        raise SettingsError(
            f"{file}: [web] {key} = {address.host}:{address.port} cannot be listened at ({error.strerror}). Stop what "
            "listens there, or choose another address"
        ) from None


def _bound_socket(address: ListenAddress) -> socket.socket:
    """A socket at the address. Waitress's own way would leave one behind where the address cannot be had."""
    family, kind, protocol, _, where = socket.getaddrinfo(*address, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    door = socket.socket(family, kind, protocol)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(where)
    except OSError:
        door.close()
        raise
    return door


class Server:
    """One listening address."""

    def __init__(self, app: Callable[..., Any], address: ListenAddress, threads: int, trusted_proxies: int = 0) -> None:
        # It warns of every request that waits for a thread, which under load is a flood that slows the load down.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        proxied: dict[str, Any] = (
            {
                "trusted_proxy": "*",
                "trusted_proxy_count": trusted_proxies,
                "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"},
                "clear_untrusted_proxy_headers": True,
            }
            if trusted_proxies
            else {}
        )
        self._server = create_server(app, sockets=[_bound_socket(address)], threads=threads, ident=None, **proxied)
        self._is_stopping = False
        self._thread = Thread(target=self._run, name=f"http-{address.port}", daemon=True)

    @property
    def port(self) -> int:
        """Where it really listens, also when any free port was asked for."""
        return int(self._server.effective_port)

    def start(self) -> None:
        """Serve in the background."""
        self._thread.start()

    def _run(self) -> None:
        try:
            self._server.run()
        except OSError:
            # The loop may be waiting on the very socket that `stop` closes.
            if not self._is_stopping:
                raise

    def stop(self) -> None:
        """Close the door; answers under way get a moment."""
        self._is_stopping = True
        self._server.close()
        self._thread.join(timeout=3)
