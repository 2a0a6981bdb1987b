"""One reader for all files: a connector says which columns it looks for, and gets rows.

    for file in connect.files(settings.path, COLUMNS, form=settings):
        yield from file.pages(_raw)

Encoding, delimiter, headers, workbooks, Swedish dates and numbers, files still being written, and what a spreadsheet
destroyed are dealt with here, the same for every connector. Nothing is guessed; what cannot be read by rule is refused
with the setting that mends it, and no message holds the value of a cell.
"""

from fleetsync.pull.files.civic import CivicNumber, civic_number
from fleetsync.pull.files.finding import StableFiles, Which, day_in_name
from fleetsync.pull.files.forms import FileForm
from fleetsync.pull.files.headers import HEADER_WORDS, Column
from fleetsync.pull.files.opened import OpenedFile, Rejected, Row, fingerprint_of
from fleetsync.pull.files.values import DateOrder, day_of, number_of, truth_of
from fleetsync.pull.files.words import UNTOLD, condition, employment_form, is_protected, purpose, word_to_tell

__all__ = [
    "HEADER_WORDS",
    "UNTOLD",
    "CivicNumber",
    "Column",
    "DateOrder",
    "FileForm",
    "OpenedFile",
    "Rejected",
    "Row",
    "StableFiles",
    "Which",
    "civic_number",
    "condition",
    "day_in_name",
    "day_of",
    "employment_form",
    "fingerprint_of",
    "is_protected",
    "number_of",
    "purpose",
    "truth_of",
    "word_to_tell",
]
