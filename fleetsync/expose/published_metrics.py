"""Every metric that is published, with what is promised about it. Documentation and tests walk it."""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from fleetsync.core.measures import FACTS, FIRST_PUBLISHED, MEASURES, Publication
from fleetsync.expose.metrics import COUNTERS, SNAPSHOT_INSTANT
from fleetsync.expose.telemetry import TELEMETRY


class MetricGroup(StrEnum):
    """Where a metric comes from, and so when it is zero and when it is left out."""

    MEASURE = "measure"
    FACT = "fact"
    TOTAL = "total"
    DAEMON = "daemon"


class PublishedMetric(NamedTuple):
    """A metric as a scrape shows it. *help* is in English."""

    name: str
    group: MetricGroup
    labels: tuple[str, ...]
    help: str
    publication: Publication


def published_metrics() -> Iterator[PublishedMetric]:
    """Every metric of fleetsync's own, in the order of the scrape. Those of the process are the client library's."""
    for measure in MEASURES:
        yield PublishedMetric(measure.name, MetricGroup.MEASURE, measure.labels, measure.help.en, measure.publication)
    for fact in FACTS:
        yield PublishedMetric(fact.name, MetricGroup.FACT, fact.labels, fact.help.en, fact.publication)
    shown = "When what is shown was reconciled"
    yield PublishedMetric(SNAPSHOT_INSTANT, MetricGroup.FACT, (), shown, FIRST_PUBLISHED)
    for name, (help_text, labels) in COUNTERS.items():
        yield PublishedMetric(f"{name}_total", MetricGroup.TOTAL, labels, help_text, FIRST_PUBLISHED)
    for series in TELEMETRY:
        yield PublishedMetric(series.name, MetricGroup.DAEMON, series.labels, series.help, series.publication)
