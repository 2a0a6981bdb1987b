"""The `[[source]]` table of a Google customer, and the sign-in that it describes."""

from pathlib import Path
from typing import Annotated

import msgspec
from pydantic import Field, SecretStr

from fleetsync.pull.contract import ServiceAccount, SourceRefused, SourceSettings

SCOPE_PREFIX = "https://www.googleapis.com/auth/"


class Settings(SourceSettings):
    """Its `[[source]]` table: a service account, and the administrator that it acts for."""

    service_account: SecretStr | None = None
    """The key of the service account: the JSON that Google made, private key included."""
    service_account_file: Path | None = None
    administrator: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
    """The address of the account whose role may read."""
    customer: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")] = "my_customer"
    """The id of the customer; by default that of the administrator."""
    base_url: Annotated[str, Field(pattern=r"^https?://")] = "https://admin.googleapis.com"

    def sign_in(self, scope: str) -> ServiceAccount:
        """The sign-in for one scope, without its prefix. Raises SourceRefused where the key is missing or unusable.

        A token for several scopes is refused when a single one is not authorised, so each part asks for its own.
        """
        key = _read_key(self.name, self.secret("service_account"))
        return ServiceAccount(
            key.token_uri,
            key.client_email,
            SecretStr(key.private_key),
            self.administrator,
            (SCOPE_PREFIX + scope,),
            key.private_key_id,
        )


class _KeyFile(msgspec.Struct, frozen=True):
    """The key file of a service account. It lives no longer than it takes to sign in."""

    client_email: str
    private_key: str
    private_key_id: str
    token_uri: str = "https://oauth2.googleapis.com/token"


def _read_key(source: str, secret: SecretStr) -> _KeyFile:
    try:
        return msgspec.json.decode(secret.get_secret_value(), type=_KeyFile)
    except msgspec.DecodeError:
        raise SourceRefused(
            f"{source}: service_account is not the key of a service account. Make one of the type JSON in the Google Cloud "
            "console under IAM & Admin > Service accounts > Keys, and use the file as it was made"
        ) from None
