"""A list as a table of values: every one filters, sorts, pages and downloads in the same way.

All of it by plain links and GET forms. What is not in a row is in no file either.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import Response, jsonify, render_template, request, stream_with_context, url_for

from fleetsync.core.model import Text
from fleetsync.expose import report
from fleetsync.expose.web.request_context import RequestContext, request_context

CellValue = str | int | float | date | datetime | Text | None
PAGE_SIZE = 100
NOTHING_TO_SHOW = Text("Inget att visa.", "Nothing to show.")
FORMATS = ("csv", "xlsx", "json")
NON_FILTER_PARAMETERS = frozenset({"sort", "page", "format", "lang", "theme"})


@dataclass(frozen=True)
class ListColumn:
    """One column. `cell_style` names how the cell is drawn; `link` where it leads, None for nowhere."""

    key: str
    title: Text
    value: Callable[[Any], CellValue]
    cell_style: str = "text"
    link: Callable[[Any], str | None] | None = None
    second_line: Callable[[Any], str] | None = None  # a second, quieter line
    is_optional: bool = False  # on the screen only where a row has a value; a file has every column

    @property
    def is_number(self) -> bool:
        """Whether it stands to the right."""
        return self.cell_style in {"number", "percent"}


@dataclass(frozen=True)
class ListFilter:
    """One choice. `values` are what a row counts under; `value_name` is what a value is called."""

    key: str
    title: Text
    values: Callable[[Any], Iterable[str]]
    value_name: Callable[[str], str]

    def choices(self, rows: Iterable[Any]) -> Sequence[tuple[str, str, int]]:
        """(value, what it is called, in how many rows), by what it is called."""
        counts = Counter(value for row in rows for value in self.values(row) if value)
        named = ((value, self.value_name(value), count) for value, count in counts.items())
        return sorted(named, key=lambda one: _collation_key(one[1]))


@dataclass(frozen=True)
class ListView:
    """Rows with their columns and filters. `sort` is the order without a choice: a column's key, "-" for downwards."""

    name: str
    title: Text
    columns: Sequence[ListColumn]
    rows: Sequence[Any]
    filters: Sequence[ListFilter] = ()
    sort: str = ""
    empty_text: Text = NOTHING_TO_SHOW
    total: Callable[[Sequence[Any]], int] | None = None  # Σ that the list stands for

    def respond(self, template: str, **more: Any) -> Response | str:
        """The list as it was asked for: a page, or a file."""
        seen = request_context()
        rows = self.sorted_rows(self.filtered_rows())
        wanted = request.args.get("format", "")
        if wanted in FORMATS:
            seen.write_audit(f"export {self.name} {wanted}", self.name)
            return self.file_response(wanted, rows, seen)
        return render_template(template, list_view=self, list_page=ListPage(self, rows), **more)

    def filtered_rows(self) -> Sequence[Any]:
        """The rows that meet every filter."""
        rows: Sequence[Any] = self.rows
        for one in self.filters:
            if chosen := chosen_value(one.key):
                rows = [row for row in rows if chosen in one.values(row)]
        return rows

    def sorted_rows(self, rows: Sequence[Any]) -> Sequence[Any]:
        """The rows by the chosen column; what has no value stands last, both ways."""
        key, is_down = self.sort_order
        column = next((one for one in self.columns if one.key == key), None)
        if column is None:
            return rows
        told = [(sort_key(column.value(row)), row) for row in rows]
        known = sorted((pair for pair in told if pair[0] is not None), key=lambda pair: pair[0], reverse=is_down)
        return [row for _, row in known] + [row for value, row in told if value is None]

    @property
    def sort_order(self) -> tuple[str, bool]:
        """(column's key, whether downwards), as chosen."""
        chosen = request.args.get("sort", "")
        if chosen.removeprefix("-") not in {column.key for column in self.columns}:
            chosen = self.sort
        return chosen.removeprefix("-"), chosen.startswith("-")

    def file_response(self, wanted: str, rows: Sequence[Any], seen: RequestContext) -> Response:
        """All filtered rows as CSV, XLSX or JSON."""
        if wanted == "json":
            return self.json_response(rows)
        titles = [seen.localiser.translate(column.title) for column in self.columns]
        cells = ([_export_cell(column.value(row), seen) for column in self.columns] for row in rows)
        if wanted == "csv":
            body: Iterator[bytes] = report.csv_file(titles, cells)
            kind = "text/csv; charset=utf-8"
        else:
            body = report.xlsx_file(seen.localiser.translate(self.title), titles, cells)
            kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        name = f"fleetsync-{self.name}-{seen.as_of or seen.today}.{wanted}"
        return Response(
            stream_with_context(body),
            content_type=kind,
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def json_response(self, rows: Sequence[Any]) -> Response:
        """All rows as one document, with the instant of the snapshot they come from."""
        seen = request_context()
        moment = seen.snapshot.outcome.moment
        return jsonify(
            snapshot_at=moment.at.isoformat(),
            day=moment.today.isoformat(),
            count=len(rows),
            rows=[{column.key: _json_value(column.value(row)) for column in self.columns} for row in rows],
        )


class ListPage:
    """The part of a list that is on the screen, and the links around it."""

    def __init__(self, list_view: ListView, rows: Sequence[Any]) -> None:
        self.list_view = list_view
        self.all = rows
        self.count = len(rows)
        self.pages = max(1, -(-self.count // PAGE_SIZE))
        self.page = min(max(1, request.args.get("page", 1, type=int)), self.pages)
        self.rows = rows[(self.page - 1) * PAGE_SIZE : self.page * PAGE_SIZE]
        self.total = list_view.total(rows) if list_view.total else None
        self.columns = [column for column in list_view.columns if not column.is_optional or self._has_values(column)]

    def _has_values(self, column: ListColumn) -> bool:
        return column.key == self.list_view.sort_order[0] or any(column.value(row) is not None for row in self.all)

    def href(self, **changes: str | int | None) -> str:
        """This list with something else chosen; None takes a choice away."""
        kept = {key: value for key, value in request.args.items() if key not in {"lang", "theme", "format"}}
        chosen = {**kept, **(request.view_args or {}), **changes}
        return url_for(request.endpoint or "pages.overview", **{k: v for k, v in chosen.items() if v not in (None, "")})

    def sort_url(self, column: ListColumn) -> str:
        """Sorted by *column*; by it already: the other way round."""
        key, is_down = self.list_view.sort_order
        wanted = f"-{column.key}" if (key == column.key and not is_down) else column.key
        return self.href(sort=wanted, page=None)

    def aria_sort(self, column: ListColumn) -> str | None:
        """As aria-sort says it; None when it is not sorted by this column."""
        key, is_down = self.list_view.sort_order
        if key != column.key:
            return None
        return "descending" if is_down else "ascending"

    def choices(self, one: ListFilter) -> Sequence[tuple[str, str, int]]:
        """What *one* can choose among all rows of the list."""
        return one.choices(self.list_view.rows)

    def chosen(self, key: str) -> str:
        """What is chosen of a filter."""
        return chosen_value(key)

    @property
    def is_filtered(self) -> bool:
        """Whether any filter is set."""
        return any(chosen_value(one.key) for one in self.list_view.filters)

    @property
    def cleared_url(self) -> str:
        """This list with no filter set."""
        return self.href(page=None, **dict.fromkeys((one.key for one in self.list_view.filters), None))

    def sort_options(self) -> Sequence[tuple[str, str, bool]]:
        """(what to ask for, the column's title, whether it is so now): numbers from the top, words from A."""
        key, _ = self.list_view.sort_order
        return [
            (
                f"-{column.key}" if column.is_number else column.key,
                request_context().localiser.translate(column.title),
                column.key == key,
            )
            for column in self.columns
        ]

    def hidden_fields(self) -> Mapping[str, str]:
        """What the filter form sends on beside its own fields."""
        own = {one.key for one in self.list_view.filters} | NON_FILTER_PARAMETERS
        return {key: value for key, value in request.args.items() if key not in own}


def chosen_value(key: str) -> str:
    """What the address says of a filter."""
    return request.args.get(key, "").strip()


def sort_key(value: CellValue) -> Any:
    """A value that sorts among those of its column."""
    if isinstance(value, Text):
        value = request_context().localiser.translate(value)
    if isinstance(value, str):
        return _collation_key(value) if value else None
    return value


# Å, Ä and Ö are letters of their own, after Z; by code point Å would stand between Ä and Ö's neighbours.
_SWEDISH_COLLATION = str.maketrans({"å": "{", "ä": "|", "ö": "}"})


def _collation_key(text: str) -> str:
    return text.casefold().translate(_SWEDISH_COLLATION)


def _export_cell(value: CellValue, seen: RequestContext) -> report.ExportCell:
    if isinstance(value, Text):
        return seen.localiser.translate(value)
    return seen.localiser.local(value) if isinstance(value, datetime) else value


def _json_value(value: CellValue) -> Any:
    if isinstance(value, Text):
        return {"sv": value.sv, "en": value.en}
    return value.isoformat() if isinstance(value, date) else value
