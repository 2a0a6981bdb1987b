"""One reader for all files: a connector says which columns it looks for, and gets rows.

    for file in connect.files(settings.path, COLUMNS, form=settings):
        yield from file.pages(_parse_row)

Encoding, delimiter, headers, workbooks, files still being written, and what a spreadsheet destroyed are dealt with here,
the same for every connector. Nothing is guessed: what cannot be read by rule is refused, and the message names the
setting that corrects it. No message holds the value of a cell. What a value means is decided in `pull.decoding`.
"""

from fleetsync.pull.files.discovery import FileSelection, StableFiles, day_in_name
from fleetsync.pull.files.file_format import FileFormat
from fleetsync.pull.files.headers import HEADER_WORDS, FileColumn
from fleetsync.pull.files.opened_file import OpenedFile, RejectedRow, TableRow, fingerprint_of

__all__ = [
    "HEADER_WORDS",
    "FileColumn",
    "FileFormat",
    "FileSelection",
    "OpenedFile",
    "RejectedRow",
    "StableFiles",
    "TableRow",
    "day_in_name",
    "fingerprint_of",
]
