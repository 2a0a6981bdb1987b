"""Where each person belongs today and what he is owed; who comes, who has left, whom only a witness knows.

Pure. One person is owed by one rule. Whose identity is protected has neither unit nor groups, and the words about him
are those about anybody without a unit.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import cast

import msgspec

from fleetsync.core.calendar import Calendars, local_day
from fleetsync.core.entitlement.decisions import (
    UNKNOWN_DAYS,
    EntitlementResult,
    day_or_unknown,
    evaluate_rules,
    format_text,
)
from fleetsync.core.entitlement.spans import (
    SCHOOL_MEMBERSHIP_TYPES,
    Bench,
    CountingMembership,
    EvaluationDates,
    MainMembershipKey,
    MembershipSpan,
    grade_index_of,
    main_membership_key,
    school_memberships_on,
)
from fleetsync.core.identity import UnitDirectory, folded
from fleetsync.core.model import (
    UNPLACED,
    EntitlementMode,
    MembershipRecord,
    MembershipType,
    Moment,
    OwedDevices,
    PartState,
    Person,
    PersonState,
    Policy,
    Scheme,
    Subject,
    Text,
    Turnover,
)

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


def person_states(
    people: Sequence[Person],
    book: UnitDirectory,
    policy: Policy,
    calendars: Calendars,
    parts: Sequence[PartState],
    moment: Moment,
    turnover: Turnover | None = None,
) -> tuple[PersonState, ...]:
    """The standing of each person, in the order given; asked on `moment.today`.

    A dated end is believed when its part has been read with content of a later day (`domain.md` §2.5): to judge a day
    to come, give parts whose `as_of` is that day. Until *turnover* turns, its copies are judged in place of what the
    registers say of school: who comes stands in `starts_on`, and `ends_on` is what the registers announce. From the
    turn until the first school day, what holds on that day is judged.
    """
    bench = Bench(
        policy=policy,
        calendars=calendars,
        book=book,
        parts={(part.source, part.part): part for part in parts},
        moment=moment,
        turnover=turnover,
    )
    files = StaffRosterDates.of(people, bench)
    return tuple([_person_state(_person_facts(person, bench), bench, files) for person in people])


class StaffRosterDates(msgspec.Struct, frozen=True):
    """The days that the staff rosters which count speak for."""

    staff_as_of: tuple[date, ...]

    @classmethod
    def of(cls, people: Iterable[Person], bench: Bench) -> "StaffRosterDates":
        """Found by what they hold: a part is a staff roster when employments came from it."""
        told = {
            (span.source, span.part)
            for person in people
            for span in person.memberships
            if cast("MembershipRecord", span.record).membership is MembershipType.EMPLOYMENT
        }
        counting = (part for name in told if (part := bench.parts.get(name)) is not None and part.counts)
        return cls(tuple(part.as_of for part in counting if part.as_of is not None))

    def has_roster_older_than(self, first_seen: date) -> bool:
        """Whether a staff roster is older than somebody's first sighting."""
        return any(as_of < first_seen for as_of in self.staff_as_of)


class PersonFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One person, with what follows from his memberships today."""

    person: Person
    spans: tuple[MembershipSpan, ...]
    rows: tuple[
        MembershipSpan, ...
    ]  # what the registers say; `spans` are what is judged, and differ until the school year turns
    entitlement_result: EntitlementResult
    starts_on: date | None
    ended_memberships: tuple[
        tuple[date, MembershipSpan], ...
    ]  # of somebody who has left: the memberships that have begun and ended
    witness_memberships: tuple[MembershipSpan, ...]  # what sources that found nothing say of today
    main_candidates: tuple[CountingMembership, ...]  # the memberships among which `main_membership` is chosen
    main_membership: CountingMembership | None  # the membership that places him

    @property
    def ended_on(self) -> date | None:
        """The last day of somebody who has left; None where nobody knows it, while a membership runs, or when none has
        begun and ended.
        """
        return _day_or_none(max((day for day, _ in self.ended_memberships), default=date.min))

    @property
    def has_login(self) -> bool:
        """Whether any source gives him a log-in."""
        return any(key.scheme in LOGIN_SCHEMES for key in self.person.keys)

    @property
    def is_in_roster(self) -> bool:
        """Whether a source that counts has ever had a membership of his, be it over or to come."""
        return any(span.counts and span.type is not MembershipType.GROUP for span in self.rows + self.spans)


def _person_facts(person: Person, bench: Bench) -> PersonFacts:
    rows = bench.rows(person)
    spans = bench.evaluated_memberships(person, rows)
    entitlement_result = evaluate_rules(spans, bench.days, bench.rules, bench)
    starts_on = _starts_on(rows, entitlement_result, bench)
    ended_memberships = () if entitlement_result.running else _ended_memberships(spans, bench.days)
    witness_memberships = tuple([span for span in spans if not span.counts and _is_ours_and_holds(span, bench.days)])
    main_candidates = entitlement_result.deciding_memberships or tuple(
        map(
            _as_counting_membership,
            _candidates_when_none_counts(rows, starts_on, ended_memberships, bench) or witness_memberships,
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


def _starts_on(rows: Sequence[MembershipSpan], entitlement_result: EntitlementResult, bench: Bench) -> date | None:
    """The nearest first day, within 15 school days, from which he is owed a device and is owed none today."""
    if _is_owed_per_head(entitlement_result):
        return None
    days = sorted({row.first for row in rows if row.can_entitle and _starts_soon(row, bench)})
    return next(
        (
            day
            for day in days
            if _is_owed_per_head(evaluate_rules(rows, EvaluationDates.on(day), bench.rules_on(day), bench))
        ),
        None,
    )


def _starts_soon(span: MembershipSpan, bench: Bench) -> bool:
    if not bench.is_to_come(span):
        return False
    return bench.calendar(span.unit).school_days_between(bench.today, span.first) <= STARTS_WITHIN_SCHOOL_DAYS


def _is_owed_per_head(entitlement_result: EntitlementResult) -> bool:
    return entitlement_result.owner is not None and entitlement_result.owner.mode is not EntitlementMode.POOL


def _ended_memberships(
    spans: Sequence[MembershipSpan], days: EvaluationDates
) -> tuple[tuple[date, MembershipSpan], ...]:
    begun = (span for span in spans if span.can_entitle and span.first <= min(span.last, days.of(span)))
    return tuple((_actual_last_day(span, spans, days), span) for span in begun)


def _actual_last_day(span: MembershipSpan, spans: Sequence[MembershipSpan], days: EvaluationDates) -> date:
    if not span.holds_on(days.of(span)):
        return span.last
    # It runs and does not count: he has moved to another principal's school before the row was closed.
    moved = max(other.first for other in spans if other.counts and other.foreign and other.holds_on(days.of(other)))
    return moved - timedelta(days=1) if moved > date.min else moved


def _candidates_when_none_counts(
    rows: Sequence[MembershipSpan],
    starts_on: date | None,
    ended_memberships: Sequence[tuple[date, MembershipSpan]],
    bench: Bench,
) -> list[MembershipSpan]:
    """What places somebody of whom nothing runs: what he comes to soon, else has left last, else comes to some day."""
    newest = max((day for day, _ in ended_memberships), default=None)
    if starts_on is None and newest is not None:
        return [span for day, span in ended_memberships if day == newest]
    to_come = [row for row in rows if row.can_entitle and bench.is_to_come(row)]
    first = starts_on or min((span.first for span in to_come), default=None)
    return [span for span in to_come if span.first == first]


def _is_ours_and_holds(span: MembershipSpan, days: EvaluationDates) -> bool:
    return not span.foreign and span.type is not MembershipType.GROUP and span.holds_on(days.of(span))


def _as_counting_membership(span: MembershipSpan) -> CountingMembership:
    return CountingMembership(span, span.first, span.last)


def _person_state(facts: PersonFacts, bench: Bench, files: StaffRosterDates) -> PersonState:
    person, main_membership, entitlement_result = facts.person, facts.main_membership, facts.entitlement_result
    unit = UNPLACED if main_membership is None or person.masked else main_membership.span.unit
    class_group, groups = (None, ()) if person.masked else _groups(facts.spans, unit, bench)
    return PersonState(
        person=person.id,
        unit=unit,
        unit_reason=_unit_reason(facts, unit),
        class_group=class_group,
        groups=groups,
        school_form=main_membership.span.form if main_membership else None,
        grade_index=_grade_index(facts.main_membership, bench.days),
        owed=_owed(facts, unit, ((class_group,) if class_group else ()) + groups),
        decisions=entitlement_result.decisions,
        began_on=_day_or_none(main_membership.first) if main_membership else None,
        ends_on=_ends_on(facts, bench),
        may_return=_may_return(entitlement_result),
        ended_on=facts.ended_on,
        starts_on=facts.starts_on,
        turnover_changed_on=_turned_on(facts, unit, (class_group, groups), bench),
        counted=bool(entitlement_result.running),
        has_login=facts.has_login,
        only_in_witness=bool(facts.witness_memberships) and not facts.is_in_roster,
        is_child=_is_child(facts, bench),
        not_yet_in_roster=_is_not_yet_in_roster(facts, bench, files),
    )


def _owed(facts: PersonFacts, unit: str, groups: tuple[str, ...]) -> OwedDevices | None:
    rule = facts.entitlement_result.owner
    if rule is None or rule.mode is EntitlementMode.POOL:
        return None
    return OwedDevices(
        entitlement=rule.id,
        subject=Subject.PERSON,
        subject_id=facts.person.id,
        unit=unit,
        groups=groups,
        count=rule.devices,
        decidable=facts.has_login and not facts.person.masked,
        reason=facts.entitlement_result.reason,
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


def _ends_on(facts: PersonFacts, bench: Bench) -> date | None:
    basis, turnover = facts.entitlement_result.deciding_memberships, bench.frozen
    announced: list[date] = []
    if turnover is not None and any(current.span.copied_on for current in basis):
        announced = _announced_ends(facts.rows, turnover)
    return _day_or_none(max(announced or [current.last for current in basis], default=date.max))


def _announced_ends(rows: Sequence[MembershipSpan], turnover: Turnover) -> list[date]:
    """What the registers say by now of how long somebody stays whose copies are judged."""
    first, last = turnover.last_school_day, turnover.first_school_day
    return [
        row.last
        for row in rows
        if row.can_entitle and row.type in SCHOOL_MEMBERSHIP_TYPES and row.first <= last and first <= row.last
    ]


def _turned_on(facts: PersonFacts, unit: str, groups: tuple[str | None, tuple[str, ...]], bench: Bench) -> date | None:
    """The first school day, when what is judged now differs in grade index, unit or group from the copies."""
    turnover, main_membership = bench.turnover, facts.main_membership
    if (
        turnover is None
        or turnover.turned_at is None
        or main_membership is None
        or main_membership.span.type not in SCHOOL_MEMBERSHIP_TYPES
    ):
        return None
    copies = bench.copies(facts.person)
    was = min(
        school_memberships_on(turnover.last_school_day, [span for span in copies if span.can_entitle], bench),
        key=_main_candidate_key,
        default=None,
    )
    if was is None:
        return None
    then = UNPLACED if facts.person.masked else was.span.unit
    grouped = (None, ()) if facts.person.masked else _groups(copies, then, bench)
    before = (_grade_index(was, bench.days), then, grouped)
    return None if before == (_grade_index(main_membership, bench.days), unit, groups) else turnover.first_school_day


def _main_candidate_key(current: CountingMembership) -> MainMembershipKey:
    return main_membership_key(current.span)


def _may_return(entitlement_result: EntitlementResult) -> bool:
    return bool(entitlement_result.deciding_memberships) and all(
        current.may_return_until is not None for current in entitlement_result.deciding_memberships
    )


def _day_or_none(day: date) -> date | None:
    return None if day in UNKNOWN_DAYS else day


def _is_child(facts: PersonFacts, bench: Bench) -> bool:
    """Of förskola or förskoleklass, or a six-year-old whatever his form is called; in doubt he is."""
    if _is_owed_per_head(facts.entitlement_result):
        return False
    return (
        any(span.is_child for span in _age_evidence(facts, bench))
        or _grade_index(facts.main_membership, bench.days) == 0
    )


def _age_evidence(facts: PersonFacts, bench: Bench) -> Sequence[MembershipSpan]:
    """Of whom it is told that he is a child: by what holds, else by all that is to come, else by what placed him last.

    All, since the row that places him may be a fritidshem's, which tells nothing of his age.
    """
    holding = [span for span in facts.spans if span.holds_on(bench.days.of(span))]
    coming = [row for row in facts.rows if bench.is_to_come(row)]
    return holding or coming or ([facts.main_membership.span] if facts.main_membership else facts.spans)


def _is_not_yet_in_roster(facts: PersonFacts, bench: Bench, files: StaffRosterDates) -> bool:
    person = facts.person
    if facts.is_in_roster or not person.records or not facts.has_login:
        return False
    return files.has_roster_older_than(local_day(person.first_seen, bench.policy.time_zone))


# --- groups -----------------------------------------------------------------------------------------------------------


def _groups(spans: Sequence[MembershipSpan], unit: str, bench: Bench) -> tuple[str | None, tuple[str, ...]]:
    """The class that began last, and the other groups, latest first; groups of other units are not his there."""
    classes: list[tuple[int, str]] = []
    others: list[tuple[int, str]] = []
    for span in spans:
        if span.record.group is None or not span.holds_on(bench.days.of(span)):
            continue
        group = bench.book.group(span.known.source, span.record.group)
        if group is not None and bench.unit_of_group(span, group) in {unit, UNPLACED}:
            found = classes if folded(group.kind or "") == CLASS_GROUP_KIND else others
            found.append((-span.first.toordinal(), group.name))
    newest = min(classes)[1] if classes else None
    return newest, tuple(dict.fromkeys(name for _, name in sorted(others)))
