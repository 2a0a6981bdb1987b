"""load without a source: a mailed list becomes a source, with its units, after it was shown what it would change."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fleetsync.cli import root
from tests.flow.installation import CANARY, Installation, StaffFileRow, serial


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path / "elsewhere") as built:
        yield built


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which the commands run."""
    folder = tmp_path / "new"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def run(installation: Installation, *words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(root, words, input=typed, env={"FLEETSYNC_NOW": installation.clock.now().isoformat()})


def mailed_staff(installation: Installation) -> Path:
    installation.staff = [StaffFileRow(n=number) for number in range(1, 5)]
    return installation.write_staff(installation.today)


def mailed_devices(installation: Installation) -> Path:
    rows = [{"Serienummer": serial(number), "Enhet": "Bäckskolan", "Modell": "iPad"} for number in range(1, 4)]
    return installation.write_list("skolan", installation.today, rows)


def test_two_mailed_files_give_coverage_without_a_line_of_configuration(
    installation: Installation, folder: Path
) -> None:
    staff = run(installation, "load", str(mailed_staff(installation)), typed="y\n")
    devices = run(installation, "load", str(mailed_devices(installation)), "--yes")

    assert (staff.exit_code, devices.exit_code) == (0, 0), staff.output + devices.output
    assert "read as staff_file" in staff.output
    assert "understood as employment at Bäckskolan, form permanent" in staff.output
    assert "coverage     backskolan, staff: 0 of 0 → 0 of 4" in staff.output
    assert "understood as iPad" in devices.output
    assert CANARY not in staff.output + devices.output
    config = tomllib.loads((folder / "config.toml").read_text(encoding="utf-8"))
    assert [unit["slug"] for unit in config["unit"]] == ["backskolan"]
    assert {source["kind"] for source in config["source"]} == {"staff_file", "device_file"}
    copies = sorted((folder / "deliveries").rglob("*.csv"))
    assert [copy.stat().st_mode & 0o777 for copy in copies] == [0o600, 0o600]
    assert "backskolan\tstaff\t4" in run(installation, "coverage").output


def test_a_file_that_is_not_accepted_leaves_nothing(installation: Installation, folder: Path) -> None:
    done = run(installation, "load", str(mailed_staff(installation)), typed="n\n")

    assert done.exit_code == 1
    assert "source" not in tomllib.loads((folder / "config.toml").read_text(encoding="utf-8"))
    assert not (folder / "deliveries").exists()


def test_a_file_that_is_not_recognised_begins_no_configuration(installation: Installation, folder: Path) -> None:
    (folder / "brev.csv").write_text("Hej\nhär kommer listan\n", encoding="utf-8")

    done = run(installation, "load", "brev.csv")

    assert done.exit_code == 2
    assert "no kind of list could be read from it" in done.output
    assert [file.name for file in folder.iterdir()] == ["brev.csv"]


def test_the_next_edition_is_read_as_the_source_that_there_is(installation: Installation, folder: Path) -> None:
    run(installation, "load", str(mailed_staff(installation)), "--yes")
    installation.advance_clock(days=1)
    installation.staff.append(StaffFileRow(n=9))

    done = run(installation, "load", str(installation.write_staff(installation.today)), "--yes")

    assert done.exit_code == 0, done.output
    assert "staff-file/staff: complete, 5 people" in done.output
    assert len(tomllib.loads((folder / "config.toml").read_text(encoding="utf-8"))["source"]) == 1


def test_a_kind_that_several_sources_have_must_be_named(installation: Installation, folder: Path) -> None:
    file = mailed_staff(installation)
    run(installation, "load", str(file), "--yes")
    config = folder / "config.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text + f'[[source]]\nkind = "staff_file"\nname = "other"\npath = "{file}"\n', encoding="utf-8")

    done = run(installation, "load", str(file))

    assert done.exit_code == 2
    assert "several sources are staff_file: staff-file, other. Name one before the file" in done.output


@pytest.mark.parametrize(
    ("words", "message"),
    [(("a", "b", "c.csv"), "load takes one SOURCE and one FILE"), (("nowhere.csv",), "nowhere.csv does not exist")],
)
def test_what_cannot_be_read_is_refused(
    installation: Installation, folder: Path, words: tuple[str, ...], message: str
) -> None:
    done = run(installation, "load", *words)

    assert done.exit_code == 2
    assert message in done.output
