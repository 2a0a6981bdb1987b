"""The role `protection` asks about one person at a time, and takes a wrong mark back for a reason. It sees no list."""

import pytest

from tests.expose import example_page as e
from tests.expose.page_client import csrf_of, open_client, visible_text

ASKED = "asked about protection"


def ask(client, key):
    return client.post("/protection", data={"key": key, "csrf": csrf_of(client, "/protection")})


def release(client, **form):
    return client.post(
        "/protection/release", data={**form, "csrf": csrf_of(client, "/protection")}, follow_redirects=True
    )


def test_a_protected_person_is_told_by_an_opaque_id_alone_and_the_question_is_noted():
    setup = e.page_setup()
    answer = ask(open_client(setup, "petra"), "4711")

    assert "p-opaque" in answer.text
    assert "4711" not in answer.text
    assert "upphör aldrig av sig självt" in visible_text(answer.text)
    assert setup.decision_port.audited == [("petra", ASKED, "p-opaque")]


def test_who_is_unknown_and_who_is_not_protected_have_the_same_answer_and_both_are_noted():
    setup = e.page_setup()
    answer = ask(open_client(setup, "petra"), "nobody@exempelby.se")

    assert "Ingen skyddad person" in visible_text(answer.text)
    assert setup.decision_port.audited == [("petra", ASKED, "")]


def test_of_a_mark_that_waits_the_page_says_where_it_is_decided():
    answer = ask(open_client(e.page_setup(), "petra"), "4712")

    assert "väntar på beslut" in visible_text(answer.text)
    assert "Häv skyddet" not in answer.text


def test_a_release_needs_a_reason():
    setup = e.page_setup()
    client = open_client(setup, "petra")

    assert "Skriv en motivering först" in release(client, reference="p-opaque", reason=" ").text
    assert setup.protection_port.released == []


def test_a_release_names_the_account_and_the_parts_that_are_read_again():
    setup = e.page_setup()
    answer = release(open_client(setup, "petra"), reference="p-opaque", reason="fel i filen")

    assert setup.protection_port.released == [("p-opaque", "petra", "fel i filen")]
    assert "personal/staff" in answer.text


def test_a_refused_release_says_why():
    answer = release(open_client(e.page_setup(), "petra"), reference="p-other", reason="fel")

    assert "Nothing was changed" in answer.text


@pytest.mark.parametrize("name", ["tea", "stina"])
def test_no_other_role_may_open_the_page_or_use_its_forms(name):
    setup = e.page_setup()
    client = open_client(setup, name)
    form = {"key": "4711", "reference": "p-opaque", "reason": "x", "csrf": csrf_of(client, "/")}

    assert client.get("/protection").status_code == 403
    assert client.post("/protection", data=form).status_code == 403
    assert client.post("/protection/release", data=form).status_code == 403
    assert (setup.decision_port.audited, setup.protection_port.released) == ([], [])
    assert "/protection" not in client.get("/").text


def test_the_role_sees_numbers_and_no_log_in():
    client = open_client(e.page_setup(), "petra")

    assert client.get("/").status_code == 200
    assert "@" not in visible_text(client.get("/people/p-edlevo-ek-4A-0").text)


# --- all marks of one pull -----------------------------------------------------------------------------------------------


def release_pull(client, **form):
    return client.post(
        "/protection/release-pull", data={**form, "csrf": csrf_of(client, "/protection")}, follow_redirects=True
    )


def test_pulls_that_marked_many_are_shown_with_counts_alone():
    text = visible_text(open_client(e.page_setup(), "petra").get("/protection").text)

    assert "Hämtning 17 av personal/staff" in text
    assert "40 märkta personer" in text
    assert "2 av dem märks även på annat sätt" in text


def test_the_marks_of_a_pull_are_taken_back_for_a_reason_by_the_account():
    setup = e.page_setup()
    client = open_client(setup, "petra")

    assert "Skriv en motivering först" in release_pull(client, pull="17", reason=" ").text
    answer = release_pull(client, pull="17", reason="fel kolumn")

    assert setup.protection_port.released == [("17", "petra", "fel kolumn")]
    assert "upphör när personal/staff läses utan den" in visible_text(answer.text)
    assert "Märkningarna är återtagna" in visible_text(answer.text)


def test_a_pull_without_marks_is_refused_and_no_number_is_no_pull():
    client = open_client(e.page_setup(), "petra")

    assert "Nothing was changed" in release_pull(client, pull="3", reason="fel").text
    assert release_pull(client, pull="x", reason="fel").status_code == 400


@pytest.mark.parametrize("name", ["tea", "stina"])
def test_no_other_role_takes_marks_back(name):
    setup = e.page_setup()
    client = open_client(setup, name)
    form = {"pull": "17", "reason": "x", "csrf": csrf_of(client, "/")}

    assert client.post("/protection/release-pull", data=form).status_code == 403
    assert setup.protection_port.released == []
