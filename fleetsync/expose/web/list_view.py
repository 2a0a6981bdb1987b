"""A list on the page: filters, order, pages and downloads, all by plain links and GET forms.

The list itself is a `ListDefinition`; this module draws it and writes its files. What is not in a row is in no file.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from flask import Response, render_template, request, stream_with_context, url_for

from fleetsync.core.model import Text
from fleetsync.expose import report
from fleetsync.expose.gate import VisibleSnapshot
from fleetsync.expose.lists.definitions import (
    RIGHT_ALIGNED_KINDS,
    CellKind,
    CellValue,
    ListColumn,
    ListContext,
    ListDefinition,
    ListFilter,
    ShownValue,
)
from fleetsync.expose.lists.row_index import RowIndex
from fleetsync.expose.web.indexed_snapshot import IndexedSnapshot
from fleetsync.expose.web.json_pages import json_page
from fleetsync.expose.web.links import changed_url, link_url
from fleetsync.expose.web.request_context import RequestContext, request_context

FILE_FORMATS = ("csv", "xlsx")
MAX_PRINTED_ROWS = 150  # more than a class, and as many bytes as any page
NON_FILTER_PARAMETERS = frozenset({"sort", "page", "format", "limit", "offset", "snapshot", "lang", "theme"})
NOT_OF_SELECTION = frozenset({"format", "lang", "theme"})
# How the table draws a cell of a kind that has no style of its own.
KIND_STYLES: Mapping[CellKind, str] = {
    CellKind.COUNT: "number",
    CellKind.NUMBER: "number",
    CellKind.RATIO: "percent",
    CellKind.FLAG: "works",
    CellKind.DAY: "day",
    CellKind.INSTANT: "instant",
    CellKind.SENTENCE: "reason",
}


@dataclass(frozen=True)
class GivenRows:
    """Rows that replace those of a definition, with their heading and the number that they add up to."""

    title: Text
    index: RowIndex[Any]
    total: int


@dataclass(frozen=True)
class ListView:
    """A list as one request asks for it. *given* replaces the definition's own rows (the rows behind a number).

    *ticked*: the keys of the rows that were ticked; None: all rows are meant.
    """

    definition: ListDefinition[Any]
    context: RequestContext
    given: GivenRows | None = None
    ticked: frozenset[str] | None = None

    @property
    def list_context(self) -> ListContext:
        """What the list reads."""
        return self._indexes.list_context if self.definition.is_of_snapshot else self.context.live_list_context

    @property
    def _indexes(self) -> IndexedSnapshot:
        return self.context.day_indexes if self.definition.keeps_past_days else self.context.today_indexes

    @property
    def visible(self) -> VisibleSnapshot:
        """The snapshot that the rows come from, or are shown beside."""
        return self._indexes.visible

    @property
    def title(self) -> Text:
        """The heading."""
        return self.given.title if self.given else self.definition.title

    @cached_property
    def columns(self) -> Sequence[ListColumn[Any]]:
        """The columns of the page."""
        return [column for column in self.definition.columns_for(self.context.scope) if column.is_on_page]

    @property
    def file_columns(self) -> Sequence[ListColumn[Any]]:
        """The columns of CSV and XLSX."""
        columns = self.definition.columns_for(self.context.scope)
        return [column for column in columns if column.is_on_page or column.is_in_files]

    @cached_property
    def index(self) -> RowIndex[Any]:
        """All rows, before any filter. The index of a snapshot's own list is kept with the snapshot."""
        if self.given is not None:
            return self.given.index
        if self.definition.is_of_snapshot:
            return self._indexes.row_index(self.definition)
        return RowIndex(self.definition, self.list_context)

    @cached_property
    def chosen_rows(self) -> Sequence[Any]:
        """The rows that meet the filters of the address, in the order of the address; of them those that were ticked."""
        rows = self.index.select(request.args, request.args.get("sort", ""), self.context.localiser.language)
        row_key = self.definition.row_key
        if self.ticked is None or row_key is None:
            return rows
        return [row for row in rows if row_key(row) in self.ticked]

    @property
    def sort_order(self) -> tuple[str, bool]:
        """(column's key, whether descending), as chosen."""
        return self.definition.sort_order(request.args.get("sort", ""))

    def page_url(self) -> str:
        """The page of the list, with the choices of this address."""
        if self.ticked is None and request.method == "GET":
            return changed_url()
        kept: dict[str, Any] = {key: value for key, value in request.args.items() if key not in NOT_OF_SELECTION}
        return url_for(f"pages.{self.definition.name.replace('-', '_')}", **kept)

    def respond(self, template: str, **more: Any) -> Response | str:
        """The list in the form that was asked for: a page, a page to be printed, or a file."""
        file_format = request.args.get("format", "")
        if file_format in FILE_FORMATS:
            return self.file_response(file_format)
        if file_format == "json":
            return self.json_response()
        if file_format == "print":
            return self.printed()
        return self._render(template, ListPage(self, self.definition.page_size), **more)

    def printed(self) -> str:
        """The chosen rows on one page that is made for paper."""
        return self._render("printed_list.html", ListPage(self, MAX_PRINTED_ROWS, is_printed=True))

    def _render(self, template: str, list_page: "ListPage", **more: Any) -> str:
        column = self.definition.login_column(self.context.scope)
        if column is not None and any(column.value(row, self.list_context) for row in list_page.rows):
            self.context.write_audit("viewed list with log-ins", self.definition.name)
        return render_template(template, list_view=self, list_page=list_page, hidden=self.index.hidden_rows, **more)

    def file_response(self, file_format: str) -> Response:
        """All chosen rows as CSV or XLSX, as the page shows them, in pieces."""
        self.context.write_audit(f"export {self.definition.name} {file_format}", self.definition.name)
        context, list_context, columns = self.context, self.list_context, self.file_columns
        localiser = context.localiser
        titles = [localiser.translate(column.title) for column in columns]
        cells = (
            [_export_cell(column.shown_value(row, list_context), context) for column in columns]
            for row in self.chosen_rows
        )
        if file_format == "csv":
            body: Iterator[bytes] = report.csv_file(titles, cells)
            content_type = "text/csv; charset=utf-8"
        else:
            body = report.xlsx_file(localiser.translate(self.title), titles, cells)
            content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        name = f"fleetsync-{self.definition.name}-{self.context.as_of or self.context.today}.{file_format}"
        return Response(
            stream_with_context(body),
            content_type=content_type,
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def json_response(self) -> Response:
        """The chosen rows with their machine values, page by page."""
        return json_page(self.context, self.definition, self.list_context, self.visible, self.chosen_rows)


class ListPage:
    """The part of a list that is on the screen, and the links around it."""

    def __init__(self, list_view: ListView, size: int, *, is_printed: bool = False) -> None:
        self.list_view, self.is_printed = list_view, is_printed
        self.definition = list_view.definition
        self.list_context = list_view.list_context
        self.all = list_view.chosen_rows
        self.count = len(self.all)
        self.pages = max(1, -(-self.count // size))
        # The address of a selection may still have the page that rows were ticked on.
        asked_page = 1 if is_printed else request.args.get("page", 1, type=int)
        self.page = min(max(1, asked_page), self.pages)
        self.rows = self.all[(self.page - 1) * size : self.page * size]
        self.total = list_view.given.total if list_view.given else None
        self.columns = [column for column in list_view.columns if not column.is_optional or self._has_values(column)]

    def _has_values(self, column: ListColumn[Any]) -> bool:
        if column.key == self.list_view.sort_order[0]:
            return True
        is_worth_looking = self.list_view.index.has_values(column)
        return is_worth_looking and any(column.value(row, self.list_context) is not None for row in self.all)

    # --- ticking ----------------------------------------------------------------------------------------------------------

    @property
    def can_be_ticked(self) -> bool:
        """Whether rows can be ticked, to do something with them together."""
        return self.definition.row_key is not None and self.list_view.given is None

    @property
    def can_be_parked(self) -> bool:
        """Whether ticked rows are gaps that the account may park."""
        return self.definition.are_rows_gaps and self.list_view.context.may_park

    def row_key(self, row: Any) -> str:
        """What *row* is ticked by."""
        assert self.definition.row_key is not None, "asked for where rows can be ticked alone"
        return self.definition.row_key(row)

    def selection_url(self) -> str:
        """Where ticked rows are posted to, with the filters and the order of this page."""
        kept: dict[str, Any] = {key: value for key, value in request.args.items() if key not in NOT_OF_SELECTION}
        return url_for("pages.selection", name=self.definition.name, **kept)

    # --- cells ------------------------------------------------------------------------------------------------------------

    def value(self, column: ListColumn[Any], row: Any) -> CellValue:
        """A cell's machine value."""
        return column.value(row, self.list_context)

    def shown_value(self, column: ListColumn[Any], row: Any) -> ShownValue:
        """What a cell shows."""
        return column.shown_value(row, self.list_context)

    def link(self, column: ListColumn[Any], row: Any) -> str | None:
        """Where a cell leads."""
        if column.link is None or self.is_printed:
            return None
        return link_url(column.link(row, self.list_context), self.list_view.context)

    def second_line(self, column: ListColumn[Any], row: Any) -> str:
        """A cell's quieter second line; "" for none."""
        return column.second_line(row, self.list_context) if column.second_line else ""

    def cell_style(self, column: ListColumn[Any]) -> str:
        """How the cells of a column are drawn."""
        return column.cell_style or KIND_STYLES.get(column.kind, "text")

    def cell_class(self, column: ListColumn[Any]) -> Mapping[str, str]:
        """The class attribute of the cells of a column; none for plain text."""
        style = self.cell_style(column)
        if style == "text":
            return {}
        return {"class": f"number as-{style}" if self.is_number(column) else f"as-{style}"}

    def is_number(self, column: ListColumn[Any]) -> bool:
        """Whether a column is aligned to the right."""
        return column.kind in RIGHT_ALIGNED_KINDS and self.cell_style(column) in {"number", "percent"}

    # --- links around the list --------------------------------------------------------------------------------------------

    def url(self, **changes: str | int | None) -> str:
        """This list with other choices; None removes a choice."""
        return changed_url(**changes)

    def sort_url(self, column: ListColumn[Any]) -> str:
        """The list sorted by *column*; if it is already, in the other direction."""
        key, is_descending = self.list_view.sort_order
        chosen = f"-{column.key}" if (key == column.key and not is_descending) else column.key
        return self.url(sort=chosen, page=None)

    def aria_sort(self, column: ListColumn[Any]) -> str | None:
        """The value of aria-sort; None when the list is not sorted by *column*."""
        key, is_descending = self.list_view.sort_order
        if key != column.key:
            return None
        return "descending" if is_descending else "ascending"

    def choices(self, list_filter: ListFilter[Any]) -> Sequence[tuple[str, str, int]]:
        """(value, name, number of rows) of a filter, among all rows of the list."""
        return self.list_view.index.choices(list_filter, self.list_view.context.localiser.language)

    def value_name(self, list_filter: ListFilter[Any], value: str) -> str:
        """The name of a filter's value."""
        return self.list_view.context.localiser.translate(list_filter.name(value, self.list_context))

    def chosen(self, key: str) -> str:
        """The chosen value of a filter."""
        return chosen_value(key)

    @property
    def is_filtered(self) -> bool:
        """Whether any filter is set."""
        return any(chosen_value(list_filter.key) for list_filter in self.definition.filters)

    @property
    def cleared_url(self) -> str:
        """This list with no filter set."""
        return self.url(page=None, **dict.fromkeys((list_filter.key for list_filter in self.definition.filters), None))

    def sort_options(self) -> Sequence[tuple[str, str, bool]]:
        """(value of ?sort=, column's title, whether it is chosen): numbers start with the largest, words with A."""
        key, _ = self.list_view.sort_order
        return [
            (
                f"-{column.key}" if self.is_number(column) else column.key,
                request_context().localiser.translate(column.title),
                column.key == key,
            )
            for column in self.columns
        ]

    def hidden_fields(self) -> Mapping[str, str]:
        """Parameters that the filter form passes on beside its own fields."""
        own_keys = {list_filter.key for list_filter in self.definition.filters} | NON_FILTER_PARAMETERS
        return {key: value for key, value in request.args.items() if key not in own_keys}


def chosen_value(key: str) -> str:
    """The value of a filter in the address."""
    return request.args.get(key, "").strip()


def _export_cell(value: ShownValue, context: RequestContext) -> report.ExportCell:
    if isinstance(value, Text):
        return context.localiser.translate(value)
    return context.localiser.local(value) if isinstance(value, datetime) else value
