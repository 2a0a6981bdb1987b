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
from fleetsync.clock import SetClock
from fleetsync.core.model import Verdict
from fleetsync.core.snapshot import Snapshot
from fleetsync.daemon.house import build, open_store
from fleetsync.settings import load
from fleetsync.store import tables as t
from tests.flow.village import CANARY, Employee, Life, Village, login


@pytest.fixture
def village(tmp_path: Path) -> Iterator[Village]:
    with Village(tmp_path) as built:
        yield built


@pytest.fixture
def life(village: Village) -> Iterator[Life]:
    with village.open() as opened:
        opened.run()
        village.later(days=1)
        yield opened


class Interrupting(SetClock):
    """Whoever asks what time it is, which is after what is believed was read, loses some of it."""

    __slots__ = ("_beside",)

    def __init__(self, now: datetime, beside: Callable[[], None]) -> None:
        super().__init__(now)
        self._beside = beside

    def now(self) -> datetime:
        self._beside()
        return super().now()


def interrupted(village: Village, life: Life, beside: Callable[[], None]) -> tuple[sync.World, list[Snapshot]]:
    """The world of *life* in which *beside* comes in between; and the list of what it shows."""
    shown: list[Snapshot] = []
    clock = Interrupting(village.clock.now(), beside)
    return replace(life.house.world, clock=clock, show=shown.append), shown


def mark(village: Village, number: int) -> None:
    """Another thread, with a database connection of its own, pulls a staff file that marks one more as protected."""
    village.staff = [Employee(n=one.n, mark="J" if one.n <= number else "") for one in village.staff]
    village.write_staff(village.today)

    def pull() -> None:
        settings = load(village.config, environ={})
        with open_store(settings, village.clock) as ledger:
            world = build(settings, village.clock, ledger, Event()).world
            source = next(one for one in world.sources if one.name == "personal")
            ledger.fail(world.runner.pull(source, source.parts[0], world.stop).pull, Verdict.FAILED, "enough")

    thread = Thread(target=pull)
    thread.start()
    thread.join()


def once(village: Village) -> Callable[[], None]:
    numbers = count()
    return lambda: None if next(numbers) else mark(village, 1)


def log_ins(life: Life) -> set[str]:
    with life.ledger._reading() as connection:
        return set(connection.execute(select(t.login.c.value)).scalars())


def names(snapshot: Snapshot) -> set[str]:
    return {key.value for case in snapshot.outcome.people for key in case.person.keys}


def recorded(life: Life) -> int:
    newest = life.ledger.newest_reconciliation()
    assert newest is not None
    return newest.id


def test_who_is_marked_while_it_is_judged_is_judged_anew_and_shown_masked(village: Village, life: Life) -> None:
    assert login(1) in log_ins(life)
    world, shown = interrupted(village, life, once(village))

    outcome = sync.reconcile_anew(world)

    assert login(1) not in log_ins(life)
    assert login(2) in log_ins(life)
    (only,) = shown
    assert only.outcome is outcome
    assert login(1) not in names(only)


def test_a_run_that_is_overtaken_believes_its_pulls_and_shows_what_is_true(village: Village, life: Life) -> None:
    pulled = sync.pull_side_by_side(life.house.world, life.due("intune"))
    world, shown = interrupted(village, life, once(village))

    report = sync.settle(world, pulled)

    assert [one.effect.source for one in report.applied] == ["intune"]
    assert login(1) not in log_ins(life)
    assert [login(1) in names(one) for one in shown] == [False]
    assert report.outcome is shown[0].outcome


def test_one_that_is_overtaken_again_and_again_is_left_to_the_next(village: Village, life: Life) -> None:
    told = io.StringIO()
    log.setup("INFO", json=True, to=told)
    before, numbers = recorded(life), count(1)
    world, shown = interrupted(village, life, lambda: mark(village, next(numbers)))

    outcome = sync.reconcile_anew(world)

    assert (shown, recorded(life)) == ([], before)
    marked = {login(number) for number in range(1, next(numbers))}
    assert len(marked) == sync.ATTEMPTS + 1
    assert log_ins(life).isdisjoint(marked)
    warnings = [line for line in map(json.loads, told.getvalue().splitlines()) if line["level"] == "warning"]
    assert [line["event"] for line in warnings] == ["reconciliation overtaken"]
    assert CANARY not in told.getvalue()
    assert outcome.moment.today == village.today

    sync.reconcile_anew(life.house.world)
    assert recorded(life) == before + 1
