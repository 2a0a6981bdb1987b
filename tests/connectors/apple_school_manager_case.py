"""Apple School Manager as a case: devices and MDMs of two pages each, with every field that is never decoded."""

from tests.connectors.apple_listings import SIGN_IN, TOKEN_PATH, listing
from tests.connectors.connector_case import ConnectorCase

IPAD_SERVER, MAC_SERVER = "1F97349736CF4614A94F624E705841AD", "2A87349736CF4614A94F624E705841BE"
DEVICES = listing("/v1/orgDevices", "devices-1.json", "devices-2.json")

CASE = ConnectorCase(
    kind="apple_school_manager",
    table={"kind": "apple_school_manager", "name": "apple", **SIGN_IN},
    expected_counts={"devices": {"device": 6}},
    listings={"devices": DEVICES},
    also_served=(
        listing("/v1/mdmServers", "servers-1.json", "servers-2.json"),
        listing(f"/v1/mdmServers/{IPAD_SERVER}/relationships/devices", "server-ipads-1.json", "server-ipads-2.json"),
        listing(f"/v1/mdmServers/{MAC_SERVER}/relationships/devices", "server-macs-1.json"),
    ),
    token_paths=(TOKEN_PATH,),
)
