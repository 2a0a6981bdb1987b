"""One opened file: its rows, the day it speaks for, and which rows were rejected.

A rejected row is reported by its number and a reason. A text or an identifier that a spreadsheet damaged refuses the whole
file, because what is visible in one cell was lost in others without a trace; a day or a number that cannot be read is a
fact of its row. No value of a cell is in any message.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from hashlib import blake2b
from itertools import islice
from threading import Event
from typing import Any, TypeVar

from fleetsync.pull.contract import Page, RecordError, RejectedRecord, SourceRefused, SourceUnavailable, UnknownValue
from fleetsync.pull.decoding import parse_day
from fleetsync.pull.decoding.instants import LOCAL_ZONE
from fleetsync.pull.files.file_format import FileFormat
from fleetsync.pull.files.header_words import fold_header
from fleetsync.pull.files.headers import (
    MAX_HEADER_SEARCH_LINES,
    FileColumn,
    field_label,
    find_header,
    header_names_by_field,
    header_score,
)
from fleetsync.pull.files.layout_checks import refuse_mixed_up_columns
from fleetsync.pull.files.layouts import ExportLayout
from fleetsync.pull.files.rows import ColumnLayout, MisfitReader, MisfitRow, RejectedRow, RowLayout, TableRow
from fleetsync.pull.files.tables import CellTable, NumberedCells, open_table
from fleetsync.pull.files.values import Cell, cell_text, spreadsheet_damage

T = TypeVar("T")

PAGE_ROWS = 5000
CHECKED_LINES = 1000  # of an export, whose columns are compared with its layout
_NUMBERED_COLUMN = re.compile(r"column \d+")
_TOO_MANY, _ONE_ALONE = "more fields than the header", "a single field where the header has several"


def fingerprint_of(content: bytes) -> str:
    """A hash of *content*: equal for files with the same bytes."""
    return blake2b(content, digest_size=16).hexdigest()


class OpenedFile:
    """A stable file. *scope*: its name without a day and an ending, the same for every edition of one list.

    *fingerprint*: of its bytes. *modified_at*: aware. *rejected*: filled while the rows are read. *stop*: ends
    reading.
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
        layouts: Sequence[ExportLayout] = (),
        day_is_named: bool = True,
        zone: str = LOCAL_ZONE,
        stop: Event | None = None,
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
        self._layouts = tuple(layouts)
        self._zone = zone
        self._stop = stop or Event()
        self._where = f"{source}: {name}"

    def __repr__(self) -> str:
        return f"OpenedFile({self.name!r})"

    @property
    def encoding(self) -> str:
        """How its letters were read: an encoding, "workbook" or "xml"."""
        return self._table.encoding

    @property
    def missing_fields(self) -> tuple[str, ...]:
        """Deciding fields for which the file has no column. An export of a known system lacks none that it never has."""
        places, layout = self._columns.places, self._columns.layout
        missing = tuple(column.field for column in self._declared if column.deciding and column.field not in places)
        return missing if layout is None else tuple(field for field in missing if field in layout.fields)

    @cached_property
    def unused_headers(self) -> tuple[str, ...]:
        """The headers that no field took up, in the order of the file."""
        as_of = fold_header(self._form.as_of_column or "")
        return tuple(header for header in self._columns.unused.values() if fold_header(header) != as_of)

    @cached_property
    def suspected_fields(self) -> Mapping[str, str]:
        """Fields without a column that may stand under a header that no field took up: field → that header."""
        absent = [c for c in self._declared if c.suspected_by is not None and self._may_be_unnamed(c.field)]
        unnamed = self._unnamed_places
        if not absent or not unnamed:
            return {}
        known = frozenset() if self._columns.layout is None else self._columns.layout.known_headers
        cells = self._cells_of(place for place in unnamed if self._columns.words.get(place) not in known)
        return {
            column.field: unnamed[place]
            for column in absent
            for place in reversed(cells)
            if column.suspected_by is not None and column.suspected_by.holds(fold_header(unnamed[place]), cells[place])
        }

    @property
    def _unnamed_places(self) -> Mapping[int, str]:
        """The columns that no field took up, with their headers; one without any header is called by its number."""
        columns = self._columns
        free = (place for place in range(columns.width) if place not in columns.places.values())
        headers = {place: columns.unused.get(place, f"column {place + 1}") for place in free}
        return {
            place: header
            for place, header in headers.items()
            if place not in columns.unused or header in self.unused_headers
        }

    def _may_be_unnamed(self, field: str) -> bool:
        return field not in self._columns.places and field not in self._form.columns

    def _cells_of(self, places: Iterable[int]) -> dict[int, list[Cell]]:
        cells: dict[int, list[Cell]] = {place: [] for place in places}
        for _, line in self._lines():
            for place, column in cells.items():
                if place < len(line) and line[place] != "":
                    column.append(line[place])
        return cells

    @property
    def taken_headers(self) -> Mapping[str, str]:
        """Field → the header that it took up."""
        return self._columns.taken

    @property
    def notes(self) -> tuple[str, ...]:
        """What was passed over around the table, in words for people."""
        titles, line, layout = self._columns.titles, self._columns.line, self._columns.layout
        lines = "1 line" if titles == 1 else f"{titles} lines"
        skipped = (f"skipped {lines} above the headers in line {line}",) if titles else ()
        unnamed = (
            f'the header "{header}" may be {field}: name it, columns = {{ {field} = {_configured(header)} }}, or say that there '
            f"is none, columns = {{ {field} = false }}"
            for field, header in self.suspected_fields.items()
        )
        recognised = () if layout is None else (f"recognised as an export of {layout.name}",)
        return (*recognised, *skipped, *unnamed, *(f"{left.field}: {left.value}" for left in self._left_sheets))

    @property
    def left_out(self) -> tuple[UnknownValue, ...]:
        """Headers that may be a field nobody named, and sheets of it that look like lists too."""
        suspected = (
            UnknownValue(f"header that may be {field}", header) for field, header in self.suspected_fields.items()
        )
        return (*suspected, *self._left_sheets)

    @property
    def _left_sheets(self) -> tuple[UnknownValue, ...]:
        return tuple(UnknownValue("sheet that is not read", name) for name in self._table.left_sheets)

    @property
    def problem(self) -> str:
        """Why it cannot be read; "" for a file that can."""
        return ""

    @cached_property
    def as_of(self) -> date:
        """The day it speaks for: named in its file name, else the newest in its `as_of_column`, else when it was
        written; never a day still to come.
        """
        if not self._asks_column:
            return self._as_of
        days = [day for day in self._days_of_column() if day is not None]
        return min(max(days), self._today) if days else self._as_of

    def rows(self, misfits: list[MisfitRow] | None = None) -> Iterator[TableRow]:
        """Every row with something in it, headers and titles apart. *misfits* is filled with those that do not fit.

        A row that ends early is blank in the columns that it lacks. Raises SourceRefused for what a spreadsheet damaged,
        SourceUnavailable for a file whose last line is cut.
        """
        self.rejected.clear()
        self._check_layout()
        self._refuse_merged()
        table, columns = self._table, self._columns
        layout = RowLayout(columns, self.name, self._form.date_order, table.is_1904)
        misfit_rows: list[MisfitRow] = []
        short = number = 0
        for count, (number, cells) in enumerate(self._lines(), 1):
            if count > self._form.max_rows:
                raise SourceRefused(
                    f"{self._where}: it has more than {self._form.max_rows} rows. If that is right, set max_rows in the "
                    "[[source]] table"
                )
            short = number if len(cells) < columns.width else short
            reason = _misfit_reason(cells, columns.width)
            if reason is not None:
                (misfit_rows if misfits is None else misfits).append(
                    MisfitRow(number, cells, columns, self.name, reason)
                )
                continue
            if table.may_be_damaged(cells):
                self._refuse_damage(number, cells)
            yield TableRow(number, cells, layout)
        if short and short == number and table.lacks_final_newline:
            raise SourceUnavailable(f"{self._where}: its last line is cut. Is it still being written?")
        self.rejected += [RejectedRow(line.number, line.reason) for line in misfit_rows]

    def records(self, build: Callable[[TableRow], T], misfit: MisfitReader | None = None) -> Iterator[T]:
        """What *build* makes of each row; a row for which it raises RecordError is rejected.

        *misfit*: what is made of a row that does not fit; it is rejected all the same.
        """
        misfits: list[MisfitRow] | None = [] if misfit is not None else None
        for row in self.rows(misfits):
            try:
                record = build(row)
            except RecordError as error:
                self.rejected.append(RejectedRow(row.number, str(error), error.source_id, error.record_type))
            else:
                yield record
        for line in misfits or ():
            source_id, kept = misfit(line) if misfit is not None else (None, None)
            self.rejected.append(RejectedRow(line.number, line.reason, source_id))
            if kept is not None:
                yield kept
        self.rejected.sort(key=lambda rejected: rejected.row)

    def pages(
        self, build: Callable[[TableRow], Any], scope: str | None = None, misfit: MisfitReader | None = None
    ) -> Iterator[Page]:
        """The whole file as pages of what *build* makes, at least one. The last page lists what was rejected and unused."""
        records = self.records(build, misfit)
        raws = list(islice(records, PAGE_ROWS))
        while following := list(islice(records, PAGE_ROWS)):
            yield Page(raws, as_of=self.as_of, scope=scope, fingerprint=self.fingerprint, file=self.name)
            raws = following
        rejected = tuple(
            RejectedRecord(row.reason, f"{self.name} line {row.row}", row.source_id, row.record_type)
            for row in self.rejected
        )
        yield Page(
            raws,
            as_of=self.as_of,
            scope=scope,
            fingerprint=self.fingerprint,
            rejected=rejected,
            drift=self.left_out,
            file=self.name,
            unused_headers=self.unused_headers,
        )

    def check(self) -> None:
        """Reads the file to its end. Raises the PullError that reading it would raise."""
        for _ in self.rows():
            pass

    # ------------------------------------------------------------------------------------------------------- inside

    @cached_property
    def _table(self) -> CellTable:
        content, self._content = self._content, b""  # two copies of 64 MiB are one too many
        if not content:
            raise SourceUnavailable(f"{self._where}: it is empty. Is it still being written?")
        names = header_names_by_field(self._declared, self._form.columns)
        return open_table(
            content, self._form, lambda cells: header_score(cells, self._declared, names), self._where, self._stop
        )

    @cached_property
    def _columns(self) -> ColumnLayout:
        head = list(islice(self._table.lines(), MAX_HEADER_SEARCH_LINES))
        return ColumnLayout.of(
            self._declared, find_header(head, self._declared, self._form.columns, self._where, self._layouts)
        )

    def _check_layout(self) -> None:
        """Refuses an export in which other things stand under a header than its system writes there."""
        layout = self._columns.layout
        if layout is None:
            return
        lines = [cells for _, cells in islice(self._lines(), CHECKED_LINES)]
        refuse_mixed_up_columns(layout, self._columns, lines, self._form.columns, self._where)

    def _refuse_merged(self) -> None:
        """Refuses cells that are merged over several rows: only the first row has the value, and the others look blank."""
        for first, last, columns in self._table.merged_rows:
            field = next((name for name, place in self._columns.places.items() if place in columns), None)
            if first > self._columns.line and field is not None:
                raise SourceRefused(
                    f"{self._where}: rows {first} to {last} are merged in column {columns[0] + 1} ({field_label(field)}), so "
                    "that only the first of them has a value. Unmerge them, fill in each row, and save the list again"
                )

    def _lines(self) -> Iterator[NumberedCells]:
        """The lines below the headers that have something in them.

        Where several lists were put together, the headers stand there again: that line is none of the rows.
        """
        first, headers = self._columns.line, None
        for number, cells in self._table.lines():
            if number == first:
                headers = cells
            elif number > first and cells != headers and cells.count("") < len(cells):
                yield number, cells

    def _refuse_damage(self, number: int, cells: Sequence[Cell]) -> None:
        for place, field, kind, digits in self._columns.checked_columns:
            if place >= len(cells):
                continue
            damage = spreadsheet_damage(cells[place], kind, digits)
            if damage:
                raise SourceRefused(
                    f"{self._where}: row {number}, column {place + 1} ({field_label(field)}) holds {damage}. "
                    "Format the column as text, fill it again from the system that it came from, and export once more"
                )

    def _days_of_column(self) -> Iterator[date | None]:
        header = fold_header(self._form.as_of_column or "")
        lines = self._table.lines()
        place = self._as_of_place(header, lines)
        for _, cells in lines:
            if place < len(cells) and cells[place] != "":
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


def _configured(header: str) -> str:
    """How `columns` names a header; a column without any is named by its number."""
    return header.removeprefix("column ") if _NUMBERED_COLUMN.fullmatch(header) else f'"{header}"'


def _misfit_reason(cells: Sequence[Cell], width: int) -> str | None:
    """Why a line cannot be read by its columns. One that ends early can: what it lacks is blank."""
    if len(cells) > width and any(cell != "" for cell in cells[width:]):
        return _TOO_MANY
    return _ONE_ALONE if len(cells) == 1 < width else None
