"""When the certificate and the tokens run out that Intune and Apple have between them. Pure."""

from connectors.intune.schema import AppToken, EnrolmentToken, PushCertificate
from fleetsync.pull.contract import Credential, CredentialUse, NormalisedItem
from fleetsync.pull.decoding import UnreadableFacts, clean_text, fold_text, parse_instant, required_text

_ID_CHARACTERS = 8  # tell the tokens of one organisation apart, which have no other name
_USED_ELSEWHERE = "assignedtoexternalmdm"


def push_certificate(raw: PushCertificate) -> tuple[NormalisedItem, ...]:
    """The end of the push certificate: from then on no Apple device is reached, and each has to be enrolled anew."""
    name = "Apple push certificate"
    return _credential(name, CredentialUse.APPLE_PUSH, raw.expiration_date_time, "expirationDateTime")


def enrolment_token(raw: EnrolmentToken) -> tuple[NormalisedItem, ...]:
    """The end of an enrolment token: from then on no device that is bought arrives in Intune. RecordError without an id."""
    name = f"device enrolment token {clean_text(raw.token_name) or required_text(raw.id, 'id')}"
    return _credential(name, CredentialUse.APPLE_ENROLMENT, raw.token_expiration_date_time, "tokenExpirationDateTime")


def app_token(raw: AppToken) -> tuple[NormalisedItem, ...]:
    """The end of a token of apps, unless another MDM uses it: from then on no app is installed or updated.

    RecordError without an id.
    """
    token = required_text(raw.id, "id")[:_ID_CHARACTERS]
    if fold_text(raw.state) == _USED_ELSEWHERE:
        return ()
    name = " ".join(filter(None, ("app token", clean_text(raw.organization_name), token)))
    return _credential(name, CredentialUse.APPLE_APPS, raw.expiration_date_time, "expirationDateTime")


def _credential(name: str, use: CredentialUse, expires: str | None, field: str) -> tuple[NormalisedItem, ...]:
    facts = UnreadableFacts(name)
    expires_at = facts.read(parse_instant, expires, field, "UTC")
    return (*facts,) if expires_at is None else (Credential(name, expires_at, use),)
