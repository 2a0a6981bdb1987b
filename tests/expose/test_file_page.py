"""The page that takes a mailed file: its form, its limits and what it shows. The daemon's part: tests/test_file_inbox.py."""

import io

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from fleetsync.core.model import ChangePlan, Text
from fleetsync.expose.gate import visible_received_file
from fleetsync.expose.ports import LARGEST_FILE_BYTES, ReceivedFile
from fleetsync.expose.scope import FULL_SCOPE, Scope
from tests.expose import example_page as e
from tests.expose.page_client import csrf_of, open_client, read, visible_text

EXAMINED = ReceivedFile(
    name="personal_2026-11-24.csv",
    is_examined=True,
    kind="staff_file",
    source="personec",
    taken=(Text("4 personer", "4 people"),),
    rows=("employment at Ekskolan",),
    hold_reasons=(Text("för få", "too few"),),
    plan=ChangePlan(new=4),
)


def give(client: FlaskClient, name: str, content: bytes = b"a;b\r\n", **form: str) -> TestResponse:
    token = csrf_of(client, "/sources/file")
    fields = {"csrf": token, "file": (io.BytesIO(content), name), **form}
    return client.post("/sources/file", data=fields, content_type="multipart/form-data", follow_redirects=True)


@pytest.fixture
def setup() -> e.PageSetup:
    return e.page_setup()


def test_a_file_is_taken_and_looked_at_in_the_background(setup: e.PageSetup) -> None:
    answer = give(open_client(setup, "tea"), "C:\\Mina filer\\personal_2026-11-24.csv", b"x" * 100_000)

    assert setup.inbox_port.contents == [b"x" * 100_000]
    assert "personal_2026-11-24.csv läses" in visible_text(answer.text)
    assert "data-under-way" in answer.text


@pytest.mark.parametrize("name", ["", ".htaccess", "a\u202eb.csv", "x" * 151])
def test_a_file_without_a_plain_name_is_refused(setup: e.PageSetup, name: str) -> None:
    answer = give(open_client(setup, "tea"), name)

    assert "Välj en fil först" in visible_text(answer.text)
    assert setup.inbox_port.contents == []


def test_a_file_that_is_too_large_is_refused_with_the_limit_before_it_is_read(setup: e.PageSetup) -> None:
    announced = {"CONTENT_LENGTH": str(LARGEST_FILE_BYTES + 20_000)}
    answer = open_client(setup, "tea").post(
        "/sources/file", data=b"--", content_type="multipart/form-data; boundary=x", environ_overrides=announced
    )

    assert answer.status_code == 413
    assert "högst 20 MiB" in visible_text(answer.text)
    assert setup.inbox_port.contents == []


def test_a_file_without_the_token_of_the_form_is_refused(setup: e.PageSetup) -> None:
    answer = give(open_client(setup, "tea"), "a.csv", csrf="invented")

    assert answer.status_code == 403
    assert setup.inbox_port.contents == []


def test_of_a_visitor_nothing_as_large_as_a_file_is_read(setup: e.PageSetup) -> None:
    fields = {"csrf": "invented", "file": (io.BytesIO(b"x" * 100_000), "a.csv")}
    answer = open_client(setup).post("/sources/file", data=fields, content_type="multipart/form-data")

    assert answer.status_code == 413
    assert setup.inbox_port.contents == []


def test_what_a_file_is_and_would_change_is_shown_before_it_is_kept(setup: e.PageSetup) -> None:
    setup.inbox_port.files["tea"] = EXAMINED
    text = visible_text(read("/sources/file", open_client(setup, "tea")))

    for sentence in ("Läses av källan personec: 4 personer", "employment at Ekskolan", "för få", "4 nya poster"):
        assert sentence in text


def test_why_a_file_is_refused_is_shown(setup: e.PageSetup) -> None:
    setup.inbox_port.files["tea"] = ReceivedFile(name="a.csv", is_examined=True, problem="a.csv: no kind of list")
    text = read("/sources/file", open_client(setup, "tea"))

    assert "a.csv: no kind of list" in visible_text(text)
    assert "Spara filen" not in text


@pytest.mark.parametrize(
    ("decision", "accepted", "sentence"),
    [
        ("accept", ["personal_2026-11-24.csv"], "Filen är sparad och läses av personec nu."),
        ("discard", [], "Välj fil"),
    ],
)
def test_a_decision_is_taken_once(setup: e.PageSetup, decision: str, accepted: list[str], sentence: str) -> None:
    setup.inbox_port.files["tea"] = EXAMINED
    client = open_client(setup, "tea")
    form = {"csrf": csrf_of(client, "/sources/file"), "decision": decision}

    answer = client.post("/sources/file/decision", data=form, follow_redirects=True)

    assert sentence in visible_text(answer.text)
    assert (setup.inbox_port.accepted, setup.inbox_port.files) == (accepted, {})


def test_a_decision_that_cannot_be_taken_says_why_and_an_unknown_one_is_a_bad_request(setup: e.PageSetup) -> None:
    setup.inbox_port.files["tea"], setup.inbox_port.refusal = EXAMINED, "the folder cannot be written"
    client = open_client(setup, "tea")
    token = csrf_of(client, "/sources/file")

    refused = client.post("/sources/file/decision", data={"csrf": token, "decision": "accept"}, follow_redirects=True)
    unknown = client.post("/sources/file/decision", data={"csrf": token, "decision": "maybe"})

    assert "the folder cannot be written" in visible_text(refused.text)
    assert unknown.status_code == 400


def test_rows_are_for_accounts_that_see_everything() -> None:
    one_unit = Scope(units=frozenset({"ekskolan"}), permissions=FULL_SCOPE.permissions)

    assert visible_received_file(EXAMINED, FULL_SCOPE).rows == EXAMINED.rows
    assert visible_received_file(EXAMINED, one_unit).rows == ()


def test_the_role_of_protected_persons_may_not_give_a_file(setup: e.PageSetup) -> None:
    client = open_client(setup, "petra")
    with client.session_transaction() as session:
        session["csrf"] = "known"

    assert client.get("/sources/file").status_code == 403
    assert client.post("/sources/file", data={"csrf": "known"}).status_code == 403
    assert client.post("/sources/file/decision", data={"csrf": "known"}).status_code == 403
