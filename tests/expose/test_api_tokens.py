"""Programs read the API with a token: what it may see, what it may not do, and what is explained to it."""

from base64 import b64encode

import jsonschema
import pytest

from fleetsync.expose.explanations import EXPLANATIONS
from fleetsync.expose.lists.openapi import openapi_document
from fleetsync.expose.web import create_app
from tests.expose import example_page as e
from tests.expose.page_client import open_client

CHECKER = jsonschema.Draft202012Validator.FORMAT_CHECKER


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def setup():
    return e.page_setup()


@pytest.fixture(scope="module")
def program(setup):
    return create_app(setup.services).test_client()


def test_a_program_reads_with_a_bearer_token_or_with_the_token_as_a_password(program):
    basic = b64encode(b"excel:stina").decode()
    answers = [
        program.get("/api/v1/gaps", headers=headers)
        for headers in (bearer("stina"), {"Authorization": f"Basic {basic}"})
    ]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].get_json() == answers[1].get_json()


def test_a_row_names_the_holder_the_reason_and_the_stage(program):
    rows = program.get("/api/v1/gaps?kind=stale", headers=bearer("stina")).get_json()["rows"]

    assert rows
    assert all(row["reason"]["sv"] and row["stage"] and "holder_id" in row and "login" not in row for row in rows)
    assert any(row["login"] for row in program.get("/api/v1/gaps", headers=bearer("tea")).get_json()["rows"])


@pytest.mark.parametrize("headers", [{}, bearer(""), bearer("unknown"), {"Authorization": "Nonsense"}])
def test_without_a_token_that_counts_the_answer_says_how_to_get_one(program, headers):
    answer = program.get("/api/v1/gaps", headers=headers)

    assert answer.status_code == 401
    assert "fleetsync token create" in answer.get_json()["message"]


def test_a_token_opens_no_page_and_decides_nothing(program):
    assert program.get("/gaps", headers=bearer("tea")).status_code == 302
    assert program.post("/search", data={"q": "ek"}, headers=bearer("tea")).status_code == 403
    assert program.post("/api/v1/gaps", headers=bearer("tea")).status_code == 403


def test_a_token_of_a_unit_reads_that_unit_alone(program):
    units = {row["unit"] for row in program.get("/api/v1/devices", headers=bearer("rut")).get_json()["rows"]}

    assert units == {"ekskolan"}
    assert program.get("/api/v1/explain/units/ugglan", headers=bearer("rut")).status_code == 404


def test_a_wrong_token_does_not_lock_the_right_one_out(program):
    for _ in range(60):
        program.get("/api/v1/now", headers=bearer("guess"))

    assert program.get("/api/v1/now", headers=bearer("stina")).status_code == 200


def explained():
    outcome = e.example_snapshot(4).outcome
    person = next(case.person.id for case in outcome.people if case.person.id not in e.example_snapshot(4).hidden)
    gap = outcome.episodes[0]
    return {
        "units": "ekskolan",
        "people": person,
        "devices": outcome.devices[0].device.id,
        "gaps": f"{gap.kind}:{gap.subject_id}",
    }


@pytest.mark.parametrize("what", EXPLANATIONS)
def test_an_explanation_is_as_described_and_is_audited(setup, program, what):
    setup.decision_port.audited.clear()
    answer = program.get(f"/api/v1/explain/{what}/{explained()[what]}", headers=bearer("tea"))
    document = openapi_document()
    described = document["paths"]["/api/v1/explain/{what}/{id_}"]["get"]["responses"]["200"]["content"]

    assert answer.status_code == 200
    schema = {**described["application/json"]["schema"], "components": document["components"]}
    schema["oneOf"] = [one for one in schema["oneOf"] if one["$ref"].endswith(EXPLANATIONS[what].__name__)]
    jsonschema.Draft202012Validator(schema, format_checker=CHECKER).validate(answer.get_json())
    assert setup.decision_port.audited == [("tea", f"explained {what}", explained()[what])]


def test_nobody_who_may_not_be_shown_is_explained(setup, program):
    for person in e.example_snapshot(4).hidden:
        assert program.get(f"/api/v1/explain/people/{person}", headers=bearer("tea")).status_code == 404
    for device in e.example_snapshot(4).outcome.devices:
        if device.placement.holder in e.example_snapshot(4).hidden:
            text = program.get(f"/api/v1/explain/devices/{device.device.id}", headers=bearer("tea")).text
            assert device.placement.holder not in text


def test_the_same_token_gets_nothing_again_while_nothing_has_changed_and_another_unit_another_tag(setup):
    client = open_client(setup)
    tags = [client.get("/api/v1/gaps", headers=bearer(name)).headers["ETag"] for name in ("tea", "stina", "rut")]
    again = client.get("/api/v1/gaps", headers={**bearer("rut"), "If-None-Match": tags[2]})

    assert len(set(tags)) == len(tags)
    assert again.status_code == 304
