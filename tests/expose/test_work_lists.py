"""The lists to work from: who gets a device, what is taken back, what is mended; and rows that are ticked together."""

import io
import re
from datetime import date

import msgspec
import pytest
from python_calamine import CalamineWorkbook

from fleetsync.core.coverage import reconcile
from fleetsync.core.model import (
    BelievedState,
    Condition,
    EmploymentForm,
    MembershipType,
    Moment,
    Platform,
    Purpose,
)
from fleetsync.expose.web.list_view import MAX_PRINTED_ROWS
from tests.expose import example_page as e
from tests.expose.page_client import csrf_of, open_client, read, visible_text

PEOPLE = ("loaned", "waiting", "mended", "leaver", "without")


def workshop_setup() -> e.PageSetup:
    """Five employees of Ekskolan, each with another errand."""
    records = e.PageRecords()
    for who in PEOPLE:
        records.person("personec", "staff", who, f"{who}@exempelby.se")
        records.add_membership("personec", "staff", who, MembershipType.EMPLOYMENT, codes=("ek",),
            employment_form=EmploymentForm.PERMANENT, start=date(2020, 8, 1),
            end=date(2026, 12, 1) if who == "leaver" else None)  # fmt: skip

    def give(who: str, model: str, **more: object) -> None:
        records.device("intune", Platform.WINDOWS, model, login=f"{who}@exempelby.se", **more)  # type: ignore[arg-type]

    give("loaned", "Away", condition=Condition.IN_REPAIR)
    give("loaned", "Loan", purpose=Purpose.LOAN, asset_tag="INV-17")
    give("waiting", "Away too", condition=Condition.IN_REPAIR)
    give("mended", "Back again")
    give("mended", "Left-over loan", purpose=Purpose.LOAN)
    give("leaver", "To collect")
    believed = BelievedState(known=tuple(records.known), parts=e.parts())
    outcome = reconcile(believed, e.POLICY, e.CALENDARS, Moment(e.at(0.01), e.TODAY))
    return e.page_setup(e.snapshot_of(believed, outcome))


@pytest.fixture(scope="module")
def client():
    return open_client(workshop_setup(), "tea")


def rows(client, name):
    return client.get(f"/api/v1/{name}").get_json()["rows"]


def test_who_lacks_a_device_or_waits_for_one_in_repair_is_to_get_one(client):
    by_login = {row["login"]: row for row in rows(client, "hand-out")}

    assert by_login["without@exempelby.se"]["kind"] == "no_device"
    assert by_login["waiting@exempelby.se"]["kind"] == "device_not_working"
    assert by_login["waiting@exempelby.se"]["stands_for_serial"] == "EXB00003"
    assert "loaned@exempelby.se" not in by_login  # has a loan meanwhile


def test_what_leavers_hold_and_loans_without_need_are_to_be_collected(client):
    by_login = {row["login"]: row for row in rows(client, "collect")}

    assert by_login["leaver@exempelby.se"]["serial"] == "EXB00006"
    assert by_login["mended@exempelby.se"]["kind"] == "loan_to_return"
    assert (by_login["mended@exempelby.se"]["serial"], by_login["mended@exempelby.se"]["stands_for_serial"]) == (
        "EXB00005",
        "EXB00004",
    )
    assert "loaned@exempelby.se" not in by_login


def test_a_device_in_repair_names_its_holder_and_the_loan_meanwhile(client):
    by_login = {row["login"]: row for row in rows(client, "repair") if row["kind"] == "in_repair"}

    assert by_login["loaned@exempelby.se"]["loan_serial"] == "EXB00002"
    assert by_login["waiting@exempelby.se"]["loan_serial"] is None


def test_the_person_who_had_a_device_before_is_named_unless_they_may_not_be_shown():
    setup = workshop_setup()
    history = setup.history.previous_holders
    serving = {row.device: row for row in setup.shown_holder.snapshot.outcome.assignments}
    other = next(row.subject_id for row in serving.values() if row.device == "d-intune-exb00004")

    def ended(devices):
        answer = history(devices)
        return {
            device: [msgspec.structs.replace(each, assignment=msgspec.structs.replace(each.assignment, subject_id=other))
                     for each in intervals]
            for device, intervals in answer.items()
        }  # fmt: skip

    setup.history.previous_holders = ended  # type: ignore[method-assign]
    named = {row["device_id"]: row["previous_holder_id"] for row in rows(open_client(setup, "tea"), "collect")}
    hidden = {row["previous_holder_id"] for row in rows(open_client(workshop_setup(), "tea"), "collect")}

    assert named["d-intune-exb00006"] == other
    assert hidden == {None}  # the example's history names a person who is not known


def test_a_work_list_shows_log_ins_to_technicians_alone():
    setup = workshop_setup()

    assert "leaver@exempelby.se" in read("/collect", open_client(setup, "tea"))
    assert "@exempelby.se" not in read("/collect", open_client(setup, "stina"))


def test_a_file_of_a_work_list_has_the_serial_the_tag_and_the_log_in(client):
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(client.get("/repair?format=xlsx").data)).get_sheet_by_index(0)
    titles, *lines = sheet.to_python()

    assert {"Serienummer", "Inventarienummer", "Inloggning", "Lånets serienummer"} <= set(map(str, titles))
    assert any("EXB00002" in map(str, line) for line in lines)


# --- rows that are ticked -----------------------------------------------------------------------------------------------


def post(client, path, **form):
    return client.post(path, data={"csrf": csrf_of(client, "/"), **form})


def test_ticked_rows_alone_are_printed_and_downloaded(client):
    keys = re.findall(r'name="row" value="([^"]+)"', read("/repair", client))
    printed = visible_text(post(client, "/selection/repair", row=keys[:1], action="print").text)
    lines = post(client, "/selection/repair", row=keys[:1], action="csv").data.decode("utf-8-sig").splitlines()

    assert len(keys) == 2
    assert "1 rad" in printed
    assert len(lines) == 2


def test_every_row_of_the_choice_is_meant_when_that_is_ticked(client):
    lines = post(client, "/selection/repair?kind=in_repair", every="yes", action="csv").data.splitlines()

    assert len(lines) - 1 == sum(row["kind"] == "in_repair" for row in rows(client, "repair"))


def test_nothing_ticked_leads_back_with_a_sentence(client):
    answer = post(client, "/selection/repair?unit=ekskolan", action="print")

    assert answer.headers["Location"] == "/repair?unit=ekskolan"
    assert "Ingen rad är vald" in read("/repair", client)


@pytest.mark.parametrize(
    ("path", "action", "code"),
    [("coverage", "print", 404), ("nothing", "print", 404), ("gaps", "shred", 400), ("gaps", "", 400)],
)
def test_a_selection_that_makes_no_sense_is_refused(client, path, action, code):
    assert post(client, f"/selection/{path}", every="yes", action=action).status_code == code


def test_the_boxes_of_gaps_are_what_the_form_for_parking_reads():
    setup = e.page_setup()
    client = open_client(setup, "tea")
    page = read("/gaps", client)
    keys = re.findall(r'name="gap" value="([^"]+)"', page)

    assert 'formaction="/gaps/park"' in page
    assert f"Parkera {len(keys)} avvikelser" in visible_text(post(client, "/gaps/park", gap=keys).text)
    assert 'formaction="/gaps/park"' not in read("/gaps?as_of=2026-11-14", client)


def test_a_page_for_print_says_when_it_does_not_hold_all_rows():
    client = open_client(e.page_setup(e.example_snapshot(24)), "tea")
    page = read("/gaps?format=print", client)

    assert page.count('class="box"') == MAX_PRINTED_ROWS
    assert f"Bara de första {MAX_PRINTED_ROWS} av" in visible_text(page)


def test_a_page_for_print_begins_with_the_first_row_from_whichever_page_it_is_asked_for():
    client = open_client(e.page_setup(e.example_snapshot(24)), "tea")
    first, third = (
        post(client, f"/selection/devices?page={page}", every="yes", action="print").text for page in (1, 3)
    )

    assert re.findall(r"EXB\d+", first) == re.findall(r"EXB\d+", third) != []


# --- search -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "shown"),
    [("4a", "/gaps?unit=ekskolan&amp;group=4A"), ("xb0002", "EXB00025"), ("alva.a", "/people/p-")],
)
def test_a_search_that_may_mean_several_things_shows_them(typed, shown):
    client = open_client(e.page_setup(), "tea")
    answer = post(client, "/search", q=typed)

    assert answer.status_code == 200
    assert shown in answer.text


def test_the_beginning_of_a_log_in_finds_nothing_for_those_who_may_not_see_log_ins():
    setup = e.page_setup()

    assert post(open_client(setup, "stina"), "/search", q="alva.a").status_code == 404
    assert not setup.decision_port.audited
    post(open_client(setup, "tea"), "/search", q="alva.a")
    assert {what for _, what, _ in setup.decision_port.audited} == {"searched person"}
