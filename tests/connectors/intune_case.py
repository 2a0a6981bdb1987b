"""Intune as a case: three pages of an invented tenant, with every field that is never asked for."""

from typing import Any

from tests.connectors.connector_case import SECRET, ConnectorCase, Query, RecordedListing

TENANT = "11111111-2222-4333-8444-555555555555"
PATH = "/v1.0/deviceManagement/managedDevices"


def page_of(query: Query) -> int:
    return int(query.get("$skiptoken", ["0"])[0])


def linked(body: dict[str, Any], here: str, following: int | None) -> dict[str, Any]:
    return body if following is None else body | {"@odata.nextLink": f"{here}?$top=500&$skiptoken={following}"}


LISTING = RecordedListing(PATH, ("devices-1.json", "devices-2.json", "devices-3.json"), page_of, linked)

CASE = ConnectorCase(
    kind="intune",
    table={
        "kind": "intune",
        "name": "intune-exempelby",
        "tenant": TENANT,
        "client_id": "99999999-2222-4333-8444-555555555555",
        "client_secret": SECRET,
        "authority": "{server}",
        "graph_root": "{server}",
    },
    expected_counts={"devices": {"device": 11}},
    listings={"devices": LISTING},
    token_paths=(f"/{TENANT}/oauth2/v2.0/token",),
)
