"""The demo's own school days are written by hand and equal the calendar that ships for Exempelby."""

from datetime import date, timedelta
from itertools import pairwise

import pytest

from fleetsync.demo.days import PRESCHOOLS, SCHOOLS, WORLD_BEGINS, WORLD_ENDS, days_between
from fleetsync.demo.editions import LIST_DAYS, STAFF_FILE_DAYS, counts_until, edition_from, edition_on
from fleetsync.schedule import load_calendars, shipped_calendar


@pytest.fixture(scope="module")
def shipped():
    return load_calendars(shipped_calendar("exempelby"))


@pytest.mark.parametrize("which", ["default", "preschool"])
def test_each_day_is_what_the_shipped_calendar_says_it_is(shipped, which):
    ours = {"default": SCHOOLS, "preschool": PRESCHOOLS}[which]
    theirs = getattr(shipped, which)

    for day in days_between(WORLD_BEGINS, WORLD_ENDS):
        assert ours.is_open(day) == theirs.is_school_day(day), day
        assert ours.is_in_break(day) == theirs.is_in_break(day), day


def test_days_are_counted_from_the_day_after():
    friday = date(2026, 10, 2)

    assert SCHOOLS.after(friday, 1) == date(2026, 10, 5)
    assert SCHOOLS.between(friday, SCHOOLS.after(friday, 16)) == 16
    assert SCHOOLS.nth(date(2027, 8, 14), 10) == date(2027, 8, 27)


def test_what_is_left_before_an_end_is_counted_with_the_end():
    end = date(2026, 9, 30)
    first = SCHOOLS.first_day_with_left(end, 15)

    assert SCHOOLS.between(first, end) == 15
    assert SCHOOLS.between(first - timedelta(days=1), end) == 16


def test_an_end_is_seen_in_the_first_file_of_a_later_day():
    assert counts_until(date(2026, 11, 10)) == date(2026, 11, 30)
    assert counts_until(date(2026, 9, 30)) == date(2026, 9, 30)


def test_a_staff_file_came_more_than_five_weeks_after_the_previous_one():
    gaps = {(later - earlier).days for earlier, later in pairwise(STAFF_FILE_DAYS)}

    assert max(gaps) == 36
    assert edition_on(STAFF_FILE_DAYS, date(2026, 3, 8)) == date(2026, 2, 1)


def test_the_list_of_computers_is_made_on_mondays():
    assert {day.weekday() for day in LIST_DAYS} == {0}
    assert edition_from(LIST_DAYS, date(2026, 11, 24)) == date(2026, 11, 30)
    assert edition_from(LIST_DAYS, WORLD_ENDS) == WORLD_ENDS + timedelta(days=1)
