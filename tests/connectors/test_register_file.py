"""Lists of a register, trap by trap."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from fleetsync.core.model import (
    TOKEN_PREFIX,
    GroupRecord,
    Key,
    MembershipRecord,
    MembershipType,
    PersonRecord,
    Record,
    Scheme,
)
from fleetsync.pull.contract import (
    MarkWord,
    RejectedRecord,
    SourceRefused,
    UncertainRecord,
    UnknownValue,
    UnreadableFact,
)
from tests.connectors.case_runner import CaseRunner, running_case
from tests.connectors.register_file_case import CASE, CHILDREN, PUPILS

HEAD = "Elev-ID;Elevkonto;Skola;Skolform;Årskurs;Klass;Från;Till;Sekretess"
FILE = "elever_2026-10-31.csv"
ALVA = "1;alva@edu.exempelby.se;Vretaskolan;GR;5;5B;2021-08-16;;"


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[CaseRunner]:
    with running_case(CASE, tmp_path) as here:
        yield here


class Lists:
    """A folder with lists of our own."""

    def __init__(self, runner: CaseRunner) -> None:
        self.runner = runner

    def write(self, *rows: str, head: str = HEAD, name: str = FILE) -> None:
        (self.runner.folder / name).write_text("\n".join((head, *rows, "")), encoding="utf-8")

    def items(self, *rows: str, part: str = "pupils", head: str = HEAD, **keys: Any) -> list[Any]:
        if rows:
            self.write(*rows, head=head)
        return self.runner.items(part, self.runner.settings_with(**keys))

    def people(self, *rows: str, **keys: Any) -> list[PersonRecord]:
        return [item for item in self.items(*rows, **keys) if isinstance(item, PersonRecord)]

    def memberships(self, *rows: str, **keys: Any) -> list[MembershipRecord]:
        return [item for item in self.items(*rows, **keys) if isinstance(item, MembershipRecord)]

    def enrolment(self, row: str, **keys: Any) -> MembershipRecord:
        (enrolment,) = (each for each in self.memberships(row, **keys) if each.membership is not MembershipType.GROUP)
        return enrolment

    def rejected(self, *rows: str, part: str = "pupils", **keys: Any) -> list[RejectedRecord]:
        if rows:
            self.write(*rows)
        pages = self.runner.pages(part, self.runner.settings_with(**keys))
        return [rejected for page in pages for rejected in page.rejected]


@pytest.fixture
def lists(tmp_path: Path) -> Iterator[Lists]:
    with running_case(replace(CASE, files=()), tmp_path) as here:
        yield Lists(here)


def of(records: list[Record], person: str) -> list[Record]:
    return [record for record in records if person in (record.source_id, getattr(record, "person", None))]


# ------------------------------------------------------------------------------------------------------ the recorded lists


def test_a_pupil_with_a_row_for_each_group_is_one_person_with_each_enrolment_once(recorded: CaseRunner) -> None:
    assert of(recorded.records("pupils"), "70001") == [
        PersonRecord(
            source_id="70001",
            keys=(
                Key(Scheme.NUMBER, "elevlistor", "70001"),
                Key(Scheme.ADDRESS, "", "alek1504@edu.exempelby.se"),
            ),
        ),
        MembershipRecord(
            source_id="10000001/5b/70001/2021-08-16",
            person="70001",
            membership=MembershipType.GROUP,
            codes=("10000001",),
            unit_name="Vretaskolan",
            group="10000001/5b",
            start=date(2021, 8, 16),
            end=date(2031, 6, 12),
        ),
        MembershipRecord(
            source_id="70001/10000001/FTH/2021-08-16",
            person="70001",
            membership=MembershipType.ENROLMENT,
            codes=("10000001",),
            unit_name="Vretaskolan",
            school_form="FTH",
            start=date(2021, 8, 16),
            end=date(2027, 6, 30),
        ),
        MembershipRecord(
            source_id="70001/10000001/GR/2021-08-16",
            person="70001",
            membership=MembershipType.ENROLMENT,
            codes=("10000001",),
            unit_name="Vretaskolan",
            school_form="GR",
            year=5,
            start=date(2021, 8, 16),
            end=date(2031, 6, 12),
        ),
    ]


def test_somebody_of_forskoleklass_is_a_child_and_a_pupil_is_none(recorded: CaseRunner) -> None:
    children = {
        record.source_id: record.child for record in recorded.records("pupils") if isinstance(record, PersonRecord)
    }

    assert children == {"70001": False, "70002": False, "70003": True, "70004": False, "70006": False, "b86": False}


def test_who_left_more_than_a_year_ago_is_not_kept(recorded: CaseRunner) -> None:
    assert of(recorded.records("pupils"), "70005") == []


def test_a_marked_pupil_is_protected_by_every_record_and_the_word_is_reported(recorded: CaseRunner) -> None:
    person, *memberships = of(recorded.records("pupils"), "70004")

    assert isinstance(person, PersonRecord)
    assert person.protected
    # Protected, the civic number counts too: other sources may know the pupil by nothing else.
    assert [key.scheme for key in person.keys] == [Scheme.NUMBER, Scheme.CIVIC, Scheme.ADDRESS]
    assert all(isinstance(each, MembershipRecord) and each.protected for each in memberships)
    assert MarkWord("protected", "Sekretessmarkering") in recorded.noted("pupils")


def test_a_child_has_no_key_and_the_placement_that_runs(recorded: CaseRunner) -> None:
    assert of(recorded.records("children"), "b84") == [
        PersonRecord(source_id="b84", child=True),
        MembershipRecord(
            source_id="b84/gässlans förskola/FS/2022-08-15",
            person="b84",
            membership=MembershipType.PLACEMENT,
            unit_name="Gässlans förskola",
            school_form="FS",
            start=date(2022, 8, 15),
        ),
    ]


def test_a_child_that_waits_for_a_place_has_none_yet(recorded: CaseRunner) -> None:
    assert of(recorded.records("children"), "b83") == []


def test_classes_and_departments_are_known_by_unit_and_name(recorded: CaseRunner) -> None:
    groups = [record for record in recorded.records("groups") if isinstance(record, GroupRecord)]

    assert GroupRecord(source_id="10000001/5b", name="5B", kind="Klass", unit="10000001") in groups
    assert (
        GroupRecord(source_id="åsens förskola/blåbäret", name="Blåbäret", kind="Avdelning", unit="Åsens förskola")
        in groups
    )


def test_each_list_speaks_for_its_day_and_is_whole_for_itself(recorded: CaseRunner) -> None:
    assert {(page.scope, page.as_of, page.file) for page in recorded.pages("pupils")} == {
        ("elever", date(2026, 11, 15), PUPILS),
        ("placeringar", date(2026, 11, 20), CHILDREN),
    }


# ------------------------------------------------------------------------------------------------------------ whose it is

CIVIC_HEAD = "Personnummer;Skola;Skolform;Årskurs;Klass;Från"


@pytest.mark.parametrize("number", ["20150412-0006", "150412-0006", "201504120006", "20130101TF01"])
def test_a_civic_number_is_a_token_and_nothing_of_it_is_kept(lists: Lists, number: str) -> None:
    items = lists.items(f"{number};Vretaskolan;GR;5;5B;2021-08-16", head=CIVIC_HEAD)
    person = next(item for item in items if isinstance(item, PersonRecord))

    assert person.source_id.startswith(TOKEN_PREFIX)
    assert person.keys == (Key(Scheme.CIVIC, "", person.source_id),)
    assert "0412" not in repr(items)
    assert "TF01" not in repr(items).upper()


def test_the_same_civic_number_in_two_spellings_is_one_person(lists: Lists) -> None:
    rows = (f"{number};Vretaskolan;GR;5;5B;2021-08-16" for number in ("20150412-0006", "150412-0006"))

    assert len(lists.people(*rows, head=CIVIC_HEAD)) == 1


def test_a_row_of_nobody_takes_nobody_for_absent(lists: Lists) -> None:
    (rejected,) = lists.rejected(ALVA, ";;Vretaskolan;GR;5;5B;2021-08-16;;")

    assert (rejected.reason, rejected.source_id) == ("person number is empty", None)


def test_a_mark_counts_on_a_row_that_is_left_out_and_on_one_that_does_not_fit(lists: Lists) -> None:
    ended = "2;bo@edu.exempelby.se;Vretaskolan;GR;5;5B;2015-08-16;2020-06-10;Ja"
    torn = "3;ada@edu.exempelby.se;Vretaskolan;GR;5;5B;2021-08-16;;;Ja"

    people = {person.source_id: person.protected for person in lists.people(ALVA, ended, torn)}

    assert people == {"1": False, "2": True, "3": True}


def test_a_header_that_may_be_a_mark_refuses_the_list(lists: Lists) -> None:
    with pytest.raises(SourceRefused, match=r"columns = \{ protected = \"Skyddsgrad\" \}"):
        lists.items("1;Vretaskolan;GR;", head="Elev-ID;Skola;Skolform;Skyddsgrad")


# ------------------------------------------------------------------------------------------------- school forms and years


@pytest.mark.parametrize(
    ("word", "form"),
    [("Grundskola", "GR"), ("gr", "GR"), ("Anpassad grundskola", "GRAN"), ("Grundsärskola", "GRAN"), ("F-klass", "FKLASS"),
     ("Fritidshem", "FTH"), ("Träningsskola", "TR"), ("Gymnasieskola", "GY")],
)  # fmt: skip
def test_a_school_form_has_many_words(lists: Lists, word: str, form: str) -> None:
    assert lists.enrolment(ALVA.replace("GR", word)).school_form == form


@pytest.mark.parametrize(
    ("word", "year"), [("5", 5), ("05", 5), ("Åk 5", 5), ("årskurs 5", 5), ("F", 0), ("F-klass", 0)]
)
def test_a_year_is_written_in_many_ways(lists: Lists, word: str, year: int) -> None:
    assert lists.enrolment(ALVA.replace(";5;", f";{word};")).year == year


def test_a_year_that_is_none_is_unknown_and_names_its_line(lists: Lists) -> None:
    row = ALVA.replace(";5;", ";fem;")

    assert lists.enrolment(row).unreadable == ("year",)
    assert UnreadableFact("year", "is not a year", f"{FILE} line 2") in lists.items()


def test_a_word_of_the_source_comes_before_the_shipped_ones(lists: Lists) -> None:
    assert lists.enrolment(ALVA.replace("GR", "FSK"), school_forms={"FSK": "fklass"}).school_form == "FKLASS"


@pytest.mark.parametrize(("word", "reported"), [("FSK", "(text)"), ("Grundskola förskola", "grundskola förskola")])
def test_an_unknown_school_form_is_undecided_and_may_be_what_was_believed(
    lists: Lists, word: str, reported: str
) -> None:
    items = lists.items(ALVA.replace("GR", word))
    (uncertain,) = (
        item for item in items if isinstance(item, UncertainRecord) and item.record.source_id.startswith("1/")
    )

    assert uncertain.id_prefix == "1/vretaskolan/"
    assert isinstance(uncertain.record, MembershipRecord)
    assert (uncertain.record.school_form, uncertain.record.unreadable) == (None, ("school_form",))
    assert UnknownValue("school_form", reported) in items


def test_a_row_without_a_school_form_is_no_childs_row_for_certain_and_takes_no_child_for_absent(lists: Lists) -> None:
    (rejected,) = lists.rejected(ALVA.replace("GR", ""), part="children")

    assert rejected == RejectedRecord("school form is not known", f"{FILE} line 2", "1")


def test_beside_a_placement_a_row_without_a_school_form_keeps_the_other_placements(lists: Lists) -> None:
    rows = (ALVA.replace("GR;5", "FS;"), ALVA.replace("GR;5", ";").replace("Vreta", "Åsen"))

    (rejected,) = lists.rejected(*rows, part="children")

    assert (rejected.source_id, rejected.is_prefix) == ("1/", True)


LIST_BY_HAND = "Elev-ID;Klass;Åk"


def test_a_list_by_hand_gets_its_form_and_its_unit_from_the_configuration(lists: Lists) -> None:
    lists.write("1;5B;5", head=LIST_BY_HAND, name="klasslista vreta 2026-10-01.csv")

    (enrolment, _) = sorted(
        lists.memberships(school_form="Grundskola", list_units={"Klasslista vreta*": "Vretaskolan"}),
        key=lambda each: each.membership,
    )

    assert (enrolment.school_form, enrolment.year, enrolment.unit_name) == ("GR", 5, "Vretaskolan")


def test_what_a_list_by_hand_lacks_is_said(lists: Lists) -> None:
    lists.write("1;5B;5", head=LIST_BY_HAND)

    (page,) = lists.runner.pages("pupils")

    assert [drift.value for drift in page.drift] == ["unit", "school form"]


def test_a_list_whose_units_stand_under_forskola_is_of_forskolor(lists: Lists) -> None:
    lists.write("1;Åsens förskola;Blåbäret", head="Barn-id;Förskola;Avdelning")

    (placement,) = lists.memberships(part="children")

    assert (placement.school_form, placement.group) == ("FS", "åsens förskola/blåbäret")
    assert lists.memberships(part="pupils") == []


# ------------------------------------------------------------------------------------------------------ days and statuses


def test_a_first_day_that_cannot_be_read_leaves_the_enrolment_as_it_was_believed(lists: Lists) -> None:
    items = lists.items(ALVA.replace("2021-08-16", "hösten"))

    prefixes = {item.id_prefix for item in items if isinstance(item, UncertainRecord)}

    assert prefixes == {"1/vretaskolan/GR/", "vretaskolan/5b/1/"}


STATUS_HEAD = "Elev-ID;Skola;Skolform;Årskurs;Status"


@pytest.mark.parametrize(
    ("word", "goes_there"),
    [("Aktiv", True), ("", True), ("Kö", False), ("Avslutad", False), ("erbjuden  plats", False)],
)
def test_a_status_says_whether_somebody_goes_there(lists: Lists, word: str, goes_there: bool) -> None:
    assert bool(lists.memberships(f"1;Vretaskolan;GR;5;{word}", head=STATUS_HEAD)) is goes_there


def test_an_unknown_status_leaves_the_last_day_unknown_and_is_reported_without_its_text(lists: Lists) -> None:
    row = "1;Vretaskolan;GR;5;Tuva ringer"

    assert lists.enrolment(row, head=STATUS_HEAD).unreadable == ("end",)
    assert UnknownValue("status", "(text)") in lists.items()
    assert lists.enrolment(row, head=STATUS_HEAD, statuses={"Tuva ringer": True}).unreadable == ()


@pytest.mark.parametrize(
    ("header", "cell", "field"),
    [("Läge", "Kö", "end"), ("Slut", "2026-12-18", "end"), ("Dag 1", "2026-08-17", "start")],
)
def test_a_header_that_nobody_named_over_what_decides_leaves_it_unknown(
    lists: Lists, header: str, cell: str, field: str
) -> None:
    items = lists.items(f"1;Vretaskolan;GR;5;{cell}", head=f"Elev-ID;Skola;Skolform;Årskurs;{header}")
    (record,) = (getattr(item, "record", item) for item in items if not isinstance(item, PersonRecord))

    assert field in record.unreadable


# --------------------------------------------------------------------------------------------------- lists beside each other


def test_somebody_in_two_lists_is_one_person_with_both_enrolments(lists: Lists) -> None:
    lists.write(ALVA, name="vreta_2026-10-01.csv")
    lists.write(ALVA.replace("Vreta", "Åsen").replace("2021-08-16", "2026-11-02"), name="asen_2026-11-10.csv")
    pages = lists.runner.pages("pupils")

    records = {
        (page.scope, record.source_id)
        for page in pages
        for raw in page.raws
        for record in lists.runner.module.normalise("pupils", lists.runner.settings, raw)
        if isinstance(record, Record)
    }

    assert records == {
        ("asen", "1"),
        ("asen", "1/åsenskolan/GR/2026-11-02"),
        ("asen", "åsenskolan/5b/1/2026-11-02"),
        ("vreta", "1/vretaskolan/GR/2021-08-16"),
        ("vreta", "vretaskolan/5b/1/2021-08-16"),
    }


def test_an_enrolment_in_two_lists_is_that_of_the_newer(lists: Lists) -> None:
    lists.write(ALVA, name="alla_2026-10-01.csv")
    lists.write(ALVA.replace(";5;", ";6;"), name="vreta_2026-11-10.csv")

    (enrolment,) = (each for each in lists.memberships() if each.school_form)

    assert enrolment.year == 6


def test_once_a_list_is_new_all_are_read(lists: Lists) -> None:
    lists.write(ALVA, name="vreta_2026-10-01.csv")
    known = {page.scope: page.fingerprint for page in lists.runner.pages("pupils")}
    lists.write(ALVA.replace("Vreta", "Åsen"), name="asen_2026-11-10.csv")

    pages = lists.runner.pages("pupils", known=known)

    assert {page.scope for page in pages} == {"vreta", "asen"}
    known |= {page.scope: page.fingerprint for page in pages}
    assert lists.runner.pages("pupils", known=known) == []


def test_two_enrolments_that_differ_in_their_year_are_two_in_any_order(lists: Lists) -> None:
    rows = (ALVA, ALVA.replace(";5;", ";6;"))

    years = {each.source_id: each.year for each in lists.memberships(*rows) if each.school_form}

    assert years == {each.source_id: each.year for each in lists.memberships(*rows[::-1]) if each.school_form}
    assert sorted(years) == ["1/vretaskolan/GR/2021-08-16", "1/vretaskolan/GR/2021-08-16/2"]


def test_a_log_in_without_a_domain_is_no_key_and_is_reported(lists: Lists) -> None:
    row = ALVA.replace("alva@edu.exempelby.se", "alva1504")

    assert UnknownValue("login", "account name without a domain") in lists.items(row)
    assert Key(Scheme.ACCOUNT, "EDU", "alva1504") in lists.people(row, domain="EDU")[0].keys


def test_a_check_says_whom_the_lists_have(recorded: CaseRunner) -> None:
    said = [(result.part, result.ok) for result in recorded.findings()]

    assert said == [("pupils", True), ("pupils", True), ("groups", True), ("children", True)]
    assert "children in these lists: 4" in [result.what for result in recorded.findings()]
