"""What is published of Exempelby is what is true of it: unit by unit, number by number, day by day."""

import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from threading import Event

import pytest

from fleetsync import sync
from fleetsync.core.measures import MEASURES
from fleetsync.core.snapshot import AS_OF_MEASURES, Snapshot
from fleetsync.daemon.house import House, build, open_store
from fleetsync.daemon.services import LedgerHistory
from fleetsync.demo.replay import Town, live
from fleetsync.demo.truth import Truth
from tests.truth.holding import differences

EVERY_DAY = os.environ.get("TRUTH") == "all"  # the whole school year with its turnover
YEAR = (date(2025, 9, 1), 400)
SAMPLES = (
    (date(2025, 9, 29), 6),  # a staff file a day late to nobody
    (date(2026, 2, 26), 13),  # sportlov behind, the staff file five weeks old, a device silent over the break
    (date(2026, 6, 8), 6),  # the last school days
    (date(2026, 8, 10), 21),  # the first days are quiet, the second school week is not
    (date(2026, 11, 23), 2),
)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[tuple[Town, House]]:
    found = Town(tmp_path)
    with found.open() as settings, open_store(settings, found.clock) as ledger:
        yield found, build(settings, found.clock, ledger, Event())


def days(first: date, count: int) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range(count))


@pytest.mark.parametrize(("first", "count"), [YEAR] if EVERY_DAY else SAMPLES, ids=str)
def test_every_published_number_is_true_on_every_day(town: tuple[Town, House], first: date, count: int) -> None:
    exempelby, house = town
    truth = Truth(exempelby.world, first)

    wrong = {
        day: found
        for day in days(first, count)
        if (found := differences(live(exempelby, house, day).outcome, truth, day))
    }

    assert wrong == {}


def test_a_past_day_shows_what_was_published_on_it_and_its_rows_add_up(town: tuple[Town, House]) -> None:
    exempelby, house = town
    published: dict[date, Snapshot] = {}
    for day in days(date(2026, 10, 28), 11):
        live(exempelby, house, day)
        published[day] = sync.rebuilt(house.world)
    now = published.popitem()[1]
    history = LedgerHistory(lambda: house.world, lambda: now)

    for day, then in published.items():
        past = history.past(day)
        assert past is not None
        for name in AS_OF_MEASURES:
            assert {k: n for k, n in past.numbers[name].items() if n} == {
                k: n for k, n in then.numbers[name].items() if n
            }, (day, name)
            for labels, number in past.numbers[name].items():
                assert sum(row.count for row in past.rows(name, labels)) == number


def test_the_rows_of_every_number_add_up_to_it(town: tuple[Town, House]) -> None:
    exempelby, house = town
    live(exempelby, house, date(2026, 11, 24))
    shown = sync.rebuilt(house.world)

    for measure in MEASURES:
        for labels, number in shown.numbers[measure.name].items():
            assert sum(row.count for row in shown.rows(measure.name, labels)) == number, (measure.name, labels)


def test_a_second_look_at_the_same_day_changes_nothing(town: tuple[Town, House]) -> None:
    exempelby, house = town
    first = live(exempelby, house, date(2026, 11, 24)).outcome

    again = live(exempelby, house, date(2026, 11, 24))

    assert [one.effect for one in again.pulled if one.effect is not None and one.effect.rows] == []
    assert again.outcome.coverage == first.coverage
    assert again.outcome.episodes == first.episodes
    assert again.outcome.assignments == first.assignments


@pytest.mark.parametrize("seed", [2, 3])
def test_another_exempelby_is_told_as_truly(tmp_path: Path, seed: int) -> None:
    exempelby = Town(tmp_path, seed)
    day = date(2026, 11, 24)
    with exempelby.open() as settings, open_store(settings, exempelby.clock) as ledger:
        house = build(settings, exempelby.clock, ledger, Event())

        assert differences(live(exempelby, house, day).outcome, Truth(exempelby.world, day), day) == []


def test_no_canary_of_a_child_or_protected_person_is_kept(town: tuple[Town, House], tmp_path: Path) -> None:
    exempelby, house = town
    for day in days(date(2026, 11, 22), 3):
        live(exempelby, house, day)
    kept = b"".join(file.read_bytes() for file in sorted((tmp_path / "database").rglob("*")) if file.is_file())

    assert exempelby.world.canaries
    assert [canary for canary in exempelby.world.canaries if canary.encode() in kept] == []


def test_the_whole_municipality_is_told_as_truly(tmp_path: Path) -> None:
    """Registers, classes, carts, pools and protected identities; a sample of days, since each has ten times the rows."""
    exempelby = Town(tmp_path, with_schools=True)
    first = date(2026, 11, 24)
    truth = Truth(exempelby.world, first)
    with exempelby.open() as settings, open_store(settings, exempelby.clock) as ledger:
        house = build(settings, exempelby.clock, ledger, Event())
        wrong = {day: differences(live(exempelby, house, day).outcome, truth, day) for day in days(first, 2)}

    assert wrong == {day: [] for day in days(first, 2)}
