"""Accounts of Entra, trap by trap (the vendor's documentation, and what its users report)."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from connectors.entra_users import OrganisationFacts, Settings, User, normalise
from fleetsync.core.model import DroppedKind, Key, MembershipRecord, MembershipType, PersonRecord, Record, Scheme
from fleetsync.pull.contract import (
    DroppedRow,
    NormalisedItem,
    RecordError,
    SourceRefused,
    UnknownValue,
    UnreadableFact,
)
from tests.connectors.case_runner import CaseRunner, RecordedFault, running_case
from tests.connectors.entra_users_case import CASE, LISTING, TENANT

TABLE = CASE.filled_table("https://graph.exempelby.se", Path("/srv"))
SETTINGS = Settings.model_validate(TABLE)
STAFF = {"employee_type": "Anställd", "user_principal_name": "anna@exempelby.se"}


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[CaseRunner]:
    with running_case(CASE, tmp_path) as here:
        yield here


def settings_with(**keys: Any) -> Settings:
    return Settings.model_validate(TABLE | keys)


def items(settings: Settings = SETTINGS, **fields: Any) -> tuple[NormalisedItem, ...]:
    return normalise("users", settings, User(**{"id": "0e0e", "user_type": "Member"} | fields))


def keys(**fields: Any) -> tuple[Key, ...]:
    person, *_ = items(**fields)
    assert isinstance(person, PersonRecord)
    return person.keys


def employments(settings: Settings = SETTINGS, **fields: Any) -> list[MembershipRecord]:
    return [item for item in items(settings, **STAFF | fields) if isinstance(item, MembershipRecord)]


def records_of(runner: CaseRunner, n: int, **keys: Any) -> list[Record]:
    return [
        record
        for record in runner.records("users", runner.settings_with(**keys))
        if record.source_id.endswith(f"{n:012}")
    ]


# ------------------------------------------------------------------------------------------------------------- a pull


def test_only_kept_fields_are_asked_for_and_the_directory_is_counted(runner: CaseRunner) -> None:
    runner.pages("users")
    query = parse_qs(urlsplit(runner.server.asked[0]).query)
    selected = set(query["$select"][0].split(","))

    assert (query["$top"], query["$count"]) == (["999"], ["true"])
    assert {headers["consistencylevel"] for headers in runner.server.headers} == {"eventual"}
    assert {"id", "userPrincipalName", "accountEnabled", "employeeId", "onPremisesSamAccountName"} <= selected
    assert not {"displayName", "givenName", "surname", "mobilePhone", "jobTitle", "civicToken"} & selected


def test_an_employee_is_read_whole(runner: CaseRunner) -> None:
    source_id = "0e0e0e0e-3333-4c4c-8f8f-000000000001"

    assert records_of(runner, 1) == [
        PersonRecord(
            source_id=source_id,
            keys=(
                Key(Scheme.OBJECT_ID, TENANT, source_id),
                Key(Scheme.NUMBER, "personal", "40001"),
                Key(Scheme.ADDRESS, "", "personal01@exempelby.se"),
                Key(Scheme.ADDRESS, "", "fornamn.01@exempelby.se"),
                Key(Scheme.ADDRESS, "", "alias.01@exempelby.se"),
                Key(Scheme.ACCOUNT, "EXB", "per001"),
            ),
        ),
        MembershipRecord(
            source_id=source_id,
            person=source_id,
            membership=MembershipType.EMPLOYMENT,
            codes=("3101",),
            unit_name="3101",
            start=date(2020, 8, 10),
        ),
    ]


@pytest.mark.parametrize("count", [9, 5000, 0, None])
def test_the_count_of_the_directory_is_what_a_pull_is_compared_with(runner: CaseRunner, count: int | None) -> None:
    body = json.loads(CASE.recorded("users-1.json").read_text(encoding="utf-8"))
    link = {"@odata.nextLink": f"{runner.server.url}{LISTING.path}?$skiptoken=1"}
    runner.server.fail(LISTING, 0, RecordedFault(body=json.dumps(body | link | {"@odata.count": count}).encode()))
    totals = [page.total for page in runner.pages("users")]

    # Of 5,000 five may be missing: the count lags.
    assert totals == [4995 if count == 5000 else count, None, None]


def test_who_is_nobody_leaves_memory_at_once_and_is_counted(runner: CaseRunner) -> None:
    raws = [raw for page in runner.pages("users") for raw in page.raws]
    dropped = Counter(raw.kind for raw in raws if isinstance(raw, DroppedRow))

    assert dropped == {DroppedKind.GUEST: 1, DroppedKind.FUNCTION_ACCOUNT: 1}
    assert [normalise("users", SETTINGS, raw) for raw in raws if isinstance(raw, DroppedRow)] == [
        (DroppedRow(DroppedKind.GUEST),),
        (DroppedRow(DroppedKind.FUNCTION_ACCOUNT),),
    ]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, {"guest": 1, "function_account": 1}),
        ({"needs_employee_id": True}, {"guest": 1, "function_account": 3}),
        ({"leave_out": ["Personal0[18]@*"]}, {"guest": 1, "function_account": 2}),
        ({"leave_out": []}, {"guest": 1}),
    ],
)
def test_accounts_of_functions_are_left_out_by_their_login_or_for_lack_of_a_number(
    runner: CaseRunner, keys: dict[str, Any], expected: dict[str, int]
) -> None:
    # The civic number of the seventh is no employee number, and is one that only a person has.
    found = runner.items("users", runner.settings_with(**keys))

    assert Counter(item.kind for item in found if isinstance(item, DroppedRow)) == expected


def test_a_civic_number_is_dropped_or_a_token_and_never_a_number(runner: CaseRunner) -> None:
    without, _ = records_of(runner, 7)
    with_token, _ = records_of(runner, 7, read_civic_number=True)
    assert isinstance(without, PersonRecord)
    assert isinstance(with_token, PersonRecord)

    assert {key.scheme for key in without.keys} == {Scheme.OBJECT_ID, Scheme.ADDRESS, Scheme.ACCOUNT}
    (token,) = set(with_token.keys) - set(without.keys)
    assert (token.scheme, token.is_token) == (Scheme.CIVIC, True)
    assert "800101" not in repr(runner.pages("users"))


def test_a_query_that_is_refused_is_not_asked_without_its_fields(runner: CaseRunner) -> None:
    """Without `$select` nobody has a number, an account or a type: that is no shorter answer but another one."""
    runner.server.fail(LISTING, 0, RecordedFault(400, b"{}"))

    with pytest.raises(SourceRefused):
        runner.pages("users")
    assert len(runner.server.asked) == 1


# -------------------------------------------------------------------------------------------------------------- people


def test_the_object_id_comes_before_addresses_that_change() -> None:
    assert [key.scheme for key in keys(user_principal_name="a@exempelby.se", mail="b@exempelby.se")] == [
        Scheme.OBJECT_ID, Scheme.ADDRESS, Scheme.ADDRESS,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("exempelby.local", Key(Scheme.ACCOUNT, "EXB", "annand01")),
        ("EXEMPELBY.LOCAL", Key(Scheme.ACCOUNT, "EXB", "annand01")),
        ("edu.exempelby.local", None),
        (None, None),
    ],
)
def test_an_account_name_is_a_key_in_a_domain_that_is_named(domain: str | None, expected: Key | None) -> None:
    found = keys(on_premises_sam_account_name="annand01", on_premises_domain_name=domain)

    assert found[1:] == ((expected,) if expected else ())


def test_a_row_without_an_id_is_refused() -> None:
    with pytest.raises(RecordError, match="id is empty"):
        items(id=" ")


def test_a_type_of_user_that_nobody_knows_is_a_person_and_reported() -> None:
    assert items(user_type="brandNew")[1:] == (UnknownValue("userType", "brandNew"),)


# --------------------------------------------------------------------------------------------------------------- staff


@pytest.mark.parametrize(
    ("keys", "fields", "is_staff"),
    [
        ({}, {}, True),
        ({}, {"employee_type": " ANSTÄLLD "}, True),
        ({}, {"employee_type": "Elev"}, False),
        ({}, {"employee_type": None}, False),
        ({}, {"account_enabled": False}, False),
        ({}, {"account_enabled": None}, True),
        ({"staff_types": ["anst*"]}, {}, True),
        ({"staff_types": [], "staff_domains": ["exempelby.se"]}, {"employee_type": None}, True),
        ({"staff_types": [], "staff_domains": ["exempelby.se"]}, {"user_principal_name": "x@edu.exempelby.se"}, False),
        ({"staff_domains": ["Exempelby.se"]}, {}, True),
        ({"staff_domains": ["exempelby.se"]}, {"employee_type": "Elev"}, False),
        ({"counts": [], "staff_types": []}, {}, False),
        ({"counts": []}, {}, True),
    ],
)
def test_who_is_staff_is_decided_by_type_and_domain(
    keys: dict[str, Any], fields: dict[str, Any], is_staff: bool
) -> None:
    assert bool(employments(settings_with(**keys), **fields)) is is_staff


@pytest.mark.parametrize(
    ("source", "codes"),
    [("department", "3101"), ("office_location", "Vretaskolan"), ("company_name", "Kommunen"), ("cost_center", "99")],
)
def test_the_unit_stands_where_the_configuration_says(source: str, codes: str) -> None:
    (employment,) = employments(
        settings_with(unit_from=source),
        department="3101",
        office_location="Vretaskolan",
        company_name="Kommunen",
        employee_org_data=OrganisationFacts(cost_center="99"),
    )

    assert (employment.codes, employment.unit_name) == ((codes,), codes)


def test_without_a_unit_somebody_is_employed_all_the_same() -> None:
    (employment,) = employments(settings_with(unit_from="cost_center"))

    assert (employment.codes, employment.unit_name, employment.employment_form) == ((), None, None)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2020-08-10T00:00:00Z", date(2020, 8, 10)),
        ("2020-08-09T22:00:00Z", date(2020, 8, 10)),
        ("0001-01-01T00:00:00Z", None),
        (None, None),
    ],
)
def test_a_day_of_hire_is_the_local_one(text: str | None, day: date | None) -> None:
    assert [employment.start for employment in employments(employee_hire_date=text)] == [day]


def test_a_day_of_hire_that_cannot_be_read_is_unknown_and_named_without_its_value() -> None:
    person, employment, *others = items(SETTINGS, **STAFF, employee_hire_date="i höstas")

    assert isinstance(person, PersonRecord)
    assert isinstance(employment, MembershipRecord)
    assert employment.unreadable == ("start",)
    assert others == [UnreadableFact("employeeHireDate", "is not a time", "0e0e")]


def test_what_decides_who_is_staff_and_cannot_be_read_leaves_what_was_believed(runner: CaseRunner) -> None:
    body = json.loads(CASE.recorded("users-3.json").read_text(encoding="utf-8"))
    body["value"][0]["employeeType"] = [["odd"]]
    runner.server.fail(LISTING, 2, RecordedFault(body=json.dumps(body).encode()))
    (rejected,) = (rejected for page in runner.pages("users") for rejected in page.rejected)

    assert (rejected.source_id, rejected.record_type) == ("0e0e0e0e-3333-4c4c-8f8f-000000000008", None)


def test_a_source_that_counts_must_know_whom() -> None:
    with pytest.raises(ValidationError, match="counts needs staff_types or staff_domains"):
        settings_with(staff_types=[])


# ------------------------------------------------------------------------------------------------------------- a check


def test_a_check_asks_for_one_account(runner: CaseRunner) -> None:
    signed_in, users = runner.findings()

    assert parse_qs(urlsplit(runner.server.asked[0]).query) == {"$select": ["id"], "$top": ["1"], "$count": ["true"]}
    assert TENANT in signed_in.what
    assert users.what == "User.Read.All is granted; the first page holds users"


def test_a_check_warns_of_a_credential_and_of_a_missing_permission(runner: CaseRunner) -> None:
    runner.server.fail(LISTING, 0, RecordedFault(403))
    credential, users = runner.findings(runner.settings_with(credential_expires=date(2026, 12, 1)))

    assert credential.ok
    assert credential.remedy
    assert not users.ok
    assert "permission User.Read.All of Microsoft Graph and grant admin consent" in users.remedy
