"""The reader of files: what it reads, what it refuses, and that no value of a cell is ever in a message."""

import os
import re
import threading
import unicodedata
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from personnummer import personnummer  # type: ignore[import-untyped]  # ships no types
from pydantic import ValidationError

from fleetsync.clock import ManualClock
from fleetsync.core.model import Condition, EmploymentForm, Purpose
from fleetsync.data import unprotected_spellings
from fleetsync.pull import contract
from fleetsync.pull.contract import PullError, RecordError, SourceRefused, SourceSettings, SourceUnavailable
from fleetsync.pull.decoding import (
    WITHHELD_TEXT,
    civic_number,
    is_protected,
    parse_boolean,
    parse_condition,
    parse_day,
    parse_employment_form,
    parse_number,
    parse_purpose,
    reportable_word,
)
from fleetsync.pull.decoding.text import clean, fold_word, needs_only_stripping
from fleetsync.pull.files import (
    HEADER_WORDS,
    FileColumn,
    FileFormat,
    OpenedFile,
    StableFiles,
    Suspicion,
    TableRow,
    day_in_name,
    fingerprint_of,
    look_like_days,
)
from fleetsync.pull.files.header_words import fold_header
from fleetsync.pull.files.headers import header_names_by_field
from fleetsync.pull.files.values import may_hold_damage, spreadsheet_damage
from fleetsync.pull.table_process.sheet_xml import unreadable_cells

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
TODAY = NOW.date()
STAFF = (
    FileColumn("person_number", required=True, kind="id"),
    FileColumn("employment_form", deciding=True),
    FileColumn("start", kind="day"),
    FileColumn("end", kind="day", deciding=True),
    FileColumn("share", kind="number"),
    FileColumn("unit"),
)
LIST = (FileColumn("serial", required=True, kind="id"), FileColumn("unit"), FileColumn("status"))


def opened(content: bytes | str, columns: Sequence[FileColumn] = STAFF, /, **form: Any) -> OpenedFile:
    return OpenedFile(
        "personal.csv",
        content.encode() if isinstance(content, str) else content,
        scope="personal",
        as_of=TODAY,
        today=TODAY,
        modified_at=NOW,
        columns=columns,
        form=FileFormat(**form),
        source="hr",
        day_is_named=False,
    )


def texts(file: OpenedFile, *fields: str) -> list[tuple[str | None, ...]]:
    return [tuple(row.text(field) for field in fields) for row in file.rows()]


def workbook(*rows: Sequence[Any], sheets: Sequence[str] = ("Blad1",), at: tuple[int, int] = (0, 0)) -> bytes:
    content = BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    book.set_properties({"created": datetime(2026, 11, 24)})  # noqa: DTZ001 - the same bytes each time
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    sheet, *_ = [book.add_worksheet(name) for name in sheets]
    for row, cells in enumerate(rows, at[0]):
        for column, cell in enumerate(cells, at[1]):
            if isinstance(cell, str) and cell.startswith("="):
                sheet.write_formula(row, column, cell, None, "#N/A" if "NA()" in cell else "#REF!")
            elif isinstance(cell, str):
                sheet.write_string(row, column, cell)
            elif isinstance(cell, date):
                sheet.write_datetime(row, column, cell, day)
            else:
                sheet.write(row, column, cell)
    book.close()
    return content.getvalue()


def refusal(file: OpenedFile) -> str:
    with pytest.raises(SourceRefused) as refused:
        list(file.rows())
    return str(refused.value)


# ---------------------------------------------------------------------------------------------------- letters and cells

LETTERS = st.sampled_from("abcxyzåäöÅÄÖéü 0123456789-_/()'\"&")
CELLS = st.text(LETTERS, max_size=12).map(str.strip)


def as_csv(rows: Sequence[Sequence[str]], delimiter: str, end: str) -> str:
    def quoted(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"'

    return "".join(delimiter.join(map(quoted, row)) + end for row in rows)


@given(
    rows=st.lists(st.tuples(CELLS.filter(bool), CELLS, CELLS), max_size=8),
    delimiter=st.sampled_from(";\t,|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252", "utf-32"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_what_is_written_in_any_encoding_and_delimiter_is_always_read_back_equal(
    rows: list[tuple[str, str, str]], delimiter: str, encoding: str, end: str
) -> None:
    content = as_csv([("Serienummer", "Enhet", "Läge"), *rows], delimiter, end).encode(encoding)

    file = opened(content, LIST)

    assert texts(file, "serial", "unit", "status") == [tuple(cell or None for cell in row) for row in rows]
    assert file.rejected == []


@given(st.lists(st.tuples(CELLS.filter(bool), CELLS, CELLS), max_size=5))
def test_a_workbook_is_read_as_the_same_rows_as_a_text(rows: list[tuple[str, str, str]]) -> None:
    content = workbook(("Serienummer", "Enhet", "Läge"), *rows)

    assert texts(opened(content, LIST), "serial", "unit", "status") == [
        tuple(cell or None for cell in row) for row in rows
    ]


def test_the_encoding_that_was_used_is_told() -> None:
    assert opened("Serienummer;Enhet\nAB12345;Ås\n".encode(), LIST).encoding == "utf-8"
    assert opened("Serienummer;Enhet\nAB12345;Ås\n".encode("cp1252"), LIST).encoding == "cp1252"
    assert opened("Serienummer;Enhet\nAB12345;Ås\n".encode("utf-16"), LIST).encoding == "utf-16"
    assert opened("Serienummer;Enhet\nAB12345;Ås\n".encode("cp850"), LIST, encoding="cp850").encoding == "cp850"
    assert opened(workbook(("Serienummer",)), LIST).encoding == "workbook"


def test_text_is_composed_and_hard_spaces_are_spaces() -> None:
    file = opened(
        "Serienummer;Enhet\nAB12345;" + unicodedata.normalize("NFD", "\u00a0Åby\u202fskola\u200b ") + "\n", LIST
    )

    assert texts(file, "unit") == [("Åby skola",)]


@given(st.text("åäöÅÄÖéü", min_size=1, max_size=6), st.sampled_from(["cp1252", "latin-1"]))
def test_letters_that_were_encoded_twice_are_always_refused(word: str, wrongly: str) -> None:
    content = f"Serienummer;Enhet\nAB12345;{word}\n".encode()
    assume(wrongly == "latin-1" or not {0x81, 0x8D, 0x8F, 0x90, 0x9D} & set(content))
    assert "encoded twice" in refusal(opened(content.decode(wrongly).encode(), LIST))


@pytest.mark.parametrize("byte", [0x81, 0x8D, 0x8F, 0x90, 0x9D])
def test_a_byte_that_cp1252_does_not_have_is_refused(byte: int) -> None:
    content = b"Serienummer;Enhet\nAB12345;\xc5by" + bytes([byte]) + b"\n"

    assert "neither UTF-8 nor cp1252" in refusal(opened(content, LIST))
    assert "neither UTF-8 nor iso8859-1" in refusal(opened(content, LIST, encoding="latin-1"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xef\xbb\xbfSerienummer\n\xe5\n", "begins as utf-8-sig"),
        ("Serienummer\nab\n".encode("utf-16-le"), "zero bytes"),
        ("Serienummer;Enhet\nAB12345;V\ufffdsta\n".encode(), "letters were lost"),
        (b'Serienummer;Enhet\n"AB"12345;x\n', "row 2 has a quotation mark"),
        (b"Serienummer;Enhet" + b"x" * 200_000 + b"\n", "a cell without end"),
    ],
)
def test_what_has_no_sure_reading_is_refused(content: bytes, reason: str) -> None:
    assert reason in refusal(opened(content, LIST))


def test_utf_16_without_a_mark_is_read_when_it_is_named() -> None:
    content = "Serienummer;Enhet\nAB12345;Ås\n".encode("utf-16-le")

    assert texts(opened(content, LIST, encoding="utf-16-le"), "unit") == [("Ås",)]


@pytest.mark.parametrize("name", ["klingon", "hex"])
def test_a_setting_names_only_encodings_that_exist(name: str) -> None:
    with pytest.raises(ValidationError, match="is not an encoding"):
        FileFormat(encoding=name)


# ----------------------------------------------------------------------------------------------------------- delimiters


def test_the_delimiter_is_the_one_that_finds_the_headers() -> None:
    assert texts(opened("Serienummer,Not;Enhet\nAB12345,x;Ås\n", LIST), "serial") == [("AB12345",)]
    assert texts(opened("Skola, förskola|Serienummer\nÅs|AB12345\n", LIST), "serial") == [("AB12345",)]
    assert texts(opened("Serienummer\nAB12345\n", LIST), "serial") == [("AB12345",)]
    assert texts(opened("Serienummer,Enhet\nAB12345,Ås\n", LIST, delimiter=","), "unit") == [("Ås",)]


def test_a_spreadsheets_own_line_names_the_delimiter() -> None:
    assert texts(opened("sep=|\nSerienummer;x|Serienummer\na|AB12345\n", LIST), "serial") == [("AB12345",)]


# -------------------------------------------------------------------------------------------------------------- headers


@pytest.mark.parametrize("header", ["Anställningsnummer", "ANST.NR", " anst nr ", "AnstNr", "Anstallningsnummer"])
def test_a_header_is_known_in_any_case_accent_and_punctuation(header: str) -> None:
    assert texts(opened(f"{header};Enhet\n17;Ås\n"), "person_number", "unit") == [("17", "Ås")]


@pytest.mark.parametrize(
    ("field", "header"), [("end", "t.o.m."), ("start", "Fr.o.m"), ("share", "%"), ("share", "Syss.grad")]
)
def test_shipped_words_know_how_registers_write(field: str, header: str) -> None:
    row = next(opened(f"Anst.nr;{header}\n17;\n").rows())

    assert row.has(field)
    assert row.text(field) is None


def test_no_shipped_word_means_two_fields() -> None:
    assert header_names_by_field([FileColumn(field) for field in HEADER_WORDS], {}).keys() == HEADER_WORDS.keys()


def test_a_connector_whose_columns_share_a_word_is_told_so() -> None:
    with pytest.raises(ValueError, match="means both unit and place"):
        header_names_by_field([FileColumn("unit", ("Enhet",)), FileColumn("place", ("enhet!",))], {})


def test_configuration_names_a_header_and_takes_it_from_others() -> None:
    file = opened(
        "Anst.nr;Enhet;Arbetsställe\n17;4711;Ås\n", columns={"person_number": "ENHET", "unit": "Arbetsställe"}
    )

    assert texts(file, "person_number", "unit") == [("4711", "Ås")]


def test_a_missing_header_is_refused_with_what_was_looked_for_what_is_there_and_the_setting() -> None:
    text = refusal(opened("Enhet;Anställningsform;Löpnr\nÅs;tv;17\n"))

    assert text.startswith("hr: personal.csv: no header for person_number")
    assert "anst.nr" in text
    assert "Enhet, Anställningsform, Löpnr" in text
    assert 'columns = { person_number = "…" }' in text


def test_a_configured_header_that_is_not_there_is_named() -> None:
    assert "Looked for: Löpnr." in refusal(opened("Enhet;Slutdatum\nÅs;\n", columns={"person_number": "Löpnr"}))


def test_a_file_of_records_alone_is_told_without_showing_any_of_them() -> None:
    for content in (
        "201504011234;Ås;2A\n",
        "Astrid;Exempelsson;2A\n",
        "Enhet;tv;astrid@exempelby.se\n",
        "Astrid;Barn;2A\n",
        "",
    ):
        text = refusal(opened(content + "x\n"))
        assert "the file may have none" in text
        assert "columns = { person_number = 1 }" in text
        assert not any(word in text for word in ("2015", "Astrid", "2A", "exempelby"))


def test_titles_above_the_headers_are_passed_over() -> None:
    file = opened("Rapport;;\n;;\nUtskriven 2026-11-01;;\nAnst.nr;Enhet;\n17;Ås;\n")

    assert [(row.number, row.text("unit")) for row in file.rows()] == [(5, "Ås")]


@pytest.mark.parametrize(
    ("content", "form", "remedy"),
    [
        ("Anst.nr;Anställningsnr\n17;18\n", {}, 'columns = { person_number = "Anst.nr" } or, by its number'),
        ("Anst.nr;Anst.nr\n17;18\n", {}, 'columns = { person_number = "Anst.nr#1" }'),
        ("Anst.nr;Anst.nr\n17;18\n", {"columns": {"person_number": "Anst.nr"}}, "columns = { person_number = 1 }"),
    ],
)
def test_two_headers_for_one_field_are_refused(content: str, form: dict[str, Any], remedy: str) -> None:
    text = refusal(opened(content, **form))

    assert "both mean person_number" in text
    assert remedy in text


TWICE = "Anst.nr;Från;Till;Ledig;Från;Till\n17;2015-08-01;;Ja;2026-11-01;2026-12-31\n"


@pytest.mark.parametrize(
    "columns",
    [
        {"start": "Från#1", "end": "Till#1"},
        {"start": 2, "end": 3},
        {"start": "Från#1", "end": 3},
        {"person_number": 1, "start": 2, "end": 3},
    ],
)
def test_two_headers_of_one_name_are_told_apart_as_the_refusal_says(columns: dict[str, Any]) -> None:
    assert 'columns = { start = "Från#1" } or, by its number, columns = { start = 2 }' in refusal(opened(TWICE))
    (row,) = opened(TWICE, columns=columns).rows()

    assert (row.text("person_number"), row.day("start"), row.day("end")) == ("17", date(2015, 8, 1), None)


def test_the_second_of_two_headers_can_be_meant() -> None:
    (row,) = opened(TWICE, columns={"start": "Från#2", "end": "Till#2"}).rows()

    assert (row.day("start"), row.day("end")) == (date(2026, 11, 1), date(2026, 12, 31))


def test_a_header_that_ends_in_a_number_of_its_own_is_itself() -> None:
    assert texts(opened("Anst.nr;Från#2\n17;x\n", columns={"unit": "Från#2"}), "unit") == [("x",)]


def test_a_field_that_the_configuration_rules_out_is_not_looked_for() -> None:
    file = opened("Anst.nr;Från;Enhet\n17;;Ås\n", columns={"unit": False})

    assert not next(file.rows()).has("unit")
    assert file.unused_headers == ("Enhet",)
    with pytest.raises(ValidationError):
        FileFormat.model_validate({"columns": {"unit": True}})


def test_the_header_is_the_line_that_names_most_fields() -> None:
    file = opened(
        "Personallista;;;\nEnhet:;Ås;;\nFrån:;2026-11-01;;\n;;;\nAnst.nr;Enhet;Från;Till\n17;Åby;2015-08-01;\n"
    )

    assert texts(file, "person_number", "unit", "end") == [("17", "Åby", None)]
    assert file.notes == ("skipped 3 lines above the headers in line 5",)


def test_a_merged_upper_line_of_headers_is_passed_over() -> None:
    content = workbook(
        ("Organisation", "", "Anställning", ""), ("Anst.nr", "Enhet", "Från", "Till"), ("17", "Ås", "", "")
    )

    assert texts(opened(content), "person_number", "unit") == [("17", "Ås")]


def test_headers_that_no_field_took_up_are_shown_and_what_may_be_a_record_is_not() -> None:
    assert opened("Anst.nr;Enhet;Skonummer\n17;Ås;42\n").unused_headers == ("Skonummer",)
    assert opened("Anst.nr;Enhet;astrid@exempelby.se\n17;Ås;42\n").unused_headers == ("column 3",)
    assert opened("Astrid;Enhet\n17;Ås\n", (FileColumn("unit"),)).unused_headers == ("column 1",)


def test_a_file_without_headers_is_read_by_the_numbers_of_its_columns() -> None:
    file = opened("Ås;17;x\nÅby;18;x\n", columns={"person_number": 2, "unit": 1})

    assert texts(file, "person_number", "unit") == [("17", "Ås"), ("18", "Åby")]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"person_number": 9}, "beyond the last"),
        ({"unit": 1}, "no number for person_number"),
        ({"person_number": 1, "unit": "Enhet"}, "no line of the file looks like headers"),
        ({"serial": "x"}, "names the field serial"),
    ],
)
def test_a_wrong_table_of_columns_is_refused(columns: dict[str, Any], reason: str) -> None:
    assert reason in refusal(opened("Ås;17\n", columns=columns))


def test_deciding_fields_without_a_column_are_told() -> None:
    assert opened("Anst.nr;Slutdatum\n17;\n").missing_fields == ("employment_form",)


def test_a_kind_of_file_that_needs_no_column_still_needs_one_that_is_known() -> None:
    columns = (FileColumn("serial"), FileColumn("unit"))

    assert texts(opened("x;Enhet\n1;Ås\n", columns), "serial", "unit") == [(None, "Ås")]
    assert "the file may have none" in refusal(opened("x;y\n1;2\n", columns))


@given(st.text(max_size=20))
def test_folding_a_header_twice_is_folding_it_once(header: str) -> None:
    assert fold_header(fold_header(header)) == fold_header(header)


# ------------------------------------------------------------------------------------------------------------ rows, rejects


def test_a_field_that_was_not_declared_is_a_mistake_of_the_connector() -> None:
    row = next(opened("Anst.nr\n17\n").rows())

    with pytest.raises(KeyError):
        row.text("serial")
    assert not row.has("unit")
    assert row.text("unit") is None
    assert row.day("end") is None
    assert row.amount("share") is None
    assert row.boolean("unit") is None


def test_rows_that_do_not_fit_the_header_are_rejected_by_reason_and_number() -> None:
    file = opened("Anst.nr;Enhet\n17;Ås\n18\n\n19;Ås;mer\n20;Ås;;\n")

    assert texts(file, "person_number") == [("17",), ("20",)]
    assert [(each.row, each.reason) for each in file.rejected] == [
        (3, "a single field where the header has several"),
        (5, "more fields than the header"),
    ]


@given(st.lists(st.sampled_from(["", "Ås", "2026-08-10"]), min_size=3, max_size=3), st.integers(0, 3))
def test_a_row_without_its_last_blank_fields_is_always_the_row_with_them(cells: list[str], cut: int) -> None:
    whole = ["17", "2015-08-01", *cells]
    short = whole[: len(whole) - cut]
    assume(not any(whole[len(short) :]))

    def read(line: Sequence[str]) -> list[tuple[str | None, ...]]:
        file = opened("Anst.nr;Från;Enhet;Not;Slutdatum\n" + ";".join(line) + "\n")
        return texts(file, "person_number", "start", "unit", "end")

    assert read(short) == read(whole)


def test_headers_that_stand_again_between_two_lists_are_no_row() -> None:
    file = opened("Anst.nr;Slutdatum\n17;2027-02-28\nAnst.nr;Slutdatum\n18;2027-02-28\n")

    assert [row.text("person_number") for row in file.rows()] == ["17", "18"]


def test_a_row_never_ends_before_a_column_that_may_not_be_blank() -> None:
    columns = (*STAFF[:1], FileColumn("start", kind="day", never_blank=True), FileColumn("unit"))
    (row,) = opened("Anst.nr;Enhet;Från\n17;Ås\n", columns).rows()

    with pytest.raises(RecordError, match="the row ends before it"):
        row.day("start")


def test_a_bad_record_is_rejected_and_the_next_is_read() -> None:
    def build(row: TableRow) -> tuple[str | None, date | None]:
        return row.text("person_number"), row.day("end")

    file = opened("Anst.nr;Slutdatum\n17;2027-02-30\n18;2027-02-28\n")

    assert list(file.records(build)) == [("18", date(2027, 2, 28))]
    assert [(each.row, each.reason) for each in file.rejected] == [(2, "end is not a date")]
    assert list(file.records(build)) == [("18", date(2027, 2, 28))]
    assert len(file.rejected) == 1


def test_pages_hold_the_whole_file_and_the_last_tells_what_was_rejected() -> None:
    lines = "".join(f"{number};{'x' if number == 7 else ''}\n" for number in range(5001))
    pages = list(opened("Anst.nr;Slutdatum\n" + lines).pages(lambda row: (row.day("end"), row.number)[1], scope="alla"))

    assert [len(page.raws) for page in pages] == [5000]
    assert [raw for page in pages for raw in page.raws] == [number + 2 for number in range(5001) if number != 7]
    assert [rejected.reason for rejected in pages[-1].rejected] == ["end is not a date"]
    assert {(page.scope, page.as_of, page.fingerprint) for page in pages} == {
        ("alla", TODAY, fingerprint_of(("Anst.nr;Slutdatum\n" + lines).encode()))
    }


def test_a_long_file_comes_in_several_pages() -> None:
    content = "Anst.nr\n" + "".join(f"{number}\n" for number in range(10_001))
    pages = list(opened(content).pages(lambda row: row.text("person_number")))

    assert [len(page.raws) for page in pages] == [5000, 5000, 1]


def test_a_file_with_headers_alone_is_one_empty_page() -> None:
    (page,) = opened("Anst.nr\n").pages(lambda row: row)

    assert page.raws == []
    assert page.fingerprint == fingerprint_of(b"Anst.nr\n")


@pytest.mark.parametrize(
    "content",
    [
        "Anst.nr;Enhet\n17;Ås\n18",
        'Anst.nr;Enhet\n17;Ås\n18;"Å',
        "Anst.nr;Enhet\n17;Ås\n18;Å".encode()[:-1],
        "",
    ],
)
def test_a_file_that_is_cut_is_tried_later(content: str | bytes) -> None:
    with pytest.raises(SourceUnavailable, match="still being written"):
        list(opened(content).rows())


def test_a_whole_last_line_needs_no_end() -> None:
    file = opened("Anst.nr;Enhet\n17;Ås".encode("cp1252"))

    assert texts(file, "unit") == [("Ås",)]


def test_a_foot_note_under_a_whole_file_is_one_rejected_row() -> None:
    file = opened("Anst.nr;Enhet\n17;Ås\nAntal: 1\n")

    assert texts(file, "unit") == [("Ås",)]
    assert [each.row for each in file.rejected] == [3]


def test_a_file_with_too_many_rows_is_refused() -> None:
    content = "Anst.nr\n" + "17\n" * 4

    assert "more than 3 rows" in refusal(opened(content, max_rows=3))
    assert "more than 3 rows" in refusal(opened(content + "17\n" * 40, max_rows=3))
    assert "more than 3 rows" in refusal(opened(workbook(("Anst.nr",), *[("17",)] * 40), max_rows=3))


# ------------------------------------------------------------------------------------------------------------ workbooks


def test_a_workbook_keeps_days_whole_numbers_and_row_numbers() -> None:
    content = workbook(("Lista", ""), ("Anst.nr", "Från", "%"), (4711, date(2026, 8, 10), 0.75), at=(2, 1))
    (row,) = opened(content).rows()

    assert row.number == 5
    assert row.text("person_number") == "4711"
    assert row.day("start") == date(2026, 8, 10)
    assert row.amount("share") == Decimal("0.75")


def test_a_day_kept_as_a_number_of_eight_digits_is_a_day() -> None:
    (row,) = opened(workbook(("Anst.nr", "Från"), ("17", 20260810))).rows()

    assert row.day("start") == date(2026, 8, 10)


def test_a_sheet_is_the_first_that_shows_or_the_one_that_is_named() -> None:
    content = workbook(("Anst.nr",), ("17",), sheets=("Personal", "Tom"))

    assert texts(opened(content, sheet="Personal"), "person_number") == [("17",)]
    assert 'no sheet "Elever"' in refusal(opened(content, sheet="Elever"))


@pytest.mark.parametrize(
    ("field", "cell", "damage"),
    [
        ("Anst.nr", "1,23E+11", "scientific notation"),
        ("Anst.nr", "2.01504e+11", "scientific notation"),
        ("Anst.nr", 1234567890123456789, "more digits than a spreadsheet keeps"),
        ("Anst.nr", 17.5, "decimals"),
        ("Anst.nr", date(2026, 12, 10), "date or time"),
        ("Anst.nr", "=NA()", "error of the spreadsheet"),
        ("Anst.nr", "#SAKNAS!", "error of the spreadsheet"),
        ("Anst.nr", " #SAKNAS!", "error of the spreadsheet"),
        ("Anst.nr", "#########", "error of the spreadsheet"),
        ("Enhet", date(2026, 4, 3), "date or time"),
    ],
)
def test_what_a_spreadsheet_destroyed_is_refused_with_row_column_and_remedy(field: str, cell: Any, damage: str) -> None:
    headers = ("Not", *dict.fromkeys(("Anst.nr", field)))
    good = ["x", "17", *["" for _ in headers[2:]]]
    bad = [*good[:-1], cell]
    text = refusal(opened(workbook(headers, good, bad)))

    assert f"row 3, column {len(headers)}" in text
    assert damage in text
    assert "Format the column as text" in text
    assert str(cell) not in text


@pytest.mark.parametrize("cell", ["=Blad2!A1", "#SAKNAS!", "i vår", 12])
def test_a_day_that_cannot_be_read_is_a_fact_of_its_row_alone(cell: Any) -> None:
    bad, good = opened(workbook(("Anst.nr", "Slutdatum"), ("17", cell), ("18", date(2027, 2, 28)))).rows()

    with pytest.raises(RecordError, match="end is"):
        bad.day("end")
    assert (bad.text("person_number"), good.day("end")) == ("17", date(2027, 2, 28))


def test_a_number_that_cannot_be_read_is_a_fact_of_its_row_alone() -> None:
    bad, good = opened(workbook(("Anst.nr", "%"), ("17", "#VÄRDEFEL!"), ("18", 0.75))).rows()

    with pytest.raises(RecordError, match="share is an error of the spreadsheet"):
        bad.amount("share")
    assert good.amount("share") == Decimal("0.75")


def dated_workbook(*numbers: float | str, is_1904: bool = False, formats: bool = True) -> bytes:
    content = BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True, "date_1904": is_1904})
    sheet, day = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd"})
    sheet.write_row(0, 0, ("Anst.nr", "Slutdatum"))
    for row, number in enumerate(numbers, 1):
        sheet.write_string(row, 0, "17")
        if isinstance(number, str):
            sheet.write_formula(row, 1, "=Z99", day, number)
        else:
            sheet.write_number(row, 1, number, day if formats else None)
    book.close()
    return content.getvalue()


@pytest.mark.parametrize("is_1904", [False, True])
def test_zero_as_a_date_and_an_empty_result_of_a_formula_are_no_day(is_1904: bool) -> None:
    assert [row.day("end") for row in opened(dated_workbook(0, "", is_1904=is_1904)).rows()] == [None, None]


@pytest.mark.parametrize(
    "text", ["0", "0,0", "1900-01-00", "1900-01-01", "1899-12-30 00:00:00", "00:00:00", "NULL", "n/a"]
)
def test_no_day_in_a_text_is_none(text: str) -> None:
    (row,) = opened(f"Anst.nr;Slutdatum\n17;{text}\n").rows()

    assert row.day("end") is None


@pytest.mark.parametrize("formats", [True, False])
@pytest.mark.parametrize(("is_1904", "day"), [(False, date(2025, 12, 9)), (True, date(2029, 12, 10))])
def test_a_serial_number_is_the_day_that_the_workbook_counts(is_1904: bool, day: date, formats: bool) -> None:
    (row,) = opened(dated_workbook(46000, is_1904=is_1904, formats=formats)).rows()

    assert row.day("end") == day


def test_a_cover_sheet_is_passed_over_and_a_second_list_is_named() -> None:
    content = BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    cover, first, second = (book.add_worksheet(name) for name in ("Information", "Ås", "Åby"))
    cover.write_row(0, 0, ("Personal vid förvaltningen", "Enhet"))
    for sheet in (first, second):
        sheet.write_row(0, 0, ("Anst.nr", "Enhet"))
        sheet.write_row(1, 0, ("17", sheet.get_name()))
    book.close()
    file = opened(content.getvalue())

    assert texts(file, "unit") == [("Ås",)]
    assert file.notes == ("sheet that is not read: Åby",)
    assert opened(content.getvalue(), sheet="Ås").notes == ()


def test_a_workbook_without_known_headers_names_its_sheets() -> None:
    content = workbook(("x",), sheets=("Information", "Personal"))

    assert 'sheet = "Information" or sheet = "Personal"' in refusal(opened(content))
    assert 'sheet = "Personal"' in refusal(opened(content, sheet="Elever"))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("<html><body><table><tr><th>Anst.nr</th></tr></table></body></html>", "a web page (HTML)"),
        ("\ufeff\r\n<!DOCTYPE HTML>\n<html>", "a web page (HTML)"),
        (
            '<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">',
            "an XML spreadsheet of 2003",
        ),
        ('<?xml version="1.0"?><personer/>', "an XML file"),
        ("%PDF-1.7", "a PDF"),
        ("{\\rtf1", "a text document (RTF)"),
    ],
)
def test_what_calls_itself_a_workbook_and_is_none_is_named(content: str, kind: str) -> None:
    text = refusal(opened(content))

    assert f"it is {kind}" in text
    assert "save it as XLSX or CSV UTF-8" in text
    assert f"it is {kind}" in refusal(opened(content.encode("utf-16"))) or kind.startswith("a text")


def far_workbook(cell: str) -> bytes:
    with zipfile.ZipFile(BytesIO(workbook(("Anst.nr", "Enhet"), ("17", "Ås")))) as archive:
        members = {name: archive.read(name).decode() for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    members[sheet] = members[sheet].replace("</sheetData>", f'<row r="1048576">{cell}</row></sheetData>')
    return archive_of(members)


@pytest.mark.parametrize(
    "cell",
    [
        '<c r="A1048576" t="inlineStr"><is><t> </t></is></c>',
        '<c r="XFD1048576" t="inlineStr"><is><t></t></is></c>',
        '<c r="XFD1048576" s="1"/>',
        '<c r="XFD1048576" t="str"><f>Z1</f><v></v></c>',
    ],
)
def test_cells_without_anything_in_them_are_not_counted_however_far_away(cell: str) -> None:
    assert texts(opened(far_workbook(cell)), "person_number", "unit") == [("17", "Ås")]


def test_a_cell_far_away_with_something_in_it_is_refused_before_room_is_made_for_it() -> None:
    text = refusal(opened(far_workbook('<c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c>')))

    assert "reaches to row 1048576 and column 16384" in text
    assert "Delete what stands far from the list" in text


def test_texts_that_are_referred_to_too_often_are_refused() -> None:
    with zipfile.ZipFile(BytesIO(workbook(("Anst.nr", "Enhet"), ("17", "y" * 30_000)))) as archive:
        members = {name: archive.read(name).decode() for name in archive.namelist()}
    cells = "".join(f'<row r="{row}"><c r="A{row}" t="s"><v>3</v></c></row>' for row in range(3, 10_003))
    sheet = "xl/worksheets/sheet1.xml"
    members[sheet] = members[sheet].replace("</sheetData>", f"{cells}</sheetData>")

    assert "its texts would fill more than 256 MiB" in refusal(opened(archive_of(members)))


WORDS = ("Björkskolan", "Anställningsform", "Sjövägen", "Tallåsen", "Kärna förskola")


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("encoding", ["cp850", "mac_roman"])
def test_letters_of_another_encoding_are_refused_with_its_name_and_read_when_it_is_set(
    word: str, encoding: str
) -> None:
    content = f"Anst.nr;Enhet\n17;{word}\n".encode(encoding)
    text = refusal(opened(content))

    assert f'encoding = "{encoding}"' in text
    assert texts(opened(content, encoding=encoding), "unit") == [(word,)]


@pytest.mark.parametrize(
    "name", ["Željko Åsen", "Böžena", "Aleš Ödman", "Café ”Månen”", "Dušan Šarić Å", "Lån… Åter", "€ Å"]
)
def test_letters_of_names_and_signs_between_words_are_no_other_encoding(name: str) -> None:
    content = f"Anst.nr;Enhet\n17;{name}\n".encode("cp1252", "replace")

    assert len(texts(opened(content), "unit")) == 1


def test_damage_in_a_column_that_nobody_reads_is_nobodys() -> None:
    assert texts(opened(workbook(("Anst.nr", "Not"), ("17", "=NA()"))), "person_number") == [("17",)]


def test_scientific_notation_in_a_text_file_is_refused_and_a_serial_like_it_is_not() -> None:
    assert "scientific notation" in refusal(opened("Serienummer\n1,23E+11\n", LIST))
    assert texts(opened("Serienummer\n1E23456\n", LIST), "serial") == [("1E23456",)]


def test_lost_leading_zeros_are_told_and_never_filled_in() -> None:
    columns = (FileColumn("unit_code", required=True, kind="id", digits=(4,)),)

    assert "lost its leading zeros" in refusal(opened(workbook(("Enhetskod",), (180,)), columns))
    file = opened("Enhetskod\n180\n0180\n01800\n", columns)
    assert list(file.records(lambda row: row.text("unit_code"))) == ["0180", "01800"]
    assert [each.reason for each in file.rejected] == ["unit code has too few digits (leading zeros lost?)"]


def test_true_and_false_of_a_spreadsheet_are_yes_and_no() -> None:
    (row,) = opened(workbook(("Serienummer", "Status"), ("AB12345", True)), LIST).rows()

    assert row.boolean("status") is True


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.95])
def test_a_workbook_that_is_cut_is_tried_later(cut: float) -> None:
    content = workbook(("Anst.nr",), ("17",))

    with pytest.raises(SourceUnavailable, match="its end is missing"):
        list(opened(content[: int(len(content) * cut)]).rows())


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_damaged_workbook_is_always_refused_or_read_and_never_breaks_the_reader(data: st.DataObject) -> None:
    content = bytearray(workbook(("Anst.nr", "Enhet"), ("17", "=NA()")))
    for place in data.draw(st.lists(st.integers(4, len(content) - 1), max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    with suppress(PullError):
        list(opened(bytes(content)).rows())


def test_a_hidden_sheet_is_passed_over_and_its_errors_are_nobodys() -> None:
    content = BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    hidden, shown = book.add_worksheet("Gömd"), book.add_worksheet("Synlig")
    for sheet in (hidden, shown):
        sheet.write_row(0, 0, ("Serienummer", "Enhet"))
        sheet.write_row(1, 0, ("AB12345", sheet.get_name()))
    hidden.write_formula(1, 0, "=NA()", None, "#N/A")
    hidden.hide()
    shown.activate()
    shown.set_first_sheet()
    book.close()

    assert texts(opened(content.getvalue(), LIST), "serial", "unit") == [("AB12345", "Synlig")]
    assert "error of the spreadsheet" in refusal(opened(content.getvalue(), LIST, sheet="Gömd"))


def archive_of(members: Mapping[str, str]) -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return content.getvalue()


@pytest.mark.parametrize("before", [0, 1024 * 1024 - 40, 1024 * 1024 - 20, 1024 * 1024 - 3, 1024 * 1024])
def test_an_error_cell_is_found_wherever_it_lies_in_its_sheet(before: int) -> None:
    sheet = " " * before + '<c r="AB12" s="1" t="e"><v>#N/A</v></c><c r="A13" t="s"/><c t="e" r="C13"/>'

    assert unreadable_cells(archive_of({"xl/worksheets/sheet1.xml": sheet}), 0).errors == {11: {27}, 12: {2}}


def test_an_open_document_is_read_too_and_its_errors_are_told() -> None:
    def cells(*texts: str) -> str:
        inside = "".join(
            f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>' for text in texts
        )
        return f"<table:table-row>{inside}</table:table-row>"

    def document(*rows: str) -> bytes:
        kind = "urn:oasis:names:tc:opendocument:xmlns"
        return archive_of(
            {
                "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
                "META-INF/manifest.xml": f'<manifest:manifest xmlns:manifest="{kind}:manifest:1.0"/>',
                "content.xml": f'<office:document-content xmlns:office="{kind}:office:1.0" xmlns:table="{kind}:table:1.0" '
                f'xmlns:text="{kind}:text:1.0"><office:body><office:spreadsheet><table:table table:name="Blad1">'
                f"{''.join(rows)}</table:table></office:spreadsheet></office:body></office:document-content>",
            }
        )

    whole = document(cells("Serienummer", "Enhet"), cells("AB12345", "Åby"))
    assert texts(opened(whole, LIST), "serial", "unit") == [("AB12345", "Åby")]
    assert "error of the spreadsheet" in refusal(opened(document(cells("Serienummer"), cells("#SAKNAS!")), LIST))


def test_an_archive_of_no_known_version_and_one_with_a_broken_part_are_refused() -> None:
    content = workbook(("Anst.nr",), ("17",))
    directory = content.index(b"PK\x01\x02")
    unknown = content[: directory + 6] + b"\xff" + content[directory + 7 :]
    part = content.index(b"xl/_rels/workbook.xml.rels") + 60
    broken = content[:part] + b"\xff\xff\xff" + content[part + 3 :]

    assert "it is damaged" in refusal(opened(unknown))
    assert refusal(opened(broken))


def test_an_archive_that_is_no_workbook_is_refused() -> None:
    assert "not a workbook" in refusal(opened(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600))


def test_a_workbook_that_unpacks_to_too_much_is_refused() -> None:
    content = archive_of({"xl/workbook.xml": " " * (33 * 1024 * 1024)})

    assert "unpack to more than 32 MiB" in refusal(opened(content, max_mebibytes=1))


def test_a_reader_is_what_the_contract_says_it_is() -> None:
    file: contract.SourceFile = opened("Anst.nr\n17\n")
    row: contract.FileRow = next(file.rows())

    assert row.number == 2
    with pytest.raises(ValueError, match="declares the columns"):
        opened("Anst.nr\n17\n", ())


# ------------------------------------------------------------------------------------------------------------------ days


@given(st.dates(date(1970, 1, 1), date(2068, 12, 30)))
def test_every_swedish_spelling_of_a_day_is_that_day(day: date) -> None:
    for form in ("%Y-%m-%d", "%Y%m%d", "%y%m%d", "%Y/%m/%d", "%Y-%m-%dT00:00:00", "%Y-%m-%d 12:30:00.0000000"):
        assert parse_day(day.strftime(form), "end") == day


@given(st.dates(date(1970, 1, 1), date(2068, 12, 30)))
def test_day_month_year_is_a_day_only_when_pinned(day: date) -> None:
    text = day.strftime("%d/%m/%Y")

    assert parse_day(text, "end", order="dmy") == day
    with pytest.raises(RecordError, match="end is not a date"):
        parse_day(text, "end")


@pytest.mark.parametrize(
    "text",
    ["", " ", "9999-12-31", "99991231", "2099-12-31", "0000-00-00", "9999-12-31T23:59:59.9999999Z", "0001-01-01T00:00:00Z",
     "Tills vidare", "0"],
)  # fmt: skip
def test_an_open_end_is_none(text: str) -> None:
    assert parse_day(text, "end") is None


def test_an_instant_is_its_day_in_sweden() -> None:
    assert parse_day("2026-07-31T22:30:00Z", "end") == date(2026, 8, 1)


@pytest.mark.parametrize("text", ["2026-02-30", "46235", "20261301", "i morgon", "2026-8-1", "٢٠٢٦-٠١-٠١", "26-08-01"])
def test_what_is_no_day_is_told_without_the_value(text: str) -> None:
    with pytest.raises(RecordError) as error:
        parse_day(text, "end date")
    assert str(error.value) == "end date is not a date"


@given(st.text(max_size=30))
def test_any_text_is_a_day_or_nothing_or_a_refusal_without_it(text: str) -> None:
    message = "end is not a date"
    try:
        parse_day(text, "end", order="dmy")
    except RecordError as error:
        message = str(error)

    assert message == "end is not a date"


# -------------------------------------------------------------------------------------------- numbers, yes and no, words


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("75,00", "75"), ("75.5", "75.5"), ("1 234,50", "1234.5"), ("1\u00a0234\u00a0567", "1234567"),
        ("1\u2009234", "1234"), ("1.234,50", "1234.5"), ("1,234.50", "1234.5"), ("1.234.567", "1234567"),
        ("75 %", "0.75"), ("62,5%", "0.625"), ("4 995 kr", "4995"), ("4995:-", "4995"), ("−5", "-5"), ("0.125", "0.125"),
    ],
)  # fmt: skip
def test_a_number_is_read_as_swedes_write_it(text: str, value: str) -> None:
    assert parse_number(text, "price") == Decimal(value)


@pytest.mark.parametrize(
    ("text", "reason"), [("1.234", "two ways"), ("1,2,3", "not a number"), ("12 34", "not a number")]
)
def test_a_number_that_is_none_or_two_is_refused(text: str, reason: str) -> None:
    with pytest.raises(RecordError, match=reason):
        parse_number(text, "price")


@given(st.decimals(-(10**9), 10**9, places=2))
def test_a_grouped_number_with_decimal_comma_is_always_read_back(value: Decimal) -> None:
    swedish = f"{value:,.2f}".replace(",", "\u00a0").replace(".", ",")

    assert parse_number(swedish, "price") == value
    assert parse_number(" ", "price") is None


def test_yes_and_no_have_few_words_and_no_others() -> None:
    assert [parse_boolean(word, "loan") for word in ("Ja", "x", "1", "NEJ", "0", " ")] == [
        True,
        True,
        True,
        False,
        False,
        None,
    ]
    with pytest.raises(RecordError, match="loan is neither yes nor no"):
        parse_boolean("kanske", "loan")


PLAINLY_NO = (
    *("Ingen", "INGEN", "Ingen\u00a0", " ingen  sekretess ", "inga", "ej", "saknas", "0", 0, "0,0", "nej", "N", "no"),
    *("FALSE", "False", False, "FALSKT", "FAUX", "FALSCH", "EPÄTOSI", unicodedata.normalize("NFD", "EPÄTOSI")),
    *("-", "\u2013", "\u2014", "NULL", "null", "(none)", "none", "(tom)"),
)


@pytest.mark.parametrize("mark", [None, "", " ", "\u00a0", *PLAINLY_NO])
def test_few_marks_say_that_nobody_is_protected(mark: str | int | bool | None) -> None:
    assert not is_protected(mark)


@given(st.text(min_size=1, max_size=20))
def test_every_other_mark_always_protects(mark: str) -> None:
    assume(
        mark.strip("\u00a0\u200b\u200c\u200d\u2060\ufeff\u2007\u2009\u200a\u202f \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85")
    )
    assume(fold_word(mark) not in unprotected_spellings())
    decomposed = unicodedata.normalize("NFD", mark)

    assert is_protected(mark) == is_protected(decomposed)
    assert is_protected("x" + mark)


@pytest.mark.parametrize(
    "mark", ["Sekretessmarkering", "skyddad folkbokfo\u0308ring", "1", "2", "ja", "Ingen uppgift", True, "FALSKT alarm"]
)
def test_a_mark_that_nobody_listed_protects(mark: str | bool) -> None:
    assert is_protected(mark)


@pytest.mark.parametrize(
    "word", [word for word in PLAINLY_NO if word not in {"saknas", "NULL", "null", "(none)", "none", "(tom)"}]
)
def test_what_is_no_mark_is_a_no_in_every_column_of_yes_and_no(word: str | int) -> None:
    assert parse_boolean(word, "loan") is False


@pytest.mark.parametrize("word", ["NULL", "(none)", "(tom)", "saknas", "None"])
def test_a_word_for_nothing_is_a_blank_in_a_column_of_yes_and_no(word: str) -> None:
    assert parse_boolean(word, "loan") is None


@pytest.mark.parametrize("word", ["SANT", "TRUE", "VRAI", "WAHR", "TOSI", True])
def test_a_spreadsheets_true_is_a_yes_in_every_language(word: str | bool) -> None:
    assert parse_boolean(word, "loan") is True


def test_words_mean_what_the_source_says_first_and_what_we_ship_second() -> None:
    assert parse_employment_form("Tills.vidare") is EmploymentForm.PERMANENT
    assert parse_employment_form("SÄVA") is EmploymentForm.FIXED
    assert parse_employment_form("14") is EmploymentForm.UNKNOWN
    assert parse_employment_form(None) is EmploymentForm.UNKNOWN
    assert parse_employment_form("Tim", {"TIM": EmploymentForm.FIXED}) is EmploymentForm.FIXED
    assert parse_purpose("Klassuppsättning") is Purpose.SET
    assert parse_purpose("Klassuppsattning ") is Purpose.SET
    assert parse_purpose("mystisk") is None
    assert parse_condition("Stulen") is Condition.LOST
    assert parse_condition("") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Månadslön, visstid", WITHHELD_TEXT),
        ("MÅNADSLÖN visstid", "månadslön visstid"),
        (unicodedata.normalize("NFD", "Månadslön"), "månadslön"),
        ("hylla/kontor", "hylla/kontor"),
        ("Fjällräven visstid", "fjällräven visstid"),
        ("Vik Ava", WITHHELD_TEXT),  # words of personnel systems, and names
        ("Anna", WITHHELD_TEXT),
        ("hylla " * 9, WITHHELD_TEXT),
        ("", WITHHELD_TEXT),
    ],
)
def test_an_unknown_word_is_told_only_where_it_is_made_of_words_of_such_files(text: str, expected: str) -> None:
    assert reportable_word(text, ("Fjällräven 24", "Bo")) == expected


@given(st.text())
def test_what_is_told_of_a_cell_is_always_of_known_words_alone(text: str) -> None:
    expected = reportable_word(text)

    assert expected == WITHHELD_TEXT or all(len(part) > 4 and part.isalpha() for part in re.split(r"[\s/-]+", expected))


# -------------------------------------------------------------------------------------------------------- civic numbers


def luhn(digits: str) -> str:
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(digits))
    return str(-total % 10)


@given(st.dates(date(1950, 1, 1), date(2026, 11, 1)), st.integers(1, 999), st.booleans())
def test_every_spelling_of_a_civic_number_is_always_the_same_twelve_digits(
    day: date, serial: int, coordination: bool
) -> None:
    dd = day.day + 60 if coordination else day.day
    short = f"{day:%y%m}{dd}" if dd > 9 else f"{day:%y%m}0{dd}"
    tail = f"{serial:03}"
    number = f"{short}{tail}{luhn(short + tail)}"
    whole = f"{day:%Y}{number[2:]}"
    for spelling in (
        number,
        f"{number[:6]}-{number[6:]}",
        whole,
        f"{whole[:8]}-{whole[8:]}",
        f" {whole[:8]} {whole[8:]} ",
    ):
        result = civic_number(spelling, TODAY)
        assert result is not None
        assert (result.text, result.valid) == (whole, True)
        assert result.kind == ("coordination" if coordination else "person")
    assert personnummer.Personnummer(whole).format(long_format=True) == whole


def test_a_plus_sign_is_a_hundred_years_and_a_day_to_come_is_not_this_century() -> None:
    assert [
        getattr(civic_number(text, TODAY), "text", None) for text in ("121212+1212", "261231-1234", "261101-1234")
    ] == [
        "191212121212",
        "192612311234",
        "202611011234",
    ]


def test_a_number_with_a_wrong_check_digit_is_kept_and_flagged() -> None:
    result = civic_number("200112240123", TODAY)

    assert result is not None
    assert (result.text, result.kind, result.valid) == ("200112240123", "person", False)


@pytest.mark.parametrize(
    ("text", "number", "kind", "valid"),
    [
        ("20130101TF01", "20130101TF01", "temporary", True),
        ("20130101-tf01", "20130101TF01", "temporary", True),
        ("130101TF01", "20130101TF01", "temporary", True),
        ("20131301TF01", "20131301TF01", "temporary", False),
        ("201313010001", "201313010001", "person", False),
        ("elev 17", "ELEV17", "other", False),
    ],
)
def test_temporary_and_other_numbers_are_kept_as_they_are(text: str, number: str, kind: str, valid: bool) -> None:
    result = civic_number(text, TODAY)

    assert result is not None
    assert (result.text, result.kind, result.valid) == (number, kind, valid)


def test_no_number_is_none_and_none_is_printed() -> None:
    assert civic_number(None, TODAY) is None
    assert civic_number("  ", TODAY) is None
    assert "2001" not in repr(civic_number("200112240123", TODAY))


# ------------------------------------------------------------------------------------------------------- finding files


class Folder:
    """A watched folder and the last complete pull of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[str | None, str] = {}
        self.stop = threading.Event()

    def put(self, name: str, content: str = "Serienummer\nAB12345\n", written: datetime = NOW) -> Path:
        file = self.path / name
        file.write_text(content, encoding="utf-8")
        os.utime(file, (written.timestamp(), written.timestamp()))
        return file

    def files(self, pattern: str = "*", columns: Sequence[FileColumn] = LIST, **how: Any) -> StableFiles:
        form = how.pop("form", {})
        return StableFiles(
            self.path / pattern,
            columns,
            form=FileFormat(settle_seconds=how.pop("settle", 0), **form),
            source="listor",
            clock=ManualClock(NOW),
            stop=self.stop,
            known=self.known,
            **how,
        )


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.mark.parametrize(
    ("name", "day", "rest"),
    [
        ("personal 2026-10-31", date(2026, 10, 31), "personal "),
        ("personal_20261031_0815", date(2026, 10, 31), "personal_"),
        ("personal-2026-02", date(2026, 2, 28), "personal-"),
        ("personal-2026-12", date(2026, 12, 31), "personal-"),
        ("2026-01-01 till 2026-10-31", date(2026, 10, 31), "2026-01-01 till "),
        ("elever 2026-27", None, "elever 2026-27"),
        ("lista 20261399", None, "lista 20261399"),
        ("1202610311", None, "1202610311"),
    ],
)
def test_the_day_in_a_name_is_found_and_the_rest_is_the_same_for_every_edition(
    name: str, day: date | None, rest: str
) -> None:
    assert day_in_name(name) == (day, rest)


def test_a_configured_pattern_finds_the_day_in_a_name() -> None:
    assert day_in_name("HR_okt_31.10.2026", r"(?P<day>\d\d)\.(?P<month>\d\d)\.(?P<year>\d{4})")[0] == date(2026, 10, 31)
    assert FileFormat(as_of_pattern=r"(?P<month>\d\d)\.(?P<year>\d{4})").as_of_pattern
    for wrong in ("(", r"\d{4}"):
        with pytest.raises(ValidationError):
            FileFormat(as_of_pattern=wrong)


def test_a_file_speaks_for_the_day_in_its_name_then_its_column_then_its_time(folder: Folder) -> None:
    folder.put("a 2026-10-31.csv", "Serienummer;Uttag\nAB12345;2026-09-30\n")
    folder.put("b.csv", "Serienummer;Uttag\nAB12345;2026-09-29\nAB12346;2026-09-30\nAntal: 2;summa\n")
    folder.put("c.csv", "Serienummer;Uttag\nAB12345;\n", datetime(2026, 11, 1, 23, 30, tzinfo=UTC))

    days = {file.name: file.as_of for file in folder.files(form={"as_of_column": "uttag"})}

    assert days == {
        "a 2026-10-31.csv": date(2026, 10, 31),
        "b.csv": date(2026, 9, 30),
        "c.csv": date(2026, 11, 2),
    }


def test_no_file_speaks_for_a_day_to_come(folder: Folder) -> None:
    folder.put("personal 2026-11.csv")
    folder.put("annan.csv", "Serienummer;Uttag\nAB12345;2027-09-30\n", datetime(2026, 12, 24, tzinfo=UTC))

    assert {file.as_of for file in folder.files(form={"as_of_column": "Uttag"})} == {TODAY}


def test_a_column_of_days_that_is_not_there_is_refused(folder: Folder) -> None:
    folder.put("a.csv")
    (file,) = folder.files(form={"as_of_column": "Uttag"})

    with pytest.raises(SourceRefused, match="Correct as_of_column"):
        _ = file.as_of


def test_temporary_and_hidden_names_are_passed_over(folder: Folder) -> None:
    for name in ("a.csv.tmp", "b.csv.part", "~$c.xlsx", ".d.csv", "e.filepart", "f.csv~", "g.done"):
        folder.put(name)
    folder.put("h.csv")
    (folder.path / "mapp").mkdir()

    assert [file.name for file in folder.files()] == ["h.csv"]


def test_a_folder_and_one_file_and_a_deep_pattern_are_patterns_too(folder: Folder) -> None:
    (folder.path / "vreta").mkdir()
    folder.put("vreta/a.csv")

    for pattern in ("vreta", "vreta/a.csv", "**/*.csv", "v*/a.csv"):
        assert [file.name for file in folder.files(pattern)] == ["a.csv"]


@pytest.mark.parametrize("pattern", ["*.csv", "a.csv", "ingen/*.csv"])
def test_no_file_is_tried_later_and_never_read_as_none_there(folder: Folder, pattern: str) -> None:
    with pytest.raises(SourceUnavailable, match="no file matches"):
        list(folder.files(pattern))


def test_only_the_newest_edition_of_each_list_is_read_and_the_oldest_content_first(folder: Folder) -> None:
    for name in ("Vreta 2026-11-01.csv", "vreta 2026-10-01.csv", "åby 2026-10-15.csv", "åby 2026-09-15.csv"):
        folder.put(name)

    assert [file.name for file in folder.files()] == ["åby 2026-10-15.csv", "Vreta 2026-11-01.csv"]
    assert [file.name for file in folder.files(which="latest")] == ["Vreta 2026-11-01.csv"]
    assert len(list(folder.files(which="all"))) == 4


def test_a_file_that_was_read_to_its_end_is_unchanged_whatever_its_name_and_time(folder: Folder) -> None:
    folder.put("personal 2026-10.csv")
    (file,) = folder.files()
    folder.known = {None: file.fingerprint}
    folder.put("personal 2026-11.csv")

    again = folder.files()

    assert list(again) == []
    assert again.all_unchanged
    assert again.unchanged == ["personal 2026-11.csv"]


def test_files_that_are_wholes_of_their_own_are_skipped_one_by_one_and_others_only_together(folder: Folder) -> None:
    folder.put("a.csv", "Serienummer\nAB12345\n")
    folder.put("b.csv", "Serienummer\nAB12346\n")
    folder.known = {file.scope: file.fingerprint for file in folder.files()}
    folder.put("b.csv", "Serienummer\nAB12347\n")

    alone, together = folder.files(each_whole=True), folder.files()

    assert [file.name for file in alone] == ["b.csv"]
    assert alone.unchanged == ["a.csv"]
    assert not alone.all_unchanged
    assert [file.name for file in together] == ["a.csv", "b.csv"]


def test_wholes_that_may_name_one_person_are_read_together_once_any_is_new(folder: Folder) -> None:
    folder.put("a.csv", "Serienummer\nAB12345\n")
    folder.put("b.csv", "Serienummer\nAB12346\n")
    folder.known = {file.scope: file.fingerprint for file in folder.files()}
    unchanged = folder.files(each_whole=True, reads_together=True)
    assert list(unchanged) == []
    folder.put("b.csv", "Serienummer\nAB12347\n")

    together = folder.files(each_whole=True, reads_together=True)

    assert [file.name for file in together] == ["a.csv", "b.csv"]
    assert unchanged.all_unchanged


def test_files_of_other_names_than_those_asked_for_are_no_files_of_the_source(folder: Folder) -> None:
    folder.put("Users_2026-11-01.csv", "Serienummer\nAB12345\n")
    folder.put("demographics.csv", "Serienummer\nAB12346\n")

    files = folder.files(scopes=frozenset({"users"}))

    assert [file.name for file in files] == ["Users_2026-11-01.csv"]
    assert files.left == []


def test_a_column_without_a_header_is_suspected_by_its_number(folder: Folder) -> None:
    columns = (FileColumn("serial"), FileColumn("seen", suspected_by=Suspicion(look_like_days)))
    folder.put("a.csv", "Serienummer;;Typ\nAB12345;2026-11-01;iPad\n")

    (file,) = folder.files(columns=columns)

    assert file.suspected_fields == {"seen": "column 2"}
    assert "columns = { seen = 2 }" in file.notes[0]


class Writing(ManualClock):
    """A clock during whose waits somebody writes."""

    def __init__(self, file: Path) -> None:
        super().__init__(NOW)
        self.file = file

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        with self.file.open("a") as more:
            more.write("AB12346\n")
        return False


def written_meanwhile(folder: Folder, file: Path) -> StableFiles:
    return StableFiles(
        folder.path, LIST, form=FileFormat(), source="listor", clock=Writing(file), stop=folder.stop, known={}
    )


def test_a_file_that_changes_meanwhile_is_still_being_written(folder: Folder) -> None:
    file = folder.put("a.csv")

    with pytest.raises(SourceUnavailable, match=r"a\.csv is still being written"):
        list(written_meanwhile(folder, file))


@pytest.mark.parametrize("marker", ["a.csv.done", "a.done"])
def test_a_done_file_beside_it_makes_a_file_stable_at_once(folder: Folder, marker: str) -> None:
    file = folder.put("a.csv")
    folder.put(marker)

    assert [each.name for each in written_meanwhile(folder, file)] == ["a.csv"]


def test_a_file_that_changes_between_two_looks_is_not_read(folder: Folder) -> None:
    folder.put("a 2026-10-01.csv")
    last = folder.put("b 2026-11-01.csv")
    reading = iter(folder.files())
    next(reading)
    last.write_text("Serienummer\nAB12399\n")

    with pytest.raises(SourceUnavailable, match="still being written"):
        next(reading)


def test_stopping_ends_the_wait_at_once(folder: Folder) -> None:
    folder.put("a.csv")
    folder.stop.set()

    with pytest.raises(SourceUnavailable, match="stopped"):
        list(folder.files(settle=60))


def test_a_file_that_is_too_large_is_refused_before_it_is_read(folder: Folder) -> None:
    file = folder.put("a.csv")
    os.truncate(file, 1024 * 1024 + 1)

    with pytest.raises(SourceRefused, match="larger than 1 MiB"):
        list(folder.files(form={"max_mebibytes": 1}))


def test_a_file_that_goes_away_is_tried_later(folder: Folder) -> None:
    folder.put("a 2026-10-01.csv")
    last = folder.put("b 2026-11-01.csv")
    reading = iter(folder.files())
    next(reading)
    last.unlink()

    with pytest.raises(SourceUnavailable, match="disappeared"):
        next(reading)


def test_a_file_that_may_not_be_read_is_refused_and_a_failing_disk_is_tried_later(folder: Folder) -> None:
    # Tests run as root too, who may read everything: the system's answers are given by hand.
    refused = folder.files()._unreadable_error(PermissionError(13, "Permission denied"))
    failed = folder.files()._unreadable_error(OSError(5, "Input/output error"))

    assert isinstance(refused, SourceRefused)
    assert "Let the daemon's user read it" in str(refused)
    assert isinstance(failed, SourceUnavailable)
    assert "Input/output error" in str(failed)


def test_a_connectors_settings_are_the_form_of_its_files() -> None:
    class Settings(SourceSettings, FileFormat):
        path: str

    created = Settings.model_validate(
        {"kind": "hr_file", "name": "hr", "path": "/in/*.csv", "columns": {"unit": "Ort"}}
    )

    assert created.encoding == "cp1252"
    assert isinstance(created, FileFormat)
    with pytest.raises(ValidationError):
        Settings.model_validate({"kind": "hr_file", "name": "hr", "path": "x", "encodings": "y"})


# -------------------------------------------------------------------------------------------------------- what is said

PRIVATE = "Hemligsson"


@pytest.mark.parametrize(
    "content",
    [
        f"Anst.nr;Slutdatum\n17;{PRIVATE}\n",
        f"Anst.nr;Slutdatum\n{PRIVATE};x;{PRIVATE}\n",
        f"Anst.nr;Slutdatum\n{PRIVATE};2026-01-01\n1,2E+11;{PRIVATE}\n",
        f'Anst.nr;Slutdatum\n"{PRIVATE}"{PRIVATE};\n',
        f"{PRIVATE};Slutdatum\n{PRIVATE};{PRIVATE}Ã¥\n",
        f"Anst.nr;Slutdatum\n17;{PRIVATE}",
        f"Anst.nr;Slutdatum\n{PRIVATE}",
        f"{PRIVATE};x\n",
        f"{PRIVATE};x\n".encode("utf-16-le"),
        PRIVATE.encode() + b";\x81\n",
    ],
)
def test_no_message_reason_or_representation_ever_holds_a_value(content: str | bytes) -> None:
    file = opened(content)
    message: list[str] = [repr(file)]
    try:
        for row in file.rows():
            message.append(repr(row))
            list(file.records(lambda row: row.day("end")))
    except PullError as error:
        message += [str(error), repr(error.__cause__)]
    message += [repr(each) for each in file.rejected]

    assert not any(PRIVATE in text for text in message)


@given(st.lists(st.text(alphabet="#REF!N/A0123456789.,eE+- \u00a0\u200b", max_size=12), max_size=4))
def test_a_row_that_may_not_be_damaged_is_never_damaged(written: list[str]) -> None:
    cells = [clean(cell) for cell in written]

    assert may_hold_damage(cells) or not any(spreadsheet_damage(cell, "text") for cell in cells)


@given(st.text(alphabet="aå é\u00a0\u200b\u2009\ufeff", max_size=8))
def test_a_text_that_needs_only_stripping_is_cleaned_by_it(written: str) -> None:
    text = unicodedata.normalize("NFC", written)

    assert not needs_only_stripping(text) or clean(text) == text.strip()
