"""The names that a query may use: published series with their labels, and series that the rules record."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import promql_parser
import yaml

from fleetsync.expose.published_metrics import published_metrics

ROOT = Path(__file__).parents[2]
DASHBOARDS = ROOT / "dashboards"
RULES_FILE = DASHBOARDS / "rules" / "fleetsync.rules.yml"
RULE_TESTS = sorted((DASHBOARDS / "rules" / "tests").glob("*.yml"))
RUNBOOKS = DASHBOARDS / "runbooks"

GROUPS: list[dict[str, Any]] = yaml.safe_load(RULES_FILE.read_text(encoding="utf-8"))["groups"]
RULES: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
ALERTS: dict[str, dict[str, Any]] = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED_SERIES: dict[str, dict[str, Any]] = {rule["record"]: rule for rule in RULES if "record" in rule}

PUBLISHED_SERIES: Mapping[str, frozenset[str]] = {
    metric.name: frozenset(metric.labels) for metric in published_metrics()
}
PROMETHEUS_SERIES = {
    "up": frozenset({"job", "instance"}),
    "ALERTS": frozenset({"alertname", "alertstate", "unit", "entitlement", "kind"}),
    "scrape_duration_seconds": frozenset({"job", "instance"}),
    "process_start_time_seconds": frozenset({"job", "instance"}),
    "process_resident_memory_bytes": frozenset({"job", "instance"}),
}
# Labels that would identify a person or lead to one.
FORBIDDEN_LABELS = re.compile(r"person|login|log_in|user|serial|device_id|name|holder|civic|mail", re.IGNORECASE)


def selectors(expr: str) -> Iterator[Any]:
    """Every selector of *expr*. Raises ValueError when *expr* is not PromQL."""
    result: list[Any] = []

    def collect(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            result.append(node)

    promql_parser.transform(promql_parser.parse(without_variables(expr)), pre_visit=collect)
    yield from result


def without_variables(expr: str) -> str:
    """A panel's query as Grafana sends it when all values of the variables are chosen."""
    return (
        expr.replace("$unit", ".*")
        .replace("$entitlement", ".*")
        .replace("$source", ".*")
        .replace("$__rate_interval", "5m")
    )


def unknown_names(expr: str) -> set[str]:
    """Series and labels in *expr* that are neither published nor recorded."""
    known = {**PUBLISHED_SERIES, **PROMETHEUS_SERIES}
    unknown = set()
    for selector in selectors(expr):
        if selector.name in RECORDED_SERIES:
            continue
        labels = known.get(selector.name)
        if labels is None:
            unknown.add(selector.name)
            continue
        used = {matcher.name for matcher in selector.matchers.matchers}
        unknown |= {f"{selector.name}{{{label}}}" for label in used - labels}
    return unknown
