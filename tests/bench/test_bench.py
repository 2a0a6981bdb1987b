"""The bench itself: that its contenders do the same job, that a wrong answer is noticed, and what its table says."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import requests

from bench.comparison import Measurement, Step, compare_commands, median_of
from bench.contenders import Contender, Fleetsync, Script, differing_units
from bench.goals import BEGIN, END, GOALS, Results, markdown_table, write_between_markers
from bench.graph_server import DEVICES_PATH, TOKEN
from bench.municipality import Change, Municipality, device_rows
from bench.processes import Cost, ProgramFailed, run_measured
from bench.server_process import ServerProcess
from bench.workplace import Workplace

SIZE = 1200  # more than one page of the scripts, and a device or two to replace
NOW = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
COST = Cost(cpu_seconds=2.0, wall_seconds=3.0, peak_bytes=4, written_bytes=5)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    return Workplace(tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def server(workplace: Workplace) -> Iterator[ServerProcess]:
    with ServerProcess(SIZE, workplace.folder) as running:
        yield running


# --- the municipality ---------------------------------------------------------------------------------------------------


def test_a_seed_always_gives_the_same_municipality_and_the_same_changes() -> None:
    towns = Municipality(SIZE, NOW), Municipality(SIZE, NOW)
    for town in towns:
        town.advance(Change.SOME, NOW + timedelta(hours=1))

    assert list(device_rows(towns[0].devices)) == list(device_rows(towns[1].devices))
    assert towns[0].coverage() == towns[1].coverage()


def test_one_per_cent_changes_and_one_per_mille_is_replaced() -> None:
    town = Municipality(10_000, NOW)
    before = {str(row["id"]): row for row in device_rows(town.devices)}

    town.advance(Change.SOME, NOW + timedelta(hours=1))

    after = {str(row["id"]): row for row in device_rows(town.devices)}
    assert len(after.keys() - before.keys()) == len(before.keys() - after.keys()) == 10
    changed = sum(before[name] != after[name] for name in before.keys() & after.keys())
    assert 80 <= changed <= 100  # some are given to whom they had been given before


def test_moved_contacts_move_nothing_else() -> None:
    town = Municipality(SIZE, NOW)
    before = list(device_rows(town.devices))

    town.advance(Change.CONTACTS, NOW + timedelta(hours=1))

    after = list(device_rows(town.devices))
    differing = [{key for key in old if old[key] != new[key]} for old, new in zip(before, after, strict=True)]
    assert {key for keys in differing for key in keys} == {"lastSyncDateTime"}
    assert sum(map(bool, differing)) == round(0.8 * SIZE)


def test_a_row_has_the_fields_of_the_whole_resource() -> None:
    (row,) = device_rows(Municipality(1, NOW).devices)

    assert len(row) >= 54


# --- the server ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [500, 1000, 7])
def test_the_server_pages_as_graph_does(server: ServerProcess, size: int) -> None:
    seen, url = list[str](), f"{server.address}{DEVICES_PATH}?$top={size}"
    while url:
        page = requests.get(url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30).json()
        assert page["@odata.count"] == len(page["value"]) <= size
        seen += [row["id"] for row in page["value"]]
        url = page.get("@odata.nextLink")

    assert len(seen) == len(set(seen)) == SIZE


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        (f"{DEVICES_PATH}?$top=500", "another", 401),
        (f"{DEVICES_PATH}?$top=1001", TOKEN, 400),
        (f"{DEVICES_PATH}?$top=500&$skiptoken=xyz", TOKEN, 400),
        ("/v1.0/users", TOKEN, 404),
    ],
)
def test_the_server_refuses_what_graph_refuses(server: ServerProcess, path: str, token: str, status: int) -> None:
    answer = requests.get(server.address + path, headers={"Authorization": f"Bearer {token}"}, timeout=30)

    assert answer.status_code == status


# --- the comparison -----------------------------------------------------------------------------------------------------


def test_all_contenders_come_to_the_right_answer_twice(server: ServerProcess, workplace: Workplace) -> None:
    contenders: list[Contender] = [
        Script("Core script", "core_script.py", workplace, server.address),
        Script("lean", "lean.py", workplace, server.address),
        Fleetsync(workplace),
    ]
    lines: list[object] = []

    measured = compare_commands(server, contenders, 1, lines.append)

    assert [run.wrong_units for run in measured] == [[]] * 6
    assert lines == measured
    assert all(run.cost.cpu_seconds > 0 and run.cost.peak_bytes > 0 for run in measured)
    assert all(0 < run.changed_bytes <= run.database_bytes for run in measured)


def test_a_unit_with_another_number_and_a_unit_left_out_are_wrong() -> None:
    truth = {"a": (3, 2), "b": (1, 1), "c": (0, 0)}

    assert differing_units({"a": (3, 3)}, truth) == ["a", "b"]


def test_a_wrong_answer_has_no_ratio() -> None:
    right = Measurement("x", Step.FIRST, COST, 8, 8, [])
    wrong = Measurement("x", Step.FIRST, COST, 8, 8, ["a"])

    assert median_of([right], "x", Step.FIRST, lambda run: run.cost.cpu_seconds) == 2.0
    assert median_of([right, wrong], "x", Step.FIRST, lambda run: run.cost.cpu_seconds) is None


def test_a_program_that_fails_is_told_with_what_it_printed(tmp_path: Path) -> None:
    command = ["/bin/sh", "-c", "echo no devices today; exit 3"]

    with pytest.raises(ProgramFailed, match=r"ended with 3.*no devices today"):
        run_measured(command, tmp_path, tmp_path / "program.log")


def test_a_measured_program_has_the_cost_of_its_children(tmp_path: Path) -> None:
    child = (
        "import os; a = bytearray(80_000_000); f = open('out', 'wb'); f.write(bytes(5_000_000)); f.flush(); os.fsync(f)"
    )
    cost = run_measured(["/bin/sh", "-c", f'python3 -c "{child}"; true'], tmp_path, tmp_path / "program.log")

    assert cost.peak_bytes >= 80_000_000
    assert cost.written_bytes >= 5_000_000


# --- the table ----------------------------------------------------------------------------------------------------------


def results(size: int, **figures: float | None) -> Results:
    return Results(size=size, day=date(2026, 11, 24), machine="a machine", rounds=3, load=0.5, figures=figures)


def rows(table: str) -> dict[str, list[str]]:
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")]
    return {cells[0]: [cell.strip() for cell in cells[1:]] for cells in lines}


def test_the_keys_of_the_goals_are_unique() -> None:
    assert len({goal.key for goal in GOALS}) == len(GOALS)


def test_a_figure_is_judged_by_its_goal() -> None:
    table = rows(markdown_table(results(100_000, first=2.4, repeat=1.6, peak=449.0), None))

    assert table["first sync / Core script, CPU"] == ["–", "2.40 ×", "≤ 2.50 ×", "yes"]
    assert table["repeat, 1 % changed, `fleetsync sync` / Core script, CPU"][-1] == "**no**"
    assert table["peak memory of a sync"] == ["–", "449 MB", "≤ 450 MB", "yes"]


def test_a_goal_for_a_size_judges_no_other_size() -> None:
    assert rows(markdown_table(results(1000, peak=90.0), None))["peak memory of a sync"][2] == "–"


def test_a_goal_may_be_a_share_of_what_was_before() -> None:
    table = markdown_table(results(100_000, page_ready=6.0), results(100_000, page_ready=40.0))

    assert rows(table)["page ready after the daemon's start, CPU until then"] == [
        "40.0 s",
        "6.00 s",
        "≤ 5.00 s",
        "**no**",
    ]


def test_a_wrong_answer_meets_no_goal() -> None:
    assert rows(markdown_table(results(1000, first=None), None))["first sync / Core script, CPU"][1:] == [
        "wrong answer",
        "≤ 2.50 ×",
        "**no**",
    ]


def test_the_table_is_written_between_its_markers(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")

    write_between_markers(document, "new")

    assert document.read_text(encoding="utf-8") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    document.write_text("no markers", encoding="utf-8")
    with pytest.raises(ValueError, match="has no lines"):
        write_between_markers(document, "new")
