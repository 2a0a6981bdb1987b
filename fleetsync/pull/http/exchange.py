"""One request and its whole response.

The body is read in pieces. At each piece it is checked whether to stop, whether the time is up, and whether the body is
too large. Redirects are not followed here, cookies are not kept, and the environment's settings are ignored.
"""

import io
import ssl
from collections import Counter
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from math import ceil
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from fleetsync.core.pull_progress import WaitReason
from fleetsync.pull.contract import SourceUnavailable
from fleetsync.pull.http.address import Origin, OutboundNetwork
from fleetsync.pull.http.retrying import PullDeadline, RetryableError
from fleetsync.pull.http.slow_responses import wait_for_slow_responses

CONNECT_SECONDS = 5.0
READ_SECONDS = 8.0
"""Between two pieces of a response, and until it begins where a source needs no longer."""
CHUNK_BYTES = 1024 * 1024
MAX_BODY_BYTES = 64 * 1024 * 1024
MAX_PULL_BYTES = 512 * 1024 * 1024
"""Of all responses of one pull. A register that cannot be asked for fields sends 3 KB a person; 60,000 persons read twice
(once by a filter) are 360 MB. What is larger is a listing without an end."""


@dataclass(slots=True)
class RequestMeter:
    """Counters of one source for telemetry. `requests` by status code, "none" without a response.

    `pages`: of answers, or files; the runner counts them.
    """

    requests: Counter[str] = field(default_factory=Counter)
    pages: int = 0
    retries: int = 0
    rate_limited_seconds: float = 0.0


class TlsAdapter(HTTPAdapter):
    """Connections with our own trusted authorities, and without retries of their own.

    *first_byte_seconds*: how long a response may take to begin. *deadline* is checked meanwhile.
    """

    def __init__(self, tls: ssl.SSLContext, first_byte_seconds: float, deadline: PullDeadline) -> None:
        self._tls = tls
        self._reads = max(1, ceil(first_byte_seconds / READ_SECONDS))
        self._deadline = deadline
        super().__init__(max_retries=0, pool_maxsize=4)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._tls, **options)
        wait_for_slow_responses(self.poolmanager, self._reads, self._deadline.check)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        pools = super().proxy_manager_for(proxy, ssl_context=self._tls, **options)
        wait_for_slow_responses(pools, self._reads, self._deadline.check)
        return pools


class BoundedSession(requests.Session):
    """A session that does one bounded exchange at a time, and turns network errors into readable ones."""

    deadline: PullDeadline
    network: OutboundNetwork
    meter: RequestMeter
    first_byte_seconds: float

    def configure(
        self,
        deadline: PullDeadline,
        network: OutboundNetwork,
        meter: RequestMeter,
        tls: ssl.SSLContext,
        first_byte_seconds: float,
    ) -> None:
        """Does what a constructor would do: Authlib's sessions do not call the constructors of other base classes."""
        self.deadline, self.network, self.meter = deadline, network, meter
        self.first_byte_seconds = first_byte_seconds
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.headers.update({"User-Agent": "fleetsync", "Accept": "application/json"})
        for scheme in ("https://", "http://"):
            self.mount(scheme, TlsAdapter(tls, first_byte_seconds, deadline))

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **options: Any) -> requests.Response:
        """Sends one request. Redirects are not followed: the caller checks where they lead."""
        origin = Origin.of(str(url))
        proxy = self.network.proxy_for(origin) if origin else None
        options |= {"stream": True, "allow_redirects": False, "timeout": (CONNECT_SECONDS, READ_SECONDS)}
        options["proxies"] = {"http": proxy, "https": proxy} if proxy else {}
        self.deadline.check()
        try:
            with self.deadline.tracker.waiting_for(WaitReason.ANSWER):
                response = super().request(method, url, *args, **options)
                self.meter.requests[str(response.status_code)] += 1
                response.raw = io.BytesIO(self._read_body(response.raw, str(origin)))
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise self._to_pull_error(error, str(origin), bool(proxy)) from None
        return response

    def _read_body(self, raw: urllib3.HTTPResponse, where: str) -> bytes:
        pieces, size = [], 0
        try:
            # read1, since read waits for a whole piece: a source that sends slowly would never let us stop.
            while piece := raw.read1(CHUNK_BYTES, decode_content=True):
                self.deadline.check()
                pieces.append(piece)
                size += len(piece)
                self._check_size(size, where)
        except BaseException:
            raw.close()  # the rest of a torn response must not be read as the next one
            raise
        raw.release_conn()
        self.deadline.body_bytes += size
        return b"".join(pieces)

    def _check_size(self, size: int, where: str) -> None:
        if self.deadline.body_bytes + size > MAX_PULL_BYTES:
            raise SourceUnavailable(
                f"{self.deadline.source}: {where} gave more than {MAX_PULL_BYTES // CHUNK_BYTES} MiB in one pull, as a listing "
                "does that has no end. Nothing of it is used; report it to the vendor if it continues"
            )
        if size > MAX_BODY_BYTES:
            raise SourceUnavailable(
                f"{self.deadline.source}: a response of {where} is larger than {MAX_BODY_BYTES // CHUNK_BYTES} MiB. Ask for "
                "smaller pages, where the source has them"
            )

    def _to_pull_error(self, error: Exception, where: str, by_proxy: bool) -> SourceUnavailable:
        if not isinstance(error, requests.RequestException):
            return RetryableError(f"{self.deadline.source}: the response of {where} broke off")
        self.meter.requests["none"] += 1
        proxy = self.network.proxy_name() if by_proxy else ""
        problem = _describe_error(error, where, proxy, self.first_byte_seconds)
        final = _is_certificate_error(error) or _tunnel_failure(error).startswith(" (407")
        return (SourceUnavailable if final else RetryableError)(f"{self.deadline.source}: {problem}")


def _describe_error(error: Exception, where: str, proxy: str, first_byte_seconds: float) -> str:
    host = proxy or where
    if _is_certificate_error(error):
        return (
            f"the certificate of {where} is not trusted ({_verify_message(error)}). If your network inspects TLS or the "
            "server has a certificate of your own authority, name that authority's file as ca_file"
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return f"the proxy {proxy} refused a connection to {where}{_tunnel_failure(error)}. Check [network] proxy and no_proxy"
    if isinstance(error, requests.exceptions.SSLError):
        return f"no TLS connection with {where} could be made"
    if _find_cause(error, urllib3.exceptions.NameResolutionError):
        return f"the name of {host} does not resolve. Check its spelling and the name server"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return f"{host} does not answer: no connection within {CONNECT_SECONDS:.0f} seconds. Is a firewall in between?"
    if isinstance(error, requests.exceptions.Timeout):
        return f"{where} did not answer within {first_byte_seconds:.0f} seconds"
    if isinstance(error, requests.exceptions.ConnectionError):
        return f"{host} cannot be reached, or hung up"
    return f"the request to {where} failed ({type(error).__name__})"


def _error_chain(error: BaseException) -> list[BaseException]:
    """The error with all its causes: requests wraps urllib3 wraps ssl, each in its own way."""
    chain: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop(0)
        if isinstance(cause, BaseException) and cause not in chain:
            chain.append(cause)
            waiting += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
    return chain


def _find_cause(error: BaseException, kind: type[BaseException]) -> BaseException | None:
    return next((cause for cause in _error_chain(error) if isinstance(cause, kind)), None)


def _is_certificate_error(error: BaseException) -> bool:
    return _find_cause(error, ssl.SSLCertVerificationError) is not None


def _verify_message(error: BaseException) -> str:
    cause = _find_cause(error, ssl.SSLCertVerificationError)
    return str(getattr(cause, "verify_message", "")) or "unknown reason"


def _tunnel_failure(error: BaseException) -> str:
    texts = [str(cause) for cause in _error_chain(error) if str(cause).startswith("Tunnel connection failed: ")]
    return f" ({texts[-1].removeprefix('Tunnel connection failed: ')})" if texts else ""
