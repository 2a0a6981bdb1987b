"""The documents describe everything there is, and nothing that does not exist."""

import importlib.util
import re
from collections.abc import Mapping
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

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(
        file
        for folder in ("docs", "dashboards", "fleetsync", "connectors", "schedules")
        for file in sorted((ROOT / folder).rglob("*.md"))
    ),
]
SERIES = {
    *(measure.name for measure in MEASURES),
    *(fact.name for fact in FACTS),
    *(series.name for series in TELEMETRY),
    *(f"{name}_total" for name in COUNTERS),
    "fleetsync_snapshot_timestamp_seconds",
}
LINK = re.compile(r"\]\((?!https?:|#)(?P<to>[^)#\s]+)[^)]*\)")
FILE_NAME = re.compile(r"`((?:fleetsync|connectors|schedules|dashboards|tests|docs)/[\w/.-]+)`")


def load_generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATED: Mapping[Path, str] = load_generator().documents()


@pytest.mark.parametrize("file", GENERATED, ids=lambda file: file.name)
def test_a_generated_document_is_up_to_date(file: Path) -> None:
    assert file.read_text(encoding="utf-8") == GENERATED[file], "run: make docs (or .venv/bin/python docs/generate.py)"


def names_in(file: str, pattern: str) -> set[str]:
    return set(re.findall(pattern, (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE))


def test_the_metrics_document_lists_exactly_the_series() -> None:
    assert names_in("docs/metrics.md", r"^\| `(fleetsync_\w+)`") == SERIES


def test_the_gaps_document_lists_exactly_the_kinds() -> None:
    assert names_in("docs/gaps.md", r"^\| `(\w+)`") == {gap.id for gap in GAPS}


def test_the_commands_document_lists_exactly_the_commands() -> None:
    assert {name.partition(" ")[0] for name in names_in("docs/commands.md", r"^## (.+)$")} == set(COMMANDS)


def test_the_readme_of_the_connectors_lists_exactly_the_kinds() -> None:
    assert names_in("connectors/README.md", r"^\| `(\w+)` \|") == set(connector_kinds())
    assert names_in("connectors/README.md", r"^### `(\w+)`") == set(connector_kinds())


def test_the_example_configuration_shows_exactly_the_sections() -> None:
    assert names_in("config.example.toml", r"^#?;?\s*\[\[?(\w+)[\].]") == set(ConfigTables.model_fields)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_series_named_in_a_document_exists(document: Path) -> None:
    names = re.findall(r"\bfleetsync_[a-z_]+[a-z]\b", document.read_text(encoding="utf-8"))
    unknown = {name for name in names if not any(series.startswith(name) for series in SERIES)}

    assert unknown - _recorded_series() == set()


def _recorded_series() -> set[str]:
    """Names that the recording rules make of the series."""
    rules = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "dashboards").rglob("*.yml"))
    return set(re.findall(r"\bfleetsync_[a-z_]+\b", rules))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_link_leads_to_a_file(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    broken = [link["to"] for link in LINK.finditer(text) if not (document.parent / link["to"]).exists()]

    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_file_named_in_a_document_exists(document: Path) -> None:
    names = FILE_NAME.findall(document.read_text(encoding="utf-8"))
    missing = [
        name
        for name in names
        # A module may have become a package of the same name.
        if not (ROOT / name).exists() and not (ROOT / name.removesuffix(".py")).is_dir()
    ]

    assert missing == []
