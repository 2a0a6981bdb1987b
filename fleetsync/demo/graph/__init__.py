"""A stub of Microsoft Graph and its sign-in. It serves the demo's devices, orders and accounts as of the demo's current day.

It is as strict as the real service: tokens are required and expire, a client assertion is verified (signature,
audience, age, thumbprint), each resource needs its permission, `$select` chooses the fields, and pages have a largest size.
It has the same quirks: `@odata.count` of Intune counts the page, a next link is opaque, an error's message is JSON within
JSON, the list of Autopilot fails with `$select`, and a user has few fields unless they are asked for by name.
"""

from fleetsync.demo.graph.resources import ALL_PERMISSIONS, ENROLMENT_TOKEN, Listings
from fleetsync.demo.graph.server import GraphStub
from fleetsync.demo.graph.sign_in import ASSERTION_TYPE, CLIENT, SECRET, TENANT

__all__ = [
    "ALL_PERMISSIONS",
    "ASSERTION_TYPE",
    "CLIENT",
    "ENROLMENT_TOKEN",
    "SECRET",
    "TENANT",
    "GraphStub",
    "Listings",
]
