"""A process that is killed in the middle of anything leaves the state before it, or the state after it."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from fleetsync.core.model import Verdict
from fleetsync.store.ledger import Ledger
from tests.store.ledger_samples import (
    DAY,
    MONDAY,
    a_whole_outcome,
    believed_records,
    bytes_of,
    device,
    dump,
    ledger_at,
    record_outcome,
    row_to_put,
    stage_and_apply,
    stage_pull,
)
from tests.store.test_privacy import HER_TOKEN, HER_WORDS, a_school

# How the server ends the transaction of a client that died: test_postgresql.py.
pytestmark = pytest.mark.only_database("sqlite")

# The pause lies in the database's own engine, behind a row of the very transaction that is to be cut in two.
PAUSED = """
    import sys, time
    from pathlib import Path
    from fleetsync.core.model import PullLimits
    from tests.store.ledger_samples import *

    ledger = ledger_at(Path(sys.argv[1]))

    def pause():
        print("in the middle", flush=True)
        time.sleep(600)

    with ledger._database.writing.connect() as connection:
        driver = connection.connection.driver_connection
        driver.create_function("pause", 0, pause)
        driver.execute("CREATE TEMP TRIGGER paused {when} BEGIN SELECT pause(); END")

    {then}
    print("all done", flush=True)
    time.sleep(600)
"""


def killed(file: Path, when: str, then: str) -> str:
    """Run *then* in a process of its own, kill it when it reports, and say what it reported."""
    script = textwrap.dedent(PAUSED).format(when=when, then=then)
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(file)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    with process.stdout as reports:
        reported = reports.readline().strip()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    return reported


NEVER = "AFTER INSERT ON protected_token"


@pytest.fixture
def held(ledger: Ledger, file: Path) -> int:
    """A believed fleet, and a held pull of it that changes 200 devices and adds 200."""
    stage_and_apply(ledger, [row_to_put(device(str(number))) for number in range(400)])
    effect = stage_pull(ledger, [row_to_put(device(str(number), model="iPad 10"), 2) for number in range(200, 600)])
    ledger.hold(effect.pull, ())
    ledger.close()
    return effect.pull


@pytest.mark.parametrize(
    "when",
    [
        "AFTER UPDATE ON record WHEN NEW.source_id = '300'",
        "AFTER INSERT ON record WHEN NEW.source_id = '500'",
        "AFTER DELETE ON staged_record WHEN OLD.source_id = '599'",
        "AFTER UPDATE ON pull WHEN NEW.verdict = 'complete'",
        "AFTER UPDATE ON pull WHEN NEW.decision = 'accepted'",
    ],
)
def test_killed_while_a_pull_is_applied_nothing_of_it_is_believed(file: Path, held: int, when: str) -> None:
    before = dump(file)

    reported = killed(file, when, f"ledger.accept({held}, 'strategen', 'true')")

    assert reported == "in the middle"
    with ledger_at(file) as ledger:
        assert dump(file) == before
        assert ledger.verify() == ()
        ledger.accept(held, "strategen", "true")
        assert len(believed_records(ledger)) == 600


def test_killed_after_a_pull_was_applied_all_of_it_is_believed(file: Path, held: int) -> None:
    reported = killed(file, NEVER, f"ledger.accept({held}, 'strategen', 'true')")

    assert reported == "all done"
    with ledger_at(file) as ledger:
        assert len(believed_records(ledger)) == 600
        assert ledger.find_held_pull("jamf", "devices") is None


STAGE = """
    pull = ledger.begin_pull("jamf", "devices", MONDAY)
    ledger.stage_rows(pull, [row_to_put(device("1"), 2)])
    ledger.stage_rows(pull, [row_to_put(device(str(number)), 2) for number in range(2, 100)])
"""


@pytest.mark.parametrize(
    ("when", "report"),
    [("AFTER INSERT ON staged_record WHEN NEW.source_id = '50'", "in the middle"), (NEVER, "all done")],
)
def test_killed_while_it_stages_a_pull_leaves_nothing_but_a_failed_attempt(file: Path, when: str, report: str) -> None:
    with ledger_at(file) as ledger:
        stage_and_apply(ledger, [row_to_put(device("1"))])
    unchanged = ("pull", "part_state")
    before = dump(file, *unchanged)

    assert killed(file, when, textwrap.dedent(STAGE).strip().replace("\n", "; ")) == report

    with ledger_at(file) as ledger:
        assert dump(file, *unchanged) == before
        assert [line.verdict for line in ledger.pulls()] == [Verdict.FAILED, Verdict.COMPLETE]
        assert ledger.begin_pull("jamf", "devices", MONDAY)


RECORD = "record_outcome(ledger, a_whole_outcome(MONDAY + DAY, believed_records(ledger)))"


@pytest.mark.parametrize(
    "when",
    [
        "AFTER UPDATE ON record",
        "AFTER INSERT ON device",
        "AFTER INSERT ON assignment",
        "AFTER INSERT ON gap WHEN NEW.kind = 'stale'",
        "AFTER INSERT ON coverage",
        "AFTER INSERT ON reconciliation",
    ],
)
def test_killed_while_an_outcome_is_recorded_nothing_of_it_is_known(file: Path, when: str) -> None:
    with ledger_at(file) as ledger:
        stage_and_apply(ledger, [row_to_put(device("1"))])
    before = dump(file)

    assert killed(file, when, RECORD) == "in the middle"

    with ledger_at(file) as ledger:
        assert dump(file) == before
        record_outcome(ledger, a_whole_outcome(MONDAY, believed_records(ledger)))


def test_killed_after_an_outcome_was_recorded_all_of_it_is_known(file: Path) -> None:
    with ledger_at(file) as ledger:
        stage_and_apply(ledger, [row_to_put(device("1"))])

    assert killed(file, NEVER, RECORD) == "all done"

    with ledger_at(file) as ledger:
        newest = ledger.newest_reconciliation()
        assert newest is not None
        assert {entry.thing_id for entry in believed_records(ledger)} == {"d1"}
        assert len(ledger.gaps_as_of(newest.at)) == 2


RESTORE = """
    replace = ledger._database.restore_from

    def replace_and_report(prepared):
        {0}
        replace(prepared)
        {1}

    ledger._database.restore_from = replace_and_report
    ledger.restore(Path(sys.argv[1]).with_name("monday.db"))
"""
REPORT = 'print("in the middle", flush=True); time.sleep(600)'


@pytest.mark.parametrize(("before", "after"), [(REPORT, ""), ("", REPORT)])
def test_killed_while_a_copy_is_restored_nobody_who_was_hidden_comes_back(
    ledger: Ledger, file: Path, before: str, after: str
) -> None:
    a_school(ledger)
    ledger.backup(file.with_name("monday.db"))
    ledger.erase([HER_TOKEN], MONDAY + DAY)
    stage_and_apply(ledger, [row_to_put(device("99"))], at=MONDAY + DAY)
    ledger.close()

    assert killed(file, NEVER, textwrap.dedent(RESTORE.format(before, after)).strip()) == "in the middle"

    with ledger_at(file) as reopened:
        assert HER_TOKEN in reopened.erased_tokens()
        assert [word for word in HER_WORDS if word in bytes_of(file)] == []
        assert ("99" in {entry.record.source_id for entry in believed_records(reopened)}) is bool(before)
        assert reopened.verify() == ()
        reopened.restore(file.with_name("monday.db"))
        assert sorted(path.name for path in file.parent.glob("monday.db*")) == ["monday.db"]
