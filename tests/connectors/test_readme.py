"""The README of the connectors says what is there: every kind, with an example that works."""

import re
import tomllib
from pathlib import Path

import pytest

from fleetsync.pull.files import FileColumn
from fleetsync.pull.registry import build_source, connector_kinds, load_connector

README = (Path(__file__).parent.parent.parent / "connectors" / "README.md").read_text(encoding="utf-8")
EXAMPLES = {
    table["kind"]: (block, table)
    for block in re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    for table in tomllib.loads(block)["source"]
}


@pytest.mark.parametrize("kind", connector_kinds())
def test_every_kind_has_its_line_its_section_and_its_example(kind: str) -> None:
    assert f"| `{kind}` |" in README
    assert f"### `{kind}`" in README
    assert build_source(EXAMPLES[kind][1], "README.md").kind == kind


@pytest.mark.parametrize("kind", EXAMPLES)
def test_what_is_commented_out_works_too(kind: str) -> None:
    block, _ = EXAMPLES[kind]
    (table,) = tomllib.loads(re.sub(r"(?m)^# (?=[a-z_]+ = )", "", block))["source"]

    assert build_source(table, "README.md").kind == kind


@pytest.mark.parametrize("kind", [kind for kind in EXAMPLES if hasattr(load_connector(kind), "COLUMNS")])
def test_every_field_of_a_file_is_named(kind: str) -> None:
    columns: tuple[FileColumn, ...] = load_connector(kind).COLUMNS  # type: ignore[attr-defined]
    section = README.partition(f"### `{kind}`")[2].partition("\n### ")[0]

    assert f"Fields of `columns`: {', '.join(column.field for column in columns)}." in " ".join(section.split())
