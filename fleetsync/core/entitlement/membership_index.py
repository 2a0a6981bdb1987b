"""Turns a person's membership records into spans: when each begins and ends, at which unit, and what counts of it.

Pure. Ends nothing that its source has not been read late enough to confirm, and lets no register that rewrites its
rows before the school year turns move anybody: until the turnover, the copies of the last school day are evaluated.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cached_property
from typing import cast

import msgspec
from msgspec.structs import replace

from fleetsync.core.context import Context
from fleetsync.core.entitlement.spans import (
    LEAVING_GRADE_INDEX,
    EvaluationDates,
    MembershipSpan,
    grade_index_of,
)
from fleetsync.core.model import (
    UNPLACED,
    BelievedRecord,
    GroupRecord,
    MembershipRecord,
    MembershipType,
    PartState,
    Person,
    Turnover,
    UnitRecord,
)
from fleetsync.core.school_forms import ADULT_FORMS, KNOWN_FORMS, UPPER_FORMS


class MembershipLocation(msgspec.Struct, frozen=True):
    """Where a membership is. `ending`: the organisation whose last day is the membership's last day too."""

    unit: str
    foreign: bool
    ending: BelievedRecord | None


class MembershipIndex(msgspec.Struct, frozen=True, dict=True):
    """The spans of memberships under one context; made once, since locations and leavers are looked up many times."""

    context: Context

    @cached_property
    def evaluation_dates(self) -> EvaluationDates:
        """The days as of which memberships are evaluated today."""
        turnover, today = self.context.turnover, self.context.today
        if turnover is None or turnover.turned_at is None:
            return EvaluationDates.on(today)
        return EvaluationDates(today, max(today, turnover.first_school_day))

    @property
    def pending_turnover(self) -> Turnover | None:
        """The turnover whose copies are evaluated: one that has begun and not turned."""
        turnover = self.context.turnover
        return turnover if turnover is not None and turnover.turned_at is None else None

    @cached_property
    def known_forms(self) -> frozenset[str]:
        """School forms that are known: those of the standards, and those that a rule names."""
        return KNOWN_FORMS.union(*(rule.who.school_forms for rule in self.context.policy.entitlements))

    @cached_property
    def competing_forms(self) -> frozenset[str]:
        """The forms of which one enrolment counts at a time: those that today's rules name, and the forms after them."""
        enrolled = (rule.who for rule in self.context.rules if MembershipType.ENROLMENT in rule.who.memberships)
        return UPPER_FORMS.union(ADULT_FORMS, *(who.school_forms for who in enrolled))

    # --- where --------------------------------------------------------------------------------------------------------

    @cached_property
    def _locations(self) -> dict[tuple[str, tuple[str, ...], str | None, str | None], MembershipLocation]:
        return {}

    def location(self, source: str, record: MembershipRecord) -> MembershipLocation:
        """A membership's unit (`unplaced` when it maps nowhere), whether it is another principal's, and what ends it.

        A membership in a group that names no organisation ends with the group's organisation.
        """
        key = (source, record.codes, record.unit_name, None if record.codes else record.group)
        location = self._locations.get(key)
        if location is None:
            directory = self.context.unit_directory
            slug = directory.of(source, record.codes, record.unit_name)
            foreign = directory.is_foreign(source, record.codes, record.unit_name)
            ending = directory.ending(source, record.codes or self._codes_of_group(source, record.group))
            location = self._locations[key] = MembershipLocation(slug or UNPLACED, foreign, ending)
        return location

    def _codes_of_group(self, source: str, source_id: str | None) -> tuple[str, ...]:
        group = None if source_id is None else self.context.unit_directory.group(source, source_id)
        return () if group is None or group.unit is None else (group.unit,)

    def unit_of_group(self, span: MembershipSpan, group: GroupRecord) -> str:
        """The slug of the unit that a group belongs to: by its register, else by the membership in it."""
        if group.unit is None:
            return span.unit
        return self.context.unit_directory.of(span.known.source, (group.unit,), None) or span.unit

    # --- the turnover -------------------------------------------------------------------------------------------------

    @cached_property
    def _last_days_of_leavers(self) -> Mapping[tuple[str, str, str | None], date]:
        """The last school day of each pupil who leaves the last grade, by source, person there, and school form."""
        copies = self.context.turnover.copies if self.context.turnover is not None else ()
        spans = [
            self._copied_membership(copy, copy.record) for copy in copies if isinstance(copy.record, MembershipRecord)
        ]
        days = [
            (_leaver_key(span), cast("date", span.copied_on))
            for span in spans
            if span.is_compulsory and grade_index_of(span, self.context.today) == LEAVING_GRADE_INDEX
        ]
        return dict(sorted(days, key=lambda leaver_and_day: leaver_and_day[1]))

    def rows(self, person: Person) -> tuple[MembershipSpan, ...]:
        """A person's memberships as the registers give them, except that pupils of the last grade end with the year."""
        rows = (self.span(known, cast("MembershipRecord", known.record)) for known in person.memberships)
        return tuple([self._ended_with_the_year(row) for row in rows])

    def copies(self, person: Person) -> tuple[MembershipSpan, ...]:
        """Copies of a person's memberships on the last school day; they hold until the school year turns."""
        copies = (self._copied_membership(known, cast("MembershipRecord", known.record)) for known in person.copies)
        return tuple([self._ended_with_the_year(copy) for copy in copies])

    def evaluated_memberships(self, person: Person, rows: tuple[MembershipSpan, ...]) -> tuple[MembershipSpan, ...]:
        """The memberships to evaluate: *rows*, or, until the school year turns, the copies in place of the school rows."""
        turnover = self.pending_turnover
        if turnover is None:
            return rows
        copies = self.copies(person)
        # A row that ended before the last school day moves nobody, and shows when a person left.
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
        """Whether a membership begins after the day that is evaluated; in the break, after the last school day."""
        day = self.evaluation_dates.of(row)
        turnover = self.pending_turnover
        if turnover is not None and row.type is not MembershipType.EMPLOYMENT:
            day = turnover.last_school_day
        return day < row.first <= row.last

    def _copied_membership(self, known: BelievedRecord, record: MembershipRecord) -> MembershipSpan:
        turnover = self.context.turnover
        assert turnover is not None, "there are no copies without a turnover"
        day = turnover.last_school_day
        copy = replace(self.span(known, record), holds_until=date.max, copied_on=day)
        if record.end is None or record.end.year == day.year or not copy.is_compulsory:
            return copy
        # The copy of a pupil who left with an earlier year and whose row is still in the register.
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
        """The span of a membership record: its days, its unit, and whether it counts."""
        part = self.context.part_of(known)
        location = self.location(known.source, record)
        last = self._last_day(known, record)
        span = MembershipSpan(
            known=known,
            record=record,
            unit=location.unit,
            foreign=location.foreign,
            counts=part is not None and part.counts and _is_in_scope(location.unit, part),
            form=(record.school_form or "").strip().upper() or None,
            first=record.start or date.min,
            last=last,
            holds_until=last if self._is_end_confirmed(last, known) else date.max,
        )
        return span if location.ending is None else self._ended_with_its_organisation(span, location.ending)

    def _is_end_confirmed(self, last: date, known: BelievedRecord) -> bool:
        """Whether an end on *last* is to be believed: a day to come is, one that has passed only once its part was read later."""
        part = self.context.part_of(known)
        return known.gone or part is None or last >= self.context.today or self._was_read_after(last, known, part)

    def _was_read_after(self, day: date, known: BelievedRecord, part: PartState) -> bool:
        known_until = self.context.record_known_until(known, part)
        return known_until is not None and known_until > day

    def _ended_with_its_organisation(self, span: MembershipSpan, ending: BelievedRecord) -> MembershipSpan:
        """Ends a membership with its organisation, once that has ended; an end to come shortens nothing.

        A person who is employed without an end is not on a fixed term because the school will close: they may be moved.
        """
        day = cast("UnitRecord", ending.record).end or date.max
        is_over = day < max(span.first, self.evaluation_dates.of(span)) and self._is_end_confirmed(day, ending)
        if not is_over or day >= span.holds_until:
            return span
        return replace(span, last=min(span.last, day), holds_until=day, closed_on=day)

    def _last_day(self, known: BelievedRecord, record: MembershipRecord) -> date:
        last = record.end or date.max
        if not known.gone or known.absent_since is None:
            return last
        missed = self.context.local_day(known.absent_since)
        return min(last, missed - timedelta(days=1))


def _is_in_scope(unit: str, part: PartState) -> bool:
    """Whether a part that counts does so at *unit*. At an unknown unit every such part does: no other part is known to."""
    return not part.counts_at or unit in part.counts_at or unit == UNPLACED


def _leaver_key(span: MembershipSpan) -> tuple[str, str, str | None]:
    return (span.known.source, span.record.person, span.form)
