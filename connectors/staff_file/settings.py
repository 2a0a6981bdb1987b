"""The `[[source]]` table of a staff file."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field

from fleetsync.core.model import EmploymentForm
from fleetsync.pull.contract import Duration, SourceSettings
from fleetsync.pull.files import FileFormat, PersonIdColumn


class Settings(SourceSettings, FileFormat):
    """Its `[[source]]` table."""

    path: Path
    """A file, a folder, or a pattern such as `/srv/hr/personal_*.csv`."""
    expected_every: Duration | None = timedelta(days=35)
    grace_pulls: Annotated[int, Field(ge=0)] = 1
    counts: tuple[str, ...] = ("staff",)
    person_is: PersonIdColumn | None = None
    """The column that identifies a person; None: the first that the file has of number, civic number and log-in. Set it
    where a person has a number per employment."""
    read_civic_number: bool = False
    """Make a token of the civic number too, for `[identity] match_on_civic_number`."""
    domain: str = ""
    """The Windows domain of log-ins that are written without one."""
    mail_domains: tuple[str, ...] = ()
    """If any: addresses of other domains are private mail and are not kept."""
    departments: tuple[str, ...] = ()
    """Patterns over codes and names of units; none: all rows are kept."""
    employment_forms: dict[str, EmploymentForm] = Field(default_factory=dict)
    """Words of this file beside the shipped ones: `{ "Månadslön vik" = "fixed" }`."""
