"""The whole dashboard: the panels in their order, with the variables, links and annotation around them."""

import json
from collections.abc import Sequence

from coverage_dashboard.coverage_panels import BELOW_THE_LIMIT, HEADLINE, OVER_TIME, UNIT_BY_UNIT
from coverage_dashboard.fleet_panels import DEVICES, GAPS, SOURCES
from coverage_dashboard.grafana import BLUE, DATASOURCE, PAGE_URL, Json
from coverage_dashboard.panels import Heading, Panel
from fleetsync.core.model import Text

PANELS: Sequence[Heading | Panel] = (
    *HEADLINE,
    *BELOW_THE_LIMIT,
    *OVER_TIME,
    *UNIT_BY_UNIT,
    *GAPS,
    *DEVICES,
    *SOURCES,
)
PAGE_LISTS = (
    (Text("Täckning", "Coverage"), "/coverage"),
    (Text("Avvikelser", "Gaps"), "/gaps"),
    (Text("Källor", "Sources"), "/sources"),
)
TITLE = Text("fleetsync: täckning", "fleetsync: coverage")
DESCRIPTION = Text(
    "Vilka elever, barn och anställda som har ett verktyg i drift, och varför inte.",
    "Which pupils, children and employees have a working device, and why not.",
)
NEW_CONFIGURATION = Text("Ny konfiguration", "New configuration")

BASE_URL = "http://127.0.0.1:8470"  # the daemon's default; `--base-url` writes another
DASHBOARD_FILES = {"coverage.json": "sv", "coverage-en.json": "en"}


def label_variable(name: str, label: str) -> Json:
    """A variable with the values of a label; all of them are chosen at first."""
    query = f"label_values(fleetsync_entitled, {name})"
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery", "qryType": 1},
        "refresh": 2,  # on a change of the time range: units come and go
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
        "options": [],
        "regex": "",
        "hide": 0,
        "skipUrlSync": False,
    }


def template_variables(language: str, base_url: str) -> list[Json]:
    """What the reader may choose, and the page's address."""
    return [
        {
            "name": "datasource", "label": "Data Source", "type": "datasource", "query": "prometheus", "regex": "",
            "current": {}, "options": [], "refresh": 1, "multi": False, "includeAll": False, "hide": 0,
            "skipUrlSync": False,
        },
        {
            "name": "base_url", "label": Text("Sidans adress", "Address of the page").in_language(language),
            "type": "constant", "query": base_url, "current": {"text": base_url, "value": base_url}, "options": [],
            "hide": 2, "skipUrlSync": True,
        },
        label_variable("unit", Text("Enhet", "Unit").in_language(language)),
        label_variable("entitlement", Text("Rättighet", "Entitlement").in_language(language)),
    ]  # fmt: skip


def page_links(language: str) -> list[Json]:
    """Links to the page's lists, at the top."""
    return [
        {
            "title": title.in_language(language), "type": "link", "icon": "external link", "tooltip": "", "tags": [],
            "url": f"{PAGE_URL}{path}", "targetBlank": True, "asDropdown": False, "includeVars": False, "keepTime": False,
        }
        for title, path in PAGE_LISTS
    ]  # fmt: skip


def reload_annotation(language: str) -> Json:
    """Marks when a new configuration came into force: it may be the reason for a step in the numbers."""
    return {
        "name": NEW_CONFIGURATION.in_language(language),
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": BLUE,
        "expr": "changes(fleetsync_config_last_reload_success_timestamp_seconds[5m]) > 0",
        "titleFormat": NEW_CONFIGURATION.in_language(language),
        "step": "5m",
    }


def dashboard(language: str, base_url: str) -> Json:
    """The dashboard in *language*; *base_url* is the page's, without a slash at its end."""
    return {
        "id": None,
        "uid": "fleetsync-coverage" if language == "sv" else f"fleetsync-coverage-{language}",
        "title": TITLE.in_language(language),
        "description": DESCRIPTION.in_language(language),
        "tags": ["fleetsync"],
        "editable": False,
        "graphTooltip": 1,
        "refresh": "5m",
        "time": {"from": "now-30d", "to": "now"},
        "timezone": "browser",
        "weekStart": "monday",
        "schemaVersion": 39,
        "version": 1,
        "fiscalYearStartMonth": 0,
        "liveNow": False,
        "links": page_links(language),
        "annotations": {"list": [reload_annotation(language)]},
        "templating": {"list": template_variables(language, base_url)},
        "panels": [panel.render(number, language) for number, panel in enumerate(PANELS, 1)],
    }


def dashboard_json(language: str, base_url: str = BASE_URL) -> str:
    """The text of the file in *language*."""
    return json.dumps(dashboard(language, base_url), ensure_ascii=False, indent=2) + "\n"
