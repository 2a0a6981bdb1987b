"""The way in: what is kept of a source between its pulls, and what one pull is given."""

from collections.abc import Mapping
from datetime import timedelta
from threading import Event
from typing import Self

from fleetsync.clock import Clock
from fleetsync.pull.contract import Auth, MutualTls
from fleetsync.pull.http.address import OutboundNetwork, configured_origin
from fleetsync.pull.http.client import HttpClient
from fleetsync.pull.http.exchange import BoundedSession, RequestMeter
from fleetsync.pull.http.retrying import PullDeadline, RequestPacer
from fleetsync.pull.http.sign_in import CachedToken, authenticated_session, secrets_of

_MAX_CACHED_TOKENS = 8


class SourceSessions:
    """One source's: its tokens, its pace and its meter outlive a pull. Connections do not."""

    def __init__(self, source: str, clock: Clock, network: OutboundNetwork, meter: RequestMeter) -> None:
        self.source, self.clock, self.network, self.meter = source, clock, network, meter
        self._cached_tokens: list[tuple[Auth, CachedToken]] = []
        self._pacers: dict[tuple[str, float], RequestPacer] = {}

    def pull_session(self, *, stop: Event, time_limit: timedelta, wait_limit: timedelta) -> "PullSession":
        """The roads of one pull, to be used as a context manager."""
        ends_at = self.clock.monotonic() + time_limit.total_seconds()
        return PullSession(self, PullDeadline(self.source, self.clock, stop, ends_at, wait_limit.total_seconds()))

    def cached_token(self, auth: Auth) -> CachedToken:
        """The token of exactly this credential; a changed secret starts anew."""
        for known, cached_token in self._cached_tokens:
            if known == auth:
                return cached_token
        self._cached_tokens = [*self._cached_tokens, (auth, CachedToken())][-_MAX_CACHED_TOKENS:]
        return self._cached_tokens[-1][1]

    def pacer(self, origin: str, requests_per_minute: float | None) -> RequestPacer | None:
        """One pace per origin, however many clients go there."""
        if requests_per_minute is None:
            return None
        return self._pacers.setdefault((origin, requests_per_minute), RequestPacer(self.clock, requests_per_minute))


class PullSession:
    """The clients of one pull."""

    def __init__(self, roads: SourceSessions, deadline: PullDeadline) -> None:
        self._sessions = roads
        self._deadline = deadline
        self._open_sessions: list[BoundedSession] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for road in self._open_sessions:
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
        roads, source = self._sessions, self._sessions.source
        origin = configured_origin(source, "address", base_url)
        certificate = (auth.certificate_file, auth.key_file) if isinstance(auth, MutualTls) else None
        road = authenticated_session(source, auth, roads.cached_token(auth))
        road.configure(self._deadline, roads.network, roads.meter, roads.network.tls_context(source, certificate))
        road.headers.update(headers or {})
        self._open_sessions.append(road)
        pacer = roads.pacer(str(origin), requests_per_minute)
        return HttpClient(base_url, origin, road, self._deadline, roads.meter, secrets_of(auth), pacer)
