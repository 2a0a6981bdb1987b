"""A connector documents itself: its docstring has an example that works, and the README repeats it."""

import re
import tomllib
from inspect import getdoc
from pathlib import Path

import pytest

from fleetsync.pull import decoding
from fleetsync.pull.registry import build_source, connector_kinds, load_connector

README = (Path(__file__).parent.parent.parent / "connectors" / "README.md").read_text(encoding="utf-8")
KINDS = connector_kinds()


def example(kind: str) -> str:
    """The TOML example of a kind."""
    blocks: list[str] = re.findall(r"```toml\n(.*?)```", getdoc(load_connector(kind)) or "", re.DOTALL)
    assert len(blocks) == 1, f"the docstring of {kind} needs one [[source]] table as a ```toml example"
    return blocks[0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_of_a_kind_works(kind: str) -> None:
    (table,) = tomllib.loads(example(kind))["source"]

    assert build_source(table, "README.md").kind == kind


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_commented_out_works_too(kind: str) -> None:
    (table,) = tomllib.loads(re.sub(r"(?m)^# (?=[a-z_]+ = )", "", example(kind)))["source"]

    assert build_source(table, "README.md").kind == kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_says_what_it_keeps_and_what_it_never_reads(kind: str) -> None:
    documentation = getdoc(load_connector(kind)) or ""

    assert "* **Kept**:" in documentation
    assert "* **Never" in documentation


@pytest.mark.parametrize("name", sorted(set(decoding.__all__) - {"CivicNumber", "DateOrder"}))
def test_every_shared_piece_is_named(name: str) -> None:
    assert name in README
