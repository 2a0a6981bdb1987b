"""A reconciliation that is under way while a pull beside it finds somebody protected: it brings nobody back."""

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
from fleetsync.daemon.composition import build_application, open_configured_ledger
from fleetsync.settings import load
from fleetsync.store import tables as t
from tests.flow.installation import CANARY, Installation, OpenInstallation, StaffFileRow, login


@pytest.fixture
def village(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path) as built:
        yield built


@pytest.fixture
def life(village: Installation) -> Iterator[OpenInstallation]:
    with village.open() as opened:
        opened.run()
        village.advance_clock(days=1)
        yield opened


class Interrupting(ManualClock):
    """Whoever asks what time it is, which is after what is believed was read, loses some of it."""

    __slots__ = ("_beside",)

    def __init__(self, now: datetime, beside: Callable[[], None]) -> None:
        super().__init__(now)
        self._beside = beside

    def now(self) -> datetime:
        self._beside()
        return super().now()


def interrupted(
    village: Installation, life: OpenInstallation, beside: Callable[[], None]
) -> tuple[sync.RunContext, list[Snapshot]]:
    """The world of *life* in which *beside* comes in between; and the list of what it shows."""
    shown: list[Snapshot] = []
    clock = Interrupting(village.clock.now(), beside)
    return replace(life.application.run_context, clock=clock, show=shown.append), shown


def mark(village: Installation, number: int) -> None:
    """Another thread, with a database connection of its own, pulls a staff file that marks one more as protected."""
    village.staff = [StaffFileRow(n=one.n, mark="J" if one.n <= number else "") for one in village.staff]
    village.write_staff(village.today)

    def pull() -> None:
        settings = load(village.config, environ={})
        with open_configured_ledger(settings, village.clock) as ledger:
            world = build_application(settings, village.clock, ledger, Event()).run_context
            source = next(one for one in world.sources if one.name == "personal")
            ledger.fail_pull(world.runner.pull(source, source.parts[0], world.stop).pull, Verdict.FAILED, "enough")

    thread = Thread(target=pull)
    thread.start()
    thread.join()


def once(village: Installation) -> Callable[[], None]:
    numbers = count()
    return lambda: None if next(numbers) else mark(village, 1)


def log_ins(life: OpenInstallation) -> set[str]:
    with life.ledger._read_transaction() as connection:
        return set(connection.execute(select(t.login.c.value)).scalars())


def names(snapshot: Snapshot) -> set[str]:
    return {key.value for case in snapshot.outcome.people for key in case.person.keys}


def recorded(life: OpenInstallation) -> int:
    newest = life.ledger.newest_reconciliation()
    assert newest is not None
    return newest.id


def test_who_is_marked_while_it_is_judged_is_judged_anew_and_shown_masked(
    village: Installation, life: OpenInstallation
) -> None:
    assert login(1) in log_ins(life)
    world, shown = interrupted(village, life, once(village))

    outcome = sync.reconcile_now(world)

    assert login(1) not in log_ins(life)
    assert login(2) in log_ins(life)
    (only,) = shown
    assert only.outcome is outcome
    assert login(1) not in names(only)


def test_a_run_that_is_overtaken_believes_its_pulls_and_shows_what_is_true(
    village: Installation, life: OpenInstallation
) -> None:
    pulled = sync.pull_side_by_side(life.application.run_context, life.due("intune"))
    world, shown = interrupted(village, life, once(village))

    report = sync.judge_and_apply(world, pulled)

    assert [one.effect.source for one in report.applied] == ["intune"]
    assert login(1) not in log_ins(life)
    assert [login(1) in names(one) for one in shown] == [False]
    assert report.outcome is shown[0].outcome


def test_one_that_is_overtaken_again_and_again_is_left_to_the_next(
    village: Installation, life: OpenInstallation
) -> None:
    told = io.StringIO()
    log.setup("INFO", json=True, to=told)
    before, numbers = recorded(life), count(1)
    world, shown = interrupted(village, life, lambda: mark(village, next(numbers)))

    outcome = sync.reconcile_now(world)

    assert (shown, recorded(life)) == ([], before)
    marked = {login(number) for number in range(1, next(numbers))}
    assert len(marked) == sync.RECORD_ATTEMPTS + 1
    assert log_ins(life).isdisjoint(marked)
    warnings = [line for line in map(json.loads, told.getvalue().splitlines()) if line["level"] == "warning"]
    assert [line["event"] for line in warnings] == ["reconciliation overtaken"]
    assert CANARY not in told.getvalue()
    assert outcome.moment.today == village.today

    sync.reconcile_now(life.application.run_context)
    assert recorded(life) == before + 1
