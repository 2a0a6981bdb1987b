"""What every source that is read from Apple School Manager, or from Apple Business, shares: its sign-in and its pace.

The sign-in is that of an API account. Nothing here knows what a row means.
"""

from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, SecretStr

from fleetsync.pull.contract import Client, Connect, SignedAssertion, SourceSettings

DEVICES: Final = "v1/orgDevices"
DEVICES_RIGHT: Final = "access of the API account to devices"
PAGE_SIZE: Final = 1000  # the largest

_AUDIENCE = "https://account.apple.com/auth/oauth2/v2/token"


class AppleSettings(SourceSettings):
    """The keys by which a source signs in to Apple School Manager or Apple Business: those of an API account."""

    client_id: str
    key_id: str
    private_key: SecretStr | None = None
    private_key_file: Path | None = None
    base_url: Annotated[str, Field(pattern=r"^https?://")] = "https://api-school.apple.com"
    token_url: Annotated[str, Field(pattern=r"^https?://")] = "https://account.apple.com/auth/oauth2/token"
    scope: str = "school.api"
    requests_per_minute: Annotated[float, Field(gt=0)] = 18.0
    """Below the 20 that Apple answers: an even pace seen through a network that delays is not quite even."""

    def client(self, connect: Connect) -> Client:
        """A signed-in client. Raises SourceRefused where the private key cannot be read."""
        return connect(self.base_url, self.sign_in(), requests_per_minute=self.requests_per_minute)

    def sign_in(self) -> SignedAssertion:
        """The sign-in, by an assertion that names Apple's own address as its receiver, wherever the token comes from.

        Raises SourceRefused where the private key cannot be read.
        """
        key = self.secret("private_key")
        return SignedAssertion(self.token_url, self.client_id, key, self.key_id, _AUDIENCE, self.scope)


def account_remedy(resource: str) -> str:
    """What to do at Apple when the sign-in, or access to devices and to *resource*, is refused."""
    return (
        "Let an Administrator or Site Manager of Apple School Manager make an API account under Preferences > API, with "
        f"access to devices and {resource}, and check client_id, key_id and private_key_file"
    )
