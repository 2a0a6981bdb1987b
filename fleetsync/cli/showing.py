"""How a list is printed: a table on a terminal, plain lines on a pipe, or one of the formats asked for."""

import csv
import io
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from fleetsync.cli.failing import UNUSABLE, Told
from fleetsync.expose.lists import Column, Kind, Listing, plain

LANGUAGE = "en"
FORMATS = ("table", "csv", "json", "xlsx")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def show(listing: Listing, form: str | None, output: Path | None, limit: int | None = None) -> None:
    """Print *listing* as *form*; a workbook needs *output*, the others may have one."""
    if form == "xlsx" and output is None:
        raise Told("a workbook is no text: say where to write it, with --output FILE.xlsx", UNUSABLE)
    if form == "xlsx" and output is not None:
        workbook(listing, output)
        return
    text = {"csv": _csv, "json": _json}.get(form or "", _lines)(listing)
    if output is not None:
        output.write_text(text, encoding="utf-8-sig" if form == "csv" else "utf-8", newline="")
    elif form in (None, "table") and sys.stdout.isatty():
        _table(listing, limit)
    else:
        click.echo(text, nl=False)


def _csv(listing: Listing) -> str:
    written = io.StringIO()
    writer = csv.writer(written, delimiter=";", lineterminator="\r\n")
    writer.writerow([column.name for column in listing.columns])
    for row in listing.rows:
        writer.writerow([_safe(plain(value, LANGUAGE)) for value in row])
    return written.getvalue()


def _safe(value: Any) -> Any:
    """A cell that a spreadsheet would take for a formula is made text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


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


def workbook(listing: Listing, output: Path) -> None:
    """An XLSX file whose cells are values, never formulas."""
    from xlsxwriter import Workbook

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with Workbook(str(output), options) as book:
        sheet = book.add_worksheet(listing.name)
        sheet.write_row(0, 0, [column.title.said(LANGUAGE) for column in listing.columns])
        for number, row in enumerate(listing.rows, 1):
            sheet.write_row(number, 0, [plain(value, LANGUAGE) for value in row])
