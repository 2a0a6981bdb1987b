"""What there is stands in the documents, and what stands there exists."""

import importlib.util
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import pytest

from fleetsync.cli import COMMANDS
from fleetsync.core.lifecycle import GAPS
from fleetsync.core.measures import FACTS, MEASURES
from fleetsync.expose.metrics import COUNTERS
from fleetsync.expose.telemetry import TELEMETRY
from fleetsync.pull.registry import connector_kinds
from fleetsync.settings.tables import ConfigTables

HOUSE = Path(__file__).parents[1]
DOCUMENTS = [*HOUSE.glob("*.md"), *(HOUSE / "docs").rglob("*.md"), *(HOUSE / "dashboards").rglob("*.md")]
SERIES = {
    *(one.name for one in MEASURES),
    *(one.name for one in FACTS),
    *(one.name for one in TELEMETRY),
    *(f"{name}_total" for name in COUNTERS),
    "fleetsync_snapshot_timestamp_seconds",
}
LINK = re.compile(r"\]\((?!https?:|#)(?P<to>[^)#\s]+)[^)]*\)")


def generator() -> ModuleType:
    found = importlib.util.spec_from_file_location("generate", HOUSE / "docs" / "generate.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


MADE: Mapping[Path, str] = generator().documents()


@pytest.mark.parametrize("file", MADE, ids=lambda file: file.name)
def test_a_made_document_is_not_behind(file: Path) -> None:
    assert file.read_text(encoding="utf-8") == MADE[file], "run: .venv/bin/python docs/generate.py"


def named(file: str, pattern: str) -> set[str]:
    return set(re.findall(pattern, (HOUSE / file).read_text(encoding="utf-8"), re.MULTILINE))


def test_every_metric_is_documented_and_the_other_way_round() -> None:
    assert named("docs/metrics.md", r"^\| `(fleetsync_\w+)`") == SERIES


def test_every_kind_of_gap_is_documented_and_the_other_way_round() -> None:
    assert named("docs/gaps.md", r"^\| `(\w+)`") == {gap.id for gap in GAPS}


def test_every_command_is_documented_and_the_other_way_round() -> None:
    assert {name.partition(" ")[0] for name in named("docs/commands.md", r"^## (.+)$")} == set(COMMANDS)


def test_every_connector_is_documented_and_the_other_way_round() -> None:
    assert named("connectors/README.md", r"^\| `(\w+)` \|") == set(connector_kinds())
    assert named("connectors/README.md", r"^### `(\w+)`") == set(connector_kinds())


def test_every_section_of_the_configuration_is_documented_and_the_other_way_round() -> None:
    shown = named("config.example.toml", r"^#?;?\s*\[\[?(\w+)[\].]")

    assert shown == set(ConfigTables.model_fields)


def words_of(document: Path) -> Iterator[str]:
    yield from re.findall(r"\bfleetsync_[a-z_]+[a-z]\b", document.read_text(encoding="utf-8"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(HOUSE)))
def test_no_document_names_a_series_that_there_is_not(document: Path) -> None:
    words = {word for word in words_of(document) if not any(name.startswith(word) for name in SERIES)}

    assert words - _recorded() == set()


def _recorded() -> set[str]:
    """Names that rules make of the series."""
    rules = "".join(file.read_text(encoding="utf-8") for file in (HOUSE / "dashboards").rglob("*.yml"))
    return set(re.findall(r"\bfleetsync_[a-z_]+\b", rules))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(HOUSE)))
def test_every_link_leads_to_a_file(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    lost = [found["to"] for found in LINK.finditer(text) if not (document.parent / found["to"]).exists()]

    assert lost == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(HOUSE)))
def test_no_document_names_a_module_that_there_is_not(document: Path) -> None:
    names = re.findall(
        r"`((?:fleetsync|connectors|schedules|dashboards|tests|docs)/[\w/.-]+)`", document.read_text(encoding="utf-8")
    )
    lost = [
        name for name in names if not (HOUSE / name).exists() and not list(HOUSE.glob(f"{name.removesuffix('.py')}*"))
    ]

    assert lost == []
