"""What the store refuses a person, as a refusal of their decision in both languages."""

from fleetsync.core.model import Text
from fleetsync.expose.ports import DecisionError
from fleetsync.store.errors import (
    DatabaseLocked,
    DiskFull,
    LeaseLost,
    PartBusy,
    PullNotHeld,
    StoreError,
    StoreUnavailable,
)

# The first that fits counts, so a special error comes before the one that it is a case of.
SWEDISH_TEXTS: tuple[tuple[type[StoreError], str], ...] = (
    (PullNotHeld, "Hämtningen väntar inte på ett beslut längre. Se den nyaste hämtningen."),
    (PartBusy, "Delen hämtas eller beslutas just nu. Försök igen om en stund."),
    (DiskFull, "Disken är full, så inget sparades. Teknikern behöver frigöra plats."),
    (DatabaseLocked, "Ett annat program håller databasen låst, så inget sparades. Försök igen om en stund."),
    (LeaseLost, "En annan fleetsync har tagit över, så inget sparades. Försök igen om en stund."),
    (StoreUnavailable, "Databasen går inte att läsa eller skriva just nu, så inget sparades. Försök igen om en stund."),
)


def decision_error(error: StoreError, refused: str) -> DecisionError:
    """*error* for the person who decided. *refused*: in Swedish, what an error means that is none of `SWEDISH_TEXTS`."""
    swedish = next((text for kind, text in SWEDISH_TEXTS if isinstance(error, kind)), refused)
    return DecisionError(Text(swedish, str(error)))
