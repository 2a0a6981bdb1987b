"""Where a device is: every answer that something gives, the first of which counts.

Pure. An answer that disagrees is kept beside the one that counts, never mixed into it.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from msgspec import Struct

from fleetsync.core.identity import UnitDirectory
from fleetsync.core.matching.holders import ResolvedHolder
from fleetsync.core.matching.rules import FIELD_READERS, DeviceClassification, device_record
from fleetsync.core.model import UNPLACED, BelievedRecord, FrozenStruct, Person, PersonState, Policy, Text, UnitMap

UnitCandidate = tuple[str, Text]

_OF_HOLDER = Text("innehavarens enhet", "the holder's unit")
_OF_ACCOUNT = Text("kontots enhet", "the account's unit")
_OF_LOCATION = Text("källans plats", "the source's location")
_PROTECTED = Text("visas inte", "not shown")
_NOWHERE = Text("inget talar om var", "nothing tells where")


class ResolvedUnit(FrozenStruct, frozen=True):
    """The unit that counts, why, and the other answer where two disagree."""

    unit: str
    reason: Text
    conflicting_unit: str | None = None


class Atlas(Struct, frozen=True, kw_only=True, dict=True):
    """All that tells where a device is; made once per reconciliation."""

    book: UnitDirectory
    policy: Policy
    people: Mapping[str, Person]
    standings: Mapping[str, PersonState]

    @cached_property
    def _mapped_fields(self) -> Mapping[str, Sequence[str]]:
        """Per source the fields that `[[unit_map]]` reads, in file order; names are matched while they are read."""
        fields: dict[str, dict[str, None]] = {}
        for line in self.policy.unit_maps:
            if line.field != "name":
                fields.setdefault(line.source, {})[line.field] = None
        return {source: tuple(names) for source, names in fields.items()}

    @cached_property
    def _name_unit_maps(self) -> Sequence[UnitMap]:
        return tuple(line for line in self.policy.unit_maps if line.field == "name")

    @cached_property
    def _mapped_unit_cache(self) -> dict[tuple[str, str, str], str | None]:
        return {}

    def resolve_unit(
        self, records: Sequence[BelievedRecord], rulings: Iterable[DeviceClassification | None], held: ResolvedHolder
    ) -> ResolvedUnit:
        """The unit of a device by the order of `domain.md` §3; *rulings* are its list's row, then its rule."""
        if held.person is not None and self.people[held.person].masked:
            return ResolvedUnit(UNPLACED, _PROTECTED)
        said = [(found.unit, found.reason) for found in rulings if found is not None and found.unit is not None]
        answers = [*said, *self._unit_of_person(held.person, _OF_HOLDER), *self.units_from_records(records, held)]
        if not answers:
            return ResolvedUnit(UNPLACED, _NOWHERE)
        unit, reason = answers[0]
        return ResolvedUnit(unit, reason, next((other for other, _ in answers if other != unit), None))

    def units_from_records(self, records: Sequence[BelievedRecord], held: ResolvedHolder) -> list[UnitCandidate]:
        """What the records themselves say: `[[unit_map]]`, the account's unit, the source's location."""
        account = () if held.account == "manager" else self._unit_of_person(held.account_owner, _OF_ACCOUNT)
        return [*self._units_from_unit_map(records), *account, *self._units_from_location(records)]

    def _unit_of_person(self, person: str | None, reason: Text) -> tuple[UnitCandidate, ...]:
        """His unit; of one who has left, the last."""
        person_state = self.standings.get(person) if person is not None else None
        return () if person_state is None or person_state.unit == UNPLACED else ((person_state.unit, reason),)

    def _units_from_unit_map(self, records: Iterable[BelievedRecord]) -> Iterable[UnitCandidate]:
        for known in records:
            reason = Text(f"[[unit_map]] för {known.source}", f"[[unit_map]] of {known.source}")
            for field in self._mapped_fields.get(known.source, ()):
                for value in FIELD_READERS[field](known):
                    if (unit := self._mapped_unit(known.source, field, value)) is not None:
                        yield (unit, reason)
            for line in self._name_unit_maps:
                if line.source == known.source and any(
                    line.pattern == kept for kept, _ in device_record(known).name_matches
                ):
                    yield (line.unit, reason)

    def _mapped_unit(self, source: str, field: str, value: str) -> str | None:
        key = (source, field, value)
        if key not in self._mapped_unit_cache:
            self._mapped_unit_cache[key] = self.book.slug_of_location(source, field, value)
        return self._mapped_unit_cache[key]

    def _units_from_location(self, records: Iterable[BelievedRecord]) -> Iterable[UnitCandidate]:
        for known in records:
            location = device_record(known).location
            if location is not None and (unit := self.book.slug_of_text(location)) is not None:
                yield (unit, _OF_LOCATION)
