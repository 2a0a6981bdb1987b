"""Classifies devices: purpose, unit and groups by a list's own columns, else by the first `[[device_rule]]` that fits.

Pure. A rule fits when one record meets all its conditions. A text that a brace captures must equal a unit, or a group
of that unit, of the roster: a similar one is not enough.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product

from fleetsync.core.matching.globs import compile_glob, name_pattern_match, parse_captures
from fleetsync.core.model import BelievedRecord, DeviceRecord, DeviceRule, FrozenStruct, Purpose, Scheme, Text
from fleetsync.core.text import folded
from fleetsync.core.unit_directory import UnitDirectory

Captures = tuple[tuple[str, str], ...]  # (brace, captured text)
FieldValues = tuple[str, ...] | tuple[tuple[str, str], ...]  # values, or (pattern, captured text) of names and log-ins
RuleCacheKey = tuple[str, tuple[FieldValues, ...]]  # unit otherwise, values by field
LOGIN_SCHEMES = (Scheme.ADDRESS, Scheme.ACCOUNT)


class DeviceClassification(FrozenStruct, frozen=True):
    """The purpose, unit and groups that a list's row or a rule gives to a device; None: it gives none."""

    purpose: Purpose | None
    unit: str | None
    groups: tuple[str, ...]
    reason: Text


def _as_tuple(value: str | None) -> tuple[str, ...]:
    return () if value is None else (value,)


def device_record(known: BelievedRecord) -> DeviceRecord:
    """The record of a device; devices are made of no other type."""
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
"""How a condition's field is read from a record. `name` is not among them, since names are not kept."""


class DeviceClassifier:
    """The `[[device_rule]]` tables of a policy, prepared for many devices.

    Thousands of records agree in all fields that the rules read, so the result is cached by these fields.
    """

    def __init__(self, rules: Sequence[DeviceRule], unit_directory: UnitDirectory) -> None:
        self._rules = tuple(rules)
        self._unit_directory = unit_directory
        patterns = [(field, pattern) for rule in rules for field, pattern in rule.when.items()]
        self._fields = tuple(dict.fromkeys(field for field, _ in patterns))
        self._login_patterns = tuple(dict.fromkeys(pattern for field, pattern in patterns if field == "login"))
        self._needs_a_unit = any(_needs_a_unit(rule) for rule in rules)
        self._group_names_cache: dict[str, Mapping[str, str]] = {}
        self._match_cache: dict[RuleCacheKey, tuple[int, DeviceClassification] | None] = {}

    def classify_by_lists(self, records: Iterable[BelievedRecord]) -> DeviceClassification | None:
        """The classification by rows of lists: the first purpose, unit and groups that any gives; None when none gives any."""
        rows = [(known.source, record) for known in records if _has_classification(record := device_record(known))]
        if not rows:
            return None
        units = (
            (source, self._unit_directory.slug_of_text(record.unit))
            for source, record in rows
            if record.unit is not None
        )
        purpose = next(((source, record.purpose) for source, record in rows if record.purpose is not None), None)
        unit = next(((source, slug) for source, slug in units if slug is not None), None)
        serves = next(((source, record.serves) for source, record in rows if record.serves), None)
        sources = dict.fromkeys(claim[0] for claim in (purpose, unit, serves) if claim is not None)
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
        """The classification by the first rule whose conditions one record meets.

        A captured `{class}` without `{unit}` is looked up in the unit that the rule names, else in *unit_otherwise*.
        """
        if not self._rules:
            return None
        unit = unit_otherwise() if self._needs_a_unit else ""
        matches = [match for known in records if (match := self._first_match(known, unit)) is not None]
        return min(matches, key=lambda match: match[0])[1] if matches else None

    def _first_match(self, known: BelievedRecord, unit: str) -> tuple[int, DeviceClassification] | None:
        """The classification by the first rule that a record meets, with the rule's place in the file."""
        values = tuple([self._field_values(known, field) for field in self._fields])
        key = (unit, values)
        if key not in self._match_cache:
            by_field = dict(zip(self._fields, values, strict=True))
            results = ((place, self._apply_rule(rule, by_field, unit)) for place, rule in enumerate(self._rules))
            self._match_cache[key] = next(((place, result) for place, result in results if result is not None), None)
        return self._match_cache[key]

    def _field_values(self, known: BelievedRecord, field: str) -> FieldValues:
        """A record's values of a field. Of names and log-ins, which differ on every record, the captures of the patterns."""
        if field == "name":
            return device_record(known).name_matches
        if field == "login":
            logins = FIELD_READERS[field](known)
            captures = (
                (pattern, name_pattern_match(pattern, login)) for login in logins for pattern in self._login_patterns
            )
            return tuple((pattern, captured) for pattern, captured in captures if captured is not None)
        return FIELD_READERS[field](known)

    def _apply_rule(
        self, rule: DeviceRule, by_field: Mapping[str, FieldValues], unit_otherwise: str
    ) -> DeviceClassification | None:
        for splits in product(*(_captures(by_field[field], field, pattern) for field, pattern in rule.when.items())):
            caught = [capture for split in splits for capture in split]
            if (result := self._resolve_captures(rule, caught, unit_otherwise)) is not None:
                return result
        return None

    def _resolve_captures(
        self, rule: DeviceRule, caught: Sequence[tuple[str, str]], unit_otherwise: str
    ) -> DeviceClassification | None:
        """The rule's result, if every captured text is in the roster and all name the same unit; else None."""
        units = {self._unit_directory.slug_of_text(text) for brace, text in caught if brace == "unit"}
        if len(units) > 1 or None in units:
            return None
        named = self._unit_directory.slug_of_text(rule.unit) if rule.unit is not None else None
        unit = next(iter(units), None) or named
        classes = [
            self._group_names(unit or unit_otherwise).get(folded(text)) for brace, text in caught if brace == "class"
        ]
        groups = tuple(name for name in classes if name is not None)
        if len(groups) < len(classes):
            return None
        return DeviceClassification(rule.purpose, named or unit, rule.groups or groups, _rule_reason(rule))

    def _group_names(self, unit: str) -> Mapping[str, str]:
        """The names of a unit's groups as the roster spells them, by their folded form."""
        if unit not in self._group_names_cache:
            self._group_names_cache[unit] = {folded(name): name for name in self._unit_directory.groups_of(unit)}
        return self._group_names_cache[unit]

    def roster_spelling(self, unit: str, groups: Iterable[str]) -> tuple[str, ...]:
        """*groups* as the roster spells them at *unit*; an unknown one stays as it is."""
        names = self._group_names(unit)
        return tuple(names.get(folded(group), group) for group in groups)


def _needs_a_unit(rule: DeviceRule) -> bool:
    """Whether the rule captures a class without naming the unit that it belongs to."""
    braces = {brace for pattern in rule.when.values() for brace in compile_glob(pattern).braces}
    return "class" in braces and "unit" not in braces and rule.unit is None


def _captures(values: FieldValues, field: str, pattern: str) -> tuple[Captures, ...]:
    """Every way in which a record's values of a field match a pattern, as the captures of its braces."""
    captured: Iterable[str | None]
    if field in ("name", "login"):
        captured = (value[1] for value in values if value[0] == pattern)
    else:
        captured = (name_pattern_match(pattern, value) for value in values if isinstance(value, str))
    braces = compile_glob(pattern).braces
    return tuple(split for text in captured if text is not None for split in parse_captures(braces, text))


def _has_classification(record: DeviceRecord) -> bool:
    return record.purpose is not None or record.unit is not None or bool(record.serves)


def _lists_reason(sources: Sequence[str]) -> Text:
    if len(sources) == 1:
        return Text(f"enligt listan {sources[0]}", f"as the list {sources[0]} says")
    return Text(f"enligt listorna {' och '.join(sources)}", f"as the lists {' and '.join(sources)} say")


def _rule_reason(rule: DeviceRule) -> Text:
    return Text(f"enligt {rule.name}", f"by {rule.name}")
