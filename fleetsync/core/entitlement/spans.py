"""A membership with its days, its unit and its school form, as the entitlement rules look at it.

Pure. Values only: `MembershipIndex` makes them from records, and `counting` tells which of them count on a day.
"""

from datetime import date

import msgspec

from fleetsync.core.calendar import grade_index
from fleetsync.core.model import UNPLACED, BelievedRecord, MembershipRecord, MembershipType
from fleetsync.core.school_forms import CHILD_FORMS, FKLASS, FS, GRADED_FORMS, KNOWN_FORMS

PRESCHOOL_GRADE_INDEX = -1  # förskola has no years; its children are below the first
HIGHEST_YEAR = 11  # of specialskola in the ten-year school
LEAVING_GRADE_INDEX = 9
SCHOOL_MEMBERSHIP_TYPES = frozenset({MembershipType.ENROLMENT, MembershipType.PLACEMENT})

MainMembershipKey = tuple[int, float, int, bool, str, tuple[str, str, str]]


class MembershipSpan(msgspec.Struct, frozen=True):
    """A membership record with its first and last day, its unit, and whether it can entitle.

    An unknown first day is `date.min`, an open end `date.max`.
    """

    known: BelievedRecord
    record: MembershipRecord
    unit: str
    foreign: bool  # at an organisation of another principal: it entitles nobody
    counts: bool  # its part founds entitlements; False: it is a witness
    form: str | None  # school form, in capitals
    first: date
    last: date  # of a record that vanished: the day before it was first missed
    holds_until: date  # as `last`, or open when that day has passed and its part has shown nothing newer
    copied_on: date | None = None  # of a turnover's copy: the last school day, by which its year is read
    closed_on: date | None = None  # the last day of its organisation, when that came before its own

    @property
    def type(self) -> MembershipType:
        """The membership's type."""
        return self.record.membership

    @property
    def can_entitle(self) -> bool:
        """Whether it can entitle or place a person: its source counts, and its organisation is ours."""
        return self.counts and not self.foreign and self.record.membership is not MembershipType.GROUP

    @property
    def is_child(self) -> bool:
        """Whether it is of förskola or förskoleklass; a placement of unknown form is taken to be."""
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
        """Whether *day* lies within the leave that its source gives; a missing end is open."""
        begins, ends = self.record.leave_from, self.record.leave_to
        if begins is None and ends is None:
            return False
        return (begins or date.min) <= day <= (ends or date.max)


class CountingMembership(msgspec.Struct, frozen=True):
    """A membership that counts on a day, with the days of the whole stretch of adjoining terms that it is part of."""

    span: MembershipSpan
    first: date
    last: date
    is_joined: bool = False  # several adjoining terms make the stretch
    may_return_until: date | None = None  # a fixed term that may return counts on until then
    near_last_school_day: date | None = None  # the last school day that it ends near
    unreadable: tuple[str, str] | None = None  # field and source that may make another membership count, or other days


class EvaluationDates(msgspec.Struct, frozen=True):
    """Evaluation dates. After the turnover and before the term starts, school memberships are evaluated as of the first
    school day; employments always as of the day itself.
    """

    employment_day: date
    schooling_day: date

    @classmethod
    def on(cls, day: date) -> "EvaluationDates":
        """The same day for employments and school memberships."""
        return cls(day, day)

    def of(self, span: MembershipSpan) -> date:
        """The day as of which a membership is evaluated."""
        return self.employment_day if span.type is MembershipType.EMPLOYMENT else self.schooling_day


def grade_index_of(span: MembershipSpan, day: date) -> int | None:
    """The grade index on *day*: six-year-olds 0, leavers 9, förskola below 0; None where it is not known.

    A copy keeps the index of the last school day: the year labels of the ten-year school change in the middle of a break.
    """
    if span.form == FS:
        return PRESCHOOL_GRADE_INDEX
    if span.form == FKLASS:
        return 0
    year = span.record.year
    return None if year is None or not 0 <= year <= HIGHEST_YEAR else grade_index(year, span.copied_on or day)


def main_membership_key(span: MembershipSpan) -> MainMembershipKey:
    """Sort key whose smallest value is the membership that places a person.

    Of employments: the largest share, then the earliest start, then the lowest slug. Memberships of pupils and children
    come before employments, the latest start first; of equal starts, those at a unit of ours come first.
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
