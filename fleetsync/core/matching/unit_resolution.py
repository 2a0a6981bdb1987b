"""Finds the unit of a device: collects every answer that the evidence gives, in order of precedence, and takes the first.

Pure. An answer that disagrees is kept beside the one that counts, so that the conflict can be reported.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache

from msgspec import Struct

from fleetsync.core.context import Context
from fleetsync.core.matching.holders import ResolvedHolder
from fleetsync.core.matching.rules import FIELD_READERS, DeviceClassification, device_record
from fleetsync.core.model import UNPLACED, BelievedRecord, FrozenStruct, Person, PersonState, Text, UnitMap

UnitCandidate = tuple[str, Text]

_OF_HOLDER = Text("innehavarens enhet", "the holder's unit")
_OF_ACCOUNT = Text("kontots enhet", "the account's unit")
_PROTECTED = Text("visas inte", "not shown")
_NOWHERE = Text("inget talar om var", "nothing tells where")


@lru_cache(maxsize=64)
def _unit_map_reason(source: str) -> Text:
    return Text(
        f"vad inställningarna säger om platser i {source}", f"what the configuration says of places in {source}"
    )


@lru_cache(maxsize=64)
def _location_reason(source: str) -> Text:
    return Text(f"platsen i {source}", f"the location in {source}")


class ResolvedUnit(FrozenStruct, frozen=True):
    """The unit that counts, why, and the other answer where two disagree."""

    unit: str
    reason: Text
    conflicting_unit: str | None = None
    conflicting_reason: Text = Text("", "")


class UnitLocator(Struct, frozen=True, kw_only=True, dict=True):
    """Looks up the unit of a device by its records and its holder; `people` and `states` are by person id."""

    people: Mapping[str, Person]
    states: Mapping[str, PersonState]
    context: Context

    @cached_property
    def _mapped_fields(self) -> Mapping[str, Sequence[str]]:
        """Per source the fields that `[[unit_map]]` reads, in file order; names were matched while the record was read."""
        fields: dict[str, dict[str, None]] = {}
        for line in self.context.policy.unit_maps:
            if line.field != "name":
                fields.setdefault(line.source, {})[line.field] = None
        return {source: tuple(names) for source, names in fields.items()}

    @cached_property
    def _name_unit_maps(self) -> Sequence[UnitMap]:
        return tuple(line for line in self.context.policy.unit_maps if line.field == "name")

    @cached_property
    def _mapped_unit_cache(self) -> dict[tuple[str, str, str], str | None]:
        return {}

    def resolve_unit(
        self,
        records: Sequence[BelievedRecord],
        classifications: Iterable[DeviceClassification | None],
        holder: ResolvedHolder,
    ) -> ResolvedUnit:
        """The unit of a device by the order of `domain.md` §3; *classifications*: by its list's row, then by its rule."""
        if holder.person is not None and self.people[holder.person].masked:
            return ResolvedUnit(UNPLACED, _PROTECTED)
        classified = [
            (classification.unit, classification.reason)
            for classification in classifications
            if classification is not None and classification.unit is not None
        ]
        of_holder = self._unit_of_person(holder.person, _OF_HOLDER)
        answers = [*classified, *of_holder, *self._units_from_records(records, holder)]
        if not answers:
            return ResolvedUnit(UNPLACED, _NOWHERE)
        unit, reason = answers[0]
        other = next((answer for answer in answers if answer[0] != unit), None)
        return ResolvedUnit(unit, reason) if other is None else ResolvedUnit(unit, reason, *other)

    def _units_from_records(self, records: Sequence[BelievedRecord], holder: ResolvedHolder) -> list[UnitCandidate]:
        """The units that the records give: by `[[unit_map]]`, the account's unit, the source's location."""
        account = () if holder.account == "manager" else self._unit_of_person(holder.account_owner, _OF_ACCOUNT)
        return [*self._units_from_unit_map(records), *account, *self._units_from_location(records)]

    def _unit_of_person(self, person: str | None, reason: Text) -> tuple[UnitCandidate, ...]:
        """The person's unit; their last one when they have left."""
        person_state = self.states.get(person) if person is not None else None
        return () if person_state is None or person_state.unit == UNPLACED else ((person_state.unit, reason),)

    def _units_from_unit_map(self, records: Iterable[BelievedRecord]) -> Iterable[UnitCandidate]:
        for known in records:
            reason = _unit_map_reason(known.source)
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
            self._mapped_unit_cache[key] = self.context.unit_directory.slug_of_location(source, field, value)
        return self._mapped_unit_cache[key]

    def _units_from_location(self, records: Iterable[BelievedRecord]) -> Iterable[UnitCandidate]:
        for known in records:
            location = device_record(known).location
            if location is None:
                continue
            unit = self.context.unit_directory.slug_of_source_location(known.source, location)
            if unit is not None:
                yield (unit, _location_reason(known.source))
