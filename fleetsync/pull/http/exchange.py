"""One request and its whole answer.

The body is read in pieces, and at each piece is asked whether to stop, whether the time is up, and whether it is too
large. Redirects are not followed here, cookies are not kept, the environment is not asked.
"""

import io
import ssl
from collections import Counter
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from fleetsync.pull.contract import SourceUnavailable
from fleetsync.pull.http.address import Network, Origin
from fleetsync.pull.http.patience import Stumble, Watch

TIMEOUTS = (5.0, 8.0)
"""Seconds to connect, and between two pieces of an answer."""
PIECE_BYTES = 1024 * 1024
MAX_BODY_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class Meter:
    """What a source cost so far: for the counters of telemetry. `requests` by status code, "none" without an answer."""

    requests: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    rate_limited_seconds: float = 0.0


class Adapter(HTTPAdapter):
    """Connections with our own idea of who is trusted; retrying is not its business."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        super().__init__(max_retries=0, pool_maxsize=4)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._tls, **options)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=self._tls, **options)


class Road(requests.Session):
    """A session that does one exchange at a time, bounded, and turns what goes wrong on the way into sentences."""

    watch: Watch
    network: Network
    meter: Meter

    def equip(self, watch: Watch, network: Network, meter: Meter, tls: ssl.SSLContext) -> None:
        """What a constructor would do; Authlib's sessions do not call the constructors of others."""
        self.watch, self.network, self.meter = watch, network, meter
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.headers.update({"User-Agent": "fleetsync", "Accept": "application/json"})
        for scheme in ("https://", "http://"):
            self.mount(scheme, Adapter(tls))

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **options: Any) -> requests.Response:
        """Redirects are not followed: the caller sees where they lead."""
        origin = Origin.of(str(url))
        proxy = self.network.proxy_for(origin) if origin else None
        options |= {"stream": True, "allow_redirects": False, "timeout": TIMEOUTS}
        options["proxies"] = {"http": proxy, "https": proxy} if proxy else {}
        self.watch.check()
        try:
            response = super().request(method, url, *args, **options)
            self.meter.requests[str(response.status_code)] += 1
            response.raw = io.BytesIO(self._body(response.raw, str(origin)))
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise self._broken(error, str(origin), bool(proxy)) from None
        return response

    def _body(self, raw: urllib3.HTTPResponse, where: str) -> bytes:
        pieces, size = [], 0
        try:
            # read1, since read waits until a whole piece is there: a source that drips would never let us stop.
            while piece := raw.read1(PIECE_BYTES, decode_content=True):
                self.watch.check()
                pieces.append(piece)
                size += len(piece)
                self._check_size(size, where)
        except BaseException:
            raw.close()  # what is left of a torn answer must not be taken for the next one
            raise
        raw.release_conn()
        return b"".join(pieces)

    def _check_size(self, size: int, where: str) -> None:
        if size > MAX_BODY_BYTES:
            raise SourceUnavailable(
                f"{self.watch.source}: an answer of {where} is larger than {MAX_BODY_BYTES // PIECE_BYTES} MiB. Ask for "
                "smaller pages, where the source has them"
            )

    def _broken(self, error: Exception, where: str, by_proxy: bool) -> SourceUnavailable:
        if not isinstance(error, requests.RequestException):
            return Stumble(f"{self.watch.source}: the answer of {where} broke off")
        self.meter.requests["none"] += 1
        says = _sentence(error, where, self.network.proxy_name() if by_proxy else "")
        final = _is_certificate(error) or _tunnel(error).startswith(" (407")
        return (SourceUnavailable if final else Stumble)(f"{self.watch.source}: {says}")


def _sentence(error: Exception, where: str, proxy: str) -> str:
    host = proxy or where
    if _is_certificate(error):
        return (
            f"the certificate of {where} is not trusted ({_verify_message(error)}). If your network inspects TLS or the "
            "server has a certificate of your own authority, name that authority's file as ca_file"
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return (
            f"the proxy {proxy} did not let us through to {where}{_tunnel(error)}. Check [network] proxy and no_proxy"
        )
    if isinstance(error, requests.exceptions.SSLError):
        return f"no TLS connection with {where} came about"
    if _cause(error, urllib3.exceptions.NameResolutionError):
        return f"the name of {host} does not resolve. Check its spelling and the name server"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return f"{host} does not answer: no connection within {TIMEOUTS[0]:.0f} seconds. Is a firewall in between?"
    if isinstance(error, requests.exceptions.Timeout):
        return f"{where} did not answer within {TIMEOUTS[1]:.0f} seconds"
    if isinstance(error, requests.exceptions.ConnectionError):
        return f"{host} cannot be reached, or hung up"
    return f"the request to {where} failed ({type(error).__name__})"


def _chain(error: BaseException) -> list[BaseException]:
    """The error with all that it came from: requests wraps urllib3 wraps ssl, each in its own way."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return found


def _cause(error: BaseException, kind: type[BaseException]) -> BaseException | None:
    return next((one for one in _chain(error) if isinstance(one, kind)), None)


def _is_certificate(error: BaseException) -> bool:
    return _cause(error, ssl.SSLCertVerificationError) is not None


def _verify_message(error: BaseException) -> str:
    found = _cause(error, ssl.SSLCertVerificationError)
    return str(getattr(found, "verify_message", "")) or "unknown reason"


def _tunnel(error: BaseException) -> str:
    texts = [str(one) for one in _chain(error) if str(one).startswith("Tunnel connection failed: ")]
    return f" ({texts[-1].removeprefix('Tunnel connection failed: ')})" if texts else ""
