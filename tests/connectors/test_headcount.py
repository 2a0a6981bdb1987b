"""A list of head counts, trap by trap."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from fleetsync.cli.file_kinds import kind_of_file
from fleetsync.core.model import HeadcountRecord, MembershipType
from fleetsync.pull.contract import RejectedRecord, SourceRefused, UnreadableFact
from tests.connectors.case_runner import CaseRunner, running_case
from tests.connectors.headcount_case import CASE

NAME = "antal_2026-10-31.csv"
HEAD = "Enhet;Skolform;Årskurs;Antal;Datum"


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[CaseRunner]:
    with running_case(CASE, tmp_path) as here:
        yield here


class CountsFolder:
    """A folder with a list of our own."""

    def __init__(self, runner: CaseRunner) -> None:
        self.runner = runner

    def write(self, *rows: str, head: str = HEAD, name: str = NAME) -> None:
        (self.runner.folder / name).write_text("\n".join((head, *rows, "")), encoding="utf-8")

    def read(self, *rows: str, head: str = HEAD, part: str = "pupils", **keys: Any) -> list[HeadcountRecord]:
        self.write(*rows, head=head)
        items = self.runner.items(part, self.runner.settings_with(**keys))
        return [item for item in items if isinstance(item, HeadcountRecord)]

    def rejected(self, *rows: str, head: str = HEAD) -> list[RejectedRecord]:
        self.write(*rows, head=head)
        return [rejected for page in self.runner.pages("pupils") for rejected in page.rejected]


@pytest.fixture
def counts(tmp_path: Path) -> Iterator[CountsFolder]:
    with running_case(replace(CASE, files=()), tmp_path) as here:
        yield CountsFolder(here)


# --- the recorded list ------------------------------------------------------------------------------------------------


def test_a_count_is_read_whole_and_only_its_newest_day_counts(recorded: CaseRunner) -> None:
    assert recorded.records("children") == [
        HeadcountRecord(
            source_id="placement/90000011/FS/",
            membership=MembershipType.PLACEMENT,
            heads=43,
            codes=("90000011",),
            unit_name="Ekbackens förskola",
            school_form="FS",
            counted_on=date(2026, 10, 15),
            counted_by="rektor Ekbacken",
        )
    ]


def test_classes_of_a_year_are_added_up_and_each_part_has_its_own_rows(recorded: CaseRunner) -> None:
    pupils = {record.source_id: record for record in recorded.records("pupils") if isinstance(record, HeadcountRecord)}
    assert {source_id: record.heads for source_id, record in pupils.items()} == {
        "enrolment/90000012/GR/7": 47,
        "enrolment/90000012/GR/8": 50,
        "enrolment/90000012/FKLASS/": 18,
    }
    (staff,) = recorded.records("staff")
    assert isinstance(staff, HeadcountRecord)
    assert (staff.membership, staff.heads, staff.school_form) == (MembershipType.EMPLOYMENT, 31, None)


def test_an_address_in_place_of_a_function_is_not_kept_and_is_named(recorded: CaseRunner) -> None:
    items = recorded.items("pupils")

    assert [item for item in items if isinstance(item, UnreadableFact)] == [
        UnreadableFact(
            "counted_by", "holds an address: write the function that answers for the number", f"{NAME} line 6"
        )
    ]
    assert "kanarie" not in repr(items).casefold()


def test_a_check_says_how_many_heads_each_part_has(recorded: CaseRunner) -> None:
    findings = {finding.part: finding.what for finding in recorded.findings()}

    assert list(findings) == ["children", "pupils", "staff"]
    assert "has 115 heads" in findings["pupils"]


# --- rows -------------------------------------------------------------------------------------------------------------


def test_a_row_without_a_number_is_refused_and_is_no_zero(counts: CountsFolder) -> None:
    rejected = counts.rejected("Vretaskolan;GR;7;;2026-10-15", "Vretaskolan;GR;8;0;2026-10-15")

    assert [each.reason for each in rejected] == ["heads is empty"]
    assert [record.heads for record in counts.read("Vretaskolan;GR;8;0;2026-10-15")] == [0]


def test_a_unit_of_which_one_class_has_no_number_keeps_what_was_believed(counts: CountsFolder) -> None:
    rows = ("Vretaskolan;GR;7;25;2026-10-15", "Vretaskolan;GR;7;;2026-10-15", "Vretaskolan;GR;8;30;2026-10-15")

    (rejected,) = counts.rejected(*rows)
    (other,) = counts.read(*rows)

    assert (rejected.source_id, rejected.place) == ("enrolment/vretaskolan/GR/7", f"{NAME} line 3")
    assert (other.year, other.heads) == (8, 30)


def test_a_number_that_was_left_blank_on_an_earlier_day_costs_nothing(counts: CountsFolder) -> None:
    (count,) = counts.read("Vretaskolan;GR;7;;2026-03-15", "Vretaskolan;GR;7;25;2026-10-15")

    assert count.heads == 25


@pytest.mark.parametrize("number", ["-3", "12,5", "250000", "cirka 40"])
def test_what_is_no_number_of_persons_is_refused(counts: CountsFolder, number: str) -> None:
    assert len(counts.rejected(f"Vretaskolan;GR;7;{number};2026-10-15")) == 1


def test_what_nobody_can_place_or_sort_is_refused(counts: CountsFolder) -> None:
    rejected = counts.rejected(";GR;7;20;2026-10-15", "Vretaskolan;;;20;2026-10-15")
    assert [each.reason for each in rejected] == [
        "unit is empty",
        "neither school form nor whom says what is counted",
    ]

    (word,) = counts.rejected("Vretaskolan;vaktmästare;20", head="Enhet;Avser;Antal")
    assert word.reason == "whom is none of barn, elever and anställda"


def test_a_year_that_cannot_be_read_leaves_its_heads_undecided_and_does_not_move_the_others(
    counts: CountsFolder,
) -> None:
    first, second = counts.read("Vretaskolan;GR;sju;20;2026-10-15", "Vretaskolan;GR;8;30;2026-10-15")

    assert (first.source_id, first.year, first.unreadable) == ("enrolment/vretaskolan/GR/?", None, ("year",))
    assert (second.year, second.unreadable) == (8, ())


def test_a_row_without_a_day_is_older_than_every_row_with_one(counts: CountsFolder) -> None:
    (record,) = counts.read("Vretaskolan;GR;7;20;2026-10-15", "Vretaskolan;GR;7;30;")
    assert (record.heads, record.counted_on) == (20, date(2026, 10, 15))

    (undated,) = counts.read("Vretaskolan;GR;7;30", head="Enhet;Skolform;Årskurs;Antal")
    assert (undated.heads, undated.counted_on) == (30, None)


def test_a_form_that_is_not_known_is_kept_as_it_is_written(counts: CountsFolder) -> None:
    (record,) = counts.read("Vretaskolan;resursskola;;20;2026-10-15")

    assert record.school_form == "RESURSSKOLA"


@pytest.mark.parametrize(
    ("form", "year", "meaning"),
    [("Grundsärskola", "årsk 3", ("GRAN", 3)), ("Fritids", "", ("FTH", None)), ("f-klass", "F", ("FKLASS", 0))],
)
def test_forms_and_years_are_read_by_the_words_of_all_lists(
    counts: CountsFolder, form: str, year: str, meaning: tuple[str, int | None]
) -> None:
    (record,) = counts.read(f"Vretaskolan;{form};{year};20;2026-10-15")

    assert (record.school_form, record.year) == meaning


def test_a_word_that_means_forskola_to_some_and_forskoleklass_to_others_is_not_guessed(counts: CountsFolder) -> None:
    (record,) = counts.read("Vretaskolan;FSK;;20;2026-10-15")

    assert record.school_form == "FSK"


def test_two_lists_at_once_are_refused(counts: CountsFolder) -> None:
    counts.write("Vretaskolan;GR;7;20;2026-10-15", name="antal_2026-10-31.csv")
    counts.write("Ekskolan;GR;7;20;2026-10-15", name="barn_2026-10-31.csv")

    with pytest.raises(SourceRefused, match="2 lists"):
        counts.runner.pages("pupils")


def test_a_mailed_list_is_recognised_by_its_headers(recorded: CaseRunner) -> None:
    assert kind_of_file(recorded.folder / NAME) == "headcount"
