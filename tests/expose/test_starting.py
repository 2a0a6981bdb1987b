"""While the demo's past is replayed, its page says how far that has come, and no number is shown or scraped."""

from collections.abc import Iterator
from datetime import date

import pytest
import requests
from werkzeug.test import Client

from fleetsync.cli.demo_run import ReplayProgress
from fleetsync.daemon.http_servers import Server
from fleetsync.expose.web.starting import starting_wsgi
from fleetsync.settings.listening import ListenAddress

DAY = date(2026, 10, 13)


@pytest.fixture
def progress() -> ReplayProgress:
    return ReplayProgress()


@pytest.fixture
def client(progress: ReplayProgress) -> Client:
    return Client(starting_wsgi("Exempelby kommun", progress.shown))


@pytest.fixture
def server() -> Iterator[Server]:
    opened = Server(ListenAddress("127.0.0.1", 0), threads=2)
    yield opened
    opened.stop()


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("/", "dag 43 av 98, tisdag 13 oktober 2026"),
        ("/?lang=sv", "dag 43 av 98, tisdag 13 oktober 2026"),
        ("/units/vretaskolan?lang=en", "day 43 of 98, Tuesday 13 October 2026"),
    ],
)
def test_every_page_says_in_the_readers_language_how_far_the_past_has_been_replayed(
    client: Client, progress: ReplayProgress, address: str, sentence: str
) -> None:
    progress.record(DAY, 43, 98)

    answer = client.get(address)

    assert (answer.status_code, sentence in answer.text) == (503, True)
    assert '<progress value="43" max="98"' in answer.text
    assert (answer.headers["Refresh"], answer.headers["Cache-Control"]) == ("2", "no-store")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_before_the_first_day_is_replayed_the_page_says_so(client: Client) -> None:
    assert "den första dagen läses" in client.get("/").text


@pytest.mark.parametrize("address", ["/metrics", "/api/units"])
def test_no_number_is_given_to_machines(client: Client, address: str) -> None:
    answer = client.get(address)

    assert (answer.status_code, answer.text) == (503, "There are no numbers yet.\n")
    assert answer.headers["Retry-After"] == "2"


def test_it_is_alive_and_not_ready(client: Client) -> None:
    assert client.get("/livez").status_code == 200
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (
        503,
        {"status": "failed", "checks": {"database_and_snapshot": "failed"}},
    )


def test_the_style_of_the_page_is_served(client: Client) -> None:
    with client.get("/static/page.css") as answer:
        assert answer.content_type == "text/css; charset=utf-8"


def test_a_server_answers_with_the_application_that_it_was_given_last(server: Server, progress: ReplayProgress) -> None:
    address = f"http://127.0.0.1:{server.port}/"
    server.serve(starting_wsgi("Exempelby kommun", progress.shown))
    before = requests.get(address, timeout=30).status_code

    server.serve(lambda _environ, start_response: (start_response("200 OK", []), [b"numbers"])[1])

    assert (before, requests.get(address, timeout=30).text) == (503, "numbers")


def test_a_server_that_has_no_application_yet_answers_nobody(server: Server) -> None:
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{server.port}/", timeout=30)
