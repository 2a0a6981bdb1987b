from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from fleetsync.core.model import CoverageDay, Outcome, Subject
from fleetsync.demo.truth import GroundTruth

NUMBERS = (
    "entitled",
    "heads",
    "assigned_own",
    "assigned_set",
    "assigned_pool",
    "covered_own",
    "covered_set",
    "covered_pool",
    "covered_without_contact",
    "unknown",
    "short",
    "surplus",
    "undecided",
    "on_leave",
)
TruthDifference = tuple[object, str, int, int]  # (subject, number, expected, published)


def differences(outcome: Outcome, truth: GroundTruth, day: date) -> list[TruthDifference]:
    """All published numbers of *day* that differ from the expected ones."""
    return [
        *_of_coverage(truth.coverage(day), {(row.unit, row.entitlement): row for row in outcome.coverage}),
        *_of_counts("gaps", truth.gaps(day), _gaps(outcome)),
        *_of_counts("devices", truth.devices(day), _devices(outcome)),
    ]


def _of_coverage(
    true: Mapping[tuple[str, str], CoverageDay], published: Mapping[tuple[str, str], CoverageDay]
) -> Iterator[TruthDifference]:
    for cell in sorted({*true, *published}):
        for name in NUMBERS:
            expected, got = _number(true.get(cell), name), _number(published.get(cell), name)
            if expected != got:
                yield cell, name, expected, got


def _number(row: CoverageDay | None, name: str) -> int:
    return 0 if row is None else int(getattr(row, name))


def _of_counts(name: str, true: Mapping[Any, int], published: Mapping[Any, int]) -> Iterator[TruthDifference]:
    for key in sorted({*true, *published}, key=str):
        if true.get(key, 0) != published.get(key, 0):
            yield key, name, true.get(key, 0), published.get(key, 0)


def _gaps(outcome: Outcome) -> Mapping[object, int]:
    return Counter(
        (episode.unit, episode.kind) for episode in outcome.episodes if episode.subject is not Subject.SOURCE
    )


def _devices(outcome: Outcome) -> Mapping[object, int]:
    return Counter(
        (case.placement.unit, case.device.platform.value, case.device_state.stage.value)
        for case in outcome.devices
        if case.device_state.stage is not None and case.device_state.ours
    )
