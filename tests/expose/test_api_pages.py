"""The API gives a list page by page, all from one snapshot, and says with an ETag whether anything has changed."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

import fleetsync
from fleetsync.expose.gate import view_for
from fleetsync.expose.lists import DEVICES, ListContext
from fleetsync.expose.lists.json_rows import MAX_JSON_ROWS, ROWS_PER_CHUNK, json_document
from fleetsync.expose.lookup import Lookup
from fleetsync.expose.scope import FULL_SCOPE
from tests.expose import example_page as e
from tests.expose.large_town import large_snapshot
from tests.expose.page_client import open_client, signed_in_client

PEOPLE = 1_200
PAST = "2026-11-14"
LARGE_LISTS = ("devices", "assignments", "gaps", "numbers/entitled", "coverage")


@pytest.fixture
def setup():
    return e.page_setup(large_snapshot(PEOPLE, 300))


@pytest.fixture
def client(setup):
    return open_client(setup, "tea")


def walk(client, path: str) -> list[dict[str, Any]]:
    """The answers from *path* on."""
    answers = []
    while path:
        answer = client.get(path)
        assert answer.status_code == 200, path
        answers.append(answer.get_json())
        path = answers[-1]["next"]
    return answers


@pytest.mark.parametrize("name", LARGE_LISTS)
@pytest.mark.parametrize("query", ["limit=170", "limit=170&sort=unit", "limit=170&sort=-unit", "limit=500"])
def test_the_pages_of_a_list_together_have_each_row_once(client, name, query):
    pages = walk(client, f"/api/v1/{name}?{query}")
    rows = [msgspec.json.encode(row) for page in pages for row in page["rows"]]
    limit = int(query.removeprefix("limit=").partition("&")[0])

    assert len(pages) > 1 or limit == MAX_JSON_ROWS
    assert [len(page["rows"]) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert {page["count"] for page in pages} == {len(rows)}
    assert {page["snapshot_at"] for page in pages} == {e.at(0.01).isoformat()}
    if "sort" not in query:
        csv = client.get(f"/{name}?format=csv").text
        assert csv.count("\r\n") - 1 == len(rows)
    if name == "devices":
        assert len({row["device_id"] for page in pages for row in page["rows"]}) == PEOPLE == len(rows)


def test_the_rows_of_a_number_add_up_to_it_over_its_pages(client):
    pages = walk(client, "/api/v1/numbers/entitled?limit=400")

    assert len(pages) == 3
    assert sum(row["count"] for page in pages for row in page["rows"]) == PEOPLE


def test_a_client_that_asks_for_no_page_gets_the_first_five_hundred_rows_and_where_the_rest_is(client):
    answer = client.get("/api/v1/devices?works=yes&sort=serial").get_json()

    assert len(answer["rows"]) == MAX_JSON_ROWS == 500
    assert answer["count"] > 500
    assert answer["next"].startswith("/api/v1/devices?")
    assert client.get(answer["next"]).get_json()["rows"][0]["serial"] > answer["rows"][-1]["serial"]


def test_a_list_that_fits_has_no_next_page(client):
    assert client.get("/api/v1/sources").get_json()["next"] is None
    past_the_end = client.get("/api/v1/devices?offset=5000").get_json()
    assert (past_the_end["rows"], past_the_end["next"], past_the_end["count"]) == ([], None, PEOPLE)


def test_a_page_keeps_its_filters_and_its_day(client):
    path = client.get(f"/api/v1/assignments?unit=enhet-004&limit=2&as_of={PAST}").get_json()["next"]
    following = client.get(path).get_json()

    assert following["day"] == PAST
    assert following["rows"]
    assert {row["unit"] for row in following["rows"]} == {"enhet-004"}


def test_pages_of_two_snapshots_are_never_mixed(setup, client):
    path = client.get("/api/v1/devices?limit=100").get_json()["next"]
    moment = msgspec.structs.replace(setup.shown_holder.snapshot.outcome.moment, at=e.NOW)
    outcome = msgspec.structs.replace(setup.shown_holder.snapshot.outcome, moment=moment)
    setup.shown_holder.snapshot = msgspec.structs.replace(setup.shown_holder.snapshot, outcome=outcome)
    answer = client.get(path)

    assert answer.status_code == 409
    assert "Read the list again from its first page" in answer.get_json()["message"]
    assert len(walk(client, "/api/v1/devices")) == 3


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=501", "limit=-1", "limit=x", "limit=", "limit=1.5", "limit=99999999999999999999", "offset=-1", "offset=x", "offset=²"],
)  # fmt: skip
def test_a_page_that_cannot_be_asked_for_is_refused_with_what_is_possible(client, query):
    answer = client.get(f"/api/v1/devices?{query}")

    assert answer.status_code == 400
    assert answer.get_json()["error"] == 400
    assert answer.get_json()["message"].startswith(f"{query.partition('=')[0]} must be a whole number")


def test_nothing_is_sent_again_while_nothing_has_changed(setup, client):
    first = client.get("/api/v1/devices?limit=100")
    audited = len(setup.decision_port.audited)
    again = client.get("/api/v1/devices?limit=100", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert len(setup.decision_port.audited) == audited  # nobody was shown anything

    outcome = setup.shown_holder.snapshot.outcome
    moved = msgspec.structs.replace(outcome, moment=msgspec.structs.replace(outcome.moment, at=e.NOW))
    setup.shown_holder.snapshot = msgspec.structs.replace(setup.shown_holder.snapshot, outcome=moved)
    changed = client.get("/api/v1/devices?limit=100", headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]


def test_the_etag_is_another_one_for_another_role_day_and_order_of_words(setup):
    tea, stina = open_client(setup, "tea"), open_client(setup, "stina")
    tags = [
        tea.get("/api/v1/gaps").headers["ETag"],
        stina.get("/api/v1/gaps").headers["ETag"],
        tea.get(f"/api/v1/gaps?as_of={PAST}").headers["ETag"],
        tea.get("/api/v1/gaps?lang=en").headers["ETag"],
    ]

    assert len(set(tags)) == len(tags)


def test_the_list_of_sources_has_no_etag_since_it_changes_between_snapshots():
    assert "ETag" not in signed_in_client()[1].get("/api/v1/sources").headers


def test_each_page_is_in_the_audit(setup, client):
    walk(client, "/api/v1/devices?limit=500")

    assert setup.decision_port.audited == [("tea", "export devices json", "devices")] * 3


def test_an_answer_is_sent_in_pieces(client):
    answer = client.get("/api/v1/devices?limit=450")
    pieces = list(answer.iter_encoded())

    assert len(pieces) == 2 + -(-450 // ROWS_PER_CHUNK)
    assert len(msgspec.json.decode(b"".join(pieces))["rows"]) == 450


@pytest.mark.parametrize("count", [0, 1, ROWS_PER_CHUNK, ROWS_PER_CHUNK + 1])
def test_the_pieces_of_an_answer_are_one_document(count):
    lookup = Lookup(view_for(large_snapshot(PEOPLE, 300), FULL_SCOPE))
    context = ListContext(scope=FULL_SCOPE, today=e.TODAY, open_lookup=lambda: lookup)
    rows = DEVICES.rows(context)[:count]
    assert len(rows) == count

    document = msgspec.json.decode(b"".join(json_document({"count": count, "next": None}, DEVICES, rows, context)))
    assert (document["count"], document["next"], len(document["rows"])) == (count, None, count)


def test_the_json_of_a_page_is_the_same_list_page_by_page(client):
    page, api = (client.get(path).get_json() for path in ("/devices?format=json&limit=90", "/api/v1/devices?limit=90"))

    assert page["rows"] == api["rows"]
    assert client.get(page["next"]).get_json()["rows"] == client.get(api["next"]).get_json()["rows"]


def test_an_answer_has_the_members_that_the_documents_show(client):
    documents = (Path(fleetsync.__file__).parents[1] / "docs" / "operating.md").read_text()
    (example,) = re.findall(r"<!-- example: api-page -->\s+```json\n(.*?)```", documents, re.DOTALL)
    shown, answer = msgspec.json.decode(example), client.get("/api/v1/devices").get_json()

    assert list(shown) == list(answer)
    assert re.sub(r"unit=\w+&|=[^&]*", "", shown["next"]) == re.sub(r"=[^&]*", "", answer["next"])
