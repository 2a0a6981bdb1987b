"""School days, breaks and school years, compared with a slow and obvious count of single days."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fleetsync.core.calendar import (
    Calendar,
    Calendars,
    ClosedPeriod,
    Term,
    add_months,
    grade_index,
    is_longer_than_months,
    local_day,
    school_year,
)

DAY = timedelta(days=1)


def day(text: str) -> date:
    return date.fromisoformat(text)


def term(first: str, last: str) -> Term:
    return Term(day(first), day(last))


# Easter Monday 2027 is 29 March; Christmas Day 2026 and Epiphany 2027 fall on weekdays outside of the terms.
CALENDAR = Calendar(
    terms=(term("2026-08-17", "2026-12-18"), term("2027-01-11", "2027-06-11"), term("2027-08-16", "2027-12-17")),
    closed=(
        ClosedPeriod(day("2026-10-26"), day("2026-10-30"), "höstlov"),
        ClosedPeriod(day("2026-11-20"), day("2026-11-20"), "studiedag"),
        ClosedPeriod(day("2027-03-30"), day("2027-04-02"), "påsklov"),
    ),
    holidays=frozenset(
        day(text)
        for text in ("2026-12-25", "2027-01-06", "2027-03-28", "2027-03-29", "2027-05-06", "2028-04-14", "2028-05-01")
    ),
)
LAST_ONLY_SPRING = Calendar(terms=(term("2027-01-11", "2027-06-11"),))
FIRST_ONLY_AUTUMN = Calendar(terms=(term("2026-08-17", "2026-12-18"),))
PRESCHOOL = Calendar(
    terms=(term("2026-07-01", "2027-06-30"),),
    closed=(ClosedPeriod(day("2026-07-06"), day("2026-07-24"), "sommarstängt"),),
    is_year_round=True,
)
WITHOUT_TERMS = Calendar(holidays=frozenset({day("2026-12-25")}))

days = st.dates(day("2025-01-01"), day("2030-12-31"))


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """Up to four terms in order, with closed stretches and public holidays anywhere."""
    first = draw(st.dates(day("2026-01-01"), day("2026-12-31")))
    terms = []
    for _ in range(draw(st.integers(0, 4))):
        last = first + timedelta(days=draw(st.integers(0, 160)))
        terms.append(Term(first, last))
        first = last + timedelta(days=draw(st.integers(1, 90)))
    closed = draw(st.lists(st.tuples(days, st.integers(0, 20)), max_size=5))
    return Calendar(
        terms=tuple(terms),
        closed=tuple(ClosedPeriod(start, start + timedelta(days=more), "lov") for start, more in closed),
        holidays=draw(st.frozensets(days, max_size=20)),
        is_year_round=draw(st.booleans()),
    )


def days_after(earlier: date, later: date) -> list[date]:
    return [earlier + timedelta(days=number + 1) for number in range((later - earlier).days)]


def is_closed(calendar: Calendar, some: date) -> bool:
    return any(period.first <= some <= period.last for period in calendar.closed)


# ------------------------------------------------------------------------------------------------- school days


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-08-17", True),  # first day of the term
        ("2026-08-16", False),
        ("2026-12-18", True),  # last day of the term
        ("2026-12-21", False),  # between terms
        ("2026-09-05", False),  # Saturday
        ("2026-09-06", False),  # Sunday
        ("2026-10-28", False),  # höstlov
        ("2027-05-06", False),  # public holiday within the term
        ("2027-07-01", False),  # summer
    ],
)
def test_a_school_day_is_a_weekday_in_a_term_neither_closed_nor_a_public_holiday(text: str, expected: bool) -> None:
    assert CALENDAR.is_school_day(day(text)) is expected


@given(calendars(), days)
def test_within_a_term_a_school_day_is_always_an_open_weekday(calendar: Calendar, some: date) -> None:
    is_open = some.weekday() < 5 and some not in calendar.holidays and not is_closed(calendar, some)

    if calendar.term_of(some) is not None:
        assert calendar.is_school_day(some) is is_open


@given(calendars(), days, days)
def test_school_days_between_always_counts_the_school_days_one_by_one(
    calendar: Calendar, earlier: date, later: date
) -> None:
    one_by_one = sum(map(calendar.is_school_day, days_after(earlier, later)))

    assert calendar.school_days_between(earlier, later) == one_by_one


@given(calendars(), st.tuples(days, days, days).map(sorted))
def test_school_days_always_add_up(calendar: Calendar, three: list[date]) -> None:
    first, second, third = three

    whole = calendar.school_days_between(first, third)

    assert whole == calendar.school_days_between(first, second) + calendar.school_days_between(second, third)


@given(calendars(), days, days)
def test_school_days_never_fall_with_a_later_day(calendar: Calendar, earlier: date, later: date) -> None:
    difference = calendar.school_days_between(earlier, later + DAY) - calendar.school_days_between(earlier, later)

    assert difference in {0, 1}


@given(calendars(), days, days)
def test_no_school_days_lie_between_a_day_and_an_earlier_or_equal_day(
    calendar: Calendar, first: date, second: date
) -> None:
    assert calendar.school_days_between(max(first, second), min(first, second)) == 0


@given(calendars(), days, st.integers(1, 400))
def test_adding_school_days_always_lands_on_the_school_day_that_counts_so_many(
    calendar: Calendar, start: date, number: int
) -> None:
    reached = calendar.add_school_days(start, number)

    assert calendar.is_school_day(reached)
    assert calendar.school_days_between(start, reached) == number


@given(calendars(), days)
def test_adding_no_school_days_gives_the_same_day(calendar: Calendar, start: date) -> None:
    assert calendar.add_school_days(start, 0) == start


def test_school_days_are_not_added_backwards() -> None:
    with pytest.raises(ValueError, match="forwards"):
        CALENDAR.add_school_days(day("2026-09-01"), -1)


@given(calendars(), days)
def test_no_school_day_lies_between_the_last_one_at_a_day_and_the_first_after_it(
    calendar: Calendar, some: date
) -> None:
    last, first = calendar.last_school_day(some), calendar.first_school_day(some)

    assert last <= some < first
    assert calendar.is_school_day(last)
    assert calendar.school_days_between(last, first) == 1


def test_no_school_days_pass_over_the_holidays() -> None:
    assert CALENDAR.school_days_between(day("2026-12-18"), day("2027-01-10")) == 0
    assert CALENDAR.school_days_between(day("2026-12-17"), day("2027-01-12")) == 3


def test_the_tenth_school_day_of_a_term_skips_the_weekend() -> None:
    assert CALENDAR.nth_school_day_of_term(CALENDAR.terms[0], 1) == day("2026-08-17")
    assert CALENDAR.nth_school_day_of_term(CALENDAR.terms[0], 10) == day("2026-08-28")


def test_counting_beyond_a_short_term_goes_on_into_the_next() -> None:
    short = Calendar(terms=(term("2026-08-17", "2026-08-18"), term("2026-09-01", "2026-12-18")))

    assert short.nth_school_day_of_term(short.terms[0], 3) == day("2026-09-01")


# --------------------------------------------------------------------------------------------- without calendar


def test_for_ten_weeks_after_the_last_term_no_day_counts() -> None:
    assert CALENDAR.school_days_between(day("2027-12-17"), day("2027-12-17") + timedelta(days=69)) == 0
    assert not CALENDAR.is_beyond_calendar(day("2027-12-17") + timedelta(days=69))


def test_from_ten_weeks_after_the_last_term_weekdays_count_that_are_no_public_holidays() -> None:
    start = day("2027-12-17") + timedelta(weeks=10)  # Friday, 25 February 2028

    assert CALENDAR.is_beyond_calendar(start)
    assert CALENDAR.is_school_day(start)
    assert CALENDAR.school_days_between(start, start + timedelta(weeks=4)) == 20
    assert CALENDAR.school_days_between(day("2028-04-13"), day("2028-05-01")) == 10  # two holidays, 12 weekdays


def test_for_ten_weeks_before_the_first_term_no_day_counts_and_further_back_weekdays_do() -> None:
    start = day("2026-08-17") - timedelta(weeks=10)  # Monday, 8 June 2026

    assert CALENDAR.is_school_day(start)
    assert CALENDAR.school_days_between(start, day("2026-08-16")) == 0
    assert CALENDAR.school_days_between(start - timedelta(weeks=4), start) == 20


def test_a_scope_open_all_year_counts_weekdays_from_the_day_after_its_calendar() -> None:
    assert not PRESCHOOL.is_beyond_calendar(day("2027-06-30"))
    assert PRESCHOOL.is_beyond_calendar(day("2027-07-01"))
    assert PRESCHOOL.is_school_day(day("2027-07-01"))
    assert PRESCHOOL.is_beyond_calendar(day("2026-06-30"))


def test_a_closed_week_stops_the_preschools_clock_and_the_rest_of_summer_does_not() -> None:
    assert PRESCHOOL.school_days_between(day("2026-07-03"), day("2026-07-26")) == 0
    assert PRESCHOOL.school_days_between(day("2026-07-26"), day("2026-08-16")) == 15


def test_without_any_term_weekdays_always_count_except_public_holidays() -> None:
    assert WITHOUT_TERMS.school_days_between(day("2026-12-18"), day("2027-01-01")) == 9
    assert WITHOUT_TERMS.is_beyond_calendar(day("2026-12-18"))
    assert not WITHOUT_TERMS.is_in_break(day("2026-12-25"))


@given(calendars(), days)
def test_nothing_ever_stops_for_lack_of_a_calendar(calendar: Calendar, start: date) -> None:
    assume(calendar.is_beyond_calendar(start))
    assume(calendar.ends_on is None or start > calendar.ends_on)

    assert calendar.school_days_between(start, start + timedelta(weeks=10)) >= 50 - len(calendar.holidays)


@pytest.mark.parametrize(("before_the_end", "expected"), [(61, False), (60, True), (0, True), (-100, True)])
def test_a_new_calendar_is_due_from_sixty_days_before_the_end(before_the_end: int, expected: bool) -> None:
    assert CALENDAR.ends_on == day("2027-12-17")
    assert CALENDAR.needs_new_calendar(day("2027-12-17") - timedelta(days=before_the_end)) is expected


def test_a_scope_without_terms_needs_a_calendar() -> None:
    assert WITHOUT_TERMS.ends_on is None
    assert WITHOUT_TERMS.needs_new_calendar(day("2026-09-01"))


@pytest.mark.parametrize(
    "terms",
    [
        (term("2026-08-17", "2026-12-18"), term("2026-12-18", "2027-06-11")),
        (term("2027-01-11", "2027-06-11"), term("2026-08-17", "2026-12-18")),
        (term("2026-12-18", "2026-08-17"),),
    ],
)
def test_terms_that_overlap_are_unordered_or_end_before_they_begin_are_no_calendar(terms: tuple[Term, ...]) -> None:
    with pytest.raises(ValueError, match="term"):
        Calendar(terms=terms)


# ------------------------------------------------------------------------------------------------ breaks, terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-10-23", False),  # the last Friday before höstlov
        ("2026-10-24", True),  # the weekend before it belongs to it
        ("2026-10-28", True),
        ("2026-11-01", True),  # so does the Sunday after
        ("2026-11-02", False),
        ("2026-11-20", True),  # a study day on a Friday, and its weekend
        ("2026-11-22", True),
        ("2026-09-05", False),  # an ordinary Saturday
        ("2027-05-06", False),  # a public holiday on a Thursday
        ("2027-03-26", False),  # a school day in this calendar
        ("2027-03-29", True),  # Easter Monday, at the edge of påsklov
        ("2026-12-19", True),
        ("2027-01-10", True),
        ("2027-07-15", True),
        ("2027-12-18", True),  # after the last term
        ("2028-02-24", True),
        ("2028-02-26", False),  # a Saturday once weekdays count
    ],
)
def test_a_break_is_a_period_with_a_weekday_closed_or_outside_of_the_terms(text: str, expected: bool) -> None:
    assert CALENDAR.is_in_break(day(text)) is expected


def test_terms_that_meet_over_a_weekend_have_no_break_between() -> None:
    meeting = Calendar(terms=(term("2026-08-17", "2026-12-18"), term("2026-12-21", "2027-06-11")))

    assert not meeting.is_in_break(day("2026-12-19"))


@given(calendars(), days)
def test_no_school_day_is_ever_in_a_break(calendar: Calendar, some: date) -> None:
    assert not (calendar.is_school_day(some) and calendar.is_in_break(some))


@given(calendars(), days)
def test_a_break_is_always_a_whole_period_with_a_known_weekday_without_school(calendar: Calendar, some: date) -> None:
    stretch = days_after(calendar.last_school_day(some), calendar.first_school_day(some) - DAY)
    shut = [each for each in stretch if each.weekday() < 5 and not calendar.is_beyond_calendar(each)]
    shut = [each for each in shut if calendar.term_of(each) is None or is_closed(calendar, each)]

    assert {calendar.is_in_break(each) for each in stretch} <= {bool(shut)}


def test_a_day_lies_in_a_term_or_between_terms() -> None:
    assert CALENDAR.term_of(day("2026-10-28")) == CALENDAR.terms[0]
    assert CALENDAR.term_of(day("2026-12-24")) is None


def test_the_summer_break_lies_between_the_last_and_the_first_school_day() -> None:
    summer = CALENDAR.summer_break(day("2027-02-01"))

    assert summer is not None
    assert summer.last_school_day == day("2027-06-11")
    assert summer.first_school_day == day("2027-08-16")
    assert summer == CALENDAR.summer_break(day("2027-11-01"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2027-06-10", False), ("2027-06-11", True), ("2027-07-15", True), ("2027-08-27", True), ("2027-08-28", False)],
)
def test_the_turnover_lasts_from_the_last_school_day_to_ten_school_days_into_the_term(
    text: str, expected: bool
) -> None:
    summer = CALENDAR.summer_break(day(text))

    assert summer is not None
    assert summer.is_turnover(day(text)) is expected


def test_a_summer_break_known_on_one_side_only_lasts_ten_weeks() -> None:
    after = LAST_ONLY_SPRING.summer_break(day("2027-06-20"))
    before = FIRST_ONLY_AUTUMN.summer_break(day("2026-07-20"))

    assert after is not None
    assert before is not None
    assert after.first_school_day == day("2027-08-20")
    assert before.last_school_day == day("2026-06-08")
    assert before.first_school_day == day("2026-08-17")


@pytest.mark.parametrize(
    "calendar",
    [WITHOUT_TERMS, PRESCHOOL, FIRST_ONLY_AUTUMN, Calendar(terms=(term("2027-01-11", "2027-12-17"),))],
    ids=["no terms", "open all year", "a year later", "a term over the summer"],
)
def test_there_is_no_summer_break_where_none_is_known(calendar: Calendar) -> None:
    assert calendar.summer_break(day("2027-05-01")) is None


# -------------------------------------------------------------------------------------------------- calendars


def test_a_unit_follows_its_own_calendar_else_that_of_schools_or_preschools() -> None:
    own = Calendar(terms=(term("2026-08-24", "2026-12-18"),))
    all_of_them = Calendars(default=CALENDAR, preschool=PRESCHOOL, units={"bergaskolan": own})

    assert all_of_them.for_unit("bergaskolan", preschool=False) is own
    assert all_of_them.for_unit("bergaskolan", preschool=True) is own
    assert all_of_them.for_unit("vretaskolan", preschool=False) is CALENDAR
    assert all_of_them.for_unit("tallen", preschool=True) is PRESCHOOL


def test_without_configuration_every_unit_counts_weekdays() -> None:
    assert Calendars().for_unit("vretaskolan", preschool=False).is_school_day(day("2026-07-15"))
    assert Calendars().for_unit("tallen", preschool=True).is_school_day(day("2026-07-15"))


# ------------------------------------------------------------------------------- years, grades, months, instants


@pytest.mark.parametrize(("text", "expected"), [("2026-06-30", 2025), ("2026-07-01", 2026), ("2027-01-01", 2026)])
def test_a_school_year_begins_on_the_first_of_july(text: str, expected: int) -> None:
    assert school_year(day(text)) == expected


@given(st.integers(0, 9))
def test_a_grade_index_means_the_same_age_before_and_after_the_ten_year_school(label: int) -> None:
    assert grade_index(label, day("2028-06-30")) == label
    assert grade_index(label + 1, day("2028-07-01")) == label


def test_a_pupil_promoted_in_summer_2028_rises_by_two_labels_and_one_index() -> None:
    assert grade_index(3, day("2028-08-21")) == grade_index(1, day("2028-05-01")) + 1


@pytest.mark.parametrize(
    ("start", "months", "expected"),
    [
        ("2026-08-10", 3, "2026-11-10"),
        ("2026-11-30", 3, "2027-02-28"),
        ("2027-11-30", 3, "2028-02-29"),
        ("2026-10-31", 2, "2026-12-31"),
        ("2026-12-31", 1, "2027-01-31"),
        ("2027-03-31", -1, "2027-02-28"),
        ("2027-01-15", -13, "2025-12-15"),
    ],
)
def test_months_are_whole_and_clipped_to_the_months_end(start: str, months: int, expected: str) -> None:
    assert add_months(day(start), months) == day(expected)


@given(days, st.integers(-60, 60))
def test_adding_months_always_keeps_the_day_of_the_month_or_takes_the_months_last(start: date, months: int) -> None:
    reached = add_months(start, months)

    assert (reached.year - start.year) * 12 + reached.month - start.month == months
    assert reached.day == start.day or (reached.day < start.day and (reached + DAY).day == 1)


def test_three_months_to_the_day_are_not_longer_than_three_months() -> None:
    assert not is_longer_than_months(day("2026-08-10"), day("2026-11-09"), 3)
    assert is_longer_than_months(day("2026-08-10"), day("2026-11-10"), 3)


@given(days, days)
def test_longer_than_three_months_always_means_reaching_the_same_day_three_months_on(start: date, last: date) -> None:
    assert is_longer_than_months(start, last, 3) == (last >= add_months(start, 3))


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        (datetime(2026, 11, 24, 22, 59, tzinfo=UTC), "2026-11-24"),
        (datetime(2026, 11, 24, 23, 0, tzinfo=UTC), "2026-11-25"),
        (datetime(2026, 7, 1, 22, 0, tzinfo=UTC), "2026-07-02"),
        (datetime(2026, 11, 24, 18, 30, tzinfo=timezone(timedelta(hours=-5))), "2026-11-25"),
    ],
)
def test_an_instant_has_the_day_of_its_time_zone(instant: datetime, expected: str) -> None:
    assert local_day(instant, "Europe/Stockholm") == day(expected)


def test_an_instant_without_an_offset_has_no_local_day() -> None:
    with pytest.raises(ValueError, match="offset"):
        local_day(datetime(2026, 11, 24), "Europe/Stockholm")  # noqa: DTZ001 - the naive instant is the case
