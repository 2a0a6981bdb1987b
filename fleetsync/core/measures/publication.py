"""What is promised about a published metric: how stable it is, since which release, and whether it will go."""

from enum import StrEnum

import msgspec


class Stability(StrEnum):
    """How a metric may change. Both kinds are documented and tested alike."""

    STABLE = "stable"  # keeps its name, labels and meaning, until it was published as deprecated for a release
    EXPERIMENTAL = "experimental"  # new: may change in any release, and the changelog says so


class Publication(msgspec.Struct, frozen=True):
    """Since when a metric is published, how stable it is, and the release from which on it is deprecated (None: it is not).

    Releases are written "1.2". A deprecated metric is published, beside what replaces it, for at least one release.
    """

    since: str
    stability: Stability = Stability.STABLE
    deprecated_in: str | None = None


FIRST_PUBLISHED = Publication("0.1")
FIRST_TRIED = Publication("0.1", Stability.EXPERIMENTAL)
