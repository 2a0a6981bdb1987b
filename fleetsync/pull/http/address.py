"""Which addresses a request may go to, and through which proxy.

A token is sent only to the configured origin (scheme, host, port). The parser that decides is the one that the connection
uses: if two parsers disagreed about a strange address, a token could reach a foreign server.
"""

import ipaddress
import ssl
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from urllib.parse import urljoin

from requests import PreparedRequest
from requests.exceptions import RequestException
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from fleetsync.pull.contract import Params, ParamValue, SourceRefused, SourceSettings

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host (lower case) and port. Its text is safe to show: no path, no query, no password."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "Origin | None":
        """None when *url* is no http(s) address, or contains a user name."""
        try:
            parts = parse_url(url)
        except LocationParseError:
            return None
        if parts.scheme not in _PORTS or not parts.host or parts.auth:
            return None
        return cls(parts.scheme, parts.host.lower().strip("[]"), parts.port or _PORTS[parts.scheme])

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")

    @property
    def is_loopback(self) -> bool:
        if self.host == "localhost":
            return True
        address = _parse_ip(self.host)
        return address is not None and address.is_loopback


def configured_origin(source: str, what: str, url: str) -> Origin:
    """The origin of a configured address. Raises SourceRefused unless it is https, or http to loopback."""
    origin = Origin.of(url)
    if origin is None:
        raise SourceRefused(f"{source}: the {what} is not an address such as https://mdm.exempelby.se")
    if origin.scheme == "http" and not origin.is_loopback:
        raise SourceRefused(
            f"{source}: the {what} {origin} is plain http, where anyone on the network can read the credential. Write https://"
        )
    return origin


def join_path(base_url: str, path: str) -> str:
    """*path* below *base_url* (whose own path is kept), unless it is a whole address."""
    return path if "://" in path else f"{base_url.rstrip('/')}/{path.lstrip('/')}" if path else base_url


def resolve_link(here: str, link: str) -> str:
    """*link* as found at *here*, whole or relative; empty when it is no address."""
    try:
        return urljoin(here, link)
    except ValueError:
        return ""


def url_with_query(url: str, params: Params | None) -> str:
    """The exact address that will be requested, so that the checks see what is sent. Raises ValueError.

    Percent-encoding is put into its normal form (%3d becomes %3D); nothing else of a link is changed.
    """
    pairs = [(name, _query_text(item)) for name, value in (params or {}).items() for item in _as_list(value)]
    request = PreparedRequest()
    try:
        request.prepare_url(url, pairs)
    except RequestException as error:
        raise ValueError("not an address") from error
    return str(request.url)


def _as_list(value: ParamValue) -> list[str | int | bool]:
    return [value] if isinstance(value, str | int | bool) else list(value)


def _query_text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parse_ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class OutboundNetwork:
    """Proxy and trusted certificate authorities for outgoing requests. Proxy variables of the environment are ignored.

    *no_proxy*: hosts, domains (with all below), networks (`10.0.0.0/8`) or `*`; loopback never uses a proxy.
    *ca_file*: certificate authorities that are trusted beside the system's.
    """

    proxy: str | None = field(default=None, repr=False)
    no_proxy: tuple[str, ...] = ()
    ca_file: Path | None = None

    def for_source(self, settings: SourceSettings) -> "OutboundNetwork":
        """The same with the keys that the source's own table overrides."""
        return OutboundNetwork(
            proxy=self.proxy if settings.proxy is None else settings.proxy or None,
            no_proxy=self.no_proxy if settings.no_proxy is None else settings.no_proxy,
            ca_file=settings.ca_file or self.ca_file,
        )

    def proxy_for(self, origin: Origin) -> str | None:
        """The proxy for *origin*; None: a direct connection."""
        if (
            self.proxy is None
            or origin.is_loopback
            or any(_matches_no_proxy(rule, origin.host) for rule in self.no_proxy)
        ):
            return None
        return self.proxy

    def proxy_name(self) -> str:
        """The proxy's name without its password, safe to show."""
        parts = parse_url(self.proxy or "")
        return f"{parts.host}:{parts.port}" if parts.port else str(parts.host)

    def tls_context(self, source: str, certificate: tuple[Path, Path] | None = None) -> ssl.SSLContext:
        """The TLS settings, with *certificate* (file, key file) as client certificate. Raises SourceRefused naming the file."""
        try:
            if certificate is None:
                return _shared_context(self.ca_file, _trust_stamp(self.ca_file))
            context = _trusting_context(self.ca_file)
        except OSError as error:
            raise SourceRefused(
                f"{source}: ca_file {self.ca_file} holds no certificate ({_error_cause(error)})"
            ) from None
        _load_client_certificate(context, source, *certificate)
        return context


def _trusting_context(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


@lru_cache(maxsize=8)
def _shared_context(ca_file: Path | None, stamp: tuple[int | None, ...]) -> ssl.SSLContext:
    """Made once for all sources, until a file of it changes: loading the authorities takes as long as reading a page."""
    return _trusting_context(ca_file)


def _trust_stamp(ca_file: Path | None) -> tuple[int | None, ...]:
    """When the files of trusted authorities were changed: the system's, and *ca_file*. None for one that is missing."""
    system = ssl.get_default_verify_paths()
    paths = (system.cafile, system.capath, ca_file)
    return tuple(Path(path).stat().st_mtime_ns if path and Path(path).exists() else None for path in paths)


def _load_client_certificate(context: ssl.SSLContext, source: str, certificate_file: Path, key_file: Path) -> None:
    try:
        # Without a password OpenSSL would ask for one at the terminal, and the daemon would hang.
        context.load_cert_chain(certificate_file, key_file, password="")
    except (OSError, ValueError) as error:
        raise SourceRefused(
            f"{source}: the client certificate {certificate_file} with the key {key_file} cannot be used "
            f"({_error_cause(error)}). It takes PEM files that belong together, and a key that is not encrypted"
        ) from None


def _error_cause(error: OSError | ValueError) -> str:
    return (
        (getattr(error, "reason", None) or getattr(error, "strerror", None) or "not usable").lower().replace("_", " ")
    )


def _matches_no_proxy(rule: str, host: str) -> bool:
    if rule == "*":
        return True
    address = _parse_ip(host)
    if address is not None and "/" in rule:
        try:
            return address in ipaddress.ip_network(rule, strict=False)
        except ValueError:
            return False
    domain = rule.lower().lstrip("*").lstrip(".")
    return host == domain or host.endswith(f".{domain}")
