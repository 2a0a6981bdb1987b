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
from fleetsync.core.identity import UnitDirectory
from fleetsync.core.model import (
    UNPLACED,
    BelievedRecord,
    EmploymentForm,
    Entitlement,
    GroupRecord,
    MembershipRecord,
    MembershipType,
    Moment,
    PartState,
    Person,
    Policy,
    Turnover,
    UnitRecord,
)

PRESCHOOL_GRADE_INDEX = -1  # förskola has no years; its children are below the first
HIGHEST_YEAR = 11  # of specialskola in the ten-year school
LEAVING_GRADE_INDEX = 9
SCHOOL_MEMBERSHIP_TYPES = frozenset({MembershipType.ENROLMENT, MembershipType.PLACEMENT})
MAX_FREE_DAYS_BETWEEN_TERMS = 7
MAX_DAYS_FROM_LAST_SCHOOL_DAY = 14
# A term of these forms can continue another; None is a roster without the field.
_JOINABLE_EMPLOYMENT_FORMS = frozenset({EmploymentForm.PERMANENT, EmploymentForm.FIXED, None})

MainMembershipKey = tuple[int, float, int, bool, str, tuple[str, str, str]]


class MembershipSpan(msgspec.Struct, frozen=True):
    """A membership with its days, its unit and its weight. Unknown first day: `date.min`; open end: `date.max`."""

    known: BelievedRecord
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
    def can_entitle(self) -> bool:
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


class CountingMembership(msgspec.Struct, frozen=True):
    """A membership that counts on a day, with the whole stretch it is part of."""

    span: MembershipSpan
    first: date
    last: date
    is_joined: bool = False  # several adjoining terms make the stretch
    may_return_until: date | None = None  # a fixed term that may return counts on until then
    near_last_school_day: date | None = None  # the last school day that it ends near


class MembershipLocation(msgspec.Struct, frozen=True):
    """Where a membership is. *ending*: the organisation whose last day is its last too."""

    unit: str
    foreign: bool
    ending: BelievedRecord | None


class EvaluationDates(msgspec.Struct, frozen=True):
    """The days that are judged: school's is the first school day once the year has turned, while it is still to come."""

    employment_day: date
    schooling_day: date

    @classmethod
    def on(cls, day: date) -> "EvaluationDates":
        """One day for all."""
        return cls(day, day)

    def of(self, span: MembershipSpan) -> date:
        """The day on which a membership is judged."""
        return self.employment_day if span.type is MembershipType.EMPLOYMENT else self.schooling_day


class Bench(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """All that is asked while people are judged, made once for all of them."""

    policy: Policy
    calendars: Calendars
    book: UnitDirectory
    parts: Mapping[tuple[str, str], PartState]
    moment: Moment
    turnover: Turnover | None = None

    @property
    def today(self) -> date:
        """The day that is judged."""
        return self.moment.today

    @cached_property
    def days(self) -> EvaluationDates:
        """The days that are judged today."""
        if self.turnover is None or self.turnover.turned_at is None:
            return EvaluationDates.on(self.today)
        return EvaluationDates(self.today, max(self.today, self.turnover.first_school_day))

    @property
    def frozen(self) -> Turnover | None:
        """The turnover whose copies are judged: the one that has not turned."""
        return self.turnover if self.turnover is not None and self.turnover.turned_at is None else None

    @cached_property
    def rules(self) -> tuple[Entitlement, ...]:
        """The rules in force on that day."""
        return self.rules_on(self.today)

    def rules_on(self, day: date) -> tuple[Entitlement, ...]:
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
    def _locations(self) -> dict[tuple[str, tuple[str, ...], str | None, str | None], MembershipLocation]:
        return {}

    def calendar(self, unit: str) -> Calendar:
        """The calendar by which the unit's days are counted."""
        found = self._calendars.get(unit)
        if found is None:
            found = self._calendars[unit] = self.calendars.for_unit(unit, self.book.is_preschool_only(unit))
        return found

    def place(self, source: str, record: MembershipRecord) -> MembershipLocation:
        """A membership's unit (`unplaced` when it maps nowhere), whether it is another principal's, and what ends it.

        Who is in a group without a place of his own is there as long as the group's organisation is.
        """
        key = (source, record.codes, record.unit_name, None if record.codes else record.group)
        found = self._locations.get(key)
        if found is None:
            slug = self.book.of(source, record.codes, record.unit_name)
            foreign = self.book.is_foreign(source, record.codes, record.unit_name)
            ending = self.book.ending(source, record.codes or self._codes_of_group(source, record.group))
            found = self._locations[key] = MembershipLocation(slug or UNPLACED, foreign, ending)
        return found

    def _codes_of_group(self, source: str, source_id: str | None) -> tuple[str, ...]:
        group = None if source_id is None else self.book.group(source, source_id)
        return () if group is None or group.unit is None else (group.unit,)

    def unit_of_group(self, span: MembershipSpan, group: GroupRecord) -> str:
        """The slug of the unit that has a group: by its register, else by the membership in it."""
        if group.unit is None:
            return span.unit
        return self.book.of(span.known.source, (group.unit,), None) or span.unit

    # --- the turnover -------------------------------------------------------------------------------------------------

    @cached_property
    def _last_days_of_leavers(self) -> Mapping[tuple[str, str, str | None], date]:
        """Who leaves the last grade, and on which last school day: by source, person there, and school form."""
        copies = self.turnover.copies if self.turnover is not None else ()
        spans = [
            self._copied_membership(copy, copy.record) for copy in copies if isinstance(copy.record, MembershipRecord)
        ]
        days = [
            (_leaver_key(span), cast("date", span.copied_on))
            for span in spans
            if span.is_compulsory and grade_index_of(span, self.today) == LEAVING_GRADE_INDEX
        ]
        return dict(sorted(days, key=lambda found: found[1]))

    def rows(self, person: Person) -> tuple[MembershipSpan, ...]:
        """What the registers say of a person; who leaves the last grade ends with the year, whatever they say."""
        rows = (self.span(known, cast("MembershipRecord", known.record)) for known in person.memberships)
        return tuple([self._ended_with_the_year(row) for row in rows])

    def copies(self, person: Person) -> tuple[MembershipSpan, ...]:
        """A person's memberships of the last school day, which hold until the year turns."""
        copies = (self._copied_membership(known, cast("MembershipRecord", known.record)) for known in person.copies)
        return tuple([self._ended_with_the_year(copy) for copy in copies])

    def evaluated_memberships(self, person: Person, rows: tuple[MembershipSpan, ...]) -> tuple[MembershipSpan, ...]:
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

    def is_to_come(self, row: MembershipSpan) -> bool:
        """Whether a membership begins later than what is judged; in the break, later than the copies."""
        day = self.days.of(row)
        if self.frozen is not None and row.type is not MembershipType.EMPLOYMENT:
            day = self.frozen.last_school_day
        return day < row.first <= row.last

    def _copied_membership(self, known: BelievedRecord, record: MembershipRecord) -> MembershipSpan:
        assert self.turnover is not None, "there are no copies without a turnover"
        day = self.turnover.last_school_day
        copy = replace(self.span(known, record), holds_until=date.max, copied_on=day)
        if record.end is None or record.end.year == day.year or not copy.is_compulsory:
            return copy
        # Of somebody who left with an earlier year, and whose row is in the register still.
        earlier = replace(copy, holds_until=record.end, copied_on=record.end)
        return earlier if grade_index_of(earlier, record.end) == LEAVING_GRADE_INDEX else copy

    def _ended_with_the_year(self, span: MembershipSpan) -> MembershipSpan:
        if not self._last_days_of_leavers or not span.is_compulsory:
            return span
        day = self._last_days_of_leavers.get(_leaver_key(span))
        if day is None or span.first > day:
            return span
        return replace(span, last=min(span.last, day), holds_until=min(span.holds_until, day))

    # --- one membership -----------------------------------------------------------------------------------------------

    def span(self, known: BelievedRecord, record: MembershipRecord) -> MembershipSpan:
        """The membership with its days, its unit and its weight."""
        part = self.parts.get((known.source, known.part))
        place = self.place(known.source, record)
        last = self._last_day(known, record)
        span = MembershipSpan(
            known=known,
            record=record,
            unit=place.unit,
            foreign=place.foreign,
            counts=part is not None and part.counts and _is_in_scope(place.unit, part),
            form=(record.school_form or "").strip().upper() or None,
            first=record.start or date.min,
            last=last,
            holds_until=last if self._is_end_confirmed(last, known) else date.max,
        )
        return span if place.ending is None else self._ended_with_its_organisation(span, place.ending)

    def _is_end_confirmed(self, last: date, known: BelievedRecord) -> bool:
        """Whether something ends on *last*: a day to come is announced, one that has passed must be confirmed."""
        part = self.parts.get((known.source, known.part))
        return known.gone or part is None or last >= self.today or _was_read_after(last, known, part)

    def _ended_with_its_organisation(self, span: MembershipSpan, ending: BelievedRecord) -> MembershipSpan:
        """No membership outlives its organisation; one that still runs is not shortened by an end to come.

        An end to come is none of the membership's own: who is employed without an end is not on a fixed term since his
        school will close, and is perhaps moved.
        """
        day = cast("UnitRecord", ending.record).end or date.max
        is_over = day < max(span.first, self.days.of(span)) and self._is_end_confirmed(day, ending)
        if not is_over or day >= span.holds_until:
            return span
        return replace(span, last=min(span.last, day), holds_until=day, closed_on=day)

    def _last_day(self, known: BelievedRecord, record: MembershipRecord) -> date:
        last = record.end or date.max
        if not known.gone or known.absent_since is None:
            return last
        missed = local_day(known.absent_since, self.policy.time_zone)
        return min(last, missed - timedelta(days=1))


def _is_in_scope(unit: str, part: PartState) -> bool:
    """Whether a part that counts does so at *unit*; where a unit is unknown, no other part can be the one that does."""
    return not part.counts_at or unit in part.counts_at or unit == UNPLACED


def _leaver_key(span: MembershipSpan) -> tuple[str, str, str | None]:
    return (span.known.source, span.record.person, span.form)


def grade_index_of(span: MembershipSpan, day: date) -> int | None:
    """The grade index on *day*: six-year-olds 0, leavers 9, förskola below; None where none is known.

    A copy's is the one it had on the last school day: the labels of the ten-year school come in the middle of a break.
    """
    if span.form == FS:
        return PRESCHOOL_GRADE_INDEX
    if span.form == FKLASS:
        return 0
    year = span.record.year
    return None if year is None or not 0 <= year <= HIGHEST_YEAR else grade_index(year, span.copied_on or day)


def _was_read_after(day: date, known: BelievedRecord, part: PartState) -> bool:
    as_of = part.as_of if known.scope is None else part.scope_as_of.get(known.scope, part.as_of)
    return as_of is not None and as_of > day


def employments_on(day: date, spans: Iterable[MembershipSpan], bench: Bench) -> tuple[CountingMembership, ...]:
    """The employments that count on *day*: those that run, and the last of a stretch that bridges or outlasts it."""
    joinable = []
    found = []
    for span in spans:
        if span.record.employment_form in _JOINABLE_EMPLOYMENT_FORMS and date.min < span.first <= span.last:
            joinable.append(span)
        elif span.holds_on(day):
            found.append(CountingMembership(span, span.first, span.last))
    for stretch in _stretches(joinable, bench):
        found.extend(_counting_in_stretch(stretch, day, bench))
    return tuple(found)


def _stretches(spans: Sequence[MembershipSpan], bench: Bench) -> list[list[MembershipSpan]]:
    """Terms in order, those that adjoin in one list: at most seven free days between, a summer break not counted.

    Another principal's adjoin none of ours, and nothing adjoins what has no end: it runs beside it.
    """
    stretches: list[list[MembershipSpan]] = []
    newest: MembershipSpan | None = None  # the tie that ends last of the stretch at hand
    for span in sorted(spans, key=lambda span: (span.foreign, span.first, span.last, span.known.ref)):
        if newest is not None and _adjoins(newest, span, bench):
            stretches[-1].append(span)
            newest = max(newest, span, key=lambda span: span.last)
        else:
            stretches.append([span])
            newest = span
    return stretches


def _adjoins(earlier: MembershipSpan, later: MembershipSpan, bench: Bench) -> bool:
    if earlier.foreign != later.foreign or earlier.last == date.max:
        return False
    return _free_days(earlier, later, bench) <= MAX_FREE_DAYS_BETWEEN_TERMS


def _free_days(earlier: MembershipSpan, later: MembershipSpan, bench: Bench) -> int:
    free = (later.first - earlier.last).days - 1
    if free <= MAX_FREE_DAYS_BETWEEN_TERMS:
        return free
    summer = bench.calendar(earlier.unit).summer_break(earlier.last)
    return free - _days_within(summer, earlier.last, later.first) if summer else free


def _days_within(summer: SummerBreak, after: date, before: date) -> int:
    """How many days strictly between the two are days of the break."""
    first, last = max(after, summer.last_school_day), min(before, summer.first_school_day)
    return max(0, (last - first).days - 1)


def _counting_in_stretch(stretch: Sequence[MembershipSpan], day: date, bench: Bench) -> list[CountingMembership]:
    newest = max(stretch, key=lambda span: span.last)
    first, last, is_joined = stretch[0].first, newest.last, len(stretch) > 1
    summer = _summer_it_may_return_after(newest, bench)
    until = summer.turnover_until if summer else None
    near = summer.last_school_day if summer else None
    counting = [span for span in stretch if span.holds_on(day)]
    if not counting and first <= day <= max(last, until or last):
        begun = [span for span in stretch if span.first <= day]
        counting = [max(begun, key=lambda span: span.last)]
    return [CountingMembership(span, first, last, is_joined, until, near) for span in counting]


def _is_permanent(record: MembershipRecord) -> bool:
    """By its form; where its roster has none, by an open end, though it has vanished since."""
    if record.employment_form is None:
        return record.end is None
    return record.employment_form is EmploymentForm.PERMANENT


def _summer_it_may_return_after(span: MembershipSpan, bench: Bench) -> SummerBreak | None:
    # To an organisation that has ended nobody returns.
    if _is_permanent(span.record) or span.last == date.max or span.closed_on is not None:
        return None
    summer = bench.calendar(span.unit).summer_break(span.last)
    if summer is None or abs((span.last - summer.last_school_day).days) > MAX_DAYS_FROM_LAST_SCHOOL_DAY:
        return None
    return summer


def school_memberships_on(day: date, spans: Iterable[MembershipSpan], bench: Bench) -> tuple[CountingMembership, ...]:
    """The placements and enrolments that count on *day*; of several enrolments that compete only the latest.

    One at another principal's school competes too: a pupil who has moved there is not ours because an old row is open.
    """
    running = [span for span in spans if span.holds_on(day)]
    competing = [
        span for span in running if span.type is MembershipType.ENROLMENT and span.form in bench.competing_forms
    ]
    if len(competing) > 1:
        latest = min(competing, key=main_membership_key)
        running = [span for span in running if span is latest or span not in competing]
    return tuple([CountingMembership(span, span.first, span.last) for span in running])


def main_membership_key(span: MembershipSpan) -> MainMembershipKey:
    """Sorts what places a person: the largest share, then the earliest start, then the lowest slug.

    Of pupils and children: the latest start first, and before employments. At equal starts what is ours and mapped
    comes before what is not.
    """
    if span.type is MembershipType.EMPLOYMENT:
        return (
            1,
            -(span.record.share or 0.0),
            span.first.toordinal(),
            span.unit == UNPLACED,
            span.unit,
            span.known.ref,
        )
    return (0, 0.0, -span.first.toordinal(), span.foreign or span.unit == UNPLACED, span.unit, span.known.ref)
