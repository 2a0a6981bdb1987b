"""The `[[source]]` table of a ledger's export."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field

from fleetsync.pull.contract import Duration, SourceSettings
from fleetsync.pull.files import FileFormat


class Settings(SourceSettings, FileFormat):
    """Its `[[source]]` table."""

    path: Path
    """A file, a folder, or a pattern such as `/srv/ekonomi/inkop_*.csv`; its newest edition counts."""
    expected_every: Duration | None = timedelta(days=35)
    grace_pulls: Annotated[int, Field(ge=0)] = 1
    trust: int = -1
    """Its articles are words of an invoice: where an MDM knows the model, that counts."""
    articles: tuple[str, ...] = ()
    """Patterns of the models or articles that are devices, in any case; none: all lines are."""
    cost_centre_is_unit: bool = False
    """Whether a device belongs to the unit whose cost centre pays for it. False: it was perhaps bought for others."""
