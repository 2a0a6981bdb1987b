"""A school register as a case: pages of an invented municipality, with every field that is never decoded.

It has no look-up and answers /persons whole, whatever relation is asked for. Its last pages end in the three ways that
are seen: a token that is not there, one that is null, one that is blank.
"""

from typing import Any

from tests.connectors.connector_case import SECRET, ConnectorCase, Query, RecordedListing

BASE = "/ss12000/v2.0"
LAST: dict[str, dict[str, Any]] = {f"{BASE}/duties": {"pageToken": None}, f"{BASE}/placements": {"pageToken": ""}}


def page_of(query: Query) -> int:
    return int(query.get("pageToken", ["sida-0"])[0].removeprefix("sida-"))


def linked(body: dict[str, Any], here: str, following: int | None) -> dict[str, Any]:
    if following is not None:
        return body | {"pageToken": f"sida-{following}"}
    return next((body | end for path, end in LAST.items() if here.endswith(path)), body)


def listing(resource: str, pages: int) -> RecordedListing:
    names = tuple(f"{resource}-{number}.json" for number in range(1, pages + 1))
    return RecordedListing(f"{BASE}/{resource}", names, page_of, linked)


LISTINGS = {
    "units": listing("organisations", 1),
    "groups": listing("groups", 2),
    "pupils": listing("persons", 3),
    "children": listing("placements", 2),
    "staff": listing("duties", 2),
}

CASE = ConnectorCase(
    kind="ss12000",
    table={
        "kind": "ss12000",
        "name": "skolregister",
        "base_url": "{server}" + BASE,
        "token_url": "{server}/connect/token",
        "client_id": "fleetsync",
        "client_secret": SECRET,
        "identifiers": {"https://exempelby.se/entra": {"scheme": "object_id", "namespace": "exempelby-tenant"}},
    },
    expected_counts={
        "units": {"unit": 9},
        "groups": {"group": 5},
        "pupils": {"person": 9, "membership": 18},
        "children": {"person": 6, "membership": 7},
        "staff": {"person": 5, "membership": 5},
    },
    listings=LISTINGS,
    token_paths=("/connect/token",),
)
