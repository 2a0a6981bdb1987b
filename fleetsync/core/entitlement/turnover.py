"""The turn of the school year: one switch for the municipality, copied on its last school day, turned once.

Pure. The registers close, delete and rewrite their rows for weeks, each when it likes; until most of it is done, what
was true on the last school day is judged. Refuses to turn twice, or back, and to judge from copies what nobody has
copied: a part that is first read in the break is copied then, as far as it still says.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Literal, cast

import msgspec
from msgspec.structs import replace

from fleetsync.core.calendar import TURNOVER_SCHOOL_DAYS, local_day
from fleetsync.core.entitlement.rules import FKLASS, FORMS_WITHOUT_YEAR
from fleetsync.core.entitlement.spans import (
    LEAVING_GRADE_INDEX,
    SCHOOL_MEMBERSHIP_TYPES,
    Bench,
    MembershipSpan,
    grade_index_of,
    school_memberships_on,
)
from fleetsync.core.model import BelievedRecord, GroupRecord, MembershipRecord, MembershipType, Person, Turnover

EARLIEST_TURN_BEFORE_SCHOOL = timedelta(weeks=3)
MIN_TURNED_PERCENT = 95

TurnTrigger = Literal["most", "first_complete", "latest", "by_hand"]


class TurnoverProgress(msgspec.Struct, frozen=True):
    """How many of the copies of grade index 0–8 the registers have turned, of how many."""

    turned: int
    of: int

    @property
    def is_enough(self) -> bool:
        """Whether 95 % have; of none, never."""
        return self.of > 0 and 100 * self.turned >= MIN_TURNED_PERCENT * self.of


def refresh_copies(known: Sequence[BelievedRecord], people: Sequence[Person], bench: Bench) -> Turnover | None:
    """The turnover with what it holds copies of now: begun on the last school day, dwindling once the term has begun.

    `bench.turnover` is the one before, whose copies *people* have.
    """
    turnover = _current_or_new_turnover(bench)
    if turnover is None:
        return None
    if turnover.turned_at is not None:
        return _with_leavers_only(turnover, people, bench)
    if bench.turnover is not None and turnover.copied_at != bench.turnover.copied_at:
        turnover = replace(turnover, copies=_earlier_leaver_copies(turnover, people, bench))
    return _with_copies(turnover, known, people, bench) if bench.today < turnover.first_school_day else turnover


def turn_if_due(known: Sequence[BelievedRecord], people: Iterable[Person], bench: Bench) -> Turnover | None:
    """`bench.turnover`, whose copies *people* have, turned when it is time; one that has turned stays as it is."""
    turnover = bench.turnover
    if turnover is None or turnover.turned_at is not None:
        return turnover
    how = _turn_trigger(turnover, known, people, bench)
    return turnover if how is None else replace(turnover, turned_at=bench.moment.at, how=how)


def copied_groups(turnover: Turnover | None) -> tuple[BelievedRecord, ...]:
    """The groups as they stood on the last school day, while they are what is judged: classes are renamed in summer."""
    if turnover is None or turnover.turned_at is not None:
        return ()
    return tuple(one for one in turnover.copies if isinstance(one.record, GroupRecord))


def earliest_turn_day(turnover: Turnover) -> date:
    """The first day on which most copies being turned is believed."""
    return turnover.first_school_day - EARLIEST_TURN_BEFORE_SCHOOL


def latest_turn_day(turnover: Turnover, bench: Bench) -> date:
    """The day on which it turns whatever the registers say: the tenth school day."""
    return bench.calendars.default.add_school_days(turnover.first_school_day, TURNOVER_SCHOOL_DAYS - 1)


# --- beginning --------------------------------------------------------------------------------------------------------


def _current_or_new_turnover(bench: Bench) -> Turnover | None:
    before, summer = bench.turnover, bench.calendars.default.summer_break(bench.today)
    if summer is not None and summer.last_school_day <= bench.today < summer.first_school_day:
        if before is not None and before.first_school_day.year == summer.first_school_day.year:
            # A calendar may be corrected in the break; what was copied is not, nor what has turned.
            return before if before.turned_at else replace(before, first_school_day=summer.first_school_day)
        return Turnover(
            first_school_day=summer.first_school_day,
            last_school_day=summer.last_school_day,
            copied_at=bench.moment.at,
        )
    return before


def _with_copies(
    turnover: Turnover, known: Sequence[BelievedRecord], people: Sequence[Person], bench: Bench
) -> Turnover:
    """With what holds on the last school day: of all parts at first, later on of those that are read for the first time."""
    is_wanted = _copy_filter(turnover, bench)
    found = [
        one for person in people for one in _memberships_to_copy(person, turnover.last_school_day, is_wanted, bench)
    ]
    if not found:
        return turnover
    named = {(one.source, cast("MembershipRecord", one.record).group) for one in found}
    found += [
        one for one in known if isinstance(one.record, GroupRecord) and (one.source, one.record.source_id) in named
    ]
    copies = {_copy_key(one): one for one in (*turnover.copies, *(_as_copy(one, turnover) for one in found))}
    return replace(turnover, copies=tuple(copies[place] for place in sorted(copies)))


def _copy_filter(turnover: Turnover, bench: Bench) -> Callable[[BelievedRecord], bool]:
    if turnover.copied_at == bench.moment.at:
        return lambda _: True
    has = {(one.source, one.part) for one in turnover.copies if isinstance(one.record, MembershipRecord)}
    zone, day = bench.policy.time_zone, turnover.last_school_day
    fresh = {
        name
        for name, part in bench.parts.items()
        if part.first_complete_at is not None and local_day(part.first_complete_at, zone) >= day
    }
    return lambda one: (one.source, one.part) in fresh - has


def _memberships_to_copy(
    person: Person, day: date, is_wanted: Callable[[BelievedRecord], bool], bench: Bench
) -> list[BelievedRecord]:
    """A pupil's or a child's memberships of *day*; what others belong to is not school's to turn."""
    rows = (row for row in bench.rows(person) if is_wanted(row.known))
    held = [row for row in rows if row.type is not MembershipType.EMPLOYMENT and row.holds_on(day)]
    if not person.copies and all(row.type is MembershipType.GROUP for row in held):
        return []
    return [row.known for row in held]


def _as_copy(one: BelievedRecord, turnover: Turnover) -> BelievedRecord:
    """As the store gives it back: what it says, and whether it is masked."""
    return BelievedRecord(
        source=one.source,
        part=one.part,
        record=one.record,
        own_id="",
        first_seen=turnover.copied_at,
        masked=one.masked,
    )


def _copy_key(copy: BelievedRecord) -> tuple[str, str, str, str]:
    return (copy.source, copy.part, copy.type.value, copy.record.source_id)


# --- turning ----------------------------------------------------------------------------------------------------------


def _turn_trigger(
    turnover: Turnover, known: Iterable[BelievedRecord], people: Iterable[Person], bench: Bench
) -> TurnTrigger | None:
    """By what it turns today, if it does."""
    if bench.today >= earliest_turn_day(turnover) and turnover_progress(people, bench).is_enough:
        return "most"
    if _is_read_in_term(turnover, known, bench):
        return "first_complete"
    return "latest" if bench.today >= latest_turn_day(turnover, bench) else None


def _is_read_in_term(turnover: Turnover, known: Iterable[BelievedRecord], bench: Bench) -> bool:
    """Whether each part that counts and gives enrolments was read whole on or after the first school day."""
    zone, day = bench.policy.time_zone, turnover.first_school_day
    if bench.today < day:
        return False
    giving = {(one.source, one.part) for one in known if _is_enrolment(one)}
    counting = [part for name, part in bench.parts.items() if part.counts and name in giving]
    return bool(counting) and all(
        part.last_complete_at is not None and local_day(part.last_complete_at, zone) >= day for part in counting
    )


def _is_enrolment(one: BelievedRecord) -> bool:
    return isinstance(one.record, MembershipRecord) and one.record.membership is MembershipType.ENROLMENT


def turnover_progress(people: Iterable[Person], bench: Bench) -> TurnoverProgress:
    """How far the registers have turned: of the copies of grade index 0–8 those whose pupil has an enrolment on the
    first school day with a grade index one higher, or at a unit or in a form where none of his copies is.
    """
    turned = of = 0
    for person in people:
        if person.copies and (turnover := bench.turnover) is not None:
            was = _enrolments(bench.copies(person), turnover.last_school_day, bench)
            now = _enrolments(bench.rows(person), turnover.first_school_day, bench)
            places = {_unit_and_form(span) for span in was}
            counted = [index for span in was if (index := _grade_index_to_advance(span, turnover)) is not None]
            of += len(counted)
            has_moved = any(_unit_and_form(span) not in places for span in now)
            indexes = {grade_index_of(span, turnover.first_school_day) for span in now}
            turned += sum(1 for index in counted if has_moved or index + 1 in indexes)
    return TurnoverProgress(turned, of)


def _enrolments(spans: Iterable[MembershipSpan], day: date, bench: Bench) -> list[MembershipSpan]:
    """The enrolments that count on *day*; a fritidshem beside the school tells nothing of the year."""
    schooling = [span for span in spans if span.counts and span.type in SCHOOL_MEMBERSHIP_TYPES]
    return [
        current.span
        for current in school_memberships_on(day, schooling, bench)
        if current.span.type is MembershipType.ENROLMENT
        and current.span.form is not None
        and current.span.form not in FORMS_WITHOUT_YEAR
    ]


def _unit_and_form(span: MembershipSpan) -> tuple[str, bool, str | None]:
    return (span.unit, span.foreign, span.form)


def _grade_index_to_advance(span: MembershipSpan, turnover: Turnover) -> int | None:
    """The grade index of a copy that another follows on; None of leavers, and where there is none."""
    if span.foreign or not (span.is_compulsory or span.form == FKLASS):
        return None
    index = grade_index_of(span, turnover.last_school_day)
    return index if index is not None and index < LEAVING_GRADE_INDEX else None


# --- afterwards -------------------------------------------------------------------------------------------------------


def _with_leavers_only(turnover: Turnover, people: Sequence[Person], bench: Bench) -> Turnover:
    """Once the term is ten school days old, with the copies of leavers alone whose rows a register still has."""
    if bench.today <= latest_turn_day(turnover, bench):
        return turnover
    kept = {_copy_key(copy) for person in people for copy in _leaver_copies(person, bench)}
    copies = tuple(copy for copy in turnover.copies if _copy_key(copy) in kept)
    return turnover if len(copies) == len(turnover.copies) else replace(turnover, copies=copies)


def _leaver_copies(person: Person, bench: Bench) -> Iterable[BelievedRecord]:
    """The copies that still tell that a person has left, each with the day on which he did as its end."""
    named = {(one.source, cast("MembershipRecord", one.record).person) for one in person.memberships}
    for copy in bench.copies(person) if person.copies else ():
        is_leaving = copy.is_compulsory and grade_index_of(copy, bench.today) == LEAVING_GRADE_INDEX
        if is_leaving and (copy.known.source, copy.record.person) in named:
            yield replace(copy.known, record=replace(copy.record, end=copy.last))


def _earlier_leaver_copies(turnover: Turnover, people: Sequence[Person], bench: Bench) -> tuple[BelievedRecord, ...]:
    """Those who left with an earlier year and whose rows a register has never ended: left they have for good."""
    return tuple(_as_copy(one, turnover) for person in people for one in _leaver_copies(person, bench))
