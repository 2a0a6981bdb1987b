"""Google Admin as a case: the listings of an invented customer, with every field that is never asked for."""

import json
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.connectors.connector_case import ConnectorCase, Query, RecordedListing

DIRECTORY = "/admin/directory/v1"
ACCOUNT, KEY_ID = "fleetsync@exempelby-it.iam.gserviceaccount.com", "0f1e2d3c4b5a"
ADMINISTRATOR = "fleetsync@exempelby.se"


@cache
def private_key() -> rsa.RSAPrivateKey:
    """The key of the invented service account."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem() -> str:
    """The key as the key file has it."""
    return private_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def key_file(**fields: str) -> str:
    """The key file of the service account as Google makes it, `{server}` in place of the address of Google's sign-in."""
    key = {
        "type": "service_account",
        "project_id": "exempelby-it",
        "private_key_id": KEY_ID,
        "private_key": private_pem(),
        "client_email": ACCOUNT,
        "client_id": "109123456789012345678",
        "token_uri": "{server}/token",
        **fields,
    }
    # The braces of JSON itself are doubled: the case puts the address in by str.format.
    return json.dumps(key).replace("{", "{{").replace("}", "}}").replace("{{server}}", "{server}")


def page_of(query: Query) -> int:
    return int(query.get("pageToken", ["0"])[0])


def with_token(body: dict[str, Any], here: str, following: int | None) -> dict[str, Any]:
    last = {name: value for name, value in body.items() if name != "nextPageToken"}
    return last if following is None else last | {"nextPageToken": str(following)}


def listing(path: str, *pages: str, id_field: str) -> RecordedListing:
    return RecordedListing(f"{DIRECTORY}/{path}", pages, page_of, with_token, id_field)


CASE = ConnectorCase(
    kind="google_admin",
    table={
        "kind": "google_admin",
        "name": "google-admin",
        "base_url": "{server}",
        "service_account": key_file(),
        "administrator": ADMINISTRATOR,
    },
    expected_counts={
        "units": {"unit": 4},
        "users": {"person": 3},
        "devices": {"device": 6},
    },
    listings={
        "units": RecordedListing(
            f"{DIRECTORY}/customer/my_customer/orgunits", ("org-units.json",), id_field="orgUnitId"
        ),
        "users": listing("users", "users-1.json", "users-2.json", id_field="id"),
        "devices": listing(
            "customer/my_customer/devices/chromeos", "devices-1.json", "devices-2.json", id_field="deviceId"
        ),
    },
    token_paths=("/token",),
)
