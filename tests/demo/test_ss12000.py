"""The stand-in of a school register speaks SS12000:2020: sign-in, filters, pages, look-ups, and its faults."""

from base64 import b64encode
from datetime import date
from typing import Any

import pytest
import requests

from fleetsync.demo.days import DEMO_DAY
from fleetsync.demo.register import NEW_SCHOOL, organisation_id, school_of
from fleetsync.demo.ss12000 import CLIENT, LARGEST_LOOKUP, SECRET, Ss12000Stub


@pytest.fixture(scope="module")
def register(whole):
    return whole.contents_on(DEMO_DAY).register


@pytest.fixture
def school(register):
    found = Ss12000Stub(lambda: register)
    with found.stub_server:
        yield found


@pytest.fixture
def edlevo(register):
    found = Ss12000Stub(lambda: register, edlevo=True)
    with found.stub_server:
        yield found


FORM = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET}


def sign_in(school: Ss12000Stub, **changes: str) -> requests.Response:
    return requests.post(school.token_url, data={**FORM, **changes}, timeout=10)


def headers(school: Ss12000Stub) -> dict[str, str]:
    return {"Authorization": f"Bearer {sign_in(school).json()['access_token']}"}


Row = dict[str, Any]


def get(school: Ss12000Stub, path: str, signed: dict[str, str] | None = None, **query: Any) -> requests.Response:
    named = {name.replace("__", "."): value for name, value in query.items()}
    return requests.get(f"{school.base_url}/{path}", params=named, headers=signed or headers(school), timeout=30)


def pages(school: Ss12000Stub, path: str, limit: int, most: int = 40, **query: Any) -> list[list[Row]]:
    signed = headers(school)
    answer = get(school, path, signed, limit=limit, **query).json()
    found = [answer["data"]]
    while (token := answer.get("pageToken")) and len(found) < most:
        answer = get(school, path, signed, limit=limit, pageToken=token).json()
        found.append(answer["data"])
    return found


def ids(rows) -> list[str]:
    return [row["id"] for row in rows]


# --- sign-in ----------------------------------------------------------------------------------------------------------


def test_client_and_secret_come_in_the_form_or_as_basic(school):
    basic = {"Authorization": f"Basic {b64encode(f'{CLIENT}:{SECRET}'.encode()).decode()}"}
    answer = requests.post(school.token_url, data={"grant_type": "client_credentials"}, headers=basic, timeout=10)

    assert sign_in(school).status_code == answer.status_code == 200


@pytest.mark.parametrize(
    "changes", [{"client_secret": "wrong"}, {"client_id": "wrong"}, {"grant_type": "password"}], ids=str
)
def test_a_wrong_sign_in_is_refused(school, changes):
    assert sign_in(school, **changes).status_code == 400


def test_a_header_that_is_no_basic_at_all_is_refused(school):
    answer = requests.post(school.token_url, data={"grant_type": "x"}, headers={"Authorization": "Basic é"}, timeout=10)

    assert answer.status_code == 400


def test_nothing_is_told_without_a_token_that_is_good(school):
    school.token_seconds = 0

    assert get(school, "organisations", {"Authorization": "Bearer x"}).status_code == 401
    assert get(school, "organisations").status_code == 401


def test_what_is_not_there_is_not_found(school):
    for path in ("studyplans", "log", "persons/nobody", "organisations/lookup/more"):
        assert get(school, path).status_code == 404
    other = school.stub_server.address + "/elsewhere"
    assert requests.get(other, headers=headers(school), timeout=10).status_code == 404


def test_one_can_be_asked_for_by_its_id(school, register):
    one = register.organisations[0]

    assert get(school, f"organisations/{one['id'].upper()}").json() == one


# --- pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resource", ["organisations", "persons", "groups", "duties", "placements"])
def test_everything_comes_once(school, register, resource):
    found = [row for page in pages(school, resource, 500) for row in page]

    assert ids(found) == ids(getattr(register, resource))


def test_a_page_is_never_larger_than_the_server_likes(school):
    school.largest_page = 30

    assert len(pages(school, "placements", 500, most=1)[0]) == 30


def test_a_page_that_happened_to_be_full_is_followed_by_an_empty_one(school, register):
    number = len(register.organisations)

    assert [len(page) for page in pages(school, "organisations", number)] == [number, 0]
    assert "pageToken" not in get(school, "organisations", limit=number + 1).json()


def test_a_token_goes_alone(school):
    signed = headers(school)
    token = get(school, "organisations", signed, limit=5).json()["pageToken"]

    assert get(school, "organisations", signed, pageToken=token, limit=3).status_code == 200
    assert get(school, "organisations", signed, pageToken=token, type="Skola").status_code == 400
    assert get(school, "persons", signed, pageToken=token).status_code == 400
    assert get(school, "organisations", signed, pageToken="invented").status_code == 400


def test_a_token_remembers_its_filters(school):
    found = pages(school, "organisations", 2, type="Skola")

    assert len(found) > 2
    assert {row["organisationType"] for page in found for row in page} == {"Skola"}


def test_a_token_is_forgotten_after_a_while(school):
    school.page_token_seconds = -1.0
    token = get(school, "organisations", limit=5).json()["pageToken"]

    assert get(school, "organisations", pageToken=token).status_code == 410


@pytest.mark.parametrize("limit", ["0", "many"])
def test_a_limit_is_a_number_from_1(school, limit):
    assert get(school, "persons", limit=limit).status_code == 400


# --- filters ----------------------------------------------------------------------------------------------------------


def test_several_values_of_a_filter_are_alternatives(school):
    found = get(school, "organisations", type=["Skola", "Huvudman"]).json()["data"]

    assert {row["organisationType"] for row in found} == {"Skola", "Huvudman"}


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ({"schoolUnitCode": "99001010"}, 1),
        ({"organisationCode": "32010"}, 1),
        ({"schoolTypes": "FS"}, 5),
        ({"parent": organisation_id(school_of("hojdens-skola-lag"))}, 2),
        ({"municipalityCode": "0001"}, 0),
    ],
    ids=str,
)
def test_organisations_are_filtered(school, query, number):
    assert len(get(school, "organisations", **query).json()["data"]) == number


def test_duties_of_an_organisation_are_those_below_it_too(school, register):
    head = organisation_id("huvudman")

    assert len(pages(school, "duties", 500, organisation=head)[0]) == min(500, len(register.duties))
    assert get(school, "duties", organisation=organisation_id(NEW_SCHOOL)).json()["data"] == []


def test_groups_are_those_directly_on_an_organisation(school):
    unit = organisation_id("vretaskolan")
    found = get(school, "groups", organisation=unit, groupType="Klass").json()["data"]

    assert found
    assert {row["organisation"]["id"] for row in found} == {unit}


def test_placements_are_asked_for_by_child_and_owner(school, register):
    owned = next(one for one in register.placements if one.get("owners"))
    by_child = get(school, "placements", child=owned["child"]["id"]).json()["data"]
    by_owner = get(school, "placements", owner=owned["owners"][0]["id"]).json()["data"]

    assert owned["id"] in ids(by_child)
    assert owned["id"] in ids(by_owner)


def test_dates_narrow_and_what_has_none_is_always_there(school):
    found = get(school, "duties", endDate__onOrAfter="2026-11-01").json()["data"]
    ended = get(school, "duties", endDate__onOrBefore="2026-10-31", startDate__onOrBefore="2026-01-01").json()["data"]

    assert any("endDate" not in row for row in found)
    assert all(row.get("endDate", "9999") >= "2026-11-01" for row in found)
    assert any(row.get("endDate") == "2026-09-30" for row in ended)


@pytest.mark.parametrize(
    ("kind", "field"),
    [("enrolment", "enrolments"), ("duty", "emails"), ("placement.child", "birthDate"), ("groupMembership", "id")],
)
def test_persons_are_asked_for_by_how_they_belong(school, register, kind, field):
    found = [row for page in pages(school, "persons", 500, relationship__entity__type=kind) for row in page]

    assert 0 < len(found) < len(register.persons)
    assert all(row[field] for row in found)


def test_guardians_are_persons_and_belong_nowhere_themselves(school):
    for kind in ("placement.owner", "responsibleFor.placement", "responsibleFor.enrolment"):
        found = pages(school, "persons", 500, relationship__entity__type=kind)[0]
        assert found
        assert not any(row.get("enrolments") for row in found)


def test_where_and_when_are_asked_of_the_same_tie(school):
    unit, kind = organisation_id("vretaskolan"), "enrolment"
    now: Row = {"relationship.startDate.onOrBefore": "2026-11-24", "relationship.endDate.onOrAfter": "2026-11-24"}
    found = pages(school, "persons", 500, relationship__entity__type=kind, relationship__organisation=unit, **now)[0]

    assert 300 < len(found) < 400


def test_stamps_are_instants_with_a_zone(school):
    assert get(school, "persons", meta__modified__after="2026-07-02").status_code == 400
    changed = pages(school, "persons", 500, meta__modified__after="2026-07-03T00:00:00Z")
    before = pages(school, "persons", 500, most=1, meta__modified__before="2026-07-01T00:00:00Z")

    assert 0 < sum(map(len, changed)) < 1000
    assert before[0]


def test_somebody_is_asked_for_by_log_in(school, register):
    one = next(one for one in register.persons if one["eduPersonPrincipalNames"])
    login = one["eduPersonPrincipalNames"][0]

    assert ids(get(school, "persons", eduPersonPrincipalName=login).json()["data"]) == [one["id"]]


def test_a_filter_that_is_not_known_narrows_nothing(school, register):
    assert len(get(school, "organisations", shoeSize="42").json()["data"]) == len(register.organisations)


def test_what_belongs_to_a_person_can_be_asked_for_with_him(school, register):
    placement = next(one for one in register.placements if one.get("owners"))
    child, owner = placement["child"]["id"], placement["owners"][0]["id"]
    words: Row = {"expand": ["placements,duties", "ownedPlacements", "groupMemberships"]}
    rows = {
        person: next(
            row
            for page in pages(school, "persons", 100, relationship__entity__type=kind, **words)
            for row in page
            if row["id"] == person
        )
        for person, kind in ((child, "placement.child"), (owner, "placement.owner"))
    }

    assert placement["id"] in ids(rows[child]["_embedded"]["placements"])
    assert placement["id"] in ids(rows[owner]["_embedded"]["ownedPlacements"])


def test_a_person_can_be_asked_for_with_a_duty_and_a_child_with_a_placement(school):
    duty = get(school, "duties", limit=1, expand="person").json()["data"][0]
    placement = get(school, "placements", limit=1, expand="child").json()["data"][0]

    assert duty["_embedded"]["person"]["id"] == duty["person"]["id"]
    assert placement["_embedded"]["child"]["id"] == placement["child"]["id"]


# --- look-ups and deletions -------------------------------------------------------------------------------------------


def look_up(school: Ss12000Stub, resource: str, body: object) -> requests.Response:
    return requests.post(f"{school.base_url}/{resource}/lookup", json=body, headers=headers(school), timeout=10)


def test_a_look_up_answers_with_a_bare_array(school, register):
    wanted = ids(register.persons[:3])

    assert ids(look_up(school, "persons", {"ids": wanted}).json()) == wanted
    assert len(look_up(school, "organisations", {"schoolUnitCodes": ["99001010", "99001020"]}).json()) == 2
    assert look_up(school, "persons", {"civicNos": [register.persons[0]["civicNo"]["value"]]}).json()


def test_too_large_a_look_up_is_refused_as_if_the_server_were_down(school):
    assert look_up(school, "persons", {"ids": ["x"] * (LARGEST_LOOKUP + 1)}).status_code == 503


def test_a_look_up_of_nonsense_is_a_bad_request(school):
    assert look_up(school, "persons", ["x"]).status_code == 400
    assert requests.post(f"{school.base_url}/persons", headers=headers(school), timeout=10).status_code == 404


def test_deletions_are_ids_without_days(whole):
    register = whole.contents_on(date(2026, 7, 12)).register
    school = Ss12000Stub(lambda: register)
    with school.stub_server:
        found = get(school, "deletedEntities", after="2026-07-09T00:00:00Z").json()["data"]["persons"]
        later = get(school, "deletedEntities", after="2026-07-11T00:00:00Z").json()["data"]["persons"]

        assert (300 < len(found) < 400, later) == (True, [])
        assert len(get(school, "deletedEntities").json()["data"]["persons"]) == len(found)
        assert get(school, "deletedEntities", after="yesterday").status_code == 400


# --- versions and vendors ---------------------------------------------------------------------------------------------


def test_version_2_0_lacks_stamps_and_has_other_words(register):
    school = Ss12000Stub(lambda: register, version="2.0")
    with school.stub_server:
        placement = get(school, "placements", limit=1).json()["data"][0]
        kinds = {row["organisationType"] for row in get(school, "organisations").json()["data"]}

        assert ("meta" in placement, placement["reason"]) == (False, "Omsorg")
        assert "Förvaltning" not in kinds
        assert "description" not in get(school, "duties", limit=1).json()["data"][0]


def test_edlevo_has_skola_and_skolenhet_alone_and_no_root(edlevo):
    found = get(edlevo, "organisations").json()["data"]
    preschools = [row for row in found if row.get("schoolTypes") == ["FS"]]

    assert {row["organisationType"] for row in found} == {"Skola", "Skolenhet"}
    assert not any("organisationNumber" in row for row in found)
    assert {row["organisationType"] for row in preschools} == {"Skola"}
    assert all("organisationCode" in row for row in preschools)
    assert not any("organisationCode" in row for row in found if row not in preschools)


def test_edlevo_ties_groups_and_duties_to_a_skola(edlevo):
    schools = {row["id"] for row in get(edlevo, "organisations", type="Skola").json()["data"]}
    classes = get(edlevo, "groups", groupType="Klass").json()["data"]

    assert {row["organisation"]["id"] for row in classes} <= schools
    assert {row["dutyRole"] for page in pages(edlevo, "duties", 500) for row in page} <= {"Lärare", "Annan personal"}


def test_edlevo_keeps_less_of_a_person_and_knows_no_cancelled_enrolment(edlevo):
    row = pages(edlevo, "persons", 100, most=1, relationship__entity__type="enrolment")[0][0]

    assert not {"photo", "externalIdentifiers"} & row.keys()
    assert not any("cancelled" in enrolment for enrolment in row["enrolments"])
    assert not any("owners" in one for one in pages(edlevo, "placements", 500, most=1)[0])


def test_edlevo_wants_to_know_how_persons_belong_before_where(edlevo):
    where: Row = {"relationship.organisation": organisation_id("vretaskolan")}

    assert get(edlevo, "persons", limit=5, **where).status_code == 400
    assert get(edlevo, "persons", limit=5, **where, relationship__entity__type="enrolment").status_code == 200
    assert get(edlevo, "persons", limit=5, relationship__entity__type="placement.owner").status_code == 400


def test_edlevo_answers_elsewhere(edlevo, school):
    assert edlevo.base_url.endswith("ExternalApi/api/v1")
    assert edlevo.token_url != school.token_url.replace(school.stub_server.address, edlevo.stub_server.address)


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [404, 501])
def test_a_resource_may_be_missing(register, status):
    school = Ss12000Stub(lambda: register, missing={"placements": status})
    with school.stub_server:
        assert get(school, "placements").status_code == status
        assert get(school, "duties", limit=1).status_code == 200


def test_for_a_week_placements_cannot_be_read(whole):
    register = whole.contents_on(date(2026, 10, 14)).register
    school = Ss12000Stub(lambda: register)
    with school.stub_server:
        assert get(school, "placements").status_code == 403
        assert get(school, "persons", limit=1).status_code == 200


def test_pages_can_go_round_in_a_circle(school):
    signed = headers(school)
    first = get(school, "persons", signed, limit=5).json()["pageToken"]
    school.stub_server.fail("/ss12000", "loop", times=2)
    tokens = {get(school, "persons", signed, limit=5, pageToken=first).json()["pageToken"] for _ in range(2)}

    assert tokens == {first}


def test_a_person_can_come_on_two_pages_and_a_page_can_be_empty(school, register):
    school.stub_server.fail("/ss12000", "duplicate")
    twice = [row for page in pages(school, "organisations", 10) for row in page]
    school.stub_server.fail("/ss12000", "empty_page", skip=1)
    sizes = [len(page) for page in pages(school, "organisations", 10)]

    assert len(ids(twice)) == len(set(ids(twice))) + 1
    assert sizes[1] == 0
    assert sum(sizes) == len(register.organisations)


def test_most_rows_can_be_lost_without_a_word(school):
    school.stub_server.fail("/ss12000", "lost_rows")

    assert [len(page) for page in pages(school, "persons", 100)] == [10]


def test_a_place_in_a_listing_can_be_forgotten_and_a_token_expire(school):
    signed = headers(school)
    token = get(school, "persons", signed, limit=5).json()["pageToken"]
    school.stub_server.fail("/ss12000", "page_token_expired")
    gone = get(school, "persons", signed, pageToken=token)
    school.stub_server.fail("/ss12000", "token_expires")
    refused = get(school, "persons", signed, pageToken=token)

    assert (gone.status_code, refused.status_code) == (410, 401)


@pytest.mark.parametrize(
    ("kind", "status"), [("forbidden", 403), ("missing", 404), ("not_implemented", 501), ("too_many_seconds", 429)]
)
def test_refusals_have_their_status(school, kind, status):
    signed = headers(school)
    school.stub_server.fail("/ss12000", kind)

    assert get(school, "persons", signed, limit=1).status_code == status
