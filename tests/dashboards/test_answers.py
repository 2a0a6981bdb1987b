"""Every question of the dashboards has an answer where Exempelby was lived, and every link leads to a page that is there."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from tests.dashboards.monitoring_stack import MonitoringStack
from tests.dashboards.scenario import REPLAYED_DAYS
from tests.dashboards.series_catalogue import DASHBOARDS

pytestmark = [pytest.mark.part("prometheus"), pytest.mark.part("alertmanager"), pytest.mark.xdist_group("alerts")]

FILES = ("coverage.json", "coverage-en.json")
HOURS = 12 * 24  # back beyond the first day lived
CHOSEN = (
    {"unit": ".*", "entitlement": ".*"},  # as they are at first
    {"unit": "akerbyskolan", "entitlement": "pupils"},
    {"unit": "(kullaskolan|ostanaskolan)", "entitlement": "(preschool|staff)"},
)
OF_A_ROW = re.compile(r"\$\{__(?:data\.fields|field\.labels)\.(\w+)\}")
LABEL_VALUES = re.compile(r"label_values\((\w+), (\w+)\)")


def committed(name: str) -> dict[str, Any]:
    dashboard: dict[str, Any] = json.loads((DASHBOARDS / name).read_text(encoding="utf-8"))
    return dashboard


def asked(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each panel's title and query."""
    for panel in committed(name)["panels"]:
        yield from ((panel["title"], target) for target in panel.get("targets", ()))


def with_chosen(expr: str, chosen: Mapping[str, str]) -> str:
    """*expr* as Grafana sends it."""
    for name, value in {**chosen, "__rate_interval": "5m"}.items():
        expr = expr.replace(f"${name}", value)
    assert "$" not in expr.replace('"$1"', ""), expr  # of label_replace, which Grafana leaves alone
    return expr


@pytest.mark.parametrize("chosen", CHOSEN, ids=lambda chosen: f"{chosen['unit']} {chosen['entitlement']}")
@pytest.mark.parametrize("name", FILES)
def test_every_panel_has_something_to_show(stack: MonitoringStack, name: str, chosen: Mapping[str, str]) -> None:
    empty = {
        (title, target["expr"]) for title, target in asked(name) if not stack.query(with_chosen(target["expr"], chosen))
    }

    assert empty == set()


def test_every_line_over_time_has_each_day_that_was_lived(stack: MonitoringStack) -> None:
    lacking = {}
    for title, target in asked(FILES[0]):
        if target["range"]:
            series = stack.query_range(with_chosen(target["expr"], CHOSEN[0]), HOURS)
            days = {int(at // 86400) for row in series for at, _ in row["values"]}
            if len(days) < len(REPLAYED_DAYS) + 1:
                lacking[title] = days

    assert lacking == {}


@pytest.mark.parametrize("name", FILES)
def test_every_variable_has_something_to_choose(stack: MonitoringStack, name: str) -> None:
    for variable in committed(name)["templating"]["list"]:
        if variable["type"] == "query":
            match = LABEL_VALUES.fullmatch(variable["query"]["query"])
            assert match is not None
            assert len(stack.values(match[2], match[1])) >= 3


@pytest.mark.parametrize("name", FILES)
def test_every_mark_is_shown_where_something_happened(stack: MonitoringStack, name: str) -> None:
    """The scenario's configuration was read anew before it was broken: else none is the healthy answer."""
    for mark in committed(name)["annotations"]["list"]:
        assert stack.query_range(mark["expr"], 1, step="30s"), mark["name"]


def test_every_link_of_a_number_leads_to_a_page_that_is_there(stack: MonitoringStack) -> None:
    read, linked = stack.scenario.signed_in_getter(), paths(stack, FILES[0])

    assert {path: status for path in linked if (status := read(path).status_code) != 200} == {}
    assert linked == paths(stack, FILES[1])


def paths(stack: MonitoringStack, name: str) -> set[str]:
    """Where every link leads, taken at the first row of the panel's queries that has what the link names."""
    linked = {link["url"] for link in committed(name)["links"]}
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


def test_a_question_for_what_nobody_told_has_no_answer(stack: MonitoringStack) -> None:
    assert stack.query("fleetsync_entitled") != []
    assert stack.query("max by (unit) (fleetsync_entitled_devices)") == []
