"""Works out each person's state: their unit and groups, what they are owed, and whether they start, end or have left.

Pure. A person is owed devices by one rule only. A person with a protected identity has neither unit nor groups, and the
reasons given are those of anybody without a unit.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from operator import itemgetter
from typing import cast

import msgspec

from fleetsync.core.context import Context
from fleetsync.core.entitlement.counting import school_memberships_on
from fleetsync.core.entitlement.decisions import (
    UNKNOWN_DAYS,
    EntitlementResult,
    day_or_unknown,
    evaluate_rules,
    format_text,
    with_local_plan,
)
from fleetsync.core.entitlement.membership_index import MembershipIndex
from fleetsync.core.entitlement.modes import mode_of
from fleetsync.core.entitlement.spans import (
    SCHOOL_MEMBERSHIP_TYPES,
    CountingMembership,
    EvaluationDates,
    MainMembershipKey,
    MembershipSpan,
    grade_index_of,
    main_membership_key,
)
from fleetsync.core.model import (
    UNPLACED,
    MembershipRecord,
    MembershipType,
    OwedDevices,
    Person,
    PersonState,
    Scheme,
    Subject,
    Text,
    Turnover,
)
from fleetsync.core.text import folded

STARTS_WITHIN_SCHOOL_DAYS = 15
CLASS_GROUP_KIND = "klass"  # groupType of the group that a set serves first
LOGIN_SCHEMES = frozenset({Scheme.OBJECT_ID, Scheme.ADDRESS, Scheme.ACCOUNT})

NO_UNIT = Text("Ingen enhet är känd", "No unit is known")
EMPLOYED_THERE = Text("Anställd där från {0}", "Employed there from {0}")
ATTENDS_THERE = Text("Går där från {0}", "Attends from {0}")
LARGEST_OF = Text(
    "{0}; av {1} anställningar räknas den med störst andel, annars den som började först",
    "{0}; of {1} employments the largest share counts, else the earliest start",
)
LATEST_OF = Text("{0}; av {1} räknas den som började senast", "{0}; of {1} the one that began last counts")


def person_states(people: Sequence[Person], context: Context) -> tuple[PersonState, ...]:
    """The state of each person today, in the order given.

    A dated end is believed when its part has been read with content of a later day (`domain.md` §2.5); to evaluate a
    day to come, give the context that day as `known_until`. Until the context's turnover turns, its copies are
    evaluated in place of the registers' school rows: a person who is to come has `starts_on`, and `ends_on` is what the
    registers announce. From the turn until the first school day, what holds on that day is evaluated.
    """
    index = MembershipIndex(context)
    rosters = StaffRosterDates.of(people, context)

    def state_of(person: Person) -> PersonState:
        earlier = context.earlier.people.get(person.id)
        if (
            earlier is not None
            and earlier.person is person
            and rosters.known_until == context.earlier.staff_rosters_known_until
        ):
            return earlier.person_state
        return _person_state(_person_facts(person, index), index, rosters)

    return tuple(map(state_of, people))


class StaffRosterDates(msgspec.Struct, frozen=True):
    """The days up to which the staff rosters that count are known."""

    known_until: tuple[date, ...]

    @classmethod
    def of(cls, people: Iterable[Person], context: Context) -> "StaffRosterDates":
        """A part is a staff roster when employments came from it."""
        giving = {
            (known.source, known.part): known
            for person in people
            for known in person.memberships
            if cast("MembershipRecord", known.record).membership is MembershipType.EMPLOYMENT
        }
        parts = (context.part_of(known) for _, known in sorted(giving.items(), key=itemgetter(0)))
        days = (context.known_until_of(part) for part in parts if part is not None and part.counts)
        return cls(tuple(day for day in days if day is not None))

    def has_roster_older_than(self, first_seen: date) -> bool:
        """Whether a staff roster is older than the day on which a person was first seen."""
        return any(day < first_seen for day in self.known_until)


class PersonFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One person, with what follows from their memberships today.

    `rows` are the memberships as the registers give them; `spans` are those that are evaluated, and differ from them
    until the school year turns. `ended_memberships`: of a person who has left, those that have begun and ended, with
    their last day. `witness_memberships`: those of today from sources that found no entitlements. `main_membership`:
    the one of `main_candidates` that places the person.
    """

    person: Person
    spans: tuple[MembershipSpan, ...]
    rows: tuple[MembershipSpan, ...]
    entitlement_result: EntitlementResult
    starts_on: date | None
    ended_memberships: tuple[tuple[date, MembershipSpan], ...]
    witness_memberships: tuple[MembershipSpan, ...]
    main_candidates: tuple[CountingMembership, ...]
    main_membership: CountingMembership | None

    @property
    def ended_on(self) -> date | None:
        """The last day of a person who has left; None when it is unknown, or no membership has begun and ended."""
        return _day_or_none(max((day for day, _ in self.ended_memberships), default=date.min))

    @property
    def has_login(self) -> bool:
        """Whether any source gives the person a log-in."""
        return any(key.scheme in LOGIN_SCHEMES for key in self.person.keys)

    @property
    def is_in_roster(self) -> bool:
        """Whether a source that counts has a membership of the person, be it over or to come."""
        return any(span.counts and span.type is not MembershipType.GROUP for span in self.rows + self.spans)


def _person_facts(person: Person, index: MembershipIndex) -> PersonFacts:
    days, rows = index.evaluation_dates, index.rows(person)
    spans = index.evaluated_memberships(person, rows)
    entitlement_result = evaluate_rules(spans, days, index.context.rules, index)
    starts_on = _starts_on(rows, entitlement_result, index)
    ended_memberships = () if entitlement_result.running else _ended_memberships(spans, days)
    witness_memberships = tuple([span for span in spans if not span.counts and _is_ours_and_holds(span, days)])
    main_candidates = entitlement_result.deciding_memberships or tuple(
        map(
            _as_counting_membership,
            _candidates_when_none_counts(rows, starts_on, ended_memberships, index) or witness_memberships,
        )
    )
    return PersonFacts(
        person=person,
        spans=spans,
        rows=rows,
        entitlement_result=entitlement_result,
        starts_on=starts_on,
        ended_memberships=ended_memberships,
        witness_memberships=witness_memberships,
        main_candidates=main_candidates,
        main_membership=main_candidates[0]
        if len(main_candidates) == 1
        else min(main_candidates, key=_main_candidate_key, default=None),
    )


def _starts_on(
    rows: Sequence[MembershipSpan], entitlement_result: EntitlementResult, index: MembershipIndex
) -> date | None:
    """The nearest first day, within 15 school days, from which the person is owed a device; None if owed one today."""
    if _is_person_owed(entitlement_result):
        return None
    days = sorted({row.first for row in rows if row.can_entitle and _starts_soon(row, index)})
    return next(
        (
            day
            for day in days
            if _is_person_owed(evaluate_rules(rows, EvaluationDates.on(day), index.context.rules_on(day), index))
        ),
        None,
    )


def _starts_soon(span: MembershipSpan, index: MembershipIndex) -> bool:
    if not index.is_to_come(span):
        return False
    calendar = index.context.calendar_of(span.unit)
    return calendar.school_days_between(index.context.today, span.first) <= STARTS_WITHIN_SCHOOL_DAYS


def _is_person_owed(entitlement_result: EntitlementResult) -> bool:
    return entitlement_result.owner is not None and mode_of(entitlement_result.owner).owes_persons


def _ended_memberships(
    spans: Sequence[MembershipSpan], days: EvaluationDates
) -> tuple[tuple[date, MembershipSpan], ...]:
    begun = (span for span in spans if span.can_entitle and span.first <= min(span.last, days.of(span)))
    return tuple((_actual_last_day(span, spans, days), span) for span in begun)


def _actual_last_day(span: MembershipSpan, spans: Sequence[MembershipSpan], days: EvaluationDates) -> date:
    if not span.holds_on(days.of(span)):
        return span.last
    # It runs and does not count: the pupil moved to another principal's school before the row was closed.
    moved = max(other.first for other in spans if other.counts and other.foreign and other.holds_on(days.of(other)))
    return moved - timedelta(days=1) if moved > date.min else moved


def _candidates_when_none_counts(
    rows: Sequence[MembershipSpan],
    starts_on: date | None,
    ended_memberships: Sequence[tuple[date, MembershipSpan]],
    index: MembershipIndex,
) -> list[MembershipSpan]:
    """What places a person without a running membership: the one that starts soon, else the last left, else the next."""
    newest = max((day for day, _ in ended_memberships), default=None)
    if starts_on is None and newest is not None:
        return [span for day, span in ended_memberships if day == newest]
    to_come = [row for row in rows if row.can_entitle and index.is_to_come(row)]
    first = starts_on or min((span.first for span in to_come), default=None)
    return [span for span in to_come if span.first == first]


def _is_ours_and_holds(span: MembershipSpan, days: EvaluationDates) -> bool:
    return not span.foreign and span.type is not MembershipType.GROUP and span.holds_on(days.of(span))


def _as_counting_membership(span: MembershipSpan) -> CountingMembership:
    return CountingMembership(span, span.first, span.last)


def _person_state(facts: PersonFacts, index: MembershipIndex, rosters: StaffRosterDates) -> PersonState:
    person, main_membership, entitlement_result = facts.person, facts.main_membership, facts.entitlement_result
    unit = UNPLACED if main_membership is None or person.masked else main_membership.span.unit
    class_group, groups = (None, ()) if person.masked else _groups(facts.spans, unit, index)
    return PersonState(
        person=person.id,
        unit=unit,
        unit_reason=_unit_reason(facts, unit),
        class_group=class_group,
        groups=groups,
        school_form=main_membership.span.form if main_membership else None,
        grade_index=_grade_index(facts.main_membership, index.evaluation_dates),
        owed=_owed(facts, unit, ((class_group,) if class_group else ()) + groups, index.context),
        decisions=entitlement_result.decisions,
        began_on=_day_or_none(main_membership.first) if main_membership else None,
        ends_on=_ends_on(facts, index),
        may_return=_may_return(entitlement_result),
        ended_on=facts.ended_on,
        starts_on=facts.starts_on,
        turnover_changed_on=_turned_on(facts, unit, (class_group, groups), index),
        counted=bool(entitlement_result.running),
        has_login=facts.has_login,
        only_in_witness=bool(facts.witness_memberships) and not facts.is_in_roster,
        is_child=_is_child(facts, index),
        not_yet_in_roster=_is_not_yet_in_roster(facts, index, rosters),
    )


def _owed(facts: PersonFacts, unit: str, groups: tuple[str, ...], context: Context) -> OwedDevices | None:
    municipal = facts.entitlement_result.owner
    if municipal is None or not mode_of(municipal).owes_persons:
        return None
    rule = context.rule_at(municipal, unit)
    return OwedDevices(
        entitlement=rule.id,
        subject=Subject.PERSON,
        subject_id=facts.person.id,
        unit=unit,
        groups=groups,
        count=rule.devices,
        decidable=facts.has_login and not facts.person.masked,
        reason=with_local_plan(facts.entitlement_result.reason, municipal, rule, context.local_plans.get(unit)),
    )


def _unit_reason(facts: PersonFacts, unit: str) -> Text:
    main_membership = facts.main_membership
    if main_membership is None or unit == UNPLACED:
        return NO_UNIT
    is_employed = main_membership.span.type is MembershipType.EMPLOYMENT
    reason = format_text(EMPLOYED_THERE if is_employed else ATTENDS_THERE, day_or_unknown(main_membership.span.first))
    others = len(facts.main_candidates)
    if others == 1:
        return reason
    return format_text(LARGEST_OF if is_employed else LATEST_OF, reason, others)


def _grade_index(main_membership: CountingMembership | None, days: EvaluationDates) -> int | None:
    if main_membership is None or main_membership.span.form is None:
        return None
    index = grade_index_of(main_membership.span, days.of(main_membership.span))
    return index if index is not None and index >= 0 else None


def _ends_on(facts: PersonFacts, index: MembershipIndex) -> date | None:
    basis, turnover = facts.entitlement_result.deciding_memberships, index.pending_turnover
    announced: list[date] = []
    if turnover is not None and any(current.span.copied_on for current in basis):
        announced = _announced_ends(facts.rows, turnover)
    return _day_or_none(max(announced or [current.last for current in basis], default=date.max))


def _announced_ends(rows: Sequence[MembershipSpan], turnover: Turnover) -> list[date]:
    """The last days that the registers give by now for a person whose copies are evaluated."""
    first, last = turnover.last_school_day, turnover.first_school_day
    return [
        row.last
        for row in rows
        if row.can_entitle and row.type in SCHOOL_MEMBERSHIP_TYPES and row.first <= last and first <= row.last
    ]


def _turned_on(
    facts: PersonFacts, unit: str, groups: tuple[str | None, tuple[str, ...]], index: MembershipIndex
) -> date | None:
    """The first school day, if the turnover gave the person another grade index, unit or group; else None."""
    turnover, main_membership = index.context.turnover, facts.main_membership
    if (
        turnover is None
        or turnover.turned_at is None
        or main_membership is None
        or main_membership.span.type not in SCHOOL_MEMBERSHIP_TYPES
    ):
        return None
    copies, days = index.copies(facts.person), index.evaluation_dates
    was = min(
        school_memberships_on(turnover.last_school_day, [span for span in copies if span.can_entitle], index),
        key=_main_candidate_key,
        default=None,
    )
    if was is None:
        return None
    earlier_unit = UNPLACED if facts.person.masked else was.span.unit
    earlier_groups = (None, ()) if facts.person.masked else _groups(copies, earlier_unit, index)
    before = (_grade_index(was, days), earlier_unit, earlier_groups)
    return None if before == (_grade_index(main_membership, days), unit, groups) else turnover.first_school_day


def _main_candidate_key(current: CountingMembership) -> MainMembershipKey:
    return main_membership_key(current.span)


def _may_return(entitlement_result: EntitlementResult) -> bool:
    return bool(entitlement_result.deciding_memberships) and all(
        current.may_return_until is not None for current in entitlement_result.deciding_memberships
    )


def _day_or_none(day: date) -> date | None:
    return None if day in UNKNOWN_DAYS else day


def _is_child(facts: PersonFacts, index: MembershipIndex) -> bool:
    """Whether the person is of förskola or förskoleklass, or a six-year-old in any form; in doubt, yes."""
    if _is_person_owed(facts.entitlement_result):
        return False
    return (
        any(span.is_child for span in _age_evidence(facts, index))
        or _grade_index(facts.main_membership, index.evaluation_dates) == 0
    )


def _age_evidence(facts: PersonFacts, index: MembershipIndex) -> Sequence[MembershipSpan]:
    """The memberships that show whether a person is a child: those that hold, else those to come, else the last one.

    All of them, since the membership that places the person may be a fritidshem's, which does not tell the age.
    """
    holding = [span for span in facts.spans if span.holds_on(index.evaluation_dates.of(span))]
    coming = [row for row in facts.rows if index.is_to_come(row)]
    return holding or coming or ([facts.main_membership.span] if facts.main_membership else facts.spans)


def _is_not_yet_in_roster(facts: PersonFacts, index: MembershipIndex, rosters: StaffRosterDates) -> bool:
    person = facts.person
    if facts.is_in_roster or not person.records or not facts.has_login:
        return False
    return rosters.has_roster_older_than(index.context.local_day(person.first_seen))


# --- groups -----------------------------------------------------------------------------------------------------------


def _groups(spans: Sequence[MembershipSpan], unit: str, index: MembershipIndex) -> tuple[str | None, tuple[str, ...]]:
    """The class that began last, and the other groups, latest first; groups of other units are left out."""
    classes: list[tuple[int, str]] = []
    others: list[tuple[int, str]] = []
    for span in spans:
        if span.record.group is None or not span.holds_on(index.evaluation_dates.of(span)):
            continue
        group = index.context.unit_directory.group(span.known.source, span.record.group)
        if group is not None and index.unit_of_group(span, group) in {unit, UNPLACED}:
            same_kind = classes if folded(group.kind or "") == CLASS_GROUP_KIND else others
            same_kind.append((-span.first.toordinal(), group.name))
    newest = min(classes)[1] if classes else None
    return newest, tuple(dict.fromkeys(name for _, name in sorted(others)))
