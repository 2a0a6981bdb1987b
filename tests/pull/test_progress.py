"""A pull that is under way can be asked how far it is and what it waits for: over real HTTP and a real store."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Event, Thread

import pytest

from fleetsync.clock import Clock
from fleetsync.core.model import DeviceRecord
from fleetsync.core.pull_progress import PullProgress, WaitReason
from fleetsync.pull.contract import Connect, NoAuth, Page
from fleetsync.pull.http import OutboundNetwork
from fleetsync.pull.runner import PullRunner
from fleetsync.store.ledger import Ledger
from tests.flow.fake_connector import FakeConnector
from tests.pull.test_unchanged import RULES

CONTACT = datetime(2026, 11, 23, 8, tzinfo=UTC)


class SlowClock(Clock):
    """The real clock, whose waits only end when the pull is stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = Event()

    def wait(self, seconds: float, stop: Event) -> bool:
        self.waits.set()
        return stop.wait()


class SlowServer:
    """Answers each request with *status* once *may_answer* is set."""

    def __init__(self, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.was_asked, self.may_answer = Event(), Event()
        slow = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                slow.was_asked.set()
                slow.may_answer.wait()
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.may_answer.set()
        self._server.shutdown()
        self._server.server_close()


def device(n: int) -> DeviceRecord:
    return DeviceRecord(source_id=f"d{n}", serial=f"DMPX{n:06}", last_contact_at=CONTACT)


def a_page_and_a_request(address: str, requests_per_minute: float | None = None):
    def says(connect: Connect) -> Iterator[Page]:
        yield Page([device(1), device(2)])
        connect(address, NoAuth(), requests_per_minute=requests_per_minute).get("/more", decode=dict)
        yield Page([device(3)])

    return FakeConnector(says).source()


def runner(ledger: Ledger, clock: Clock) -> PullRunner:
    return PullRunner(ledger, clock, RULES, lambda _: OutboundNetwork())


def start(runner: PullRunner, source, stop: Event) -> Thread:
    thread = Thread(target=runner.pull, args=(source, source.parts[0], stop))
    thread.start()
    return thread


def only(progress: tuple[PullProgress, ...]) -> PullProgress:
    (one,) = progress
    return one


def test_while_the_source_has_not_answered_the_pull_waits_for_its_answer(ledger: Ledger, clock: Clock) -> None:
    server, pulls, stop = SlowServer(), runner(ledger, clock), Event()
    pulling = start(pulls, a_page_and_a_request(server.address), stop)
    assert server.was_asked.wait(30)

    progress = only(pulls.under_way.progress())
    server.close()
    pulling.join()

    assert (progress.name, progress.records, progress.pages) == ("invented/things", 2, 1)
    assert progress.waits_for is WaitReason.ANSWER
    assert progress.seconds >= 0
    assert pulls.under_way.progress() == ()


def test_a_pull_that_waits_before_another_attempt_says_so(ledger: Ledger) -> None:
    server, waiting_clock, stop = SlowServer(503, {"Retry-After": "60"}), SlowClock(), Event()
    server.may_answer.set()
    pulls = runner(ledger, waiting_clock)
    pulling = start(pulls, a_page_and_a_request(server.address), stop)
    assert waiting_clock.waits.wait(30)

    progress = only(pulls.under_way.progress())
    stop.set()
    pulling.join()
    server.close()

    assert progress.waits_for is WaitReason.RETRY


def test_a_pull_that_waits_for_its_turn_says_so(ledger: Ledger) -> None:
    server, waiting_clock, stop = SlowServer(), SlowClock(), Event()
    pulls = runner(ledger, waiting_clock)
    pulling = start(pulls, a_page_and_a_request(server.address, requests_per_minute=1), stop)
    assert waiting_clock.waits.wait(30)

    progress = only(pulls.under_way.progress())
    stop.set()
    pulling.join()
    server.close()

    assert progress.waits_for is WaitReason.RATE_LIMIT
    assert not server.was_asked.is_set()


@pytest.mark.parametrize("is_broken", [False, True])
def test_a_pull_that_has_ended_is_not_under_way(ledger: Ledger, clock: Clock, is_broken: bool) -> None:
    def says(_: Connect) -> Iterator[Page]:
        yield Page([device(1)])
        if is_broken:
            raise ValueError

    pulls, source = runner(ledger, clock), FakeConnector(says).source()
    pulls.pull(source, source.parts[0], Event())

    assert pulls.under_way.progress() == ()


def test_a_runner_of_a_new_configuration_knows_of_the_pulls_of_the_old_one(ledger: Ledger, clock: Clock) -> None:
    server, old, new = SlowServer(), runner(ledger, clock), runner(ledger, clock)
    pulling = start(old, a_page_and_a_request(server.address), Event())
    assert server.was_asked.wait(30)

    new.continue_counting(old)
    progress = only(new.under_way.progress())
    server.close()
    pulling.join()

    assert progress.records == 2
