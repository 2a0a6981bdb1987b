"""Published numbers of Exempelby's staff equal the expected ones. `tests/truth` replays the whole municipality."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from threading import Event

import pytest

from fleetsync.daemon.composition import Application, build_application, open_configured_ledger
from fleetsync.demo.replay import DemoEnvironment, run_day
from fleetsync.demo.truth import GroundTruth
from tests.truth.comparison import differences

SAMPLES = (
    (date(2025, 9, 29), 6),  # around a new staff file
    (date(2026, 2, 26), 13),  # after sportlov: the staff file five weeks old, a device silent over the break
    (date(2026, 11, 23), 2),
)


@pytest.fixture
def running_environment(tmp_path: Path) -> Iterator[tuple[DemoEnvironment, Application]]:
    environment = DemoEnvironment(tmp_path)
    with environment.open() as settings, open_configured_ledger(settings, environment.clock) as ledger:
        yield environment, build_application(settings, environment.clock, ledger, Event())


def days(first: date, count: int) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range(count))


@pytest.mark.parametrize(("first", "count"), SAMPLES, ids=str)
def test_every_published_number_is_as_expected_on_every_day(
    running_environment: tuple[DemoEnvironment, Application], first: date, count: int
) -> None:
    environment, application = running_environment
    truth = GroundTruth(environment.world, first)

    wrong = {
        day: wrong_then
        for day in days(first, count)
        if (wrong_then := differences(run_day(environment, application, day).outcome, truth, day))
    }

    assert wrong == {}


def test_a_second_run_on_the_same_day_changes_nothing(
    running_environment: tuple[DemoEnvironment, Application],
) -> None:
    environment, application = running_environment
    first = run_day(environment, application, date(2026, 11, 24)).outcome

    again = run_day(environment, application, date(2026, 11, 24))

    assert [pull.effect for pull in again.pulled if pull.effect is not None and pull.effect.rows] == []
    assert again.outcome.coverage == first.coverage
    assert again.outcome.episodes == first.episodes
    assert again.outcome.assignments == first.assignments


@pytest.mark.parametrize("seed", [2, 3])
def test_other_seeds_are_published_as_expected(tmp_path: Path, seed: int) -> None:
    environment = DemoEnvironment(tmp_path, seed)
    day = date(2026, 11, 24)
    with environment.open() as settings, open_configured_ledger(settings, environment.clock) as ledger:
        application = build_application(settings, environment.clock, ledger, Event())

        assert (
            differences(run_day(environment, application, day).outcome, GroundTruth(environment.world, day), day) == []
        )
