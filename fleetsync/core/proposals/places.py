"""Proposes `[[unit_map]]` lines: what a source calls a unit, by whose devices carry the word, or by the unit's own name.

Pure. A word that devices of several units carry is no place, such as a building of two schools. Only what would place a
device that has no unit is proposed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from fleetsync.core.context import Context
from fleetsync.core.model import RESERVED_UNITS, UNPLACED, DeviceCase, FrozenStruct, Outcome, Unit
from fleetsync.core.proposals.evidence import (
    PatternKey,
    PlaceEvidence,
    devices_by_pattern,
    evidence_of,
    spoken_name,
    unplaced,
)
from fleetsync.core.text import folded

FEWEST_PLACED = 3
SMALLEST_SHARE_AT_UNIT = 0.9


class UnitMapProposal(FrozenStruct, frozen=True, kw_only=True):
    """A `[[unit_map]]` line and its evidence. `places`: how many devices without a unit it would place.

    `spoken`: what the source calls the place, where the pattern is an id of it. `names_unit`: it holds the unit's name.
    """

    source: str
    field: str
    pattern: str
    unit: str
    evidence: PlaceEvidence
    places: int
    names_unit: bool
    spoken: str = ""


def unit_map_candidates(outcome: Outcome, context: Context) -> list[tuple[UnitMapProposal, frozenset[str]]]:
    """The lines that would place devices without a unit, each with these devices."""
    units = [unit for unit in context.policy.units if unit.slug not in RESERVED_UNITS]
    by_line = _cases_by_line(devices_by_pattern(outcome), units, context)
    candidates = []
    for (source, field, pattern, named), cases in by_line.items():
        placed = unplaced(cases)
        key = (source, field, pattern)
        if placed and (proposal := _proposal(key, cases, named)) is not None:
            spoken = spoken_name(key, context)
            candidates.append((replace(proposal, spoken="" if spoken == pattern else spoken), placed))
    return candidates


def _cases_by_line(
    by_pattern: Mapping[PatternKey, Sequence[DeviceCase]], units: Sequence[Unit], context: Context
) -> Mapping[tuple[str, str, str, str | None], Sequence[DeviceCase]]:
    """The devices of each possible line: source, field, pattern, and the unit that the pattern names.

    Texts that end with the same unit's name share a line. A text that is a part of several units' names is left out: it
    may mean any of them.
    """
    by_line: defaultdict[tuple[str, str, str, str | None], dict[str, DeviceCase]] = defaultdict(dict)
    for (source, field, text), cases in by_pattern.items():
        spoken = spoken_name((source, field, text), context)
        if sum(folded(spoken) in folded(unit.name) for unit in units) < 2:
            named = _unit_named_in(spoken, units)
            ends = named is not None and folded(text).endswith(folded(named.name)) and len(text) > len(named.name)
            pattern = f"*{named.name}" if named is not None and ends else text
            line = (source, field, pattern, named.slug if named is not None else None)
            by_line[line].update({case.device.id: case for case in cases})
    return {line: tuple(cases.values()) for line, cases in by_line.items()}


def _proposal(key: PatternKey, cases: Sequence[DeviceCase], named: str | None) -> UnitMapProposal | None:
    """The line for the devices that match a pattern; None where neither they nor the text point at one unit."""
    placed = Counter(case.placement.unit for case in cases if case.placement.unit != UNPLACED)
    most, at_most = placed.most_common(1)[0] if placed else (named, 0)
    is_few = placed.total() < FEWEST_PLACED and most != named
    if most is None or is_few or at_most < SMALLEST_SHARE_AT_UNIT * placed.total():
        return None
    return UnitMapProposal(
        source=key[0],
        field=key[1],
        pattern=key[2],
        unit=most,
        evidence=evidence_of(cases, most),
        places=len(unplaced(cases)),
        names_unit=named == most,
    )


def _unit_named_in(text: str, units: Iterable[Unit]) -> Unit | None:
    """The one unit whose whole name stands in *text*; of names within each other, the longest."""
    words = folded(text)
    named = sorted((unit for unit in units if folded(unit.name) in words), key=lambda unit: -len(unit.name))
    if not named or any(folded(other.name) not in folded(named[0].name) for other in named[1:]):
        return None
    return named[0]
