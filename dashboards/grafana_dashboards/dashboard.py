"""A whole dashboard: its panels in their order, with the variables, links and annotation around them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fleetsync.core.model import Text
from grafana_dashboards.coverage_panels import BELOW_THE_LIMIT, HEADLINE, OVER_TIME, UNIT_BY_UNIT
from grafana_dashboards.fleet_panels import DEVICES, GAPS, SOURCES
from grafana_dashboards.grafana import BLUE, DATASOURCE, PAGE_URL, Json
from grafana_dashboards.lifecycle_panels import LIFECYCLE_PANELS
from grafana_dashboards.panels import Heading, Panel
from grafana_dashboards.sync_panels import SYNC_PANELS


class LabelVariable(NamedTuple):
    """A variable of a dashboard: the reader chooses among the values that the label *name* has in *series*."""

    name: str
    series: str
    title: Text


@dataclass(frozen=True)
class Dashboard:
    """A dashboard. *key*: the name of its file. *pages*: lists of fleetsync's page that it links to."""

    key: str
    title: Text
    about: Text
    variables: Sequence[LabelVariable]
    pages: Sequence[tuple[Text, str]]
    panels: Sequence[Heading | Panel]


UNIT = LabelVariable("unit", "fleetsync_entitled", Text("Enhet", "Unit"))
ENTITLEMENT = LabelVariable("entitlement", "fleetsync_entitled", Text("Rättighet", "Entitlement"))
SOURCE = LabelVariable("source", "fleetsync_source_up", Text("Källa", "Source"))
COVERAGE_PAGE = (Text("Täckning", "Coverage"), "/coverage")
GAPS_PAGE = (Text("Avvikelser", "Gaps"), "/gaps")
SOURCES_PAGE = (Text("Källor", "Sources"), "/sources")

DASHBOARDS = (
    Dashboard(
        "coverage",
        Text("fleetsync: täckning", "fleetsync: coverage"),
        Text(
            "Vilka elever, barn och anställda som har ett verktyg i drift, och varför inte.",
            "Which pupils, children and employees have a working device, and why not.",
        ),
        (UNIT, ENTITLEMENT),
        (COVERAGE_PAGE, GAPS_PAGE, SOURCES_PAGE),
        (*HEADLINE, *BELOW_THE_LIMIT, *OVER_TIME, *UNIT_BY_UNIT, *GAPS, *DEVICES, *SOURCES),
    ),
    Dashboard(
        "lifecycle",
        Text("fleetsync: verktygens livscykel", "fleetsync: lifecycle gaps"),
        Text(
            "Verktyg som är gamla, tysta, trasiga, hos fel person eller osäkra, och om det blir fler eller färre.",
            "Devices that are old, silent, broken, with the wrong person or insecure, and whether they grow fewer.",
        ),
        (UNIT,),
        (GAPS_PAGE, (Text("Verktyg", "Devices"), "/devices")),
        LIFECYCLE_PANELS,
    ),
    Dashboard(
        "sync",
        Text("fleetsync: hämtningar", "fleetsync: sync health"),
        Text(
            "Om källorna hämtas, hur gamla de är, vad som inte gick att läsa, och hur tjänsten själv mår.",
            "Whether the sources are read, how old they are, what could not be read, and how the daemon is.",
        ),
        (SOURCE,),
        (SOURCES_PAGE,),
        SYNC_PANELS,
    ),
)
NEW_CONFIGURATION = Text("Ny konfiguration", "New configuration")

BASE_URL = "http://127.0.0.1:8470"  # the daemon's default; `--base-url` writes another
# Swedish is what users read, so its files have the plain names.
DASHBOARD_FILES: Mapping[str, tuple[Dashboard, str]] = {
    f"{dashboard.key}{'' if language == 'sv' else f'-{language}'}.json": (dashboard, language)
    for dashboard in DASHBOARDS
    for language in ("sv", "en")
}


def label_variable(variable: LabelVariable, language: str) -> Json:
    """Grafana's form of *variable*; all values are chosen at first."""
    query = f"label_values({variable.series}, {variable.name})"
    return {
        "name": variable.name,
        "label": variable.title.in_language(language),
        "type": "query",
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery", "qryType": 1},
        "refresh": 2,  # on a change of the time range: units and sources come and go
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


def template_variables(dashboard: Dashboard, language: str, base_url: str) -> list[Json]:
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
        *(label_variable(variable, language) for variable in dashboard.variables),
    ]  # fmt: skip


def language_tag(language: str) -> str:
    """The tag by which the dashboards of one language link to each other."""
    return f"fleetsync-{language}"


def links(dashboard: Dashboard, language: str) -> list[Json]:
    """Links at the top: to the other dashboards in the language, then to the page's lists."""
    others = {
        "title": Text("Paneler", "Dashboards").in_language(language), "type": "dashboards", "icon": "dashboard",
        "tooltip": "", "tags": [language_tag(language)], "url": "", "targetBlank": False, "asDropdown": False,
        "includeVars": True, "keepTime": True,
    }  # fmt: skip
    return [
        others,
        *(
            {
                "title": title.in_language(language), "type": "link", "icon": "external link", "tooltip": "",
                "tags": [], "url": f"{PAGE_URL}{path}", "targetBlank": True, "asDropdown": False,
                "includeVars": False, "keepTime": False,
            }
            for title, path in dashboard.pages
        ),
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


def render_dashboard(dashboard: Dashboard, language: str, base_url: str) -> Json:
    """The dashboard's JSON in *language*; *base_url* is the page's, without a slash at its end."""
    return {
        "id": None,
        "uid": f"fleetsync-{dashboard.key}{'' if language == 'sv' else f'-{language}'}",
        "title": dashboard.title.in_language(language),
        "description": dashboard.about.in_language(language),
        "tags": ["fleetsync", language_tag(language)],
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
        "links": links(dashboard, language),
        "annotations": {"list": [reload_annotation(language)]},
        "templating": {"list": template_variables(dashboard, language, base_url)},
        "panels": [panel.render(number, language) for number, panel in enumerate(dashboard.panels, 1)],
    }


def dashboard_json(name: str, base_url: str = BASE_URL) -> str:
    """The text of the file *name*."""
    dashboard, language = DASHBOARD_FILES[name]
    return json.dumps(render_dashboard(dashboard, language, base_url), ensure_ascii=False, indent=2) + "\n"
