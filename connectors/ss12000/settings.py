"""The `[[source]]` table of a school register, and how we sign in to it."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from fleetsync.core.model import Key, Scheme
from fleetsync.pull.contract import Auth, Bearer, ClientSecret, MutualTls, NoAuth, SourceSettings


class Identifier(BaseModel):
    """What an identifier of a context is to us. *namespace*: the tenant of an object id, the Windows domain of an
    account; of a number whose it is, by default the source's own.
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
    """The whole address that `/organisations`, `/persons` and the others hang below; its path does not tell a version."""
    auth: Literal["oauth2", "bearer", "mtls", "none"] = "oauth2"
    token_url: str = ""
    client_id: str = ""
    client_secret: SecretStr | None = None
    client_secret_file: Path | None = None
    scope: str = ""
    auth_style: Literal["body", "basic"] = "body"
    token: SecretStr | None = None
    """Of `auth = "bearer"`: a token that a person made."""
    token_file: Path | None = None
    certificate_file: Path | None = None
    """A client certificate, PEM, and its key: what `mtls` is, and what may be shown beside `oauth2` and `bearer`."""
    certificate_key_file: Path | None = None
    page_size: Annotated[int, Field(ge=1)] = 500
    """Asked for; a register may give fewer, and one that knows no pages is asked for none."""
    requests_per_minute: Annotated[float, Field(gt=0)] | None = None
    mail_domains: tuple[str, ...] = ()
    """If any: addresses of other domains are private mail and are not kept. Without a type, none is kept but these."""
    identifiers: dict[str, Identifier] = Field(default_factory=dict)
    """Which `externalIdentifiers` are keys, by context; the others are not kept."""
    school_forms: dict[str, str] = Field(default_factory=dict)
    """What this register means by a school form of its own: `{ FSK = "FKLASS" }`."""
    group_types: tuple[str, ...] = ("Klass", "Avdelning")
    """The types of groups to read; none: all of them, teaching groups too."""
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
        """How we prove who we are. Raises SourceRefused where a secret is missing."""
        proof = self._proof()
        if self.certificate_file is None or self.certificate_key_file is None:
            return proof
        return MutualTls(self.certificate_file, self.certificate_key_file, proof)

    def _proof(self) -> Auth:
        if self.auth == "oauth2":
            secret = self.secret("client_secret")
            return ClientSecret(self.token_url, self.client_id, secret, self.scope, self.auth_style)
        return Bearer(self.secret("token")) if self.auth == "bearer" else NoAuth()
