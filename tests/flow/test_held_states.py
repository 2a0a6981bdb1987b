"""A held pull can always be left by a command, and by the page where its part is configured; nothing of it stays."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from fleetsync import sync
from fleetsync.cli import root
from fleetsync.core.model import ChangePlan
from fleetsync.daemon.held_changes import with_held_changes
from fleetsync.daemon.ledger_ports import LedgerDecisions
from fleetsync.expose.telemetry import DaemonStatus, render_telemetry
from tests.flow.installation import Installation, OpenInstallation

WHY = ("--reason", "checked")
Change = Callable[[Installation], None]


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path) as built:
        with built.open_after_a_run():
            built.advance_clock(hours=6)
        yield built


def command(installation: Installation, *words: str) -> str:
    variables = {"FLEETSYNC_NOW": installation.clock.now().isoformat()}
    done = CliRunner().invoke(root, ["--config", str(installation.config), *words], env=variables)
    assert done.exit_code == 0, done.output
    return done.stdout


def half_is_gone(installation: Installation) -> None:
    del installation.devices[4:]


def all_is_gone(installation: Installation) -> None:
    installation.devices.clear()


def many_are_marked(installation: Installation) -> None:
    installation.staff = [replace(row, mark="J") if row.n < 9 else row for row in installation.staff]
    installation.write_staff(installation.today)


def nothing(_installation: Installation) -> None:
    pass


def held_again(installation: Installation) -> None:
    with installation.open() as opened:
        installation.advance_clock(hours=6)
        del installation.devices[3:]
        opened.run()


def not_configured(installation: Installation) -> None:
    installation.names = tuple(name for name in installation.names if name != "intune")
    installation.write()


def disabled(installation: Installation) -> None:
    installation.keys["intune"] = "disabled = true\n"
    installation.write()


STATES: dict[str, tuple[Change, Change]] = {
    "held": (half_is_gone, nothing),
    "held with nothing left": (all_is_gone, nothing),
    "held for marks": (many_are_marked, nothing),
    "held again": (half_is_gone, held_again),
    "of a source that is switched off": (half_is_gone, disabled),
    "of a source that is no longer configured": (half_is_gone, not_configured),
}


def bring_into_state(installation: Installation, state: str) -> int:
    """The number of the held pull."""
    fault, then = STATES[state]
    fault(installation)
    with installation.open() as opened:
        opened.run()
    then(installation)
    with installation.open() as opened:
        (held,) = opened.ledger.held_pulls()
        return held.pull


def left_of_held(installation: Installation) -> list[int]:
    """Held pulls, staged rows and waiting marks, as the database has them."""
    with closing(sqlite3.connect(installation.database)) as database:
        return [
            database.execute(statement).fetchone()[0]
            for statement in (
                "SELECT count(*) FROM part_state WHERE held_pull IS NOT NULL",
                "SELECT count(*) FROM staged_record",
                "SELECT count(*) FROM pending_mark",
            )
        ]


@pytest.mark.parametrize("verb", ["accept", "reject"])
@pytest.mark.parametrize("state", STATES)
def test_every_command_that_is_named_for_a_held_pull_leaves_its_state(
    installation: Installation, state: str, verb: str
) -> None:
    pull = bring_into_state(installation, state)
    shown = command(installation, "pulls")
    offered = [line.split("fleetsync ")[1].split(" --reason")[0].split() for line in shown.splitlines() if line.startswith("to ")]  # fmt: skip
    chosen = [words for words in offered if words[0] == verb]

    assert "reject" in [words[0] for words in offered]
    assert chosen or state in {"held with nothing left", "of a source that is no longer configured"}
    for words in chosen:
        assert words[2] == str(pull)
        command(installation, *words, *WHY, *(["--yes"] if verb == "accept" else []))
        assert left_of_held(installation) == [0, 0, 0]
        assert command(installation, "pulls") == "no pull waits for a decision\n"


def page_decisions(opened: OpenInstallation, *, is_planned: bool) -> LedgerDecisions:
    run_context = opened.application.run_context
    plans = sync.plans_of_held(run_context) if is_planned else {}
    return LedgerDecisions(lambda: run_context, plans.get, lambda: None)


@pytest.mark.parametrize("is_planned", [True, False])
@pytest.mark.parametrize("state", STATES)
def test_the_page_can_always_reject_even_what_cannot_be_planned(
    installation: Installation, state: str, is_planned: bool
) -> None:
    pull = bring_into_state(installation, state)
    with installation.open() as opened:
        (held,) = opened.ledger.held_pulls()
        decisions = page_decisions(opened, is_planned=is_planned)
        assert [each.pull for each in decisions.leftover_pulls()] == ([pull] if "no longer" in state else [])
        decisions.reject(held.source, held.part, pull, who="tea", reason="checked")

    assert left_of_held(installation) == [0, 0, 0]


@pytest.mark.parametrize("way", ["page", "command"])
def test_what_is_accepted_changes_the_numbers_as_its_plan_said(installation: Installation, way: str) -> None:
    pull = bring_into_state(installation, "held")
    with installation.open() as opened:
        promised = sync.plans_of_held(opened.application.run_context)[pull].coverage_changes
        if way == "page":
            page_decisions(opened, is_planned=True).accept("intune", "devices", pull, who="tea", reason="checked")
    if way == "command":
        command(installation, "accept", "intune/devices", str(pull), *WHY, "--yes")
    with installation.open() as opened:
        numbers = {(row.unit, row.entitlement): (row.entitled, row.covered) for row in opened.snapshot.outcome.coverage}

    assert promised
    for change in promised:
        assert numbers[change.unit, change.entitlement] == (change.entitled_after, change.covered_after)


def test_a_plan_names_units_totals_and_a_few_examples_and_the_command_prints_them(installation: Installation) -> None:
    pull = bring_into_state(installation, "held")
    with installation.open() as opened:
        plan: ChangePlan = sync.plans_of_held(opened.application.run_context)[pull]
        covered = {row.covered for row in opened.snapshot.outcome.coverage if row.unit == "backskolan"}

    assert [(each.unit, each.absent) for each in plan.units] == [("backskolan", plan.absent)]
    assert {each.change for each in plan.samples} == {"absent"}
    assert 0 < len(plan.samples) <= 5
    assert covered
    shown = command(installation, "pulls", "intune/devices")
    assert f"at unit      backskolan: 0 new, 0 changed, 0 back, {plan.absent} absent" in shown
    assert f"for example  absent: device {plan.samples[0].subject_id}" in shown


def test_the_metrics_say_what_a_held_pull_would_change(installation: Installation) -> None:
    pull = bring_into_state(installation, "held")
    with installation.open() as opened:
        parts = opened.ledger.part_states(opened.application.run_context.parts())
        plans = sync.plans_of_held(opened.application.run_context)
    status = with_held_changes(DaemonStatus(version="", revision=""), parts, plans.get)
    plan = plans[pull]

    assert status.held_records["intune", "devices", "absent"] == plan.absent > 0
    assert status.held_records["intune", "devices", "new"] == 0
    assert f'fleetsync_source_held_records{{change="absent",part="devices",source="intune"}} {plan.absent}.0' in (
        render_telemetry(status).decode()
    )
    assert with_held_changes(status, parts, lambda _: None).held_records == {}


def test_a_plan_names_nobody_whom_it_would_mark(installation: Installation) -> None:
    pull = bring_into_state(installation, "held for marks")
    with installation.open() as opened:
        plan = sync.plans_of_held(opened.application.run_context)[pull]

    assert plan.changed
    assert plan.samples == ()
