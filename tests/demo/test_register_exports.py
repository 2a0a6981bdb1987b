"""The register's files say what its server says: read by their connectors, they give the true numbers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, time
from pathlib import Path
from threading import Event
from zoneinfo import ZoneInfo

from fleetsync import sync
from fleetsync.clock import ManualClock
from fleetsync.core.model import CENTRAL, UNPLACED, CoverageDay, Verdict
from fleetsync.daemon.composition import Application, build_application
from fleetsync.daemon.configured_ledger import open_configured_ledger
from fleetsync.demo.configuration import StubAddresses, write_configuration
from fleetsync.demo.days import DEMO_DAY
from fleetsync.demo.names import CANARY
from fleetsync.demo.register_exports import write_placement_list, write_pupil_lists, write_sds_set
from fleetsync.demo.truth import GroundTruth
from fleetsync.demo.world import DemoWorld
from fleetsync.settings import load

SILENT = "http://127.0.0.1:1"
LISTS = """
[[source]]
kind = "register_file"
name = "elevlistor"
path = "register"
counts = ["enrolment", "placement"]
settle_seconds = 0
"""
SDS = """
[[source]]
kind = "sds_files"
name = "sds"
path = "sds"
counts = ["pupils"]
without = ["staff"]
settle_seconds = 0
"""


@contextmanager
def application_with(folder: Path, table: str) -> Iterator[Application]:
    """Exempelby's units and calendar, with the source of *table* in place of all others."""
    config = write_configuration(folder, StubAddresses(SILENT))
    base = config.read_text(encoding="utf-8").split("[[source]]")[0]
    config.write_text(base + table, encoding="utf-8")
    clock = ManualClock(datetime.combine(DEMO_DAY, time(6, 30), ZoneInfo("Europe/Stockholm")))
    with open_configured_ledger(load(config, environ={}), clock) as ledger:
        yield build_application(load(config, environ={}), clock, ledger, Event())


def entitled(
    coverage: Mapping[tuple[str, str], CoverageDay], *entitlements: str
) -> dict[tuple[str, str], tuple[int, int]]:
    """How many are entitled and cannot be decided, by unit and entitlement."""
    rows = {key: (row.entitled, row.undecided) for key, row in coverage.items() if key[1] in entitlements}
    return {key: numbers for key, numbers in rows.items() if any(numbers)}


def read_once(application: Application) -> dict[tuple[str, str], CoverageDay]:
    due = [(source, part) for source in application.sources for part in source.parts]
    pulled = sync.run(application.run_context, due).pulled
    assert {each.verdict for each in pulled} == {Verdict.COMPLETE}
    return {(row.unit, row.entitlement): row for row in sync.rebuild_snapshot(application.run_context).outcome.coverage}


def test_the_lists_of_pupils_and_children_give_the_true_numbers_and_nothing_else_is_stored(
    whole: DemoWorld, tmp_path: Path
) -> None:
    contents = whole.contents_on(DEMO_DAY)
    lists = write_pupil_lists(contents, tmp_path / "register")
    write_placement_list(contents.register, tmp_path / "register")
    truth = GroundTruth(whole, DEMO_DAY).coverage()
    assert all(CANARY.encode() in file.read_bytes().lower() for file in lists)

    with application_with(tmp_path, LISTS) as application:
        coverage = read_once(application)
    stored = b"".join(file.read_bytes() for file in (tmp_path / "database").glob("*.db*") if file.is_file()).lower()
    civic_numbers = [learner.civic for learner in contents.register.learners[::100]]

    assert entitled(coverage, "pupils", "preschool") == entitled(truth, "pupils", "preschool")
    assert len(civic_numbers) > 10
    assert [text for text in (CANARY, *civic_numbers) if text.encode() in stored] == []


def test_a_set_for_school_data_sync_gives_the_true_numbers_of_schools(whole: DemoWorld, tmp_path: Path) -> None:
    write_sds_set(whole.contents_on(DEMO_DAY), tmp_path / "sds")
    truth = GroundTruth(whole, DEMO_DAY).coverage()

    with application_with(tmp_path, SDS) as application:
        coverage = read_once(application)

    # Whoever is marked as protected is not in it, and no unit of theirs is shown either.
    assert at_schools(entitled(coverage, "pupils")) == at_schools(entitled(truth, "pupils"))


def at_schools(numbers: dict[tuple[str, str], tuple[int, int]]) -> dict[tuple[str, str], tuple[int, int]]:
    return {key: pair for key, pair in numbers.items() if key[0] not in (UNPLACED, CENTRAL)}
