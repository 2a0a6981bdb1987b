"""What a device is for: a list's own word, then the first `[[device_rule]]` of which one record meets all conditions.

Pure. What a brace catches must equal a unit, or a group of that unit, of the roster: near is not enough.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product

from fleetsync.core.identity import UnitDirectory, folded
from fleetsync.core.matching.globs import compile_glob, name_pattern_match, parse_captures
from fleetsync.core.model import BelievedRecord, DeviceRecord, DeviceRule, FrozenStruct, Purpose, Scheme, Text

Captures = tuple[tuple[str, str], ...]  # (brace, caught text)
FieldValues = tuple[str, ...] | tuple[tuple[str, str], ...]  # values, or (pattern, caught text) of names and log-ins
RuleCacheKey = tuple[str, tuple[FieldValues, ...]]  # unit otherwise, values by field
LOGIN_SCHEMES = (Scheme.ADDRESS, Scheme.ACCOUNT)


class DeviceClassification(FrozenStruct, frozen=True):
    """What a row of a list or a rule says of a device; a `unit` or `purpose` of None is not said."""

    purpose: Purpose | None
    unit: str | None
    groups: tuple[str, ...]
    reason: Text


def _as_tuple(value: str | None) -> tuple[str, ...]:
    return () if value is None else (value,)


def device_record(known: BelievedRecord) -> DeviceRecord:
    """What the record says; devices are made of no other."""
    assert isinstance(known.record, DeviceRecord)
    return known.record


FIELD_READERS: Mapping[str, Callable[[BelievedRecord], tuple[str, ...]]] = {
    "source": lambda known: (known.source,),
    "location": lambda known: _as_tuple(device_record(known).location),
    "groups": lambda known: device_record(known).groups,
    "login": lambda known: tuple(key.value for key in device_record(known).keys if key.scheme in LOGIN_SCHEMES),
    "profile": lambda known: _as_tuple(device_record(known).profile),
    "tag": lambda known: _as_tuple(device_record(known).tag),
    "order": lambda known: _as_tuple(device_record(known).order),
    "status": lambda known: _as_tuple(device_record(known).status),
    "model": lambda known: _as_tuple(device_record(known).model),
    "platform": lambda known: (device_record(known).platform.value,),
}
"""The fields that conditions name, of one record; `name` is apart, since names are not kept."""


class DeviceClassifier:
    """The rules of a policy, ready to be asked of a hundred thousand devices.

    A thousand records agree in all that the rules ask for, so each such likeness is judged once.
    """

    def __init__(self, rules: Sequence[DeviceRule], book: UnitDirectory) -> None:
        self._rules = tuple(rules)
        self._book = book
        patterns = [(field, pattern) for rule in rules for field, pattern in rule.when.items()]
        self._fields = tuple(dict.fromkeys(field for field, _ in patterns))
        self._login_patterns = tuple(dict.fromkeys(pattern for field, pattern in patterns if field == "login"))
        self._needs_a_unit = any(_needs_a_unit(rule) for rule in rules)
        self._group_names_cache: dict[str, Mapping[str, str]] = {}
        self._match_cache: dict[RuleCacheKey, tuple[int, DeviceClassification] | None] = {}

    def classify_by_lists(self, records: Iterable[BelievedRecord]) -> DeviceClassification | None:
        """What rows of lists say of purpose, unit and groups: of each the first that says it, and who said any."""
        rows = [(known.source, record) for known in records if _has_classification(record := device_record(known))]
        if not rows:
            return None
        units = ((source, self._book.slug_of_text(record.unit)) for source, record in rows if record.unit is not None)
        purpose = next(((source, record.purpose) for source, record in rows if record.purpose is not None), None)
        unit = next((one for one in units if one[1] is not None), None)
        serves = next(((source, record.serves) for source, record in rows if record.serves), None)
        sources = dict.fromkeys(one[0] for one in (purpose, unit, serves) if one is not None)
        if not sources:
            return None
        return DeviceClassification(
            purpose[1] if purpose else None,
            unit[1] if unit else None,
            serves[1] if serves else (),
            _lists_reason(tuple(sources)),
        )

    def classify_by_rules(
        self, records: Iterable[BelievedRecord], unit_otherwise: Callable[[], str]
    ) -> DeviceClassification | None:
        """The first rule of which one record meets all conditions; `{class}` alone is looked up in the unit that the
        rule names, else in *unit_otherwise*.
        """
        if not self._rules:
            return None
        unit = unit_otherwise() if self._needs_a_unit else ""
        found = [one for known in records if (one := self._first_match(known, unit)) is not None]
        return min(found, key=lambda one: one[0])[1] if found else None

    def _first_match(self, known: BelievedRecord, unit: str) -> tuple[int, DeviceClassification] | None:
        """The first rule that one record meets, with its place in the file."""
        values = tuple([self._field_values(known, field) for field in self._fields])
        likeness = (unit, values)
        if likeness not in self._match_cache:
            said = dict(zip(self._fields, values, strict=True))
            rulings = ((place, self._apply_rule(rule, said, unit)) for place, rule in enumerate(self._rules))
            self._match_cache[likeness] = next(((place, one) for place, one in rulings if one is not None), None)
        return self._match_cache[likeness]

    def _field_values(self, known: BelievedRecord, field: str) -> FieldValues:
        """What a record says in a field. Of names and log-ins, which are each their own, what the patterns caught."""
        if field == "name":
            return device_record(known).name_matches
        if field == "login":
            logins = FIELD_READERS[field](known)
            caught = ((one, name_pattern_match(one, login)) for login in logins for one in self._login_patterns)
            return tuple((pattern, found) for pattern, found in caught if found is not None)
        return FIELD_READERS[field](known)

    def _apply_rule(
        self, rule: DeviceRule, said: Mapping[str, FieldValues], unit_otherwise: str
    ) -> DeviceClassification | None:
        for ways in product(*(_captures(said[field], field, pattern) for field, pattern in rule.when.items())):
            caught = [pair for way in ways for pair in way]
            if (found := self._resolve_captures(rule, caught, unit_otherwise)) is not None:
                return found
        return None

    def _resolve_captures(
        self, rule: DeviceRule, caught: Sequence[tuple[str, str]], unit_otherwise: str
    ) -> DeviceClassification | None:
        """The rule's result if every caught text is in the roster, all units being the same one."""
        units = {self._book.slug_of_text(text) for brace, text in caught if brace == "unit"}
        if len(units) > 1 or None in units:
            return None
        named = self._book.slug_of_text(rule.unit) if rule.unit is not None else None
        unit = next(iter(units), None) or named
        classes = [
            self._group_names(unit or unit_otherwise).get(folded(text)) for brace, text in caught if brace == "class"
        ]
        groups = tuple(name for name in classes if name is not None)
        if len(groups) < len(classes):
            return None
        return DeviceClassification(rule.purpose, named or unit, rule.groups or groups, _rule_reason(rule))

    def _group_names(self, unit: str) -> Mapping[str, str]:
        """The names of a unit's groups as the roster spells them, by what they are compared with."""
        if unit not in self._group_names_cache:
            self._group_names_cache[unit] = {folded(name): name for name in self._book.groups_of(unit)}
        return self._group_names_cache[unit]

    def roster_spelling(self, unit: str, groups: Iterable[str]) -> tuple[str, ...]:
        """*groups* as the roster spells them at *unit*; one it does not know stays as it is."""
        names = self._group_names(unit)
        return tuple(names.get(folded(group), group) for group in groups)


def _needs_a_unit(rule: DeviceRule) -> bool:
    """Whether a class can be caught without telling of which unit."""
    braces = {brace for pattern in rule.when.values() for brace in compile_glob(pattern).braces}
    return "class" in braces and "unit" not in braces and rule.unit is None


def _captures(said: FieldValues, field: str, pattern: str) -> tuple[Captures, ...]:
    """Every way in which what a record says in a field meets a pattern, as what the braces caught."""
    kept: Iterable[str]
    if field in ("name", "login"):
        kept = (one[1] for one in said if one[0] == pattern)
    else:
        kept = (
            found for one in said if isinstance(one, str) and (found := name_pattern_match(pattern, one)) is not None
        )
    return tuple(cut for caught in kept for cut in parse_captures(compile_glob(pattern).braces, caught))


def _has_classification(record: DeviceRecord) -> bool:
    return record.purpose is not None or record.unit is not None or bool(record.serves)


def _lists_reason(sources: Sequence[str]) -> Text:
    if len(sources) == 1:
        return Text(f"enligt listan {sources[0]}", f"as the list {sources[0]} says")
    return Text(f"enligt listorna {' och '.join(sources)}", f"as the lists {' and '.join(sources)} say")


def _rule_reason(rule: DeviceRule) -> Text:
    return Text(f"enligt {rule.name}", f"by {rule.name}")
