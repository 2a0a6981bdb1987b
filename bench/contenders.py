"""The programs that are compared: how each is run, and where its answer is."""

import json
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Protocol

from bench.municipality import UNIT_COUNT, UnitCoverage, unit_name, unit_slug
from bench.processes import Cost, run_measured
from bench.server_process import ROOT
from bench.workplace import Workplace

_SLUGS = {unit_name(unit): unit_slug(unit) for unit in range(UNIT_COUNT)}
_COVERAGE = """
select unit, entitled, covered_own + covered_set + covered_pool from coverage
where entitlement = 'staff' and day = (select max(day) from coverage)
"""


class Contender(Protocol):
    """A program that syncs the municipality into a database of its own."""

    name: str
    database: Path

    def forget(self) -> None:
        """Delete its database."""

    def sync(self) -> Cost:
        """Run it once."""

    def answer(self) -> UnitCoverage:
        """The coverage it came to."""


class Script:
    """A program of `bench/` that is given the address of Graph, the staff file, a database and a file for its answer."""

    def __init__(self, name: str, program: str, workplace: Workplace, graph: str, python: str = sys.executable) -> None:
        self.name = name
        self._workplace = workplace
        self._folder = workplace.folder / Path(program).stem
        self._folder.mkdir(exist_ok=True)
        self.database, self._answer = self._folder / "devices.db", self._folder / "answer.json"
        files = (workplace.staff_file, self.database, self._answer)
        self._command = [python, f"bench/{program}", graph, *map(str, files)]

    def forget(self) -> None:
        """Delete its database."""
        shutil.rmtree(self._folder)
        self._folder.mkdir()

    def sync(self) -> Cost:
        """Run it once."""
        return run_measured(self._command, ROOT, self._workplace.folder / f"{self._folder.name}.log")

    def answer(self) -> UnitCoverage:
        """The coverage it came to."""
        units = json.loads(self._answer.read_text(encoding="utf-8"))
        return {_SLUGS[name]: (expected, covered) for name, (expected, covered) in units.items()}


class DltScript(Script):
    """dlt at its best, with the Python of an environment that has it."""

    name = "dlt"

    def __init__(self, workplace: Workplace, graph: str, python: Path) -> None:
        super().__init__(self.name, "dlt_script.py", workplace, graph, python=str(python))


class Fleetsync:
    """`fleetsync sync` as a command. *checkout*: the folder of the version that is measured, with its own .venv."""

    name = "fleetsync"

    def __init__(self, workplace: Workplace, checkout: Path = ROOT) -> None:
        self._workplace = workplace
        self.database = workplace.database
        self._checkout = checkout
        self._command = [str(checkout / ".venv/bin/fleetsync"), "--config", str(workplace.config)]

    def forget(self) -> None:
        """Delete its database."""
        for file in self._workplace.database.parent.iterdir():
            file.unlink()

    def sync(self) -> Cost:
        """Run it once."""
        return run_measured([*self._command, "sync"], self._checkout, self._workplace.folder / "sync.log")

    def answer(self) -> UnitCoverage:
        """The coverage it came to, from the table that people query."""
        return stored_coverage(self._workplace.database)


def stored_coverage(database: Path) -> UnitCoverage:
    """The newest coverage of staff in a database of fleetsync."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return {unit: (entitled, covered) for unit, entitled, covered in connection.execute(_COVERAGE)}


def differing_units(answer: UnitCoverage, truth: UnitCoverage) -> list[str]:
    """The units in which *answer* is wrong. A unit that it leaves out counts as one where nobody is owed a device."""
    nothing = (0, 0)
    return sorted(
        unit for unit in answer.keys() | truth.keys() if answer.get(unit, nothing) != truth.get(unit, nothing)
    )
