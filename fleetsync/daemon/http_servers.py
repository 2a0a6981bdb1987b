"""The HTTP servers of the daemon, each in its own thread."""

import logging
import socket
from collections.abc import Callable, Iterable
from threading import Thread
from typing import TYPE_CHECKING, Any

from waitress.adjustments import Adjustments

from fleetsync.daemon.bounded_server import BoundedServer, LargestBody
from fleetsync.settings import SettingsError
from fleetsync.settings.listening import ListenAddress

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

PAGE_THREADS = 8
METRICS_THREADS = 2
MOST_CONNECTIONS = 500
LARGEST_BODY_BYTES = 65_536  # of a request, where the application does not say otherwise
_LARGEST_IN_MEMORY_BYTES = 32 * 2**20  # of a body: larger than any that is taken, so that none goes to a disk


def _no_large_body(_method: str, _path: str, _cookies: str) -> int:
    return LARGEST_BODY_BYTES


def open_server(file: str, key: str, address: ListenAddress, threads: int, trusted_proxies: int = 0) -> "Server":
    """A server bound to *address*, which `[web]` *key* of *file* names. Raises SettingsError if that is not possible."""
    try:
        return Server(address, threads, trusted_proxies)
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
    """One address. It is bound at once, and answers from the first `serve` on."""

    def __init__(self, address: ListenAddress, threads: int, trusted_proxies: int = 0) -> None:
        self._socket = _bound_socket(address)
        self._threads, self._trusted_proxies = threads, trusted_proxies
        self._app: WSGIApplication | None = None
        self._largest_body: LargestBody = _no_large_body
        self._server: Any = None
        self._is_stopping = False
        self._thread = Thread(target=self._run, name=f"http-{address.port}", daemon=True)

    @property
    def port(self) -> int:
        """The port it is bound to, also if the configuration asks for any free port (0)."""
        return int(self._socket.getsockname()[1])

    def serve(self, app: "WSGIApplication", largest_body: LargestBody = _no_large_body) -> None:
        """Answer with *app* from now on, in the background. Requests under way are answered by the application before.

        *largest_body*: of a request, by its head.
        """
        self._app, self._largest_body = app, largest_body
        if self._server is None:
            self._server = self._listen()
            self._thread.start()

    def _listen(self) -> Any:
        # It warns of every request that waits for a thread. Under load that flood of lines makes everything slower.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        proxied: dict[str, Any] = (
            {
                "trusted_proxy": "*",
                "trusted_proxy_count": self._trusted_proxies,
                "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"},
                "clear_untrusted_proxy_headers": True,
            }
            if self._trusted_proxies
            else {}
        )
        options = Adjustments(
            threads=self._threads,
            ident=None,
            connection_limit=MOST_CONNECTIONS,
            asyncore_use_poll=True,  # select ends at a thousand descriptors
            cleanup_interval=1,
            inbuf_overflow=_LARGEST_IN_MEMORY_BYTES,
            **proxied,
        )
        where = (self._socket.family, self._socket.type, self._socket.proto, self._socket.getsockname())
        return BoundedServer(
            self._answer,
            self._largest_body_of,
            adj=options,
            _sock=self._socket,
            sockinfo=where,
            bind_socket=False,
        )

    def _largest_body_of(self, method: str, path: str, cookies: str) -> int:
        return self._largest_body(method, path, cookies)  # that of the application which is served now

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        assert self._app is not None, "requests are read only after `serve`"
        return self._app(environ, start_response)

    def _run(self) -> None:
        try:
            self._server.run()
        except OSError:
            # Waitress may be waiting on the socket that `stop` closes.
            if not self._is_stopping:
                raise

    def stop(self) -> None:
        """Close the socket. Answers under way get three seconds to finish. May be called again."""
        self._is_stopping = True
        if self._server is None:
            self._socket.close()
        else:
            self._server.close()
            self._thread.join(timeout=3)
