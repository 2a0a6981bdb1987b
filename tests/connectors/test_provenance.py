"""Every recorded payload and every stand-in server says where its shape comes from.

`tests/recorded/<kind>/provenance.toml` has one `[[shape]]` table per group of files:

    of      names of payloads in that folder, or paths of stand-ins such as "fleetsync/demo/graph.py"
    basis   "vendor-schema": the vendor's own schema or reference; "public-example": an answer that somebody published;
            "assumed": neither, or too little of either
    source  which document or publication
    read    when it was read

Where one file mixes them, its weakest basis counts. `make docs` prints the shares in connectors/README.md.
"""

import tomllib
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from fleetsync.pull.registry import connector_kinds
from tests.connectors.connector_case import RECORDED

ROOT = Path(__file__).parents[2]
BASES = {"vendor-schema", "public-example", "assumed"}
KINDS = connector_kinds()


def shapes(kind: str) -> list[dict[str, Any]]:
    table = tomllib.loads((RECORDED / kind / "provenance.toml").read_text(encoding="utf-8"))
    assert set(table) == {"shape"}
    result: list[dict[str, Any]] = table["shape"]
    return result


@pytest.mark.parametrize("kind", KINDS)
def test_every_payload_of_a_kind_is_named_once(kind: str) -> None:
    named = Counter(name for shape in shapes(kind) for name in shape["of"] if "/" not in name)
    recorded = {file.name for file in (RECORDED / kind).iterdir()} - {"provenance.toml"}

    assert named == Counter(recorded)


@pytest.mark.parametrize("kind", KINDS)
def test_every_shape_says_its_basis_its_source_and_when_it_was_read(kind: str) -> None:
    for shape in shapes(kind):
        assert set(shape) == {"of", "basis", "source", "read"}
        assert shape["of"]
        assert shape["basis"] in BASES
        assert len(shape["source"]) > 10
        assert isinstance(shape["read"], date)


def test_every_stand_in_server_is_named_once() -> None:
    named = Counter(name for kind in KINDS for shape in shapes(kind) for name in shape["of"] if "/" in name)
    servers = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "fleetsync" / "demo").rglob("*.py")
        if "StubServer(self." in file.read_text(encoding="utf-8")
    }

    assert servers
    assert servers <= set(named)
    assert set(named.values()) == {1}
    assert [name for name in named if not (ROOT / name).is_file()] == []
