"""The published numbers of Exempelby's staff are true. The whole municipality is tested in `tests/truth`."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from threading import Event

import pytest

from fleetsync.daemon.composition import Application, build_application
from fleetsync.daemon.configured_ledger import open_configured_ledger
from fleetsync.demo.replay import DemoEnvironment, run_day
from fleetsync.demo.truth import GroundTruth
from tests.flow.memory_check import checked_memory  # noqa: F401 - used by all tests here
from tests.truth.comparison import differences

SAMPLES = (
    (date(2025, 9, 29), 6),  # a staff file that is one day late, without effect
    (date(2026, 2, 26), 13),  # sportlov behind, the staff file five weeks old, a device silent over the break
    (date(2026, 11, 23), 2),
)


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[tuple[DemoEnvironment, Application]]:
    demo = DemoEnvironment(tmp_path)
    with demo.open() as settings, open_configured_ledger(settings, demo.clock) as ledger:
        yield demo, build_application(settings, demo.clock, ledger, Event())


def days(first: date, count: int) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range(count))


@pytest.mark.parametrize(("first", "count"), SAMPLES, ids=str)
def test_every_published_number_is_true_on_every_day(
    environment: tuple[DemoEnvironment, Application], first: date, count: int
) -> None:
    exempelby, application = environment
    truth = GroundTruth(exempelby.world, first)

    wrong = {
        day: differing
        for day in days(first, count)
        if (differing := differences(run_day(exempelby, application, day).outcome, truth, day))
    }

    assert wrong == {}


def test_a_second_run_on_the_same_day_changes_nothing(environment: tuple[DemoEnvironment, Application]) -> None:
    exempelby, application = environment
    first = run_day(exempelby, application, date(2026, 11, 24)).outcome

    again = run_day(exempelby, application, date(2026, 11, 24))

    assert [result.effect for result in again.pulled if result.effect is not None and result.effect.rows] == []
    assert again.outcome.coverage == first.coverage
    assert again.outcome.episodes == first.episodes
    assert again.outcome.assignments == first.assignments


@pytest.mark.parametrize("seed", [2, 3])
def test_the_numbers_of_another_exempelby_are_true_too(tmp_path: Path, seed: int) -> None:
    exempelby = DemoEnvironment(tmp_path, seed)
    day = date(2026, 11, 24)
    with exempelby.open() as settings, open_configured_ledger(settings, exempelby.clock) as ledger:
        application = build_application(settings, exempelby.clock, ledger, Event())

        assert differences(run_day(exempelby, application, day).outcome, GroundTruth(exempelby.world, day), day) == []
