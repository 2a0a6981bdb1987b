"""The `[[source]]` table of a staff file."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field

from fleetsync.core.model import EmploymentForm
from fleetsync.pull.contract import Duration, SourceSettings
from fleetsync.pull.files import PersonFileFormat


class Settings(SourceSettings, PersonFileFormat):
    """Its `[[source]]` table."""

    path: Path
    """A file, a folder, or a pattern such as `/srv/hr/personal_*.csv`."""
    expected_every: Duration | None = timedelta(days=35)
    grace_pulls: Annotated[int, Field(ge=0)] = 1
    counts: tuple[str, ...] = ("staff",)
    departments: tuple[str, ...] = ()
    """Patterns over codes and names of units; none: all rows are kept."""
    employment_forms: dict[str, EmploymentForm] = Field(default_factory=dict)
    """Words of this file beside the shipped ones: `{ "Månadslön vik" = "fixed" }`."""
