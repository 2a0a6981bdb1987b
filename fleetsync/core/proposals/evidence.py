"""What the devices that share a value of a field have in common: how many there are, who holds them, and where.

Pure. A value is a text of one field of one source, written as the pattern that a rule would have. Values are looked at
that rules can be written on; of a device's name, its beginning up to the first separator.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from fleetsync.core.context import Context
from fleetsync.core.matching import FIELD_READERS
from fleetsync.core.model import UNPLACED, BelievedRecord, DeviceCase, DeviceRecord, FrozenStruct, Outcome, Purpose
from fleetsync.core.text import folded

# The fields that a place or a purpose is written in, the most telling first.
PLACE_FIELDS = ("location", "groups", "profile", "tag", "status")
NAME_FIELD = "name"  # of a device
FEWEST_DEVICES = 3  # fewer share a value by chance

_GLOB_SIGNS = re.compile(r"[*?\[\]{}]")
_BEGINNING_OF_NAME = re.compile(r"(\w{2,}?)[-_ .]")

PatternKey = tuple[str, str, str]  # source, field, pattern


class PlaceEvidence(FrozenStruct, frozen=True, kw_only=True):
    """The devices that match a pattern: how many, how many a person holds, how many have a unit, and of these at the unit."""

    devices: int
    with_holder: int
    placed: int
    at_unit: int


def evidence_of(cases: Iterable[DeviceCase], unit: str | None = None) -> PlaceEvidence:
    """The evidence that *cases* give for *unit*."""
    cases = tuple(cases)
    return PlaceEvidence(
        devices=len(cases),
        with_holder=sum(case.placement.holder is not None for case in cases),
        placed=sum(case.placement.unit != UNPLACED for case in cases),
        at_unit=sum(case.placement.unit == unit for case in cases),
    )


def devices_by_pattern(outcome: Outcome) -> Mapping[PatternKey, tuple[DeviceCase, ...]]:
    """The devices that are counted, by each pattern that one of their records meets; none of protected persons."""
    by_pattern: defaultdict[PatternKey, dict[str, DeviceCase]] = defaultdict(dict)
    for case in outcome.devices:
        if case.placement.purpose is Purpose.IGNORE or case.device.masked:
            continue
        for known in case.device.records:
            for field, pattern in _patterns(known):
                by_pattern[known.source, field, pattern][case.device.id] = case
    return {key: tuple(cases.values()) for key, cases in by_pattern.items() if len(cases) >= FEWEST_DEVICES}


def _patterns(known: BelievedRecord) -> Iterator[tuple[str, str]]:
    for field in PLACE_FIELDS:
        for value in FIELD_READERS[field](known):
            if value and not _GLOB_SIGNS.search(value):
                yield field, value
    record = known.record
    if isinstance(record, DeviceRecord) and record.name and (beginning := _BEGINNING_OF_NAME.match(record.name)):
        yield NAME_FIELD, f"{beginning[0]}*"


def spoken_name(key: PatternKey, context: Context) -> str:
    """What a person calls a text: of a location that is an id of its source, the name that the source gives it."""
    source, field, text = key
    return context.unit_directory.organisation_names.get((source, folded(text)), text) if field == "location" else text


def unplaced(cases: Iterable[DeviceCase]) -> frozenset[str]:
    """The devices that have no unit."""
    return frozenset(case.device.id for case in cases if case.placement.unit == UNPLACED)
