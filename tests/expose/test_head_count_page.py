"""The page of head counts: its form, who may use it and at which units. The file behind it: tests/test_typed_counts.py."""

from datetime import date

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from fleetsync.core.model import Text
from fleetsync.expose.ports import ROLE_SCOPES, AccountRole, CountedGroup, TypedCount
from fleetsync.expose.scope import Permission, Scope
from tests.expose import example_page as e
from tests.expose.page_client import csrf_of, open_client, undo, visible_text

PAGE = "/units/ugglan/head-counts"
TYPED = {"form": "FS", "year": "", "heads": "43", "counted_on": "2026-11-20", "counted_by": "förskolechef Ugglan"}
COUNT = TypedCount(
    unit="ugglan",
    whom=CountedGroup.CHILDREN,
    school_form="FS",
    heads=43,
    counted_on=date(2026, 11, 20),
    counted_by="förskolechef Ugglan",
)


def post(client: FlaskClient, path: str = PAGE, **changed: str) -> TestResponse:
    return client.post(path, data={"csrf": csrf_of(client, PAGE), **TYPED, **changed}, follow_redirects=True)


@pytest.fixture
def setup() -> e.PageSetup:
    return e.page_setup()


@pytest.mark.parametrize("who", ["tea", "stina"])
def test_a_number_is_kept_with_its_day_and_who_answers_for_it_and_can_be_taken_back(
    setup: e.PageSetup, who: str
) -> None:
    client = open_client(setup, who)

    kept = post(client)

    assert (setup.head_count_port.counts, setup.head_count_port.entered_by) == ([COUNT], [who])
    assert "Antalet är sparat och läses nu." in visible_text(kept.text)
    assert "förskolechef Ugglan" in visible_text(kept.text)
    assert PAGE in client.get("/units/ugglan").text

    taken_back = post(client, f"{PAGE}/remove")

    assert setup.head_count_port.counts == []
    assert "Antalet är återtaget." in visible_text(taken_back.text)


def test_a_number_and_its_removal_can_be_undone_and_one_that_was_replaced_comes_back(setup: e.PageSetup) -> None:
    client, port = open_client(setup, "tea"), setup.head_count_port

    undo(client, post(client).text)
    assert port.counts == []

    post(client)
    undo(client, post(client, heads="50").text)
    assert port.counts == [COUNT]

    undo(client, post(client, f"{PAGE}/remove").text)
    assert port.counts == [COUNT]


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"form": "staff"}, (CountedGroup.STAFF, "", None)),
        ({"form": "GR", "year": "3"}, (CountedGroup.PUPILS, "GR", 3)),
        ({"form": "FKLASS"}, (CountedGroup.PUPILS, "FKLASS", None)),
    ],
)
def test_who_is_counted_follows_from_the_choice(
    setup: e.PageSetup, form: dict[str, str], expected: tuple[CountedGroup, str, int | None]
) -> None:
    post(open_client(setup, "tea"), **form)

    (count,) = setup.head_count_port.counts
    assert (count.whom, count.school_form, count.year) == expected


def test_a_year_is_asked_for_only_where_there_are_years(setup: e.PageSetup) -> None:
    client = open_client(setup, "tea")

    assert 'id="year"' in client.get("/units/bjorkskolan/head-counts").text
    assert 'id="year"' not in client.get(PAGE).text


@pytest.mark.parametrize(
    "wrong", [{"heads": "många"}, {"heads": "-3"}, {"heads": "٤٣"}, {"counted_on": "igår"}, {"year": "tre"}]
)
def test_what_is_no_number_or_no_day_is_refused_and_nothing_is_kept(setup: e.PageSetup, wrong: dict[str, str]) -> None:
    answer = post(open_client(setup, "tea"), **wrong)

    assert "Skriv antalet, året och dagen med siffror." in visible_text(answer.text)
    assert setup.head_count_port.counts == []


def test_a_refusal_of_the_desk_is_shown_in_the_readers_language(setup: e.PageSetup) -> None:
    setup.head_count_port.refusal = Text("Den dagen har inte varit än.", "that is a day to come")

    shown = visible_text(post(open_client(setup, "tea")).text)
    assert "Den dagen har inte varit än." in shown
    assert "that is a day to come" not in shown


def test_a_number_that_is_gone_already_is_not_taken_back_twice(setup: e.PageSetup) -> None:
    client = open_client(setup, "tea")

    assert "not there any more" in visible_text(post(client, f"{PAGE}/remove").text)
    assert client.post(f"{PAGE}/remove", data={"csrf": csrf_of(client, PAGE)}).status_code == 400


def test_without_a_source_of_typed_numbers_the_page_says_what_to_configure(setup: e.PageSetup) -> None:
    setup.head_count_port.open = False
    client = open_client(setup, "tea")

    assert "typed = true" in visible_text(client.get(PAGE).text)
    assert PAGE not in client.get("/units/ugglan").text


def test_the_role_that_handles_protection_types_no_numbers(setup: e.PageSetup) -> None:
    client = open_client(setup, "petra")

    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, data={"csrf": csrf_of(client, "/protection"), **TYPED}).status_code == 403
    assert setup.head_count_port.counts == []


def test_an_account_of_one_unit_types_the_numbers_of_that_unit_alone() -> None:
    own = Scope(units=frozenset({"ugglan"}), permissions=frozenset({Permission.HEAD_COUNTS}))
    setup = e.page_setup(role_scopes={**ROLE_SCOPES, AccountRole.STRATEGIST: own})
    client = open_client(setup, "stina")

    post(client)
    other = post(client, "/units/ekskolan/head-counts")

    assert setup.head_count_port.counts == [COUNT]
    assert other.status_code == 404
    assert client.get("/units/ekskolan/head-counts").status_code == 404


@pytest.mark.parametrize("slug", ["central", "unplaced", "ingen"])
def test_a_unit_that_has_no_persons_of_its_own_has_no_such_page(setup: e.PageSetup, slug: str) -> None:
    assert open_client(setup, "tea").get(f"/units/{slug}/head-counts").status_code == 404
