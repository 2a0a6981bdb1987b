"""Reads workbooks: XLSX, XLSB, XLS and ODS. Their directory is checked before anything of them is unpacked."""

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from itertools import islice
from typing import Any, TypeAlias

import python_calamine
from python_calamine import CalamineSheet, CalamineWorkbook

from fleetsync.pull.table_process.errors import TableError
from fleetsync.pull.table_process.messages import CellMark, Choice, Heading, Request, Sheets
from fleetsync.pull.table_process.sheet_xml import (
    UnreadableCells,
    counts_from_1904,
    unreadable_cells,
    without_blank_cells,
)

Choose: TypeAlias = Callable[[Sheets], Choice]
"""Asks which sheet to read."""

_ZIP = b"PK\x03\x04"
# Real workbooks unpack to at most about forty times their size; small ones, of one form over and over, to more.
_MAX_UNPACK_RATIO, _UNQUESTIONED_BYTES = 100, 32 * 2**20
_ERROR, _UNCOMPUTED = CellMark("error"), CellMark("uncomputed")
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


def read_workbook(content: bytes, request: Request, choose: Choose) -> Iterator[Heading | list[Any]]:
    """What stands in one sheet: first its heading, then its lines. Raises TableError."""
    is_zip = content.startswith(_ZIP)
    if is_zip:
        _check_unpacked_size(content, request)
        try:
            content = without_blank_cells(content, request.max_cells)
        except _ARCHIVE_ERRORS:
            raise _damaged_error() from None
    try:
        book = CalamineWorkbook.from_filelike(BytesIO(content))
        name = choose(_sheets(book, request)).sheet
        sheet = book.get_sheet_by_name(name)
    except python_calamine.PasswordError:
        raise TableError("it is protected by a password. Save it without one") from None
    except python_calamine.CalamineError:
        raise TableError("it is not a workbook that can be read. Save it as XLSX or CSV UTF-8") from None
    _check_row_count(sheet, request)
    try:
        unreadable = unreadable_cells(content, book.sheet_names.index(name)) if is_zip else UnreadableCells({}, {})
        is_1904 = is_zip and counts_from_1904(content)
    except _ARCHIVE_ERRORS:
        raise _damaged_error() from None
    yield Heading(is_1904, list(_merged_rows(sheet)))
    yield from _lines(sheet, unreadable)


def _lines(sheet: CalamineSheet, unreadable: UnreadableCells) -> Iterator[list[Any]]:
    first_column = _first_column(sheet)
    for row, cells in enumerate(sheet.iter_rows()):
        line: list[Any] = list(cells)
        for columns, mark in ((unreadable.errors, _ERROR), (unreadable.uncomputed, _UNCOMPUTED)):
            for column in columns.get(row, ()):
                if 0 <= column - first_column < len(line):
                    line[column - first_column] = mark
        yield line


def _merged_rows(sheet: CalamineSheet) -> Iterator[tuple[int, int, int, int]]:
    first_column = _first_column(sheet)
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
        if bottom > top:
            yield top + 1, bottom + 1, left - first_column, right - first_column + 1


def _first_column(sheet: CalamineSheet) -> int:
    return (sheet.start or (0, 0))[1]


def _sheets(book: CalamineWorkbook, request: Request) -> Sheets:
    shown = [
        sheet.name
        for sheet in book.sheets_metadata
        if sheet.visible == python_calamine.SheetVisibleEnum.Visible
        and sheet.typ == python_calamine.SheetTypeEnum.WorkSheet
    ]
    must_choose = request.sheet is None and len(shown) > 1
    heads = {name: _head(book, name, request.head_lines) for name in shown} if must_choose else {}
    return Sheets(list(book.sheet_names), shown, heads)


def _head(book: CalamineWorkbook, name: str, lines: int) -> list[list[Any]]:
    return [list(line) for line in islice(book.get_sheet_by_name(name).iter_rows(), lines)]


# ---------------------------------------------------------------------------------------------------------------- bounds


def _check_unpacked_size(content: bytes, request: Request) -> None:
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except zipfile.BadZipFile:
        raise TableError("its end is missing. Is it still being written?", is_incomplete=True) from None
    except _ARCHIVE_ERRORS:
        raise _damaged_error() from None
    if size > request.max_unpacked_bytes:
        raise TableError(
            f"it would unpack to more than {request.max_unpacked_bytes // 2**20} MiB. Save the list as CSV UTF-8"
        )
    if size > max(_UNQUESTIONED_BYTES, _MAX_UNPACK_RATIO * len(content)):
        raise TableError(
            f"it would unpack to more than {_MAX_UNPACK_RATIO} times its size, as no list does. Save the list as CSV UTF-8"
        )


def _check_row_count(sheet: CalamineSheet, request: Request) -> None:
    limit = request.max_rows + request.head_lines
    if sheet.total_height <= limit:
        return
    filled = sum(1 for cells in sheet.iter_rows() if _has_value(cells))
    if filled > limit:
        raise TableError(
            f"it has more than {request.max_rows} rows. If that is right, set max_rows in the [[source]] table"
        )


def _has_value(cells: Sequence[Any]) -> bool:
    return any(not (isinstance(cell, str) and not cell.strip()) for cell in cells)


def _damaged_error() -> TableError:
    return TableError("it is damaged. Save it again as XLSX or CSV UTF-8")
