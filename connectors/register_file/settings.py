"""The `[[source]]` table of a register's lists."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field

from fleetsync.pull.contract import Duration, SourceSettings
from fleetsync.pull.files import PersonFileFormat


class Settings(SourceSettings, PersonFileFormat):
    """Its `[[source]]` table."""

    path: Path
    """A file, a folder, or a pattern such as `/srv/elever/*.csv`; several lists may match, each of its own units."""
    expected_every: Duration | None = timedelta(days=35)
    grace_pulls: Annotated[int, Field(ge=0)] = 1
    school_form: str | None = None
    """The school form of lists without a column for it, such as `"GR"` or `"FS"`."""
    school_forms: dict[str, str] = Field(default_factory=dict)
    """Words of these lists beside the shipped ones: `{ FSK = "FS" }`."""
    list_units: dict[str, str] = Field(default_factory=dict)
    """The unit of lists without a column for it, by patterns over their names without day and ending:
    `{ "klasslista_vreta*" = "Vretaskolan" }`."""
    group_types: tuple[str, ...] = ("Klass", "Avdelning")
    """Where a list says of what type a group is: the types that are read; empty: all, teaching groups too."""
    statuses: dict[str, bool] = Field(default_factory=dict)
    """Words for the state of a placement beside the shipped ones, and whether the person goes there:
    `{ "Vilande" = true, "Tackat nej" = false }`."""
