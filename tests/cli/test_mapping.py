"""map on a small municipality that has not been mapped: what it prints is a configuration, and changes nothing."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flow.installation import SCHOOL, Installation, device
from tests.test_cli import run_and_catch


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path) as built:
        yield built


def without_units(installation: Installation) -> None:
    """Removes the units, the places and the rules from the configuration, as on the first day."""
    text = installation.config.read_text(encoding="utf-8")
    tables = re.split(r"\n(?=\[)", text)
    unmapped = ("[[unit]]", "[[unit_map]]", "[[device_rule]]")
    installation.config.write_text(
        "\n".join(table for table in tables if not table.startswith(unmapped)), encoding="utf-8"
    )


def test_what_map_prints_is_a_configuration_with_the_units_of_the_sources(installation: Installation) -> None:
    without_units(installation)
    before = run_and_catch(installation, "sources")

    code, out, errors = run_and_catch(installation, "map")

    assert (code, errors) == (0, "")
    tables = tomllib.loads(out)
    assert [unit["slug"] for unit in tables["unit"]] == [SCHOOL]
    assert run_and_catch(installation, "sources") == before


def test_names_of_devices_propose_something_only_while_they_are_read(installation: Installation) -> None:
    installation.devices += [device(number, "", deviceName=f"LAGER-{number}") for number in range(900, 903)]

    read, offline = run_and_catch(installation, "map")[1], run_and_catch(installation, "map", "--offline")[1]

    assert 'name = "LAGER*"' in read
    assert "LAGER" not in offline


def test_a_source_that_cannot_be_read_is_named(installation: Installation) -> None:
    for file in installation.deliveries.iterdir():
        file.unlink()

    code, _, errors = run_and_catch(installation, "map")

    assert code == 0
    assert "fleetsync: personal/staff: failed, so its last content is used, if there is any:" in errors
