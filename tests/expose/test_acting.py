"""Acting on the page: gaps are parked, facts corrected, units published, by those who may, and each can be undone."""

import pytest
from flask.testing import FlaskClient
from msgspec.structs import replace
from werkzeug.test import TestResponse

from fleetsync.core.model import Correction
from fleetsync.expose.lookup import Lookup
from fleetsync.expose.ports import LeftoverPull
from tests.expose import example_page as e
from tests.expose.page_client import csrf_of, open_client, undo, visible_text

LOOKUP = Lookup(e.example_view(4))
DEVICE = "d-intune-exb00041"
GAP = next(f"{each.kind}:{each.subject_id}" for each in e.example_view(4).episodes if each.unit == "ekskolan" and each.subject_id not in LOOKUP.concealed)  # fmt: skip
SET = next(share for share in e.example_view(4).shares if share.subject == "set" and share.unit == "bjorkskolan")
POOL = next(share for share in e.example_view(4).shares if share.subject == "pool" and share.unit == "ugglan")
UNTIL, REASON = "2026-12-01", "Inventerat i dag"


def post(client: FlaskClient, path: str, **form: object) -> TestResponse:
    return client.post(path, data={"csrf": csrf_of(client, "/"), **form}, follow_redirects=True)


# --- parking ------------------------------------------------------------------------------------------------------------


def test_a_gap_is_parked_with_who_why_and_until_when_and_that_can_be_undone_and_done_again():
    setup = e.page_setup()
    client = open_client(setup, "rut")
    form = visible_text(client.get("/gaps/park", query_string={"gap": GAP}).text)
    assert "Den är inte med i larm" in form

    parked = post(client, "/gaps/park", gap=GAP, until=UNTIL, reason=REASON).text
    entered = setup.manual_port.parking(*GAP.split(":", 1))
    assert entered is not None
    assert (entered.who, entered.reason, entered.until.isoformat()) == ("rut", REASON, UNTIL)
    assert "Avvikelsen är parkerad till och med" in visible_text(parked)

    taken_back = undo(client, parked).text
    assert setup.manual_port.parked == {}

    undo(client, taken_back)
    assert list(setup.manual_port.parked) == [tuple(GAP.split(":", 1))]


def test_the_button_that_undoes_is_there_once():
    client = open_client(e.page_setup(), "tea")
    assert 'class="undo"' in post(client, "/gaps/park", gap=GAP, until=UNTIL, reason=REASON).text

    assert 'class="undo"' not in client.get("/").text


def test_a_selection_of_a_list_is_parked_together():
    setup = e.page_setup()
    client = open_client(setup, "tea")
    keys = [f"{each.kind}:{each.subject_id}" for each in e.example_view(4).episodes if each.subject == "device"][:50]

    assert f"Parkera {len(keys)} avvikelser" in visible_text(post(client, "/gaps/park", gap=keys).text)
    assert setup.manual_port.parked == {}

    answer = post(client, "/gaps/park", gap=keys, until=UNTIL, reason=REASON)
    assert {":".join(gap) for gap in setup.manual_port.parked} == set(keys)
    assert f"{len(keys)} avvikelser är parkerade" in visible_text(answer.text)


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"until": "2026-11-23"}, "har passerat"),
        ({"until": "2027-01-20"}, "efter terminens slut"),
        ({"until": "i morgon"}, "Skriv dagen som"),
        ({"reason": " "}, "Skriv en motivering"),
        ({"gap": "stale:nothing"}, "är ingen öppen avvikelse"),
    ],
)
def test_what_cannot_be_parked_is_refused_with_a_sentence(form, sentence):
    setup = e.page_setup()
    answer = post(open_client(setup, "tea"), "/gaps/park", **{"gap": GAP, "until": UNTIL, "reason": REASON, **form})

    assert sentence in visible_text(answer.text)
    assert setup.manual_port.parked == {}


# --- corrections --------------------------------------------------------------------------------------------------------


def correct(client: FlaskClient, **form: object) -> TestResponse:
    return post(client, f"/devices/{DEVICE}/correct", **{"until": UNTIL, "reason": REASON, **form})


def test_a_correction_is_shown_before_it_is_kept_and_can_be_undone_and_done_again():
    setup = e.page_setup()
    client = open_client(setup, "tea")

    shown = visible_text(correct(client, purpose="stock").text)
    assert "Det här ändras" in shown
    assert "Till för" in shown
    assert "→ lager" in shown
    assert setup.manual_port.entered == []

    kept = correct(client, purpose="stock", confirmed="yes").text
    (entered,) = setup.manual_port.entered
    assert (entered.subject_id, entered.field, entered.value, entered.who) == (DEVICE, "purpose", "stock", "tea")
    assert "gäller till och med" in visible_text(kept)
    assert REASON in visible_text(kept)

    taken_back = undo(client, kept).text
    assert [each.ended_how for each in setup.manual_port.entered] == ["taken_back"]
    assert "återtagen" in visible_text(taken_back)

    undo(client, taken_back)
    assert [each.ended_how for each in setup.manual_port.entered] == ["taken_back", ""]


def test_several_facts_are_corrected_at_once_and_undone_at_once():
    setup = e.page_setup()
    client = open_client(setup, "tea")
    kept = correct(client, purpose="loan", condition="in_repair", holder="-", confirmed="yes").text
    assert {each.field: each.value for each in setup.manual_port.entered} == {
        "holder": "",
        "purpose": "loan",
        "condition": "in_repair",
    }

    undo(client, kept)
    assert {each.ended_how for each in setup.manual_port.entered} == {"taken_back"}


def test_a_holder_is_stated_by_a_log_in_and_kept_as_an_id_and_the_search_is_noted():
    setup = e.page_setup()
    client = open_client(setup, "tea")
    person, case = next((id_, case) for id_, case in LOOKUP.people.items() if case.person.keys and id_ not in LOOKUP.concealed and id_ != LOOKUP.devices[DEVICE].placement.holder)  # fmt: skip

    correct(client, holder=f" {case.person.keys[0].value.upper()} ", confirmed="yes")
    assert [each.value for each in setup.manual_port.entered] == [person]
    assert ("tea", "searched person", person) in setup.decision_port.audited


@pytest.mark.parametrize("person", ["p-edlevo-bj-5A-3", "p-lifecare-~cug0", "nobody@exempelby.se"])
def test_a_protected_person_and_a_child_are_answered_as_somebody_who_does_not_exist(person):
    setup = e.page_setup()
    answer = visible_text(correct(open_client(setup, "tea"), holder=person, confirmed="yes").text)

    assert "Ingen sådan person finns" in answer
    assert setup.manual_port.entered == []


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({}, "Välj minst en uppgift"),
        ({"purpose": "set"}, "går inte att välja"),
        ({"unit": "unplaced"}, "går inte att välja"),
        ({"condition": "active"}, "Källorna säger redan det"),
        ({"purpose": "stock", "until": "2026-11-23"}, "En rättelse gäller till en dag"),
        ({"purpose": "stock", "until": "2028-01-01"}, "En rättelse gäller till en dag"),
        ({"purpose": "stock", "reason": ""}, "Skriv en motivering"),
    ],
)
def test_a_correction_that_makes_no_sense_is_refused_with_a_sentence(form, sentence):
    setup = e.page_setup()

    assert sentence in visible_text(correct(open_client(setup, "tea"), **form, confirmed="yes").text)
    assert setup.manual_port.entered == []


@pytest.mark.parametrize("share", [SET, POOL], ids=["set", "pool"])
def test_a_count_of_a_set_or_pool_is_shown_kept_and_undone(share):
    setup = e.page_setup()
    client = open_client(setup, "stina")
    path, count = f"/units/{share.unit}/count", share.working_devices + 2
    form = {"shared": share.subject_id, "count": count, "until": UNTIL, "reason": REASON}

    assert f"{share.working_devices} → {count}" in visible_text(post(client, path, **form).text)
    kept = post(client, path, **form, confirmed="yes").text
    assert [(each.field, each.value) for each in setup.manual_port.entered] == [("count", str(count))]
    assert "Räknat för hand" in visible_text(kept)

    undo(client, kept)
    assert [each.ended_how for each in setup.manual_port.entered] == ["taken_back"]


@pytest.mark.parametrize("count", ["", "-1", "10000", "några", str(SET.working_devices)])
def test_a_count_that_is_no_number_or_nothing_new_is_refused(count):
    setup = e.page_setup()
    form = {"shared": SET.subject_id, "count": count, "until": UNTIL, "reason": REASON, "confirmed": "yes"}

    assert 'role="status"' in post(open_client(setup, "tea"), f"/units/{SET.unit}/count", **form).text
    assert setup.manual_port.entered == []


def test_a_list_names_what_counts_what_has_expired_and_why_the_rest_has_ended():
    setup = e.page_setup()
    correct(client := open_client(setup, "tea"), purpose="stock", confirmed="yes")
    entered = setup.manual_port.entered[0]
    setup.manual_port.entered += [
        replace(entered, number=2, until=e.TODAY.replace(day=1)),
        replace(entered, number=3, ended_how="agreed", ended_at=e.NOW, ended_by="fleetsync"),
        replace(entered, number=4, ended_how="replaced", ended_at=e.NOW, ended_by="stina"),
    ]

    text = visible_text(client.get("/corrections").text)
    for words in ("gäller till och med", "gick ut", "källorna säger detsamma", "ersatt"):
        assert words in text
    assert text.count("Ta tillbaka") == 2


# --- units --------------------------------------------------------------------------------------------------------------


def test_a_unit_is_published_and_put_in_trial_again():
    setup = e.page_setup()
    client = open_client(setup, "stina")
    assert "Publicera enheten" in client.get("/units/lindskolan").text

    published = post(client, "/units/lindskolan/publish").text
    assert setup.manual_port.published["lindskolan"].who == "stina"

    undo(client, published)
    assert setup.manual_port.published == {}


def test_a_unit_that_no_person_published_cannot_be_put_in_trial():
    answer = post(open_client(e.page_setup(), "tea"), "/units/ekskolan/unpublish")

    assert "was not published by a decision" in answer.text


def test_what_is_of_no_unit_has_no_trial():
    assert post(open_client(e.page_setup(), "tea"), "/units/unplaced/publish").status_code == 404


# --- held pulls ---------------------------------------------------------------------------------------------------------


def test_a_held_pull_shows_units_totals_and_examples():
    text = visible_text(open_client(e.page_setup(), "tea").get("/sources/intune/devices").text)

    for words in (
        "Hela kommunen",
        "810 → 621",
        "Poster per enhet",
        "EXB00041",
        "Elev 4A",
        "en person som inte visas än",
    ):
        assert words in text


def test_a_principal_sees_what_a_held_pull_would_change_at_the_own_school_alone_and_nobody_by_name():
    text = visible_text(open_client(e.page_setup(), "rut").get("/sources/intune/devices").text)

    assert "Ekskolan" in text
    for words in ("Björkskolan", "Hela kommunen", "EXB00041", "Godta hämtningen", "Avvisa den"):
        assert words not in text


def test_a_pull_of_which_no_plan_can_be_made_can_be_rejected_on_the_page():
    parts = [replace(part, held_pull=4712) if part.held_pull else part for part in e.parts()]
    snapshot = e.example_snapshot(4)
    shown = replace(snapshot, outcome=replace(snapshot.outcome, parts=tuple(parts)))
    text = visible_text(open_client(e.page_setup(shown), "tea").get("/sources/intune/devices").text)

    assert "Avvisa den" in text
    assert "Godta hämtningen" not in text


def test_a_held_pull_of_what_is_no_longer_configured_is_rejected_on_the_page_of_sources():
    setup = e.page_setup()
    leftover = LeftoverPull(pull=4711, source="zuludesk", part="gone", started_at=e.NOW)
    setup.decision_port.leftovers.append(leftover)
    assert "zuludesk/gone" in open_client(setup, "stina").get("/sources").text
    assert "zuludesk/gone" not in open_client(setup, "rut").get("/sources").text

    assert post(open_client(setup, "rut"), "/sources/leftover", pull="4711", reason=REASON).status_code == 403
    assert post(open_client(setup, "stina"), "/sources/leftover", pull="4712", reason=REASON).status_code == 404
    assert "Skriv en motivering" in post(open_client(setup, "stina"), "/sources/leftover", pull="4711").text
    assert setup.decision_port.decisions_taken == []

    post(open_client(setup, "stina"), "/sources/leftover", pull="4711", reason=REASON)
    assert setup.decision_port.decisions_taken == [("reject", "zuludesk", "gone", "4711", "stina", REASON)]


# --- who may ------------------------------------------------------------------------------------------------------------

ACTIONS = {
    "park": ("/gaps/park", {"gap": GAP, "until": UNTIL, "reason": REASON}),
    "unpark": ("/gaps/unpark", {"gap": GAP}),
    "correct": (f"/devices/{DEVICE}/correct", {"purpose": "stock", "until": UNTIL, "reason": REASON, "confirmed": "yes"}),
    "count": (f"/units/{POOL.unit}/count", {"shared": POOL.subject_id, "count": "3", "until": UNTIL, "reason": REASON, "confirmed": "yes"}),
    "take back": ("/corrections/take-back", {"number": "1"}),
    "publish": ("/units/lindskolan/publish", {}),
    "unpublish": ("/units/lindskolan/unpublish", {}),
}  # fmt: skip
# A principal sees Ekskolan, where the gap and the device are, and no other unit.
MAY = {
    "tea": set(ACTIONS),
    "stina": set(ACTIONS),
    "rut": {"park", "unpark", "correct", "take back"},
    "petra": set(),
}


def decided(setup: e.PageSetup) -> object:
    port = setup.manual_port
    return dict(port.parked), list(port.entered), dict(port.published)


def prepared(setup: e.PageSetup, action: str) -> None:
    """What the action takes back."""
    port = setup.manual_port
    if action == "unpark":
        kind, _, subject_id = GAP.partition(":")
        port.park([(kind, subject_id)], e.TODAY, who="tea", reason=REASON)
    if action == "take back":
        port.correct(Correction(device=DEVICE, field="purpose", value="stock", until=e.TODAY), who="tea")
    if action == "unpublish":
        port.publish("lindskolan", who="tea")


@pytest.mark.parametrize("name", MAY)
@pytest.mark.parametrize("action", ACTIONS)
def test_each_role_may_do_what_is_its_own_and_nothing_else(action, name):
    setup = e.page_setup()
    prepared(setup, action)
    before = decided(setup)
    path, form = ACTIONS[action]
    answer = post(open_client(setup, name), path, **form)

    assert (decided(setup) != before) is (action in MAY[name])
    if action not in MAY[name]:
        assert answer.status_code in {403, 404}


@pytest.mark.parametrize("action", ACTIONS)
def test_no_action_is_taken_without_the_token_of_the_form(action):
    setup = e.page_setup()
    prepared(setup, action)
    before = decided(setup)
    path, form = ACTIONS[action]

    assert open_client(setup, "tea").post(path, data=form).status_code == 403
    assert decided(setup) == before


def test_a_principal_reaches_no_device_gap_or_unit_of_another_school():
    setup = e.page_setup()
    client = open_client(setup, "rut")
    other = next(id_ for id_, case in LOOKUP.devices.items() if case.placement.unit == "bjorkskolan")

    assert client.get("/units/bjorkskolan").status_code == 404
    assert client.get(f"/devices/{other}/correct").status_code == 404
    assert "går inte att välja" in visible_text(correct(client, unit="bjorkskolan", confirmed="yes").text)
    assert setup.manual_port.entered == []
