"""Runs cases: a town after a good run, a fault in one of its listings, runs with it, and runs after it has passed."""

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal

from fleetsync import sync
from fleetsync.core.model import Verdict
from fleetsync.demo.stub_server import FaultKind, StubServer
from fleetsync.pull.runner import PullResult
from fleetsync.sync import RunReport
from tests.connectors.stand_in_faults import LASTING_FAULTS, PASSING_FAULTS
from tests.flow.installation import CANARY, OpenInstallation
from tests.torture.files import DAMAGES
from tests.torture.lies import Lie, lies_about, lies_about_rows
from tests.torture.outcome import CaseReport, Effect, Published, effect_on
from tests.torture.towns import Listing, Town

Position = Literal["first", "middle", "last"]
POSITIONS: tuple[Position, ...] = ("first", "middle", "last")
MOST_TIMES = 999
LONG_LIE_DAYS = 10  # a pull a day; no contact becomes old meanwhile
# What returns is there again at once; what the fault invented is gone after its grace.
RUNS_UNTIL_RECOVERED = 5
OUR_ERROR, TRACEBACK = "error of our own", "Traceback"


@dataclass(frozen=True)
class TransportFault:
    """A fault of a server at one page of a listing, once or as long as it is asked."""

    listing: Listing
    fault: FaultKind
    position: Position
    lasts: bool

    @property
    def family(self) -> str:
        """Its line in the table."""
        return f"a fault of the server that {'stays' if self.lasts else 'passes'}"

    @property
    def name(self) -> str:
        """What it is, for a message."""
        return f"{self.fault} at the {self.position} page"


@dataclass(frozen=True)
class ListingLie:
    """A lie about the rows of a listing, told in *pulls* pulls: one, or one a day."""

    listing: Listing
    lie: Lie
    pulls: int = 1

    @property
    def family(self) -> str:
        """Its line in the table."""
        return self.lie.family + ("" if self.pulls == 1 else f", for {self.pulls} days")

    @property
    def name(self) -> str:
        """What it is, for a message."""
        return self.lie.name


@dataclass(frozen=True)
class FileDamage:
    """What happened to the bytes of a delivered list."""

    listing: Listing
    name: str
    family: str = "a file is damaged"


Case = TransportFault | ListingLie | FileDamage


def cases_of(town: Town) -> Iterator[Case]:
    """All cases of a town."""
    for listing in town.listings:
        if town.delivered is not None:
            yield from (FileDamage(listing, name) for name in DAMAGES)
        for position in POSITIONS if town.server is not None else ():
            yield from (TransportFault(listing, fault, position, lasts=False) for fault in PASSING_FAULTS)
            yield from (TransportFault(listing, fault, position, lasts=True) for fault in LASTING_FAULTS)
        if listing.is_plain:
            rows = town.rows[listing.rows]
            yield from (ListingLie(listing, lie) for lie in lies_about(rows))
            yield from (ListingLie(listing, lie, LONG_LIE_DAYS) for lie in lies_about_rows())


def run_case(town: Town, case: Case) -> CaseReport:
    """Run one case on the town as it is after its first run. Its clock and rows are afterwards as before."""
    pages = _pages_of(town, case.listing)
    town.begin_anew()
    with _captured_output() as output, town.installation.open_after_a_run() as opened:
        before = Published.of(opened.snapshot)
        pulls = case.pulls if isinstance(case, ListingLie) else 1
        with _at_work(town, case, pages):
            for _ in range(pulls - 1):
                town.pass_time(days=True)
                opened.run()
            town.pass_time(days=pulls > 1)
            as_of = opened.part(case.listing.part).as_of
            report = opened.run()
        effect = effect_on(before, Published.of(opened.snapshot))
        pulled = next(each for each in report.pulled if f"{each.source}/{each.part}" == case.listing.part)
        verdict = _verdict(report, case, pulled.verdict)
        aged_rightly = verdict is Verdict.COMPLETE or opened.part(case.listing.part).as_of == as_of
        recovers = effect is not Effect.WRONG and _recovers(town, opened, before, pulled)
    is_sound = aged_rightly and _is_sound(report, case, output.getvalue() + pulled.reason)
    if not is_sound:
        effect = Effect.BROKEN
    elif effect is not Effect.WRONG and not recovers:
        effect = Effect.NOT_RECOVERED
    return CaseReport(town.kind, case.listing.part, case.family, case.name, effect, verdict, pulled.reason)


def _verdict(report: RunReport, case: Case, verdict: Verdict) -> Verdict:
    """The verdict of the case's part after it was judged."""
    held = {f"{each.effect.source}/{each.effect.part}" for each in report.held}
    return Verdict.HELD if case.listing.part in held else verdict


def _is_sound(report: RunReport, case: Case, said: str) -> bool:
    """No error of our own, no person in what was said, and no other source that failed with it."""
    source = case.listing.part.partition("/")[0]
    others = (each for each in report.pulled if each.source != source)
    silent = not any(word in said for word in (OUR_ERROR, TRACEBACK, CANARY))
    return silent and all(each.verdict is not Verdict.FAILED for each in others)


def _recovers(town: Town, opened: OpenInstallation, before: Published, wrong: PullResult) -> bool:
    """Whether the numbers are those of before, once the fault has passed and its parts were read again.

    What came back may be asked about as well, and a person may have been marked by the *wrong* pull: then they are right
    as soon as somebody accepts the one and takes back the other.
    """
    for run in range(RUNS_UNTIL_RECOVERED):
        town.pass_time(days=run > 0)
        opened.run()
        if Published.of(opened.snapshot) == before:
            return True
    run_context = opened.application.run_context
    held = opened.part(f"{wrong.source}/{wrong.part}").held_pull
    if held is not None:
        sync.accept(run_context, wrong.source, wrong.part, held, who="Test", reason="it is true again")
    # Several parts of a source read its persons, and each has marked them.
    for marking in opened.ledger.marking_pulls():
        if marking.source == wrong.source and marking.pull >= wrong.pull:
            opened.ledger.request_mark_release(marking.pull, "Test", "they were marked by mistake")
    town.pass_time(days=True)
    opened.run()
    return Published.of(opened.snapshot) == before


@contextmanager
def _at_work(town: Town, case: Case, pages: int) -> Iterator[None]:
    """The fault, the damage or the lie, as long as this lasts."""
    put_back = _begin(town, case, pages)
    try:
        yield
    finally:
        put_back()


def _begin(town: Town, case: Case, pages: int) -> Callable[[], None]:
    """Begin what the case does. Returns what ends it."""
    if isinstance(case, TransportFault):
        server = _server_of(town)
        skip = {"first": 0, "middle": pages // 2, "last": max(pages - 1, 0)}[case.position]
        server.fail(case.listing.path, case.fault, times=MOST_TIMES if case.lasts else 1, skip=skip)
        return server.clear_faults
    if isinstance(case, FileDamage):
        assert town.delivered is not None, "a list is delivered as a file"
        town.delivered.damage = DAMAGES[case.name]
        return partial(setattr, town.delivered, "damage", bytes)
    rows = town.rows[case.listing.rows]
    town.rows[case.listing.rows] = case.lie.change(rows)
    return partial(town.rows.__setitem__, case.listing.rows, rows)


def _server_of(town: Town) -> StubServer:
    assert town.server is not None, "a listing is read from a server"
    return town.server


def _pages_of(town: Town, listing: Listing) -> int:
    """How many requests a listing takes when nothing is wrong."""
    if town.server is None:
        return 0
    if listing.path not in town.pages:
        with _captured_output(), town.installation.open_after_a_run() as opened:
            before = len(town.server.log)
            opened.run()
            asked = (entry for entry in town.server.log[before:] if entry.path.startswith(listing.path))
            town.pages[listing.path] = sum(1 for _ in asked)
    return town.pages[listing.path]


def stays_the_same_meanwhile(town: Town) -> bool:
    """Whether no number of the town moves by itself while the longest case runs."""
    town.begin_anew()
    with _captured_output(), town.installation.open_after_a_run() as opened:
        before = Published.of(opened.snapshot)
        for _ in range(LONG_LIE_DAYS + 1):
            town.pass_time(days=True)
        opened.run()
        return Published.of(opened.snapshot) == before


@contextmanager
def _captured_output() -> Iterator[io.StringIO]:
    """What is written to standard output meanwhile: the log."""
    output, before = io.StringIO(), sys.stdout
    sys.stdout = output
    try:
        yield output
    finally:
        sys.stdout = before


def spread(cases: Sequence[Case], one_in: int) -> Sequence[Case]:
    """One case in so many, over all of them."""
    return cases[one_in // 2 :: one_in]
