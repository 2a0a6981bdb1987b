"""Jamf School as a case: four listings, each whole in one response, with every field that is never decoded."""

from tests.connectors.connector_case import SECRET, ConnectorCase, RecordedListing

CASE = ConnectorCase(
    kind="jamf_school",
    table={
        "kind": "jamf_school",
        "name": "jamf-school",
        "base_url": "{server}/api",
        "network_id": "12345678",
        "api_key": SECRET,
    },
    expected_counts={
        "units": {"unit": 3},
        "groups": {"group": 2},
        "users": {"person": 3},
        "devices": {"device": 6},
    },
    listings={
        "units": RecordedListing("/api/locations", ("locations.json",)),
        "groups": RecordedListing("/api/users/groups", ("groups.json",)),
        "users": RecordedListing("/api/users", ("users.json",)),
        "devices": RecordedListing("/api/devices", ("devices.json",), id_field="UDID"),
    },
)
