"""OneRoster, trap by trap (the standard, public servers, and what their users report)."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from pydantic import ValidationError

from connectors.oneroster import Settings, normalise
from connectors.oneroster.roles import LeftOutRow, RosterMembership, RosterPerson, roster_person, with_ids_united
from connectors.oneroster.schema import Organisation, SchoolClass, User, decode_hook, every_path
from fleetsync.core.model import (
    GroupRecord,
    Key,
    MembershipRecord,
    MembershipType,
    PersonRecord,
    Scheme,
    UnitRecord,
)
from fleetsync.pull.contract import (
    NormalisedItem,
    PageTokenExpired,
    PartMissing,
    RecordError,
    SourceUnavailable,
    UnknownValue,
    UnreadableFact,
)
from tests.connectors.case_runner import TODAY, CaseRunner, RecordedFault, running_case
from tests.connectors.connector_case import RecordedListing
from tests.connectors.oneroster_case import BASE, CASE

TABLE = CASE.filled_table("https://register.exempelby.se", Path("/srv"))
SETTINGS = Settings.model_validate(TABLE)
TOKEN = "~4711"


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[CaseRunner]:
    with running_case(CASE, tmp_path) as here:
        yield here


def settings(**keys: object) -> Settings:
    return Settings.model_validate(TABLE | keys)


def role(word: str, organisation: str = "o-17", **days: str) -> dict[str, object]:
    return {"role": word, "org": {"sourcedId": organisation}, **days}


def person(part: str = "pupils", own: Settings = SETTINGS, **fields: Any) -> RosterPerson | LeftOutRow:
    """What is kept of a user, decoded as the pull decodes it."""
    row = {"sourcedId": "u-1", "status": "active", "roles": [role("student")], "grades": ["05"]} | fields
    decoder = msgspec.json.Decoder(User, dec_hook=decode_hook(lambda number: TOKEN, TODAY))
    user = decoder.decode(msgspec.json.encode(row))
    return roster_person(part, own, str(user.sourced_id), user, TODAY)


def items(part: str = "pupils", own: Settings = SETTINGS, **fields: Any) -> tuple[NormalisedItem, ...]:
    return normalise(part, own, person(part, own, **fields))


def enrolments(own: Settings = SETTINGS, **fields: Any) -> list[MembershipRecord]:
    return [item for item in items(own=own, **fields) if isinstance(item, MembershipRecord)]


def keys(own: Settings = SETTINGS, **fields: Any) -> tuple[Key, ...]:
    (record,) = (item for item in items(own=own, **fields) if isinstance(item, PersonRecord))
    return record.keys


# --- what is asked ----------------------------------------------------------------------------------------------------


def queries(runner: CaseRunner) -> list[dict[str, list[str]]]:
    return [parse_qs(urlsplit(asked).query) for asked in runner.server.asked]


def test_a_page_is_asked_for_by_the_number_of_rows_that_came_in_an_order_that_stays(runner: CaseRunner) -> None:
    runner.pages("units")
    first, second = queries(runner)

    assert first == {
        "fields": ["sourcedId,status,name,type,identifier,parent"],
        "sort": ["sourcedId"],
        "orderBy": ["asc"],
        "limit": ["500"],
        "offset": ["0"],
    }
    assert second == first | {"offset": ["2"]}


def test_names_phones_and_demographics_are_never_asked_for(runner: CaseRunner) -> None:
    for part in CASE.expected_counts:
        runner.pages(part)
    asked = " ".join(runner.server.asked)

    assert not [word for word in ("givenName", "phone", "password", "agents", "demographics") if word in asked]


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_refuses_fields_or_order_is_asked_without(runner: CaseRunner, status: int) -> None:
    runner.server.fail(CASE.listings["units"], 0, RecordedFault(status, b"{}", times=1))

    assert len(runner.records("units")) == 3
    assert queries(runner)[1] == {"limit": ["500"], "offset": ["0"]}


def test_the_scope_is_the_narrowest_of_the_version() -> None:
    old = settings(base_url="https://register.exempelby.se/ims/oneroster/v1p1")

    assert SETTINGS.sign_in().scope == "https://purl.imsglobal.org/spec/or/v1p2/scope/roster-core.readonly"
    assert old.sign_in().scope == "https://purl.imsglobal.org/spec/or/v1p1/scope/roster.readonly"
    assert settings(scope="own").sign_in().scope == "own"


@pytest.mark.parametrize(
    "keys_of_table", [{"user_ids": {"AD": {"scheme": "account"}}}, {"token_url": ""}, {"end_dates": "soon"}]
)
def test_a_table_that_cannot_be_right_is_refused(keys_of_table: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        settings(**keys_of_table)


# --- where a listing ends ---------------------------------------------------------------------------------------------


def page_of_users(*ids: str, total: int | None = None) -> bytes:
    rows = [{"sourcedId": each, "roles": [role("student")]} for each in ids]
    return msgspec.json.encode({"users": rows} | ({} if total is None else {"totalCount": total}))


def test_a_short_page_without_a_total_is_not_the_end_and_an_empty_one_is(runner: CaseRunner) -> None:
    listing = CASE.listings["pupils"]
    runner.server.fail(listing, 0, RecordedFault(body=page_of_users("u-1")))
    runner.server.fail(listing, 1, RecordedFault(body=page_of_users()))
    pages = runner.pages("staff")

    assert len(runner.server.asked) == 2
    assert sum(len(page.raws) for page in pages) == 1
    assert [page.total for page in pages] == [None] * len(pages)


def test_a_total_that_is_not_reached_is_handed_on(runner: CaseRunner) -> None:
    listing = CASE.listings["pupils"]
    runner.server.fail(listing, 0, RecordedFault(body=page_of_users("u-1", total=5)))
    runner.server.fail(listing, 1, RecordedFault(body=page_of_users(total=5)))

    assert runner.pages("staff")[-1].total == 5


@pytest.mark.parametrize(
    ("link", "asked"),
    [
        ('<https://x/users?offset=0>; rel="first"', 1),
        ('<https://x/users?offset=0>; rel="first", <https://x/users?offset=1>; rel="next"', 2),
        ("</style.css>; rel=preload", 2),
    ],
)
def test_links_end_a_listing_only_where_they_are_its_own(runner: CaseRunner, link: str, asked: int) -> None:
    listing = CASE.listings["pupils"]
    runner.server.fail(listing, 0, RecordedFault(body=page_of_users("u-1"), headers={"Link": link}))
    runner.server.fail(listing, 1, RecordedFault(body=page_of_users()))
    runner.pages("staff")

    assert len(runner.server.asked) == asked


def test_an_answer_under_another_key_is_none(runner: CaseRunner) -> None:
    runner.server.fail(CASE.listings["pupils"], 0, RecordedFault(body=b'{"students": []}'))

    with pytest.raises(SourceUnavailable, match="has no list of users, not even an empty one"):
        runner.pages("pupils")


def test_too_many_requests_may_be_a_web_page(runner: CaseRunner) -> None:
    page = RecordedFault(429, b"<html>Too many</html>", {"Content-Type": "text/html"}, times=2)
    runner.server.fail(CASE.listings["pupils"], 1, page)

    assert len(runner.records("staff")) == 2
    assert len(runner.waited) == 2


def test_pupils_without_a_list_of_classes_are_read_and_a_list_that_breaks_off_is_no_end(runner: CaseRunner) -> None:
    classes = CASE.listings["groups"]
    runner.server.fail(classes, 0, RecordedFault(404, b"{}"))
    assert not [each for each in runner.records("pupils") if isinstance(each, MembershipRecord) and each.group]

    runner.server.fail(classes, 0, RecordedFault(404, b"<html>", {"Content-Type": "text/html"}))
    with pytest.raises(PartMissing):
        runner.records("pupils")

    runner.server.fail(classes, 0, RecordedFault())
    runner.server.fail(classes, 1, RecordedFault(404, b"{}"))
    with pytest.raises(PageTokenExpired):
        runner.records("pupils")


# --- what a person means ----------------------------------------------------------------------------------------------


def test_a_pupil_is_read_whole(runner: CaseRunner) -> None:
    first, enrolled, *_ = runner.records("pupils")

    assert first == PersonRecord(
        source_id="u-1001",
        keys=(
            Key(Scheme.ACCOUNT, "EXB", "u1001"),
            Key(Scheme.NUMBER, "skolregister", "Eu-1001"),
            Key(Scheme.ADDRESS, "", "u-1001@edu.exempelby.se"),
        ),
    )
    assert enrolled == MembershipRecord(
        source_id="u-1001/o-17",
        person="u-1001",
        membership=MembershipType.ENROLMENT,
        codes=("o-17",),
        school_form="GR",
        year=5,
        start=date(2026, 8, 18),
        end=date(2027, 6, 12),
    )


def test_the_older_version_has_one_role_at_each_organisation() -> None:
    old: dict[str, Any] = {"roles": None, "role": "student", "orgs": [{"sourcedId": "o-17"}, {"sourcedId": "o-18"}]}

    assert [each.codes for each in enrolments(**old)] == [("o-17",), ("o-18",)]
    assert [each.codes for each in enrolments(roles=None, role="student")] == [()]


@pytest.mark.parametrize(
    ("word", "part"),
    [
        ("student", "pupils"),
        ("Student", "pupils"),
        ("teacher", "staff"),
        ("aide", "staff"),
        ("siteAdministrator", "staff"),
        ("parent", None),
        ("guardian", None),
        ("relative", None),
    ],
)
def test_a_role_is_of_one_part_or_of_none(word: str, part: str | None) -> None:
    found = [each for each in ("pupils", "staff") if items(each, roles=[role(word)])]

    assert found == ([] if part is None else [part])


def test_a_role_that_no_version_has_is_reported_and_makes_nobody_a_pupil() -> None:
    assert items(roles=[role("wizard")]) == (UnknownValue("role", "wizard"),)


@pytest.mark.parametrize("status", ["tobedeleted", "ToBeDeleted", "inactive"])
def test_a_row_that_is_to_be_deleted_is_gone(status: str) -> None:
    assert items(status=status) == ()


def test_a_status_that_no_version_has_ends_nothing_and_is_reported() -> None:
    assert len(enrolments(status="paused")) == 1
    assert UnknownValue("status", "paused") in items(status="paused")


@pytest.mark.parametrize(
    ("grade", "form", "year", "child"),
    [
        ("05", "GR", 5, False),
        ("9", "GR", 9, False),
        ("KG", "FKLASS", 0, True),
        ("00", "FKLASS", 0, True),
        ("PK", "FS", None, True),
        ("11", None, None, True),
    ],
)
def test_a_grade_means(grade: str, form: str | None, year: int | None, child: bool) -> None:
    (enrolment,) = enrolments(grades=[grade])
    (record,) = (item for item in items(grades=[grade]) if isinstance(item, PersonRecord))

    assert (enrolment.school_form, enrolment.year, record.child) == (form, year, child)
    assert (UnknownValue("grades", "11") in items(grades=[grade])) is (grade == "11")


@pytest.mark.parametrize(
    ("grade", "running", "child"), [("01", False, True), ("01", True, False), ("02", False, False)]
)
def test_in_summer_a_pupil_of_the_first_grade_may_still_have_the_log_in_of_a_child(
    grade: str, running: bool, child: bool
) -> None:
    last = TODAY + timedelta(days=0 if running else -30)
    before = role("student", beginDate="2025-08-18", endDate=last.isoformat())
    to_come = role("student", beginDate=(TODAY + timedelta(days=30)).isoformat())

    kept = person(grades=[grade], roles=[before, to_come])

    assert isinstance(kept, RosterPerson)
    assert kept.child is child


def test_the_table_says_what_a_grade_of_its_own_means_and_what_form_an_organisation_has() -> None:
    own = settings(grades={"F": {"form": "FKLASS", "year": 0}}, organisation_forms={"o-17": "GRAN"})

    assert enrolments(own, grades=["f"], roles=[role("student", "o-18")])[0].school_form == "FKLASS"
    assert enrolments(own, grades=["05"])[0].school_form == "GRAN"


@pytest.mark.parametrize(
    ("days", "start", "end"),
    [
        ({}, None, None),
        ({"beginDate": "2026-08-18", "endDate": "2027-06-13"}, date(2026, 8, 18), date(2027, 6, 12)),
        ({"beginDate": "2026-08-18T00:00:00.000Z"}, date(2026, 8, 18), None),
        ({"endDate": "9999-12-31"}, None, None),
    ],
)
def test_an_end_is_exclusive(days: dict[str, str], start: date | None, end: date | None) -> None:
    (enrolment,) = enrolments(roles=[role("student", **days)])

    assert (enrolment.start, enrolment.end) == (start, end)


def test_an_end_is_inclusive_where_the_table_says_so() -> None:
    days = {"beginDate": "2026-08-18", "endDate": "2026-08-18"}

    assert enrolments(settings(end_dates="inclusive"), roles=[role("student", **days)])[0].end == date(2026, 8, 18)
    assert enrolments(roles=[role("student", **days)]) == []  # it was cancelled before it began


def test_a_day_that_cannot_be_read_costs_itself_and_is_named() -> None:
    odd = [role("student", beginDate="i höstas")]

    assert enrolments(roles=odd)[0].unreadable == ("start",)
    assert UnreadableFact("beginDate", "is not a date", "u-1/o-17") in items(roles=odd)


def test_two_roles_at_one_organisation_have_ids_that_do_not_depend_on_their_order() -> None:
    roles = [role("student", beginDate="2026-08-18", endDate="2026-10-01"), role("student", beginDate="2026-11-01")]
    forwards, backwards = enrolments(roles=roles), enrolments(roles=roles[::-1])

    assert [each.source_id for each in forwards] == ["u-1/o-17", "u-1/o-17/2"]
    assert forwards == backwards
    assert len(enrolments(roles=[roles[0], roles[0]])) == 1


def test_one_person_with_two_ids_and_one_identifier_is_one_with_the_keys_of_both() -> None:
    first = person(sourcedId="u-2", identifier="E1", email="tuva@exempelby.se")
    second = person(sourcedId="u-1", identifier="E1", roles=[role("student", "o-18")])
    united = with_ids_united([first, second, person(sourcedId="u-3", identifier="E3"), LeftOutRow()])
    kept = [each for each in united if isinstance(each, RosterPerson)]

    assert len(united) == 4
    assert [each.source_id for each in kept] == ["u-1", "u-3"]
    assert Key(Scheme.ADDRESS, "", "tuva@exempelby.se") in kept[0].keys
    assert kept[0].ids == ("u-1", "u-2")
    assert [(each.source_id, each.person) for each in kept[0].memberships] == [("u-1/o-18", "u-1"), ("u-2/o-17", "u-1")]


# --- keys -------------------------------------------------------------------------------------------------------------


def test_private_mail_is_no_key_where_the_table_names_the_domains() -> None:
    own = settings(mail_domains=["exempelby.se"])

    assert keys(own, email="tuva@exempel.com") == ()
    assert keys(own, email="tuva@exempelby.se") == (Key(Scheme.ADDRESS, "", "tuva@exempelby.se"),)


def test_a_user_name_without_a_domain_is_a_key_only_with_the_configured_one() -> None:
    assert keys(username="tuva01") == ()
    assert keys(settings(domain="EXB"), username="tuva01") == (Key(Scheme.ACCOUNT, "EXB", "tuva01"),)


def test_only_configured_user_ids_are_keys() -> None:
    ids = [{"type": "ad", "identifier": "tuva01"}, {"type": "LDAP", "identifier": "secret"}]

    assert keys(userIds=ids) == (Key(Scheme.ACCOUNT, "EXB", "tuva01"),)


@pytest.mark.parametrize("field", ["sourcedId", "identifier", "username"])
@pytest.mark.parametrize("number", ["20150102-2385", "1501022386", "20150102TF12"])
def test_a_civic_number_is_a_token_from_the_first_moment_even_with_a_typing_error(field: str, number: str) -> None:
    fields: dict[str, Any] = {field: number}
    found = repr(person(**fields))

    assert number[-4:] not in found
    assert TOKEN in found


# --- organisations and classes ----------------------------------------------------------------------------------------


def test_a_school_is_a_unit_by_its_id_and_its_identifier(runner: CaseRunner) -> None:
    records = runner.records("units")

    assert records[0] == UnitRecord(source_id="o-1", name="Exempelby kommun", kind="district", codes=("2120000000",))
    assert records[1] == UnitRecord(
        source_id="o-17", name="Vretaskolan", kind="Skolenhet", codes=("12345678",), parent="o-1"
    )


def test_only_classes_of_the_wanted_types_are_read(runner: CaseRunner) -> None:
    every_type = runner.settings_with(class_types=())

    assert [each.source_id for each in runner.records("groups")] == ["c-5a", "c-0b"]
    assert [each.source_id for each in runner.records("groups", every_type)] == ["c-5a", "c-en5", "c-0b"]
    assert runner.records("groups")[0] == GroupRecord(source_id="c-5a", name="5A", kind="homeroom", unit="o-17")


def test_members_of_classes_that_are_not_read_are_left_out(runner: CaseRunner) -> None:
    members = [each for each in runner.records("pupils") if isinstance(each, MembershipRecord) and each.group]

    assert [(each.source_id, each.person, each.group) for each in members] == [
        ("e-1", "u-1001", "c-5a"),
        ("e-2", "u-1002", "c-5a"),
        ("e-4", "u-1003", "c-0b"),
    ]


@pytest.mark.parametrize(("part", "row"), [("units", Organisation("o-1")), ("groups", SchoolClass("c-1"))])  # type: ignore[arg-type]
def test_what_has_no_name_is_present_and_unreadable(part: str, row: Organisation | SchoolClass) -> None:
    named = msgspec.structs.replace(row, sourced_id="x-1", unreadable=())

    with pytest.raises(RecordError, match="is empty") as refused:
        normalise(part, SETTINGS, named)
    assert refused.value.source_id == "x-1"


def test_what_is_believed_of_a_user_who_cannot_be_read_stays_with_their_classes(runner: CaseRunner) -> None:
    body = json.loads(CASE.recorded("users-1.json").read_text(encoding="utf-8"))
    body["users"][0]["roles"][0]["org"] = ["?"]
    runner.server.fail(CASE.listings["pupils"], 0, RecordedFault(body=json.dumps(body).encode()))
    rejected = [each.source_id for page in runner.pages("pupils") for each in page.rejected]

    assert rejected == ["u-1001", "e-1", "e-3"]


def test_a_row_that_comes_twice_counts_once_so_that_a_total_shows_the_one_that_was_passed_over(
    runner: CaseRunner,
) -> None:
    listing = CASE.listings["pupils"]
    runner.server.fail(listing, 0, RecordedFault(body=page_of_users("u-1", "u-2", total=4)))
    runner.server.fail(listing, 1, RecordedFault(body=page_of_users("u-2", "u-3", total=3)))
    pages = runner.pages("staff")

    assert sum(len(page.raws) for page in pages) == 3
    assert pages[-1].total == 3


def test_a_row_without_an_id_is_rejected_so_that_nothing_is_taken_for_absent(runner: CaseRunner) -> None:
    for name in ("users", "enrollments"):
        body = json.loads(CASE.recorded(f"{name}-1.json").read_text(encoding="utf-8"))
        body[name].append({"sourcedId": " ", "role": "student"})
        listing = RecordedListing(f"{BASE}/{name}", ())
        runner.server.fail(listing, 0, RecordedFault(body=json.dumps(body).encode()))
    rejected = [each for page in runner.pages("pupils") for each in page.rejected]

    assert [(each.reason, each.source_id) for each in rejected] == [("sourcedId is empty", None)] * 2


def test_every_path_of_a_row_is_named_as_it_is_reported() -> None:
    assert {"roles", "roles[]", "roles[].org", "roles[].org.sourcedId", "grades[]", "userIds[].type"} <= set(
        every_path(User)
    )


def test_a_class_membership_has_days_of_its_own() -> None:
    raw = RosterMembership("e-1", "u-1", MembershipType.GROUP, "o-17", "c-5a", begin_date="2026-08-18")

    assert normalise("pupils", SETTINGS, raw) == (
        MembershipRecord(
            source_id="e-1",
            person="u-1",
            membership=MembershipType.GROUP,
            codes=("o-17",),
            group="c-5a",
            start=date(2026, 8, 18),
        ),
    )
