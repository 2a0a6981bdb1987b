"""Snipe-IT as a case: current and archived assets in three pages, locations in two, with every field that is never decoded."""

from tests.connectors.connector_case import SECRET, ConnectorCase, Query, RecordedListing


def place_page(query: Query) -> int:
    """A page is asked for by the number of rows before it; the first has two."""
    return int(query["offset"][0] != "0") if "offset" in query else 0


def asset_page(query: Query) -> int:
    """The archived assets are a listing of their own at the same address."""
    return 2 if query.get("status") == ["Archived"] else place_page(query)


CASE = ConnectorCase(
    kind="snipeit",
    table={
        "kind": "snipeit",
        "name": "inventarier",
        "base_url": "{server}/api/v1",
        "token": SECRET,
    },
    expected_counts={"units": {"unit": 3}, "assets": {"device": 6}},
    listings={
        "units": RecordedListing("/api/v1/locations", ("locations-1.json", "locations-2.json"), place_page),
        "assets": RecordedListing(
            "/api/v1/hardware", ("hardware-1.json", "hardware-2.json", "hardware-archived.json"), asset_page
        ),
    },
)
