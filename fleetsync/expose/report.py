"""Files out: CSV as Swedish Excel opens it, and XLSX; written in pieces, so that no list has to fit into memory.

A cell is a value, never a formula: what a source calls a device must not run in anybody's spreadsheet.
"""

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xlsxwriter

ExportCell = str | int | float | date | datetime | None

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
LINES_PER_CHUNK = 500
BYTES_PER_CHUNK = 1 << 16
MAX_COLUMN_CHARACTERS = 48  # characters of a column; a reason of a whole sentence wraps no screen


@dataclass(frozen=True)
class CsvDialect:
    """How a CSV file is spelled."""

    delimiter: str
    decimal_comma: bool
    has_bom: bool


SWEDISH_EXCEL = CsvDialect(delimiter=";", decimal_comma=True, has_bom=True)
PLAIN_CSV = CsvDialect(delimiter=",", decimal_comma=False, has_bom=False)
DIALECTS = {"excel-sv": SWEDISH_EXCEL, "plain": PLAIN_CSV}


def csv_file(
    titles: Sequence[str], rows: Iterable[Sequence[ExportCell]], dialect: CsvDialect = SWEDISH_EXCEL
) -> Iterator[bytes]:
    """The file in pieces, its first line the titles. Instants are written with their offset, days as ISO days."""
    text = io.StringIO()
    # Every line ends as RFC 4180 has it; Excel on Windows takes a bare newline inside a quoted cell for one.
    writer = csv.writer(text, delimiter=dialect.delimiter, lineterminator="\r\n")
    if dialect.has_bom:
        text.write("\ufeff")
    writer.writerow([escape_formula(title) for title in titles])
    for number, row in enumerate(rows, 1):
        writer.writerow([_csv_text(cell, dialect) for cell in row])
        if number % LINES_PER_CHUNK == 0:
            yield _drain(text)
    yield _drain(text)


def escape_formula(text: str) -> str:
    """*text* with an apostrophe before what a spreadsheet would take for the start of a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _csv_text(cell: ExportCell, dialect: CsvDialect) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return str(cell).replace(".", ",") if dialect.decimal_comma else str(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ", timespec="minutes")
    return escape_formula(cell) if isinstance(cell, str) else str(cell)


def _drain(text: io.StringIO) -> bytes:
    piece = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return piece


def xlsx_file(sheet: str, titles: Sequence[str], rows: Iterable[Sequence[ExportCell]]) -> Iterator[bytes]:
    """The workbook in pieces. It is written to a temporary file, which is gone when the last piece has been read."""
    with tempfile.TemporaryDirectory(prefix="fleetsync-") as folder:
        path = Path(folder, "list.xlsx")
        _write_workbook(path, sheet, titles, rows)
        with path.open("rb") as file:
            while piece := file.read(BYTES_PER_CHUNK):
                yield piece


def _write_workbook(path: Path, sheet: str, titles: Sequence[str], rows: Iterable[Sequence[ExportCell]]) -> None:
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "remove_timezone": True,  # a spreadsheet has no zones; `local` made the instants those of the municipality
        "tmpdir": str(path.parent),
    }
    import xlsxwriter  # here, because most commands and pages write no workbook

    with xlsxwriter.Workbook(str(path), options) as book:
        page = book.add_worksheet(sheet[:31])
        bold, day, instant = (
            book.add_format(look)
            for look in ({"bold": True}, {"num_format": "yyyy-mm-dd"}, {"num_format": "yyyy-mm-dd hh:mm"})
        )
        for column, title in enumerate(titles):
            page.set_column(column, column, min(MAX_COLUMN_CHARACTERS, max(12, len(title) + 2)))
        for column, title in enumerate(titles):
            page.write_string(0, column, title, bold)
        last = 0
        for last, row in enumerate(rows, 1):
            for column, cell in enumerate(row):
                _write_cell(page, last, column, cell, day, instant)
        page.freeze_panes(1, 0)
        page.autofilter(0, 0, last, max(0, len(titles) - 1))


def _write_cell(
    page: "xlsxwriter.worksheet.Worksheet",
    row: int,
    column: int,
    cell: ExportCell,
    day: "xlsxwriter.format.Format",
    instant: "xlsxwriter.format.Format",
) -> None:
    if isinstance(cell, datetime):
        page.write_datetime(row, column, cell, instant)
    elif isinstance(cell, date):
        page.write_datetime(row, column, cell, day)
    elif isinstance(cell, str):
        page.write_string(row, column, cell)
    elif cell is not None:
        page.write_number(row, column, cell)
