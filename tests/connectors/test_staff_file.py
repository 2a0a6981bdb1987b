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
from fleetsync.pull.contract import (
    MarkWord,
    RejectedRecord,
    SourceRefused,
    SourceUnavailable,
    UncertainRecord,
    UnknownValue,
    UnreadableFact,
)
from fleetsync.pull.decoding import WITHHELD_TEXT
from tests.connectors.case_runner import CaseRunner, running_case
from tests.connectors.staff_file_case import CASE, FILE

HEAD = "Anst.nr;E-post;Arbetsplats;Kst;Anst.form;From;Tom;Ssg;Sekretess"


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[CaseRunner]:
    with running_case(CASE, tmp_path) as here:
        yield here


class StaffFolder:
    """A folder with one staff file of our own."""

    def __init__(self, runner: CaseRunner) -> None:
        self.runner = runner

    def write(self, *rows: str, head: str = HEAD, name: str = FILE) -> None:
        (self.runner.folder / name).write_text("\n".join((head, *rows, "")), encoding="utf-8")

    def noted(self, *rows: str, head: str = HEAD, **keys: Any) -> list[Any]:
        self.write(*rows, head=head)
        return self.runner.noted("staff", self.runner.settings_with(**keys))

    def people(self, *rows: str, head: str = HEAD, **keys: Any) -> list[PersonRecord]:
        return [record for record in self.noted(*rows, head=head, **keys) if isinstance(record, PersonRecord)]

    def employments(self, *rows: str, head: str = HEAD, **keys: Any) -> list[MembershipRecord]:
        return [record for record in self.noted(*rows, head=head, **keys) if isinstance(record, MembershipRecord)]

    def drift(self, *rows: str, head: str = HEAD, **keys: Any) -> list[UnknownValue]:
        return [record for record in self.noted(*rows, head=head, **keys) if isinstance(record, UnknownValue)]

    def unreadable(self, *rows: str, head: str = HEAD, **keys: Any) -> list[UnreadableFact]:
        return [record for record in self.noted(*rows, head=head, **keys) if isinstance(record, UnreadableFact)]

    def rejected(self, *rows: str, head: str = HEAD, **keys: Any) -> list[str]:
        self.write(*rows, head=head)
        pages = self.runner.pages("staff", self.runner.settings_with(**keys))
        return [rejected.reason for page in pages for rejected in page.rejected]


@pytest.fixture
def staff(tmp_path: Path) -> Iterator[StaffFolder]:
    with running_case(replace(CASE, files=()), tmp_path) as here:
        yield StaffFolder(here)


# ------------------------------------------------------------------------------------------------------- the recorded file


def of(records: list[Any], person: str) -> list[Any]:
    return [record for record in records if person in (record.source_id, getattr(record, "person", None))]


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
    assert page.rejected == ()
    assert [fact.field for raw in page.raws for fact in raw.unreadable] == ["start"]


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

    summary, _, taken = finding.what.partition("; taken: ")
    assert (
        summary
        == f"{FILE} speaks for 2026-10-31 and has 9 people; recognised as an export of a personnel system such as Personec P; skipped 2 lines above the headers in line 3"
    )
    assert taken.startswith("Anst.nr → person number, Personnummer → civic number, ")


# ---------------------------------------------------------------------------------------------------------------- persons


def test_a_number_is_of_the_declared_namespace(staff: StaffFolder) -> None:
    (person,) = staff.people("1;;;;;;;;", namespace="hr")

    assert person.keys == (Key(Scheme.NUMBER, "hr", "1"),)


def test_rows_of_one_person_give_one_person_with_every_key(staff: StaffFolder) -> None:
    (person,) = staff.people("1;a@exempelby.se;A;;;;;;", "2;b@exempelby.se;A;;;;;;", "1;c@exempelby.se;B;;;;;;")[:1]

    assert [key.value for key in person.keys] == ["1", "a@exempelby.se", "c@exempelby.se"]


def test_people_are_told_apart_by_civic_number_where_numbers_are_per_employment(staff: StaffFolder) -> None:
    head = "Personnummer;Anst.nr;Arbetsplats"
    (person,) = staff.people("19800101-9876;1;A", "800101-9876;2;B", head=head, person_is="civic_number")

    assert person.source_id.startswith(TOKEN_PREFIX)
    assert [(key.scheme, key.value[:1]) for key in person.keys] == [
        (Scheme.NUMBER, "1"),
        (Scheme.NUMBER, "2"),
        (Scheme.CIVIC, TOKEN_PREFIX),
    ]


def test_a_civic_number_is_not_read_where_a_number_tells_people_apart(staff: StaffFolder) -> None:
    head = "Personnummer;Anst.nr"
    (person,) = staff.people("19800101-9876;1", head=head)
    (known,) = staff.people("19800101-9876;1", head=head, read_civic_number=True)

    assert [key.scheme for key in person.keys] == [Scheme.NUMBER]
    assert [key.scheme for key in known.keys] == [Scheme.NUMBER, Scheme.CIVIC]


def test_a_file_that_has_only_the_civic_number_gives_tokens(staff: StaffFolder) -> None:
    noted = staff.noted("19800101-9876;Vretaskolan", head="Personnummer;Arbetsplats")
    pages = staff.runner.pages("staff")

    assert "9876" not in repr(noted) + repr(pages)
    assert noted[0].source_id == noted[0].keys[0].value == noted[1].person


def test_a_file_without_numbers_tells_people_apart_by_log_in(staff: StaffFolder) -> None:
    people = staff.people("Anna@exempelby.se;A", "anna@exempelby.se;B", head="E-post;Arbetsplats")

    assert [person.source_id for person in people] == ["anna@exempelby.se"]


@pytest.mark.parametrize(
    ("head", "row", "reason"),
    [
        ("Anst.nr;E-post;Arbetsplats", ";a@exempelby.se;A", "person number is empty"),
        ("Personnummer;E-post;Arbetsplats", ";a@exempelby.se;A", "civic number is empty"),
        ("E-post;Arbetsplats", ";A", "login is empty"),
    ],
)
def test_a_row_of_nobody_is_rejected(staff: StaffFolder, head: str, row: str, reason: str) -> None:
    assert staff.rejected(row, head=head) == [reason]


def test_names_are_read_only_where_they_may_be_stored(staff: StaffFolder) -> None:
    head = "Anst.nr;Efternamn;Förnamn"
    row = "1;Påhittberg;Bo"

    assert staff.people(row, head=head)[0].name is None
    assert staff.people(row, head=head, store_names=True)[0].name == "Bo Påhittberg"
    assert staff.people("1;Påhittberg, Bo", head="Anst.nr;Namn", store_names=True)[0].name == "Påhittberg, Bo"
    assert staff.people("1;;", head=head, store_names=True)[0].name is None


# ---------------------------------------------------------------------------------------------------------------- log-ins


def logins(staff: StaffFolder, text: str, **keys: Any) -> list[Key]:
    person, *_ = staff.people(f'1;"{text}"', head="Anst.nr;Användarnamn", **keys)
    return list(person.keys[1:])


def test_several_log_ins_of_one_cell_are_all_kept(staff: StaffFolder) -> None:
    assert [key.value for key in logins(staff, "a@exempelby.se, b@exempelby.se;c@exempelby.se|a@exempelby.se")] == [
        "a@exempelby.se",
        "b@exempelby.se",
        "c@exempelby.se",
    ]


def test_an_eppn_comes_before_a_upn_before_mail(staff: StaffFolder) -> None:
    head = "Anst.nr;E-post;UPN;Användarnamn;ePPN"
    (person,) = staff.people("1;mail@exempelby.se;upn@exempelby.se;EXB\\konto;eppn@exempelby.se", head=head)

    assert [key.value for key in person.keys[1:]] == [
        "eppn@exempelby.se",
        "upn@exempelby.se",
        "EXB\\konto",
        "mail@exempelby.se",
    ]


def test_an_account_is_of_its_domain(staff: StaffFolder) -> None:
    assert logins(staff, "EXB\\annexe") == [Key(Scheme.ACCOUNT, "", "EXB\\annexe")]
    assert logins(staff, "annexe", domain="EXB") == [Key(Scheme.ACCOUNT, "EXB", "annexe")]


def test_an_account_without_a_domain_is_no_key_and_told(staff: StaffFolder) -> None:
    assert logins(staff, "annexe") == []
    assert staff.drift("1;annexe", head="Anst.nr;Användarnamn") == [
        UnknownValue("login", "account name without a domain")
    ]


def test_private_mail_is_not_kept_where_our_domains_are_declared(staff: StaffFolder) -> None:
    kept = logins(staff, "a@Exempelby.se b@gmail.com EXB\\c", mail_domains=("exempelby.se",))

    assert [key.value for key in kept] == ["a@Exempelby.se", "EXB\\c"]
    assert "gmail" not in repr(staff.runner.pages("staff", staff.runner.settings_with(mail_domains=("exempelby.se",))))


# ------------------------------------------------------------------------------------------------------------- employments


def employment(staff: StaffFolder, head: str, row: str, **keys: Any) -> MembershipRecord:
    (result,) = staff.employments(f"1;{row}", head=f"Anst.nr;{head}", **keys)
    return result


@pytest.mark.parametrize(
    ("written", "share"),
    [("75,00", 0.75), ("0,75", 0.75), ("75 %", 0.75), ("100", 1.0), ("1", 1.0), ("0", 0.0), ("137,5", 1.0), ("", None)],
)
def test_a_share_is_of_full_time_however_written(staff: StaffFolder, written: str, share: float | None) -> None:
    assert employment(staff, "Sysselsättningsgrad", written).share == share


@pytest.mark.parametrize("written", ["-10", "160", "3110"])
def test_what_is_no_share_costs_the_share_alone_and_is_named(staff: StaffFolder, written: str) -> None:
    (record,) = staff.employments(f"1;{written}", head="Anst.nr;Ssg")

    assert (record.share, record.unreadable) == (None, ("share",))
    assert staff.unreadable(f"1;{written}", head="Anst.nr;Ssg") == [
        UnreadableFact("share", "is not a share of full time", f"{FILE} line 2")
    ]


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
def test_a_form_of_employment_is_told_by_its_word(staff: StaffFolder, word: str, form: EmploymentForm) -> None:
    assert employment(staff, "Anst.form", word).employment_form is form


def test_a_file_without_the_column_says_nothing_of_the_form(staff: StaffFolder) -> None:
    assert employment(staff, "Arbetsplats", "A").employment_form is None


def test_a_word_that_nobody_knows_is_told_and_a_blank_is_not(staff: StaffFolder) -> None:
    assert staff.drift("1;Månadslön visstid", "2;", head="Anst.nr;Anst.form") == [
        UnknownValue("employment_form", "månadslön visstid")
    ]


@pytest.mark.parametrize("note", ["Vik för Anna Andersson tom 2/6", "Anna Andersson", "Anna", "Månadslön 8x"])
def test_what_may_name_somebody_in_place_of_a_form_is_not_kept_and_entitles_nobody(
    staff: StaffFolder, note: str
) -> None:
    noted = staff.noted(f"1;{note}", head="Anst.nr;Anst.form")

    assert note not in repr(noted) + repr(staff.runner.pages("staff"))
    assert [record for record in noted if isinstance(record, UnknownValue)] == [
        UnknownValue("employment_form", WITHHELD_TEXT)
    ]
    assert employment(staff, "Anst.form", note).employment_form is EmploymentForm.UNKNOWN


def test_the_sources_own_words_come_first(staff: StaffFolder) -> None:
    own = {"Månadslön vik": "fixed", "Tillsvidare": "other"}

    assert employment(staff, "Anst.form", "månadslön VIK", employment_forms=own).employment_form is EmploymentForm.FIXED
    assert employment(staff, "Anst.form", "Tillsvidare", employment_forms=own).employment_form is EmploymentForm.OTHER


@pytest.mark.parametrize("written", ["", "9999-12-31", "99991231", "2099-12-31", "tills vidare"])
def test_an_open_end_is_none(staff: StaffFolder, written: str) -> None:
    assert employment(staff, "Tom", written).end is None


def test_a_unit_has_its_codes_and_its_name(staff: StaffFolder) -> None:
    result = employment(staff, "Kst;Skolenhetskod;Arbetsställe;Arbetsplats", "3110;12345678;77;Vretaskolan")

    assert result.codes == ("12345678", "77", "3110")
    assert result.unit_name == "Vretaskolan"


def test_a_row_whose_end_moved_is_the_same_employment(staff: StaffFolder) -> None:
    before = employment(staff, "Kst;From;Tom", "3110;2026-08-10;2026-12-18")
    after = employment(staff, "Kst;From;Tom", "3110;2026-08-10;2027-06-15")

    assert before.source_id == after.source_id


def test_rows_that_differ_in_less_keep_ids_of_their_own_in_any_order(staff: StaffFolder) -> None:
    rows = ["1;3110;2026-08-10;50", "1;3110;2026-08-10;25", "1;3110;2026-08-10;25"]
    result = staff.employments(*rows, head="Anst.nr;Kst;From;Ssg")
    again = staff.employments(*rows[::-1], head="Anst.nr;Kst;From;Ssg")

    assert result == again
    assert [record.source_id for record in result] == ["1/3110/2026-08-10", "1/3110/2026-08-10/2"]


def test_a_day_that_cannot_be_read_leaves_its_person_with_the_fact_unknown(staff: StaffFolder) -> None:
    rows = ("1;i augusti;2027-06-11", "2;2026-08-10;31/12 -27")
    head = "Anst.nr;From;Tom"

    assert staff.rejected(*rows, head=head) == []
    assert [(each.person, each.start, each.end, each.unreadable) for each in staff.employments(*rows, head=head)] == [
        ("1", None, date(2027, 6, 11), ("start",)),
        ("2", date(2026, 8, 10), None, ("end",)),
    ]
    assert staff.unreadable(*rows, head=head) == [
        UnreadableFact("start", "is not a date", f"{FILE} line 2"),
        UnreadableFact("end", "is not a date", f"{FILE} line 3"),
    ]


@pytest.mark.parametrize("none", ["0", "1900-01-00", "1900-01-01", "00:00:00", "NULL", "n/a", "–", "0000-00-00"])
def test_what_says_that_there_is_no_day_is_no_day(staff: StaffFolder, none: str) -> None:
    record = employment(staff, "From;Tom", f"2026-08-10;{none}")

    assert (record.end, record.unreadable) == (None, ())


def test_the_first_day_of_this_employment_comes_before_that_of_the_first(staff: StaffFolder) -> None:
    assert employment(staff, "ANSTDATUM;TILLTRÄDE", "2001-01-01;2026-08-10").start == date(2026, 8, 10)
    assert employment(staff, "Anställningsdatum;Från", "2001-01-01;2026-08-10").start == date(2026, 8, 10)
    assert employment(staff, "Anställningsdatum", "2001-01-01").start == date(2001, 1, 1)


def test_the_headers_of_a_payroll_system_are_known(staff: StaffFolder) -> None:
    head = "ANSTNR;EFTERNAMNSMÅ;FÖRNAMNSMÅ;PERSNR;EMAILADR;KONTRUB1;ANSTDATUM;TILLTRÄDE;SLUTDATUM"
    noted = staff.noted("7;Påhittberg;Bo;;bo@exempelby.se;3110;2001-01-01;2026-08-10;2027-06-11", head=head)

    assert [key.value for key in noted[0].keys] == ["7", "bo@exempelby.se"]
    assert (noted[1].codes, noted[1].start, noted[1].end) == (("3110",), date(2026, 8, 10), date(2027, 6, 11))


def test_a_form_of_pay_tells_the_hourly_and_leaves_the_others_to_their_dates(staff: StaffFolder) -> None:
    assert employment(staff, "Löneform", "Timlön").employment_form is EmploymentForm.HOURLY
    assert employment(staff, "Löneform", "Månad").employment_form is None
    assert employment(staff, "Löneform;Anst.form", "Timlön;Tillsvidare").employment_form is EmploymentForm.PERMANENT


def test_a_row_that_ends_early_is_blank_in_what_it_lacks(staff: StaffFolder) -> None:
    head = "Anst.nr;Kst;From;Tom;Ledig from"
    rows = ("1;3110;2026-08-10;2027-06-11", "2;3110;2026-08-10")

    assert staff.rejected(*rows, head=head) == []
    assert [(each.end, each.unreadable) for each in staff.employments(*rows, head=head)] == [
        (date(2027, 6, 11), ()),
        (None, ()),
    ]


def test_a_row_that_ends_before_its_first_day_is_not_taken_for_employed_since_ever(staff: StaffFolder) -> None:
    (record,) = staff.employments("1;3110", head="Anst.nr;Kst;From;Tom")

    assert (record.start, record.unreadable) == (None, ("start",))


def test_a_row_whose_first_day_cannot_be_read_may_be_any_employment_at_its_place(staff: StaffFolder) -> None:
    rows = ("1;3110;i augusti", "1;3110;i höst", "1;3110;", "1;3220;2026-08-10")
    staff.write(*rows, head="Anst.nr;Kst;From")
    items = staff.runner.items("staff")

    uncertain = [item for item in items if isinstance(item, UncertainRecord)]
    assert [(item.record.source_id, item.id_prefix) for item in uncertain] == [("1/3110/?", "1/3110/")]
    assert [record.source_id for record in items if isinstance(record, MembershipRecord)] == [
        "1/3110/",
        "1/3220/2026-08-10",
    ]
    # Two rows that say the same are one, and both places are named.
    facts = [*uncertain[0].facts, *(item for item in items if isinstance(item, UnreadableFact))]
    assert [fact.place for fact in facts] == [f"{FILE} line 2", f"{FILE} line 3"]


def test_a_row_with_a_field_too_many_is_present_and_unreadable_by_its_number(staff: StaffFolder) -> None:
    staff.write("7;a@exempelby.se;A;B;3110;;2026-08-10;;;0", "8;;A;3110;;2026-08-10;;;")
    (page,) = staff.runner.pages("staff")

    assert [raw.person for raw in page.raws] == ["8"]
    assert page.rejected == (RejectedRecord("more fields than the header", f"{FILE} line 2", "7"),)


@pytest.mark.parametrize(
    "row", ["7;a@exempelby.se;A;B;3110;;2026-08-10;;;Ja", "7;a@exempelby.se;A;3110;;2026-08-10;;;Ja;x"]
)
def test_a_mark_on_a_row_with_a_field_too_many_protects_every_key_of_it(staff: StaffFolder, row: str) -> None:
    (person,) = staff.people(row)

    assert person.protected
    assert {"7", "a@exempelby.se"} <= {key.value for key in person.keys}


def test_a_field_too_many_is_no_mark(staff: StaffFolder) -> None:
    assert staff.people("7;;a@exempelby.se;;2026-08-10", head="Anst.nr;E-post;Sekretess;From") == []


@pytest.mark.parametrize("header", ["Skyddade personuppgifter", "Spärrmarkering", "Kvarskriven", "Fingerade uppgifter"])
def test_a_header_that_may_be_a_mark_refuses_the_file_until_it_is_named_or_ruled_out(
    staff: StaffFolder, header: str
) -> None:
    head, row = f"Anst.nr;Arbetsplats;{header}", "1;A;Ja"
    staff.write(row, head=head)

    with pytest.raises(
        SourceRefused, match=f'columns = {{ protected = "{header}" }}, or columns = {{ protected = false }}'
    ):
        staff.runner.pages("staff")
    assert staff.people(row, head=head, columns={"protected": header})[0].protected
    assert not staff.people(row, head=head, columns={"protected": False})[0].protected


def test_a_secretary_is_no_mark(staff: StaffFolder) -> None:
    assert staff.people("1;A;x", head="Anst.nr;Arbetsplats;Sekreterare")


def test_days_and_forms_under_unknown_headers_leave_the_employment_undecided(staff: StaffFolder) -> None:
    head, row = "Anst.nr;Från;Gäller längst;Villkor", "1;2026-08-10;2027-06-11;Vikariat"

    assert employment(staff, head.removeprefix("Anst.nr;"), row.removeprefix("1;")).unreadable == (
        "employment_form",
        "end",
    )
    named = {"end": "Gäller längst", "employment_form": "Villkor"}
    (record,) = staff.employments(row, head=head, columns=named)
    assert (record.end, record.employment_form, record.unreadable) == (date(2027, 6, 11), EmploymentForm.FIXED, ())
    (record,) = staff.employments(row, head=head, columns=dict.fromkeys(named, False))
    assert (record.end, record.employment_form, record.unreadable) == (None, None, ())


def test_a_birthday_is_no_day_of_an_employment(staff: StaffFolder) -> None:
    assert employment(staff, "Från;Födelsedatum", "2026-08-10;1980-01-01").unreadable == ()


def test_headers_that_nobody_reads_are_named(staff: StaffFolder) -> None:
    staff.write("1;A;x;y", head="Anst.nr;Arbetsplats;Hemadress;Telefon")
    (page,) = staff.runner.pages("staff")

    assert (page.file, page.unused_headers) == (FILE, ("Hemadress", "Telefon"))


# -------------------------------------------------------------------------------------------------- departments of others


def test_the_whole_municipality_is_kept_with_its_codes_by_default(staff: StaffFolder) -> None:
    result = staff.employments("1;;Vretaskolan;3110;;;;;", "2;;Gatukontoret;5100;;;;;")

    assert [record.codes for record in result] == [("3110",), ("5100",)]


def test_departments_keep_only_the_rows_that_match(staff: StaffFolder) -> None:
    rows = ("1;;Vretaskolan;3110;;;;;", "1;;Gatukontoret;5100;;;;;", "2;;Gatukontoret;5100;;;;;")

    assert [record.codes for record in staff.employments(*rows, departments=("3*",))] == [("3110",)]
    assert [record.source_id for record in staff.people(*rows, departments=("VRETA*",))] == ["1"]


def test_departments_that_match_nothing_are_refused(staff: StaffFolder) -> None:
    staff.write("1;;Vretaskolan;3110;;;;;")

    with pytest.raises(SourceRefused, match=r"no row of personal_2026-10-31\.csv is of a unit that departments names"):
        staff.runner.pages("staff", staff.runner.settings_with(departments=("4*",)))


# ---------------------------------------------------------------------------------------------------- protected identities


@pytest.mark.parametrize("mark", ["Ja", "1", "x", "Sekretessmarkering", "SKYDDAD FOLKBOKFÖRING", "okänt värde", "2"])
def test_any_mark_protects_on_person_and_employments(staff: StaffFolder, mark: str) -> None:
    noted = staff.noted(f"1;a@exempelby.se;A;;;;;;{mark}", "1;;B;;;;;;")

    assert [item.protected for item in noted if not isinstance(item, MarkWord)] == [True, True, True]
    assert MarkWord("protected", mark) in noted


@pytest.mark.parametrize("mark", ["", "0", "Ingen", "nej"])
def test_only_what_plainly_says_no_does_not_protect(staff: StaffFolder, mark: str) -> None:
    assert [record.protected for record in staff.noted(f"1;;A;;;;;;{mark}")] == [False, False]


def test_a_mark_on_a_row_that_is_left_out_protects(staff: StaffFolder) -> None:
    rows = ("1;a@exempelby.se;Gatukontoret;5100;;;;;Ja", "2;;Vretaskolan;3110;;;;;")
    protected, other = staff.people(*rows, departments=("3*",))

    assert (protected.source_id, protected.protected) == ("1", True)
    assert not other.protected


def test_a_mark_on_a_broken_row_protects(staff: StaffFolder) -> None:
    rows = ("1;a@exempelby.se;A;;;i augusti;;;Ja",)
    (person,) = staff.people(*rows)

    assert person.protected
    assert [fact.field for fact in staff.unreadable(*rows)] == ["start"]


def test_a_mark_on_a_row_without_a_number_protects_by_log_in(staff: StaffFolder) -> None:
    (person,) = staff.people(";a@exempelby.se;A;;;;;;Ja")

    assert person == PersonRecord(
        source_id="a@exempelby.se", keys=(Key(Scheme.ADDRESS, "", "a@exempelby.se"),), protected=True
    )


def test_a_marked_row_of_nobody_is_rejected(staff: StaffFolder) -> None:
    assert staff.rejected(";;A;;;;;;Ja") == ["person number is empty"]


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
def test_a_file_that_cannot_tell_coverage_is_told(staff: StaffFolder, head: str, lacks: tuple[str, ...]) -> None:
    staff.write("1" + ";" * head.count(";"), head=head)
    (page,) = staff.runner.pages("staff")
    (finding,) = staff.runner.findings()

    assert page.drift == tuple(UnknownValue("missing column", field) for field in lacks)
    assert finding.ok is not bool(lacks)
    assert bool(finding.remedy) is bool(lacks)


def test_a_probe_of_a_file_that_was_read_says_so(recorded: CaseRunner) -> None:
    known = {page.scope: page.fingerprint for page in recorded.pages("staff")}

    assert [finding.what for finding in recorded.findings(known=known)] == [
        "no file has changed since the last complete pull"
    ]


def test_a_probe_of_no_file_says_so(staff: StaffFolder) -> None:
    (finding,) = staff.runner.findings()

    assert not finding.ok
    assert "no file matches" in finding.what


def test_a_file_of_headers_alone_is_whole_and_empty(staff: StaffFolder) -> None:
    staff.write()
    (page,) = staff.runner.pages("staff")

    assert list(page.raws) == []
    assert page.fingerprint


def test_a_large_file_comes_in_pages_and_is_rejected_once(staff: StaffFolder) -> None:
    staff.write(*(f"{number};;A;;;2020-08-01;;;" for number in range(4100)), ";;A;;;;;;")
    pages = staff.runner.pages("staff")

    assert [len(page.raws) for page in pages] == [2000, 2000, 100]
    assert [len(page.rejected) for page in pages] == [1, 0, 0]


def test_a_torn_upload_is_no_short_staff(recorded: CaseRunner) -> None:
    file = recorded.folder / FILE
    file.write_bytes(file.read_bytes()[:-90])

    with pytest.raises(SourceUnavailable, match="still being written"):
        recorded.pages("staff")
