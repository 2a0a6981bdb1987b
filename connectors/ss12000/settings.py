"""The `[[source]]` table of a school register, and the sign-in that it describes."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from fleetsync.core.model import Key, Scheme
from fleetsync.pull.contract import Auth, Bearer, ClientSecret, MutualTls, NoAuth, SourceSettings


class Identifier(BaseModel):
    """What an identifier of a context means to us.

    *namespace*: of an object id the tenant, of an account the Windows domain, of a number its series; by default the
    source's own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    scheme: Literal["object_id", "number", "account"]
    namespace: str = ""

    @model_validator(mode="after")
    def _is_of_somebody(self) -> "Identifier":
        if self.scheme != "number" and not self.namespace:
            raise ValueError(f'scheme = "{self.scheme}" needs a namespace: the tenant, or the Windows domain')
        return self

    def key(self, value: str, number_namespace: str) -> Key:
        """*value* as a key."""
        return Key(Scheme(self.scheme), self.namespace or number_namespace, value)


class Settings(SourceSettings):
    """Its `[[source]]` table."""

    base_url: Annotated[str, Field(pattern=r"^https?://")]
    """The whole address above `/organisations`, `/persons` and the others; its path does not show the version."""
    auth: Literal["oauth2", "bearer", "mtls", "none"] = "oauth2"
    token_url: str = ""
    client_id: str = ""
    client_secret: SecretStr | None = None
    client_secret_file: Path | None = None
    scope: str = ""
    auth_style: Literal["body", "basic"] = "body"
    token: SecretStr | None = None
    """For `auth = "bearer"`: a token that a person created."""
    token_file: Path | None = None
    certificate_file: Path | None = None
    """A client certificate, PEM, and its key: needed for `mtls`, allowed beside `oauth2` and `bearer`."""
    certificate_key_file: Path | None = None
    page_size: Annotated[int, Field(ge=1)] = 500
    """Requested; a register may give fewer, and none is requested where pages are not supported."""
    requests_per_minute: Annotated[float, Field(gt=0)] | None = None
    mail_domains: tuple[str, ...] = ()
    """If set, addresses of other domains are private mail and are not kept. An address without a type is kept only with it."""
    identifiers: dict[str, Identifier] = Field(default_factory=dict)
    """Which `externalIdentifiers` are keys, by context; the others are not kept."""
    school_forms: dict[str, str] = Field(default_factory=dict)
    """What this register means by a school form of its own: `{ FSK = "FKLASS" }`."""
    group_types: tuple[str, ...] = ("Klass", "Avdelning")
    """The types of groups to read; empty: all of them, teaching groups too."""
    read_civic_number: bool = False
    """Make a token of the civic number of staff, for `[identity] match_on_civic_number`."""

    @model_validator(mode="after")
    def _is_complete(self) -> "Settings":
        wanted = {"oauth2": ("token_url", "client_id"), "mtls": ("certificate_file",)}.get(self.auth, ())
        for key in wanted:
            if not getattr(self, key):
                raise ValueError(f'auth = "{self.auth}" needs {key}')
        if (self.certificate_file is None) != (self.certificate_key_file is None):
            raise ValueError("certificate_file and certificate_key_file belong together")
        return self

    def sign_in(self) -> Auth:
        """The sign-in. Raises SourceRefused where a secret is missing."""
        auth = self._header_auth()
        if self.certificate_file is None or self.certificate_key_file is None:
            return auth
        return MutualTls(self.certificate_file, self.certificate_key_file, auth)

    def _header_auth(self) -> Auth:
        if self.auth == "oauth2":
            secret = self.secret("client_secret")
            return ClientSecret(self.token_url, self.client_id, secret, self.scope, self.auth_style)
        return Bearer(self.secret("token")) if self.auth == "bearer" else NoAuth()
