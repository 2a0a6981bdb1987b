"""Reads text files and workbooks into the same form: numbered lines of cells, whose texts are clean (`decoding.text.clean`).

Row numbers are those that a spreadsheet shows. Limits on rows and on the unpacked size of a workbook are checked before
anything is parsed. In the old XLS format a cell that shows an error looks like a blank one; in XLSX it can be recognised.
"""

import csv
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from itertools import islice
from typing import Final, Protocol, TypeAlias, cast

import python_calamine

from fleetsync.pull.contract import SourceRefused, SourceUnavailable
from fleetsync.pull.decoding.text import clean, needs_only_stripping
from fleetsync.pull.files.encoding import decode
from fleetsync.pull.files.file_format import FileFormat
from fleetsync.pull.files.headers import MAX_HEADER_SEARCH_LINES
from fleetsync.pull.files.values import ERROR, UNCOMPUTED, Cell, ErrorCell, may_hold_damage
from fleetsync.pull.files.workbook_xml import (
    UnreadableCells,
    counts_from_1904,
    unreadable_cells,
    without_blank_cells,
)
from fleetsync.pull.files.xml_records import is_xml_of_records, open_xml_records

NumberedCells: TypeAlias = tuple[int, Sequence[Cell]]
HeaderScore: TypeAlias = Callable[[Sequence[Cell]], tuple[int, int]]

DELIMITERS: Final = (";", "\t", ",", "|")
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Real workbooks unpack to at most about twenty times their size.
_MAX_UNPACK_RATIO = 32
# What the archive module raises for a damaged archive: unknown versions and methods are RuntimeErrors, names that are
# no UTF-8 ValueErrors.
_ARCHIVE_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    RuntimeError,
    ValueError,
    OverflowError,
    EOFError,
    OSError,
)


class CellTable(Protocol):
    """An opened file. *encoding*: how it was decoded; *lacks_final_newline*: its last line may be cut; *is_1904*: how a
    workbook counts days; *left_sheets*: sheets of a workbook that look like tables too and are not read; *merged_rows*: cells
    of a workbook that are merged over several lines: the first line, the last one, and the columns from 0.
    """

    @property
    def encoding(self) -> str: ...
    @property
    def lacks_final_newline(self) -> bool: ...
    @property
    def is_1904(self) -> bool: ...
    @property
    def left_sheets(self) -> tuple[str, ...]: ...
    @property
    def merged_rows(self) -> Iterable[tuple[int, int, range]]: ...
    def lines(self) -> Iterator[NumberedCells]: ...
    def may_be_damaged(self, cells: Sequence[Cell]) -> bool:
        """Whether a spreadsheet may have damaged a cell of a line; a no is certain."""
        ...


def open_table(content: bytes, form: FileFormat, score: HeaderScore, where: str) -> CellTable:
    """The table in *content*, recognised by its first bytes and not by its name.

    *score*: how well a line would do as the header, by which an undeclared delimiter is found.
    """
    if content.startswith((_ZIP, _OLE)):
        return _open_workbook(content, form, score, where)
    if is_xml_of_records(content):
        return open_xml_records(content, form.max_rows, where)
    _refuse_other_kinds(content, where)
    return _open_text(content, form, score, where)


# Exports that call themselves .xls and are something else, and what people drop among the lists.
_OTHER_KINDS: Final = (
    (
        re.compile(rb"<\?xml.{0,2000}urn:schemas-microsoft-com:office:spreadsheet", re.DOTALL),
        "an XML spreadsheet of 2003",
    ),
    (re.compile(rb"<!doctype html|<html|<table|<head|<meta|<style", re.IGNORECASE), "a web page (HTML)"),
    (re.compile(rb"<\?xml|<[a-z]+[ >]", re.IGNORECASE), "an XML file"),
    (re.compile(rb"%PDF-"), "a PDF"),
    (re.compile(rb"\{\\rtf"), "a text document (RTF)"),
)
_BEGINNING_BYTES = 4096


def _refuse_other_kinds(content: bytes, where: str) -> None:
    beginning = content[:_BEGINNING_BYTES].removeprefix(b"\xef\xbb\xbf").replace(b"\0", b"").lstrip(b"\xff\xfe \t\r\n")
    for signature, kind in _OTHER_KINDS:
        if signature.match(beginning):
            raise SourceRefused(
                f"{where}: it is {kind}, whatever its name says. Open it in a spreadsheet and save it as XLSX or CSV UTF-8"
            )


# ------------------------------------------------------------------------------------------------------------ text files


@dataclass(frozen=True, slots=True)
class TextTable:
    """A delimited text."""

    text: str
    delimiter: str
    encoding: str
    where: str
    is_1904: bool = False
    left_sheets: tuple[str, ...] = ()
    merged_rows: tuple[tuple[int, int, range], ...] = ()

    @property
    def lacks_final_newline(self) -> bool:
        return not self.text.endswith(("\n", "\r"))

    def lines(self) -> Iterator[NumberedCells]:
        # Strict: an unclosed quotation mark would swallow every row after it without an error.
        rows = csv.reader(StringIO(self.text, newline=""), delimiter=self.delimiter, strict=True)
        clean_cell = str.strip if needs_only_stripping(self.text) else clean
        number = 0
        while True:
            number += 1
            try:
                cells = next(rows, None)
            except csv.Error:
                break
            if cells is None:
                return
            yield number, [clean_cell(cell) for cell in cells]
        raise self._unclosed_quote_error(number)

    def may_be_damaged(self, cells: Sequence[Cell]) -> bool:
        return may_hold_damage(cast("Sequence[str]", cells))

    def _unclosed_quote_error(self, number: int) -> SourceUnavailable | SourceRefused:
        if self.lacks_final_newline:
            return SourceUnavailable(f"{self.where}: it ends inside a quoted cell. Is it still being written?")
        return SourceRefused(
            f"{self.where}: row {number} has a quotation mark that is not closed, text after one, or a cell "
            "without end. Correct it where the file is made, or export without quotation marks in the cells"
        )


def _open_text(content: bytes, form: FileFormat, score: HeaderScore, where: str) -> TextTable:
    decoded = decode(content, form.encoding, where)
    text = decoded.text
    if text.count("\n") > form.max_rows + MAX_HEADER_SEARCH_LINES:
        raise _too_many_rows_error(form, where)
    delimiter = form.delimiter or _delimiter(text, score)
    return TextTable(text, delimiter, decoded.encoding, where)


def _delimiter(text: str, score: HeaderScore) -> str:
    head = "".join(islice(StringIO(text, newline=""), MAX_HEADER_SEARCH_LINES))
    # A first line "sep=;" tells spreadsheets the delimiter.
    declared = re.match(r'"?sep=([;\t,|])', head)
    if declared:
        return declared[1]
    return max(DELIMITERS, key=lambda candidate: _delimiter_score(head, candidate, score))


def _delimiter_score(head: str, delimiter: str, score: HeaderScore) -> tuple[tuple[int, int], int]:
    try:
        rows = list(csv.reader(StringIO(head, newline=""), delimiter=delimiter))
    except csv.Error:
        return (0, 0), 0
    return max(map(score, rows), default=(0, 0)), max(map(len, rows[:1]), default=0)


def _too_many_rows_error(form: FileFormat, where: str) -> SourceRefused:
    return SourceRefused(
        f"{where}: it has more than {form.max_rows} rows. If that is right, set max_rows in the [[source]] table"
    )


# ------------------------------------------------------------------------------------------------------------- workbooks


@dataclass(frozen=True, slots=True)
class SheetTable:
    """One sheet of a workbook."""

    sheet: python_calamine.CalamineSheet
    unreadable: UnreadableCells
    is_1904: bool = False
    left_sheets: tuple[str, ...] = ()
    encoding: str = "workbook"
    lacks_final_newline: bool = False

    @property
    def merged_rows(self) -> Iterator[tuple[int, int, range]]:
        first_column = (self.sheet.start or (0, 0))[1]
        for (top, left), (bottom, right) in self.sheet.merged_cell_ranges or ():
            if bottom > top:
                yield top + 1, bottom + 1, range(left - first_column, right - first_column + 1)

    def lines(self) -> Iterator[NumberedCells]:
        for row, uncleaned in enumerate(self.sheet.iter_rows()):
            cells: list[Cell] = [clean(cell) if isinstance(cell, str) else cell for cell in uncleaned]
            self._mark(cells, self.unreadable.errors.get(row, ()), ERROR)
            self._mark(cells, self.unreadable.uncomputed.get(row, ()), UNCOMPUTED)
            yield row + 1, cells

    def _mark(self, cells: list[Cell], columns: Iterable[int], mark: ErrorCell) -> None:
        first_column = (self.sheet.start or (0, 0))[1]
        for column in columns:
            if 0 <= column - first_column < len(cells):
                cells[column - first_column] = mark

    def may_be_damaged(self, cells: Sequence[Cell]) -> bool:
        return True


def _open_workbook(content: bytes, form: FileFormat, score: HeaderScore, where: str) -> SheetTable:
    is_zip = content.startswith(_ZIP)
    if is_zip:
        _check_unpacked_size(content, form, where)
        try:
            content = without_blank_cells(content, form.max_cells, where)
        except _ARCHIVE_ERRORS:
            raise _damaged_file_error(where) from None
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(BytesIO(content))
        name, left = _sheet_name(book, form, score, where)
        sheet = book.get_sheet_by_name(name)
    except python_calamine.PasswordError:
        raise SourceRefused(f"{where}: it is protected by a password. Save it without one") from None
    except python_calamine.CalamineError:
        raise SourceRefused(f"{where}: it is not a workbook that can be read. Save it as XLSX or CSV UTF-8") from None
    _check_row_count(sheet, form, where)
    try:
        unreadable = unreadable_cells(content, book.sheet_names.index(name)) if is_zip else UnreadableCells({}, {})
        is_1904 = is_zip and counts_from_1904(content)
    except _ARCHIVE_ERRORS:
        raise _damaged_file_error(where) from None
    return SheetTable(sheet, unreadable, is_1904, left)


def _check_row_count(sheet: python_calamine.CalamineSheet, form: FileFormat, where: str) -> None:
    limit = form.max_rows + MAX_HEADER_SEARCH_LINES
    if sheet.total_height <= limit:
        return
    filled = sum(
        1 for cells in sheet.iter_rows() if any(not (isinstance(cell, str) and not cell.strip()) for cell in cells)
    )
    if filled > limit:
        raise _too_many_rows_error(form, where)


def _check_unpacked_size(content: bytes, form: FileFormat, where: str) -> None:
    limit = form.max_mebibytes * 1024 * 1024 * _MAX_UNPACK_RATIO
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except zipfile.BadZipFile:
        raise SourceUnavailable(f"{where}: its end is missing. Is it still being written?") from None
    except _ARCHIVE_ERRORS:
        raise _damaged_file_error(where) from None
    if size > limit:
        raise SourceRefused(f"{where}: it would unpack to more than {limit // 2**20} MiB. Save it as CSV UTF-8")


def _damaged_file_error(where: str) -> SourceRefused:
    return SourceRefused(f"{where}: it is damaged. Save it again as XLSX or CSV UTF-8")


def _sheet_name(
    book: python_calamine.CalamineWorkbook, form: FileFormat, score: HeaderScore, where: str
) -> tuple[str, tuple[str, ...]]:
    """The sheet to read, and those that look like tables of the same kind and are not read.

    That is the one that is configured; else the first that is shown and has headers that are known.
    """
    shown = [
        sheet.name
        for sheet in book.sheets_metadata
        if sheet.visible == python_calamine.SheetVisibleEnum.Visible
        and sheet.typ == python_calamine.SheetTypeEnum.WorkSheet
    ]
    if form.sheet is not None:
        if form.sheet in book.sheet_names:
            return form.sheet, ()
        raise SourceRefused(
            f'{where}: it has no sheet "{form.sheet}". Set one of these in the [[source]] table: {_choices(shown)}'
        )
    if not shown:
        raise SourceRefused(f"{where}: it has no sheet that is not hidden. Name one as sheet in the [[source]] table")
    if len(shown) == 1:
        return shown[0], ()
    scores = {name: _sheet_score(book, name, score) for name in shown}
    alike = [
        name for name in shown if scores[name] >= (max(scores.values())[0], min(_SURE_HEADERS, max(scores.values())[1]))
    ]
    if not scores[alike[0]][1]:
        raise SourceRefused(
            f"{where}: none of its sheets has headers that are known. Name the one to read in the [[source]] table: "
            f"{_choices(shown)}, and its headers as columns"
        )
    return alike[0], tuple(alike[1:])


# So many known headers in one line are no chance: a cover sheet may name a school, or a field or two.
_SURE_HEADERS = 2


def _sheet_score(book: python_calamine.CalamineWorkbook, name: str, score: HeaderScore) -> tuple[int, int]:
    lines = islice(book.get_sheet_by_name(name).iter_rows(), MAX_HEADER_SEARCH_LINES)
    return max(map(score, lines), default=(0, 0))


def _choices(sheets: Sequence[str]) -> str:
    return " or ".join(f'sheet = "{name}"' for name in sheets)
