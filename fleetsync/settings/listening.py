"""Addresses at which the daemon listens, and the one at which it answers whether it is alive.

A container asks that every 30 seconds. Reading and checking the whole configuration for it would cost a second of CPU, so
`health_address` reads one key and imports no library.
"""

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

from fleetsync.settings.errors import SettingsError
from fleetsync.settings.layers import (
    PREFIX,
    find_config_file,
    process_environment,
    read_toml,
    secret_file_texts,
    secrets_dirs,
)

DEFAULT_LISTEN = "127.0.0.1:8470"
DEFAULT_METRICS_LISTEN = "127.0.0.1:9470"
PORTS = range(1, 65536)
_WEB_AS_JSON = f"{PREFIX.lower()}web"


class ListenAddress(NamedTuple):
    """Where a server listens."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def address(text: str) -> ListenAddress:
    """`127.0.0.1:8470`, `[::1]:8470`, `localhost:8470`. Raises ValueError."""
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) not in PORTS or not host.strip("[]"):
        raise ValueError('must be host:port, such as "127.0.0.1:8470"')
    return ListenAddress(host.removeprefix("[").removesuffix("]"), int(port))


def health_address(path: Path | None, environ: Mapping[str, str] | None = None) -> ListenAddress | None:
    """Where /livez answers: `[web] metrics_listen`. *path* and *environ* are those of `load`.

    None: only `load` can say, because there is no file, an address cannot be read, or [web] is given as JSON.
    """
    try:
        web = _web_values(path, process_environment() if environ is None else environ)
    except SettingsError:
        return None
    text = web.get("metrics_listen", DEFAULT_METRICS_LISTEN)
    try:
        return address(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _web_values(path: Path | None, environ: Mapping[str, str]) -> Mapping[str, Any]:
    """The values of `[web]` from all layers, unchecked. Raises SettingsError if they must be read another way."""
    file = path or find_config_file(environ)
    variables = {name.lower(): value for name, value in environ.items()}
    if file is None or _WEB_AS_JSON in variables:
        raise SettingsError("no file, or JSON in a variable")
    web = read_toml(file).get("web", {})
    if not isinstance(web, dict):
        raise SettingsError("[web] is no table")
    for folder in reversed(secrets_dirs(environ)):
        texts = secret_file_texts(folder, {"web"})
        web |= _values_named("web__", {name.lower(): text for name, text in texts.items()})
    return web | _values_named(_WEB_AS_JSON + "__", variables)


def _values_named(prefix: str, texts: Mapping[str, str]) -> dict[str, str]:
    return {name.removeprefix(prefix): text for name, text in texts.items() if name.startswith(prefix)}
