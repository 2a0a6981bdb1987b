"""Which memberships count on a day: adjoining terms are joined, and of competing enrolments one counts.

Pure. Refuses to guess the length of a term whose first day is unknown.
"""

from collections.abc import Iterable, Sequence
from datetime import date

from fleetsync.core.calendar import SummerBreak
from fleetsync.core.context import Context
from fleetsync.core.entitlement.membership_index import MembershipIndex
from fleetsync.core.entitlement.spans import CountingMembership, MembershipSpan, main_membership_key
from fleetsync.core.model import EmploymentForm, MembershipRecord, MembershipType

MAX_FREE_DAYS_BETWEEN_TERMS = 7
MAX_DAYS_FROM_LAST_SCHOOL_DAY = 14
# A term of these forms can continue another; None is a roster without the field.
_JOINABLE_EMPLOYMENT_FORMS = frozenset({EmploymentForm.PERMANENT, EmploymentForm.FIXED, None})


def employments_on(day: date, spans: Iterable[MembershipSpan], context: Context) -> tuple[CountingMembership, ...]:
    """The employments that count on *day*: those that run, and the last term of a stretch that bridges or outlasts it."""
    joinable = []
    counting = []
    for span in spans:
        is_dated = date.min < span.first or "start" in span.record.unreadable
        if span.record.employment_form in _JOINABLE_EMPLOYMENT_FORMS and is_dated and span.first <= span.last:
            joinable.append(span)
        elif span.holds_on(day):
            counting.append(CountingMembership(span, span.first, span.last))
    for stretch in _stretches(joinable, context):
        counting.extend(_counting_in_stretch(stretch, day, context))
    return tuple(counting)


def _stretches(spans: Sequence[MembershipSpan], context: Context) -> list[list[MembershipSpan]]:
    """Terms in order, adjoining ones in one list: at most seven free days between, the summer break not counted.

    Terms at another principal adjoin none of ours, and nothing adjoins a term without an end: it runs beside it.
    """
    if len(spans) == 1:
        return [list(spans)]
    stretches: list[list[MembershipSpan]] = []
    newest: MembershipSpan | None = None  # the term of the current stretch that ends last
    for span in sorted(spans, key=lambda span: (span.foreign, span.first, span.last, span.known.ref)):
        if newest is not None and _adjoins(newest, span, context):
            stretches[-1].append(span)
            newest = max(newest, span, key=lambda span: span.last)
        else:
            stretches.append([span])
            newest = span
    return stretches


def _adjoins(earlier: MembershipSpan, later: MembershipSpan, context: Context) -> bool:
    if earlier.foreign != later.foreign or earlier.last == date.max:
        return False
    return _free_days(earlier, later, context) <= MAX_FREE_DAYS_BETWEEN_TERMS


def _free_days(earlier: MembershipSpan, later: MembershipSpan, context: Context) -> int:
    free = (later.first - earlier.last).days - 1
    if free <= MAX_FREE_DAYS_BETWEEN_TERMS:
        return free
    summer = context.calendar_of(earlier.unit).summer_break(earlier.last)
    return free - _days_within(summer, earlier.last, later.first) if summer else free


def _days_within(summer: SummerBreak, after: date, before: date) -> int:
    """How many days strictly between *after* and *before* are days of the summer break."""
    first, last = max(after, summer.last_school_day), min(before, summer.first_school_day)
    return max(0, (last - first).days - 1)


def _counting_in_stretch(stretch: Sequence[MembershipSpan], day: date, context: Context) -> list[CountingMembership]:
    newest = max(stretch, key=lambda span: span.last)
    first, last, is_joined = stretch[0].first, newest.last, len(stretch) > 1
    summer = _summer_it_may_return_after(newest, context)
    until = summer.turnover_until if summer else None
    near = summer.last_school_day if summer else None
    counting = [span for span in stretch if span.holds_on(day)]
    if not counting and first <= day <= max(last, until or last):
        begun = [span for span in stretch if span.first <= day]
        counting = [max(begun, key=lambda span: span.last)]
    unreadable = _first_unreadable(stretch, ("start", "end", "employment_form"))
    return [CountingMembership(span, first, last, is_joined, until, near, unreadable) for span in counting]


def _first_unreadable(spans: Iterable[MembershipSpan], fields: Sequence[str]) -> tuple[str, str] | None:
    """The first of *fields* that any of *spans* has and that could not be read, with its source."""
    unread_fields = (
        (field, span.known.source) for span in spans for field in fields if field in span.record.unreadable
    )
    return next(unread_fields, None)


def _is_permanent(record: MembershipRecord) -> bool:
    """By its employment form; where the roster has no such field, by its open end, even if the row has vanished since."""
    if record.employment_form is None:
        return record.end is None
    return record.employment_form is EmploymentForm.PERMANENT


def _summer_it_may_return_after(span: MembershipSpan, context: Context) -> SummerBreak | None:
    # Nobody returns to an organisation that has ended.
    if _is_permanent(span.record) or span.last == date.max or span.closed_on is not None:
        return None
    summer = context.calendar_of(span.unit).summer_break(span.last)
    if summer is None or abs((span.last - summer.last_school_day).days) > MAX_DAYS_FROM_LAST_SCHOOL_DAY:
        return None
    return summer


def school_memberships_on(
    day: date, spans: Iterable[MembershipSpan], index: MembershipIndex
) -> tuple[CountingMembership, ...]:
    """The placements and enrolments that count on *day*; of several competing enrolments only the latest.

    An enrolment at another principal's school competes too: a pupil who has moved there is not ours because an old row
    is still open.
    """
    running = [span for span in spans if span.holds_on(day)]
    competing = [span for span in running if span.type is MembershipType.ENROLMENT and _competes(span, index)]
    unreadable: dict[tuple[str, str, str], tuple[str, str] | None] = {}
    if len(competing) > 1:
        latest = min(competing, key=main_membership_key)
        running = [span for span in running if span is latest or span not in competing]
        # Which of them began last cannot be told when the first day or the form of one could not be read.
        unreadable[latest.known.ref] = _first_unreadable(competing, ("start", "school_form"))
    return tuple(
        [CountingMembership(span, span.first, span.last, unreadable=unreadable.get(span.known.ref)) for span in running]
    )


def _competes(span: MembershipSpan, index: MembershipIndex) -> bool:
    return span.form in index.competing_forms or "school_form" in span.record.unreadable
