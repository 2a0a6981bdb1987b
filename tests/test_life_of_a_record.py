"""The worked example of docs/life-of-a-record.md is what the real pipeline makes of it: over HTTP, through the database."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from sqlalchemy import select

from fleetsync import sync
from fleetsync.clock import ManualClock
from fleetsync.core.snapshot import Snapshot
from fleetsync.daemon.composition import build_application
from fleetsync.daemon.configured_ledger import open_configured_ledger
from fleetsync.expose.metrics import Exposition
from fleetsync.settings import load
from fleetsync.store import tables as t
from tests.connectors.case_runner import fake_connect

DOCUMENT = Path(__file__).parents[1] / "docs" / "life-of-a-record.md"
BLOCK = re.compile(r"<!-- example: (?P<name>[\w-]+) -->\n+```\w+\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)
MORNING = datetime(2026, 11, 24, 5, 30, tzinfo=UTC)
TENANT = "11111111-2222-4333-8444-555555555555"
SCHOOL = {
    "id": "0a100000-0000-4000-8000-000000000004",
    "displayName": "Vretaskolan",
    "organisationType": "Skola",
    "schoolUnitCode": "10000001",
}
PULLED_PARTS = ("devices", "units", "groups", "pupils")
CONFIG = """\
[municipality]
name = "Exempelby kommun"

[database]
url = "database/fleetsync.db"

[calendar]
name = "exempelby"

[privacy]
key_file = "privacy.key"

[[unit]]
slug = "vretaskolan"
name = "Vretaskolan"
codes = ["10000001"]
school_forms = ["GR"]

[[source]]
kind = "intune"
name = "intune"
tenant = "{tenant}"
client_id = "99999999-2222-4333-8444-555555555555"
client_secret_file = "intune.secret"
authority = "{server}"
graph_root = "{server}"

[[source]]
kind = "ss12000"
name = "register"
base_url = "{server}/register"
auth = "none"
counts = ["pupils"]
"""


def example_blocks() -> Mapping[str, str]:
    return {block["name"]: block["text"] for block in BLOCK.finditer(DOCUMENT.read_text(encoding="utf-8"))}


EXAMPLES = example_blocks()


def example(name: str) -> Any:
    return json.loads(EXAMPLES[name])


def answers() -> Mapping[str, Any]:
    """What the two systems of the example answer, by path."""
    pupil = example("pupil-from-the-server")
    group = {
        "id": "0c100000-0000-4000-8000-000000000007",
        "displayName": "7B",
        "groupType": "Klass",
        "organisation": {"id": SCHOOL["id"]},
        "startDate": "2026-08-17",
        "groupMemberships": [{"person": {"id": pupil["id"]}}],
    }
    return {
        f"/{TENANT}/oauth2/v2.0/token": {"access_token": "t", "token_type": "Bearer", "expires_in": 3600},
        "/v1.0/deviceManagement/managedDevices": {"value": [example("device-from-the-server")]},
        "/register/organisations": {"data": [SCHOOL]},
        "/register/groups": {"data": [group]},
        "/register/persons": {"data": [pupil]},
        "/register/persons/lookup": {"data": []},
    }


class ExampleHandler(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass

    def do_GET(self) -> None:
        self.respond()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.respond()

    def respond(self) -> None:
        answer = answers().get(urlsplit(self.path).path)
        body = json.dumps(answer).encode()
        self.send_response(404 if answer is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def server_address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), ExampleHandler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


class ExampleRun:
    """One run over both sources, with what it left in the database and what it published."""

    def __init__(self, folder: Path, server: str) -> None:
        config = folder / "config.toml"
        config.write_text(CONFIG.format(server=server, tenant=TENANT), encoding="utf-8")
        (folder / "database").mkdir()
        for name, text in (("intune.secret", "secret"), ("privacy.key", "4e" * 32)):
            (folder / name).write_text(text + "\n", encoding="ascii")
            (folder / name).chmod(0o600)
        settings, clock = load(config, environ={}), ManualClock(MORNING)
        shown: list[Snapshot] = []
        with open_configured_ledger(settings, clock) as ledger:
            self.application = build_application(settings, clock, ledger, Event(), shown.append)
            due = [
                (source, part)
                for source in self.application.sources
                for part in source.parts
                if part.name in PULLED_PARTS
            ]
            self.report = sync.run(self.application.run_context, due)
            with ledger._read_transaction() as connection:
                rows = connection.execute(select(t.record.c.part, t.record.c.type, t.record.c.body)).all()
        self.believed = [(row.part, json.loads(row.body)) for row in rows]
        self.snapshot = shown[-1]

    def normalised(self, source_name: str, part: str) -> list[Any]:
        """What the connector makes of the served answer, as JSON."""
        source = next(source for source in self.application.sources if source.name == source_name)
        with fake_connect(source.settings) as connect:
            raws = [raw for page in source.module.pull(part, source.settings, connect) for raw in page.raws]
        items = [item for raw in raws for item in source.module.normalise(part, source.settings, raw)]
        return [json.loads(msgspec.json.encode(item)) for item in items]

    def believed_in(self, part: str) -> list[Any]:
        return [body for at, body in self.believed if at == part]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, server_address: str) -> ExampleRun:
    return ExampleRun(tmp_path_factory.mktemp("example"), server_address)


def sorted_by_id(records: list[Any]) -> list[Any]:
    return sorted(records, key=lambda record: (record["type"], record["source_id"]))


def test_the_device_is_normalised_as_documented(run: ExampleRun) -> None:
    assert run.normalised("intune", "devices") == [example("device-normalised")]


def test_the_pupil_is_normalised_as_documented(run: ExampleRun) -> None:
    assert sorted_by_id(run.normalised("register", "pupils")) == sorted_by_id(example("pupil-normalised"))


def test_the_database_believes_the_device_as_documented(run: ExampleRun) -> None:
    assert run.believed_in("devices") == [example("device-believed")]


def test_the_database_believes_the_pupil_as_documented(run: ExampleRun) -> None:
    assert sorted_by_id(run.believed_in("pupils")) == sorted_by_id(example("pupil-believed"))


def test_the_metrics_are_published_as_documented(run: ExampleRun) -> None:
    text = Exposition(run.snapshot, {}).body(b"").decode()

    assert set(EXAMPLES["metrics"].splitlines()) <= set(text.splitlines())


def test_nothing_of_the_example_is_held_or_failed(run: ExampleRun) -> None:
    assert run.report.held == ()
    assert {pulled.verdict.value for pulled in run.report.pulled} == {"complete"}


@pytest.mark.parametrize("word", ["Nilsa", "356938035643809", "20130412", "02:00:00"])
def test_what_is_never_kept_is_not_believed(run: ExampleRun, word: str) -> None:
    assert word in EXAMPLES["device-from-the-server"] + EXAMPLES["pupil-from-the-server"]
    assert word not in json.dumps([run.believed, run.snapshot.outcome], default=repr)
