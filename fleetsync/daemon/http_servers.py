"""The HTTP servers of the daemon, each in its own thread. The only module that knows waitress."""

import logging
import socket
from collections.abc import Callable
from threading import Thread
from typing import Any

from waitress.server import create_server

from fleetsync.settings import SettingsError
from fleetsync.settings.listening import ListenAddress

PAGE_THREADS = 8
METRICS_THREADS = 2
LARGEST_BODY_BYTES = 65_536  # of a request; a larger one that is announced is refused before it is read (413)


def open_server(
    file: str, key: str, app: Callable[..., Any], address: ListenAddress, threads: int, trusted_proxies: int = 0
) -> "Server":
    """A server at *address*, which `[web]` *key* of *file* names. Raises SettingsError if it cannot listen there."""
    try:
        return Server(app, address, threads, trusted_proxies)
    except OSError as error:
        raise SettingsError(
            f"{file}: [web] {key} = {address.host}:{address.port} cannot be listened at ({error.strerror}). Stop the "
            "program that listens there, or choose another address"
        ) from None


def _bound_socket(address: ListenAddress) -> socket.socket:
    """A socket bound to *address*. Waitress would leave its own socket open if the address is taken."""
    family, kind, protocol, _, where = socket.getaddrinfo(*address, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(where)
    except OSError:
        listening.close()
        raise
    return listening


class Server:
    """One listening address."""

    def __init__(self, app: Callable[..., Any], address: ListenAddress, threads: int, trusted_proxies: int = 0) -> None:
        # It warns of every request that waits for a thread. Under load that flood of lines makes everything slower.
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
        self._server = create_server(
            app,
            sockets=[_bound_socket(address)],
            threads=threads,
            ident=None,
            max_request_body_size=LARGEST_BODY_BYTES,
            **proxied,
        )
        self._is_stopping = False
        self._thread = Thread(target=self._run, name=f"http-{address.port}", daemon=True)

    @property
    def port(self) -> int:
        """The port it listens at, also if the configuration asks for any free port (0)."""
        return int(self._server.effective_port)

    def start(self) -> None:
        """Serve in the background."""
        self._thread.start()

    def _run(self) -> None:
        try:
            self._server.run()
        except OSError:
            # Waitress may be waiting on the socket that `stop` closes.
            if not self._is_stopping:
                raise

    def stop(self) -> None:
        """Close the socket. Answers under way get three seconds to finish."""
        self._is_stopping = True
        self._server.close()
        self._thread.join(timeout=3)
