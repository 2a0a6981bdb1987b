"""The sign-in of the stub of Graph: client credentials by a secret or a certificate, and tokens that expire."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha1, sha256
from secrets import compare_digest

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, load_pem_x509_certificate
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from fleetsync.clock import Clock
from fleetsync.demo.graph.errors import sign_in_error
from fleetsync.demo.model import SourceRow
from fleetsync.demo.stub_server import StubReply, StubRequest, json_reply

TENANT = "5e1ec7ed-0000-4000-8000-00000000ex1b".replace("ex", "e0")
CLIENT = "c11e0700-0000-4000-8000-000000000001"
SECRET = "Exempelby-hemlighet-1"
CLOCK_SKEW_SECONDS = 300
MAX_ASSERTION_SECONDS = 600
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class GraphSignIn:
    """Gives tokens to the demo's application, and knows which of them are still good.

    *token_seconds*: how long a token is valid. *certificate_pem*: the application's certificate, if it has one.
    """

    def __init__(self, token_seconds: int, certificate_pem: str | None, clock: Clock) -> None:
        self.token_seconds = token_seconds
        self._certificate = load_pem_x509_certificate(certificate_pem.encode()) if certificate_pem else None
        self._clock = clock
        self._tokens: dict[str, float] = {}
        self._assertions: set[str] = set()

    def answer(self, request: StubRequest, address: str) -> StubReply:
        """The answer of the token endpoint. *address*: of the stub, which the scope and an assertion must name."""
        form = request.form()
        if request.path != f"/{TENANT}/oauth2/v2.0/token":
            return sign_in_error(90002, "invalid_request", "Tenant not found.")
        if form.get("grant_type") != "client_credentials":
            return sign_in_error(70003, "unsupported_grant_type", "The grant type is not supported.")
        if form.get("client_id") != CLIENT:
            return sign_in_error(700016, "unauthorized_client", "The application was not found in the directory.")
        if form.get("scope") != f"{address}/.default":
            return sign_in_error(70011, "invalid_scope", "The scope is not valid.")
        problem = self._credential_problem(form, address)
        if problem is not None:
            return problem
        return json_reply(self._new_token())

    def is_valid(self, request: StubRequest) -> bool:
        """Whether a request has a token that was given and has not expired."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and self._tokens.get(token, 0.0) > self._clock.monotonic()

    def expire_tokens(self) -> None:
        """No token that was given is good any more."""
        self._tokens.clear()

    def _credential_problem(self, form: Mapping[str, str], address: str) -> StubReply | None:
        if "client_assertion" in form:
            if form.get("client_assertion_type") != ASSERTION_TYPE or self._certificate is None:
                return sign_in_error(700027, "invalid_client", "The certificate is not registered.")
            return self._assertion_problem(form["client_assertion"], self._certificate, address)
        if not compare_digest(form.get("client_secret", ""), SECRET):
            return sign_in_error(7000215, "invalid_client", "Invalid client secret provided.")
        return None

    def _assertion_problem(self, assertion: str, certificate: Certificate, address: str) -> StubReply | None:
        key = RSAKey.import_key(certificate.public_bytes(Encoding.PEM))
        try:
            token = jwt.decode(assertion, key, algorithms=["RS256", "PS256"])
        except (JoseError, ValueError):
            return sign_in_error(700027, "invalid_client", "The assertion's signature was not accepted.")
        if not _has_thumbprint(token.header, certificate):
            return sign_in_error(700027, "invalid_client", "The thumbprint names no registered certificate.")
        claims = token.claims
        if claims.get("aud") != f"{address}/{TENANT}/oauth2/v2.0/token":
            return sign_in_error(700023, "invalid_client", "The audience is wrong.")
        if (claims.get("iss"), claims.get("sub")) != (CLIENT, CLIENT):
            return sign_in_error(700021, "invalid_client", "Issuer and subject must be the client.")
        if not self._is_timely(claims):
            return sign_in_error(700024, "invalid_client", "The assertion is not within its valid time range.")
        jti = str(claims.get("jti") or "")
        if not jti or jti in self._assertions:
            return sign_in_error(700025, "invalid_client", "The assertion was used before.")
        self._assertions.add(jti)
        return None

    def _is_timely(self, claims: Mapping[str, object]) -> bool:
        now = self._clock.now().timestamp()
        begins, ends = claims.get("nbf", 0), claims.get("exp", 0)
        if not isinstance(begins, int | float) or not isinstance(ends, int | float):
            return False
        return begins - CLOCK_SKEW_SECONDS <= now < ends + CLOCK_SKEW_SECONDS and ends - begins <= MAX_ASSERTION_SECONDS

    def _new_token(self) -> SourceRow:
        number = len(self._tokens) + len(self._assertions) + round(self._clock.monotonic() * 1e6)
        token = sha256(f"{TENANT}/{number}".encode()).hexdigest()
        self._tokens[token] = self._clock.monotonic() + self.token_seconds
        return {
            "token_type": "Bearer",
            "expires_in": self.token_seconds,
            "ext_expires_in": self.token_seconds,
            "access_token": token,
        }


def _has_thumbprint(header: Mapping[str, object], certificate: Certificate) -> bool:
    der = certificate.public_bytes(Encoding.DER)
    if "x5t#S256" in header:
        return header["x5t#S256"] == _base64(sha256(der).digest())
    return header.get("x5t") == _base64(sha1(der, usedforsecurity=False).digest())


def _base64(digest: bytes) -> str:
    return urlsafe_b64encode(digest).decode().rstrip("=")
