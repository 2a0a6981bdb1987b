"""What happens under a clock that cannot be right: nothing is applied, recorded or shown anew, until a person says so."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from fleetsync import sync
from fleetsync.core.entitlement import RULES
from fleetsync.core.model import Verdict
from fleetsync.sync.clock_check import ClockRefused, clock_problem
from tests.flow.installation import Installation, OpenInstallation


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path) as built:
        yield built


@pytest.fixture
def opened(installation: Installation) -> Iterator[OpenInstallation]:
    with installation.open() as opened:
        opened.run()
        assert opened.count("covered") == 12
        yield opened


@pytest.mark.parametrize("days", [0.1, 2, 40, 20000])
def test_a_clock_that_was_set_back_changes_nothing_that_is_shown(installation, opened, days):
    newest = opened.ledger.newest_reconciliation()
    installation.advance_clock(days=-days)

    with pytest.raises(ClockRefused, match=r"before the last reconciliation .* set it; all goes on by itself then"):
        sync.reconcile_now(opened.application.run_context)

    assert opened.count("covered") == 12
    assert opened.ledger.newest_reconciliation() == newest


def test_a_pull_under_such_a_clock_fails_with_the_reason_and_the_next_one_is_believed(installation, opened):
    installation.advance_clock(days=-2)
    installation.devices = installation.devices[:11]
    with pytest.raises(ClockRefused):
        opened.run("intune")
    last = opened.ledger.pulls("intune", "devices", 1)[0]
    assert last.verdict is Verdict.FAILED
    assert "this machine's clock says" in (last.reason or "")

    installation.advance_clock(days=3)
    report = opened.run("intune")
    assert [result.verdict for result in report.pulled] == [Verdict.COMPLETE]


def test_less_than_an_hour_back_is_no_reason_to_stop(installation, opened):
    installation.advance_clock(minutes=-50)

    assert clock_problem(opened.application.run_context) == ""


def test_days_that_were_recorded_ahead_of_time_go_when_the_clock_is_confirmed(installation, opened):
    installation.advance_clock(days=40)
    sync.reconcile_now(opened.application.run_context)
    installation.advance_clock(days=-40)
    with pytest.raises(ClockRefused):
        sync.reconcile_now(opened.application.run_context)

    removed = opened.ledger.confirm_clock("drift", installation.today)
    sync.reconcile_now(opened.application.run_context)

    assert removed["reconciliation"] == 1
    assert opened.count("covered") == 12
    assert {row.day for row in opened.ledger.coverage_as_of(installation.today)} == {installation.today}
    tomorrow = installation.today + timedelta(days=1)
    rules = [rule.id for rule in RULES]
    assert opened.ledger.coverage_sums(installation.today, installation.today, rules, by_unit=False)
    assert opened.ledger.coverage_sums(tomorrow, tomorrow + timedelta(days=90), rules, by_unit=False) == ()
    assert opened.ledger.verify() == ()


def test_a_clock_far_ahead_waits_until_a_person_confirms_it(installation, opened):
    class RealClock(type(installation.clock)):  # type: ignore[misc]
        is_moved = False

    clock = RealClock(installation.clock.now() + timedelta(days=8))
    run_context = opened.application.run_context
    ahead = type(run_context)(**{**vars(run_context), "clock": clock})
    opened.ledger._clock = clock

    assert "after the last reconciliation" in clock_problem(ahead)
    opened.ledger.confirm_clock("drift", installation.today + timedelta(days=8))
    assert clock_problem(ahead) == ""
