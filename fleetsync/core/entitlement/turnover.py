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
from fleetsync.core.entitlement.ties import LEAVING_GRADE_INDEX, SCHOOLING, Bench, Tie, index_of, schooling_on
from fleetsync.core.model import GroupRecord, Known, MembershipRecord, MembershipType, Person, Turnover

EARLIEST_BEFORE_SCHOOL = timedelta(weeks=3)
TURNED_PERCENT = 95

How = Literal["most", "first_complete", "latest", "by_hand"]


class Progress(msgspec.Struct, frozen=True):
    """How many of the copies of grade index 0–8 the registers have turned, of how many."""

    turned: int
    of: int

    @property
    def is_enough(self) -> bool:
        """Whether 95 % have; of none, never."""
        return self.of > 0 and 100 * self.turned >= TURNED_PERCENT * self.of


def copied(known: Sequence[Known], people: Sequence[Person], bench: Bench) -> Turnover | None:
    """The turnover with what it holds copies of now: begun on the last school day, dwindling once the term has begun.

    `bench.turnover` is the one before, whose copies *people* have.
    """
    turnover = _begun(bench)
    if turnover is None:
        return None
    if turnover.turned_at is not None:
        return _dwindled(turnover, people, bench)
    if bench.turnover is not None and turnover.copied_at != bench.turnover.copied_at:
        turnover = replace(turnover, copies=_left_earlier(turnover, people, bench))
    return _filled(turnover, known, people, bench) if bench.today < turnover.first_school_day else turnover


def turned(known: Sequence[Known], people: Iterable[Person], bench: Bench) -> Turnover | None:
    """`bench.turnover`, whose copies *people* have, turned when it is time; one that has turned stays as it is."""
    turnover = bench.turnover
    if turnover is None or turnover.turned_at is not None:
        return turnover
    how = _how(turnover, known, people, bench)
    return turnover if how is None else replace(turnover, turned_at=bench.moment.at, how=how)


def groups_copied(turnover: Turnover | None) -> tuple[Known, ...]:
    """The groups as they stood on the last school day, while they are what is judged: classes are renamed in summer."""
    if turnover is None or turnover.turned_at is not None:
        return ()
    return tuple(one for one in turnover.copies if isinstance(one.record, GroupRecord))


def earliest(turnover: Turnover) -> date:
    """The first day on which most copies being turned is believed."""
    return turnover.first_school_day - EARLIEST_BEFORE_SCHOOL


def latest(turnover: Turnover, bench: Bench) -> date:
    """The day on which it turns whatever the registers say: the tenth school day."""
    return bench.calendars.default.add_school_days(turnover.first_school_day, TURNOVER_SCHOOL_DAYS - 1)


# --- beginning --------------------------------------------------------------------------------------------------------


def _begun(bench: Bench) -> Turnover | None:
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


def _filled(turnover: Turnover, known: Sequence[Known], people: Sequence[Person], bench: Bench) -> Turnover:
    """With what holds on the last school day: of all parts at first, later on of those that are read for the first time."""
    is_wanted = _wanted(turnover, bench)
    found = [one for person in people for one in _held_by(person, turnover.last_school_day, is_wanted, bench)]
    if not found:
        return turnover
    named = {(one.source, cast("MembershipRecord", one.record).group) for one in found}
    found += [
        one for one in known if isinstance(one.record, GroupRecord) and (one.source, one.record.source_id) in named
    ]
    copies = {_place(one): one for one in (*turnover.copies, *(_copy(one, turnover) for one in found))}
    return replace(turnover, copies=tuple(copies[place] for place in sorted(copies)))


def _wanted(turnover: Turnover, bench: Bench) -> Callable[[Known], bool]:
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


def _held_by(person: Person, day: date, is_wanted: Callable[[Known], bool], bench: Bench) -> list[Known]:
    """A pupil's or a child's memberships of *day*; what others belong to is not school's to turn."""
    rows = (row for row in bench.rows(person) if is_wanted(row.known))
    held = [row for row in rows if row.type is not MembershipType.EMPLOYMENT and row.holds_on(day)]
    if not person.copies and all(row.type is MembershipType.GROUP for row in held):
        return []
    return [row.known for row in held]


def _copy(one: Known, turnover: Turnover) -> Known:
    """As the store gives it back: what it says, and whether it is masked."""
    return Known(
        source=one.source,
        part=one.part,
        record=one.record,
        own_id="",
        first_seen=turnover.copied_at,
        masked=one.masked,
    )


def _place(copy: Known) -> tuple[str, str, str, str]:
    return (copy.source, copy.part, copy.type.value, copy.record.source_id)


# --- turning ----------------------------------------------------------------------------------------------------------


def _how(turnover: Turnover, known: Iterable[Known], people: Iterable[Person], bench: Bench) -> How | None:
    """By what it turns today, if it does."""
    if bench.today >= earliest(turnover) and progress(people, bench).is_enough:
        return "most"
    if _is_read_in_term(turnover, known, bench):
        return "first_complete"
    return "latest" if bench.today >= latest(turnover, bench) else None


def _is_read_in_term(turnover: Turnover, known: Iterable[Known], bench: Bench) -> bool:
    """Whether each part that counts and gives enrolments was read whole on or after the first school day."""
    zone, day = bench.policy.time_zone, turnover.first_school_day
    if bench.today < day:
        return False
    giving = {(one.source, one.part) for one in known if _is_enrolment(one)}
    counting = [part for name, part in bench.parts.items() if part.counts and name in giving]
    return bool(counting) and all(
        part.last_complete_at is not None and local_day(part.last_complete_at, zone) >= day for part in counting
    )


def _is_enrolment(one: Known) -> bool:
    return isinstance(one.record, MembershipRecord) and one.record.membership is MembershipType.ENROLMENT


def progress(people: Iterable[Person], bench: Bench) -> Progress:
    """How far the registers have turned: of the copies of grade index 0–8 those whose pupil has an enrolment on the
    first school day with a grade index one higher, or at a unit or in a form where none of his copies is.
    """
    turned = of = 0
    for person in people:
        if person.copies and (turnover := bench.turnover) is not None:
            was = _enrolments(bench.copies(person), turnover.last_school_day, bench)
            now = _enrolments(bench.rows(person), turnover.first_school_day, bench)
            places = {_place_of(tie) for tie in was}
            counted = [index for tie in was if (index := _turning_index(tie, turnover)) is not None]
            of += len(counted)
            has_moved = any(_place_of(tie) not in places for tie in now)
            indexes = {index_of(tie, turnover.first_school_day) for tie in now}
            turned += sum(1 for index in counted if has_moved or index + 1 in indexes)
    return Progress(turned, of)


def _enrolments(ties: Iterable[Tie], day: date, bench: Bench) -> list[Tie]:
    """The enrolments that count on *day*; a fritidshem beside the school tells nothing of the year."""
    schooling = [tie for tie in ties if tie.counts and tie.type in SCHOOLING]
    return [
        current.tie
        for current in schooling_on(day, schooling, bench)
        if current.tie.type is MembershipType.ENROLMENT
        and current.tie.form is not None
        and current.tie.form not in FORMS_WITHOUT_YEAR
    ]


def _place_of(tie: Tie) -> tuple[str, bool, str | None]:
    return (tie.unit, tie.foreign, tie.form)


def _turning_index(tie: Tie, turnover: Turnover) -> int | None:
    """The grade index of a copy that another follows on; None of leavers, and where there is none."""
    if tie.foreign or not (tie.is_compulsory or tie.form == FKLASS):
        return None
    index = index_of(tie, turnover.last_school_day)
    return index if index is not None and index < LEAVING_GRADE_INDEX else None


# --- afterwards -------------------------------------------------------------------------------------------------------


def _dwindled(turnover: Turnover, people: Sequence[Person], bench: Bench) -> Turnover:
    """Once the term is ten school days old, with the copies of leavers alone whose rows a register still has."""
    if bench.today <= latest(turnover, bench):
        return turnover
    kept = {_place(copy) for person in people for copy in _left_behind(person, bench)}
    copies = tuple(copy for copy in turnover.copies if _place(copy) in kept)
    return turnover if len(copies) == len(turnover.copies) else replace(turnover, copies=copies)


def _left_behind(person: Person, bench: Bench) -> Iterable[Known]:
    """The copies that still tell that a person has left, each with the day on which he did as its end."""
    named = {(one.source, cast("MembershipRecord", one.record).person) for one in person.memberships}
    for copy in bench.copies(person) if person.copies else ():
        is_leaving = copy.is_compulsory and index_of(copy, bench.today) == LEAVING_GRADE_INDEX
        if is_leaving and (copy.known.source, copy.record.person) in named:
            yield replace(copy.known, record=replace(copy.record, end=copy.last))


def _left_earlier(turnover: Turnover, people: Sequence[Person], bench: Bench) -> tuple[Known, ...]:
    """Those who left with an earlier year and whose rows a register has never ended: left they have for good."""
    return tuple(_copy(one, turnover) for person in people for one in _left_behind(person, bench))
