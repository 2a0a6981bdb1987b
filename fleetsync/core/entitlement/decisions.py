"""What each rule says to one person on one day, and why: for those in and those out.

Pure. A form, year or form of employment that is unknown entitles nobody and is said to be undecided, once. Reasons
cite fact and day; they name no person and no unit.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import IntEnum
from functools import lru_cache

import msgspec

from fleetsync.core.calendar import is_longer_than_months
from fleetsync.core.entitlement.rules import FORMS_WITHOUT_YEAR
from fleetsync.core.entitlement.ties import (
    SCHOOLING,
    Bench,
    Current,
    Days,
    Tie,
    employments_on,
    index_of,
    rank,
    schooling_on,
)
from fleetsync.core.model import Decision, EmploymentForm, Entitlement, MembershipType, Text, Who

UNKNOWN_DAYS = frozenset({date.min, date.max})


class Weight(IntEnum):
    """What an answer weighs: of several memberships the heaviest answers for the person."""

    NO = 0
    UNDECIDED = 1
    LEAVE = 2
    YES = 3


class Answer(msgspec.Struct, frozen=True):
    """What a rule says to one membership."""

    weight: Weight
    reason: Text
    current: Current


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What all rules in force say to one person on one day.

    `running` are the memberships of ours that count on the day; `basis` are those of them that entitle, else those that
    would but for a leave or a blank, else all.
    """

    decisions: tuple[Decision, ...]
    owner: Entitlement | None = None
    reason: Text = Text("", "")
    running: tuple[Current, ...] = ()
    basis: tuple[Current, ...] = ()


MEMBERSHIPS: Mapping[MembershipType, Text] = {
    MembershipType.EMPLOYMENT: Text("anställning", "employment"),
    MembershipType.ENROLMENT: Text("inskrivning", "enrolment"),
    MembershipType.PLACEMENT: Text("placering", "placement"),
    MembershipType.GROUP: Text("grupp", "group"),
}
NONE_RUNS = Text("Ingen {0}", "No {0}")
FOREIGN = Text("Enheten har en annan huvudman", "The unit is another principal's")
CLOSED = Text("Enheten upphörde {0}", "The unit ended on {0}")
OTHER_UNITS = Text("Regeln gäller andra enheter", "The rule is for other units")
ALREADY_OWED = Text("Ska redan ha enligt regeln {0}", "Already owed by {0}")
UNDECIDED_BEFORE = Text("Redan oavgjort enligt regeln {0}", "Already undecided by {0}")
UNKNOWN_DAY = Text("okänd dag", "an unknown day")

FORM_BLANK = Text("Skolform saknas", "The school form is missing")
FORM_UNKNOWN = Text("Skolformen {0} är okänd", "School form {0} is unknown")
FORM_OUT = Text("Skolformen {0} ingår inte", "School form {0} is not included")
YEAR_BLANK = Text("Årskurs saknas ({0})", "The year is missing ({0})")
YEAR_UNKNOWN = Text("Årskursen {1} är okänd ({0})", "Year {1} is unknown ({0})")
YEAR_OUT = Text("Årskurs {1} ingår inte ({0})", "Year {1} is not included ({0})")
ENROLLED = Text("Går i {0} från {1}", "Attends {0} from {1}")
ENROLLED_IN_YEAR = Text("Går i {0} från {1}, årskurs {2}", "Attends {0} from {1}, year {2}")

HOURLY = Text("Timavlönad från {0}", "Paid by the hour from {0}")
EMPLOYMENT_UNKNOWN = Text("Anställningsformen är okänd, från {0}", "The form of employment is unknown, from {0}")
EMPLOYMENT_OUT = Text("Anställningsformen ingår inte, från {0}", "The form of employment is not included, from {0}")
START_UNKNOWN = Text("Visstid till {0}, första dag okänd", "Fixed term until {0}, first day unknown")
PERMANENT = Text("Tillsvidareanställd från {0}", "Permanent from {0}")
OPEN_END = Text("Anställd från {0} utan slutdag", "Employed from {0} with no last day")
LONGER = Text("Visstid {0}–{1}, längre än {2} månader", "Fixed term {0}–{1}, longer than {2} months")
NOT_LONGER = Text("Visstid {0}–{1}, inte längre än {2} månader", "Fixed term {0}–{1}, not longer than {2} months")

ON_LEAVE = Text("{0}; ledig {1}–{2}", "{0}; on leave {1}–{2}")
JOINED = Text("{0} (sammanhängande)", "{0} (adjoining terms)")
MAY_RETURN = Text(
    "{0}; slutar nära skolavslutningen {1} och räknas till {2}",
    "{0}; ends near the last school day {1} and counts until {2}",
)
NOTHING_NEWER = Text(
    "{0}; slut {1}, räknas vidare: källan har inte visat något nyare",
    "{0}; ended {1}, counts on: its source has shown nothing newer",
)
UNTIL_TURNED = Text(
    "{0}; slut {1}, räknas vidare tills läsåret har bytts",
    "{0}; ended {1}, counts on until the school year has turned",
)


@lru_cache(maxsize=8192)
def say(sentence: Text, *words: object) -> Text:
    """The sentence with its places filled, a word that is itself in both languages by language."""
    # Thousands share form, year and first day: one sentence is made for all of them.
    sv = (word.sv if isinstance(word, Text) else word for word in words)
    en = (word.en if isinstance(word, Text) else word for word in words)
    return Text(sentence.sv.format(*sv), sentence.en.format(*en))


def day_or_unknown(day: date) -> date | Text:
    """The day as a reason spells it."""
    return UNKNOWN_DAY if day in UNKNOWN_DAYS else day


# --- school -----------------------------------------------------------------------------------------------------------


def _ask_schooling(rule: Entitlement, current: Current, day: date, bench: Bench) -> Answer:
    tie, who = current.tie, rule.who
    if tie.form is None:
        return Answer(Weight.UNDECIDED, FORM_BLANK, current)
    if tie.form not in bench.known_forms:
        return Answer(Weight.UNDECIDED, say(FORM_UNKNOWN, tie.form), current)
    if who.school_forms and tie.form not in who.school_forms:
        return Answer(Weight.NO, say(FORM_OUT, tie.form), current)
    if who.lowest_grade_index is None and who.highest_grade_index is None:
        return Answer(Weight.YES, _attends(tie), current)
    return _ask_grade(who, current, day)


def _ask_grade(who: Who, current: Current, day: date) -> Answer:
    form, year = current.tie.form, current.tie.record.year
    if form in FORMS_WITHOUT_YEAR:
        return Answer(Weight.NO, say(FORM_OUT, form), current)
    index = index_of(current.tie, day)
    if index is None:
        return Answer(Weight.UNDECIDED, say(YEAR_BLANK if year is None else YEAR_UNKNOWN, form, year), current)
    if _is_within(who, index):
        return Answer(Weight.YES, _attends(current.tie), current)
    return Answer(Weight.NO, say(FORM_OUT if year is None else YEAR_OUT, form, year), current)


def _is_within(who: Who, index: int) -> bool:
    is_above = who.lowest_grade_index is None or index >= who.lowest_grade_index
    return is_above and (who.highest_grade_index is None or index <= who.highest_grade_index)


def _attends(tie: Tie) -> Text:
    year = tie.record.year
    return say(ENROLLED if year is None else ENROLLED_IN_YEAR, tie.form, day_or_unknown(tie.first), year)


# --- employment -------------------------------------------------------------------------------------------------------


def _ask_employment(rule: Entitlement, current: Current, day: date) -> Answer:
    answer = _ask_form(rule.who, current)
    if answer.weight is Weight.YES and current.tie.is_on_leave(day):
        record = current.tie.record
        begins, ends = record.leave_from or date.min, record.leave_to or date.max
        reason = say(ON_LEAVE, answer.reason, day_or_unknown(begins), day_or_unknown(ends))
        return Answer(Weight.LEAVE if rule.on_leave == "apart" else Weight.YES, reason, current)
    return answer


def _ask_form(who: Who, current: Current) -> Answer:
    tie, form = current.tie, current.tie.record.employment_form
    since = day_or_unknown(tie.first)
    if form is EmploymentForm.HOURLY:
        return Answer(Weight.NO, say(HOURLY, since), current)
    if form is EmploymentForm.UNKNOWN:
        return Answer(Weight.UNDECIDED, say(EMPLOYMENT_UNKNOWN, since), current)
    # A roster without the field is judged by its dates: an open end is permanent.
    judged = form or (EmploymentForm.PERMANENT if tie.last == date.max else EmploymentForm.FIXED)
    if who.employment and judged not in who.employment:
        return Answer(Weight.NO, say(EMPLOYMENT_OUT, since), current)
    if judged is EmploymentForm.FIXED:
        return _ask_length(who, current)
    return Answer(Weight.YES, say(OPEN_END if form is None else PERMANENT, since), current)


def _ask_length(who: Who, current: Current) -> Answer:
    if current.last == date.max:
        return Answer(Weight.YES, say(OPEN_END, day_or_unknown(current.first)), current)
    if current.first == date.min:
        return Answer(Weight.UNDECIDED, say(START_UNKNOWN, current.last), current)
    months = who.longer_than_months
    is_longer = is_longer_than_months(current.first, current.last, months)
    reason = say(LONGER if is_longer else NOT_LONGER, current.first, current.last, months)
    if current.is_joined:
        reason = say(JOINED, reason)
    return Answer(Weight.YES if is_longer else Weight.NO, reason, current)


# --- all rules to one person ------------------------------------------------------------------------------------------


def judge(ties: Sequence[Tie], days: Days, rules: Sequence[Entitlement], bench: Bench) -> Judgement:
    """What the rules say to the memberships of one person on *days*, asked in order: the first yes owns him."""
    ties = [tie for tie in ties if tie.counts]
    employments = [tie for tie in ties if tie.type is MembershipType.EMPLOYMENT]
    schooling = [tie for tie in ties if tie.type in SCHOOLING]
    running = employments_on(days.employed, employments, bench) + schooling_on(days.schooled, schooling, bench)
    closed = [tie for tie in employments + schooling if tie.is_closed_on(days.of(tie))]
    heard = [_hear(rule, running, days, bench) + _hear_closed(rule, closed) for rule in rules]
    return _conclude(rules, heard, tuple(current for current in running if not current.tie.foreign))


def _hear(rule: Entitlement, running: Iterable[Current], days: Days, bench: Bench) -> list[Answer]:
    return [
        _ask(rule, current, days.of(current.tie), bench)
        for current in running
        if current.tie.type in rule.who.memberships
    ]


def _hear_closed(rule: Entitlement, closed: Iterable[Tie]) -> list[Answer]:
    """What is said of memberships that ended with their organisation, and that their source still shows as running."""
    return [
        Answer(Weight.NO, say(CLOSED, tie.closed_on), Current(tie, tie.first, tie.last))
        for tie in closed
        if tie.type in rule.who.memberships
    ]


def _ask(rule: Entitlement, current: Current, day: date, bench: Bench) -> Answer:
    tie = current.tie
    if tie.foreign:
        return Answer(Weight.NO, FOREIGN, current)
    if rule.units and tie.unit not in rule.units:
        return Answer(Weight.NO, OTHER_UNITS, current)
    is_employment = tie.type is MembershipType.EMPLOYMENT
    answer = _ask_employment(rule, current, day) if is_employment else _ask_schooling(rule, current, day, bench)
    return Answer(answer.weight, _counting_on(answer, day), current) if answer.weight is Weight.YES else answer


def _counting_on(answer: Answer, day: date) -> Text:
    """The reason, with why the membership counts beyond its last day."""
    current = answer.current
    if current.returns_until is not None and day <= current.returns_until:
        return say(MAY_RETURN, answer.reason, current.returns_from, current.returns_until)
    if current.tie.last < day <= current.tie.holds_until:
        return say(UNTIL_TURNED if current.tie.copied_on else NOTHING_NEWER, answer.reason, current.tie.last)
    return answer.reason


def _conclude(rules: Sequence[Entitlement], heard: Sequence[list[Answer]], running: tuple[Current, ...]) -> Judgement:
    best = [_best(answers) for answers in heard]
    owner = next((place for place, answer in enumerate(best) if answer and answer.weight is Weight.YES), None)
    if owner is None:
        return Judgement(decisions=_undecided_once(rules, best), running=running, basis=_basis(heard) or running)
    owning, answer = rules[owner], best[owner]
    assert answer is not None
    decisions = [_beside(owning, rule, other) for rule, other in zip(rules, best, strict=True)]
    decisions[owner] = Decision(entitlement=owning.id, owed=True, reason=answer.reason)
    return Judgement(
        decisions=tuple(decisions),
        owner=owning,
        reason=answer.reason,
        running=running,
        basis=_basis(heard[owner : owner + 1]),
    )


def _best(answers: Sequence[Answer]) -> Answer | None:
    """The heaviest answer; of several, that of the membership which would place him."""
    if len(answers) <= 1:
        return answers[0] if answers else None
    return min(answers, key=lambda answer: (-answer.weight, rank(answer.current.tie)))


def _basis(heard: Iterable[Sequence[Answer]]) -> tuple[Current, ...]:
    """The memberships with the heaviest answer but no; of several rules, those of the first that gives it."""
    weight = Weight.NO
    heaviest: tuple[Current, ...] = ()
    for answers in heard:
        found = max([answer.weight for answer in answers], default=Weight.NO)
        if found > weight:
            weight, heaviest = found, tuple([answer.current for answer in answers if answer.weight is found])
    return heaviest


def _beside(owner: Entitlement, rule: Entitlement, answer: Answer | None) -> Decision:
    """What a rule says to somebody whom another rule owns: nobody is owed, undecided or on leave twice."""
    if answer is None or answer.weight is Weight.NO:
        return _decision(rule, answer)
    return Decision(entitlement=rule.id, owed=False, reason=say(ALREADY_OWED, owner.id))


def _undecided_once(rules: Sequence[Entitlement], best: Sequence[Answer | None]) -> tuple[Decision, ...]:
    """The decisions about somebody whom no rule owns: what is unknown is undecided by the first rule that asks."""
    decisions: list[Decision] = []
    asked: dict[tuple[str, str, str], str] = {}  # membership → the rule that it is undecided by
    for rule, answer in zip(rules, best, strict=True):
        if answer is not None and answer.weight is Weight.UNDECIDED:
            first = asked.setdefault(answer.current.tie.known.ref, rule.id)
            if first != rule.id:
                decisions.append(Decision(entitlement=rule.id, owed=False, reason=say(UNDECIDED_BEFORE, first)))
                continue
        decisions.append(_decision(rule, answer))
    return tuple(decisions)


def _decision(rule: Entitlement, answer: Answer | None) -> Decision:
    if answer is None:
        return Decision(entitlement=rule.id, owed=False, reason=_none_of(rule.who.memberships))
    return Decision(
        entitlement=rule.id,
        owed=False,
        undecided=answer.weight is Weight.UNDECIDED,
        on_leave=answer.weight is Weight.LEAVE,
        reason=answer.reason,
    )


@lru_cache(maxsize=64)
def _none_of(memberships: tuple[MembershipType, ...]) -> Text:
    asked = [MEMBERSHIPS[membership] for membership in memberships]
    return say(NONE_RUNS, Text(" eller ".join(one.sv for one in asked), " or ".join(one.en for one in asked)))
