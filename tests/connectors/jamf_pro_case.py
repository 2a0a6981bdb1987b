"""Jamf Pro as a case: pages of an invented server, with every field that is never decoded."""

from tests.connectors.connector_case import SECRET, ConnectorCase, Query, RecordedListing


def page_of(query: Query) -> int:
    return int(query["page"][0])


def listing(path: str, name: str, **fields: str) -> RecordedListing:
    """A listing of two pages. The response has no link: a page is asked for by its number."""
    return RecordedListing(f"/api/{path}", (f"{name}-1.json", f"{name}-2.json"), page_of, **fields)  # type: ignore[arg-type]


CASE = ConnectorCase(
    kind="jamf_pro",
    table={
        "kind": "jamf_pro",
        "name": "jamf-pro",
        "base_url": "{server}/api",
        "client_id": "11111111-2222-4333-8444-555555555555",
        "client_secret": SECRET,
    },
    expected_counts={
        "units": {"unit": 3},
        "computers": {"device": 4},
        "mobile_devices": {"device": 4},
        "purchases": {"device": 3},
    },
    listings={
        "units": listing("v1/buildings", "buildings"),
        "computers": listing("v4/computers-inventory", "computers"),
        "mobile_devices": listing("v2/mobile-devices/detail", "mobile-devices", id_field="mobileDeviceId"),
        "purchases": listing("v1/device-enrollments", "device-enrollments"),
    },
    also_served=(
        RecordedListing("/api/v1/device-enrollments/701/devices", ("device-enrollments-701-devices.json",)),
        RecordedListing("/api/v1/device-enrollments/702/devices", ("device-enrollments-702-devices.json",)),
    ),
    token_paths=("/api/oauth/token",),
)
