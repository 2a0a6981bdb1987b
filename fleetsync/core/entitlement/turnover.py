"""The turnover of the school year: one switch for the municipality that turns once a year.

Pure. In summer the registers close, delete and rewrite their rows for weeks. So memberships are copied on the last
school day, and the copies are evaluated until most rows have been rewritten. The switch never turns twice, nor back. A
part that is first read during the break is copied then, as far as it still shows the old year.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Literal, cast

import msgspec
from msgspec.structs import replace

from fleetsync.core.calendar import TURNOVER_SCHOOL_DAYS
from fleetsync.core.context import Context
from fleetsync.core.entitlement.counting import school_memberships_on
from fleetsync.core.entitlement.membership_index import MembershipIndex
from fleetsync.core.entitlement.spans import (
    LEAVING_GRADE_INDEX,
    SCHOOL_MEMBERSHIP_TYPES,
    MembershipSpan,
    grade_index_of,
)
from fleetsync.core.model import BelievedRecord, GroupRecord, MembershipRecord, MembershipType, Person, Turnover
from fleetsync.core.school_forms import FKLASS, FORMS_WITHOUT_YEAR

EARLIEST_TURN_BEFORE_SCHOOL = timedelta(weeks=3)
MIN_TURNED_PERCENT = 95

TurnTrigger = Literal["most", "first_complete", "latest", "by_hand"]


class TurnoverProgress(msgspec.Struct, frozen=True):
    """How many of the copies of grade index 0–8 have moved on in the registers, of how many."""

    turned: int
    of: int

    @property
    def is_enough(self) -> bool:
        """Whether 95 % have; of none, never."""
        return self.of > 0 and 100 * self.turned >= MIN_TURNED_PERCENT * self.of


def refresh_copies(people: Sequence[Person], index: MembershipIndex) -> Turnover | None:
    """The turnover with the copies that it holds now. Copies are made from the last school day on, and dropped once the
    term has begun, save those of leavers.

    The context's turnover is the one before; *people* carry its copies.
    """
    context, turnover = index.context, _current_or_new_turnover(index.context)
    if turnover is None:
        return None
    if turnover.turned_at is not None:
        return _with_leavers_only(turnover, people, index)
    if context.turnover is not None and turnover.copied_at != context.turnover.copied_at:
        turnover = replace(turnover, copies=_earlier_leaver_copies(turnover, people, index))
    return _with_copies(turnover, people, index) if context.today < turnover.first_school_day else turnover


def turn_if_due(people: Iterable[Person], index: MembershipIndex) -> Turnover | None:
    """The context's turnover, turned when it is time; one that has turned stays as it is. *people* carry its copies."""
    turnover = index.context.turnover
    if turnover is None or turnover.turned_at is not None:
        return turnover
    how = _turn_trigger(turnover, people, index)
    return turnover if how is None else replace(turnover, turned_at=index.context.moment.at, how=how)


def copied_groups(turnover: Turnover | None) -> tuple[BelievedRecord, ...]:
    """The groups as they were on the last school day, until the year turns: classes are renamed in summer."""
    if turnover is None or turnover.turned_at is not None:
        return ()
    return tuple(copy for copy in turnover.copies if isinstance(copy.record, GroupRecord))


def earliest_turn_day(turnover: Turnover) -> date:
    """The first day on which the turnover may turn because most copies have moved on."""
    return turnover.first_school_day - EARLIEST_TURN_BEFORE_SCHOOL


def latest_turn_day(turnover: Turnover, context: Context) -> date:
    """The day on which the turnover turns whatever the registers say: the tenth school day."""
    return context.calendars.default.add_school_days(turnover.first_school_day, TURNOVER_SCHOOL_DAYS - 1)


# --- beginning --------------------------------------------------------------------------------------------------------


def _current_or_new_turnover(context: Context) -> Turnover | None:
    before, summer = context.turnover, context.calendars.default.summer_break(context.today)
    if summer is not None and summer.last_school_day <= context.today < summer.first_school_day:
        if before is not None and before.first_school_day.year == summer.first_school_day.year:
            # A calendar may be corrected during the break; that moves neither the copies nor a turnover that has turned.
            return before if before.turned_at else replace(before, first_school_day=summer.first_school_day)
        return Turnover(
            first_school_day=summer.first_school_day,
            last_school_day=summer.last_school_day,
            copied_at=context.moment.at,
        )
    return before


def _with_copies(turnover: Turnover, people: Sequence[Person], index: MembershipIndex) -> Turnover:
    """Adds copies of what holds on the last school day: of all parts at first, later of parts read for the first time."""
    is_wanted = _copy_filter(turnover, index.context)
    memberships = [
        membership
        for person in people
        for membership in _memberships_to_copy(person, turnover.last_school_day, is_wanted, index)
    ]
    if not memberships:
        return turnover
    copied = (_as_copy(record, turnover) for record in (*memberships, *_groups_named_by(memberships, index.context)))
    copies = {_copy_key(copy): copy for copy in (*turnover.copies, *copied)}
    return replace(turnover, copies=tuple(copies[key] for key in sorted(copies)))


def _groups_named_by(memberships: Iterable[BelievedRecord], context: Context) -> list[BelievedRecord]:
    named = {(copied.source, cast("MembershipRecord", copied.record).group) for copied in memberships}
    return [
        record
        for record in context.believed.known
        if isinstance(record.record, GroupRecord) and (record.source, record.record.source_id) in named
    ]


def _copy_filter(turnover: Turnover, context: Context) -> Callable[[BelievedRecord], bool]:
    if turnover.copied_at == context.moment.at:
        return lambda _: True
    copied = {(copy.source, copy.part) for copy in turnover.copies if isinstance(copy.record, MembershipRecord)}
    first_read = {
        (part.source, part.part)
        for part in context.parts
        if part.first_complete_at is not None and context.local_day(part.first_complete_at) >= turnover.last_school_day
    }
    wanted = first_read - copied
    return lambda record: (record.source, record.part) in wanted


def _memberships_to_copy(
    person: Person, day: date, is_wanted: Callable[[BelievedRecord], bool], index: MembershipIndex
) -> list[BelievedRecord]:
    """A pupil's or a child's memberships on *day*; those of other persons do not follow the school year."""
    rows = (row for row in index.rows(person) if is_wanted(row.known))
    held = [row for row in rows if row.type is not MembershipType.EMPLOYMENT and row.holds_on(day)]
    if not person.copies and all(row.type is MembershipType.GROUP for row in held):
        return []
    return [row.known for row in held]


def _as_copy(known: BelievedRecord, turnover: Turnover) -> BelievedRecord:
    """The copy of a record as the store gives it back: its content, and whether it is masked."""
    return BelievedRecord(
        source=known.source,
        part=known.part,
        record=known.record,
        own_id="",
        first_seen=turnover.copied_at,
        masked=known.masked,
    )


def _copy_key(copy: BelievedRecord) -> tuple[str, str, str, str]:
    return (copy.source, copy.part, copy.type.value, copy.record.source_id)


# --- turning ----------------------------------------------------------------------------------------------------------


def _turn_trigger(turnover: Turnover, people: Iterable[Person], index: MembershipIndex) -> TurnTrigger | None:
    """What makes the turnover turn today; None when nothing does."""
    context = index.context
    if context.today >= earliest_turn_day(turnover) and turnover_progress(people, index).is_enough:
        return "most"
    if _is_read_in_term(turnover, context):
        return "first_complete"
    return "latest" if context.today >= latest_turn_day(turnover, context) else None


def _is_read_in_term(turnover: Turnover, context: Context) -> bool:
    """Whether each part that counts and gives enrolments was read whole on or after the first school day."""
    day = turnover.first_school_day
    if context.today < day:
        return False
    giving = {(record.source, record.part) for record in context.believed.known if _is_enrolment(record)}
    counting = [part for part in context.parts if part.counts and (part.source, part.part) in giving]
    return bool(counting) and all(
        part.last_complete_at is not None and context.local_day(part.last_complete_at) >= day for part in counting
    )


def _is_enrolment(known: BelievedRecord) -> bool:
    return isinstance(known.record, MembershipRecord) and known.record.membership is MembershipType.ENROLMENT


def turnover_progress(people: Iterable[Person], index: MembershipIndex) -> TurnoverProgress:
    """How far the registers have moved on, counted in copies of grade index 0–8.

    A copy has moved on when its pupil has an enrolment on the first school day with a grade index one higher, or at a
    unit or in a school form where none of the pupil's copies is.
    """
    turned = of = 0
    for person in people:
        if person.copies and (turnover := index.context.turnover) is not None:
            was = _enrolments(index.copies(person), turnover.last_school_day, index)
            now = _enrolments(index.rows(person), turnover.first_school_day, index)
            places = {_unit_and_form(span) for span in was}
            counted = [grade for span in was if (grade := _grade_index_to_advance(span, turnover)) is not None]
            of += len(counted)
            has_moved = any(_unit_and_form(span) not in places for span in now)
            grades = {grade_index_of(span, turnover.first_school_day) for span in now}
            turned += sum(1 for grade in counted if has_moved or grade + 1 in grades)
    return TurnoverProgress(turned, of)


def _enrolments(spans: Iterable[MembershipSpan], day: date, index: MembershipIndex) -> list[MembershipSpan]:
    """The enrolments that count on *day*, without fritidshem and other forms that have no year."""
    schooling = [span for span in spans if span.counts and span.type in SCHOOL_MEMBERSHIP_TYPES]
    return [
        current.span
        for current in school_memberships_on(day, schooling, index)
        if current.span.type is MembershipType.ENROLMENT
        and current.span.form is not None
        and current.span.form not in FORMS_WITHOUT_YEAR
    ]


def _unit_and_form(span: MembershipSpan) -> tuple[str, bool, str | None]:
    return (span.unit, span.foreign, span.form)


def _grade_index_to_advance(span: MembershipSpan, turnover: Turnover) -> int | None:
    """The grade index of a copy whose pupil is expected to move on; None for leavers, and where it is not known."""
    if span.foreign or not (span.is_compulsory or span.form == FKLASS):
        return None
    index = grade_index_of(span, turnover.last_school_day)
    return index if index is not None and index < LEAVING_GRADE_INDEX else None


# --- afterwards -------------------------------------------------------------------------------------------------------


def _with_leavers_only(turnover: Turnover, people: Sequence[Person], index: MembershipIndex) -> Turnover:
    """The turnover; from ten school days into the term on, only with copies of leavers whose rows a register still has."""
    if index.context.today <= latest_turn_day(turnover, index.context):
        return turnover
    kept = {_copy_key(copy) for person in people for copy in _leaver_copies(person, index)}
    copies = tuple(copy for copy in turnover.copies if _copy_key(copy) in kept)
    return turnover if len(copies) == len(turnover.copies) else replace(turnover, copies=copies)


def _leaver_copies(person: Person, index: MembershipIndex) -> Iterable[BelievedRecord]:
    """The copies that show that a person has left the last grade, each with the day of leaving as its end."""
    named = {(known.source, cast("MembershipRecord", known.record).person) for known in person.memberships}
    for copy in index.copies(person) if person.copies else ():
        is_leaving = copy.is_compulsory and grade_index_of(copy, index.context.today) == LEAVING_GRADE_INDEX
        if is_leaving and (copy.known.source, copy.record.person) in named:
            yield replace(copy.known, record=replace(copy.record, end=copy.last))


def _earlier_leaver_copies(
    turnover: Turnover, people: Sequence[Person], index: MembershipIndex
) -> tuple[BelievedRecord, ...]:
    """Copies of pupils who left with an earlier year and whose rows a register never ended; they stay leavers."""
    return tuple(_as_copy(copy, turnover) for person in people for copy in _leaver_copies(person, index))
