"""All sources of Exempelby at once, against servers that count: none is asked more often than it allows, and each is obeyed.

Waits take no time here, and pass all the same.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event

import pytest

from fleetsync.core.model import Verdict
from fleetsync.daemon.composition import build_application
from fleetsync.daemon.configured_ledger import open_configured_ledger
from fleetsync.demo.apple import REQUESTS_PER_MINUTE, AppleStub
from fleetsync.demo.days import DEMO_DAY
from fleetsync.demo.mornings import first_run_at
from fleetsync.demo.replay import DemoEnvironment
from fleetsync.demo.stub_server import LoggedRequest, ServerFault, most_within
from fleetsync.pull.runner import PullResult
from fleetsync.settings import load
from fleetsync.sync.pulling import pull_side_by_side
from tests.flow.installation import SharedClock

# Requests, in seconds. Microsoft and Google document theirs; Apple does not, and refuses more than about so many.
LIMITS: Mapping[str, tuple[int, int]] = {
    "apple": (REQUESTS_PER_MINUTE, 60),
    "google-admin": (2400, 60),
    "graph": (2000, 20),
}
RETRY_AFTER_SECONDS = 30

Logs = Mapping[str, Sequence[LoggedRequest]]


@pytest.fixture(scope="module")
def pulled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sequence[PullResult], Logs]:
    """The results of a pull of everything, and the log of each server, of which each has refused one request."""
    clock = SharedClock(first_run_at(DEMO_DAY))
    exempelby = DemoEnvironment(tmp_path_factory.mktemp("rates"), clock=clock, with_schools=True)
    _let_apple_refuse(exempelby, clock)
    servers = list(exempelby.systems.all())
    with exempelby.open():
        for server in servers:
            server.clock = clock
            server.fail("/", ServerFault("too_many_seconds", RETRY_AFTER_SECONDS), skip=1)
        exempelby.start_day(DEMO_DAY)
        config = exempelby.folder / "config.toml"
        _use_ordinary_pace(config)
        settings = load(config)
        with open_configured_ledger(settings, clock) as ledger:
            application = build_application(settings, clock, ledger, Event())
            due = [(source, part) for source in application.sources for part in source.parts]
            results = pull_side_by_side(application.run_context, due)
    return results, {server.name: server.log for server in servers}


def _let_apple_refuse(exempelby: DemoEnvironment, clock: SharedClock) -> None:
    """In place of the Apple of a replay, which answers as often as it is asked."""
    apple = exempelby.systems.apple
    assert apple is not None, "the municipality has schools"
    apple.stub_server.stop()
    exempelby.systems.apple = AppleStub(
        lambda: exempelby.world.contents_on(DEMO_DAY).apple, requests_per_minute=REQUESTS_PER_MINUTE, clock=clock
    )


def _use_ordinary_pace(config: Path) -> None:
    lines = config.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("requests_per_minute")]
    assert len(lines) - len(kept) == 2, "the replay asks Apple without a pace"
    config.write_text("\n".join(kept), encoding="utf-8")


def test_every_part_was_read_whole(pulled: tuple[Sequence[PullResult], Logs]) -> None:
    results, _ = pulled

    assert {(each.source, each.part): each.reason for each in results if each.verdict is not Verdict.COMPLETE} == {}
    assert len({each.source for each in results}) == 15


@pytest.mark.parametrize("server", LIMITS)
def test_no_server_was_asked_more_often_than_it_allows(pulled: tuple[Sequence[PullResult], Logs], server: str) -> None:
    _, logs = pulled
    most, seconds = LIMITS[server]

    assert 0 < most_within([entry.at for entry in _reading(logs[server])], seconds) <= most


def _reading(entries: Sequence[LoggedRequest]) -> list[LoggedRequest]:
    """The requests but for sign-ins, which have limits of their own."""
    return [entry for entry in entries if entry.method == "GET"]


def test_apple_was_asked_by_two_sources_for_longer_than_a_minute(
    pulled: tuple[Sequence[PullResult], Logs],
) -> None:
    entries = _reading(pulled[1]["apple"])

    assert any(entry.path.endswith("/appleCareCoverage") for entry in entries)
    assert any(entry.path == "/v1/mdmServers" for entry in entries)
    assert len(entries) > REQUESTS_PER_MINUTE
    assert entries[-1].at - entries[0].at > 60


def test_each_server_refused_once_and_was_asked_again_only_when_it_had_said(
    pulled: tuple[Sequence[PullResult], Logs],
) -> None:
    _, logs = pulled
    waited = dict[str, float]()
    for name, entries in logs.items():
        (place,) = [place for place, entry in enumerate(entries) if entry.status == 429]
        again = next(entry for entry in entries[place + 1 :] if entry.path == entries[place].path)
        waited[name] = again.at - entries[place].at

    assert len(waited) == 7
    assert {name: seconds for name, seconds in waited.items() if seconds < RETRY_AFTER_SECONDS} == {}
