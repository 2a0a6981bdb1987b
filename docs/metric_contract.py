"""What was promised about metrics, and whether it is kept.

    python docs/metric_contract.py 0.2

writes `docs/released_metrics.toml`, the list of what release 0.2 publishes. Do so when a release is made, and never in
between: the list is what later changes are compared with. Nothing is written when a promise of the last release is broken.
Until 0.1 is out, a new metric is added to its list by writing it again.
"""

import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from fleetsync.core.measures import Publication, Stability
from fleetsync.expose.published_metrics import published_metrics

RELEASED = Path(__file__).parent / "released_metrics.toml"
HEADER = "# The metrics of the last release. Written by docs/metric_contract.py when a release is made; never edited."


class MetricPromise(NamedTuple):
    """What a release says of one metric."""

    labels: frozenset[str]
    publication: Publication


class Release(NamedTuple):
    """The metrics of a release, by name; *number* like "0.1"."""

    number: str
    metrics: Mapping[str, MetricPromise]


def read_release(text: str) -> Release:
    """The release that the text of a list describes."""
    tables = tomllib.loads(text)
    return Release(
        tables["release"],
        {
            name: MetricPromise(
                frozenset(table["labels"]),
                Publication(table["since"], Stability(table["stability"]), table.get("deprecated_in")),
            )
            for name, table in tables["metrics"].items()
        },
    )


def current_metrics() -> Mapping[str, MetricPromise]:
    """What this code publishes."""
    return {metric.name: MetricPromise(frozenset(metric.labels), metric.publication) for metric in published_metrics()}


def broken_promises(release: Release, metrics: Mapping[str, MetricPromise]) -> Iterator[str]:
    """A sentence for each metric of *release* that *metrics* dropped or changed."""
    for name, promised in release.metrics.items():
        was_announced = promised.publication.deprecated_in is not None
        if promised.publication.stability is Stability.EXPERIMENTAL:
            continue
        now = metrics.get(name)
        if now is None:
            if not was_announced:
                yield f"{name} is gone: publish it as deprecated, beside what replaces it, for a release"
            continue
        if now.labels != promised.labels:
            changed = ", ".join(sorted(now.labels ^ promised.labels))
            yield f"{name} has other labels ({changed}): publish a new metric, and the old one as deprecated, for a release"
        if now.publication.stability is not Stability.STABLE:
            yield f"{name} was stable and cannot become experimental"
        if now.publication.since != promised.publication.since:
            yield f"{name} is published since {promised.publication.since}, not {now.publication.since}"


def misdated_metrics(release: Release, metrics: Mapping[str, MetricPromise]) -> Iterator[str]:
    """A sentence for each metric that *release* lacks and that is said to be as old as it."""
    for name in sorted(metrics.keys() - release.metrics.keys()):
        if _as_numbers(metrics[name].publication.since) <= _as_numbers(release.number):
            yield f"{name} is new since release {release.number}, so its `since` is a later release"


def _as_numbers(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))


def release_lines(release: str, metrics: Mapping[str, MetricPromise]) -> Iterator[str]:
    """The list of *release*."""
    yield from (HEADER, f'release = "{release}"', "", "[metrics]")
    for name, (labels, publication) in sorted(metrics.items()):
        listed = ", ".join(f'"{label}"' for label in sorted(labels))
        deprecated = f', deprecated_in = "{publication.deprecated_in}"' if publication.deprecated_in else ""
        promise = f'since = "{publication.since}", stability = "{publication.stability.value}"{deprecated}'
        yield f"{name} = {{ labels = [{listed}], {promise} }}"


def main(release: str) -> None:
    """Write the list of *release*. Exits with the broken promises, if there are any."""
    metrics = current_metrics()
    broken = list(broken_promises(read_release(RELEASED.read_text(encoding="utf-8")), metrics))
    if broken:
        sys.exit("\n".join(broken))
    RELEASED.write_text("\n".join([*release_lines(release, metrics), ""]), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
