"""init: what it writes works as far as it was told, and it says what is missing."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fleetsync.cli import root
from tests.flow.installation import Installation, StaffFileRow, serial


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path) as built:
        yield built


def init(folder: Path, *words: str) -> tuple[Result, dict[str, Any]]:
    """The result, and the configuration as it was written."""
    config = folder / "config.toml"
    done = CliRunner().invoke(root, ["init", *words, "--output", str(config)])
    return done, tomllib.loads(config.read_text(encoding="utf-8")) if config.exists() else {}


def mailed_files(installation: Installation) -> tuple[str, str]:
    installation.staff = [StaffFileRow(n=number) for number in range(1, 5)]
    staff = installation.write_staff(installation.today)
    rows = [{"Serienummer": serial(number), "Enhet": "Bäckskolan"} for number in range(1, 4)]
    return str(staff), str(installation.write_list("skolan", installation.today, rows))


def test_two_mailed_files_become_a_configuration_with_units_that_gives_coverage(
    installation: Installation, tmp_path: Path
) -> None:
    staff, devices = mailed_files(installation)
    folder = tmp_path / "new"

    done, config = init(folder, "--name", 'Exempelby "nya"', "--file", staff, "--file", devices)

    assert done.exit_code == 0, done.output
    assert config["municipality"]["name"] == 'Exempelby "nya"'
    assert {source["kind"]: source.get("counts") for source in config["source"]} == {
        "staff_file": ["employment"],
        "device_file": None,
    }
    assert [unit["name"] for unit in config["unit"]] == ["Bäckskolan"]
    assert "missing" not in done.output

    runner = CliRunner(env={"FLEETSYNC_NOW": installation.clock.now().isoformat()})
    at = ["--config", str(folder / "config.toml")]
    assert runner.invoke(root, [*at, "check"]).exit_code == 0
    assert runner.invoke(root, [*at, "sync"]).exit_code == 0
    header, *rows = (line.split("\t") for line in runner.invoke(root, [*at, "coverage"]).stdout.splitlines())
    numbers = {row[header.index("unit")]: row[header.index("entitled")] for row in rows}
    assert numbers["backskolan"] == "4"


def test_the_day_in_a_name_stands_for_any_later_edition(installation: Installation, tmp_path: Path) -> None:
    staff, _ = mailed_files(installation)

    _, config = init(tmp_path / "new", "--file", staff)

    assert Path(config["source"][0]["path"]).name == "personal_*.csv"


def test_a_table_that_lacks_something_is_a_comment_and_the_lack_is_said(tmp_path: Path) -> None:
    done, config = init(tmp_path, "--kind", "intune", "--kind", "jamf_school", "--set", "intune.tenant=t")

    assert done.exit_code == 0
    assert "source" not in config
    assert "missing  intune: client_id is missing. Its table is a comment until then" in done.output
    assert "missing  jamf-school: base_url is missing" in done.output
    assert "secrets/jamf_school-api_key" in done.output


def test_a_table_that_is_complete_is_active_and_its_secret_is_asked_for(tmp_path: Path) -> None:
    words = ("intune.tenant=exempelby.se", "intune.client_id=c", "intune.trust=3")

    done, config = init(tmp_path, "--kind", "intune", *(word for value in words for word in ("--set", value)))

    (source,) = config["source"]
    assert (source["tenant"], source["client_id"], source["trust"]) == ("exempelby.se", "c", 3)
    assert "missing  intune: put its client_secret into" in done.output
    assert "intune/devices" not in done.output, "it is not read before its secret is there"


def test_the_most_special_source_is_the_basis_of_its_memberships(tmp_path: Path) -> None:
    done, _ = init(tmp_path, "--kind", "ss12000", "--kind", "staff_file")

    text = (tmp_path / "config.toml").read_text(encoding="utf-8")
    assert done.exit_code == 0
    assert 'counts = ["enrolment", "placement"]' in text
    assert 'counts = ["employment"]' in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--set", "intune.tenant=t"), "intune is not read. Add --kind intune"),
        (("--kind", "intune", "--set", "tenant=t"), "write KIND.KEY=VALUE"),
        (("--kind", "intune", "--set", "intune.tennant=t"), "intune has no key tennant. Did you mean tenant?"),
        (("--kind", "intune", "--set", "intune.name=north"), "init writes name itself"),
        (("--kind", "intune", "--set", "intune.counts=[]"), "init writes counts itself"),
        (("--kind", "intune", "--set", "intune.client_secret=s"), "write --set intune.client_secret_file=FILE"),
        (("--kind", "intun"), "intun"),
        (("--file", "nowhere.csv"), "--file nowhere.csv: there is no such file"),
    ],
)
def test_what_cannot_be_understood_is_refused_and_nothing_is_written(
    tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    done, config = init(tmp_path, *words)

    assert done.exit_code != 0
    assert message in done.output + str(done.exception)
    assert config == {}


def test_a_file_that_is_no_list_is_refused_with_the_reason_of_each_kind(tmp_path: Path) -> None:
    file = tmp_path / "brev.csv"
    file.write_text("Hej\nhär kommer listan\n", encoding="utf-8")

    done, config = init(tmp_path / "new", "--file", str(file))

    assert done.exit_code == 2
    assert "no kind of list could be read from it" in done.output
    assert done.output.count("as staff_file: brev.csv: no header for person_number") == 1
    assert done.output.count("as headcount: ") == 1, "once, however many parts it has"
    assert config == {}
