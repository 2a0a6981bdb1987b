"""Where a device is: every answer that something gives, the first of which counts.

Pure. An answer that disagrees is kept beside the one that counts, never mixed into it.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from msgspec import Struct

from fleetsync.core.identity import UnitBook
from fleetsync.core.matching.holders import Held
from fleetsync.core.matching.rules import FIELDS, Ruling, body
from fleetsync.core.model import UNPLACED, Known, Noun, Person, Policy, Standing, Text, UnitMap

Answer = tuple[str, Text]

_OF_HOLDER = Text("innehavarens enhet", "the holder's unit")
_OF_ACCOUNT = Text("kontots enhet", "the account's unit")
_OF_LOCATION = Text("källans plats", "the source's location")
_PROTECTED = Text("visas inte", "not shown")
_NOWHERE = Text("inget talar om var", "nothing tells where")


class Place(Noun, frozen=True):
    """The unit that counts, why, and the other answer where two disagree."""

    unit: str
    reason: Text
    elsewhere: str | None = None


class Atlas(Struct, frozen=True, kw_only=True, dict=True):
    """All that tells where a device is; made once per reconciliation."""

    book: UnitBook
    policy: Policy
    people: Mapping[str, Person]
    standings: Mapping[str, Standing]

    @cached_property
    def _fields(self) -> Mapping[str, Sequence[str]]:
        """Per source the fields that `[[unit_map]]` reads, in file order; names are matched while they are read."""
        fields: dict[str, dict[str, None]] = {}
        for line in self.policy.unit_maps:
            if line.field != "name":
                fields.setdefault(line.source, {})[line.field] = None
        return {source: tuple(names) for source, names in fields.items()}

    @cached_property
    def _named(self) -> Sequence[UnitMap]:
        return tuple(line for line in self.policy.unit_maps if line.field == "name")

    @cached_property
    def _found(self) -> dict[tuple[str, str, str], str | None]:
        return {}

    def place(self, records: Sequence[Known], rulings: Iterable[Ruling | None], held: Held) -> Place:
        """The unit of a device by the order of `domain.md` §3; *rulings* are its list's row, then its rule."""
        if held.person is not None and self.people[held.person].masked:
            return Place(UNPLACED, _PROTECTED)
        said = [(found.unit, found.reason) for found in rulings if found is not None and found.unit is not None]
        answers = [*said, *self._of_people(held.person, _OF_HOLDER), *self.of_records(records, held)]
        if not answers:
            return Place(UNPLACED, _NOWHERE)
        unit, reason = answers[0]
        return Place(unit, reason, next((other for other, _ in answers if other != unit), None))

    def of_records(self, records: Sequence[Known], held: Held) -> list[Answer]:
        """What the records themselves say: `[[unit_map]]`, the account's unit, the source's location."""
        account = () if held.account == "manager" else self._of_people(held.account_of, _OF_ACCOUNT)
        return [*self._by_map(records), *account, *self._by_location(records)]

    def _of_people(self, person: str | None, reason: Text) -> tuple[Answer, ...]:
        """His unit; of one who has left, the last."""
        standing = self.standings.get(person) if person is not None else None
        return () if standing is None or standing.unit == UNPLACED else ((standing.unit, reason),)

    def _by_map(self, records: Iterable[Known]) -> Iterable[Answer]:
        for known in records:
            reason = Text(f"[[unit_map]] för {known.source}", f"[[unit_map]] of {known.source}")
            for field in self._fields.get(known.source, ()):
                for value in FIELDS[field](known):
                    if (unit := self._of_location(known.source, field, value)) is not None:
                        yield (unit, reason)
            for line in self._named:
                if line.source == known.source and any(line.pattern == kept for kept, _ in body(known).name_matches):
                    yield (line.unit, reason)

    def _of_location(self, source: str, field: str, value: str) -> str | None:
        key = (source, field, value)
        if key not in self._found:
            self._found[key] = self.book.of_location(source, field, value)
        return self._found[key]

    def _by_location(self, records: Iterable[Known]) -> Iterable[Answer]:
        for known in records:
            location = body(known).location
            if location is not None and (unit := self.book.of_text(location)) is not None:
                yield (unit, _OF_LOCATION)
