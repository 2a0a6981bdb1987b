"""Reads text files and workbooks into the same form: numbered lines of cells, whose texts are clean (`decoding.text.clean`).

Row numbers are those that a spreadsheet shows. Workbooks and XML are read by a process of its own, whose memory and time are
bounded (`table_reader`). In the old XLS format a cell that shows an error looks like a blank one; in XLSX it can be recognised.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import islice
from threading import Event
from typing import Final, Protocol, Self, TypeAlias, cast

from fleetsync.pull.contract import SourceRefused, SourceUnavailable
from fleetsync.pull.decoding.text import clean, needs_only_stripping
from fleetsync.pull.files.encoding import decode
from fleetsync.pull.files.file_format import FileFormat
from fleetsync.pull.files.headers import MAX_HEADER_SEARCH_LINES
from fleetsync.pull.files.table_reader import HeaderScore, read_table
from fleetsync.pull.files.values import Cell, may_hold_damage

NumberedCells: TypeAlias = tuple[int, Sequence[Cell]]

DELIMITERS: Final = (";", "\t", ",", "|")
_WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")  # XLSX, XLSB and ODS; XLS
_PAXML: Final = re.compile(rb"<(?:\w+:)?paxml[\s>]")


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


def open_table(content: bytes, form: FileFormat, score: HeaderScore, where: str, stop: Event) -> CellTable:
    """The table in *content*, recognised by its first bytes and not by its name.

    *score*: how well a line would do as the header, by which an undeclared delimiter or sheet is found. *stop* ends reading.
    """
    if content.startswith(_WORKBOOKS):
        return read_table(content, "workbook", form, score, where, stop)
    if _PAXML.search(content[:_BEGINNING_BYTES].replace(b"\0", b"")) is not None:
        return read_table(content, "xml", form, score, where, stop)
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
_MAX_ROW_CHARACTERS = 1_000_000


def _refuse_other_kinds(content: bytes, where: str) -> None:
    beginning = content[:_BEGINNING_BYTES].removeprefix(b"\xef\xbb\xbf").replace(b"\0", b"").lstrip(b"\xff\xfe \t\r\n")
    for signature, kind in _OTHER_KINDS:
        if signature.match(beginning):
            raise SourceRefused(
                f"{where}: it is {kind}, whatever its name says. Open it in a spreadsheet and save it as XLSX or CSV UTF-8"
            )


# ------------------------------------------------------------------------------------------------------------ text files


class _BoundedLines:
    """The lines of a text, for a reader of rows. Refuses a row that is longer than a row of any list."""

    def __init__(self, text: str, where: str) -> None:
        self._lines = StringIO(text, newline="")
        self._where = where
        self._row_characters = 0

    def end_row(self) -> None:
        """What was read until now belongs to rows that are whole."""
        self._row_characters = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._row_characters += len(line)
        if self._row_characters > _MAX_ROW_CHARACTERS:
            raise SourceRefused(
                f"{self._where}: a row has more than {_MAX_ROW_CHARACTERS} characters, as in no list. Export the "
                "list again, with a line for each row"
            )
        return line


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
        source = _BoundedLines(self.text, self.where)
        rows = csv.reader(source, delimiter=self.delimiter, strict=True)
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
            source.end_row()
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
    delimiter = form.delimiter or _delimiter(text, score, where)
    return TextTable(text, delimiter, decoded.encoding, where)


def _delimiter(text: str, score: HeaderScore, where: str) -> str:
    lines = _BoundedLines(text, where)
    head = ""
    for line in islice(lines, MAX_HEADER_SEARCH_LINES):
        head += line
        lines.end_row()
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
