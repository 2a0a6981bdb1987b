"""Snapshot → Prometheus text: walks MEASURES, FACTS and GAPS, and knows no domain word.

Rendered once per snapshot, plain and gzip-ready; the daemon's own series are appended at scrape. No device, serial,
person or log-in is a label, because no measure has such a label.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from msgspec import Struct
from prometheus_client.utils import floatToGoString

from fleetsync.core.lifecycle import GAPS
from fleetsync.core.measures import FACTS, MEASURES
from fleetsync.core.snapshot import Snapshot

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# Totals that survive retention; kept by the store since the first reconciliation, so they never go back at a restart.
COUNTERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "fleetsync_gaps_opened": ("Gaps opened, by kind", ("kind",)),
    "fleetsync_gaps_closed": ("Gaps closed, by kind", ("kind",)),
}
SNAPSHOT_INSTANT = "fleetsync_snapshot_timestamp_seconds"

CounterTotals = Mapping[str, Mapping[tuple[str, ...], int]]


class Exposition:
    """The text of one snapshot; `body` and `compressed` may be called by any thread."""

    def __init__(self, snapshot: Snapshot, totals: CounterTotals) -> None:
        self._text = "".join(line for each in families(snapshot, totals) for line in family_lines(each)).encode()
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


class MetricFamily(Struct, frozen=True):
    """A metric with the values of all its series, by their labels."""

    name: str
    help: str
    label_names: tuple[str, ...]
    values: Mapping[tuple[str, ...], float]
    type: str = "gauge"


def families(snapshot: Snapshot, totals: CounterTotals) -> Iterable[MetricFamily]:
    """Every domain metric of *snapshot*."""
    for measure in MEASURES:
        yield MetricFamily(measure.name, measure.help.en, measure.labels, snapshot.numbers[measure.name])
    for fact in FACTS:
        yield MetricFamily(fact.name, fact.help.en, fact.labels, snapshot.facts[fact.name])
    # From zero on: of a series that begins with its first event, that event is in no increase.
    zeros: Mapping[tuple[str, ...], float] = {(kind.id,): 0 for kind in GAPS}
    for name, (help_text, label_names) in COUNTERS.items():
        yield MetricFamily(f"{name}_total", help_text, label_names, {**zeros, **totals.get(name, {})}, "counter")
    shown_at: Mapping[tuple[str, ...], float] = {(): snapshot.outcome.moment.at.timestamp()}
    yield MetricFamily(SNAPSHOT_INSTANT, "When what is shown was reconciled", (), shown_at)


def family_lines(family: MetricFamily) -> Iterator[str]:
    """The lines of *family* in text format 0.0.4, as the client library writes them; tests compare the two.

    The library takes ten times as long, which counts with 500 units: it checks and sorts the labels of every line.
    """
    yield f"# HELP {family.name} {_without_line_breaks(family.help)}\n# TYPE {family.name} {family.type}\n"
    places = sorted(range(len(family.label_names)), key=family.label_names.__getitem__)
    labels = ",".join(f'{family.label_names[place]}="%s"' for place in places)
    line = f"{family.name}{{{labels}}} %s\n" if labels else f"{family.name} %s\n"
    for values, number in sorted(family.values.items()):
        escaped = [_escaped(values[place]) for place in places]
        yield line % (*escaped, _number(number))


def _without_line_breaks(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


@lru_cache(maxsize=2048)  # the same units, entitlements and kinds stand on nearly every line
def _escaped(label: str) -> str:
    return _without_line_breaks(label).replace('"', r"\"")


@lru_cache(maxsize=2048)
def _number(number: float) -> str:
    return str(floatToGoString(number))  # type: ignore[no-untyped-call]  # the library has no types here
