"""The `[[source]]` table of a Jamf Pro server, and the sign-in that it describes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator

from fleetsync.pull.contract import ClientSecret, SourceSettings


class Settings(SourceSettings):
    """Its `[[source]]` table: an API client of the server, or an integration of the Jamf Platform API."""

    base_url: Annotated[str, Field(pattern=r"^https?://")]
    """The address above /v1, /v2 …: it ends in /api on a server, and in /pro at the Platform API."""
    token_url: str = ""
    """Where tokens are given; empty: {base_url}/oauth/token, as on a server."""
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: SecretStr | None = None
    client_secret_file: Path | None = None
    environment_id: str = ""
    """Of the Platform API: the environment that every request is for."""
    tenant_id: str = ""
    """In place of `environment_id`, for an integration that is limited to tenants."""
    places: Literal["buildings", "departments", "sites"] = "buildings"
    """Which of them are the schools."""
    domain: str = ""
    """The Windows domain of user names written without one; empty: such a name is no key."""

    @model_validator(mode="after")
    def _has_one_scope(self) -> "Settings":
        if self.environment_id and self.tenant_id:
            raise ValueError("environment_id and tenant_id: an integration has one of them")
        if self.is_platform and not self.token_url:
            raise ValueError(
                "token_url is missing: the Platform API gives tokens at https://REGION.api.jamfcloud.com/auth/token"
            )
        return self

    @property
    def is_platform(self) -> bool:
        """Whether the server is read by the Jamf Platform API."""
        return bool(self.environment_id or self.tenant_id)

    def sign_in(self) -> ClientSecret:
        """Raises SourceRefused where the secret is missing."""
        token_url = self.token_url or f"{self.base_url.rstrip('/')}/oauth/token"
        return ClientSecret(token_url, self.client_id, self.secret("client_secret"))

    def headers(self) -> Mapping[str, str]:
        """The headers that say which environment or tenant a request is for."""
        chosen = {"X-Environment-Id": self.environment_id, "X-Tenant-Id": self.tenant_id}
        return {name: value for name, value in chosen.items() if value}
