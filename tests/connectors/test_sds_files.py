"""An export for School Data Sync, trap by trap."""

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
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
    UnitRecord,
)
from fleetsync.pull.contract import (
    PartMissing,
    PullError,
    SourceRefused,
    SourceUnavailable,
    UncertainRecord,
    UnknownValue,
)
from tests.connectors.case_runner import NOW, CaseRunner, running_case
from tests.connectors.sds_files_case import CASE

ALL_PARTS = tuple(CASE.expected_counts)


class Export:
    """The recorded export, of which single files can be changed."""

    def __init__(self, runner: CaseRunner) -> None:
        self.runner = runner

    def file(self, name: str) -> Path:
        return self.runner.folder / f"{name}.csv"

    def replace(self, name: str, old: str, new: str) -> None:
        text = self.file(name).read_text(encoding="utf-8")
        assert old in text
        self.file(name).write_text(text.replace(old, new), encoding="utf-8")

    def add(self, name: str, *rows: str) -> None:
        with self.file(name).open("a", encoding="utf-8") as stream:
            stream.writelines(f"{row}\r\n" for row in rows)

    def records(self, part: str, **keys: Any) -> list[Record]:
        return self.runner.records(part, self.runner.settings_with(**keys))

    def of(self, part: str, person: str, **keys: Any) -> list[Record]:
        return [
            each for each in self.records(part, **keys) if person in (each.source_id, getattr(each, "person", None))
        ]

    def rejected(self, part: str) -> list[tuple[str, str | None]]:
        return [(each.reason, each.source_id) for page in self.runner.pages(part) for each in page.rejected]


@pytest.fixture
def export(tmp_path: Path) -> Iterator[Export]:
    with running_case(CASE, tmp_path) as here:
        yield Export(here)


# ----------------------------------------------------------------------------------------------------------- the whole set


def test_a_pupil_is_read_with_roles_and_class(export: Export) -> None:
    assert export.of("pupils", "u-1001") == [
        PersonRecord(
            source_id="u-1001",
            keys=(
                Key(Scheme.ADDRESS, "", "alek1504@edu.exempelby.se"),
                Key(Scheme.ADDRESS, "", "alva.e@edu.exempelby.se"),
            ),
        ),
        MembershipRecord(
            source_id="u-1001/10000001/2021-08-16",
            person="u-1001",
            membership=MembershipType.ENROLMENT,
            codes=("10000001",),
            school_form="GR",
            year=5,
            start=date(2021, 8, 16),
        ),
        MembershipRecord(
            source_id="c-5b/u-1001",
            person="u-1001",
            membership=MembershipType.GROUP,
            codes=("10000001",),
            group="c-5b",
        ),
    ]


def test_staff_are_all_other_roles_and_have_no_school_form(export: Export) -> None:
    person, *employments = export.of("staff", "u-2001")

    assert person == PersonRecord(source_id="u-2001", keys=(Key(Scheme.ADDRESS, "", "bo.pahittberg@exempelby.se"),))
    assert [(each.codes, each.end) for each in employments if isinstance(each, MembershipRecord)] == [
        (("10000001",), None),
        (("10000002",), date(2026, 12, 18)),
    ]
    assert export.of("staff", "u-3001") == export.of("pupils", "u-3001") == []


def test_schools_are_skolenheter_and_a_class_is_one_by_its_title(export: Export) -> None:
    assert UnitRecord(source_id="10000002", name="Åsenskolan", kind="Skolenhet", parent="o-1") in export.records(
        "units"
    )
    assert GroupRecord(source_id="c-5b", name="5B", kind="Klass", unit="10000001") in export.records("groups")
    assert "c-ma7" in {record.source_id for record in export.records("groups", class_titles=())}


def test_somebody_of_forskoleklass_is_a_child(export: Export) -> None:
    children = {each.source_id for each in export.records("pupils") if isinstance(each, PersonRecord) and each.child}

    assert children == {"u-1003"}


def test_a_civic_number_in_place_of_an_id_is_a_token_in_every_file(export: Export) -> None:
    (person,) = (
        each
        for each in export.records("pupils")
        if isinstance(each, PersonRecord) and each.source_id.startswith(TOKEN_PREFIX)
    )

    assert len(export.of("pupils", person.source_id)) == 3  # the person, the enrolment, the class
    assert "20140615" not in repr(export.runner.pages("pupils"))


def test_a_log_in_that_is_a_civic_number_is_a_token(export: Export) -> None:
    export.replace("users", "EXB\\ulka", "19800101-2380")

    (person,) = (each for each in export.of("staff", "u-2002") if isinstance(each, PersonRecord))

    assert {(key.scheme, key.is_token) for key in person.keys} == {(Scheme.CIVIC, True), (Scheme.ADDRESS, False)}


def test_addresses_of_other_domains_are_private(export: Export) -> None:
    (person, *_) = export.of("pupils", "u-1001", mail_domains=("exempelby.se",))

    assert isinstance(person, PersonRecord)
    assert person.keys == ()


def test_the_form_of_an_organisation_comes_before_that_of_a_grade(export: Export) -> None:
    forms = {
        each.school_form
        for each in export.records("pupils", organisation_forms={"10000002": "GRAN"})
        if isinstance(each, MembershipRecord) and each.codes == ("10000002",) and each.group is None
    }

    assert forms == {"GRAN"}


def test_a_grade_that_nobody_knows_entitles_nobody_and_is_reported(export: Export) -> None:
    export.replace("roles", ",05,", ",Lågstadium,")

    assert UnknownValue("grade", "Lågstadium") in export.runner.noted("pupils")
    (enrolment,) = (
        each for each in export.of("pupils", "u-1001") if isinstance(each, MembershipRecord) and each.group is None
    )
    assert (enrolment.school_form, enrolment.year) == (None, None)


def test_a_row_that_stands_twice_is_one_and_a_user_who_does_has_all_keys(export: Export) -> None:
    before = sorted(map(repr, export.records("pupils")))
    export.add("roles", "u-1001,10000001,student,LA2627,05,TRUE,2021-08-16,")
    export.add("enrollments", "c-5b,u-1001,student")
    export.add("classes", "c-5b,10000001,5B,LA2627,,5B")

    assert sorted(map(repr, export.records("pupils"))) == before
    assert len(export.records("groups")) == 3
    export.add("users", "u-1001,EDU\\alek1504,,,,,,,")
    (person,) = (each for each in export.of("pupils", "u-1001") if isinstance(each, PersonRecord))
    assert len(person.keys) == 3


# ------------------------------------------------------------------------------------------------------------- half a set


def refusal(export: Export, part: str) -> PullError:
    with pytest.raises((SourceRefused, SourceUnavailable)) as refused:
        export.runner.records(part)
    return refused.value


@pytest.mark.parametrize("part", ALL_PARTS)
@pytest.mark.parametrize("name", ["orgs", "users", "roles", "classes", "enrollments"])
def test_half_a_set_is_refused_by_every_part_and_says_what_is_missing(export: Export, part: str, name: str) -> None:
    export.file(name).unlink()

    assert str(refusal(export, part)) == (
        f"sds: {export.runner.folder} holds half a set: {name}.csv is missing. Nothing is taken over until all files of one "
        "export are there. Export the set again, and copy it whole"
    )


def test_without_classes_the_set_is_whole_and_has_no_groups(export: Export) -> None:
    export.file("classes").unlink()
    export.file("enrollments").unlink()

    assert len(export.records("pupils")) == CASE.expected_counts["pupils"]["person"] + 5
    with pytest.raises(PartMissing):
        export.runner.records("groups")
    assert all(result.ok for result in export.runner.findings())


def written_on(export: Export, name: str, day: int) -> None:
    at = datetime(2026, 11, day, 12, tzinfo=UTC).timestamp()
    os.utime(export.file(name), (at, at))


@pytest.mark.parametrize("stale", ["users", "roles", "enrollments"])
def test_files_of_two_exports_are_refused(export: Export, stale: str) -> None:
    for name in ("orgs", "users", "roles", "classes", "enrollments"):
        written_on(export, name, 14 if name == stale else 20)

    message = str(refusal(export, "pupils"))

    assert f"sds: {stale}.csv is of 2026-11-14 and " in message
    assert "so they are not of one export" in message


def test_an_export_that_runs_over_midnight_and_an_older_list_of_schools_are_no_fault(export: Export) -> None:
    for name, day in {"orgs": 1, "users": 19, "roles": 20, "classes": 1, "enrollments": 20}.items():
        written_on(export, name, day)

    pages = export.runner.pages("pupils")

    assert {(page.scope, page.as_of.day) for page in pages} == {
        ("orgs", 1), ("classes", 1), ("users", 19), ("roles", 20), ("enrollments", 20)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "header"), [("orgs", "type"), ("users", "username"), ("roles", "role"), ("enrollments", "classSourcedId")]
)
def test_a_file_without_a_required_column_is_refused(export: Export, name: str, header: str) -> None:
    export.replace(name, f"{header},", f"{header}2,")

    assert str(refusal(export, "staff")) == (
        f"sds: {name}.csv has no column {header}. Export the set again in the format SDS v2.1"
    )


def test_files_that_are_not_read_are_never_opened(export: Export) -> None:
    for name in ("demographics.csv", "relationships.csv", "läs mig.txt"):
        (export.runner.folder / name).symlink_to("/proc/self/mem")  # to open it is an error

    assert len(export.records("units")) == 4


# ----------------------------------------------------------------------------------------------------- rows without sense


@pytest.mark.parametrize("part", ["pupils", "staff"])
def test_a_role_of_nobody_in_the_users_and_an_unknown_one_keep_what_is_believed(export: Export, part: str) -> None:
    export.add("roles", "u-9,10000001,student,LA2627,05,TRUE,,", "u-2002,o-9,vaktmästare,LA2627,,TRUE,,")

    assert export.rejected(part) == [("the user is not in users.csv", "u-9"), ("role is not known", "u-2002")]


def test_a_role_of_no_user_takes_nobody_for_absent(export: Export) -> None:
    export.add("roles", ",10000001,student,LA2627,05,TRUE,,")

    assert export.rejected("pupils") == [("userSourcedId is empty", None)]
    assert export.rejected("units") == []


def test_a_first_day_in_the_form_of_another_country_leaves_the_role_as_it_was_believed(export: Export) -> None:
    export.replace("roles", "2021-08-16", "8/24/2021")

    (uncertain,) = (item for item in export.runner.items("pupils") if isinstance(item, UncertainRecord))

    assert uncertain.id_prefix == "u-1001/10000001/"
    assert isinstance(uncertain.record, MembershipRecord)
    assert uncertain.record.unreadable == ("start",)
    assert [fact.place for fact in uncertain.facts] == ["roles.csv line 2"]


@pytest.mark.parametrize(("header", "field"), [("roleStartDate", "start"), ("roleEndDate", "end")])
def test_days_under_another_header_are_unknown_and_not_absent(export: Export, header: str, field: str) -> None:
    export.replace("roles", header, "Datum")

    unreadable = [each.unreadable for each in export.records("staff") if isinstance(each, MembershipRecord)]

    assert unreadable == [(field,)] * 3


def test_a_check_says_how_much_of_each_part_there_is(export: Export) -> None:
    assert [(result.part, result.ok, result.what) for result in export.runner.findings()] == [
        ("units", True, "units in these files: 4"),
        ("groups", True, "groups in these files: 3"),
        ("pupils", True, "pupils in these files: 4"),
        ("staff", True, "staff in these files: 2"),
    ]
    known = {page.scope: page.fingerprint for page in export.runner.pages("units")}
    assert {result.what for result in export.runner.findings(known=known)} == {
        "no file has changed since the last complete pull"
    }
    export.file("roles").unlink()
    (broken,) = export.runner.findings()
    assert not broken.ok


def test_the_day_of_a_file_is_at_most_today(export: Export) -> None:
    assert {page.as_of for page in export.runner.pages("pupils")} == {NOW.date()}
