"""Intune as a case: pages of an invented tenant, with every field that is never asked for."""

from typing import Any

from tests.connectors.connector_case import SECRET, ConnectorCase, Query, RecordedListing

TENANT = "11111111-2222-4333-8444-555555555555"
PATH = "/v1.0/deviceManagement/managedDevices"
ENROLMENT_TOKENS = "/beta/deviceManagement/depOnboardingSettings"


def page_of(query: Query) -> int:
    return int(query.get("$skiptoken", ["0"])[0])


def linked(body: dict[str, Any], here: str, following: int | None) -> dict[str, Any]:
    return body if following is None else body | {"@odata.nextLink": f"{here}?$top=500&$skiptoken={following}"}


def listing(path: str, *pages: str) -> RecordedListing:
    """A listing that Graph gives in pages with opaque links."""
    return RecordedListing(path, pages, page_of, linked)


LISTING = listing(PATH, "devices-1.json", "devices-2.json", "devices-3.json")

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
    expected_counts={
        "devices": {"device": 11},
        "autopilot": {"device": 3},
        "corporate_identifiers": {"device": 3},
        "apple_enrolment": {"device": 3},
        "push_certificate": {},
        "app_tokens": {},
    },
    listings={
        "devices": LISTING,
        "autopilot": listing(
            "/v1.0/deviceManagement/windowsAutopilotDeviceIdentities", "autopilot-1.json", "autopilot-2.json"
        ),
        "corporate_identifiers": listing(
            "/beta/deviceManagement/importedDeviceIdentities",
            "corporate-identifiers-1.json",
            "corporate-identifiers-2.json",
        ),
        "apple_enrolment": listing(ENROLMENT_TOKENS, "enrolment-tokens-1.json", "enrolment-tokens-2.json"),
        "app_tokens": listing("/v1.0/deviceAppManagement/vppTokens", "app-tokens-1.json", "app-tokens-2.json"),
    },
    also_served=(
        *(
            RecordedListing(
                f"{ENROLMENT_TOKENS}/7004e000-1111-4a4a-9c9c-{token:012}/importedAppleDeviceIdentities",
                (f"apple-devices-{token}.json",),
            )
            for token in (1, 2)
        ),
        RecordedListing("/v1.0/deviceManagement/applePushNotificationCertificate", ("push-certificate.json",)),
    ),
    token_paths=(f"/{TENANT}/oauth2/v2.0/token",),
)
