"""The `[[source]]` table of the files of School Data Sync."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from fleetsync.pull.contract import Duration, SourceSettings
from fleetsync.pull.decoding import Grade
from fleetsync.pull.files import FileFormat


class Settings(SourceSettings, FileFormat):
    """Its `[[source]]` table."""

    path: Path
    """The folder of one set of files."""
    expected_every: Duration | None = timedelta(days=2)
    domain: str = ""
    """The Windows domain of user names written without one; empty: such a name is no key."""
    mail_domains: tuple[str, ...] = ()
    """If any: addresses of other domains are private mail and are not kept."""
    grades: dict[str, Grade] = Field(default_factory=dict)
    """What this export means by a grade, before the shipped meanings."""
    organisation_forms: dict[str, str] = Field(default_factory=dict)
    """The school form of organisations, by their `sourcedId`; it comes before that of the grade."""
    class_titles: tuple[str, ...] = ()
    """Patterns of the titles of classes that pupils belong to, such as `"?[A-F]"`; none: all classes are read, teaching
    groups too."""
