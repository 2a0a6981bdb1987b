"""The way in: what is kept of a source between its pulls, and what one pull is given."""

from collections.abc import Mapping
from datetime import timedelta
from threading import Event
from typing import Self

from fleetsync.clock import Clock
from fleetsync.pull.contract import Auth, MutualTls
from fleetsync.pull.http.address import Network, configured_origin
from fleetsync.pull.http.client import HttpClient
from fleetsync.pull.http.exchange import Meter, Road
from fleetsync.pull.http.patience import Pace, Watch
from fleetsync.pull.http.sign_in import Kept, secrets_of, signed_in

_MAX_KEPT = 8


class Roads:
    """One source's: its tokens, its pace and its meter outlive a pull. Connections do not."""

    def __init__(self, source: str, clock: Clock, network: Network, meter: Meter) -> None:
        self.source, self.clock, self.network, self.meter = source, clock, network, meter
        self._kept: list[tuple[Auth, Kept]] = []
        self._paces: dict[tuple[str, float], Pace] = {}

    def trip(self, *, stop: Event, time_limit: timedelta, wait_limit: timedelta) -> "Trip":
        """The roads of one pull, to be used as a context manager."""
        ends_at = self.clock.monotonic() + time_limit.total_seconds()
        return Trip(self, Watch(self.source, self.clock, stop, ends_at, wait_limit.total_seconds()))

    def kept(self, auth: Auth) -> Kept:
        """The token of exactly this credential; a changed secret starts anew."""
        for known, kept in self._kept:
            if known == auth:
                return kept
        self._kept = [*self._kept, (auth, Kept())][-_MAX_KEPT:]
        return self._kept[-1][1]

    def pace(self, origin: str, requests_per_minute: float | None) -> Pace | None:
        """One pace per origin, however many clients go there."""
        if requests_per_minute is None:
            return None
        return self._paces.setdefault((origin, requests_per_minute), Pace(self.clock, requests_per_minute))


class Trip:
    """The clients of one pull."""

    def __init__(self, roads: Roads, watch: Watch) -> None:
        self._roads = roads
        self._watch = watch
        self._open: list[Road] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for road in self._open:
            road.close()

    def client(
        self,
        base_url: str,
        auth: Auth,
        *,
        headers: Mapping[str, str] | None = None,
        requests_per_minute: float | None = None,
    ) -> HttpClient:
        """A client for the origin of *base_url*, signed in by *auth*. Raises SourceRefused for what cannot be used."""
        roads, source = self._roads, self._roads.source
        origin = configured_origin(source, "address", base_url)
        certificate = (auth.certificate_file, auth.key_file) if isinstance(auth, MutualTls) else None
        road = signed_in(source, auth, roads.kept(auth))
        road.equip(self._watch, roads.network, roads.meter, roads.network.tls(source, certificate))
        road.headers.update(headers or {})
        self._open.append(road)
        pace = roads.pace(str(origin), requests_per_minute)
        return HttpClient(base_url, origin, road, self._watch, roads.meter, secrets_of(auth), pace)
