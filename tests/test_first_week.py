"""The first week: from an empty folder to true numbers, by what `init`, `check`, `sync` and `map` print and nothing else."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fleetsync.cli import root
from fleetsync.core.model import CoverageDay
from fleetsync.demo.days import DEMO_DAY
from fleetsync.demo.replay import DemoEnvironment
from fleetsync.demo.truth import GroundTruth

NUMBERS = ("entitled", "assigned", "covered", "covered_without_contact", "unknown", "short", "undecided", "on_leave")

UnitNumbers = Mapping[tuple[str, str], Mapping[str, int]]  # by the unit's name and entitlement


class Technician:
    """A person who runs commands in a folder of their own, while the systems of *exempelby* answer."""

    def __init__(self, exempelby: DemoEnvironment, folder: Path) -> None:
        self.config = folder / "config.toml"
        self._exempelby = exempelby
        self._runner = CliRunner(env={"FLEETSYNC_NOW": exempelby.clock.now().isoformat()})

    def run(self, *words: str) -> str:
        done = self._runner.invoke(root, ["--config", str(self.config), *words])
        assert done.exit_code == 0, done.output
        return done.stdout

    def init(self) -> str:
        """Name every system with what its administrator gave, and every list that was mailed."""
        words = ["init", "--name", "Exempelby kommun", "--output", str(self.config)]
        for table in tomllib.loads((self._exempelby.folder / "config.toml").read_text(encoding="utf-8"))["source"]:
            if "path" in table:
                words += ["--file", str(max(self._exempelby.folder.glob(table["path"])))]
            else:
                words += ["--kind", table["kind"]]
                for key, value in table.items():
                    if key not in {"kind", "name", "counts"}:
                        words += ["--set", f"{table['kind']}.{key}={self._given(key, value)}"]
        return self.run(*words)

    def _given(self, key: str, value: Any) -> str:
        if key.endswith("_file"):
            return str(self._exempelby.folder / value)
        return value if isinstance(value, str) else json.dumps(value)

    def say_which_calendar(self) -> None:
        """`check` warns that no school terms are known."""
        text = self.config.read_text(encoding="utf-8")
        self.config.write_text(text.replace("[calendar]", '[calendar]\nname = "exempelby"'), encoding="utf-8")

    def copy_proposals(self) -> str:
        """Copy everything that `map` proposes into the configuration."""
        proposed = self.run("map")
        with self.config.open("a", encoding="utf-8") as config:
            config.write(proposed)
        return proposed

    def coverage(self) -> UnitNumbers:
        names = {unit["slug"]: unit["name"] for unit in tomllib.loads(self.config.read_text(encoding="utf-8"))["unit"]}
        rows = json.loads(self.run("coverage", "--format", "json"))["rows"]
        return {
            (names.get(row["unit"], row["unit"]), row["entitlement"]): {name: row[name] for name in NUMBERS}
            for row in rows
            if any(row[name] for name in NUMBERS)
        }


def true_coverage(exempelby: DemoEnvironment, names: Mapping[str, str]) -> UnitNumbers:
    """What the numbers should be, for the units that anything is counted at."""
    cells: Mapping[tuple[str, str], CoverageDay] = GroundTruth(exempelby.world, DEMO_DAY).coverage(DEMO_DAY)
    return {
        (names.get(unit, unit), entitlement): numbers
        for (unit, entitlement), cell in cells.items()
        if any((numbers := {name: int(getattr(cell, name)) for name in NUMBERS}).values())
    }


@pytest.fixture
def exempelby(tmp_path: Path) -> Iterator[DemoEnvironment]:
    environment = DemoEnvironment(tmp_path / "exempelby")
    with environment.open():
        environment.start_day(DEMO_DAY)
        yield environment


def test_the_first_week_ends_with_true_numbers(exempelby: DemoEnvironment, tmp_path: Path) -> None:
    technician = Technician(exempelby, tmp_path / "new")

    written = technician.init()
    assert "units: look at the [[unit]] tables" in written
    assert "missing" not in written
    technician.say_which_calendar()
    assert "FAILED" not in technician.run("check")
    technician.run("sync")
    proposed = technician.copy_proposals()
    assert 'location = "Lager*"' in proposed
    technician.run("sync")

    units = tomllib.loads((exempelby.folder / "config.toml").read_text(encoding="utf-8"))["unit"]
    assert technician.coverage() == true_coverage(exempelby, {unit["slug"]: unit["name"] for unit in units})
    assert "sorts" not in technician.run("map")
