"""Ways of signing in to a source, as plain values. No secret in them can be printed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class NoAuth:
    """The source needs no sign-in."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token that a person created and configured; it is never renewed."""

    token: SecretStr


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key in a header of the source's own, such as `X-API-Key`."""

    header: str
    value: SecretStr


@dataclass(frozen=True, slots=True)
class Basic:
    """HTTP Basic."""

    user: str
    password: SecretStr


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """OAuth 2 client credentials with a secret. *style*: the secret in the form body, or as HTTP Basic.

    *extra*: further form fields that the token endpoint wants (`audience`, `resource`).
    """

    token_url: str
    client_id: str
    secret: SecretStr
    scope: str = ""
    style: Literal["body", "basic"] = "body"
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """OAuth 2 client credentials with a certificate, as Entra wants it (RFC 7523, `x5t#S256` or `x5t`)."""

    token_url: str
    client_id: str
    certificate_pem: str
    key_pem: SecretStr
    key_password: SecretStr | None = None
    scope: str = ""
    alg: Literal["PS256", "RS256"] = "PS256"


@dataclass(frozen=True, slots=True)
class SignedAssertion:
    """OAuth 2 client credentials with an ES256 assertion, as Apple wants it. *audience* is not the token address."""

    token_url: str
    client_id: str
    key_pem: SecretStr
    key_id: str
    audience: str
    scope: str = ""


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A Google service account (JWT bearer grant, RS256). *subject*: the administrator it acts for.

    *audience*: what the signed request names as its receiver; Google's own address even where *token_url* is another.
    """

    token_url: str
    email: str
    key_pem: SecretStr
    subject: str
    scopes: tuple[str, ...]
    key_id: str = ""
    audience: str = "https://oauth2.googleapis.com/token"


@dataclass(frozen=True, slots=True)
class MutualTls:
    """A client certificate on the connection itself, to the source and to its token endpoint. *inner_auth*: the sign-in on top.

    The TLS library reads them from files; the key must not be encrypted.
    """

    certificate_file: Path
    key_file: Path
    inner_auth: "Auth" = field(default_factory=NoAuth)


Auth: TypeAlias = (
    NoAuth | Bearer | ApiKey | Basic | ClientSecret | ClientCertificate | SignedAssertion | ServiceAccount | MutualTls
)
