"""OneRoster, run as the daemon runs it, against a stand-in of a register with its traps: published numbers stay."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from fleetsync.core.model import Verdict
from fleetsync.demo.model import SourceRow
from fleetsync.demo.oneroster import CLIENT, MOVED_TOKEN_PATH, SECRET, OneRosterStub
from fleetsync.demo.stub_server import FaultKind
from fleetsync.store import tables
from tests.connectors.stand_in_faults import (
    LASTING_FAULTS,
    PASSING_FAULTS,
    FaultyListing,
    findings,
    verdicts,
)
from tests.flow.installation import (
    COST_CENTRE,
    OTHER_COST_CENTRE,
    OTHER_SCHOOL,
    SCHOOL,
    Installation,
    OpenInstallation,
    civic,
    login,
)

PUPILS = 12
CHILD, TEACHER, PARENT = 13, 20, 30
BASE = "/ims/oneroster/rostering/v1p2"
TABLE = """
[[source]]
kind = "oneroster"
name = "skolregister"
base_url = "{base_url}"
token_url = "{token_url}"
client_id = "{client}"
client_secret_file = "secrets/skolregister"
counts = ["pupils", "staff"]
wait_limit = "60s"
"""


def role(word: str, organisation: str = "o-17", **days: str) -> SourceRow:
    return {"roleType": "primary", "role": word, "org": {"sourcedId": organisation, "type": "org"}, **days}


def user(n: int, word: str, *grades: str, **fields: object) -> SourceRow:
    """User *n*, with the role *word* at the school."""
    return {
        "sourcedId": f"u-{n:03}",
        "username": login(n),
        "email": login(n),
        "identifier": f"E{n:03}",
        "grades": grades,
        "roles": (role(word),),
        **fields,
    }


def enrolment(n: int, word: str = "student") -> SourceRow:
    user_id = f"u-{n:03}"
    return {
        "sourcedId": f"e-{n:03}",
        "role": word,
        "user": {"sourcedId": user_id},
        "class": {"sourcedId": "c-5a"},
        "school": {"sourcedId": "o-17"},
    }


class Register:
    """A small register: two schools, twelve pupils, a child in förskoleklass, a teacher and a parent.

    Beside them a pupil who has left, whose row is to be deleted.
    """

    def __init__(self) -> None:
        self.users = [
            *(user(n, "student", "05") for n in range(1, PUPILS + 1)),
            user(CHILD, "student", "KG"),
            user(TEACHER, "teacher"),
            user(PARENT, "parent"),
            user(40, "student", "05", status="tobedeleted"),
        ]

    def rows(self) -> Mapping[str, Sequence[SourceRow]]:
        return {
            "orgs": [
                {"sourcedId": "o-1", "type": "district", "name": "Exempelby"},
                {"sourcedId": "o-17", "type": "school", "name": "Skola 1", "identifier": COST_CENTRE,
                 "parent": {"sourcedId": "o-1"}},
                {"sourcedId": "o-18", "type": "school", "name": "Skola 2", "identifier": OTHER_COST_CENTRE,
                 "parent": {"sourcedId": "o-1"}},
            ],
            "classes": [
                {"sourcedId": "c-5a", "title": "5A", "classType": "homeroom", "school": {"sourcedId": "o-17"}},
                {"sourcedId": "c-en", "title": "Engelska", "classType": "scheduled", "school": {"sourcedId": "o-17"}},
            ],
            "users": self.users,
            "enrollments": [*(enrolment(n) for n in range(1, PUPILS + 1)), enrolment(TEACHER, "teacher")],
        }  # fmt: skip


@pytest.fixture
def register() -> Register:
    return Register()


@pytest.fixture
def server(register: Register) -> Iterator[OneRosterStub]:
    stub = OneRosterStub(register.rows, largest_page=7)
    with stub.stub_server:
        yield stub


@pytest.fixture
def installation(server: OneRosterStub, tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, people=PUPILS) as built:
        configure(built, server)
        yield built


@pytest.fixture
def opened(installation: Installation) -> Iterator[OpenInstallation]:
    with installation.open() as application:
        yield application


def configure(installation: Installation, server: OneRosterStub, more: str = "", **keys: str) -> None:
    """The configuration for *server*, with other *keys* of the table, a wrong secret among them."""
    usual = {"base_url": server.base_url, "token_url": server.token_url, "client": CLIENT}
    installation.names = ("intune",)
    installation.more = TABLE.format(**usual | keys) + more
    installation.write()
    installation.write_secret("skolregister", keys.get("secret", SECRET))


def counts(opened: OpenInstallation, unit: str = SCHOOL) -> list[int]:
    """Of pupils who are owed a device, who have one, and of staff and children who are owed."""
    return [
        opened.count("entitled", unit, "pupils"),
        opened.count("covered", unit, "pupils"),
        opened.count("entitled", unit, "staff"),
        opened.count("people", unit, "preschool") if "fleetsync_people" in opened.snapshot.numbers else 0,
    ]


# --- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("totals", ["header", "links", "none"])
def test_every_version_and_every_way_to_end_a_listing_gives_the_same_numbers(
    register: Register, tmp_path: Path, version: Any, totals: Any
) -> None:
    stub = OneRosterStub(register.rows, version=version, totals=totals, largest_page=5)
    with stub.stub_server, Installation(tmp_path, people=PUPILS) as installation:
        configure(installation, stub)
        with installation.open() as opened:
            assert set(verdicts(opened).values()) == {Verdict.COMPLETE}
            assert counts(opened)[:3] == [PUPILS, PUPILS, 1]
            users = [each.status for each in stub.stub_server.log if each.path.endswith("/users")]

    assert (
        len(users) == {"header": 8, "links": 8, "none": 10}[totals]
    )  # sixteen users by five, for pupils and for staff


def test_a_server_that_can_neither_choose_nor_order_is_asked_without(
    opened: OpenInstallation, server: OneRosterStub
) -> None:
    server.chooses = False

    assert set(verdicts(opened).values()) == {Verdict.COMPLETE}
    assert counts(opened)[:3] == [PUPILS, PUPILS, 1]


def test_pupils_are_in_their_classes_and_teaching_groups_are_not_read(opened: OpenInstallation) -> None:
    opened.run()
    bodies = opened.stored_bodies()

    assert sum('"c-5a"' in body and '"membership":"group"' in body for body in bodies) == PUPILS
    assert not [body for body in bodies if "Engelska" in body]


def test_an_end_is_the_day_after_the_last_one(
    installation: Installation, server: OneRosterStub, register: Register
) -> None:
    days = {"beginDate": "2026-08-18", "endDate": installation.today.isoformat()}
    register.users[0] = user(1, "student", "05", roles=(role("student", **days),))
    with installation.open() as opened:
        opened.run()
        assert counts(opened)[0] == PUPILS - 1

    configure(installation, server, 'end_dates = "inclusive"\n')
    with installation.open() as opened:
        opened.run()
        assert counts(opened)[0] == PUPILS


def test_one_person_with_two_ids_and_one_identifier_is_owed_once(opened: OpenInstallation, register: Register) -> None:
    register.users.append(user(41, "student", "05", identifier="E001", username="", email=""))
    opened.run()

    assert counts(opened)[0] == PUPILS


def test_a_pupil_with_roles_at_two_schools_is_owed_once(opened: OpenInstallation, register: Register) -> None:
    register.users[0] = user(1, "student", "05", roles=(role("student"), role("student", "o-18")))
    opened.run()

    assert counts(opened)[0] + counts(opened, OTHER_SCHOOL)[0] == PUPILS


# --- privacy ----------------------------------------------------------------------------------------------------------


def test_log_ins_of_a_child_are_tokens_and_those_of_parents_are_nowhere(opened: OpenInstallation) -> None:
    opened.run()
    everything = "".join(opened.stored_bodies())

    assert login(1) in everything
    assert login(CHILD) not in everything
    assert login(PARENT) not in everything
    assert "Exempel" not in everything.replace("Exempelby", "")


def test_a_civic_number_is_a_token_wherever_it_stands(opened: OpenInstallation, register: Register) -> None:
    number = civic(5)
    register.users[4] = user(5, "student", "05", sourcedId=number, identifier=number.replace("-", ""), username=number)
    opened.run()
    everything = "".join(opened.stored_bodies())
    with opened.ledger._read_transaction() as connection:
        everything += " ".join(connection.execute(select(tables.record.c.source_id)).scalars())

    assert counts(opened)[0] == PUPILS
    assert number not in everything
    assert number.replace("-", "") not in everything


# --- faults -----------------------------------------------------------------------------------------------------------

LISTING = FaultyListing("skolregister/pupils", f"{BASE}/users", skip=1)


@pytest.mark.parametrize("fault", [*PASSING_FAULTS, "token_expires", "unauthorised", "forbidden", "missing"])
def test_a_fault_in_the_middle_of_a_listing_that_passes_changes_no_number(
    server: OneRosterStub, installation: Installation, fault: FaultKind
) -> None:
    LISTING.check_passing(fault, server.stub_server, installation)


@pytest.mark.parametrize("fault", LASTING_FAULTS)
def test_a_fault_that_stays_fails_people_alone_and_changes_no_number(
    server: OneRosterStub, installation: Installation, fault: FaultKind
) -> None:
    with installation.open_after_a_run() as opened:
        before = opened.snapshot.numbers
        installation.advance_clock(hours=1)
        server.stub_server.fail(f"{BASE}/users", fault, times=999, skip=1)

        outcome = verdicts(opened)

        assert outcome.pop("skolregister/pupils") is Verdict.FAILED
        assert outcome.pop("skolregister/staff") is Verdict.FAILED  # the same listing
        assert set(outcome.values()) <= {Verdict.COMPLETE, Verdict.UNCHANGED}
        assert opened.snapshot.numbers == before


@pytest.mark.parametrize("totals", ["header", "none"])
def test_an_empty_answer_for_a_lost_right_is_held_and_changes_no_number(
    opened: OpenInstallation, server: OneRosterStub, installation: Installation, totals: Any
) -> None:
    server.totals = totals
    opened.run()
    before = opened.snapshot.numbers
    installation.advance_clock(hours=1)
    server.rights -= {"users"}

    assert {held.effect.part for held in opened.run().held} == {"pupils", "staff"}
    assert opened.snapshot.numbers == before


def test_a_missing_list_of_classes_costs_classes_alone(
    opened: OpenInstallation, server: OneRosterStub, installation: Installation
) -> None:
    server.stub_server.fail(f"{BASE}/classes", "missing", times=999)
    outcome = verdicts(opened)

    assert outcome["skolregister/groups"] is Verdict.UNCHANGED
    assert outcome["skolregister/pupils"] is Verdict.COMPLETE
    assert counts(opened)[0] == PUPILS


# --- what a check says ------------------------------------------------------------------------------------------------


def test_a_check_says_what_can_be_read_and_what_is_empty(opened: OpenInstallation, server: OneRosterStub) -> None:
    server.rights -= {"classes"}
    results = findings(opened, "oneroster")

    assert all(result.ok for result in results.values())
    assert results["pupils"].what == "/users can be read"
    assert "may have taken our right away" in results["groups"].what


@pytest.mark.parametrize(
    ("keys", "more", "sentence"),
    [
        ({"base_url": "{address}/v2"}, "", "The base address is wrong"),
        ({"secret": "fel-hemlighet"}, "", "no token from"),
        ({"token_url": "{address}" + MOVED_TOKEN_PATH}, "", "the token address redirects elsewhere"),
        ({}, 'scope = "everything"\n', "the scope is not one that this client may ask for"),
    ],
)
def test_a_check_tells_mistakes_apart(
    server: OneRosterStub, installation: Installation, keys: dict[str, str], more: str, sentence: str
) -> None:
    keys = {key: value.format(address=server.stub_server.address) for key, value in keys.items()}
    configure(installation, server, more, **keys)
    with installation.open() as opened:
        results = findings(opened, "oneroster")

    assert sentence in results["pupils"].what
    assert not results["units"].ok
    assert SECRET not in str(results)
    assert "fel-hemlighet" not in str(results)


@pytest.mark.parametrize("style", ["basic", "body"])
def test_a_client_proves_itself_by_basic_or_in_the_form(
    server: OneRosterStub, installation: Installation, style: str
) -> None:
    configure(installation, server, f'auth_style = "{style}"\n')
    with installation.open() as opened:
        assert set(verdicts(opened).values()) == {Verdict.COMPLETE}
