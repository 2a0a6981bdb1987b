"""The HTTP client of all connectors.

It takes care of tokens, time limits, retries, `Retry-After`, pace, proxy, certificates, origin and loop checks, bounded
bodies, typed decoding, and errors that say what to do. It refuses to send anything to another origin than the configured
one, to use plain http except to loopback, to repeat a request that is not idempotent, and to quote a secret, a query or a
value.

Start with `sessions.py`: one `SourceSessions` per source, kept between pulls, and one `PullSession` per pull. `client.py`
sends requests and follows pages; `sign_in.py` holds the kinds of sign-in; `exchange.py` one request and its bounded body;
`retrying.py` when to try again; `error_responses.py` what an error response means; `address.py` which addresses are
allowed.
"""

from fleetsync.pull.http.address import OutboundNetwork
from fleetsync.pull.http.exchange import RequestMeter
from fleetsync.pull.http.retrying import RequestPacers
from fleetsync.pull.http.sessions import PullSession, SourceSessions

__all__ = ["OutboundNetwork", "PullSession", "RequestMeter", "RequestPacers", "SourceSessions"]
