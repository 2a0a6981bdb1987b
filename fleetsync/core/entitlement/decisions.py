"""Evaluates the entitlement rules for one person on one day, with a reason for every yes and every no.

Pure. An unknown school form, year or form of employment entitles nobody, nor does a deciding fact that could not be read
or a register's word that contradicts the unit's: the person is reported as undecided, by one rule only. Reasons cite facts and days; they name no person and no unit.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import IntEnum
from functools import lru_cache

import msgspec

from fleetsync.core.calendar import is_longer_than_months
from fleetsync.core.entitlement.counting import employments_on, school_memberships_on
from fleetsync.core.entitlement.membership_index import MembershipIndex
from fleetsync.core.entitlement.spans import (
    SCHOOL_MEMBERSHIP_TYPES,
    CountingMembership,
    EvaluationDates,
    MembershipSpan,
    grade_index_of,
    main_membership_key,
)
from fleetsync.core.model import (
    EligibilityCriteria,
    EmploymentForm,
    Entitlement,
    EntitlementDecision,
    LocalPlan,
    MembershipType,
    Text,
)
from fleetsync.core.school_forms import FORMS_WITHOUT_YEAR, contradicts_forms

UNKNOWN_DAYS = frozenset({date.min, date.max})


class AnswerWeight(IntEnum):
    """The weight of an answer: of the answers for several memberships, the heaviest is the person's."""

    NO = 0
    UNDECIDED = 1
    LEAVE = 2
    YES = 3


class RuleAnswer(msgspec.Struct, frozen=True):
    """The answer of one rule for one membership."""

    weight: AnswerWeight
    reason: Text
    current: CountingMembership


class EntitlementResult(msgspec.Struct, frozen=True, kw_only=True):
    """The answers of all rules in force for one person on one day.

    `running`: the memberships of ours that count on the day. `deciding_memberships`: those of them that entitle, else
    those that would if it were not for a leave or a blank, else all.
    """

    decisions: tuple[EntitlementDecision, ...]
    owner: Entitlement | None = None
    reason: Text = Text("", "")
    running: tuple[CountingMembership, ...] = ()
    deciding_memberships: tuple[CountingMembership, ...] = ()


MEMBERSHIP_NOUNS: Mapping[MembershipType, Text] = {
    MembershipType.EMPLOYMENT: Text("anställning", "employment"),
    MembershipType.ENROLMENT: Text("inskrivning", "enrolment"),
    MembershipType.PLACEMENT: Text("placering", "placement"),
    MembershipType.GROUP: Text("grupp", "group"),
}
NO_MEMBERSHIP = Text("Ingen {0}", "No {0}")
OTHER_PRINCIPAL = Text("Enheten har en annan huvudman", "The unit is another principal's")
UNIT_ENDED = Text("Enheten upphörde {0}", "The unit ended on {0}")
OTHER_UNITS = Text("Regeln gäller andra enheter", "The rule is for other units")
ALREADY_OWED = Text("Ska redan ha enligt regeln {0}", "Already owed by {0}")
OWED_BY_LOCAL_PLAN = Text("{0}; {1} enligt lokal plan ”{3}”", "{0}; {1} by the local plan ”{3}”")
SHARED_BY_LOCAL_PLAN = Text("{0}; {1} per {2} enligt lokal plan ”{3}”", "{0}; {1} per {2} by the local plan ”{3}”")
UNDECIDED_BEFORE = Text("Redan oavgjort enligt regeln {0}", "Already undecided by {0}")
UNKNOWN_DAY = Text("okänd dag", "an unknown day")

SCHOOL_FORM_MISSING = Text("Skolform saknas", "The school form is missing")
SCHOOL_FORM_UNKNOWN = Text("Skolformen {0} är okänd", "School form {0} is unknown")
SCHOOL_FORM_NOT_INCLUDED = Text("Skolformen {0} ingår inte", "School form {0} is not included")
YEAR_MISSING = Text("Årskurs saknas ({0})", "The year is missing ({0})")
YEAR_UNKNOWN = Text("Årskursen {1} är okänd ({0})", "Year {1} is unknown ({0})")
YEAR_NOT_INCLUDED = Text("Årskurs {1} ingår inte ({0})", "Year {1} is not included ({0})")
ENROLLED = Text("Går i {0} från {1}", "Attends {0} from {1}")
ENROLLED_IN_YEAR = Text("Går i {0} från {1}, årskurs {2}", "Attends {0} from {1}, year {2}")

FACT_UNREADABLE = Text("{0} gick inte att läsa i {1}", "The {0} could not be read in {1}")
FORM_CONTRADICTED = Text("Registret säger {0}, men {1} har {2}", "The register says {0}, but {1} has {2}")
CONFIGURED_UNIT = Text("enheten", "the unit")
REGISTERED_ORGANISATION = Text("organisationen", "the organisation")
MEMBERSHIP_FACTS: Mapping[str, Text] = {
    "school_form": Text("Skolformen", "school form"),
    "year": Text("Årskursen", "year"),
    "employment_form": Text("Anställningsformen", "form of employment"),
    "start": Text("Första dagen", "first day"),
    "end": Text("Sista dagen", "last day"),
}

HOURLY = Text("Timavlönad från {0}", "Paid by the hour from {0}")
EMPLOYMENT_FORM_UNKNOWN = Text("Anställningsformen är okänd, från {0}", "The form of employment is unknown, from {0}")
EMPLOYMENT_FORM_NOT_INCLUDED = Text(
    "Anställningsformen ingår inte, från {0}", "The form of employment is not included, from {0}"
)
START_UNKNOWN = Text("Visstid till {0}, första dag okänd", "Fixed term until {0}, first day unknown")
PERMANENT = Text("Tillsvidareanställd från {0}", "Permanent from {0}")
OPEN_END = Text("Anställd från {0} utan slutdag", "Employed from {0} with no last day")
FIXED_TERM_LONGER = Text("Visstid {0}–{1}, längre än {2} månader", "Fixed term {0}–{1}, longer than {2} months")
FIXED_TERM_NOT_LONGER = Text(
    "Visstid {0}–{1}, inte längre än {2} månader", "Fixed term {0}–{1}, not longer than {2} months"
)

ON_LEAVE = Text("{0}; ledig {1}–{2}", "{0}; on leave {1}–{2}")
ADJOINING_TERMS = Text("{0} (sammanhängande)", "{0} (adjoining terms)")
MAY_RETURN = Text(
    "{0}; slutar nära skolavslutningen {1} och räknas till {2}",
    "{0}; ends near the last school day {1} and counts until {2}",
)
COUNTS_UNTIL_SOURCE_UPDATES = Text(
    "{0}; slut {1}, räknas vidare: källan har inte visat något nyare",
    "{0}; ended {1}, counts on: its source has shown nothing newer",
)
COUNTS_UNTIL_TURNOVER = Text(
    "{0}; slut {1}, räknas vidare tills läsåret har bytts",
    "{0}; ended {1}, counts on until the school year has turned",
)


@lru_cache(maxsize=8192)
def format_text(sentence: Text, *words: object) -> Text:
    """The sentence with its places filled; a word that is a `Text` is put in by language."""
    # Thousands of persons share form, year and first day, so the sentence is cached.
    sv = (word.sv if isinstance(word, Text) else word for word in words)
    en = (word.en if isinstance(word, Text) else word for word in words)
    return Text(sentence.sv.format(*sv), sentence.en.format(*en))


def with_local_plan(reason: Text, municipal: Entitlement, local: Entitlement, plan: LocalPlan | None) -> Text:
    """*reason*, with the local plan where it raises how many devices are owed: the rule is *local* there."""
    if plan is None or (local.devices, local.per) == (municipal.devices, municipal.per):
        return reason
    sentence = OWED_BY_LOCAL_PLAN if local.devices != municipal.devices else SHARED_BY_LOCAL_PLAN
    return format_text(sentence, reason, local.devices, local.per, plan.document)


def day_or_unknown(day: date) -> date | Text:
    """The day as it stands in a reason."""
    return UNKNOWN_DAY if day in UNKNOWN_DAYS else day


# --- school -----------------------------------------------------------------------------------------------------------


def _evaluate_school_membership(
    rule: Entitlement, current: CountingMembership, day: date, index: MembershipIndex
) -> RuleAnswer:
    span, who = current.span, rule.who
    if "school_form" in span.record.unreadable:
        return RuleAnswer(AnswerWeight.UNDECIDED, _unreadable_reason("school_form", span.known.source), current)
    if span.form is None:
        return RuleAnswer(AnswerWeight.UNDECIDED, SCHOOL_FORM_MISSING, current)
    if span.form not in index.known_forms:
        return RuleAnswer(AnswerWeight.UNDECIDED, format_text(SCHOOL_FORM_UNKNOWN, span.form), current)
    if who.school_forms and span.form not in who.school_forms:
        return RuleAnswer(AnswerWeight.NO, format_text(SCHOOL_FORM_NOT_INCLUDED, span.form), current)
    if who.lowest_grade_index is None and who.highest_grade_index is None:
        return RuleAnswer(AnswerWeight.YES, _attendance_reason(span), current)
    return _evaluate_grade(who, current, day)


def _evaluate_grade(who: EligibilityCriteria, current: CountingMembership, day: date) -> RuleAnswer:
    form, year = current.span.form, current.span.record.year
    if form in FORMS_WITHOUT_YEAR:
        return RuleAnswer(AnswerWeight.NO, format_text(SCHOOL_FORM_NOT_INCLUDED, form), current)
    index = grade_index_of(current.span, day)
    if index is None and "year" in current.span.record.unreadable:
        return RuleAnswer(AnswerWeight.UNDECIDED, _unreadable_reason("year", current.span.known.source), current)
    if index is None:
        return RuleAnswer(
            AnswerWeight.UNDECIDED, format_text(YEAR_MISSING if year is None else YEAR_UNKNOWN, form, year), current
        )
    if _is_within(who, index):
        return RuleAnswer(AnswerWeight.YES, _attendance_reason(current.span), current)
    return RuleAnswer(
        AnswerWeight.NO,
        format_text(SCHOOL_FORM_NOT_INCLUDED if year is None else YEAR_NOT_INCLUDED, form, year),
        current,
    )


def _is_within(who: EligibilityCriteria, index: int) -> bool:
    is_above = who.lowest_grade_index is None or index >= who.lowest_grade_index
    return is_above and (who.highest_grade_index is None or index <= who.highest_grade_index)


def _attendance_reason(span: MembershipSpan) -> Text:
    year = span.record.year
    return format_text(ENROLLED if year is None else ENROLLED_IN_YEAR, span.form, day_or_unknown(span.first), year)


# --- employment -------------------------------------------------------------------------------------------------------


def _evaluate_employment(rule: Entitlement, current: CountingMembership, day: date) -> RuleAnswer:
    answer = _evaluate_employment_form(rule.who, current)
    if answer.weight is AnswerWeight.YES and current.span.is_on_leave(day):
        record = current.span.record
        begins, ends = record.leave_from or date.min, record.leave_to or date.max
        reason = format_text(ON_LEAVE, answer.reason, day_or_unknown(begins), day_or_unknown(ends))
        return RuleAnswer(AnswerWeight.LEAVE if rule.on_leave == "apart" else AnswerWeight.YES, reason, current)
    return answer


def _evaluate_employment_form(who: EligibilityCriteria, current: CountingMembership) -> RuleAnswer:
    span, form = current.span, current.span.record.employment_form
    since = day_or_unknown(span.first)
    if form is EmploymentForm.HOURLY:
        return RuleAnswer(AnswerWeight.NO, format_text(HOURLY, since), current)
    if "employment_form" in span.record.unreadable:
        return RuleAnswer(AnswerWeight.UNDECIDED, _unreadable_reason("employment_form", span.known.source), current)
    if form is EmploymentForm.UNKNOWN:
        return RuleAnswer(AnswerWeight.UNDECIDED, format_text(EMPLOYMENT_FORM_UNKNOWN, since), current)
    # A roster without the field is evaluated by its dates: an open end is permanent.
    presumed = form or (EmploymentForm.PERMANENT if span.last == date.max else EmploymentForm.FIXED)
    if who.employment and presumed not in who.employment:
        return RuleAnswer(AnswerWeight.NO, format_text(EMPLOYMENT_FORM_NOT_INCLUDED, since), current)
    if presumed is EmploymentForm.FIXED:
        return _evaluate_employment_length(who, current)
    return RuleAnswer(AnswerWeight.YES, format_text(OPEN_END if form is None else PERMANENT, since), current)


def _evaluate_employment_length(who: EligibilityCriteria, current: CountingMembership) -> RuleAnswer:
    if current.last == date.max:
        return RuleAnswer(AnswerWeight.YES, format_text(OPEN_END, day_or_unknown(current.first)), current)
    if current.first == date.min and current.unreadable is not None:
        return RuleAnswer(AnswerWeight.UNDECIDED, _unreadable_reason(*current.unreadable), current)
    if current.first == date.min:
        return RuleAnswer(AnswerWeight.UNDECIDED, format_text(START_UNKNOWN, current.last), current)
    months = who.longer_than_months
    is_longer = is_longer_than_months(current.first, current.last, months)
    reason = format_text(FIXED_TERM_LONGER if is_longer else FIXED_TERM_NOT_LONGER, current.first, current.last, months)
    if current.is_joined:
        reason = format_text(ADJOINING_TERMS, reason)
    return RuleAnswer(AnswerWeight.YES if is_longer else AnswerWeight.NO, reason, current)


# --- all rules for one person -----------------------------------------------------------------------------------------


def evaluate_rules(
    spans: Sequence[MembershipSpan], days: EvaluationDates, rules: Sequence[Entitlement], index: MembershipIndex
) -> EntitlementResult:
    """Asks the rules in order about the memberships of one person on *days*. The first that says yes owes the person."""
    spans = [span for span in spans if span.counts]
    employments = [span for span in spans if span.type is MembershipType.EMPLOYMENT]
    schooling = [span for span in spans if span.type in SCHOOL_MEMBERSHIP_TYPES]
    running = employments_on(days.employment_day, employments, index.context) + school_memberships_on(
        days.schooling_day, schooling, index
    )
    closed = [span for span in employments + schooling if span.is_closed_on(days.of(span))]
    answers = [_answers_of_rule(rule, running, days, index) + _answers_for_closed_units(rule, closed) for rule in rules]
    return _combine_answers(rules, answers, tuple(current for current in running if not current.span.foreign))


def _answers_of_rule(
    rule: Entitlement, running: Iterable[CountingMembership], days: EvaluationDates, index: MembershipIndex
) -> list[RuleAnswer]:
    return [
        _evaluate_membership(rule, current, days.of(current.span), index)
        for current in running
        if current.span.type in rule.who.memberships
    ]


def _answers_for_closed_units(rule: Entitlement, closed: Iterable[MembershipSpan]) -> list[RuleAnswer]:
    """The answers for memberships that ended with their organisation and that their source still shows as running."""
    return [
        RuleAnswer(
            AnswerWeight.NO, format_text(UNIT_ENDED, span.closed_on), CountingMembership(span, span.first, span.last)
        )
        for span in closed
        if span.type in rule.who.memberships
    ]


def _evaluate_membership(
    rule: Entitlement, current: CountingMembership, day: date, index: MembershipIndex
) -> RuleAnswer:
    span = current.span
    if span.foreign:
        return RuleAnswer(AnswerWeight.NO, OTHER_PRINCIPAL, current)
    if rule.units and span.unit not in rule.units:
        return RuleAnswer(AnswerWeight.NO, OTHER_UNITS, current)
    is_employment = span.type is MembershipType.EMPLOYMENT
    answer = (
        _evaluate_employment(rule, current, day)
        if is_employment
        else _evaluate_school_membership(rule, current, day, index)
    )
    if answer.weight is AnswerWeight.NO and not _rests_on_days(current):
        return answer
    undecided = _undecided_reason(current, index)
    if undecided is not None and answer.weight is not AnswerWeight.UNDECIDED:
        return RuleAnswer(AnswerWeight.UNDECIDED, undecided, current)
    return (
        RuleAnswer(answer.weight, _reason_beyond_last_day(answer, day), current)
        if answer.weight is AnswerWeight.YES
        else answer
    )


def _rests_on_days(current: CountingMembership) -> bool:
    """Whether a no may be for the length of a fixed term, which an unreadable day of an adjoining term would change."""
    is_hourly = current.span.record.employment_form is EmploymentForm.HOURLY
    return current.span.type is MembershipType.EMPLOYMENT and current.unreadable is not None and not is_hourly


def _undecided_reason(current: CountingMembership, index: MembershipIndex) -> Text | None:
    """Why a membership that would entitle is undecided: a day could not be read, or the unit has no such school form."""
    span = current.span
    field = next((field for field in ("start", "end") if field in span.record.unreadable), None)
    if field is not None:
        return _unreadable_reason(field, span.known.source)
    if current.unreadable is not None:
        return _unreadable_reason(*current.unreadable)
    return None if span.form is None else _contradiction(span, span.form, index)


def _unreadable_reason(field: str, source: str) -> Text:
    return format_text(FACT_UNREADABLE, MEMBERSHIP_FACTS[field], source)


def _contradiction(span: MembershipSpan, form: str, index: MembershipIndex) -> Text | None:
    """Both words, where the unit or its organisation has school forms and none of the same kind as *form*."""
    directory = index.context.unit_directory
    unit = directory.by_slug.get(span.unit)
    words = (
        (CONFIGURED_UNIT, unit.school_forms if unit is not None else ()),
        (REGISTERED_ORGANISATION, directory.forms_of_organisation(span.known.source, span.record.codes)),
    )
    for whose, forms in words:
        if contradicts_forms(form, forms):
            return format_text(FORM_CONTRADICTED, form, whose, ", ".join(forms))
    return None


def _reason_beyond_last_day(answer: RuleAnswer, day: date) -> Text:
    """The reason, and why the membership still counts after its last day."""
    current = answer.current
    if current.may_return_until is not None and day <= current.may_return_until:
        return format_text(MAY_RETURN, answer.reason, current.near_last_school_day, current.may_return_until)
    if current.span.last < day <= current.span.holds_until:
        return format_text(
            COUNTS_UNTIL_TURNOVER if current.span.copied_on else COUNTS_UNTIL_SOURCE_UPDATES,
            answer.reason,
            current.span.last,
        )
    return answer.reason


def _combine_answers(
    rules: Sequence[Entitlement], answers_by_rule: Sequence[list[RuleAnswer]], running: tuple[CountingMembership, ...]
) -> EntitlementResult:
    best = [_heaviest_answer(answers) for answers in answers_by_rule]
    owner = next((place for place, answer in enumerate(best) if answer and answer.weight is AnswerWeight.YES), None)
    if owner is None:
        return EntitlementResult(
            decisions=_shared(_decisions_without_owing_rule(rules, best)),
            running=running,
            deciding_memberships=_deciding_memberships(answers_by_rule) or running,
        )
    owning, answer = rules[owner], best[owner]
    assert answer is not None
    decisions = [_decision_beside_owing_rule(owning, rule, other) for rule, other in zip(rules, best, strict=True)]
    decisions[owner] = EntitlementDecision(entitlement=owning.id, owed=True, reason=answer.reason)
    return EntitlementResult(
        decisions=_shared(tuple(decisions)),
        owner=owning,
        reason=answer.reason,
        running=running,
        deciding_memberships=_deciding_memberships(answers_by_rule[owner : owner + 1]),
    )


@lru_cache(maxsize=8192)
def _shared(decisions: tuple[EntitlementDecision, ...]) -> tuple[EntitlementDecision, ...]:
    """The first decisions that are equal: thousands of persons are owed by the same rule since the same day."""
    return decisions


def _heaviest_answer(answers: Sequence[RuleAnswer]) -> RuleAnswer | None:
    """The heaviest answer; of equal ones, that of the membership which would place the person."""
    if len(answers) <= 1:
        return answers[0] if answers else None
    return min(answers, key=lambda answer: (-answer.weight, main_membership_key(answer.current.span)))


def _deciding_memberships(answers_by_rule: Iterable[Sequence[RuleAnswer]]) -> tuple[CountingMembership, ...]:
    """The memberships with the heaviest answer above NO; of several rules, those of the first that gives it."""
    weight = AnswerWeight.NO
    heaviest: tuple[CountingMembership, ...] = ()
    for answers in answers_by_rule:
        highest = max([answer.weight for answer in answers], default=AnswerWeight.NO)
        if highest > weight:
            weight, heaviest = highest, tuple([answer.current for answer in answers if answer.weight is highest])
    return heaviest


def _decision_beside_owing_rule(
    owner: Entitlement, rule: Entitlement, answer: RuleAnswer | None
) -> EntitlementDecision:
    """The decision of a rule about a person whom another rule owes: nobody is owed, undecided or on leave twice."""
    if answer is None or answer.weight is AnswerWeight.NO:
        return _decision(rule, answer)
    return EntitlementDecision(entitlement=rule.id, owed=False, reason=format_text(ALREADY_OWED, owner.id))


def _decisions_without_owing_rule(
    rules: Sequence[Entitlement], best: Sequence[RuleAnswer | None]
) -> tuple[EntitlementDecision, ...]:
    """The decisions about a person whom no rule owes. What is unknown is undecided by the first rule that asks for it."""
    decisions: list[EntitlementDecision] = []
    undecided_by: dict[tuple[str, str, str], str] = {}  # membership → the first rule that cannot decide it
    for rule, answer in zip(rules, best, strict=True):
        if answer is not None and answer.weight is AnswerWeight.UNDECIDED:
            first = undecided_by.setdefault(answer.current.span.known.ref, rule.id)
            if first != rule.id:
                decisions.append(
                    EntitlementDecision(entitlement=rule.id, owed=False, reason=format_text(UNDECIDED_BEFORE, first))
                )
                continue
        decisions.append(_decision(rule, answer))
    return tuple(decisions)


def _decision(rule: Entitlement, answer: RuleAnswer | None) -> EntitlementDecision:
    if answer is None:
        return _decision_without_membership(rule.id, rule.who.memberships)
    return EntitlementDecision(
        entitlement=rule.id,
        owed=False,
        undecided=answer.weight is AnswerWeight.UNDECIDED,
        on_leave=answer.weight is AnswerWeight.LEAVE,
        reason=answer.reason,
    )


@lru_cache(maxsize=64)
def _decision_without_membership(entitlement: str, memberships: tuple[MembershipType, ...]) -> EntitlementDecision:
    nouns = [MEMBERSHIP_NOUNS[membership] for membership in memberships]
    either = Text(" eller ".join(noun.sv for noun in nouns), " or ".join(noun.en for noun in nouns))
    return EntitlementDecision(entitlement=entitlement, owed=False, reason=format_text(NO_MEMBERSHIP, either))
