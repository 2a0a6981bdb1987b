"""A reconciliation during which another pull marks a person as protected: that person does not come back."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import count
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import select

from fleetsync import log, sync
from fleetsync.clock import ManualClock
from fleetsync.core.model import Verdict
from fleetsync.core.snapshot import Snapshot
from fleetsync.daemon.composition import build_application
from fleetsync.daemon.configured_ledger import open_configured_ledger
from fleetsync.settings import load
from fleetsync.store import tables as t
from tests.flow.installation import CANARY, Installation, OpenInstallation, StaffFileRow, login
from tests.flow.memory_check import checked_memory  # noqa: F401 - used by all tests here


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path) as built:
        yield built


@pytest.fixture
def opened(installation: Installation) -> Iterator[OpenInstallation]:
    with installation.open() as opened:
        opened.run()
        installation.advance_clock(days=1)
        yield opened


class Interrupting(ManualClock):
    """Calls *beside* whenever the time is asked for, which a run does right after it has read what is believed."""

    __slots__ = ("_beside",)

    def __init__(self, now: datetime, beside: Callable[[], None]) -> None:
        super().__init__(now)
        self._beside = beside

    def now(self) -> datetime:
        self._beside()
        return super().now()


def interrupted(
    installation: Installation, opened: OpenInstallation, beside: Callable[[], None]
) -> tuple[sync.RunContext, list[Snapshot]]:
    """The context of *opened* with *beside* called in between, and the list of snapshots that it shows."""
    shown: list[Snapshot] = []
    clock = Interrupting(installation.clock.now(), beside)
    return replace(opened.application.run_context, clock=clock, show=shown.append), shown


def mark(installation: Installation, number: int) -> None:
    """Another thread, with a database connection of its own, pulls a staff file that marks *number* persons as protected."""
    installation.staff = [StaffFileRow(n=row.n, mark="J" if row.n <= number else "") for row in installation.staff]
    installation.write_staff(installation.today)

    def pull() -> None:
        settings = load(installation.config, environ={})
        with open_configured_ledger(settings, installation.clock) as ledger:
            run_context = build_application(settings, installation.clock, ledger, Event()).run_context
            source = next(source for source in run_context.sources if source.name == "personal")
            ledger.fail_pull(
                run_context.runner.pull(source, source.parts[0], run_context.stop).pull, Verdict.FAILED, "enough"
            )

    thread = Thread(target=pull)
    thread.start()
    thread.join()


def once(installation: Installation) -> Callable[[], None]:
    numbers = count()
    return lambda: None if next(numbers) else mark(installation, 1)


def log_ins(opened: OpenInstallation) -> set[str]:
    with opened.ledger._read_transaction() as connection:
        return set(connection.execute(select(t.login.c.value)).scalars())


def names(snapshot: Snapshot) -> set[str]:
    return {key.value for case in snapshot.outcome.people for key in case.person.keys}


def recorded(opened: OpenInstallation) -> int:
    newest = opened.ledger.newest_reconciliation()
    assert newest is not None
    return newest.id


def test_a_person_marked_during_a_reconciliation_is_shown_masked(
    installation: Installation, opened: OpenInstallation
) -> None:
    assert login(1) in log_ins(opened)
    run_context, shown = interrupted(installation, opened, once(installation))

    outcome = sync.reconcile_now(run_context)

    assert login(1) not in log_ins(opened)
    assert login(2) in log_ins(opened)
    (only,) = shown
    assert only.outcome is outcome
    assert login(1) not in names(only)


def test_a_run_that_is_overtaken_applies_its_pulls_and_shows_the_newest_state(
    installation: Installation, opened: OpenInstallation
) -> None:
    pulled = sync.pull_side_by_side(opened.application.run_context, opened.due("intune"))
    run_context, shown = interrupted(installation, opened, once(installation))

    report = sync.judge_and_apply(run_context, pulled)

    assert [judged.effect.source for judged in report.applied] == ["intune"]
    assert login(1) not in log_ins(opened)
    assert [login(1) in names(snapshot) for snapshot in shown] == [False]
    assert report.outcome is shown[0].outcome


def test_a_reconciliation_that_is_overtaken_again_and_again_is_left_to_the_next(
    installation: Installation, opened: OpenInstallation
) -> None:
    log_output = io.StringIO()
    log.setup("INFO", json=True, to=log_output)
    before, numbers = recorded(opened), count(1)
    run_context, shown = interrupted(installation, opened, lambda: mark(installation, next(numbers)))

    outcome = sync.reconcile_now(run_context)

    assert (shown, recorded(opened)) == ([], before)
    marked = {login(number) for number in range(1, next(numbers))}
    # One is marked when the clock is checked, one when the first outcome is computed, and one at each attempt.
    assert len(marked) == sync.RECORD_ATTEMPTS + 2
    assert log_ins(opened).isdisjoint(marked)
    warnings = [line for line in map(json.loads, log_output.getvalue().splitlines()) if line["level"] == "warning"]
    assert [line["event"] for line in warnings] == ["reconciliation overtaken"]
    assert CANARY not in log_output.getvalue()
    assert outcome.moment.today == installation.today

    sync.reconcile_now(opened.application.run_context)
    assert recorded(opened) == before + 1
