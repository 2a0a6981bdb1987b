"""Entry point of the HTTP client: what is kept of a source between its pulls, and the clients of one pull."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from threading import Event
from typing import Self

from fleetsync.clock import Clock
from fleetsync.pull.contract import Auth, MutualTls
from fleetsync.pull.http.address import OutboundNetwork, configured_origin
from fleetsync.pull.http.client import HttpClient
from fleetsync.pull.http.exchange import READ_SECONDS, BoundedSession, RequestMeter
from fleetsync.pull.http.retrying import PullDeadline, RequestPacers
from fleetsync.pull.http.sign_in import CachedToken, authenticated_session, secrets_of
from fleetsync.pull.progress import PullTracker

_MAX_CACHED_TOKENS = 8


class SourceSessions:
    """The tokens and counters of one source, kept between its pulls. Connections are not kept.

    *pacers*: shared with other sources; None: its own.
    """

    def __init__(
        self,
        source: str,
        clock: Clock,
        network: OutboundNetwork,
        meter: RequestMeter,
        pacers: RequestPacers | None = None,
    ) -> None:
        self.source, self.clock, self.network, self.meter = source, clock, network, meter
        self.pacers = RequestPacers(clock) if pacers is None else pacers
        self._cached_tokens: list[tuple[Auth, CachedToken]] = []

    def pull_session(
        self, *, stop: Event, time_limit: timedelta, wait_limit: timedelta, tracker: PullTracker | None = None
    ) -> "PullSession":
        """The clients of one pull, as a context manager that closes their connections.

        *tracker*: is told what the pull waits for; None: nobody asks.
        """
        ends_at = self.clock.monotonic() + time_limit.total_seconds()
        wait_limit_seconds = wait_limit.total_seconds()
        deadline = PullDeadline(
            self.source, self.clock, stop, ends_at, wait_limit_seconds, PullTracker() if tracker is None else tracker
        )
        return PullSession(self, deadline)

    def cached_token(self, auth: Auth) -> CachedToken:
        """The token of exactly this credential; a changed secret gets a new one."""
        for known, cached_token in self._cached_tokens:
            if known == auth:
                return cached_token
        self._cached_tokens = [*self._cached_tokens, (auth, CachedToken())][-_MAX_CACHED_TOKENS:]
        return self._cached_tokens[-1][1]


class PullSession:
    """The clients of one pull."""

    def __init__(self, sessions: SourceSessions, deadline: PullDeadline) -> None:
        self._sessions = sessions
        self._deadline = deadline
        self._open_sessions: list[BoundedSession] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for session in self._open_sessions:
            session.close()

    def client(
        self,
        base_url: str,
        auth: Auth,
        *,
        headers: Mapping[str, str] | None = None,
        requests_per_minute: float | None = None,
        first_byte_seconds: float | None = None,
    ) -> HttpClient:
        """A client for the origin of *base_url*, signed in by *auth*. Raises SourceRefused for what cannot be used."""
        sessions, source = self._sessions, self._sessions.source
        origin = configured_origin(source, "address", base_url)
        certificate = (auth.certificate_file, auth.key_file) if isinstance(auth, MutualTls) else None
        session = authenticated_session(source, auth, sessions.cached_token(auth))
        tls = sessions.network.tls_context(source, certificate)
        session.configure(self._deadline, sessions.network, sessions.meter, tls, first_byte_seconds or READ_SECONDS)
        session.headers.update(headers or {})
        self._open_sessions.append(session)
        pacer = sessions.pacers.of(str(origin))
        pace = None if requests_per_minute is None else partial(pacer.seconds_to_wait, requests_per_minute)
        return HttpClient(base_url, origin, session, self._deadline, sessions.meter, secrets_of(auth), pace)
