"""The stand-in of a school register says nothing that the standard does not have, but for what is named here.

Every answer is held against the schemas by which the recorded pages of the connector are judged: what the connector
asks for, part by part, and everything else that there is, page by page and by look-up.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests

from connectors.ss12000 import PARTS, Settings, pull
from fleetsync.demo.days import DEMO_DAY
from fleetsync.demo.register import RegisterContents
from fleetsync.demo.ss12000 import CLIENT, RESOURCES, SECRET, Ss12000Stub
from fleetsync.demo.stub_server import StubReply, StubRequest
from tests.connectors.case_runner import fake_connect

SCHEMAS = Path(__file__).parent.parent / "connectors" / "ss12000_schema"
PAGE = 300

Faults = dict[str, set[str]]
"""Where answers are not as the standard has them → the words that stand there, or what is missing."""

PLANTED: Faults = {
    # Marks that are in no enum, and one whose letters are decomposed: all of them protect.
    "persons.securityMarking": {
        "1",
        "Kvarskrivning",
        "sekretessmarkering",
        "SKYDDAD FOLKBOKFÖRING",
        "Skyddad folkbokfo\u0308ring",
    },
    "persons.enrolments.schoolType": {"XGR"},  # a form that nobody knows
    "organisations.schoolTypes": {"GRAN"},  # anpassad grundskola, by the national register of school units
}
A_ROLE_OF_ITS_OWN: Faults = {"duties.dutyRole": {"Robotpedagog"}}  # Edlevo makes "Annan personal" of such
UNSTAMPED: Faults = {name: {"'meta' is a required property"} for name in ("persons", "groups", "duties", "placements")}


class Heard(Ss12000Stub):
    """A stand-in that remembers what it answered, by path."""

    def __init__(self, register: RegisterContents, **options: Any) -> None:
        super().__init__(lambda: register, **options)
        self.answers: defaultdict[str, list[Any]] = defaultdict(list)

    def answer(self, request: StubRequest) -> StubReply:
        reply = super().answer(request)
        if reply.status == 200:
            self.answers[f"{self.stub_server.address}{request.path}".removeprefix(f"{self.base_url}/")].append(
                json.loads(reply.body)
            )
        return reply

    def rows(self, resource: str) -> Iterator[Any]:
        """Every object, as often as it was answered."""
        for answer in self.answers[resource]:
            yield from answer["data"]
        for answer in self.answers[f"{resource}/lookup"]:
            yield from answer


@pytest.fixture(scope="module")
def register(whole):
    return whole.contents_on(DEMO_DAY).register


def read_by_parts(stub: Heard) -> None:
    """Every part, as the connector reads it."""
    table = {"kind": "ss12000", "name": "skolregister", "page_size": PAGE, "client_id": CLIENT, "client_secret": SECRET}
    settings = Settings.model_validate({**table, "base_url": stub.base_url, "token_url": stub.token_url})
    with fake_connect(settings) as connect:
        for part in PARTS:
            assert list(pull(part.name, settings, connect))


def read_whole(stub: Heard) -> None:
    """Every resource to its last page without a filter, and a few of its objects by look-up."""
    form = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET}
    with requests.Session() as session:
        token = session.post(stub.token_url, data=form, timeout=10).json()["access_token"]
        session.headers["Authorization"] = f"Bearer {token}"
        for resource in RESOURCES:
            address = f"{stub.base_url}/{resource}"
            answer = first = session.get(address, params={"limit": PAGE}, timeout=10).json()
            while following := answer.get("pageToken"):
                answer = session.get(address, params={"limit": PAGE, "pageToken": following}, timeout=10).json()
            few = [row["id"] for row in first["data"][:20]]
            assert len(session.post(f"{address}/lookup", json={"ids": few}, timeout=10).json()) == len(few)


def faults_of(stub: Heard) -> Faults:
    """All that is not as the standard has it."""
    deviations: defaultdict[str, set[str]] = defaultdict(set)
    for resource in RESOURCES:
        schema = json.loads((SCHEMAS / f"{resource}.json").read_text(encoding="utf-8"))
        page = jsonschema.Draft202012Validator(schema)
        # The page around its rows; of rows that came more than once one is enough.
        for answer in stub.answers[resource]:
            page.validate({**answer, "data": []})
        row = jsonschema.Draft202012Validator(schema["properties"]["data"]["items"])
        for text in {json.dumps(row_object, sort_keys=True) for row_object in stub.rows(resource)}:
            for fault in row.iter_errors(json.loads(text)):
                where = (resource, *(step for step in fault.absolute_path if isinstance(step, str)))
                deviations[".".join(where)].add(str(fault.instance) if fault.validator == "enum" else fault.message)
    return deviations


@pytest.mark.parametrize(
    ("options", "deviations"),
    [
        ({"version": "2.1"}, PLANTED | A_ROLE_OF_ITS_OWN),
        ({"version": "2.0"}, PLANTED | A_ROLE_OF_ITS_OWN | UNSTAMPED),
        ({"edlevo": True}, PLANTED),
    ],
    ids=["2.1", "2.0", "edlevo"],
)
def test_every_answer_keeps_to_the_standard_but_for_what_is_named(register, options, deviations):
    stub = Heard(register, **options)
    with stub.stub_server:
        read_by_parts(stub)
        read_whole(stub)

    assert faults_of(stub) == deviations
    for resource in RESOURCES:
        in_register = {row["id"] for row in getattr(register, resource)}
        answered = {row["id"] for row in stub.rows(resource)}
        # Edlevo has neither a root nor an office.
        assert answered == in_register or (stub.edlevo and resource == "organisations" and answered < in_register)


def test_a_fault_in_an_answer_would_be_found(register):
    stub = Heard(register)
    with stub.stub_server:
        stub.answers["groups"] = [{"data": [{**register.groups[0], "startDate": "i höstas"}], "pageToken": None}]
        assert set(faults_of(stub)) == {"groups.startDate"}

        stub.answers["groups"] = [{"data": [], "pageToken": 7}]
        with pytest.raises(jsonschema.ValidationError):
            faults_of(stub)
