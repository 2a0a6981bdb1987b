"""What a device is for: a list's own word, then the first `[[device_rule]]` of which one record meets all conditions.

Pure. What a brace catches must equal a unit, or a group of that unit, of the roster: near is not enough.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product

from fleetsync.core.identity import UnitBook, folded
from fleetsync.core.matching.globs import cuts, glob, name_pattern_match
from fleetsync.core.model import DeviceRecord, DeviceRule, Known, Noun, Purpose, Scheme, Text

Cut = tuple[tuple[str, str], ...]  # (brace, caught text)
Said = tuple[str, ...] | tuple[tuple[str, str], ...]  # values, or (pattern, caught text) of names and log-ins
Likeness = tuple[str, tuple[Said, ...]]  # unit otherwise, values by field
LOGIN_SCHEMES = (Scheme.ADDRESS, Scheme.ACCOUNT)


class Ruling(Noun, frozen=True):
    """What a row of a list or a rule says of a device; a `unit` or `purpose` of None is not said."""

    purpose: Purpose | None
    unit: str | None
    groups: tuple[str, ...]
    reason: Text


def _one(value: str | None) -> tuple[str, ...]:
    return () if value is None else (value,)


def body(known: Known) -> DeviceRecord:
    """What the record says; devices are made of no other."""
    assert isinstance(known.record, DeviceRecord)
    return known.record


FIELDS: Mapping[str, Callable[[Known], tuple[str, ...]]] = {
    "source": lambda known: (known.source,),
    "location": lambda known: _one(body(known).location),
    "groups": lambda known: body(known).groups,
    "login": lambda known: tuple(key.value for key in body(known).keys if key.scheme in LOGIN_SCHEMES),
    "profile": lambda known: _one(body(known).profile),
    "tag": lambda known: _one(body(known).tag),
    "order": lambda known: _one(body(known).order),
    "status": lambda known: _one(body(known).status),
    "model": lambda known: _one(body(known).model),
    "platform": lambda known: (body(known).platform.value,),
}
"""The fields that conditions name, of one record; `name` is apart, since names are not kept."""


class RuleBook:
    """The rules of a policy, ready to be asked of a hundred thousand devices.

    A thousand records agree in all that the rules ask for, so each such likeness is judged once.
    """

    def __init__(self, rules: Sequence[DeviceRule], book: UnitBook) -> None:
        self._rules = tuple(rules)
        self._book = book
        patterns = [(field, pattern) for rule in rules for field, pattern in rule.when.items()]
        self._fields = tuple(dict.fromkeys(field for field, _ in patterns))
        self._of_logins = tuple(dict.fromkeys(pattern for field, pattern in patterns if field == "login"))
        self._needs_a_unit = any(_needs_a_unit(rule) for rule in rules)
        self._groups: dict[str, Mapping[str, str]] = {}
        self._judged: dict[Likeness, tuple[int, Ruling] | None] = {}

    def word_of(self, records: Iterable[Known]) -> Ruling | None:
        """What rows of lists say of purpose, unit and groups: of each the first that says it, and who said any."""
        rows = [(known.source, record) for known in records if _says_anything(record := body(known))]
        if not rows:
            return None
        units = ((source, self._book.of_text(record.unit)) for source, record in rows if record.unit is not None)
        purpose = next(((source, record.purpose) for source, record in rows if record.purpose is not None), None)
        unit = next((one for one in units if one[1] is not None), None)
        serves = next(((source, record.serves) for source, record in rows if record.serves), None)
        sources = dict.fromkeys(one[0] for one in (purpose, unit, serves) if one is not None)
        if not sources:
            return None
        return Ruling(
            purpose[1] if purpose else None,
            unit[1] if unit else None,
            serves[1] if serves else (),
            _by_lists(tuple(sources)),
        )

    def ruling(self, records: Iterable[Known], unit_otherwise: Callable[[], str]) -> Ruling | None:
        """The first rule of which one record meets all conditions; `{class}` alone is looked up in the unit that the
        rule names, else in *unit_otherwise*.
        """
        if not self._rules:
            return None
        unit = unit_otherwise() if self._needs_a_unit else ""
        found = [one for known in records if (one := self._first(known, unit)) is not None]
        return min(found, key=lambda one: one[0])[1] if found else None

    def _first(self, known: Known, unit: str) -> tuple[int, Ruling] | None:
        """The first rule that one record meets, with its place in the file."""
        values = tuple([self._said(known, field) for field in self._fields])
        likeness = (unit, values)
        if likeness not in self._judged:
            said = dict(zip(self._fields, values, strict=True))
            rulings = ((place, self._met(rule, said, unit)) for place, rule in enumerate(self._rules))
            self._judged[likeness] = next(((place, one) for place, one in rulings if one is not None), None)
        return self._judged[likeness]

    def _said(self, known: Known, field: str) -> Said:
        """What a record says in a field. Of names and log-ins, which are each their own, what the patterns caught."""
        if field == "name":
            return body(known).name_matches
        if field == "login":
            logins = FIELDS[field](known)
            caught = ((one, name_pattern_match(one, login)) for login in logins for one in self._of_logins)
            return tuple((pattern, found) for pattern, found in caught if found is not None)
        return FIELDS[field](known)

    def _met(self, rule: DeviceRule, said: Mapping[str, Said], unit_otherwise: str) -> Ruling | None:
        for ways in product(*(_ways(said[field], field, pattern) for field, pattern in rule.when.items())):
            caught = [pair for way in ways for pair in way]
            if (found := self._looked_up(rule, caught, unit_otherwise)) is not None:
                return found
        return None

    def _looked_up(self, rule: DeviceRule, caught: Sequence[tuple[str, str]], unit_otherwise: str) -> Ruling | None:
        """The rule's result if every caught text is in the roster, all units being the same one."""
        units = {self._book.of_text(text) for brace, text in caught if brace == "unit"}
        if len(units) > 1 or None in units:
            return None
        named = self._book.of_text(rule.unit) if rule.unit is not None else None
        unit = next(iter(units), None) or named
        classes = [self._names(unit or unit_otherwise).get(folded(text)) for brace, text in caught if brace == "class"]
        groups = tuple(name for name in classes if name is not None)
        if len(groups) < len(classes):
            return None
        return Ruling(rule.purpose, named or unit, rule.groups or groups, _by_rule(rule))

    def _names(self, unit: str) -> Mapping[str, str]:
        """The names of a unit's groups as the roster spells them, by what they are compared with."""
        if unit not in self._groups:
            self._groups[unit] = {folded(name): name for name in self._book.groups_of(unit)}
        return self._groups[unit]

    def spelled(self, unit: str, groups: Iterable[str]) -> tuple[str, ...]:
        """*groups* as the roster spells them at *unit*; one it does not know stays as it is."""
        names = self._names(unit)
        return tuple(names.get(folded(group), group) for group in groups)


def _needs_a_unit(rule: DeviceRule) -> bool:
    """Whether a class can be caught without telling of which unit."""
    braces = {brace for pattern in rule.when.values() for brace in glob(pattern).braces}
    return "class" in braces and "unit" not in braces and rule.unit is None


def _ways(said: Said, field: str, pattern: str) -> tuple[Cut, ...]:
    """Every way in which what a record says in a field meets a pattern, as what the braces caught."""
    kept: Iterable[str]
    if field in ("name", "login"):
        kept = (one[1] for one in said if one[0] == pattern)
    else:
        kept = (
            found for one in said if isinstance(one, str) and (found := name_pattern_match(pattern, one)) is not None
        )
    return tuple(cut for caught in kept for cut in cuts(glob(pattern).braces, caught))


def _says_anything(record: DeviceRecord) -> bool:
    return record.purpose is not None or record.unit is not None or bool(record.serves)


def _by_lists(sources: Sequence[str]) -> Text:
    if len(sources) == 1:
        return Text(f"enligt listan {sources[0]}", f"as the list {sources[0]} says")
    return Text(f"enligt listorna {' och '.join(sources)}", f"as the lists {' and '.join(sources)} say")


def _by_rule(rule: DeviceRule) -> Text:
    return Text(f"enligt {rule.name}", f"by {rule.name}")
