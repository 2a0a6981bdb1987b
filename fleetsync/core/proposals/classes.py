"""Finds devices that serve a class: one of their texts holds the name of a class of the unit where they are.

Pure. The name must stand between separators, so that "2B" is found in "KUL-2B-017" and not in "42B17".
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from fleetsync.core.context import Context
from fleetsync.core.matching import FIELD_READERS
from fleetsync.core.model import TOKEN_PREFIX, BelievedRecord, DeviceCase, DeviceRecord, Outcome, Purpose
from fleetsync.core.proposals.evidence import FEWEST_DEVICES, NAME_FIELD, PLACE_FIELDS
from fleetsync.core.text import folded

SHORTEST_CLASS = 2  # a single letter or digit stands in too many texts
_WORD = re.compile(r"[^-_ .]+")

RuleKey = tuple[str, str, str, Purpose]  # source, field, pattern, purpose


def cases_by_class(outcome: Outcome, context: Context) -> Mapping[RuleKey, Sequence[DeviceCase]]:
    """The devices of each rule that names a class by its place in a text, such as `*-{class}-*`."""
    by_rule: defaultdict[RuleKey, dict[str, DeviceCase]] = defaultdict(dict)
    classes: dict[str, frozenset[str]] = {}
    for case in outcome.devices:
        unit = case.placement.unit
        if unit not in classes:
            names = map(folded, context.unit_directory.groups_of(unit))
            classes[unit] = frozenset(name for name in names if len(name) >= SHORTEST_CLASS)
        if not classes[unit] or case.device.masked:
            continue
        for known in case.device.records:
            for field, text in _texts(known):
                if (pattern := _class_pattern(field, text, classes[unit])) is not None:
                    by_rule[known.source, field, pattern, Purpose.SET][case.device.id] = case
    return {rule: tuple(cases.values()) for rule, cases in by_rule.items() if len(cases) >= FEWEST_DEVICES}


def _texts(known: BelievedRecord) -> Iterator[tuple[str, str]]:
    for field in (*PLACE_FIELDS, "login"):
        for value in FIELD_READERS[field](known):
            if not value.startswith(TOKEN_PREFIX):
                yield field, value
    record = known.record
    if isinstance(record, DeviceRecord) and record.name:
        yield NAME_FIELD, record.name


def _class_pattern(field: str, text: str, classes: Collection[str]) -> str | None:
    """The pattern of all texts that hold a class where *text* does; None where it holds none."""
    words, at, domain = text.partition("@") if field == "login" else (text, "", "")
    for word in _WORD.finditer(words):
        if folded(word[0]) in classes:
            before = f"*{words[word.start() - 1]}" if word.start() else ""
            after = f"{words[word.end()]}*" if word.end() < len(words) else ""
            return f"{before}{{class}}{after}{at}{domain}"
    return None
