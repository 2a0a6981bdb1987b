"""One HTTP client for all connectors: everything boring about asking another system, once.

Tokens, time limits, retry, `Retry-After`, pace, proxy, certificates, origin and loop checks, bounded bodies, typed
decoding, and errors by remedy. It refuses to send anything to another origin than the configured one, to speak plain
http to anything but loopback, to repeat what is not idempotent, and to quote a secret, a query or a value.

`roads.py` is the way in (one `SourceSessions` per source, kept between pulls; one `PullSession` per pull); `client.py` asks and
follows; `sign_in.py` holds the kinds of tokens; `exchange.py` one request and its bounded body; `patience.py` when
to try again; `refusals.py` what a refusal means to a person; `address.py` where things may go.
"""

from fleetsync.pull.http.address import OutboundNetwork
from fleetsync.pull.http.exchange import RequestMeter
from fleetsync.pull.http.sessions import PullSession, SourceSessions

__all__ = ["OutboundNetwork", "PullSession", "RequestMeter", "SourceSessions"]
