"""Proposes `[[device_rule]]` lines: what unsorted devices are for, by a word of theirs that device lists use, or by a class.

Pure. Devices that persons hold are personal and need no rule, so a text that many of them carry proposes none.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from fleetsync.core.context import Context
from fleetsync.core.model import DeviceCase, FrozenStruct, Outcome, Purpose
from fleetsync.core.proposals.classes import RuleKey, cases_by_class
from fleetsync.core.proposals.evidence import PatternKey, PlaceEvidence, devices_by_pattern, evidence_of
from fleetsync.core.text import normalised_word

LARGEST_SHARE_WITH_HOLDER = 0.1
# A personal device needs no rule, and the word for a set does not say whose it is.
_NOT_BY_WORD = frozenset({Purpose.PERSONAL, Purpose.IGNORE, Purpose.SET})
_WORDS = re.compile(r"\w+")


class DeviceRuleProposal(FrozenStruct, frozen=True, kw_only=True):
    """A `[[device_rule]]` and its evidence. `sorts`: how many unsorted devices it would give a purpose."""

    source: str
    field: str
    pattern: str
    purpose: Purpose
    evidence: PlaceEvidence
    sorts: int


def device_rule_candidates(
    outcome: Outcome, context: Context, purpose_words: Mapping[str, Purpose]
) -> list[tuple[DeviceRuleProposal, frozenset[str]]]:
    """The rules that would give devices a purpose, each with these devices."""
    by_rule = {**_cases_by_word(devices_by_pattern(outcome), purpose_words), **cases_by_class(outcome, context)}
    candidates = []
    for (source, field, pattern, purpose), cases in by_rule.items():
        lacking = frozenset(case.device.id for case in cases if _lacks(purpose, case))
        evidence = evidence_of(cases)
        if lacking and evidence.with_holder <= LARGEST_SHARE_WITH_HOLDER * evidence.devices:
            proposal = DeviceRuleProposal(
                source=source, field=field, pattern=pattern, purpose=purpose, evidence=evidence, sorts=len(lacking)
            )
            candidates.append((proposal, lacking))
    return candidates


def _lacks(purpose: Purpose, case: DeviceCase) -> bool:
    """Whether a device may want *purpose*: it is unsorted, or personal on the word of a log-in that is nobody's.

    One that its MDM calls shared is in its unit's pool; a class that its name or log-in holds says more than that.
    """
    now = case.placement.purpose
    is_nobodys = now is Purpose.PERSONAL and case.placement.holder is None
    return now is Purpose.UNSORTED or is_nobodys or (purpose is Purpose.SET and now is Purpose.POOL)


def _cases_by_word(
    by_pattern: Mapping[PatternKey, Sequence[DeviceCase]], purpose_words: Mapping[str, Purpose]
) -> Mapping[RuleKey, Sequence[DeviceCase]]:
    """The devices of each possible rule by a word for a purpose. Texts with one word in common share a rule."""
    by_rule: defaultdict[RuleKey, dict[str, DeviceCase]] = defaultdict(dict)
    for (source, field, text), cases in by_pattern.items():
        if (read := _purpose_in(text, purpose_words)) is not None:
            by_rule[source, field, *read].update({case.device.id: case for case in cases})
    return {rule: tuple(cases.values()) for rule, cases in by_rule.items()}


def _purpose_in(text: str, purpose_words: Mapping[str, Purpose]) -> tuple[str, Purpose] | None:
    """The pattern of a rule and its purpose, by the first word of *text* that means one."""
    for word in _WORDS.finditer(text):
        purpose = purpose_words.get(normalised_word(word[0]))
        if purpose is not None and purpose not in _NOT_BY_WORD:
            return _pattern_of_word(word), purpose
    return None


def _pattern_of_word(word: re.Match[str]) -> str:
    """The word at the beginning of a text, or anywhere in it."""
    return f"*{word[0]}*" if word.start() else f"{word[0]}*"
