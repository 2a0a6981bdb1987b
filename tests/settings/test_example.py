"""config.example.toml and the models agree: both have every key, and the example shows its default."""

import ast
import re
import tomllib
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from fleetsync.core.entitlement import RULES
from fleetsync.pull.contract import SourceSettings
from fleetsync.schedule import load_jobs
from fleetsync.settings import load
from fleetsync.settings.layers import ARRAY_SECTIONS
from fleetsync.settings.tables import (
    CalendarTable,
    ConfigTables,
    DatabaseTable,
    DeviceRuleTable,
    EntitlementTable,
    IdentityTable,
    LocalPlanTable,
    MailTable,
    MunicipalityTable,
    NetworkTable,
    PrivacyTable,
    StalenessTable,
    UnitMapTable,
    UnitTable,
    WebTable,
    WhoTable,
)

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config.example.toml"

MODELS: Mapping[str, type[BaseModel]] = {
    "municipality": MunicipalityTable,
    "database": DatabaseTable,
    "web": WebTable,
    "network": NetworkTable,
    "calendar": CalendarTable,
    "staleness": StalenessTable,
    "identity": IdentityTable,
    "source": SourceSettings,
    "unit": UnitTable,
    "unit_map": UnitMapTable,
    "device_rule": DeviceRuleTable,
    "entitlement": EntitlementTable,
    "local_plan": LocalPlanTable,
    "mail": MailTable,
    "privacy": PrivacyTable,
}


def with_defaults() -> str:
    """The example with the # removed from the defaults."""
    return re.sub(r"^#(?=[\w\[])", "", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)


def with_examples() -> dict[str, Any]:
    """The whole file, examples included."""
    return tomllib.loads(re.sub(r"^#;", "", with_defaults(), flags=re.MULTILINE))


def table(section: str) -> Mapping[str, Any]:
    """The documented table of a section. Of an array of tables: the table with most keys."""
    documented = with_examples()[section]
    return max(documented, key=len) if section in ARRAY_SECTIONS else documented


def test_the_example_as_it_stands_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty.toml").touch()

    shipped, empty = load(EXAMPLE, environ={}), load(tmp_path / "empty.toml", environ={})

    assert shipped.tables == empty.tables


def test_each_default_it_shows_is_the_default(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(with_defaults(), encoding="utf-8")
    (tmp_path / "empty.toml").touch()

    shown, empty = (load(tmp_path / name, environ={}) for name in ("config.toml", "empty.toml"))

    assert shown.policy == empty.policy
    assert shown.policy.entitlements == RULES
    assert shown.jobs == empty.jobs
    assert shown.tables.model_copy(update={"entitlement": (), "jobs": {}}) == empty.tables


def test_every_section_stands_in_it_and_no_other() -> None:
    assert with_examples().keys() == ConfigTables.model_fields.keys()


@pytest.mark.parametrize("section", MODELS)
def test_every_key_stands_in_it_and_no_other(section: str) -> None:
    assert table(section).keys() == MODELS[section].model_fields.keys()


def test_every_job_stands_in_it_and_no_other() -> None:
    assert list(table("jobs")) == [job.name for job in load_jobs({}, "config.toml")]


@pytest.mark.parametrize("section", ["source", "entitlement"])
def test_an_example_of_a_key_that_has_a_default_shows_the_default(section: str) -> None:
    model = MODELS[section]
    shown = model.model_validate(table(section))

    for key, field in model.model_fields.items():
        if field.default not in (PydanticUndefined, None, "", ()):
            assert getattr(shown, key) == field.default, key


def test_the_examples_are_accepted(tmp_path: Path) -> None:
    """Those that exclude each other are left out: an address and its file, the ways to give a calendar."""
    text = re.sub(r"^#;(?!url_file|proxy_file|name = \"exempelby\"|file = )", "", with_defaults(), flags=re.MULTILINE)
    (tmp_path / "config.toml").write_text(text, encoding="utf-8")

    settings = load(tmp_path / "config.toml", environ={})

    assert [unit.slug for unit in settings.units] == ["vretaskolan"]
    assert settings.calendars.units.keys() == {"vretaskolan"}
    assert len(settings.policy.entitlements) == len(RULES) + 1


def test_every_key_is_explained() -> None:
    """By words behind it, or by a comment right above it."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    explained = {
        key[1]
        for above, line in pairwise(lines)
        if (key := re.match(r"#;?(\w+) = ", line)) and (" # " in line or above.startswith("# "))
    }
    keys = {key for model in MODELS.values() for key in model.model_fields}
    by_the_words_above_their_tables = {"name", "file", "term", "closed", "preschool", "unit", "when"}

    assert keys - explained == by_the_words_above_their_tables - explained


def test_whom_an_entitlement_is_for_is_explained() -> None:
    prose = " ".join(line for line in EXAMPLE.read_text(encoding="utf-8").splitlines() if line.startswith("# "))

    assert {key for key in WhoTable.model_fields if key not in prose} == set()


def test_every_key_is_read_by_the_application() -> None:
    """Some code reads an attribute of the key's name. The keys of a calendar are read through a computed name."""
    read = {
        node.attr
        for folder in ("fleetsync", "connectors")
        for file in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
    models: tuple[type[BaseModel], ...] = (*MODELS.values(), WhoTable, ConfigTables)
    keys = {key for model in models for key in model.model_fields}

    assert keys - read - set(CalendarTable.model_fields) == set()
