"""Which kind of source a file on the command line is, with the reason as a message where that cannot be said."""

from pathlib import Path

from fleetsync.cli.errors import EXIT_UNUSABLE, CommandError
from fleetsync.cli.progress import showing
from fleetsync.daemon import file_kinds


def kind_of_file(file: Path) -> str:
    """The kind of *file*, by its headers. Raises CommandError."""
    try:
        with showing(lambda: [f"looking at what {file.name} is"]):
            return file_kinds.kind_of_file(file)
    except file_kinds.UnrecognisedFileError as error:
        raise CommandError(str(error), EXIT_UNUSABLE) from None
