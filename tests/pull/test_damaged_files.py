"""Lists as they reach us when something went wrong on the way: each gets a sentence that says what to do, and none is guessed at."""

import zipfile
from io import BytesIO
from threading import Event
from typing import Any

import pytest
import xlsxwriter

from fleetsync.pull.contract import SourceRefused, SourceUnavailable
from fleetsync.pull.files import FileFormat
from fleetsync.pull.files.tables import open_table
from tests.pull.test_files import LIST, archive_of, opened, refusal, texts, workbook

# ------------------------------------------------------------------------------------------------------------- workbooks


def list_with(change: Any) -> bytes:
    """A workbook with three devices, of which *change* does something to the sheet."""
    content = BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    sheet = book.add_worksheet()
    rows = (("Datorer",), (), ("Uttag",), ("Serienummer", "Enhet", "Status"), ("AB12345", "Ås", "I drift"))
    for number, row in enumerate((*rows, ("AB12346", "Ås", "I drift"), ("AB12347", "Ås", "I drift"))):
        sheet.write_row(number, 0, row)
    change(sheet)
    book.close()
    return content.getvalue()


def test_headers_in_line_four_below_merged_titles_are_the_headers() -> None:
    file = opened(list_with(lambda sheet: sheet.merge_range("A1:C2", "Datorer")), LIST)

    assert texts(file, "serial", "unit") == [("AB12345", "Ås"), ("AB12346", "Ås"), ("AB12347", "Ås")]
    assert file.notes == ("skipped 2 lines above the headers in line 4",)


def test_cells_that_are_merged_over_several_rows_are_refused() -> None:
    said = refusal(opened(list_with(lambda sheet: sheet.merge_range("B5:B7", "Ås")), LIST))

    assert "rows 5 to 7 are merged in column 2 (unit), so that only the first of them has a value. Unmerge them" in said


def test_merged_cells_in_a_column_that_nobody_reads_are_nobodys() -> None:
    def add_notes(sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.write_string("D4", "Anteckning")
        sheet.merge_range("D5:D7", "hämtas")

    assert len(texts(opened(list_with(add_notes), LIST), "serial")) == 3


def test_a_formula_that_was_never_computed_is_no_blank() -> None:
    whole = list_with(lambda sheet: sheet.write_formula("B6", '="Å"&"s"', None, "VÄRDE"))
    members = _members(whole)
    sheet = "xl/worksheets/sheet1.xml"
    uncomputed = archive_of(members | {sheet: members[sheet].replace("<v>VÄRDE</v>", "")})

    assert texts(opened(whole, LIST), "unit")[1] == ("VÄRDE",)
    assert "row 6, column 2 (unit) holds a formula without its value (open the file in a spreadsheet" in refusal(
        opened(uncomputed, LIST)
    )


def test_a_formula_whose_value_is_a_blank_is_one() -> None:
    file = opened(list_with(lambda sheet: sheet.write_formula("B6", '=""', None, "")), LIST)

    assert texts(file, "unit")[1] == (None,)


def _members(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_a_serial_that_a_spreadsheet_made_a_number_of_is_refused() -> None:
    said = refusal(opened(workbook(("Serienummer", "Enhet"), (1.5e20, "Ås")), LIST))

    assert (
        "row 2, column 1 (serial) holds a number with more digits than a spreadsheet keeps. Format the column" in said
    )


# ------------------------------------------------------------------------------------------------------------ text files


@pytest.mark.parametrize(
    ("content", "unit"),
    [
        ('Serienummer;Enhet;Pris\nAB12345;"Ås\nskola";1 234,50\n', "Ås skola"),
        ("Serienummer\tEnhet\tPris\nAB12345\tÅs skola\t1 234,50\n", "Ås skola"),
        ("Serienummer;Enhet;Pris\r\nAB12345;Ås skola;1 234,50\r\n;;\r\n", "Ås skola"),
        ("sep=;\nSerienummer;Enhet;Pris\nAB12345;Ås skola;1 234,50\n", "Ås skola"),
    ],
)
def test_a_text_is_read_as_it_was_meant(content: str, unit: str) -> None:
    assert [" ".join(str(read).split()) for (read,) in texts(opened(content, LIST), "unit")] == [unit]


def test_letters_of_two_encodings_in_one_file_are_refused() -> None:
    mixed = "Serienummer;Enhet\nAB12345;Ås\n".encode() + "AB12346;Åsa\n".encode("cp1252")

    assert "encoded twice" in refusal(opened(mixed, LIST))


@pytest.mark.parametrize("content", ["\r\n\r\n", "   \n", ";;;\n;;;\n"])
def test_a_file_of_blank_lines_has_no_headers(content: str) -> None:
    assert "no header for serial" in refusal(opened(content, LIST))


# ----------------------------------------------------------------------------------------------------------------- PAXml


def paxml(*persons: str, before: str = "") -> bytes:
    return f"<?xml version='1.0'?>{before}<paxml><personal>{''.join(persons)}</personal></paxml>".encode()


PERSON = '<person anstid="1"><fornamn>A</fornamn><resenheter><resenhet dim="1" id="3101"/></resenheter></person>'


def records(content: bytes, most: int = 10) -> list[list[Any]]:
    table = open_table(content, FileFormat(max_rows=most), lambda _: (0, 0), "hr: personal.xml", Event())
    return [list(cells) for _, cells in table.lines()]


def test_a_person_of_paxml_is_a_line_of_attributes_elements_and_references() -> None:
    assert records(paxml(PERSON)) == [["anstid", "fornamn", "resenhet 1"], ["1", "A", "3101"]]


def test_who_is_to_be_deleted_is_left_out() -> None:
    assert len(records(paxml(PERSON, PERSON.replace("<person ", '<person delete="true" ')))) == 2


ENTITIES = '<!DOCTYPE paxml [<!ENTITY a "aaaa"><!ENTITY b SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (paxml(PERSON.replace("A", "&a;"), before=ENTITIES), "declares entities of its own"),
        (paxml(PERSON.replace("A", "&b;"), before=ENTITIES), "declares entities of its own"),
        (paxml(), "PAXml without any person. Export the register of employees"),
        (paxml(PERSON.replace("</fornamn>", "")), "is damaged, and no XML"),
        (paxml(PERSON.replace("<resenheter>", "<fornamn>B</fornamn><resenheter>")), "has fornamn twice"),
        (paxml(*[PERSON] * 11), "more than 10 persons"),
    ],
)
def test_paxml_that_cannot_be_read_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(SourceRefused, match=said):
        records(content)


def test_paxml_that_is_cut_is_tried_later() -> None:
    with pytest.raises(SourceUnavailable, match="its end is missing"):
        records(paxml(PERSON)[:-30])
