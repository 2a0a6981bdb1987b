"""What a fault of a server may do to a running installation. The same for every kind of source: published numbers stay."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event

from fleetsync.core.model import Verdict
from fleetsync.demo.stub_server import FaultKind, StubServer
from fleetsync.pull.contract import ProbeResult
from tests.flow.installation import Installation, OpenInstallation

PASSING_FAULTS: tuple[FaultKind, ...] = (
    "too_many_seconds", "too_many_date", "too_many_silent", "bad_gateway_html", "unavailable", "server_error",
    "cut_body", "hang_up", "not_json", "loop", "duplicate", "lost_rows", "empty_page",
)  # fmt: skip
"""Faults that every source survives where they pass."""

LASTING_FAULTS: tuple[FaultKind, ...] = (
    "too_many_seconds", "too_many_silent", "bad_gateway_html", "unavailable", "server_error", "cut_body", "hang_up",
    "not_json", "unauthorised", "forbidden", "missing", "not_implemented", "lost_rows", "empty_page",
)  # fmt: skip
"""Faults that fail the part of every source as long as they last."""


@dataclass(frozen=True)
class FaultyListing:
    """A listing of a stand-in in which a fault is tried, after *skip* responses. *part*: source/part, as messages write it."""

    part: str
    path: str
    skip: int = 0

    def check_passing(self, fault: FaultKind, server: StubServer, installation: Installation) -> None:
        """A fault that passes changes no number, and the part is read whole."""
        with installation.open_after_a_run() as opened:
            before = opened.snapshot.numbers
            installation.advance_clock(hours=1)
            server.fail(self.path, fault, skip=self.skip)

            assert verdicts(opened)[self.part] is Verdict.COMPLETE
            assert server.failed[fault] == 1
            assert opened.snapshot.numbers == before

    def check_lasting(self, fault: FaultKind, server: StubServer, installation: Installation) -> None:
        """A fault that stays fails its part alone, and changes no number."""
        with installation.open_after_a_run() as opened:
            before = opened.snapshot.numbers
            installation.advance_clock(hours=1)
            server.fail(self.path, fault, times=999, skip=self.skip)

            outcome = verdicts(opened)

            assert outcome.pop(self.part) is Verdict.FAILED
            assert set(outcome.values()) <= {Verdict.COMPLETE, Verdict.UNCHANGED}
            assert opened.snapshot.numbers == before

    @contextmanager
    def check_held(self, opened: OpenInstallation, installation: Installation) -> Iterator[None]:
        """What is lost within this context, after a whole run, is held for its part alone, and changes no number."""
        opened.run()
        before = opened.snapshot.numbers
        installation.advance_clock(hours=1)
        yield
        (held,) = opened.run().held

        assert f"{held.effect.source}/{held.effect.part}" == self.part
        assert opened.snapshot.numbers == before


def verdicts(opened: OpenInstallation) -> dict[str, Verdict]:
    """The verdict of each part, of one run."""
    return {f"{pulled.source}/{pulled.part}": pulled.verdict for pulled in opened.run().pulled}


def findings(opened: OpenInstallation, kind: str) -> dict[str | None, ProbeResult]:
    """What a check of the source of *kind* finds, by part."""
    (source,) = (source for source in opened.application.sources if source.kind == kind)
    return {result.part: result for result in opened.application.run_context.runner.probe(source, Event())}
