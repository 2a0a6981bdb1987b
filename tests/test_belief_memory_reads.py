"""What a process remembers is not read again: the statements of a second run are counted."""

import re
from pathlib import Path

from sqlalchemy import event

from fleetsync import sync
from tests.flow.installation import Installation, OpenInstallation

REMEMBERED_TABLES = "record|contact|device|person|unit|membership|login|owed|assignment|gap|coverage"
READ = re.compile(rf"\b(?:FROM|JOIN) ({REMEMBERED_TABLES})\b")
CHANGED = re.compile(rf"^(?:INSERT INTO|UPDATE|DELETE FROM) ({REMEMBERED_TABLES})\b")


def tables_touched(opened: OpenInstallation) -> tuple[set[str], set[str]]:
    """The tables that a reconciliation reads, and those that it writes, of those that are remembered."""
    statements: list[str] = []
    for engine in (opened.ledger._database.reading, opened.ledger._database.writing):
        event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    sync.reconcile_now(opened.application.run_context)
    read = {table for each in statements if each.startswith("SELECT") for table in READ.findall(each)}
    return read, {table for each in statements for table in CHANGED.findall(each)}


def test_a_reconciliation_after_another_reads_nothing_of_what_is_remembered(tmp_path: Path) -> None:
    with Installation(tmp_path, people=12) as installation, installation.open() as opened:
        opened.run()
        installation.advance_clock(hours=1)

        assert tables_touched(opened) == (set(), set())


def test_after_a_write_of_somebody_else_everything_is_read_once(tmp_path: Path) -> None:
    with Installation(tmp_path, people=12) as installation, installation.open() as opened:
        opened.run()
        installation.advance_clock(hours=1)
        with installation.open() as other:
            sync.reconcile_now(other.application.run_context)
        installation.advance_clock(hours=1)

        read, written = tables_touched(opened)

        assert read >= {"record", "device", "person", "login", "assignment", "gap"}
        assert written == set()


def cases_of(opened: OpenInstallation) -> dict[str, object]:
    outcome = opened.snapshot.outcome
    return {case.person.id: case for case in outcome.people} | {case.device.id: case for case in outcome.devices}


def test_a_pull_that_changes_one_device_leaves_the_conclusions_about_all_others_as_they_are(tmp_path: Path) -> None:
    with Installation(tmp_path, people=12) as installation, installation.open() as opened:
        for _ in range(2):  # what is new gets its id at the end of the first run
            opened.run()
            installation.advance_clock(minutes=10)
        before = cases_of(opened)
        installation.devices[0] = {**installation.devices[0], "osVersion": "10.0.26200.1"}

        opened.run()

        after = cases_of(opened)
        assert after.keys() == before.keys()
        assert sum(after[subject] is not case for subject, case in before.items()) == 1
