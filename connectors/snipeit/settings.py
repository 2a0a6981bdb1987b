"""The `[[source]]` table of a Snipe-IT server."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from fleetsync.core.model import Condition, Purpose
from fleetsync.pull.contract import SourceSettings


class Settings(SourceSettings):
    """Its `[[source]]` table."""

    base_url: Annotated[str, Field(pattern=r"^https?://")]
    """The address above /hardware: it ends in /api/v1."""
    token: SecretStr | None = None
    token_file: Path | None = None
    trust: int = -1
    """People keep it by hand: where it differs from an MDM, such as in who has a device, the MDM's word counts."""
    places: Literal["locations", "companies"] = "locations"
    """Which of them are the schools."""
    categories: tuple[str, ...] = ()
    """Patterns of the categories whose assets are devices, in any case; none: all are."""
    statuses: dict[str, Condition | Purpose] = Field(default_factory=dict)
    """Status labels beside the shipped words: `{ "Kasserad 2025" = "retired", "Hylla" = "stock" }`."""
    domain: str = ""
    """The Windows domain of user names written without one; empty: such a name is no key."""
    end_of_life_is_support_end: bool = False
    """Whether the end of life is the end of the maker's support. False: it is a planned life, and not read."""
    requests_per_minute: Annotated[float, Field(gt=0)] = 100
    """A server takes 120 from a user by default; some are left for what delays on the way bring close together."""
