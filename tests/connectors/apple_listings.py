"""What the cases of both of Apple's kinds share: the sign-in of an invented API account, and how pages follow each other."""

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.connectors.connector_case import Query, RecordedListing

TOKEN_PATH = "/auth/oauth2/token"
PRIVATE_KEY = (
    ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
)
SIGN_IN: Mapping[str, Any] = {
    "base_url": "{server}",
    "token_url": f"{{server}}{TOKEN_PATH}",
    "client_id": "SCHOOLAPI.11111111-2222-4333-8444-555555555555",
    "key_id": "99999999-2222-4333-8444-555555555555",
    "private_key": PRIVATE_KEY,
    "requests_per_minute": 60_000.0,
}


def page_of(query: Query) -> int:
    return int(query.get("cursor", ["0"])[0])


def linked(body: dict[str, Any], here: str, following: int | None) -> dict[str, Any]:
    """*body* with its link to the following page. It names no cursor, so that a list ends where its links do."""
    links = {"self": here} | ({} if following is None else {"next": f"{here}?cursor={following}&limit=1000"})
    return body | {"links": links, "meta": {"paging": {"limit": 1000}}}


def listing(path: str, *pages: str) -> RecordedListing:
    return RecordedListing(path, pages, page_of, linked)
