"""A staff file, trap by trap."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from fleetsync.core.model import (
    TOKEN_PREFIX,
    EmploymentForm,
    Key,
    MembershipRecord,
    MembershipType,
    PersonRecord,
    Scheme,
)
from fleetsync.pull.contract import SourceRefused, SourceUnavailable, UnknownValue
from fleetsync.pull.decoding import WITHHELD_TEXT
from tests.connectors.case_runner import CaseRunner, running_case
from tests.connectors.staff_file_case import CASE, FILE

HEAD = "Anst.nr;E-post;Arbetsplats;Kst;Anst.form;From;Tom;Ssg;Sekretess"


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[CaseRunner]:
    with running_case(CASE, tmp_path) as here:
        yield here


class Desk:
    """A folder with one staff file of our own."""

    def __init__(self, world: CaseRunner) -> None:
        self.world = world

    def write(self, *rows: str, head: str = HEAD, name: str = FILE) -> None:
        (self.world.folder / name).write_text("\n".join((head, *rows, "")), encoding="utf-8")

    def noted(self, *rows: str, head: str = HEAD, **keys: Any) -> list[Any]:
        self.write(*rows, head=head)
        return self.world.noted("staff", self.world.settings_with(**keys))

    def people(self, *rows: str, head: str = HEAD, **keys: Any) -> list[PersonRecord]:
        return [one for one in self.noted(*rows, head=head, **keys) if isinstance(one, PersonRecord)]

    def employments(self, *rows: str, head: str = HEAD, **keys: Any) -> list[MembershipRecord]:
        return [one for one in self.noted(*rows, head=head, **keys) if isinstance(one, MembershipRecord)]

    def drift(self, *rows: str, head: str = HEAD, **keys: Any) -> list[UnknownValue]:
        return [one for one in self.noted(*rows, head=head, **keys) if isinstance(one, UnknownValue)]

    def rejected(self, *rows: str, head: str = HEAD, **keys: Any) -> list[str]:
        self.write(*rows, head=head)
        pages = self.world.pages("staff", self.world.settings_with(**keys))
        return [reason for page in pages for reason in page.rejected]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with running_case(replace(CASE, files=()), tmp_path) as here:
        yield Desk(here)


# ------------------------------------------------------------------------------------------------------- the recorded file


def of(records: list[Any], person: str) -> list[Any]:
    return [one for one in records if person in (one.source_id, getattr(one, "person", None))]


def test_a_person_is_read_whole_with_all_rows(recorded: CaseRunner) -> None:
    assert of(recorded.records("staff"), "1002") == [
        PersonRecord(
            source_id="1002",
            keys=(
                Key(Scheme.NUMBER, "personal", "1002"),
                Key(Scheme.ACCOUNT, "", "EXB\\bopa"),
                Key(Scheme.ADDRESS, "", "bo.p@exempelby.se"),
                Key(Scheme.ADDRESS, "", "bo.pahittberg@edu.exempelby.se"),
                Key(Scheme.ACCOUNT, "", "EXB\\bopa2"),
            ),
        ),
        MembershipRecord(
            source_id="1002/3110/2026-08-10",
            person="1002",
            membership=MembershipType.EMPLOYMENT,
            codes=("3110",),
            unit_name="Vretaskolan",
            employment_form=EmploymentForm.FIXED,
            share=0.75,
            start=date(2026, 8, 10),
            end=date(2026, 12, 18),
        ),
        MembershipRecord(
            source_id="1002/3220/2026-08-10",
            person="1002",
            membership=MembershipType.EMPLOYMENT,
            codes=("3220",),
            unit_name="Lilla Vreta förskola",
            employment_form=EmploymentForm.FIXED,
            share=0.25,
            start=date(2026, 8, 10),
            end=date(2026, 12, 18),
        ),
    ]


def test_a_row_that_stands_twice_is_one_employment(recorded: CaseRunner) -> None:
    person, employment = of(recorded.records("staff"), "1001")

    assert isinstance(person, PersonRecord)
    assert employment.end is None


def test_leave_has_its_dates_and_no_cause(recorded: CaseRunner) -> None:
    _, employment = of(recorded.records("staff"), "1004")

    assert (employment.leave_from, employment.leave_to) == (date(2026, 8, 1), date(2027, 6, 30))


def test_the_file_speaks_for_the_day_in_its_name(recorded: CaseRunner) -> None:
    (page,) = recorded.pages("staff")

    assert page.as_of == date(2026, 10, 31)
    assert page.fingerprint
    assert page.scope is None
    assert page.rejected == ("start is not a date",)


def test_it_counts_and_is_due_monthly_by_itself(recorded: CaseRunner) -> None:
    settings = recorded.settings

    assert settings.counts == ("staff",)
    assert settings.freshness_limit == timedelta(days=35)
    assert settings.every == timedelta(hours=1)
    assert settings.grace_pulls == 1


def test_only_the_newest_edition_is_read(recorded: CaseRunner) -> None:
    old = recorded.folder / "personal_2026-09-30.csv"
    old.write_text(f"{HEAD}\n9;x@exempelby.se;;;;;;;\n", encoding="utf-8")

    assert len(recorded.records("staff")) == sum(CASE.expected_counts["staff"].values())


def test_two_lists_are_refused_since_one_would_be_left_out(recorded: CaseRunner) -> None:
    (recorded.folder / "personal_vikarier_2026-10-31.csv").write_text(f"{HEAD}\n", encoding="utf-8")

    with pytest.raises(SourceRefused, match="path matches 2 lists"):
        recorded.pages("staff")


def test_a_probe_tells_day_and_people(recorded: CaseRunner) -> None:
    (finding,) = recorded.findings()

    assert finding.what == f"{FILE} speaks for 2026-10-31 and has 8 people"


# ---------------------------------------------------------------------------------------------------------------- persons


def test_a_number_is_of_the_declared_namespace(desk: Desk) -> None:
    (person,) = desk.people("1;;;;;;;;", namespace="hr")

    assert person.keys == (Key(Scheme.NUMBER, "hr", "1"),)


def test_rows_of_one_person_give_one_person_with_every_key(desk: Desk) -> None:
    (person,) = desk.people("1;a@exempelby.se;A;;;;;;", "2;b@exempelby.se;A;;;;;;", "1;c@exempelby.se;B;;;;;;")[:1]

    assert [key.value for key in person.keys] == ["1", "a@exempelby.se", "c@exempelby.se"]


def test_people_are_told_apart_by_civic_number_where_numbers_are_per_employment(desk: Desk) -> None:
    head = "Personnummer;Anst.nr;Arbetsplats"
    (person,) = desk.people("19800101-9876;1;A", "800101-9876;2;B", head=head, person_is="civic_number")

    assert person.source_id.startswith(TOKEN_PREFIX)
    assert [(key.scheme, key.value[:1]) for key in person.keys] == [
        (Scheme.NUMBER, "1"),
        (Scheme.NUMBER, "2"),
        (Scheme.CIVIC, TOKEN_PREFIX),
    ]


def test_a_civic_number_is_not_read_where_a_number_tells_people_apart(desk: Desk) -> None:
    head = "Personnummer;Anst.nr"
    (person,) = desk.people("19800101-9876;1", head=head)
    (known,) = desk.people("19800101-9876;1", head=head, read_civic_number=True)

    assert [key.scheme for key in person.keys] == [Scheme.NUMBER]
    assert [key.scheme for key in known.keys] == [Scheme.NUMBER, Scheme.CIVIC]


def test_a_file_that_has_only_the_civic_number_gives_tokens(desk: Desk) -> None:
    noted = desk.noted("19800101-9876;Vretaskolan", head="Personnummer;Arbetsplats")
    pages = desk.world.pages("staff")

    assert "9876" not in repr(noted) + repr(pages)
    assert noted[0].source_id == noted[0].keys[0].value == noted[1].person


def test_a_file_without_numbers_tells_people_apart_by_log_in(desk: Desk) -> None:
    people = desk.people("Anna@exempelby.se;A", "anna@exempelby.se;B", head="E-post;Arbetsplats")

    assert [person.source_id for person in people] == ["anna@exempelby.se"]


@pytest.mark.parametrize(
    ("head", "row", "reason"),
    [
        ("Anst.nr;E-post;Arbetsplats", ";a@exempelby.se;A", "person number is empty"),
        ("Personnummer;E-post;Arbetsplats", ";a@exempelby.se;A", "civic number is empty"),
        ("E-post;Arbetsplats", ";A", "login is empty"),
    ],
)
def test_a_row_of_nobody_is_rejected(desk: Desk, head: str, row: str, reason: str) -> None:
    assert desk.rejected(row, head=head) == [reason]


def test_names_are_read_only_where_they_may_be_stored(desk: Desk) -> None:
    head = "Anst.nr;Efternamn;Förnamn"
    row = "1;Påhittberg;Bo"

    assert desk.people(row, head=head)[0].name is None
    assert desk.people(row, head=head, store_names=True)[0].name == "Bo Påhittberg"
    assert desk.people("1;Påhittberg, Bo", head="Anst.nr;Namn", store_names=True)[0].name == "Påhittberg, Bo"
    assert desk.people("1;;", head=head, store_names=True)[0].name is None


# ---------------------------------------------------------------------------------------------------------------- log-ins


def logins(desk: Desk, text: str, **keys: Any) -> list[Key]:
    person, *_ = desk.people(f'1;"{text}"', head="Anst.nr;Användarnamn", **keys)
    return list(person.keys[1:])


def test_several_log_ins_of_one_cell_are_all_kept(desk: Desk) -> None:
    assert [key.value for key in logins(desk, "a@exempelby.se, b@exempelby.se;c@exempelby.se|a@exempelby.se")] == [
        "a@exempelby.se",
        "b@exempelby.se",
        "c@exempelby.se",
    ]


def test_an_eppn_comes_before_a_upn_before_mail(desk: Desk) -> None:
    head = "Anst.nr;E-post;UPN;Användarnamn;ePPN"
    (person,) = desk.people("1;mail@exempelby.se;upn@exempelby.se;EXB\\konto;eppn@exempelby.se", head=head)

    assert [key.value for key in person.keys[1:]] == [
        "eppn@exempelby.se",
        "upn@exempelby.se",
        "EXB\\konto",
        "mail@exempelby.se",
    ]


def test_an_account_is_of_its_domain(desk: Desk) -> None:
    assert logins(desk, "EXB\\annexe") == [Key(Scheme.ACCOUNT, "", "EXB\\annexe")]
    assert logins(desk, "annexe", domain="EXB") == [Key(Scheme.ACCOUNT, "EXB", "annexe")]


def test_an_account_without_a_domain_is_no_key_and_told(desk: Desk) -> None:
    assert logins(desk, "annexe") == []
    assert desk.drift("1;annexe", head="Anst.nr;Användarnamn") == [
        UnknownValue("login", "account name without a domain")
    ]


def test_private_mail_is_not_kept_where_our_domains_are_declared(desk: Desk) -> None:
    kept = logins(desk, "a@Exempelby.se b@gmail.com EXB\\c", mail_domains=("exempelby.se",))

    assert [key.value for key in kept] == ["a@Exempelby.se", "EXB\\c"]
    assert "gmail" not in repr(desk.world.pages("staff", desk.world.settings_with(mail_domains=("exempelby.se",))))


# ------------------------------------------------------------------------------------------------------------- employments


def employment(desk: Desk, head: str, row: str, **keys: Any) -> MembershipRecord:
    (found,) = desk.employments(f"1;{row}", head=f"Anst.nr;{head}", **keys)
    return found


@pytest.mark.parametrize(
    ("written", "share"),
    [("75,00", 0.75), ("0,75", 0.75), ("75 %", 0.75), ("100", 1.0), ("1", 1.0), ("0", 0.0), ("137,5", 1.0), ("", None)],
)
def test_a_share_is_of_full_time_however_written(desk: Desk, written: str, share: float | None) -> None:
    assert employment(desk, "Sysselsättningsgrad", written).share == share


@pytest.mark.parametrize("written", ["-10", "160", "3110"])
def test_what_is_no_share_is_rejected(desk: Desk, written: str) -> None:
    assert desk.rejected(f"1;{written}", head="Anst.nr;Ssg") == ["share is not a share of full time"]


@pytest.mark.parametrize(
    ("word", "form"),
    [
        ("Tillsvidare", EmploymentForm.PERMANENT),
        ("Vikariat", EmploymentForm.FIXED),
        ("Timavlönad", EmploymentForm.HOURLY),
        ("Förtroendevald", EmploymentForm.OTHER),
        ("", EmploymentForm.UNKNOWN),
        ("Månadslön vik", EmploymentForm.UNKNOWN),
    ],
)
def test_a_form_of_employment_is_told_by_its_word(desk: Desk, word: str, form: EmploymentForm) -> None:
    assert employment(desk, "Anst.form", word).employment_form is form


def test_a_file_without_the_column_says_nothing_of_the_form(desk: Desk) -> None:
    assert employment(desk, "Arbetsplats", "A").employment_form is None


def test_a_word_that_nobody_knows_is_told_and_a_blank_is_not(desk: Desk) -> None:
    assert desk.drift("1;Månadslön visstid", "2;", head="Anst.nr;Anst.form") == [
        UnknownValue("employment_form", "månadslön visstid")
    ]


@pytest.mark.parametrize("note", ["Vik för Anna Andersson tom 2/6", "Anna Andersson", "Anna", "Månadslön 8x"])
def test_what_may_name_somebody_in_place_of_a_form_is_not_kept_and_entitles_nobody(desk: Desk, note: str) -> None:
    noted = desk.noted(f"1;{note}", head="Anst.nr;Anst.form")

    assert note not in repr(noted) + repr(desk.world.pages("staff"))
    assert [one for one in noted if isinstance(one, UnknownValue)] == [UnknownValue("employment_form", WITHHELD_TEXT)]
    assert employment(desk, "Anst.form", note).employment_form is EmploymentForm.UNKNOWN


def test_the_sources_own_words_come_first(desk: Desk) -> None:
    own = {"Månadslön vik": "fixed", "Tillsvidare": "other"}

    assert employment(desk, "Anst.form", "månadslön VIK", employment_forms=own).employment_form is EmploymentForm.FIXED
    assert employment(desk, "Anst.form", "Tillsvidare", employment_forms=own).employment_form is EmploymentForm.OTHER


@pytest.mark.parametrize("written", ["", "9999-12-31", "99991231", "2099-12-31", "tills vidare"])
def test_an_open_end_is_none(desk: Desk, written: str) -> None:
    assert employment(desk, "Tom", written).end is None


def test_a_unit_has_its_codes_and_its_name(desk: Desk) -> None:
    found = employment(desk, "Kst;Skolenhetskod;Arbetsställe;Arbetsplats", "3110;12345678;77;Vretaskolan")

    assert found.codes == ("12345678", "77", "3110")
    assert found.unit_name == "Vretaskolan"


def test_a_row_whose_end_moved_is_the_same_employment(desk: Desk) -> None:
    before = employment(desk, "Kst;From;Tom", "3110;2026-08-10;2026-12-18")
    after = employment(desk, "Kst;From;Tom", "3110;2026-08-10;2027-06-15")

    assert before.source_id == after.source_id


def test_rows_that_differ_in_less_keep_ids_of_their_own_in_any_order(desk: Desk) -> None:
    rows = ["1;3110;2026-08-10;50", "1;3110;2026-08-10;25", "1;3110;2026-08-10;25"]
    found = desk.employments(*rows, head="Anst.nr;Kst;From;Ssg")
    again = desk.employments(*rows[::-1], head="Anst.nr;Kst;From;Ssg")

    assert found == again
    assert [one.source_id for one in found] == ["1/3110/2026-08-10", "1/3110/2026-08-10/2"]


def test_a_bad_row_is_rejected_alone(desk: Desk) -> None:
    rows = ("1;i augusti", "2;2026-08-10")

    assert desk.rejected(*rows, head="Anst.nr;From") == ["start is not a date"]
    assert [one.source_id for one in desk.people(*rows, head="Anst.nr;From")] == ["2"]


# -------------------------------------------------------------------------------------------------- departments of others


def test_the_whole_municipality_is_kept_with_its_codes_by_default(desk: Desk) -> None:
    found = desk.employments("1;;Vretaskolan;3110;;;;;", "2;;Gatukontoret;5100;;;;;")

    assert [one.codes for one in found] == [("3110",), ("5100",)]


def test_departments_keep_only_the_rows_that_match(desk: Desk) -> None:
    rows = ("1;;Vretaskolan;3110;;;;;", "1;;Gatukontoret;5100;;;;;", "2;;Gatukontoret;5100;;;;;")

    assert [one.codes for one in desk.employments(*rows, departments=("3*",))] == [("3110",)]
    assert [one.source_id for one in desk.people(*rows, departments=("VRETA*",))] == ["1"]


def test_departments_that_match_nothing_are_refused(desk: Desk) -> None:
    desk.write("1;;Vretaskolan;3110;;;;;")

    with pytest.raises(SourceRefused, match=r"no row of personal_2026-10-31\.csv is of a unit that departments names"):
        desk.world.pages("staff", desk.world.settings_with(departments=("4*",)))


# ---------------------------------------------------------------------------------------------------- protected identities


@pytest.mark.parametrize("mark", ["Ja", "1", "x", "Sekretessmarkering", "SKYDDAD FOLKBOKFÖRING", "okänt värde", "2"])
def test_any_mark_protects_on_person_and_employments(desk: Desk, mark: str) -> None:
    noted = desk.noted(f"1;a@exempelby.se;A;;;;;;{mark}", "1;;B;;;;;;")

    assert [one.protected for one in noted] == [True, True, True]


@pytest.mark.parametrize("mark", ["", "0", "Ingen", "nej"])
def test_only_what_plainly_says_no_does_not_protect(desk: Desk, mark: str) -> None:
    assert [one.protected for one in desk.noted(f"1;;A;;;;;;{mark}")] == [False, False]


def test_a_mark_on_a_row_that_is_left_out_protects(desk: Desk) -> None:
    rows = ("1;a@exempelby.se;Gatukontoret;5100;;;;;Ja", "2;;Vretaskolan;3110;;;;;")
    protected, other = desk.people(*rows, departments=("3*",))

    assert (protected.source_id, protected.protected) == ("1", True)
    assert not other.protected


def test_a_mark_on_a_broken_row_protects(desk: Desk) -> None:
    rows = ("1;a@exempelby.se;A;;;i augusti;;;Ja",)
    (person,) = desk.people(*rows)

    assert person.protected
    assert desk.rejected(*rows) == ["start is not a date"]


def test_a_mark_on_a_row_without_a_number_protects_by_log_in(desk: Desk) -> None:
    (person,) = desk.people(";a@exempelby.se;A;;;;;;Ja")

    assert person == PersonRecord(
        source_id="a@exempelby.se", keys=(Key(Scheme.ADDRESS, "", "a@exempelby.se"),), protected=True
    )


def test_a_marked_row_of_nobody_is_rejected(desk: Desk) -> None:
    assert desk.rejected(";;A;;;;;;Ja") == ["person number is empty"]


# ------------------------------------------------------------------------------------------------------- what a file lacks


@pytest.mark.parametrize(
    ("head", "lacks"),
    [
        ("Anst.nr;E-post;Arbetsplats;From", ()),
        ("Anst.nr;Användarnamn;Kst;From", ()),
        ("Anst.nr;Arbetsplats;From", ("login",)),
        ("Anst.nr;E-post", ("unit", "start")),
    ],
)
def test_a_file_that_cannot_tell_coverage_is_told(desk: Desk, head: str, lacks: tuple[str, ...]) -> None:
    desk.write("1" + ";" * head.count(";"), head=head)
    (page,) = desk.world.pages("staff")
    (finding,) = desk.world.findings()

    assert page.drift == tuple(UnknownValue("missing column", field) for field in lacks)
    assert finding.ok is not bool(lacks)
    assert bool(finding.remedy) is bool(lacks)


def test_a_probe_of_a_file_that_was_read_says_so(recorded: CaseRunner) -> None:
    known = {page.scope: page.fingerprint for page in recorded.pages("staff")}

    assert [finding.what for finding in recorded.findings(known=known)] == [
        "no file has changed since the last complete pull"
    ]


def test_a_probe_of_no_file_says_so(desk: Desk) -> None:
    (finding,) = desk.world.findings()

    assert not finding.ok
    assert "no file matches" in finding.what


def test_a_file_of_headers_alone_is_whole_and_empty(desk: Desk) -> None:
    desk.write()
    (page,) = desk.world.pages("staff")

    assert list(page.raws) == []
    assert page.fingerprint


def test_a_large_file_comes_in_pages_and_is_rejected_once(desk: Desk) -> None:
    desk.write(*(f"{number};;A;;;;;;" for number in range(4100)), ";;A;;;;;;")
    pages = desk.world.pages("staff")

    assert [len(page.raws) for page in pages] == [2000, 2000, 100]
    assert [len(page.rejected) for page in pages] == [1, 0, 0]


def test_a_torn_upload_is_no_short_staff(recorded: CaseRunner) -> None:
    file = recorded.folder / FILE
    file.write_bytes(file.read_bytes()[:-90])

    with pytest.raises(SourceUnavailable, match="still being written"):
        recorded.pages("staff")
