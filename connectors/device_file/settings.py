"""The `[[source]]` table of lists of devices."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field

from fleetsync.core.model import Condition, Ownership, Platform, Purpose
from fleetsync.pull.contract import Duration, SourceSettings
from fleetsync.pull.files import FileFormat


class Settings(SourceSettings, FileFormat):
    """Its `[[source]]` table."""

    path: Path
    """A file, a folder, or a pattern such as `/srv/lists/datorer_*.xlsx`; several lists may match."""
    expected_every: Duration | None = timedelta(days=35)
    grace_pulls: Annotated[int, Field(ge=0)] = 1
    domain: str = ""
    """The Windows domain of holders that are written without one."""
    statuses: dict[str, Condition | Purpose] = Field(default_factory=dict)
    """Words of these lists beside the shipped ones: `{ "Kasserad 2025" = "retired", "Hylla" = "stock" }`."""
    purposes: dict[str, Purpose] = Field(default_factory=dict)
    platforms: dict[str, Platform] = Field(default_factory=dict)
    ownerships: dict[str, Ownership] = Field(default_factory=dict)
