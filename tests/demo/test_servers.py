"""A stub server: faults can be scheduled while it runs and are counted, and its log has nothing personal."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest
import requests

from fleetsync.demo.stub_server import (
    LoggedRequest,
    ServerFault,
    StubReply,
    StubRequest,
    StubServer,
    json_reply,
    most_within,
    refusal_status,
    retry_after_headers,
)


def echo(request: StubRequest) -> StubReply:
    return json_reply(
        {"path": request.path, "query": list(request.query), "body": request.body.decode(), "fault": request.fault}
    )


def refuse(fault: ServerFault) -> StubReply:
    reply = json_reply({"refused": fault.kind}, refusal_status(fault))
    return StubReply(reply.status, reply.body, reply.kind, retry_after_headers(fault))


@pytest.fixture
def server():
    with StubServer(echo, refuse) as running:
        yield running


def ask(server: StubServer, path: str = "/devices?a=1&a=2") -> requests.Response:
    return requests.get(server.address + path, timeout=10)


def test_a_request_reaches_the_system_with_its_query_and_body(server):
    answer = requests.post(f"{server.address}/devices?a=1&a=2", data=b"x=y", timeout=10).json()

    assert answer == {"path": "/devices", "query": [["a", "1"], ["a", "2"]], "body": "x=y", "fault": None}


def test_a_fault_lasts_for_the_given_number_of_requests_and_is_counted(server):
    server.fail("/devices", "server_error", times=2, skip=1)

    assert [ask(server).status_code for _ in range(4)] == [200, 500, 500, 200]
    assert server.failed == {"server_error": 2}


def test_a_fault_of_a_path_leaves_other_paths(server):
    server.fail("/devices", "missing")

    assert ask(server, "/people").status_code == 200
    assert ask(server).status_code == 404


def test_scheduled_faults_can_be_cleared(server):
    server.fail("/", "forbidden", times=5)
    server.clear_faults()

    assert ask(server).status_code == 200


@pytest.mark.parametrize(
    ("kind", "status"),
    [("forbidden", 403), ("missing", 404), ("not_implemented", 501), ("unauthorised", 401), ("too_many_silent", 429)],
)
def test_a_refusal_has_its_status(server, kind, status):
    server.fail("/", kind)

    assert ask(server).status_code == status


def test_retry_after_is_in_seconds_a_date_or_missing(server):
    for kind in ("too_many_seconds", "too_many_date", "too_many_silent"):
        server.fail("/", ServerFault(kind, seconds=30))

    seconds, as_date, silent = (ask(server).headers.get("Retry-After") for _ in range(3))

    assert seconds == "30"
    assert as_date is not None
    assert parsedate_to_datetime(as_date) > datetime.now(UTC)
    assert silent is None


@pytest.mark.parametrize(("kind", "status"), [("bad_gateway_html", 502), ("unavailable", 503), ("not_json", 200)])
def test_a_gateway_answers_in_html(server, kind, status):
    server.fail("/", kind)
    answer = ask(server)

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html")


@pytest.mark.parametrize("kind", ["cut_body", "hang_up"])
def test_an_answer_can_break_off(server, kind):
    server.fail("/", kind)

    with pytest.raises(requests.RequestException):
        ask(server)
    assert ask(server).status_code == 200


def test_a_slow_answer_comes_all_the_same(server):
    server.fail("/", ServerFault("slow", seconds=0.01))

    assert ask(server).status_code == 200


def test_a_fault_that_only_the_system_can_produce_is_passed_to_it(server):
    server.fail("/", "loop")

    assert ask(server).json()["fault"]["kind"] == "loop"


def test_the_log_holds_neither_query_nor_body(server):
    ask(server, "/devices?name=somebody")

    (entry,) = server.log
    assert entry == LoggedRequest("GET", "/devices", 200, entry.at)


def test_the_busiest_span_is_counted_wherever_it_begins():
    assert most_within([0.0, 50.0, 61.0, 100.0, 109.9, 110.0], 60.0) == 4
    assert most_within([], 60.0) == 0


def test_a_stopped_server_does_not_answer(server):
    server.stop()

    with pytest.raises(requests.ConnectionError):
        ask(server)
