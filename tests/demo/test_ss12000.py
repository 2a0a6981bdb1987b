"""The stub of a school register follows SS12000:2020: sign-in, filters, pages, look-ups, and faults."""

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
def register_stub(register):
    stub = Ss12000Stub(lambda: register)
    with stub.stub_server:
        yield stub


@pytest.fixture
def edlevo(register):
    stub = Ss12000Stub(lambda: register, edlevo=True)
    with stub.stub_server:
        yield stub


FORM = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET}


def sign_in(register_stub: Ss12000Stub, **changes: str) -> requests.Response:
    return requests.post(register_stub.token_url, data={**FORM, **changes}, timeout=10)


def headers(register_stub: Ss12000Stub) -> dict[str, str]:
    return {"Authorization": f"Bearer {sign_in(register_stub).json()['access_token']}"}


Row = dict[str, Any]


def get(register_stub: Ss12000Stub, path: str, signed: dict[str, str] | None = None, **query: Any) -> requests.Response:
    dotted = {name.replace("__", "."): value for name, value in query.items()}
    return requests.get(
        f"{register_stub.base_url}/{path}", params=dotted, headers=signed or headers(register_stub), timeout=30
    )


def pages(register_stub: Ss12000Stub, path: str, limit: int, most: int = 40, **query: Any) -> list[list[Row]]:
    signed = headers(register_stub)
    answer = get(register_stub, path, signed, limit=limit, **query).json()
    rows_by_page = [answer["data"]]
    while (token := answer.get("pageToken")) and len(rows_by_page) < most:
        answer = get(register_stub, path, signed, limit=limit, pageToken=token).json()
        rows_by_page.append(answer["data"])
    return rows_by_page


def ids(rows) -> list[str]:
    return [row["id"] for row in rows]


# --- sign-in ----------------------------------------------------------------------------------------------------------


def test_client_and_secret_come_in_the_form_or_as_basic(register_stub):
    basic = {"Authorization": f"Basic {b64encode(f'{CLIENT}:{SECRET}'.encode()).decode()}"}
    answer = requests.post(
        register_stub.token_url, data={"grant_type": "client_credentials"}, headers=basic, timeout=10
    )

    assert sign_in(register_stub).status_code == answer.status_code == 200


@pytest.mark.parametrize(
    "changes", [{"client_secret": "wrong"}, {"client_id": "wrong"}, {"grant_type": "password"}], ids=str
)
def test_a_wrong_sign_in_is_refused(register_stub, changes):
    assert sign_in(register_stub, **changes).status_code == 400


def test_a_header_that_is_no_basic_at_all_is_refused(register_stub):
    answer = requests.post(
        register_stub.token_url, data={"grant_type": "x"}, headers={"Authorization": "Basic é"}, timeout=10
    )

    assert answer.status_code == 400


def test_nothing_is_answered_without_a_valid_token(register_stub):
    register_stub.token_seconds = 0

    assert get(register_stub, "organisations", {"Authorization": "Bearer x"}).status_code == 401
    assert get(register_stub, "organisations").status_code == 401


def test_what_is_not_there_is_not_found(register_stub):
    for path in ("studyplans", "log", "persons/nobody", "organisations/lookup/more"):
        assert get(register_stub, path).status_code == 404
    other = register_stub.stub_server.address + "/elsewhere"
    assert requests.get(other, headers=headers(register_stub), timeout=10).status_code == 404


def test_an_object_can_be_requested_by_its_id(register_stub, register):
    organisation = register.organisations[0]

    assert get(register_stub, f"organisations/{organisation['id'].upper()}").json() == organisation


# --- pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resource", ["organisations", "persons", "groups", "duties", "placements"])
def test_everything_comes_once(register_stub, register, resource):
    rows = [row for page in pages(register_stub, resource, 500) for row in page]

    assert ids(rows) == ids(getattr(register, resource))


def test_a_page_is_never_larger_than_the_servers_limit(register_stub):
    register_stub.largest_page = 30

    assert len(pages(register_stub, "placements", 500, most=1)[0]) == 30


def test_a_full_last_page_is_followed_by_an_empty_one(register_stub, register):
    number = len(register.organisations)

    assert [len(page) for page in pages(register_stub, "organisations", number)] == [number, 0]
    assert "pageToken" not in get(register_stub, "organisations", limit=number + 1).json()


def test_a_page_token_is_refused_with_filters(register_stub):
    signed = headers(register_stub)
    token = get(register_stub, "organisations", signed, limit=5).json()["pageToken"]

    assert get(register_stub, "organisations", signed, pageToken=token, limit=3).status_code == 200
    assert get(register_stub, "organisations", signed, pageToken=token, type="Skola").status_code == 400
    assert get(register_stub, "persons", signed, pageToken=token).status_code == 400
    assert get(register_stub, "organisations", signed, pageToken="invented").status_code == 400


def test_a_token_remembers_its_filters(register_stub):
    found_pages = pages(register_stub, "organisations", 2, type="Skola")

    assert len(found_pages) > 2
    assert {row["organisationType"] for page in found_pages for row in page} == {"Skola"}


def test_a_page_token_expires(register_stub):
    register_stub.page_token_seconds = -1.0
    token = get(register_stub, "organisations", limit=5).json()["pageToken"]

    assert get(register_stub, "organisations", pageToken=token).status_code == 410


@pytest.mark.parametrize("limit", ["0", "many"])
def test_a_limit_is_a_number_from_1(register_stub, limit):
    assert get(register_stub, "persons", limit=limit).status_code == 400


# --- filters ----------------------------------------------------------------------------------------------------------


def test_several_values_of_a_filter_are_alternatives(register_stub):
    rows = get(register_stub, "organisations", type=["Skola", "Huvudman"]).json()["data"]

    assert {row["organisationType"] for row in rows} == {"Skola", "Huvudman"}


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
def test_organisations_are_filtered(register_stub, query, number):
    assert len(get(register_stub, "organisations", **query).json()["data"]) == number


def test_duties_of_an_organisation_are_those_below_it_too(register_stub, register):
    head = organisation_id("huvudman")

    assert len(pages(register_stub, "duties", 500, organisation=head)[0]) == min(500, len(register.duties))
    assert get(register_stub, "duties", organisation=organisation_id(NEW_SCHOOL)).json()["data"] == []


def test_groups_are_those_directly_on_an_organisation(register_stub):
    unit = organisation_id("vretaskolan")
    rows = get(register_stub, "groups", organisation=unit, groupType="Klass").json()["data"]

    assert rows
    assert {row["organisation"]["id"] for row in rows} == {unit}


def test_placements_are_filtered_by_child_and_owner(register_stub, register):
    owned = next(placement for placement in register.placements if placement.get("owners"))
    by_child = get(register_stub, "placements", child=owned["child"]["id"]).json()["data"]
    by_owner = get(register_stub, "placements", owner=owned["owners"][0]["id"]).json()["data"]

    assert owned["id"] in ids(by_child)
    assert owned["id"] in ids(by_owner)


def test_date_filters_keep_objects_without_a_date(register_stub):
    rows = get(register_stub, "duties", endDate__onOrAfter="2026-11-01").json()["data"]
    ended = get(register_stub, "duties", endDate__onOrBefore="2026-10-31", startDate__onOrBefore="2026-01-01").json()[
        "data"
    ]

    assert any("endDate" not in row for row in rows)
    assert all(row.get("endDate", "9999") >= "2026-11-01" for row in rows)
    assert any(row.get("endDate") == "2026-09-30" for row in ended)


@pytest.mark.parametrize(
    ("kind", "field"),
    [("enrolment", "enrolments"), ("duty", "emails"), ("placement.child", "birthDate"), ("groupMembership", "id")],
)
def test_persons_are_filtered_by_their_kind_of_relation(register_stub, register, kind, field):
    rows = [row for page in pages(register_stub, "persons", 500, relationship__entity__type=kind) for row in page]

    assert 0 < len(rows) < len(register.persons)
    assert all(row[field] for row in rows)


def test_guardians_are_persons_without_relations_of_their_own(register_stub):
    for kind in ("placement.owner", "responsibleFor.placement", "responsibleFor.enrolment"):
        rows = pages(register_stub, "persons", 500, relationship__entity__type=kind)[0]
        assert rows
        assert not any(row.get("enrolments") for row in rows)


def test_organisation_and_dates_filter_the_same_relation(register_stub):
    unit, kind = organisation_id("vretaskolan"), "enrolment"
    now: Row = {"relationship.startDate.onOrBefore": "2026-11-24", "relationship.endDate.onOrAfter": "2026-11-24"}
    rows = pages(
        register_stub, "persons", 500, relationship__entity__type=kind, relationship__organisation=unit, **now
    )[0]

    assert 300 < len(rows) < 400


def test_stamps_are_instants_with_a_zone(register_stub):
    assert get(register_stub, "persons", meta__modified__after="2026-07-02").status_code == 400
    changed = pages(register_stub, "persons", 500, meta__modified__after="2026-07-03T00:00:00Z")
    before = pages(register_stub, "persons", 500, most=1, meta__modified__before="2026-07-01T00:00:00Z")

    assert 0 < sum(map(len, changed)) < 1000
    assert before[0]


def test_a_person_can_be_requested_by_log_in(register_stub, register):
    person = next(person for person in register.persons if person["eduPersonPrincipalNames"])
    login = person["eduPersonPrincipalNames"][0]

    assert ids(get(register_stub, "persons", eduPersonPrincipalName=login).json()["data"]) == [person["id"]]


def test_an_unknown_filter_is_ignored(register_stub, register):
    assert len(get(register_stub, "organisations", shoeSize="42").json()["data"]) == len(register.organisations)


def test_objects_of_a_person_can_be_expanded(register_stub, register):
    placement = next(candidate for candidate in register.placements if candidate.get("owners"))
    child, owner = placement["child"]["id"], placement["owners"][0]["id"]
    words: Row = {"expand": ["placements,duties", "ownedPlacements", "groupMemberships"]}
    rows = {
        person: next(
            row
            for page in pages(register_stub, "persons", 100, relationship__entity__type=kind, **words)
            for row in page
            if row["id"] == person
        )
        for person, kind in ((child, "placement.child"), (owner, "placement.owner"))
    }

    assert placement["id"] in ids(rows[child]["_embedded"]["placements"])
    assert placement["id"] in ids(rows[owner]["_embedded"]["ownedPlacements"])


def test_the_person_of_a_duty_and_the_child_of_a_placement_can_be_expanded(register_stub):
    duty = get(register_stub, "duties", limit=1, expand="person").json()["data"][0]
    placement = get(register_stub, "placements", limit=1, expand="child").json()["data"][0]

    assert duty["_embedded"]["person"]["id"] == duty["person"]["id"]
    assert placement["_embedded"]["child"]["id"] == placement["child"]["id"]


# --- look-ups and deletions -------------------------------------------------------------------------------------------


def look_up(register_stub: Ss12000Stub, resource: str, body: object) -> requests.Response:
    return requests.post(
        f"{register_stub.base_url}/{resource}/lookup", json=body, headers=headers(register_stub), timeout=10
    )


def test_a_look_up_answers_with_a_bare_array(register_stub, register):
    person_ids = ids(register.persons[:3])

    assert ids(look_up(register_stub, "persons", {"ids": person_ids}).json()) == person_ids
    assert len(look_up(register_stub, "organisations", {"schoolUnitCodes": ["99001010", "99001020"]}).json()) == 2
    assert look_up(register_stub, "persons", {"civicNos": [register.persons[0]["civicNo"]["value"]]}).json()


def test_too_large_a_look_up_is_refused_as_if_the_server_were_down(register_stub):
    assert look_up(register_stub, "persons", {"ids": ["x"] * (LARGEST_LOOKUP + 1)}).status_code == 503


def test_a_look_up_of_nonsense_is_a_bad_request(register_stub):
    assert look_up(register_stub, "persons", ["x"]).status_code == 400
    assert (
        requests.post(f"{register_stub.base_url}/persons", headers=headers(register_stub), timeout=10).status_code
        == 404
    )


def test_deletions_are_ids_without_days(whole):
    register = whole.contents_on(date(2026, 7, 12)).register
    register_stub = Ss12000Stub(lambda: register)
    with register_stub.stub_server:
        deleted = get(register_stub, "deletedEntities", after="2026-07-09T00:00:00Z").json()["data"]["persons"]
        deleted_later = get(register_stub, "deletedEntities", after="2026-07-11T00:00:00Z").json()["data"]["persons"]

        assert (300 < len(deleted) < 400, deleted_later) == (True, [])
        assert len(get(register_stub, "deletedEntities").json()["data"]["persons"]) == len(deleted)
        assert get(register_stub, "deletedEntities", after="yesterday").status_code == 400


# --- versions and vendors ---------------------------------------------------------------------------------------------


def test_version_2_0_lacks_stamps_and_has_other_words(register):
    register_stub = Ss12000Stub(lambda: register, version="2.0")
    with register_stub.stub_server:
        placement = get(register_stub, "placements", limit=1).json()["data"][0]
        kinds = {row["organisationType"] for row in get(register_stub, "organisations").json()["data"]}

        assert ("meta" in placement, placement["reason"]) == (False, "Omsorg")
        assert "Förvaltning" not in kinds
        assert "description" not in get(register_stub, "duties", limit=1).json()["data"][0]


def test_edlevo_has_skola_and_skolenhet_alone_and_no_root(edlevo):
    rows = get(edlevo, "organisations").json()["data"]
    preschools = [row for row in rows if row.get("schoolTypes") == ["FS"]]

    assert {row["organisationType"] for row in rows} == {"Skola", "Skolenhet"}
    assert not any("organisationNumber" in row for row in rows)
    assert {row["organisationType"] for row in preschools} == {"Skola"}
    assert all("organisationCode" in row for row in preschools)
    assert not any("organisationCode" in row for row in rows if row not in preschools)


def test_edlevo_gives_groups_and_duties_the_skola(edlevo):
    schools = {row["id"] for row in get(edlevo, "organisations", type="Skola").json()["data"]}
    classes = get(edlevo, "groups", groupType="Klass").json()["data"]

    assert {row["organisation"]["id"] for row in classes} <= schools
    assert {row["dutyRole"] for page in pages(edlevo, "duties", 500) for row in page} <= {"Lärare", "Annan personal"}


def test_edlevo_has_fewer_fields_of_a_person_and_no_cancelled_enrolment(edlevo):
    row = pages(edlevo, "persons", 100, most=1, relationship__entity__type="enrolment")[0][0]

    assert not {"photo", "externalIdentifiers"} & row.keys()
    assert not any("cancelled" in enrolment for enrolment in row["enrolments"])
    assert not any("owners" in placement for placement in pages(edlevo, "placements", 500, most=1)[0])


def test_edlevo_requires_the_kind_of_relation_with_the_organisation(edlevo):
    where: Row = {"relationship.organisation": organisation_id("vretaskolan")}

    assert get(edlevo, "persons", limit=5, **where).status_code == 400
    assert get(edlevo, "persons", limit=5, **where, relationship__entity__type="enrolment").status_code == 200
    assert get(edlevo, "persons", limit=5, relationship__entity__type="placement.owner").status_code == 400


def test_edlevo_has_other_addresses(edlevo, register_stub):
    assert edlevo.base_url.endswith("ExternalApi/api/v1")
    assert edlevo.token_url != register_stub.token_url.replace(
        register_stub.stub_server.address, edlevo.stub_server.address
    )


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [404, 501])
def test_a_resource_may_be_missing(register, status):
    register_stub = Ss12000Stub(lambda: register, missing={"placements": status})
    with register_stub.stub_server:
        assert get(register_stub, "placements").status_code == status
        assert get(register_stub, "duties", limit=1).status_code == 200


def test_for_a_week_placements_cannot_be_read(whole):
    register = whole.contents_on(date(2026, 10, 14)).register
    register_stub = Ss12000Stub(lambda: register)
    with register_stub.stub_server:
        assert get(register_stub, "placements").status_code == 403
        assert get(register_stub, "persons", limit=1).status_code == 200


def test_pages_can_go_round_in_a_circle(register_stub):
    signed = headers(register_stub)
    first = get(register_stub, "persons", signed, limit=5).json()["pageToken"]
    register_stub.stub_server.fail("/ss12000", "loop", times=2)
    tokens = {get(register_stub, "persons", signed, limit=5, pageToken=first).json()["pageToken"] for _ in range(2)}

    assert tokens == {first}


def test_a_person_can_come_on_two_pages_and_a_page_can_be_empty(register_stub, register):
    register_stub.stub_server.fail("/ss12000", "duplicate")
    twice = [row for page in pages(register_stub, "organisations", 10) for row in page]
    register_stub.stub_server.fail("/ss12000", "empty_page", skip=1)
    sizes = [len(page) for page in pages(register_stub, "organisations", 10)]

    assert len(ids(twice)) == len(set(ids(twice))) + 1
    assert sizes[1] == 0
    assert sum(sizes) == len(register.organisations)


def test_most_rows_can_be_lost_without_a_word(register_stub):
    register_stub.stub_server.fail("/ss12000", "lost_rows")

    assert [len(page) for page in pages(register_stub, "persons", 100)] == [10]


def test_a_place_in_a_listing_can_be_forgotten_and_a_token_expire(register_stub):
    signed = headers(register_stub)
    token = get(register_stub, "persons", signed, limit=5).json()["pageToken"]
    register_stub.stub_server.fail("/ss12000", "page_token_expired")
    expired = get(register_stub, "persons", signed, pageToken=token)
    register_stub.stub_server.fail("/ss12000", "token_expires")
    refused = get(register_stub, "persons", signed, pageToken=token)

    assert (expired.status_code, refused.status_code) == (410, 401)


@pytest.mark.parametrize(
    ("kind", "status"), [("forbidden", 403), ("missing", 404), ("not_implemented", 501), ("too_many_seconds", 429)]
)
def test_refusals_have_their_status(register_stub, kind, status):
    signed = headers(register_stub)
    register_stub.stub_server.fail("/ss12000", kind)

    assert get(register_stub, "persons", signed, limit=1).status_code == status
