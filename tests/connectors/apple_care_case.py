"""AppleCare as a case: two pages of devices, and the coverage of each; of one nothing is known."""

from tests.connectors.apple_listings import SIGN_IN, TOKEN_PATH, listing
from tests.connectors.connector_case import ConnectorCase

SERIALS = ("DMPEXAMPLE01", "DMPEXAMPLE02", "C02EXAMPLE03", "DMPEXAMPLE04")
DEVICES = listing("/v1/orgDevices", "devices-1.json", "devices-2.json")
COVERAGES = tuple(
    listing(f"/v1/orgDevices/{serial}/appleCareCoverage", f"coverage-{number}.json")
    for number, serial in enumerate(SERIALS, start=1)
)

CASE = ConnectorCase(
    kind="apple_care",
    table={"kind": "apple_care", "name": "apple-care", **SIGN_IN},
    expected_counts={"coverage": {"device": 3}},
    listings={"coverage": DEVICES},
    also_served=COVERAGES,
    token_paths=(TOKEN_PATH,),
)
