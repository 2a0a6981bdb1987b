"""Sign-in: every kind of `contract.Auth` as a session of requests. OAuth is done by Authlib.

What Authlib leaves to its users is done here: `client_id` beside an assertion; keys as key objects (a PEM string is
always read as RSA); Apple's fixed audience; one renewal at a time; a new token when an unexpired one is refused; a fresh
id per assertion; and a margin in proportion to the token's lifetime, which may be one minute at Jamf.
"""

import base64
import threading
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote_plus, urlencode

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import AssertionSession, OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT, private_key_jwt_sign
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509 import load_pem_x509_certificate
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from pydantic import SecretStr
from requests.auth import AuthBase, HTTPBasicAuth

from fleetsync.pull.contract import (
    ApiKey,
    Auth,
    Basic,
    Bearer,
    ClientCertificate,
    ClientSecret,
    MutualTls,
    NoAuth,
    ServiceAccount,
    SignedAssertion,
    SourceRefused,
)
from fleetsync.pull.http.address import Origin, configured_origin
from fleetsync.pull.http.error_responses import token_response_error
from fleetsync.pull.http.exchange import BoundedSession

_ASSERTION_SECONDS = 600
_MARGIN_SECONDS = 60.0
_MARGIN_SHARE = 0.2

PrivateKey = TypeVar("PrivateKey", RSAKey, ECKey)


@dataclass(slots=True)
class CachedToken:
    """The last token of one credential, kept between pulls because token endpoints limit the rate too. In memory only."""

    token: dict[str, Any] | None = field(default=None, repr=False)


class _StaticHeaderAuth(AuthBase):
    """A header that never changes."""

    def __init__(self, name: str, value: SecretStr, prefix: str = "") -> None:
        self._name, self._value, self._prefix = name, value, prefix

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers[self._name] = self._prefix + self._value.get_secret_value()
        return request


class TokenSession(BoundedSession, ABC):
    """A session whose token is fetched before the first request, before it expires, and when it is refused."""

    token: Any
    leeway: float
    source: str
    token_origin: Origin
    secrets: frozenset[str]
    cached_token: CachedToken
    _lock: threading.Lock

    def prepare_tokens(
        self, source: str, token_origin: Origin, secrets: frozenset[str], cached_token: CachedToken
    ) -> None:
        """Starts with the token of an earlier pull, if there is one."""
        self.source, self.token_origin, self.secrets, self.cached_token = source, token_origin, secrets, cached_token
        self._lock = threading.Lock()
        if cached_token.token is not None:
            self._store_token(cached_token.token)

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **options: Any) -> requests.Response:
        # The request for a token passes here too, with its own credentials; locking it would be a deadlock.
        if not options.get("withhold_token") and options.get("auth") is None:
            with self._lock:
                if not self.token or self.token.is_expired(self.leeway):
                    self._get_new_token()
        return super().request(method, url, *args, **options)

    def renew(self, refused: str) -> None:
        """Get a new token instead of *refused*, unless another thread has already."""
        with self._lock:
            if self.token["access_token"] == refused:
                self._get_new_token()

    def parse_response_token(self, response: requests.Response) -> Any:
        """Called by the library with the answer of the token endpoint."""
        if (problem := token_response_error(response, self.source, self.token_origin, self.secrets)) is not None:
            raise problem
        return self._store_token(response.json())

    def _store_token(self, token: Mapping[str, Any]) -> Any:
        self.token = dict(token)
        self.cached_token.token = dict(self.token)
        lifetime = token.get("expires_in")
        usable = str(lifetime).isdecimal()
        self.leeway = min(_MARGIN_SECONDS, _MARGIN_SHARE * int(str(lifetime))) if usable else _MARGIN_SECONDS
        return self.token

    def _get_new_token(self) -> None:
        try:
            self.ask_for_token()
        except (OAuthError, JoseError, ValueError) as error:
            raise SourceRefused(
                f"{self.source}: {self.token_origin} gave a token that cannot be understood ({type(error).__name__}). Check "
                "the token address"
            ) from None

    @abstractmethod
    def ask_for_token(self) -> None:
        """Requests a token through the library."""


class ClientCredentialsSession(TokenSession, OAuth2Session, BoundedSession):  # type: ignore[misc]  # the library has no types
    """OAuth 2 client credentials, proven by a secret or by a signed assertion."""

    def __init__(self, url: str, client_id: str, proof: Any, method: Any, scope: str, extra: Mapping[str, str]) -> None:
        self._extra = dict(extra)
        OAuth2Session.__init__(
            self,
            client_id,
            proof,
            token_endpoint_auth_method=method,
            token_endpoint=url,
            grant_type="client_credentials",
            scope=scope or None,
        )

    def ask_for_token(self) -> None:
        self.fetch_token(**self._extra)


class ServiceAccountSession(TokenSession, AssertionSession, BoundedSession):  # type: ignore[misc]  # the library has no types
    """A Google service account that acts for an administrator."""

    def __init__(self, auth: ServiceAccount, key: RSAKey) -> None:
        self._scope = " ".join(auth.scopes)
        AssertionSession.__init__(
            self,
            auth.token_url,
            auth.email,
            auth.subject,
            audience=auth.audience,
            key=key,
            header={"alg": "RS256", "typ": "JWT"} | ({"kid": auth.key_id} if auth.key_id else {}),
        )

    def ask_for_token(self) -> None:
        # A new dict each time: the library writes the assertion's id into it, and would send the same id again.
        self.claims = {"scope": self._scope}
        self.refresh_token()


class ClientAssertion(PrivateKeyJWT):  # type: ignore[misc]  # the library has no types
    """A signed assertion with `client_id` beside it and a short lifetime, as Entra and Apple require."""

    def sign(self, auth: Any, token_endpoint: str) -> Any:
        return private_key_jwt_sign(
            auth.client_secret,
            client_id=auth.client_id,
            token_endpoint=token_endpoint,
            header=dict(self.headers),
            alg=self.alg,
            expires_in=_ASSERTION_SECONDS,
        )

    def __call__(self, auth: Any, method: str, uri: str, headers: Any, body: str) -> Any:
        uri, headers, body = super().__call__(auth, method, uri, headers, body)
        return uri, headers, f"{body}&{urlencode({'client_id': auth.client_id})}"


def _encoded_basic(auth: Any, method: str, uri: str, headers: Any, body: str) -> Any:
    """Client id and secret as HTTP Basic, each form-encoded before (RFC 6749 §2.3.1): real secrets hold + / % and colons."""
    pair = f"{quote_plus(auth.client_id)}:{quote_plus(auth.client_secret)}"
    headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return uri, headers, body


def secrets_of(auth: Auth) -> frozenset[str]:
    """The secrets of *auth*, which must never be shown."""
    if isinstance(auth, MutualTls):
        return secrets_of(auth.inner_auth)
    values = (getattr(auth, name) for name in getattr(auth, "__slots__", ()))
    secrets = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
    return frozenset(secrets) | {quote_plus(secret) for secret in secrets}


def authenticated_session(source: str, auth: Auth, cached_token: CachedToken) -> BoundedSession:
    """A session that signs in by *auth*; not yet configured. Raises SourceRefused for an unusable key or address."""
    match auth:
        case MutualTls():
            return authenticated_session(source, auth.inner_auth, cached_token)
        case ClientSecret():
            return _token_session(_client_secret(auth), source, auth, cached_token)
        case ClientCertificate():
            return _token_session(_client_certificate(source, auth), source, auth, cached_token)
        case SignedAssertion():
            return _token_session(_signed_assertion(source, auth), source, auth, cached_token)
        case ServiceAccount():
            key = _load_private_key(RSAKey, source, "an RSA key", auth.key_pem)
            return _token_session(ServiceAccountSession(auth, key), source, auth, cached_token)
        case _:
            return _static_session(source, auth)


def _static_session(source: str, auth: NoAuth | Bearer | ApiKey | Basic) -> BoundedSession:
    session = BoundedSession()
    match auth:
        case Bearer():
            session.auth = _StaticHeaderAuth("Authorization", _checked_header_value(source, auth.token), "Bearer ")
        case ApiKey():
            session.auth = _StaticHeaderAuth(auth.header, _checked_header_value(source, auth.value))
        case Basic():
            _check_basic_user(source, auth.user)
            session.auth = HTTPBasicAuth(auth.user.encode(), auth.password.get_secret_value().encode())
    return session


def _checked_header_value(source: str, secret: SecretStr) -> SecretStr:
    """Checks a secret for a header. The library would quote a header that it cannot send in its error message."""
    value = secret.get_secret_value()
    if not value:
        raise SourceRefused(f"{source}: the key or token is empty. Paste it, then run: fleetsync check {source}")
    for place, letter in enumerate(value, start=1):
        if not (letter.isascii() and letter.isprintable()):
            raise SourceRefused(
                f"{source}: the key or token cannot be sent: its character {place} of {len(value)} is {_name_of(letter)}, which no "
                f"header can carry. Paste it once more, then run: fleetsync check {source}"
            )
    return secret


def _name_of(letter: str) -> str:
    """What a character is, where it can be part of no key. Never says which ASCII letter it is."""
    if letter in "\r\n":
        return "a line break"
    return f"{unicodedata.name(letter, 'a control character').lower()} (U+{ord(letter):04X})"


def _check_basic_user(source: str, user: str) -> None:
    if ":" in user:
        raise SourceRefused(
            f"{source}: the user name holds a colon, which HTTP Basic cannot send. Use an account without one, then run: "
            f"fleetsync check {source}"
        )


def _client_secret(auth: ClientSecret) -> TokenSession:
    method = "client_secret_post" if auth.style == "body" else _encoded_basic
    secret = auth.secret.get_secret_value()
    return ClientCredentialsSession(auth.token_url, auth.client_id, secret, method, auth.scope, auth.extra)


def _client_certificate(source: str, auth: ClientCertificate) -> TokenSession:
    password = auth.key_password.get_secret_value() if auth.key_password else None
    key = _load_private_key(RSAKey, source, "an RSA key", auth.key_pem, password)
    assertion = ClientAssertion(alg=auth.alg, headers={"typ": "JWT"} | _thumbprint(source, auth))
    return ClientCredentialsSession(auth.token_url, auth.client_id, key, assertion, auth.scope, {})


def _signed_assertion(source: str, auth: SignedAssertion) -> TokenSession:
    key = _load_private_key(ECKey, source, "an EC key (P-256)", auth.key_pem)
    assertion = ClientAssertion(auth.audience, alg="ES256", headers={"typ": "JWT", "kid": auth.key_id})
    return ClientCredentialsSession(auth.token_url, auth.client_id, key, assertion, auth.scope, {})


def _token_session(
    session: TokenSession,
    source: str,
    auth: ClientSecret | ClientCertificate | SignedAssertion | ServiceAccount,
    cached_token: CachedToken,
) -> BoundedSession:
    session.prepare_tokens(
        source, configured_origin(source, "token address", auth.token_url), secrets_of(auth), cached_token
    )
    return session


def _load_private_key(
    kind: type[PrivateKey], source: str, name: str, pem: SecretStr, password: str | None = None
) -> PrivateKey:
    try:
        key = kind.import_key(pem.get_secret_value(), password=password)
    except (JoseError, ValueError, TypeError):
        key = None
    if key is None or not key.is_private:
        raise SourceRefused(
            f"{source}: the private key is not {name} in PEM form, or its password is wrong. Use the file as it was "
            "made, with its BEGIN and END lines"
        )
    return key


def _thumbprint(source: str, auth: ClientCertificate) -> dict[str, str]:
    try:
        certificate = load_pem_x509_certificate(auth.certificate_pem.encode())
    except ValueError:
        raise SourceRefused(
            f"{source}: the certificate is not in PEM form. Use the file with its BEGIN CERTIFICATE and END CERTIFICATE "
            "lines"
        ) from None
    # PS256 goes with x5t#S256; the older RS256 with x5t, which is SHA-1 by its definition and signs nothing.
    name, algorithm = ("x5t#S256", SHA256()) if auth.alg == "PS256" else ("x5t", SHA1())  # noqa: S303
    return {name: base64.urlsafe_b64encode(certificate.fingerprint(algorithm)).rstrip(b"=").decode()}
