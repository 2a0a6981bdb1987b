"""The `[[source]]` table of a OneRoster server, and the sign-in that it describes."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from fleetsync.core.model import Key, Scheme
from fleetsync.pull.contract import ClientSecret, SourceSettings
from fleetsync.pull.decoding import Grade

_SCOPES = "https://purl.imsglobal.org/spec/or"


class UserIdType(BaseModel):
    """What a user id of a type means to us.

    *namespace*: of an object id the tenant, of an account the Windows domain, of a number its series; by default the
    source's own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    scheme: Literal["object_id", "number", "account"]
    namespace: str = ""

    @model_validator(mode="after")
    def _has_namespace(self) -> "UserIdType":
        if self.scheme != "number" and not self.namespace:
            raise ValueError(f'scheme = "{self.scheme}" needs a namespace: the tenant, or the Windows domain')
        return self

    def key(self, value: str, number_namespace: str) -> Key:
        """*value* as a key."""
        return Key(Scheme(self.scheme), self.namespace or number_namespace, value)


class Settings(SourceSettings):
    """Its `[[source]]` table."""

    base_url: Annotated[str, Field(pattern=r"^https?://")]
    """The whole address above `/orgs`, `/users` and the others; its path shows the version."""
    token_url: Annotated[str, Field(min_length=1)]
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: SecretStr | None = None
    client_secret_file: Path | None = None
    scope: str = ""
    """Empty: the narrowest scope of the version."""
    auth_style: Literal["basic", "body"] = "basic"
    page_size: Annotated[int, Field(ge=1)] = 500
    """Asked for; a server may give fewer."""
    requests_per_minute: Annotated[float, Field(gt=0)] | None = None
    end_dates: Literal["exclusive", "inclusive"] = "exclusive"
    """Whether an end is the day after the last one, as the standard has it, or the last day itself."""
    mail_domains: tuple[str, ...] = ()
    """If set, addresses of other domains are private mail and are not kept."""
    domain: str = ""
    """The Windows domain of user names written without one; empty: such a name is no key."""
    user_ids: dict[str, UserIdType] = Field(default_factory=dict)
    """Which `userIds` are keys, by their type; the others are not kept."""
    grades: dict[str, Grade] = Field(default_factory=dict)
    """What this register means by a grade, before the shipped meanings."""
    organisation_forms: dict[str, str] = Field(default_factory=dict)
    """The school form of organisations, by their `sourcedId`; it comes before that of the grade."""
    class_types: tuple[str, ...] = ("homeroom",)
    """The types of classes to read; empty: all of them."""

    def sign_in(self) -> ClientSecret:
        """Raises SourceRefused where the secret is missing."""
        version, right = ("v1p1", "roster.readonly") if "v1p1" in self.base_url else ("v1p2", "roster-core.readonly")
        scope = self.scope or f"{_SCOPES}/{version}/scope/{right}"
        return ClientSecret(self.token_url, self.client_id, self.secret("client_secret"), scope, self.auth_style)
