"""Snapshot → Prometheus text: walks MEASURES and FACTS and knows no domain word.

Rendered once per snapshot, plain and gzip-ready; the daemon's own series are appended at scrape. No device, serial,
person or log-in is a label, because no measure has such a label.
"""

import zlib
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest

from fleetsync.core.measures import FACTS, MEASURES
from fleetsync.core.snapshot import Snapshot

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# Totals that survive retention; kept by the store since the first reconciliation, so they never go back at a restart.
COUNTERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "fleetsync_gaps_opened": ("Gaps opened, by kind", ("kind",)),
    "fleetsync_gaps_closed": ("Gaps closed, by kind", ("kind",)),
}

CounterTotals = Mapping[str, Mapping[tuple[str, ...], int]]


class Exposition:
    """The text of one snapshot; `body` and `compressed` may be called by any thread."""

    def __init__(self, snapshot: Snapshot, totals: CounterTotals) -> None:
        self._text = render(families(snapshot, totals))
        # One gzip member for both halves: the snapshot's part is compressed once and copied per scrape.
        self._gzip = zlib.compressobj(6, zlib.DEFLATED, 31)
        self._head = self._gzip.compress(self._text) + self._gzip.flush(zlib.Z_SYNC_FLUSH)

    def body(self, live: bytes) -> bytes:
        """The whole exposition, with the daemon's own series *live* behind it."""
        return self._text + live

    def compressed(self, live: bytes) -> bytes:
        """The same as one gzip member."""
        rest = self._gzip.copy()
        return self._head + rest.compress(live) + rest.flush()


def render(metrics: Iterable[Metric]) -> bytes:
    """Text format 0.0.4 of *metrics*."""
    return generate_latest(_PrebuiltRegistry(tuple(metrics)))


class _PrebuiltRegistry(CollectorRegistry):
    """A registry that hands out metrics built before, for the renderer of the client library."""

    def __init__(self, metrics: tuple[Metric, ...]) -> None:
        super().__init__(auto_describe=False)
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return iter(self._metrics)


def families(snapshot: Snapshot, totals: CounterTotals) -> Iterable[Metric]:
    """Every domain series of *snapshot*."""
    for measure in MEASURES:
        family = GaugeMetricFamily(measure.name, measure.help.en, labels=measure.labels)
        for labels, number in sorted(snapshot.numbers[measure.name].items()):
            family.add_metric(labels, number)
        yield family
    for fact in FACTS:
        family = GaugeMetricFamily(fact.name, fact.help.en, labels=fact.labels)
        for labels, value in sorted(snapshot.facts[fact.name].items()):
            family.add_metric(labels, value)
        yield family
    for name, (help_text, label_names) in COUNTERS.items():
        counter = CounterMetricFamily(name, help_text, labels=label_names)
        for labels, total in sorted(totals.get(name, {}).items()):
            counter.add_metric(labels, total)
        yield counter
    snapshot_at = GaugeMetricFamily("fleetsync_snapshot_timestamp_seconds", "When what is shown was reconciled")
    snapshot_at.add_metric((), snapshot.outcome.moment.at.timestamp())
    yield snapshot_at
