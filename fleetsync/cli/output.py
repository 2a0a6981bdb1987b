"""How a list is printed: a table on a terminal, plain lines on a pipe, or one of the formats asked for."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from fleetsync.cli.errors import EXIT_UNUSABLE, CommandError
from fleetsync.expose.lists import CellFormat, OutputColumn, OutputTable, plain_value
from fleetsync.expose.report import DIALECTS, csv_file, xlsx_file

LANGUAGE = "en"
FORMATS = ("table", "csv", "json", "xlsx")


def print_list(
    listing: OutputTable, form: str | None, output: Path | None, limit: int | None = None, dialect: str = ""
) -> None:
    """Print *listing* as *form*; a workbook needs *output*, the others may have one."""
    if form == "xlsx" and output is None:
        raise CommandError("a workbook is no text: say where to write it, with --output FILE.xlsx", EXIT_UNUSABLE)
    if form in (None, "table") and output is None and sys.stdout.isatty():
        _print_table(listing, limit)
        return
    pieces = _encoded_chunks(listing, form or "", dialect)
    if output is None:
        for piece in pieces:
            click.echo(piece, nl=False)
        return
    with output.open("wb") as file:
        file.writelines(pieces)


def _encoded_chunks(listing: OutputTable, form: str, dialect: str) -> Iterable[bytes]:
    names = [column.name for column in listing.columns]
    rows = ([_file_cell(value) for value in row] for row in listing.rows)
    if form == "csv":
        return csv_file(names, rows, DIALECTS[dialect or "excel-sv"])
    if form == "xlsx":
        return xlsx_file(listing.name, names, rows)
    return (({"json": _as_json}.get(form, _as_tab_separated)(listing)).encode(),)


def _file_cell(value: Any) -> Any:
    return value if value is None or isinstance(value, int | float | datetime) else plain_value(value, LANGUAGE)


def _as_json(listing: OutputTable) -> str:
    rows = [
        {column.name: _json_value(value) for column, value in zip(listing.columns, row, strict=True)}
        for row in listing.rows
    ]
    document = {"list": listing.name, "as_of": listing.as_of.isoformat() if listing.as_of else None, "rows": rows}
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _json_value(value: Any) -> Any:
    return value if isinstance(value, bool) else plain_value(value, LANGUAGE)


def _as_tab_separated(listing: OutputTable) -> str:
    head = "\t".join(column.name for column in listing.columns)
    return "\n".join([head, *("\t".join(cell_texts(listing.columns, row)) for row in listing.rows)]) + "\n"


def cell_texts(columns: Sequence[OutputColumn], row: Iterable[Any]) -> list[str]:
    """A row's cells as a person reads them."""
    return [_cell_text(column, value) for column, value in zip(columns, row, strict=True)]


def _cell_text(column: OutputColumn, value: Any) -> str:
    if value is None:
        return "–"
    if column.kind is CellFormat.RATIO:
        return f"{value:.1%}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    return str(plain_value(value, LANGUAGE))


def _print_table(listing: OutputTable, limit: int | None) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in listing.columns:
        is_number = column.kind in (CellFormat.NUMBER, CellFormat.RATIO)
        table.add_column(column.title.in_language(LANGUAGE), justify="right" if is_number else "left", overflow="fold")
    shown = listing.rows[:limit] if limit else listing.rows
    for row in shown:
        table.add_row(*cell_texts(listing.columns, row))
    Console().print(table)
    if len(shown) < len(listing.rows):
        click.echo(f"{len(listing.rows) - len(shown)} more; --limit 0 shows all", err=True)
