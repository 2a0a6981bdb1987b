"""The text of the domain's metrics is what the client library would write."""

from collections.abc import Iterable, Mapping

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest

from fleetsync.core.lifecycle import GAPS
from fleetsync.expose.metrics import MetricFamily, families, family_lines
from tests.expose.example_page import empty_snapshot

LABEL_NAMES = ("unit", "entitlement", "by")
NUMBERS = st.one_of(st.integers(0, 10**9), st.floats(min_value=0.0, allow_nan=False))
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)


class _Registry(CollectorRegistry):
    def __init__(self, metric: Metric) -> None:
        super().__init__(auto_describe=False)
        self._metric = metric

    def collect(self) -> Iterable[Metric]:
        return [self._metric]


def _written_by_library(
    metric: GaugeMetricFamily | CounterMetricFamily, values: Mapping[tuple[str, ...], float]
) -> str:
    for labels, value in sorted(values.items()):
        metric.add_metric(labels, value)
    return generate_latest(_Registry(metric)).decode()


@given(help_text=TEXTS, values=st.dictionaries(st.tuples(TEXTS, TEXTS, TEXTS), NUMBERS, max_size=5))
def test_gauges_are_written_as_the_client_library_writes_them(help_text, values):
    family = MetricFamily("fleetsync_covered", help_text, LABEL_NAMES, values)

    expected = _written_by_library(GaugeMetricFamily(family.name, help_text, labels=LABEL_NAMES), values)
    assert "".join(family_lines(family)) == expected


@given(number=NUMBERS)
def test_a_gauge_without_labels_is_too(number):
    family = MetricFamily("fleetsync_at", "When", (), {(): number})

    assert "".join(family_lines(family)) == _written_by_library(GaugeMetricFamily(family.name, "When"), {(): number})


@given(values=st.dictionaries(st.tuples(TEXTS), NUMBERS, max_size=5))
def test_counters_are_too(values):
    family = MetricFamily("fleetsync_gaps_opened_total", "Gaps opened", ("kind",), values, "counter")

    expected = _written_by_library(CounterMetricFamily("fleetsync_gaps_opened", "Gaps opened", labels=["kind"]), values)
    assert "".join(family_lines(family)) == expected


def test_a_total_begins_at_zero_for_every_kind() -> None:
    """Prometheus sees no increase in the first sample of a series, so the first event would be lost."""
    metrics = families(empty_snapshot(), {"fleetsync_gaps_opened": {("stale",): 3}})
    opened, closed = (metric.values for metric in metrics if metric.type == "counter")

    assert {kind for (kind,) in opened} == {kind for (kind,) in closed} == {kind.id for kind in GAPS}
    assert (opened["stale",], opened["lost",], closed["stale",]) == (3, 0, 0)
