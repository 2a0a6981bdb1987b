"""A OneRoster 1.2 server as a case: two pages of each listing, with every field that is never decoded.

It says the total in the body, as some servers do; the others are tried in `test_oneroster_stand_in.py`.
"""

from tests.connectors.connector_case import SECRET, ConnectorCase, Query, RecordedListing

BASE = "/ims/oneroster/rostering/v1p2"


def page_of(query: Query) -> int:
    return 0 if query["offset"] == ["0"] else 1


def listing(name: str) -> RecordedListing:
    return RecordedListing(f"{BASE}/{name}", (f"{name}-1.json", f"{name}-2.json"), page_of, id_field="sourcedId")


CASE = ConnectorCase(
    kind="oneroster",
    table={
        "kind": "oneroster",
        "name": "skolregister",
        "base_url": "{server}" + BASE,
        "token_url": "{server}/oauth/token",
        "client_id": "fleetsync",
        "client_secret": SECRET,
        "user_ids": {"AD": {"scheme": "account", "namespace": "EXB"}},
    },
    expected_counts={
        "units": {"unit": 3},
        "groups": {"group": 2},
        "pupils": {"person": 3, "membership": 7},
        "staff": {"person": 1, "membership": 1},
    },
    listings={
        "units": listing("orgs"),
        "groups": listing("classes"),
        "pupils": listing("users"),
        "staff": listing("users"),
    },
    also_served=(listing("enrollments"),),
    token_paths=("/oauth/token",),
)
