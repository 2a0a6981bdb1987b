"""Files out: what a spreadsheet reads back, and what it must never run."""

import csv
import io
import zipfile
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from fleetsync.expose.report import DIALECTS, FORMULA_STARTS, ExportCell, csv_file, xlsx_file

SEEN = datetime(2026, 11, 24, 7, 5, tzinfo=UTC)


def read_back(body: bytes, delimiter: str = ";") -> list[list[str]]:
    return list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def test_swedish_excel_gets_a_bom_semicolons_and_decimal_commas():
    body = b"".join(csv_file(["Enhet", "Täckning"], [["Björkskolan", 0.934]]))

    assert body == "\ufeffEnhet;Täckning\r\nBjörkskolan;0,934\r\n".encode()


def test_the_plain_dialect_is_for_other_programs():
    body = b"".join(csv_file(["unit", "ratio"], [["ek", 0.5]], DIALECTS["plain"]))

    assert body == b"unit,ratio\r\nek,0.5\r\n"


def test_days_instants_numbers_and_nothing_keep_their_meaning():
    row: list[ExportCell] = [date(2026, 11, 24), SEEN, -3, None]

    assert read_back(b"".join(csv_file(["a", "b", "c", "d"], [row])))[1] == [
        "2026-11-24",
        "2026-11-24 07:05+00:00",
        "-3",
        "",
    ]


@given(st.text())
def test_no_cell_ever_begins_a_formula(text):
    body = b"".join(csv_file([text], [[text]]))

    for line in read_back(body):
        assert not any(cell.startswith(FORMULA_STARTS) for cell in line)


def test_a_long_list_comes_in_pieces_and_whole():
    pieces = list(csv_file(["n"], ([number] for number in range(1_200))))

    assert len(pieces) == 3
    assert read_back(b"".join(pieces))[1:] == [[str(number)] for number in range(1_200)]


def sheet_of(body: bytes, name: str) -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_name(name).to_python()


def test_a_workbook_holds_values_and_no_formulas():
    rows: list[list[ExportCell]] = [
        ["=1+1", 7, 0.5, date(2026, 11, 24), SEEN, None],
        ["https://exempelby.se", 0, 1.0, None, None, ""],
    ]
    body = b"".join(xlsx_file("Avvikelser", ["a", "b", "c", "d", "e", "f"], rows))

    titles, first, second = sheet_of(body, "Avvikelser")
    assert titles == ["a", "b", "c", "d", "e", "f"]
    assert first == ["=1+1", 7.0, 0.5, date(2026, 11, 24), SEEN.replace(tzinfo=None), ""]
    assert second[:3] == ["https://exempelby.se", 0.0, 1.0]
    sheet = zipfile.ZipFile(io.BytesIO(body)).read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in sheet
    assert b"hyperlink" not in sheet


@pytest.mark.parametrize("rows", [[], [["ensam"]]])
def test_an_empty_workbook_opens(rows):
    body = b"".join(xlsx_file("Täckning", ["Enhet"], rows))

    assert sheet_of(body, "Täckning") == [["Enhet"], *rows]
