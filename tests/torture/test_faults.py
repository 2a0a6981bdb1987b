"""One in many of the cases of `make torture`: no fault and no lie publishes a wrong number, and each is recovered from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetsync import sync
from tests.torture.cases import cases_of, run_case, spread, stays_the_same_meanwhile
from tests.torture.outcome import Effect, Published, effect_on
from tests.torture.towns import TOWNS, Town, running_town

CASES_OF_A_KIND = 3  # few, since the whole is `make torture`


@pytest.fixture(scope="module", params=sorted(TOWNS))
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running_town(request.param, tmp_path_factory.mktemp("town")) as running:
        yield running


def test_no_fault_and_no_lie_publishes_a_wrong_number(town: Town) -> None:
    cases = list(cases_of(town))

    reports = [run_case(town, case) for case in spread(cases, len(cases) // CASES_OF_A_KIND)]

    assert [str(report) for report in reports if report.is_failure] == []
    assert len(reports) >= CASES_OF_A_KIND
    assert {report.effect for report in reports} & {Effect.UNCHANGED, Effect.UNKNOWN}


ONCE_WRONG = (
    # A log-in that is the same for all made everybody share a key with a protected person, who hid them all.
    ("ss12000", "eduPersonPrincipalNames: far day in all"),
    ("ss12000", "eduPersonPrincipalNames: number in half"),
    ("register_file", "headers again in the middle"),
)


@pytest.mark.parametrize(("kind", "name"), ONCE_WRONG)
def test_what_was_wrong_once_is_not_again(tmp_path: Path, kind: str, name: str) -> None:
    with running_town(kind, tmp_path) as town:
        cases = [case for case in cases_of(town) if case.name == name]

        assert [run_case(town, case).effect for case in cases] == [Effect.UNCHANGED]


def test_its_numbers_do_not_move_by_themselves(town: Town) -> None:
    assert stays_the_same_meanwhile(town)


def test_what_is_asked_about_is_a_number_that_would_move(tmp_path: Path) -> None:
    """The check can fail: what a person accepts moves the numbers, and is seen."""
    with running_town("intune", tmp_path) as town:
        listing = town.listings[0]
        with town.installation.open_after_a_run() as opened:
            before = Published.of(opened.snapshot)
            town.rows[listing.rows] = town.rows[listing.rows][::2]
            town.installation.advance_clock(hours=1)
            (held,) = opened.run().held
            assert effect_on(before, Published.of(opened.snapshot)) is Effect.UNCHANGED
            effect = held.effect
            sync.accept(
                opened.application.run_context, effect.source, effect.part, effect.pull, who="Test", reason="it is true"
            )
            for _ in range(3):
                town.installation.advance_clock(days=1)
                opened.run()

            assert effect_on(before, Published.of(opened.snapshot)) is Effect.WRONG


def test_there_are_hundreds_of_cases_and_each_is_called_something_of_its_own(town: Town) -> None:
    cases = list(cases_of(town))

    assert len(cases) > 200
    assert len({(case.listing, case.family, case.name) for case in cases}) == len(cases)
