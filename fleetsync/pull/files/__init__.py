"""One reader for all files: a connector says which columns it looks for, and gets rows.

    for file in connect.files(settings.path, COLUMNS, form=settings):
        yield from file.pages(_parse_row)

Encoding, delimiter, headers, workbooks, files still being written, and what a spreadsheet destroyed are dealt with here,
the same for every connector. Nothing is guessed: what cannot be read by rule is refused, and the message names the
setting that corrects it. No message holds the value of a cell. What a value means is decided in `pull.decoding`.
"""

from fleetsync.pull.files.appearances import (
    ADDRESSES,
    CIVIC_NUMBERS,
    DAYS,
    DEVICE_IDS,
    FORMS,
    MARKS,
    NUMBERS,
    SERIALS,
    TRUTHS,
    appearance_of_words,
)
from fleetsync.pull.files.broken_file import BrokenFile
from fleetsync.pull.files.discovery import FileSelection, StableFiles, day_in_name
from fleetsync.pull.files.facts import RowFacts
from fleetsync.pull.files.file_format import FileFormat
from fleetsync.pull.files.header_words import HEADER_WORDS
from fleetsync.pull.files.headers import FileColumn
from fleetsync.pull.files.layouts import EXPORT_OF, Appearance, ExportLayout, LayoutColumn
from fleetsync.pull.files.opened_file import OpenedFile, fingerprint_of
from fleetsync.pull.files.row_persons import (
    LOGIN_FIELDS,
    PersonFileFormat,
    PersonIdColumn,
    PersonKeys,
    RowPerson,
    RowPersonReader,
)
from fleetsync.pull.files.rows import MisfitRow, RejectedRow, TableRow
from fleetsync.pull.files.suspicion import (
    Suspicion,
    look_like_days,
    look_like_employment_forms,
    look_like_owners,
    look_like_states,
)
from fleetsync.pull.files.values import Cell, cell_text
from fleetsync.pull.files.whole_file import pages_of_records, single_list

__all__ = [
    "ADDRESSES",
    "CIVIC_NUMBERS",
    "DAYS",
    "DEVICE_IDS",
    "EXPORT_OF",
    "FORMS",
    "HEADER_WORDS",
    "LOGIN_FIELDS",
    "MARKS",
    "NUMBERS",
    "SERIALS",
    "TRUTHS",
    "Appearance",
    "BrokenFile",
    "Cell",
    "ExportLayout",
    "FileColumn",
    "FileFormat",
    "FileSelection",
    "LayoutColumn",
    "MisfitRow",
    "OpenedFile",
    "PersonFileFormat",
    "PersonIdColumn",
    "PersonKeys",
    "RejectedRow",
    "RowFacts",
    "RowPerson",
    "RowPersonReader",
    "StableFiles",
    "Suspicion",
    "TableRow",
    "appearance_of_words",
    "cell_text",
    "day_in_name",
    "fingerprint_of",
    "look_like_days",
    "look_like_employment_forms",
    "look_like_owners",
    "look_like_states",
    "pages_of_records",
    "single_list",
]
