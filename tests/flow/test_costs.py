"""What a run may cost: counted in statements, rows, bytes, requests, tokens and objects, never in seconds.

Each count is taken at two sizes. What must not grow with the size is the same at both.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec
import pytest

from fleetsync import sync
from fleetsync.core.model import DeviceRecord
from fleetsync.core.privacy import key_tokeniser, record_tokens
from fleetsync.pull.progress import PullTracker
from tests.flow.cost_counters import (
    SqlCounter,
    counted_calls,
    counted_sql,
    empty_journal,
    journal_bytes,
    living,
    query_plan,
)
from tests.flow.installation import Installation, OpenInstallation

FEW, MANY = 40, 400
PAGE_SIZE = 50
STATEMENTS_PER_RUN = 250  # of the parts, the marks, the outcome's tables: a run asks each of them something
# Sources are pulled side by side: which of them ends first decides over a transaction more or less.
STATEMENTS_EITHER_WAY, PAGES_EITHER_WAY = 10, 4
ROWS_PER_EMPLOYEE = 20  # a person, an employment and a device: staged, believed, and as the outcome has them
ROWS_PER_RUN = 20  # the pulls, the states of their parts, the reconciliation

Happening = Callable[[Installation], None]


class RunCosts(msgspec.Struct, frozen=True):
    """What one run cost."""

    rows_written: int
    statements: int
    journal_bytes: int
    tokens: int
    requests: int


TwoCosts = Callable[[Happening], tuple[RunCosts, RunCosts]]


def nothing_happens(_: Installation) -> None:
    """The systems show what they showed before."""


def one_device_changes(town: Installation) -> None:
    """One device is updated."""
    town.devices[0]["osVersion"] = "27.0.2"


def every_device_is_in_contact(town: Installation) -> None:
    """Nothing but the time of the last contact differs."""
    for device in town.devices:
        device["lastSyncDateTime"] = "2026-11-24T05:00:00Z"


def one_employee_changes(town: Installation, place: int = 0) -> None:
    """A new edition of the staff file, with another first day of one employment."""
    town.staff[place] = msgspec.structs.replace(town.staff[place], first="2020-09-01")
    town.write_staff(town.today)


def another_employee_changes(town: Installation) -> None:
    """A new edition of the staff file, with another first day of another employment."""
    one_employee_changes(town, 1)


def costs_of_repeat(folder: Path, people: int, happening: Happening) -> RunCosts:
    """The costs of a run after *happening*, in an installation of this size that has read everything twice before.

    Twice, because the first time it learns who is protected, so that everybody is judged anew the second time.
    """
    with counted_sql() as sql, installation(folder, people) as town, town.open() as opened:
        opened.run()
        town.advance_clock(hours=1)
        another_employee_changes(town)
        opened.run()
        town.advance_clock(hours=1)
        happening(town)
        return costs_of_run(town, opened, sql)


def costs_of_first_run(folder: Path, people: int) -> RunCosts:
    """The costs of a run into an empty database."""
    with counted_sql() as sql, installation(folder, people) as town, town.open() as opened:
        return costs_of_run(town, opened, sql)


def installation(folder: Path, people: int) -> Installation:
    """An installation whose Graph gives small pages. One employee is protected, so that tokens matter."""
    folder.mkdir()
    town = Installation(folder, people=people, page=PAGE_SIZE)
    town.staff[-1] = msgspec.structs.replace(town.staff[-1], mark="J")
    return town


def costs_of_run(town: Installation, opened: OpenInstallation, sql: SqlCounter) -> RunCosts:
    """Run once and count."""
    empty_journal(town.database)
    sql.reset()
    asked_before = len(town.graph.stub_server.log)
    with counted_calls(record_tokens, key_tokeniser(b"any")) as calls:
        report = opened.run()
    assert not report.held
    return RunCosts(
        rows_written=sql.rows_written,
        statements=sql.statements,
        journal_bytes=journal_bytes(town.database),
        tokens=calls.total(),
        requests=len(town.graph.stub_server.log) - asked_before,
    )


@pytest.fixture(scope="module")
def costs_at_two_sizes(tmp_path_factory: pytest.TempPathFactory) -> TwoCosts:
    """The costs of a run after something happened, in a small and in a large municipality. Each is lived once."""

    @cache
    def costs(happening: Happening) -> tuple[RunCosts, RunCosts]:
        folder = tmp_path_factory.mktemp(happening.__name__)
        few = costs_of_repeat(folder / "few", FEW, happening)
        return few, costs_of_repeat(folder / "many", MANY, happening)

    return costs


@pytest.fixture(scope="module")
def first_costs(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunCosts, RunCosts]:
    """The costs of a run into an empty database, in a small and in a large municipality."""
    folder = tmp_path_factory.mktemp("first")
    return costs_of_first_run(folder / "few", FEW), costs_of_first_run(folder / "many", MANY)


# --- written and asked --------------------------------------------------------------------------------------------------


def test_a_run_in_which_nothing_changed_writes_the_same_few_rows_at_every_size(costs_at_two_sizes: TwoCosts) -> None:
    few, many = costs_at_two_sizes(nothing_happens)

    assert few.rows_written == many.rows_written <= ROWS_PER_RUN


def test_a_run_in_which_nothing_changed_writes_no_more_bytes_in_a_large_municipality(
    costs_at_two_sizes: TwoCosts,
) -> None:
    few, many = costs_at_two_sizes(nothing_happens)

    assert many.journal_bytes <= few.journal_bytes + PAGES_EITHER_WAY * 4096


def test_a_changed_device_costs_the_same_rows_in_a_small_and_in_a_large_municipality(
    costs_at_two_sizes: TwoCosts,
) -> None:
    few, many = costs_at_two_sizes(one_device_changes)

    assert few.rows_written == many.rows_written <= ROWS_PER_RUN + 10


@pytest.mark.parametrize("happening", [nothing_happens, one_device_changes, one_employee_changes])
def test_the_statements_of_a_run_do_not_grow_with_what_is_known(
    costs_at_two_sizes: TwoCosts, happening: Happening
) -> None:
    few, many = costs_at_two_sizes(happening)

    assert many.statements <= few.statements + STATEMENTS_EITHER_WAY <= STATEMENTS_PER_RUN


def test_a_contact_that_moved_costs_three_rows(costs_at_two_sizes: TwoCosts) -> None:
    """As staged, as believed, and in the device's row of the outcome."""
    few, many = costs_at_two_sizes(every_device_is_in_contact)

    assert many.rows_written - few.rows_written <= 3 * (MANY - FEW)


def test_a_source_is_asked_once_per_page_and_signed_in_to_once(costs_at_two_sizes: TwoCosts) -> None:
    few, many = costs_at_two_sizes(one_device_changes)

    assert (few.requests, many.requests) == (1, MANY // PAGE_SIZE)


def test_an_employee_with_a_device_costs_a_first_run_a_fixed_number_of_rows(
    first_costs: tuple[RunCosts, RunCosts],
) -> None:
    few, many = first_costs

    assert many.rows_written - few.rows_written <= ROWS_PER_EMPLOYEE * (MANY - FEW)


# --- not computed -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("happening", [nothing_happens, one_device_changes, one_employee_changes])
def test_a_record_that_did_not_change_costs_no_token(costs_at_two_sizes: TwoCosts, happening: Happening) -> None:
    few, many = costs_at_two_sizes(happening)

    assert few.tokens == many.tokens


def test_a_first_run_computes_tokens(first_costs: tuple[RunCosts, RunCosts]) -> None:
    """What the test above counts is what a run really calls."""
    few, many = first_costs

    assert FEW <= few.tokens < many.tokens


# --- memory -------------------------------------------------------------------------------------------------------------


def most_records_during_pull(town: Installation, opened: OpenInstallation) -> int:
    """The most records of devices that were alive at once while Intune was pulled, beyond those before."""
    before, alive = living(DeviceRecord), list[int]()
    take_page = PullTracker.take_page

    def counted(tracker: PullTracker, records: int) -> None:
        alive.append(living(DeviceRecord) - before)
        take_page(tracker, records)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(PullTracker, "take_page", counted)
        sync.pull_source(opened.application.run_context, opened.due("intune"))
    assert len(alive) >= len(town.devices) // PAGE_SIZE, "it is told of every page"
    return max(alive)


def test_a_pull_holds_as_many_records_at_once_in_a_large_as_in_a_small_municipality(tmp_path: Path) -> None:
    most = []
    for people in (4 * PAGE_SIZE, 12 * PAGE_SIZE):
        with installation(tmp_path / str(people), people) as town, town.open() as opened:
            opened.run()
            town.advance_clock(hours=1)
            most.append(most_records_during_pull(town, opened))

    assert most[0] == most[1] <= 3 * PAGE_SIZE


# --- query plans --------------------------------------------------------------------------------------------------------


def test_no_statement_that_runs_for_many_records_reads_a_table_whole(tmp_path: Path) -> None:
    with counted_sql() as sql, Installation(tmp_path, people=FEW) as town, town.open() as opened:
        opened.run()
        town.advance_clock(hours=1)
        for device in town.devices[::2]:
            device["osVersion"] = "27.0.2"
        sql.reset()
        opened.run()
        often = [
            sql.samples[shape] for shape, times in sql.executions.items() if times >= FEW // 4 and "BEGIN" not in shape
        ]
        plans = {statement: query_plan(town.database, statement) for statement in often if statement != "COMMIT"}

    assert any(plan for plan in plans.values()), "records are updated one by one"
    assert not [statement for statement, plan in plans.items() if any(step.startswith("SCAN") for step in plan)]
