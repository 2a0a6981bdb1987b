"""One opened file: its rows, the day it speaks for, and which rows were rejected.

A rejected row is reported by its number and a reason. Damage by a spreadsheet refuses the whole file, because what is
visible in one cell was lost in others without a trace. No value of a cell is in any message.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from hashlib import blake2b
from itertools import islice
from typing import Any, TypeVar

from fleetsync.pull.contract import Page, RecordError, RejectedRecord, SourceRefused, SourceUnavailable
from fleetsync.pull.decoding import parse_boolean, parse_day, parse_number
from fleetsync.pull.decoding.instants import LOCAL_ZONE
from fleetsync.pull.files.file_format import FileFormat
from fleetsync.pull.files.headers import (
    MAX_HEADER_SEARCH_LINES,
    FileColumn,
    HeaderRow,
    find_header,
    fold_header,
    header_names_by_field,
    header_score,
)
from fleetsync.pull.files.tables import CellTable, NumberedCells, open_table
from fleetsync.pull.files.values import Cell, ColumnKind, cell_text, is_blank, spreadsheet_damage

T = TypeVar("T")

PAGE_ROWS = 5000


def fingerprint_of(content: bytes) -> str:
    """A hash of *content*: equal for files with the same bytes."""
    return blake2b(content, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that could not be used: its number as a spreadsheet shows it, and why, without any value."""

    row: int
    reason: str


class TableRow:
    """A line of a file, read by field. A blank cell, and a field that the file has no column for, are None.

    A value that cannot be read raises RecordError with the field's name and never the value. Reading a field that the
    connector did not declare is a KeyError.
    """

    __slots__ = ("_cells", "_columns", "_form", "_places", "number")

    def __init__(self, number: int, cells: Sequence[Cell], columns: "ColumnLayout", form: FileFormat) -> None:
        self.number = number
        self._cells = cells
        self._columns = columns.by_field
        self._places = columns.places
        self._form = form

    def __repr__(self) -> str:
        return f"Row({self.number})"

    def has(self, field: str) -> bool:
        """Whether the file has a column for this field, blank here or not."""
        return self._columns[field].field in self._places

    def text(self, field: str) -> str | None:
        """NFC, trimmed. RecordError for digits that lost their leading zeros, where the column says how many it has."""
        value = self._text(field)
        digits = self._columns[field].digits
        if digits and value and value.isdecimal() and len(value) not in digits and len(value) < max(digits):
            raise RecordError(f"{field_label(field)} has too few digits (leading zeros lost?)")
        return value

    def day(self, field: str) -> date | None:
        """A day by `parse_day`: open ends are None."""
        text = self._text(field)
        return parse_day(text, field_label(field), order=self._form.date_order) if text else None

    def amount(self, field: str) -> Decimal | None:
        """A number by `parse_number`; 75 % is 0.75, and 75 is 75."""
        text = self._text(field)
        return parse_number(text, field_label(field)) if text else None

    def boolean(self, field: str) -> bool | None:
        """Yes or no by `parse_boolean`. Never for a mark of protection: that is `is_protected(row.text(field))`."""
        text = self._text(field)
        return parse_boolean(text, field_label(field)) if text else None

    def _text(self, field: str) -> str | None:
        place = self._places.get(self._columns[field].field)
        return None if place is None else cell_text(self._cells[place]) or None


def field_label(field: str) -> str:
    """A field's name as words: "end_date" is "end date"."""
    return field.replace("_", " ")


@dataclass(frozen=True, slots=True)
class ColumnLayout:
    """The columns that a connector declared, and where the ones that are there stand."""

    by_field: dict[str, FileColumn]
    places: dict[str, int]
    width: int
    line: int
    checked_columns: tuple[tuple[int, str, ColumnKind, tuple[int, ...]], ...]

    @classmethod
    def of(cls, columns: Sequence[FileColumn], header: HeaderRow) -> "ColumnLayout":
        checked_columns = tuple(
            (header.places[c.field], c.field, c.kind, c.digits) for c in columns if c.field in header.places
        )
        return cls({c.field: c for c in columns}, dict(header.places), header.width, header.line, checked_columns)


class OpenedFile:
    """A stable file. *scope*: its name without a day and an ending, the same for every edition of one list.

    *fingerprint*: of its bytes. *modified_at*: aware. *rejected*: filled while the rows are read.
    """

    def __init__(
        self,
        name: str,
        content: bytes,
        *,
        scope: str,
        as_of: date,
        today: date,
        modified_at: datetime,
        columns: Sequence[FileColumn],
        form: FileFormat,
        source: str,
        day_is_named: bool = True,
        zone: str = LOCAL_ZONE,
    ) -> None:
        if not columns:
            raise ValueError("a connector declares the columns that it looks for")
        self.name = name
        self.scope = scope
        self.fingerprint = fingerprint_of(content)
        self.modified_at = modified_at
        self.rejected: list[RejectedRow] = []
        self._as_of = as_of
        self._today = today
        self._asks_column = form.as_of_column is not None and not day_is_named
        self._content = content
        self._declared = tuple(columns)
        self._form = form
        self._zone = zone
        self._where = f"{source}: {name}"

    def __repr__(self) -> str:
        return f"OpenedFile({self.name!r})"

    @property
    def encoding(self) -> str:
        """How its letters were read: an encoding, or "workbook"."""
        return self._table.encoding

    @property
    def missing_fields(self) -> tuple[str, ...]:
        """Deciding fields for which the file has no column."""
        return tuple(c.field for c in self._declared if c.deciding and c.field not in self._columns.places)

    @cached_property
    def as_of(self) -> date:
        """The day it speaks for: named in its file name, else the newest in its `as_of_column`, else when it was
        written; never a day still to come.
        """
        if not self._asks_column:
            return self._as_of
        days = [day for day in self._days_of_column() if day is not None]
        return min(max(days), self._today) if days else self._as_of

    def rows(self) -> Iterator[TableRow]:
        """Every row with something in it, headers and titles apart.

        Raises SourceRefused for what a spreadsheet damaged, SourceUnavailable for a file whose last line is cut.
        """
        self.rejected.clear()
        columns = self._columns
        cut = number = 0
        for count, (number, cells) in enumerate(self._lines(), 1):
            if count > self._form.max_rows:
                raise SourceRefused(
                    f"{self._where}: it has more than {self._form.max_rows} rows. If that is right, set max_rows in the "
                    "[[source]] table"
                )
            reason = _width_mismatch(cells, columns.width)
            if reason is None:
                self._refuse_damage(number, cells)
                yield TableRow(number, cells, columns, self._form)
            else:
                cut = number if len(cells) < columns.width else cut
                self.rejected.append(RejectedRow(number, reason))
        if cut and cut == number and self._table.lacks_final_newline:
            raise SourceUnavailable(f"{self._where}: its last line is cut. Is it still being written?")

    def records(self, build: Callable[[TableRow], T]) -> Iterator[T]:
        """What *build* makes of each row; a row for which it raises RecordError is rejected."""
        for row in self.rows():
            try:
                record = build(row)
            except RecordError as error:
                self.rejected.append(RejectedRow(row.number, str(error)))
            else:
                yield record

    def pages(self, build: Callable[[TableRow], Any], scope: str | None = None) -> Iterator[Page]:
        """The whole file as pages of what *build* makes, at least one. The last page lists what was rejected."""
        records = self.records(build)
        raws = list(islice(records, PAGE_ROWS))
        while following := list(islice(records, PAGE_ROWS)):
            yield Page(raws, as_of=self.as_of, scope=scope, fingerprint=self.fingerprint)
            raws = following
        rejected = tuple(RejectedRecord(row.reason, place=f"{self.name} line {row.row}") for row in self.rejected)
        yield Page(raws, as_of=self.as_of, scope=scope, fingerprint=self.fingerprint, rejected=rejected, file=self.name)

    # ------------------------------------------------------------------------------------------------------- inside

    @cached_property
    def _table(self) -> CellTable:
        content, self._content = self._content, b""  # two copies of 64 MiB are one too many
        if not content:
            raise SourceUnavailable(f"{self._where}: it is empty. Is it still being written?")
        names = header_names_by_field(self._declared, self._form.columns)
        return open_table(content, self._form, lambda cells: header_score(cells, self._declared, names), self._where)

    @cached_property
    def _columns(self) -> ColumnLayout:
        head = list(islice(self._table.lines(), MAX_HEADER_SEARCH_LINES))
        return ColumnLayout.of(self._declared, find_header(head, self._declared, self._form.columns, self._where))

    def _lines(self) -> Iterator[NumberedCells]:
        """The lines below the header that have something in them."""
        first = self._columns.line
        return (line for line in self._table.lines() if line[0] > first and not all(map(is_blank, line[1])))

    def _refuse_damage(self, number: int, cells: Sequence[Cell]) -> None:
        for place, field, kind, digits in self._columns.checked_columns:
            damage = spreadsheet_damage(cells[place], kind, digits)
            if damage:
                raise SourceRefused(
                    f"{self._where}: row {number}, column {place + 1} ({field_label(field)}) holds {damage}. "
                    f"{_remedy(kind)}, fill it again from the system that it came from, and export once more"
                )

    def _days_of_column(self) -> Iterator[date | None]:
        header = fold_header(self._form.as_of_column or "")
        lines = self._table.lines()
        place = self._as_of_place(header, lines)
        for _, cells in lines:
            if place < len(cells) and not is_blank(cells[place]):
                yield self._day_written(cell_text(cells[place]))

    def _as_of_place(self, header: str, lines: Iterator[NumberedCells]) -> int:
        for _, cells in islice(lines, max(MAX_HEADER_SEARCH_LINES, self._columns.line)):
            words = [fold_header(cell_text(cell)) for cell in cells]
            if header in words:
                return words.index(header)
        raise SourceRefused(
            f'{self._where}: no header "{self._form.as_of_column}". Correct as_of_column in the [[source]] table'
        )

    def _day_written(self, text: str) -> date | None:
        try:
            return parse_day(text, "as_of_column", order=self._form.date_order, zone=self._zone)
        except RecordError:
            # A total or a footnote under the column is no day; a single real day is enough.
            return None


def _width_mismatch(cells: Sequence[Cell], width: int) -> str | None:
    if len(cells) < width:
        return "fewer fields than the header"
    if any(not is_blank(cell) for cell in cells[width:]):
        return "more fields than the header"
    return None


def _remedy(kind: ColumnKind) -> str:
    return {"day": "Format the column as date", "number": "Correct the formula"}.get(kind, "Format the column as text")
