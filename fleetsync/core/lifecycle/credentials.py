"""What stops working when a credential runs out, and when that is near. Pure.

Two steps: from thirty days before the end there is time to order a new one, from seven days on it is urgent.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from fleetsync.core.model import Credential, CredentialUse, Text

NOTICE = timedelta(days=30)
URGENT_NOTICE = timedelta(days=7)

CONSEQUENCES: Mapping[CredentialUse, Text] = {
    CredentialUse.SIGN_IN: Text("kan källan inte läsas längre", "this source is no longer read"),
    CredentialUse.APPLE_PUSH: Text(
        "når MDM inga iPads och Mac-datorer, och var och en måste skrivas in på nytt",
        "the MDM reaches no iPad and no Mac, and every one must be enrolled anew",
    ),
    CredentialUse.APPLE_ENROLMENT: Text(
        "skrivs nya iPads och Mac-datorer inte längre in", "new iPads and Macs no longer enrol"
    ),
    CredentialUse.APPLE_APPS: Text(
        "installeras och uppdateras appar inte längre", "apps are no longer installed or updated"
    ),
    CredentialUse.OTHER: Text("slutar det som använder den att fungera", "what uses it stops working"),
}
"""What happens from the day of expiry on, to follow "then": by what a credential is for."""


class ExpiryStep(StrEnum):
    """How near the end of a credential is."""

    DISTANT = "distant"
    EXPIRING = "expiring"
    URGENT = "urgent"  # has run out, too


def expiry_step(credential: Credential, at: datetime) -> ExpiryStep:
    """How near the end of *credential* is at the instant *at*."""
    remaining = credential.expires_at - at
    if remaining <= URGENT_NOTICE:
        return ExpiryStep.URGENT
    return ExpiryStep.EXPIRING if remaining <= NOTICE else ExpiryStep.DISTANT


def in_step(credentials: Iterable[Credential], step: ExpiryStep, at: datetime) -> list[Credential]:
    """Those of *credentials* whose end is as near as *step* says, the first to run out first."""
    near = [credential for credential in credentials if expiry_step(credential, at) is step]
    return sorted(near, key=lambda credential: (credential.expires_at, credential.name))
