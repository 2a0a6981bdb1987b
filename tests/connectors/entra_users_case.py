"""Accounts of Entra as a case: pages of an invented tenant, with every field that is never asked for."""

from typing import Any

from tests.connectors.connector_case import SECRET, ConnectorCase, Query, RecordedListing

TENANT = "11111111-2222-4333-8444-555555555555"
PATH = "/v1.0/users"


def page_of(query: Query) -> int:
    return int(query.get("$skiptoken", ["0"])[0])


def linked(body: dict[str, Any], here: str, following: int | None) -> dict[str, Any]:
    return body if following is None else body | {"@odata.nextLink": f"{here}?$top=999&$skiptoken={following}"}


LISTING = RecordedListing(PATH, ("users-1.json", "users-2.json", "users-3.json"), page_of, linked)

CASE = ConnectorCase(
    kind="entra_users",
    table={
        "kind": "entra_users",
        "name": "entra",
        "tenant": TENANT,
        "client_id": "99999999-2222-4333-8444-555555555555",
        "client_secret": SECRET,
        "authority": "{server}",
        "graph_root": "{server}",
        "namespace": "personal",
        "account_domains": {"exempelby.local": "EXB"},
        "counts": ["staff"],
        "staff_types": ["Anställd"],
    },
    expected_counts={"users": {"person": 7, "membership": 3}},
    listings={"users": LISTING},
    token_paths=(f"/{TENANT}/oauth2/v2.0/token",),
)
