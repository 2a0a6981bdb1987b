"""The committed dashboards are what the generator writes, and query only published series."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.dashboards.series_catalogue import ALERTS, DASHBOARDS, FORBIDDEN_LABELS, PUBLISHED_SERIES, unknown_names

sys.path.insert(0, str(DASHBOARDS))  # the generator imports from its own folder
from grafana_dashboards.sync_panels import BACKUP_OLD_HOURS, NUMBERS_OLD_MINUTES, REFERENCE_OLD_DAYS

PAIRS = tuple((f"{key}.json", f"{key}-en.json") for key in ("coverage", "lifecycle", "sync"))
DASHBOARD_FILES = tuple(name for pair in PAIRS for name in pair)
VARIABLES = {"coverage": ["unit", "entitlement"], "lifecycle": ["unit"], "sync": ["source"]}
GROUPED = re.compile(r"\b(?:by|on|group_left|group_right|without) \(([^)]*)\)")
DEDUPLICATED = re.compile(r"max(?: by \([^)]*\) )?\((?:increase\()?$")
LABEL_VALUES = re.compile(r"label_values\((\w+), (\w+)\)")


def generate(*arguments: str) -> int:
    """Run the generator as `make docs` does. Returns its exit code."""
    command = [sys.executable, str(DASHBOARDS / "generate.py"), *arguments]
    return subprocess.run(command, check=False, timeout=60).returncode


def committed(name: str) -> dict[str, Any]:
    dashboard = json.loads((DASHBOARDS / name).read_text(encoding="utf-8"))
    assert isinstance(dashboard, dict)
    return dashboard


def panels(name: str) -> list[dict[str, Any]]:
    return [panel for panel in committed(name)["panels"] if panel["type"] != "row"]


def key_of(name: str) -> str:
    return name.removesuffix(".json").removesuffix("-en")


def queries(name: str) -> Iterator[str]:
    for panel in panels(name):
        yield from (target["expr"] for target in panel["targets"])
    yield from (annotation["expr"] for annotation in committed(name)["annotations"]["list"])


def every(part: Any, key: str) -> Iterator[Any]:
    """All values under *key*, at any depth."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name == key:
                yield value
            yield from every(value, key)
    elif isinstance(part, list):
        for child in part:
            yield from every(child, key)


def test_the_committed_files_are_what_the_generator_writes(tmp_path: Path) -> None:
    assert generate("--to", str(tmp_path)) == 0

    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(DASHBOARD_FILES)
    for name in DASHBOARD_FILES:
        assert (DASHBOARDS / name).read_bytes() == (tmp_path / name).read_bytes()


def test_a_changed_file_fails_the_check(tmp_path: Path) -> None:
    assert generate("--to", str(tmp_path)) == 0
    assert generate("--to", str(tmp_path), "--check") == 0
    (tmp_path / "coverage.json").write_text("{}", encoding="utf-8")

    assert generate("--to", str(tmp_path), "--check") == 1


def test_the_given_page_address_is_written(tmp_path: Path) -> None:
    generate("--to", str(tmp_path), "--base-url", "https://fleetsync.exempelby.se/")
    text = (tmp_path / "coverage.json").read_text(encoding="utf-8")

    assert '"https://fleetsync.exempelby.se"' in text
    assert "127.0.0.1" not in text


@pytest.mark.parametrize("name", DASHBOARD_FILES)
def test_every_query_parses_and_names_only_published_series(name: str) -> None:
    assert {expr: unknown for expr in queries(name) if (unknown := unknown_names(expr))} == {}


def test_a_query_for_an_unpublished_series_is_detected() -> None:
    assert unknown_names("max by (unit) (fleetsync_entitled_devices)") == {"fleetsync_entitled_devices"}
    assert unknown_names('fleetsync_entitled{person="1"}') == {"fleetsync_entitled{person}"}
    with pytest.raises(ValueError):
        unknown_names("sum by (unit (fleetsync_entitled)")


@pytest.mark.parametrize("name", DASHBOARD_FILES)
def test_every_variable_uses_a_label_of_its_series(name: str) -> None:
    variable_queries = [
        variable["query"]["query"] for variable in committed(name)["templating"]["list"] if variable["type"] == "query"
    ]

    assert len(variable_queries) == len(VARIABLES[key_of(name)])
    for query in variable_queries:
        match = LABEL_VALUES.fullmatch(query)
        assert match is not None, query
        assert match[2] in PUBLISHED_SERIES[match[1]]


@pytest.mark.parametrize("name", DASHBOARD_FILES)
def test_every_series_is_deduplicated_before_it_is_summed(name: str) -> None:
    """Two daemons on one database publish every number twice."""
    bare = {
        expr
        for expr in queries(name)
        for place in re.finditer(r"(?<![\w:])fleetsync_\w+", expr)
        if not DEDUPLICATED.search(expr[: place.start()]) and not expr.startswith("changes(")
    }

    assert bare == set()


@pytest.mark.parametrize("name", DASHBOARD_FILES)
def test_no_ratio_is_averaged(name: str) -> None:
    assert [expr for expr in queries(name) if "avg" in expr or "fleetsync_coverage_ratio" in expr] == []


@pytest.mark.parametrize("name", DASHBOARD_FILES)
def test_no_label_is_a_person_or_leads_to_one(name: str) -> None:
    labels = {label.strip() for expr in queries(name) for group in GROUPED.findall(expr) for label in group.split(",")}

    assert {label for label in labels - {"name"} if FORBIDDEN_LABELS.search(label)} == set()
    named_metrics = {
        metric for expr in queries(name) for metric in re.findall(r"by \([^)]*\bname\b[^)]*\) \((\w+)", expr)
    }
    assert named_metrics <= {"fleetsync_unit_info"}  # the name of a unit


@pytest.mark.parametrize("name", DASHBOARD_FILES)
def test_a_link_uses_label_values_and_not_translated_cells(name: str) -> None:
    """Grafana puts the text of a cell into a link, so a column named by a link has no value mapping or other title."""
    for panel in panels(name):
        urls = every(panel["fieldConfig"], "url")
        linked = {column for url in urls for column in re.findall(r"\$\{__data\.fields\.(\w+)\}", url)}
        changed = {
            override["matcher"]["options"]
            for override in panel["fieldConfig"]["overrides"]
            if {"mappings", "unit", "displayName"} & {change["id"] for change in override["properties"]}
        }
        renamed = {column for names in every(panel.get("transformations", []), "renameByName") for column in names}
        assert linked & (changed | renamed) == set(), panel["title"]


@pytest.mark.parametrize("name", DASHBOARD_FILES)
def test_panels_have_ids_of_their_own_and_do_not_overlap(name: str) -> None:
    placed = committed(name)["panels"]
    ids = [panel["id"] for panel in placed]

    assert len(ids) == len(set(ids))
    assert [
        (panel["title"], other["title"])
        for panel, other in combinations(placed, 2)
        if overlap(panel["gridPos"], other["gridPos"])
    ] == []
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in placed)


def overlap(first: dict[str, int], second: dict[str, int]) -> bool:
    return (
        first["x"] < second["x"] + second["w"]
        and second["x"] < first["x"] + first["w"]
        and first["y"] < second["y"] + second["h"]
        and second["y"] < first["y"] + first["h"]
    )


@pytest.mark.parametrize("name", DASHBOARD_FILES)
def test_every_panel_has_title_description_unit_and_the_chosen_source(name: str) -> None:
    for panel in panels(name):
        assert panel["title"], panel
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["targets"], panel["title"]
    sources = [source for source in every(committed(name), "datasource") if source != "prometheus"]
    assert {json.dumps(source, sort_keys=True) for source in sources} == {
        '{"type": "prometheus", "uid": "${datasource}"}'
    }


@pytest.mark.parametrize("name", DASHBOARD_FILES)
def test_the_file_can_be_provisioned(name: str) -> None:
    dashboard = committed(name)

    assert dashboard["id"] is None
    assert dashboard["editable"] is False
    assert "__inputs" not in dashboard
    assert 0 < len(dashboard["uid"]) <= 40
    assert [variable["name"] for variable in dashboard["templating"]["list"]] == [
        "datasource",
        "base_url",
        *VARIABLES[key_of(name)],
    ]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0])
def test_the_languages_differ_in_words_alone(pair: tuple[str, str]) -> None:
    swedish, english = (committed(name) for name in pair)

    assert swedish["uid"] != english["uid"]
    assert list(queries(pair[0])) == list(queries(pair[1]))
    assert [panel["gridPos"] for panel in swedish["panels"]] == [panel["gridPos"] for panel in english["panels"]]
    same = {panel["title"] for panel in swedish["panels"]} & {panel["title"] for panel in english["panels"]}
    assert same == set()


@pytest.mark.parametrize("name", DASHBOARD_FILES)
def test_every_link_leads_to_a_list_of_the_page(name: str) -> None:
    urls = set(every(committed(name), "url")) - {""}

    assert len(urls) >= 5
    for url in urls:
        assert re.match(r"\$\{base_url\}/(coverage|gaps|devices|sources|units/|numbers/fleetsync_)", url), url
    numbers = {match[1] for url in urls if (match := re.search(r"/numbers/(\w+)", url))}
    assert numbers <= set(PUBLISHED_SERIES)


@pytest.mark.parametrize("name", DASHBOARD_FILES)
def test_a_suffix_is_spelled_as_grafanas_formatter_takes_it(name: str) -> None:
    """The formatter puts the space between number and suffix itself."""
    units = [unit for unit in every(committed(name), "unit") if str(unit).startswith("suffix:")]
    units += [
        change["value"]
        for properties in every(committed(name), "properties")
        for change in properties
        if change["id"] == "unit" and change["value"].startswith("suffix:")
    ]

    assert units
    assert [unit for unit in units if not re.fullmatch(r"suffix:\S.*", unit)] == []


@pytest.mark.parametrize("language", ["sv", "en"])
def test_each_dashboard_links_to_the_others_in_its_language(language: str) -> None:
    names = [pair[language == "en"] for pair in PAIRS]
    tag = f"fleetsync-{language}"

    assert [name for name in DASHBOARD_FILES if tag in committed(name)["tags"]] == names
    for name in names:
        (others,) = (link for link in committed(name)["links"] if link["type"] == "dashboards")
        assert others["tags"] == [tag]
        assert others["keepTime"]


def test_the_dashboard_of_pulls_has_the_limits_of_the_alerts() -> None:
    texts = {name: ALERTS[name]["expr"] for name in ALERTS}

    assert f"> {NUMBERS_OLD_MINUTES // 60} * 3600" in texts["FleetsyncNotReconciling"]
    assert f"> {BACKUP_OLD_HOURS // 24} * 86400" in texts["FleetsyncBackupOld"]
    assert f"> {REFERENCE_OLD_DAYS} * 86400" in texts["FleetsyncReferenceDataOld"]
