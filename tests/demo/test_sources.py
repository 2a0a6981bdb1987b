"""The files that Exempelby's systems export are complete, in the right encoding, and written once."""

import csv
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from fleetsync.demo.days import DEMO_DAY
from fleetsync.demo.editions import BLANK_HEADCOUNT_ON, HALF_LEDGER_ON
from fleetsync.demo.file_exports import (
    HEADCOUNT_HEADER,
    LEDGER_HEADER,
    LIST_HEADER,
    OTHER_EMPLOYEES,
    STAFF_HEADER,
    WORKSHOP_HEADER,
    deliver,
    write_headcounts,
    write_ledger,
    write_workshop_list,
)
from fleetsync.demo.names import CANARY
from fleetsync.demo.units import PRESCHOOL_UNITS
from fleetsync.demo.world import DemoWorld


def rows_of(content: bytes, encoding: str) -> list[list[str]]:
    return list(csv.reader(StringIO(content.decode(encoding), newline=""), delimiter=";"))


def written(file: Path | None) -> Path:
    assert file is not None, "the edition is new"
    return file


def test_what_was_delivered_is_not_written_again(staff_only, tmp_path):
    first = deliver(staff_only.contents_on(DEMO_DAY), tmp_path)

    assert [file.name for file in first] == ["personal_2026-11-01.csv", "datorer_2026-11-23.xlsx"]
    assert deliver(staff_only.contents_on(DEMO_DAY), tmp_path) == ()
    assert all(file.with_name(f"{file.name}.done").exists() for file in first)


def test_the_whole_municipality_has_a_workshop_a_ledger_and_lists_of_two_preschools(whole, tmp_path):
    _, _, *files = deliver(whole.contents_on(DEMO_DAY), tmp_path)

    assert [file.name for file in files] == [
        "verkstad_20261124.csv",
        "inkop_2026-11.csv",
        "placeringar_2026-11-23.xlsx",
        "antal_2026-11-15.csv",
    ]
    assert deliver(whole.contents_on(DEMO_DAY), tmp_path) == ()


def test_the_staff_file_has_a_row_for_each_employment(staff_only, tmp_path):
    file, _ = deliver(staff_only.contents_on(DEMO_DAY), tmp_path)
    title, header, *rows = rows_of(file.read_bytes(), "cp1252")

    assert title == ["Anställda, utskrivet 2026-11-01"]
    assert tuple(header) == STAFF_HEADER
    assert len(rows) == len(staff_only.contents_on(DEMO_DAY).employments)
    assert {len(row) for row in rows} == {len(STAFF_HEADER)}
    assert any(row[8] == "Åkerbyskolan" for row in rows)


def test_an_employee_who_is_entered_later_is_not_in_the_file_yet(staff_only, tmp_path):
    october = staff_only.contents_on(date(2026, 10, 31)).employments
    november = staff_only.contents_on(date(2026, 11, 1)).employments

    assert len(november) - len(october) == 2 + 5  # entered late, and starting in December


def test_the_file_of_the_whole_municipality_has_other_employees_too(staff_only, tmp_path):
    file, _ = deliver(staff_only.contents_on(date(2026, 5, 1)), tmp_path)
    rows = rows_of(file.read_bytes(), "cp1252")

    assert sum(1 for row in rows if len(row) > 7 and row[7].startswith("41")) == OTHER_EMPLOYEES


def test_two_editions_are_never_identical_files(staff_only, tmp_path):
    contents = set()
    for month in range(1, 7):
        file, *_ = deliver(staff_only.contents_on(date(2026, month, 12)), tmp_path)
        contents.add(file.read_bytes())

    assert len(contents) == 6


def test_the_list_of_computers_is_a_workbook_with_days_as_days(staff_only, tmp_path):
    _, file = deliver(staff_only.contents_on(DEMO_DAY), tmp_path)
    title, header, *rows = CalamineWorkbook.from_path(file).get_sheet_by_index(0).to_python()

    assert title[0] == "Datorer per 2026-11-23"
    assert tuple(header) == LIST_HEADER
    assert len(rows) == len(staff_only.contents_on(DEMO_DAY).listed_computers)
    assert any(isinstance(row[8], date) for row in rows)
    assert {row[7] for row in rows} >= {"I drift", "Stulen", "På reparation", "Skrotad"}


def test_the_same_world_writes_the_same_bytes(staff_only, tmp_path):
    first = deliver(staff_only.contents_on(DEMO_DAY), tmp_path / "first")
    second = deliver(DemoWorld(1).contents_on(DEMO_DAY), tmp_path / "second")

    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]


def test_the_workshop_lists_repairs_and_returned_devices(whole, tmp_path):
    file = written(write_workshop_list(whole.contents_on(DEMO_DAY), tmp_path))
    _, header, *rows = rows_of(file.read_bytes(), "utf-8-sig")

    assert tuple(header) == WORKSHOP_HEADER
    assert {row[1] for row in rows} == {"På reparation", "I drift", "Stulen", "Skrotad"}


def test_the_ledger_has_the_tablets_of_each_preschool_in_one_line_and_cases_without_numbers(whole, tmp_path):
    file = written(write_ledger(whole.contents_on(DEMO_DAY), tmp_path))
    header, *rows = rows_of(file.read_bytes(), "cp1252")
    tablets = [row for row in rows if row[4]]

    assert tuple(header) == LEDGER_HEADER
    assert {row[2] for row in tablets} == {unit.cost_centre for unit in PRESCHOOL_UNITS}
    assert [int(row[5]) for row in tablets] == [len(row[4].split(", ")) for row in tablets]
    assert [row[3] for row in rows if not row[4]] == ["Fodral"]


def test_the_head_counts_have_a_number_for_each_department_and_nobody(whole, tmp_path):
    file = written(write_headcounts(whole.contents_on(DEMO_DAY), tmp_path))
    header, *rows = rows_of(file.read_bytes(), "utf-8-sig")

    assert tuple(header) == HEADCOUNT_HEADER
    assert {row[0] for row in rows} == {"Förskolan Sjöstjärnan"}
    # Twenty-six of each year, but for two of one year who have moved.
    assert (len(rows), sum(int(row[3]) for row in rows)) == (4, 128)
    assert CANARY not in file.read_text(encoding="utf-8-sig").casefold()


def test_one_list_of_head_counts_lacks_numbers_and_one_ledger_lacks_lines(whole, tmp_path):
    blank = written(write_headcounts(whole.contents_on(BLANK_HEADCOUNT_ON), tmp_path))
    half, whole_ledger = (
        written(write_ledger(whole.contents_on(day), tmp_path)) for day in (HALF_LEDGER_ON, date(2026, 9, 1))
    )

    _, *rows = rows_of(blank.read_bytes(), "utf-8-sig")
    assert [bool(row[3]) for row in rows] == [True, False, False, False]
    assert len(rows_of(half.read_bytes(), "cp1252")) < 0.6 * len(rows_of(whole_ledger.read_bytes(), "cp1252"))


@pytest.mark.parametrize(
    ("day", "edition"), [(date(2026, 3, 8), date(2026, 2, 1)), (date(2026, 3, 9), date(2026, 3, 9))]
)
def test_in_march_the_staff_file_was_five_weeks_old(staff_only, day, edition):
    assert staff_only.contents_on(day).staff_file_day == edition
