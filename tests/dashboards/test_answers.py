"""Every query of the dashboards has a result on the replayed Exempelby, and every link leads to an existing page."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from tests.dashboards.monitoring_stack import MonitoringStack
from tests.dashboards.scenario import REPLAYED_DAYS
from tests.dashboards.series_catalogue import DASHBOARDS

pytestmark = [pytest.mark.part("prometheus"), pytest.mark.part("alertmanager"), pytest.mark.xdist_group("alerts")]

FILES = tuple(f"{key}{language}.json" for key in ("coverage", "lifecycle", "sync") for language in ("", "-en"))
SWEDISH = FILES[::2]
HOURS = 12 * 24  # before the first replayed day
CHOSEN = (
    {"unit": ".*", "entitlement": ".*", "source": ".*"},  # the initial choice
    {"unit": "akerbyskolan", "entitlement": "pupils", "source": "intune"},
    {"unit": "(kullaskolan|ostanaskolan)", "entitlement": "(preschool|staff)", "source": "(intune|entra)"},
)
OF_A_ROW = re.compile(r"\$\{__(?:data\.fields|field\.labels)\.(\w+)\}")
LABEL_VALUES = re.compile(r"label_values\((\w+), (\w+)\)")


def committed(name: str) -> dict[str, Any]:
    dashboard: dict[str, Any] = json.loads((DASHBOARDS / name).read_text(encoding="utf-8"))
    return dashboard


def panel_queries(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each panel's title and query."""
    for panel in committed(name)["panels"]:
        yield from ((panel["title"], target) for target in panel.get("targets", ()))


def with_chosen(expr: str, chosen: Mapping[str, str]) -> str:
    """*expr* as Grafana sends it with the *chosen* values."""
    for name, value in {**chosen, "__rate_interval": "5m"}.items():
        expr = expr.replace(f"${name}", value)
    assert "$" not in expr.replace('"$1"', ""), expr  # "$1" belongs to label_replace; Grafana does not replace it
    return expr


@pytest.mark.parametrize("chosen", CHOSEN, ids=lambda chosen: f"{chosen['unit']} {chosen['entitlement']}")
@pytest.mark.parametrize("name", SWEDISH)  # another test shows that the English ones have the same queries
def test_every_panel_shows_something(stack: MonitoringStack, name: str, chosen: Mapping[str, str]) -> None:
    empty = {
        (title, target["expr"])
        for title, target in panel_queries(name)
        if not stack.query(with_chosen(target["expr"], chosen))
    }

    assert empty == set()


@pytest.mark.parametrize("name", SWEDISH)
def test_every_line_over_time_has_each_replayed_day(stack: MonitoringStack, name: str) -> None:
    lacking = {}
    for title, target in panel_queries(name):
        if target["range"]:
            series = stack.query_range(with_chosen(target["expr"], CHOSEN[0]), HOURS)
            days = {int(at // 86400) for row in series for at, _ in row["values"]}
            if len(days) < len(REPLAYED_DAYS) + 1:
                lacking[title] = days

    assert lacking == {}


@pytest.mark.parametrize("name", FILES)
def test_every_variable_offers_values(stack: MonitoringStack, name: str) -> None:
    for variable in committed(name)["templating"]["list"]:
        if variable["type"] == "query":
            match = LABEL_VALUES.fullmatch(variable["query"]["query"])
            assert match is not None
            assert len(stack.values(match[2], match[1])) >= 3


@pytest.mark.parametrize("name", FILES)
def test_every_annotation_marks_what_happened(stack: MonitoringStack, name: str) -> None:
    """The scenario reloads its configuration before it breaks it, so there is something to mark."""
    for mark in committed(name)["annotations"]["list"]:
        assert stack.query_range(mark["expr"], 1, step="30s"), mark["name"]


def test_every_link_of_a_number_leads_to_an_existing_page(stack: MonitoringStack) -> None:
    read = stack.scenario.signed_in_getter()
    linked = set().union(*(paths(stack, name) for name in SWEDISH))

    assert {path: status for path in linked if (status := read(path).status_code) != 200} == {}


def paths(stack: MonitoringStack, name: str) -> set[str]:
    """The paths of all links, filled in from the first row that has the labels named by the link."""
    linked = {link["url"] for link in committed(name)["links"] if link["type"] == "link"}
    for panel in committed(name)["panels"]:
        urls = set(links(panel.get("fieldConfig", {})))
        asked_here = [with_chosen(query["expr"], CHOSEN[0]) for query in panel.get("targets", ())] if urls else []
        rows = [row["metric"] for expr in asked_here for row in stack.query(expr)]
        linked |= {at_first_row(url, rows) for url in urls}
    assert not any("$" in url.removeprefix("${base_url}") for url in linked)
    return {url.removeprefix("${base_url}") for url in linked}


def at_first_row(url: str, rows: Sequence[Mapping[str, str]]) -> str:
    labels_named = set(OF_A_ROW.findall(url))
    labels = next(row for row in rows if labels_named <= set(row))
    return OF_A_ROW.sub(lambda match: labels[match[1]], url)


def links(part: Any) -> Iterator[str]:
    """Every address in a panel."""
    if isinstance(part, dict):
        yield from (value for key, value in part.items() if key == "url")
    for child in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from links(child)


def test_a_query_for_an_unpublished_series_has_no_result(stack: MonitoringStack) -> None:
    assert stack.query("fleetsync_entitled") != []
    assert stack.query("max by (unit) (fleetsync_entitled_devices)") == []
