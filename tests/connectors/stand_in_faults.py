"""What a fault of a server may do to a running installation. The same for every kind of source: published numbers stay."""

import re
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
        with opened_after_a_run(installation) as opened:
            before = opened.snapshot.numbers
            installation.advance_clock(hours=1)
            server.fail(self.path, fault, skip=self.skip)

            assert verdicts(opened)[self.part] is Verdict.COMPLETE
            assert server.failed[fault] == 1
            assert opened.snapshot.numbers == before

    def check_lasting(self, fault: FaultKind, server: StubServer, installation: Installation) -> None:
        """A fault that stays fails its part alone, and changes no number."""
        with opened_after_a_run(installation) as opened:
            before = opened.snapshot.numbers
            installation.advance_clock(hours=1)
            server.fail(self.path, fault, times=999, skip=self.skip)

            outcome = verdicts(opened)

            assert outcome.pop(self.part) is Verdict.FAILED
            assert set(outcome.values()) <= {Verdict.COMPLETE, Verdict.UNCHANGED}
            assert opened.snapshot.numbers == before


_databases_after_a_run: dict[str, bytes] = {}
"""By configuration, without the ports of its servers."""


@contextmanager
def opened_after_a_run(installation: Installation) -> Iterator[OpenInstallation]:
    """The application, started again after its first run; no part of it failed.

    The first run is made once for each configuration: every fault begins with a copy of the database it left.
    """
    configuration = re.sub(r"127\.0\.0\.1:\d+", "", installation.config.read_text(encoding="utf-8"))
    if configuration not in _databases_after_a_run:
        with installation.open() as opened:
            assert set(verdicts(opened).values()) <= {Verdict.COMPLETE, Verdict.UNCHANGED}
        _databases_after_a_run[configuration] = installation.database.read_bytes()
    else:
        installation.database.write_bytes(_databases_after_a_run[configuration])
    with installation.open() as opened:
        yield opened


def verdicts(opened: OpenInstallation) -> dict[str, Verdict]:
    """The verdict of each part, of one run."""
    return {f"{pulled.source}/{pulled.part}": pulled.verdict for pulled in opened.run().pulled}


def findings(opened: OpenInstallation, kind: str) -> dict[str | None, ProbeResult]:
    """What a check of the source of *kind* finds, by part."""
    (source,) = (source for source in opened.application.sources if source.kind == kind)
    return {result.part: result for result in opened.application.run_context.runner.probe(source, Event())}
