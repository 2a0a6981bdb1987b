"""How a list is printed: a table on a terminal, plain lines on a pipe, or one of the formats asked for."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from fleetsync.cli.failing import UNUSABLE, Told
from fleetsync.expose.lists import Column, Kind, Listing, plain
from fleetsync.expose.report import DIALECTS, csv_file, xlsx_file

LANGUAGE = "en"
FORMATS = ("table", "csv", "json", "xlsx")


def show(listing: Listing, form: str | None, output: Path | None, limit: int | None = None, dialect: str = "") -> None:
    """Print *listing* as *form*; a workbook needs *output*, the others may have one."""
    if form == "xlsx" and output is None:
        raise Told("a workbook is no text: say where to write it, with --output FILE.xlsx", UNUSABLE)
    if form in (None, "table") and output is None and sys.stdout.isatty():
        _table(listing, limit)
        return
    pieces = _pieces(listing, form or "", dialect)
    if output is None:
        for piece in pieces:
            click.echo(piece, nl=False)
        return
    with output.open("wb") as file:
        file.writelines(pieces)


def _pieces(listing: Listing, form: str, dialect: str) -> Iterable[bytes]:
    names = [column.name for column in listing.columns]
    rows = ([_cell_of_file(value) for value in row] for row in listing.rows)
    if form == "csv":
        return csv_file(names, rows, DIALECTS[dialect or "excel-sv"])
    if form == "xlsx":
        return xlsx_file(listing.name, names, rows)
    return (({"json": _json}.get(form, _lines)(listing)).encode(),)


def _cell_of_file(value: Any) -> Any:
    return value if value is None or isinstance(value, int | float | datetime) else plain(value, LANGUAGE)


def _json(listing: Listing) -> str:
    rows = [
        {column.name: _machine(value) for column, value in zip(listing.columns, row, strict=True)}
        for row in listing.rows
    ]
    document = {"list": listing.name, "as_of": listing.as_of.isoformat() if listing.as_of else None, "rows": rows}
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _machine(value: Any) -> Any:
    return value if isinstance(value, bool) else plain(value, LANGUAGE)


def _lines(listing: Listing) -> str:
    head = "\t".join(column.name for column in listing.columns)
    return "\n".join([head, *("\t".join(written(listing.columns, row)) for row in listing.rows)]) + "\n"


def written(columns: Sequence[Column], row: Iterable[Any]) -> list[str]:
    """A row's cells as a person reads them."""
    return [_cell(column, value) for column, value in zip(columns, row, strict=True)]


def _cell(column: Column, value: Any) -> str:
    if value is None:
        return "–"
    if column.kind is Kind.RATIO:
        return f"{value:.1%}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    return str(plain(value, LANGUAGE))


def _table(listing: Listing, limit: int | None) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in listing.columns:
        is_number = column.kind in (Kind.NUMBER, Kind.RATIO)
        table.add_column(column.title.said(LANGUAGE), justify="right" if is_number else "left", overflow="fold")
    shown = listing.rows[:limit] if limit else listing.rows
    for row in shown:
        table.add_row(*written(listing.columns, row))
    Console().print(table)
    if len(shown) < len(listing.rows):
        click.echo(f"{len(listing.rows) - len(shown)} more; --limit 0 shows all", err=True)
