"""A process remembers what is believed: always what the database says, and without reading it again."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random

import pytest

from fleetsync import sync
from fleetsync.core.model import Key, Parking, Scheme
from fleetsync.store.ledger import PullNotHeld
from tests.flow.installation import OTHER_COST_CENTRE, Installation, OpenInstallation, StaffFileRow, device, login
from tests.flow.memory_check import checked_memory  # noqa: F401 - used by all tests here

PEOPLE = 30


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, people=PEOPLE) as built:
        yield built


def _token(opened: OpenInstallation, number: int) -> str:
    return opened.application.run_context.runner.rules.token_of(Key(Scheme.ADDRESS, "", login(number))).value


def _accept_what_is_held(installation: Installation, other: OpenInstallation, draw: Random) -> None:
    for source, part in other.due():
        held = other.ledger.find_held_pull(source.name, part.name)
        if held is not None:
            sync.accept(other.application.run_context, source.name, part.name, held.pull, who="test", reason="true")


def _change(installation: Installation, draw: Random) -> None:
    """Something of what the sources say."""
    number = draw.randrange(1, PEOPLE)
    installation.devices = [row for row in installation.devices if row["id"] != device(number)["id"]]
    if draw.random() < 0.7:
        installation.devices.append(
            device(number, login(draw.randrange(1, PEOPLE)), osVersion=f"27.{draw.random():.3}")
        )
    row = draw.randrange(len(installation.staff))
    installation.staff[row] = StaffFileRow(n=installation.staff[row].n, centre=draw.choice(("3101", OTHER_COST_CENTRE)))
    installation.write_staff(installation.today - timedelta(days=1))


# What somebody else does to the database: a command, the page, another daemon.
FOREIGN_WRITES: tuple[Callable[[Installation, OpenInstallation, Random], object], ...] = (
    lambda _, other, draw: other.ledger.protect([_token(other, draw.randrange(1, PEOPLE))], other.ledger._clock.now()),
    lambda _, other, draw: other.ledger.erase([_token(other, PEOPLE)], other.ledger._clock.now()),
    lambda _, other, draw: other.ledger.park(
        Parking(kind="stale", subject_id="d1", until=date(2027, 1, 1), reason="later"), "test"
    ),
    lambda _, other, draw: other.ledger.publish("backskolan", "test"),
    lambda _, other, draw: other.ledger.purge(other.ledger._clock.now() + timedelta(days=draw.choice((0, 400)))),
    lambda _, other, draw: other.run(),
    lambda _, other, draw: sync.reconcile_now(other.application.run_context),
    _accept_what_is_held,
)


@pytest.mark.parametrize("seed", range(6))
def test_after_any_runs_and_writes_of_others_it_is_what_the_database_says(
    installation: Installation, seed: int
) -> None:
    draw = Random(seed)
    with installation.open() as opened, installation.open() as other:
        for _ in range(8):
            _change(installation, draw)
            if draw.random() < 0.4:
                draw.choice(FOREIGN_WRITES)(installation, other, draw)
            installation.advance_clock(hours=draw.choice((0, 1, 30)))
            opened.run() if draw.random() < 0.8 else sync.reconcile_now(opened.application.run_context)
            opened.application.run_context.believed()  # compared by `checked_memory`


def test_a_rejected_pull_is_not_remembered_as_believed(installation: Installation) -> None:
    with installation.open() as opened, installation.open() as other:
        opened.run()
        installation.advance_clock(hours=1)
        installation.devices = installation.devices[:4]
        (held,) = opened.run("intune").held

        other.ledger.reject(held.effect.pull, "test", "half a listing")

        opened.application.run_context.believed()
        with pytest.raises(PullNotHeld):
            other.ledger.accept(held.effect.pull, "test", "after all")
