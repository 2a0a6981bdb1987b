"""The stub of a school register answers as the standard says, except for the deviations listed here.

Every answer is validated against the schemas that the connector's recorded pages are tested with: what the connector
reads, part by part, then every resource page by page and by look-up.
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

Deviations = dict[str, set[str]]
"""Field of an answer that deviates from the standard → its values, or the messages of the validator."""

PLANTED: Deviations = {
    # Marks that are in no enum, and one in NFD. All of them protect.
    "persons.securityMarking": {
        "1",
        "Kvarskrivning",
        "sekretessmarkering",
        "SKYDDAD FOLKBOKFÖRING",
        "Skyddad folkbokfo\u0308ring",
    },
    "persons.enrolments.schoolType": {"XGR"},  # an unknown school form
    "organisations.schoolTypes": {"GRAN"},  # anpassad grundskola in the national register of school units
}
UNKNOWN_ROLE: Deviations = {"duties.dutyRole": {"Robotpedagog"}}  # Edlevo turns it into "Annan personal"
WITHOUT_STAMPS: Deviations = {
    name: {"'meta' is a required property"} for name in ("persons", "groups", "duties", "placements")
}


class RecordingStub(Ss12000Stub):
    """A stub that records its answers by path."""

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
        """Every object of a resource, once per answer."""
        for answer in self.answers[resource]:
            yield from answer["data"]
        for answer in self.answers[f"{resource}/lookup"]:
            yield from answer


@pytest.fixture(scope="module")
def register(whole):
    return whole.contents_on(DEMO_DAY).register


def read_by_parts(stub: RecordingStub) -> None:
    """Read every part with the connector."""
    table = {"kind": "ss12000", "name": "skolregister", "page_size": PAGE, "client_id": CLIENT, "client_secret": SECRET}
    settings = Settings.model_validate({**table, "base_url": stub.base_url, "token_url": stub.token_url})
    with fake_connect(settings) as connect:
        for part in PARTS:
            assert list(pull(part.name, settings, connect))


def read_whole(stub: RecordingStub) -> None:
    """Read every resource to its last page without a filter, and a few objects by look-up."""
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


def deviations_of(stub: RecordingStub) -> Deviations:
    """All deviations from the standard."""
    deviations: defaultdict[str, set[str]] = defaultdict(set)
    for resource in RESOURCES:
        schema = json.loads((SCHEMAS / f"{resource}.json").read_text(encoding="utf-8"))
        page = jsonschema.Draft202012Validator(schema)
        # The page without its rows. Rows that came more than once are validated once.
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
        ({"version": "2.1"}, PLANTED | UNKNOWN_ROLE),
        ({"version": "2.0"}, PLANTED | UNKNOWN_ROLE | WITHOUT_STAMPS),
        ({"edlevo": True}, PLANTED),
    ],
    ids=["2.1", "2.0", "edlevo"],
)
def test_every_answer_follows_the_standard_except_for_the_listed_deviations(register, options, deviations):
    stub = RecordingStub(register, **options)
    with stub.stub_server:
        read_by_parts(stub)
        read_whole(stub)

    assert deviations_of(stub) == deviations
    for resource in RESOURCES:
        in_register = {row["id"] for row in getattr(register, resource)}
        answered = {row["id"] for row in stub.rows(resource)}
        # Edlevo has neither a root nor an office.
        assert answered == in_register or (stub.edlevo and resource == "organisations" and answered < in_register)


def test_a_deviation_in_an_answer_is_detected(register):
    stub = RecordingStub(register)
    with stub.stub_server:
        stub.answers["groups"] = [{"data": [{**register.groups[0], "startDate": "i höstas"}], "pageToken": None}]
        assert set(deviations_of(stub)) == {"groups.startDate"}

        stub.answers["groups"] = [{"data": [], "pageToken": 7}]
        with pytest.raises(jsonschema.ValidationError):
            deviations_of(stub)
