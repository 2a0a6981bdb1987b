"""What is published of Exempelby's staff is what is true of it; all of the municipality is lived in `tests/truth`."""

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
    (date(2025, 9, 29), 6),  # a staff file a day late to nobody
    (date(2026, 2, 26), 13),  # sportlov behind, the staff file five weeks old, a device silent over the break
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
def test_every_published_number_is_true_on_every_day(
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


def test_a_second_look_at_the_same_day_changes_nothing(
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
def test_another_exempelby_is_told_as_truly(tmp_path: Path, seed: int) -> None:
    environment = DemoEnvironment(tmp_path, seed)
    day = date(2026, 11, 24)
    with environment.open() as settings, open_configured_ledger(settings, environment.clock) as ledger:
        application = build_application(settings, environment.clock, ledger, Event())

        assert (
            differences(run_day(environment, application, day).outcome, GroundTruth(environment.world, day), day) == []
        )
