"""When a membership holds: what a source says of its days, its silence, and the days on which it counts on.

Pure. Refuses to end anything that a source has not been read late enough to deny, to guess the length of a term whose
first day is unknown, and to let a register that rewrites its rows before the school year turns move anybody.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property
from typing import cast

import msgspec
from msgspec.structs import replace

from fleetsync.core.calendar import Calendar, Calendars, SummerBreak, grade_index, local_day
from fleetsync.core.entitlement.rules import (
    ADULT_FORMS,
    CHILD_FORMS,
    FKLASS,
    FS,
    GRADED_FORMS,
    KNOWN_FORMS,
    UPPER_FORMS,
    rules_in_force,
)
from fleetsync.core.identity import UnitBook
from fleetsync.core.model import (
    UNPLACED,
    EmploymentForm,
    Entitlement,
    GroupRecord,
    Known,
    MembershipRecord,
    MembershipType,
    Moment,
    PartState,
    Person,
    Policy,
    Turnover,
    UnitRecord,
)

YOUNGER_THAN_ANY_YEAR = -1  # förskola has no years; its children are below the first
HIGHEST_YEAR = 11  # of specialskola in the ten-year school
LEAVING_GRADE_INDEX = 9
SCHOOLING = frozenset({MembershipType.ENROLMENT, MembershipType.PLACEMENT})
FREE_DAYS_BETWEEN_TERMS = 7
DAYS_AROUND_LAST_SCHOOL_DAY = 14
# A term of these forms can continue another; None is a roster without the field.
_JOINABLE = frozenset({EmploymentForm.PERMANENT, EmploymentForm.FIXED, None})

Rank = tuple[int, float, int, bool, str, tuple[str, str, str]]


class Tie(msgspec.Struct, frozen=True):
    """A membership with its days, its unit and its weight. Unknown first day: `date.min`; open end: `date.max`."""

    known: Known
    record: MembershipRecord
    unit: str
    foreign: bool  # at an organisation of another principal: entitles nobody
    counts: bool  # of a part that founds entitlements; else a witness
    form: str | None  # school form, in capitals
    first: date
    last: date  # of one that vanished: the day before it was first missed
    holds_until: date  # as `last`, or open when that has passed and its part has shown nothing newer
    copied_on: date | None = None  # of a turnover's copy: the last school day, by which its year is read
    closed_on: date | None = None  # the last day of its organisation, when that came before its own

    @property
    def type(self) -> MembershipType:
        """The membership's type."""
        return self.record.membership

    @property
    def founds(self) -> bool:
        """Whether it can entitle or place somebody: of a source that counts, at an organisation of ours."""
        return self.counts and not self.foreign and self.record.membership is not MembershipType.GROUP

    @property
    def is_child(self) -> bool:
        """Whether it is of förskola or förskoleklass; a placement whose form nobody knows is."""
        is_unknown_placement = self.record.membership is MembershipType.PLACEMENT and self.form not in KNOWN_FORMS
        return is_unknown_placement or self.form in CHILD_FORMS

    @property
    def is_compulsory(self) -> bool:
        """Whether it is an enrolment in a form that has the grades 1 to 9."""
        return self.type is MembershipType.ENROLMENT and self.form in GRADED_FORMS

    def holds_on(self, day: date) -> bool:
        """Whether the membership runs on *day*; both ends inclusive."""
        return self.first <= day <= self.holds_until

    def is_closed_on(self, day: date) -> bool:
        """Whether it would run on *day* had its organisation not ended."""
        if self.closed_on is None or self.known.gone or self.holds_on(day):
            return False
        return self.first <= day <= (self.record.end or date.max)

    def is_on_leave(self, day: date) -> bool:
        """Whether *day* lies within the leave that its source dates; an end that is missing is open."""
        begins, ends = self.record.leave_from, self.record.leave_to
        if begins is None and ends is None:
            return False
        return (begins or date.min) <= day <= (ends or date.max)


class Current(msgspec.Struct, frozen=True):
    """A membership that counts on a day, with the whole stretch it is part of."""

    tie: Tie
    first: date
    last: date
    is_joined: bool = False  # several adjoining terms make the stretch
    returns_until: date | None = None  # a fixed term that may return counts on until then
    returns_from: date | None = None  # the last school day that it ends near


class Place(msgspec.Struct, frozen=True):
    """Where a membership is. *ending*: the organisation whose last day is its last too."""

    unit: str
    foreign: bool
    ending: Known | None


class Days(msgspec.Struct, frozen=True):
    """The days that are judged: school's is the first school day once the year has turned, while it is still to come."""

    employed: date
    schooled: date

    @classmethod
    def on(cls, day: date) -> "Days":
        """One day for all."""
        return cls(day, day)

    def of(self, tie: Tie) -> date:
        """The day on which a membership is judged."""
        return self.employed if tie.type is MembershipType.EMPLOYMENT else self.schooled


class Bench(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """All that is asked while people are judged, made once for all of them."""

    policy: Policy
    calendars: Calendars
    book: UnitBook
    parts: Mapping[tuple[str, str], PartState]
    moment: Moment
    turnover: Turnover | None = None

    @property
    def today(self) -> date:
        """The day that is judged."""
        return self.moment.today

    @cached_property
    def days(self) -> Days:
        """The days that are judged today."""
        if self.turnover is None or self.turnover.turned_at is None:
            return Days.on(self.today)
        return Days(self.today, max(self.today, self.turnover.first_school_day))

    @property
    def frozen(self) -> Turnover | None:
        """The turnover whose copies are judged: the one that has not turned."""
        return self.turnover if self.turnover is not None and self.turnover.turned_at is None else None

    @cached_property
    def rules(self) -> tuple[Entitlement, ...]:
        """The rules in force on that day."""
        return self.rules_of(self.today)

    def rules_of(self, day: date) -> tuple[Entitlement, ...]:
        """The rules in force on another day."""
        return rules_in_force(self.policy, day)

    @cached_property
    def known_forms(self) -> frozenset[str]:
        """School forms that are no riddle: those of the standards, and those that a rule names."""
        return KNOWN_FORMS.union(*(rule.who.school_forms for rule in self.policy.entitlements))

    @cached_property
    def competing_forms(self) -> frozenset[str]:
        """The forms of which one enrolment counts at a time: those that the day's rules name, and what follows them."""
        enrolled = (rule.who for rule in self.rules if MembershipType.ENROLMENT in rule.who.memberships)
        return UPPER_FORMS.union(ADULT_FORMS, *(who.school_forms for who in enrolled))

    @cached_property
    def _calendars(self) -> dict[str, Calendar]:
        return {}

    @cached_property
    def _places(self) -> dict[tuple[str, tuple[str, ...], str | None, str | None], Place]:
        return {}

    def calendar(self, unit: str) -> Calendar:
        """The calendar by which the unit's days are counted."""
        found = self._calendars.get(unit)
        if found is None:
            found = self._calendars[unit] = self.calendars.for_unit(unit, self.book.only_preschool(unit))
        return found

    def place(self, source: str, record: MembershipRecord) -> Place:
        """A membership's unit (`unplaced` when it maps nowhere), whether it is another principal's, and what ends it.

        Who is in a group without a place of his own is there as long as the group's organisation is.
        """
        key = (source, record.codes, record.unit_name, None if record.codes else record.group)
        found = self._places.get(key)
        if found is None:
            slug = self.book.of(source, record.codes, record.unit_name)
            foreign = self.book.is_foreign(source, record.codes, record.unit_name)
            ending = self.book.ending(source, record.codes or self._codes_of_group(source, record.group))
            found = self._places[key] = Place(slug or UNPLACED, foreign, ending)
        return found

    def _codes_of_group(self, source: str, source_id: str | None) -> tuple[str, ...]:
        group = None if source_id is None else self.book.group(source, source_id)
        return () if group is None or group.unit is None else (group.unit,)

    def unit_of_group(self, tie: Tie, group: GroupRecord) -> str:
        """The slug of the unit that has a group: by its register, else by the membership in it."""
        if group.unit is None:
            return tie.unit
        return self.book.of(tie.known.source, (group.unit,), None) or tie.unit

    # --- the turnover -------------------------------------------------------------------------------------------------

    @cached_property
    def _leaving(self) -> Mapping[tuple[str, str, str | None], date]:
        """Who leaves the last grade, and on which last school day: by source, person there, and school form."""
        copies = self.turnover.copies if self.turnover is not None else ()
        ties = [self._copied(copy, copy.record) for copy in copies if isinstance(copy.record, MembershipRecord)]
        days = [
            (_schooled_as(tie), cast("date", tie.copied_on))
            for tie in ties
            if tie.is_compulsory and index_of(tie, self.today) == LEAVING_GRADE_INDEX
        ]
        return dict(sorted(days, key=lambda found: found[1]))

    def rows(self, person: Person) -> tuple[Tie, ...]:
        """What the registers say of a person; who leaves the last grade ends with the year, whatever they say."""
        rows = (self.tie(known, cast("MembershipRecord", known.record)) for known in person.memberships)
        return tuple([self._ended_with_the_year(row) for row in rows])

    def copies(self, person: Person) -> tuple[Tie, ...]:
        """A person's memberships of the last school day, which hold until the year turns."""
        copies = (self._copied(known, cast("MembershipRecord", known.record)) for known in person.copies)
        return tuple([self._ended_with_the_year(copy) for copy in copies])

    def judged(self, person: Person, rows: tuple[Tie, ...]) -> tuple[Tie, ...]:
        """What is judged of a person: *rows*, or the copies in place of those of school, until the year turns."""
        turnover = self.frozen
        if turnover is None:
            return rows
        copies = self.copies(person)
        # What ended before the last school day moves nothing and tells when somebody left.
        return copies + tuple(
            [
                row
                for row in rows
                if row.type is MembershipType.EMPLOYMENT
                or (row.type is MembershipType.GROUP and not copies)
                or row.holds_until < turnover.last_school_day
            ]
        )

    def is_to_come(self, row: Tie) -> bool:
        """Whether a membership begins later than what is judged; in the break, later than the copies."""
        day = self.days.of(row)
        if self.frozen is not None and row.type is not MembershipType.EMPLOYMENT:
            day = self.frozen.last_school_day
        return day < row.first <= row.last

    def _copied(self, known: Known, record: MembershipRecord) -> Tie:
        assert self.turnover is not None, "there are no copies without a turnover"
        day = self.turnover.last_school_day
        copy = replace(self.tie(known, record), holds_until=date.max, copied_on=day)
        if record.end is None or record.end.year == day.year or not copy.is_compulsory:
            return copy
        # Of somebody who left with an earlier year, and whose row is in the register still.
        earlier = replace(copy, holds_until=record.end, copied_on=record.end)
        return earlier if index_of(earlier, record.end) == LEAVING_GRADE_INDEX else copy

    def _ended_with_the_year(self, tie: Tie) -> Tie:
        if not self._leaving or not tie.is_compulsory:
            return tie
        day = self._leaving.get(_schooled_as(tie))
        if day is None or tie.first > day:
            return tie
        return replace(tie, last=min(tie.last, day), holds_until=min(tie.holds_until, day))

    # --- one membership -----------------------------------------------------------------------------------------------

    def tie(self, known: Known, record: MembershipRecord) -> Tie:
        """The membership with its days, its unit and its weight."""
        part = self.parts.get((known.source, known.part))
        place = self.place(known.source, record)
        last = self._last(known, record)
        tie = Tie(
            known=known,
            record=record,
            unit=place.unit,
            foreign=place.foreign,
            counts=part is not None and part.counts and _is_in_scope(place.unit, part),
            form=(record.school_form or "").strip().upper() or None,
            first=record.start or date.min,
            last=last,
            holds_until=last if self._is_believed(last, known) else date.max,
        )
        return tie if place.ending is None else self._ended_with_its_organisation(tie, place.ending)

    def _is_believed(self, last: date, known: Known) -> bool:
        """Whether something ends on *last*: a day to come is announced, one that has passed must be confirmed."""
        part = self.parts.get((known.source, known.part))
        return known.gone or part is None or last >= self.today or _has_spoken_after(last, known, part)

    def _ended_with_its_organisation(self, tie: Tie, ending: Known) -> Tie:
        """No membership outlives its organisation; one that still runs is not shortened by an end to come.

        An end to come is none of the membership's own: who is employed without an end is not on a fixed term since his
        school will close, and is perhaps moved.
        """
        day = cast("UnitRecord", ending.record).end or date.max
        is_over = day < max(tie.first, self.days.of(tie)) and self._is_believed(day, ending)
        if not is_over or day >= tie.holds_until:
            return tie
        return replace(tie, last=min(tie.last, day), holds_until=day, closed_on=day)

    def _last(self, known: Known, record: MembershipRecord) -> date:
        last = record.end or date.max
        if not known.gone or known.absent_since is None:
            return last
        missed = local_day(known.absent_since, self.policy.time_zone)
        return min(last, missed - timedelta(days=1))


def _is_in_scope(unit: str, part: PartState) -> bool:
    """Whether a part that counts does so at *unit*; where a unit is unknown, no other part can be the one that does."""
    return not part.counts_at or unit in part.counts_at or unit == UNPLACED


def _schooled_as(tie: Tie) -> tuple[str, str, str | None]:
    return (tie.known.source, tie.record.person, tie.form)


def index_of(tie: Tie, day: date) -> int | None:
    """The grade index on *day*: six-year-olds 0, leavers 9, förskola below; None where none is known.

    A copy's is the one it had on the last school day: the labels of the ten-year school come in the middle of a break.
    """
    if tie.form == FS:
        return YOUNGER_THAN_ANY_YEAR
    if tie.form == FKLASS:
        return 0
    year = tie.record.year
    return None if year is None or not 0 <= year <= HIGHEST_YEAR else grade_index(year, tie.copied_on or day)


def _has_spoken_after(day: date, known: Known, part: PartState) -> bool:
    as_of = part.as_of if known.scope is None else part.scope_as_of.get(known.scope, part.as_of)
    return as_of is not None and as_of > day


def employments_on(day: date, ties: Iterable[Tie], bench: Bench) -> tuple[Current, ...]:
    """The employments that count on *day*: those that run, and the last of a stretch that bridges or outlasts it."""
    joinable = []
    found = []
    for tie in ties:
        if tie.record.employment_form in _JOINABLE and date.min < tie.first <= tie.last:
            joinable.append(tie)
        elif tie.holds_on(day):
            found.append(Current(tie, tie.first, tie.last))
    for stretch in _stretches(joinable, bench):
        found.extend(_current_of(stretch, day, bench))
    return tuple(found)


def _stretches(ties: Sequence[Tie], bench: Bench) -> list[list[Tie]]:
    """Terms in order, those that adjoin in one list: at most seven free days between, a summer break not counted.

    Another principal's adjoin none of ours, and nothing adjoins what has no end: it runs beside it.
    """
    stretches: list[list[Tie]] = []
    newest: Tie | None = None  # the tie that ends last of the stretch at hand
    for tie in sorted(ties, key=lambda tie: (tie.foreign, tie.first, tie.last, tie.known.ref)):
        if newest is not None and _adjoins(newest, tie, bench):
            stretches[-1].append(tie)
            newest = max(newest, tie, key=lambda tie: tie.last)
        else:
            stretches.append([tie])
            newest = tie
    return stretches


def _adjoins(earlier: Tie, later: Tie, bench: Bench) -> bool:
    if earlier.foreign != later.foreign or earlier.last == date.max:
        return False
    return _free_days(earlier, later, bench) <= FREE_DAYS_BETWEEN_TERMS


def _free_days(earlier: Tie, later: Tie, bench: Bench) -> int:
    free = (later.first - earlier.last).days - 1
    if free <= FREE_DAYS_BETWEEN_TERMS:
        return free
    summer = bench.calendar(earlier.unit).summer_break(earlier.last)
    return free - _days_within(summer, earlier.last, later.first) if summer else free


def _days_within(summer: SummerBreak, after: date, before: date) -> int:
    """How many days strictly between the two are days of the break."""
    first, last = max(after, summer.last_school_day), min(before, summer.first_school_day)
    return max(0, (last - first).days - 1)


def _current_of(stretch: Sequence[Tie], day: date, bench: Bench) -> list[Current]:
    newest = max(stretch, key=lambda tie: tie.last)
    first, last, is_joined = stretch[0].first, newest.last, len(stretch) > 1
    summer = _summer_it_may_return_after(newest, bench)
    until = summer.turnover_until if summer else None
    near = summer.last_school_day if summer else None
    counting = [tie for tie in stretch if tie.holds_on(day)]
    if not counting and first <= day <= max(last, until or last):
        begun = [tie for tie in stretch if tie.first <= day]
        counting = [max(begun, key=lambda tie: tie.last)]
    return [Current(tie, first, last, is_joined, until, near) for tie in counting]


def _is_permanent(record: MembershipRecord) -> bool:
    """By its form; where its roster has none, by an open end, though it has vanished since."""
    if record.employment_form is None:
        return record.end is None
    return record.employment_form is EmploymentForm.PERMANENT


def _summer_it_may_return_after(tie: Tie, bench: Bench) -> SummerBreak | None:
    # To an organisation that has ended nobody returns.
    if _is_permanent(tie.record) or tie.last == date.max or tie.closed_on is not None:
        return None
    summer = bench.calendar(tie.unit).summer_break(tie.last)
    if summer is None or abs((tie.last - summer.last_school_day).days) > DAYS_AROUND_LAST_SCHOOL_DAY:
        return None
    return summer


def schooling_on(day: date, ties: Iterable[Tie], bench: Bench) -> tuple[Current, ...]:
    """The placements and enrolments that count on *day*; of several enrolments that compete only the latest.

    One at another principal's school competes too: a pupil who has moved there is not ours because an old row is open.
    """
    running = [tie for tie in ties if tie.holds_on(day)]
    competing = [tie for tie in running if tie.type is MembershipType.ENROLMENT and tie.form in bench.competing_forms]
    if len(competing) > 1:
        latest = min(competing, key=rank)
        running = [tie for tie in running if tie is latest or tie not in competing]
    return tuple([Current(tie, tie.first, tie.last) for tie in running])


def rank(tie: Tie) -> Rank:
    """Sorts what places a person: the largest share, then the earliest start, then the lowest slug.

    Of pupils and children: the latest start first, and before employments. At equal starts what is ours and mapped
    comes before what is not.
    """
    if tie.type is MembershipType.EMPLOYMENT:
        return (1, -(tie.record.share or 0.0), tie.first.toordinal(), tie.unit == UNPLACED, tie.unit, tie.known.ref)
    return (0, 0.0, -tie.first.toordinal(), tie.foreign or tie.unit == UNPLACED, tie.unit, tie.known.ref)
