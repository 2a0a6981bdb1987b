"""A line of a file, read by field, or as far as it can be where it does not fit the header. No value of a cell is in any message."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeAlias

from fleetsync.core.model import RecordType
from fleetsync.pull.contract import RecordError
from fleetsync.pull.decoding import DateOrder, parse_boolean, parse_day, parse_number
from fleetsync.pull.files.headers import FileColumn, HeaderRow, field_label
from fleetsync.pull.files.layouts import ExportLayout
from fleetsync.pull.files.values import ERROR, Cell, ColumnKind, ErrorCell, cell_text, is_error, is_no_day, serial_day


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that could not be used: its number as a spreadsheet shows it, and why, without any value; its id, if known."""

    row: int
    reason: str
    source_id: str | None = None
    record_type: RecordType | None = None


@dataclass(frozen=True, slots=True)
class RowLayout:
    """What all rows of a file have in common. *is_1904*: how a workbook counts days."""

    columns: "ColumnLayout"
    file: str = ""
    date_order: DateOrder = "ymd"
    is_1904: bool = False


class TableRow:
    """A line of a file, read by field. A blank cell, and a field that the file has no column for, are None.

    *cells*: their texts are clean. A value that cannot be read raises RecordError with the field's name and never the
    value. Reading a field that the connector did not declare is a KeyError.
    """

    __slots__ = ("_cells", "_columns", "_layout", "number")

    def __init__(self, number: int, cells: Sequence[Cell], layout: RowLayout) -> None:
        self.number = number
        self._cells = cells
        self._layout = layout
        self._columns = layout.columns

    def __repr__(self) -> str:
        return f"Row({self.number})"

    @property
    def place(self) -> str:
        """Where a person finds it: "personal.csv line 17"."""
        return f"{self._layout.file} line {self.number}"

    def has(self, field: str) -> bool:
        """Whether the file has a column for this field, blank here or not."""
        return self._columns.place_by_field[field] is not None

    def text(self, field: str) -> str | None:
        """NFC, trimmed. RecordError for digits that lost their leading zeros, where the column says how many it has."""
        place = self._columns.place_by_field[field]
        if place is None or place >= len(self._cells):
            return None
        cell = self._cells[place]
        value = cell if isinstance(cell, str) else cell_text(cell)
        digits = self._columns.digits.get(field)
        if digits and value.isdecimal() and len(value) not in digits and len(value) < max(digits):
            raise RecordError(f"{field_label(field)} has too few digits (leading zeros lost?)")
        return value or None

    def day(self, field: str) -> date | None:
        """A day by `parse_day`: open ends are None, and so are 0 and NULL. A bare number of a workbook is a serial day."""
        cell = self._cell(field)
        if cell is None:
            return None
        if isinstance(cell, str):
            return _written_day(cell, field, self._layout.date_order)
        if is_no_day(cell):
            return None
        return serial_day(cell, is_1904=self._layout.is_1904) or parse_day(
            cell_text(cell), field_label(field), order=self._layout.date_order
        )

    def amount(self, field: str) -> Decimal | None:
        """A number by `parse_number`; 75 % is 0.75, and 75 is 75."""
        cell = self._cell(field)
        return None if cell is None else _written_number(cell_text(cell), field)

    def boolean(self, field: str) -> bool | None:
        """Yes or no by `parse_boolean`. Never for a mark of protection: that is `is_protected(row.text(field))`."""
        text = self.text(field)
        return parse_boolean(text, field_label(field)) if text else None

    def _cell(self, field: str) -> Cell | None:
        """A cell with something in it. Raises RecordError for one that the row ends before, or that shows an error."""
        place = self._columns.place_by_field[field]
        if place is None:
            return None
        if place >= len(self._cells):
            if self._columns.by_field[field].never_blank:
                raise RecordError(f"{field_label(field)} is missing: the row ends before it")
            return None
        cell = self._cells[place]
        if is_error(cell):
            what = cell.what if isinstance(cell, ErrorCell) else ERROR.what
            raise RecordError(f"{field_label(field)} is {what}")
        return None if cell == "" else cell


# The rows of a file share their days and shares.
@lru_cache(maxsize=1 << 13)
def _written_day(text: str, field: str, order: DateOrder) -> date | None:
    return None if is_no_day(text) else parse_day(text, field_label(field), order=order)


@lru_cache(maxsize=1 << 10)
def _written_number(text: str, field: str) -> Decimal | None:
    return parse_number(text, field_label(field))


class MisfitRow:
    """A line whose fields are not those of the header: a delimiter too many, or a foot note of a single field.

    Only the first column is certain, and a mark of protection counts wherever it may have been moved to.
    """

    __slots__ = ("_cells", "_columns", "number", "place", "reason")

    def __init__(self, number: int, cells: Sequence[Cell], columns: "ColumnLayout", file: str, reason: str) -> None:
        self.number = number
        self.reason = reason
        self.place = f"{file} line {number}"
        self._cells = [cell_text(cell) for cell in cells]
        self._columns = columns

    def __repr__(self) -> str:
        return f"MisfitRow({self.number})"

    @property
    def texts(self) -> tuple[str, ...]:
        """Every cell with something in it."""
        return tuple(filter(None, self._cells))

    def certain(self, field: str) -> str | None:
        """The cell of *field*, if it is the first column."""
        return (self._cells[0] or None) if self._columns.places.get(field) == 0 else None

    def candidates(self, field: str) -> tuple[str, ...]:
        """The cells that may be the one of *field*: its own, and those to which it may have been moved."""
        place = self._columns.places.get(field)
        if place is None:
            return ()
        extra = max(len(self._cells) - self._columns.width, 0)
        return tuple(filter(None, self._cells[place : place + extra + 1]))


MisfitReader: TypeAlias = Callable[[MisfitRow], tuple[str | None, Any]]
"""What a connector makes of a misfit row: the id of its record, if it is certain, and what it is all the same, or None."""


@dataclass(frozen=True, slots=True)
class ColumnLayout:
    """The columns that a connector declared, and where the ones that are there stand."""

    by_field: Mapping[str, FileColumn]
    places: Mapping[str, int]
    place_by_field: Mapping[str, int | None]  # of every column declared; None for one that is not there
    digits: Mapping[str, tuple[int, ...]]  # of the columns that say how many digits their values have
    width: int
    line: int
    titles: int
    unused: Mapping[int, str]
    taken: Mapping[str, str]
    layout: ExportLayout | None
    words: Mapping[int, str]
    checked_columns: tuple[tuple[int, str, ColumnKind, tuple[int, ...]], ...]

    @classmethod
    def of(cls, columns: Sequence[FileColumn], header: HeaderRow) -> "ColumnLayout":
        checked_columns = tuple(
            (header.places[c.field], c.field, c.kind, c.digits) for c in columns if c.field in header.places
        )
        return cls(
            {c.field: c for c in columns},
            dict(header.places),
            {c.field: header.places.get(c.field) for c in columns},
            {c.field: c.digits for c in columns if c.digits},
            header.width,
            header.line,
            header.titles,
            header.unused,
            header.taken,
            header.layout,
            header.words,
            checked_columns,
        )
