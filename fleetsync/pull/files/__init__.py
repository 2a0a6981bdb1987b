"""One reader for all files: a connector says which columns it looks for, and gets rows.

    for file in connect.files(settings.path, COLUMNS, form=settings):
        yield from file.pages(_raw)

Encoding, delimiter, headers, workbooks, Swedish dates and numbers, files still being written, and what a spreadsheet
destroyed are dealt with here, the same for every connector. Nothing is guessed; what cannot be read by rule is refused
with the setting that mends it, and no message holds the value of a cell.
"""

from fleetsync.pull.files.civic_numbers import CivicNumber, civic_number
from fleetsync.pull.files.discovery import FileSelection, StableFiles, day_in_name
from fleetsync.pull.files.file_format import FileFormat
from fleetsync.pull.files.headers import HEADER_WORDS, FileColumn
from fleetsync.pull.files.opened_file import OpenedFile, RejectedRow, TableRow, fingerprint_of
from fleetsync.pull.files.values import DateOrder, parse_boolean, parse_day, parse_number
from fleetsync.pull.files.vocabulary import (
    WITHHELD_TEXT,
    is_protected,
    parse_condition,
    parse_employment_form,
    parse_purpose,
    reportable_word,
)

__all__ = [
    "HEADER_WORDS",
    "WITHHELD_TEXT",
    "CivicNumber",
    "DateOrder",
    "FileColumn",
    "FileFormat",
    "FileSelection",
    "OpenedFile",
    "RejectedRow",
    "StableFiles",
    "TableRow",
    "civic_number",
    "day_in_name",
    "fingerprint_of",
    "is_protected",
    "parse_boolean",
    "parse_condition",
    "parse_day",
    "parse_employment_form",
    "parse_number",
    "parse_purpose",
    "reportable_word",
]
