"""How a list is printed: a table on a terminal, tab-separated lines on a pipe, or the format that was asked for."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import click

from fleetsync.cli.errors import EXIT_UNUSABLE, CommandError
from fleetsync.core.model import Text
from fleetsync.core.text import printable
from fleetsync.expose.lists.definitions import (
    RIGHT_ALIGNED_KINDS,
    CellKind,
    CellValue,
    ListColumn,
    ListContext,
    ListDefinition,
)
from fleetsync.expose.lists.json_rows import json_rows
from fleetsync.expose.report import DIALECTS, ExportCell, csv_file, xlsx_file

LANGUAGE = "en"
FORMATS = ("table", "csv", "json", "xlsx")


@dataclass(frozen=True)
class PrintedList:
    """A list with the rows that are to be printed. Cells are the machine values, sentences in English."""

    definition: ListDefinition[Any]
    rows: Sequence[Any]
    context: ListContext
    as_of: date | None = None

    @cached_property
    def columns(self) -> Sequence[ListColumn[Any]]:
        """Every column, those for machines included."""
        return self.definition.columns_for(self.context.scope)

    def cells(self, row: Any) -> list[ExportCell]:
        """The values of a row for a file."""
        return [plain_value(column.value(row, self.context)) for column in self.columns]

    def texts(self, row: Any) -> list[str]:
        """The values of a row as a person reads them, each on one line."""
        return [printable(_cell_text(column, column.value(row, self.context))) for column in self.columns]


def print_list(
    printed: PrintedList, form: str | None, output: Path | None, limit: int | None = None, dialect: str = ""
) -> None:
    """Print *printed* as *form*; a workbook needs *output*, the other formats may have one."""
    if form == "xlsx" and output is None:
        raise CommandError("a workbook is no text: say where to write it, with --output FILE.xlsx", EXIT_UNUSABLE)
    if form in (None, "table") and output is None and sys.stdout.isatty():
        _print_table(printed, limit)
        return
    chunks = _encoded_chunks(printed, form or "", dialect)
    if output is None:
        for chunk in chunks:
            click.echo(chunk, nl=False)
        return
    with output.open("wb") as file:
        file.writelines(chunks)


def _encoded_chunks(printed: PrintedList, form: str, dialect: str) -> Iterable[bytes]:
    keys = [column.key for column in printed.columns]
    rows = (printed.cells(row) for row in printed.rows)
    if form == "csv":
        return csv_file(keys, rows, DIALECTS[dialect or "excel-sv"])
    if form == "xlsx":
        return xlsx_file(printed.definition.name, keys, rows)
    return (({"json": _as_json}.get(form, _as_tab_separated)(printed)).encode(),)


def plain_value(value: CellValue) -> ExportCell:
    """A machine value as one cell of a file: a flag as yes or no, a sentence in English, several ids by spaces."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Text):
        return value.in_language(LANGUAGE)
    if isinstance(value, datetime) or value is None or isinstance(value, str | int | float):
        return value
    return value.isoformat() if isinstance(value, date) else " ".join(value)


def _as_json(printed: PrintedList) -> str:
    rows = json_rows(printed.definition, printed.rows, printed.context)
    as_of = printed.as_of.isoformat() if printed.as_of else None
    document = {"list": printed.definition.name, "as_of": as_of, "rows": rows}
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _as_tab_separated(printed: PrintedList) -> str:
    head = "\t".join(column.key for column in printed.columns)
    return "\n".join([head, *("\t".join(printed.texts(row)) for row in printed.rows)]) + "\n"


def _cell_text(column: ListColumn[Any], value: CellValue) -> str:
    if value is None:
        return "–"
    if column.kind is CellKind.RATIO and isinstance(value, float | int):
        return f"{value:.1%}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    return str(plain_value(value))


def _print_table(printed: PrintedList, limit: int | None) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in printed.columns:
        justify = "right" if column.kind in RIGHT_ALIGNED_KINDS else "left"
        table.add_column(column.title.in_language(LANGUAGE), justify=justify, overflow="fold")  # type: ignore[arg-type]
    shown = printed.rows[:limit] if limit else printed.rows
    for row in shown:
        table.add_row(*printed.texts(row))
    Console().print(table)
    if len(shown) < len(printed.rows):
        click.echo(f"{len(printed.rows) - len(shown)} more; --limit 0 shows all", err=True)
